// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC: creation, reset, IA32_APIC_BASE, arbitration between IRR, ISR and
 * the task priority, EOI, INIT and SIPI.
 *
 * Runs in the vCPU's thread or under vcpu->mutex, except where lapic.h says any
 * context.  Registers as software sees them are lapic_access.c's, the timer
 * lapic_timer.c's, and who is meant by a message lapic_map.c's.
 */
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include "irqchip.h"
#include "lapic.h"
#include "x86.h"

/* --- lifetime --- */

int lapic_create(struct vcpu *vcpu)
{
	struct lapic *apic;

	/* a power of two, because slab then aligns the PI descriptor */
	apic = kzalloc(roundup_pow_of_two(sizeof(*apic)), GFP_KERNEL_ACCOUNT);
	if (!apic)
		return -ENOMEM;
	apic->regs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!apic->regs)
		goto err_free;

	apic->vcpu = vcpu;
	apic->base = APIC_DEFAULT_BASE;
	apic->eoi_exit = -1;
	apic->nr_lvt = LAPIC_NR_LVT - 1;
	lapic_timer_init(apic);
	vcpu->arch.lapic = apic;
	return 0;

err_free:
	kfree(apic);
	return -ENOMEM;
}

void lapic_destroy(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->arch.lapic;

	if (!apic)
		return;
	lapic_timer_stop(apic);
	vcpu->arch.lapic = NULL;
	free_page((unsigned long)apic->regs);
	kfree(apic);
}

void lapic_set_cmci(struct vcpu *vcpu, bool cmci)
{
	struct lapic *apic = vcpu->arch.lapic;

	if (!apic)
		return;
	apic->nr_lvt = cmci ? LAPIC_NR_LVT : LAPIC_NR_LVT - 1;
	lapic_reg_put(apic->regs, LAPIC_VERSION,
		      LAPIC_VERSION_VALUE(apic->nr_lvt));
	lapic_reg_put(apic->regs, LAPIC_LVTCMCI, cmci ? LAPIC_LVT_MASKED : 0);
}

/* The id and what follows from it, in the form the present mode has. */
static void lapic_write_id(struct lapic *apic)
{
	u32 id = apic->vcpu->id;

	if (lapic_x2apic(apic)) {
		lapic_reg_put(apic->regs, LAPIC_ID, id);
		lapic_reg_put(apic->regs, LAPIC_LDR, lapic_x2apic_ldr(id));
	} else {
		lapic_reg_put(apic->regs, LAPIC_ID, id << 24);
	}
}

/* Source: SDM volume 3, 11.4.7.1, state after power-up or reset. */
static void lapic_reset_regs(struct lapic *apic)
{
	struct vcpu *vcpu = apic->vcpu;

	lapic_timer_stop(apic);
	memset(apic->regs, 0, PAGE_SIZE);
	memset(&apic->pi, 0, sizeof(apic->pi));
	bitmap_zero(apic->eoi_watch, 256);
	WRITE_ONCE(apic->eoi_watch_changed, true);
	apic->esr_pending = 0;
	apic->eoi_exit = -1;
	apic->tsc_deadline = 0;
	apic->deadline_early = 0;

	lapic_reg_put(apic->regs, LAPIC_VERSION,
		      LAPIC_VERSION_VALUE(apic->nr_lvt));
	lapic_reg_put(apic->regs, LAPIC_DFR, ~0u);
	lapic_reg_put(apic->regs, LAPIC_SVR, 0xff);
	WRITE_ONCE(apic->sw_enabled, false);
	lapic_mask_lvts(apic);
	/* KVM's ABI: the boot processor starts in virtual wire mode */
	if (vcpu->id == 0)
		lapic_reg_put(apic->regs, LAPIC_LVT0, LAPIC_DM_EXTINT << 8);
	lapic_write_id(apic);
	lapic_timer_divide(apic);
	lapic_timer_set_mode(apic);

	vmx_reset_tpr_threshold(vcpu);
	if (apic->vid) {
		vmx_set_rvi(vcpu, -1);
		vmx_set_svi(vcpu, -1);
	}
}

void lapic_reset(struct vcpu *vcpu, bool init)
{
	struct lapic *apic = vcpu->arch.lapic;

	if (!apic)
		return;
	if (!init) {
		WRITE_ONCE(apic->base, APIC_DEFAULT_BASE | LAPIC_BASE_EN |
			   (vcpu->id == vcpu->vm->arch.bsp_id ?
			    LAPIC_BASE_BSP : 0));
		apic->pending_init_sipi = 0;
	}
	lapic_reset_regs(apic);
	/* one that is being made is in no map yet: arch_vcpu_online() sees to it */
	if (init)
		lapic_map_update(vcpu->vm);
	vmx_lapic_mode_changed(vcpu);
}

/* --- IA32_APIC_BASE --- */

static bool lapic_base_valid(struct vcpu *vcpu, u64 old, u64 base, bool host)
{
	u64 mode = base & (LAPIC_BASE_EN | LAPIC_BASE_EXTD);
	u64 old_mode = old & (LAPIC_BASE_EN | LAPIC_BASE_EXTD);

	if (base & (0x2ff | ~GENMASK_ULL(vcpu->arch.maxphyaddr - 1, 0)))
		return false;
	if (mode == LAPIC_BASE_EXTD)
		return false;
	if (host)
		return true;
	if (mode & LAPIC_BASE_EXTD && !guest_has_x2apic(vcpu))
		return false;
	/* SDM volume 3, 11.12.5: x2APIC is entered from xAPIC, left to off */
	if (mode & LAPIC_BASE_EXTD)
		return old_mode != 0;
	return !(old_mode & LAPIC_BASE_EXTD) || mode == 0;
}

/* ICR is two registers in xAPIC mode and one of 64 bits in x2APIC mode. */
static void lapic_convert_icr(struct lapic *apic, bool to_x2apic)
{
	if (to_x2apic) {
		lapic_reg_put(apic->regs, LAPIC_ICR + 4,
			      lapic_reg_get(apic->regs, LAPIC_ICR2) >> 24);
		lapic_reg_put(apic->regs, LAPIC_ICR2, 0);
	} else {
		lapic_reg_put(apic->regs, LAPIC_ICR2,
			      lapic_reg_get(apic->regs, LAPIC_ICR + 4) << 24);
		lapic_reg_put(apic->regs, LAPIC_ICR + 4, 0);
	}
}

int lapic_set_base(struct vcpu *vcpu, u64 base, bool host_initiated)
{
	struct lapic *apic = vcpu->arch.lapic;
	u64 old, changed;

	if (!apic)
		return 1;
	old = apic->base;
	if (!lapic_base_valid(vcpu, old, base, host_initiated))
		return 1;

	changed = old ^ base;
	/* what all xAPICs share goes before this one is none any more */
	if (!lapic_base_is_xapic(base))
		apic_page_leave(vcpu->vm);
	WRITE_ONCE(apic->base, base);
	if (!(changed & (LAPIC_BASE_EN | LAPIC_BASE_EXTD))) {
		if (changed & LAPIC_BASE_ADDR)
			vmx_lapic_mode_changed(vcpu);
		return 0;
	}

	/*
	 * A guest that switches its APIC off loses what was in it; user space
	 * may be in the middle of a restore and loses nothing.
	 */
	if (!(base & LAPIC_BASE_EN) && !host_initiated)
		lapic_reset_regs(apic);
	if (changed & LAPIC_BASE_EXTD) {
		lapic_convert_icr(apic, base & LAPIC_BASE_EXTD);
		if (!(base & LAPIC_BASE_EXTD))
			lapic_reg_put(apic->regs, LAPIC_LDR, 0);
	}
	lapic_write_id(apic);
	lapic_map_update(vcpu->vm);
	vmx_lapic_mode_changed(vcpu);
	if (changed & LAPIC_BASE_EN)
		cpuid_update_runtime(vcpu);
	vcpu_request(vcpu, REQ_EVENT);
	return 0;
}

/* --- priorities --- */

int lapic_highest_isr(const struct vcpu *vcpu)
{
	return lapic_vec_highest(vcpu->arch.lapic->regs, LAPIC_ISR);
}

int lapic_highest_irr(const struct vcpu *vcpu)
{
	const struct lapic *apic = vcpu->arch.lapic;
	int irr = lapic_vec_highest(apic->regs, LAPIC_IRR);
	int word;

	if (!READ_ONCE(apic->pi.control))
		return irr;
	for (word = 3; word >= 0; word--) {
		unsigned long bits = READ_ONCE(apic->pi.pir[word]);

		if (bits)
			return max_t(int, irr, word * 64 + __fls(bits));
	}
	return irr;
}

int lapic_sync_irr(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->arch.lapic;
	int word, bit;

	/* pairs with the order of bits in lapic_set_irr(): pir, then ON */
	if (READ_ONCE(apic->pi.control) && xchg(&apic->pi.control, 0)) {
		for (word = 0; word < 4; word++) {
			unsigned long bits = xchg(&apic->pi.pir[word], 0);

			for_each_set_bit(bit, &bits, 64) {
				u8 vec = word * 64 + bit;

				set_bit(vec & 31, apic->regs +
					lapic_vec_reg(LAPIC_IRR, vec));
			}
		}
	}
	return lapic_vec_highest(apic->regs, LAPIC_IRR);
}

static u8 lapic_update_ppr(struct lapic *apic)
{
	u8 ppr = lapic_ppr(lapic_reg_get(apic->regs, LAPIC_TPR),
			   lapic_vec_highest(apic->regs, LAPIC_ISR));

	lapic_reg_put(apic->regs, LAPIC_PPR, ppr);
	return ppr;
}

int lapic_pending_vector(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->arch.lapic;
	int irr;
	u8 ppr;

	if (!apic || !lapic_hw_enabled(apic))
		return -1;
	irr = lapic_sync_irr(vcpu);
	if (irr < 0)
		return -1;
	ppr = lapic_update_ppr(apic);
	return (irr & 0xf0) > (ppr & 0xf0) ? irr : -1;
}

bool lapic_has_interrupt(const struct vcpu *vcpu)
{
	const struct lapic *apic = vcpu->arch.lapic;
	int irr;
	u8 ppr;

	if (!apic || !lapic_hw_enabled(apic))
		return false;
	irr = lapic_highest_irr(vcpu);
	if (irr < 0)
		return false;
	ppr = lapic_ppr(lapic_reg_get(apic->regs, LAPIC_TPR),
			lapic_highest_isr(vcpu));
	return (irr & 0xf0) > (ppr & 0xf0);
}

void lapic_accept(struct vcpu *vcpu, int vector)
{
	struct lapic *apic = vcpu->arch.lapic;
	u8 vec = vector;
	u32 isr = lapic_vec_reg(LAPIC_ISR, vec);

	clear_bit(vec & 31, apic->regs + lapic_vec_reg(LAPIC_IRR, vec));
	lapic_reg_put(apic->regs, isr,
		      lapic_reg_get(apic->regs, isr) | 1u << (vec & 31));
	lapic_update_ppr(apic);
	if (apic->vid)
		vmx_set_svi(vcpu, lapic_highest_isr(vcpu));
}

u64 lapic_get_cr8(const struct vcpu *vcpu)
{
	if (!vcpu->arch.lapic)
		return 0;
	return lapic_reg_get(vcpu->arch.lapic->regs, LAPIC_TPR) >> 4 & 0xf;
}

void lapic_set_cr8(struct vcpu *vcpu, u64 cr8)
{
	struct lapic *apic = vcpu->arch.lapic;

	if (!apic)
		return;
	lapic_reg_put(apic->regs, LAPIC_TPR, (cr8 & 0xf) << 4);
	vmx_reset_tpr_threshold(vcpu);
	lapic_update_ppr(apic);
	vcpu_request(vcpu, REQ_EVENT);
}

bool lapic_accepts_extint(const struct vcpu *vcpu)
{
	const struct lapic *apic = vcpu->arch.lapic;
	u32 lvt0;

	if (!apic || !lapic_hw_enabled(apic))
		return true;
	lvt0 = lapic_reg_get(apic->regs, LAPIC_LVT0);
	return !(lvt0 & LAPIC_LVT_MASKED) &&
	       (lvt0 & LAPIC_LVT_MODE) >> 8 == LAPIC_DM_EXTINT;
}

/* --- errors and EOI --- */

void lapic_error(struct lapic *apic, enum lapic_error bit)
{
	u32 lvt;
	u8 vector;

	if (test_and_set_bit(bit, &apic->esr_pending))
		return;
	lvt = lapic_reg_get(apic->regs, LAPIC_LVTERR);
	if (lvt & LAPIC_LVT_MASKED || !READ_ONCE(apic->sw_enabled))
		return;

	/*
	 * An error entry with an illegal vector is an error of its own, which
	 * ends here: delivering it the usual way would come back forever.
	 */
	vector = lvt & LAPIC_LVT_VECTOR;
	if (vector < LAPIC_FIRST_VECTOR) {
		set_bit(LAPIC_ESR_RECV_ILLEGAL, &apic->esr_pending);
		return;
	}
	lapic_set_irr(apic, vector);
	vcpu_request_kick(apic->vcpu, REQ_EVENT);
}

void lapic_eoi_done(struct lapic *apic, u8 vector)
{
	if (likely(!test_bit(vector, apic->eoi_watch)))
		return;
	if (apic->vcpu->vm->arch.irqchip_kernel)
		irqchip_eoi(apic->vcpu->vm, vector,
			    lapic_vec_test(apic->regs, LAPIC_TMR, vector));
	else
		apic->eoi_exit = vector;
}

void lapic_eoi(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->arch.lapic;
	int vector = lapic_highest_isr(vcpu);
	u32 reg;

	if (vector < 0)
		return;
	reg = lapic_vec_reg(LAPIC_ISR, vector);
	lapic_reg_put(apic->regs, reg,
		      lapic_reg_get(apic->regs, reg) & ~(1u << (vector & 31)));
	lapic_update_ppr(apic);
	if (apic->vid)
		vmx_set_svi(vcpu, lapic_highest_isr(vcpu));
	lapic_eoi_done(apic, vector);
	vcpu_request(vcpu, REQ_EVENT);
}

void lapic_eoi_induced(struct vcpu *vcpu, u8 vector)
{
	lapic_eoi_done(vcpu->arch.lapic, vector);
	vcpu_request(vcpu, REQ_EVENT);
}

bool lapic_eoi_exit_bitmap(struct vcpu *vcpu, u64 bitmap[4])
{
	struct lapic *apic = vcpu->arch.lapic;
	unsigned int i;

	if (likely(!READ_ONCE(apic->eoi_watch_changed)))
		return false;
	WRITE_ONCE(apic->eoi_watch_changed, false);
	/* the mark before the bits: pairs with lapic_watch_eoi() */
	smp_mb();
	for (i = 0; i < 4; i++)
		bitmap[i] = READ_ONCE(apic->eoi_watch[i]);
	return true;
}

/* --- INIT and SIPI --- */

void lapic_take_events(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->arch.lapic;

	if (!lapic_has_events(vcpu))
		return;

	if (test_and_clear_bit(LAPIC_EVENT_INIT, &apic->pending_init_sipi)) {
		vcpu_reset(vcpu, true);
		vcpu->arch.mp_state = apic->base & LAPIC_BASE_BSP ?
				      KVM_MP_STATE_RUNNABLE :
				      KVM_MP_STATE_INIT_RECEIVED;
	}
	/* implies the barrier that pairs with the one before the bit is set */
	if (test_and_clear_bit(LAPIC_EVENT_SIPI, &apic->pending_init_sipi) &&
	    vcpu->arch.mp_state == KVM_MP_STATE_INIT_RECEIVED) {
		vcpu_start_at(vcpu, READ_ONCE(apic->sipi_vector));
		vcpu->arch.mp_state = KVM_MP_STATE_RUNNABLE;
	}
}
