/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Special pages: pages laid over the guest's memory map at a gfn, which hide
 * whatever slot lies there.
 *
 * Two kinds.  User space's pages (shared_info, grant and status frames) are
 * part of the address space the VMM has, and whoever looks a gfn up finds them
 * (memslot_lookup()).  The kernel's page has a gfn that is set aside for it:
 * to every look-up there is no memory, mapped or not, so it is no target of
 * copies, caches, hypercall pages, the emulator or dirty logging.
 */
#ifndef XKVM_SPECIAL_H
#define XKVM_SPECIAL_H

#include "memslot.h"

struct page;
struct xkvm_special_page;

#define SPECIAL_MAX	4096		/* user space's pages of a VM */

/* The kernel's page of a VM.  mmu_lock. */
struct special_kernel {
	gfn_t gfn;			/* set aside for it, or GPA_INVALID */
	struct page *page;		/* NULL: it may not be mapped */
	bool mapped;			/* the tables may have it */
};

/*
 * No mapper takes or drops references to a page of this kind: it belongs to
 * the module and outlives every VM.
 */
static inline bool special_refcount_suppressed(enum special_kind kind)
{
	return kind == SPECIAL_KERNEL;
}

void special_init(struct vm *vm);
void special_exit(struct vm *vm);	/* after vCPUs and notifier are gone */

/*
 * XKVM_MAP_SPECIAL, XKVM_UNMAP_SPECIAL: see include/uapi/linux/xkvm.h for
 * their results.  Take slots_lock and mmu_lock; sleep.
 */
int special_map(struct vm *vm, const struct xkvm_special_page *p);
int special_unmap(struct vm *vm, const struct xkvm_special_page *p);

/*
 * Under rcu_read_lock().  special_lookup(): true and *@ref, or false: no page
 * of user space's there.  special_clip(): @ref, of @gfn in a slot, shrinks to
 * what no special page interrupts.
 */
bool special_lookup(struct vm *vm, gfn_t gfn, struct memslot_ref *ref);
void special_clip(struct vm *vm, gfn_t gfn, struct memslot_ref *ref);

/* As memslot_for_hva_range(), for user space's pages.  Under mmu_lock. */
bool special_for_hva_range(struct vm *vm, hva_t start, hva_t end,
			   bool (*fn)(struct vm *vm, gfn_t start, gfn_t end));

/*
 * The kernel's page.  special_set_aside() takes its gfn from the memory map,
 * for good, and lets @page (or NULL) be mapped there; a second call changes
 * nothing.  Sleeps, takes slots_lock.  special_withdraw() ends that for good:
 * when it returns no CPU translates to the page.  special_kernel_page() is the
 * page to map or NULL, under mmu_lock for writing, and notes that it is mapped.
 * special_kernel_users(): how many VMs' tables have it.
 */
void special_set_aside(struct vm *vm, gfn_t gfn, struct page *page);
int special_kernel_users(void);
void special_withdraw(struct vm *vm);
struct page *special_kernel_page(struct vm *vm);

#endif
