/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mce.c: the guest's machine-check banks as user space sees them.
 */
#ifndef XKVM_MCE_H
#define XKVM_MCE_H

#include "../vm.h"

#define MCE_BANKS	32	/* KVM_CAP_MCE; arch_vcpu.mce_banks has room */

/* KVM_X86_GET_MCE_CAP_SUPPORTED: bits of IA32_MCG_CAP. */
u64 mce_supported(void);
/* KVM_X86_SETUP_MCE: 0, or -EINVAL for unknown bits or a number of banks. */
int mce_set_cap(struct vcpu *v, u64 mcg_cap);
/* KVM_X86_SET_MCE: 0, or -EINVAL for a bank or status that cannot be. */
int mce_inject_error(struct vcpu *v, const struct kvm_x86_mce *m);

#endif
