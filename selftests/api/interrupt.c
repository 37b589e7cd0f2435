// SPDX-License-Identifier: GPL-2.0-or-later
/* Interrupts from user space: KVM_INTERRUPT, NMI, MSI, the LAPIC's state. */
#include <pthread.h>
#include <unistd.h>

#include "guest.h"

#define VEC	0x51

static volatile uint64_t hits GUEST_VAR, last GUEST_VAR, nmis GUEST_VAR;
static volatile uint64_t in_nmi GUEST_VAR, started GUEST_VAR;

GUEST static void handler(struct guest_regs *r)
{
	hits++;
	last = r->vector;
}

GUEST static void eoi_handler(struct guest_regs *r)
{
	hits++;
	last = r->vector;
	g_apic_write(APIC_EOI, 0);
}

GUEST static void take(void)
{
	guest_handlers[VEC] = handler;
	g_sync(1);		/* interrupts are off */
	g_check_eq(hits, 0);
	g_take_irqs();
	g_sync(2);
	g_done();
}

static int interrupt(struct vcpu *v, uint32_t irq)
{
	struct kvm_interrupt i = { .irq = irq };

	return ioctl(v->fd, KVM_INTERRUPT, &i);
}

TEST(interrupt, "KVM_INTERRUPT with a window asked for, APIC in user space")
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);

	vcpu_enter64(v, take);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(v->run->ready_for_interrupt_injection, 0);
	CHECK_EQ(v->run->if_flag, 0);
	v->run->request_interrupt_window = 1;
	vcpu_expect(v, KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(v->run->ready_for_interrupt_injection, 1);
	CHECK_EQ(v->run->if_flag, 1);
	v->run->request_interrupt_window = 0;
	CHECK_EQ(G(v->vm, hits), 0);
	CHECK_OK(interrupt(v, VEC));
	CHECK_EQ(vcpu_sync(v), 2);
	CHECK_EQ(G(v->vm, hits), 1);
	CHECK_EQ(G(v->vm, last), VEC);
	vcpu_done(v);
}

TEST(interrupt_refused, "KVM_INTERRUPT refuses vectors beyond 255")
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);

	CHECK_ERRNO(interrupt(v, 256), EINVAL);
	CHECK_ERRNO(interrupt(v, ~0u), EINVAL);
}

TEST(interrupt_in_kernel, "KVM_INTERRUPT is not for a vCPU with its own APIC")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	/* The split irqchip's user space is the PIC: it may, KVM says. */
	if (dev_cap(KVM_CAP_IRQCHIP) > 0) {
		struct vm *vm = vm_new(0);

		CHECK_OK(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L));
		v = vcpu_new(vm, 0);
		CHECK_ERRNO(interrupt(v, VEC), ENXIO);
	} else {
		CHECK_ERRNO(interrupt(v, 256), EINVAL);
	}
}

/* --- NMI --- */

GUEST static void on_nmi(struct guest_regs *r)
{
	nmis++;
	in_nmi = 1;
	if (nmis == 1) {
		g_sync(10);	/* a second one comes here: it must wait */
		g_check_eq(nmis, 1);
	}
	in_nmi = 0;
}

GUEST static void take_nmis(void)
{
	guest_handlers[2] = on_nmi;
	g_sync(1);
	g_check_eq(nmis, 2);
	g_check_eq(in_nmi, 0);
	g_sync(2);
	g_check_eq(nmis, 2);
	g_done();
}

TEST(nmi, "NMIs come with interrupts off; the second waits for the IRET")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	struct kvm_vcpu_events e;

	vcpu_enter64(v, take_nmis);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_OK(ioctl(v->fd, KVM_NMI, 0L));
	CHECK_EQ(vcpu_sync(v), 10);
	CHECK_OK(ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e));
	CHECK_EQ(e.nmi.masked, 1);
	CHECK_OK(ioctl(v->fd, KVM_NMI, 0L));
	CHECK_EQ(vcpu_sync(v), 2);
	CHECK_OK(ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e));
	CHECK_EQ(e.nmi.masked, 0);
	CHECK_EQ(e.nmi.pending, 0);
	vcpu_done(v);
}

/* --- MSI --- */

static int msi(struct vm *vm, uint32_t addr, uint32_t data)
{
	struct kvm_msi m = { .address_lo = addr, .data = data };

	return ioctl(vm->fd, KVM_SIGNAL_MSI, &m);
}

GUEST static void take_msi(void)
{
	guest_handlers[VEC] = eoi_handler;
	g_apic_enable();
	g_sync(1);
	g_take_irqs();
	g_check_eq(hits, 1);
	g_sync(2);
	started = 1;
	while (hits < 2)
		g_wait_irq();
	g_done();
}

static void *msi_soon(void *arg)
{
	struct vm *vm = arg;

	for (int i = 0; i < 10000 && !G(vm, started); i++)
		usleep(500);
	usleep(3000);
	if (msi(vm, 0xfee00000, VEC) != 1)
		FAIL("KVM_SIGNAL_MSI to a halted vCPU");
	return NULL;
}

TEST(msi, "KVM_SIGNAL_MSI: delivered, to a halted vCPU too, or to nobody")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	pthread_t t;

	vcpu_enter64(v, take_msi);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(msi(v->vm, 0xfee00000, VEC), 1);
	CHECK_EQ(vcpu_sync(v), 2);
	/* APIC 5 does not exist: nobody took it. */
	CHECK(msi(v->vm, 0xfee05000, VEC) <= 0);
	CHECK_EQ(pthread_create(&t, NULL, msi_soon, v->vm), 0);
	vcpu_done(v);
	pthread_join(t, NULL);
	CHECK_EQ(G(v->vm, hits), 2);
}

TEST(msi_refused, "an MSI with unknown flags, or without an irqchip")
{
	struct kvm_msi m = {
		.address_lo = 0xfee00000, .data = VEC, .flags = 0x80,
	};
	struct vm *vm = vm_new(VM_IRQCHIP);

	vcpu_new(vm, 0);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SIGNAL_MSI, &m), EINVAL);
	vm = vm_new(0);
	vcpu_new(vm, 0);
	CHECK(msi(vm, 0xfee00000, VEC) < 0);
}

/* --- the LAPIC's registers --- */

static uint32_t reg(struct kvm_lapic_state *l, unsigned int off)
{
	uint32_t val;

	memcpy(&val, l->regs + off, 4);
	return val;
}

static void set_reg(struct kvm_lapic_state *l, unsigned int off, uint32_t val)
{
	memcpy(l->regs + off, &val, 4);
}

GUEST static void take_restored(void)
{
	g_touch_stack();
	guest_handlers[VEC] = eoi_handler;
	guest_handlers[VEC + 1] = eoi_handler;
	g_take_irqs();
	g_take_irqs();
	g_check_eq(hits, 1);
	g_check_eq(last, VEC);
	g_check_eq(g_apic_read(APIC_TPR), 0x20);
	g_check_eq(g_apic_read(APIC_LVTT), VEC);
	g_done();
}

TEST(lapic, "the LAPIC's registers go out and into another, pending too")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	struct kvm_lapic_state l, m;

	CHECK_OK(ioctl(v->fd, KVM_GET_LAPIC, &l));
	CHECK_EQ(reg(&l, APIC_ID), 0);
	CHECK_EQ(reg(&l, APIC_SVR), 0xff);
	set_reg(&l, APIC_SVR, 0x1ff);
	set_reg(&l, APIC_TPR, 0x20);
	set_reg(&l, APIC_LVTT, VEC);
	set_reg(&l, APIC_IRR + VEC / 32 * 16, 1u << VEC % 32);
	CHECK_OK(ioctl(v->fd, KVM_SET_LAPIC, &l));
	CHECK_OK(ioctl(v->fd, KVM_GET_LAPIC, &m));
	CHECK_EQ(reg(&m, APIC_TPR), 0x20);
	CHECK_EQ(reg(&m, APIC_LVTT), VEC);
	CHECK(reg(&m, APIC_IRR + VEC / 32 * 16) & 1u << VEC % 32);
	vcpu_enter64(v, take_restored);
	{
		/* sregs carry CR8: keep the TPR that was set. */
		struct kvm_sregs s = vcpu_sregs(v);

		CHECK_EQ(s.cr8, 2);
	}
	vcpu_done(v);
}

/* cases.md 21: restored state is not trusted more than the guest's. */
TEST(lapic_garbage, "a LAPIC full of ones harms nobody")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	struct kvm_lapic_state l;

	memset(&l, 0xff, sizeof(l));
	/* Taken or refused, both are fine; what follows has to work. */
	(void)ioctl(v->fd, KVM_SET_LAPIC, &l);
	vcpu_enter64(v, take);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_OK(ioctl(v->fd, KVM_GET_LAPIC, &l));
}

TEST(lapic_none, "without an APIC in the kernel there is no state of one")
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);
	struct kvm_lapic_state l = { { 0 } };

	CHECK_ERRNO(ioctl(v->fd, KVM_GET_LAPIC, &l), EINVAL);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_LAPIC, &l), EINVAL);
}

/* The APIC's address space of a guest whose APIC is in user space. */
GUEST static void touch_apic(void)
{
	g_check_eq(g_apic_read(APIC_VER), 0x12345678);
	g_done();
}

TEST(lapic_user, "without an APIC in the kernel its page is MMIO")
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);
	uint32_t val = 0x12345678;

	vcpu_enter64(v, touch_apic);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.phys_addr, GUEST_APIC + APIC_VER);
	CHECK_EQ(v->run->mmio.len, 4);
	memcpy(v->run->mmio.data, &val, 4);
	vcpu_done(v);
}
