// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupt controllers: lines, routes, the end of a level interrupt for a split
 * irqchip, user space's PIC, and the state of those in the kernel.
 */
#include <sys/eventfd.h>
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

/* --- controllers in the kernel --- */

static struct vm *full_vm(bool pit)
{
	struct kvm_pit_config c = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct vm *vm = vm_new(0);

	REQUIRE_CAP(KVM_CAP_IRQCHIP);
	CHECK_OK(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L));
	if (pit)
		CHECK_OK(ioctl(vm->fd, KVM_CREATE_PIT2, &c));
	return vm;
}

TEST(caps, "the capabilities of the controllers in the kernel")
{
	static const int caps[] = {
		KVM_CAP_IRQCHIP, KVM_CAP_PIT, KVM_CAP_PIT2, KVM_CAP_PIT_STATE2,
		KVM_CAP_REINJECT_CONTROL, KVM_CAP_IRQFD_RESAMPLE,
		KVM_CAP_IRQ_INJECT_STATUS,
	};

	REQUIRE_CAP(KVM_CAP_IRQCHIP);
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		CHECK_EQ(dev_cap(caps[i]), 1);
}

TEST(create, "KVM_CREATE_IRQCHIP: once, before vCPUs, one kind")
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_SPLIT_IRQCHIP, .args[0] = PINS,
	};
	struct vm *vm = full_vm(false);

	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L), EEXIST);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EEXIST);
	vm = split_vm();
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L), EEXIST);
	vm = vm_new(0);
	vcpu_new_bare(vm, 0);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L), EINVAL);
}

TEST(state_refused, "the state of a controller that is not there")
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct vm *vm;

	REQUIRE_CAP(KVM_CAP_IRQCHIP);
	vm = split_vm();
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), ENXIO);
	vm = full_vm(false);
	chip.chip_id = 3;
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, 8L), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_IRQCHIP, 8L), EFAULT);
}

/* As a reset leaves it, and back in; garbage is made legal. */
TEST(state, "the controllers' state goes out and in")
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC }, back;
	struct vm *vm = full_vm(false);

	CHECK_OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip));
	CHECK_EQ(chip.chip.ioapic.base_address, 0xfec00000);
	CHECK_EQ(chip.chip.ioapic.redirtbl[23].bits, 0x10000);
	chip.chip.ioapic.id = 5;
	chip.chip.ioapic.ioregsel = 0x12;
	chip.chip.ioapic.redirtbl[4].bits = 0x0300000000018061ull;
	chip.chip.ioapic.redirtbl[5].bits = ~0ull;
	CHECK_OK(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip));
	back.chip_id = KVM_IRQCHIP_IOAPIC;
	CHECK_OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &back));
	CHECK_EQ(back.chip.ioapic.id, 5);
	CHECK_EQ(back.chip.ioapic.ioregsel, 0x12);
	CHECK_EQ(back.chip.ioapic.redirtbl[4].bits, 0x0300000000018061ull);
	CHECK_EQ(back.chip.ioapic.redirtbl[5].bits >> 56, 0xff);

	chip.chip_id = KVM_IRQCHIP_PIC_SLAVE;
	memset(&chip.chip, 0xff, sizeof(chip.chip));
	CHECK_OK(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip));
	back.chip_id = KVM_IRQCHIP_PIC_SLAVE;
	CHECK_OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &back));
	CHECK_EQ(back.chip.pic.imr, 0xff);
	CHECK_EQ(back.chip.pic.elcr_mask, 0xde);
	line(vm, 12, 1);
	line(vm, 12, 0);
}

GUEST static void restored(void)
{
	guest_handlers[VEC] = handler;
	g_apic_enable();
	g_sync(0);
	g_take_irqs();
	g_sync(hits);
	g_take_irqs();
	g_sync(hits);
	g_done();
}

TEST(state_pending, "an edge that waits in the state is sent, once")
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct vm *vm = full_vm(false);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, restored);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip));
	chip.chip.ioapic.redirtbl[7].bits = VEC;
	chip.chip.ioapic.irr = 1u << 7;
	CHECK_OK(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip));
	CHECK_OK(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip));
	CHECK_EQ(chip.chip.ioapic.irr, 0);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(vcpu_sync(v), 1);
	vcpu_done(v);
}

/* --- routes to pins --- */

static int try_routes(struct vm *vm, unsigned int n, const uint32_t gsi[],
		      const uint32_t chip[], const uint32_t pin[])
{
	struct {
		struct kvm_irq_routing h;
		struct kvm_irq_routing_entry e[8];
	} r = { .h.nr = n };

	for (unsigned int i = 0; i < n; i++) {
		r.e[i].gsi = gsi[i];
		r.e[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		r.e[i].u.irqchip.irqchip = chip[i];
		r.e[i].u.irqchip.pin = pin[i];
	}
	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r);
}

#define ROUTES(...)	((const uint32_t []){ __VA_ARGS__ })

TEST(pin_routes, "routes to pins: which there are, and what goes together")
{
	struct vm *vm = full_vm(false), *split = split_vm();

	CHECK_ERRNO(try_routes(split, 1, ROUTES(5), ROUTES(2), ROUTES(5)),
		    EINVAL);
	CHECK_ERRNO(try_routes(vm, 1, ROUTES(5), ROUTES(0), ROUTES(8)), EINVAL);
	CHECK_ERRNO(try_routes(vm, 1, ROUTES(5), ROUTES(1), ROUTES(8)), EINVAL);
	CHECK_ERRNO(try_routes(vm, 1, ROUTES(5), ROUTES(2), ROUTES(24)), EINVAL);
	CHECK_ERRNO(try_routes(vm, 1, ROUTES(5), ROUTES(3), ROUTES(0)), EINVAL);
	/* one pin of each controller */
	CHECK_ERRNO(try_routes(vm, 2, ROUTES(5, 5), ROUTES(2, 2), ROUTES(5, 6)),
		    EINVAL);
	/* the refused ones have left the default as it was */
	CHECK_EQ(line(vm, 23, 0), 1);
	CHECK_OK(try_routes(vm, 3, ROUTES(5, 5, 5), ROUTES(2, 0, 1),
			    ROUTES(5, 5, 5)));
	CHECK_EQ(line(vm, 5, 0), 3);
	CHECK_EQ(line(vm, 23, 0), -1);
	/* many, out of order */
	CHECK_OK(try_routes(vm, 5, ROUTES(9, 2, 9, 100, 2), ROUTES(2, 2, 0, 1, 0),
			    ROUTES(1, 2, 3, 4, 5)));
	CHECK_EQ(line(vm, 9, 0), 2);
	CHECK_EQ(line(vm, 2, 0), 2);
	CHECK_EQ(line(vm, 100, 0), 1);
	CHECK_EQ(line(vm, 5, 0), -1);
}

TEST(default_routes, "the default: 16 GSIs to both, the others to the I/O APIC")
{
	struct vm *vm = full_vm(false);

	for (uint32_t gsi = 0; gsi < 26; gsi++)
		CHECK_EQ(line(vm, gsi, 0), gsi < 16 ? 2 : gsi < 24 ? 1 : -1);
}

TEST(resample_refused, "resampling needs pins in the kernel")
{
	struct vm *vm = split_vm();
	struct kvm_irqfd f = {
		.fd = eventfd(0, 0), .gsi = 5, .resamplefd = eventfd(0, 0),
		.flags = KVM_IRQFD_FLAG_RESAMPLE,
	};

	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &f), EINVAL);
	vm = full_vm(false);
	f.resamplefd = 9999;
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &f), EBADF);
	f.resamplefd = STDOUT_FILENO;
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &f), EINVAL);
	f.resamplefd = eventfd(0, 0);
	CHECK_OK(ioctl(vm->fd, KVM_IRQFD, &f));
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &f), EBUSY);
	f.flags |= KVM_IRQFD_FLAG_DEASSIGN;
	CHECK_OK(ioctl(vm->fd, KVM_IRQFD, &f));
}

/* --- PIT --- */

TEST(pit_create, "KVM_CREATE_PIT2: once, with an irqchip")
{
	struct kvm_pit_config c = { 0 };
	struct kvm_pit_state2 s2;
	struct kvm_pit_state s;
	struct kvm_reinject_control r = { 0 };
	struct vm *vm;

	REQUIRE_CAP(KVM_CAP_PIT2);
	vm = full_vm(false);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_PIT, &s), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_PIT, &s), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_PIT2, &s2), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_PIT2, &s2), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_REINJECT_CONTROL, &r), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_PIT2, 8L), EFAULT);
	CHECK_OK(ioctl(vm->fd, KVM_CREATE_PIT2, &c));
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_PIT2, &c), EEXIST);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_PIT, 0L), EEXIST);
	CHECK_OK(ioctl(vm->fd, KVM_REINJECT_CONTROL, &r));
	vm = full_vm(false);
	CHECK_OK(ioctl(vm->fd, KVM_CREATE_PIT, 0L));
}

TEST(pit_state, "the PIT's state goes out and in, what is illegal does not")
{
	struct vm *vm = full_vm(true);
	struct kvm_pit_state2 s, t;
	struct kvm_pit_state old;

	CHECK_OK(ioctl(vm->fd, KVM_GET_PIT2, &s));
	CHECK_EQ(s.channels[0].count, 0x10000);
	CHECK_EQ(s.flags, 0);
	s.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	s.channels[0].mode = 2;
	s.channels[0].rw_mode = 3;
	s.channels[0].count = 1234;
	CHECK_OK(ioctl(vm->fd, KVM_SET_PIT2, &s));
	CHECK_OK(ioctl(vm->fd, KVM_GET_PIT2, &t));
	CHECK_EQ(t.flags, KVM_PIT_FLAGS_HPET_LEGACY);
	CHECK_EQ(t.channels[0].mode, 2);
	CHECK_EQ(t.channels[0].count, 1234);
	CHECK_OK(ioctl(vm->fd, KVM_GET_PIT, &old));
	CHECK_EQ(old.channels[0].count, 1234);
	old.channels[0].count = 0;
	CHECK_OK(ioctl(vm->fd, KVM_SET_PIT, &old));
	CHECK_OK(ioctl(vm->fd, KVM_GET_PIT2, &t));
	CHECK_EQ(t.channels[0].count, 0x10000);
	CHECK_EQ(t.flags, KVM_PIT_FLAGS_HPET_LEGACY);
	memset(&s, 0xff, sizeof(s));
	ioctl(vm->fd, KVM_SET_PIT2, &s);
	CHECK_OK(ioctl(vm->fd, KVM_GET_PIT2, &t));
}
