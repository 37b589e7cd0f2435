/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory for kvm/pgtable.c on the host; pgtable_machine.c has it.  Included
 * before everything else, so that its guard keeps the kernel's version out.
 */
#ifndef XKVM_PGTABLE_MEM_H
#define XKVM_PGTABLE_MEM_H

#include <linux/types.h>
#include <linux/compiler.h>

#include "../../../kvm/pgtable.h"

void *pgt_mem_alloc(void);
void pgt_mem_free(void *table);
void pgt_mem_defer(struct pgt_unlinked *u, void *table, int level);
void *pgt_mem_undefer(struct pgt_unlinked *u, int *level);
bool machine_cmpxchg(u64 *p, u64 old, u64 new);

/* A table's address is its physical one: bits 12 to 46. */
static inline u64 pgt_mem_phys(const void *table)
{
	return (u64)(uintptr_t)table;
}

static inline u64 *pgt_mem_virt(u64 phys)
{
	return (u64 *)(uintptr_t)phys;
}

extern unsigned int machine_pauses;
#define pgt_mem_pause()	((void)machine_pauses++)

/* What a caller without limits of time does after its flush. */
#define pgtable_free_unlinked(pt)					\
	do {								\
		struct pgt_unlinked list_ = { NULL };			\
									\
		if (pgtable_take_unlinked((pt), &list_))		\
			pgtable_free_list((pt), &list_);		\
	} while (0)

#define pgt_cmpxchg(p, old, new)	machine_cmpxchg((p), (old), (new))
#define pgt_andnot(p, bits)						\
	((void)__atomic_fetch_and((p), ~(bits), __ATOMIC_SEQ_CST))
#define pgt_add(p, n)	__atomic_fetch_add((p), (n), __ATOMIC_SEQ_CST)

#endif
