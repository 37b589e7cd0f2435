// SPDX-License-Identifier: GPL-2.0-only
/*
 * The single-shot timer of a vCPU (VIRQ_TIMER), on an hrtimer.
 *
 * Written with the timer cancelled and vcpu->mutex held; while it is armed the
 * callback owns timer_expires.  The callback delivers the event itself, from
 * interrupt context; where shared_info is not mapped it leaves timer_pending
 * for the vCPU's next entry.
 */
#include "internal.h"

/* Later than this from now, about 13 days, set_timer_op takes for overflow. */
#define TIMER_OP_HORIZON_NS	(1ull << 50)
#define TIMER_OP_SUBSTITUTE_NS	(100ull * NSEC_PER_MSEC)

static void timer_expire(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	if (evtchn_2l_raise(vcpu, x->timer_virq) != -EWOULDBLOCK) {
		WRITE_ONCE(x->timer_expires, 0);
		return;
	}
	atomic_set(&x->timer_pending, 1);
	evtchn_2l_defer(vcpu);
}

static enum hrtimer_restart timer_callback(struct hrtimer *t)
{
	struct vcpu *vcpu = container_of(t, struct vcpu, xen.timer);
	u64 expires = vcpu->xen.timer_expires;

	/* the host's clock has another rate than the guest's */
	if (unlikely((s64)(expires - arch_guest_clock_ns(vcpu->vm)) > 0)) {
		hrtimer_set_expires(t, arch_guest_clock_ktime(vcpu->vm,
							      expires));
		return HRTIMER_RESTART;
	}
	timer_expire(vcpu);
	return HRTIMER_NORESTART;
}

void timer_deliver(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	if (!atomic_xchg(&x->timer_pending, 0))
		return;
	evtchn_2l_raise_wait(vcpu, x->timer_virq);
	WRITE_ONCE(x->timer_expires, 0);
}

static void timer_stop(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	/* 0 is the last thing that the callback does */
	if (READ_ONCE(x->timer_expires))
		hrtimer_cancel(&x->timer);
	atomic_set(&x->timer_pending, 0);
	WRITE_ONCE(x->timer_expires, 0);
}

/* Arm for guest time @expires; fire at once if that has passed. */
static void timer_start(struct vcpu *vcpu, u64 expires)
{
	struct xen_vcpu *x = &vcpu->xen;
	ktime_t when = arch_guest_clock_ktime(vcpu->vm, expires);

	timer_stop(vcpu);
	WRITE_ONCE(x->timer_expires, expires);
	if (!when)
		timer_expire(vcpu);
	else
		hrtimer_start(&x->timer, when, HRTIMER_MODE_ABS_PINNED_HARD);
}

void timer_clock_changed(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	if (!READ_ONCE(x->timer_expires))
		return;
	hrtimer_cancel(&x->timer);
	/* what has expired under the old clock has expired */
	if (x->timer_expires && !xen_pending_timer(vcpu))
		timer_start(vcpu, x->timer_expires);
}

/* VCPUOP_set_singleshot_timer: 0 or -errno for the guest. */
static int timer_set_singleshot(struct vcpu *vcpu,
				const struct xen_hcall_regs *r)
{
	struct vcpu_set_singleshot_timer t;
	/* a 32-bit guest's structure lacks the padding at the end */
	size_t len = r->longmode ? sizeof(t) :
		offsetofend(struct vcpu_set_singleshot_timer, flags);

	if (arch_guest_read_va(vcpu, r->arg[2], &t, len))
		return -EFAULT;
	if ((t.flags & VCPU_SSHOTTMR_future) &&
	    (s64)(t.timeout_abs_ns - arch_guest_clock_ns(vcpu->vm)) < 0)
		return -ETIME;
	timer_start(vcpu, t.timeout_abs_ns);
	return 0;
}

bool timer_vcpu_op(struct vcpu *vcpu, const struct xen_hcall_regs *r,
		   u64 *result)
{
	struct xen_vcpu *x = &vcpu->xen;
	u32 op = r->arg[0];

	if (op != VCPUOP_set_singleshot_timer &&
	    op != VCPUOP_stop_singleshot_timer)
		return tick_hypercall(vcpu, r, result);
	if (!x->timer_virq)
		return false;
	/* Xen lets a vCPU set only its own */
	if ((u32)r->arg[1] != x->vcpu_id) {
		*result = -EINVAL;
		return true;
	}
	*result = 0;
	if (op == VCPUOP_set_singleshot_timer)
		*result = timer_set_singleshot(vcpu, r);
	else
		timer_stop(vcpu);
	return true;
}

bool timer_set_op(struct vcpu *vcpu, const struct xen_hcall_regs *r,
		  u64 *result)
{
	u64 timeout = r->arg[0], now;

	if (!vcpu->xen.timer_virq)
		return false;
	if (!r->longmode)
		timeout |= r->arg[1] << 32;
	*result = 0;
	if (!timeout) {
		timer_stop(vcpu);
		return true;
	}
	/*
	 * A guest whose tick counter wrapped asks for a negative time or one
	 * far ahead.  Xen gives it a wake soon instead, which costs little
	 * where it was meant.
	 */
	now = arch_guest_clock_ns(vcpu->vm);
	if ((s64)timeout < 0 ||
	    (timeout > now && timeout - now >= TIMER_OP_HORIZON_NS))
		timeout = now + TIMER_OP_SUBSTITUTE_NS;
	timer_start(vcpu, timeout);
	return true;
}

int timer_set_attr(struct vcpu *vcpu, const struct kvm_xen_vcpu_attr *data)
{
	u32 port = data->u.timer.port;

	if (port && (port >= XEN_MAX_PORTS || data->u.timer.priority !=
		     KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL))
		return -EINVAL;
	timer_stop(vcpu);
	/* the periodic timer's callback reads it too */
	WRITE_ONCE(vcpu->xen.timer_virq, port);
	if (port && data->u.timer.expires_ns)
		timer_start(vcpu, data->u.timer.expires_ns);
	return 0;
}

int timer_get_attr(struct vcpu *vcpu, struct kvm_xen_vcpu_attr *data)
{
	struct xen_vcpu *x = &vcpu->xen;
	bool armed = hrtimer_cancel(&x->timer);

	/* an expiry is either in the guest's memory or in expires_ns */
	timer_deliver(vcpu);
	data->u.timer.port = x->timer_virq;
	data->u.timer.priority = KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL;
	data->u.timer.expires_ns = x->timer_expires;
	if (armed)
		hrtimer_start_expires(&x->timer, HRTIMER_MODE_ABS_PINNED_HARD);
	return 0;
}

void timer_vcpu_init(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	hrtimer_init(&x->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	x->timer.function = timer_callback;
}

void timer_vcpu_exit(struct vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->xen.timer);
}
