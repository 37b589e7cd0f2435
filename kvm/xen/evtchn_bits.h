/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two-level event channels: the atomic operations on guest memory.  Builds on
 * the host too, for unit tests.
 *
 * Bit by bit the arrays are the same for both word sizes, since x86 and arm64
 * are little-endian; so all operations are on 32-bit words, which need no more
 * than the alignment a 32-bit guest has to give.
 */
#ifndef XKVM_XEN_EVTCHN_BITS_H
#define XKVM_XEN_EVTCHN_BITS_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/errno.h>

#include "layout.h"

static inline bool evtchn_test_and_set(void *words, u32 nr)
{
	u32 bit = 1u << (nr % 32);

	return (u32)atomic_fetch_or(bit, (atomic_t *)words + nr / 32) & bit;
}

static inline bool evtchn_test(const void *words, u32 nr)
{
	return READ_ONCE(*((const u32 *)words + nr / 32)) >> (nr % 32) & 1;
}

/*
 * evtchn_set_pending() - step one, in shared_info.  @port < @l->nr_ports.
 * 1: go on with evtchn_set_selector(); 0: it was pending; -ENOTCONN: masked.
 *
 * The atomic operation orders pending before the look at the mask, against the
 * guest's unmasking: it clears the mask, then looks at pending.  It also
 * orders pending before the look at who polls; pairs with smp_mb() in
 * sched_poll().
 */
static inline int evtchn_set_pending(void *shinfo, const struct xen_layout *l,
				     u32 port)
{
	if (evtchn_test_and_set(shinfo + l->pending, port))
		return 0;
	return evtchn_test(shinfo + l->mask, port) ? -ENOTCONN : 1;
}

/*
 * evtchn_set_selector() - step two, in vcpu_info: word @sel has something.
 * True: evtchn_upcall_pending was set, step three is to tell the vCPU.
 *
 * The atomic operation orders pending before the selector, and the selector
 * before evtchn_upcall_pending: the guest clears evtchn_upcall_pending, then
 * exchanges the selector, then looks at pending.
 */
static inline bool evtchn_set_selector(void *vcpu_info,
				       const struct xen_layout *l, u32 sel)
{
	if (evtchn_test_and_set(vcpu_info + l->pending_sel, sel))
		return false;
	WRITE_ONCE(*((u8 *)vcpu_info + XEN_UPCALL_PENDING), 1);
	return true;
}

/* Take back what evtchn_set_selector() did to the selector. */
static inline void evtchn_clear_selector(void *vcpu_info,
					 const struct xen_layout *l, u32 sel)
{
	atomic_t *w = vcpu_info + l->pending_sel;

	atomic_andnot(1u << (sel % 32), w + sel / 32);
}

/*
 * The selector for words of the other size: @to_wide is the new one.  A port
 * beyond what 32-bit words have is lost, as it is in shared_info.
 */
static inline u64 evtchn_convert_selector(u64 sel, bool to_wide)
{
	unsigned int bit;
	u64 to = 0;

	for (bit = 0; bit < 32; bit++) {
		if (to_wide && (sel >> bit & 1))
			to |= 1ull << (bit / 2);
		if (!to_wide && (sel >> (bit / 2) & 1))
			to |= 1ull << bit;
	}
	return to;
}

#endif
