// SPDX-License-Identifier: GPL-2.0-or-later
/* The bench's rows, and what each should cost beside the second node. */
#include <stdlib.h>

#include "bench.h"

#define EXIT	0.4	/* exits and hypercalls */
#define USER_IO	0.5	/* its floor behind KVM's ioctl is 0.41 */
#define FIRST	0.6	/* write to a page whose slot is logged now */
#define LIFE	0.05
#define ONLY	0.1	/* life of a VM that turns VMX on and off */
#define OTHER	0.5

const struct bench_row bench_rows[] = {
	{ "CPUID exit, round trip", EXIT, bench_cpuid },
	{ "CPUID exit, real mode", EXIT, bench_cpuid_real },
	{ "CPUID exit, 32-bit paging", EXIT, bench_cpuid_32 },
	{ "CPUID exit, PAE paging", EXIT, bench_cpuid_pae },
	{ "CPUID exit, while a second VM is open", EXIT,
	  bench_cpuid_second_vm },
	{ "Xen `SCHEDOP_yield` hypercall", EXIT, bench_yield },
	{ "Xen `SCHEDOP_yield` hypercall, while a second VM is open", EXIT,
	  bench_yield_second_vm },
	{ "I/O exit to user space and back", USER_IO, bench_io },
	{ "MMIO read answered in user space", EXIT, bench_mmio },
	{ "MMIO read answered in user space, real mode", EXIT,
	  bench_mmio_real },
	{ "MMIO read answered in user space, 32-bit, no paging", EXIT,
	  bench_mmio_flat },
	{ "MMIO read answered in user space, 32-bit paging", EXIT,
	  bench_mmio_32 },
	{ "MMIO read answered in user space, PAE paging", EXIT,
	  bench_mmio_pae },
	{ "xAPIC page: version register, APIC as after reset", EXIT,
	  bench_apic_reset },
	{ "xAPIC page: version register, APIC enabled", EXIT,
	  bench_apic_enabled },
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
	{ "dirty logging on, and first write to a page, a page", FIRST,
	  bench_dirty_first },
	{ "dirty round: written, log read and cleared, a page", EXIT,
	  bench_dirty_round },
	{ "dirty log read, 4,096 dirty pages", OTHER, bench_dirty_read },
	{ "dirty log read, 1 GiB slot without a dirty page", OTHER,
	  bench_dirty_clean },
	{ "VM create, slot, vCPU, one exit, destroy", LIFE, bench_lifecycle },
	{ "VM create to destroy, the host's only VM", ONLY,
	  bench_lifecycle_only },
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
