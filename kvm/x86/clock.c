// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's clock, which everything of a guest goes by: its TSC and pvclock,
 * Xen's timers, the APIC timer, the PIT.
 *
 * It counts nanoseconds by the host's TSC, at the rate and with the arithmetic
 * that a guest's pvclock has, so that the two never drift apart.  The kernel's
 * own clocks are steered by NTP, by up to a tenth, and a guest's pvclock cannot
 * follow.  A VM's clock is this one shifted by KVM_SET_CLOCK.
 *
 * A host timer has to be armed by CLOCK_MONOTONIC.  clock_ktime() converts at
 * the rate that CLOCK_MONOTONIC has now; that may change, so that who is woken
 * looks at this clock and arms again if it was early.
 *
 * The kernel calls clock_update() under its timekeeping lock at each tick and
 * whenever its clocks change.  Readers of any context go by the sequence count.
 * Where the kernel does not go by the TSC, CLOCK_BOOTTIME is followed.
 */
#include <linux/clocksource.h>
#include <linux/math64.h>
#include <linux/pvclock_gtod.h>
#include <linux/seqlock.h>
#include <linux/timekeeper_internal.h>
#include <linux/timekeeping.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "../arch.h"
#include "vmx.h"

/*
 * So far ahead a timer is armed for a part of the way only, for CLOCK_MONOTONIC
 * may be slowed down meanwhile: it is late by no more than a tenth of this.
 */
#define CLOCK_FAR_NS	(100 * NSEC_PER_MSEC)

static struct {
	seqcount_t seq;
	bool tsc;			/* the kernel goes by the TSC */
	s8 shift;
	u32 mul;			/* with shift: pvclock's, for tsc_khz */
	u64 base_tsc, base_ns;		/* the clock at that TSC */
	s64 skew;			/* ns from CLOCK_BOOTTIME to the clock */
	/* CLOCK_MONOTONIC, as the kernel reckons it, and its unsteered rate */
	u32 mono_mult, raw_mult, mono_shift;
	u64 mono_tsc, mono_nsec, mono_base;
	/* the update before: TSC, CLOCK_BOOTTIME, the clock */
	u64 last_tsc, last_boot, last_ns, offs_boot;
} clock ____cacheline_aligned = { .seq = SEQCNT_ZERO(clock.seq) };

static __always_inline u64 clock_at(u64 tsc)
{
	u64 delta = tsc - clock.base_tsc;

	delta = clock.shift < 0 ? delta >> -clock.shift : delta << clock.shift;
	return clock.base_ns + mul_u64_u32_shr(delta, clock.mul, 32);
}

/*
 * The TSC counts on from the update before, unless the host slept (which
 * CLOCK_BOOTTIME knows) or went by something else.
 */
static void clock_follow(u64 tsc, u64 boot, u64 offs_boot, bool by_tsc)
{
	bool on = by_tsc && clock.tsc && tsc >= clock.last_tsc &&
		  offs_boot == clock.offs_boot;

	clock.last_ns = on ? clock_at(tsc) :
			     clock.last_ns + (boot - clock.last_boot);
	if (!on) {
		clock.base_tsc = tsc;
		clock.base_ns = clock.last_ns;
	}
	clock.tsc = by_tsc;
	clock.last_tsc = tsc;
	clock.last_boot = boot;
	clock.offs_boot = offs_boot;
	clock.skew = clock.last_ns - boot;
}

static int clock_update(struct notifier_block *nb, unsigned long was_set,
			void *priv)
{
	const struct timekeeper *tk = priv;
	const struct tk_read_base *r = &tk->tkr_mono;
	u64 offs_boot = ktime_to_ns(tk->offs_boot);
	bool by_tsc = r->clock->vdso_clock_mode == VDSO_CLOCKMODE_TSC &&
		      r->mask == CLOCKSOURCE_MASK(64);

	write_seqcount_begin(&clock.seq);
	clock.mono_mult = r->mult;
	clock.raw_mult = tk->tkr_raw.mult;
	clock.mono_shift = r->shift;
	clock.mono_tsc = r->cycle_last;
	clock.mono_nsec = r->xtime_nsec;
	clock.mono_base = ktime_to_ns(r->base);
	clock_follow(r->cycle_last, clock.mono_base + offs_boot +
		     (r->xtime_nsec >> r->shift), offs_boot, by_tsc);
	write_seqcount_end(&clock.seq);
	return 0;
}

static struct notifier_block clock_notifier = { .notifier_call = clock_update };

void clock_module_init(void)
{
	tsc_scale(tsc_khz, &clock.mul, &clock.shift);
	/* calls it at once */
	pvclock_gtod_register_notifier(&clock_notifier);
}

void clock_module_exit(void)
{
	pvclock_gtod_unregister_notifier(&clock_notifier);
}

u64 clock_ns(void)
{
	unsigned int seq;
	s64 skew;
	bool tsc;
	u64 ns;

	do {
		seq = read_seqcount_begin(&clock.seq);
		tsc = clock.tsc;
		skew = clock.skew;
		ns = clock_at(rdtsc_ordered());
	} while (read_seqcount_retry(&clock.seq, seq));
	return likely(tsc) ? ns : ktime_get_boottime_ns() + skew;
}

/* Without the TSC there is nothing to reckon with. */
static noinline ktime_t clock_ktime_slow(u64 ns)
{
	s64 delta = ns - clock_ns();

	return delta <= 0 ? 0 : ktime_add_ns(ktime_get(), delta);
}

/*
 * The clock and CLOCK_MONOTONIC of one moment, and the latter's rate.  False: not
 * to be had.
 */
static __always_inline bool clock_pair(u64 *ns, u64 *mono, u32 *mult,
				       u32 *unsteered)
{
	unsigned int seq;
	u64 tsc;
	bool ok;

	do {
		seq = read_seqcount_begin(&clock.seq);
		tsc = rdtsc_ordered();
		/* not too much for the product, and not from before */
		ok = clock.tsc && !((tsc - clock.mono_tsc) >> 32);
		*mono = clock.mono_base +
			(((tsc - clock.mono_tsc) * clock.mono_mult +
			  clock.mono_nsec) >> clock.mono_shift);
		*mult = clock.mono_mult;
		*unsteered = clock.raw_mult;
		*ns = clock_at(tsc);
	} while (read_seqcount_retry(&clock.seq, seq));
	return ok;
}

ktime_t clock_ktime(u64 ns)
{
	u32 mult, unsteered;
	u64 now, mono;
	s64 delta;

	if (unlikely(!clock_pair(&now, &mono, &mult, &unsteered)))
		return clock_ktime_slow(ns);
	delta = ns - now;
	if (delta <= 0)
		return 0;
	if (unlikely(delta > CLOCK_FAR_NS))
		delta = min_t(s64, delta - (delta >> 3), KTIME_MAX >> 2);
	/* rounded up by more than the rates are inexact, or it is early again */
	return ns_to_ktime(mono + (delta >> 20) + 2 +
			   mul_u64_u64_div_u64(delta, mult, unsteered));
}

u64 arch_guest_clock_ns(struct vm *vm)
{
	return clock_ns() + READ_ONCE(vm->arch.clock_offset);
}

ktime_t arch_guest_clock_ktime(struct vm *vm, u64 ns)
{
	return clock_ktime(ns - READ_ONCE(vm->arch.clock_offset));
}
