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

/* --- outside 64-bit mode --- */

#define NR_PAGINGS	3

static const enum paging32 pagings[NR_PAGINGS] = {
	PAGING_NONE, PAGING_32, PAGING_PAE,
};

static struct vcpu *new_vcpu32(enum paging32 paging)
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);

	vcpu_enter32(v, (void *)CODE, paging);
	return v;
}

static uint32_t read_ecx(struct vcpu *v, uint64_t rip, unsigned int len,
			 uint32_t val)
{
	return run_read(v, rip, len, val).rcx;
}

TEST(legacy_bytes, "32-bit code: the instruction is another one now")
{
	for (int p = 0; p < NR_PAGINGS; p++) {
		struct vcpu *v = new_vcpu32(pagings[p]);

		for (int i = 0; i < LEARN; i++) {
			put_code(v, CODE, "\x8b\x0b", 2);
			for (int j = 0; j < LEARN; j++)
				CHECK_EQ(read_ecx(v, CODE, 4, 0xdead0000 + j),
					 0xdead0000 + j);
			/* mov (%ebx), %cx: the rest of ECX stays */
			put_code(v, CODE, "\x66\x8b\x0b", 3);
			for (int j = 0; j < LEARN; j++)
				CHECK_EQ(read_ecx(v, CODE, 2, 0x15555),
					 (RCX & 0xffff0000) | 0x5555);
			/* mov %dx, (%ebx) */
			put_code(v, CODE, "\x66\x89\x13", 3);
			for (int j = 0; j < LEARN; j++)
				CHECK_EQ(run_write(v, CODE, 2),
					 (uint16_t)RDX);
			/* mov GUEST_MMIO, %eax */
			put_code(v, CODE, "\xa1\x00\x00\x00\x10", 5);
			for (int j = 0; j < LEARN; j++)
				CHECK_EQ((uint32_t)run_read(v, CODE, 4,
							    j).rax, j);
			/* mov %al, GUEST_MMIO */
			put_code(v, CODE, "\xa2\x00\x00\x00\x10", 5);
			for (int j = 0; j < LEARN; j++)
				CHECK_EQ(run_write(v, CODE, 1), 0);
		}
	}
}

/* The same bytes are mov (%ebx), %ecx and mov (%bp,%di), %cx. */
TEST(legacy_width, "the code segment is one of 16 bits now, and of 32 again")
{
	struct vcpu *v = new_vcpu32(PAGING_NONE);
	struct kvm_sregs s = vcpu_sregs(v);

	put_code(v, CODE, "\x8b\x0b", 2);
	s.ss.base = GUEST_MMIO;
	for (int i = 0; i < LEARN * 2; i++) {
		s.cs.db = !(i & 1);
		vcpu_set_sregs(v, &s);
		for (int j = 0; j < LEARN; j++) {
			uint32_t want = s.cs.db ? 0x12345678 :
				(RCX & 0xffff0000) | 0x5678;

			CHECK_EQ(read_ecx(v, CODE, s.cs.db ? 4 : 2,
					  0x12345678), want);
		}
	}
}

TEST(legacy_segments, "code and data segments have other bases now")
{
	struct vcpu *v = new_vcpu32(PAGING_NONE);
	struct kvm_sregs s = vcpu_sregs(v);

	/* mov 0x100(%ebx), %ecx; in the next page mov 0x100(%ebx), %edx */
	put_code(v, CODE, "\x8b\x8b\x00\x01\x00\x00", 6);
	put_code(v, CODE + 0x1000, "\x8b\x93\x00\x01\x00\x00", 6);
	for (int i = 0; i < LEARN * 4; i++) {
		s.cs.base = i & 1 ? 0x1000 : 0;
		s.ds.base = i & 2 ? 0x5000 : 0;
		vcpu_set_sregs(v, &s);
		for (int j = 0; j < LEARN; j++) {
			uint32_t val = i * 16 + j;
			struct kvm_regs r;

			start(v, CODE);
			vcpu_expect(v, KVM_EXIT_MMIO);
			CHECK_EQ(v->run->mmio.phys_addr,
				 GUEST_MMIO + 0x100 + s.ds.base);
			memcpy(v->run->mmio.data, &val, 4);
			expect_end(v);
			r = vcpu_regs(v);
			CHECK_EQ((uint32_t)(i & 1 ? r.rdx : r.rcx), val);
		}
	}
}

/* Linear LOW is there, or what the second half of memory has. */
#define LOW		0x1f0000ull
#define TABLE		(GUEST_FREE + 0x10000)

static void two_codes(struct vcpu *v)
{
	put_code(v, LOW, "\x8b\x0b", 2);		/* mov (%ebx), %ecx */
	put_code(v, LOW + 0x200000, "\x8b\x13", 2);	/* mov (%ebx), %edx */
}

static void run_two_codes(struct vcpu *v, bool second)
{
	for (int j = 0; j < LEARN; j++) {
		struct kvm_regs r = run_read(v, LOW, 4, 0x77);

		CHECK_EQ((uint32_t)(second ? r.rdx : r.rcx), 0x77);
		CHECK_EQ((uint32_t)(second ? r.rcx : r.rdx),
			 (uint32_t)(second ? RCX : RDX));
	}
}

TEST(legacy_table, "32-bit paging: the instruction's page is another one now")
{
	struct vcpu *v = new_vcpu32(PAGING_32);
	struct kvm_sregs s = vcpu_sregs(v);
	uint32_t *dir = vm_ptr(v->vm, GUEST_PD32);
	uint32_t *table = vm_ptr(v->vm, TABLE);

	two_codes(v);
	for (uint32_t i = 0; i < 1024; i++)
		table[i] = i << 12 | 0x67;
	dir[0] = TABLE | 0x67;
	for (int i = 0; i < LEARN * 2; i++) {
		table[LOW >> 12] = (LOW + (i & 1) * 0x200000) | 0x67;
		vcpu_set_sregs(v, &s);
		run_two_codes(v, i & 1);
	}
}

TEST(legacy_pdpte, "PAE paging: a directory is another one now, with the same CR3")
{
	struct vcpu *v = new_vcpu32(PAGING_PAE);
	struct kvm_sregs s = vcpu_sregs(v);
	uint64_t *pdpt = vm_ptr(v->vm, GUEST_PDPT32), first = pdpt[0];
	uint64_t *dir = vm_ptr(v->vm, TABLE);

	two_codes(v);
	for (uint64_t i = 0; i < 512; i++)
		dir[i] = i << 21 | 0xe7;
	dir[0] = 0x2000e7;
	for (int i = 0; i < LEARN * 2; i++) {
		pdpt[0] = i & 1 ? TABLE | 1 : first;
		vcpu_set_sregs(v, &s);
		run_two_codes(v, i & 1);
	}
}

GUEST_ASM(again_real, 16, "1: mov (%bx), %ecx; out %al, $0x80; jmp 1b");

TEST(real, "real mode, at each of many places")
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);
	struct kvm_sregs s;

	vcpu_enter_real(v, again_real, again_real_end);
	s = vcpu_sregs(v);
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t val = 0x1000 + i;
		struct kvm_regs r = { .rbx = i * 0x404 & 0xfffc, .rflags = 2 };

		s.ds.base = GUEST_MMIO + i / 16 * 0x10000;
		vcpu_set_sregs(v, &s);
		vcpu_set_regs(v, &r);
		vcpu_expect(v, KVM_EXIT_MMIO);
		CHECK_EQ(v->run->mmio.phys_addr, s.ds.base + r.rbx);
		memcpy(v->run->mmio.data, &val, 4);
		expect_end(v);
		CHECK_EQ((uint32_t)vcpu_regs(v).rcx, val);
	}
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
