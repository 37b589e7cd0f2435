/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Xen guest state in the kernel: what the rest of the module calls.
 *
 * In kvm/xen/, with internal.h between them: attr.c (attributes, life),
 * hypercall.c (dispatch), sched.c (yield, block, poll), evtchn_2l.c (delivery),
 * port.c (ports the guest sends to), shinfo.c, pvclock.c, runstate.c, timer.c,
 * tick.c, cpuid.c, and layout.c: the pure part.
 * ABI: Documentation/virt/kvm/api.rst 4.108 on, <xen/interface/...>.
 */
#ifndef XKVM_XEN_XEN_H
#define XKVM_XEN_XEN_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "../gpc.h"
#include "layout.h"

struct task_struct;
struct vm;
struct vcpu;

struct xen_vm {
	struct mutex lock;		/* attributes; outside the caches' locks */
	struct kvm_xen_hvm_config config;
	u32 xen_version;
	bool enabled;			/* KVM_XEN_HVM_CONFIG was done */
	bool long_mode;			/* word size; lock and shinfo.lock */
	bool word_size_known;		/* long_mode was set, if to the default */
	bool runstate_update_flag;
	u8 upcall_vector;		/* HVM-wide vector callback, 0: none */
	struct gpc shinfo;
	struct xen_wallclock {		/* lock; shinfo.c */
		bool written;
		u64 ns;			/* what was written */
		u8 old[XEN_WC_BYTES], new[XEN_WC_BYTES];
	} wallclock;
	/* KVM_XEN_ATTR_TYPE_EVTCHN; port.c */
	struct port_leaf *ports[XEN_MAX_PORTS / XEN_PORT_LEAF];
	struct list_head gpcs;		/* every active cache of the VM */
	spinlock_t gpc_list_lock;	/* irqs off; outside gpc->lock */
};

struct xen_vcpu {
	/* delivery; any context */
	unsigned long pending_sel;	/* events while vcpu_info was unusable */
	unsigned long early_sel;	/* selected before the word size was known */
	bool work;			/* xen_inject_pending() has something to do */
	atomic_t upcalls;		/* times evtchn_upcall_pending was set */
	int upcalls_seen;		/* as of which it was found clear */
	unsigned long stale_seq;	/* vcpu_info could not be had as of this */
	u8 upcall_vector;		/* per-vCPU vector through the LAPIC, 0: none */
	u32 vcpu_id;			/* Xen's number of this vCPU */
	struct gpc vcpu_info;
	struct gpc vcpu_time_info;

	/* runstate.lock for writing, irqs off: all of this; see runstate.c */
	struct gpc runstate, runstate2;	/* the second page if it crosses */
	struct xen_runstate rs;
	struct task_struct *runstate_task; /* whose run_delay; only compared */
	bool runstate_preempted;	/* vCPU thread: RUNNING until scheduled out */

	/* vcpu->mutex, and the timer's callback while it is armed */
	u32 timer_virq;			/* port, 0: none */
	u64 timer_expires;		/* guest ns, 0: not armed */
	atomic_t timer_pending;
	struct hrtimer timer;

	/* vcpu->mutex; tick.c */
	bool tick_owned;		/* the kernel has the periodic timer */
	bool tick_pending;		/* any context: a tick was not delivered */
	u64 tick_period;		/* ns, 0: not armed */
	u64 tick_base;			/* guest ns of a tick */
	u64 tick_due;			/* guest ns of the next */
	struct hrtimer tick;

	u32 poll_evtchn;		/* port polled, 0: none, ~0: several */
	bool polling;			/* vCPU thread: poll_timer may be armed */
	struct hrtimer poll_timer;
	u64 poll_until;			/* guest ns when it ends the poll */

	/* vCPU thread: the hypercall user space is at */
	bool hypercall_long_mode;
	u64 hypercall_rip;

	/* vCPU thread: the pvclock rate the CPUID leaf was made for */
	u32 tsc_mul;
	s8 tsc_shift;
};

int xen_vm_init(struct vm *vm);
/* After the vCPUs are gone. */
void xen_vm_exit(struct vm *vm);
/* Under vm->lock, before the vCPU is in vm->vcpus[]. */
int xen_vcpu_init(struct vcpu *vcpu);
void xen_vcpu_exit(struct vcpu *vcpu);

/*
 * xen_vm_stop() - before the MMU notifier is detached from a VM nobody has a
 * file of: no cache is used any more.  Sleeps.
 */
void xen_vm_stop(struct vm *vm);

/* KVM_CHECK_EXTENSION(KVM_CAP_XEN_HVM): the flags that work. */
int xen_capabilities(void);

/*
 * VM ioctls: structures already copied in; copied out by the caller.  Sleep.
 * -ENOENT: no such attribute; -EINVAL: a value out of range; -EFAULT: no
 * memory at an address; for KVM_XEN_ATTR_TYPE_EVTCHN also -EEXIST, -ENOENT
 * (nothing assigned there), -EBADF, -ENOMEM.
 */
int xen_hvm_config(struct vm *vm, const struct kvm_xen_hvm_config *cfg);
int xen_vm_set_attr(struct vm *vm, const struct kvm_xen_hvm_attr *data);
int xen_vm_get_attr(struct vm *vm, struct kvm_xen_hvm_attr *data);
/* 0 also for an event that is masked or already pending. */
int xen_evtchn_send(struct vm *vm, const struct kvm_irq_routing_xen_evtchn *e);
/* vCPU ioctls; vcpu->mutex held and vCPU loaded. */
int xen_vcpu_set_attr(struct vcpu *vcpu, const struct kvm_xen_vcpu_attr *data);
int xen_vcpu_get_attr(struct vcpu *vcpu, struct kvm_xen_vcpu_attr *data);

/*
 * xen_set_evtchn_fast() - set port @e->port pending for the vCPU whose id (as
 * in KVM_CREATE_VCPU) is @e->vcpu.  Any context.
 * 1: delivered; 0: it was pending already; -ENOTCONN: masked, only pending
 * now; -EWOULDBLOCK: nothing was done, call xen_set_evtchn() from a context
 * that sleeps; -EINVAL: no such vCPU or port, or no shared_info.
 * A vCPU without a vcpu_info gets its upcall when it has one.
 */
int xen_set_evtchn_fast(struct vm *vm,
			const struct kvm_irq_routing_xen_evtchn *e);
/* The same, sleeping; never -EWOULDBLOCK, but -EFAULT, -EINTR. */
int xen_set_evtchn(struct vm *vm, const struct kvm_irq_routing_xen_evtchn *e);
/* Check a routing entry's target; 0 or -EINVAL. */
int xen_check_evtchn_route(struct vm *vm,
			   const struct kvm_irq_routing_xen_evtchn *e);

/*
 * WRMSR to the hypercall page MSR (config.msr): latches the word size, fills
 * the page at @data & PAGE_MASK (or copies the blob).  0, or 1: inject #GP, or
 * -errno: the blob cannot be read.  In the vCPU's thread, loaded; sleeps.
 */
int xen_write_hypercall_page(struct vcpu *vcpu, u64 data);

static inline bool xen_config_has_msr(const struct xen_vm *x, u32 msr)
{
	return x->config.msr && x->config.msr == msr;
}
#define xen_is_hypercall_msr(vm, msr)	xen_config_has_msr(&(vm)->xen, (msr))

/*
 * VMCALL/VMMCALL of a Xen guest (config has INTERCEPT_HCALL).  Exit-handler
 * convention: 1 resume, 0 to user space as KVM_EXIT_XEN, -errno.  Advances the
 * guest's RIP when it completes.
 */
int xen_hypercall(struct vcpu *vcpu);

/*
 * xen_has_interrupt() - is an upcall pending that goes in as
 * vm->xen.upcall_vector?  Never sleeps, any context.  Where vcpu_info has to be
 * refreshed first it says no, and sees to it that the run loop comes round to
 * xen_inject_pending() and asks again.
 *
 * Costs two loads while nothing was delivered since the guest last had its
 * flag clear.  For a flag that user space or the guest set by itself, it is
 * asked anew after each KVM_RUN, each wait and each hypercall.
 */
static inline bool xen_upcall_unseen(const struct xen_vcpu *x)
{
	return atomic_read(&x->upcalls) != READ_ONCE(x->upcalls_seen);
}
bool xen_upcall_pending(struct vcpu *vcpu);
#define xen_has_interrupt(vcpu)						\
	(xen_upcall_unseen(&(vcpu)->xen) && xen_upcall_pending(vcpu))
/* Somebody else may have set the flag: ask anew.  vCPU thread, any context. */
void xen_upcall_look(struct vcpu *vcpu);

/* Cheap tests for the run loop: something to do before entry / wakes a halt. */
static inline bool xen_vcpu_has_work(const struct xen_vcpu *x)
{
	return READ_ONCE(x->work);
}
#define xen_pending_events(vcpu)	xen_vcpu_has_work(&(vcpu)->xen)

static inline bool xen_vcpu_has_timer(const struct xen_vcpu *x)
{
	return atomic_read(&x->timer_pending) != 0;
}
#define xen_pending_timer(vcpu)		xen_vcpu_has_timer(&(vcpu)->xen)

/* Do it: deliver pending_sel and timers.  Process context, loaded; sleeps. */
void xen_inject_pending(struct vcpu *vcpu);

/*
 * Runstate: states as RUNSTATE_* of <xen/interface/vcpu.h>.
 *
 * xen_runstate_running() - at the start of KVM_RUN and on scheduling in;
 * interrupts on.  Does not wait: where it cannot write it sets REQ_RUNSTATE.
 * xen_runstate_preempted() - on every scheduling out; rq lock held.
 * xen_runstate_sync() - REQ_RUNSTATE, before entry: the vCPU is running.
 * Sleeps.
 */
void xen_runstate_running(struct vcpu *vcpu);
void xen_runstate_preempted(struct vcpu *vcpu);
void xen_runstate_sync(struct vcpu *vcpu);
#define xen_runstate_enabled(vcpu)	READ_ONCE((vcpu)->vm->xen.enabled)

/*
 * REQ_CLOCK_UPDATE: rewrite the vcpu_time_info areas, and what else follows
 * the guest's clock (wallclock, timer, CPUID leaf).  Loaded; sleeps.
 */
void xen_update_pvclock(struct vcpu *vcpu);

/* Rewrite CPUID-dependent state after KVM_SET_CPUID2 (the TSC leaves). */
void xen_after_set_cpuid(struct vcpu *vcpu);

/* Guest TSC now and guest clock (ns since VM start, KVM_GET_CLOCK) are arch's:
 * see arch.h (arch_guest_clock_ns(), arch_pvclock_params()).
 */

#endif
