// SPDX-License-Identifier: GPL-2.0-or-later
/* vCPUs that the host schedules: halted and woken, preempted and resumed. */
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "xen.h"

#define VEC		0x55
#define SWITCHES	1000
#define NAP_NS		200000
#define AWAY		1000	/* ticks: more than a loop of the guest's */

static uint64_t least GUEST_VAR;
static volatile uint64_t hits[2] GUEST_VAR;	/* IPIs received, by APIC ID */
static volatile uint64_t ready GUEST_VAR;
static volatile uint64_t turns GUEST_VAR;	/* of the other thread */
static uint64_t gap[SWITCHES] GUEST_VAR;
static volatile uint64_t gaps GUEST_VAR;

/* First come, first served: a wakeup preempts no thread of the same kind. */
static void in_turn(int children)
{
	struct sched_param p = { .sched_priority = 1 };

	CHECK_OK(sched_setscheduler(0, SCHED_FIFO | children, &p));
}

/* --- HLT --- */

GUEST static void on_ipi(struct guest_regs *r)
{
	hits[g_rdmsr(MSR_X2APIC(APIC_ID))]++;
	g_wrmsr(MSR_X2APIC(APIC_EOI), 0);
}

/* To the other one; then halt until it has answered. */
GINLINE void g_ping(uint64_t other)
{
	g_wrmsr(MSR_X2APIC(APIC_ICR), other << 32 | 0x4000 | VEC);
}

GINLINE void g_await(unsigned int me, uint64_t n)
{
	while (hits[me] < n)
		g_wait_irq();
}

GUEST static void answering(void)
{
	g_x2apic_enable();
	ready = 1;
	for (uint64_t n = 1; ; n++) {
		g_await(1, n);
		g_ping(0);
	}
}

GUEST static void asking(void)
{
	uint64_t n = 0;

	guest_handlers[VEC] = on_ipi;
	g_x2apic_enable();
	while (!ready)
		g_sync(0);
	for (int i = 0; i < BENCH_REPEAT * 4; i++) {
		uint64_t t = g_rdtsc();

		g_ping(1);
		g_await(0, ++n);
		bench_keep(&least, g_rdtsc() - t);
	}
	g_done();
}

uint64_t bench_halt_ipi(void)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v0 = vcpu_new(vm, 0), *v1 = vcpu_new(vm, 1);

	in_turn(0);
	G(vm, least) = BENCH_NONE;
	vcpu_enter64(v1, answering);
	vcpu_start(v1);
	vcpu_enter64(v0, asking);
	do {
		usleep(1000);
		vcpu_exit(v0);
	} while (vcpu_at_sync(v0, 0));
	if (G(vm, hits[1]) < BENCH_REPEAT * 4)
		vcpu_bad_exit(v0);
	return G(vm, least) / 2;
}

/* --- runstates --- */

/* The time that passes between two instructions when the other had a turn. */
GUEST static void gap_loop(void)
{
	uint64_t last = g_rdtsc(), seen = turns;

	g_sti();
	while (gaps < SWITCHES) {
		uint64_t turn = turns, now = g_rdtsc();

		/* away between the two reads: it sees no turn, then no gap */
		if (turn != seen && now - last > AWAY)
			gap[gaps++] = now - last;
		last = now;
		seen = turn;
	}
	g_done();
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/*
 * The mean of the middle half, for the ways through the scheduler and its
 * timers are many: the shortest are rare, so that it would be chance whether
 * two like ones are compared, and the usual ones are a few ticks apart.
 */
static uint64_t usual(uint64_t *v, unsigned int n)
{
	uint64_t sum = 0;

	qsort(v, n, sizeof(*v), by_size);
	for (unsigned int i = n / 4; i < n - n / 4; i++)
		sum += v[i];
	return sum / (n - 2 * (n / 4));
}

/* What a vCPU is away for when another thread has a short turn. */
static uint64_t preempted(struct vcpu *v)
{
	struct timespec nap = { .tv_nsec = NAP_NS };
	struct vcpu_thread *t;

	in_turn(SCHED_RESET_ON_FORK);	/* and before the vCPU's thread */
	vcpu_enter64(v, gap_loop);
	t = vcpu_start(v);
	while (G(v->vm, gaps) < SWITCHES) {
		nanosleep(&nap, NULL);
		G(v->vm, turns)++;
	}
	vcpu_join(t);
	return usual(&G(v->vm, gap[0]), SWITCHES);
}

/* What an area costs beside a guest that is not Xen's. */
uint64_t bench_runstate(void)
{
	struct vcpu *plain, *xen;
	uint64_t without;

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE);
	plain = vcpu_new(vm_new(VM_IRQCHIP), 0);
	without = preempted(plain);
	xen = xen_vcpu(xen_vm(true), 0);
	CHECK_OK(xen_set_gpa(xen, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			     XEN_RUNSTATE));
	return bench_less(preempted(xen), without);
}
