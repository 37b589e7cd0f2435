/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC of a vCPU: registers, delivery, timer.
 * Source: SDM volume 3, chapter "Advanced Programmable Interrupt Controller".
 *
 * The register page (lapic->regs) has the layout of the virtual-APIC page, so
 * that the CPU's APIC virtualization works on it directly.  IRR is set by any
 * context with atomic bit operations; everything else only by the vCPU's own
 * thread (vCPU loaded) or with vcpu->mutex held.
 */
#ifndef XKVM_X86_LAPIC_H
#define XKVM_X86_LAPIC_H

#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/types.h>

struct vm;
struct vcpu;

#define APIC_DEFAULT_BASE	0xfee00000ull

enum lapic_timer_mode { LAPIC_ONESHOT, LAPIC_PERIODIC, LAPIC_TSC_DEADLINE };

struct lapic {
	struct vcpu *vcpu;
	void *regs;			/* one page, zeroed */
	u64 base;			/* IA32_APIC_BASE; see lapic_set_base() */
	bool sw_enabled;		/* SVR bit 8 */
	bool vid;			/* virtual-interrupt delivery in use */
	unsigned long pending_init_sipi; /* bit 0 INIT, bit 1 SIPI; atomic */
	u8 sipi_vector;
	/* timer */
	struct hrtimer timer;
	enum lapic_timer_mode timer_mode;
	u32 divisor;			/* 1 .. 128 */
	u64 period_ns;
	ktime_t target;			/* CLOCK_MONOTONIC */
	u64 tsc_deadline;		/* guest TSC; 0: disarmed */
	atomic_t timer_pending;
};

/* An interrupt message; from an ICR write, an MSI, a route. */
struct lapic_irq {
	u32 dest;			/* APIC id, or logical; ~0u in x2APIC: all */
	u8 vector;
	u8 delivery;			/* ICR/MSI delivery mode, 0..7 */
	bool logical;
	bool level, trig_level;		/* assert; level-triggered */
	bool redir_hint;		/* MSI: lowest-priority among matches */
	u8 shorthand;			/* 0 none 1 self 2 all 3 all-but-self */
};

/* Creation and reset (@init: by INIT, which keeps the id and APIC_BASE). */
int lapic_create(struct vcpu *vcpu);	/* 0 / -ENOMEM; sets arch.lapic */
void lapic_destroy(struct vcpu *vcpu);	/* no-op without one */
void lapic_reset(struct vcpu *vcpu, bool init);

/*
 * IA32_APIC_BASE.  Returns 0, or 1 for a value or transition that #GPs (reserved
 * bits, x2APIC without CPUID, illegal transitions); @host_initiated allows any
 * legal state.  Calls arch's lapic_mode_changed(vcpu) after a change of mode.
 */
int lapic_set_base(struct vcpu *vcpu, u64 base, bool host_initiated);
static inline u64 lapic_get_base(const struct vcpu *vcpu);
static inline bool lapic_x2apic(const struct lapic *apic);	/* EXTD && EN */
static inline bool lapic_hw_enabled(const struct lapic *apic);	/* EN */

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
/* EOI-induced VM exit. */
void lapic_eoi_induced(struct vcpu *vcpu, u8 vector);

/* x2APIC MSRs 0x800-0x8ff; 0, or 1: #GP. */
int lapic_msr_read(struct vcpu *vcpu, u32 msr, u64 *data);
int lapic_msr_write(struct vcpu *vcpu, u32 msr, u64 data);
/* IA32_TSC_DEADLINE. */
u64 lapic_get_tscdeadline(const struct vcpu *vcpu);
void lapic_set_tscdeadline(struct vcpu *vcpu, u64 tsc);

/* CR8 is TPR[7:4]. */
u64 lapic_get_cr8(const struct vcpu *vcpu);
void lapic_set_cr8(struct vcpu *vcpu, u64 cr8);

/*
 * Delivery.  Any context.  Returns the number of vCPUs that took it, 0 if none
 * matched, -1 when all matches are disabled... (KVM_SIGNAL_MSI: >0, 0, <0).
 */
int lapic_deliver(struct vm *vm, struct vcpu *source, const struct lapic_irq *irq);
int lapic_deliver_msi(struct vm *vm, u64 addr, u32 data, bool x2apic_format);
/* Set @vector in this vCPU's IRR and kick it (per-vCPU Xen upcall vector). */
int lapic_set_vector(struct vcpu *vcpu, u8 vector);
/* Deliver the LVT entry at @reg (APIC_LVTT, APIC_LVT0 ...); 1 if it was. */
int lapic_deliver_lvt(struct vcpu *vcpu, u32 reg);

/* Highest IRR vector above the processor priority, or -1.  Vcpu thread. */
int lapic_pending_vector(struct vcpu *vcpu);
/* Highest IRR vector whatever the priority, or -1; any context. */
int lapic_highest_irr(const struct vcpu *vcpu);
int lapic_highest_isr(const struct vcpu *vcpu);
/* @vector is being injected: IRR to ISR, PPR updated. */
void lapic_accept(struct vcpu *vcpu, int vector);
/* ExtINT through LVT0 allowed (virtual wire mode)? */
bool lapic_accepts_extint(const struct vcpu *vcpu);
/* Before entry: deliver an expired timer. Vcpu thread. */
void lapic_timer_deliver(struct vcpu *vcpu);
static inline bool lapic_timer_expired(const struct vcpu *vcpu);
/* The guest's TSC offset or rate changed: re-arm a TSC-deadline timer. */
void lapic_tsc_changed(struct vcpu *vcpu);

/*
 * INIT and SIPI that have arrived (pending_init_sipi): INIT resets the vCPU
 * (arch's vcpu_reset(vcpu, true)) and leaves it in INIT_RECEIVED unless BSP;
 * SIPI starts it at vector << 12 (arch's vcpu_start_at()).  Vcpu thread.
 */
void lapic_take_events(struct vcpu *vcpu);
static inline bool lapic_has_events(const struct vcpu *vcpu);

/* KVM_GET/SET_LAPIC; @s in the VM's x2APIC id format.  0 / -EINVAL. */
int lapic_get_state(struct vcpu *vcpu, struct kvm_lapic_state *s);
int lapic_set_state(struct vcpu *vcpu, const struct kvm_lapic_state *s);

/*
 * Destination map of a VM: rebuilt whenever an id, LDR, DFR, mode or enable
 * bit of any APIC changes; read under rcu_read_lock() in delivery.
 */
void lapic_map_update(struct vm *vm);
void lapic_map_free(struct vm *vm);

/* With virtual-interrupt delivery: hooks vmx.c implements. */
void vmx_set_rvi(struct vcpu *vcpu, int vector);	/* highest IRR or -1 */
void vmx_set_svi(struct vcpu *vcpu, int vector);	/* highest ISR or -1 */
/* The APIC went between disabled, xAPIC and x2APIC: update controls. */
void vmx_lapic_mode_changed(struct vcpu *vcpu);

#endif
