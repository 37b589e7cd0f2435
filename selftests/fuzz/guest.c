// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the guest does: things that exit, fault or wait, as a number in a
 * register has it, a few at a time and for ever.
 */
#include "fuzz.h"
#include "xen.h"

static uint16_t ports[] GUEST_VAR = {
	0x20, 0x21, 0xa0, 0xa1, 0x40, 0x42, 0x43, 0x61, 0x4d0, 0x700, 0x702,
	0x707, 0x5e0, 0x80, 0xcf8, 0x92,
};
static uint64_t places[] GUEST_VAR = {
	0, GUEST_FREE, XEN_SHINFO, XEN_RUNSTATE, 0x3ff000, 0x3fffff, 0x400000,
	0x500000, GUEST_MMIO, GUEST_MMIO + 0x1000, GUEST_MMIO + 0x3ffc,
	GUEST_APIC + APIC_TPR, GUEST_APIC + APIC_TMICT, GUEST_APIC + APIC_LVTT,
	GUEST_APIC + APIC_EOI, GUEST_APIC + APIC_ICR, 0xfec00000ull,
	0xfec00010ull, 0xfffff000ull,
};
static uint32_t msrs[] GUEST_VAR = {
	0x10, 0x1b, 0x3b, 0x277, 0x2ff, 0x6e0, 0x808, 0x80b, 0x830, 0x838,
	0x83f, 0xc0000080, 0xc0000082, 0xc0000100, XEN_MSR, 0x40000001,
};
#define PICK(seed, array)						\
	((array)[((seed) >> 16) % (sizeof(array) / sizeof((array)[0]))])

static uint32_t xen_arg[8] GUEST_VAR;

/* Accesses of all widths, within a page and across two. */
GUEST static void touch(uint64_t z)
{
	uint64_t at = PICK(z, places) + (z >> 24 & 0xff) * (z >> 32 & 1);

	switch (z >> 33 & 7) {
	case 0:
		g_write8(at, z);
		break;
	case 1:
		g_write32(at, z);
		break;
	case 2:
		g_write64(at, z);
		break;
	case 3:
		g_read16(at);
		break;
	case 4:
		__asm__ volatile("lock orq %0, (%1)" : : "r"(z & 1), "r"(at)
				 : "memory", "cc");
		break;
	case 5:
		__asm__ volatile("cld; rep movsb" : "+S"(at)
				 : "D"(GUEST_FREE + 0x800), "c"(z >> 40 & 31)
				 : "memory");
		break;
	default:
		g_read32(at);
	}
}

GUEST static void port(uint64_t z)
{
	uint16_t at = PICK(z, ports);
	uint64_t from = GUEST_FREE + (z >> 33 & 0xfff);

	switch (z >> 24 & 7) {
	case 0:
		g_out8(at, z >> 40);
		break;
	case 1:
		g_out16(at, z >> 40);
		break;
	case 2:
		g_out32(at, z >> 40);
		break;
	case 3:
		__asm__ volatile("cld; rep outsb" : "+S"(from)
				 : "d"(at), "c"(z >> 50 & 63) : "memory");
		break;
	case 4:
		__asm__ volatile("cld; rep insw" : "+D"(from)
				 : "d"(at), "c"(z >> 50 & 63) : "memory");
		break;
	case 5:
		g_in32(at);
		break;
	default:
		g_in8(at);
	}
}

GUEST static void hypercall(uint64_t z)
{
	uint64_t op = z >> 16 & 31, a = z >> 24 & 7;

	if (z >> 32 & 1)
		op = __HYPERVISOR_sched_op;
	else if (z >> 33 & 1)
		op = __HYPERVISOR_event_channel_op;
	else if (z >> 34 & 1)
		op = __HYPERVISOR_vcpu_op;
	xen_arg[0] = z >> 40 & 7;
	xen_arg[1] = z >> 48 & 7;
	xen_arg[2] = z >> 44;
	g_hypercall(op, a, z >> 50 & 1 ? (uint64_t)xen_arg : z >> 52 & 3,
		    z >> 51 & 1 ? (uint64_t)xen_arg : PICK(z, places));
}

GUEST static void one(uint64_t z)
{
	uint32_t regs[4];
	uint64_t v;

	switch (z & 15) {
	case 0:
	case 1:
	case 2:
	case 3:
		touch(z);
		break;
	case 4:
	case 5:
	case 6:
		port(z);
		break;
	case 7:
	case 8:
		hypercall(z);
		break;
	case 9:
		g_try_rdmsr(PICK(z, msrs), &v);
		break;
	case 10:
		g_try_wrmsr(PICK(z, msrs), z >> 32 & 1 ? z >> 33 : 1);
		break;
	case 11:
		g_cpuid(z >> 16 & 15, z >> 20 & 3, regs);
		break;
	case 12:
		if (z >> 16 & 1)
			__asm__ volatile("sti; hlt" : : : "memory");
		break;
	case 13:
		g_set_cr3(g_cr3());
		g_set_cr4(g_cr4() ^ (z >> 16 & 0x80));
		break;
	case 14:
		if (z >> 16 & 1)
			g_set_cr8(z >> 17 & 15);
		else
			g_try("xsetbv", G_OUT(), G_IN(, "c"(0), "d"(0),
						      "a"(1 + (z >> 17 & 7))));
		break;
	default:
		if (z >> 16 & 1)
			g_sti();
		else
			g_cli();
	}
}

GUEST static void irq_handler(struct guest_regs *r)
{
	g_apic_write(APIC_EOI, 0);
}

GUEST static void exc_handler(struct guest_regs *r)
{
	if (guest_fixup) {
		r->rip = guest_fixup;
		guest_fixup = 0;
	}
	/* and else it comes again: let others see that */
	g_out32(PORT_TRAP, r->vector);
}

GUEST void fuzz_guest(uint64_t seed)
{
	uint64_t z;

	for (int i = 0; i < 256; i++)
		guest_handlers[i] = i < 32 ? exc_handler : irq_handler;
	for (;;) {
		seed += 0x9e3779b97f4a7c15ull;
		z = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9ull;
		one(z ^ z >> 29);
	}
}
