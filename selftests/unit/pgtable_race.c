// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody else changes an entry at the worst moment: between the look at it
 * and the compare-and-exchange.  Then two threads at once.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "pgtable_machine.h"

#define M2	512ull
#define GFN	(5 * M2 + 7)
#define PFN	(9 * M2 + 7)

/* What the other one does, once. */
static u64 race_set, race_to;
static int race_count;

static void race_hook(u64 *p, u64 old, u64 new)
{
	if (race_count-- > 0)
		*p = race_to ? race_to : *p | race_set;
}

static void race_arm(u64 set, u64 to)
{
	race_set = set;
	race_to = to;
	race_count = 1;
	machine_hook = race_hook;
}

TEST(race_leaf, "an entry that was filled meanwhile is left alone")
{
	FOR_EACH_MACHINE(m) {
		struct space s;
		u64 *slot, other;
		int level;

		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN + 1, PFN, 0, m->write), 0);
		other = (PFN + 99) << 12 | m->read | m->f.page_bits;
		slot = machine_slot(&s, GFN, &level);
		race_arm(0, other);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->write), -EAGAIN);
		machine_hook = NULL;
		CHECK_EQ(*slot, other);
		space_destroy(&s);
	}
}

TEST(race_split, "a leaf the CPU marks during a split is not split")
{
	FOR_EACH_MACHINE(m) {
		struct space s;
		u64 *slot, was;
		int level;

		if (!m->f.accessed)
			continue;
		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN, PFN, 1, m->read), 1);
		slot = machine_slot(&s, GFN, &level);
		was = *slot;
		race_arm(m->f.accessed, 0);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->write), -EAGAIN);
		machine_hook = NULL;
		CHECK_EQ(*slot, was | m->f.accessed);
		/* the table set aside is as good as new */
		CHECK_EQ(s.c.nr, PGT_MAX_LEVELS);
		for (int i = 0; i < s.c.nr; i++)
			for (int j = 0; j < PGT_ENTRIES; j++)
				CHECK_EQ(((u64 *)s.c.page[i])[j], 0);
		space_check_tables(&s);
		space_destroy(&s);
	}
}

TEST(race_table, "a table that was linked meanwhile is kept")
{
	FOR_EACH_MACHINE(m) {
		int top = m->f.top_level;
		struct space s;
		u64 *mine;

		space_create(&s, m);
		/* what another vCPU would put there, taken from a real map */
		mine = pgt_mem_alloc();
		race_arm(0, pgt_mem_phys(mine) | m->f.table);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->write), -EAGAIN);
		machine_hook = NULL;
		s.pt.nr_tables++;	/* the other one's */
		CHECK_EQ(s.c.nr, PGT_MAX_LEVELS);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->write), 0);
		CHECK_EQ(s.pt.nr_tables, 1 + top);
		CHECK(mine[(GFN >> ((top - 1) * 9)) & 511]);
		space_destroy(&s);
	}
}

TEST(race_wrprotect, "a bit the CPU sets during a write-protect survives")
{
	FOR_EACH_MACHINE(m) {
		struct space s;
		u64 *slot;
		int level;

		if (!m->f.accessed)
			continue;
		space_create(&s, m);
		CHECK_EQ(space_map(&s, GFN, PFN, 0, m->write), 0);
		slot = machine_slot(&s, GFN, &level);
		race_arm(m->f.accessed | m->f.dirty, 0);
		CHECK(pgtable_wrprotect(&s.pt, GFN, GFN + 1));
		CHECK_EQ(*slot & m->f.write, 0);
		CHECK_EQ(*slot & m->f.dirty, m->f.dirty);
		CHECK_EQ(*slot & m->f.accessed, m->f.accessed);
		race_arm(m->f.write, 0);
		CHECK(pgtable_age(&s.pt, GFN, GFN + 1, true));
		machine_hook = NULL;
		CHECK_EQ(*slot & m->f.accessed, 0);
		CHECK_EQ(*slot & m->f.dirty, m->f.dirty);
		space_destroy(&s);
	}
}

/* --- threads --- */

#define ROUNDS	12
#define OPS	4000
#define WINDOW	(4 * M2)
#define BASE	(512 * M2 - 2 * M2)	/* across 1 GiB */

struct thread {
	struct space *s;
	unsigned int seed;
	long mapped, again;
};

static int visit(u64 gfn, int level, u64 entry, void *arg)
{
	struct space *s = arg;

	CHECK(entry & s->m->f.present);
	CHECK_EQ(machine_pfn(s->m, entry, level, gfn), gfn + PFN - 7);
	return 0;
}

/* As the CPU does: only where it still finds the leaf that it walked to. */
static void thread_access(struct space *s, u64 gfn)
{
	const struct pgt_format *f = &s->m->f;
	int level;
	u64 *slot = machine_slot(s, gfn, &level), e = READ_ONCE(*slot);

	if ((e & f->present) && (!level || (e & f->leaf_mask) == f->leaf_val))
		__atomic_compare_exchange_n(slot, &e, e | f->accessed, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Give the other thread a chance to be faster. */
static void thread_dawdle(u64 *p, u64 old, u64 new)
{
	static _Thread_local unsigned int n;

	if (++n % 4 == 0)
		sched_yield();
	for (volatile int i = 0; i < 200; i++)
		;
}

static void thread_op(struct thread *t, struct pgt_cache *c)
{
	struct space *s = t->s;
	const struct machine *m = s->m;
	u64 gfn = BASE + rand_r(&t->seed) % WINDOW, e;
	int r, level = rand_r(&t->seed) % 8 == 0;
	u64 prot = rand_r(&t->seed) % 2 ? m->write : m->read;
	bool flush = false;

	if (rand_r(&t->seed) % 64 == 0) {
		CHECK_EQ(pgtable_for_each(&s->pt, gfn, gfn + 64, visit, s), 0);
		return;
	}
	CHECK_EQ(pgt_cache_fill(c), 0);
	r = pgtable_map(&s->pt, gfn, gfn + PFN - 7, level, prot, c, &flush);
	if (r == -EAGAIN) {
		t->again++;
		return;
	}
	CHECK(r >= 0);
	t->mapped++;
	/* nobody unmaps in this round: it is there, and the right page */
	e = pgtable_lookup(&s->pt, gfn, &level);
	CHECK(e);
	CHECK_EQ(machine_pfn(m, e, level, gfn), gfn + PFN - 7);
	if (m->f.accessed)
		thread_access(s, gfn);
}

static void *thread_run(void *arg)
{
	struct pgt_cache c = { .nr = 0 };
	struct thread *t = arg;

	for (int i = 0; i < OPS; i++)
		thread_op(t, &c);
	pgt_cache_free(&c);
	return NULL;
}

TEST(threads, "faults in parallel end in one consistent tree")
{
	FOR_EACH_MACHINE(m) {
		struct space s;
		long again = 0;

		space_create(&s, m);
		machine_hook = thread_dawdle;
		for (int round = 0; round < ROUNDS; round++) {
			struct thread t[2];
			pthread_t id[2];

			for (int i = 0; i < 2; i++) {
				t[i] = (struct thread){ &s, round * 2 + i, 0, 0 };
				CHECK_EQ(pthread_create(&id[i], NULL, thread_run,
							&t[i]), 0);
			}
			for (int i = 0; i < 2; i++) {
				CHECK_EQ(pthread_join(id[i], NULL), 0);
				CHECK(t[i].mapped > OPS / 2);
				again += t[i].again;
			}
			space_check_tables(&s);
			CHECK_EQ(pgtable_for_each(&s.pt, 0, ~0ull, visit, &s), 0);
			CHECK(pgtable_unmap(&s.pt, BASE + round * 100,
					    BASE + WINDOW));
			space_check_tables(&s);
			pgtable_free_unlinked(&s.pt);
		}
		tap_diag("%s: %ld lost races", m->name, again);
		space_destroy(&s);
	}
}
