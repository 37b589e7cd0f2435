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

noinstr void xfer_state_enter(void)
{
	guest_state_enter_irqoff();
}

noinstr void xfer_state_exit(void)
{
	guest_state_exit_irqoff();
}
