/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's generic steps around a guest: work before entry, time and
 * context tracking.  Apart from the rest because <linux/kvm_host.h>, which has
 * them, is in-tree KVM's own header and clashes with ours.
 */
#ifndef XKVM_XFER_H
#define XKVM_XFER_H

#include <linux/types.h>

/* Anything to do before the task may enter a guest?  Interrupts off. */
bool xfer_pending(void);

/* Do it; interrupts and preemption on.  0, or -EINTR: a signal is pending. */
int xfer_work(void);

/* CPU time from here is the guest's / the host's.  Interrupts off. */
void xfer_timing_enter(void);
void xfer_timing_exit(void);

/* RCU, context tracking and lockdep leave the kernel / are back.  noinstr. */
void xfer_state_enter(void);
void xfer_state_exit(void);

#endif
