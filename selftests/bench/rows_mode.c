// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The exits of rows_exit.c in the other modes of the CPU, and reads of the local
 * APIC's page.
 */
#include "bench.h"
#include "guest.h"

/* BENCH_BATCH times CPUID, then out with the ticks. */
#define CPUID_LOOP							\
	"2: rdtsc; mov %eax, %esi; mov $50, %edi\n"			\
	"1: xor %eax, %eax; xor %ecx, %ecx; cpuid; dec %edi; jnz 1b\n"	\
	"rdtsc; sub %esi, %eax; mov $0x5e0, %dx; out %eax, %dx; jmp 2b"

_Static_assert(BENCH_BATCH == 50 && PORT_SYNC == 0x5e0, "as in CPUID_LOOP");

GUEST_ASM(mode_cpuid16, 16, CPUID_LOOP);
GUEST_ASM(mode_cpuid32, 32, CPUID_LOOP);
/* DS begins at GUEST_MMIO */
GUEST_ASM(mode_mmio16, 16, "1: mov 0, %eax; jmp 1b");
GUEST_ASM(mode_mmio32, 32, "1: mov 0x10000000, %eax; jmp 1b");

static struct vcpu *mode_vcpu(void)
{
	return vcpu_new(vm_new(VM_IRQCHIP), 0);
}

/* --- CPUID --- */

static uint64_t mode_cpuid(struct vcpu *v)
{
	uint64_t least = BENCH_NONE;

	for (int i = 0; i < BENCH_REPEAT; i++)
		bench_keep(&least, vcpu_sync(v));
	return least / BENCH_BATCH;
}

uint64_t bench_cpuid_real(void)
{
	struct vcpu *v = mode_vcpu();

	vcpu_enter_real(v, mode_cpuid16, mode_cpuid16_end);
	return mode_cpuid(v);
}

static uint64_t mode_cpuid_protected(enum paging32 paging)
{
	struct vcpu *v = mode_vcpu();

	vcpu_enter32(v, mode_cpuid32, paging);
	return mode_cpuid(v);
}

uint64_t bench_cpuid_32(void)
{
	return mode_cpuid_protected(PAGING_32);
}

uint64_t bench_cpuid_pae(void)
{
	return mode_cpuid_protected(PAGING_PAE);
}

/* --- MMIO --- */

uint64_t bench_mmio_real(void)
{
	struct vcpu *v = mode_vcpu();
	struct kvm_sregs s;

	vcpu_enter_real(v, mode_mmio16, mode_mmio16_end);
	s = vcpu_sregs(v);
	s.ds.base = GUEST_MMIO;
	vcpu_set_sregs(v, &s);
	return bench_user_exits(v, KVM_EXIT_MMIO);
}

static uint64_t mode_mmio_protected(enum paging32 paging)
{
	struct vcpu *v = mode_vcpu();

	vcpu_enter32(v, mode_mmio32, paging);
	return bench_user_exits(v, KVM_EXIT_MMIO);
}

uint64_t bench_mmio_flat(void)
{
	return mode_mmio_protected(PAGING_NONE);
}

uint64_t bench_mmio_32(void)
{
	return mode_mmio_protected(PAGING_32);
}

uint64_t bench_mmio_pae(void)
{
	return mode_mmio_protected(PAGING_PAE);
}

/* --- the version register through the page of xAPIC mode --- */

static uint64_t ticks GUEST_VAR;
static uint64_t apic_on GUEST_VAR;

GUEST static void apic_loop(void)
{
	if (apic_on)
		g_apic_enable();
	for (;;) {
		uint64_t t = g_rdtsc();

		for (int i = 0; i < BENCH_BATCH; i++)
			g_apic_read(APIC_VER);
		ticks = g_rdtsc() - t;
		g_sync(0);
	}
}

static uint64_t apic_timed(bool on)
{
	struct vcpu *v = mode_vcpu();
	uint64_t least = BENCH_NONE;

	G(v->vm, apic_on) = on;
	vcpu_enter64(v, apic_loop);
	for (int i = 0; i < BENCH_REPEAT; i++) {
		vcpu_sync(v);
		bench_keep(&least, G(v->vm, ticks));
	}
	return least / BENCH_BATCH;
}

uint64_t bench_apic_reset(void)
{
	return apic_timed(false);
}

uint64_t bench_apic_enabled(void)
{
	return apic_timed(true);
}
