// SPDX-License-Identifier: GPL-2.0-only
/*
 * SCHEDOP_yield, _block and _poll.
 *
 * A poll marks in xen_vcpu.poll_evtchn what it waits for, looks whether that
 * is pending already, and halts the vCPU; the run loop does the sleeping.
 * Whoever sets a polled port pending, or the poll's timer, wakes it with
 * REQ_UNBLOCK.  A wake too many ends the poll early, which the interface
 * allows.  Masked ports wake too: evtchn_2l.c.
 */
#include <linux/nospec.h>
#include <linux/sched.h>

#include "evtchn_bits.h"
#include "internal.h"

struct sched_poll_args {
	u64 ports;			/* guest address of nr u32s */
	u32 nr;
	u64 timeout;			/* guest clock, ns; 0: none */
};

/* Unmask upcalls, as SCHEDOP_block has to; *@arg: one is pending. */
static void sched_unmask(struct gpc *gpc, void *arg)
{
	u8 *info = gpc->khva;

	WRITE_ONCE(info[XEN_UPCALL_MASK], 0);
	/* the mask before the look, as for any guest that unmasks */
	smp_mb();
	*(bool *)arg = READ_ONCE(info[XEN_UPCALL_PENDING]);
}

static void sched_block(struct vcpu *vcpu)
{
	bool pending = false;

	if (gpc_access(&vcpu->xen.vcpu_info, XEN_VCPU_INFO_SIZE, sched_unmask,
		       &pending) || !pending)
		arch_vcpu_halt(vcpu);
}

static int sched_poll_read(struct vcpu *vcpu, const struct xen_hcall_regs *r,
			   struct sched_poll_args *a, u32 *ports)
{
	struct {
		u64 ports;
		u32 nr, pad;
		u64 timeout;
	} a64;
	struct {
		u32 ports, nr;
		u64 timeout;
	} a32;

	if (r->longmode) {
		if (arch_guest_read_va(vcpu, r->arg[1], &a64, sizeof(a64)))
			return -EFAULT;
		*a = (struct sched_poll_args){ a64.ports, a64.nr, a64.timeout };
	} else {
		if (arch_guest_read_va(vcpu, r->arg[1], &a32, sizeof(a32)))
			return -EFAULT;
		*a = (struct sched_poll_args){ a32.ports, a32.nr, a32.timeout };
	}
	if (a->nr > XEN_PORT_MAX_POLL)
		return -EINVAL;
	if (a->nr && arch_guest_read_va(vcpu, a->ports, ports,
					a->nr * sizeof(*ports)))
		return -EFAULT;
	return 0;
}

struct sched_poll_look {
	struct vm *vm;
	const u32 *ports;
	u32 nr;
	int ret;			/* 1: one is pending; 0; -EINVAL */
};

/* The ports are bounded here, where the word size cannot change. */
static void sched_poll_look(struct gpc *gpc, void *arg)
{
	struct sched_poll_look *p = arg;
	const struct xen_layout *l = xen_layout(p->vm);
	u32 i, port;

	p->ret = 0;
	for (i = 0; i < p->nr; i++) {
		port = p->ports[i];
		if (!port || port >= l->nr_ports) {
			p->ret = -EINVAL;
			return;
		}
		port = array_index_nospec(port, XEN_MAX_PORTS);
		p->ret |= evtchn_test(gpc->khva + l->pending, port);
	}
}

static enum hrtimer_restart sched_poll_expired(struct hrtimer *t)
{
	struct vcpu *vcpu = container_of(t, struct vcpu, xen.poll_timer);
	u64 until = vcpu->xen.poll_until;

	/* early: the host's clock has another rate than the guest's */
	if ((s64)(until - arch_guest_clock_ns(vcpu->vm)) > 0) {
		hrtimer_set_expires(t, arch_guest_clock_ktime(vcpu->vm, until));
		return HRTIMER_RESTART;
	}
	if (xchg(&vcpu->xen.poll_evtchn, 0))
		vcpu_request_kick(vcpu, REQ_UNBLOCK);
	return HRTIMER_NORESTART;
}

/* False: @timeout has passed. */
static bool sched_poll_arm(struct vcpu *vcpu, u64 timeout)
{
	ktime_t when;

	if (!timeout)
		return true;
	when = arch_guest_clock_ktime(vcpu->vm, timeout);
	if (!when)
		return false;
	vcpu->xen.poll_until = timeout;
	hrtimer_start(&vcpu->xen.poll_timer, when, HRTIMER_MODE_ABS_HARD);
	return true;
}

void sched_poll_end(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	if (likely(!x->polling))
		return;
	x->polling = false;
	hrtimer_cancel(&x->poll_timer);
	WRITE_ONCE(x->poll_evtchn, 0);
}

static bool sched_poll(struct vcpu *vcpu, const struct xen_hcall_regs *r,
		       u64 *result)
{
	u32 ports[XEN_PORT_MAX_POLL];
	struct sched_poll_look look = { .vm = vcpu->vm, .ports = ports };
	struct xen_vcpu *x = &vcpu->xen;
	struct sched_poll_args a;
	int ret;

	/* user space may set ports pending behind our back: then it polls */
	if (!(vcpu->vm->xen.config.flags & KVM_XEN_HVM_CONFIG_EVTCHN_SEND))
		return false;
	ret = sched_poll_read(vcpu, r, &a, ports);
	if (ret)
		goto out;
	look.nr = a.nr;
	x->polling = true;
	WRITE_ONCE(x->poll_evtchn, a.nr == 1 ? ports[0] : XEN_POLL_SEVERAL);
	/* who polls before what is pending; pairs with evtchn_set_pending() */
	smp_mb();
	/* without a shared_info there is nothing to wait for */
	if (gpc_access(&vcpu->vm->xen.shinfo, PAGE_SIZE, sched_poll_look,
		       &look))
		look.ret = 1;
	ret = min(look.ret, 0);
	if (!look.ret && sched_poll_arm(vcpu, a.timeout))
		arch_vcpu_halt(vcpu);
	else
		sched_poll_end(vcpu);
out:
	*result = ret;
	return true;
}

bool sched_hypercall(struct vcpu *vcpu, const struct xen_hcall_regs *r,
		     u64 *result)
{
	*result = 0;
	switch ((u32)r->arg[0]) {
	case SCHEDOP_yield:
		vcpu_yield(vcpu);
		return true;
	case SCHEDOP_block:
		sched_block(vcpu);
		return true;
	case SCHEDOP_poll:
		return sched_poll(vcpu, r, result);
	default:
		return false;
	}
}

void sched_vcpu_init(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	hrtimer_init(&x->poll_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	x->poll_timer.function = sched_poll_expired;
}

void sched_vcpu_exit(struct vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->xen.poll_timer);
}
