// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC: the timer, in its three modes.
 *
 * The bus runs at 1 GHz of the module's clock (clock.c), so that a count divided
 * is a nanosecond multiplied.  An hrtimer stands for the counter; TMCCT is computed when it is read.  The
 * callback runs in hard interrupt context, on whatever CPU, and only marks the
 * expiry: the vCPU's thread delivers it before the next entry.  Every other
 * field belongs to that thread; it stops the hrtimer before it changes what
 * the callback reads.
 * Source: SDM volume 3, 11.5.4.
 */
#include <linux/math64.h>

#include "lapic.h"
#include "trace.h"
#include "x86.h"

/* A periodic timer is not let go faster: each period interrupts the host. */
#define LAPIC_MIN_PERIOD_NS	100000ull

/* A deadline further away is kept but not armed; the guest never sees it. */
#define LAPIC_MAX_SECONDS	(365ull * 24 * 3600)

static void lapic_timer_expire(struct lapic *apic)
{
	trace_xkvm_apic_timer(apic->vcpu->id, false, 0);
	/* an expiry while masked is lost, as on hardware */
	if (lapic_reg_get(apic->regs, LAPIC_LVTT) & LAPIC_LVT_MASKED) {
		WRITE_ONCE(apic->tsc_deadline, 0);
		return;
	}
	atomic_set(&apic->timer_pending, 1);
	vcpu_request_kick(apic->vcpu, REQ_EVENT);
}

static enum hrtimer_restart lapic_timer_fn(struct hrtimer *timer)
{
	struct lapic *apic = container_of(timer, struct lapic, timer);

	s64 target = READ_ONCE(apic->target), late = clock_ns() - target;
	u64 rest;

	/* early: the host's clock has another rate than the guest's */
	if (late < 0) {
		hrtimer_set_expires(timer, clock_ktime(target));
		return HRTIMER_RESTART;
	}
	lapic_timer_expire(apic);
	if (READ_ONCE(apic->timer_mode) != LAPIC_PERIODIC ||
	    !READ_ONCE(apic->period_ns))
		return HRTIMER_NORESTART;

	/* periods that went by unnoticed would coalesce in IRR anyway */
	div64_u64_rem(late, apic->period_ns, &rest);
	target += late - rest + apic->period_ns;
	WRITE_ONCE(apic->target, target);
	hrtimer_set_expires(timer, clock_ktime(target));
	return HRTIMER_RESTART;
}

void lapic_timer_init(struct lapic *apic)
{
	hrtimer_init(&apic->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	apic->timer.function = lapic_timer_fn;
	apic->divisor = 2;
}

void lapic_timer_stop(struct lapic *apic)
{
	hrtimer_cancel(&apic->timer);
	atomic_set(&apic->timer_pending, 0);
	apic->target = 0;
}

/* Stop before a change by the guest: what has expired is still delivered. */
static void lapic_timer_retire(struct lapic *apic)
{
	hrtimer_cancel(&apic->timer);
	lapic_timer_deliver(apic->vcpu);
	apic->target = 0;
}

void lapic_timer_deliver(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->arch.lapic;

	if (!apic || !atomic_read(&apic->timer_pending))
		return;
	if (!atomic_xchg(&apic->timer_pending, 0))
		return;
	/*
	 * Not before: a save between the expiry and here finds the deadline,
	 * one after here finds the vector.
	 */
	apic->tsc_deadline = 0;
	lapic_deliver_lvt(vcpu, LAPIC_LVTT);
}

static void lapic_timer_arm(struct lapic *apic, u64 ns)
{
	apic->target = clock_ns() + ns;
	trace_xkvm_apic_timer(apic->vcpu->id, true, ns);
	hrtimer_start(&apic->timer, clock_ktime(apic->target),
		      HRTIMER_MODE_ABS_HARD);
}

/* --- counting modes --- */

/* The period that TMICT and the divisor make, in nanoseconds. */
static u64 lapic_timer_period(const struct lapic *apic)
{
	u64 ns = (u64)lapic_reg_get(apic->regs, LAPIC_TMICT) * apic->divisor;

	if (ns && apic->timer_mode == LAPIC_PERIODIC)
		ns = max(ns, LAPIC_MIN_PERIOD_NS);
	return ns;
}

void lapic_timer_start(struct lapic *apic)
{
	lapic_timer_retire(apic);
	apic->period_ns = lapic_timer_period(apic);
	if (apic->period_ns)
		lapic_timer_arm(apic, apic->period_ns);
}

u32 lapic_timer_count(const struct lapic *apic)
{
	s64 target = READ_ONCE(apic->target), left;
	u64 count;

	if (!target || !apic->period_ns ||
	    apic->timer_mode == LAPIC_TSC_DEADLINE)
		return 0;
	left = target - clock_ns();
	if (left <= 0) {
		if (apic->timer_mode != LAPIC_PERIODIC)
			return 0;
		/* expired, and the callback has not moved target on yet */
		left = apic->period_ns - (u64)-left % apic->period_ns;
	}
	/* a period raised to the minimum must not count from above TMICT */
	count = div_u64(left, apic->divisor);
	return min_t(u64, count, lapic_reg_get(apic->regs, LAPIC_TMICT));
}

/* Continue a count of @count with the divisor and mode there are now. */
static void lapic_timer_continue(struct lapic *apic, u32 count)
{
	apic->period_ns = lapic_timer_period(apic);
	if (apic->period_ns && count)
		lapic_timer_arm(apic, (u64)count * apic->divisor);
}

void lapic_timer_divide(struct lapic *apic)
{
	u32 divisor = 1u << lapic_timer_shift(lapic_reg_get(apic->regs,
							    LAPIC_TDCR));
	u32 count;

	if (divisor == apic->divisor)
		return;
	if (apic->timer_mode == LAPIC_TSC_DEADLINE || !apic->target) {
		apic->divisor = divisor;
		return;
	}
	count = lapic_timer_count(apic);
	lapic_timer_retire(apic);
	apic->divisor = divisor;
	lapic_timer_continue(apic, count);
}

static enum lapic_timer_mode lapic_timer_lvt_mode(const struct lapic *apic)
{
	switch (lapic_reg_get(apic->regs, LAPIC_LVTT) & LAPIC_LVTT_MODE) {
	case LAPIC_LVTT_DEADLINE:
		return LAPIC_TSC_DEADLINE;
	case LAPIC_LVTT_PERIODIC:
		return LAPIC_PERIODIC;
	default:
		return LAPIC_ONESHOT;
	}
}

void lapic_timer_set_mode(struct lapic *apic)
{
	enum lapic_timer_mode mode = lapic_timer_lvt_mode(apic);
	u32 count;

	if (mode == apic->timer_mode)
		return;
	if (mode == LAPIC_TSC_DEADLINE ||
	    apic->timer_mode == LAPIC_TSC_DEADLINE) {
		/* a change to or from deadline mode disarms the timer */
		lapic_timer_retire(apic);
		lapic_reg_put(apic->regs, LAPIC_TMICT, 0);
		apic->period_ns = 0;
		apic->tsc_deadline = 0;
		WRITE_ONCE(apic->timer_mode, mode);
		return;
	}
	/* one-shot and periodic: the count goes on */
	count = lapic_timer_count(apic);
	lapic_timer_retire(apic);
	WRITE_ONCE(apic->timer_mode, mode);
	lapic_timer_continue(apic, count);
}

/* --- deadline mode --- */

static void lapic_deadline_arm(struct lapic *apic)
{
	struct vcpu *vcpu = apic->vcpu;
	u32 khz = tsc_true_khz(vcpu);
	u64 deadline = apic->tsc_deadline;
	u64 now, delta;

	if (!deadline)
		return;
	now = x86_guest_tsc(vcpu);
	if (deadline <= now) {
		lapic_timer_expire(apic);
		return;
	}
	delta = deadline - now;
	if (!khz || delta > khz * 1000ull * LAPIC_MAX_SECONDS)
		return;
	/* rounded up: the guest must not find its deadline in the future */
	lapic_timer_arm(apic, mul_u64_u32_div(delta, 1000000, khz) + 1);
}

u64 lapic_get_tscdeadline(const struct vcpu *vcpu)
{
	const struct lapic *apic = vcpu->arch.lapic;

	if (!apic || apic->timer_mode != LAPIC_TSC_DEADLINE)
		return 0;
	return READ_ONCE(apic->tsc_deadline);
}

void lapic_set_tscdeadline(struct vcpu *vcpu, u64 tsc)
{
	struct lapic *apic = vcpu->arch.lapic;

	if (!apic)
		return;
	if (apic->timer_mode != LAPIC_TSC_DEADLINE) {
		/* a restore may bring the MSR before the mode */
		apic->deadline_early = tsc;
		return;
	}
	lapic_timer_retire(apic);
	apic->tsc_deadline = tsc;
	lapic_deadline_arm(apic);
}

void lapic_tsc_changed(struct vcpu *vcpu)
{
	struct lapic *apic = vcpu->arch.lapic;

	if (!apic || apic->timer_mode != LAPIC_TSC_DEADLINE ||
	    !READ_ONCE(apic->tsc_deadline))
		return;
	lapic_timer_retire(apic);
	lapic_deadline_arm(apic);
}

/* --- restore --- */

void lapic_timer_restore(struct lapic *apic, u32 count)
{
	enum lapic_timer_mode old = apic->timer_mode;
	enum lapic_timer_mode mode = lapic_timer_lvt_mode(apic);

	lapic_timer_stop(apic);
	WRITE_ONCE(apic->timer_mode, mode);
	apic->divisor = 1u << lapic_timer_shift(lapic_reg_get(apic->regs,
							      LAPIC_TDCR));
	if (mode == LAPIC_TSC_DEADLINE) {
		apic->period_ns = 0;
		if (old != LAPIC_TSC_DEADLINE)
			apic->tsc_deadline = apic->deadline_early;
		apic->deadline_early = 0;
		lapic_deadline_arm(apic);
		return;
	}
	apic->tsc_deadline = 0;
	if (mode == LAPIC_PERIODIC && !count)
		count = lapic_reg_get(apic->regs, LAPIC_TMICT);
	lapic_timer_continue(apic, count);
}
