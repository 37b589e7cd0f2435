/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second-stage page tables over a format: walk, map, unmap, write-protect.
 *
 * Knows nothing of VMs, slots or the CPU.  A format is data (masks), so that
 * EPT and stage-2 share the code and a host unit test can make up its own.
 * Table memory comes through pgtable_mem.h, which a host build replaces.
 *
 * Locking, by the caller: "shared" functions may run in parallel with each
 * other (entries are installed with cmpxchg), "exclusive" ones with nothing.
 * In the module that is vm->mmu_lock for reading and for writing.
 *
 * Level 0 is the 4 KiB page, 1 is 2 MiB, 2 is 1 GiB.
 */
#ifndef XKVM_PGTABLE_H
#define XKVM_PGTABLE_H

#include <linux/types.h>

#define PGT_SHIFT	12
#define PGT_BITS	9
#define PGT_ENTRIES	(1u << PGT_BITS)
#define PGT_MAX_LEVELS	5

/* Pages (of 4 KiB) that one entry of @level spans. */
static inline u64 pgt_span(int level)
{
	return 1ull << (level * PGT_BITS);
}

/* What the bits of an entry mean. */
struct pgt_format {
	u64 present;		/* any of these set: entry valid to hardware */
	u64 addr;		/* output address bits */
	u64 write;		/* write permission of a leaf */
	u64 deny;		/* permissions that set bits take away (XN) */
	u64 type;		/* of a leaf, a value and not rights: memory type */
	u64 accessed;		/* 0: no such bit */
	u64 dirty;		/* 0: no such bit */
	u64 table;		/* all bits but the address of a table entry */
	u64 leaf_mask, leaf_val; /* leaf above level 0: (e & mask) == val */
	u64 page_bits;		/* OR-ed into a leaf of level 0 */
	u64 block_bits;		/* OR-ed into a leaf above level 0 */
	int top_level;		/* level of the root table */
	int max_leaf;		/* largest level that may hold a leaf */
};

/* The first gfn that tables of format @f have no entry for. */
static inline u64 pgtable_gfn_end(const struct pgt_format *f)
{
	return pgt_span(f->top_level + 1);
}

/* Tables cut off the tree and not yet flushed from the CPUs' caches. */
struct pgt_unlinked {
	void *first;		/* chained by pgtable_mem.h */
};

struct pgtable {
	const struct pgt_format *fmt;
	u64 *root;
	struct pgt_unlinked unlinked;
	unsigned long nr_tables; /* atomic: root included */
};

/* Table pages set aside before the locks, enough for one map. */
struct pgt_cache {
	void *page[PGT_MAX_LEVELS];
	int nr;
};

/* Fill @c.  Sleeps.  0 or -ENOMEM. */
int pgt_cache_fill(struct pgt_cache *c);
void pgt_cache_free(struct pgt_cache *c);

/* Allocate the root; 0 or -ENOMEM.  pgtable_destroy() frees everything. */
int pgtable_create(struct pgtable *pt, const struct pgt_format *fmt);
void pgtable_destroy(struct pgtable *pt);

/* The host physical address of the root table. */
u64 pgtable_root(const struct pgtable *pt);

/*
 * pgtable_map() - map @gfn to @pfn with the permission and type bits @prot.
 * Shared.  @level is the size wanted; gfn and pfn are those of the 4 KiB page
 * of interest and are aligned down here.  Where a table stands already, the
 * mapping becomes smaller; where a larger leaf stands that does not allow what
 * @prot does, it is split.  An entry that allows it all is left alone.
 * Returns the level mapped (>= 0), -EAGAIN (lost a race: fault again),
 * -ENOMEM (@c is empty), -EFAULT (@gfn is beyond pgtable_gfn_end()).
 * *@flush (never cleared here) tells that a leaf with other rights or another
 * address was replaced, so stale translations must go.
 */
int pgtable_map(struct pgtable *pt, u64 gfn, u64 pfn, int level, u64 prot,
		struct pgt_cache *c, bool *flush);

/*
 * pgtable_unmap() - remove all mappings of [@start, @end).  Exclusive.
 * A leaf that sticks out of the range goes as a whole: what lay outside faults
 * and comes back, while to keep it would take a table, and there may be no
 * memory for one.  Returns whether anything was there; tables cut off wait in pt->unlinked for
 * pgtable_take_unlinked(), which must come after the flush.
 */
bool pgtable_unmap(struct pgtable *pt, u64 start, u64 end);

/*
 * pgtable_take_unlinked() - after the flush: move the tables cut off to @u, and
 * tell whether there are any there.  Exclusive; its work is bounded by what the
 * unmaps walked.  pgtable_free_list() frees them and all below them, millions
 * perhaps: with no lock held, as it reschedules.
 */
bool pgtable_take_unlinked(struct pgtable *pt, struct pgt_unlinked *u);
void pgtable_free_list(struct pgtable *pt, struct pgt_unlinked *u);

/* Take write permission from every leaf that the range touches.  Exclusive. */
bool pgtable_wrprotect(struct pgtable *pt, u64 start, u64 end);

/*
 * Clear the dirty bit of every page the range touches; of a larger leaf take
 * write permission instead, so that it is split before it is written to.
 * Exclusive.  For formats with a dirty bit.
 */
bool pgtable_clean(struct pgtable *pt, u64 start, u64 end);

/*
 * As pgtable_clean(), but remove larger leaves: the faults that bring them back
 * page by page also map around, which those that split a leaf do not.
 */
bool pgtable_clean_or_unmap(struct pgtable *pt, u64 start, u64 end);

/*
 * Was any leaf in the range accessed?  @clear: and clear it.  Exclusive.
 * Without accessed bits a present leaf counts as accessed.
 */
bool pgtable_age(struct pgtable *pt, u64 start, u64 end, bool clear);

/* The leaf that maps @gfn and its level, or 0.  Shared. */
u64 pgtable_lookup(const struct pgtable *pt, u64 gfn, int *level);

/*
 * Of the @n gfns from @first, a multiple of @n, which is a power of two up to
 * 64: a bit for each that no leaf maps.  Shared.
 */
u64 pgtable_missing(const struct pgtable *pt, u64 first, unsigned int n);

/*
 * Call @fn for each leaf that [@start, @end) touches in order, with the first
 * gfn of the leaf, which may lie before @start; a non-zero result ends
 * the walk and is returned.  Shared.
 */
int pgtable_for_each(const struct pgtable *pt, u64 start, u64 end,
		     int (*fn)(u64 gfn, int level, u64 entry, void *arg),
		     void *arg);

#endif
