// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vCPUs that spin for each other on one CPU: one that loops with PAUSE leaves
 * the guest and lets another run.
 */
#include <sched.h>
#include <string.h>

#include "guest.h"

#define ROUNDS		5

static volatile uint32_t lock GUEST_VAR, arrived GUEST_VAR, seen GUEST_VAR;

/*
 * One waits for the other with a lock that it lets go of for its PAUSE only, as
 * SeaBIOS waits for the CPUs it has started.  Stopped elsewhere it holds it.
 */
GUEST static void wait_for_arrival(uint32_t n)
{
	while (arrived < n)
		__asm__ volatile("movl $0, %0\n"
				 "1: pause\n\t"
				 "lock btsl $0, %0\n\t"
				 "jc 1b" : "+m"(lock) : : "cc", "memory");
}

GUEST static void arrive(void)
{
	__asm__ volatile("1: pause\n\t"
			 "lock btsl $0, %0\n\t"
			 "jc 1b" : "+m"(lock) : : "cc", "memory");
	arrived++;
	g_barrier();
	lock = 0;
}

GUEST static void waiter(void)
{
	lock = 1;
	g_sync(0);
	for (uint32_t n = 1; n <= ROUNDS; n++) {
		wait_for_arrival(n);
		seen = n;
	}
	lock = 0;
	g_done();
}

GUEST static void comer(void)
{
	for (uint32_t n = 1; n <= ROUNDS; n++) {
		arrive();
		while (seen < n)
			g_pause();
	}
	g_done();
}

/* Nothing else ends a loop with interrupts off: the README says why. */
static void require_slices(void)
{
	if (!strcmp(dev_path(), "/dev/kvm"))
		tap_skip("in-tree KVM would stop a host in Bochs");
}

/* The threads to come too. */
static void stay_on_this_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
}

TEST_TIMEOUT(lock, "a lock let go of for a PAUSE reaches the other vCPU of the CPU", 20)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0), *other = vcpu_new(vm, 1);
	struct vcpu_thread *thread;

	require_slices();
	stay_on_this_cpu();
	CHECK_OK(ioctl(other->fd, KVM_SET_MP_STATE, &runnable));
	vcpu_enter64(v, waiter);
	vcpu_enter64(other, comer);
	CHECK_EQ(vcpu_sync(v), 0);
	thread = vcpu_start(other);
	vcpu_done(v);
	vcpu_join(thread);
	CHECK_EQ(G(vm, arrived), ROUNDS);
	CHECK_EQ(G(vm, lock), 0);
}

/* --- the exits themselves ------------------------------------------------------ */

static volatile uint64_t ticks GUEST_VAR;

GUEST static void spin(void)
{
	uint64_t end;

	g_sync(0);
	end = g_rdtsc() + ticks;
	while (g_rdtsc() < end)
		g_pause();
	g_sync(1);
	g_done();
}

/* Exits of a vCPU that spins for a tenth of a second. */
static uint64_t spin_exits(uint64_t without)
{
	struct kvm_enable_cap c = {
		.cap = KVM_CAP_X86_DISABLE_EXITS, .args = { without },
	};
	struct vm *vm = vm_new(VM_IRQCHIP);
	uint64_t before;
	struct vcpu *v;

	CHECK_OK(ioctl(vm->fd, KVM_ENABLE_CAP, &c));
	v = vcpu_new(vm, 0);
	G(vm, ticks) = ioctl(v->fd, KVM_GET_TSC_KHZ, 0) * 100ull;
	vcpu_enter64(v, spin);
	CHECK_EQ(vcpu_sync(v), 0);
	before = vcpu_stat(v, "exits");
	CHECK_EQ(vcpu_sync(v), 1);
	before = vcpu_stat(v, "exits") - before;
	vcpu_done(v);
	return before;
}

TEST(exits, "KVM_CAP_X86_DISABLE_EXITS takes the exits of PAUSE away")
{
	uint64_t with, without;

	require_slices();
	CHECK(dev_cap(KVM_CAP_X86_DISABLE_EXITS) & KVM_X86_DISABLE_EXITS_PAUSE);
	with = spin_exits(0);
	without = spin_exits(KVM_X86_DISABLE_EXITS_PAUSE);
	tap_diag("exits: %llu, %llu without", (unsigned long long)with,
		 (unsigned long long)without);
	CHECK(with >= without + 20);
}
