/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Xen guest state in the kernel: what the rest of the module calls.
 * Inside kvm/xen/: hypercall.c shinfo.c runstate.c evtchn_2l.c timer.c
 * pvclock.c, with xen/internal.h between them.
 * ABI: Documentation/virt/kvm/api.rst 4.108 on, <xen/interface/...>.
 */
#ifndef XKVM_XEN_XEN_H
#define XKVM_XEN_XEN_H

#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/xarray.h>

#include "../gpc.h"

struct vm;
struct vcpu;

struct xen_vm {
	struct mutex lock;		/* attributes; outside the caches' locks */
	struct kvm_xen_hvm_config config;
	u32 xen_version;
	bool enabled;			/* KVM_XEN_HVM_CONFIG was done */
	bool long_mode;			/* word size, latched */
	bool runstate_update_flag;
	u8 upcall_vector;		/* HVM-wide vector callback, 0: none */
	struct gpc shinfo;
	struct xarray evtchn_ports;	/* KVM_XEN_ATTR_TYPE_EVTCHN, by port */
	struct list_head gpcs;		/* every cache of the VM */
	spinlock_t gpc_list_lock;	/* irqs off; outside gpc->lock */
};

struct xen_vcpu {
	struct gpc vcpu_info;
	struct gpc vcpu_time_info;
	struct gpc runstate, runstate2;	/* the second page if it crosses */
	u64 runstate_entry_ns, runstate_last_steal;
	u64 runstate_times[4];		/* ns, RUNSTATE_* */
	u32 current_runstate;
	u32 vcpu_id;			/* Xen's number of this vCPU */
	u8 upcall_vector;		/* per-vCPU vector through the LAPIC, 0: none */
	unsigned long pending_sel;	/* events while vcpu_info was unusable */
	u32 timer_virq;			/* port, 0: none */
	u64 timer_expires;		/* guest ns, 0: not armed */
	atomic_t timer_pending;
	struct hrtimer timer;
	u32 poll_evtchn;		/* port polled, 0: none, ~0: several */
	struct timer_list poll_timer;
	bool hypercall_long_mode;
	u64 hypercall_rip;
};

int xen_vm_init(struct vm *vm);
void xen_vm_exit(struct vm *vm);	/* after the vCPUs are gone */
int xen_vcpu_init(struct vcpu *vcpu);
void xen_vcpu_exit(struct vcpu *vcpu);

/* KVM_CHECK_EXTENSION(KVM_CAP_XEN_HVM): the flags that work. */
int xen_capabilities(void);

/* VM ioctls: structures already copied in; copied out by the caller. */
int xen_hvm_config(struct vm *vm, const struct kvm_xen_hvm_config *cfg);
int xen_vm_set_attr(struct vm *vm, const struct kvm_xen_hvm_attr *data);
int xen_vm_get_attr(struct vm *vm, struct kvm_xen_hvm_attr *data);
int xen_evtchn_send(struct vm *vm, const struct kvm_irq_routing_xen_evtchn *e);
/* vCPU ioctls; vcpu->mutex held and vCPU loaded. */
int xen_vcpu_set_attr(struct vcpu *vcpu, const struct kvm_xen_vcpu_attr *data);
int xen_vcpu_get_attr(struct vcpu *vcpu, struct kvm_xen_vcpu_attr *data);

/*
 * Set port @e->port of vCPU index @e->vcpu pending.  Atomic context.
 * 1: delivered or already pending; 0: masked; -EWOULDBLOCK: a cache must be
 * refreshed first, call xen_set_evtchn() from a context that sleeps; -EINVAL.
 */
int xen_set_evtchn_fast(struct vm *vm,
			const struct kvm_irq_routing_xen_evtchn *e);
/* The same, sleeping; 0-or-1 or -errno. */
int xen_set_evtchn(struct vm *vm, const struct kvm_irq_routing_xen_evtchn *e);
/* Check a routing entry's target; 0 or -EINVAL. */
int xen_check_evtchn_route(struct vm *vm,
			   const struct kvm_irq_routing_xen_evtchn *e);

/*
 * WRMSR to the hypercall page MSR (config.msr): latches the word size, fills
 * the page at @data & PAGE_MASK (or copies the blob).  0, or 1: inject #GP.
 * In the vCPU's thread, may sleep.
 */
int xen_write_hypercall_page(struct vcpu *vcpu, u64 data);
static inline bool xen_is_hypercall_msr(const struct vm *vm, u32 msr);

/*
 * VMCALL/VMMCALL of a Xen guest (config has INTERCEPT_HCALL).  Exit-handler
 * convention: 1 resume, 0 to user space as KVM_EXIT_XEN, -errno.  Advances the
 * guest's RIP when it completes.
 */
int xen_hypercall(struct vcpu *vcpu);

/*
 * Is an upcall pending through vector-callback mode?  Called before entry with
 * interrupts on and preemption off... returns vcpu->vm->xen.upcall_vector's
 * pending state: 1 pending, 0 not, and never sleeps when @atomic.
 */
bool xen_has_interrupt(struct vcpu *vcpu);

/* Cheap tests for the run loop: something to do before entry / wakes a halt. */
static inline bool xen_pending_events(const struct vcpu *vcpu);
bool xen_pending_timer(const struct vcpu *vcpu);
/* Do it: deliver pending_sel and timers.  Process context, loaded. */
void xen_inject_pending(struct vcpu *vcpu);

/* Runstate: states as RUNSTATE_* of <xen/interface/vcpu.h>. */
void xen_runstate_running(struct vcpu *vcpu);	/* vcpu_load; may not sleep */
void xen_runstate_preempted(struct vcpu *vcpu);	/* sched out; atomic */
void xen_runstate_sync(struct vcpu *vcpu);	/* REQ_RUNSTATE; may sleep */
static inline bool xen_runstate_enabled(const struct vcpu *vcpu);

/* REQ_CLOCK_UPDATE: rewrite the vcpu_time_info areas.  May sleep. */
void xen_update_pvclock(struct vcpu *vcpu);

/* Rewrite CPUID-dependent state after KVM_SET_CPUID2 (the TSC leaves). */
void xen_after_set_cpuid(struct vcpu *vcpu);

/* Guest TSC now and guest clock (ns since VM start, KVM_GET_CLOCK) are arch's:
 * see arch.h (arch_guest_clock_ns(), arch_pvclock_params()).
 */

#endif
