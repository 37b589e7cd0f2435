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
