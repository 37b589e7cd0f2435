// SPDX-License-Identifier: GPL-2.0-or-later
/* The bench's rows, and what each should cost beside the second node. */
#include <stdlib.h>

#include "bench.h"

#define EXIT	0.4	/* exits and hypercalls */
#define LIFE	0.05
#define OTHER	0.5

const struct bench_row bench_rows[] = {
	{ "CPUID exit, round trip", EXIT, bench_cpuid },
	{ "Xen `SCHEDOP_yield` hypercall", EXIT, bench_yield },
	{ "I/O exit to user space and back", EXIT, bench_io },
	{ "MMIO read answered in user space", EXIT, bench_mmio },
	{ "event-channel send hypercall to its interrupt", EXIT,
	  bench_xen_send },
	{ "event-channel send ioctl, entry, to its interrupt", OTHER,
	  bench_xen_ioctl },
	{ "cache check: send ioctl, port pending, less an empty ioctl", OTHER,
	  bench_xen_check },
	{ "single-shot timer hypercall, time passed, to its interrupt", OTHER,
	  bench_xen_timer_past },
	{ "single-shot timer: hypercall, and its time to its interrupt", OTHER,
	  bench_xen_timer },
	{ "HLT to wake by IPI, one way", OTHER, bench_halt_ipi },
	{ "runstate update, scheduled out and in", OTHER, bench_runstate },
	{ "EPT fault, host page present, a page", OTHER, bench_fault_present },
	{ "EPT fault, first touch, a page", OTHER, bench_fault_touch },
	{ "EPT fault, host page of 2 MiB present", OTHER, bench_fault_huge },
	{ "16 MiB slot added and deleted", OTHER, bench_slot },
	{ "dirty logging on, 20 MiB of 4 KiB entries", OTHER, bench_dirty_on },
	{ "dirty log read, 4,096 dirty pages", OTHER, bench_dirty_read },
	{ "dirty log read, 1 GiB slot without a dirty page", OTHER,
	  bench_dirty_clean },
	{ "VM create, slot, vCPU, one exit, destroy", LIFE, bench_lifecycle },
	{ "kernel memory of an idle one-vCPU VM, bytes", OTHER,
	  bench_idle_memory },
};

const unsigned int bench_nr_rows = sizeof(bench_rows) / sizeof(bench_rows[0]);

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t bench_median(uint64_t *v, unsigned int n)
{
	qsort(v, n, sizeof(v[0]), by_value);
	return v[n / 2];
}
