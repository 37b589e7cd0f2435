// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen's structures for both word sizes as offsets, and the arithmetic of
 * runstates.  Pure: no locks, no kernel services.
 */
#include <linux/stddef.h>
#include <linux/types.h>

#include "layout.h"

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
