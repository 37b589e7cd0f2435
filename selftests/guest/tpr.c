// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The task priority as the CPU keeps it: CR8, the register of xAPIC mode and
 * the MSR of x2APIC mode are one, accesses do not exit, and lowering it lets in
 * at once what it held back.  Whether the CPU delivers interrupts by itself or
 * the module injects them (apicv=0), the guest sees the same.
 */
#include <string.h>

#include "guest.h"

#define NR_LEVELS	6
#define ROUNDS		1000

enum way { BY_CR8, BY_PAGE, BY_CR8_X2APIC, BY_MSR, NR_WAYS };

static const char *const way_names[] = {
	[BY_CR8] = "CR8", [BY_PAGE] = "page",
	[BY_CR8_X2APIC] = "CR8 in x2APIC mode", [BY_MSR] = "MSR",
};

static volatile uint64_t way GUEST_VAR, nr GUEST_VAR, order[8] GUEST_VAR;
static uint8_t levels[NR_LEVELS] GUEST_VAR = {
	0x2f, 0x41, 0x5a, 0x81, 0xe0, 0xf1,
};

GINLINE int g_x2apic(void)
{
	return way >= BY_CR8_X2APIC;
}

GUEST static void set_tpr(uint64_t class)
{
	if (way == BY_PAGE)
		g_apic_write(APIC_TPR, class << 4);
	else if (way == BY_MSR)
		g_wrmsr(MSR_X2APIC(APIC_TPR), class << 4);
	else
		g_set_cr8(class);
	__asm__ volatile("nop" : : : "memory");
}

GUEST static uint64_t get_tpr(void)
{
	if (way == BY_PAGE)
		return g_apic_read(APIC_TPR) >> 4;
	if (way == BY_MSR)
		return g_rdmsr(MSR_X2APIC(APIC_TPR)) >> 4;
	return g_cr8();
}

/* The same by the other names it has. */
GUEST static void expect_tpr(uint64_t class)
{
	g_check_eq(g_cr8(), class);
	if (g_x2apic())
		g_check_eq(g_rdmsr(MSR_X2APIC(APIC_TPR)), class << 4);
	else
		g_check_eq(g_apic_read(APIC_TPR), class << 4);
}

GUEST static void raise(uint32_t vector)
{
	if (g_x2apic())
		g_wrmsr(MSR_X2APIC_SELF_IPI, vector);
	else
		g_apic_write(APIC_ICR, 0x44000 | vector);
}

GUEST static void eoi(void)
{
	if (g_x2apic())
		g_wrmsr(MSR_X2APIC(APIC_EOI), 0);
	else
		g_apic_write(APIC_EOI, 0);
}

GUEST static void svr(uint32_t val)
{
	if (g_x2apic())
		g_wrmsr(MSR_X2APIC(APIC_SVR), val);
	else
		g_apic_write(APIC_SVR, val);
}

GUEST static void on_irq(struct guest_regs *r)
{
	order[nr & 7] = r->vector;
	nr++;
	eoi();
}

GUEST static void setup(void)
{
	for (int i = 32; i < 256; i++)
		guest_handlers[i] = on_irq;
	if (g_x2apic())
		g_x2apic_enable();
	else
		g_apic_enable();
}

static struct vcpu *start(void (*fn)(void), enum way w)
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	G(v->vm, way) = w;
	vcpu_enter64(v, fn);
	tap_diag("by %s", way_names[w]);
	return v;
}

static void each_way(void (*fn)(void))
{
	for (enum way w = 0; w < NR_WAYS; w++)
		vcpu_done(start(fn, w));
}

GUEST static void step_down(void)
{
	uint64_t taken = 0;

	setup();
	set_tpr(15);
	expect_tpr(15);
	for (int i = 0; i < NR_LEVELS; i++)
		raise(levels[i]);
	g_sti();
	for (int class = 14; class >= 0; class--) {
		set_tpr(class);
		while (taken < NR_LEVELS &&
		       levels[NR_LEVELS - 1 - taken] >> 4 > class)
			taken++;
		g_check_eq(nr, taken);
	}
	g_cli();
	g_check_eq(nr, NR_LEVELS);
	for (int i = 0; i < NR_LEVELS; i++)
		g_check_eq(order[i], levels[NR_LEVELS - 1 - i]);
	g_done();
}

TEST(step_down, "lowered step by step it lets in each interrupt in its turn")
{
	each_way(step_down);
}

GUEST static void closed_again(void)
{
	setup();
	raise(0x41);	/* could come, but for IF */
	set_tpr(5);
	g_take_irqs();
	g_check_eq(nr, 0);
	raise(0x61);	/* this one comes, that one still waits */
	g_take_irqs();
	g_check_eq(nr, 1);
	g_check_eq(order[0], 0x61);
	g_sti();
	set_tpr(4);
	g_check_eq(nr, 1);
	set_tpr(3);
	g_check_eq(nr, 2);
	g_cli();
	g_done();
}

TEST(closed_again, "raised before interrupts are on it holds back what was let in")
{
	each_way(closed_again);
}

static volatile uint64_t inner GUEST_VAR;

GUEST static void on_outer(struct guest_regs *r)
{
	raise(0x71);
	g_take_irqs();
	inner = nr;		/* 0x81 in service holds it back */
	set_tpr(7);
	eoi();
	g_take_irqs();
	inner |= nr << 8;	/* TPR does */
	set_tpr(6);
	g_take_irqs();
	inner |= nr << 16;	/* nothing does */
}

GUEST static void in_service(void)
{
	setup();
	guest_handlers[0x81] = on_outer;
	raise(0x81);
	g_take_irqs();
	g_check_eq(inner, 0x10000);
	g_done();
}

TEST(in_service, "it and the interrupt in service hold back whichever is higher")
{
	each_way(in_service);
}

GUEST static void off(void)
{
	setup();
	svr(0xff);
	set_tpr(9);
	expect_tpr(9);
	g_check_eq(get_tpr(), 9);
	svr(0x1ff);
	expect_tpr(9);
	raise(0x91);
	g_take_irqs();
	g_check_eq(nr, 0);
	set_tpr(8);
	g_take_irqs();
	g_check_eq(nr, 1);
	g_done();
}

TEST(off, "it works while the APIC is off in software, and stays")
{
	each_way(off);
}

/* --- exits ------------------------------------------------------------------ */

GUEST static void toggle(void)
{
	setup();
	set_tpr(9);
	raise(0x91);
	g_check_eq(get_tpr(), 9);
	g_sti();
	g_sync(0);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		set_tpr(9 + i % 7);
		g_check_eq(get_tpr(), 9 + i % 7);
	}
	g_sync(1);
	g_check_eq(nr, 0);
	set_tpr(8);
	g_check_eq(nr, 1);
	g_done();
}

/* Exits in the rounds of toggle(). */
static uint64_t toggle_exits(enum way w)
{
	struct vcpu *v = start(toggle, w);
	uint64_t before;

	CHECK_EQ(vcpu_sync(v), 0);
	before = vcpu_stat(v, "exits");
	CHECK_EQ(vcpu_sync(v), 1);
	before = vcpu_stat(v, "exits") - before;
	vcpu_done(v);
	return before;
}

TEST(no_exits, "accesses that let nothing in do not exit")
{
	REQUIRE_CAP(KVM_CAP_BINARY_STATS_FD);
	for (enum way w = 0; w < NR_WAYS; w++) {
		if (w == BY_PAGE && !strcmp(dev_path(), "/dev/kvm")) {
			tap_diag("in-tree KVM exits for the page");
			continue;
		}
		/* the host's timer has its share */
		CHECK(toggle_exits(w) < ROUNDS / 10);
	}
}

/* --- user space ------------------------------------------------------------- */

static uint32_t *lapic_reg(struct kvm_lapic_state *l, unsigned int reg)
{
	return (uint32_t *)(l->regs + reg);
}

GUEST static void shared(void)
{
	setup();
	set_tpr(9);
	raise(0x41);
	g_sti();
	g_sync(0);
	expect_tpr(12);
	g_sync(1);
	g_check_eq(nr, 1);
	expect_tpr(3);
	set_tpr(15);
	raise(0x42);
	g_sync(2);
	g_check_eq(nr, 2);
	expect_tpr(2);
	g_cli();
	g_done();
}

TEST(user, "user space sees it and changes it, which takes effect at once")
{
	for (enum way w = 0; w < NR_WAYS; w++) {
		struct vcpu *v = start(shared, w);
		struct kvm_lapic_state l;
		struct kvm_sregs s;

		CHECK_EQ(vcpu_sync(v), 0);
		CHECK_EQ(v->run->cr8, 9);
		s = vcpu_sregs(v);
		CHECK_EQ(s.cr8, 9);
		s.cr8 = 12;
		vcpu_set_sregs(v, &s);
		CHECK_EQ(vcpu_sync(v), 1);
		s.cr8 = 3;
		vcpu_set_sregs(v, &s);
		CHECK_EQ(vcpu_sync(v), 2);
		CHECK_OK(ioctl(v->fd, KVM_GET_LAPIC, &l));
		CHECK_EQ(*lapic_reg(&l, APIC_TPR), 0xf0);
		*lapic_reg(&l, APIC_TPR) = 0x20;
		CHECK_OK(ioctl(v->fd, KVM_SET_LAPIC, &l));
		vcpu_done(v);
	}
}

/* --- INIT ------------------------------------------------------------------- */

GUEST_ASM(real_code, 16,
	  "mov $0x5e0, %dx\n"		/* PORT_SYNC */
	  "mov $7, %eax\n"
	  "1: out %eax, %dx\n"
	  "jmp 1b\n");

GUEST static void held_back(void)
{
	setup();
	set_tpr(15);
	raise(0xf1);
	g_sti();
	g_sync(0);
	g_fail(__LINE__, 0, 0);
}

GUEST static void initiate(void)
{
	setup();
	if (g_x2apic()) {
		g_wrmsr(MSR_X2APIC(APIC_ICR), 1ull << 32 | 0x4500);
		g_wrmsr(MSR_X2APIC(APIC_ICR), 1ull << 32 | 0x4600 |
			GUEST_REAL >> 12);
	} else {
		g_apic_write(APIC_ICR2, 1u << 24);
		g_apic_write(APIC_ICR, 0x4500);
		g_apic_write(APIC_ICR, 0x4600 | GUEST_REAL >> 12);
	}
	g_done();
}

TEST(init, "INIT takes away the priority and what it held back")
{
	for (enum way w = 0; w < NR_WAYS; w++) {
		struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
		struct vcpu *v = start(initiate, w);
		struct vcpu *other = vcpu_new(v->vm, 1);

		memcpy(vm_ptr(v->vm, GUEST_REAL), real_code,
		       real_code_end - real_code);
		CHECK_OK(ioctl(other->fd, KVM_SET_MP_STATE, &runnable));
		vcpu_enter64(other, held_back);
		CHECK_EQ(vcpu_sync(other), 0);
		vcpu_done(v);
		CHECK_EQ(vcpu_sync(other), 7);
		CHECK_EQ(vcpu_sregs(other).cr8, 0);
	}
}
