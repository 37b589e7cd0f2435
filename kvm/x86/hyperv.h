/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypercall interface and the clock of Hyper-V, for a guest that sees them
 * beside Xen's.
 */
#ifndef XKVM_X86_HYPERV_H
#define XKVM_X86_HYPERV_H

#include "../vm.h"
#include "x86.h"

#define HYPERV_MSR_FIRST	0x40000000u
#define HYPERV_MSR_LAST		0x400000ffu

/*
 * Synthetic MSRs.  For the guest they exist if its CPUID has Hyper-V's leaves.
 * As msr_read() and msr_write(); the Xen hypercall page's MSR goes before.
 */
int hyperv_msr_read(struct vcpu *v, struct msr_data *m);
int hyperv_msr_write(struct vcpu *v, struct msr_data *m);

void hyperv_vcpu_init(struct vcpu *v);

/*
 * The parameters of the guest's clock have changed: write its reference TSC
 * page anew if it has one.  The vCPU's thread, vcpu->mutex held; may sleep.
 */
void hyperv_clock_changed(struct vcpu *v);

/* Has the guest enabled its page of hypercalls?  Any context. */
static inline bool hyperv_enabled(const struct vm *vm)
{
	return unlikely(READ_ONCE(vm->arch.hv_hypercall) & 1);
}

/* In a VM with Xen's hypercalls too, the page sets this in EAX. */
#define HYPERV_INPUT_BIT	0x80000000u

/* VMCALL; exit-handler convention, completes the instruction. */
int hyperv_hypercall(struct vcpu *v);

/* KVM_GET_SUPPORTED_HV_CPUID: 0; -E2BIG: nent too low; -EFAULT. */
int hyperv_get_cpuid(struct kvm_cpuid2 __user *arg);

#endif
