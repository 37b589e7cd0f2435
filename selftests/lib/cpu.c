// SPDX-License-Identifier: GPL-2.0-or-later
/* What the CPU below can do. */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

bool cpu_has_breakpoints(void)
{
	static volatile uint64_t var;
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)&var,
		.bp_len = HW_BREAKPOINT_LEN_8,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	uint64_t hits = 0;

	if (fd < 0)
		return false;
	var = 1;
	if (read(fd, &hits, sizeof(hits)) != sizeof(hits))
		hits = 0;
	close(fd);
	return hits > 0;
}
