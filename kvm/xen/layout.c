// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen's structures for both word sizes as offsets, and the arithmetic of
 * runstates.  Pure: no locks, no kernel services.
 */
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>

#include "layout.h"

#define RS_RUNNING	0	/* RUNSTATE_* of xen/interface/vcpu.h */
#define RS_RUNNABLE	1

#define LAYOUT(w)							\
	{								\
		.pending = offsetof(struct xen##w##_shared_info,	\
				    evtchn_pending),			\
		.mask = offsetof(struct xen##w##_shared_info,		\
				 evtchn_mask),				\
		.wc = offsetof(struct xen##w##_shared_info, wc),	\
		.wc_sec_hi = offsetof(struct xen##w##_shared_info,	\
				      wc_sec_hi),			\
		.nr_ports = (w) * (w),					\
		.word_shift = (w) == 64 ? 6 : 5,			\
		.pending_sel = offsetof(struct xen##w##_vcpu_info,	\
					pending_sel),			\
		.runstate_size = sizeof(struct xen##w##_runstate_info),	\
		.runstate_entry = offsetof(struct xen##w##_runstate_info, \
					   state_entry_time),		\
	}

const struct xen_layout xen_layouts[2] = { LAYOUT(32), LAYOUT(64) };

void xen_runstate_account(struct xen_runstate *rs, u64 now, u64 run_delay,
			  u32 state)
{
	u64 delta = now > rs->entry_ns ? now - rs->entry_ns : 0;
	u64 steal = run_delay > rs->last_steal ? run_delay - rs->last_steal : 0;

	rs->entry_ns += delta;
	if (rs->state == RS_RUNNING) {
		if (steal > delta)
			steal = delta;
		rs->times[RS_RUNNABLE] += steal;
		delta -= steal;
	}
	rs->times[rs->state] += delta;
	rs->last_steal = run_delay;
	rs->state = state;
}

bool xen_runstate_valid(const struct xen_runstate *rs)
{
	u64 left = rs->entry_ns;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (rs->times[i] > left)
			return false;
		left -= rs->times[i];
	}
	return !left;
}

unsigned int xen_runstate_pack(u8 *buf, const struct xen_layout *l,
			       const struct xen_runstate *rs)
{
	memset(buf, 0, XEN_RUNSTATE_SIZE);
	memcpy(buf, &rs->state, sizeof(rs->state));
	memcpy(buf + l->runstate_entry, &rs->entry_ns, sizeof(rs->entry_ns));
	memcpy(buf + l->runstate_entry + sizeof(rs->entry_ns), rs->times,
	       sizeof(rs->times));
	return l->runstate_size;
}
