// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MMIO by an instruction that has done MMIO before, after something it depends
 * on has changed: its bytes, the page tables it is fetched through, the memory
 * slots, the mode.  Nothing of what the kernel remembers may show.
 */
#include "guest.h"

#define END_PORT	0x80
#define CODE		(GUEST_FREE + 0x1000)
#define LEARN		3	/* times an instruction runs unchanged */

GUEST static void nothing(void)
{
	g_done();
}

static struct vcpu *new_vcpu(unsigned int flags)
{
	struct vcpu *v = vcpu_new(vm_new(flags), 0);

	vcpu_enter64(v, nothing);
	return v;
}

/* Put an instruction at @gpa; "out %al, $END_PORT" follows. */
static void put_code(struct vcpu *v, uint64_t gpa, const char *insn, int len)
{
	memcpy(vm_ptr(v->vm, gpa), insn, len);
	memcpy(vm_ptr(v->vm, gpa + len), "\xe6\x80", 2);
}

#define RCX	0x8877665544332211ull
#define RDX	0x0123456789abcdefull

static void start(struct vcpu *v, uint64_t rip)
{
	struct kvm_regs r = {
		.rbx = GUEST_MMIO, .rcx = RCX, .rdx = RDX, .rflags = 2,
		.rip = rip, .rsp = GUEST_STACKS + 0x2000,
	};

	vcpu_set_regs(v, &r);
}

static void expect_end(struct vcpu *v)
{
	vcpu_expect(v, KVM_EXIT_IO);
	CHECK_EQ(v->run->io.port, END_PORT);
}

/* Run what is at @rip, a read of @len bytes; its registers at the end. */
static struct kvm_regs run_read(struct vcpu *v, uint64_t rip, unsigned int len,
				uint64_t val)
{
	start(v, rip);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK(!v->run->mmio.is_write);
	CHECK_EQ(v->run->mmio.len, len);
	CHECK_EQ(v->run->mmio.phys_addr, GUEST_MMIO);
	memcpy(v->run->mmio.data, &val, 8);
	expect_end(v);
	return vcpu_regs(v);
}

static uint64_t run_write(struct vcpu *v, uint64_t rip, unsigned int len)
{
	uint64_t val = 0;

	start(v, rip);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK(v->run->mmio.is_write);
	CHECK_EQ(v->run->mmio.len, len);
	CHECK_EQ(v->run->mmio.phys_addr, GUEST_MMIO);
	memcpy(&val, v->run->mmio.data, len);
	expect_end(v);
	return val;
}

TEST(bytes, "the instruction is another one now")
{
	struct vcpu *v = new_vcpu(0);

	for (int i = 0; i < LEARN; i++) {
		/* mov (%rbx), %ecx */
		put_code(v, CODE, "\x8b\x0b", 2);
		for (int j = 0; j < LEARN; j++)
			CHECK_EQ(run_read(v, CODE, 4, 0xdead0000 + i).rcx,
				 0xdead0000 + i);
		/* mov (%rbx), %edx */
		put_code(v, CODE, "\x8b\x13", 2);
		CHECK_EQ(run_read(v, CODE, 4, 0xbeef0000).rdx, 0xbeef0000);
		CHECK_EQ(run_read(v, CODE, 4, 0xbeef0000).rcx, RCX);
		/* movswl (%rbx), %ecx */
		put_code(v, CODE, "\x0f\xbf\x0b", 3);
		CHECK_EQ(run_read(v, CODE, 2, 0x18001).rcx, 0xffff8001);
		/* mov %edx, (%rbx) */
		put_code(v, CODE, "\x89\x13", 2);
		CHECK_EQ(run_write(v, CODE, 4), (uint32_t)RDX);
		CHECK_EQ(run_write(v, CODE, 4), (uint32_t)RDX);
		/* movl $imm, (%rbx): the first bytes are the same, then not */
		put_code(v, CODE, "\xc7\x03\x11\x22\x33\x44", 6);
		CHECK_EQ(run_write(v, CODE, 4), 0x44332211);
		put_code(v, CODE, "\xc7\x03\x11\x22\x33\x45", 6);
		CHECK_EQ(run_write(v, CODE, 4), 0x45332211);
	}
}

/* Over the last bytes that are read at once, and over the page's end. */
TEST(page_end, "an instruction at the end of a page")
{
	struct vcpu *v = new_vcpu(0);

	for (uint64_t at = CODE + 0xff0 - 8; at < CODE + 0x1002; at++) {
		put_code(v, at, "\xc7\x03\x11\x22\x33\x44", 6);
		for (int j = 0; j < LEARN; j++)
			CHECK_EQ(run_write(v, at, 4), 0x44332211);
	}
}

#define VA	0x40000000ull
#define LARGE	0x200000ull
#define OFFSET	0x1f0000ull	/* free in the first and the second 2 MiB */

static void map_code(struct vcpu *v, uint64_t pde)
{
	uint64_t *pd = vm_ptr(v->vm, GUEST_PT + 0x2000);
	struct kvm_sregs s = vcpu_sregs(v);

	pd[VA / LARGE] = pde;
	/* as a guest would flush its TLB */
	vcpu_set_sregs(v, &s);
}

TEST(page_tables, "the instruction's page is another one now")
{
	struct vcpu *v = new_vcpu(0);
	uint64_t *pd = vm_ptr(v->vm, GUEST_PT + 0x2000);

	/* mov (%rbx), %ecx and mov (%rbx), %edx */
	put_code(v, OFFSET, "\x8b\x0b", 2);
	put_code(v, LARGE + OFFSET, "\x8b\x13", 2);
	for (int i = 0; i < LEARN; i++) {
		map_code(v, 0x87);
		for (int j = 0; j < LEARN; j++)
			CHECK_EQ(run_read(v, VA + OFFSET, 4, 5).rcx, 5);
		CHECK(pd[VA / LARGE] & 0x20);
		map_code(v, LARGE | 0x87);
		CHECK_EQ(run_read(v, VA + OFFSET, 4, 6).rdx, 6);
		CHECK_EQ(run_read(v, VA + OFFSET, 4, 6).rcx, RCX);
	}
}

/* Not in the place of the one at CODE, where few instructions are kept. */
#define STORE	(CODE + 68)

/* cases.md 16: what was found to be a device is so for these slots only. */
TEST(slots, "the device is memory now, and a device again")
{
	struct vcpu *v = new_vcpu(0);
	uint32_t *mem;

	put_code(v, CODE, "\x8b\x0b", 2);
	put_code(v, STORE, "\x89\x0b", 2);
	for (int i = 0; i < LEARN; i++) {
		for (int j = 0; j < LEARN; j++) {
			CHECK_EQ(run_read(v, CODE, 4, 7).rcx, 7);
			CHECK_EQ(run_write(v, STORE, 4), (uint32_t)RCX);
		}
		mem = vm_add_slot(v->vm, 5, 0, GUEST_MMIO, 0x1000);
		*mem = 0xabcd;
		start(v, CODE);
		expect_end(v);
		CHECK_EQ(vcpu_regs(v).rcx, 0xabcd);
		start(v, STORE);
		expect_end(v);
		CHECK_EQ(*mem, (uint32_t)RCX);
		CHECK_EQ(vm_set_slot(v->vm, 5, 0, GUEST_MMIO, 0, mem), 0);
	}
}

TEST(addresses, "the same instruction on many devices and on memory")
{
	struct vcpu *v = new_vcpu(0);
	uint64_t *mem = vm_ptr(v->vm, GUEST_FREE);
	struct kvm_regs r;

	/* mov 8(%rbx), %rcx */
	put_code(v, CODE, "\x48\x8b\x4b\x08", 4);
	mem[1] = 0x1122334455667788;
	for (int i = 0; i < 8; i++) {
		start(v, CODE);
		r = vcpu_regs(v);
		r.rbx = GUEST_MMIO + i * 0x1008;
		vcpu_set_regs(v, &r);
		vcpu_expect(v, KVM_EXIT_MMIO);
		CHECK_EQ(v->run->mmio.phys_addr, r.rbx + 8);
		CHECK_EQ(v->run->mmio.len, 8);
		expect_end(v);
		r.rbx = GUEST_FREE;
		r.rip = CODE;
		vcpu_set_regs(v, &r);
		expect_end(v);
		CHECK_EQ(vcpu_regs(v).rcx, mem[1]);
	}
}

static volatile uint64_t steps GUEST_VAR, step_rip GUEST_VAR;

GUEST static void step_handler(struct guest_regs *r)
{
	steps++;
	step_rip = r->rip;
	r->rflags &= ~0x100ull;
}

GUEST static void stepped(void)
{
	uint64_t rip;

	guest_handlers[1] = step_handler;
	for (int i = 0; i < 6; i++) {
		uint64_t tf = i & 1 ? 0x100 : 0;

		__asm__ volatile("pushfq; or %1, (%%rsp); popfq\n"
				 "mov (%2), %%ecx\n"
				 "771: nop; movq $771b, %0"
				 : "=m"(rip)
				 : "r"(tf), "r"(GUEST_MMIO)
				 : "rcx", "cc", "memory");
		g_check_eq(steps, (i + 1) / 2);
		if (tf)
			g_check_eq(step_rip, rip);
	}
	g_done();
}

TEST(single_step, "#DB after the instruction when it is stepped over")
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);

	vcpu_enter64(v, stepped);
	for (int i = 0; i < 6; i++)
		vcpu_expect(v, KVM_EXIT_MMIO);
	vcpu_done(v);
}

GUEST static void apic(void)
{
	volatile uint32_t *tpr = (uint32_t *)(GUEST_APIC + 0x80);
	volatile uint32_t *svr = (uint32_t *)(GUEST_APIC + 0xf0);

	for (uint32_t i = 0; i < 16; i++) {
		*tpr = i << 4;
		g_check_eq(*tpr, i << 4);
		*svr = 0x1f0 | i;
		g_check_eq(*svr, 0x1f0 | i);
	}
	g_done();
}

TEST(local_apic, "registers of the local APIC, again and again")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	vcpu_enter64(v, apic);
	vcpu_done(v);
}

TEST(moved, "the guest is elsewhere when the answer comes")
{
	struct vcpu *v = new_vcpu(0);
	uint64_t val = 0x1234;
	struct kvm_regs r;

	put_code(v, CODE, "\x48\x8b\x0b", 3);
	put_code(v, CODE + 64, "\x90", 1);
	for (int i = 0; i < LEARN; i++) {
		start(v, CODE);
		vcpu_expect(v, KVM_EXIT_MMIO);
		memcpy(v->run->mmio.data, &val, 8);
		r = vcpu_regs(v);
		CHECK_EQ(r.rip, CODE);
		r.rip = CODE + 64;
		vcpu_set_regs(v, &r);
		expect_end(v);
		CHECK_EQ(vcpu_regs(v).rcx, RCX);
	}
}
