// SPDX-License-Identifier: GPL-2.0-or-later
/* Event channels: how they reach a guest, and how it sends them. */
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "xen.h"

#define PORT	65
#define PRIO	KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL

static volatile uint64_t upcalls GUEST_VAR, sel_seen GUEST_VAR;
static volatile uint64_t want_eoi GUEST_VAR, started GUEST_VAR;

GINLINE vcpu_info_t *g_vcpu_info(unsigned int id)
{
	return (vcpu_info_t *)(XEN_VCPU_INFO + id * 64);
}

/* As a kernel's handler begins; leaves the event itself pending. */
GUEST static void upcall(struct guest_regs *r)
{
	volatile vcpu_info_t *vi = g_vcpu_info(0);

	upcalls++;
	vi->evtchn_upcall_pending = 0;
	sel_seen |= __atomic_exchange_n((uint64_t *)&vi->evtchn_pending_sel, 0,
					__ATOMIC_SEQ_CST);
	if (want_eoi)
		g_apic_write(APIC_EOI, 0);
}

GUEST static void wait_upcall(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	if (want_eoi)
		g_apic_enable();
	started = 1;
	while (!upcalls)
		g_wait_irq();
	g_check_eq(sel_seen, 1ull << PORT / 64);
	/* One event, one upcall. */
	g_take_irqs();
	g_sync(1);
	g_take_irqs();
	g_done();
}

static void set_callback(struct vm *vm)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = XEN_VECTOR,
	};

	CHECK_OK(xen_set(vm, &a));
}

static void set_upcall(struct vcpu *v)
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = XEN_VECTOR,
	};

	CHECK_OK(xen_vcpu_set(v, &a));
}

TEST(callback, "the vector callback comes for an event sent before, once")
{
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	set_callback(vm);
	CHECK_OK(xen_send(vm, PORT, 0));
	vcpu_enter64(v, wait_upcall);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(G(vm, upcalls), 1);
	CHECK(xen_pending(vm, PORT, true));
	/* It is pending already: no other upcall. */
	xen_send(vm, PORT, 0);
	vcpu_done(v);
	CHECK_EQ(G(vm, upcalls), 1);
}

/* From here, so that an event can be sent before the guest runs. */
static void enable_apic(struct vcpu *v)
{
	struct kvm_lapic_state l;
	uint32_t svr = 0x1ff;

	CHECK_OK(ioctl(v->fd, KVM_GET_LAPIC, &l));
	memcpy(l.regs + APIC_SVR, &svr, 4);
	CHECK_OK(ioctl(v->fd, KVM_SET_LAPIC, &l));
}

TEST(upcall_vector, "the per-vCPU vector comes through the local APIC")
{
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	set_upcall(v);
	G(vm, want_eoi) = 1;
	vcpu_enter64(v, wait_upcall);
	enable_apic(v);
	CHECK_OK(xen_send(vm, PORT, 0));
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(G(vm, upcalls), 1);
	vcpu_done(v);
	CHECK_EQ(G(vm, upcalls), 1);
}

GUEST static void wait_upcall_done(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	started = 1;
	while (!upcalls)
		g_wait_irq();
	g_done();
}

static void wait_started(struct vm *vm)
{
	for (int i = 0; i < 10000 && !G(vm, started); i++)
		usleep(1000);
	CHECK(G(vm, started));
	usleep(5000);
}

TEST(wakes_hlt, "an event ends HLT, in each word size")
{
	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	for (int wide = 0; wide < 2; wide++) {
		struct vm *vm = xen_vm(wide);
		struct vcpu *v = xen_vcpu(vm, 0);
		struct vcpu_thread *t;

		set_callback(vm);
		vcpu_enter64(v, wait_upcall_done);
		t = vcpu_start(v);
		wait_started(vm);
		CHECK_EQ(G(vm, upcalls), 0);
		CHECK_OK(xen_send(vm, PORT, 0));
		vcpu_join(t);
		CHECK_EQ(G(vm, upcalls), 1);
	}
}

GUEST static void halt_masked(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	started = 1;
	__asm__ volatile("hlt");
	g_done();
}

static int64_t thread_ns(pthread_t thread)
{
	struct timespec t;
	clockid_t clock;

	CHECK_EQ(pthread_getcpuclockid(thread, &clock), 0);
	CHECK_OK(clock_gettime(clock, &t));
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

struct sleeper {
	struct vm *vm;
	pthread_t thread;
	int64_t used_ns;
};

static void *watch_sleeper(void *arg)
{
	struct sleeper *s = arg;

	wait_started(s->vm);
	s->used_ns = thread_ns(s->thread);
	usleep(50000);
	s->used_ns = thread_ns(s->thread) - s->used_ns;
	pthread_kill(s->thread, SIGUSR1);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A guest that stops for good does so with an event pending more often than not. */
TEST(halt_masked, "HLT with interrupts off sleeps on, whatever is pending")
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct sleeper s = { .thread = pthread_self() };
	struct kvm_mp_state mp;
	struct vcpu *v;
	pthread_t t;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	s.vm = xen_vm(true);
	v = xen_vcpu(s.vm, 0);
	set_callback(s.vm);
	vcpu_enter64(v, halt_masked);
	CHECK_OK(xen_send(s.vm, PORT, 0));
	sigaction(SIGUSR1, &sa, NULL);
	CHECK_EQ(pthread_create(&t, NULL, watch_sleeper, &s), 0);
	CHECK_EQ(vcpu_run(v), -EINTR);
	pthread_join(t, NULL);
	CHECK(s.used_ns < 25000000);
	CHECK_OK(ioctl(v->fd, KVM_GET_MP_STATE, &mp));
	CHECK_EQ(mp.mp_state, KVM_MP_STATE_HALTED);
	CHECK_EQ(G(s.vm, upcalls), 0);
}

GUEST static void interrupts_off(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	for (int i = 0; i < 100; i++)
		g_barrier();
	g_check_eq(upcalls, 0);
	g_sync(0);
	g_take_irqs();
	g_check_eq(upcalls, 1);
	g_done();
}

TEST(window, "the callback waits until the guest takes interrupts")
{
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	set_callback(vm);
	CHECK_OK(xen_send(vm, PORT, 0));
	vcpu_enter64(v, interrupts_off);
	vcpu_sync(v);
	vcpu_done(v);
}

/* --- sending --- */

static int assign(struct vm *vm, uint32_t port, uint32_t type, uint32_t to,
		  uint32_t vcpu)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = {
			.send_port = port,
			.type = type,
			.deliver.port = { .port = to, .vcpu = vcpu,
					  .priority = PRIO },
		},
	};

	return xen_set(vm, &a);
}

GUEST static void send_self(void)
{
	g_check_eq(g_evtchn_send(15), 0);
	g_check_eq(g_evtchn_send(66), 0);
	/* Again: pending already, still no error. */
	g_check_eq(g_evtchn_send(15), 0);
	g_done();
}

TEST(send, "a guest's sends come back on the ports they are connected to")
{
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	CHECK_OK(assign(vm, 15, 5, 15, 0));
	CHECK_OK(assign(vm, 66, 2, 120, 0));
	vcpu_enter64(v, send_self);
	vcpu_done(v);
	CHECK(xen_pending(vm, 15, true));
	CHECK(xen_pending(vm, 120, true));
	CHECK(!xen_pending(vm, 66, true));
	CHECK_EQ(xen_vcpu_info(vm, 0)->evtchn_pending_sel, 3);
}

#define ARG_VA	0x40000000ull
#define ARG_PDE	((volatile uint64_t *)(GUEST_PT + 0x3000))
#define ARG_PT(n) ((volatile uint64_t *)(GUEST_FREE + (n) * 0x1000))
#define ARG_AT(n) ((volatile uint32_t *)(GUEST_FREE + 0x2000 + (n) * 0x1000))
#define ENTRY(p) ((uintptr_t)(p) | 0x3)

GUEST static int64_t send_arg(void)
{
	__asm__ volatile("invlpg (%0)" : : "r"(ARG_VA) : "memory");
	return g_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send,
			   ARG_VA, 0);
}

GUEST static void send_moving(void)
{
	*ARG_PDE = ENTRY(ARG_PT(0));
	*ARG_PT(0) = ENTRY(ARG_AT(0));
	*ARG_PT(1) = ENTRY(ARG_AT(2));
	*ARG_AT(0) = 11;
	*ARG_AT(1) = 13;
	*ARG_AT(2) = 14;
	g_check_eq(send_arg(), 0);
	g_check_eq(send_arg(), 0);
	*ARG_AT(0) = 12;			/* other data */
	g_check_eq(send_arg(), 0);
	*ARG_PT(0) = ENTRY(ARG_AT(1));		/* another page */
	g_check_eq(send_arg(), 0);
	*ARG_PDE = ENTRY(ARG_PT(1));		/* another table */
	g_check_eq(send_arg(), 0);
	*ARG_AT(2) = 15;
	*ARG_PT(1) = 0;				/* none */
	g_check_eq(send_arg(), -14);
	g_sync(1);
	*ARG_PT(1) = ENTRY(ARG_AT(2));
	g_check_eq(send_arg(), 0);
	g_done();
}

TEST(send_moving, "a hypercall's argument is read where the tables say now")
{
	struct vm *vm;
	struct vcpu *v;
	int i;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	for (i = 11; i < 17; i++)
		CHECK_OK(assign(vm, i, 5, i, 0));
	vcpu_enter64(v, send_moving);
	CHECK_EQ(vcpu_sync(v), 1);
	for (i = 11; i < 17; i++)
		CHECK_EQ(xen_pending(vm, i, true), i < 15);
	vcpu_done(v);
	CHECK(xen_pending(vm, 15, true));
}

GUEST static void send_once(void)
{
	g_check_eq(g_evtchn_send(33), 0);
	g_check_eq(g_evtchn_send(33), 0);
	g_done();
}

TEST(send_eventfd, "a guest's send signals an eventfd")
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = { .send_port = 33, .type = 2 },
	};
	struct vm *vm;
	struct vcpu *v;
	uint64_t n = 0;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	a.u.evtchn.deliver.eventfd.fd = eventfd(0, EFD_NONBLOCK);
	CHECK_OK(xen_set(vm, &a));
	vcpu_enter64(v, send_once);
	vcpu_done(v);
	CHECK_EQ(read(a.u.evtchn.deliver.eventfd.fd, &n, 8), 8);
	CHECK_EQ(n, 2);
	CHECK(!xen_pending(vm, 33, true));
}

GUEST static void send_ipi(void)
{
	g_check_eq(g_evtchn_send(PORT), 0);
	g_done();
}

TEST(ipi, "a port bound to another vCPU wakes that one")
{
	struct vcpu *v0, *v1;
	struct vcpu_thread *t;
	struct vm *vm;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v0 = xen_vcpu(vm, 0);
	v1 = xen_vcpu(vm, 1);
	set_callback(vm);
	CHECK_OK(assign(vm, PORT, 5, PORT, 0));
	vcpu_enter64(v0, wait_upcall_done);
	t = vcpu_start(v0);
	wait_started(vm);
	vcpu_enter64(v1, send_ipi);
	vcpu_done(v1);
	vcpu_join(t);
	CHECK_EQ(G(vm, upcalls), 1);
	CHECK_EQ(xen_vcpu_info(vm, 1)->evtchn_upcall_pending, 0);
}

/* --- waiting in a hypercall --- */

GUEST static void poll_wait(void)
{
	evtchn_port_t p[2] = { 40, PORT };
	struct sched_poll s;

	set_xen_guest_handle(s.ports, p);
	s.nr_ports = 2;
	s.timeout = 0;
	started = 1;
	g_check_eq(g_sched_op(SCHEDOP_poll, &s), 0);
	s.nr_ports = 1;
	g_sync(1);
	g_check_eq(g_sched_op(SCHEDOP_poll, &s), 0);
	g_done();
}

static void *send_soon(void *arg)
{
	usleep(20000);
	xen_send(arg, 40, 0);
	return NULL;
}

TEST(poll_wakes, "an event on a polled port ends the poll, masked or not")
{
	struct vm *vm;
	struct vcpu *v;
	pthread_t s;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	xen_set_mask(vm, 40, true, true);
	vcpu_enter64(v, poll_wait);
	CHECK_EQ(pthread_create(&s, NULL, send_soon, vm), 0);
	CHECK_EQ(vcpu_sync(v), 1);
	pthread_join(s, NULL);
	CHECK(xen_pending(vm, 40, true));
	/* One port, pending still: at once. */
	vcpu_done(v);
}

GUEST static void block(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	g_check_eq(g_sched_op(SCHEDOP_block, 0), 0);
	g_check_eq(upcalls, 0);
	g_take_irqs();
	g_check_eq(upcalls, 1);
	g_done();
}

TEST(block, "SCHEDOP_block waits for an event, also with interrupts off")
{
	struct vm *vm;
	struct vcpu *v;
	pthread_t s;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	set_callback(vm);
	vcpu_enter64(v, block);
	CHECK_EQ(pthread_create(&s, NULL, send_soon, vm), 0);
	if (vcpu_exit(v) == KVM_EXIT_XEN)
		tap_skip("this kernel leaves SCHEDOP_block to user space");
	if (v->run->exit_reason != KVM_EXIT_IO ||
	    v->run->io.port != PORT_DONE)
		vcpu_bad_exit(v);
	pthread_join(s, NULL);
	CHECK_EQ(G(vm, upcalls), 1);
}
