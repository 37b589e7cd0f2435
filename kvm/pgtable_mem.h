/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory for pgtable.c in the kernel.  A host build puts a file of this name
 * earlier in the include path.
 */
#ifndef XKVM_PGTABLE_MEM_H
#define XKVM_PGTABLE_MEM_H

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "pgtable.h"

static inline void *pgt_mem_alloc(void)
{
	return (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

static inline void pgt_mem_free(void *table)
{
	free_page((unsigned long)table);
}

static inline u64 pgt_mem_phys(const void *table)
{
	return __pa(table);
}

static inline u64 *pgt_mem_virt(u64 phys)
{
	return __va(phys);
}

/* Chain through struct page: the table itself must stay as it is. */
static inline void pgt_mem_defer(struct pgt_unlinked *u, void *table, int level)
{
	struct page *page = virt_to_page(table);

	set_page_private(page, level);
	page->lru.next = u->first;
	u->first = table;
}

static inline void *pgt_mem_undefer(struct pgt_unlinked *u, int *level)
{
	void *table = u->first;
	struct page *page;

	if (!table)
		return NULL;
	page = virt_to_page(table);
	u->first = page->lru.next;
	*level = page_private(page);
	set_page_private(page, 0);
	return table;
}

/* Between two tables that are freed. */
#define pgt_mem_pause()	cond_resched()

#define pgt_cmpxchg(p, old, new)	(cmpxchg64((p), (old), (new)) == (old))
#define pgt_andnot(p, bits)	atomic64_andnot((bits), (atomic64_t *)(p))
#define pgt_add(p, n)	atomic_long_add((n), (atomic_long_t *)(p))

#endif
