// SPDX-License-Identifier: GPL-2.0-only
/*
 * APIC virtualization: which of it is on in the mode the local APIC is in.
 *
 * In x2APIC mode the CPU answers reads of the priorities and of IRR, ISR and
 * TMR from the register page, and executes writes of TPR, EOI and SELF IPI and
 * the delivery of interrupts by itself.  The other registers have effects
 * beyond the page and exit.  In xAPIC mode the page is MMIO and traps.
 * Source: SDM volume 3, chapter "APIC virtualization and virtual interrupts".
 */
#include "../arch.h"
#include "lapic.h"
#include "lapic_regs.h"
#include "vmx.h"

#define X2APIC_MSR(reg)	(0x800 + ((reg) >> 4))

static const u32 apicv_secondary = SECONDARY_EXEC_APIC_REGISTER_VIRT |
				   SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY |
				   SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;

static void apicv_msrs(struct vcpu *v, bool on)
{
	u32 msr;

	for (msr = X2APIC_MSR(0x100); msr < X2APIC_MSR(0x280); msr++)
		vmcs_msr_intercept(v, msr, !on, true);	/* ISR, TMR, IRR */
	vmcs_msr_intercept(v, X2APIC_MSR(0x80), !on, !on);	/* TPR */
	vmcs_msr_intercept(v, X2APIC_MSR(0xa0), !on, true);	/* PPR */
	vmcs_msr_intercept(v, X2APIC_MSR(0xb0), true, !on);	/* EOI */
	vmcs_msr_intercept(v, X2APIC_MSR(0x3f0), true, !on);	/* SELF IPI */
}

void vmx_update_eoi_exits(struct vcpu *v)
{
	u64 map[4];

	if (likely(!lapic_eoi_exit_bitmap(v, map)))
		return;
	vmcs_write(EOI_EXIT_BITMAP0, map[0]);
	vmcs_write(EOI_EXIT_BITMAP1, map[1]);
	vmcs_write(EOI_EXIT_BITMAP2, map[2]);
	vmcs_write(EOI_EXIT_BITMAP3, map[3]);
}

void vmx_set_rvi(struct vcpu *v, int vector)
{
	u16 status = vmcs_read(GUEST_INTR_STATUS);
	u8 rvi = vector < 0 ? 0 : vector;

	if ((status & 0xff) != rvi)
		vmcs_write(GUEST_INTR_STATUS, (status & 0xff00) | rvi);
}

void vmx_set_svi(struct vcpu *v, int vector)
{
	u16 status = vmcs_read(GUEST_INTR_STATUS);
	u8 svi = vector < 0 ? 0 : vector;

	if (status >> 8 != svi)
		vmcs_write(GUEST_INTR_STATUS, (status & 0xff) | svi << 8);
}

void vmx_lapic_mode_changed(struct vcpu *v)
{
	const u32 cr8 = CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING;
	struct lapic *apic = v->arch.lapic;
	bool on = vmx_caps.apicv && lapic_x2apic(apic) &&
		  !(v->arch.guest_debug & KVM_GUESTDBG_BLOCKIRQ);

	if (on == apic->vid)
		return;
	if (on) {
		vmcs_write(VIRTUAL_APIC_PAGE_ADDR, __pa(apic->regs));
		vmcs_write(TPR_THRESHOLD, 0);
		vmcs_set_proc(v, CPU_BASED_TPR_SHADOW, cr8);
		vmcs_set_proc2(v, apicv_secondary, 0);
	} else {
		vmcs_set_proc2(v, 0, apicv_secondary);
		vmcs_set_proc(v, cr8, CPU_BASED_TPR_SHADOW);
	}
	apicv_msrs(v, on);
	WRITE_ONCE(apic->vid, on);
	if (on) {
		WRITE_ONCE(apic->eoi_watch_changed, true);
		vmx_update_eoi_exits(v);
		vmx_set_svi(v, lapic_highest_isr(v));
		vmx_set_rvi(v, lapic_sync_irr(v));
	}
	vcpu_request(v, REQ_EVENT);
}
