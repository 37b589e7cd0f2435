// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine checks of the guest: what user space sets up and injects, and the
 * banks' registers; those of IA32_MCG_* are msr.c's.  vcpu->mutex held, vCPU
 * loaded.
 * Source: KVM API, KVM_X86_SETUP_MCE, KVM_X86_SET_MCE; SDM volume 3,
 * chapter 15.
 */
#include <linux/nospec.h>
#include <asm/mce.h>
#include <asm/trapnr.h>

#include "../arch.h"
#include "lapic.h"
#include "mce.h"
#include "vmx.h"

#define MCE_CAPS	(MCG_CTL_P | MCG_CMCI_P | MCG_SER_P)

u64 mce_supported(void)
{
	return MCE_CAPS;
}

int mce_set_cap(struct vcpu *v, u64 mcg_cap)
{
	unsigned int banks = mcg_cap & MCG_BANKCNT_MASK, i;

	if (!banks || banks > MCE_BANKS ||
	    mcg_cap & ~(u64)(MCE_CAPS | MCG_BANKCNT_MASK | 0xff0000))
		return -EINVAL;
	v->arch.mcg_cap = mcg_cap;
	lapic_set_cmci(v, mcg_cap & MCG_CMCI_P);
	if (mcg_cap & MCG_CTL_P)
		v->arch.mcg_ctl = ~0ull;
	for (i = 0; i < banks; i++)
		v->arch.mce_banks[i * 4] = ~0ull;
	return 0;
}

u64 *mce_reg(struct vcpu *v, u32 msr, bool host)
{
	u32 n = v->arch.mcg_cap & MCG_BANKCNT_MASK;

	if (msr >= MSR_IA32_MC0_CTL && msr < MSR_IA32_MC0_CTL + 4 * n)
		return &v->arch.mce_banks[array_index_nospec(
				msr - MSR_IA32_MC0_CTL, 4 * n)];
	if (msr >= MSR_IA32_MC0_CTL2 && msr < MSR_IA32_MC0_CTL2 + n &&
	    (host || (v->arch.mcg_cap & MCG_CMCI_P)))
		return &v->arch.mce_ctl2[array_index_nospec(
				msr - MSR_IA32_MC0_CTL2, n)];
	return NULL;
}

/* CTL takes all ones or zero, STATUS only zero. */
bool mce_reg_takes(u32 msr, u64 data, bool host)
{
	if (msr < MSR_IA32_MC0_CTL)
		return !(data & ~(MCI_CTL2_CMCI_EN |
				  MCI_CTL2_CMCI_THRESHOLD_MASK));
	switch ((msr - MSR_IA32_MC0_CTL) & 3) {
	case 0:
		return !data || data == ~0ull || data == ~0ull << 10;
	case 1:
		return host || !data;
	default:
		return true;
	}
}

/* Uncorrected, and nothing needs to be done: CMCI tells of it, no #MC. */
static bool mce_is_ucna(const struct kvm_x86_mce *m)
{
	return (m->status & MCI_STATUS_UC) && !m->mcg_status &&
	       !(m->status & (MCI_STATUS_PCC | MCI_STATUS_S | MCI_STATUS_AR));
}

/* The registers of a bank that the vCPU has: CTL, STATUS, ADDR, MISC. */
static u64 *mce_bank(struct vcpu *v, u8 bank)
{
	return &v->arch.mce_banks[array_index_nospec(bank, MCE_BANKS) * 4];
}

static int mce_record_ucna(struct vcpu *v, const struct kvm_x86_mce *m)
{
	u64 *bank = mce_bank(v, m->bank);

	bank[1] = m->status;
	bank[2] = m->addr;
	bank[3] = m->misc;
	v->arch.mcg_status = m->mcg_status;
	if ((v->arch.mcg_cap & MCG_CMCI_P) && v->arch.lapic &&
	    (v->arch.mce_ctl2[array_index_nospec(m->bank, MCE_BANKS)] &
	     MCI_CTL2_CMCI_EN))
		lapic_deliver_lvt(v, LAPIC_LVTCMCI);
	return 0;
}

/* An error that nothing corrected raises #MC, or shuts down what takes none. */
static void mce_raise(struct vcpu *v, const struct kvm_x86_mce *m)
{
	if ((v->arch.mcg_status & MCG_STATUS_MCIP) ||
	    !(state_cr4(v) & X86_CR4_MCE)) {
		v->arch.triple_fault = true;
		vcpu_request(v, REQ_EVENT);
		return;
	}
	v->arch.mcg_status = m->mcg_status;
	x86_queue_exception(v, X86_TRAP_MC);
}

int mce_inject_error(struct vcpu *v, const struct kvm_x86_mce *m)
{
	bool uncorrected = m->status & MCI_STATUS_UC, over;
	struct arch_vcpu *a = &v->arch;
	u64 *bank;

	if (m->bank >= (a->mcg_cap & MCG_BANKCNT_MASK) ||
	    !(m->status & MCI_STATUS_VAL))
		return -EINVAL;
	if (mce_is_ucna(m))
		return mce_record_ucna(v, m);
	bank = mce_bank(v, m->bank);
	/* reporting may be off, as a whole or for the bank */
	if (uncorrected && (((a->mcg_cap & MCG_CTL_P) && a->mcg_ctl != ~0ull) ||
			    bank[0] != ~0ull))
		return 0;
	over = bank[1] & MCI_STATUS_VAL;
	if (over && !uncorrected && (bank[1] & MCI_STATUS_UC)) {
		bank[1] |= MCI_STATUS_OVER;	/* the graver one stays */
		return 0;
	}
	if (uncorrected)
		mce_raise(v, m);
	if (a->triple_fault)
		return 0;
	bank[1] = m->status | (over ? MCI_STATUS_OVER : 0);
	bank[2] = m->addr;
	bank[3] = m->misc;
	if (!uncorrected)
		a->mcg_status = m->mcg_status;
	return 0;
}
