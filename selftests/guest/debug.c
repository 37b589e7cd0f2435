// SPDX-License-Identifier: GPL-2.0-or-later
/* A guest debugged from outside: KVM_SET_GUEST_DEBUG and KVM_EXIT_DEBUG. */
#include "guest.h"

#define DB	1
#define BP	3
#define TF	0x100
#define DR6_BITS	0xffff0ff0u
#define DR6_BS	0x4000u
#define DR6_BD	0x2000u
#define DR7_GD	0x2000u

static int set_debug(struct vcpu *v, uint32_t control, uint64_t dr7,
		     uint64_t dr0)
{
	struct kvm_guest_debug d = {
		.control = control,
		.arch.debugreg = { [0] = dr0, [7] = dr7 },
	};

	return ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d);
}

static void debug(struct vcpu *v, uint32_t control)
{
	CHECK_OK(set_debug(v, control ? control | KVM_GUESTDBG_ENABLE : 0, 0, 0));
}

static void expect_debug(struct vcpu *v, uint32_t exception, uint64_t pc)
{
	vcpu_expect(v, KVM_EXIT_DEBUG);
	CHECK_EQ(v->run->debug.arch.exception, exception);
	CHECK_EQ(v->run->debug.arch.pc, pc);
}

static void expect_step(struct vcpu *v, uint64_t pc)
{
	expect_debug(v, DB, pc);
	CHECK_EQ(v->run->debug.arch.dr6, DR6_BITS | DR6_BS);
}

static void skip(struct vcpu *v, unsigned int bytes)
{
	struct kvm_regs r = vcpu_regs(v);

	r.rip += bytes;
	vcpu_set_regs(v, &r);
}

/* --- software breakpoints ------------------------------------------------------- */

static volatile uint64_t hits GUEST_VAR;
extern const char sw_at[], hw_at[], data_at[];
static volatile uint64_t watched GUEST_VAR;

GUEST static void count_bp(struct guest_regs *r)
{
	hits++;
}

GUEST static void software(void)
{
	__asm__ volatile(".globl sw_at\nsw_at: int3");
	g_sync(hits);
	g_done();
}

TEST(software, "INT3 goes out with its address; the guest never sees it")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_SET_GUEST_DEBUG);
	G(vm, guest_handlers)[BP] = count_bp;
	vcpu_enter64(v, software);
	debug(v, KVM_GUESTDBG_USE_SW_BP);
	expect_debug(v, BP, (uintptr_t)sw_at);
	CHECK_EQ(vcpu_regs(v).rip, (uintptr_t)sw_at);
	skip(v, 1);
	CHECK_EQ(vcpu_sync(v), 0);
	vcpu_done(v);
}

TEST(inject_bp, "an INT3 of the guest's own is given back, and returns behind it")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_SET_GUEST_DEBUG);
	G(vm, guest_handlers)[BP] = count_bp;
	vcpu_enter64(v, software);
	debug(v, KVM_GUESTDBG_USE_SW_BP);
	expect_debug(v, BP, (uintptr_t)sw_at);
	debug(v, KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_INJECT_BP);
	CHECK_ERRNO(set_debug(v, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP,
			      0, 0), EBUSY);
	CHECK_EQ(vcpu_sync(v), 1);
	vcpu_done(v);
}

TEST(off, "without debugging INT3 is the guest's")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_SET_GUEST_DEBUG);
	G(vm, guest_handlers)[BP] = count_bp;
	vcpu_enter64(v, software);
	debug(v, KVM_GUESTDBG_USE_SW_BP);
	debug(v, 0);
	/* controls without ENABLE are none */
	CHECK_OK(set_debug(v, KVM_GUESTDBG_USE_SW_BP, 0, 0));
	CHECK_EQ(vcpu_sync(v), 1);
	vcpu_done(v);
}

/* --- hardware breakpoints -------------------------------------------------------- */

GUEST static void hardware(void)
{
	uint64_t dr;

	__asm__ volatile(".globl hw_at\nhw_at: nop");
	__asm__ volatile("movq $7, %0\n.globl data_at\ndata_at:"
			 : "=m"(watched));
	/* what the guest reads and sets is its own */
	__asm__ volatile("mov %%dr0, %0" : "=r"(dr));
	g_check_eq(dr, 0);
	__asm__ volatile("mov %%dr7, %0" : "=r"(dr));
	g_check_eq(dr, 0x400);
	__asm__ volatile("mov %0, %%dr0" : : "r"(0x1234ul));
	g_done();
}

TEST(hardware, "an instruction and a data breakpoint, unseen by the guest")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	const uint32_t hw = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
	struct kvm_debugregs d;

	REQUIRE_CAP(KVM_CAP_SET_GUEST_DEBUG);
	if (!cpu_has_breakpoints())
		tap_skip("this CPU has no hardware breakpoints");
	vcpu_enter64(v, hardware);
	CHECK_OK(set_debug(v, hw, 0x402, (uintptr_t)hw_at));
	expect_debug(v, DB, (uintptr_t)hw_at);
	CHECK_EQ(v->run->debug.arch.dr6, DR6_BITS | 1);
	CHECK_EQ(v->run->debug.arch.dr7, 0x402);
	/* writes of 8 bytes */
	CHECK_OK(set_debug(v, hw, 0x90402, (uintptr_t)&watched));
	expect_debug(v, DB, (uintptr_t)data_at);
	CHECK_EQ(v->run->debug.arch.dr6, DR6_BITS | 1);
	vcpu_done(v);
	CHECK_OK(ioctl(v->fd, KVM_GET_DEBUGREGS, &d));
	CHECK_EQ(d.db[0], 0x1234);
	CHECK_EQ(d.dr7, 0x400);
}

GUEST static void own_breakpoint(void)
{
	__asm__ volatile("mov %0, %%dr0" : : "r"(&watched));
	__asm__ volatile("mov %0, %%dr7" : : "r"(0x90402ul));
	watched = 1;
	g_sync(hits);
	watched = 2;
	g_sync(hits);
	g_done();
}

TEST(own_breakpoints, "the guest's breakpoints rest while user space uses its own")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_SET_GUEST_DEBUG);
	if (!cpu_has_breakpoints())
		tap_skip("this CPU has no hardware breakpoints");
	G(vm, guest_handlers)[DB] = count_bp;
	vcpu_enter64(v, own_breakpoint);
	debug(v, KVM_GUESTDBG_USE_HW_BP);
	CHECK_EQ(vcpu_sync(v), 0);
	debug(v, 0);
	CHECK_EQ(vcpu_sync(v), 1);
	vcpu_done(v);
}

GUEST static void read_dr0(void)
{
	uint64_t dr;

	__asm__ volatile(".globl hw_dr\nhw_dr: mov %%dr0, %0" : "=r"(dr));
	g_done();
}

extern const char hw_dr[];

TEST(general_detect, "DR7.GD of user space catches the guest's MOV DR")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_SET_GUEST_DEBUG);
	vcpu_enter64(v, read_dr0);
	CHECK_OK(set_debug(v, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
			   0x400 | DR7_GD, 0));
	expect_debug(v, DB, (uintptr_t)hw_dr);
	CHECK_EQ(v->run->debug.arch.dr6, DR6_BITS | DR6_BD);
	debug(v, 0);
	vcpu_done(v);
}

/* --- single steps --------------------------------------------------------------- */

GUEST_ASM(steps, 64,
	  "nop\n"			/* 0 */
	  "sti\n"			/* 1 */
	  "xor %eax, %eax\n"		/* 2 */
	  "cpuid\n"			/* 4, emulated */
	  "cli\n"			/* 6 */
	  "mov %cr0, %rax\n"		/* 7, 3 bytes */
	  "mov %rax, %cr0\n"		/* 10, 3 bytes */
	  "nop\n"			/* 13 */
	  "out %eax, $0x80\n");		/* 14 */

TEST(step, "one instruction at a time, those of the CPU and the emulated")
{
	static const unsigned int at[] = { 1, 2, 4, 6, 7, 10, 13, 14 };
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_SET_GUEST_DEBUG);
	vcpu_enter64(v, (void (*)(void))steps);
	debug(v, KVM_GUESTDBG_SINGLESTEP);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		expect_step(v, (uintptr_t)steps + at[i]);
		CHECK_EQ(vcpu_regs(v).rflags & TF, 0);
	}
	debug(v, 0);
	vcpu_expect(v, KVM_EXIT_IO);
	CHECK_EQ(vcpu_regs(v).rflags & TF, 0);
}

/* An I/O instruction and MMIO both ways. */
GUEST_ASM(step_io, 64,
	  "out %al, $0x80\n"			/* 0, 2 bytes */
	  "mov %eax, 0x10000000\n"		/* 2, 7 bytes */
	  "mov 0x10000000, %eax\n"		/* 9, 7 bytes */
	  "1: jmp 1b\n");			/* 16 */

TEST(step_exits, "a step over what user space finishes is told after that")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t at = (uintptr_t)step_io;

	REQUIRE_CAP(KVM_CAP_SET_GUEST_DEBUG);
	vcpu_enter64(v, (void (*)(void))step_io);
	debug(v, KVM_GUESTDBG_SINGLESTEP);
	vcpu_expect(v, KVM_EXIT_IO);
	expect_step(v, at + 2);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.is_write, 1);
	expect_step(v, at + 9);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.is_write, 0);
	memset(v->run->mmio.data, 0x5a, 4);
	expect_step(v, at + 16);
	CHECK_EQ(vcpu_regs(v).rax, 0x5a5a5a5a);
	expect_step(v, at + 16);
}

GUEST static void own_steps(void)
{
	__asm__ volatile("pushfq\n"
			 "orl $0x100, (%%rsp)\n"
			 "popfq\n"
			 "nop\n"
			 "nop\n"
			 "pushfq\n"
			 "andl $~0x100, (%%rsp)\n"
			 "popfq" : : : "memory");
	g_sync(hits);
	g_done();
}

TEST(own_step, "the guest steps itself before and after user space did")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r;

	REQUIRE_CAP(KVM_CAP_SET_GUEST_DEBUG);
	G(vm, guest_handlers)[DB] = count_bp;
	vcpu_enter64(v, own_steps);
	debug(v, KVM_GUESTDBG_SINGLESTEP);
	vcpu_expect(v, KVM_EXIT_DEBUG);
	/* TF that user space gives the guest is kept beside its own */
	r = vcpu_regs(v);
	r.rflags |= TF;
	vcpu_set_regs(v, &r);
	vcpu_expect(v, KVM_EXIT_DEBUG);
	CHECK_EQ(vcpu_regs(v).rflags & TF, TF);
	r = vcpu_regs(v);
	r.rflags &= ~TF;
	vcpu_set_regs(v, &r);
	debug(v, 0);
	/* nop, nop, pushf, and, popf */
	CHECK_EQ(vcpu_sync(v), 5);
	vcpu_done(v);
}

/* --- injection, blocked interrupts --- */

GUEST static void wait_db(void)
{
	g_sync(1);
	g_sync(hits);
	g_done();
}

TEST(inject_db, "#DB from user space reaches the guest's handler")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_SET_GUEST_DEBUG);
	G(vm, guest_handlers)[DB] = count_bp;
	vcpu_enter64(v, wait_db);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_OK(set_debug(v, KVM_GUESTDBG_INJECT_DB, 0, 0));
	CHECK_EQ(vcpu_sync(v), 1);
	vcpu_done(v);
}

#define VECTOR	0x41

GUEST static void irq(struct guest_regs *r)
{
	hits++;
	*(volatile uint32_t *)(GUEST_APIC + 0xb0) = 0;
}

GUEST static void x2irq(struct guest_regs *r)
{
	hits++;
	g_wrmsr(0x80b, 0);
}

GUEST static void self_ipi(void)
{
	*(volatile uint32_t *)(GUEST_APIC + 0xf0) = 0x1ff;
	g_touch_stack();
	g_sti();
	*(volatile uint32_t *)(GUEST_APIC + 0x300) = 0x40000 | VECTOR;
	g_sync(hits);
	g_sync(hits);
	g_done();
}

GUEST static void x2self_ipi(void)
{
	g_wrmsr(MSR_APIC_BASE, GUEST_APIC | 0xd00);
	g_wrmsr(0x80f, 0x1ff);
	g_touch_stack();
	g_sti();
	g_wrmsr(0x830, 0x40000 | VECTOR);
	g_sync(hits);
	g_sync(hits);
	g_done();
}

static void blocked(void (*code)(void), guest_handler handler)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_SET_GUEST_DEBUG);
	if (!(dev_cap(KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ))
		tap_skip("no KVM_GUESTDBG_BLOCKIRQ");
	G(vm, guest_handlers)[VECTOR] = handler;
	vcpu_enter64(v, code);
	debug(v, KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_BLOCKIRQ);
	CHECK_EQ(vcpu_sync(v), 0);
	debug(v, 0);
	CHECK_EQ(vcpu_sync(v), 1);
	vcpu_done(v);
}

TEST(block_xapic, "interrupts wait while BLOCKIRQ holds, xAPIC")
{
	blocked(self_ipi, irq);
}

TEST(block_x2apic, "interrupts wait while BLOCKIRQ holds, x2APIC")
{
	blocked(x2self_ipi, x2irq);
}
