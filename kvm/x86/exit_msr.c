// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR: the filter, the MSR itself, and what user space takes over
 * of those that fail.  vCPU thread, loaded.
 * Source: KVM API, KVM_CAP_X86_USER_SPACE_MSR, KVM_EXIT_X86_RDMSR.
 */
#include "../arch.h"
#include "../trace.h"
#include "exit.h"
#include "msr_filter.h"
#include "vmx.h"

static int exit_msr_gp(struct vcpu *v)
{
	x86_queue_exception_e(v, 13, 0);
	return 1;
}

/* User space has answered: its value, or its #GP. */
static int exit_msr_complete(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	/* user space may have moved the guest elsewhere meanwhile */
	if (reg_read(v, VREG_RIP) != v->arch.complete_rip)
		return 1;
	if (run->msr.error)
		return exit_msr_gp(v);
	if (v->arch.complete_msr_read) {
		v->arch.regs[VREG_RAX] = (u32)run->msr.data;
		v->arch.regs[VREG_RDX] = run->msr.data >> 32;
	}
	return exit_skip(v);
}

static u64 exit_msr_reason(int ret)
{
	switch (ret) {
	case MSR_UNKNOWN:
		return KVM_MSR_EXIT_REASON_UNKNOWN;
	case MSR_FILTERED:
		return KVM_MSR_EXIT_REASON_FILTER;
	default:
		return KVM_MSR_EXIT_REASON_INVAL;
	}
}

/* An access that failed with @ret: user space's if it asked, else #GP. */
static int exit_msr_failed(struct vcpu *v, const struct msr_data *m, bool write,
			   int ret)
{
	u64 reason = exit_msr_reason(ret);
	struct kvm_run *run = v->run;

	if (!(READ_ONCE(v->vm->arch.user_msr_mask) & reason))
		return exit_msr_gp(v);
	v->arch.complete_rip = reg_read(v, VREG_RIP);
	v->arch.complete_msr_read = !write;
	v->complete = exit_msr_complete;
	run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	run->msr.error = 0;
	memset(run->msr.pad, 0, sizeof(run->msr.pad));
	run->msr.reason = reason;
	run->msr.index = m->index;
	run->msr.data = write ? m->data : 0;
	return 0;
}

int exit_rdmsr(struct vcpu *v)
{
	struct msr_data m = { .index = v->arch.regs[VREG_RCX] };
	int ret = MSR_FILTERED;

	if (likely(msr_filter_allows(v->vm, m.index, false)))
		ret = msr_read(v, &m);
	trace_xkvm_msr(v->id, false, m.index, m.data, ret);
	if (unlikely(ret))
		return exit_msr_failed(v, &m, false, ret);
	v->arch.regs[VREG_RAX] = (u32)m.data;
	v->arch.regs[VREG_RDX] = m.data >> 32;
	return exit_skip(v);
}

int exit_wrmsr(struct vcpu *v)
{
	struct msr_data m = {
		.index = v->arch.regs[VREG_RCX],
		.data = (u32)v->arch.regs[VREG_RAX] |
			((u64)v->arch.regs[VREG_RDX] << 32),
	};
	int ret = MSR_FILTERED;

	if (likely(msr_filter_allows(v->vm, m.index, true)))
		ret = msr_write(v, &m);
	trace_xkvm_msr(v->id, true, m.index, m.data, ret);
	return likely(!ret) ? exit_skip(v) : exit_msr_failed(v, &m, true, ret);
}
