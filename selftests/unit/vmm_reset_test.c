// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The soft reset, in the whole VMM: the guest uses all that Xen gives it, asks
 * for the reset, and looks at what is left as its next kernel would.
 */
#include <unistd.h>

#include "../lib/tap.h"
#include "fake_xen.h"
#include "../../vmm/xen/abi.h"

#include <xen/grant_table.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/io/console.h>
#include <xen/io/xs_wire.h>
#include <xen/memory.h>
#include <xen/vcpu.h>

#define SHARED_GPA	0x24000ull
#define AREAS_GPA	0x25000ull
#define KEPT_GPA	0x26000ull
#define GRANTS_GPA	0x27000ull
#define NOWHERE		UINT64_MAX
#define VECTOR		0x30

static int64_t g_vcpu_op(struct fake_vcpu *g, unsigned int op, unsigned int id)
{
	return g_hypercall(g, __HYPERVISOR_vcpu_op, op, id, ARG_GPA);
}

static void g_map(struct fake_vcpu *g, unsigned int space, uint64_t idx,
		  uint64_t at)
{
	struct xen_add_to_physmap *a = g_mem(ARG_GPA);

	*a = (struct xen_add_to_physmap) {
		.domid = DOMID_SELF, .space = space, .idx = idx,
		.gpfn = at >> 12,
	};
	CHECK_EQ(g_hypercall(g, __HYPERVISOR_memory_op, XENMEM_add_to_physmap,
			     ARG_GPA, 0), 0);
}

static void g_area(struct fake_vcpu *g, unsigned int op, uint64_t at)
{
	*(uint64_t *)g_mem(ARG_GPA) = at;
	CHECK_EQ(g_vcpu_op(g, op, g->id), 0);
}

static void g_use_areas(struct fake_vcpu *g)
{
	struct vcpu_register_vcpu_info *i = g_mem(ARG_GPA);

	g_map(g, XENMAPSPACE_shared_info, 0, SHARED_GPA);
	*i = (struct vcpu_register_vcpu_info) { .mfn = AREAS_GPA >> 12 };
	CHECK_EQ(g_vcpu_op(g, VCPUOP_register_vcpu_info, g->id), 0);
	g_area(g, VCPUOP_register_runstate_memory_area, AREAS_GPA + 0x100);
	g_area(g, VCPUOP_register_vcpu_time_memory_area, AREAS_GPA + 0x200);
	g_map(g, XENMAPSPACE_grant_table, 5, GRANTS_GPA);
	CHECK_EQ(fake_xen.shared_info, SHARED_GPA >> 12);
	CHECK_EQ(g->xen.info, AREAS_GPA);
	CHECK_EQ(g->xen.runstate, AREAS_GPA + 0x100);
	CHECK_EQ(g->xen.time, AREAS_GPA + 0x200);
}

static void g_use_events(struct fake_vcpu *g)
{
	struct xen_hvm_evtchn_upcall_vector *u = g_mem(ARG_GPA);
	struct vcpu_set_periodic_timer *t = g_mem(ARG_GPA);
	struct evtchn_bind_virq *v = g_mem(ARG_GPA);
	struct xen_hvm_param *p = g_mem(ARG_GPA);

	*u = (struct xen_hvm_evtchn_upcall_vector) { g->id, VECTOR };
	CHECK_EQ(g_hypercall(g, __HYPERVISOR_hvm_op,
			     HVMOP_set_evtchn_upcall_vector, ARG_GPA, 0), 0);
	*p = (struct xen_hvm_param) {
		.domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ,
		.value = (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 | VECTOR,
	};
	CHECK_EQ(g_hypercall(g, __HYPERVISOR_hvm_op, HVMOP_set_param, ARG_GPA,
			     0), 0);
	*v = (struct evtchn_bind_virq) { .virq = VIRQ_TIMER, .vcpu = g->id };
	CHECK_EQ(g_hypercall(g, __HYPERVISOR_event_channel_op,
			     EVTCHNOP_bind_virq, ARG_GPA, 0), 0);
	t->period_ns = 1000000;
	CHECK_EQ(g_vcpu_op(g, VCPUOP_set_periodic_timer, g->id), 0);
	CHECK_EQ(fake_xen.vector, VECTOR);
	CHECK_EQ(g->xen.vector, VECTOR);
	CHECK(g->xen.timer_port);
	CHECK(fake_xen.wide);
}

static int64_t g_watchdog(struct fake_vcpu *g)
{
	struct sched_watchdog *w = g_mem(ARG_GPA);

	*w = (struct sched_watchdog) { .timeout = 1 };
	return g_hypercall(g, __HYPERVISOR_sched_op, SCHEDOP_watchdog, ARG_GPA,
			   0);
}

/* VCPUOP_initialise, as nobody has done for a vCPU since it was reset. */
static void g_bring_up(struct fake_vcpu *g, unsigned int id)
{
	struct vcpu_hvm_context *c = g_mem(ARG_GPA);

	memset(c, 0, sizeof(*c));
	c->mode = VCPU_HVM_MODE_32B;
	c->cpu_regs.x86_32 = (struct vcpu_hvm_x86_32) {
		.cr0 = 1, .eip = KEPT_GPA, .cs_limit = UINT32_MAX,
		.ds_limit = UINT32_MAX, .ss_limit = UINT32_MAX,
		.tr_limit = 0x67, .cs_ar = 0xc9b, .ds_ar = 0xc93,
		.ss_ar = 0xc93, .tr_ar = 0x8b,
	};
	CHECK_EQ(g_vcpu_op(g, VCPUOP_is_up, id), 0);
	CHECK_EQ(g_vcpu_op(g, VCPUOP_initialise, id), 0);
	CHECK_EQ(g_vcpu_op(g, VCPUOP_up, id), 0);
	CHECK_EQ(g_vcpu_op(g, VCPUOP_is_up, id), 1);
}

/* Half a message: what is read next must not be taken for the rest. */
static void g_store_half(struct fake_vcpu *g)
{
	struct xenstore_domain_interface *r =
		g_mem(g_param(g, HVM_PARAM_STORE_PFN) << 12);

	g_store_write(g, "data/left", "over");
	__atomic_store_n(&r->req_prod, r->req_prod + 5, __ATOMIC_SEQ_CST);
	g_send(g, g_param(g, HVM_PARAM_STORE_EVTCHN));
}

/* In a ring that is new; the byte count tells one round from another. */
static void g_say(struct fake_vcpu *g, uint32_t n)
{
	struct xencons_interface *r =
		g_mem(g_param(g, HVM_PARAM_CONSOLE_PFN) << 12);

	CHECK_EQ(r->out_prod, 0);
	CHECK_EQ(r->out_cons, 0);
	CHECK_EQ(r->in_prod, 0);
	CHECK_EQ(r->in_cons, 0);
	memset(r->out, 'x', n);
	__atomic_store_n(&r->out_prod, n, __ATOMIC_SEQ_CST);
	g_send(g, g_param(g, HVM_PARAM_CONSOLE_EVTCHN));
	while (__atomic_load_n(&r->out_cons, __ATOMIC_ACQUIRE) != n)
		usleep(100);
}

static unsigned int g_port_state(struct fake_vcpu *g, uint32_t port)
{
	struct evtchn_status *s = g_mem(ARG_GPA);

	*s = (struct evtchn_status) { .dom = DOMID_SELF, .port = port };
	CHECK_EQ(g_hypercall(g, __HYPERVISOR_event_channel_op, EVTCHNOP_status,
			     ARG_GPA, 0), 0);
	return s->status;
}

static unsigned int g_grant_frames(struct fake_vcpu *g)
{
	struct gnttab_query_size *q = g_mem(ARG_GPA);

	*q = (struct gnttab_query_size) { .dom = DOMID_SELF };
	CHECK_EQ(g_hypercall(g, __HYPERVISOR_grant_table_op,
			     GNTTABOP_query_size, ARG_GPA, 1), 0);
	return q->nr_frames;
}

/* Nobody has any state but the new ports. */
static void g_check_events(struct fake_vcpu *g)
{
	uint32_t port, store = g_param(g, HVM_PARAM_STORE_EVTCHN),
		 console = g_param(g, HVM_PARAM_CONSOLE_EVTCHN);

	for (port = 1; port < 64; port++)
		CHECK_EQ(g_port_state(g, port), port == store ||
			 port == console ? EVTCHNSTAT_interdomain :
			 EVTCHNSTAT_closed);
	CHECK_EQ(g_param(g, HVM_PARAM_CALLBACK_IRQ), 0);
	CHECK_EQ(fake_xen.vector, 0);
	CHECK_EQ(g->xen.vector, 0);
	CHECK_EQ(g->xen.timer_port, 0);
	CHECK(!fake_xen.wide);
	CHECK_EQ(g_grant_frames(g), 1);
}

static void g_check_areas(struct fake_vcpu *g)
{
	CHECK_EQ(fake_xen.shared_info, NOWHERE);
	CHECK_EQ(g->xen.info, NOWHERE);
	CHECK_EQ(g->xen.runstate, NOWHERE);
	CHECK_EQ(g->xen.time, NOWHERE);
	/* The memory that the special pages have hidden. */
	CHECK_EQ(*(uint64_t *)g_mem(SHARED_GPA), SHARED_GPA);
	CHECK_EQ(*(uint64_t *)g_mem(GRANTS_GPA), GRANTS_GPA);
}

static void g_check_store(struct fake_vcpu *g)
{
	char value[32];

	g_store_read(g, "data/left", value, sizeof(value));
	CHECK(!*value);
	g_store_read(g, "name", value, sizeof(value));
	CHECK(!strcmp(value, "t"));
	g_store_read(g, "device/vbd/51712/state", value, sizeof(value));
	CHECK(!strcmp(value, "1"));
	g_store_read(g, "/local/domain/0/backend/vbd/1/51712/state", value,
		     sizeof(value));
	CHECK(!strcmp(value, "2"));
}

#define ROUNDS	5

static void resets(struct fake_vcpu *g)
{
	uint64_t store, console, round;

	if (g->id)
		g_spin(g);
	store = g_param(g, HVM_PARAM_STORE_PFN);
	console = g_param(g, HVM_PARAM_CONSOLE_PFN);
	for (round = 0; round < ROUNDS; round++) {
		*(uint64_t *)g_mem(SHARED_GPA) = SHARED_GPA;
		*(uint64_t *)g_mem(GRANTS_GPA) = GRANTS_GPA;
		*(uint64_t *)g_mem(KEPT_GPA) = round;
		fake_xen.wide = true;
		g_say(g, 2 + round);
		g_use_areas(g);
		g_use_events(g);
		CHECK_EQ(g_watchdog(g), 1);
		g_bring_up(g, 1);
		g_disk_read(g, 8);
		g_store_half(g);
		g_soft_reset(g);
		CHECK_EQ(fake_io_held, 0);
		CHECK_EQ(*(uint64_t *)g_mem(KEPT_GPA), round);
		CHECK_EQ(g_param(g, HVM_PARAM_STORE_PFN), store);
		CHECK_EQ(g_param(g, HVM_PARAM_CONSOLE_PFN), console);
		g_check_events(g);
		g_check_areas(g);
		g_check_store(g);
	}
	g_disk_read(g, 8);
	g_disk_wait(g, 8);
	g_say(g, 1);
	/* Those of before would have run out by now. */
	usleep(1200000);
	g_shutdown(g, SHUTDOWN_poweroff);
}

TEST_TIMEOUT(soft_reset, "a soft reset keeps the memory, nothing else", 60)
{
	struct vm_config cfg = fake_config(2);

	fake_add_disk(&cfg);
	fake_io_ms = 30;
	cfg.on_soft_reset = VM_ACTION_SOFT_RESET;
	cfg.on_watchdog = VM_ACTION_RESTART;
	fake_guest = resets;
	CHECK_EQ(fake_run(&cfg, NULL, NULL), VM_RUN_ENDED);
	CHECK_EQ(fake_made, 1);
}

/* A crash kernel starts on the vCPU that has crashed, whichever that is. */
static void resets_on_1(struct fake_vcpu *g)
{
	if (!g->id) {
		g_bring_up(g, 1);
		g_spin(g);
	}
	g_soft_reset(g);
	CHECK_EQ(fake_vcpu(0)->mp_state, KVM_MP_STATE_UNINITIALIZED);
	CHECK_EQ(fake_vcpu(1)->mp_state, KVM_MP_STATE_RUNNABLE);
	g_shutdown(g, SHUTDOWN_poweroff);
}

TEST(soft_reset_on_1, "the vCPU that asks for the reset goes on, no other")
{
	struct vm_config cfg = fake_config(3);

	cfg.on_soft_reset = VM_ACTION_SOFT_RESET;
	fake_guest = resets_on_1;
	CHECK_EQ(fake_run(&cfg, NULL, NULL), VM_RUN_ENDED);
	CHECK_EQ(fake_made, 1);
}

static void reboots(struct fake_vcpu *g)
{
	g_shutdown(g, SHUTDOWN_reboot);
}

TEST(not_asked, "a guest that has not asked for its reset is destroyed")
{
	struct vm_config cfg = fake_config(2);

	cfg.on_reboot = VM_ACTION_SOFT_RESET;
	fake_guest = reboots;
	CHECK_EQ(fake_run(&cfg, NULL, NULL), VM_RUN_ENDED);
	CHECK_EQ(fake_made, 1);
}

static int fail_at, fail_left;

static void fails(struct fake_vcpu *g)
{
	g_use_areas(g);
	g_disk_read(g, 2);
	fake_fail = fail_at;
	g_soft_reset(g);
	/* Never reached after one that counts; what follows must work. */
	fail_left = atomic_exchange(&fake_fail, 0);
	g_disk_read(g, 1);
	g_shutdown(g, SHUTDOWN_poweroff);
}

TEST_TIMEOUT(half_reset, "a soft reset that fails anywhere ends the guest", 60)
{
	unsigned int failed = 0;
	int ret;

	fake_guest = fails;
	/* The first one is the hypercall's own. */
	for (fail_at = 2; ; fail_at++) {
		struct vm_config cfg = fake_config(3);

		fake_add_disk(&cfg);
		cfg.on_soft_reset = VM_ACTION_SOFT_RESET;
		fake_made = fail_left = 0;
		ret = fake_run(&cfg, NULL, NULL);
		CHECK_EQ(fake_made, 1);
		if (ret == VM_RUN_CRASHED)
			failed++;
		else if (fail_left > 0)
			break;
	}
	CHECK_MSG(failed > 20, "only %u ioctls were tried", failed);
}

static void fails_to_start(struct fake_vcpu *g)
{
	fake_fail_thread = 2;
	g_soft_reset(g);
	FAIL("it goes on with a vCPU that has no thread");
}

TEST(half_reset_thread, "a soft reset whose n-th thread fails ends the guest")
{
	struct vm_config cfg = fake_config(3);

	cfg.on_soft_reset = VM_ACTION_SOFT_RESET;
	fake_guest = fails_to_start;
	CHECK_EQ(fake_run(&cfg, NULL, NULL), VM_RUN_CRASHED);
}
