// SPDX-License-Identifier: GPL-2.0-or-later
/* Slots that change under a running vCPU; dirty logs. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "guest.h"

#define PAGE	4096ull
#define SIZE	(16 * PAGE)
#define A	0x40000000ull
#define B	0x50000000ull
#define VALUE	0x600dda7a600dda7aull
#define ABSENT	0xffffffffffffffffull

static volatile uint64_t seen_a GUEST_VAR, seen_b GUEST_VAR, none GUEST_VAR;
static volatile uint64_t stop GUEST_VAR;

GUEST static void look(void)
{
	g_sti();
	while (!stop) {
		uint64_t a = g_read64(A + 5 * PAGE), b = g_read64(B + 5 * PAGE);

		g_check(a == VALUE || a == ABSENT);
		g_check(b == VALUE || b == ABSENT);
		seen_a += a == VALUE;
		seen_b += b == VALUE;
		none += a == ABSENT && b == ABSENT;
	}
	g_done();
}

/* Runs to g_done(); reads without a slot give ABSENT. */
static void run_absent(struct vcpu *v)
{
	while (vcpu_exit(v) == KVM_EXIT_MMIO)
		memset(v->run->mmio.data, 0xff, 8);
	if (v->run->exit_reason != KVM_EXIT_IO ||
	    v->run->io.port != PORT_DONE)
		vcpu_bad_exit(v);
}

static void *vcpu_loop(void *arg)
{
	run_absent(arg);
	return NULL;
}

/* Until the guest has seen it n more times. */
static void await(struct vm *vm, volatile uint64_t *count, uint64_t n)
{
	uint64_t end = *count + n;

	for (int i = 0; i < 20000; i++) {
		if (*count >= end)
			return;
		usleep(200);
	}
	FAIL("the guest does not see the change");
}

/* cases.md 15: what a slot had mapped goes with it, wherever that was. */
TEST(changes, "slots added, moved, deleted under a running vCPU")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *p = vm_add_slot(vm, 1, 0, A, SIZE);
	pthread_t t;

	p[5 * 512] = VALUE;
	vcpu_enter64(v, look);
	CHECK_EQ(pthread_create(&t, NULL, vcpu_loop, v), 0);
	for (int i = 0; i < 3; i++) {
		await(vm, &G(vm, seen_a), 2);
		CHECK_OK(vm_set_slot(vm, 1, 0, B, SIZE, p));
		await(vm, &G(vm, seen_b), 2);
		CHECK_OK(vm_set_slot(vm, 1, 0, B, 0, p));
		await(vm, &G(vm, none), 2);
		CHECK_OK(vm_set_slot(vm, 1, 0, A, SIZE, p));
	}
	G(vm, stop) = 1;
	pthread_join(t, NULL);
}

/* Two aliases of one piece of memory (cases.md 15): both go with it. */
TEST(alias, "the same memory in two slots, and then gone from one")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *p = vm_add_slot(vm, 1, 0, A, SIZE);
	pthread_t t;

	p[5 * 512] = VALUE;
	CHECK_OK(vm_set_slot(vm, 2, 0, B, SIZE, p));
	vcpu_enter64(v, look);
	CHECK_EQ(pthread_create(&t, NULL, vcpu_loop, v), 0);
	await(vm, &G(vm, seen_a), 2);
	await(vm, &G(vm, seen_b), 2);
	CHECK_OK(vm_set_slot(vm, 1, 0, A, 0, p));
	/* A is ABSENT from now on: whatever had been cached of it. */
	usleep(2000);
	{
		uint64_t a = G(vm, seen_a);

		await(vm, &G(vm, seen_b), 5);
		CHECK(G(vm, seen_a) <= a + 1);
	}
	G(vm, stop) = 1;
	pthread_join(t, NULL);
}

GUEST static void read_only_later(void)
{
	g_write64(A, 1);
	g_sync(1);
	g_write64(A, 2);
	g_sync(2);
	g_write64(A, 3);
	g_done();
}

TEST(read_only, "a slot made anew as read-only, and writable again")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *p = vm_add_slot(vm, 1, 0, A, SIZE);

	REQUIRE_CAP(KVM_CAP_READONLY_MEM);
	vcpu_enter64(v, read_only_later);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(p[0], 1);
	CHECK_OK(vm_set_slot(vm, 1, 0, A, 0, p));
	CHECK_OK(vm_set_slot(vm, 1, KVM_MEM_READONLY, A, SIZE, p));
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.data[0], 2);
	CHECK_EQ(vcpu_sync(v), 2);
	CHECK_EQ(p[0], 1);
	CHECK_OK(vm_set_slot(vm, 1, 0, A, 0, p));
	CHECK_OK(vm_set_slot(vm, 1, 0, A, SIZE, p));
	vcpu_done(v);
	CHECK_EQ(p[0], 3);
}

/* --- dirty log --- */

GUEST static void dirty(void)
{
	for (;;) {
		g_write64(A + 1 * PAGE, 1);
		g_write8(A + 3 * PAGE + 4095, 1);
		g_write64(A + 9 * PAGE - 4, 1);		/* 8 and 9 */
		(void)g_read64(A + 5 * PAGE);
		g_sync(1);
	}
}

static uint64_t dirty_log(struct vm *vm)
{
	uint64_t bits = 0;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = &bits };

	CHECK_OK(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log));
	return bits;
}

#define DIRTY	(1ull << 1 | 1ull << 3 | 1ull << 8 | 1ull << 9)

TEST(dirty_log, "the dirty log has the pages written, each time again")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	void *p = vm_add_slot(vm, 1, 0, A, SIZE);

	if (vm_set_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, A, SIZE, p)) {
		CHECK_EQ(errno, EINVAL);
		tap_skip("no KVM_MEM_LOG_DIRTY_PAGES");
	}
	vcpu_enter64(v, dirty);
	CHECK_EQ(dirty_log(vm), 0);
	for (int i = 0; i < 3; i++) {
		vcpu_sync(v);
		CHECK_EQ(dirty_log(vm), DIRTY);
		CHECK_EQ(dirty_log(vm), 0);
	}
	/* Off and on again: writable, then tracked anew. */
	CHECK_OK(vm_set_slot(vm, 1, 0, A, SIZE, p));
	vcpu_sync(v);
	CHECK_OK(vm_set_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, A, SIZE, p));
	(void)dirty_log(vm);
	vcpu_sync(v);
	CHECK_EQ(dirty_log(vm), DIRTY);
}

TEST(dirty_log_off, "KVM_GET_DIRTY_LOG of a slot without one is refused")
{
	uint64_t bits;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = &bits };
	struct vm *vm = vm_new(0);

	vm_add_slot(vm, 1, 0, A, SIZE);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), ENOENT);
	log.slot = 77;
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), ENOENT);
	log.slot = 40000;
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), EINVAL);
}
