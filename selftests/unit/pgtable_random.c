// SPDX-License-Identifier: GPL-2.0-only
/*
 * Long random runs against an array: for every page what it is mapped to and
 * with what rights.  $SEED repeats a run.
 */
#include <stdlib.h>
#include <time.h>

#include "pgtable_machine.h"

#define M2	512ull
#define G1	(512 * M2)
#define WINDOW	(6 * M2)
#define BASE	(4 * G1 - 3 * M2)	/* across 1 GiB */
#define OPS	6000

/* Host memory a page may come from; congruent with the gfn up to 1 GiB. */
#define HOSTS	2
#define HOST(i)	((7ull + 5 * (i)) * G1)

struct model {
	struct space s;
	unsigned int seed;
	struct {
		u64 pfn, prot;	/* prot 0: not mapped */
		bool accessed;
	} page[WINDOW];
};

static u64 dice(struct model *md, u64 n)
{
	return rand_r(&md->seed) % n;
}

static u64 model_leaf(struct model *md, u64 i, int *level)
{
	return pgtable_lookup(&md->s.pt, BASE + i, level);
}

/* Does @a give what @b does? */
static bool covers(const struct machine *m, u64 a, u64 b)
{
	bool w = !(b & m->f.write) || (a & m->f.write);
	u64 x = m->no_exec ^ m->read;	/* the bit as a reader has it not */
	bool exec_b = (b & m->no_exec) != (x & m->no_exec);
	bool exec_a = (a & m->no_exec) != (x & m->no_exec);

	return w && (exec_a || !exec_b) && !((a ^ b) & m->f.type);
}

static void model_fill(struct model *md, u64 i, u64 span, u64 pfn, u64 prot)
{
	u64 first = i & ~(span - 1);

	for (u64 j = first; j < first + span && j < WINDOW; j++) {
		md->page[j].pfn = (pfn & ~(span - 1)) + (j - first);
		md->page[j].prot = prot;
		md->page[j].accessed = false;
	}
}

static void model_map(struct model *md)
{
	const struct machine *m = md->s.m;
	u64 i = dice(md, WINDOW), pfn = HOST(dice(md, 16) == 0) + BASE + i;
	u64 prot = dice(md, 2) ? m->write : m->read, span;
	int level = dice(md, 3) == 0, was = -1, r;
	bool mapped = md->page[i].prot, same, lost;

	if (dice(md, 4) == 0)
		prot ^= m->no_exec;
	if (dice(md, 16) == 0)
		prot ^= m->other_type;
	CHECK_EQ(!!model_leaf(md, i, &was), mapped);
	r = space_map(&md->s, BASE + i, pfn, level, prot);
	CHECK(r >= 0);
	same = mapped && md->page[i].pfn == pfn &&
	       covers(m, md->page[i].prot, prot);
	if (same) {
		CHECK_EQ(r, was);
		CHECK(!md->s.flush);
		return;
	}
	CHECK(r <= level);
	lost = mapped && (md->page[i].pfn != pfn || was > r ||
			  !covers(m, prot, md->page[i].prot));
	CHECK_EQ(md->s.flush, lost);
	span = pgt_span(r);
	if (!mapped)
		for (u64 j = i & ~(span - 1); j <= (i | (span - 1)); j++)
			CHECK(!md->page[j].prot);
	model_fill(md, i, span, pfn, prot);
}

/* A random range, widened to the leaves that stick out of it in *@a, *@b. */
static void model_range(struct model *md, u64 *start, u64 *end, u64 *a, u64 *b)
{
	int level;

	*start = dice(md, WINDOW);
	*end = *start + 1 + dice(md, dice(md, 2) ? 16 : WINDOW - *start);
	if (*end > WINDOW)
		*end = WINDOW;
	*a = *start;
	*b = *end;
	if (model_leaf(md, *a, &level))
		*a &= ~(pgt_span(level) - 1);
	if (model_leaf(md, *b - 1, &level))
		*b = ((*b - 1) | (pgt_span(level) - 1)) + 1;
}

static void model_unmap(struct model *md)
{
	u64 start, end, a, b;
	bool any = false, hit;

	model_range(md, &start, &end, &a, &b);
	hit = pgtable_unmap(&md->s.pt, BASE + start, BASE + end);
	for (; a < b; a++) {
		any |= md->page[a].prot;
		md->page[a].prot = 0;
	}
	/* an empty table that goes counts as something */
	CHECK(hit || !any);
	CHECK(any || !hit || md->s.pt.unlinked.first);
	if (dice(md, 2))
		pgtable_free_unlinked(&md->s.pt);
}

static void model_wrprotect(struct model *md)
{
	u64 write = md->s.m->f.write, start, end, a, b;
	bool any = false;

	model_range(md, &start, &end, &a, &b);
	for (u64 i = a; i < b; i++) {
		any |= md->page[i].prot & write;
		md->page[i].prot &= ~write;
	}
	CHECK_EQ(pgtable_wrprotect(&md->s.pt, BASE + start, BASE + end), any);
}

/* The CPU uses a page: its leaf has been accessed. */
static void model_access(struct model *md)
{
	u64 i = dice(md, WINDOW), span;
	int level;

	if (!md->s.m->f.accessed || !md->page[i].prot)
		return;
	*machine_slot(&md->s, BASE + i, &level) |= md->s.m->f.accessed;
	span = pgt_span(level);
	for (u64 j = i & ~(span - 1); j <= (i | (span - 1)); j++)
		md->page[j].accessed = true;
}

static void model_age(struct model *md)
{
	bool bits = md->s.m->f.accessed, clear = dice(md, 2), any = false;
	u64 start, end, a, b;

	model_range(md, &start, &end, &a, &b);
	for (u64 i = a; i < b; i++) {
		any |= md->page[i].prot && (!bits || md->page[i].accessed);
		if (clear)
			md->page[i].accessed = false;
	}
	CHECK_EQ(pgtable_age(&md->s.pt, BASE + start, BASE + end, clear), any);
}

struct walk {
	struct model *md;
	u64 next;		/* index no leaf has covered yet */
};

static int model_visit(u64 gfn, int level, u64 e, void *arg)
{
	struct walk *w = arg;
	const struct machine *m = w->md->s.m;
	u64 i = gfn - BASE;

	CHECK(gfn >= BASE && i >= w->next && i + pgt_span(level) <= WINDOW);
	for (; w->next < i; w->next++)
		CHECK(!w->md->page[w->next].prot);
	for (; w->next < i + pgt_span(level); w->next++) {
		CHECK_EQ(w->md->page[w->next].pfn,
			 machine_pfn(m, e, level, BASE + w->next));
		CHECK_EQ(w->md->page[w->next].prot, machine_prot(m, e, level));
		if (m->f.accessed)
			CHECK_EQ(w->md->page[w->next].accessed,
				 !!(e & m->f.accessed));
	}
	return 0;
}

static void model_check(struct model *md)
{
	struct walk w = { .md = md };

	CHECK_EQ(pgtable_for_each(&md->s.pt, 0, ~0ull, model_visit, &w), 0);
	for (; w.next < WINDOW; w.next++)
		CHECK(!md->page[w.next].prot);
	space_check_tables(&md->s);
}

static void model_step(struct model *md)
{
	u64 d = dice(md, 100);

	if (d < 70)
		model_map(md);
	else if (d < 78)
		model_unmap(md);
	else if (d < 84)
		model_wrprotect(md);
	else if (d < 94)
		model_access(md);
	else
		model_age(md);
}

TEST_TIMEOUT(random, "what an array does, the tables do", 120)
{
	const char *env = getenv("SEED");
	unsigned int seed = env ? strtoul(env, NULL, 0) : time(NULL);
	struct model *md = malloc(sizeof(*md));

	CHECK(md);
	tap_diag("SEED=%u", seed);
	FOR_EACH_MACHINE(m) {
		memset(md, 0, sizeof(*md));
		md->seed = seed;
		space_create(&md->s, m);
		for (int i = 0; i < OPS; i++) {
			model_step(md);
			if (i % 64 == 0)
				model_check(md);
		}
		model_check(md);
		space_destroy(&md->s);
	}
	free(md);
}
