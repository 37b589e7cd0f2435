// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-stage tables, one behaviour at a time, over each made-up format.
 * Races are in pgtable_race.c, long random runs in pgtable_random.c.
 */
#include "pgtable_machine.h"

#define M2	512ull		/* pages of a leaf of level 1 and 2 */
#define G1	(512 * 512ull)
#define GFN	(3 * G1 + 5 * M2 + 7)
#define PFN	(9 * G1 + 5 * M2 + 7)	/* congruent with GFN up to 1 GiB */

const char *tap_precondition(void)
{
	return NULL;
}

/* @gfn is mapped to @pfn with @prot by a leaf of @level. */
#define CHECK_LEAF(s, gfn, pfn, want_level, prot)			\
	do {								\
		int level_ = -1;					\
		u64 e_ = pgtable_lookup(&(s)->pt, (gfn), &level_);	\
									\
		CHECK_MSG(e_, "%s: gfn %#llx is not mapped",		\
			  (s)->m->name, (unsigned long long)(gfn));	\
		CHECK_EQ(level_, want_level);				\
		CHECK_EQ(machine_pfn((s)->m, e_, level_, (gfn)), pfn);	\
		CHECK_EQ(machine_prot((s)->m, e_, level_), prot);	\
	} while (0)

#define CHECK_HOLE(s, gfn)						\
	do {								\
		int level_;						\
									\
		CHECK_EQ(pgtable_lookup(&(s)->pt, (gfn), &level_), 0);	\
	} while (0)

TEST(map_levels, "a page is mapped at the level wanted, aligned down")
{
	FOR_EACH_MACHINE(m) {
		for (int level = 0; level <= m->f.max_leaf; level++) {
			u64 span = pgt_span(level), base = GFN & ~(span - 1);
			struct space s;

			space_create(&s, m);
			CHECK_EQ(space_map(&s, GFN, PFN, level, m->write), level);
			CHECK(!s.flush);
			CHECK_LEAF(&s, GFN, PFN, level, m->write);
			CHECK_LEAF(&s, base, PFN & ~(span - 1), level, m->write);
			CHECK_LEAF(&s, base + span - 1, PFN | (span - 1), level,
				   m->write);
			CHECK_HOLE(&s, base - 1);
			CHECK_HOLE(&s, base + span);
			CHECK_EQ(s.pt.nr_tables, 1 + m->f.top_level - level);
			/* the same once more changes nothing */
			CHECK_EQ(space_map(&s, GFN, PFN, level, m->write), level);
			CHECK(!s.flush);
			/* ... nor does a smaller one, or one with less rights */
			CHECK_EQ(space_map(&s, GFN, PFN, 0, m->read), level);
			CHECK(!s.flush);
			CHECK_LEAF(&s, GFN, PFN, level, m->write);
			space_destroy(&s);
		}
	}
}

TEST(bounds, "nothing is mapped, found or removed beyond the last gfn")
{
	FOR_EACH_MACHINE(m) {
		u64 end = pgtable_gfn_end(&m->f);
		struct space s;

		space_create(&s, m);
		CHECK_EQ(space_map(&s, end, PFN, 0, m->write), -EFAULT);
		CHECK_EQ(space_map(&s, end + GFN, PFN, 0, m->write), -EFAULT);
		CHECK_EQ(space_map(&s, ~0ull, PFN, 0, m->write), -EFAULT);
		CHECK_EQ(s.pt.nr_tables, 1);
		CHECK_EQ(space_map(&s, end - 1, PFN, 0, m->write), 0);
		CHECK_EQ(space_map(&s, 0, PFN, 0, m->write), 0);
		CHECK_HOLE(&s, end);
		CHECK_HOLE(&s, ~0ull);
		CHECK(!pgtable_unmap(&s.pt, end, ~0ull));
		/* an index too large for its type */
		CHECK(!pgtable_unmap(&s.pt, 1ull << 59, ~0ull));
		CHECK(!pgtable_unmap(&s.pt, 1ull << 50, ~0ull));
		CHECK(!pgtable_unmap(&s.pt, 5, 5));
		CHECK(!pgtable_unmap(&s.pt, 5, 3));
		CHECK_LEAF(&s, 0, PFN, 0, m->write);
		CHECK_LEAF(&s, end - 1, PFN, 0, m->write);
		CHECK(pgtable_unmap(&s.pt, 0, ~0ull));
		CHECK_HOLE(&s, 0);
		CHECK_HOLE(&s, end - 1);
		pgtable_free_unlinked(&s.pt);
		CHECK_EQ(s.pt.nr_tables, 1);
		space_destroy(&s);
	}
}

TEST(rights_grow, "a fault that needs more replaces the entry")
{
	FOR_EACH_MACHINE(m) {
		struct space s;

		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->read ^ m->no_exec), 0);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->read), 0);
		CHECK_LEAF(&s, GFN, PFN, 0, m->read);
		/* nothing was taken away: nothing to flush */
		CHECK(!s.flush);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->write), 0);
		CHECK_LEAF(&s, GFN, PFN, 0, m->write);
		CHECK(!s.flush);
		space_destroy(&s);
	}
}

TEST(rights_shrink, "an entry that gains one right and loses one is flushed")
{
	FOR_EACH_MACHINE(m) {
		struct space s;

		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->write ^ m->no_exec), 0);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->read), 0);
		CHECK_LEAF(&s, GFN, PFN, 0, m->read);
		CHECK(s.flush);
		space_destroy(&s);
	}
}

TEST(type_changes, "another memory type replaces the entry and is flushed")
{
	FOR_EACH_MACHINE(m) {
		for (int level = 0; level <= 1; level++) {
			u64 other = m->read ^ m->other_type;
			struct space s;

			space_create(&s, m);
			CHECK_EQ(space_map(&s, GFN, PFN, level, m->write), level);
			CHECK_EQ(space_map(&s, GFN, PFN, 0, other), 0);
			CHECK(s.flush);
			CHECK_LEAF(&s, GFN, PFN, 0, other);
			if (level)
				CHECK_LEAF(&s, GFN + 1, PFN + 1, 0, m->write);
			space_destroy(&s);
		}
	}
}

TEST(page_changes, "another page replaces the entry and is flushed")
{
	FOR_EACH_MACHINE(m) {
		struct space s;

		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN, PFN, 1, m->write), 1);
		/* in the same 2 MiB of host memory, but not the page mapped */
		CHECK_EQ(space_map(&s, GFN, PFN + 1, 0, m->read), 0);
		CHECK(s.flush);
		CHECK_LEAF(&s, GFN, PFN + 1, 0, m->read);
		CHECK_LEAF(&s, GFN - 1, PFN - 1, 0, m->write);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->read), 0);
		CHECK(s.flush);
		CHECK_LEAF(&s, GFN, PFN, 0, m->read);
		space_destroy(&s);
	}
}

TEST(split, "a large leaf is split and loses nothing")
{
	FOR_EACH_MACHINE(m) {
		int top = m->f.max_leaf;
		u64 span = pgt_span(top), base = GFN & ~(span - 1);
		struct space s;

		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN, PFN, top, m->read), top);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->write), 0);
		CHECK(s.flush);
		CHECK_LEAF(&s, GFN, PFN, 0, m->write);
		for (u64 gfn = base; gfn < base + span; gfn++) {
			int level = gfn / M2 == GFN / M2 ? 0 : top - 1;

			if (gfn != GFN)
				CHECK_LEAF(&s, gfn, PFN - GFN + gfn, level,
					   m->read);
		}
		CHECK_EQ(s.pt.nr_tables, 1 + m->f.top_level);
		space_destroy(&s);
	}
}

TEST(split_middle, "a split stops at the level wanted")
{
	FOR_EACH_MACHINE(m) {
		struct space s;

		if (m->f.max_leaf < 2)
			continue;
		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN, PFN, 2, m->read), 2);
		CHECK_EQ(space_map(&s, GFN, PFN, 1, m->write), 1);
		CHECK(s.flush);
		CHECK_LEAF(&s, GFN, PFN, 1, m->write);
		CHECK_LEAF(&s, GFN + M2, PFN + M2, 1, m->read);
		CHECK_LEAF(&s, GFN - M2, PFN - M2, 1, m->read);
		space_destroy(&s);
	}
}

TEST(split_keeps_state, "accessed and dirty bits come along in a split")
{
	FOR_EACH_MACHINE(m) {
		struct space s;
		int level;

		if (!m->f.accessed)
			continue;
		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN, PFN, 1, m->read), 1);
		*machine_slot(&s, GFN, &level) |= m->f.accessed | m->f.dirty;
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->write), 0);
		CHECK_EQ(*machine_slot(&s, GFN + 1, &level) &
			 (m->f.accessed | m->f.dirty),
			 m->f.accessed | m->f.dirty);
		space_destroy(&s);
	}
}

TEST(map_over_table, "where a table stands a mapping becomes smaller")
{
	FOR_EACH_MACHINE(m) {
		struct space s;

		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->write), 0);
		CHECK_EQ(space_map(&s, GFN + 1, PFN + 1, m->f.max_leaf,
				   m->write), 0);
		CHECK(!s.flush);
		CHECK_LEAF(&s, GFN, PFN, 0, m->write);
		CHECK_LEAF(&s, GFN + 1, PFN + 1, 0, m->write);
		CHECK_HOLE(&s, GFN + 2);
		space_destroy(&s);
	}
}

TEST(unmap_pages, "an unmap takes its range and nothing else")
{
	FOR_EACH_MACHINE(m) {
		u64 start = M2 - 3, end = 2 * M2 + 4;
		struct space s;

		space_create(&s, m);
		for (u64 g = 0; g < 3 * M2; g++)
			CHECK_EQ(space_map(&s, g, g + 77, 0, m->write), 0);
		CHECK(pgtable_unmap(&s.pt, start, end));
		for (u64 g = 0; g < 3 * M2; g++) {
			if (g >= start && g < end)
				CHECK_HOLE(&s, g);
			else
				CHECK_LEAF(&s, g, g + 77, 0, m->write);
		}
		/* the table of the middle 2 MiB went as a whole */
		CHECK(s.pt.unlinked.first);
		machine_check_unlinked(&s.pt.unlinked);
		pgtable_free_unlinked(&s.pt);
		CHECK(!s.pt.unlinked.first);
		CHECK(!pgtable_unmap(&s.pt, start, end));
		space_destroy(&s);
	}
}

TEST(unmap_part_of_leaf, "a leaf that sticks out of the range goes whole")
{
	FOR_EACH_MACHINE(m) {
		for (int level = 1; level <= m->f.max_leaf; level++) {
			u64 span = pgt_span(level), base = GFN & ~(span - 1);
			struct space s;

			space_create(&s, m);
			for (int i = -1; i <= 1; i++)
				CHECK_EQ(space_map(&s, GFN + i * span,
						   PFN + i * span, level,
						   m->write), level);
			CHECK(pgtable_unmap(&s.pt, GFN, GFN + 1));
			CHECK_HOLE(&s, base);
			CHECK_HOLE(&s, base + span - 1);
			/* its neighbours stay */
			CHECK_LEAF(&s, GFN - span, PFN - span, level, m->write);
			CHECK_LEAF(&s, GFN + span, PFN + span, level, m->write);
			/* a range with the end of one and the start of another */
			CHECK_EQ(space_map(&s, GFN, PFN, level, m->write), level);
			CHECK(pgtable_unmap(&s.pt, base - 1, base + 1));
			CHECK_HOLE(&s, base - 1);
			CHECK_HOLE(&s, GFN);
			CHECK_LEAF(&s, GFN + span, PFN + span, level, m->write);
			CHECK(!s.pt.unlinked.first);
			space_destroy(&s);
		}
	}
}

/* cases.md 13: the CPUs may walk them until they have flushed. */
TEST(unlinked, "cut off tables stay as they are until they are freed")
{
	FOR_EACH_MACHINE(m) {
		struct space s;
		long before;

		space_create(&s, m);
		for (u64 g = 0; g < 2 * G1; g += M2 / 2)
			CHECK_EQ(space_map(&s, g, g, 0, m->write), 0);
		before = machine_pages();
		CHECK(pgtable_unmap(&s.pt, 0, G1));
		CHECK(pgtable_unmap(&s.pt, G1 + M2, 2 * G1));
		CHECK_EQ(machine_pages(), before);
		space_check_tables(&s);
		/* the tree goes on without them */
		CHECK_EQ(space_map(&s, 0, PFN, 0, m->write), 0);
		CHECK_EQ(space_map(&s, G1 + M2, PFN, 0, m->write), 0);
		CHECK(!pgtable_unmap(&s.pt, M2, G1));
		pgtable_wrprotect(&s.pt, 0, ~0ull);
		pgtable_age(&s.pt, 0, ~0ull, true);
		space_check_tables(&s);
		pgtable_free_unlinked(&s.pt);
		CHECK(machine_pages() < before);
		space_check_tables(&s);
		/* what is cut off at the end goes with the rest */
		CHECK(pgtable_unmap(&s.pt, 0, ~0ull));
		space_destroy(&s);
	}
}

TEST(wrprotect, "write permission goes from what the range touches")
{
	FOR_EACH_MACHINE(m) {
		struct space s;

		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN, PFN, 1, m->write), 1);
		for (u64 g = GFN + M2; g < GFN + M2 + 4; g++)
			CHECK_EQ(space_map(&s, g, g, 0, m->write), 0);
		CHECK(pgtable_wrprotect(&s.pt, GFN, GFN + 1));
		CHECK_LEAF(&s, GFN, PFN, 1, m->write & ~m->f.write);
		CHECK(!pgtable_wrprotect(&s.pt, GFN - 1, GFN + 9));
		CHECK(pgtable_wrprotect(&s.pt, GFN + M2 + 1, GFN + M2 + 3));
		for (u64 g = GFN + M2; g < GFN + M2 + 4; g++)
			CHECK_EQ(machine_prot(m, pgtable_lookup(&s.pt, g,
					      &(int){ 0 }), 0) & m->f.write,
				 g == GFN + M2 || g == GFN + M2 + 3 ?
				 m->f.write : 0);
		CHECK(!pgtable_wrprotect(&s.pt, 0, GFN - M2));
		/* a write fault gives it back, without a flush */
		CHECK_EQ(space_map(&s, GFN, PFN, 1, m->write), 1);
		CHECK(!s.flush);
		CHECK_LEAF(&s, GFN, PFN, 1, m->write);
		space_destroy(&s);
	}
}

TEST(missing, "what no leaf maps of a window")
{
	FOR_EACH_MACHINE(m) {
		u64 base = GFN & ~15ull;
		struct space s;

		space_create(&s, m);
		CHECK_EQ(pgtable_missing(&s.pt, base, 16), 0xffff);
		CHECK_EQ(pgtable_missing(&s.pt, GFN & ~63ull, 64), ~0ull);
		CHECK_EQ(pgtable_missing(&s.pt, pgtable_gfn_end(&m->f), 16),
			 0xffff);
		CHECK_EQ(space_map(&s, base, PFN, 0, m->write), 0);
		CHECK_EQ(space_map(&s, base + 15, PFN, 0, m->read), 0);
		CHECK_EQ(pgtable_missing(&s.pt, base, 16), 0x7ffe);
		CHECK_EQ(pgtable_missing(&s.pt, base + 16, 16), 0xffff);
		CHECK_EQ(pgtable_missing(&s.pt, base, 1), 0);
		CHECK_EQ(pgtable_missing(&s.pt, base + 1, 1), 1);
		CHECK(pgtable_unmap(&s.pt, base, base + 1));
		CHECK_EQ(pgtable_missing(&s.pt, base, 16), 0x7fff);
		CHECK_EQ(space_map(&s, GFN + M2, PFN + M2, 1, m->write), 1);
		CHECK_EQ(pgtable_missing(&s.pt, base + M2, 16), 0);
		space_destroy(&s);
	}
}

TEST(free_pauses, "however many tables go, the CPU is given up between two")
{
	FOR_EACH_MACHINE(m) {
		struct pgt_unlinked list = { NULL };
		unsigned int before;
		long tables;
		struct space s;

		space_create(&s, m);
		for (u64 i = 0; i < 200; i++)
			CHECK_EQ(space_map(&s, i * M2, i, 0, m->write), 0);
		tables = machine_pages();
		CHECK(pgtable_unmap(&s.pt, 0, 200 * M2));
		CHECK(pgtable_take_unlinked(&s.pt, &list));
		/* nothing is left for the next one, and nothing is freed yet */
		CHECK(!s.pt.unlinked.first);
		CHECK_EQ(machine_pages(), tables);
		before = machine_pauses;
		pgtable_free_list(&s.pt, &list);
		CHECK(machine_pauses - before >= 200);
		CHECK_EQ(tables - machine_pages(), machine_pauses - before);
		before = machine_pauses;
		tables = s.pt.nr_tables;
		space_destroy(&s);
		CHECK_EQ(machine_pauses - before, tables);
	}
}

TEST(clean_or_unmap, "dirty bits go from pages, and larger leaves altogether")
{
	FOR_EACH_MACHINE(m) {
		u64 both = m->f.write | m->f.dirty, next = GFN + M2;
		struct space s;

		if (!m->f.dirty)
			continue;
		space_create(&s, m);
		/* a leaf of level 1 with pages on either side, in other tables */
		CHECK_EQ(space_map(&s, GFN, PFN, 1, m->write | m->f.dirty), 1);
		CHECK_EQ(space_map(&s, GFN - M2, 1, 0, m->write | m->f.dirty), 0);
		CHECK_EQ(space_map(&s, next, 2, 0, m->write | m->f.dirty), 0);
		CHECK_EQ(space_map(&s, next + 1, 3, 0, m->write | m->f.dirty), 0);
		CHECK(pgtable_clean_or_unmap(&s.pt, GFN - M2, next + 1));
		CHECK(!pgtable_clean_or_unmap(&s.pt, GFN - M2, next + 1));
		CHECK_HOLE(&s, GFN);
		CHECK_EQ(pgtable_lookup(&s.pt, GFN - M2, &(int){ 0 }) & both,
			 m->f.write);
		CHECK_EQ(pgtable_lookup(&s.pt, next, &(int){ 0 }) & both,
			 m->f.write);
		CHECK_EQ(pgtable_lookup(&s.pt, next + 1, &(int){ 0 }) & both,
			 both);
		space_destroy(&s);
	}
}

TEST(clean, "dirty bits go from pages, write permission from larger leaves")
{
	FOR_EACH_MACHINE(m) {
		struct space s;

		if (!m->f.dirty)
			continue;
		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN, PFN, 1, m->write | m->f.dirty), 1);
		for (u64 g = GFN + M2; g < GFN + M2 + 3; g++)
			CHECK_EQ(space_map(&s, g, g, 0, m->write | m->f.dirty),
				 0);
		CHECK(pgtable_clean(&s.pt, GFN + M2 + 1, GFN + M2 + 2));
		CHECK(!pgtable_clean(&s.pt, GFN + M2 + 1, GFN + M2 + 2));
		for (u64 g = GFN + M2; g < GFN + M2 + 3; g++)
			CHECK_EQ(pgtable_lookup(&s.pt, g, &(int){ 0 }) &
				 (m->f.write | m->f.dirty), m->f.write |
				 (g == GFN + M2 + 1 ? 0 : m->f.dirty));
		CHECK(pgtable_clean(&s.pt, GFN + 5, GFN + 6));
		CHECK_EQ(pgtable_lookup(&s.pt, GFN, &(int){ 0 }) & m->f.write,
			 0);
		space_destroy(&s);
	}
}

TEST(age, "accessed bits are found and cleared, once")
{
	FOR_EACH_MACHINE(m) {
		struct space s;
		int level;

		space_create(&s, m);
		CHECK(!pgtable_age(&s.pt, 0, ~0ull, false));
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->write), 0);
		CHECK_EQ(space_map(&s, GFN + 3, PFN + 3, 0, m->write), 0);
		if (!m->f.accessed) {
			/* no such bit: what is there counts as accessed */
			CHECK(pgtable_age(&s.pt, GFN, GFN + 1, true));
			CHECK(pgtable_age(&s.pt, GFN, GFN + 1, false));
			CHECK(!pgtable_age(&s.pt, GFN + 1, GFN + 3, false));
			CHECK_LEAF(&s, GFN, PFN, 0, m->write);
			space_destroy(&s);
			continue;
		}
		CHECK(!pgtable_age(&s.pt, GFN, GFN + 4, true));
		*machine_slot(&s, GFN, &level) |= m->f.accessed | m->f.dirty;
		*machine_slot(&s, GFN + 3, &level) |= m->f.accessed;
		CHECK(pgtable_age(&s.pt, GFN, GFN + 4, false));
		CHECK(!pgtable_age(&s.pt, GFN + 1, GFN + 3, true));
		CHECK(pgtable_age(&s.pt, GFN, GFN + 4, true));
		CHECK(!pgtable_age(&s.pt, GFN, GFN + 4, false));
		/* only that bit went */
		CHECK_EQ(*machine_slot(&s, GFN, &level) & m->f.dirty,
			 m->f.dirty);
		CHECK_LEAF(&s, GFN, PFN, 0, m->write);
		space_destroy(&s);
	}
}

struct seen {
	u64 gfn[8];
	int level[8], n, stop;
};

static int see(u64 gfn, int level, u64 entry, void *arg)
{
	struct seen *seen = arg;

	CHECK(entry);
	CHECK(seen->n < 8);
	seen->gfn[seen->n] = gfn;
	seen->level[seen->n++] = level;
	return seen->n == seen->stop ? -EINTR : 0;
}

TEST(for_each, "every leaf of a range is visited, in order")
{
	FOR_EACH_MACHINE(m) {
		struct seen seen = { .n = 0 };
		u64 base = GFN & ~(M2 - 1);
		struct space s;

		space_create(&s, m);
		CHECK_EQ(pgtable_for_each(&s.pt, 0, ~0ull, see, &seen), 0);
		CHECK_EQ(seen.n, 0);
		CHECK_EQ(space_map(&s, GFN, PFN, 1, m->write), 1);
		CHECK_EQ(space_map(&s, base + M2 + 1, PFN, 0, m->write), 0);
		CHECK_EQ(space_map(&s, base + M2 + 3, PFN, 0, m->write), 0);
		CHECK_EQ(space_map(&s, 0, PFN, 0, m->write), 0);
		CHECK_EQ(pgtable_for_each(&s.pt, GFN, base + M2 + 3, see, &seen),
			 0);
		CHECK_EQ(seen.n, 2);
		CHECK_EQ(seen.gfn[0], base);
		CHECK_EQ(seen.level[0], 1);
		CHECK_EQ(seen.gfn[1], base + M2 + 1);
		CHECK_EQ(seen.level[1], 0);
		seen = (struct seen){ .stop = 3 };
		CHECK_EQ(pgtable_for_each(&s.pt, 0, ~0ull, see, &seen), -EINTR);
		CHECK_EQ(seen.n, 3);
		CHECK_EQ(seen.gfn[0], 0);
		space_destroy(&s);
	}
}

TEST(no_memory, "an allocation that fails leaves everything as it was")
{
	FOR_EACH_MACHINE(m) {
		struct space s;
		int n;

		space_create(&s, m);
		for (n = 0; n < PGT_MAX_LEVELS; n++) {
			machine_allocs = n;
			CHECK_EQ(pgt_cache_fill(&s.c), -ENOMEM);
			CHECK_EQ(s.c.nr, n);
			pgt_cache_free(&s.c);
			CHECK_EQ(s.c.nr, 0);
		}
		machine_allocs = -1;
		CHECK_EQ(pgtable_map(&s.pt, GFN, PFN, 0, m->write, &s.c,
				     &s.flush), -ENOMEM);
		CHECK_HOLE(&s, GFN);
		/* one table short: what was built stays and is used later */
		machine_allocs = m->f.top_level - 1;
		CHECK_EQ(pgt_cache_fill(&s.c), -ENOMEM);
		machine_allocs = -1;
		CHECK_EQ(pgtable_map(&s.pt, GFN, PFN, 0, m->write, &s.c,
				     &s.flush), -ENOMEM);
		CHECK_EQ(s.c.nr, 0);
		CHECK_HOLE(&s, GFN);
		space_check_tables(&s);
		CHECK_EQ(space_map(&s, GFN, PFN, 1, m->read), 1);
		/* a split without a table changes nothing */
		pgt_cache_free(&s.c);
		s.flush = false;
		CHECK_EQ(pgtable_map(&s.pt, GFN, PFN, 0, m->write, &s.c,
				     &s.flush), -ENOMEM);
		CHECK(!s.flush);
		CHECK_LEAF(&s, GFN, PFN, 1, m->read);
		space_destroy(&s);

		machine_allocs = 0;
		CHECK_EQ(pgtable_create(&s.pt, &m->f), -ENOMEM);
		machine_allocs = -1;
		pgtable_destroy(&s.pt);
	}
}
