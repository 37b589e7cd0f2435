// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC: KVM_GET_LAPIC and KVM_SET_LAPIC.
 *
 * Under vcpu->mutex, the vCPU loaded.  The state may come before or after
 * IA32_APIC_BASE, the CPUID and the TSC-deadline MSR: what depends on those is
 * recomputed when they change.
 * Source: KVM API, KVM_GET_LAPIC, KVM_CAP_X2APIC_API.
 */
#include <linux/string.h>

#include "lapic.h"
#include "x86.h"

int lapic_get_state(struct vcpu *vcpu, struct kvm_lapic_state *s)
{
	struct lapic *apic = vcpu->arch.lapic;

	BUILD_BUG_ON(sizeof(s->regs) != LAPIC_REGS_SIZE);
	if (!apic)
		return -EINVAL;
	/* there is no field for an expiry that waits, but IRR */
	lapic_timer_deliver(vcpu);
	lapic_sync_irr(vcpu);
	memcpy(s->regs, apic->regs, sizeof(s->regs));
	lapic_reg_put(s->regs, LAPIC_TMCCT, lapic_timer_count(apic));
	if (!apic->vid)
		lapic_reg_put(s->regs, LAPIC_PPR,
			      lapic_ppr(lapic_reg_get(s->regs, LAPIC_TPR),
					lapic_highest_isr(vcpu)));

	if (!lapic_x2apic(apic))
		return 0;
	if (!vcpu->vm->arch.x2apic_ids32)
		lapic_reg_put(s->regs, LAPIC_ID, vcpu->id << 24);
	/* the ABI keeps the two halves of ICR where xAPIC mode has them */
	lapic_reg_put(s->regs, LAPIC_ICR2,
		      lapic_reg_get(s->regs, LAPIC_ICR + 4));
	lapic_reg_put(s->regs, LAPIC_ICR + 4, 0);
	return 0;
}

/* Registers that are taken as they come, but for bits that do not exist. */
static const u16 plain_regs[] = {
	LAPIC_TPR, LAPIC_SVR, LAPIC_ICR, LAPIC_LVTT, LAPIC_LVTTHMR, LAPIC_LVTPC,
	LAPIC_LVT0, LAPIC_LVT1, LAPIC_LVTERR, LAPIC_LVTCMCI, LAPIC_TMICT,
	LAPIC_TDCR,
};

static bool lapic_state_id_valid(struct vcpu *vcpu, const void *regs)
{
	u32 id = lapic_reg_get(regs, LAPIC_ID);

	/* in xAPIC mode the byte is all there is, and it is not changeable */
	if (!lapic_x2apic(vcpu->arch.lapic))
		return true;
	return id == (vcpu->vm->arch.x2apic_ids32 ? vcpu->id : vcpu->id << 24);
}

/* What the two modes keep in different forms. */
static void lapic_state_ids(struct lapic *apic, const void *from)
{
	u32 id = apic->vcpu->id;
	void *to = apic->regs;
	u32 icr2 = lapic_reg_get(from, LAPIC_ICR2);

	if (lapic_x2apic(apic)) {
		lapic_reg_put(to, LAPIC_ID, id);
		lapic_reg_put(to, LAPIC_LDR, lapic_x2apic_ldr(id));
		lapic_reg_put(to, LAPIC_ICR + 4, icr2);
		return;
	}
	lapic_reg_put(to, LAPIC_ID, id << 24);
	lapic_reg_put(to, LAPIC_LDR,
		      lapic_reg_get(from, LAPIC_LDR) & 0xff000000);
	lapic_reg_put(to, LAPIC_ICR2, icr2 & 0xff000000);
}

/*
 * ISR, TMR, IRR.  The reserved vectors cannot be in service; in IRR they are
 * kept as they came and never delivered: no priority is below theirs.
 */
static void lapic_state_vectors(struct lapic *apic, const void *from, u32 base)
{
	int word;

	for (word = 0; word < 8; word++) {
		u32 bits = lapic_reg_get(from, base + word * 16);

		if (!word && base != LAPIC_IRR)
			bits &= ~0u << LAPIC_FIRST_VECTOR;
		lapic_reg_put(apic->regs, base + word * 16, bits);
	}
}

/* The state has no more of it than TMR: an I/O APIC waits for all of these. */
static void lapic_state_watch(struct lapic *apic)
{
	int word, i;

	bitmap_zero(apic->eoi_watch, 256);
	WRITE_ONCE(apic->eoi_watch_changed, true);
	for (word = 0; word < 8; word++) {
		u32 at = word * 16;
		unsigned long bits = lapic_reg_get(apic->regs, LAPIC_TMR + at) &
			(lapic_reg_get(apic->regs, LAPIC_IRR + at) |
			 lapic_reg_get(apic->regs, LAPIC_ISR + at));

		for_each_set_bit(i, &bits, 32)
			lapic_watch_eoi(apic, word * 32 + i);
	}
}

static void lapic_state_load(struct lapic *apic, const void *from)
{
	unsigned int i;

	memset(apic->regs, 0, PAGE_SIZE);
	memset(&apic->pi, 0, sizeof(apic->pi));
	apic->esr_pending = 0;
	apic->eoi_exit = -1;

	for (i = 0; i < ARRAY_SIZE(plain_regs); i++) {
		u32 reg = plain_regs[i];

		lapic_reg_put(apic->regs, reg, lapic_reg_get(from, reg) &
			      lapic_own_reg(apic, reg)->writable);
	}
	lapic_reg_put(apic->regs, LAPIC_VERSION,
		      LAPIC_VERSION_VALUE(apic->nr_lvt));
	lapic_reg_put(apic->regs, LAPIC_DFR,
		      lapic_reg_get(from, LAPIC_DFR) | 0x0fffffff);
	lapic_reg_put(apic->regs, LAPIC_ESR,
		      lapic_reg_get(from, LAPIC_ESR) & 0xff);
	lapic_state_ids(apic, from);
	lapic_state_vectors(apic, from, LAPIC_ISR);
	lapic_state_vectors(apic, from, LAPIC_TMR);
	lapic_state_vectors(apic, from, LAPIC_IRR);
	lapic_state_watch(apic);
	lapic_note_lvt0(apic);
}

int lapic_set_state(struct vcpu *vcpu, const struct kvm_lapic_state *s)
{
	struct lapic *apic = vcpu->arch.lapic;
	bool enabled;

	if (!apic || !lapic_state_id_valid(vcpu, s->regs))
		return -EINVAL;

	lapic_timer_stop(apic);
	lapic_state_load(apic, s->regs);

	enabled = lapic_reg_get(apic->regs, LAPIC_SVR) & LAPIC_SVR_ENABLED;
	WRITE_ONCE(apic->sw_enabled, enabled);
	vmx_lapic_mode_changed(vcpu);
	if (lapic_reg_get(apic->regs, LAPIC_LVTT) & LAPIC_LVTT_DEADLINE)
		lapic_reg_put(apic->regs, LAPIC_LVTT, ~LAPIC_LVTT_PERIODIC &
			      lapic_reg_get(apic->regs, LAPIC_LVTT));
	lapic_reg_put(apic->regs, LAPIC_PPR,
		      lapic_ppr(lapic_reg_get(apic->regs, LAPIC_TPR),
				lapic_highest_isr(vcpu)));
	lapic_timer_restore(apic, lapic_reg_get(s->regs, LAPIC_TMCCT));

	lapic_map_update(vcpu->vm);
	vmx_reset_tpr_threshold(vcpu);
	if (apic->vid) {
		vmx_set_rvi(vcpu, lapic_highest_irr(vcpu));
		vmx_set_svi(vcpu, lapic_highest_isr(vcpu));
	}
	vcpu_request(vcpu, REQ_EVENT);
	return 0;
}
