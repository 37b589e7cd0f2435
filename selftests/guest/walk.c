// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's walk of the guest's page tables against the CPU's.  INS and
 * OUTS translate their memory operand in the kernel, STOS and LODS in the CPU:
 * for every combination of bits in the last two levels, and of CR0.WP and SMAP,
 * both must give the same exception, error code and address, and leave the
 * same accessed and dirty bits.
 */
#include "guest.h"

#define PORT	0x600
#define VA	0x40000000ull
#define PDE	((volatile uint64_t *)(GUEST_PT + 0x3000))
#define PTE	((volatile uint64_t *)GUEST_FREE)
#define DATA	(GUEST_FREE + 0x1000)

#define P	0x1ull
#define W	0x2ull
#define U	0x4ull
#define A	0x20ull
#define PS	0x80ull
#define NX	(1ull << 63)

#define CR0_WP	(1ull << 16)
#define CR4_SMAP (1ull << 21)
#define AC	(1ull << 18)

struct outcome {
	uint64_t vector, error, cr2, pde, pte;
};

GINLINE uint64_t get_cr0(void)
{
	uint64_t x;

	__asm__ volatile("mov %%cr0, %0" : "=r"(x));
	return x;
}

GINLINE uint64_t get_cr4(void)
{
	uint64_t x;

	__asm__ volatile("mov %%cr4, %0" : "=r"(x));
	return x;
}

GINLINE void set_cr0(uint64_t x)
{
	__asm__ volatile("mov %0, %%cr0" : : "r"(x) : "memory");
}

GINLINE void set_cr4(uint64_t x)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(x) : "memory");
}

GINLINE void set_ac(uint64_t ac)
{
	__asm__ volatile("pushfq; andl %0, (%%rsp); orl %1, (%%rsp); popfq"
			 : : "i"(~AC & 0xffffffff), "r"((uint32_t)ac)
			 : "cc", "memory");
}

GUEST static void try_access(bool kernel, bool write, uint64_t pde,
			     uint64_t pte, uint64_t ac, struct outcome *o)
{
	uint64_t at = VA + 8, cr2;

	*PDE = pde;
	*PTE = pte;
	__asm__ volatile("invlpg (%0)" : : "r"(VA) : "memory");
	__asm__ volatile("mov %0, %%cr2" : : "r"(0x77ull));
	set_ac(ac);
	if (kernel && write)
		o->vector = g_try("insb", G_OUT("+D"(at)), G_IN(, "d"(PORT)));
	else if (kernel)
		o->vector = g_try("outsb", G_OUT("+S"(at)), G_IN(, "d"(PORT)));
	else if (write)
		o->vector = g_try("stosb", G_OUT("+D"(at)), G_IN(, "a"(0)));
	else
		o->vector = g_try("lodsb", G_OUT("+S"(at)), G_IN(, "a"(0)));
	set_ac(0);
	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	o->error = o->vector == NO_EXCEPTION ? 0 : guest_caught_error;
	o->cr2 = cr2;
	o->pde = *PDE;
	o->pte = *PTE;
}

static volatile uint64_t case_pde GUEST_VAR, case_pte GUEST_VAR;

GUEST static void compare(uint64_t pde, uint64_t pte, uint64_t ac)
{
	struct outcome cpu, kernel;

	case_pde = pde;
	case_pte = pte;
	for (int write = 0; write < 2; write++) {
		try_access(false, write, pde, pte, ac, &cpu);
		try_access(true, write, pde, pte, ac, &kernel);
		g_check_eq(kernel.vector, cpu.vector);
		g_check_eq(kernel.error, cpu.error);
		g_check_eq(kernel.cr2, cpu.cr2);
		g_check_eq(kernel.pde, cpu.pde);
		g_check_eq(kernel.pte, cpu.pte);
	}
}

/* Bits that every combination of is tried. */
GUEST static uint64_t entry_bits(unsigned int n)
{
	uint64_t e = 0;

	e |= n & 1 ? P : 0;
	e |= n & 2 ? W : 0;
	e |= n & 4 ? U : 0;
	e |= n & 8 ? NX : 0;
	return e;
}

GUEST static void compare_tables(uint64_t ac)
{
	for (unsigned int i = 0; i < 16; i++) {
		uint64_t pde = entry_bits(i);

		/* large pages, and ones with a reserved bit */
		compare(pde | PS, 0, ac);
		compare(pde | PS | A, 0, ac);
		compare(pde | PS | 0x2000, 0, ac);
		compare(pde | PS | 1ull << 51, 0, ac);
		compare(pde | GUEST_FREE | 1ull << 51, DATA | P, ac);
		for (unsigned int j = 0; j < 16; j++) {
			uint64_t pte = entry_bits(j) | DATA;

			compare(pde | GUEST_FREE, pte, ac);
			compare(pde | GUEST_FREE | A, pte | A, ac);
			if (j & 1)
				compare(pde | GUEST_FREE, pte | 1ull << 51, ac);
		}
	}
}

GUEST static void walk(void)
{
	uint64_t cr0 = get_cr0(), cr4 = get_cr4();
	uint32_t r[4];

	g_cpuid(7, 0, r);
	for (int wp = 0; wp < 2; wp++) {
		set_cr0(wp ? cr0 | CR0_WP : cr0 & ~CR0_WP);
		compare_tables(0);
		/* the tables and the stack must not be user pages then */
		if (!(r[1] & (1u << 20)))
			continue;
		for (uint64_t i = 0; i < 6; i++)
			((uint64_t *)(GUEST_PT + 0x2000))[i] &= ~U;
		set_cr4(cr4 | CR4_SMAP);
		compare_tables(0);
		compare_tables(AC);
		set_cr4(cr4);
	}
	g_done();
}

TEST(walk, "string I/O faults as string moves do")
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);

	vcpu_enter64(v, walk);
	do {
		vcpu_expect(v, KVM_EXIT_IO);
		memset((char *)v->run + v->run->io.data_offset, 0, 1);
	} while (v->run->io.port == PORT);
	if (v->run->io.port != PORT_DONE) {
		tap_diag("PDE %#llx PTE %#llx",
			 (unsigned long long)G(v->vm, case_pde),
			 (unsigned long long)G(v->vm, case_pte));
		vcpu_bad_exit(v);
	}
}
