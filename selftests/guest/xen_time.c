// SPDX-License-Identifier: GPL-2.0-or-later
/* Time as a Xen guest has it: single-shot timers, pvclock, runstates. */
#include <unistd.h>

#include "xen.h"

#define PORT	67
#define PRIO	KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL
#define MS	1000000ull

static volatile uint64_t upcalls GUEST_VAR, when GUEST_VAR;

GUEST static void upcall(struct guest_regs *r)
{
	volatile vcpu_info_t *vi = (vcpu_info_t *)XEN_VCPU_INFO;

	upcalls++;
	vi->evtchn_upcall_pending = 0;
	__atomic_exchange_n((uint64_t *)&vi->evtchn_pending_sel, 0,
			    __ATOMIC_SEQ_CST);
}

/* The guest's clock by the version protocol. */
GINLINE uint64_t g_clock(const volatile vcpu_time_info_t *t)
{
	uint64_t delta, ns;
	uint32_t version;

	do {
		version = t->version;
		__asm__ volatile("" : : : "memory");
		delta = g_rdtsc() - t->tsc_timestamp;
		delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift :
		       delta << t->tsc_shift;
		ns = t->system_time + (uint64_t)
		     (((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
		__asm__ volatile("" : : : "memory");
	} while ((version & 1) || version != t->version);
	return ns;
}

GINLINE uint64_t g_now(void)
{
	return g_clock(&((vcpu_info_t *)XEN_VCPU_INFO)->time);
}

GINLINE int64_t g_singleshot(uint64_t at, uint32_t flags)
{
	struct vcpu_set_singleshot_timer t = {
		.timeout_abs_ns = at, .flags = flags,
	};

	return g_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0,
			   (uint64_t)&t);
}

GINLINE void g_await(uint64_t n)
{
	while (upcalls < n)
		g_wait_irq();
	shared_info_t *s = (void *)XEN_SHINFO;

	__atomic_fetch_and(&s->evtchn_pending[PORT / 64],
			   ~(1ull << PORT % 64), __ATOMIC_SEQ_CST);
}

GUEST static void timers(void)
{
	uint64_t start;

	guest_handlers[XEN_VECTOR] = upcall;
	/* ahead */
	start = g_now();
	g_check_eq(g_singleshot(start + 3 * MS, 0), 0);
	g_await(1);
	g_check(g_now() >= start + 3 * MS);
	/* past; xen_clock.c has VCPU_SSHOTTMR_future */
	g_check_eq(g_singleshot(start, 0), 0);
	g_await(2);
	/* another vCPU's */
	g_check_eq(g_hypercall(__HYPERVISOR_vcpu_op,
			       VCPUOP_stop_singleshot_timer, 1, 0), -22);
	/* stopped */
	g_check_eq(g_singleshot(g_now() + 5 * MS, 0), 0);
	g_check_eq(g_hypercall(__HYPERVISOR_vcpu_op,
			       VCPUOP_stop_singleshot_timer, 0, 0), 0);
	g_check_eq(g_hypercall(__HYPERVISOR_set_timer_op, g_now() + 9 * MS, 0,
			       0), 0);
	g_await(3);
	/* a negative time is taken for overflow, and comes soon */
	g_check_eq(g_hypercall(__HYPERVISOR_set_timer_op, 1ull << 63, 0, 0), 0);
	g_await(4);
	g_done();
}

static struct vcpu *timer_vcpu(struct vm **vm, bool timer)
{
	struct kvm_xen_hvm_attr cb = {
		.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = XEN_VECTOR,
	};
	struct kvm_xen_vcpu_attr t = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_TIMER,
		.u.timer = { .port = PORT, .priority = PRIO },
	};
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	*vm = xen_vm(true);
	v = xen_vcpu(*vm, 0);
	CHECK_OK(xen_set(*vm, &cb));
	if (timer)
		CHECK_OK(xen_vcpu_set(v, &t));
	return v;
}

TEST(timer, "single-shot timers come on time, at once, or not at all")
{
	struct vm *vm;
	struct vcpu *v = timer_vcpu(&vm, true);

	vcpu_enter64(v, timers);
	vcpu_done(v);
	CHECK_EQ(G(vm, upcalls), 4);
}

GUEST static void await_one(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	g_await(1);
	when = g_now();
	g_done();
}

static uint64_t get_clock(struct vm *vm)
{
	struct kvm_clock_data c;

	CHECK_OK(ioctl(vm->fd, KVM_GET_CLOCK, &c));
	return c.clock;
}

TEST(timer_restored, "a timer set by the client fires in the guest")
{
	struct kvm_xen_vcpu_attr t = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_TIMER,
		.u.timer = { .port = PORT, .priority = PRIO },
	};
	struct vm *vm;
	struct vcpu *v = timer_vcpu(&vm, false);
	uint64_t at = get_clock(vm) + 30 * MS;

	t.u.timer.expires_ns = at;
	CHECK_OK(xen_vcpu_set(v, &t));
	CHECK_OK(xen_vcpu_get(v, &t));
	CHECK_EQ(t.u.timer.expires_ns, at);
	vcpu_enter64(v, await_one);
	vcpu_done(v);
	CHECK(G(vm, when) >= at);
	CHECK_OK(xen_vcpu_get(v, &t));
	CHECK_EQ(t.u.timer.expires_ns, 0);
	CHECK_EQ(t.u.timer.port, PORT);
}

TEST(timer_past, "a timer restored after its time fires at once")
{
	struct kvm_xen_vcpu_attr t = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_TIMER,
		.u.timer = { .port = PORT, .priority = PRIO, .expires_ns = 1 },
	};
	struct vm *vm;
	struct vcpu *v = timer_vcpu(&vm, false);

	CHECK_OK(xen_vcpu_set(v, &t));
	vcpu_enter64(v, await_one);
	vcpu_done(v);
	CHECK_EQ(G(vm, upcalls), 1);
}

TEST(timer_clock, "a timer set before the clock fires by the clock")
{
	struct kvm_xen_vcpu_attr t = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_TIMER,
		.u.timer = { .port = PORT, .priority = PRIO,
			     .expires_ns = 1000000 * MS },
	};
	struct kvm_clock_data c = { .clock = 999990 * MS };
	struct vm *vm;
	struct vcpu *v = timer_vcpu(&vm, false);

	if (!strcmp(dev_path(), "/dev/kvm"))
		tap_skip("in-tree KVM arms it by the clock of before");
	CHECK_OK(xen_vcpu_set(v, &t));
	CHECK_OK(ioctl(vm->fd, KVM_SET_CLOCK, &c));
	vcpu_enter64(v, await_one);
	vcpu_done(v);
	CHECK(G(vm, when) >= 1000000 * MS && G(vm, when) < 1010000 * MS);
}

GUEST static void read_clocks(void)
{
	uint64_t a, b;

	a = g_clock(&((vcpu_info_t *)XEN_VCPU_INFO)->time);
	b = g_clock((vcpu_time_info_t *)XEN_TIME_INFO);
	g_check(b >= a && b - a < 100 * MS);
	when = b;
	g_done();
}

TEST(pvclock, "both time areas tell the client's clock")
{
	struct vm *vm;
	struct vcpu *v = timer_vcpu(&vm, false);
	uint64_t before, after;

	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO,
			     XEN_TIME_INFO));
	vcpu_enter64(v, read_clocks);
	before = get_clock(vm);
	vcpu_done(v);
	after = get_clock(vm);
	/* the two clocks may be read a little differently */
	CHECK(G(vm, when) + MS >= before && G(vm, when) <= after + MS);
}

TEST(runstate_runs, "an entry makes the vCPU running, and its times add up")
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT,
		.u.runstate.state = RUNSTATE_blocked,
	};
	struct vcpu_runstate_info *r;
	struct vm *vm;
	struct vcpu *v = timer_vcpu(&vm, false);

	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			     XEN_RUNSTATE));
	r = vm_ptr(vm, XEN_RUNSTATE);
	CHECK_OK(xen_vcpu_set(v, &a));
	CHECK_EQ(r->state, RUNSTATE_blocked);
	usleep(2000);
	vcpu_enter64(v, read_clocks);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO,
			     XEN_TIME_INFO));
	vcpu_done(v);
	CHECK_EQ(r->state, RUNSTATE_running);
	CHECK(r->time[RUNSTATE_blocked] >= 2 * MS);
	CHECK_EQ(r->state_entry_time, r->time[0] + r->time[1] + r->time[2] +
		 r->time[3]);
}
