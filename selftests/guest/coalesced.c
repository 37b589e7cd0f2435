// SPDX-License-Identifier: GPL-2.0-or-later
/* Coalesced MMIO and PIO: writes that wait in a ring for the next exit. */
#include <linux/kvm.h>
#include <sys/mman.h>

#include "guest.h"

#define PAGE_SIZE	4096ul
#define ZONE		(GUEST_MMIO + 0x100)
#define ZONE_SIZE	0x100
#define PORT		0x3c0

static struct kvm_coalesced_mmio_ring *ring_of(struct vcpu *v)
{
	int page = dev_cap(KVM_CAP_COALESCED_MMIO);

	CHECK(v->run_size >= (page + 1) * PAGE_SIZE);
	return (void *)v->run + page * PAGE_SIZE;
}

static int zone(struct vm *vm, unsigned long req, uint64_t addr, uint32_t size,
		uint32_t pio)
{
	struct kvm_coalesced_mmio_zone z = {
		.addr = addr, .size = size, .pio = pio,
	};

	return ioctl(vm->fd, req, &z);
}

#define ADD(vm, addr, size, pio)					\
	CHECK_OK(zone(vm, KVM_REGISTER_COALESCED_MMIO, addr, size, pio))
#define DROP(vm, addr, size, pio)					\
	CHECK_OK(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, addr, size, pio))

static void expect_entry(struct kvm_coalesced_mmio_ring *r, uint64_t addr,
			 uint32_t len, uint64_t val, uint32_t pio)
{
	struct kvm_coalesced_mmio *e = &r->coalesced_mmio[r->first];
	uint64_t data = 0;

	CHECK(r->first != r->last);
	memcpy(&data, e->data, len);
	CHECK_EQ(e->phys_addr, addr);
	CHECK_EQ(e->len, len);
	CHECK_EQ(data, val);
	CHECK_EQ(e->pio, pio);
	r->first = (r->first + 1) % KVM_COALESCED_MMIO_MAX;
}

static void expect_write(struct vcpu *v, uint64_t addr, uint32_t len)
{
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.is_write, 1);
	CHECK_EQ(v->run->mmio.phys_addr, addr);
	CHECK_EQ(v->run->mmio.len, len);
}

GINLINE void put32(uint64_t addr, uint32_t val)
{
	*(volatile uint32_t *)addr = val;
}

GUEST static void writes(void)
{
	put32(ZONE, 0x11111111);
	*(volatile uint64_t *)(ZONE + 0xf8) = 0x2222222233333333;
	*(volatile uint8_t *)(ZONE + 3) = 0x44;
	*(volatile uint16_t *)(ZONE + 4) = 0x5555;
	put32(ZONE - 4, 1);		/* before it */
	put32(ZONE - 2, 2);		/* half in it */
	put32(ZONE + ZONE_SIZE - 2, 3);
	put32(ZONE + ZONE_SIZE, 4);
	g_sync(1);
	put32(ZONE, 5);
	g_sync(2);
	put32(ZONE, 6);
	g_done();
}

TEST(mmio, "writes inside a zone wait in the ring, others exit")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_coalesced_mmio_ring *r;

	REQUIRE_CAP(KVM_CAP_COALESCED_MMIO);
	r = ring_of(v);
	ADD(vm, ZONE, ZONE_SIZE, 0);
	vcpu_enter64(v, writes);
	expect_write(v, ZONE - 4, 4);
	expect_entry(r, ZONE, 4, 0x11111111, 0);
	expect_entry(r, ZONE + 0xf8, 8, 0x2222222233333333, 0);
	expect_entry(r, ZONE + 3, 1, 0x44, 0);
	expect_entry(r, ZONE + 4, 2, 0x5555, 0);
	CHECK_EQ(r->first, r->last);
	expect_write(v, ZONE - 2, 4);
	expect_write(v, ZONE + ZONE_SIZE - 2, 4);
	expect_write(v, ZONE + ZONE_SIZE, 4);
	CHECK_EQ(vcpu_sync(v), 1);
	/* taking away something else changes nothing */
	DROP(vm, ZONE + ZONE_SIZE, 4, 0);
	DROP(vm, ZONE, 4, 1);
	CHECK_EQ(vcpu_sync(v), 2);
	expect_entry(r, ZONE, 4, 5, 0);
	DROP(vm, ZONE, ZONE_SIZE, 0);
	expect_write(v, ZONE, 4);
	vcpu_done(v);
	CHECK_EQ(r->first, r->last);
}

static volatile uint64_t rounds GUEST_VAR;

GUEST static void many(void)
{
	for (uint64_t i = 0; i < rounds; i++)
		put32(ZONE, i);
	g_done();
}

TEST(full, "a full ring lets the write out, and takes more once it is read")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_coalesced_mmio_ring *r;
	unsigned int next = 0, exits = 0;

	REQUIRE_CAP(KVM_CAP_COALESCED_MMIO);
	r = ring_of(v);
	ADD(vm, ZONE, ZONE_SIZE, 0);
	G(vm, rounds) = 1000;
	vcpu_enter64(v, many);
	for (;;) {
		uint32_t reason = vcpu_exit(v);

		while (r->first != r->last)
			expect_entry(r, ZONE, 4, next++, 0);
		if (reason != KVM_EXIT_MMIO)
			break;
		/* in order: the one that found no room comes last */
		CHECK_EQ(*(uint32_t *)v->run->mmio.data, next);
		next++;
		exits++;
	}
	CHECK_EQ(next, 1000);
	CHECK_EQ(exits, 1000 / KVM_COALESCED_MMIO_MAX);
}

TEST(lies, "what user space writes into the ring's numbers harms nobody")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_coalesced_mmio_ring *r;

	REQUIRE_CAP(KVM_CAP_COALESCED_MMIO);
	r = ring_of(v);
	ADD(vm, ZONE, ZONE_SIZE, 0);
	G(vm, rounds) = 2;
	r->last = 0xffffffff;
	vcpu_enter64(v, many);
	expect_write(v, ZONE, 4);
	r->last = KVM_COALESCED_MMIO_MAX;
	r->first = 0x80000000;
	expect_write(v, ZONE, 4);
	vcpu_done(v);
}

static volatile uint8_t text[] GUEST_VAR = "abc";

GUEST static void ports(void)
{
	g_out8(PORT, 0x12);
	g_out16(PORT + 1, 0x3456);
	g_out32(PORT + 4, 0x789abcde);
	g_out8(PORT + 8, 1);
	__asm__ volatile("rep outsb" : : "S"(text), "c"(3), "d"(PORT)
			 : "memory");
	g_done();
}

TEST(pio, "ports too, strings a byte at a time")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_coalesced_mmio_ring *r;

	REQUIRE_CAP(KVM_CAP_COALESCED_PIO);
	r = ring_of(v);
	ADD(vm, PORT, 8, 1);
	vcpu_enter64(v, ports);
	vcpu_expect(v, KVM_EXIT_IO);
	CHECK_EQ(v->run->io.port, PORT + 8);
	expect_entry(r, PORT, 1, 0x12, 1);
	expect_entry(r, PORT + 1, 2, 0x3456, 1);
	expect_entry(r, PORT + 4, 4, 0x789abcde, 1);
	vcpu_done(v);
	expect_entry(r, PORT, 1, 'a', 1);
	expect_entry(r, PORT, 1, 'b', 1);
	expect_entry(r, PORT, 1, 'c', 1);
	CHECK_EQ(r->first, r->last);
}

TEST(refused, "zones of no kind, and more of them than there is room for")
{
	struct vm *vm = vm_new(0);
	int n = 0;

	REQUIRE_CAP(KVM_CAP_COALESCED_PIO);
	CHECK_ERRNO(zone(vm, KVM_REGISTER_COALESCED_MMIO, ZONE, 4, 2), EINVAL);
	CHECK_ERRNO(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, ZONE, 4, 2),
		    EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_REGISTER_COALESCED_MMIO, (void *)8),
		    EFAULT);
	while (n < 2000 && !zone(vm, KVM_REGISTER_COALESCED_MMIO, ZONE + n * 8,
				 8, 0))
		n++;
	CHECK(n >= 100);
	CHECK(n < 2000);
	CHECK_EQ(errno, ENOSPC);
	DROP(vm, ZONE, 8, 0);
	ADD(vm, ZONE, 8, 0);
}
