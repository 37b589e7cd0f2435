// SPDX-License-Identifier: GPL-2.0-or-later
/* A VM's life, and the memory the kernel spends on one that idles. */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "guest.h"

#define LIVES		9
#define WARM_VMS	8
#define IDLE_VMS	64

/* 32-bit code, which needs no CPUID to be set. */
GUEST_ASM(life_io32, 32, "1: out %al, $0x80; jmp 1b");

/* With memory that another VM has prepared: its cost is not measured. */
static struct vcpu *run_once(int dev, struct vm *from, unsigned int flags)
{
	struct vm *vm = vm_new_on(dev, VM_EMPTY | flags);
	struct vcpu *v;

	CHECK_OK(vm_set_slot(vm, 0, 0, 0, from->mem_size, from->mem));
	v = vcpu_new_bare(vm, 0);
	vcpu_enter32(v, life_io32, PAGING_NONE);
	vcpu_expect(v, KVM_EXIT_IO);
	return v;
}

static void one_life(int dev, struct vm *from)
{
	struct vcpu *v = run_once(dev, from, 0);
	struct vm *vm = v->vm;

	vcpu_free(v);
	vm_free(vm);
}

static uint64_t median_life(int dev, struct vm *from)
{
	uint64_t t[LIVES], start;

	one_life(dev, from);
	for (int i = 0; i < LIVES; i++) {
		start = rdtsc();
		one_life(dev, from);
		t[i] = rdtsc() - start;
	}
	return bench_median(t, LIVES);
}

uint64_t bench_lifecycle(void)
{
	int dev = dev_open();

	return median_life(dev, vm_new_on(dev, 0));
}

/* The host has no other VM meanwhile: VMX goes on and off again, too. */
uint64_t bench_lifecycle_only(void)
{
	int dev = dev_open();
	struct vm *from = vm_new_on(dev, 0);

	close(from->fd);
	return median_life(dev, from);
}

/* Free pages: those in the zones, and those a CPU keeps at hand. */
static uint64_t free_pages(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	unsigned long long n;
	uint64_t sum = 0;
	char line[200];

	CHECK_MSG(f, "/proc/zoneinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " nr_free_pages %llu", &n) == 1 ||
		    sscanf(line, " count: %llu", &n) == 1)
			sum += n;
	fclose(f);
	return sum;
}

/* Per-CPU differences of the counters are folded in. */
static uint64_t settled_free_pages(void)
{
	FILE *f;

	sync();
	f = fopen("/proc/sys/vm/stat_refresh", "w");
	CHECK_MSG(f, "stat_refresh: %s", strerror(errno));
	fputs("1\n", f);
	fclose(f);
	return free_pages();
}

uint64_t bench_idle_memory(void)
{
	int dev = dev_open();
	struct vm *from = vm_new_on(dev, VM_IRQCHIP);
	uint64_t before;

	for (int i = 0; i < WARM_VMS; i++)
		run_once(dev, from, VM_IRQCHIP);
	before = settled_free_pages();
	for (int i = 0; i < IDLE_VMS; i++)
		run_once(dev, from, VM_IRQCHIP);
	return bench_less(before, settled_free_pages()) * 4096 / IDLE_VMS;
}
