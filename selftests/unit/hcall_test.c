// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hypercalls as a guest makes them: what each answers, what it refuses and
 * with which number, and that no arguments lead it astray.  Guest virtual
 * addresses are physical ones here.
 */
#include <errno.h>
#include <stdlib.h>

#include "hcall_machine.h"
#include "../../vmm/event_priv.h"

const char *tap_precondition(void)
{
	return NULL;
}

TEST(version, "who we are")
{
	struct xen_feature_info *f;

	setup();
	CHECK_EQ(call(__HYPERVISOR_xen_version, XENVER_version, 0, 0),
		 4 << 16 | 17);
	CHECK_EQ(call(__HYPERVISOR_xen_version, XENVER_pagesize, 0, 0), 4096);
	CHECK(call(__HYPERVISOR_xen_version, XENVER_pagesize, 1, 0) == -EINVAL);
	CHECK_EQ(call(__HYPERVISOR_xen_version, XENVER_guest_handle, ARG, 0),
		 0);
	CHECK(!memcmp(at(ARG), vm.cfg->uuid, 16));
	CHECK(call(__HYPERVISOR_xen_version, XENVER_capabilities, BYTES - 8,
		   0) == -EFAULT);
	CHECK(call(__HYPERVISOR_xen_version, XENVER_commandline, ARG, 0) ==
	      -EPERM);
	f = at(ARG);
	f->submap_idx = 1;
	CHECK(call(__HYPERVISOR_xen_version, XENVER_get_features, ARG, 0) ==
	      -EINVAL);
	f->submap_idx = 0;
	CHECK_EQ(call(__HYPERVISOR_xen_version, XENVER_get_features, ARG, 0),
		 0);
	CHECK(f->submap & 1u << XENFEAT_auto_translated_physmap);
	teardown();
}

TEST(refused, "what is not for a guest, and what is not there")
{
	setup();
	CHECK(call(__HYPERVISOR_domctl, ARG, 0, 0) == -EPERM);
	CHECK(call(__HYPERVISOR_sysctl, ARG, 0, 0) == -EPERM);
	CHECK(call(__HYPERVISOR_physdev_op, 0, ARG, 0) == -ENOSYS);
	CHECK(call(__HYPERVISOR_mmu_update, 0, ARG, 0) == -ENOSYS);
	CHECK(call(63, 0, 0, 0) == -ENOSYS);
	CHECK(call(UINT64_MAX, 0, 0, 0) == -ENOSYS);
	CHECK(call(__HYPERVISOR_event_channel_op, EVTCHNOP_init_control, ARG,
		   0) == -ENOSYS);
	CHECK(call(__HYPERVISOR_event_channel_op, UINT64_MAX, ARG, 0) ==
	      -ENOSYS);
	CHECK(call(__HYPERVISOR_grant_table_op, GNTTABOP_set_version, ARG, 1)
	      == -ENOSYS);
	CHECK(call(__HYPERVISOR_vcpu_op, VCPUOP_is_up, 2, 0) == -ENOENT);
	CHECK(call(__HYPERVISOR_vcpu_op, 99, 0, 0) == -ENOSYS);
	teardown();
}

TEST(user, "the guest's user mode is refused")
{
	setup();
	memset(&run, 0, sizeof(run));
	run.xen.type = KVM_EXIT_XEN_HCALL;
	run.xen.u.hcall.longmode = 1;
	run.xen.u.hcall.cpl = 3;
	run.xen.u.hcall.input = __HYPERVISOR_xen_version;
	CHECK_EQ(hypercall_exit(&vcpus[0]), 1);
	CHECK_EQ(run.xen.u.hcall.result, -EPERM);
	run.xen.u.hcall.cpl = 0;
	CHECK_EQ(hypercall_exit(&vcpus[0]), 1);
	CHECK_EQ(run.xen.u.hcall.result, 4 << 16 | 17);
	teardown();
}

static int64_t param(uint32_t op, uint32_t index, uint64_t *value,
		     uint16_t domid)
{
	struct xen_hvm_param *p = at(ARG);
	int64_t ret;

	*p = (struct xen_hvm_param){ .domid = domid, .index = index,
		.value = *value };
	ret = call(__HYPERVISOR_hvm_op, op, ARG, 0);
	*value = p->value;
	return ret;
}

TEST(params, "parameters: whose, which, and what they cause")
{
	uint64_t v = 0;

	setup();
	hvm_params_set(vm.params, HVM_PARAM_STORE_PFN, 77);
	CHECK_EQ(param(HVMOP_get_param, HVM_PARAM_STORE_PFN, &v, DOMID_SELF),
		 0);
	CHECK_EQ(v, 77);
	CHECK_EQ(param(HVMOP_get_param, HVM_PARAM_STORE_PFN, &v, DOMID), 0);
	CHECK(param(HVMOP_get_param, HVM_PARAM_STORE_PFN, &v, 0) == -EPERM);
	CHECK(param(HVMOP_get_param, HVM_PARAM_STORE_PFN, &v, 9) == -ESRCH);
	CHECK(param(HVMOP_set_param, HVM_PARAM_STORE_PFN, &v, DOMID) == -EPERM);
	CHECK(param(HVMOP_get_param, HVM_PARAM_IDENT_PT, &v, DOMID) == -EPERM);
	CHECK(param(HVMOP_get_param, HVM_NR_PARAMS, &v, DOMID) == -EINVAL);
	CHECK(param(HVMOP_set_param, UINT32_MAX, &v, DOMID) == -EINVAL);
	teardown();
}

static int64_t callback(uint64_t value)
{
	return param(HVMOP_set_param, HVM_PARAM_CALLBACK_IRQ, &value, DOMID);
}

TEST(callback, "each way to hear of events, and what it ends")
{
	static const uint64_t silent[] = {
		0,
		1, 9, 0xffffffffffffffull,		/* GSIs */
		1ull << 56 | 3 << 11 | 2,		/* INTC# of 0:3.0 */
		1ull << 56, 1ull << 56 | 0xf3,
		3ull << 56 | 0xf3, 0xffull << 56 | 0xf3, /* not defined */
	};
	static const uint8_t bad[] = { 0, 1, 0xf };
	uint64_t v = 0;

	setup();
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++) {
		CHECK_EQ(callback(2ull << 56 | 0xf3), 0);
		CHECK_EQ(upcall_vector, 0xf3);
		CHECK_EQ(callback(silent[i]), 0);
		CHECK_EQ(upcall_vector, 0);
		CHECK_EQ(param(HVMOP_get_param, HVM_PARAM_CALLBACK_IRQ, &v,
			       DOMID), 0);
		CHECK_EQ(v, silent[i]);
	}
	CHECK_EQ(callback(2ull << 56 | 0xff10), 0);
	CHECK_EQ(upcall_vector, 0x10);
	for (size_t i = 0; i < sizeof(bad); i++) {
		CHECK(callback(2ull << 56 | 0xff00 | bad[i]) == -EINVAL);
		CHECK_EQ(upcall_vector, 0x10);
		CHECK_EQ(param(HVMOP_get_param, HVM_PARAM_CALLBACK_IRQ, &v,
			       DOMID), 0);
		CHECK_EQ(v, 2ull << 56 | 0xff10);
	}
	teardown();
}

static int64_t physmap(uint32_t space, uint64_t idx, uint64_t gfn)
{
	*(struct xen_add_to_physmap *)at(ARG) = (struct xen_add_to_physmap) {
		.domid = DOMID_SELF, .space = space, .idx = idx, .gpfn = gfn,
	};
	return call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, ARG, 0);
}

TEST(special, "special pages: in RAM, beyond it, moved, removed")
{
	struct xen_remove_from_physmap *r;
	struct grant_entry_v1 *g;
	uint64_t *ram;

	setup();
	r = at(ARG);
	ram = at(200 * GUEST_PAGE_SIZE);
	g = physmap_page(vm.physmap, PHYSMAP_GRANT(3));
	ram[0] = 0x1234;
	CHECK(physmap(9, 0, 200) == -EINVAL);
	CHECK(physmap(XENMAPSPACE_gmfn_foreign, 0, 200) == -EPERM);
	CHECK(physmap(XENMAPSPACE_shared_info, 1, 200) == -EINVAL);
	CHECK(physmap(XENMAPSPACE_shared_info, 0, 0xfee00) == -EINVAL);
	CHECK(physmap(XENMAPSPACE_shared_info, 0, UINT64_MAX) == -EINVAL);
	CHECK(physmap(XENMAPSPACE_grant_table, 64, 200) == -EINVAL);
	CHECK(physmap(XENMAPSPACE_grant_table,
		      XENMAPIDX_grant_table_status, 200) == -EINVAL);
	CHECK_EQ(physmap(XENMAPSPACE_grant_table, 3, 200), 0);
	CHECK_EQ(gnttab_nr_frames(vm.gnttab), 4);
	g[1].frame = 99;
	CHECK_EQ(((struct grant_entry_v1 *)ram)[1].frame, 99);
	CHECK_EQ(physmap_where(vm.physmap, PHYSMAP_GRANT(3)), 200);
	/* Moved beyond RAM: the page it hid is back. */
	CHECK_EQ(physmap(XENMAPSPACE_grant_table, 3, 1 << 20), 0);
	CHECK_EQ(ram[0], 0x1234);
	CHECK_EQ(physmap(XENMAPSPACE_shared_info, 0, 200), 0);
	CHECK_EQ(ram[0], 0);
	/* Another page at the same place: the first is nowhere. */
	CHECK_EQ(physmap(XENMAPSPACE_grant_table, 0, 200), 0);
	CHECK_EQ(physmap_where(vm.physmap, PHYSMAP_SHARED_INFO),
		 PHYSMAP_NOWHERE);
	*r = (struct xen_remove_from_physmap){ DOMID_SELF, 200 };
	CHECK_EQ(call(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, ARG,
		      0), 0);
	CHECK_EQ(ram[0], 0x1234);
	*r = (struct xen_remove_from_physmap){ DOMID_SELF, PAGES + 1 };
	CHECK(call(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, ARG, 0)
	      == -ENOENT);
	teardown();
}

TEST(balloon, "reservations go down and up, in extents")
{
	struct xen_memory_reservation *r;
	xen_pfn_t *list;

	setup();
	r = at(ARG);
	list = at(ARG + 0x1000);
	*r = (struct xen_memory_reservation){
		.extent_start.p = (void *)(uintptr_t)(ARG + 0x1000),
		.nr_extents = 3, .extent_order = 1, .domid = DOMID_SELF };
	list[0] = 100;
	list[1] = 102;
	list[2] = 105;		/* not aligned */
	CHECK_EQ(call(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, ARG,
		      0), 2);
	CHECK_EQ(physmap_populated(vm.physmap), PAGES - 4);
	CHECK_EQ(call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, ARG, 0),
		 2);
	CHECK_EQ(call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, ARG, 0),
		 0);
	r->extent_order = 63;
	CHECK_EQ(call(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, ARG,
		      0), 0);
	r->extent_order = 0;
	r->nr_extents = UINT64_MAX;
	CHECK_EQ(call(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, ARG,
		      0), 0);
	r->nr_extents = 1;
	r->domid = 0;
	CHECK(call(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, ARG, 0)
	      == -EPERM);
	teardown();
}

TEST(copy, "grant copies stay within their pages and grants")
{
	struct gnttab_copy *c;
	struct grant_entry_v1 *g;

	setup();
	c = at(ARG);
	g = physmap_page(vm.physmap, PHYSMAP_GRANT(0));
	g[9] = (struct grant_entry_v1){ GTF_permit_access, DOMID, 51 };
	strcpy(at(50 * GUEST_PAGE_SIZE), "text");
	*c = (struct gnttab_copy){
		.source = { .u.gmfn = 50, .domid = DOMID_SELF },
		.dest = { .u.ref = 9, .domid = DOMID, .offset = 4090 },
		.len = 6, .flags = GNTCOPY_dest_gref };
	CHECK_EQ(call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, ARG, 1), 0);
	CHECK_EQ(c->status, GNTST_okay);
	CHECK(!strcmp((char *)at(51 * GUEST_PAGE_SIZE) + 4090, "text"));
	CHECK_EQ(g[9].flags, GTF_permit_access);
	c->len = 7;
	CHECK_EQ(call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, ARG, 1), 0);
	CHECK(c->status == GNTST_bad_copy_arg);
	c->len = 6;
	c->source.u.gmfn = PAGES;
	CHECK_EQ(call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, ARG, 1), 0);
	CHECK(c->status == GNTST_bad_page);
	c->source.u.gmfn = UINT64_MAX;
	CHECK_EQ(call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, ARG, 1), 0);
	CHECK(c->status == GNTST_bad_page);
	c->source.u.gmfn = 50;
	g[9].flags |= GTF_readonly;
	CHECK_EQ(call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, ARG, 1), 0);
	CHECK(c->status == GNTST_permission_denied);
	CHECK(call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, ARG,
		   0xffffffff) == -EINVAL);
	CHECK(call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, BYTES - 40, 2)
	      == -EFAULT);
	teardown();
}

TEST(vcpu_info, "vcpu_info is placed once, aligned, within its page")
{
	struct vcpu_register_vcpu_info *a;

	setup();
	a = at(ARG);
	*a = (struct vcpu_register_vcpu_info){ .mfn = 20, .offset = 4033 };
	CHECK(call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, ARG) ==
	      -EINVAL);
	a->offset = 36;
	CHECK(call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, ARG) ==
	      -EINVAL);
	a->offset = 64;
	a->mfn = PAGES;
	CHECK(call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, ARG) ==
	      -EINVAL);
	a->mfn = UINT64_MAX;
	CHECK(call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, ARG) ==
	      -EINVAL);
	a->mfn = 20;
	CHECK_EQ(call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, ARG),
		 0);
	CHECK_EQ(((struct vcpu_info *)((char *)at(20 * GUEST_PAGE_SIZE) + 64))
		 ->evtchn_upcall_pending, 1);
	CHECK(call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, ARG) ==
	      -EINVAL);
	teardown();
}

TEST(multicall, "each entry gets its own result; none may nest")
{
	struct multicall_entry *m;

	setup();
	m = at(ARG);
	m[0] = (struct multicall_entry){ .op = __HYPERVISOR_xen_version };
	m[1] = (struct multicall_entry){ .op = __HYPERVISOR_multicall,
		.args = { ARG, 2 } };
	m[2] = (struct multicall_entry){ .op = 60 };
	CHECK_EQ(call(__HYPERVISOR_multicall, ARG, 3, 0), 0);
	CHECK_EQ(m[0].result, 4 << 16 | 17);
	CHECK_EQ(m[1].result, -EINVAL);
	CHECK_EQ(m[2].result, -ENOSYS);
	CHECK(call(__HYPERVISOR_multicall, BYTES - 64, 2, 0) == -EFAULT);
	teardown();
}

TEST(sched, "the end of the guest, and its watchdogs")
{
	struct sched_watchdog *w;
	struct sched_shutdown *s;

	setup();
	s = at(ARG);
	s->reason = SHUTDOWN_MAX + 1;
	CHECK(call(__HYPERVISOR_sched_op, SCHEDOP_shutdown, ARG, 0) == -EINVAL);
	s->reason = SHUTDOWN_reboot;
	CHECK_EQ(call(__HYPERVISOR_sched_op, SCHEDOP_shutdown, ARG, 0), 0);
	CHECK_EQ(shutdown_reason, SHUTDOWN_reboot);
	w = at(ARG);
	*w = (struct sched_watchdog){ 0, 0 };
	CHECK(call(__HYPERVISOR_sched_op, SCHEDOP_watchdog, ARG, 0) == -EINVAL);
	*w = (struct sched_watchdog){ 0, 100 };
	CHECK_EQ(call(__HYPERVISOR_sched_op, SCHEDOP_watchdog, ARG, 0), 1);
	CHECK_EQ(call(__HYPERVISOR_sched_op, SCHEDOP_watchdog, ARG, 0), 2);
	CHECK(call(__HYPERVISOR_sched_op, SCHEDOP_watchdog, ARG, 0) == -ENOSPC);
	*w = (struct sched_watchdog){ 3, 1 };
	CHECK(call(__HYPERVISOR_sched_op, SCHEDOP_watchdog, ARG, 0) == -EINVAL);
	*w = (struct sched_watchdog){ 2, 0 };
	CHECK_EQ(call(__HYPERVISOR_sched_op, SCHEDOP_watchdog, ARG, 0), 0);
	CHECK(call(__HYPERVISOR_sched_op, SCHEDOP_watchdog, ARG, 0) == -EINVAL);
	teardown();
}

TEST(timers, "a multicall full of timers is work for the loop but once")
{
	enum { NR = 3000, OP = ARG, PERIOD = 2 * ARG };
	struct vcpu_set_periodic_timer *p;
	struct multicall_entry *m;
	struct sched_watchdog *w;
	unsigned int i;

	setup();
	w = at(OP);
	*w = (struct sched_watchdog){ 0, 100 };
	CHECK_EQ(call(__HYPERVISOR_sched_op, SCHEDOP_watchdog, OP, 0), 1);
	w->id = 1;
	p = at(PERIOD);
	p->period_ns = 3600000000000ull;
	m = mem_ptr(vm.mem, gpa(4 * ARG), NR * sizeof(*m));
	for (i = 0; i < NR; i++) {
		if (i % 3)
			m[i] = (struct multicall_entry){
				.op = __HYPERVISOR_vcpu_op,
				.args = { i % 2 ? VCPUOP_set_periodic_timer :
					  VCPUOP_stop_periodic_timer,
					  i % 3 - 1, PERIOD } };
		else
			m[i] = (struct multicall_entry){
				.op = __HYPERVISOR_sched_op,
				.args = { SCHEDOP_watchdog, OP } };
	}
	for (i = 0; i < 20; i++)
		CHECK_EQ(call(__HYPERVISOR_multicall, 4 * ARG, NR, 0), 0);
	for (i = 0; i < NR; i++)
		CHECK_EQ(m[i].result, 0);
	/* The watchdog and two vCPUs. */
	CHECK_EQ(vm.loop->nr_work, 3);
	p->period_ns = 7200000000000ull;
	CHECK_EQ(call(__HYPERVISOR_vcpu_op, VCPUOP_set_periodic_timer, 1,
		      PERIOD), 0);
	run_posted();
	CHECK_EQ(vm.loop->nr_work, 0);
	CHECK_EQ(vcpus[1].period_ns, 7200000000000ull);
	CHECK(vcpus[1].periodic.due);
	teardown();
}

/* A guest that calls at random, with pointers that are mostly good. */
static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t rnd_arg(void)
{
	static const uint64_t odd[] = {
		0, 1, 0x7ff0, DOMID, BYTES - 1, BYTES - 8, BYTES, UINT32_MAX,
		1ull << 39, INT64_MAX, UINT64_MAX,
	};

	switch (rnd() % 6) {
	case 0:
		return odd[rnd() % (sizeof(odd) / sizeof(odd[0]))];
	case 1:
		return rnd() % 64;
	case 2:
		return rnd();
	}
	return rnd() % 16 * GUEST_PAGE_SIZE + (rnd() % 64) * 64;
}

static void scribble(void)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		uint64_t where = rnd() % 16 * GUEST_PAGE_SIZE +
				 rnd() % 512 * 8;
		uint64_t v = rnd_arg();

		if (rnd() & 1)
			v = (v & 0xffff) | rnd_arg() << 32;
		memcpy((char *)mem_ptr(vm.mem, gpa(0), 1) + where, &v, 8);
	}
}

TEST_TIMEOUT(fuzz, "no arguments lead a hypercall astray", 120)
{
	static const uint8_t nrs[] = {
		__HYPERVISOR_memory_op, __HYPERVISOR_multicall,
		__HYPERVISOR_set_timer_op, __HYPERVISOR_xen_version,
		__HYPERVISOR_console_io, __HYPERVISOR_grant_table_op,
		__HYPERVISOR_vm_assist, __HYPERVISOR_vcpu_op,
		__HYPERVISOR_sched_op, __HYPERVISOR_event_channel_op,
		__HYPERVISOR_hvm_op,
	};
	unsigned int i, good = 0;

	setup();
	for (i = 0; i < 400000; i++) {
		uint64_t nr = nrs[rnd() % sizeof(nrs)];
		uint64_t a1 = rnd_arg(), a2 = rnd_arg();

		if (i % 16 == 0)
			scribble();
		/* Arrays of this length at most: the rest is only slow. */
		if (nr == __HYPERVISOR_multicall)
			a1 %= 64;
		if (nr == __HYPERVISOR_grant_table_op)
			a2 %= 256;
		good += call_as(rnd() & 1, nr, nr == __HYPERVISOR_multicall ?
				rnd_arg() : rnd() % 32, a1, a2,
				rnd_arg()) >= 0;
	}
	tap_diag("%u of %u calls succeeded", good, i);
	CHECK(good > i / 10);
	teardown();
}
