// SPDX-License-Identifier: GPL-2.0-or-later
/* Exits: those the kernel answers, timed in the guest; those to user space. */
#include "bench.h"
#include "xen.h"

static uint64_t ticks GUEST_VAR;	/* of the guest's own loop */

GUEST static void cpuid_loop(void)
{
	for (;;) {
		uint64_t t = g_rdtsc();

		for (int i = 0; i < BENCH_BATCH; i++) {
			uint32_t a = 0, b, c = 0, d;

			__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c),
					 "=d"(d));
		}
		ticks = g_rdtsc() - t;
		g_sync(0);
	}
}

GUEST static void yield_loop(void)
{
	for (;;) {
		uint64_t t = g_rdtsc();

		for (int i = 0; i < BENCH_BATCH; i++)
			g_sched_op(SCHEDOP_yield, NULL);
		ticks = g_rdtsc() - t;
		g_sync(0);
	}
}

static uint64_t guest_timed(struct vcpu *v, void (*loop)(void))
{
	uint64_t least = BENCH_NONE;

	vcpu_enter64(v, loop);
	for (int i = 0; i < BENCH_REPEAT; i++) {
		vcpu_sync(v);
		bench_keep(&least, G(v->vm, ticks));
	}
	return least / BENCH_BATCH;
}

uint64_t bench_cpuid(void)
{
	return guest_timed(vcpu_new(vm_new(VM_IRQCHIP), 0), cpuid_loop);
}

uint64_t bench_yield(void)
{
	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	return guest_timed(xen_vcpu(xen_vm(true), 0), yield_loop);
}

/* --- while another VM of the process is open, which has run --- */

static void second_vm(void)
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	vcpu_enter64(v, cpuid_loop);
	vcpu_sync(v);
}

uint64_t bench_cpuid_second_vm(void)
{
	second_vm();
	return bench_cpuid();
}

uint64_t bench_yield_second_vm(void)
{
	second_vm();
	return bench_yield();
}

GUEST static void io_loop(void)
{
	for (;;)
		g_out8(0x80, 0);
}

GUEST static void mmio_loop(void)
{
	for (;;)
		g_read32(GUEST_MMIO);
}

uint64_t bench_user_exits(struct vcpu *v, uint32_t reason)
{
	uint64_t least = BENCH_NONE, start;

	vcpu_expect(v, reason);
	for (int i = 0; i < BENCH_REPEAT; i++) {
		start = rdtsc();
		for (int j = 0; j < BENCH_BATCH; j++)
			if (ioctl(v->fd, KVM_RUN, 0L) ||
			    v->run->exit_reason != reason)
				vcpu_bad_exit(v);
		bench_keep(&least, rdtsc() - start);
	}
	return least / BENCH_BATCH;
}

static uint64_t user_timed(void (*loop)(void), uint32_t reason)
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	vcpu_enter64(v, loop);
	return bench_user_exits(v, reason);
}

uint64_t bench_io(void)
{
	return user_timed(io_loop, KVM_EXIT_IO);
}

uint64_t bench_mmio(void)
{
	return user_timed(mmio_loop, KVM_EXIT_MMIO);
}
