// SPDX-License-Identifier: GPL-2.0-only
/*
 * MMU notifier: host page tables change, the guest's follow.
 *
 * hook->lock guards the list of VMs, their pins and the invalidation counters.  A fault or
 * cache reads the counters without it: both sides pass through the VM's
 * mmu_lock (or the cache's lock) afterwards, which orders them.
 */
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "arch.h"
#include "notifier.h"
#include "trace.h"
#include "vm.h"

/* What is zapped at a time: others may have mmu_lock, or the CPU, in between. */
#define NOTIFIER_PIECE	(1ul << 30)

struct mmu_hook {
	struct mmu_notifier mn;
	spinlock_t lock;
	struct list_head vms;
	wait_queue_head_t unpinned;	/* a VM of the list is, perhaps */
	unsigned long seq;		/* invalidations ended */
	long count;			/* invalidations under way */
	unsigned long start, end;	/* hull of those under way */
};

unsigned long notifier_seq(const struct vm *vm)
{
	unsigned long seq = READ_ONCE(vm->hook->seq);

	/* before the page is looked up; pairs with hook_end()'s first barrier */
	smp_rmb();
	return seq;
}

bool notifier_retry(const struct vm *vm, unsigned long seq, hva_t hva,
		    unsigned long len)
{
	const struct mmu_hook *h = vm->hook;

	if (unlikely(READ_ONCE(h->count)) && hva + len > READ_ONCE(h->start) &&
	    hva < READ_ONCE(h->end))
		return true;
	/* pairs with hook_end(): count is read before seq */
	smp_rmb();
	return READ_ONCE(h->seq) != seq;
}

static bool notifier_unmap(struct vm *vm, gfn_t start, gfn_t end)
{
	return arch_stage2_unmap(vm, start, end);
}

/* The first piece of [@start, @end) that has something mapped: its end. */
static hva_t notifier_zap_piece(struct vm *vm, hva_t start, hva_t end)
{
	write_lock(&vm->mmu_lock);
	start = memslot_next_hva(vm, start, end);
	if (end - start > NOTIFIER_PIECE)
		end = start + NOTIFIER_PIECE;
	if (start < end &&
	    memslot_for_hva_range(vm, start, end, notifier_unmap)) {
		arch_flush_remote_tlbs(vm);
		arch_stage2_free_unlinked(vm);
	}
	write_unlock(&vm->mmu_lock);
	return end;
}

static void notifier_zap(struct vm *vm, hva_t start, hva_t end, bool may_block)
{
	hva_t at = start;

	while (at < end) {
		at = notifier_zap_piece(vm, at, end);
		if (may_block)
			cond_resched();
	}
	gpc_invalidate_hva(vm, start, end);
}

/*
 * For each VM of the list without hook->lock, for the zap of one can take long:
 * a VM that is pinned stays on the list.
 */
static void notifier_zap_all(struct mmu_hook *h, hva_t start, hva_t end,
			     bool may_block)
{
	struct vm *vm;

	lockdep_assert_held(&h->lock);
	list_for_each_entry(vm, &h->vms, hook_link) {
		vm->hook_pins++;
		spin_unlock(&h->lock);
		notifier_zap(vm, start, end, may_block);
		spin_lock(&h->lock);
		if (!--vm->hook_pins)
			wake_up_all(&h->unpinned);
	}
}

static int hook_start(struct mmu_notifier *mn,
		      const struct mmu_notifier_range *range)
{
	struct mmu_hook *h = container_of(mn, struct mmu_hook, mn);

	trace_xkvm_invalidate(range->start, range->end);
	spin_lock(&h->lock);
	if (!h->count++) {
		WRITE_ONCE(h->start, range->start);
		WRITE_ONCE(h->end, range->end);
	} else {
		WRITE_ONCE(h->start, min(h->start, range->start));
		WRITE_ONCE(h->end, max(h->end, range->end));
	}
	notifier_zap_all(h, range->start, range->end,
			 mmu_notifier_range_blockable(range));
	spin_unlock(&h->lock);
	return 0;
}

static void hook_end(struct mmu_notifier *mn,
		     const struct mmu_notifier_range *range)
{
	struct mmu_hook *h = container_of(mn, struct mmu_hook, mn);

	spin_lock(&h->lock);
	/* the host's tables before seq: pairs with notifier_seq() */
	smp_wmb();
	WRITE_ONCE(h->seq, h->seq + 1);
	/* seq before count: pairs with notifier_retry() */
	smp_wmb();
	WRITE_ONCE(h->count, h->count - 1);
	spin_unlock(&h->lock);
}

static bool notifier_young(struct vm *vm, gfn_t start, gfn_t end)
{
	return arch_stage2_age(vm, start, end, true);
}

static bool notifier_test_young(struct vm *vm, gfn_t start, gfn_t end)
{
	return arch_stage2_age(vm, start, end, false);
}

static int hook_age(struct mmu_notifier *mn, unsigned long start,
		    unsigned long end, bool flush,
		    bool (*fn)(struct vm *vm, gfn_t start, gfn_t end))
{
	struct mmu_hook *h = container_of(mn, struct mmu_hook, mn);
	bool young = false, hit;
	struct vm *vm;

	spin_lock(&h->lock);
	list_for_each_entry(vm, &h->vms, hook_link) {
		write_lock(&vm->mmu_lock);
		hit = memslot_for_hva_range(vm, start, end, fn);
		if (hit && flush)
			arch_flush_remote_tlbs(vm);
		write_unlock(&vm->mmu_lock);
		young |= hit;
	}
	spin_unlock(&h->lock);
	return young;
}

static int hook_clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
				  unsigned long start, unsigned long end)
{
	return hook_age(mn, start, end, true, notifier_young);
}

static int hook_clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
			    unsigned long start, unsigned long end)
{
	return hook_age(mn, start, end, false, notifier_young);
}

static int hook_test_young(struct mmu_notifier *mn, struct mm_struct *mm,
			   unsigned long address)
{
	return hook_age(mn, address, address + 1, false, notifier_test_young);
}

/* The mm dies: nothing of it may stay mapped. */
static void hook_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct mmu_hook *h = container_of(mn, struct mmu_hook, mn);

	spin_lock(&h->lock);
	WRITE_ONCE(h->seq, h->seq + 1);
	notifier_zap_all(h, 0, ~0ul, true);
	spin_unlock(&h->lock);
}

static struct mmu_notifier *hook_alloc(struct mm_struct *mm)
{
	struct mmu_hook *h = kzalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);

	if (!h)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&h->lock);
	INIT_LIST_HEAD(&h->vms);
	init_waitqueue_head(&h->unpinned);
	return &h->mn;
}

static void hook_free(struct mmu_notifier *mn)
{
	kfree(container_of(mn, struct mmu_hook, mn));
}

static const struct mmu_notifier_ops hook_ops = {
	.invalidate_range_start	= hook_start,
	.invalidate_range_end	= hook_end,
	.clear_flush_young	= hook_clear_flush_young,
	.clear_young		= hook_clear_young,
	.test_young		= hook_test_young,
	.release		= hook_release,
	.alloc_notifier		= hook_alloc,
	.free_notifier		= hook_free,
};

int notifier_attach(struct vm *vm)
{
	struct mmu_notifier *mn = mmu_notifier_get(&hook_ops, current->mm);
	struct mmu_hook *h;

	if (IS_ERR(mn))
		return PTR_ERR(mn);
	h = container_of(mn, struct mmu_hook, mn);
	vm->hook = h;
	spin_lock(&h->lock);
	list_add(&vm->hook_link, &h->vms);
	spin_unlock(&h->lock);
	return 0;
}

void notifier_detach(struct vm *vm)
{
	struct mmu_hook *h = vm->hook;

	spin_lock(&h->lock);
	while (unlikely(vm->hook_pins)) {
		spin_unlock(&h->lock);
		wait_event(h->unpinned, !READ_ONCE(vm->hook_pins));
		spin_lock(&h->lock);
	}
	list_del(&vm->hook_link);
	/* timers may still use the caches, and nobody will tell them any more */
	gpc_invalidate_hva(vm, 0, ~0ul);
	spin_unlock(&h->lock);
	mmu_notifier_put(&h->mn);
}

void notifier_module_exit(void)
{
	mmu_notifier_synchronize();
}
