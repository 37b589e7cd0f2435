// SPDX-License-Identifier: GPL-2.0-or-later
/* The local APIC of one vCPU: registers, priorities, timer, both modes. */
#include "guest.h"

#define GP		13
#define VEC		0x40
#define ICR_SELF	0x40000
#define ICR_ASSERT	0x4000
#define LVT_MASKED	0x10000
#define LVT_PERIODIC	0x20000
#define LVT_DEADLINE	0x40000

static volatile uint64_t hits[256] GUEST_VAR;
static volatile uint64_t order[8] GUEST_VAR, nr GUEST_VAR;
static volatile uint64_t x2apic GUEST_VAR;

GUEST static void eoi(void)
{
	if (x2apic)
		g_wrmsr(MSR_X2APIC(APIC_EOI), 0);
	else
		g_apic_write(APIC_EOI, 0);
}

GUEST static void handler(struct guest_regs *r)
{
	hits[r->vector]++;
	order[nr & 7] = r->vector;
	nr++;
	eoi();
}

/* Fixed, physical, edge. */
GINLINE void g_self_ipi(uint32_t vector)
{
	g_apic_write(APIC_ICR, ICR_SELF | ICR_ASSERT | vector);
}

GUEST static void setup(void)
{
	for (int i = 32; i < 256; i++)
		guest_handlers[i] = handler;
	if (x2apic)
		g_x2apic_enable();
	else
		g_apic_enable();
}

static uint64_t scale GUEST_VAR;	/* of the timer's counts: tap_scale() */

static struct vcpu *new_vcpu(void (*fn)(void))
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	G(vm, scale) = tap_scale();
	vcpu_enter64(v, fn);
	return v;
}

static void run(void (*fn)(void))
{
	vcpu_done(new_vcpu(fn));
}

GUEST static void registers(void)
{
	uint32_t ver;

	g_check_eq(g_apic_read(APIC_ID) >> 24, 0);
	ver = g_apic_read(APIC_VER);
	g_check((ver & 0xff) >= 0x10 && (ver & 0xff) <= 0x1f);
	g_check((ver >> 16 & 0xff) >= 4);
	/* After reset: off, everything masked. */
	g_check_eq(g_apic_read(APIC_SVR), 0xff);
	g_check_eq(g_apic_read(APIC_LVTT), LVT_MASKED);
	g_check_eq(g_apic_read(APIC_LVTERR), LVT_MASKED);
	g_check_eq(g_apic_read(APIC_DFR), 0xffffffff);
	/* Software-off forces the mask bits. */
	g_apic_write(APIC_LVTT, VEC);
	g_check_eq(g_apic_read(APIC_LVTT), LVT_MASKED | VEC);
	g_apic_enable();
	g_check_eq(g_apic_read(APIC_SVR) & 0x1ff, 0x1ff);
	g_apic_write(APIC_LVTT, VEC);
	g_check_eq(g_apic_read(APIC_LVTT), VEC);
	g_apic_write(APIC_LDR, 0x12345678);
	g_check_eq(g_apic_read(APIC_LDR), 0x12000000);
	g_apic_write(APIC_DFR, 0x0fffffff);
	g_check_eq(g_apic_read(APIC_DFR), 0x0fffffff);
	g_apic_write(APIC_TPR, 0x55);
	g_check_eq(g_apic_read(APIC_TPR), 0x55);
	g_check_eq(g_apic_read(APIC_PPR), 0x55);
	g_apic_write(APIC_ICR2, 0xab000000);
	g_check_eq(g_apic_read(APIC_ICR2), 0xab000000);
	g_done();
}

TEST(registers, "registers after reset, and what they keep")
{
	run(registers);
}

GUEST static void self_ipi(void)
{
	setup();
	g_self_ipi(VEC);
	g_check_eq(hits[VEC], 0);
	g_check(g_apic_read(APIC_IRR + 0x20) & 1);
	g_take_irqs();
	g_check_eq(hits[VEC], 1);
	g_check_eq(g_apic_read(APIC_IRR + 0x20), 0);
	g_check_eq(g_apic_read(APIC_ISR + 0x20), 0);
	/* Twice before it is taken is once. */
	g_self_ipi(VEC);
	g_self_ipi(VEC);
	g_take_irqs();
	g_take_irqs();
	g_check_eq(hits[VEC], 2);
	/* Every vector that may be. */
	for (uint32_t i = 32; i < 255; i++) {
		g_self_ipi(i);
		g_take_irqs();
		g_check_eq(hits[i], i == VEC ? 3 : 1);
	}
	g_done();
}

TEST(self_ipi, "self-IPIs: IRR, delivery, once each, every vector")
{
	run(self_ipi);
}

GUEST static void priorities(void)
{
	setup();
	g_self_ipi(0x41);
	g_self_ipi(0x81);
	g_self_ipi(0x61);
	for (int i = 0; i < 4; i++)
		g_take_irqs();
	g_check_eq(nr, 3);
	g_check_eq(order[0], 0x81);
	g_check_eq(order[1], 0x61);
	g_check_eq(order[2], 0x41);
	g_done();
}

TEST(priority, "of several interrupts the highest comes first")
{
	run(priorities);
}

GUEST static void tpr_masks(void)
{
	setup();
	g_apic_write(APIC_TPR, 0x40);
	g_self_ipi(0x4f);
	g_take_irqs();
	g_check_eq(hits[0x4f], 0);
	g_self_ipi(0x50);
	g_take_irqs();
	g_check_eq(hits[0x50], 1);
	g_apic_write(APIC_TPR, 0x3f);
	g_take_irqs();
	g_check_eq(hits[0x4f], 1);
	/* The same with CR8, whose writes may exit or not. */
	g_set_cr8(6);
	g_self_ipi(0x61);
	g_take_irqs();
	g_check_eq(hits[0x61], 0);
	g_sti();
	g_set_cr8(5);
	g_barrier();
	__asm__ volatile("nop");
	g_cli();
	g_check_eq(hits[0x61], 1);
	g_done();
}

TEST(tpr, "the TPR holds back its class and lower, until it is lowered")
{
	run(tpr_masks);
}

static volatile uint64_t nested GUEST_VAR, isr_seen GUEST_VAR;

GUEST static void outer(struct guest_regs *r)
{
	g_self_ipi(0x71);	/* lower class: waits for our EOI */
	g_self_ipi(0x91);	/* higher: comes at once */
	g_take_irqs();
	nested = hits[0x91] * 16 + hits[0x71];
	isr_seen = g_apic_read(APIC_ISR + 0x40);
	g_check_eq(g_apic_read(APIC_PPR), 0x80);
	eoi();
}

GUEST static void in_service(void)
{
	setup();
	guest_handlers[0x81] = outer;
	g_self_ipi(0x81);
	g_take_irqs();
	g_check_eq(nested, 0x10);
	g_check_eq(isr_seen, 2);
	g_take_irqs();
	g_check_eq(hits[0x71], 1);
	g_check_eq(g_apic_read(APIC_ISR + 0x40), 0);
	g_done();
}

TEST(in_service, "an interrupt in service holds back lower ones until EOI")
{
	run(in_service);
}

GUEST static void disabled(void)
{
	setup();
	g_apic_write(APIC_SVR, 0xff);
	g_self_ipi(VEC);
	g_take_irqs();
	g_check_eq(hits[VEC], 0);
	g_check(g_apic_read(APIC_LVTT) & LVT_MASKED);
	g_done();
}

TEST(software_off, "an APIC that is off in software delivers no IPI")
{
	run(disabled);
}

/* --- timer --- */

GUEST static void wait_for(uint32_t vector, uint64_t n)
{
	while (hits[vector] < n)
		g_wait_irq();
}

GUEST static void spin_ticks(uint64_t ticks)
{
	uint64_t end = g_rdtsc() + ticks;

	g_sti();
	while (g_rdtsc() < end)
		g_pause();
	g_cli();
}

GUEST static void one_shot(void)
{
	setup();
	g_apic_write(APIC_TDCR, 0xb);		/* divide by 1 */
	g_apic_write(APIC_LVTT, VEC);
	g_apic_write(APIC_TMICT, 1000000 * scale);
	g_check(g_apic_read(APIC_TMCCT) > 0);
	g_check(g_apic_read(APIC_TMCCT) <= 1000000 * scale);
	g_check_eq(hits[VEC], 0);
	wait_for(VEC, 1);
	g_check_eq(g_apic_read(APIC_TMCCT), 0);
	spin_ticks(3000000 * scale);
	g_check_eq(hits[VEC], 1);
	/* Stopped by an initial count of 0. */
	g_apic_write(APIC_TMICT, 1000000 * scale);
	g_apic_write(APIC_TMICT, 0);
	g_check_eq(g_apic_read(APIC_TMCCT), 0);
	spin_ticks(3000000 * scale);
	g_check_eq(hits[VEC], 1);
	/* Masked: it counts, and nothing comes. */
	g_apic_write(APIC_LVTT, VEC | LVT_MASKED);
	g_apic_write(APIC_TMICT, 100000);
	while (g_apic_read(APIC_TMCCT))
		g_pause();
	g_take_irqs();
	g_check_eq(hits[VEC], 1);
	g_done();
}

TEST(one_shot, "the one-shot timer fires once, stops, and can be masked")
{
	run(one_shot);
}

GUEST static void divided(void)
{
	uint64_t t1, t16;

	setup();
	g_apic_write(APIC_LVTT, VEC);
	g_apic_write(APIC_TDCR, 0xb);
	t1 = g_rdtsc();
	g_apic_write(APIC_TMICT, 500000 * scale);
	wait_for(VEC, 1);
	t1 = g_rdtsc() - t1;
	g_apic_write(APIC_TMICT, 0);
	g_apic_write(APIC_TDCR, 0x3);		/* divide by 16 */
	t16 = g_rdtsc();
	g_apic_write(APIC_TMICT, 500000 * scale);
	wait_for(VEC, 2);
	t16 = g_rdtsc() - t16;
	if (t16 < 4 * t1)
		g_fail(__LINE__, t1, t16);
	g_done();
}

TEST(divider, "the timer's divider divides")
{
	run(divided);
}

GUEST static void periodic(void)
{
	setup();
	g_apic_write(APIC_TDCR, 0xb);
	g_apic_write(APIC_LVTT, VEC | LVT_PERIODIC);
	g_apic_write(APIC_TMICT, 500000);
	wait_for(VEC, 4);
	g_check(g_apic_read(APIC_TMCCT) > 0);
	g_apic_write(APIC_TMICT, 0);
	g_take_irqs();
	hits[VEC] = 0;
	spin_ticks(2000000);
	g_check_eq(hits[VEC], 0);
	g_done();
}

TEST(periodic, "the periodic timer fires again and again until stopped")
{
	run(periodic);
}

GUEST static void deadline(void)
{
	uint64_t when;

	setup();
	g_apic_write(APIC_LVTT, VEC | LVT_DEADLINE);
	g_check_eq(g_rdmsr(MSR_TSC_DEADLINE), 0);
	when = g_rdtsc() + 500000;
	g_wrmsr(MSR_TSC_DEADLINE, when);
	g_check_eq(g_rdmsr(MSR_TSC_DEADLINE), when);
	wait_for(VEC, 1);
	g_check(g_rdtsc() >= when);
	g_check_eq(g_rdmsr(MSR_TSC_DEADLINE), 0);
	/* In the past: at once. */
	g_wrmsr(MSR_TSC_DEADLINE, 1);
	wait_for(VEC, 2);
	/* Disarmed. */
	g_wrmsr(MSR_TSC_DEADLINE, g_rdtsc() + 300000);
	g_wrmsr(MSR_TSC_DEADLINE, 0);
	spin_ticks(1000000);
	g_check_eq(hits[VEC], 2);
	/* Another mode: the MSR is dead. */
	g_apic_write(APIC_LVTT, VEC);
	g_wrmsr(MSR_TSC_DEADLINE, g_rdtsc() + 1000);
	g_check_eq(g_rdmsr(MSR_TSC_DEADLINE), 0);
	spin_ticks(500000);
	g_check_eq(hits[VEC], 2);
	g_done();
}

TEST(deadline, "the TSC-deadline timer: due, past, disarmed, other mode")
{
	REQUIRE_CAP(KVM_CAP_TSC_DEADLINE_TIMER);
	run(deadline);
}

/* --- illegal vectors; cases.md 18 --- */

GUEST static void illegal(void)
{
	setup();
	/* The error LVT itself has an illegal vector, then errors occur. */
	g_apic_write(APIC_ESR, 0);
	g_apic_write(APIC_LVTERR, 5);
	g_apic_write(APIC_LVTERR, 0);
	g_self_ipi(3);
	g_apic_write(APIC_LVTT, 7);
	g_apic_write(APIC_TDCR, 0xb);
	g_apic_write(APIC_TMICT, 1000);
	spin_ticks(300000);
	g_apic_write(APIC_ESR, 0);
	(void)g_apic_read(APIC_ESR);
	/* Still alive. */
	g_self_ipi(VEC);
	g_take_irqs();
	g_check_eq(hits[VEC], 1);
	g_check_eq(nr, 1);
	g_done();
}

TEST(illegal_vector, "illegal vectors in LVTs and ICR deliver nothing")
{
	run(illegal);
}

/* --- x2APIC --- */

GUEST static void x2_registers(void)
{
	uint64_t v;

	x2apic = 1;
	/* Not yet on: its MSRs are not there. */
	g_check_eq(g_try_rdmsr(MSR_X2APIC(APIC_ID), &v), GP);
	setup();
	g_check_eq(g_rdmsr(MSR_APIC_BASE) & 0xc00, 0xc00);
	g_check_eq(g_rdmsr(MSR_X2APIC(APIC_ID)), 0);
	g_check_eq(g_rdmsr(MSR_X2APIC(APIC_LDR)), 1);
	g_check_eq(g_rdmsr(MSR_X2APIC(APIC_SVR)) & 0x1ff, 0x1ff);
	/* Registers that this mode does not have. */
	g_check_eq(g_try_rdmsr(MSR_X2APIC(APIC_DFR), &v), GP);
	g_check_eq(g_try_rdmsr(MSR_X2APIC(APIC_ICR2), &v), GP);
	g_check_eq(g_try_rdmsr(0x8ff, &v), GP);
	/* Read-only, write-only, reserved bits. */
	g_check_eq(g_try_wrmsr(MSR_X2APIC(APIC_ID), 0), GP);
	g_check_eq(g_try_wrmsr(MSR_X2APIC(APIC_LDR), 0), GP);
	g_check_eq(g_try_wrmsr(MSR_X2APIC(APIC_LVTT), 1ull << 32), GP);
	g_check_eq(g_try_wrmsr(MSR_X2APIC(APIC_ESR), 1), GP);
	g_wrmsr(MSR_X2APIC(APIC_TPR), 0x45);
	g_check_eq(g_rdmsr(MSR_X2APIC(APIC_TPR)), 0x45);
	g_wrmsr(MSR_X2APIC(APIC_TPR), 0);
	/* Back to xAPIC only through off. */
	v = g_rdmsr(MSR_APIC_BASE);
	g_check_eq(g_try_wrmsr(MSR_APIC_BASE, v & ~0x400ull), GP);
	g_wrmsr(MSR_APIC_BASE, v & ~0xc00ull);
	g_wrmsr(MSR_APIC_BASE, (v & ~0xc00ull) | 0x800);
	g_check_eq(g_apic_read(APIC_ID) >> 24, 0);
	g_apic_enable();
	g_self_ipi(VEC);
	g_done();
}

TEST(x2apic_registers, "x2APIC MSRs, their refusals, and the way back")
{
	run(x2_registers);
}

GUEST static void x2_ipis(void)
{
	x2apic = 1;
	setup();
	g_wrmsr(MSR_X2APIC_SELF_IPI, VEC);
	g_check(g_rdmsr(MSR_X2APIC(APIC_IRR + 0x20)) & 1);
	g_take_irqs();
	g_check_eq(hits[VEC], 1);
	/* ICR: destination 0, physical. */
	g_wrmsr(MSR_X2APIC(APIC_ICR), VEC + 1);
	g_take_irqs();
	g_check_eq(hits[VEC + 1], 1);
	/* Logical, and to self. */
	g_wrmsr(MSR_X2APIC(APIC_ICR), 1ull << 32 | 0x800 | (VEC + 2));
	g_take_irqs();
	g_check_eq(hits[VEC + 2], 1);
	g_wrmsr(MSR_X2APIC(APIC_ICR), ICR_SELF | (VEC + 3));
	g_take_irqs();
	g_check_eq(hits[VEC + 3], 1);
	/* Nobody there. */
	g_wrmsr(MSR_X2APIC(APIC_ICR), 5ull << 32 | (VEC + 4));
	g_take_irqs();
	g_check_eq(hits[VEC + 4], 0);
	g_done();
}

TEST(x2apic_ipi, "x2APIC IPIs: self, physical, logical, to nobody")
{
	run(x2_ipis);
}

GUEST static void x2_deadline(void)
{
	x2apic = 1;
	setup();
	g_wrmsr(MSR_X2APIC(APIC_LVTT), VEC | LVT_DEADLINE);
	g_wrmsr(MSR_TSC_DEADLINE, g_rdtsc() + 300000);
	wait_for(VEC, 1);
	g_wrmsr(MSR_X2APIC(APIC_LVTT), VEC);
	g_wrmsr(MSR_X2APIC(APIC_TDCR), 0xb);
	g_wrmsr(MSR_X2APIC(APIC_TMICT), 300000);
	g_check(g_rdmsr(MSR_X2APIC(APIC_TMCCT)) <= 300000);
	wait_for(VEC, 2);
	g_done();
}

TEST(x2apic_timer, "timers in x2APIC mode")
{
	REQUIRE_CAP(KVM_CAP_TSC_DEADLINE_TIMER);
	run(x2_deadline);
}
