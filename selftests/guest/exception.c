// SPDX-License-Identifier: GPL-2.0-or-later
/* Exceptions reach the guest's own handlers with the right error codes. */
#include "guest.h"

#define DE	0
#define DB	1
#define BP	3
#define OF	4
#define UD	6
#define NM	7
#define NP	11
#define SS	12
#define GP	13
#define PF	14
#define MF	16
#define AC	17
#define XM	19

static volatile uint64_t count[32] GUEST_VAR;
static volatile uint64_t last_rip GUEST_VAR, dr6 GUEST_VAR;
static volatile uint64_t bp_rip GUEST_VAR;

GUEST static void faults(void)
{
	uint32_t r;
	uint64_t zero = 0, a = 1, d = 0;

	r = g_try("ud2", G_OUT(), G_IN());
	g_check_eq(r, UD);
	r = g_try("div %[z]", G_OUT("+a"(a), "+d"(d)), G_IN(, [z] "r"(zero)));
	g_check_eq(r, DE);
	/* Not canonical: #GP, and #SS through the stack. */
	r = g_try("mov (%[a]), %%r10", G_OUT(), G_IN(, [a] "r"(1ull << 63)));
	g_check_eq(r, GP);
	g_check_eq(guest_caught_error, 0);
	guest_caught = NO_EXCEPTION;
	__asm__ volatile("movq $771f, guest_fixup\n"
			 "mov %%rbp, %%r11\n"
			 "mov %0, %%rbp\n"
			 "mov (%%rbp), %%r10\n"
			 "771: mov %%r11, %%rbp"
			 : : "r"(1ull << 63) : "r10", "r11", "memory");
	g_check_eq(guest_caught, SS);
	/* A selector beyond the GDT: its index is the error code. */
	r = g_try("mov %[s], %%fs", G_OUT(), G_IN(, [s] "r"(0x7ff8)));
	g_check_eq(r, GP);
	g_check_eq(guest_caught_error, 0x7ff8);
	g_done();
}

TEST(faults, "#UD, #DE, #GP and #SS with their error codes")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, faults);
	vcpu_done(v);
}

#define UNMAPPED	0x100000000ull	/* the first address without a PTE */

GUEST static void page_faults(void)
{
	uint64_t *pd = (uint64_t *)(GUEST_PT + 0x2000);
	uint32_t r;

	r = g_try("mov (%[a]), %%r10", G_OUT(),
		  G_IN(, [a] "r"(UNMAPPED + 8)));
	g_check_eq(r, PF);
	g_check_eq(guest_caught_error, 0);
	g_check_eq(g_cr2(), UNMAPPED + 8);
	r = g_try("movl $1, (%[a])", G_OUT(), G_IN(, [a] "r"(UNMAPPED + 16)));
	g_check_eq(r, PF);
	g_check_eq(guest_caught_error, 2);
	g_check_eq(g_cr2(), UNMAPPED + 16);

	/* A read-only page, with CR0.WP. */
	g_set_cr0(g_cr0() | 0x10000);
	pd[0x800000 >> 21] &= ~2ull;
	__asm__ volatile("invlpg (%0)" : : "r"(0x800000ull));
	r = g_try("movl $1, (%[a])", G_OUT(), G_IN(, [a] "r"(0x800000ull)));
	g_check_eq(r, PF);
	g_check_eq(guest_caught_error, 3);
	g_check_eq(g_cr2(), 0x800000);

	/* A reserved bit. */
	pd[0xa00000 >> 21] |= 1ull << 51;
	__asm__ volatile("invlpg (%0)" : : "r"(0xa00000ull));
	r = g_try("mov (%[a]), %%r10", G_OUT(), G_IN(, [a] "r"(0xa00000ull)));
	g_check_eq(r, PF);
	g_check_eq(guest_caught_error, 9);

	/* No execution, with EFER.NXE. */
	g_wrmsr(0xc0000080, g_rdmsr(0xc0000080) | 0x800);
	pd[0xc00000 >> 21] = 0xc00000 | 0x83 | 1ull << 63;
	__asm__ volatile("invlpg (%0)" : : "r"(0xc00000ull));
	r = g_try("jmp *%[a]", G_OUT(), G_IN(, [a] "r"(0xc00000ull)));
	g_check_eq(r, PF);
	g_check_eq(guest_caught_error, 0x11);
	g_done();
}

TEST(page_fault, "#PF with CR2 and every bit of its error code")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, page_faults);
	vcpu_done(v);
}

GUEST static void counting_handler(struct guest_regs *r)
{
	count[r->vector]++;
	last_rip = r->rip;
}

GUEST static void traps(void)
{
	guest_handlers[BP] = counting_handler;
	guest_handlers[0x80] = 0;
	__asm__ volatile("int3; movq $., %0" : "=m"(bp_rip));
	g_check_eq(count[BP], 1);
	g_check(last_rip && last_rip <= bp_rip && bp_rip - last_rip < 16);
	__asm__ volatile("int $3");
	g_check_eq(count[BP], 2);
	g_done();
}

TEST(breakpoint, "INT3 and INT 3 reach the guest, with RIP behind them")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, traps);
	vcpu_done(v);
}

static volatile uint64_t soft GUEST_VAR;

GUEST static void soft_handler(struct guest_regs *r)
{
	soft = r->vector;
}

GUEST static void soft_int(void)
{
	guest_handlers[0x42] = soft_handler;
	guest_handlers[0xff] = soft_handler;
	__asm__ volatile("int $0x42");
	g_check_eq(soft, 0x42);
	__asm__ volatile("int $0xff");
	g_check_eq(soft, 0xff);
	g_done();
}

TEST(soft_interrupt, "INT n reaches the handler of n")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, soft_int);
	vcpu_done(v);
}

GUEST static void db_handler(struct guest_regs *r)
{
	uint64_t d;

	__asm__ volatile("mov %%dr6, %0" : "=r"(d));
	dr6 = d;
	__asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ull));
	count[DB]++;
	last_rip = r->rip;
	r->rflags &= ~0x100ull;		/* TF */
	r->rflags |= 0x10000;		/* RF: past a code breakpoint */
}

GUEST static void single_step(void)
{
	guest_handlers[DB] = db_handler;
	g_sti();
	__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop"
			 : : : "cc", "memory");
	g_check_eq(count[DB], 1);
	g_check_eq(dr6 & 0x4000, 0x4000);
	g_done();
}

TEST(single_step, "#DB after one instruction with RFLAGS.TF")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, single_step);
	vcpu_done(v);
}

GUEST static void step_over_exit(void)
{
	guest_handlers[DB] = db_handler;
	g_sti();
	__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq\n"
			 "cpuid\n"
			 "771: nop; nop; movq $771b, %0"
			 : "=m"(bp_rip) : "a"(0), "c"(0)
			 : "rbx", "rdx", "cc", "memory");
	g_check_eq(count[DB], 1);
	g_check_eq(last_rip, bp_rip);
	g_check_eq(dr6 & 0x4000, 0x4000);
	g_done();
}

TEST(step_over_exit, "#DB after an instruction that the hypervisor emulates")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, step_over_exit);
	vcpu_done(v);
}

GUEST static void icebp(void)
{
	guest_handlers[DB] = db_handler;
	g_sti();
	__asm__ volatile(".byte 0xf1\n"
			 "771: movq $771b, %0" : "=m"(bp_rip) : : "memory");
	g_check_eq(count[DB], 1);
	g_check_eq(last_rip, bp_rip);
	g_done();
}

TEST(icebp, "ICEBP is a trap: #DB with RIP behind it")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, icebp);
	vcpu_done(v);
}

static volatile uint64_t watched GUEST_VAR;

GUEST static void hw_breakpoints(void)
{
	guest_handlers[DB] = db_handler;
	g_sti();
	/* A data breakpoint: 8 bytes, writes. */
	__asm__ volatile("mov %0, %%dr0" : : "r"(&watched));
	__asm__ volatile("mov %0, %%dr7" : : "r"(0x90002ull | 0x400));
	watched = 5;
	g_barrier();
	g_check_eq(count[DB], 1);
	g_check_eq(dr6 & 0x400f, 1);
	(void)watched;
	g_check_eq(count[DB], 1);

	/* A code breakpoint. */
	__asm__ volatile("mov %0, %%dr7" : : "r"(0x400ull));
	__asm__ volatile("mov $772f, %%eax; mov %%rax, %%dr1; mov %0, %%dr7\n"
			 "nop\n"
			 "772: nop" : : "r"(0x408ull) : "rax");
	g_check_eq(count[DB], 2);
	g_check_eq(dr6 & 0xf, 2);
	__asm__ volatile("mov %0, %%dr7" : : "r"(0x400ull));
	g_done();
}

TEST(breakpoints, "#DB: data and code breakpoints of the guest")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	if (!cpu_has_breakpoints())
		tap_skip("this CPU has no hardware breakpoints");
	vcpu_enter64(v, hw_breakpoints);
	vcpu_done(v);
}

GUEST static void fp_faults(void)
{
	uint32_t r, mxcsr = 0x1d80, cw = 0x0300;

	/* #NM with CR0.TS, gone with CLTS. */
	g_set_cr0(g_cr0() | 8);
	r = g_try("fninit", G_OUT(), G_IN());
	g_check_eq(r, NM);
	r = g_try("movaps %%xmm0, %%xmm1", G_OUT(), G_IN());
	g_check_eq(r, NM);
	__asm__ volatile("clts");
	g_check(!(g_cr0() & 8));
	r = g_try("fninit", G_OUT(), G_IN());
	g_check_eq(r, NO_EXCEPTION);

	/* #MF: division by zero, unmasked, at the next waiting one. */
	r = g_try("fninit; fldcw %[cw]; fld1; fldz; fdivrp; fwait", G_OUT(),
		  G_IN(, [cw] "m"(cw)));
	g_check_eq(r, MF);
	__asm__ volatile("fnclex; fninit");

	/* #XM, the same with SSE. */
	r = g_try("ldmxcsr %[m]; pxor %%xmm0, %%xmm0; mov $1, %%r10d; "
		  "cvtsi2sd %%r10d, %%xmm1; divsd %%xmm0, %%xmm1", G_OUT(),
		  G_IN(, [m] "m"(mxcsr)));
	g_check_eq(r, XM);
	g_done();
}

TEST(fpu, "#NM, #MF and #XM")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, fp_faults);
	vcpu_done(v);
}

GUEST static void ac_user(void)
{
	__asm__ volatile("pushfq; orl $0x40000, (%%rsp); popfq\n"
			 "mov %0, %%eax" : : "m"(*(uint32_t *)0x100001)
			 : "rax", "cc");
	g_done();
}

TEST(alignment, "#AC in ring 3 with CR0.AM and RFLAGS.AC")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_sregs s;

	vcpu_enter64_user(v, ac_user);
	s = vcpu_sregs(v);
	s.cr0 |= 0x40000;
	vcpu_set_sregs(v, &s);
	vcpu_exit(v);
	CHECK_EQ(v->run->exit_reason, KVM_EXIT_IO);
	CHECK_EQ(v->run->io.port, PORT_TRAP);
	CHECK_EQ(G(vm, guest_trap).vector, AC);
	CHECK_EQ(G(vm, guest_trap).error, 0);
}

/*
 * A #PF while the stack page of its frame has yet to be mapped by the host:
 * the CPU delivers it after the second-stage fault, once.
 */
static volatile uint64_t pfs GUEST_VAR;

GUEST static void pf_handler(struct guest_regs *r)
{
	pfs++;
	r->rip = guest_fixup;
}

GUEST static void fault_on_fresh_stack(void)
{
	guest_handlers[PF] = pf_handler;
	__asm__ volatile("mov %%rsp, %%r15\n"
			 "movq $771f, guest_fixup\n"
			 "mov %0, %%rsp\n"
			 "mov (%1), %%rax\n"
			 "771: mov %%r15, %%rsp"
			 : : "r"(GUEST_FREE + 0x10000ull), "r"(UNMAPPED)
			 : "rax", "r15", "memory");
	g_check_eq(pfs, 1);
	g_done();
}

TEST(nested_fault, "an exception whose delivery faults below is not lost")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, fault_on_fresh_stack);
	vcpu_done(v);
	CHECK_EQ(G(vm, pfs), 1);
}
