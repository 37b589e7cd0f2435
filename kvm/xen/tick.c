// SPDX-License-Identifier: GPL-2.0-only
/*
 * The periodic timer of a vCPU (VCPUOP_set_periodic_timer), on an hrtimer.
 *
 * Only for a vCPU whose user space has set
 * XKVM_XEN_VCPU_ATTR_TYPE_PERIODIC_TIMER: others would not know that there is
 * one to save.  A tick is an event on the port of VIRQ_TIMER, which timer.c
 * has; ticks that nobody took are one event, as in Xen.
 *
 * Written with the hrtimer cancelled and vcpu->mutex held.  A tick's phase is
 * kept in guest time, so that setting the clock and setting the timer lead to
 * the same ticks in either order.
 */
#include <linux/math64.h>

#include "internal.h"

/* Xen's limits of a period. */
#define TICK_MIN_NS	NSEC_PER_MSEC
#define TICK_MAX_NS	(1ull << 61)

static bool tick_period_ok(u64 period)
{
	return period >= TICK_MIN_NS && period <= TICK_MAX_NS;
}

/* False: not now, xen_inject_pending() has to. */
static bool tick_raise(struct vcpu *vcpu)
{
	u32 port = READ_ONCE(vcpu->xen.timer_virq);

	return !port || evtchn_2l_raise(vcpu, port) != -EWOULDBLOCK;
}

/* Guest ns of the first tick after @now. */
static u64 tick_next(const struct xen_vcpu *x, u64 now)
{
	u64 rest;

	if (x->tick_base > now) {
		div64_u64_rem(x->tick_base - now, x->tick_period, &rest);
		return now + (rest ? rest : x->tick_period);
	}
	div64_u64_rem(now - x->tick_base, x->tick_period, &rest);
	return now + x->tick_period - rest;
}

static enum hrtimer_restart tick_expired(struct hrtimer *t)
{
	struct vcpu *vcpu = container_of(t, struct vcpu, xen.tick);
	struct xen_vcpu *x = &vcpu->xen;
	u64 now = arch_guest_clock_ns(vcpu->vm);

	/* early: the host's clock has another rate than the guest's */
	if ((s64)(x->tick_due - now) <= 0) {
		if (!tick_raise(vcpu)) {
			WRITE_ONCE(x->tick_pending, true);
			evtchn_2l_defer(vcpu);
		}
		x->tick_due = tick_next(x, now);
	}
	hrtimer_set_expires(t, arch_guest_clock_ktime(vcpu->vm, x->tick_due));
	return HRTIMER_RESTART;
}

void tick_deliver(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;
	u32 port = READ_ONCE(x->timer_virq);

	if (!READ_ONCE(x->tick_pending))
		return;
	WRITE_ONCE(x->tick_pending, false);
	if (port)
		evtchn_2l_raise_wait(vcpu, port);
}

static void tick_arm(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	x->tick_due = tick_next(x, arch_guest_clock_ns(vcpu->vm));
	hrtimer_start(&x->tick, arch_guest_clock_ktime(vcpu->vm, x->tick_due),
		      HRTIMER_MODE_ABS_HARD);
}

/* Every @period ns, 0: not any more; at guest time @base among others. */
static void tick_set(struct vcpu *vcpu, u64 period, u64 base)
{
	struct xen_vcpu *x = &vcpu->xen;

	hrtimer_cancel(&x->tick);
	WRITE_ONCE(x->tick_pending, false);
	x->tick_period = period;
	x->tick_base = base;
	if (period)
		tick_arm(vcpu);
}

void tick_clock_changed(struct vcpu *vcpu)
{
	if (!vcpu->xen.tick_period)
		return;
	hrtimer_cancel(&vcpu->xen.tick);
	tick_arm(vcpu);
}

static u64 tick_hypercall_set(struct vcpu *vcpu, const struct xen_hcall_regs *r)
{
	struct vcpu_set_periodic_timer t;	/* the same for both word sizes */

	if (arch_guest_read_va(vcpu, r->arg[2], &t, sizeof(t)))
		return -EFAULT;
	if (!tick_period_ok(t.period_ns))
		return -EINVAL;
	tick_set(vcpu, t.period_ns, arch_guest_clock_ns(vcpu->vm));
	return 0;
}

bool tick_hypercall(struct vcpu *vcpu, const struct xen_hcall_regs *r,
		    u64 *result)
{
	/* of another vCPU: that one's mutex is needed, so user space's */
	if (!vcpu->xen.tick_owned || (u32)r->arg[1] != vcpu->xen.vcpu_id)
		return false;
	switch ((u32)r->arg[0]) {
	case VCPUOP_set_periodic_timer:
		*result = tick_hypercall_set(vcpu, r);
		return true;
	case VCPUOP_stop_periodic_timer:
		tick_set(vcpu, 0, 0);
		*result = 0;
		return true;
	default:
		return false;
	}
}

int tick_set_attr(struct vcpu *vcpu, const struct kvm_xen_vcpu_attr *data)
{
	struct xkvm_xen_periodic_timer t;

	memcpy(&t, &data->u, sizeof(t));
	if (t.period_ns && !tick_period_ok(t.period_ns))
		return -EINVAL;
	vcpu->xen.tick_owned = true;
	tick_set(vcpu, t.period_ns, t.next_ns ? t.next_ns :
		 arch_guest_clock_ns(vcpu->vm));
	return 0;
}

int tick_get_attr(struct vcpu *vcpu, struct kvm_xen_vcpu_attr *data)
{
	struct xen_vcpu *x = &vcpu->xen;
	struct xkvm_xen_periodic_timer t = { .period_ns = x->tick_period };

	if (t.period_ns) {
		/* a tick is either in the guest's memory or to come */
		hrtimer_cancel(&x->tick);
		tick_deliver(vcpu);
		t.next_ns = tick_next(x, arch_guest_clock_ns(vcpu->vm));
		tick_arm(vcpu);
	}
	memcpy(&data->u, &t, sizeof(t));
	return 0;
}

void tick_vcpu_init(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	hrtimer_init(&x->tick, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	x->tick.function = tick_expired;
}

void tick_vcpu_exit(struct vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->xen.tick);
}
