/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of kvm/xen/ offer each other, by the file that implements it.
 */
#ifndef XKVM_XEN_INTERNAL_H
#define XKVM_XEN_INTERNAL_H

#include <linux/nospec.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <xen/interface/xen.h>
#include <xen/interface/event_channel.h>
#include <xen/interface/sched.h>
#include <xen/interface/vcpu.h>
#include <xen/interface/version.h>

#include "../arch.h"
#include "../vm.h"
#include "layout.h"

/* layout.h against the kernel's own declarations, which are 64-bit. */
#define XEN64_SAME(s, t, ours, theirs)					\
	static_assert(offsetof(struct s, ours) == offsetof(struct t, theirs))
XEN64_SAME(xen64_shared_info, shared_info, evtchn_pending, evtchn_pending);
XEN64_SAME(xen64_shared_info, shared_info, evtchn_mask, evtchn_mask);
XEN64_SAME(xen64_shared_info, shared_info, wc, wc);
XEN64_SAME(xen64_shared_info, shared_info, wc_sec_hi, wc_sec_hi);
XEN64_SAME(xen64_vcpu_info, vcpu_info, upcall_pending, evtchn_upcall_pending);
XEN64_SAME(xen64_vcpu_info, vcpu_info, upcall_mask, evtchn_upcall_mask);
XEN64_SAME(xen64_vcpu_info, vcpu_info, pending_sel, evtchn_pending_sel);
XEN64_SAME(xen64_vcpu_info, vcpu_info, time, time);
XEN64_SAME(xen64_runstate_info, vcpu_runstate_info, state_entry_time,
	   state_entry_time);
XEN64_SAME(xen64_runstate_info, vcpu_runstate_info, time, time);
static_assert(sizeof(struct vcpu_info) == XEN_VCPU_INFO_SIZE);
static_assert(sizeof(struct xen64_vcpu_info) == XEN_VCPU_INFO_SIZE);
static_assert(sizeof(struct xen32_vcpu_info) == XEN_VCPU_INFO_SIZE);
static_assert(sizeof(struct vcpu_runstate_info) == XEN_RUNSTATE_SIZE);
static_assert(sizeof(struct xen32_runstate_info) == 0x2c);
static_assert(sizeof(struct xen_time_info) == 32);
static_assert(offsetof(struct xen32_vcpu_info, time) == XEN_TIME_OFFSET);
static_assert(offsetof(struct xen64_vcpu_info, time) == XEN_TIME_OFFSET);

#define XEN_PORT_MAX_POLL	128	/* ports in one SCHEDOP_poll, as in Xen */
#define XEN_POLL_SEVERAL	(~0u)	/* xen_vcpu.poll_evtchn */

/* Of a context that holds shinfo.lock or xen.lock, else good for one look. */
static inline const struct xen_layout *xen_layout(const struct vm *vm)
{
	return &xen_layouts[READ_ONCE(vm->xen.long_mode)];
}

/* --- evtchn_2l.c --------------------------------------------------------- */

/* xen_set_evtchn_fast() and xen_set_evtchn() for a vCPU at hand. */
int evtchn_2l_raise(struct vcpu *vcpu, u32 port);
/* The way of the latter when the former would block. */
int evtchn_2l_raise_refresh(struct vcpu *vcpu, u32 port);
static inline int evtchn_2l_raise_wait(struct vcpu *vcpu, u32 port)
{
	int ret = evtchn_2l_raise(vcpu, port);

	return likely(ret != -EWOULDBLOCK) ? ret :
	       evtchn_2l_raise_refresh(vcpu, port);
}
/* vcpu_info has a new place: events that waited for one go there. */
void evtchn_2l_info_placed(struct vcpu *vcpu);
/* What was selected, in vcpu_info or pending_sel, has its bits elsewhere. */
void evtchn_2l_word_size_changed(struct vcpu *vcpu);
/* Leave something for xen_inject_pending() and wake the vCPU.  Any context. */
void evtchn_2l_defer(struct vcpu *vcpu);
/* The vCPU with that id, or NULL.  Any context. */
static inline struct vcpu *evtchn_2l_vcpu(struct vm *vm, u32 id)
{
	struct vcpu *v;

	/* the entry after the count, as in vm_for_each_vcpu() */
	if (id < smp_load_acquire(&vm->nr_vcpus)) {
		v = vm->vcpus[array_index_nospec(id, XKVM_MAX_VCPUS)];
		if (likely(v->id == id))
			return v;
	}
	return vm_vcpu_by_id(vm, id);
}

/* --- port.c --------------------------------------------------------------- */

/* KVM_XEN_ATTR_TYPE_EVTCHN; xen.lock held; sleeps. */
int port_set_attr(struct vm *vm, const struct kvm_xen_hvm_attr *data);
/*
 * EVTCHNOP_send on @port.  True: the kernel knows the port, and *@result is
 * the hypercall's; false: user space has to.  vCPU thread; sleeps.
 */
bool port_send(struct vcpu *vcpu, u32 port, u64 *result);
/* With the VM. */
void port_free_all(struct vm *vm);

/* --- sched.c -------------------------------------------------------------- */

/* SCHEDOP_*: true if done, *@result is the hypercall's. */
bool sched_hypercall(struct vcpu *vcpu, const struct xen_hcall_regs *r,
		     u64 *result);
/* The vCPU runs again: nobody needs to wake a poll.  vCPU thread. */
void sched_poll_end(struct vcpu *vcpu);
void sched_vcpu_init(struct vcpu *vcpu);
void sched_vcpu_exit(struct vcpu *vcpu);

/* --- timer.c -------------------------------------------------------------- */

void timer_vcpu_init(struct vcpu *vcpu);
void timer_vcpu_exit(struct vcpu *vcpu);
/* VCPUOP_*, set_timer_op: as sched_hypercall(). */
bool timer_vcpu_op(struct vcpu *vcpu, const struct xen_hcall_regs *r,
		   u64 *result);
bool timer_set_op(struct vcpu *vcpu, const struct xen_hcall_regs *r,
		  u64 *result);
/* KVM_XEN_VCPU_ATTR_TYPE_TIMER; vcpu->mutex held. */
int timer_set_attr(struct vcpu *vcpu, const struct kvm_xen_vcpu_attr *data);
int timer_get_attr(struct vcpu *vcpu, struct kvm_xen_vcpu_attr *data);
/* Deliver an expiry that could not be delivered in the callback.  Sleeps. */
void timer_deliver(struct vcpu *vcpu);
/* The guest's clock was set: expire at the same guest time. */
void timer_clock_changed(struct vcpu *vcpu);

/* --- tick.c ----------------------------------------------------------------- */

void tick_vcpu_init(struct vcpu *vcpu);
void tick_vcpu_exit(struct vcpu *vcpu);
/* VCPUOP_{set,stop}_periodic_timer: as sched_hypercall(). */
bool tick_hypercall(struct vcpu *vcpu, const struct xen_hcall_regs *r,
		    u64 *result);
/* XKVM_XEN_VCPU_ATTR_TYPE_PERIODIC_TIMER; vcpu->mutex held. */
int tick_set_attr(struct vcpu *vcpu, const struct kvm_xen_vcpu_attr *data);
int tick_get_attr(struct vcpu *vcpu, struct kvm_xen_vcpu_attr *data);
/* As timer_deliver() and timer_clock_changed(). */
void tick_deliver(struct vcpu *vcpu);
void tick_clock_changed(struct vcpu *vcpu);

/* --- shinfo.c -------------------------------------------------------------- */

/* Place shared_info, or drop it (@gpa GPA_INVALID, @uhva 0).  xen.lock held. */
int shinfo_set(struct vm *vm, gpa_t gpa);
int shinfo_set_hva(struct vm *vm, hva_t uhva);
/* Latch the word size and fix up what depends on it.  xen.lock held. */
int shinfo_set_long_mode(struct vm *vm, bool long_mode);
/* Rewrite the wallclock if it is off.  Takes xen.lock. */
void shinfo_clock_changed(struct vm *vm);

/* --- runstate.c ------------------------------------------------------------ */

void runstate_vcpu_init(struct vcpu *vcpu);
void runstate_vcpu_exit(struct vcpu *vcpu);
/* KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_*; vcpu->mutex and xen.lock held. */
int runstate_set_addr(struct vcpu *vcpu, gpa_t gpa);
int runstate_set_attr(struct vcpu *vcpu, const struct kvm_xen_vcpu_attr *data);
int runstate_get_attr(struct vcpu *vcpu, struct kvm_xen_vcpu_attr *data);
/* Write the area as of the last change of state.  xen.lock held; sleeps. */
void runstate_rewrite(struct vcpu *vcpu);

/* --- cpuid.c ----------------------------------------------------------------- */

/* The rate of the vCPU's pvclock: into its CPUID entries. */
void cpuid_set_tsc(struct vcpu *vcpu, u32 mul, s8 shift);

#endif
