// SPDX-License-Identifier: GPL-2.0-or-later
/* The split irqchip: lines, the end of a level interrupt, user space's PIC. */
#include <unistd.h>

#include "guest.h"

#define VEC		0x51
#define PINS		24
#define MSI_LEVEL	0xc000		/* level-triggered, asserted */
#define LVT_MASKED	0x10000
#define LVT_EXTINT	0x700

static volatile uint64_t hits GUEST_VAR, last GUEST_VAR, x2apic GUEST_VAR;

GUEST static void eoi(void)
{
	if (x2apic)
		g_wrmsr(MSR_X2APIC(APIC_EOI), 0);
	else
		g_apic_write(APIC_EOI, 0);
}

GUEST static void handler(struct guest_regs *r)
{
	hits++;
	last = r->vector;
	eoi();
}

GUEST static void take(void)
{
	guest_handlers[VEC] = handler;
	guest_handlers[VEC + 1] = handler;
	if (x2apic)
		g_x2apic_enable();
	else
		g_apic_enable();
	for (;;) {
		g_sync(hits);
		g_take_irqs();
	}
}

/* A route of each GSI to an MSI with this data, for vCPU 0. */
static void route(struct vm *vm, unsigned int n, const uint32_t gsi[],
		  const uint32_t data[])
{
	struct {
		struct kvm_irq_routing h;
		struct kvm_irq_routing_entry e[8];
	} r = { .h.nr = n };

	for (unsigned int i = 0; i < n; i++) {
		r.e[i].gsi = gsi[i];
		r.e[i].type = KVM_IRQ_ROUTING_MSI;
		r.e[i].u.msi.address_lo = 0xfee00000;
		r.e[i].u.msi.data = data[i];
	}
	CHECK_OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r));
}

static struct vm *split_vm(void)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_SPLIT_IRQCHIP, .args[0] = PINS,
	};
	struct vm *vm = vm_new(0);

	REQUIRE_CAP(KVM_CAP_SPLIT_IRQCHIP);
	CHECK_OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
	return vm;
}

static int line(struct vm *vm, uint32_t gsi, uint32_t level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	CHECK_OK(ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &l));
	return l.status;
}

TEST(line_status, "KVM_IRQ_LINE_STATUS tells what became of an interrupt")
{
	const uint32_t gsi[] = { 5 }, data[] = { VEC };
	struct vm *vm = split_vm();
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_irq_level l = { .irq = 5, .level = 1 };

	CHECK(dev_cap(KVM_CAP_IRQ_INJECT_STATUS) == 1);
	vcpu_enter64(v, take);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(line(vm, 5, 1), -1);
	route(vm, 1, gsi, data);
	CHECK_EQ(line(vm, 5, 1), 1);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(G(vm, last), VEC);
	CHECK_EQ(line(vm, 5, 0), -1);
	CHECK_EQ(line(vm, 6, 1), -1);
	CHECK_EQ(line(vm, ~0u, 1), -1);
	CHECK_OK(ioctl(vm->fd, KVM_IRQ_LINE, &l));
	CHECK_EQ(vcpu_sync(v), 2);
	CHECK_EQ(vcpu_sync(v), 2);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQ_LINE, 8L), EFAULT);
}

TEST(line_refused, "lines need an interrupt controller in the kernel")
{
	struct kvm_irq_level l = { .irq = 1, .level = 1 };
	struct vm *vm = vm_new(0);

	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQ_LINE, &l), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &l), ENXIO);
}

/* --- the end of a level-triggered interrupt --- */

static void expect_eoi(struct vcpu *v, uint8_t vector)
{
	vcpu_expect(v, KVM_EXIT_IOAPIC_EOI);
	CHECK_EQ(v->run->eoi.vector, vector);
}

static void eois(uint64_t x2)
{
	const uint32_t gsi[] = { 3, PINS - 1, PINS, 4 };
	const uint32_t data[] = {
		MSI_LEVEL | VEC, MSI_LEVEL | (VEC + 1), MSI_LEVEL | VEC,
		VEC + 1,
	};
	struct vm *vm = split_vm();
	struct vcpu *v = vcpu_new(vm, 0);

	route(vm, 4, gsi, data);
	G(vm, x2apic) = x2;
	vcpu_enter64(v, take);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(line(vm, 3, 1), 1);
	expect_eoi(v, VEC);
	CHECK_EQ(vcpu_sync(v), 1);

	/* user space raises it again from the exit */
	CHECK_EQ(line(vm, 3, 1), 1);
	expect_eoi(v, VEC);
	CHECK_EQ(line(vm, 3, 1), 1);
	expect_eoi(v, VEC);
	CHECK_EQ(vcpu_sync(v), 3);

	/* two at once end one after the other, the higher first */
	CHECK_EQ(line(vm, 3, 1), 1);
	CHECK_EQ(line(vm, PINS - 1, 1), 1);
	expect_eoi(v, VEC + 1);
	expect_eoi(v, VEC);
	CHECK_EQ(vcpu_sync(v), 5);

	/* an edge on the same vector has no end to tell */
	CHECK_EQ(line(vm, 4, 1), 1);
	CHECK_EQ(vcpu_sync(v), 6);
	CHECK_EQ(line(vm, PINS - 1, 1), 1);
	expect_eoi(v, VEC + 1);
	CHECK_EQ(vcpu_sync(v), 7);
	vcpu_free(v);
}

TEST(eoi_xapic, "the EOI of a pin's level interrupt goes to user space")
{
	eois(0);
}

TEST(eoi_x2apic, "the same in x2APIC mode")
{
	eois(1);
}

/* KVM scans routes for vectors; only xkvm knows whence one came. */
TEST(eoi_others, "level messages beyond the pins end in the kernel")
{
	const uint32_t gsi[] = { PINS }, data[] = { MSI_LEVEL | VEC };
	struct vm *vm = split_vm();
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_msi msi = {
		.address_lo = 0xfee00000, .data = MSI_LEVEL | VEC,
	};

	route(vm, 1, gsi, data);
	vcpu_enter64(v, take);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(line(vm, PINS, 1), 1);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	CHECK_EQ(vcpu_sync(v), 2);
}

GUEST static void hold(void)
{
	guest_handlers[VEC] = handler;
	g_apic_enable();
	g_sync(1);
	g_take_irqs();
	g_done();
}

TEST(eoi_restored, "a restored level interrupt still tells its end")
{
	const uint32_t gsi[] = { 3 }, data[] = { MSI_LEVEL | VEC };
	struct kvm_lapic_state s;
	struct vm *vm = split_vm();
	struct vcpu *v = vcpu_new(vm, 0);

	route(vm, 1, gsi, data);
	vcpu_enter64(v, hold);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(line(vm, 3, 1), 1);
	CHECK_OK(ioctl(v->fd, KVM_GET_LAPIC, &s));

	vm = split_vm();
	route(vm, 1, gsi, data);
	v = vcpu_new(vm, 0);
	vcpu_enter64(v, hold);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_OK(ioctl(v->fd, KVM_SET_LAPIC, &s));
	expect_eoi(v, VEC);
	vcpu_done(v);
	CHECK_EQ(G(vm, hits), 1);
}

/* --- user space as the PIC --- */

GUEST static void ext_handler(struct guest_regs *r)
{
	hits++;		/* the PIC's business: no EOI */
}

GUEST static void ext_take(void)
{
	guest_handlers[VEC] = ext_handler;
	g_apic_enable();
	g_sync(1);
	g_take_irqs();
	g_check_eq(hits, 0);
	g_apic_write(APIC_LVT0, LVT_EXTINT);
	g_sync(2);		/* interrupts are off */
	g_take_irqs();
	g_check_eq(hits, 1);
	g_apic_write(APIC_LVT0, LVT_EXTINT | LVT_MASKED);
	g_sync(3);
	g_take_irqs();
	g_check_eq(hits, 1);
	g_sync(4);
	g_apic_write(APIC_LVT0, LVT_EXTINT);
	g_take_irqs();
	g_check_eq(hits, 2);
	g_sync(5);
	while (hits < 3)
		g_wait_irq();
	g_done();
}

static int interrupt(struct vcpu *v, uint32_t irq)
{
	struct kvm_interrupt i = { .irq = irq };

	return ioctl(v->fd, KVM_INTERRUPT, &i);
}

TEST(user_pic, "a PIC in user space interrupts through LINT0 alone")
{
	struct vcpu *v = vcpu_new(split_vm(), 0);

	vcpu_enter64(v, ext_take);
	CHECK_EQ(vcpu_sync(v), 1);
	/* LINT0 of the boot processor starts open; the guest masks it here */
	v->run->request_interrupt_window = 1;
	for (int i = 0; i < 3; i++) {
		vcpu_exit(v);
		if (v->run->exit_reason != KVM_EXIT_IRQ_WINDOW_OPEN)
			break;
		CHECK_EQ(v->run->ready_for_interrupt_injection, 1);
		v->run->request_interrupt_window = 0;
	}
	CHECK(vcpu_at_sync(v, 2));
	CHECK_EQ(v->run->request_interrupt_window, 0);
	CHECK_EQ(v->run->ready_for_interrupt_injection, 0);
	v->run->request_interrupt_window = 1;
	vcpu_expect(v, KVM_EXIT_IRQ_WINDOW_OPEN);
	v->run->request_interrupt_window = 0;
	CHECK_OK(interrupt(v, VEC));
	CHECK_ERRNO(interrupt(v, VEC), EEXIST);
	CHECK_EQ(vcpu_sync(v), 3);

	/* masked: not ready, no window, and what comes nevertheless waits */
	v->run->request_interrupt_window = 1;
	CHECK_OK(interrupt(v, VEC));
	CHECK_EQ(vcpu_sync(v), 4);
	CHECK_EQ(v->run->ready_for_interrupt_injection, 0);
	v->run->request_interrupt_window = 0;
	CHECK_EQ(vcpu_sync(v), 5);
	CHECK_OK(interrupt(v, VEC));
	vcpu_done(v);
}
