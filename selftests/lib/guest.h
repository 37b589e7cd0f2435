/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What guest code in a test program is written with.
 *
 * A GUEST function runs in 64-bit mode, ring 0, flat and one to one mapped.
 * It may use GUEST variables and other GUEST functions, nothing else: no
 * string literals, no libc.  Code for other modes is GUEST_ASM.
 *
 * The guest talks to the test through ports: g_sync(n) returns n from
 * vcpu_sync(), g_done() ends vcpu_done(), g_check() fails the test.
 */
#ifndef SELFTESTS_GUEST_H
#define SELFTESTS_GUEST_H

#include <stdint.h>

#include "vm.h"

#define GUEST								\
	__attribute__((section("guest_text"), noinline, used,		\
		       target("general-regs-only")))
#define GUEST_VAR	__attribute__((section("guest_data"), used))
#define GINLINE								\
	static inline __attribute__((always_inline,			\
				     target("general-regs-only")))

/* Code of 16, 32 or 64 bits; label and label##_end are visible to C. */
#define GUEST_ASM(label, bits, code)					\
	extern const char label[], label##_end[];			\
	__asm__(".pushsection guest_text, \"ax\", @progbits\n"		\
		".code" #bits "\n"					\
		".balign 16\n"						\
		#label ":\n"						\
		code "\n"						\
		#label "_end:\n"					\
		".code64\n"						\
		".popsection\n")

/* What an exception handler gets; it may change what it returns to. */
struct guest_regs {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/*
 * Handlers by vector, set by the guest or before it starts (G(vm, ...)).  A
 * vector without one goes to the fix-up of g_try(), or else fails the test.
 */
typedef void (*guest_handler)(struct guest_regs *);
extern guest_handler guest_handlers[256];

/* Filled in by g_try() and its handler; of one vCPU at a time. */
extern uint64_t guest_fixup;
extern volatile uint32_t guest_caught;		/* vector, or NO_EXCEPTION */
extern volatile uint64_t guest_caught_error;
#define NO_EXCEPTION	0x100

/* Filled in for PORT_TRAP and PORT_FAIL. */
extern struct guest_regs guest_trap;
extern volatile uint64_t guest_fail_line, guest_fail_a, guest_fail_b;

GINLINE void g_out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

GINLINE void g_out16(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

GINLINE void g_out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

GINLINE uint8_t g_in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

GINLINE uint16_t g_in16(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

GINLINE uint32_t g_in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

GINLINE void g_sync(uint32_t v)
{
	g_out32(PORT_SYNC, v);
}

GINLINE void g_done(void)
{
	for (;;)
		g_out32(PORT_DONE, 0);
}

GINLINE void g_fail(uint32_t line, uint64_t a, uint64_t b)
{
	guest_fail_line = line;
	guest_fail_a = a;
	guest_fail_b = b;
	for (;;)
		g_out32(PORT_FAIL, line);
}

#define g_check(cond)							\
	do {								\
		if (!(cond))						\
			g_fail(__LINE__, 0, 0);				\
	} while (0)

#define g_check_eq(a, b)						\
	do {								\
		uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);	\
									\
		if (a_ != b_)						\
			g_fail(__LINE__, a_, b_);			\
	} while (0)

/*
 * Run an instruction that may fault; the value is the exception's vector, or
 * NO_EXCEPTION.  Operands follow as in inline assembly, outputs in G_OUT(),
 * inputs in G_IN(, ...); R10 and R11 are free for the instruction.
 */
#define G_OUT(...)	__VA_ARGS__
#define G_IN(...)	__VA_ARGS__
#define g_try(insn, outs, ins)						\
	({								\
		guest_caught = NO_EXCEPTION;				\
		__asm__ volatile("movq $771f, %c[fixup_]\n\t"		\
				 insn "\n"				\
				 "771:\n\t"				\
				 "movq $0, %c[fixup_]"			\
				 : outs					\
				 : [fixup_] "i"(&guest_fixup) ins	\
				 : "memory", "cc", "r10", "r11");	\
		guest_caught;						\
	})

GINLINE uint64_t g_rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (uint64_t)hi << 32 | lo;
}

GINLINE void g_wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32)) : "memory");
}

GINLINE uint32_t g_try_rdmsr(uint32_t msr, uint64_t *v)
{
	uint32_t lo = 0, hi = 0, r;

	r = g_try("rdmsr", G_OUT("+a"(lo), "+d"(hi)), G_IN(, "c"(msr)));
	*v = (uint64_t)hi << 32 | lo;
	return r;
}

GINLINE uint32_t g_try_wrmsr(uint32_t msr, uint64_t v)
{
	return g_try("wrmsr", G_OUT(), G_IN(, "c"(msr), "a"((uint32_t)v),
					    "d"((uint32_t)(v >> 32))));
}

GINLINE void g_cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(sub) : "memory");
}

GINLINE uint64_t g_rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

#define G_CR(n)								\
	GINLINE uint64_t g_cr##n(void)					\
	{								\
		uint64_t v;						\
									\
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(v) : :	\
				 "memory");				\
		return v;						\
	}								\
	GINLINE void g_set_cr##n(uint64_t v)				\
	{								\
		__asm__ volatile("mov %0, %%cr" #n : : "r"(v) :		\
				 "memory");				\
	}
G_CR(0)
G_CR(2)
G_CR(3)
G_CR(4)
G_CR(8)

GINLINE void g_sti(void)
{
	__asm__ volatile("sti" : : : "memory");
}

GINLINE void g_cli(void)
{
	__asm__ volatile("cli" : : : "memory");
}

/* Interrupts on and wait, with no window between; off again after. */
GINLINE void g_wait_irq(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* Interrupts on for a moment. */
GINLINE void g_take_irqs(void)
{
	__asm__ volatile("sti; nop; nop; cli" : : : "memory");
}

GINLINE void g_pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}

GINLINE void g_barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

#define G_MMIO(bits)							\
	GINLINE uint##bits##_t g_read##bits(uint64_t addr)		\
	{								\
		return *(volatile uint##bits##_t *)addr;		\
	}								\
	GINLINE void g_write##bits(uint64_t addr, uint##bits##_t v)	\
	{								\
		*(volatile uint##bits##_t *)addr = v;			\
	}
G_MMIO(8)
G_MMIO(16)
G_MMIO(32)
G_MMIO(64)

/* The local APIC through its page, and in x2APIC mode. */
#define APIC_ID		0x20
#define APIC_VER	0x30
#define APIC_TPR	0x80
#define APIC_PPR	0xa0
#define APIC_EOI	0xb0
#define APIC_LDR	0xd0
#define APIC_DFR	0xe0
#define APIC_SVR	0xf0
#define APIC_ISR	0x100
#define APIC_TMR	0x180
#define APIC_IRR	0x200
#define APIC_ESR	0x280
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define APIC_LVTT	0x320
#define APIC_LVTPC	0x340
#define APIC_LVT0	0x350
#define APIC_LVT1	0x360
#define APIC_LVTERR	0x370
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0

#define MSR_APIC_BASE	0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC(reg)	(0x800 + ((reg) >> 4))
#define MSR_X2APIC_SELF_IPI 0x83f

GINLINE uint32_t g_apic_read(uint32_t reg)
{
	return g_read32(GUEST_APIC + reg);
}

GINLINE void g_apic_write(uint32_t reg, uint32_t v)
{
	g_write32(GUEST_APIC + reg, v);
}

/* Before interrupts come: the README says why. */
GINLINE void g_touch_stack(void)
{
	__asm__ volatile("push %%rax; pop %%rax" : : : "memory");
}

/* Software-enable, spurious vector 0xff. */
GINLINE void g_apic_enable(void)
{
	g_touch_stack();
	g_apic_write(APIC_SVR, 0x1ff);
}

GINLINE void g_x2apic_enable(void)
{
	g_touch_stack();
	g_wrmsr(MSR_APIC_BASE, g_rdmsr(MSR_APIC_BASE) | 0xc00);
	g_wrmsr(MSR_X2APIC(APIC_SVR), 0x1ff);
}

#endif
