/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gfn-to-pfn caches: a guest page kept mapped in the kernel, so that event
 * delivery and runstate can write it in atomic context.
 *
 * A cache is valid between a successful activate or refresh and the next
 * invalidation (MMU notifier on its hva, or a slot change).  To use it:
 *	read_lock_irqsave(&gpc->lock, flags);
 *	while (!gpc_check(gpc, len)) {
 *		read_unlock_irqrestore(&gpc->lock, flags);
 *		if (gpc_refresh(gpc, len))	(may sleep)
 *			return ...;
 *		read_lock_irqsave(&gpc->lock, flags);
 *	}
 *	... use gpc->khva ...
 * In atomic context a failed check means: give up, leave it to a place that
 * may sleep.
 */
#ifndef XKVM_GPC_H
#define XKVM_GPC_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "memslot.h"

struct vm;

struct gpc {
	struct vm *vm;
	rwlock_t lock;			/* all below; irqs off */
	struct mutex refresh_lock;	/* one refresher; outside lock */
	struct list_head link;		/* vm->xen.gpcs under gpc_list_lock */
	gpa_t gpa;			/* GPA_INVALID for an hva cache */
	hva_t uhva;			/* of the first byte; 0: none */
	u32 slots_gen;			/* generation uhva was looked up in */
	u32 len;
	void *khva;			/* of the first byte, in the kernel */
	struct page *page;
	unsigned long pfn;
	bool active, valid;
};

/* Once, before anything else; never on an active cache. */
void gpc_init(struct gpc *gpc, struct vm *vm);

/*
 * gpc_activate() - cache @len bytes at @gpa; the range must lie in one page.
 * Sleeps.  0; -EINVAL for a bad range; -EFAULT: no writable memory there.
 * On an error the cache is left inactive.
 */
int gpc_activate(struct gpc *gpc, gpa_t gpa, u32 len);

/* The same for a user address of the VM's mm (KVM_XEN_..._HVA). */
int gpc_activate_hva(struct gpc *gpc, hva_t uhva, u32 len);

/* Usable for @len bytes now?  Holds gpc->lock; atomic context. */
bool gpc_check(struct gpc *gpc, u32 len);

/* Make it usable again.  Sleeps.  -EINVAL if inactive; -EFAULT. */
int gpc_refresh(struct gpc *gpc, u32 len);

/* Drop it; idempotent.  Sleeps. */
void gpc_deactivate(struct gpc *gpc);

/* The page was written: tell dirty logging.  Holds gpc->lock. */
void gpc_mark_dirty(struct gpc *gpc);

/*
 * From the MMU notifier and slot changes: caches on user addresses in
 * [@start, @end) become invalid.  Atomic context; no mmu_lock needed, and the
 * caller has already raised vm->inv_count / inv_seq.
 */
void gpc_invalidate_hva(struct vm *vm, hva_t start, hva_t end);

#endif
