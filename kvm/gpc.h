/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gfn-to-pfn caches: a guest page kept mapped in the kernel, so that event
 * delivery and runstate can write it in atomic context.
 *
 * A cache is valid between a successful activate or refresh and the next
 * invalidation (MMU notifier on its hva, or a slot change).  In a context that
 * may sleep, gpc_access() does all of the work.  In atomic context:
 *	read_lock_irqsave(&gpc->lock, flags);
 *	if (gpc_check(gpc, len))
 *		... use gpc->khva ...
 *	read_unlock_irqrestore(&gpc->lock, flags);
 * where a failed check means: give up, leave it to a place that may sleep.
 * Readers have interrupts off, too: some hold an eventfd's lock, and an
 * interrupt that waits for that must not stop one that they wait for.
 */
#ifndef XKVM_GPC_H
#define XKVM_GPC_H

#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "memslot.h"

struct vm;

struct gpc {
	struct vm *vm;
	rwlock_t lock;			/* all below; irqs off */
	struct mutex refresh_lock;	/* one refresher; outside lock */
	struct list_head link;		/* vm->xen.gpcs under gpc_list_lock */
	/* gpa, uhva, active: written under both locks, read under either */
	gpa_t gpa;			/* GPA_INVALID for an hva cache */
	hva_t uhva;			/* of the first byte; 0: none */
	void *khva;			/* of the first byte, in the kernel */
	bool active, valid;		/* valid implies active */
};

/*
 * gpc_init() - once, before anything else; never on an active cache, since it
 * initialises the lock.  Each place of use has a lock class of its own: two
 * caches of one class are never locked together.
 */
#define gpc_init(gpc, vm)						\
	do {								\
		static struct lock_class_key key_;			\
									\
		gpc_init_class((gpc), (vm), #gpc, &key_);		\
	} while (0)
void gpc_init_class(struct gpc *gpc, struct vm *vm, const char *name,
		    struct lock_class_key *key);

/*
 * gpc_activate() - cache @len bytes at @gpa; the range must lie in one page.
 * An active cache moves there.  Sleeps.  0; -EINVAL for a bad range; -EFAULT:
 * no writable memory there; -EINTR: the caller is being killed.  On an error
 * the cache is left inactive.
 */
int gpc_activate(struct gpc *gpc, gpa_t gpa, u32 len);

/* The same for a user address of the VM's mm (KVM_XEN_..._HVA). */
int gpc_activate_hva(struct gpc *gpc, hva_t uhva, u32 len);

/* Usable for @len bytes now?  Holds gpc->lock; atomic context. */
static inline bool gpc_check(const struct gpc *gpc, u32 len)
{
	lockdep_assert_held(&gpc->lock);
	return gpc->valid && offset_in_page(gpc->uhva) + len <= PAGE_SIZE;
}

/* Make it usable again.  Sleeps.  -EINVAL if inactive; -EFAULT; -EINTR. */
int gpc_refresh(struct gpc *gpc, u32 len);

/*
 * gpc_access() - call @fn(gpc, arg) with @len bytes at gpc->khva usable,
 * gpc->lock held for reading and interrupts off; refreshes first where needed.
 * Sleeps.  0 or gpc_refresh()'s error, and then @fn was not called.
 */
int gpc_access(struct gpc *gpc, u32 len,
	       void (*fn)(struct gpc *gpc, void *arg), void *arg);

/* Drop it; idempotent.  Sleeps. */
void gpc_deactivate(struct gpc *gpc);

/* gpc_mark_dirty() of vm.h where a slot logs. */
void gpc_log_write(struct gpc *gpc);

/*
 * From the MMU notifier and slot changes: caches on user addresses in
 * [@start, @end) become invalid.  Atomic context; no mmu_lock needed, and the
 * caller has already raised the invalidation count or the slots' generation.
 */
void gpc_invalidate_hva(struct vm *vm, hva_t start, hva_t end);

#endif
