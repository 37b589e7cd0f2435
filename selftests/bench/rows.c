// SPDX-License-Identifier: GPL-2.0-or-later
/* The bench's measures. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "guest.h"

#define LOOPS		1000
#define REPEAT		9
#define PAGE		4096ull
#define SLOT_GPA	0x20000000ull
#define MIB		0x100000ull

static uint64_t result GUEST_VAR;	/* ticks of the guest's own loop */

/* --- exits that the kernel answers: timed in the guest --- */

GUEST static void cpuid_loop(void)
{
	for (;;) {
		uint64_t t = g_rdtsc();

		for (int i = 0; i < LOOPS; i++) {
			uint32_t a = 0, b, c = 0, d;

			__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c),
					 "=d"(d));
		}
		result = g_rdtsc() - t;
		g_sync(0);
	}
}

GUEST static void yield_loop(void)
{
	for (;;) {
		uint64_t t = g_rdtsc();

		for (int i = 0; i < LOOPS; i++) {
			uint64_t ret;

			/* sched_op (29), SCHEDOP_yield (0) */
			__asm__ volatile("vmcall" : "=a"(ret)
					 : "a"(29), "D"(0), "S"(0) : "memory");
		}
		result = g_rdtsc() - t;
		g_sync(0);
	}
}

static uint64_t guest_timed(struct vm *vm, struct vcpu *v)
{
	uint64_t t[REPEAT];

	vcpu_sync(v);		/* warm */
	for (int i = 0; i < REPEAT; i++) {
		vcpu_sync(v);
		t[i] = G(vm, result) / LOOPS;
	}
	return bench_median(t, REPEAT);
}

static uint64_t row_cpuid(void)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, cpuid_loop);
	return guest_timed(vm, v);
}

static uint64_t row_yield(void)
{
	struct kvm_xen_hvm_config cfg = {
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
		.msr = 0x40000000,
	};
	struct vm *vm;
	struct vcpu *v;
	int cap = dev_cap(KVM_CAP_XEN_HVM);

	if (!(cap & KVM_XEN_HVM_CONFIG_EVTCHN_SEND))
		tap_skip("no KVM_XEN_HVM_CONFIG_EVTCHN_SEND");
	cfg.flags |= KVM_XEN_HVM_CONFIG_EVTCHN_SEND;
	vm = vm_new(VM_IRQCHIP);
	CHECK_OK(ioctl(vm->fd, KVM_XEN_HVM_CONFIG, &cfg));
	v = vcpu_new(vm, 0);
	vcpu_enter64(v, yield_loop);
	return guest_timed(vm, v);
}

/* --- exits to user space: timed here --- */

GUEST static void io_loop(void)
{
	for (;;)
		g_out8(0x80, 0);
}

GUEST static void mmio_loop(void)
{
	for (;;)
		g_read32(GUEST_MMIO);
}

static uint64_t user_exits(void (*fn)(void), uint32_t reason)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t t[REPEAT];

	vcpu_enter64(v, fn);
	vcpu_expect(v, reason);
	for (int i = 0; i < REPEAT; i++) {
		uint64_t start = rdtsc();

		for (int j = 0; j < LOOPS; j++)
			if (ioctl(v->fd, KVM_RUN, 0L) ||
			    v->run->exit_reason != reason)
				vcpu_bad_exit(v);
		t[i] = (rdtsc() - start) / LOOPS;
	}
	return bench_median(t, REPEAT);
}

static uint64_t row_io(void)
{
	return user_exits(io_loop, KVM_EXIT_IO);
}

static uint64_t row_mmio(void)
{
	return user_exits(mmio_loop, KVM_EXIT_MMIO);
}

/* --- memory --- */

#define FAULT_PAGES	2048ull

static volatile uint64_t touch_pages GUEST_VAR;

GUEST static void touch(void)
{
	for (;;) {
		uint64_t n = touch_pages;
		uint64_t t = g_rdtsc();

		for (uint64_t i = 0; i < n; i++)
			g_write64(SLOT_GPA + i * PAGE, i);
		result = g_rdtsc() - t;
		g_sync(0);
	}
}

static struct vcpu *touching_vcpu(struct vm **vm)
{
	struct vcpu *v;

	*vm = vm_new(VM_IRQCHIP);
	v = vcpu_new(*vm, 0);
	vcpu_enter64(v, touch);
	vcpu_sync(v);		/* no pages yet: everything else is warm */
	return v;
}

static uint64_t fault_row(bool present)
{
	struct vm *vm;
	struct vcpu *v = touching_vcpu(&vm);
	uint64_t size = FAULT_PAGES * PAGE, t[5];
	uint8_t *p;

	p = vm_add_slot(vm, 1, 0, SLOT_GPA, size);
	madvise(p, size, MADV_NOHUGEPAGE);
	G(vm, touch_pages) = FAULT_PAGES;
	for (int i = 0; i < 5; i++) {
		madvise(p, size, MADV_DONTNEED);
		for (uint64_t j = 0; present && j < FAULT_PAGES; j++)
			p[j * PAGE] = 1;
		vcpu_sync(v);
		t[i] = G(vm, result) / FAULT_PAGES;
	}
	return bench_median(t, 5);
}

static uint64_t row_fault_present(void)
{
	return fault_row(true);
}

static uint64_t row_fault_touch(void)
{
	return fault_row(false);
}

/* --- lifetimes --- */

/* 32-bit code, which needs no CPUID to be set. */
GUEST_ASM(io_loop32, 32, "1: out %al, $0x80; jmp 1b");

/* With memory that another VM has prepared: its cost is not measured. */
static void one_life(int dev, struct vm *from)
{
	struct vm *vm = vm_new_on(dev, VM_EMPTY);
	struct vcpu *v;

	CHECK_OK(vm_set_slot(vm, 0, 0, 0, from->mem_size, from->mem));
	v = vcpu_new_bare(vm, 0);
	vcpu_enter32(v, io_loop32, PAGING_NONE);
	vcpu_expect(v, KVM_EXIT_IO);
	vcpu_free(v);
	vm_free(vm);
}

static uint64_t row_lifecycle(void)
{
	int dev = dev_open();
	struct vm *from = vm_new_on(dev, 0);
	uint64_t t[5];

	one_life(dev, from);
	for (int i = 0; i < 5; i++) {
		uint64_t start = rdtsc();

		one_life(dev, from);
		t[i] = rdtsc() - start;
	}
	return bench_median(t, 5);
}

static uint64_t row_slot(void)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	void *p = vm_add_slot(vm, 1, 0, SLOT_GPA, 16 * MIB);
	uint64_t t[REPEAT];

	vcpu_enter64(v, io_loop);
	vcpu_expect(v, KVM_EXIT_IO);
	CHECK_OK(vm_set_slot(vm, 1, 0, SLOT_GPA, 0, p));
	for (int i = 0; i < REPEAT; i++) {
		uint64_t start = rdtsc();

		CHECK_OK(vm_set_slot(vm, 1, 0, SLOT_GPA, 16 * MIB, p));
		CHECK_OK(vm_set_slot(vm, 1, 0, SLOT_GPA, 0, p));
		t[i] = rdtsc() - start;
	}
	return bench_median(t, REPEAT);
}

/* --- dirty logging --- */

#define LOG_SIZE	(20 * MIB)
#define LOG_DIRTY	4096ull

/* The time to switch logging on, or to read the log of LOG_DIRTY pages. */
static uint64_t dirty_once(bool read_log)
{
	struct vm *vm;
	struct vcpu *v = touching_vcpu(&vm);
	struct kvm_dirty_log log = { .slot = 1 };
	uint64_t t;
	void *p;

	p = vm_add_slot(vm, 1, 0, SLOT_GPA, LOG_SIZE);
	madvise(p, LOG_SIZE, MADV_NOHUGEPAGE);
	log.dirty_bitmap = calloc(1, LOG_SIZE / PAGE / 8);
	CHECK(log.dirty_bitmap);
	G(vm, touch_pages) = LOG_SIZE / PAGE;
	vcpu_sync(v);

	t = rdtsc();
	if (vm_set_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, LOG_SIZE, p))
		tap_skip("KVM_MEM_LOG_DIRTY_PAGES: %s", strerror(errno));
	if (read_log) {
		CHECK_OK(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log));
		G(vm, touch_pages) = LOG_DIRTY;
		vcpu_sync(v);
		t = rdtsc();
		CHECK_OK(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log));
	}
	t = rdtsc() - t;
	if (read_log)
		CHECK_EQ(((uint64_t *)log.dirty_bitmap)[LOG_DIRTY / 64 - 1],
			 ~0ull);
	free(log.dirty_bitmap);
	vcpu_free(v);
	vm_free(vm);
	munmap(p, LOG_SIZE);
	return t;
}

static uint64_t row_dirty(bool read_log)
{
	uint64_t t[3];

	for (int i = 0; i < 3; i++)
		t[i] = dirty_once(read_log);
	return bench_median(t, 3);
}

static uint64_t row_dirty_on(void)
{
	return row_dirty(false);
}

static uint64_t row_dirty_read(void)
{
	return row_dirty(true);
}

const struct bench_row bench_rows[] = {
	{ "CPUID exit, round trip", row_cpuid },
	{ "Xen SCHEDOP_yield hypercall", row_yield },
	{ "event-channel send hypercall, to the end of the upcall",
	  bench_xen_send },
	{ "KVM_XEN_HVM_EVTCHN_SEND, upcall, exit", bench_xen_ioctl },
	{ "I/O exit to user space and back", row_io },
	{ "the same with a runstate area", bench_xen_runstate },
	{ "MMIO read answered in user space", row_mmio },
	{ "EPT fault, host page present, a page", row_fault_present },
	{ "EPT fault, first touch, a page", row_fault_touch },
	{ "VM create, slot, vCPU, one exit, destroy", row_lifecycle },
	{ "16 MiB slot added and deleted", row_slot },
	{ "dirty logging on, 20 MiB of 4 KiB entries", row_dirty_on },
	{ "dirty log read, 4,096 dirty pages", row_dirty_read },
};

const unsigned int bench_nr_rows = sizeof(bench_rows) / sizeof(bench_rows[0]);
