// SPDX-License-Identifier: GPL-2.0-only
/*
 * gfn-to-pfn caches.  See gpc.h for their use and locks.
 *
 * A valid cache holds no reference to its page.  It does not need one: the
 * page cannot leave its user address, be cleaned or be write-protected without
 * an MMU-notifier invalidation of that address, and gpc_invalidate_hva() waits
 * in gpc->lock for whoever uses the mapping.  So a cached page stays as
 * movable as any other.  It is marked dirty when the cache becomes valid,
 * which covers every write until the invalidation that precedes a cleaning.
 *
 * A refresh follows the protocol of memslot.h.  That no invalidation is lost:
 * the notifier raises its count, then takes gpc->lock; gpc_install() looks at
 * the count inside gpc->lock.  Either it sees the count and starts again, or
 * the notifier finds the cache valid and ends that.  The notifier finds it
 * because a cache is on the VM's list before it is active, and an inactive
 * one is never refreshed.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "vm.h"

void gpc_init_class(struct gpc *gpc, struct vm *vm, const char *name,
		    struct lock_class_key *key)
{
	gpc->vm = vm;
	rwlock_init(&gpc->lock);
	lockdep_set_class_and_name(&gpc->lock, key, name);
	mutex_init(&gpc->refresh_lock);
	INIT_LIST_HEAD(&gpc->link);
	gpc->gpa = GPA_INVALID;
}

static bool gpc_range_ok(u64 addr, u32 len)
{
	return len && len <= PAGE_SIZE && offset_in_page(addr) + len <= PAGE_SIZE;
}

/* The user address of the first byte, as the slots have it now. */
static int gpc_resolve(const struct gpc *gpc, hva_t *uhva)
{
	struct memslot_ref ref;

	lockdep_assert_held(&gpc->refresh_lock);
	if (gpc->gpa == GPA_INVALID) {
		*uhva = gpc->uhva;
		return 0;
	}
	if (memslot_lookup(gpc->vm, NULL, gpc->gpa >> PAGE_SHIFT, &ref) ||
	    (ref.flags & KVM_MEM_READONLY))
		return -EFAULT;
	*uhva = ref.hva + offset_in_page(gpc->gpa);
	return 0;
}

/* A reference to the page at @uhva, writable.  Workers have another mm. */
static int gpc_get_page(struct mm_struct *mm, hva_t uhva, struct page **page)
{
	unsigned long start = uhva & PAGE_MASK;
	long got;

	if (current->mm == mm) {
		got = get_user_pages_fast(start, 1, FOLL_WRITE, page);
	} else {
		if (!mmget_not_zero(mm))
			return -EFAULT;
		mmap_read_lock(mm);
		got = compat_get_user_pages_remote(mm, start, 1, FOLL_WRITE,
						   page);
		mmap_read_unlock(mm);
		mmput(mm);
	}
	return got == 1 ? 0 : -EFAULT;
}

/* -EAGAIN: @uhva or the slots changed since @seq. */
static int gpc_install(struct gpc *gpc, unsigned long seq, hva_t uhva,
		       struct page *page)
{
	struct vm *vm = gpc->vm;
	int ret = -EAGAIN;

	read_lock(&vm->mmu_lock);
	write_lock_irq(&gpc->lock);
	if (!memslot_inv_retry(vm, seq, uhva, 1)) {
		gpc->uhva = uhva;
		/* from the offset of now: the page may be the one of before */
		gpc->khva = page_address(page) + offset_in_page(uhva);
		gpc->valid = true;
		ret = 0;
	}
	write_unlock_irq(&gpc->lock);
	read_unlock(&vm->mmu_lock);
	return ret;
}

static int gpc_refresh_locked(struct gpc *gpc)
{
	struct vm *vm = gpc->vm;
	unsigned long seq;
	struct page *page;
	hva_t uhva;
	int ret;

	lockdep_assert_held(&gpc->refresh_lock);
	do {
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		seq = memslot_inv_begin(vm);
		ret = gpc_resolve(gpc, &uhva);
		if (ret)
			return ret;
		ret = gpc_get_page(vm->mm, uhva, &page);
		if (ret)
			return ret;
		set_page_dirty_lock(page);
		ret = gpc_install(gpc, seq, uhva, page);
		put_page(page);
	} while (ret == -EAGAIN);
	return ret;
}

static bool gpc_is_valid(struct gpc *gpc)
{
	bool valid;

	read_lock_irq(&gpc->lock);
	valid = gpc->valid;
	read_unlock_irq(&gpc->lock);
	return valid;
}

int gpc_refresh(struct gpc *gpc, u32 len)
{
	int ret = 0;

	might_sleep();
	mutex_lock(&gpc->refresh_lock);
	if (!gpc->active ||
	    !gpc_range_ok(gpc->gpa == GPA_INVALID ? gpc->uhva : gpc->gpa, len))
		ret = -EINVAL;
	else if (!gpc_is_valid(gpc))
		ret = gpc_refresh_locked(gpc);
	mutex_unlock(&gpc->refresh_lock);
	return ret;
}

int gpc_access(struct gpc *gpc, u32 len,
	       void (*fn)(struct gpc *gpc, void *arg), void *arg)
{
	unsigned long flags;
	bool done;
	int ret;

	for (;;) {
		read_lock_irqsave(&gpc->lock, flags);
		done = gpc_check(gpc, len);
		if (done)
			fn(gpc, arg);
		read_unlock_irqrestore(&gpc->lock, flags);
		if (done)
			return 0;
		ret = gpc_refresh(gpc, len);
		if (ret)
			return ret;
	}
}

/* Where the cache lies from now on; not valid before a refresh. */
static void gpc_set(struct gpc *gpc, gpa_t gpa, hva_t uhva, bool active)
{
	lockdep_assert_held(&gpc->refresh_lock);
	write_lock_irq(&gpc->lock);
	gpc->gpa = gpa;
	gpc->uhva = uhva;
	gpc->khva = NULL;
	gpc->valid = false;
	WRITE_ONCE(gpc->active, active);
	write_unlock_irq(&gpc->lock);
}

static void gpc_link(struct gpc *gpc)
{
	struct xen_vm *xen = &gpc->vm->xen;

	spin_lock_irq(&xen->gpc_list_lock);
	if (list_empty(&gpc->link))
		list_add(&gpc->link, &xen->gpcs);
	spin_unlock_irq(&xen->gpc_list_lock);
}

static void gpc_drop(struct gpc *gpc)
{
	struct xen_vm *xen = &gpc->vm->xen;

	/* no longer valid before it is out of the notifier's reach */
	gpc_set(gpc, GPA_INVALID, 0, false);
	spin_lock_irq(&xen->gpc_list_lock);
	list_del_init(&gpc->link);
	spin_unlock_irq(&xen->gpc_list_lock);
}

static int gpc_activate_at(struct gpc *gpc, gpa_t gpa, hva_t uhva, u32 len)
{
	int ret = -EINVAL;

	might_sleep();
	mutex_lock(&gpc->refresh_lock);
	if (gpc_range_ok(gpa == GPA_INVALID ? uhva : gpa, len)) {
		gpc_link(gpc);
		gpc_set(gpc, gpa, uhva, true);
		ret = gpc_refresh_locked(gpc);
	}
	if (ret)
		gpc_drop(gpc);
	mutex_unlock(&gpc->refresh_lock);
	return ret;
}

int gpc_activate(struct gpc *gpc, gpa_t gpa, u32 len)
{
	/* that value is what marks a cache of a user address */
	if (gpa == GPA_INVALID) {
		gpc_deactivate(gpc);
		return -EINVAL;
	}
	return gpc_activate_at(gpc, gpa, 0, len);
}

int gpc_activate_hva(struct gpc *gpc, hva_t uhva, u32 len)
{
	return gpc_activate_at(gpc, GPA_INVALID, uhva, len);
}

void gpc_deactivate(struct gpc *gpc)
{
	mutex_lock(&gpc->refresh_lock);
	if (gpc->active)
		gpc_drop(gpc);
	mutex_unlock(&gpc->refresh_lock);
}

void gpc_log_write(struct gpc *gpc)
{
	lockdep_assert_held(&gpc->lock);
	if (gpc->gpa != GPA_INVALID)
		mark_page_dirty(gpc->vm, gpc->gpa >> PAGE_SHIFT);
}

void gpc_invalidate_hva(struct vm *vm, hva_t start, hva_t end)
{
	unsigned long flags;
	struct gpc *gpc;

	spin_lock_irqsave(&vm->xen.gpc_list_lock, flags);
	list_for_each_entry(gpc, &vm->xen.gpcs, link) {
		write_lock(&gpc->lock);
		if (gpc->valid && gpc->uhva >= start && gpc->uhva < end) {
			gpc->valid = false;
			gpc->khva = NULL;
		}
		write_unlock(&gpc->lock);
	}
	spin_unlock_irqrestore(&vm->xen.gpc_list_lock, flags);
}
