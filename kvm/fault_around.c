// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a second-stage fault maps besides its own page: neighbours that the host
 * has present, small or large, and pages that a run of first touches will want.
 * Owns vcpu->fault_run (vCPU thread); fault.c has checked slot and page.
 */
#include <linux/mm.h>

#include "arch.h"
#include "fault.h"
#include "vm.h"

/*
 * Make the @n pages at @hva, which the host does not have, as a write to each
 * would, and get them.  get_user_pages() would look up each before and after.
 * Not to wait: a page nobody asked for may be far away (userfaultfd).  Returns
 * how many are in @pages, with a reference each.
 */
static int ahead_make(struct mm_struct *mm, hva_t hva, unsigned int n,
		      struct page **pages)
{
	const unsigned int flags = FAULT_FLAG_WRITE | FAULT_FLAG_ALLOW_RETRY |
				   FAULT_FLAG_RETRY_NOWAIT;
	struct vm_area_struct *vma;
	unsigned int i = 0;
	int got = 0;

	if (!mmap_read_trylock(mm))
		return 0;
	vma = vma_lookup(mm, hva);
	if (vma && vma_is_anonymous(vma) && (vma->vm_flags & VM_WRITE)) {
		n = min_t(unsigned long, n, (vma->vm_end - hva) >> PAGE_SHIFT);
		for (; i < n; i++)
			if (handle_mm_fault(vma, hva + i * PAGE_SIZE, flags,
					    NULL) &
			    (VM_FAULT_ERROR | VM_FAULT_RETRY))
				break;
	}
	mmap_read_unlock(mm);
	if (i)
		got = get_user_pages_fast_only(hva, i, FOLL_WRITE, pages);
	return max(got, 0);
}

int fault_get_ahead(struct vcpu *vcpu, const struct memslot_ref *ref,
		    const struct fault *f, struct page **pages)
{
	struct fault_run *run = &vcpu->fault_run;
	gfn_t gfn = f->gpa >> PAGE_SHIFT;
	gfn_t left = ref->base_gfn + ref->npages - gfn;
	int n = 0;

	run->pages = gfn == run->next && !(ref->flags & KVM_MEM_LOG_DIRTY_PAGES) ?
		     min(2 * run->pages, FAULT_WINDOW) : 1;
	run->pages = min_t(gfn_t, run->pages, left);
	if (run->pages > 1)
		n = ahead_make(vcpu->vm->mm, ref->hva, run->pages, pages);
	run->pages = max(n, 1);
	run->next = gfn + run->pages;
	return n;
}

static void around_map(struct vcpu *vcpu, const struct memslot_ref *ref,
		       hva_t hva, gfn_t gfn, unsigned long seq,
		       struct page **pages, int n)
{
	struct fault f = {
		.writable = !(ref->flags & KVM_MEM_READONLY),
		.clean = ref->flags & KVM_MEM_LOG_DIRTY_PAGES,
	};
	struct vm *vm = vcpu->vm;
	bool flush = false;
	int i;

	for (i = 0; f.writable && i < n; i++)
		fault_set_dirty(pages[i]);
	read_lock(&vm->mmu_lock);
	if (memslot_inv_retry(vm, seq, hva, n * PAGE_SIZE))
		n = 0;
	for (i = 0; i < n; i++) {
		f.gpa = (gfn + i) << PAGE_SHIFT;
		f.pfn = page_to_pfn(pages[i]);
		f.level = 0;
		if (arch_stage2_map(vcpu, &f, &flush))
			break;
	}
	read_unlock(&vm->mmu_lock);
	vcpu->stat.faults_around += i;
	if (flush)
		arch_flush_remote_tlbs(vm);
}

/* The gfns next to @gfn, in its window and slot, that are not mapped. */
static void around_range(struct vm *vm, const struct memslot_ref *ref,
			 gfn_t gfn, gfn_t *first, gfn_t *end)
{
	gfn_t base = gfn & ~(gfn_t)(FAULT_WINDOW - 1);
	gfn_t low = max(base, ref->base_gfn);
	gfn_t high = min(base + FAULT_WINDOW, ref->base_gfn + ref->npages);
	u64 missing;

	read_lock(&vm->mmu_lock);
	missing = arch_stage2_missing(vm, base, FAULT_WINDOW);
	read_unlock(&vm->mmu_lock);
	for (*first = gfn; *first > low; --*first)
		if (!(missing >> (*first - 1 - base) & 1))
			break;
	for (*end = gfn + 1; *end < high; ++*end)
		if (!(missing >> (*end - base) & 1))
			break;
}

/* Map what the host has present of [@first, @end), up to the first hole. */
static bool around_try(struct vcpu *vcpu, const struct memslot_ref *ref,
		       gfn_t gfn, gfn_t first, gfn_t end, unsigned long seq)
{
	hva_t hva = ref->hva + (first << PAGE_SHIFT) - (gfn << PAGE_SHIFT);
	bool writable = !(ref->flags & KVM_MEM_READONLY);
	struct page *pages[FAULT_WINDOW];
	int n;

	if (first >= end)
		return false;
	n = get_user_pages_fast_only(hva, end - first,
				     writable ? FOLL_WRITE : 0, pages);
	if (n <= 0)
		return false;
	around_map(vcpu, ref, hva, first, seq, pages, n);
	while (n--)
		put_page(pages[n]);
	return true;
}

static void around_present(struct vcpu *vcpu, const struct memslot_ref *ref,
			   gfn_t gfn, unsigned long seq)
{
	gfn_t first, end;

	around_range(vcpu->vm, ref, gfn, &first, &end);
	/* a hole before the fault must not hide what follows it */
	if (first == gfn || !around_try(vcpu, ref, gfn, first, end, seq))
		around_try(vcpu, ref, gfn, gfn + 1, end, seq);
}

void fault_around(struct vcpu *vcpu, const struct memslot_ref *ref, gfn_t gfn,
		  unsigned long seq, struct page **ahead, int n)
{
	if (n)
		around_map(vcpu, ref, ref->hva + PAGE_SIZE, gfn + 1, seq,
			   ahead, n);
	else
		around_present(vcpu, ref, gfn, seq);
}

/* One of them; false: leave it at that. */
static bool around_large_one(struct vcpu *vcpu, const struct memslot_ref *ref,
			     gfn_t gfn, hva_t hva, unsigned long seq)
{
	struct fault f = {
		.gpa = gfn << PAGE_SHIFT,
		.writable = !(ref->flags & KVM_MEM_READONLY),
		.level = 1,
	};
	struct vm *vm = vcpu->vm;
	bool flush = false, done = false;
	struct page *page;

	if (get_user_pages_fast_only(hva, 1, f.writable ? FOLL_WRITE : 0,
				     &page) != 1)
		return false;
	f.pfn = page_to_pfn(page);
	if (f.writable)
		fault_set_dirty(page);
	read_lock(&vm->mmu_lock);
	if (!memslot_inv_retry(vm, seq, hva, pgt_span(1) << PAGE_SHIFT) &&
	    arch_stage2_missing(vm, gfn, 1) &&
	    fault_host_level(vm->mm, hva, 1) == 1)
		done = !arch_stage2_map(vcpu, &f, &flush);
	read_unlock(&vm->mmu_lock);
	if (flush)
		arch_flush_remote_tlbs(vm);
	put_page(page);
	vcpu->stat.faults_around += done;
	return done;
}

void fault_around_large(struct vcpu *vcpu, const struct memslot_ref *ref,
			gfn_t gfn, unsigned long seq)
{
	const u64 span = pgt_span(1);
	gfn_t slot_end = ref->base_gfn + ref->npages;
	gfn_t end = min((gfn | (FAULT_LARGE * span - 1)) + 1, slot_end);
	gfn_t next = gfn & ~(span - 1);
	hva_t hva = ref->hva & ~((span << PAGE_SHIFT) - 1);

	do {
		next += span;
		hva += span << PAGE_SHIFT;
	} while (next + span <= end &&
		 around_large_one(vcpu, ref, next, hva, seq));
}
