// SPDX-License-Identifier: GPL-2.0-or-later
/* irqfd, ioeventfd and the routing between GSIs and MSIs. */
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "guest.h"

#define VEC	0x61
#define PORT	0x700
#define MMIO	(GUEST_MMIO + 0x40)

static volatile uint64_t hits GUEST_VAR;

/* How often it was signalled; 0 if not at all. */
static uint64_t drain(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, 8) == 8 ? n : 0;
}

static int ioeventfd(struct vm *vm, int fd, uint64_t addr, uint32_t len,
		     uint32_t flags, uint64_t match)
{
	struct kvm_ioeventfd e = {
		.fd = fd, .addr = addr, .len = len, .flags = flags,
		.datamatch = match,
	};

	return ioctl(vm->fd, KVM_IOEVENTFD, &e);
}

#define F_PIO	KVM_IOEVENTFD_FLAG_PIO
#define F_MATCH	KVM_IOEVENTFD_FLAG_DATAMATCH
#define F_OFF	KVM_IOEVENTFD_FLAG_DEASSIGN

GUEST static void writes(void)
{
	g_out16(PORT, 1);
	g_out16(PORT, 2);
	g_out8(PORT, 1);		/* another size: leaves */
	g_write32(MMIO, 0xabcd);
	g_write32(MMIO, 0xabce);	/* no match: leaves */
	g_write8(MMIO + 16, 1);
	g_write64(MMIO + 16, 1);
	(void)g_read32(MMIO);		/* a read is none of it: leaves */
	g_done();
}

TEST(ioeventfd, "ioeventfds take the writes that match, others leave")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	int any = eventfd(0, EFD_NONBLOCK), two = eventfd(0, EFD_NONBLOCK);
	int mmio = eventfd(0, EFD_NONBLOCK), wild = eventfd(0, EFD_NONBLOCK);

	CHECK_OK(ioeventfd(vm, two, PORT, 2, F_PIO | F_MATCH, 2));
	CHECK_OK(ioeventfd(vm, any, PORT, 2, F_PIO | F_MATCH, 1));
	CHECK_OK(ioeventfd(vm, mmio, MMIO, 4, F_MATCH, 0xabcd));
	/* Length 0: any size, where the capability says so. */
	if (dev_cap(KVM_CAP_IOEVENTFD_ANY_LENGTH) > 0) {
		CHECK_OK(ioeventfd(vm, wild, MMIO + 16, 0, 0, 0));
	} else {
		CHECK_ERRNO(ioeventfd(vm, wild, MMIO + 16, 0, 0, 0), EINVAL);
		CHECK_OK(ioeventfd(vm, wild, MMIO + 16, 1, 0, 0));
		CHECK_OK(ioeventfd(vm, wild, MMIO + 16, 8, 0, 0));
	}
	vcpu_enter64(v, writes);
	vcpu_expect(v, KVM_EXIT_IO);
	CHECK_EQ(v->run->io.size, 1);
	CHECK_EQ(v->run->io.port, PORT);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK(v->run->mmio.is_write);
	CHECK_EQ(v->run->mmio.data[0], 0xce);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK(!v->run->mmio.is_write);
	vcpu_done(v);
	CHECK_EQ(drain(any), 1);
	CHECK_EQ(drain(two), 1);
	CHECK_EQ(drain(mmio), 1);
	CHECK_EQ(drain(wild), 2);
}

GUEST static void one_out(void)
{
	for (;;)
		g_out16(PORT, 3);
}

TEST(deassign, "an ioeventfd that was taken off takes no more")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	int fd = eventfd(0, EFD_NONBLOCK);

	CHECK_OK(ioeventfd(vm, fd, PORT, 2, F_PIO, 0));
	CHECK_OK(ioeventfd(vm, fd, PORT, 2, F_PIO | F_OFF, 0));
	CHECK_ERRNO(ioeventfd(vm, fd, PORT, 2, F_PIO | F_OFF, 0), ENOENT);
	vcpu_enter64(v, one_out);
	vcpu_expect(v, KVM_EXIT_IO);
	CHECK_EQ(v->run->io.port, PORT);
	CHECK_EQ(drain(fd), 0);
}

TEST(ioeventfd_refused, "ioeventfds that are twice or wrong are refused")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	int fd = eventfd(0, EFD_NONBLOCK), other = eventfd(0, EFD_NONBLOCK);

	CHECK_OK(ioeventfd(vm, fd, PORT, 2, F_PIO, 0));
	CHECK_ERRNO(ioeventfd(vm, other, PORT, 2, F_PIO, 0), EEXIST);
	CHECK_ERRNO(ioeventfd(vm, other, PORT, 2, F_PIO | F_MATCH, 5), EEXIST);
	CHECK_ERRNO(ioeventfd(vm, fd, MMIO, 3, 0, 0), EINVAL);
	CHECK_ERRNO(ioeventfd(vm, fd, MMIO, 16, 0, 0), EINVAL);
	CHECK_ERRNO(ioeventfd(vm, fd, MMIO, 4, 1u << 20, 0), EINVAL);
	CHECK_ERRNO(ioeventfd(vm, fd, ~0ull - 1, 4, 0, 0), EINVAL);
	CHECK_ERRNO(ioeventfd(vm, 9999, MMIO, 4, 0, 0), EBADF);
	CHECK_ERRNO(ioeventfd(vm, STDOUT_FILENO, MMIO, 4, 0, 0), EINVAL);
}

/* --- coming and going --- */

static volatile uint64_t writes_done GUEST_VAR, stop GUEST_VAR;

GUEST static void writes_on(void)
{
	while (!stop) {
		writes_done++;
		g_out16(PORT, 1);
	}
	g_done();
}

static void *count_exits(void *arg)
{
	struct vcpu *v = arg;
	uint64_t exits = 0;

	for (;;) {
		vcpu_expect(v, KVM_EXIT_IO);
		if (v->run->io.port != PORT)
			return (void *)exits;
		exits++;
	}
}

TEST(under_load, "ioeventfds come and go under a vCPU: each write goes one way")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t signals = 0;
	pthread_t thread;
	void *exits;

	vcpu_enter64(v, writes_on);
	CHECK_EQ(pthread_create(&thread, NULL, count_exits, v), 0);
	for (int i = 0; i < 200; i++) {
		int fd = eventfd(0, EFD_NONBLOCK), other = eventfd(0, 0);

		/* others around it, so that the bus is copied to and fro */
		CHECK_OK(ioeventfd(vm, other, PORT - 2, 2, F_PIO, 0));
		CHECK_OK(ioeventfd(vm, fd, PORT, 2, F_PIO, 0));
		CHECK_OK(ioeventfd(vm, other, PORT + 2, 2, F_PIO, 0));
		usleep(200);
		CHECK_OK(ioeventfd(vm, other, PORT - 2, 2, F_PIO | F_OFF, 0));
		CHECK_OK(ioeventfd(vm, fd, PORT, 2, F_PIO | F_OFF, 0));
		/* from here on it is signalled no more */
		signals += drain(fd);
		usleep(50);
		CHECK_EQ(drain(fd), 0);
		CHECK_OK(ioeventfd(vm, other, PORT + 2, 2, F_PIO | F_OFF, 0));
		close(fd);
		close(other);
	}
	G(vm, stop) = 1;
	pthread_join(thread, &exits);
	CHECK(signals > 0 && exits);
	CHECK_EQ(G(vm, writes_done), signals + (uint64_t)exits);
}

GUEST static void one_write(void)
{
	writes_done = 1;
	g_out16(PORT, 1);
	g_done();
}

#define OTHERS	300

/*
 * Case 16 (CVE-2026-72282): a write finds a device on the bus and uses it after
 * it was taken off.  The signal goes to the eventfd of that moment, not to one
 * that was given the memory.
 */
TEST(deassign_writing, "a write across a deassignment signals no other eventfd")
{
	int fd = eventfd(0, EFD_NONBLOCK), other = eventfd(0, EFD_NONBLOCK);
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	struct vcpu_thread *t;

	CHECK_OK(ioeventfd(vm, fd, PORT, 2, F_PIO, 0));
	vcpu_enter64(v, one_write);
	t = vcpu_start(v);
	while (!G(vm, writes_done))
		usleep(1000);
	usleep(20000);
	CHECK_OK(ioeventfd(vm, fd, PORT, 2, F_PIO | F_OFF, 0));
	/* values the guest does not write, and one that it does */
	for (int i = 2; i < OTHERS; i++)
		CHECK_OK(ioeventfd(vm, other, PORT, 2, F_PIO | F_MATCH, i));
	CHECK_OK(ioeventfd(vm, other, PORT, 2, F_PIO | F_MATCH, 1));
	vcpu_join(t);
	CHECK_EQ(drain(other), 0);
	CHECK_EQ(drain(fd), 1);
}

/* --- irqfd --- */

static int route_msi(struct vm *vm, uint32_t gsi, uint32_t vector)
{
	struct {
		struct kvm_irq_routing h;
		struct kvm_irq_routing_entry e;
	} r = {
		.h.nr = 1,
		.e = {
			.gsi = gsi,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = vector },
		},
	};

	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r);
}

static int irqfd(struct vm *vm, int fd, uint32_t gsi, uint32_t flags)
{
	struct kvm_irqfd f = { .fd = fd, .gsi = gsi, .flags = flags };

	return ioctl(vm->fd, KVM_IRQFD, &f);
}

GUEST static void handler(struct guest_regs *r)
{
	hits++;
	g_apic_write(APIC_EOI, 0);
}

GUEST static void take(void)
{
	guest_handlers[VEC] = handler;
	guest_handlers[VEC + 1] = handler;
	g_apic_enable();
	for (;;) {
		g_sync(hits);
		g_take_irqs();
	}
}

GUEST static void halt(void)
{
	guest_handlers[VEC] = handler;
	g_apic_enable();
	g_sync(0);
	while (!hits)
		g_wait_irq();
	g_done();
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	CHECK_EQ(write(fd, &one, 8), 8);
}

/* The kernel may deliver from a worker: give it a moment. */
static void expect_hits(struct vcpu *v, uint32_t n)
{
	for (int i = 0; i < 200; i++) {
		if (vcpu_sync(v) == n)
			return;
		usleep(500);
	}
	FAIL("%u interrupts, wanted %u", vcpu_sync(v), n);
}

TEST(irqfd, "an irqfd routed to an MSI: each write an interrupt, until off")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	int fd = eventfd(0, EFD_NONBLOCK);

	CHECK_OK(route_msi(vm, 7, VEC));
	CHECK_OK(irqfd(vm, fd, 7, 0));
	vcpu_enter64(v, take);
	CHECK_EQ(vcpu_sync(v), 0);
	signal_fd(fd);
	expect_hits(v, 1);
	signal_fd(fd);
	expect_hits(v, 2);
	/* Routed elsewhere while it is assigned. */
	CHECK_OK(route_msi(vm, 7, VEC + 1));
	signal_fd(fd);
	expect_hits(v, 3);
	CHECK_OK(irqfd(vm, fd, 7, KVM_IRQFD_FLAG_DEASSIGN));
	signal_fd(fd);
	usleep(2000);
	vcpu_sync(v);
	CHECK_EQ(vcpu_sync(v), 3);
	CHECK_EQ(drain(fd), 1);
}

static void *write_soon(void *arg)
{
	uint64_t one = 1;

	usleep(20000);
	return write(*(int *)arg, &one, 8) == 8 ? NULL : arg;
}

TEST(irqfd_wakes, "an irqfd ends HLT")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	int fd = eventfd(0, EFD_NONBLOCK);
	pthread_t t;

	CHECK_OK(route_msi(vm, 3, VEC));
	CHECK_OK(irqfd(vm, fd, 3, 0));
	vcpu_enter64(v, halt);
	vcpu_sync(v);
	CHECK_EQ(pthread_create(&t, NULL, write_soon, &fd), 0);
	vcpu_done(v);
	pthread_join(t, NULL);
}

TEST(irqfd_closed, "an eventfd closed while assigned is taken off by itself")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	int fd = eventfd(0, EFD_NONBLOCK);

	CHECK_OK(route_msi(vm, 7, VEC));
	CHECK_OK(irqfd(vm, fd, 7, 0));
	close(fd);
	vcpu_enter64(v, take);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(vcpu_sync(v), 0);
	fd = eventfd(0, EFD_NONBLOCK);
	CHECK_OK(irqfd(vm, fd, 7, 0));
	signal_fd(fd);
	expect_hits(v, 1);
}

TEST(irqfd_refused, "irqfds that are twice or wrong are refused")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	int fd = eventfd(0, EFD_NONBLOCK);

	vcpu_new(vm, 0);
	CHECK_OK(route_msi(vm, 7, VEC));
	CHECK_OK(irqfd(vm, fd, 7, 0));
	CHECK_ERRNO(irqfd(vm, fd, 7, 0), EBUSY);
	CHECK_ERRNO(irqfd(vm, fd, 7, 1u << 10), EINVAL);
	CHECK_ERRNO(irqfd(vm, 9999, 7, 0), EBADF);
	CHECK_ERRNO(irqfd(vm, STDOUT_FILENO, 7, 0), EINVAL);
}

TEST(routing_refused, "routes of unknown kinds, or too many, are refused")
{
	struct {
		struct kvm_irq_routing h;
		struct kvm_irq_routing_entry e[2];
	} r = { .h.nr = 1, .e[0] = { .gsi = 1, .type = 77 } };
	struct vm *vm = vm_new(VM_IRQCHIP);

	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.e[0].type = KVM_IRQ_ROUTING_MSI;
	r.h.flags = 1;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.h.flags = 0;
	r.h.nr = 1000000;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.h.nr = 1;
	r.e[0].gsi = 1000000;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.e[0].gsi = 5;
	CHECK_OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r));
	r.h.nr = 0;
	CHECK_OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r));
}
