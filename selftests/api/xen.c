// SPDX-License-Identifier: GPL-2.0-or-later
/* The KVM_XEN_* ioctls: every attribute there and back, every refusal. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "xen.h"

#define EVTCHN_IPI		5	/* EVTCHNSTAT_ipi */
#define EVTCHN_INTERDOMAIN	2	/* EVTCHNSTAT_interdomain */
#define PRIO	KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL

TEST(cap, "the capability has the flags that belong together")
{
	unsigned int have = xen_require(0);

	CHECK(have & KVM_XEN_HVM_CONFIG_HYPERCALL_MSR);
	CHECK(have & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL);
	if (have & KVM_XEN_HVM_CONFIG_EVTCHN_SEND)
		CHECK(have & KVM_XEN_HVM_CONFIG_EVTCHN_2LEVEL);
	if (have & KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG)
		CHECK(have & KVM_XEN_HVM_CONFIG_RUNSTATE);
}

static int config(struct vm *vm, uint32_t flags)
{
	struct kvm_xen_hvm_config cfg = { .flags = flags, .msr = XEN_MSR };

	return ioctl(vm->fd, KVM_XEN_HVM_CONFIG, &cfg);
}

TEST(config, "KVM_XEN_HVM_CONFIG takes its flags and refuses others")
{
	unsigned int have = xen_require(KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL);
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_xen_hvm_config blob = {
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
		.msr = XEN_MSR,
		.blob_addr_64 = (uintptr_t)vm->mem,
		.blob_size_64 = 1,
	};

	CHECK_OK(config(vm, KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL));
	CHECK_OK(config(vm, 0));
	/* What the capability tells is not all for setting. */
	CHECK_ERRNO(config(vm, KVM_XEN_HVM_CONFIG_SHARED_INFO), EINVAL);
	CHECK_ERRNO(config(vm, KVM_XEN_HVM_CONFIG_RUNSTATE), EINVAL);
	CHECK_ERRNO(config(vm, 1u << 30), EINVAL);
	if (have & KVM_XEN_HVM_CONFIG_EVTCHN_SEND)
		CHECK_OK(config(vm, KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |
				KVM_XEN_HVM_CONFIG_EVTCHN_SEND));
	/* The kernel makes the page itself, or is given one: not both. */
	CHECK_ERRNO(ioctl(vm->fd, KVM_XEN_HVM_CONFIG, &blob), EINVAL);
}

TEST(vm_attrs, "the VM's attributes read back as set")
{
	unsigned int have = xen_require(KVM_XEN_HVM_CONFIG_SHARED_INFO);
	struct vm *vm = xen_vm(true);
	struct kvm_xen_hvm_attr a = { .type = KVM_XEN_ATTR_TYPE_LONG_MODE };

	CHECK_OK(xen_get(vm, &a));
	CHECK_EQ(a.u.long_mode, 1);
	a.u.long_mode = 0;
	CHECK_OK(xen_set(vm, &a));
	a.u.long_mode = 1;
	CHECK_OK(xen_get(vm, &a));
	CHECK_EQ(a.u.long_mode, 0);

	a = (struct kvm_xen_hvm_attr){ .type = KVM_XEN_ATTR_TYPE_SHARED_INFO };
	CHECK_OK(xen_get(vm, &a));
	CHECK_EQ(a.u.shared_info.gfn, XEN_SHINFO >> 12);
	a.u.shared_info.gfn = KVM_XEN_INVALID_GFN;
	CHECK_OK(xen_set(vm, &a));
	a.u.shared_info.gfn = 0;
	CHECK_OK(xen_get(vm, &a));
	CHECK_EQ(a.u.shared_info.gfn, KVM_XEN_INVALID_GFN);

	a = (struct kvm_xen_hvm_attr){
		.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = 0xf3,
	};
	CHECK_OK(xen_set(vm, &a));
	a.u.vector = 0;
	CHECK_OK(xen_get(vm, &a));
	CHECK_EQ(a.u.vector, 0xf3);
	/* Vectors of exceptions are not for interrupts. */
	a.u.vector = 0xf;
	CHECK_ERRNO(xen_set(vm, &a), EINVAL);
	a.u.vector = 0;
	CHECK_OK(xen_set(vm, &a));

	if (!(have & KVM_XEN_HVM_CONFIG_EVTCHN_SEND))
		return;
	a = (struct kvm_xen_hvm_attr){
		.type = KVM_XEN_ATTR_TYPE_XEN_VERSION,
		.u.xen_version = 0x40011,
	};
	CHECK_OK(xen_set(vm, &a));
	a.u.xen_version = 0;
	CHECK_OK(xen_get(vm, &a));
	CHECK_EQ(a.u.xen_version, 0x40011);
}

TEST(vm_attr_unknown, "an attribute that is none is refused")
{
	struct vm *vm;
	struct kvm_xen_hvm_attr a = { .type = 0x7777 };

	xen_require(KVM_XEN_HVM_CONFIG_SHARED_INFO);
	vm = xen_vm(true);
	CHECK_ERRNO(xen_set(vm, &a), ENOENT);
	CHECK_ERRNO(xen_get(vm, &a), ENOENT);
}

TEST(update_flag, "the runstate update flag exists if the capability says so")
{
	unsigned int have = xen_require(KVM_XEN_HVM_CONFIG_SHARED_INFO);
	struct vm *vm = xen_vm(true);
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG,
		.u.long_mode = 1,
	};

	if (!(have & KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG)) {
		CHECK(xen_set(vm, &a) < 0);
		return;
	}
	CHECK_OK(xen_set(vm, &a));
	a.u.long_mode = 0;
	CHECK_OK(xen_get(vm, &a));
	CHECK_EQ(a.u.long_mode, 1);
}

static void gpa_attr(struct vcpu *v, uint16_t type, uint64_t gpa)
{
	struct kvm_xen_vcpu_attr a = { .type = type };

	CHECK_OK(xen_set_gpa(v, type, gpa));
	CHECK_OK(xen_vcpu_get(v, &a));
	CHECK_EQ(a.u.gpa, gpa);
	CHECK_OK(xen_set_gpa(v, type, KVM_XEN_INVALID_GPA));
	/* KVM says either, area by area. */
	if (xen_vcpu_get(v, &a) < 0)
		CHECK_EQ(errno, ENOENT);
	else
		CHECK_EQ(a.u.gpa, KVM_XEN_INVALID_GPA);
	CHECK_OK(xen_set_gpa(v, type, gpa));
}

TEST(areas, "vcpu_info, time and runstate areas are set, read and removed")
{
	unsigned int have = xen_require(KVM_XEN_HVM_CONFIG_SHARED_INFO);
	struct vcpu *v = xen_vcpu(xen_vm(true), 0);

	gpa_attr(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO, XEN_VCPU_INFO + 64);
	gpa_attr(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO, XEN_TIME_INFO);
	if (have & KVM_XEN_HVM_CONFIG_RUNSTATE)
		gpa_attr(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR, XEN_RUNSTATE);
}

TEST(areas_crossing, "areas that cross a page, where they may not")
{
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_SHARED_INFO);
	v = xen_vcpu(xen_vm(true), 0);
	CHECK_ERRNO(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
				XEN_VCPU_INFO + 0x1000 - 32), EINVAL);
	CHECK_ERRNO(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO,
				XEN_TIME_INFO + 0x1000 - 16), EINVAL);
}

TEST(areas_nowhere, "an area where there is no memory is an error")
{
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_SHARED_INFO);
	v = xen_vcpu(xen_vm(true), 0);
	CHECK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
			  GUEST_MMIO) < 0);
	CHECK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO,
			  GUEST_MMIO) < 0);
}

TEST(vcpu_attrs, "vCPU number, vector and timer read back as set")
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID,
		.u.vcpu_id = 3,
	};
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	v = xen_vcpu(xen_vm(true), 0);
	CHECK_OK(xen_vcpu_set(v, &a));
	a.u.vcpu_id = 0;
	CHECK_OK(xen_vcpu_get(v, &a));
	CHECK_EQ(a.u.vcpu_id, 3);
	a.u.vcpu_id = 0x10000;
	CHECK_ERRNO(xen_vcpu_set(v, &a), EINVAL);

	a = (struct kvm_xen_vcpu_attr){
		.type = KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = 0xf3,
	};
	CHECK_OK(xen_vcpu_set(v, &a));
	a.u.vector = 0;
	CHECK_OK(xen_vcpu_get(v, &a));
	CHECK_EQ(a.u.vector, 0xf3);
	a.u.vector = 0xf;
	CHECK_ERRNO(xen_vcpu_set(v, &a), EINVAL);

	a = (struct kvm_xen_vcpu_attr){
		.type = KVM_XEN_VCPU_ATTR_TYPE_TIMER,
		.u.timer = { .port = 5, .priority = PRIO },
	};
	CHECK_OK(xen_vcpu_set(v, &a));
	memset(&a.u, 0, sizeof(a.u));
	CHECK_OK(xen_vcpu_get(v, &a));
	CHECK_EQ(a.u.timer.port, 5);
	CHECK_EQ(a.u.timer.priority, PRIO);
	CHECK_EQ(a.u.timer.expires_ns, 0);
	/* Far away: it stays armed and says so. */
	a.u.timer.expires_ns = 1ull << 60;
	CHECK_OK(xen_vcpu_set(v, &a));
	a.u.timer.expires_ns = 0;
	CHECK_OK(xen_vcpu_get(v, &a));
	CHECK_EQ(a.u.timer.expires_ns, 1ull << 60);
	a.u.timer.priority = 7;
	CHECK_ERRNO(xen_vcpu_set(v, &a), EINVAL);
	/* Off. */
	a.u.timer.port = 0;
	a.u.timer.priority = PRIO;
	a.u.timer.expires_ns = 0;
	CHECK_OK(xen_vcpu_set(v, &a));
	CHECK_OK(xen_vcpu_get(v, &a));
	CHECK_EQ(a.u.timer.port, 0);

	a.type = 0x7777;
	CHECK_ERRNO(xen_vcpu_set(v, &a), ENOENT);
	CHECK_ERRNO(xen_vcpu_get(v, &a), ENOENT);
}

static int runstate(struct vcpu *v, uint16_t type, uint64_t state,
		    uint64_t entry, uint64_t run, uint64_t off)
{
	struct kvm_xen_vcpu_attr a = {
		.type = type,
		.u.runstate = {
			.state = state,
			.state_entry_time = entry,
			.time_running = run,
			.time_offline = off,
		},
	};

	return xen_vcpu_set(v, &a);
}

static struct kvm_xen_vcpu_attr get_runstate(struct vcpu *v)
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA,
	};

	CHECK_OK(xen_vcpu_get(v, &a));
	return a;
}

TEST(runstate, "runstate data: set, adjusted, and refused where it lies")
{
	const uint16_t data = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA;
	const uint16_t adj = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST;
	const uint16_t cur = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT;
	struct kvm_xen_vcpu_attr a;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE);
	v = xen_vcpu(xen_vm(true), 0);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			     XEN_RUNSTATE));
	CHECK_OK(runstate(v, data, RUNSTATE_offline, 30, 10, 20));
	a = get_runstate(v);
	CHECK_EQ(a.u.runstate.state, RUNSTATE_offline);
	CHECK_EQ(a.u.runstate.state_entry_time, 30);
	CHECK_EQ(a.u.runstate.time_running, 10);
	CHECK_EQ(a.u.runstate.time_offline, 20);

	CHECK_ERRNO(runstate(v, data, 4, 30, 10, 20), EINVAL);
	CHECK_ERRNO(runstate(v, data, 0, 31, 10, 20), EINVAL);
	CHECK_ERRNO(runstate(v, data, 0, 1ull << 60, 1ull << 60, 0), EINVAL);

	CHECK_OK(runstate(v, adj, -1, 7, 3, 4));
	a = get_runstate(v);
	CHECK_EQ(a.u.runstate.state, RUNSTATE_offline);
	CHECK_EQ(a.u.runstate.state_entry_time, 37);
	CHECK_EQ(a.u.runstate.time_running, 13);
	CHECK_EQ(a.u.runstate.time_offline, 24);
	CHECK_ERRNO(runstate(v, adj, 4, 7, 3, 4), EINVAL);
	CHECK_ERRNO(runstate(v, adj, 0, 8, 3, 4), EINVAL);
	CHECK_ERRNO(runstate(v, adj, 0, 1ull << 60, 1ull << 60, 0), EINVAL);

	CHECK_OK(runstate(v, cur, RUNSTATE_blocked, 0, 0, 0));
	a.type = cur;
	CHECK_OK(xen_vcpu_get(v, &a));
	CHECK_EQ(a.u.runstate.state, RUNSTATE_blocked);
	a = get_runstate(v);
	CHECK_EQ(a.u.runstate.state, RUNSTATE_blocked);
	CHECK(a.u.runstate.state_entry_time > 37);
	CHECK_EQ(a.u.runstate.state_entry_time, a.u.runstate.time_running +
		 a.u.runstate.time_runnable + a.u.runstate.time_blocked +
		 a.u.runstate.time_offline);
	CHECK_ERRNO(runstate(v, cur, 4, 0, 0, 0), EINVAL);
}

TEST(runstate_no_area, "runstate without an area to show it")
{
	const uint16_t cur = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE);
	v = xen_vcpu(xen_vm(true), 0);
	CHECK_OK(runstate(v, cur, RUNSTATE_running, 0, 0, 0));
	CHECK_EQ(get_runstate(v).u.runstate.state, RUNSTATE_running);
}

static int assign(struct vm *vm, uint32_t port, uint32_t type, uint32_t to,
		  uint32_t vcpu, uint32_t prio)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = {
			.send_port = port,
			.type = type,
			.deliver.port = { .port = to, .vcpu = vcpu,
					  .priority = prio },
		},
	};

	return xen_set(vm, &a);
}

static int assign_fd(struct vm *vm, uint32_t port, int fd)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = {
			.send_port = port,
			.type = EVTCHN_INTERDOMAIN,
			.deliver.eventfd = { .fd = fd },
		},
	};

	return xen_set(vm, &a);
}

static int change(struct vm *vm, uint32_t port, uint32_t flags, uint32_t vcpu)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = {
			.send_port = port,
			.type = EVTCHN_IPI,
			.flags = flags,
			.deliver.port = { .port = port, .vcpu = vcpu,
					  .priority = PRIO },
		},
	};

	return xen_set(vm, &a);
}

TEST(evtchn, "ports for sending: assigned, changed, removed, refused")
{
	struct vm *vm;
	int fd = eventfd(0, 0);

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	xen_vcpu(vm, 0);
	xen_vcpu(vm, 1);
	CHECK_OK(assign(vm, 15, EVTCHN_IPI, 15, 0, PRIO));
	CHECK_ERRNO(assign(vm, 15, EVTCHN_IPI, 15, 0, PRIO), EEXIST);
	CHECK_OK(assign(vm, 66, EVTCHN_INTERDOMAIN, 120, 1, PRIO));
	CHECK_OK(assign_fd(vm, 4095, fd));
	CHECK_ERRNO(assign_fd(vm, 4095, fd), EEXIST);
	/* An IPI comes back to its own port. */
	CHECK_ERRNO(assign(vm, 16, EVTCHN_IPI, 17, 0, PRIO), EINVAL);
	CHECK_ERRNO(assign(vm, 0, EVTCHN_IPI, 0, 0, PRIO), EINVAL);
	CHECK_ERRNO(assign(vm, 4096, EVTCHN_IPI, 4096, 0, PRIO), EINVAL);
	CHECK_ERRNO(assign(vm, 17, EVTCHN_INTERDOMAIN, 4096, 0, PRIO), EINVAL);
	/* EVTCHNSTAT_virq is nothing that a guest sends to. */
	CHECK_ERRNO(assign(vm, 17, 4, 17, 0, PRIO), EINVAL);
	CHECK(assign_fd(vm, 18, -1) < 0);
	CHECK(assign_fd(vm, 18, STDIN_FILENO) < 0);

	CHECK_OK(change(vm, 15, KVM_XEN_EVTCHN_UPDATE, 1));
	CHECK_ERRNO(change(vm, 30, KVM_XEN_EVTCHN_UPDATE, 1), ENOENT);
	CHECK_OK(change(vm, 15, KVM_XEN_EVTCHN_DEASSIGN, 0));
	CHECK_ERRNO(change(vm, 15, KVM_XEN_EVTCHN_DEASSIGN, 0), ENOENT);
	CHECK_ERRNO(change(vm, 66, 0x10, 0), EINVAL);
	CHECK_ERRNO(change(vm, 66, KVM_XEN_EVTCHN_DEASSIGN |
			   KVM_XEN_EVTCHN_UPDATE, 0), EINVAL);
	CHECK_OK(change(vm, 0, KVM_XEN_EVTCHN_RESET, 0));
	CHECK_ERRNO(change(vm, 66, KVM_XEN_EVTCHN_DEASSIGN, 0), ENOENT);
	CHECK_OK(assign(vm, 66, EVTCHN_IPI, 66, 0, PRIO));
}

TEST(evtchn_32bit, "a 32-bit guest has 1,024 ports")
{
	struct vm *vm;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(false);
	xen_vcpu(vm, 0);
	CHECK_OK(assign(vm, 1023, EVTCHN_IPI, 1023, 0, PRIO));
	CHECK_ERRNO(assign(vm, 1024, EVTCHN_IPI, 1024, 0, PRIO), EINVAL);
	CHECK_OK(xen_send(vm, 1023, 0));
	CHECK_ERRNO(xen_send(vm, 1024, 0), EINVAL);
}

TEST(send, "KVM_XEN_HVM_EVTCHN_SEND refuses what is no port or vCPU")
{
	struct kvm_irq_routing_xen_evtchn e = { .port = 9, .priority = 3 };
	struct vm *vm;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	xen_vcpu(vm, 0);
	CHECK_OK(xen_send(vm, 9, 0));
	CHECK(xen_pending(vm, 9, true));
	CHECK_ERRNO(xen_send(vm, 0, 0), EINVAL);
	CHECK_ERRNO(xen_send(vm, 4096, 0), EINVAL);
	CHECK_ERRNO(xen_send(vm, 9, 77), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_XEN_HVM_EVTCHN_SEND, &e), EINVAL);
}

static int route(struct vm *vm, uint32_t port, uint32_t vcpu, uint32_t prio)
{
	struct {
		struct kvm_irq_routing hdr;
		struct kvm_irq_routing_entry e;
	} r = {
		.hdr.nr = 1,
		.e = {
			.gsi = 5,
			.type = KVM_IRQ_ROUTING_XEN_EVTCHN,
			.u.xen_evtchn = { .port = port, .vcpu = vcpu,
					  .priority = prio },
		},
	};

	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r);
}

TEST(irqfd, "an irqfd routed to an event channel sets its bit")
{
	struct kvm_irqfd f = { .gsi = 5, .fd = eventfd(0, 0) };
	uint64_t one = 1;
	struct vm *vm;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_2LEVEL);
	vm = xen_vm(true);
	xen_vcpu(vm, 0);
	CHECK_OK(route(vm, 77, 0, PRIO));
	CHECK_ERRNO(route(vm, 77, 0, 1), EINVAL);
	CHECK_OK(ioctl(vm->fd, KVM_IRQFD, &f));
	CHECK_EQ(write(f.fd, &one, 8), 8);
	for (int i = 0; i < 1000 && !xen_pending(vm, 77, true); i++)
		usleep(1000);
	CHECK(xen_pending(vm, 77, true));
	CHECK_EQ(xen_vcpu_info(vm, 0)->evtchn_upcall_pending, 1);
	CHECK_EQ(xen_vcpu_info(vm, 0)->evtchn_pending_sel, 1ull << 77 / 64);
}

TEST(word_sizes, "event words where each word size has them")
{
	static const uint32_t ports[] = { 1, 31, 32, 63, 64, 1023 };
	struct vm *vm;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	for (int wide = 0; wide < 2; wide++) {
		vm = xen_vm(wide);
		xen_vcpu(vm, 0);
		for (size_t i = 0; i < sizeof(ports) / 4; i++) {
			uint32_t p = ports[i], bits = wide ? 64 : 32;
			uint64_t sel;

			memset(xen_vcpu_info(vm, 0), 0, 64);
			CHECK_OK(xen_send(vm, p, 0));
			CHECK(xen_pending(vm, p, wide));
			CHECK_EQ(xen_vcpu_info(vm, 0)->evtchn_upcall_pending,
				 1);
			sel = wide ? xen_vcpu_info(vm, 0)->evtchn_pending_sel :
			      ((vcpu_info_x86_32_t *)xen_vcpu_info(vm, 0))
				      ->evtchn_pending_sel;
			CHECK_EQ(sel, 1ull << p / bits);
		}
	}
}

TEST(masked, "a masked port becomes pending and stirs nobody")
{
	struct vm *vm;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	for (int wide = 0; wide < 2; wide++) {
		vm = xen_vm(wide);
		xen_vcpu(vm, 0);
		xen_set_mask(vm, 40, wide, true);
		xen_send(vm, 40, 0);
		CHECK(xen_pending(vm, 40, wide));
		CHECK_EQ(xen_vcpu_info(vm, 0)->evtchn_upcall_pending, 0);
	}
}

TEST(wallclock, "shared_info gets the wall clock in each word size")
{
	struct vm *vm;
	shared_info_t *s;
	shared_info_x86_32_t *n;

	vm = xen_vm(true);
	s = vm_ptr(vm, XEN_SHINFO);
	CHECK(s->wc_version && !(s->wc_version & 1));
	CHECK(s->wc_sec || s->wc_nsec);
	CHECK(s->wc_nsec < 1000000000);

	vm = xen_vm(false);
	n = vm_ptr(vm, XEN_SHINFO);
	CHECK(n->wc_version && !(n->wc_version & 1));
	CHECK(n->wc_sec || n->wc_nsec);
	CHECK(n->wc_nsec < 1000000000);
}
