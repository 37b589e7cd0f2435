// SPDX-License-Identifier: GPL-2.0-only
/*
 * Formats and memory of the page-table tests.  A table page carries a record
 * behind it: once the page is cut off the tree, the record has a copy of what
 * was in it then, and the page and those below it must stay like that until
 * pgtable_free_unlinked() takes them.
 */
#include <stdlib.h>

#include "pgtable_machine.h"

#define BIT(n)		(1ull << (n))
#define PAGE		4096
#define RECORD_MAGIC	0x7461626c65ull

struct record {
	u64 magic;		/* an overrun of the table hits it first */
	bool unlinked;
	int level;
	void *next;
	u64 copy[PGT_ENTRIES];
};

/* As EPT has it. */
#define EPT_FORMAT							\
	.present = 7, .addr = (BIT(52) - 1) & ~0xfffull, .write = BIT(1), \
	.type = 0x78, .table = 7, .leaf_mask = BIT(7), .leaf_val = BIT(7), \
	.block_bits = BIT(7)
#define EPT_PROTS							\
	.read = 0x75, .write = 0x77, .no_exec = BIT(2), .other_type = 0x30

/* As stage 2 of arm64: one valid bit, tables look like pages, XN denies. */
#define S2_FORMAT							\
	.present = 1, .addr = (BIT(48) - 1) & ~0xfffull, .write = BIT(7), \
	.deny = BIT(54), .type = 0x3c, .table = 3, .leaf_mask = 3,	\
	.leaf_val = 1, .page_bits = 3, .block_bits = 1
#define S2_PROTS							\
	.read = BIT(10) | 0x7c, .write = BIT(10) | 0xfc, .no_exec = BIT(54), \
	.other_type = 0x38

const struct machine machines[] = {
	{ .name = "ept", EPT_PROTS, .f = { EPT_FORMAT, .accessed = BIT(8),
	  .dirty = BIT(9), .top_level = 3, .max_leaf = 2 } },
	{ .name = "ept-no-ad", EPT_PROTS, .f = { EPT_FORMAT, .top_level = 3,
	  .max_leaf = 1 } },
	{ .name = "ept-5", EPT_PROTS, .f = { EPT_FORMAT, .accessed = BIT(8),
	  .dirty = BIT(9), .top_level = 4, .max_leaf = 2 } },
	{ .name = "stage2", S2_PROTS, .f = { S2_FORMAT, .top_level = 3,
	  .max_leaf = 2 } },
	{ .name = "stage2-3", S2_PROTS, .f = { S2_FORMAT, .top_level = 2,
	  .max_leaf = 2 } },
};

const int nr_machines = sizeof(machines) / sizeof(machines[0]);

int machine_allocs = -1;
unsigned int machine_pauses;
void (*machine_hook)(u64 *p, u64 old, u64 new);
static long pages;
static const struct pgt_format *format;	/* of the space under test */

static struct record *record_of(const void *table)
{
	struct record *r = (struct record *)((char *)table + PAGE);

	CHECK_EQ(r->magic, RECORD_MAGIC);
	return r;
}

long machine_pages(void)
{
	return __atomic_load_n(&pages, __ATOMIC_SEQ_CST);
}

void *pgt_mem_alloc(void)
{
	struct record *r;
	char *p;

	if (!machine_allocs)
		return NULL;
	if (machine_allocs > 0)
		machine_allocs--;
	p = aligned_alloc(PAGE, 3 * PAGE);
	CHECK(p);
	memset(p, 0, 3 * PAGE);
	r = (struct record *)(p + PAGE);
	r->magic = RECORD_MAGIC;
	__atomic_fetch_add(&pages, 1, __ATOMIC_SEQ_CST);
	return p;
}

void pgt_mem_free(void *table)
{
	CHECK_MSG(!record_of(table)->unlinked, "a table freed before its time");
	/* whoever still looks at it finds neither zeros nor entries */
	memset(table, 0x5a, PAGE);
	free(table);
	__atomic_fetch_sub(&pages, 1, __ATOMIC_SEQ_CST);
}

static bool is_table(u64 e, int level)
{
	return level && (e & format->present) &&
	       (e & format->leaf_mask) != format->leaf_val;
}

static void tree_mark(u64 *table, int level, bool unlinked)
{
	struct record *r = record_of(table);
	int i;

	CHECK(r->unlinked != unlinked);
	if (!unlinked)
		CHECK_MSG(!memcmp(r->copy, table, PAGE),
			  "a table changed after it was cut off");
	memcpy(r->copy, table, PAGE);
	r->unlinked = unlinked;
	for (i = 0; i < PGT_ENTRIES; i++)
		if (is_table(table[i], level))
			tree_mark(pgt_mem_virt(table[i] & format->addr),
				  level - 1, unlinked);
}

static void tree_check(u64 *table, int level)
{
	struct record *r = record_of(table);
	int i;

	CHECK(r->unlinked);
	CHECK_MSG(!memcmp(r->copy, table, PAGE),
		  "a table changed after it was cut off");
	for (i = 0; i < PGT_ENTRIES; i++)
		if (is_table(table[i], level))
			tree_check(pgt_mem_virt(table[i] & format->addr),
				   level - 1);
}

void pgt_mem_defer(struct pgt_unlinked *u, void *table, int level)
{
	struct record *r = record_of(table);

	tree_mark(table, level, true);
	r->level = level;
	r->next = u->first;
	u->first = table;
}

void *pgt_mem_undefer(struct pgt_unlinked *u, int *level)
{
	void *table = u->first;
	struct record *r;

	if (!table)
		return NULL;
	r = record_of(table);
	u->first = r->next;
	*level = r->level;
	tree_mark(table, r->level, false);
	return table;
}

void machine_check_unlinked(const struct pgt_unlinked *u)
{
	void *table;

	for (table = u->first; table; table = record_of(table)->next)
		tree_check(table, record_of(table)->level);
}

bool machine_cmpxchg(u64 *p, u64 old, u64 new)
{
	if (machine_hook)
		machine_hook(p, old, new);
	return __atomic_compare_exchange_n(p, &old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void space_create(struct space *s, const struct machine *m)
{
	memset(s, 0, sizeof(*s));
	s->m = m;
	format = &m->f;
	CHECK_EQ(machine_pages(), 0);
	CHECK_EQ(pgtable_create(&s->pt, &m->f), 0);
	CHECK_EQ(pgtable_root(&s->pt), pgt_mem_phys(s->pt.root));
}

static long count_tables(const u64 *table, int level)
{
	long n = 1;
	int i;

	for (i = 0; i < PGT_ENTRIES; i++)
		if (is_table(table[i], level))
			n += count_tables(pgt_mem_virt(table[i] & format->addr),
					  level - 1);
	return n;
}

void space_check_tables(struct space *s)
{
	long n = count_tables(s->pt.root, s->m->f.top_level);
	void *t;

	for (t = s->pt.unlinked.first; t; t = record_of(t)->next)
		n += count_tables(t, record_of(t)->level);
	CHECK_EQ(s->pt.nr_tables, n);
	CHECK_EQ(machine_pages(), n + s->c.nr);
	machine_check_unlinked(&s->pt.unlinked);
}

void space_destroy(struct space *s)
{
	space_check_tables(s);
	pgtable_destroy(&s->pt);
	CHECK_EQ(s->pt.nr_tables, 0);
	pgtable_destroy(&s->pt);	/* once more: nothing to do */
	pgt_cache_free(&s->c);
	CHECK_EQ(machine_pages(), 0);
}

int space_map(struct space *s, u64 gfn, u64 pfn, int level, u64 prot)
{
	CHECK_EQ(pgt_cache_fill(&s->c), 0);
	s->flush = false;
	return pgtable_map(&s->pt, gfn, pfn, level, prot, &s->c, &s->flush);
}

u64 *machine_slot(struct space *s, u64 gfn, int *level)
{
	u64 *table = s->pt.root;

	for (*level = s->m->f.top_level; ; --*level) {
		u64 *slot = &table[(gfn >> (*level * 9)) & 511];

		if (!is_table(READ_ONCE(*slot), *level))
			return slot;
		table = pgt_mem_virt(READ_ONCE(*slot) & s->m->f.addr);
	}
}

u64 machine_pfn(const struct machine *m, u64 e, int level, u64 gfn)
{
	return ((e & m->f.addr) >> 12) + (gfn & (pgt_span(level) - 1));
}

u64 machine_prot(const struct machine *m, u64 e, int level)
{
	u64 bits = level ? m->f.block_bits : m->f.page_bits;

	/* what the format adds to a leaf of this level is as it must be */
	CHECK_EQ(e & (m->f.leaf_mask | bits) & ~m->read & ~m->write, bits);
	return e & ~(m->f.addr | m->f.accessed | m->f.dirty | bits);
}
