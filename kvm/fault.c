// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-stage faults, common part: slot, page, size, and the pages around.
 *
 * Faults run in parallel under mmu_lock for reading; entries are installed by
 * compare-and-exchange.  No page reference is kept: the MMU notifier takes the
 * entry away before the host gives the page to somebody else.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include "arch.h"
#include "fault.h"
#include "trace.h"
#include "vm.h"

#define AROUND_PAGES	16	/* aligned window mapped around a 4 KiB fault */

/*
 * The level of the host's own mapping of @hva, at most @max.  The caller holds
 * mmu_lock and has checked the invalidation sequence, so the entry that made
 * the page can change only after we are done; interrupts off keep the tables
 * from being freed under the walk.
 */
static int fault_host_level(struct mm_struct *mm, hva_t hva, int max)
{
	unsigned long flags;
	int level = 0;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(mm, hva));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		level = 2;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (pmd_none(pmd) || !pmd_present(pmd))
		goto out;
	if (pmd_leaf(pmd))
		level = 1;
out:
	local_irq_restore(flags);
	return min(level, max);
}

/* The largest level at which gfn and hva are aligned alike inside the slot. */
static int fault_slot_level(const struct memslot_ref *ref, gfn_t gfn)
{
	gfn_t end = ref->base_gfn + ref->npages;
	int level;

	if (ref->flags & KVM_MEM_LOG_DIRTY_PAGES)
		return 0;
	for (level = 2; level; level--) {
		u64 span = pgt_span(level);

		if (((ref->hva >> PAGE_SHIFT) ^ gfn) & (span - 1))
			continue;
		if ((gfn & ~(span - 1)) >= ref->base_gfn &&
		    (gfn | (span - 1)) < end)
			break;
	}
	return level;
}

/*
 * The page behind @hva, with a reference.  A read of writable memory takes the
 * page writable if the host has it so already.
 */
static int fault_get_page(hva_t hva, bool write, bool may_write,
			  struct page **page, bool *writable)
{
	int n;

	*writable = may_write;
	if (may_write && get_user_pages_fast_only(hva, 1, FOLL_WRITE, page) == 1)
		return 0;
	*writable = write;
	n = get_user_pages_fast(hva, 1, write ? FOLL_WRITE : 0, page);
	if (n == 1)
		return 0;
	return n < 0 ? n : -EFAULT;
}

/*
 * What the guest writes leaves no trace in the host's own entry, which may be
 * writable and clean: reclaim would drop the page.  Marked before the sequence
 * is checked, so a page that is cleaned afterwards is unmapped first.
 */
static void fault_set_dirty(struct page *page)
{
	if (!PageDirty(page))
		set_page_dirty_lock(page);
}

/*
 * Map what the host has present around the fault, so that its neighbours do
 * not fault.  Nothing here is necessary: it gives up at the first obstacle.
 */
static void fault_around(struct vcpu *vcpu, const struct memslot_ref *ref,
			 gfn_t gfn, unsigned long seq)
{
	struct vm *vm = vcpu->vm;
	struct page *pages[AROUND_PAGES];
	gfn_t first = max(gfn & ~(gfn_t)(AROUND_PAGES - 1), ref->base_gfn);
	gfn_t end = min((gfn | (AROUND_PAGES - 1)) + 1,
			ref->base_gfn + ref->npages);
	hva_t hva = ref->hva - ((gfn - first) << PAGE_SHIFT);
	bool writable = !(ref->flags & KVM_MEM_READONLY), flush = false;
	int i, n;

	/* a window starts with the faulting page or with what precedes it */
	n = get_user_pages_fast_only(hva, end - first,
				     writable ? FOLL_WRITE : 0, pages);
	if (n <= 0 && first != gfn) {
		hva = ref->hva;
		first = gfn;
		n = get_user_pages_fast_only(hva, end - first,
					     writable ? FOLL_WRITE : 0, pages);
	}
	if (n <= 0)
		return;
	for (i = 0; writable && i < n; i++)
		fault_set_dirty(pages[i]);
	read_lock(&vm->mmu_lock);
	for (i = 0; i < n; i++, first++, hva += PAGE_SIZE) {
		struct fault f = {
			.gpa = first << PAGE_SHIFT,
			.writable = writable,
			.pfn = page_to_pfn(pages[i]),
		};

		if (memslot_inv_retry(vm, seq, hva) ||
		    arch_stage2_map(vcpu, &f, &flush))
			break;
		vcpu->stat.faults_around++;
	}
	read_unlock(&vm->mmu_lock);
	for (i = 0; i < n; i++)
		put_page(pages[i]);
	if (flush)
		arch_flush_remote_tlbs(vm);
}

/* One try; FAULT_RETRY when an invalidation came in between. */
static int fault_try(struct vcpu *vcpu, struct fault *f,
		     struct memslot_ref *ref)
{
	struct vm *vm = vcpu->vm;
	gfn_t gfn = f->gpa >> PAGE_SHIFT;
	unsigned long seq = memslot_inv_begin(vm);
	bool may_write, flush = false;
	struct page *page;
	int ret;

	if (memslot_lookup(vm, vcpu, gfn, ref))
		return FAULT_MMIO;
	may_write = !(ref->flags & KVM_MEM_READONLY);
	if (f->write && !may_write)
		return FAULT_MMIO;
	/* a page is writable only once its bit is set */
	if ((ref->flags & KVM_MEM_LOG_DIRTY_PAGES) && !f->write)
		may_write = false;
	ret = fault_get_page(ref->hva, f->write, may_write, &page, &f->writable);
	if (ret)
		return ret;
	if (f->writable)
		fault_set_dirty(page);
	f->pfn = page_to_pfn(page);

	read_lock(&vm->mmu_lock);
	ret = FAULT_RETRY;
	if (memslot_inv_retry(vm, seq, ref->hva))
		goto out_unlock;
	f->level = fault_slot_level(ref, gfn);
	if (f->level)
		f->level = fault_host_level(vm->mm, ref->hva, f->level);
	if (f->write)
		mark_page_dirty(vm, gfn);
	ret = arch_stage2_map(vcpu, f, &flush);
	ret = ret == -EAGAIN ? FAULT_RETRY : ret;
out_unlock:
	read_unlock(&vm->mmu_lock);
	put_page(page);
	if (flush)
		arch_flush_remote_tlbs(vm);
	if (ret == FAULT_MAPPED && !f->level &&
	    !(ref->flags & KVM_MEM_LOG_DIRTY_PAGES))
		fault_around(vcpu, ref, gfn, seq);
	return ret;
}

int fault_handle(struct vcpu *vcpu, gpa_t gpa, bool write, bool exec)
{
	struct fault f = { .gpa = gpa, .write = write, .exec = exec };
	struct memslot_ref ref;
	int ret, tries;

	vcpu->stat.faults++;
	for (tries = 0; tries < 8; tries++) {
		ret = arch_stage2_prepare(vcpu);
		if (ret)
			return ret;
		ret = fault_try(vcpu, &f, &ref);
		if (ret != FAULT_RETRY || signal_pending(current))
			break;
		cond_resched();
	}
	/* gup gives up on a signal: that is not the memory's fault */
	if (ret == -EINTR || ret == -EAGAIN ||
	    (ret == -EFAULT && fatal_signal_pending(current)))
		ret = FAULT_RETRY;
	return ret;
}
