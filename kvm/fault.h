/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second-stage faults: the steps both architectures share.
 */
#ifndef XKVM_FAULT_H
#define XKVM_FAULT_H

#include "memslot.h"

struct mm_struct;
struct page;
struct vcpu;
struct vm;

enum fault_result {
	FAULT_MAPPED,		/* resume the guest */
	FAULT_MMIO,		/* no RAM there, or a write to read-only RAM */
	FAULT_RETRY,		/* lost a race, or a signal: resume or leave */
};

/* What is being mapped: given to arch_stage2_map(). */
struct fault {
	gpa_t gpa;
	bool write, exec;	/* the access that faulted */
	bool writable;		/* what the mapping may allow */
	bool clean;		/* and the first write is to be noted */
	enum special_kind kind;
	u64 pfn;
	bool mmio;		/* a device's: not RAM of the host */
	int level;		/* largest the slot and the host page allow */
};

#define FAULT_WINDOW	16	/* pages one 4 KiB fault maps at most; <= 64 */
#define FAULT_LARGE	8	/* level-1 pages that a level-1 fault does */

/*
 * Is the vCPU touching memory that the host does not have yet, page after
 * page?  Then it gets more of it at a time, never more than twice what it has
 * touched so.  vCPU thread.
 */
struct fault_run {
	gfn_t next;		/* where it faults if it goes on */
	unsigned int pages;	/* it got the last time */
};

/*
 * fault_handle() - make @gpa accessible as the access needs.
 * vCPU thread, loaded, preemptible; takes mmu_lock for reading.
 * Returns enum fault_result, or -errno (-EFAULT: the user mapping is bad).
 */
int fault_handle(struct vcpu *vcpu, gpa_t gpa, bool write, bool exec);

/*
 * What the guest writes leaves no trace in the host's own entry, which may be
 * writable and clean: reclaim would drop the page.  Call it before the sequence
 * is checked, so that a page that is cleaned afterwards is unmapped first.
 */
void fault_set_dirty(struct page *page);

/*
 * fault_get_ahead() - the host has yet to make the page for the write @f: is
 * that one of a run, then get it and what the run will want next, without
 * waiting.  Returns how many are in @pages, with a reference each, up to
 * FAULT_WINDOW; 0: it is the caller's to get.
 */
int fault_get_ahead(struct vcpu *vcpu, const struct memslot_ref *ref,
		    const struct fault *f, struct page **pages);

/*
 * fault_around() - @gfn is mapped, by 4 KiB: map its neighbours too, the
 * @n @ahead that come after it, or if there are none what the host has present.
 * Nothing here is necessary: it gives up at the first obstacle.  @seq is from
 * before @ref was looked up; the caller keeps the references of @ahead.
 */
void fault_around(struct vcpu *vcpu, const struct memslot_ref *ref, gfn_t gfn,
		  unsigned long seq, struct page **ahead, int n);

/*
 * fault_around_large() - @gfn is mapped by a level-1 entry: so are those after
 * it that the host has present in the same way.  Otherwise as fault_around().
 */
void fault_around_large(struct vcpu *vcpu, const struct memslot_ref *ref,
			gfn_t gfn, unsigned long seq);

/*
 * fault_host_level() - the level of the host's own mapping of @hva, at most
 * @max.  mmu_lock held and the invalidation sequence checked, so that the entry
 * that made the page can change only after the caller is done.
 */
int fault_host_level(struct mm_struct *mm, hva_t hva, int max);

/*
 * Architecture: install f->gpa -> f->pfn; f->level becomes that of the entry.
 * mmu_lock held for reading, nothing sleeps (vcpu's table cache was filled).
 * 0, -EAGAIN; *@flush as pgtable_map().
 */
int arch_stage2_map(struct vcpu *vcpu, struct fault *f, bool *flush);
/*
 * Architecture: of the @n gfns from @first, a multiple of @n, which is a power
 * of two up to 64: a bit for each that is not mapped.  mmu_lock held.
 */
u64 arch_stage2_missing(struct vm *vm, gfn_t first, unsigned int n);
/* Fill the vCPU's table cache; sleeps.  0 / -ENOMEM. */
int arch_stage2_prepare(struct vcpu *vcpu);

#endif
