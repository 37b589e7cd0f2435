// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-stage faults, common part: slot, page, size.  The pages around it are
 * fault_around.c's.
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
#include "special.h"
#include "trace.h"
#include "vm.h"

/* Interrupts off keep the tables from being freed under the walk. */
int fault_host_level(struct mm_struct *mm, hva_t hva, int max)
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
 * Memory without pages of the kernel's: a device's, mapped by its driver.
 * Its entry is looked at again under mmu_lock by way of the sequence.
 */
static int fault_get_pfn(struct mm_struct *mm, hva_t hva, struct fault *f)
{
	struct vm_area_struct *vma;
	bool unlocked = false;
	int ret = -EFAULT;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, hva);
	if (!vma || !(vma->vm_flags & (VM_IO | VM_PFNMAP)))
		goto out_unlock;
	ret = compat_follow_pfn(vma, hva, &f->pfn, &f->writable);
	if (!ret && f->write && !f->writable)
		ret = -EINVAL;
	if (ret) {
		/* not there yet: what a touch of user space would do */
		ret = fixup_user_fault(mm, hva,
				       f->write ? FAULT_FLAG_WRITE : 0,
				       &unlocked);
		ret = ret ? -EFAULT : -EAGAIN;
	}
out_unlock:
	mmap_read_unlock(mm);
	if (!ret)
		f->mmio = !page_is_ram(f->pfn);
	return ret;
}

/*
 * The page behind ref->hva, with a reference, and for a write perhaps some of
 * those after it.  A read of writable memory takes the page writable if the
 * host has it so already.  The number of pages, 0 for memory that has none, or
 * -errno (-EAGAIN: fault again).
 */
static int fault_get_pages(struct vcpu *vcpu, const struct memslot_ref *ref,
			   struct fault *f, bool may_write, struct page **pages)
{
	int n;

	f->mmio = false;
	f->writable = may_write;
	if (may_write &&
	    get_user_pages_fast_only(ref->hva, 1, FOLL_WRITE, pages) == 1) {
		f->pfn = page_to_pfn(pages[0]);
		return 1;
	}
	f->writable = f->write;
	if (f->write)
		n = fault_get_ahead(vcpu, ref, f, pages) ?:
		    get_user_pages_unlocked(ref->hva, 1, pages, FOLL_WRITE);
	else
		n = get_user_pages_fast(ref->hva, 1, 0, pages);
	/* no page: memory that has none, or one that the host has lost */
	if (n == -EFAULT)
		n = get_user_pages_unlocked(ref->hva, 1, pages, FOLL_HWPOISON |
					    (f->write ? FOLL_WRITE : 0));
	if (n == -EFAULT) {
		n = fault_get_pfn(vcpu->vm->mm, ref->hva, f);
		f->writable &= may_write;
		return n;
	}
	if (n <= 0)
		return n < 0 ? n : -EFAULT;
	f->pfn = page_to_pfn(pages[0]);
	return n;
}

static void fault_put_pages(const struct fault *f, struct page **pages, int n)
{
	if (special_refcount_suppressed(f->kind))
		return;
	while (n-- > 0)
		put_page(pages[n]);
}

/* The kernel's own page, if it may be there; to the guest it is never code. */
static int fault_kernel_page(struct vcpu *vcpu, struct fault *f)
{
	struct vm *vm = vcpu->vm;
	struct page *page;
	bool flush = false;
	int ret = FAULT_MMIO;

	if (f->exec)
		return ret;
	f->kind = SPECIAL_KERNEL;
	f->writable = true;
	f->level = 0;
	write_lock(&vm->mmu_lock);
	page = special_kernel_page(vm);
	if (page) {
		f->pfn = page_to_pfn(page);
		ret = arch_stage2_map(vcpu, f, &flush);
		ret = ret == -EAGAIN ? FAULT_RETRY : ret;
		fault_put_pages(f, &page, 1);
	}
	write_unlock(&vm->mmu_lock);
	if (flush)
		arch_flush_remote_tlbs(vm);
	return ret;
}

void fault_set_dirty(struct page *page)
{
	if (PageDirty(page))
		return;
	/* all that the lock would be for is a file that must hear of it */
	if (PageAnon(page))
		SetPageDirty(page);
	else
		set_page_dirty_lock(page);
}

/* One try; FAULT_RETRY when an invalidation came in between. */
static int fault_try(struct vcpu *vcpu, struct fault *f,
		     struct memslot_ref *ref)
{
	struct vm *vm = vcpu->vm;
	gfn_t gfn = f->gpa >> PAGE_SHIFT;
	unsigned long seq = memslot_inv_begin(vm);
	struct page *pages[FAULT_WINDOW];
	bool may_write, flush = false;
	int ret, n;

	if (unlikely(gfn == READ_ONCE(vm->kpage.gfn)))
		return fault_kernel_page(vcpu, f);
	if (memslot_lookup(vm, vcpu, gfn, ref))
		return FAULT_MMIO;
	may_write = !(ref->flags & KVM_MEM_READONLY);
	if (f->write && !may_write)
		return FAULT_MMIO;
	/* a page is writable only once its bit is set, or the CPU sees to that */
	f->clean = (ref->flags & KVM_MEM_LOG_DIRTY_PAGES) && !f->write;
	if (f->clean && !arch_stage2_logs_writes())
		may_write = false;
	n = fault_get_pages(vcpu, ref, f, may_write, pages);
	if (n < 0)
		return n;
	if (n && f->writable)
		fault_set_dirty(pages[0]);
	f->kind = ref->kind;

	read_lock(&vm->mmu_lock);
	ret = FAULT_RETRY;
	if (memslot_inv_retry(vm, seq, ref->hva, PAGE_SIZE))
		goto out_unlock;
	f->level = n ? fault_slot_level(ref, gfn) : 0;
	if (f->level)
		f->level = fault_host_level(vm->mm, ref->hva, f->level);
	if (f->write && (ref->flags & KVM_MEM_LOG_DIRTY_PAGES))
		mark_page_dirty(vm, gfn);
	ret = arch_stage2_map(vcpu, f, &flush);
	trace_xkvm_fault_map(vcpu->id, gfn, f->pfn, f->level, f->writable);
	ret = ret == -EAGAIN ? FAULT_RETRY : ret;
out_unlock:
	read_unlock(&vm->mmu_lock);
	if (flush)
		arch_flush_remote_tlbs(vm);
	if (ret == FAULT_MAPPED && n && f->level == 1)
		fault_around_large(vcpu, ref, gfn, seq);
	else if (ret == FAULT_MAPPED && n && !f->level && ref->npages > 1 &&
		 (!(ref->flags & KVM_MEM_LOG_DIRTY_PAGES) ||
		  arch_stage2_logs_writes()))
		fault_around(vcpu, ref, gfn, seq, pages + 1, n - 1);
	fault_put_pages(f, pages, n);
	return ret;
}

/*
 * The memory failed.  The VMM learns of it as if it had touched the page, and
 * may tell the guest by a machine check: KVM API, KVM_X86_SET_MCE.
 */
static int fault_poisoned(hva_t hva)
{
	send_sig_mceerr(BUS_MCEERR_AR, (void __user *)(hva & PAGE_MASK),
			PAGE_SHIFT, current);
	return FAULT_RETRY;
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
	if (ret == -EHWPOISON)
		return fault_poisoned(ref.hva);
	/* gup gives up on a signal: that is not the memory's fault */
	if (ret == -EINTR || ret == -EAGAIN ||
	    (ret == -EFAULT && fatal_signal_pending(current)))
		ret = FAULT_RETRY;
	return ret;
}
