// SPDX-License-Identifier: GPL-2.0-or-later
/* The periodic timer in the kernel: VCPUOP_set_periodic_timer and its state. */
#include <unistd.h>

#include "xen.h"

#define PORT	67
#define PRIO	KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL
#define MS	1000000ull

static volatile uint64_t ticks GUEST_VAR, seen GUEST_VAR;

GUEST static void upcall(struct guest_regs *r)
{
	volatile vcpu_info_t *vi = (vcpu_info_t *)XEN_VCPU_INFO;
	shared_info_t *s = (void *)XEN_SHINFO;

	vi->evtchn_upcall_pending = 0;
	__atomic_exchange_n((uint64_t *)&vi->evtchn_pending_sel, 0,
			    __ATOMIC_SEQ_CST);
	if (__atomic_fetch_and(&s->evtchn_pending[PORT / 64],
			       ~(1ull << PORT % 64), __ATOMIC_SEQ_CST) &
	    1ull << PORT % 64)
		ticks++;
}

GUEST static uint64_t g_clock(void)
{
	const volatile vcpu_time_info_t *t =
		&((vcpu_info_t *)XEN_VCPU_INFO)->time;
	uint64_t delta, ns;
	uint32_t version;

	do {
		version = t->version;
		g_barrier();
		delta = g_rdtsc() - t->tsc_timestamp;
		delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift :
		       delta << t->tsc_shift;
		ns = t->system_time + (uint64_t)
		     (((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
		g_barrier();
	} while ((version & 1) || version != t->version);
	return ns;
}

GINLINE int64_t g_periodic(unsigned int vcpu, uint64_t ns)
{
	struct vcpu_set_periodic_timer t = { .period_ns = ns };

	return g_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_set_periodic_timer,
			   vcpu, (uint64_t)&t);
}

GUEST static void g_await(uint64_t n)
{
	while (ticks < n)
		g_wait_irq();
}

static int set_tick(struct vcpu *v, uint64_t period, uint64_t next)
{
	struct xkvm_xen_periodic_timer t = { period, next };
	struct kvm_xen_vcpu_attr a = {
		.type = XKVM_XEN_VCPU_ATTR_TYPE_PERIODIC_TIMER,
	};

	memcpy(&a.u, &t, sizeof(t));
	return xen_vcpu_set(v, &a);
}

static struct xkvm_xen_periodic_timer get_tick(struct vcpu *v)
{
	struct kvm_xen_vcpu_attr a = {
		.type = XKVM_XEN_VCPU_ATTR_TYPE_PERIODIC_TIMER,
	};
	struct xkvm_xen_periodic_timer t;

	CHECK_OK(xen_vcpu_get(v, &a));
	memcpy(&t, &a.u, sizeof(t));
	return t;
}

static void bind_port(struct vcpu *v, uint32_t port)
{
	struct kvm_xen_vcpu_attr t = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_TIMER,
		.u.timer = { .port = port, .priority = PRIO },
	};

	CHECK_OK(xen_vcpu_set(v, &t));
}

static uint64_t vm_clock(struct vm *vm)
{
	struct kvm_clock_data c;

	CHECK_OK(ioctl(vm->fd, KVM_GET_CLOCK, &c));
	return c.clock;
}

/* With the kernel's periodic timer, or as any client of KVM gets it. */
static struct vcpu *tick_vcpu(bool owned)
{
	struct kvm_xen_hvm_attr cb = {
		.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = XEN_VECTOR,
	};
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	v = xen_vcpu(xen_vm(true), 0);
	CHECK_OK(xen_set(v->vm, &cb));
	bind_port(v, PORT);
	if (owned && set_tick(v, 0, 0)) {
		CHECK_EQ(errno, ENOENT);
		tap_skip("no periodic timer in this kernel");
	}
	return v;
}

static uint64_t scale GUEST_VAR;	/* of periods: tap_scale() */

GUEST static void periodic(void)
{
	uint64_t start, n, ms = MS * scale;

	guest_handlers[XEN_VECTOR] = upcall;
	/* Xen's limits */
	g_check_eq(g_periodic(0, MS - 1), -22ll);
	g_check_eq(g_periodic(0, (1ull << 61) + 1), -22ll);
	g_check_eq(g_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_set_periodic_timer,
			       0, 0x100000000ull), -14ll);
	start = g_clock();
	g_check_eq(g_periodic(0, 2 * ms), 0);
	g_await(5);
	g_check(g_clock() >= start + 10 * ms);
	g_check(g_clock() < start + 13 * ms);
	/* a new period is from now on */
	start = g_clock();
	n = ticks;
	g_check_eq(g_periodic(0, 5 * ms), 0);
	g_await(n + 1);
	g_check(g_clock() >= start + 5 * ms);
	g_check_eq(g_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer,
			       0, 0), 0);
	n = ticks;
	start = g_clock();
	g_sti();
	while (g_clock() < start + 12 * ms)
		g_pause();
	g_cli();
	g_check_eq(ticks, n);
	g_done();
}

TEST(periodic, "ticks come at the period, until it is stopped")
{
	struct vcpu *v = tick_vcpu(true);

	G(v->vm, scale) = tap_scale();
	vcpu_enter64(v, periodic);
	vcpu_done(v);
}

GUEST static void not_served(void)
{
	g_check_eq(g_periodic(0, 2 * MS), 77);
	g_check_eq(g_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer,
			       0, 0), 77);
	g_done();
}

GUEST static void for_another(void)
{
	g_check_eq(g_periodic(1, 2 * MS), 77);
	g_check_eq(g_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer,
			       1, 0), 77);
	g_done();
}

static void expect_two_exits(struct vcpu *v)
{
	for (int i = 0; i < 2; i++) {
		vcpu_expect(v, KVM_EXIT_XEN);
		CHECK_EQ(v->run->xen.u.hcall.input, __HYPERVISOR_vcpu_op);
		v->run->xen.u.hcall.result = 77;
	}
	vcpu_done(v);
}

TEST(not_owned, "without the attribute the hypercalls are user space's")
{
	struct vcpu *v = tick_vcpu(false);

	vcpu_enter64(v, not_served);
	expect_two_exits(v);
}

TEST(another, "another vCPU's timer is user space's to set")
{
	struct vcpu *v = tick_vcpu(true);

	vcpu_enter64(v, for_another);
	expect_two_exits(v);
}

TEST(user_mode, "from ring 3 the hypercalls are user space's")
{
	struct vcpu *v = tick_vcpu(true);

	vcpu_enter64_user(v, not_served);
	expect_two_exits(v);
	CHECK_EQ(get_tick(v).period_ns, 0);
}

TEST(attr, "period and next tick are set, read, refused")
{
	struct vcpu *v = tick_vcpu(true);
	struct xkvm_xen_periodic_timer t = get_tick(v);
	uint64_t now;

	CHECK_EQ(t.period_ns, 0);
	CHECK_EQ(t.next_ns, 0);
	CHECK_ERRNO(set_tick(v, MS - 1, 0), EINVAL);
	CHECK_ERRNO(set_tick(v, (1ull << 61) + 1, 0), EINVAL);
	CHECK_ERRNO(set_tick(v, 1, 0), EINVAL);
	CHECK_EQ(get_tick(v).period_ns, 0);
	CHECK_OK(set_tick(v, 7000 * MS, 0));
	t = get_tick(v);
	now = vm_clock(v->vm);
	CHECK_EQ(t.period_ns, 7000 * MS);
	CHECK(t.next_ns > now && t.next_ns <= now + 7000 * MS);
	CHECK_OK(set_tick(v, 0, 0));
	CHECK_EQ(get_tick(v).period_ns, 0);
}

GUEST static void await_three(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	g_await(1);
	seen = g_clock();
	g_await(3);
	g_done();
}

TEST(restored, "a timer set by the client ticks, in step with its next tick")
{
	struct vcpu *v = tick_vcpu(true);
	uint64_t next = vm_clock(v->vm) + 20 * MS;

	CHECK_OK(set_tick(v, 30 * MS, next));
	CHECK_EQ(get_tick(v).next_ns, next);
	vcpu_enter64(v, await_three);
	vcpu_done(v);
	CHECK(G(v->vm, seen) >= next);
	CHECK(G(v->vm, seen) < next + 15 * MS);
	/* the phase is kept: whole periods from that tick */
	CHECK_EQ((get_tick(v).next_ns - next) % (30 * MS), 0);
}

TEST(orders, "clock and timer lead to the same ticks in either order")
{
	const uint64_t period = 5000 * MS, next = 1000000 * MS + 123;
	struct kvm_clock_data c = { .clock = 999000 * MS };
	struct vcpu *a = tick_vcpu(true), *b = tick_vcpu(true);

	CHECK_OK(ioctl(a->vm->fd, KVM_SET_CLOCK, &c));
	CHECK_OK(set_tick(a, period, next));
	CHECK_OK(set_tick(b, period, next));
	CHECK_OK(ioctl(b->vm->fd, KVM_SET_CLOCK, &c));
	CHECK_EQ(get_tick(a).next_ns, next);
	CHECK_EQ(get_tick(b).next_ns, next);
}

TEST(no_port, "without a port there are no ticks, with one there are")
{
	struct vcpu *v = tick_vcpu(true);

	bind_port(v, 0);
	CHECK_OK(set_tick(v, MS, 0));
	usleep(5000);
	CHECK(!xen_pending(v->vm, PORT, true));
	bind_port(v, PORT);
	vcpu_enter64(v, await_three);
	vcpu_done(v);
}

TEST(no_shinfo, "a tick without shared_info hurts nobody")
{
	struct kvm_xen_hvm_attr off = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO,
		.u.shared_info.gfn = KVM_XEN_INVALID_GFN,
	};
	struct vcpu *v = tick_vcpu(true);

	CHECK_OK(set_tick(v, MS, 0));
	CHECK_OK(xen_set(v->vm, &off));
	usleep(5000);
	off.u.shared_info.gfn = XEN_SHINFO >> 12;
	CHECK_OK(xen_set(v->vm, &off));
	vcpu_enter64(v, await_three);
	vcpu_done(v);
}
