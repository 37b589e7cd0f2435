// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory: second-stage faults, slots, dirty logging. */
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"
#include "guest.h"

#define PAGE		4096ull
#define MIB		0x100000ull
#define HUGE		(2 * MIB)
#define SLOT_GPA	0x20000000ull
#define FAULT_PAGES	2048ull
#define FAULT_REPEAT	5

static uint64_t ticks GUEST_VAR;
static volatile uint64_t touch_pages GUEST_VAR, touch_step GUEST_VAR;

/* --- faults --- */

GUEST static void touch(void)
{
	for (;;) {
		uint64_t n = touch_pages, step = touch_step;
		uint64_t t = g_rdtsc();

		for (uint64_t i = 0; i < n; i++)
			g_write64(SLOT_GPA + i * step, i);
		ticks = g_rdtsc() - t;
		g_sync(0);
	}
}

static struct vcpu *touching_vcpu(uint64_t step)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	G(vm, touch_step) = step;
	vcpu_enter64(v, touch);
	vcpu_sync(v);		/* no pages yet: everything else is warm */
	return v;
}

/* Guest ticks for each of N pages of STEP bytes, that the host has or not. */
static uint64_t faults(uint64_t n, uint64_t step, int advice, bool present)
{
	struct vcpu *v = touching_vcpu(step);
	uint64_t size = n * step, least = BENCH_NONE;
	uint8_t *p = vm_add_slot(v->vm, 1, 0, SLOT_GPA, size);

	CHECK_OK(madvise(p, size, advice));
	G(v->vm, touch_pages) = n;
	for (int i = 0; i < FAULT_REPEAT; i++) {
		CHECK_OK(madvise(p, size, MADV_DONTNEED));
		for (uint64_t j = 0; present && j < n; j++)
			p[j * step] = 1;
		vcpu_sync(v);
		bench_keep(&least, G(v->vm, ticks));
	}
	return least / n;
}

uint64_t bench_fault_present(void)
{
	return faults(FAULT_PAGES, PAGE, MADV_NOHUGEPAGE, true);
}

uint64_t bench_fault_touch(void)
{
	return faults(FAULT_PAGES, PAGE, MADV_NOHUGEPAGE, false);
}

uint64_t bench_fault_huge(void)
{
	return faults(32, HUGE, MADV_HUGEPAGE, true);
}

/* --- slots --- */

/* 32-bit code, which needs no CPUID to be set. */
GUEST_ASM(mem_io32, 32, "1: out %al, $0x80; jmp 1b");

uint64_t bench_slot(void)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	void *p = vm_add_slot(vm, 1, 0, SLOT_GPA, 16 * MIB);
	uint64_t least = BENCH_NONE, start;

	vcpu_enter32(v, mem_io32, PAGING_NONE);
	vcpu_expect(v, KVM_EXIT_IO);
	CHECK_OK(vm_set_slot(vm, 1, 0, SLOT_GPA, 0, p));
	for (int i = 0; i < BENCH_REPEAT; i++) {
		start = rdtsc();
		CHECK_OK(vm_set_slot(vm, 1, 0, SLOT_GPA, 16 * MIB, p));
		CHECK_OK(vm_set_slot(vm, 1, 0, SLOT_GPA, 0, p));
		bench_keep(&least, rdtsc() - start);
	}
	return least;
}

/* --- dirty logging --- */

#define LOG_SIZE	(20 * MIB)
#define LOG_DIRTY	4096ull
#define LOG_CLEAN	(1024 * MIB)

static struct kvm_dirty_log dirty_log(uint64_t size)
{
	struct kvm_dirty_log log = {
		.slot = 1,
		.dirty_bitmap = calloc(1, size / PAGE / 8),
	};

	CHECK(log.dirty_bitmap);
	return log;
}

static uint64_t timed_log(struct vm *vm, struct kvm_dirty_log *log)
{
	uint64_t start = rdtsc();

	CHECK_OK(ioctl(vm->fd, KVM_GET_DIRTY_LOG, log));
	return rdtsc() - start;
}

static uint64_t timed_log_on(struct vm *vm, uint64_t size, void *p)
{
	uint64_t start = rdtsc();

	if (vm_set_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, size, p))
		tap_skip("KVM_MEM_LOG_DIRTY_PAGES: %s", strerror(errno));
	return rdtsc() - start;
}

/* The time to switch logging on, or to read the log of LOG_DIRTY pages. */
static uint64_t dirty_once(bool read_log)
{
	struct vcpu *v = touching_vcpu(PAGE);
	struct vm *vm = v->vm;
	struct kvm_dirty_log log = dirty_log(LOG_SIZE);
	void *p = vm_add_slot(vm, 1, 0, SLOT_GPA, LOG_SIZE);
	uint64_t t;

	madvise(p, LOG_SIZE, MADV_NOHUGEPAGE);
	G(vm, touch_pages) = LOG_SIZE / PAGE;
	vcpu_sync(v);
	t = timed_log_on(vm, LOG_SIZE, p);
	if (read_log) {
		CHECK_OK(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log));
		G(vm, touch_pages) = LOG_DIRTY;
		vcpu_sync(v);
		t = timed_log(vm, &log);
		CHECK_EQ(((uint64_t *)log.dirty_bitmap)[LOG_DIRTY / 64 - 1],
			 ~0ull);
	}
	free(log.dirty_bitmap);
	vcpu_free(v);
	vm_free(vm);
	munmap(p, LOG_SIZE);
	return t;
}

static uint64_t dirty_least(bool read_log)
{
	uint64_t least = BENCH_NONE;

	for (int i = 0; i < FAULT_REPEAT; i++)
		bench_keep(&least, dirty_once(read_log));
	return least;
}

uint64_t bench_dirty_on(void)
{
	return dirty_least(false);
}

uint64_t bench_dirty_read(void)
{
	return dirty_least(true);
}

/*
 * The first write to a page after logging went on, and that page's share of
 * switching it on: whoever defers the work has to show it here.
 */
uint64_t bench_dirty_first(void)
{
	uint64_t least = BENCH_NONE;

	for (int i = 0; i < FAULT_REPEAT; i++) {
		struct vcpu *v = touching_vcpu(PAGE);
		struct vm *vm = v->vm;
		void *p = vm_add_slot(vm, 1, 0, SLOT_GPA, LOG_SIZE);
		uint64_t t;

		CHECK_OK(madvise(p, LOG_SIZE, MADV_NOHUGEPAGE));
		G(vm, touch_pages) = LOG_SIZE / PAGE;
		vcpu_sync(v);
		t = timed_log_on(vm, LOG_SIZE, p) / (LOG_SIZE / PAGE);
		G(vm, touch_pages) = LOG_DIRTY;
		vcpu_sync(v);
		bench_keep(&least, t + G(vm, ticks) / LOG_DIRTY);
		vcpu_free(v);
		vm_free(vm);
		munmap(p, LOG_SIZE);
	}
	return least;
}

/* Every page has been written and read before: write, read and clear again. */
uint64_t bench_dirty_round(void)
{
	struct vcpu *v = touching_vcpu(PAGE);
	struct kvm_dirty_log log = dirty_log(LOG_SIZE);
	void *p = vm_add_slot(v->vm, 1, 0, SLOT_GPA, LOG_SIZE);
	uint64_t least = BENCH_NONE;

	CHECK_OK(madvise(p, LOG_SIZE, MADV_NOHUGEPAGE));
	timed_log_on(v->vm, LOG_SIZE, p);
	G(v->vm, touch_pages) = LOG_DIRTY;
	for (int i = 0; i <= FAULT_REPEAT; i++) {
		uint64_t t;

		vcpu_sync(v);
		t = timed_log(v->vm, &log);
		CHECK_EQ(((uint64_t *)log.dirty_bitmap)[LOG_DIRTY / 64 - 1],
			 ~0ull);
		if (i)
			bench_keep(&least, t + G(v->vm, ticks));
	}
	return least / LOG_DIRTY;
}

/* A large slot of which some pages are there, and none was written since. */
uint64_t bench_dirty_clean(void)
{
	struct vcpu *v = touching_vcpu(PAGE);
	struct kvm_dirty_log log = dirty_log(LOG_CLEAN);
	void *p = vm_add_slot(v->vm, 1, 0, SLOT_GPA, LOG_CLEAN);
	uint64_t least = BENCH_NONE;

	timed_log_on(v->vm, LOG_CLEAN, p);
	G(v->vm, touch_pages) = 64;
	vcpu_sync(v);
	timed_log(v->vm, &log);
	CHECK_EQ(((uint64_t *)log.dirty_bitmap)[0], ~0ull);
	for (int i = 0; i < BENCH_REPEAT; i++)
		bench_keep(&least, timed_log(v->vm, &log));
	CHECK_EQ(((uint64_t *)log.dirty_bitmap)[0], 0);
	return least;
}
