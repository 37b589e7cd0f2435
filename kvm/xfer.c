// SPDX-License-Identifier: GPL-2.0-only
/*
 * Glue to the kernel's helpers in <linux/kvm_host.h>: see xfer.h.
 *
 * xfer_to_guest_mode_handle_work() wants in-tree KVM's struct kvm_vcpu, of
 * which it counts signal exits and sets run->exit_reason.  It gets one that
 * nobody reads.
 */
#include <linux/entry-kvm.h>
#include <linux/kvm_host.h>

#include "xfer.h"

static struct kvm_run xfer_run;
static struct kvm_vcpu xfer_vcpu = { .run = &xfer_run };

bool xfer_pending(void)
{
	return __xfer_to_guest_mode_work_pending();
}

int xfer_work(void)
{
	return xfer_to_guest_mode_handle_work(&xfer_vcpu);
}

void xfer_timing_enter(void)
{
	guest_timing_enter_irqoff();
}

void xfer_timing_exit(void)
{
	guest_timing_exit_irqoff();
}

/* The jiffy for which RCU knows that this CPU was in a quiescent state. */
static DEFINE_PER_CPU(unsigned long, xfer_noted);

/*
 * guest_state_enter_irqoff(), but RCU is told once a jiffy, not at each entry:
 * its grace periods go by the tick, and what cannot wait so long, an expedited
 * one, asks for a reschedule, which xfer_pending() sees.
 */
noinstr void xfer_state_enter(void)
{
	unsigned long now = jiffies;

	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();
	if (!context_tracking_guest_enter() &&
	    raw_cpu_read(xfer_noted) != now) {
		instrumentation_begin();
		raw_cpu_write(xfer_noted, now);
		rcu_note_context_switch(false);
		instrumentation_end();
	}
	lockdep_hardirqs_on(CALLER_ADDR0);
}

noinstr void xfer_state_exit(void)
{
	guest_state_exit_irqoff();
}
