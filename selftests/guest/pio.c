// SPDX-License-Identifier: GPL-2.0-or-later
/* Port I/O: each size, both directions, string forms, completion. */
#include "guest.h"

#define PORT	0x600

static uint8_t buf[64] GUEST_VAR;
static volatile uint64_t got GUEST_VAR;

static void *pio_data(struct vcpu *v)
{
	return (char *)v->run + v->run->io.data_offset;
}

static void expect_io(struct vcpu *v, int dir, int size, int port)
{
	vcpu_expect(v, KVM_EXIT_IO);
	if (v->run->io.direction != dir || v->run->io.size != size ||
	    v->run->io.port != port || v->run->io.count != 1)
		vcpu_bad_exit(v);
}

GUEST static void out_sizes(void)
{
	g_out8(PORT, 0xa5);
	g_out16(PORT + 1, 0xbeef);
	g_out32(PORT + 0xffff - PORT, 0xdeadbeef);
	__asm__ volatile("outb %%al, $0x7f" : : "a"(0x11));
	g_done();
}

TEST(out, "out leaves with port, size and data")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, out_sizes);
	expect_io(v, KVM_EXIT_IO_OUT, 1, PORT);
	CHECK_EQ(*(uint8_t *)pio_data(v), 0xa5);
	expect_io(v, KVM_EXIT_IO_OUT, 2, PORT + 1);
	CHECK_EQ(*(uint16_t *)pio_data(v), 0xbeef);
	expect_io(v, KVM_EXIT_IO_OUT, 4, 0xffff);
	CHECK_EQ(*(uint32_t *)pio_data(v), 0xdeadbeef);
	expect_io(v, KVM_EXIT_IO_OUT, 1, 0x7f);
	CHECK_EQ(*(uint8_t *)pio_data(v), 0x11);
	vcpu_done(v);
}

GUEST static void in_sizes(void)
{
	uint64_t a;

	__asm__ volatile("mov $-1, %0; inb %1, %%al"
			 : "=&a"(a) : "d"((uint16_t)PORT));
	g_check_eq(a, 0xffffffffffffff5a);
	__asm__ volatile("mov $-1, %0; inw %1, %%ax"
			 : "=&a"(a) : "d"((uint16_t)PORT));
	g_check_eq(a, 0xffffffffffff1234);
	__asm__ volatile("mov $-1, %0; inl %1, %%eax"
			 : "=&a"(a) : "d"((uint16_t)PORT));
	g_check_eq(a, 0x89abcdef);
	__asm__ volatile("mov $-1, %0; inb $0x7f, %%al" : "=&a"(a));
	g_check_eq(a, 0xffffffffffffff77);
	g_done();
}

TEST(in, "in takes the data of its size and keeps the rest of RAX")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, in_sizes);
	expect_io(v, KVM_EXIT_IO_IN, 1, PORT);
	*(uint8_t *)pio_data(v) = 0x5a;
	expect_io(v, KVM_EXIT_IO_IN, 2, PORT);
	*(uint16_t *)pio_data(v) = 0x1234;
	expect_io(v, KVM_EXIT_IO_IN, 4, PORT);
	*(uint32_t *)pio_data(v) = 0x89abcdef;
	expect_io(v, KVM_EXIT_IO_IN, 1, 0x7f);
	*(uint8_t *)pio_data(v) = 0x77;
	vcpu_done(v);
}

GUEST static void in_once(void)
{
	got = g_in32(PORT);
	g_done();
}

TEST(completion, "an I/O exit is completed by KVM_RUN with immediate_exit")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs before, after;

	vcpu_enter64(v, in_once);
	expect_io(v, KVM_EXIT_IO_IN, 4, PORT);
	before = vcpu_regs(v);
	*(uint32_t *)pio_data(v) = 0x600dda7a;
	v->run->immediate_exit = 1;
	CHECK_EQ(vcpu_run(v), -EINTR);
	v->run->immediate_exit = 0;
	after = vcpu_regs(v);
	CHECK_EQ(after.rax & 0xffffffff, 0x600dda7a);
	CHECK(after.rip > before.rip && after.rip <= before.rip + 2);
	vcpu_done(v);
	CHECK_EQ(G(vm, got), 0x600dda7a);
}

/* Collects a string output; how many elements an exit carries is free. */
static void collect(struct vcpu *v, int size, unsigned int count, void *to)
{
	uint8_t *p = to;

	while (count) {
		unsigned int n;

		vcpu_expect(v, KVM_EXIT_IO);
		n = v->run->io.count;
		if (v->run->io.direction != KVM_EXIT_IO_OUT || !n ||
		    v->run->io.size != size || v->run->io.port != PORT ||
		    n > count)
			vcpu_bad_exit(v);
		memcpy(p, pio_data(v), n * size);
		p += n * size;
		count -= n;
	}
}

#define OUTS(insn, from, n)						\
	__asm__ volatile(insn : "+S"(from), "+c"(n)			\
			 : "d"((uint16_t)PORT) : "memory", "cc")

GUEST static void outs(void)
{
	uint64_t from, n;

	for (uint64_t i = 0; i < sizeof(buf); i++)
		buf[i] = i * 7;
	from = (uint64_t)buf;
	n = 20;
	OUTS("rep outsb", from, n);
	g_check_eq(from, (uint64_t)buf + 20);
	g_check_eq(n, 0);
	n = 10;
	OUTS("rep outsw", from, n);
	n = 5;
	OUTS("rep outsl", from, n);
	g_check_eq(from, (uint64_t)buf + 60);
	/* Backwards, and not at all. */
	n = 4;
	from = (uint64_t)buf + 3;
	OUTS("std; rep outsb; cld", from, n);
	g_check_eq(from, (uint64_t)buf - 1);
	n = 0;
	OUTS("rep outsb", from, n);
	g_check_eq(from, (uint64_t)buf - 1);
	n = 9;
	OUTS("outsb", from, n);
	g_check_eq(n, 9);
	g_done();
}

TEST(outs, "string output of each size, both directions")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint8_t back[64];
	uint8_t *g = &G(vm, buf[0]);

	vcpu_enter64(v, outs);
	collect(v, 1, 20, back);
	collect(v, 2, 10, back + 20);
	collect(v, 4, 5, back + 40);
	CHECK(!memcmp(back, g, 60));
	CHECK_EQ(back[59], (uint8_t)(59 * 7));
	collect(v, 1, 4, back);
	CHECK(back[0] == g[3] && back[3] == g[0]);
	collect(v, 1, 1, back);
	vcpu_done(v);
}

/* Feeds a string input with consecutive bytes. */
static void feed(struct vcpu *v, int size, unsigned int count)
{
	static uint8_t next;

	while (count) {
		uint8_t *p;
		unsigned int n;

		vcpu_expect(v, KVM_EXIT_IO);
		n = v->run->io.count;
		if (v->run->io.direction != KVM_EXIT_IO_IN || !n ||
		    v->run->io.size != size || v->run->io.port != PORT ||
		    n > count)
			vcpu_bad_exit(v);
		p = pio_data(v);
		for (unsigned int i = 0; i < n * size; i++)
			p[i] = next++;
		count -= n;
	}
}

/* So that the third input crosses a page boundary inside an element. */
#define INS_TO	(GUEST_FREE + 0x1000 - 20 - 20 - 6)

GUEST static void ins(void)
{
	uint64_t to = INS_TO, n = 20;

	__asm__ volatile("rep insb" : "+D"(to), "+c"(n)
			 : "d"((uint16_t)PORT) : "memory");
	g_check_eq(to, INS_TO + 20);
	n = 10;
	__asm__ volatile("rep insw" : "+D"(to), "+c"(n)
			 : "d"((uint16_t)PORT) : "memory");
	n = 5;
	__asm__ volatile("rep insl" : "+D"(to), "+c"(n)
			 : "d"((uint16_t)PORT) : "memory");
	g_check_eq(to, INS_TO + 60);
	g_check_eq(n, 0);
	for (uint64_t i = 0; i < 60; i++)
		g_check_eq(*(uint8_t *)(INS_TO + i), i);
	g_done();
}

TEST(ins, "string input of each size, across a page boundary")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, ins);
	feed(v, 1, 20);
	feed(v, 2, 10);
	feed(v, 4, 5);
	vcpu_done(v);
}

GUEST static void drop_iopl_user(void)
{
	g_sync(1);	/* IOPL 3: allowed */
	g_sync(2);	/* IOPL 0 by then, no I/O bitmap: #GP */
	g_done();
}

TEST(iopl, "I/O from ring 3 without IOPL or bitmap is #GP")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r;

	vcpu_enter64_user(v, drop_iopl_user);
	CHECK_EQ(vcpu_sync(v), 1);
	r = vcpu_regs(v);
	r.rflags &= ~0x3000ull;
	vcpu_set_regs(v, &r);
	vcpu_exit(v);
	CHECK_EQ(v->run->exit_reason, KVM_EXIT_IO);
	CHECK_EQ(v->run->io.port, PORT_TRAP);
	CHECK_EQ(G(vm, guest_trap).vector, 13);
	CHECK_EQ(G(vm, guest_trap).cs, SEL_UCODE64);
}
