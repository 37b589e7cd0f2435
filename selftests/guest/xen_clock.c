// SPDX-License-Identifier: GPL-2.0-or-later
/* Xen time: pvclock, timers, runstate. */
#include <sys/timex.h>
#include <unistd.h>

#include "xen.h"

#define PORT	3
#define PRIO	KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL
#define MS	1000000ull
#define HC_ETIME (-62ll)

static volatile uint64_t upcalls GUEST_VAR, clock_out GUEST_VAR;

GUEST static void upcall(struct guest_regs *r)
{
	volatile vcpu_info_t *vi = (vcpu_info_t *)XEN_VCPU_INFO;

	upcalls++;
	vi->evtchn_upcall_pending = 0;
	vi->evtchn_pending_sel = 0;
}

/* System time in ns, as a guest computes it; 0 while there is none. */
GUEST static uint64_t g_pvclock(const volatile vcpu_time_info_t *t)
{
	uint32_t version;
	uint64_t ns;

	do {
		uint64_t delta, hi;

		version = t->version;
		g_barrier();
		delta = g_rdtsc() - t->tsc_timestamp;
		if (t->tsc_shift >= 0)
			delta <<= t->tsc_shift;
		else
			delta >>= -t->tsc_shift;
		__asm__("mulq %2; shrd $32, %1, %0"
			: "=a"(ns), "=d"(hi)
			: "r"((uint64_t)t->tsc_to_system_mul), "0"(delta)
			: "cc");
		ns += t->system_time;
		g_barrier();
	} while ((version & 1) || version != t->version);
	return version ? ns : 0;
}

GINLINE uint64_t g_now(void)
{
	return g_pvclock(&((vcpu_info_t *)XEN_VCPU_INFO)->time);
}

/* --- pvclock --- */

GUEST static void read_clock(void)
{
	uint64_t last = g_now(), now;

	g_check(last);
	clock_out = last;
	g_sync(0);
	for (int i = 0; i < 100; i++) {
		now = g_now();
		g_check(now >= last);
		last = now;
	}
	clock_out = last;
	g_done();
}

static uint64_t vm_clock(struct vm *vm)
{
	struct kvm_clock_data c;

	CHECK_OK(ioctl(vm->fd, KVM_GET_CLOCK, &c));
	return c.clock;
}

TEST(pvclock, "the guest's clock is the VM's, and never goes back")
{
	struct vm *vm = xen_vm(true);
	struct vcpu *v = xen_vcpu(vm, 0);
	uint64_t before, after;

	vcpu_enter64(v, read_clock);
	before = vm_clock(vm);
	vcpu_sync(v);
	after = vm_clock(vm);
	/* Allow a millisecond of rounding between the two conversions. */
	CHECK_MSG(G(vm, clock_out) + MS >= before &&
		  G(vm, clock_out) <= after + MS,
		  "guest %llu, not in %llu to %llu",
		  (unsigned long long)G(vm, clock_out),
		  (unsigned long long)before, (unsigned long long)after);
	vcpu_done(v);
	CHECK(G(vm, clock_out) <= vm_clock(vm) + MS);
}

TEST(time_info, "the time area elsewhere shows the same clock")
{
	struct vm *vm = xen_vm(true);
	struct vcpu *v = xen_vcpu(vm, 0);
	vcpu_time_info_t *t = vm_ptr(vm, XEN_TIME_INFO);

	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO,
			     XEN_TIME_INFO));
	vcpu_enter64(v, read_clock);
	vcpu_sync(v);
	CHECK(t->version && !(t->version & 1));
	CHECK_EQ(t->tsc_to_system_mul,
		 xen_vcpu_info(vm, 0)->time.tsc_to_system_mul);
	CHECK_EQ(t->tsc_shift, xen_vcpu_info(vm, 0)->time.tsc_shift);
	CHECK(t->tsc_to_system_mul);
}

/* --- timers --- */

static void start_timer(struct vcpu *v, uint64_t expires)
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_TIMER,
		.u.timer = { .port = PORT, .priority = PRIO,
			     .expires_ns = expires },
	};
	struct kvm_xen_hvm_attr cb = {
		.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = XEN_VECTOR,
	};

	CHECK_OK(xen_set(v->vm, &cb));
	CHECK_OK(xen_vcpu_set(v, &a));
}

static struct vcpu *timer_vcpu(void)
{
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	v = xen_vcpu(xen_vm(true), 0);
	start_timer(v, 0);
	return v;
}

GUEST static void expect_upcall_at(uint64_t when)
{
	uint64_t before = upcalls;

	while (upcalls == before)
		g_wait_irq();
	g_check(g_now() + MS / 10 >= when);
	g_check_eq(upcalls, before + 1);
	/* Nothing in the bit's way the next time. */
	*(uint64_t *)(XEN_SHINFO + offsetof(shared_info_t, evtchn_pending)) = 0;
}

GUEST static void set_timer_op(void)
{
	uint64_t when = g_now() + 3 * MS;

	guest_handlers[XEN_VECTOR] = upcall;
	g_check_eq(g_hypercall(__HYPERVISOR_set_timer_op, when, 0, 0), 0);
	g_check_eq(upcalls, 0);
	expect_upcall_at(when);
	/* In the past: at once. */
	g_check_eq(g_hypercall(__HYPERVISOR_set_timer_op, 1, 0, 0), 0);
	expect_upcall_at(1);
	/* Stopped: never. */
	when = g_now() + 2 * MS;
	g_check_eq(g_hypercall(__HYPERVISOR_set_timer_op, when, 0, 0), 0);
	g_check_eq(g_hypercall(__HYPERVISOR_set_timer_op, 0, 0, 0), 0);
	g_sti();
	while (g_now() < when + 2 * MS)
		g_pause();
	g_cli();
	g_check_eq(upcalls, 2);
	g_done();
}

TEST(set_timer, "set_timer_op: the event comes when it is due, or never")
{
	struct vcpu *v = timer_vcpu();

	vcpu_enter64(v, set_timer_op);
	vcpu_done(v);
}

GUEST static int64_t g_vcpu_op(uint64_t cmd, uint64_t vcpu, void *arg)
{
	return g_hypercall(__HYPERVISOR_vcpu_op, cmd, vcpu, (uint64_t)arg);
}

GUEST static void single_shot(void)
{
	struct vcpu_set_singleshot_timer s;
	uint64_t taken;
	int64_t r;

	s.flags = 0;
	s.timeout_abs_ns = g_now() + 3 * MS;
	guest_handlers[XEN_VECTOR] = upcall;
	g_check_eq(g_vcpu_op(VCPUOP_set_singleshot_timer, 0, &s), 0);
	expect_upcall_at(s.timeout_abs_ns);
	s.flags = VCPU_SSHOTTMR_future;
	s.timeout_abs_ns = g_now() - 1000;
	/* Refused as Xen does, or at once as KVM does since 6.7. */
	r = g_vcpu_op(VCPUOP_set_singleshot_timer, 0, &s);
	if (r == 0)
		expect_upcall_at(s.timeout_abs_ns);
	else
		g_check_eq(r, HC_ETIME);
	taken = upcalls;
	s.timeout_abs_ns = g_now() + 2 * MS;
	g_check_eq(g_vcpu_op(VCPUOP_set_singleshot_timer, 0, &s), 0);
	g_check_eq(g_vcpu_op(VCPUOP_stop_singleshot_timer, 0, 0), 0);
	g_sti();
	while (g_now() < s.timeout_abs_ns + 2 * MS)
		g_pause();
	g_cli();
	g_check_eq(upcalls, taken);
	/* One's own only, and from memory that is there. */
	g_check_eq(g_vcpu_op(VCPUOP_set_singleshot_timer, 1, &s), -22ll);
	g_check_eq(g_vcpu_op(VCPUOP_stop_singleshot_timer, 1, 0), -22ll);
	g_check_eq(g_vcpu_op(VCPUOP_set_singleshot_timer, 0,
			     (void *)0x100000000ull), -14ll);
	g_done();
}

TEST(single_shot, "VCPUOP single-shot timers: set, past, stopped, foreign")
{
	struct vcpu *v = timer_vcpu();

	vcpu_enter64(v, single_shot);
	vcpu_done(v);
}

/* --- a host whose clock is steered --- */

#define NR_TIMERS	10

static volatile uint64_t latest GUEST_VAR, wakes GUEST_VAR;

GUEST static void timers_on_time(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	for (int i = 0; i < NR_TIMERS; i++) {
		uint64_t when = g_now() + 5 * MS, before = upcalls, late;

		g_check_eq(g_hypercall(__HYPERVISOR_set_timer_op, when, 0, 0),
			   0);
		while (upcalls == before) {
			g_wait_irq();
			wakes++;
		}
		g_check(g_now() >= when);
		late = g_now() - when;
		if (late > latest)
			latest = late;
		*(uint64_t *)(XEN_SHINFO +
			      offsetof(shared_info_t, evtchn_pending)) = 0;
	}
	g_done();
}

static void steer(long tick)
{
	struct timex t = { .modes = ADJ_TICK, .tick = tick };

	CHECK(adjtimex(&t) >= 0);
}

static void timers_under(long tick)
{
	struct vcpu *v;

	steer(tick);
	/* it counts from the next second on */
	sleep(2);
	v = timer_vcpu();
	/* what the guest reckons with is from before the sleep */
	vcpu_enter64(v, read_clock);
	vcpu_sync(v);
	vcpu_done(v);
	sleep(10);
	vcpu_enter64(v, timers_on_time);
	vcpu_done(v);
	steer(10000);
	CHECK_MSG(G(v->vm, latest) < tap_scale() * 3 * MS, "%lu ns late",
		  G(v->vm, latest));
	CHECK_EQ(G(v->vm, wakes), NR_TIMERS);
}

TEST(steered_fast, "timers are on time on a host whose clock is a tenth too fast")
{
	timers_under(11000);
}

TEST(steered_slow, "timers are on time on a host whose clock is a tenth too slow")
{
	timers_under(9000);
}

GUEST static void await_one(void)
{
	guest_handlers[XEN_VECTOR] = upcall;
	while (!upcalls)
		g_wait_irq();
	g_done();
}

TEST(restored, "a timer set by user space fires, also one already due")
{
	struct vcpu *v;

	v = timer_vcpu();
	start_timer(v, vm_clock(v->vm) + 3 * MS);
	vcpu_enter64(v, await_one);
	vcpu_done(v);
	CHECK(xen_pending(v->vm, PORT, true));

	v = timer_vcpu();
	start_timer(v, 1);
	vcpu_enter64(v, await_one);
	vcpu_done(v);
	CHECK(xen_pending(v->vm, PORT, true));
}

/* --- runstate --- */

GUEST static void sync_twice(void)
{
	g_sync(1);
	g_sync(2);
	g_done();
}

static void check_wide(const void *p)
{
	vcpu_runstate_info_t r;

	memcpy(&r, p, sizeof(r));
	CHECK(r.state >= 0 && r.state <= RUNSTATE_offline);
	CHECK(!(r.state_entry_time >> 63));
	CHECK_EQ(r.state_entry_time,
		 r.time[0] + r.time[1] + r.time[2] + r.time[3]);
}

struct runstate32 {
	uint32_t state;
	uint64_t entry, time[4];
} __attribute__((packed));

static void check_narrow(const void *p)
{
	struct runstate32 r;

	memcpy(&r, p, sizeof(r));
	CHECK(r.state <= RUNSTATE_offline);
	CHECK(!(r.entry >> 63));
	CHECK_EQ(r.entry, r.time[0] + r.time[1] + r.time[2] + r.time[3]);
}

/* Each layout, in a page and at each place where it can cross into another. */
TEST(runstate, "the runstate area in both layouts, wherever it crosses a page")
{
	static const int back[] = { 64, 47, 44, 40, 36, 24, 16, 12, 10, 8, 4 };

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE);
	for (int wide = 0; wide < 2; wide++) {
		struct vm *vm = xen_vm(wide);
		struct vcpu *v = xen_vcpu(vm, 0);

		for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++) {
			uint64_t gpa = XEN_RUNSTATE + 0x1000 - back[i];
			uint8_t *p = vm_ptr(vm, gpa);
			size_t len = wide ? sizeof(vcpu_runstate_info_t) :
					    sizeof(struct runstate32);

			memset(p - 8, 0xaa, 128);
			CHECK_OK(xen_set_gpa(v,
				KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR, gpa));
			vcpu_enter64(v, sync_twice);
			CHECK_EQ(vcpu_sync(v), 1);
			usleep(2000);
			CHECK_EQ(vcpu_sync(v), 2);
			wide ? check_wide(p) : check_narrow(p);
			/* Nothing beside it. */
			CHECK_EQ(p[-1], 0xaa);
			CHECK_EQ(p[len], 0xaa);
			CHECK_OK(xen_set_gpa(v,
				KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
				KVM_XEN_INVALID_GPA));
		}
	}
}

/* state_entry_time is the sum of the times: KVM_XEN_VCPU_SET_ATTR wants it. */
TEST(runstate_save, "what a guest that ran has as runstate can be set again")
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA,
	};
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE);
	v = xen_vcpu(xen_vm(true), 0);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			     XEN_RUNSTATE));
	vcpu_enter64(v, sync_twice);
	vcpu_sync(v);
	usleep(2000);
	vcpu_sync(v);
	CHECK_OK(xen_vcpu_get(v, &a));
	CHECK_EQ(a.u.runstate.state_entry_time, a.u.runstate.time_running +
		 a.u.runstate.time_runnable + a.u.runstate.time_blocked +
		 a.u.runstate.time_offline);
	CHECK(a.u.runstate.state_entry_time <= vm_clock(v->vm));
	CHECK_OK(xen_vcpu_set(v, &a));
}

static uint64_t halted_ns GUEST_VAR;

GUEST static void wait_for_timer(void)
{
	uint64_t when = g_now() + halted_ns;

	guest_handlers[XEN_VECTOR] = upcall;
	g_hypercall(__HYPERVISOR_set_timer_op, when, 0, 0);
	while (!upcalls)
		g_wait_irq();
	g_done();
}

TEST(runstate_hlt, "time in HLT is not time that was stolen")
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT,
		.u.runstate.state = RUNSTATE_running,
	};
	uint64_t offline, ms = MS * tap_scale();
	vcpu_runstate_info_t *r;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE |
		    KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	v = timer_vcpu();
	r = vm_ptr(v->vm, XEN_RUNSTATE);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			     XEN_RUNSTATE));
	CHECK_OK(xen_vcpu_set(v, &a));
	a.type = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA;
	CHECK_OK(xen_vcpu_get(v, &a));
	offline = a.u.runstate.time_offline;
	G(v->vm, halted_ns) = 3 * ms;
	vcpu_enter64(v, wait_for_timer);
	vcpu_done(v);
	check_wide(r);
	CHECK_OK(xen_vcpu_get(v, &a));
	CHECK_EQ(a.u.runstate.state_entry_time, a.u.runstate.time_running +
		 a.u.runstate.time_runnable + a.u.runstate.time_blocked +
		 a.u.runstate.time_offline);
	/* Blocked with Xen, running with KVM: never runnable or offline. */
	CHECK(a.u.runstate.time_runnable < 2 * ms);
	CHECK_EQ(a.u.runstate.time_offline, offline);
	CHECK(vm_clock(v->vm) > 3 * ms);
}

TEST(update_flag, "the update bit is clear when nobody writes")
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG,
		.u.long_mode = 1,
	};
	vcpu_runstate_info_t *r;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG);
	v = xen_vcpu(xen_vm(true), 0);
	r = vm_ptr(v->vm, XEN_RUNSTATE);
	CHECK_OK(xen_set(v->vm, &a));
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			     XEN_RUNSTATE));
	vcpu_enter64(v, sync_twice);
	vcpu_sync(v);
	check_wide(r);
	vcpu_sync(v);
	check_wide(r);
}
