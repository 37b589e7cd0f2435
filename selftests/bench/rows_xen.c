// SPDX-License-Identifier: GPL-2.0-or-later
/* The bench's measures of Xen guests: events up to the interrupt, runstates. */
#include "bench.h"
#include "xen.h"

#define LOOPS		1000
#define REPEAT		9
#define PORT		65

static uint64_t ticks GUEST_VAR;	/* of the guest's own loop */
static volatile uint64_t upcalls GUEST_VAR;

/* The shortest handler there can be. */
GUEST static void upcall(struct guest_regs *r)
{
	volatile vcpu_info_t *vi = (vcpu_info_t *)XEN_VCPU_INFO;
	shared_info_t *s = (void *)XEN_SHINFO;

	upcalls++;
	vi->evtchn_upcall_pending = 0;
	vi->evtchn_pending_sel = 0;
	s->evtchn_pending[PORT / 64] = 0;
}

GUEST static void send_loop(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	g_sti();
	for (;;) {
		uint64_t t = g_rdtsc(), before = upcalls;

		for (int i = 0; i < LOOPS; i++)
			g_evtchn_send(PORT);
		ticks = g_rdtsc() - t;
		g_check_eq(upcalls, before + LOOPS);
		g_sync(0);
	}
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

uint64_t bench_xen_send(void)
{
	struct vcpu *v = event_vcpu();
	uint64_t t[REPEAT];

	vcpu_enter64(v, send_loop);
	vcpu_sync(v);		/* warm */
	for (int i = 0; i < REPEAT; i++) {
		vcpu_sync(v);
		t[i] = G(v->vm, ticks) / LOOPS;
	}
	return bench_median(t, REPEAT);
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

/* Ticks of @LOOPS entries, each after an event if @port. */
static uint64_t timed_runs(struct vcpu *v, uint32_t port)
{
	uint64_t start = rdtsc();

	for (int i = 0; i < LOOPS; i++)
		if ((port && xen_send(v->vm, port, 0)) ||
		    ioctl(v->fd, KVM_RUN, 0L) ||
		    v->run->exit_reason != KVM_EXIT_IO)
			vcpu_bad_exit(v);
	return rdtsc() - start;
}

uint64_t bench_xen_ioctl(void)
{
	struct vcpu *v = event_vcpu();
	uint64_t t[REPEAT];

	vcpu_enter64(v, await_loop);
	vcpu_expect(v, KVM_EXIT_IO);
	for (int i = 0; i < REPEAT; i++)
		t[i] = timed_runs(v, PORT) / LOOPS;
	CHECK(G(v->vm, upcalls) >= LOOPS * REPEAT - 1);
	return bench_median(t, REPEAT);
}

GUEST static void out_loop(void)
{
	for (;;)
		g_out8(0x80, 0);
}

uint64_t bench_xen_runstate(void)
{
	struct vcpu *v = event_vcpu();
	uint64_t t[REPEAT];

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			     XEN_RUNSTATE));
	vcpu_enter64(v, out_loop);
	vcpu_expect(v, KVM_EXIT_IO);
	for (int i = 0; i < REPEAT; i++)
		t[i] = timed_runs(v, 0) / LOOPS;
	return bench_median(t, REPEAT);
}
