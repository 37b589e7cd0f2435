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

int xfer_work(void)
{
	return xfer_to_guest_mode_handle_work(&xfer_vcpu);
}

/* The jiffy for which RCU knows that this CPU was in a quiescent state. */
static DEFINE_PER_CPU(unsigned long, xfer_noted);

static __always_inline void xfer_note(void)
{
	unsigned long now = jiffies;

	if (raw_cpu_read(xfer_noted) == now)
		return;
	instrumentation_begin();
	raw_cpu_write(xfer_noted, now);
	rcu_note_context_switch(false);
	instrumentation_end();
}

/* True: context tracking told RCU.  Kernels whose function is void told it before. */
#define xfer_tracked_exit()						\
	__builtin_choose_expr(__builtin_types_compatible_p(		\
			typeof(context_tracking_guest_exit()), bool),	\
		context_tracking_guest_exit(),				\
		(context_tracking_guest_exit(), true))

/*
 * guest_state_enter_irqoff() and guest_state_exit_irqoff(), but RCU is told once
 * a jiffy, not each time: its grace periods go by the tick, and what cannot wait
 * so long, an expedited one, asks for a reschedule, which is work before an entry.
 */
noinstr void xfer_state_enter(void)
{
	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();
	if (!context_tracking_guest_enter())
		xfer_note();
	lockdep_hardirqs_on(CALLER_ADDR0);
}

noinstr void xfer_state_exit(void)
{
	lockdep_hardirqs_off(CALLER_ADDR0);
	if (!xfer_tracked_exit())
		xfer_note();
	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
}
