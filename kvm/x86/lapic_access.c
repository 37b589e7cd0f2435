// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC: software's view of the registers, by MMIO, by x2APIC MSR and
 * through the CPU's APIC virtualization.
 *
 * One table of side effects serves all three; what may be accessed and which
 * bits exist is lapic_regs.c's table.  Runs in the vCPU's thread or under
 * vcpu->mutex.
 */
#include <linux/nospec.h>
#include <linux/string.h>

#include "lapic.h"
#include "trace.h"
#include "x86.h"

#define X2APIC_MSR_FIRST	0x800

/* --- reading --- */

static u32 lapic_reg_read(struct lapic *apic, u32 reg)
{
	switch (reg) {
	case LAPIC_TMCCT:
		return lapic_timer_count(apic);
	case LAPIC_PPR:
		/* with virtual-interrupt delivery the CPU keeps it */
		if (!apic->vid)
			return lapic_ppr(lapic_reg_get(apic->regs, LAPIC_TPR),
					 lapic_highest_isr(apic->vcpu));
		break;
	case LAPIC_IRR ... LAPIC_IRR + 0x7f:
		lapic_sync_irr(apic->vcpu);
		break;
	}
	return lapic_reg_get(apic->regs, reg);
}

int lapic_mmio_read(struct vcpu *vcpu, u32 offset, unsigned int len, void *data)
{
	struct lapic *apic = vcpu->arch.lapic;
	u32 reg = offset & ~0xfu, val = 0;
	unsigned int skip = offset & 0xf;

	if (!apic || !lapic_hw_enabled(apic) || lapic_x2apic(apic))
		return -EOPNOTSUPP;

	if (reg < LAPIC_REGS_SIZE) {
		reg = array_index_nospec(reg, LAPIC_REGS_SIZE);
		if (lapic_own_reg(apic, reg)->access & LAPIC_X_READ)
			val = lapic_reg_read(apic, reg);
		else if (reg != LAPIC_EOI)
			lapic_error(apic, LAPIC_ESR_ILLEGAL_REG);
	}
	trace_xkvm_apic(vcpu->id, false, offset, val);

	/* the register is four bytes; what lies beyond reads as zero */
	memset(data, 0, len);
	if (skip < sizeof(val))
		memcpy(data, (u8 *)&val + skip,
		       min_t(unsigned int, len, sizeof(val) - skip));
	return 0;
}

int lapic_msr_read(struct vcpu *vcpu, u32 msr, u64 *data)
{
	struct lapic *apic = vcpu->arch.lapic;
	u32 reg = (msr - X2APIC_MSR_FIRST) << 4;

	if (!apic || !lapic_x2apic(apic) || reg >= LAPIC_REGS_SIZE)
		return 1;
	reg = array_index_nospec(reg, LAPIC_REGS_SIZE);
	if (!(lapic_own_reg(apic, reg)->access & LAPIC_X2_READ))
		return 1;
	*data = lapic_reg_read(apic, reg);
	if (reg == LAPIC_ICR)
		*data |= (u64)lapic_reg_get(apic->regs, reg + 4) << 32;
	trace_xkvm_apic(vcpu->id, false, msr, *data);
	return 0;
}

/* --- side effects of writes --- */

void lapic_mask_lvts(struct lapic *apic)
{
	unsigned int i;

	for (i = 0; i < apic->nr_lvt; i++) {
		u32 reg = lapic_lvt_regs[i];

		lapic_reg_put(apic->regs, reg, LAPIC_LVT_MASKED |
			      lapic_reg_get(apic->regs, reg));
	}
}

static void write_plain(struct lapic *apic, u32 reg, u32 val)
{
	lapic_reg_put(apic->regs, reg, val);
}

/* The CPU may have stored over a register that software cannot change. */
static void write_id(struct lapic *apic, u32 reg, u32 val)
{
	u32 id = apic->vcpu->id;

	lapic_reg_put(apic->regs, reg, lapic_x2apic(apic) ? id : id << 24);
}

static void write_tpr(struct lapic *apic, u32 reg, u32 val)
{
	lapic_reg_put(apic->regs, reg, val);
	vmx_reset_tpr_threshold(apic->vcpu);
	vcpu_request(apic->vcpu, REQ_EVENT);
}

static void write_eoi(struct lapic *apic, u32 reg, u32 val)
{
	lapic_reg_put(apic->regs, reg, 0);
	lapic_eoi(apic->vcpu);
}

static void write_ldr(struct lapic *apic, u32 reg, u32 val)
{
	lapic_reg_put(apic->regs, reg, val);
	lapic_map_update(apic->vcpu->vm);
}

static void write_dfr(struct lapic *apic, u32 reg, u32 val)
{
	lapic_reg_put(apic->regs, reg, val | 0x0fffffff);
	lapic_map_update(apic->vcpu->vm);
}

static void write_svr(struct lapic *apic, u32 reg, u32 val)
{
	bool enabled = val & LAPIC_SVR_ENABLED;

	lapic_reg_put(apic->regs, reg, val);
	if (enabled == apic->sw_enabled)
		return;
	WRITE_ONCE(apic->sw_enabled, enabled);
	if (!enabled)
		lapic_mask_lvts(apic);
	vmx_lapic_mode_changed(apic->vcpu);
	vcpu_request(apic->vcpu, REQ_EVENT);
}

/* A write shows what was gathered since the last one, and re-arms. */
static void write_esr(struct lapic *apic, u32 reg, u32 val)
{
	lapic_reg_put(apic->regs, reg, xchg(&apic->esr_pending, 0));
}

static void lapic_send(struct lapic *apic, u32 icr, u32 dest)
{
	struct lapic_irq irq = {
		.dest = dest,
		.vector = icr,
		.delivery = icr >> 8 & 7,
		.logical = icr & LAPIC_ICR_LOGICAL,
		.level = icr & LAPIC_ICR_ASSERT,
		.trig_level = icr & LAPIC_ICR_LEVEL,
		.shorthand = icr >> 18 & 3,
	};

	trace_xkvm_apic_ipi(apic->vcpu->id, icr, dest);
	if (irq.vector < LAPIC_FIRST_VECTOR &&
	    (irq.delivery == LAPIC_DM_FIXED ||
	     irq.delivery == LAPIC_DM_LOWEST)) {
		lapic_error(apic, LAPIC_ESR_SEND_ILLEGAL);
		/* nobody gets it, but for oneself there is a receiver too */
		if (irq.shorthand != 1)
			return;
	}
	/* IPIs are edge-triggered on every CPU since the Pentium 4 */
	if (irq.delivery != LAPIC_DM_INIT)
		irq.trig_level = false;
	lapic_deliver(apic->vcpu->vm, apic->vcpu, &irq);
}

static void write_icr(struct lapic *apic, u32 reg, u32 val)
{
	u32 dest;

	val &= ~LAPIC_ICR_BUSY;
	lapic_reg_put(apic->regs, reg, val);
	if (lapic_x2apic(apic)) {
		dest = lapic_reg_get(apic->regs, LAPIC_ICR + 4);
	} else {
		dest = lapic_reg_get(apic->regs, LAPIC_ICR2) >> 24;
		if (dest == 0xff)
			dest = LAPIC_DEST_ALL;
	}
	lapic_send(apic, val, dest);
}

static void write_self_ipi(struct lapic *apic, u32 reg, u32 val)
{
	lapic_reg_put(apic->regs, reg, 0);
	lapic_send(apic, val | 1 << 18, 0);
}

static void write_lvt(struct lapic *apic, u32 reg, u32 val)
{
	if (!apic->sw_enabled)
		val |= LAPIC_LVT_MASKED;
	lapic_reg_put(apic->regs, reg, val);
}

static void write_lvt0(struct lapic *apic, u32 reg, u32 val)
{
	write_lvt(apic, reg, val);
	lapic_note_lvt0(apic);
	/* a PIC may be waiting to be listened to */
	vcpu_request(apic->vcpu, REQ_EVENT);
}

static void write_lvtt(struct lapic *apic, u32 reg, u32 val)
{
	if (val & LAPIC_LVTT_DEADLINE)
		val &= ~LAPIC_LVTT_PERIODIC;
	/* what has expired belongs to the old entry */
	lapic_timer_deliver(apic->vcpu);
	write_lvt(apic, reg, val);
	lapic_timer_set_mode(apic);
}

static void write_tmict(struct lapic *apic, u32 reg, u32 val)
{
	/* without effect while the deadline MSR drives the timer */
	if (apic->timer_mode == LAPIC_TSC_DEADLINE)
		val = 0;
	lapic_reg_put(apic->regs, reg, val);
	if (apic->timer_mode != LAPIC_TSC_DEADLINE)
		lapic_timer_start(apic);
}

static void write_tdcr(struct lapic *apic, u32 reg, u32 val)
{
	lapic_reg_put(apic->regs, reg, val);
	lapic_timer_divide(apic);
}

typedef void (*lapic_write_fn)(struct lapic *apic, u32 reg, u32 val);

/* Every writable register of lapic_regs.c is here. */
static const lapic_write_fn write_fn[LAPIC_REGS_SIZE >> 4] = {
	[LAPIC_ID >> 4] = write_id,
	[LAPIC_TPR >> 4] = write_tpr,
	[LAPIC_EOI >> 4] = write_eoi,
	[LAPIC_LDR >> 4] = write_ldr,
	[LAPIC_DFR >> 4] = write_dfr,
	[LAPIC_SVR >> 4] = write_svr,
	[LAPIC_ESR >> 4] = write_esr,
	[LAPIC_ICR >> 4] = write_icr,
	[LAPIC_ICR2 >> 4] = write_plain,
	[LAPIC_LVTT >> 4] = write_lvtt,
	[LAPIC_LVTTHMR >> 4] = write_lvt,
	[LAPIC_LVTPC >> 4] = write_lvt,
	[LAPIC_LVT0 >> 4] = write_lvt0,
	[LAPIC_LVT1 >> 4] = write_lvt,
	[LAPIC_LVTERR >> 4] = write_lvt,
	[LAPIC_LVTCMCI >> 4] = write_lvt,
	[LAPIC_TMICT >> 4] = write_tmict,
	[LAPIC_TDCR >> 4] = write_tdcr,
	[LAPIC_SELF_IPI >> 4] = write_self_ipi,
};

/* Bits of @reg that this vCPU's software can change. */
static u32 lapic_writable(const struct lapic *apic, u32 reg)
{
	u32 bits = lapic_own_reg(apic, reg)->writable;

	if (reg == LAPIC_LVTT &&
	    !(apic->vcpu->arch.features & CPUF_TSC_DEADLINE))
		bits &= ~LAPIC_LVTT_DEADLINE;
	return bits;
}

static void lapic_reg_write(struct lapic *apic, u32 reg, u32 val)
{
	write_fn[reg >> 4](apic, reg, val & lapic_writable(apic, reg));
}

/* --- ways in --- */

int lapic_mmio_write(struct vcpu *vcpu, u32 offset, unsigned int len,
		     const void *data)
{
	struct lapic *apic = vcpu->arch.lapic;
	u32 val, access;

	if (!apic || !lapic_hw_enabled(apic) || lapic_x2apic(apic))
		return -EOPNOTSUPP;
	if (len != sizeof(val) || offset & 0xf || offset >= LAPIC_REGS_SIZE)
		return 0;

	offset = array_index_nospec(offset, LAPIC_REGS_SIZE);
	memcpy(&val, data, sizeof(val));
	trace_xkvm_apic(vcpu->id, true, offset, val);
	access = lapic_own_reg(apic, offset)->access;
	if (access & LAPIC_X_WRITE)
		lapic_reg_write(apic, offset, val);
	else if (!(access & LAPIC_X_READ))
		lapic_error(apic, LAPIC_ESR_ILLEGAL_REG);
	return 0;
}

static int lapic_icr_msr_write(struct lapic *apic, u64 data)
{
	if ((u32)data & ~LAPIC_ICR_DEFINED)
		return 1;
	lapic_reg_put(apic->regs, LAPIC_ICR + 4, data >> 32);
	lapic_reg_write(apic, LAPIC_ICR, data);
	return 0;
}

int lapic_msr_write(struct vcpu *vcpu, u32 msr, u64 data)
{
	struct lapic *apic = vcpu->arch.lapic;
	u32 reg = (msr - X2APIC_MSR_FIRST) << 4;
	const struct lapic_reg_info *info;

	if (!apic || !lapic_x2apic(apic) || reg >= LAPIC_REGS_SIZE)
		return 1;
	reg = array_index_nospec(reg, LAPIC_REGS_SIZE);
	info = lapic_own_reg(apic, reg);
	if (!(info->access & LAPIC_X2_WRITE))
		return 1;
	trace_xkvm_apic(vcpu->id, true, msr, data);
	if (reg == LAPIC_ICR)
		return lapic_icr_msr_write(apic, data);
	if (data & ~(u64)(lapic_writable(apic, reg) | info->read_only))
		return 1;
	lapic_reg_write(apic, reg, data);
	return 0;
}

void lapic_write_done(struct vcpu *vcpu, u32 offset)
{
	struct lapic *apic = vcpu->arch.lapic;
	u32 reg = offset & ~0xfu;

	if (!apic || reg >= LAPIC_REGS_SIZE)
		return;
	reg = array_index_nospec(reg, LAPIC_REGS_SIZE);
	if (!write_fn[reg >> 4])
		return;
	/* the store is done: what the CPU let through cannot fault any more */
	trace_xkvm_apic(vcpu->id, true, reg, lapic_reg_get(apic->regs, reg));
	lapic_reg_write(apic, reg, lapic_reg_get(apic->regs, reg));
}
