/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's generic steps around a guest: work before entry, time and
 * context tracking.  Apart from the rest because <linux/kvm_host.h>, which has
 * them, is in-tree KVM's own header and clashes with ours.
 */
#ifndef XKVM_XFER_H
#define XKVM_XFER_H

#include <linux/types.h>
#include <linux/vtime.h>

/* Do it; interrupts and preemption on.  0, or -EINTR: a signal is pending. */
int xfer_work(void);

/*
 * CPU time from here is the guest's / the host's: guest_timing_*_irqoff().
 * Interrupts off.
 */
static inline void xfer_timing_enter(void)
{
	vtime_account_guest_enter();
}

static inline void xfer_timing_exit(void)
{
	vtime_account_guest_exit();
}

/* RCU, context tracking and lockdep leave the kernel / are back.  noinstr. */
void xfer_state_enter(void);
void xfer_state_exit(void);

#endif
