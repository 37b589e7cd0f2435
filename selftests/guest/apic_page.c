// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The APIC-access page is one for the host and must be nobody's memory: two
 * VMs in every mix of APIC modes read and write all of it (XSA-412; cases.md 12).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include "xen.h"

#define PAGE	4096ull
#define REGS	0x400u			/* registers; beyond them nothing is */
#define NR_REGS	(REGS / 4)
#define NR_REST	((PAGE - REGS) / 8)
#define ACCESSES (NR_REGS + NR_REST)

enum mode { XAPIC, X2APIC, OFF, MODES };

/* What user space answers: not what anybody writes. */
#define ANSWER	0x1e

static volatile uint64_t mode[2] GUEST_VAR, mark[2] GUEST_VAR;
static volatile uint32_t regs[2][NR_REGS] GUEST_VAR;
static volatile uint64_t rest[2][NR_REST] GUEST_VAR;

GUEST static void set_mode(uint64_t m)
{
	if (m == X2APIC)
		g_wrmsr(MSR_APIC_BASE, g_rdmsr(MSR_APIC_BASE) | 0xc00);
	else if (m == OFF)
		g_wrmsr(MSR_APIC_BASE, g_rdmsr(MSR_APIC_BASE) & ~0xc00ull);
}

/* ICR would send something: a vector that nobody takes. */
GINLINE uint32_t reg_value(uint64_t id, uint32_t reg)
{
	return reg == APIC_ICR ? 5 : (uint32_t)mark[id];
}

GUEST static void sweep(uint64_t id)
{
	uint32_t i;

	/* while all are in xAPIC mode the page is there */
	g_apic_read(APIC_ID);
	g_sync(1);
	set_mode(mode[id]);
	g_sync(2);
	for (i = 0; i < NR_REGS; i++)
		g_write32(GUEST_APIC + i * 4, reg_value(id, i * 4));
	for (i = 0; i < NR_REST; i++)
		g_write64(GUEST_APIC + REGS + i * 8, mark[id]);
	g_sync(3);
	for (i = 0; i < NR_REGS; i++)
		regs[id][i] = g_read32(GUEST_APIC + i * 4);
	for (i = 0; i < NR_REST; i++)
		rest[id][i] = g_read64(GUEST_APIC + REGS + i * 8);
	g_done();
}

/* Runs to the next g_sync() or g_done(); the MMIO exits until then. */
static unsigned int run_counting(struct vcpu *v)
{
	unsigned int n = 0;

	while (vcpu_exit(v) == KVM_EXIT_MMIO) {
		CHECK_EQ(v->run->mmio.phys_addr & ~(PAGE - 1), GUEST_APIC);
		memset(v->run->mmio.data, ANSWER, 8);
		n++;
	}
	if (v->run->exit_reason != KVM_EXIT_IO ||
	    (v->run->io.port != PORT_SYNC && v->run->io.port != PORT_DONE))
		vcpu_bad_exit(v);
	return n;
}

/* vCPU @id of VM @nr: upper halves tell them apart; LVT entries stay masked. */
static uint64_t mark_of(int nr, int id)
{
	uint64_t half = 0xa5a1 + 0x1010 * nr + 0x202 * id;

	return half << 48 | 0x1a1aull << 32 | half << 16 | 0x1a1a;
}

struct pair {
	struct vm *vm;
	struct vcpu *v[2];
};

static struct pair pair_new(int nr, unsigned int mix)
{
	struct pair p = { .vm = vm_new(VM_IRQCHIP) };

	for (int id = 0; id < 2; id++) {
		G(p.vm, mode)[id] = id ? mix / MODES : mix % MODES;
		G(p.vm, mark)[id] = mark_of(nr, id);
		p.v[id] = vcpu_new(p.vm, id);
		vcpu_enter64_arg(p.v[id], sweep, id);
	}
	return p;
}

/* The next step of both; each in its mode leaves for every access, or none. */
static void pair_step(const struct pair *p, bool accesses)
{
	for (int id = 0; id < 2; id++) {
		bool traps = G(p->vm, mode)[id] != XAPIC;

		CHECK_EQ(run_counting(p->v[id]),
			 accesses && traps ? ACCESSES : 0);
	}
}

static void check_word(uint32_t x, int nr, int id)
{
	for (int n = 0; n < 2; n++)
		for (int i = 0; i < 2; i++)
			if (n != nr || i != id)
				CHECK_MSG(x >> 16 != (mark_of(n, i) >> 48),
					  "vCPU %d of VM %d reads %#x, of vCPU %d of VM %d",
					  id, nr, x, i, n);
}

static void pair_check(const struct pair *p, int nr)
{
	for (int id = 0; id < 2; id++) {
		bool traps = G(p->vm, mode)[id] != XAPIC;

		for (unsigned int i = 0; i < NR_REGS; i++) {
			uint32_t x = G(p->vm, regs)[id][i];

			if (traps)
				CHECK_EQ(x, ANSWER * 0x01010101u);
			check_word(x, nr, id);
		}
		for (unsigned int i = 0; i < NR_REST; i++) {
			uint64_t x = G(p->vm, rest)[id][i];

			CHECK_EQ(x, traps ? ANSWER * 0x0101010101010101ull : 0);
		}
		if (!traps)
			CHECK_EQ(G(p->vm, regs)[id][APIC_TPR / 4],
				 (uint32_t)mark_of(nr, id) & 0xff);
	}
}

/* A line "NAME number" of the file in debugfs, or -1. */
static long counter(const char *name)
{
	FILE *f = fopen("/sys/kernel/debug/xkvm/apic_page", "r");
	char key[32];
	long n;

	if (!f)
		return -1;
	while (fscanf(f, "%31s %ld", key, &n) == 2) {
		if (!strcmp(key, name)) {
			fclose(f);
			return n;
		}
	}
	fclose(f);
	return -1;
}

static void check_page(void)
{
	if (counter("pages") < 0)
		return;
	CHECK(counter("pages") <= 1);
	CHECK_EQ(counter("touched"), 0);
	CHECK_EQ(counter("references"), counter("pages"));
}

static void mix(unsigned int a, unsigned int b)
{
	struct pair p[2] = { pair_new(0, a), pair_new(1, b) };

	for (int step = 0; step < 4; step++)
		for (int i = 0; i < 2; i++)
			pair_step(&p[i], step >= 2);
	for (int i = 0; i < 2; i++)
		pair_check(&p[i], i);
	check_page();
	for (int i = 0; i < 2; i++) {
		vcpu_free(p[i].v[0]);
		vcpu_free(p[i].v[1]);
		vm_free(p[i].vm);
	}
}

TEST_TIMEOUT(mixes, "two VMs of two vCPUs, every mix of modes", 300)
{
	for (unsigned int a = 0; a < MODES * MODES; a++)
		for (unsigned int b = a; b < MODES * MODES; b++)
			mix(a, b);
}

/* --- switching under load --------------------------------------------------- */

static volatile uint64_t stop GUEST_VAR, rounds GUEST_VAR;
static volatile uint32_t first[4] GUEST_VAR;

GUEST static void hammer(void)
{
	g_sti();
	while (!stop) {
		g_apic_write(APIC_TPR, 0x40);
		g_check_eq(g_apic_read(APIC_TPR), 0x40);
		g_apic_write(APIC_TPR, 0x20);
		g_check_eq(g_apic_read(APIC_TPR), 0x20);
		g_write32(GUEST_APIC + 0x800, 0x77777777);
		g_check_eq(g_read32(GUEST_APIC + 0x800), 0);
		rounds++;
	}
	g_done();
}

GUEST static void switcher(uint64_t to)
{
	g_apic_write(APIC_TPR, 0x10);
	g_sync(0);
	set_mode(to);
	/* from here on each of these leaves */
	first[0] = g_read32(GUEST_APIC + APIC_TPR);
	g_write32(GUEST_APIC + APIC_TPR, 0x12345678);
	g_write32(GUEST_APIC + 0x800, 0x12345678);
	first[1] = g_read32(GUEST_APIC + 0x800);
	g_done();
}

static void *hammer_run(void *arg)
{
	CHECK_EQ(run_counting(arg), 0);
	return NULL;
}

static void await_rounds(struct vm *vm)
{
	uint64_t end = G(vm, rounds) + 3;

	for (int i = 0; i < 20000; i++) {
		if (G(vm, rounds) >= end)
			return;
		usleep(100);
	}
	FAIL("the hammering vCPU does not come on");
}

static void switch_once(enum mode to)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);
	pthread_t t;

	vcpu_enter64_arg(a, switcher, to);
	vcpu_enter64(b, hammer);
	CHECK_EQ(vcpu_sync(a), 0);
	CHECK_EQ(pthread_create(&t, NULL, hammer_run, b), 0);
	await_rounds(vm);
	CHECK_EQ(run_counting(a), 4);
	CHECK_EQ(G(vm, first)[0], ANSWER * 0x01010101u);
	CHECK_EQ(G(vm, first)[1], ANSWER * 0x01010101u);
	await_rounds(vm);
	G(vm, stop) = 1;
	pthread_join(t, NULL);
	check_page();
	vcpu_free(a);
	vcpu_free(b);
	vm_free(vm);
}

TEST_TIMEOUT(switching, "a vCPU leaves xAPIC mode while another hammers the page",
	     120)
{
	for (int i = 0; i < 15; i++) {
		switch_once(X2APIC);
		switch_once(OFF);
	}
}

/* --- other ways to leave, and to come late ---------------------------------- */

GUEST static void moved(void)
{
	g_apic_write(APIC_TPR, 0x10);
	g_wrmsr(MSR_APIC_BASE, (g_rdmsr(MSR_APIC_BASE) & 0xfff) | 0xfed00000);
	g_check_eq(g_read32(0xfed00000 + APIC_TPR), 0x10);
	g_sync(0);
	first[0] = g_read32(GUEST_APIC + APIC_TPR);
	g_done();
}

TEST(base, "a guest that moves its APIC finds it there, and nothing here")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, moved);
	CHECK_EQ(run_counting(v), 0);
	CHECK_EQ(run_counting(v), 1);
	check_page();
}

GUEST static void touch(void)
{
	for (;;) {
		g_apic_write(APIC_TPR, 0x30);
		g_check_eq(g_apic_read(APIC_TPR), 0x30);
		g_sync(0);
	}
}

TEST(user_space, "user space's setting of a base counts as the guest's")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);
	long mapped = counter("mapped");

	vcpu_enter64(a, touch);
	vcpu_enter64(b, touch);
	CHECK_EQ(run_counting(a), 0);
	CHECK_EQ(run_counting(b), 0);
	if (counter("pages") == 1)
		CHECK_EQ(counter("mapped"), mapped + 1);
	vcpu_set_msr(b, MSR_APIC_BASE, 0xfee00c00);
	CHECK_EQ(counter("mapped"), mapped);
	CHECK_EQ(run_counting(a), 0);
	/* two accesses; the check in the guest sees no register */
	CHECK_EQ(vcpu_exit(b), KVM_EXIT_MMIO);
	CHECK_EQ(b->run->mmio.phys_addr, GUEST_APIC + APIC_TPR);
	/* back in xAPIC mode it works as ever, the page does not come back */
	vcpu_set_msr(b, MSR_APIC_BASE, 0xfee00800);
	CHECK_EQ(run_counting(a), 0);
	CHECK_EQ(counter("mapped"), mapped);
	check_page();
}

TEST(end, "a VM takes the page with it when it ends")
{
	long mapped = counter("mapped");
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, touch);
	CHECK_EQ(run_counting(v), 0);
	vcpu_free(v);
	vm_free(vm);
	CHECK_EQ(counter("mapped"), mapped);
	check_page();
}

/* --- no target --------------------------------------------------------------- */

GUEST static void hypercall_page(void)
{
	g_check_eq(g_try_wrmsr(XEN_MSR, GUEST_APIC), 13);
	g_done();
}

static void refuse_all(struct vm *vm, struct vcpu *v)
{
	struct kvm_xen_hvm_attr shinfo = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO,
		.u.shared_info.gfn = GUEST_APIC / PAGE,
	};

	CHECK_ERRNO(xen_set(vm, &shinfo), EFAULT);
	CHECK_ERRNO(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
				GUEST_APIC), EFAULT);
	CHECK_ERRNO(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO,
				GUEST_APIC), EFAULT);
	CHECK_ERRNO(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
				GUEST_APIC + 64), EFAULT);
	/* half of it before the page */
	CHECK_ERRNO(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
				GUEST_APIC - 16), EFAULT);
}

TEST(targets, "no hypercall page, vcpu_info, runstate, time or shared_info")
{
	struct vm *vm = (xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE),
			 xen_vm(true));
	struct vcpu *v = xen_vcpu(vm, 0);

	vcpu_enter64(v, touch);
	CHECK_EQ(run_counting(v), 0);
	vm_add_slot(vm, 5, 0, GUEST_APIC - 16 * PAGE, 16 * PAGE);
	refuse_all(vm, v);
	vcpu_enter64(v, hypercall_page);
	vcpu_done(v);
	check_page();
}

TEST(slot, "memory of user space's there is hidden, for all purposes")
{
	struct vm *vm = (xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE),
			 xen_vm(true));
	struct vcpu *v = xen_vcpu(vm, 0);
	uint64_t *p = vm_add_slot(vm, 5, 0, GUEST_APIC - 16 * PAGE, 32 * PAGE);

	if (counter("pages") < 0)
		tap_skip("not xkvm");
	vcpu_enter64(v, touch);
	CHECK_EQ(run_counting(v), 0);
	refuse_all(vm, v);
	vcpu_enter64(v, hypercall_page);
	vcpu_done(v);
	for (unsigned int i = 0; i < PAGE / 8; i++)
		CHECK_EQ(p[16 * 512 + i], 0);
	check_page();
}

#define REG	GUEST_MMIO

GUEST static void string_move(void)
{
	g_apic_write(APIC_TPR, 0x30);
	__asm__ volatile("movsl" : : "S"(GUEST_APIC + APIC_TPR), "D"(REG) :
			 "memory");
	__asm__ volatile("movsl" : : "S"(REG), "D"(GUEST_APIC + APIC_TPR) :
			 "memory");
	g_check_eq(g_apic_read(APIC_TPR), 0x50);
	g_done();
}

TEST(emulator, "string moves reach the registers, not the page")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, string_move);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.phys_addr, REG);
	CHECK_EQ(v->run->mmio.data[0], 0x30);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.is_write, 0);
	memset(v->run->mmio.data, 0, 8);
	v->run->mmio.data[0] = 0x50;
	vcpu_done(v);
	check_page();
}
