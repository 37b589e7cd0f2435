// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VM's clock: CLOCK_BOOTTIME from the VM's creation, shifted by
 * KVM_SET_CLOCK.  It is read each time that a vCPU is scheduled out or in, so
 * what the kernel reckons with is kept here: a reading is what
 * ktime_get_boottime_ns() returns, to the nanosecond, for half as much.
 *
 * The kernel calls clock_update() under its timekeeping lock whenever that
 * changes.  Readers of any context go by the sequence count.  Where the kernel
 * does not go by the TSC, or it ran on for long, the kernel is asked.
 */
#include <linux/clocksource.h>
#include <linux/pvclock_gtod.h>
#include <linux/seqlock.h>
#include <linux/timekeeper_internal.h>
#include <linux/timekeeping.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "../arch.h"
#include "vmx.h"

static struct {
	seqcount_t seq;
	bool tsc;			/* the kernel goes by the TSC */
	u32 mult, shift;
	u64 cycle_last;
	u64 nsec;			/* << shift, since base as of cycle_last */
	u64 base;			/* ns of CLOCK_BOOTTIME */
	u64 offs_boot;			/* ns from CLOCK_MONOTONIC to it */
} clock ____cacheline_aligned = { .seq = SEQCNT_ZERO(clock.seq) };

static int clock_update(struct notifier_block *nb, unsigned long was_set,
			void *priv)
{
	const struct timekeeper *tk = priv;
	const struct tk_read_base *r = &tk->tkr_mono;

	write_seqcount_begin(&clock.seq);
	clock.tsc = r->clock->vdso_clock_mode == VDSO_CLOCKMODE_TSC &&
		    r->mask == CLOCKSOURCE_MASK(64);
	clock.mult = r->mult;
	clock.shift = r->shift;
	clock.cycle_last = r->cycle_last;
	clock.nsec = r->xtime_nsec;
	WRITE_ONCE(clock.offs_boot, ktime_to_ns(tk->offs_boot));
	clock.base = ktime_to_ns(r->base) + clock.offs_boot;
	write_seqcount_end(&clock.seq);
	return 0;
}

static struct notifier_block clock_notifier = { .notifier_call = clock_update };

void clock_module_init(void)
{
	/* calls it at once */
	pvclock_gtod_register_notifier(&clock_notifier);
}

void clock_module_exit(void)
{
	pvclock_gtod_unregister_notifier(&clock_notifier);
}

static u64 clock_boottime_ns(void)
{
	unsigned int seq;
	u64 delta, ns;
	bool tsc;

	do {
		seq = read_seqcount_begin(&clock.seq);
		tsc = clock.tsc;
		delta = rdtsc_ordered() - clock.cycle_last;
		ns = clock.base +
		     ((delta * clock.mult + clock.nsec) >> clock.shift);
	} while (read_seqcount_retry(&clock.seq, seq));
	/* too much for the product, or from before cycle_last */
	if (unlikely(!tsc || delta >> 32))
		return ktime_get_boottime_ns();
	return ns;
}

u64 arch_guest_clock_ns(struct vm *vm)
{
	return clock_boottime_ns() + READ_ONCE(vm->arch.clock_offset);
}

ktime_t arch_guest_clock_ktime(struct vm *vm, u64 ns)
{
	ns -= READ_ONCE(vm->arch.clock_offset) + READ_ONCE(clock.offs_boot);
	return ns_to_ktime(min_t(u64, ns, KTIME_MAX));
}
