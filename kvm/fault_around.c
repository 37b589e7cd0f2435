// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a second-stage fault maps besides its own page: neighbours that the host
 * has present, small or large, and pages that a run of first touches will want.  Owns
 * vcpu->fault_run (vCPU thread); fault.c has checked slot and page.
 */
#include <linux/mm.h>

#include "arch.h"
#include "fault.h"
#include "vm.h"

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
	/* not to wait: a page nobody asked for may be far away (userfaultfd) */
	if (run->pages > 1)
		n = get_user_pages_unlocked(ref->hva + PAGE_SIZE,
					    run->pages - 1, pages + 1,
					    FOLL_WRITE | FOLL_NOWAIT);
	run->pages = 1 + max(n, 0);
	run->next = gfn + run->pages;
	return run->pages;
}

static void around_map(struct vcpu *vcpu, const struct memslot_ref *ref,
		       hva_t hva, gfn_t gfn, unsigned long seq,
		       struct page **pages, int n)
{
	bool writable = !(ref->flags & KVM_MEM_READONLY);
	struct vm *vm = vcpu->vm;
	bool flush = false;
	int i;

	for (i = 0; writable && i < n; i++)
		fault_set_dirty(pages[i]);
	read_lock(&vm->mmu_lock);
	for (i = 0; i < n; i++) {
		struct fault f = {
			.gpa = (gfn + i) << PAGE_SHIFT,
			.writable = writable,
			.clean = ref->flags & KVM_MEM_LOG_DIRTY_PAGES,
			.pfn = page_to_pfn(pages[i]),
		};

		if (memslot_inv_retry(vm, seq, hva + i * PAGE_SIZE) ||
		    arch_stage2_map(vcpu, &f, &flush))
			break;
		vcpu->stat.faults_around++;
	}
	read_unlock(&vm->mmu_lock);
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
	if (!memslot_inv_retry(vm, seq, hva) &&
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
