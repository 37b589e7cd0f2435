// SPDX-License-Identifier: GPL-2.0-only
/* Which mitigations a host wants: see mitigate_decide.h. */
#include <linux/kernel.h>
#include <linux/string.h>

#include "mitigate_decide.h"

static const char *const mitigate_name[] = {
	[MITIGATE_L1D]		= "l1d-flush",
	[MITIGATE_CPU_BUF]	= "cpu-buffers",
	[MITIGATE_MMIO_BUF]	= "mmio-buffers",
	[MITIGATE_IBPB]		= "ibpb",
	[MITIGATE_IBPB_EXIT]	= "ibpb-exit-to-user",
	[MITIGATE_RSB]		= "rsb",
	[MITIGATE_BHB]		= "bhb",
	[MITIGATE_IBRS]		= "ibrs",
	[MITIGATE_SMALL_PAGES]	= "small-pages",
};

u32 mitigate_decide(const struct mitigate_host *h)
{
	const bool on[MITIGATE_MAX] = {
		/* a hypervisor above this one may do it */
		[MITIGATE_L1D] = h->bug_l1tf && !h->l1tf_off &&
				 !h->skip_l1d_flush,
		[MITIGATE_CPU_BUF] = h->clear_cpu_buf,
		/* who clears at every entry need not clear for devices again */
		[MITIGATE_MMIO_BUF] = h->mmio_stale_data && !h->clear_cpu_buf,
		[MITIGATE_IBPB] = h->use_ibpb,
		[MITIGATE_IBPB_EXIT] = h->ibpb_exit_to_user,
		[MITIGATE_RSB] = h->rsb_vmexit,
		[MITIGATE_BHB] = h->clear_bhb,
		[MITIGATE_IBRS] = h->kernel_ibrs,
		[MITIGATE_SMALL_PAGES] = h->bug_itlb_multihit &&
					 !h->mitigations_off,
	};
	unsigned int i;
	u32 set = 0;

	for (i = 0; i < MITIGATE_MAX; i++)
		set |= on[i] ? 1u << i : 0;
	return set;
}

void mitigate_names(u32 set, char *buf, unsigned int len)
{
	unsigned int i, at = 0, n;

	for (i = 0; i < MITIGATE_MAX; i++) {
		if (!(set >> i & 1))
			continue;
		n = strlen(mitigate_name[i]);
		if (at + n + 2 > len)
			break;
		if (at)
			buf[at++] = ' ';
		memcpy(buf + at, mitigate_name[i], n);
		at += n;
	}
	if (!at && len > 4) {
		memcpy(buf, "none", 4);
		at = 4;
	}
	if (len)
		buf[at] = 0;
}
