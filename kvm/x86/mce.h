/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mce.c: the guest's machine-check banks as user space sees them.
 */
#ifndef XKVM_MCE_H
#define XKVM_MCE_H

#include "../vm.h"

#define MCE_BANKS	32	/* KVM_CAP_MCE; arch_vcpu.mce_* have room */

/* KVM_X86_GET_MCE_CAP_SUPPORTED: bits of IA32_MCG_CAP. */
u64 mce_supported(void);
/* KVM_X86_SETUP_MCE: 0, or -EINVAL for unknown bits or a number of banks. */
int mce_set_cap(struct vcpu *v, u64 mcg_cap);
/*
 * The register of a bank, IA32_MCi_CTL to IA32_MCi_MISC or IA32_MCi_CTL2, or
 * NULL if there is none; user space (@host) finds CTL2 without CMCI too.
 */
u64 *mce_reg(struct vcpu *v, u32 msr, bool host);
/* May @data be written to what mce_reg() found? */
bool mce_reg_takes(u32 msr, u64 data, bool host);
/* KVM_X86_SET_MCE: 0, or -EINVAL for a bank or status that cannot be. */
int mce_inject_error(struct vcpu *v, const struct kvm_x86_mce *m);

#endif
