// SPDX-License-Identifier: GPL-2.0-only
/*
 * APIC virtualization: which of it is on in the mode the local APIC is in.
 *
 * In x2APIC mode the CPU answers nearly all reads from the register page, and
 * executes writes of TPR, EOI and SELF IPI and the delivery of interrupts by
 * itself.  Writes of the others have effects beyond the page and exit.  In xAPIC
 * mode at the default base it does the same for accesses to the APIC-access
 * page, where the tables have that; without it they trap as MMIO, and the
 * delivery of interrupts stays the CPU's.
 *
 * While interrupts are injected by hand (a CPU without all this, the parameter
 * apicv=0, an APIC that is switched off in software) TPR alone is the CPU's,
 * as CR8 and in either mode: it exits when TPR has fallen below a threshold.
 * Source: SDM volume 3, chapter "APIC virtualization and virtual interrupts".
 */
#include "../arch.h"
#include "apic_page.h"
#include "lapic.h"
#include "lapic_regs.h"
#include "vmx.h"

#define X2APIC_MSR(reg)	(0x800 + ((reg) >> 4))

#define APICV_ALL	(SECONDARY_EXEC_APIC_REGISTER_VIRT |		\
			 SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY |		\
			 SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |	\
			 SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)

/*
 * The secondary controls for the mode the APIC is in.  Accesses to the page in
 * xAPIC mode are the CPU's or exit, never the page's memory's, whatever else.
 * An APIC that software has switched off takes no vector, not even its own,
 * which the CPU does not look at.
 */
static u32 apicv_controls(const struct vcpu *v)
{
	const struct lapic *apic = v->arch.lapic;
	u32 mode = 0;

	if (vmx_caps.x2apic && lapic_x2apic(apic))
		mode = SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
	else if (vmx_caps.apic_access && lapic_base_is_xapic(apic->base))
		mode = SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
	if (mode && vmx_caps.apicv && apic->sw_enabled &&
	    !(v->arch.guest_debug & KVM_GUESTDBG_BLOCKIRQ))
		mode |= SECONDARY_EXEC_APIC_REGISTER_VIRT |
			SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
	return mode;
}

/*
 * What the register page says as it is.  It has no count that runs, and whether
 * there is an LVT entry for CMCI can change.
 */
static bool apicv_reads(u32 reg)
{
	return reg != LAPIC_TMCCT && reg != LAPIC_LVTCMCI &&
	       (lapic_reg_info(reg)->access & LAPIC_X2_READ);
}

static void apicv_msrs(struct vcpu *v, u32 controls)
{
	bool x2apic = controls & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
	bool on = x2apic && (controls & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY);
	u32 reg;

	for (reg = 0; reg < LAPIC_REGS_SIZE; reg += 16)
		vmcs_msr_intercept(v, X2APIC_MSR(reg),
				   !(on && apicv_reads(reg)), true);
	vmcs_msr_intercept(v, X2APIC_MSR(LAPIC_TPR), !x2apic, !x2apic);
	vmcs_msr_intercept(v, X2APIC_MSR(LAPIC_EOI), true, !on);
	vmcs_msr_intercept(v, X2APIC_MSR(LAPIC_SELF_IPI), true, !on);
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

static void apicv_set_threshold(struct vcpu *v, u32 class)
{
	struct vmx_vcpu *x = v->arch.vmx;

	if (x->tpr_threshold != class)
		vmcs_write(TPR_THRESHOLD, x->tpr_threshold = class);
}

/* From a vCPU's first reset on, where the CPU has it. */
static void apicv_tpr_shadow(struct vcpu *v)
{
	vmcs_write(VIRTUAL_APIC_PAGE_ADDR, __pa(v->arch.lapic->regs));
	vmcs_write(TPR_THRESHOLD, 0);
	vmcs_set_proc(v, CPU_BASED_TPR_SHADOW, CPU_BASED_CR8_LOAD_EXITING |
		      CPU_BASED_CR8_STORE_EXITING);
}

void vmx_update_tpr_threshold(struct vcpu *v)
{
	const struct lapic *apic = v->arch.lapic;
	u32 tpr, class = 0;
	int irr;

	if (!vmx_caps.tpr_shadow)
		return;
	tpr = lapic_reg_get(apic->regs, LAPIC_TPR) >> 4;
	/* what TPR does not hold back waits for something else, or for nothing */
	if (tpr && lapic_hw_enabled(apic)) {
		irr = lapic_highest_irr(v);
		if (irr >= 0 && tpr >= (u32)irr >> 4)
			class = irr >> 4;
	}
	apicv_set_threshold(v, class);
}

void vmx_reset_tpr_threshold(struct vcpu *v)
{
	apicv_set_threshold(v, 0);
}

static void apicv_vid(struct vcpu *v, bool on)
{
	struct lapic *apic = v->arch.lapic;

	apicv_set_threshold(v, 0);
	WRITE_ONCE(apic->vid, on);
	if (on) {
		WRITE_ONCE(apic->eoi_watch_changed, true);
		vmx_update_eoi_exits(v);
		vmx_set_svi(v, lapic_highest_isr(v));
		vmx_set_rvi(v, lapic_sync_irr(v));
	}
}

void vmx_lapic_mode_changed(struct vcpu *v)
{
	u32 was = v->arch.vmx->proc2 & APICV_ALL, now = apicv_controls(v);

	if (vmx_caps.tpr_shadow && !(v->arch.vmx->proc & CPU_BASED_TPR_SHADOW))
		apicv_tpr_shadow(v);
	if (was == now)
		return;
	if (now & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)
		vmcs_write(APIC_ACCESS_ADDR, apic_page_phys());
	vmcs_set_proc2(v, now, APICV_ALL & ~now);
	apicv_msrs(v, now);
	if ((was ^ now) & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)
		apicv_vid(v, now & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY);
	/* what the CPU has cached of the page was for the mode before */
	vcpu_request(v, REQ_TLB_FLUSH);
	vcpu_request(v, REQ_EVENT);
}
