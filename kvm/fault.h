/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second-stage faults: the steps both architectures share.
 */
#ifndef XKVM_FAULT_H
#define XKVM_FAULT_H

#include "memslot.h"

struct vcpu;

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
	u64 pfn;
	int level;		/* largest the slot and the host page allow */
};

/*
 * fault_handle() - make @gpa accessible as the access needs.
 * vCPU thread, loaded, preemptible; takes mmu_lock for reading.
 * Returns enum fault_result, or -errno (-EFAULT: the user mapping is bad).
 */
int fault_handle(struct vcpu *vcpu, gpa_t gpa, bool write, bool exec);

/*
 * Architecture: install f->gpa -> f->pfn.  mmu_lock held for reading, nothing
 * sleeps (vcpu's table cache was filled).  0, -EAGAIN; *@flush as
 * pgtable_map().
 */
int arch_stage2_map(struct vcpu *vcpu, const struct fault *f, bool *flush);
/* Fill the vCPU's table cache; sleeps.  0 / -ENOMEM. */
int arch_stage2_prepare(struct vcpu *vcpu);

#endif
