// SPDX-License-Identifier: GPL-2.0-or-later
/* The modes a guest can be in: code of each kind runs, and says so. */
#include "guest.h"

static uint64_t counter GUEST_VAR;

GUEST static void long_mode(void)
{
	counter += 41;
	g_sync(0x12345678);
	counter++;
	g_done();
}

TEST(long_mode, "64-bit code runs, its memory is seen, an exit resumes")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, long_mode);
	CHECK_EQ(vcpu_sync(v), 0x12345678);
	CHECK_EQ(G(vm, counter), 41);
	vcpu_done(v);
	CHECK_EQ(G(vm, counter), 42);
}

static uint64_t user_cs GUEST_VAR;

GUEST static void user_mode(void)
{
	uint64_t cs;

	__asm__ volatile("mov %%cs, %0" : "=r"(cs));
	user_cs = cs;
	g_done();
}

TEST(user_mode, "64-bit code runs in ring 3")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64_user(v, user_mode);
	vcpu_done(v);
	CHECK_EQ(G(vm, user_cs), SEL_UCODE64);
}

/* PORT_DONE, PORT_SYNC */
#define SYNC32	"mov $0x5e0, %dx\n out %eax, %dx\n"
#define DONE32	"mov $0x5e4, %dx\n out %eax, %dx\n"

GUEST_ASM(code32, 32,
	  "mov $0x100000, %ebx\n"
	  "movl $0xcafef00d, (%ebx)\n"
	  "push %ebx\n"
	  "mov %cr0, %eax\n"
	  SYNC32
	  "pop %eax\n"
	  DONE32);

static void run32(enum paging32 paging, uint32_t cr0)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter32(v, code32, paging);
	CHECK_EQ(vcpu_sync(v) & 0x80000001, cr0);
	vcpu_done(v);
	CHECK_EQ(*(uint32_t *)vm_ptr(vm, 0x100000), 0xcafef00d);
}

TEST(protected_mode, "32-bit code runs without paging")
{
	run32(PAGING_NONE, 0x1);
}

TEST(paging_32bit, "32-bit code runs with two-level paging")
{
	run32(PAGING_32, 0x80000001);
}

TEST(paging_pae, "32-bit code runs with PAE paging")
{
	run32(PAGING_PAE, 0x80000001);
}

GUEST_ASM(code16, 16,
	  "mov $0x1234, %bx\n"
	  "mov %bx, %ds:0x500\n"
	  "mov %cs, %ax\n"
	  "movzx %ax, %eax\n"
	  SYNC32
	  "call 1f\n"
	  DONE32
	  "1: ret");

TEST(protected_16bit, "16-bit code runs in protected mode")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter_prot16(v, code16);
	CHECK_EQ(vcpu_sync(v), SEL_CODE16);
	CHECK_EQ(*(uint16_t *)vm_ptr(vm, 0x500), 0x1234);
}

TEST(real_mode, "16-bit code runs in real mode, from its own segment")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter_real(v, code16, code16_end);
	CHECK_EQ(vcpu_sync(v), GUEST_REAL >> 4);
	vcpu_done(v);
	CHECK_EQ(*(uint16_t *)vm_ptr(vm, 0x500), 0x1234);
}

/* --- all of them in one run, by the guest itself --- */

#define GDT_PTR		0x600
#define SAY(n)	"mov $" #n ", %eax\n mov $0x5e0, %dx\n out %eax, %dx\n"

/* Copied to GUEST_REAL; addresses within are relative to its start. */
GUEST_ASM(tour16, 16,
	  "xor %ax, %ax\n"
	  "mov %ax, %ds\n"
	  "mov %ax, %ss\n"
	  SAY(1)
	  "lgdtl 0x600\n"
	  "mov %cr0, %eax\n"
	  "or $1, %eax\n"
	  "mov %eax, %cr0\n"
	  "ljmpl $0x18, $tour32\n"
	  "tour_back:\n"		/* 16-bit protected mode */
	  "mov $0x40, %ax\n"
	  "mov %ax, %ds\n"
	  "mov %ax, %ss\n"
	  SAY(6)
	  "mov %cr0, %eax\n"
	  "and $~1, %eax\n"
	  "mov %eax, %cr0\n"
	  "ljmp $0xa00, $tour_real - tour16\n"
	  "tour_real:\n"
	  "xor %ax, %ax\n"
	  "mov %ax, %ds\n"
	  "mov %ax, %ss\n"
	  SAY(7)
	  DONE32);

GUEST_ASM(tour32, 32,
	  "mov $0x10, %eax\n"
	  "mov %eax, %ds\n"
	  "mov %eax, %es\n"
	  "mov %eax, %ss\n"
	  "mov $0x30000, %esp\n"
	  SAY(2)
	  "mov $0x1000, %eax\n"		/* GUEST_PT */
	  "mov %eax, %cr3\n"
	  "mov %cr4, %eax\n"
	  "or $0x20, %eax\n"
	  "mov %eax, %cr4\n"
	  "mov $0xc0000080, %ecx\n"
	  "rdmsr\n"
	  "or $0x100, %eax\n"
	  "wrmsr\n"
	  "mov %cr0, %eax\n"
	  "or $0x80000000, %eax\n"
	  "mov %eax, %cr0\n"
	  SAY(3)			/* compatibility mode */
	  "ljmp $0x8, $tour64\n"
	  "tour_compat:\n"
	  SAY(5)
	  "mov %cr0, %eax\n"
	  "and $0x7fffffff, %eax\n"
	  "mov %eax, %cr0\n"
	  "ljmp $0x38, $0xa000 + tour_back - tour16\n");

GUEST_ASM(tour64, 64,
	  "mov $0x123456789abcdef0, %rax\n"
	  "mov %rax, 0x100000\n"
	  SAY(4)
	  "pushq $0x18\n"
	  "pushq $tour_compat\n"
	  "lretq\n");

struct gdt_ptr {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed));

TEST(tour, "real, protected, compatibility, long mode, and all the way back")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	struct gdt_ptr *p = vm_ptr(vm, GDT_PTR);
	struct kvm_sregs s;

	p->limit = SEL_TSS - 1;
	p->base = GUEST_GDT;
	vcpu_enter_real(v, tour16, tour16_end);
	for (uint32_t i = 1; i <= 7; i++) {
		CHECK_EQ(vcpu_sync(v), i);
		s = vcpu_sregs(v);
		CHECK_EQ(s.cr0 & 1, i >= 2 && i <= 6);
		CHECK_EQ(s.cr0 >> 31, i >= 3 && i <= 5);
		CHECK_EQ(s.efer & 0x400, i >= 3 && i <= 5 ? 0x400 : 0);
		CHECK_EQ(s.cs.l, i == 4);
		CHECK_EQ(s.cs.db, i == 2 || i == 3 || i == 5);
	}
	vcpu_done(v);
	CHECK_EQ(*(uint64_t *)vm_ptr(vm, 0x100000), 0x123456789abcdef0);
}

/* --- virtual-8086 mode --- */

#define VM86_MMIO	0x90000		/* no memory there */

GUEST_ASM(vm86_code, 16,
	  "movb $0x42, %ds:0\n"
	  "mov %ds:4, %ax\n"
	  "hlt\n");

static struct kvm_segment vm86_seg(uint16_t sel)
{
	return (struct kvm_segment){
		.selector = sel, .base = sel << 4, .limit = 0xffff, .type = 3,
		.present = 1, .dpl = 3, .s = 1,
	};
}

TEST(vm86, "virtual-8086 mode: memory, MMIO, and #GP for what it may not do")
{
	struct vm *from = vm_new(0), *vm = vm_new(VM_EMPTY);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_sregs s;
	struct kvm_regs r;

	/* The other VM's memory, with a hole. */
	CHECK_OK(vm_set_slot(vm, 0, 0, 0, VM86_MMIO, from->mem));
	memcpy(vm_ptr(from, GUEST_REAL), vm86_code,
	       vm86_code_end - vm86_code);
	vcpu_enter32(v, vm86_code, PAGING_NONE);
	s = vcpu_sregs(v);
	s.cs = vm86_seg(GUEST_REAL >> 4);
	s.ds = vm86_seg(VM86_MMIO >> 4);
	s.es = vm86_seg(0);
	s.fs = vm86_seg(0);
	s.gs = vm86_seg(0);
	s.ss = vm86_seg(0);
	s.idt.limit = 0;	/* so that the #GP ends in a triple fault */
	vcpu_set_sregs(v, &s);
	r = vcpu_regs(v);
	r.rip = 0;
	r.rsp = 0x6000;
	r.rflags = 0x20002;
	vcpu_set_regs(v, &r);

	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.phys_addr, VM86_MMIO);
	CHECK_EQ(v->run->mmio.len, 1);
	CHECK_EQ(v->run->mmio.data[0], 0x42);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.phys_addr, VM86_MMIO + 4);
	CHECK(!v->run->mmio.is_write);
	memcpy(v->run->mmio.data, "\x34\x12", 2);
	v->run->immediate_exit = 1;
	CHECK_EQ(vcpu_run(v), -EINTR);
	v->run->immediate_exit = 0;
	r = vcpu_regs(v);
	CHECK_EQ(r.rax & 0xffff, 0x1234);
	CHECK_EQ(r.rflags & 0x20000, 0x20000);
	vcpu_expect(v, KVM_EXIT_SHUTDOWN);
}
