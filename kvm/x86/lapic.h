/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC of a vCPU: registers, delivery, timer.
 * Source: SDM volume 3, chapter "Advanced Programmable Interrupt Controller".
 *
 * Files: lapic.c (lifetime, modes, arbitration, INIT/SIPI), lapic_access.c
 * (registers), lapic_map.c (destinations, delivery), lapic_timer.c,
 * lapic_state.c (KVM_GET/SET_LAPIC), lapic_regs.c (pure), msi.c.
 *
 * The register page (lapic->regs) has the layout of the virtual-APIC page, so
 * that the CPU's APIC virtualization works on it directly.  In x2APIC mode ICR
 * is one 64-bit register at 0x300, as the CPU keeps it.
 *
 * Any context may raise a vector.  Without virtual-interrupt delivery it does
 * so in IRR and TMR, with atomic bit operations.  With it the CPU itself
 * changes IRR while the guest runs, unlocked, so others set lapic->pi.pir
 * instead, and the vCPU's thread moves that to IRR: lapic_sync_irr().
 * Everything else is changed only by the vCPU's own thread (vCPU loaded) or
 * with vcpu->mutex held, and read by delivery with READ_ONCE.
 */
#ifndef XKVM_X86_LAPIC_H
#define XKVM_X86_LAPIC_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/types.h>
#include <asm/msr-index.h>

#include "../vm.h"
#include "lapic_regs.h"

#define APIC_DEFAULT_BASE	0xfee00000ull
#define LAPIC_BASE_BSP		MSR_IA32_APICBASE_BSP
#define LAPIC_BASE_EXTD		(1ull << 10)
#define LAPIC_BASE_EN		MSR_IA32_APICBASE_ENABLE
#define LAPIC_BASE_ADDR		(~0xfffull)

enum lapic_timer_mode { LAPIC_ONESHOT, LAPIC_PERIODIC, LAPIC_TSC_DEADLINE };

/* Bits of lapic->pending_init_sipi. */
enum { LAPIC_EVENT_INIT, LAPIC_EVENT_SIPI };

/*
 * Vectors raised from outside while virtual-interrupt delivery is in use; the
 * layout of the posted-interrupt descriptor (SDM volume 3, 30.6).
 */
struct lapic_pi {
	unsigned long pir[4];
	unsigned long control;		/* bit 0: ON, something is in pir */
	unsigned long reserved[3];
} __aligned(64);

struct lapic {
	struct lapic_pi pi;
	struct vcpu *vcpu;
	void *regs;			/* one page, zeroed */
	u64 base;			/* IA32_APIC_BASE; see lapic_set_base() */
	bool sw_enabled;		/* SVR bit 8 */
	u8 nr_lvt;			/* 7 with CMCI, else 6 */
	bool vid;			/* virtual-interrupt delivery in use; vmx's */
	/* vectors whose EOI an I/O APIC waits for; see lapic_watch_eoi() */
	DECLARE_BITMAP(eoi_watch, 256);
	bool eoi_watch_changed;		/* and the CPU has not been told */
	unsigned long pending_init_sipi; /* bit 0 INIT, bit 1 SIPI; atomic */
	u8 sipi_vector;
	unsigned long esr_pending;	/* errors since ESR was written; atomic */
	int eoi_exit;			/* see lapic_take_eoi_exit(); -1 */
	/* timer */
	struct hrtimer timer;
	enum lapic_timer_mode timer_mode;
	u32 divisor;			/* 1 .. 128 */
	u64 period_ns;
	s64 target;			/* clock_ns() then; 0: not running */
	u64 tsc_deadline;		/* guest TSC; 0: disarmed */
	u64 deadline_early;		/* written while not in deadline mode */
	atomic_t timer_pending;
};

/* An interrupt message; from an ICR write, an MSI, a route. */
struct lapic_irq {
	u32 dest;			/* APIC id, or logical; ~0u: all */
	u8 vector;
	u8 delivery;			/* ICR/MSI delivery mode, 0..7 */
	bool logical;
	bool level, trig_level;		/* assert; level-triggered */
	bool redir_hint;		/* MSI: lowest-priority among matches */
	u8 shorthand;			/* 0 none 1 self 2 all 3 all-but-self */
	bool eoi_watch;			/* an I/O APIC waits for the EOI */
};

/* --- lapic.c -------------------------------------------------------------- */

/*
 * Creation and reset.  lapic_create() sets vcpu->arch.lapic, hardware-disabled;
 * vcpu_reset() calls lapic_reset(), which enables it.  @init: by INIT, which
 * keeps the id and IA32_APIC_BASE.  The caller of lapic_create() lets
 * arch_vcpu_online() call lapic_map_update(): before that no message finds it.
 */
int lapic_create(struct vcpu *vcpu);	/* 0 / -ENOMEM; sets arch.lapic */
void lapic_destroy(struct vcpu *vcpu);	/* no-op without one */
void lapic_reset(struct vcpu *vcpu, bool init);

/*
 * IA32_APIC_BASE.  Returns 0, or 1 for a value or transition that #GPs (reserved
 * bits, x2APIC without CPUID, illegal transitions); @host_initiated allows any
 * legal state.  Calls vmx_lapic_mode_changed() after a change of mode, and
 * cpuid_update_runtime() when the APIC was enabled or disabled.
 */
int lapic_set_base(struct vcpu *vcpu, u64 base, bool host_initiated);

/* IA32_MCG_CAP says whether there is an LVT entry for CMCI.  No-op without APIC. */
void lapic_set_cmci(struct vcpu *vcpu, bool cmci);

/* lapic_reg_info() for this APIC, which may lack the entry for CMCI. */
static inline const struct lapic_reg_info *
lapic_own_reg(const struct lapic *apic, u32 reg)
{
	/* nothing is at offset 0 */
	return lapic_reg_info(reg == LAPIC_LVTCMCI &&
			      apic->nr_lvt < LAPIC_NR_LVT ? 0 : reg);
}

/* Without an in-kernel APIC: the reset value. */
static inline u64 lapic_get_base(const struct vcpu *vcpu)
{
	if (vcpu->arch.lapic)
		return READ_ONCE(vcpu->arch.lapic->base);
	return APIC_DEFAULT_BASE | LAPIC_BASE_EN |
	       (vcpu->id ? 0 : LAPIC_BASE_BSP);
}

/* EN; any context */
static inline bool lapic_hw_enabled(const struct lapic *apic)
{
	return READ_ONCE(apic->base) & LAPIC_BASE_EN;
}

/* EXTD && EN; any context */
static inline bool lapic_x2apic(const struct lapic *apic)
{
	return (READ_ONCE(apic->base) & (LAPIC_BASE_EN | LAPIC_BASE_EXTD)) ==
	       (LAPIC_BASE_EN | LAPIC_BASE_EXTD);
}

/* CR8 is TPR[7:4].  vCPU thread; 0 without an APIC. */
u64 lapic_get_cr8(const struct vcpu *vcpu);
void lapic_set_cr8(struct vcpu *vcpu, u64 cr8);

/* Is @gpa in the register page of an APIC in xAPIC mode?  vCPU thread. */
static inline bool lapic_owns(const struct vcpu *vcpu, gpa_t gpa)
{
	const struct lapic *apic = vcpu->arch.lapic;

	return apic && !((gpa ^ apic->base) & LAPIC_BASE_ADDR) &&
	       (apic->base & (LAPIC_BASE_EN | LAPIC_BASE_EXTD)) == LAPIC_BASE_EN;
}

/* In xAPIC mode, enabled, where every APIC is after reset? */
static inline bool lapic_base_is_xapic(u64 base)
{
	return (base & (LAPIC_BASE_ADDR | LAPIC_BASE_EN | LAPIC_BASE_EXTD)) ==
	       (APIC_DEFAULT_BASE | LAPIC_BASE_EN);
}

/*
 * Highest IRR vector above the processor priority, or -1; if there is any, PPR
 * is brought up to date from TPR and ISR.  Without virtual-interrupt delivery.  Vcpu thread.
 */
int lapic_pending_vector(struct vcpu *vcpu);

/* Is there such a vector?  Changes nothing; any context (wakes a halt). */
bool lapic_has_interrupt(const struct vcpu *vcpu);

/* Highest vector raised whatever the priority, or -1; any context. */
int lapic_highest_irr(const struct vcpu *vcpu);
int lapic_highest_isr(const struct vcpu *vcpu);

/*
 * Move what others raised into IRR and return the highest IRR vector or -1:
 * what vmx_set_rvi() takes before an entry with virtual-interrupt delivery.
 * vCPU thread, after REQ_EVENT was taken.
 */
int lapic_sync_irr(struct vcpu *vcpu);

/* @vector is being injected: IRR to ISR, PPR updated.  Vcpu thread. */
void lapic_accept(struct vcpu *vcpu, int vector);

/* ExtINT through LVT0 allowed (virtual wire mode)? */
bool lapic_accepts_extint(const struct vcpu *vcpu);

/*
 * Set error @bit of the ESR (enum lapic_error) and raise the error interrupt,
 * once for each bit until the guest writes ESR.  Any context; never recurses.
 */
void lapic_error(struct lapic *apic, enum lapic_error bit);

/*
 * End of interrupt for the highest vector in service.  lapic_eoi_done(): what
 * an EOI for @vector causes beyond the registers.  Vcpu thread.
 */
void lapic_eoi(struct vcpu *vcpu);
void lapic_eoi_done(struct lapic *apic, u8 vector);

/* EOI-induced VM exit: the CPU has updated the registers for @vector. */
void lapic_eoi_induced(struct vcpu *vcpu, u8 vector);

/*
 * A vector from an I/O APIC of user space's (split irqchip) has ended: the
 * vector for KVM_EXIT_IOAPIC_EOI, or -1.  Takes it.  REQ_EVENT is set when
 * there is one.  Vcpu thread.
 */
static inline int lapic_take_eoi_exit(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->arch.lapic;
	int vector;

	if (!apic || likely(apic->eoi_exit < 0))
		return -1;
	vector = apic->eoi_exit;
	apic->eoi_exit = -1;
	return vector;
}

/*
 * With virtual-interrupt delivery the CPU has to be told which EOIs are waited
 * for, before the vector can be in service: fills the EOI-exit bitmap and
 * returns true if it may have changed since this was last called.  Vcpu thread,
 * before lapic_sync_irr().
 */
bool lapic_eoi_exit_bitmap(struct vcpu *vcpu, u64 bitmap[4]);

/*
 * INIT and SIPI that have arrived (pending_init_sipi): INIT resets the vCPU
 * (vcpu_reset(vcpu, true)) and leaves it in INIT_RECEIVED unless BSP; SIPI
 * starts it (vcpu_start_at()) if it waits for one, and is lost otherwise.
 * Before KVM_GET_MP_STATE answers, too.  Vcpu thread or mutex, loaded.
 */
void lapic_take_events(struct vcpu *vcpu);

static inline bool lapic_has_events(const struct vcpu *vcpu)
{
	return vcpu->arch.lapic &&
	       READ_ONCE(vcpu->arch.lapic->pending_init_sipi);
}

/* --- lapic_access.c: registers, vCPU thread or mutex ---------------------- */

/*
 * MMIO in the xAPIC page (@offset 0..0xfff, @len 1..8).  Registers are accessed
 * with aligned 32-bit accesses; others read undefined/are dropped as hardware.
 * Only when lapic_hw_enabled() and not x2APIC: 0; else -EOPNOTSUPP (not ours).
 */
int lapic_mmio_read(struct vcpu *vcpu, u32 offset, unsigned int len, void *data);
int lapic_mmio_write(struct vcpu *vcpu, u32 offset, unsigned int len,
		     const void *data);

/* APIC-write VM exit: the CPU has stored to @offset; do its side effects. */
void lapic_write_done(struct vcpu *vcpu, u32 offset);

/* x2APIC MSRs 0x800-0x8ff; 0, or 1: #GP. */
int lapic_msr_read(struct vcpu *vcpu, u32 msr, u64 *data);
int lapic_msr_write(struct vcpu *vcpu, u32 msr, u64 data);

/* LINT0 may deliver NMIs now, which the PIT has to know (pit_timer.c). */
static inline void lapic_note_lvt0(const struct lapic *apic)
{
	u32 lvt0 = lapic_reg_get(apic->regs, LAPIC_LVT0);

	if ((lvt0 & LAPIC_LVT_MODE) >> 8 == LAPIC_DM_NMI)
		WRITE_ONCE(apic->vcpu->vm->arch.lvt0_nmi, true);
}

/* Mask every LVT entry, as a software disable does. */
void lapic_mask_lvts(struct lapic *apic);

/* --- lapic_map.c: delivery; any context, never sleeps --------------------- */

/*
 * Deliver a message; @source: the sender of an IPI, or NULL.  NULL with a
 * shorthand reaches nobody.  >0: that many APICs took it; 0: the APICs that
 * match refuse it (software-disabled, illegal vector, mode with no effect);
 * -1: no APIC matches.
 */
int lapic_deliver(struct vm *vm, struct vcpu *source, const struct lapic_irq *irq);

/* One APIC takes the message, whatever its destination: 1, or 0 refused. */
int lapic_take(struct vcpu *vcpu, const struct lapic_irq *irq);

/* Set @vector in this vCPU's IRR and kick it (per-vCPU Xen upcall vector). */
int lapic_set_vector(struct vcpu *vcpu, u8 vector);

/* Deliver the LVT entry at @reg (LAPIC_LVTT, LAPIC_LVT0 ...); 1 if it was. */
int lapic_deliver_lvt(struct vcpu *vcpu, u32 reg);

/* Set a legal vector in IRR, or for lapic_sync_irr(); no kick.  Any context. */
void lapic_set_irr(struct lapic *apic, u8 vector);

/*
 * Keep in mind that an I/O APIC waits for the EOI of @vector, which is about to
 * be raised.  Any context.
 */
void lapic_watch_eoi(struct lapic *apic, u8 vector);

/*
 * Destination map of a VM: rebuilt whenever an LDR, DFR, mode or enable bit of
 * any APIC changes; read under rcu_read_lock() in delivery.  Sleeps; takes
 * arch.lapic_map_lock.  Without memory for a map delivery asks every APIC.
 */
void lapic_map_update(struct vm *vm);
void lapic_map_free(struct vm *vm);	/* after the vCPUs */

/* --- msi.c ------------------------------------------------------------------ */

/* --- lapic_timer.c ---------------------------------------------------------- */

/* IA32_TSC_DEADLINE; reads 0 once delivered and in the other timer modes. */
u64 lapic_get_tscdeadline(const struct vcpu *vcpu);
void lapic_set_tscdeadline(struct vcpu *vcpu, u64 tsc);

/* Before entry: deliver an expired timer.  Vcpu thread. */
void lapic_timer_deliver(struct vcpu *vcpu);

/* Has the timer expired undelivered?  Any context. */
static inline bool lapic_timer_expired(const struct vcpu *vcpu)
{
	return vcpu->arch.lapic &&
	       atomic_read(&vcpu->arch.lapic->timer_pending) > 0;
}

/* The guest's TSC offset or rate changed: re-arm a TSC-deadline timer. */
void lapic_tsc_changed(struct vcpu *vcpu);

void lapic_timer_init(struct lapic *apic);
/* Stop; an expiry not yet delivered is forgotten. */
void lapic_timer_stop(struct lapic *apic);
/* TMICT, TDCR or LVTT was written: the page has the new value. */
void lapic_timer_start(struct lapic *apic);
void lapic_timer_divide(struct lapic *apic);
void lapic_timer_set_mode(struct lapic *apic);
/* TMCCT now. */
u32 lapic_timer_count(const struct lapic *apic);
/* After a restore: go on from this count. */
void lapic_timer_restore(struct lapic *apic, u32 count);

/* --- lapic_state.c ---------------------------------------------------------- */

/*
 * KVM_GET/SET_LAPIC; @s in the VM's x2APIC id format.  0 / -EINVAL: no APIC, or
 * in x2APIC mode another id than the vCPU's.  What software could not have put
 * into a register is dropped.  vcpu->mutex held, vCPU loaded.
 */
int lapic_get_state(struct vcpu *vcpu, struct kvm_lapic_state *s);
int lapic_set_state(struct vcpu *vcpu, const struct kvm_lapic_state *s);

/* --- what vmx.c implements ---------------------------------------------------- */

/* With virtual-interrupt delivery (lapic->vid). */
void vmx_set_rvi(struct vcpu *vcpu, int vector);	/* highest IRR or -1 */
void vmx_set_svi(struct vcpu *vcpu, int vector);	/* highest ISR or -1 */
/* Before vmx_set_rvi(): which EOIs cause an exit, if that changed. */
void vmx_update_eoi_exits(struct vcpu *vcpu);
/*
 * Without it, before an entry and after the injection of events: the CPU exits
 * when TPR no longer holds back what is highest in IRR.  Whoever else changes
 * TPR resets that and sets REQ_EVENT: no entry with TPR below the threshold.
 */
void vmx_update_tpr_threshold(struct vcpu *vcpu);
void vmx_reset_tpr_threshold(struct vcpu *vcpu);
/* The mode changed, the page moved, or software switched it on or off. */
void vmx_lapic_mode_changed(struct vcpu *vcpu);
/* Before it leaves xAPIC mode at the default base: see apic_page.h. */
void apic_page_leave(struct vm *vm);

#endif
