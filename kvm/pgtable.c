// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-stage page tables: see pgtable.h for the rules.
 *
 * A table page once linked stays linked while anybody walks with the shared
 * right; only the exclusive side unlinks, and only after the CPUs' paging
 * structure caches were flushed is an unlinked table freed (XSA-480).
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "pgtable_mem.h"

static unsigned int pgt_index(u64 gfn, int level)
{
	return (gfn >> (level * PGT_BITS)) & (PGT_ENTRIES - 1);
}

static bool pgt_present(const struct pgt_format *f, u64 e)
{
	return e & f->present;
}

static bool pgt_is_leaf(const struct pgt_format *f, u64 e, int level)
{
	return level == 0 || (e & f->leaf_mask) == f->leaf_val;
}

static u64 *pgt_child(const struct pgt_format *f, u64 e)
{
	return pgt_mem_virt(e & f->addr);
}

static u64 pgt_leaf(const struct pgt_format *f, u64 pfn, int level, u64 prot)
{
	pfn &= ~(pgt_span(level) - 1);
	return ((pfn << PGT_SHIFT) & f->addr) | prot |
	       (level ? f->block_bits : f->page_bits);
}

int pgt_cache_fill(struct pgt_cache *c)
{
	while (c->nr < PGT_MAX_LEVELS) {
		void *p = pgt_mem_alloc();

		if (!p)
			return -ENOMEM;
		c->page[c->nr++] = p;
	}
	return 0;
}

void pgt_cache_free(struct pgt_cache *c)
{
	while (c->nr)
		pgt_mem_free(c->page[--c->nr]);
}

int pgtable_create(struct pgtable *pt, const struct pgt_format *fmt)
{
	pt->fmt = fmt;
	pt->unlinked.first = NULL;
	pt->root = pgt_mem_alloc();
	if (!pt->root)
		return -ENOMEM;
	pt->nr_tables = 1;
	return 0;
}

u64 pgtable_root(const struct pgtable *pt)
{
	return pgt_mem_phys(pt->root);
}

/* Free @table of @level; the tables below it come onto @u. */
static void pgt_free_table(struct pgtable *pt, struct pgt_unlinked *u,
			   u64 *table, int level)
{
	unsigned int i;

	for (i = 0; level > 0 && i < PGT_ENTRIES; i++) {
		u64 e = table[i];

		if (pgt_present(pt->fmt, e) && !pgt_is_leaf(pt->fmt, e, level))
			pgt_mem_defer(u, pgt_child(pt->fmt, e), level - 1);
	}
	pgt_mem_free(table);
	pgt_add(&pt->nr_tables, -1);
}

void pgtable_free_list(struct pgtable *pt, struct pgt_unlinked *u)
{
	u64 *table;
	int level;

	while ((table = pgt_mem_undefer(u, &level))) {
		pgt_free_table(pt, u, table, level);
		pgt_mem_pause();
	}
}

void pgtable_destroy(struct pgtable *pt)
{
	if (!pt->root)
		return;
	pgt_mem_defer(&pt->unlinked, pt->root, pt->fmt->top_level);
	pgtable_free_list(pt, &pt->unlinked);
	pt->root = NULL;
}

bool pgtable_take_unlinked(struct pgtable *pt, struct pgt_unlinked *u)
{
	u64 *table;
	int level;

	while ((table = pgt_mem_undefer(&pt->unlinked, &level)))
		pgt_mem_defer(u, table, level);
	return u->first;
}

/*
 * Replace the empty entry or leaf @old in @slot by a table; a leaf's contents
 * move into it, so nothing that was mapped is lost.
 */
static int pgt_install_table(struct pgtable *pt, u64 *slot, u64 old, int level,
			     struct pgt_cache *c)
{
	const struct pgt_format *f = pt->fmt;
	u64 *table;
	unsigned int i;

	if (!c->nr)
		return -ENOMEM;
	table = c->page[c->nr - 1];
	if (pgt_present(f, old)) {
		u64 pfn = (old & f->addr) >> PGT_SHIFT;
		u64 prot = old & ~(f->addr | f->block_bits);

		for (i = 0; i < PGT_ENTRIES; i++)
			table[i] = pgt_leaf(f, pfn + i * pgt_span(level - 1),
					    level - 1, prot);
	}
	if (!pgt_cmpxchg(slot, old, pgt_mem_phys(table) | f->table)) {
		for (i = 0; i < PGT_ENTRIES && pgt_present(f, old); i++)
			table[i] = 0;
		return -EAGAIN;
	}
	c->nr--;
	pgt_add(&pt->nr_tables, 1);
	return 0;
}

/* The rights of @a that @b does not have. */
static u64 pgt_beyond(const struct pgt_format *f, u64 a, u64 b)
{
	const u64 other = f->addr | f->type | f->accessed | f->dirty;

	return (a ^ f->deny) & ~(b ^ f->deny) & ~other;
}

/* Put @new over @old; right when @old allows as much already. */
static int pgt_install_leaf(const struct pgt_format *f, u64 *slot, u64 old,
			    u64 new, int level, bool *flush)
{
	if (pgt_present(f, old)) {
		bool same = !((old ^ new) & (f->addr | f->type));

		if (same && !pgt_beyond(f, new, old))
			return level;
		if (!same || pgt_beyond(f, old, new))
			*flush = true;
	}
	return pgt_cmpxchg(slot, old, new) ? level : -EAGAIN;
}

/* Does the leaf @e of @level map @gfn to @pfn with no less than @prot? */
static bool pgt_leaf_covers(const struct pgt_format *f, u64 e, int level,
			    u64 gfn, u64 pfn, u64 prot)
{
	u64 base = (e & f->addr) >> PGT_SHIFT;
	u64 want = pgt_leaf(f, pfn, level, prot);

	return base + (gfn & (pgt_span(level) - 1)) == pfn &&
	       !((e ^ want) & f->type) && !pgt_beyond(f, want, e);
}

int pgtable_map(struct pgtable *pt, u64 gfn, u64 pfn, int level, u64 prot,
		struct pgt_cache *c, bool *flush)
{
	const struct pgt_format *f = pt->fmt;
	u64 *table = pt->root;
	int l, r;

	if (gfn >= pgtable_gfn_end(f))
		return -EFAULT;
	for (l = f->top_level; ; l--) {
		u64 *slot = &table[pgt_index(gfn, l)];
		u64 e = READ_ONCE(*slot);
		bool leaf = pgt_present(f, e) && pgt_is_leaf(f, e, l);

		if (l <= level && (leaf || !pgt_present(f, e)))
			return pgt_install_leaf(f, slot, e,
						pgt_leaf(f, pfn, l, prot), l,
						flush);
		if (leaf && pgt_leaf_covers(f, e, l, gfn, pfn, prot))
			return l;
		if (leaf || !pgt_present(f, e)) {
			r = pgt_install_table(pt, slot, e, l, c);
			if (r)
				return r;
			*flush |= leaf;
			e = READ_ONCE(*slot);
			if (!pgt_present(f, e))
				return -EAGAIN;
		}
		table = pgt_child(f, e);
	}
}

u64 pgtable_lookup(const struct pgtable *pt, u64 gfn, int *level)
{
	const struct pgt_format *f = pt->fmt;
	const u64 *table = pt->root;
	int l;

	if (gfn >= pgtable_gfn_end(f))
		return 0;
	for (l = f->top_level; l >= 0; l--) {
		u64 e = READ_ONCE(table[pgt_index(gfn, l)]);

		if (!pgt_present(f, e))
			return 0;
		if (pgt_is_leaf(f, e, l)) {
			*level = l;
			return e;
		}
		table = pgt_child(f, e);
	}
	return 0;
}

u64 pgtable_missing(const struct pgtable *pt, u64 first, unsigned int n)
{
	const struct pgt_format *f = pt->fmt;
	const u64 *table = pt->root;
	u64 all = ~0ull >> (64 - n), found = 0;
	unsigned int i;
	int l;

	if (first >= pgtable_gfn_end(f))
		return all;
	for (l = f->top_level; l > 0; l--) {
		u64 e = READ_ONCE(table[pgt_index(first, l)]);

		if (!pgt_present(f, e))
			return all;
		if (pgt_is_leaf(f, e, l))
			return 0;
		table = pgt_child(f, e);
	}
	table += pgt_index(first, 0);
	for (i = 0; i < n; i++)
		if (pgt_present(f, READ_ONCE(table[i])))
			found |= 1ull << i;
	return all & ~found;
}

/*
 * One walk for everything that visits a range.  @leaf is called for each
 * present leaf; @table, if given, for each table that lies wholly inside the
 * range, and then the walk does not descend into it; @low, if given, in place
 * of @leaf for the entries of a table of level 0, present or not, at once.
 */
struct pgt_visit {
	struct pgtable *pt;
	u64 start, end;
	int (*leaf)(struct pgt_visit *v, u64 *slot, u64 e, u64 gfn, int level);
	void (*table)(struct pgt_visit *v, u64 *slot, u64 e, int level);
	void (*low)(struct pgt_visit *v, u64 *slot, unsigned int n);
	bool hit, clear;
	int (*fn)(u64 gfn, int level, u64 entry, void *arg);
	void *arg;
};

static int pgt_visit_table(struct pgt_visit *v, u64 *table, int level, u64 base)
{
	const struct pgt_format *f = v->pt->fmt;
	u64 span = pgt_span(level), gfn;
	unsigned int i = 0;
	int r;

	if (v->start > base)
		i = (v->start - base) >> (level * PGT_BITS);
	if (!level && v->low) {
		v->low(v, &table[i], (v->end - base < PGT_ENTRIES ?
				      v->end - base : PGT_ENTRIES) - i);
		return 0;
	}
	for (gfn = base + i * span; i < PGT_ENTRIES && gfn < v->end;
	     i++, gfn += span) {
		u64 e = READ_ONCE(table[i]);

		if (!pgt_present(f, e))
			continue;
		if (pgt_is_leaf(f, e, level)) {
			r = v->leaf(v, &table[i], e, gfn, level);
		} else if (v->table && gfn >= v->start && gfn + span <= v->end) {
			v->table(v, &table[i], e, level);
			r = 0;
		} else {
			r = pgt_visit_table(v, pgt_child(f, e), level - 1, gfn);
		}
		if (r)
			return r;
	}
	return 0;
}

static int pgt_visit_range(struct pgt_visit *v)
{
	int top = v->pt->fmt->top_level;

	if (v->end > pgtable_gfn_end(v->pt->fmt))
		v->end = pgtable_gfn_end(v->pt->fmt);
	if (v->start >= v->end)
		return 0;
	return pgt_visit_table(v, v->pt->root, top, 0);
}

static int pgt_unmap_leaf(struct pgt_visit *v, u64 *slot, u64 e, u64 gfn,
			  int level)
{
	WRITE_ONCE(*slot, 0);
	v->hit = true;
	return 0;
}

static void pgt_unmap_table(struct pgt_visit *v, u64 *slot, u64 e, int level)
{
	WRITE_ONCE(*slot, 0);
	pgt_mem_defer(&v->pt->unlinked, pgt_child(v->pt->fmt, e), level - 1);
	v->hit = true;
}

bool pgtable_unmap(struct pgtable *pt, u64 start, u64 end)
{
	struct pgt_visit v = { .pt = pt, .start = start, .end = end,
			       .leaf = pgt_unmap_leaf, .table = pgt_unmap_table };

	pgt_visit_range(&v);
	return v.hit;
}

/*
 * The CPU may set accessed and dirty bits at any moment: clear with cmpxchg.
 * A bit that it sets in between is kept by trying again.
 */
static bool pgt_clear_bits(u64 *slot, u64 e, u64 bits)
{
	bool had = false;

	while (e & bits) {
		had = true;
		if (pgt_cmpxchg(slot, e, e & ~bits))
			break;
		e = READ_ONCE(*slot);
	}
	return had;
}

static int pgt_wrprotect_leaf(struct pgt_visit *v, u64 *slot, u64 e, u64 gfn,
			      int level)
{
	v->hit |= pgt_clear_bits(slot, e, v->pt->fmt->write);
	return 0;
}

bool pgtable_wrprotect(struct pgtable *pt, u64 start, u64 end)
{
	struct pgt_visit v = { .pt = pt, .start = start, .end = end,
			       .leaf = pgt_wrprotect_leaf };

	pgt_visit_range(&v);
	return v.hit;
}

/* An empty entry has no dirty bit. */
static void pgt_clean_low(struct pgt_visit *v, u64 *slot, unsigned int n)
{
	u64 dirty = v->pt->fmt->dirty, *end = slot + n;

	for (; slot < end; slot++) {
		if (!(READ_ONCE(*slot) & dirty))
			continue;
		pgt_andnot(slot, dirty);
		v->hit = true;
	}
}

bool pgtable_clean(struct pgtable *pt, u64 start, u64 end)
{
	struct pgt_visit v = { .pt = pt, .start = start, .end = end,
			       .leaf = pgt_wrprotect_leaf,
			       .low = pgt_clean_low };

	pgt_visit_range(&v);
	return v.hit;
}

bool pgtable_clean_or_unmap(struct pgtable *pt, u64 start, u64 end)
{
	struct pgt_visit v = { .pt = pt, .start = start, .end = end,
			       .leaf = pgt_unmap_leaf, .low = pgt_clean_low };

	pgt_visit_range(&v);
	return v.hit;
}

static int pgt_age_leaf(struct pgt_visit *v, u64 *slot, u64 e, u64 gfn,
			int level)
{
	u64 bit = v->pt->fmt->accessed;

	if (!bit || (e & bit))
		v->hit = true;
	if (v->clear && bit)
		pgt_clear_bits(slot, e, bit);
	return v->hit && !v->clear;
}

bool pgtable_age(struct pgtable *pt, u64 start, u64 end, bool clear)
{
	struct pgt_visit v = { .pt = pt, .start = start, .end = end,
			       .leaf = pgt_age_leaf, .clear = clear };

	pgt_visit_range(&v);
	return v.hit;
}

static int pgt_call_leaf(struct pgt_visit *v, u64 *slot, u64 e, u64 gfn,
			 int level)
{
	return v->fn(gfn, level, e, v->arg);
}

int pgtable_for_each(const struct pgtable *pt, u64 start, u64 end,
		     int (*fn)(u64 gfn, int level, u64 entry, void *arg),
		     void *arg)
{
	struct pgt_visit v = { .pt = (struct pgtable *)pt, .start = start,
			       .end = end, .leaf = pgt_call_leaf, .fn = fn,
			       .arg = arg };

	return pgt_visit_range(&v);
}
