// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Xen guests: events and timers, up to the first instruction of the C handler
 * of their interrupt.
 */
#include "bench.h"
#include "xen.h"

#define PORT		65
#define AHEAD		10000	/* ticks */

static volatile uint64_t entered GUEST_VAR;	/* TSC in the last handler */
static volatile uint64_t upcalls GUEST_VAR;
static uint64_t least GUEST_VAR;		/* of a batch */

/* The shortest handler there can be. */
GUEST static void upcall(struct guest_regs *r)
{
	volatile vcpu_info_t *vi = (vcpu_info_t *)XEN_VCPU_INFO;
	shared_info_t *s = (void *)XEN_SHINFO;

	entered = g_rdtsc();
	upcalls++;
	vi->evtchn_upcall_pending = 0;
	vi->evtchn_pending_sel = 0;
	s->evtchn_pending[PORT / 64] = 0;
}

static struct vcpu *event_vcpu(void)
{
	struct kvm_xen_hvm_attr cb = {
		.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = XEN_VECTOR,
	};
	struct kvm_xen_hvm_attr port = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = {
			.send_port = PORT,
			.type = 5,		/* EVTCHNSTAT_ipi */
			.deliver.port = {
				.port = PORT,
				.priority =
				      KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL,
			},
		},
	};
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	v = xen_vcpu(xen_vm(true), 0);
	CHECK_OK(xen_set(v->vm, &cb));
	CHECK_OK(xen_set(v->vm, &port));
	return v;
}

/* The guest's own smallest figure, of BENCH_REPEAT batches. */
static uint64_t guest_timed(struct vcpu *v, void (*loop)(void))
{
	G(v->vm, least) = BENCH_NONE;
	vcpu_enter64(v, loop);
	for (int i = 0; i < BENCH_REPEAT; i++)
		vcpu_sync(v);
	CHECK_EQ(G(v->vm, upcalls), BENCH_REPEAT * BENCH_BATCH);
	return G(v->vm, least);
}

GUEST static void send_loop(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	g_sti();
	for (;;) {
		for (int i = 0; i < BENCH_BATCH; i++) {
			uint64_t t = g_rdtsc();

			g_evtchn_send(PORT);
			bench_keep(&least, entered - t);
		}
		g_sync(0);
	}
}

uint64_t bench_xen_send(void)
{
	return guest_timed(event_vcpu(), send_loop);
}

GUEST static void out_on_upcall(struct guest_regs *r)
{
	upcall(r);
	g_out8(0x80, 0);
}

GUEST static void await_loop(void)
{
	guest_handlers[XEN_VECTOR] = out_on_upcall;
	g_sti();
	g_out8(0x80, 0);
	for (;;)
		g_pause();
}

/* What the guest's TSC is ahead of the host's. */
static uint64_t tsc_offset(struct vcpu *v)
{
	uint64_t offset;
	struct kvm_device_attr a = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&offset,
	};

	CHECK_OK(ioctl(v->fd, KVM_GET_DEVICE_ATTR, &a));
	return offset;
}

uint64_t bench_xen_ioctl(void)
{
	struct vcpu *v = event_vcpu();
	uint64_t best = BENCH_NONE, start, offset;

	vcpu_enter64(v, await_loop);
	vcpu_expect(v, KVM_EXIT_IO);
	offset = tsc_offset(v);
	for (int i = 0; i < BENCH_REPEAT * BENCH_BATCH; i++) {
		start = rdtsc();
		if (xen_send(v->vm, PORT, 0) || ioctl(v->fd, KVM_RUN, 0L) ||
		    v->run->exit_reason != KVM_EXIT_IO)
			vcpu_bad_exit(v);
		bench_keep(&best, G(v->vm, entered) - offset - start);
	}
	CHECK_EQ(G(v->vm, upcalls), BENCH_REPEAT * BENCH_BATCH);
	return best;
}

/* An event to a port that is pending finds the page it is in, and a bit set. */
uint64_t bench_xen_check(void)
{
	struct vcpu *v = event_vcpu();
	uint64_t with = BENCH_NONE, without = BENCH_NONE, start;

	xen_send(v->vm, PORT, 0);
	CHECK(xen_pending(v->vm, PORT, true));
	for (int i = 0; i < BENCH_REPEAT * BENCH_BATCH; i++) {
		start = rdtsc();
		xen_send(v->vm, PORT, 0);
		bench_keep(&with, rdtsc() - start);
		start = rdtsc();
		ioctl(v->vm->fd, _IO(KVMIO, 0xff), 0L);
		bench_keep(&without, rdtsc() - start);
	}
	return bench_less(with, without);
}

static struct vcpu *timer_vcpu(void)
{
	struct kvm_xen_vcpu_attr timer = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_TIMER,
		.u.timer = {
			.port = PORT,
			.priority = KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL,
		},
	};
	struct vcpu *v = event_vcpu();

	CHECK_OK(xen_vcpu_set(v, &timer));
	return v;
}

GINLINE int64_t g_set_timer(uint64_t ns)
{
	struct vcpu_set_singleshot_timer t = { .timeout_abs_ns = ns };

	return g_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer,
			   0, (uint64_t)&t);
}

GUEST static void timer_past_loop(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	g_sti();
	for (;;) {
		for (int i = 0; i < BENCH_BATCH; i++) {
			uint64_t t = g_rdtsc();

			g_check_eq(g_set_timer(1), 0);
			bench_keep(&least, entered - t);
		}
		g_sync(0);
	}
}

uint64_t bench_xen_timer_past(void)
{
	return guest_timed(timer_vcpu(), timer_past_loop);
}

/* What the guest's clock shows at a TSC. */
GINLINE uint64_t g_ns_at(const volatile vcpu_time_info_t *t, uint64_t tsc)
{
	uint64_t d = tsc - t->tsc_timestamp;

	d = t->tsc_shift < 0 ? d >> -t->tsc_shift : d << t->tsc_shift;
	return t->system_time +
	       (uint64_t)((unsigned __int128)d * t->tsc_to_system_mul >> 32);
}

/* The hypercall's cost, and how late the handler is. */
GUEST static void timer_loop(void)
{
	volatile vcpu_info_t *vi = (vcpu_info_t *)XEN_VCPU_INFO;

	guest_handlers[XEN_VECTOR] = upcall;
	g_sti();
	for (;;) {
		for (int i = 0; i < BENCH_BATCH; i++) {
			uint64_t before = upcalls, t = g_rdtsc(), set;
			uint64_t due = t + AHEAD;

			g_check_eq(g_set_timer(g_ns_at(&vi->time, due)), 0);
			set = g_rdtsc();
			while (upcalls == before)
				g_pause();
			if (set < due)
				bench_keep(&least, set - t + entered - due);
		}
		g_sync(0);
	}
}

uint64_t bench_xen_timer(void)
{
	return guest_timed(timer_vcpu(), timer_loop);
}
