/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSR filters: what user space keeps a guest from reading and writing.
 * Source: KVM API, KVM_X86_SET_MSR_FILTER.
 */
#ifndef XKVM_X86_MSR_FILTER_H
#define XKVM_X86_MSR_FILTER_H

#include <linux/compat.h>
#include <linux/kvm.h>

struct vcpu;
struct vm;

/* May the guest access @msr?  Any context. */
bool msr_filter_allows(struct vm *vm, u32 msr, bool write);

/* REQ_MSR_FILTER, and a new vCPU: make its MSR bitmap follow the filter. */
void msr_filter_update_bitmap(struct vcpu *v);

/*
 * KVM_X86_SET_MSR_FILTER: replaces the filter.  Takes vm->lock, sleeps.
 * 0; -EINVAL: unknown flags, a range for no access, a bitmap above
 * KVM_MSR_FILTER_MAX_BITMAP_SIZE, or default deny without a range;
 * -EFAULT; -ENOMEM.  In force on every vCPU when it returns.
 */
int msr_filter_ioctl(struct vm *vm, void __user *arg);

#ifdef CONFIG_COMPAT
/* The same structure with a 32-bit caller's pointers. */
struct msr_filter_compat {
	__u32 flags;
	struct {
		__u32 flags, nmsrs, base;
		compat_uptr_t bitmap;
	} ranges[KVM_MSR_FILTER_MAX_RANGES];
};

#define MSR_FILTER_COMPAT_IOCTL	_IOW(KVMIO, 0xc6, struct msr_filter_compat)
int msr_filter_compat_ioctl(struct vm *vm, void __user *arg);
#endif

/* With the VM. */
void msr_filter_exit(struct vm *vm);

#endif
