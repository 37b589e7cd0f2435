// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The port table, with a kernel that only writes down what it is asked: every
 * operation's rules and errors, and what is left behind.
 */
#include <stdlib.h>

#include "../lib/tap.h"
#include "../../vmm/vm_priv.h"
#include "../../vmm/xen/abi.h"
#include "../../vmm/xen/evtchn.h"
#include "../../vmm/xen/kernel.h"

#define VCPUS	4u
#define DOMID	5u
#define PORTS	4096u

const char *tap_precondition(void)
{
	return NULL;
}

/* The kernel's side */
static struct {
	bool wide, refuse;
	unsigned int sent[PORTS];
	unsigned int sent_vcpu[PORTS];
	struct {
		bool on, ipi;
		int fd;
		uint32_t to;
		unsigned int vcpu;
	} route[PORTS];
} kernel;

bool kernel_is_wide(struct vm *vm)
{
	return kernel.wide;
}

int kernel_evtchn_send(struct vm *vm, uint32_t port, unsigned int vcpu)
{
	kernel.sent[port]++;
	kernel.sent_vcpu[port] = vcpu;
	return 0;
}

int kernel_route_fd(struct vm *vm, uint32_t port, int fd)
{
	if (kernel.refuse)
		return -EINVAL;
	CHECK(!kernel.route[port].on);
	kernel.route[port].on = true;
	kernel.route[port].fd = fd;
	return 0;
}

int kernel_route_port(struct vm *vm, uint32_t port, bool ipi, uint32_t to,
		      unsigned int vcpu)
{
	if (kernel.refuse)
		return -EINVAL;
	CHECK(!kernel.route[port].on);
	kernel.route[port].on = true;
	kernel.route[port].ipi = ipi;
	kernel.route[port].to = to;
	kernel.route[port].vcpu = vcpu;
	return 0;
}

int kernel_route_update(struct vm *vm, uint32_t port, bool ipi, uint32_t to,
			unsigned int vcpu)
{
	CHECK(kernel.route[port].on);
	CHECK_EQ(kernel.route[port].to, to);
	kernel.route[port].vcpu = vcpu;
	return 0;
}

int kernel_unroute(struct vm *vm, uint32_t port)
{
	CHECK(kernel.route[port].on);
	memset(&kernel.route[port], 0, sizeof(kernel.route[port]));
	return 0;
}

int kernel_route_reset(struct vm *vm)
{
	memset(kernel.route, 0, sizeof(kernel.route));
	return 0;
}

static struct vm vm = { .domid = DOMID };
static struct evtchn *e;
static union {
	struct shared_info_x86_64 wide;
	struct shared_info_x86_32 narrow;
	unsigned char bytes[GUEST_PAGE_SIZE];
} *shared;

static void setup(bool wide)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.wide = wide;
	shared = calloc(1, sizeof(*shared));
	CHECK_EQ(event_loop_create(&vm.loop), 0);
	CHECK_EQ(evtchn_create(&e, &vm, VCPUS, shared), 0);
}

static void teardown(void)
{
	evtchn_destroy(e);
	event_loop_destroy(vm.loop);
	free(shared);
}

static uint32_t unbound(uint16_t remote)
{
	uint32_t port;

	CHECK_EQ(evtchn_alloc_unbound(e, remote, &port), 0);
	return port;
}

static struct evtchn_status status(uint32_t port)
{
	struct evtchn_status st;

	memset(&st, 0xaa, sizeof(st));
	CHECK_EQ(evtchn_status(e, port, &st), 0);
	return st;
}

static int close_port(uint32_t port)
{
	int vcpu, ret = evtchn_close(e, port, &vcpu);

	CHECK(vcpu < 0);
	return ret;
}

TEST(limits, "the number of ports follows the word size of the moment")
{
	uint32_t port, i;

	setup(false);
	for (i = 1; i < 1024; i++)
		CHECK_EQ(unbound(0), i);
	CHECK(evtchn_alloc_unbound(e, 0, &port) == -ENOSPC);
	CHECK(evtchn_bind_ipi(e, 0, &port) == -ENOSPC);
	CHECK(evtchn_bind_virq(e, VIRQ_TIMER, 0, &port) == -ENOSPC);
	CHECK(evtchn_reserve(e) == -ENOSPC);
	kernel.wide = true;
	for (; i < 4096; i++)
		CHECK_EQ(unbound(0), i);
	CHECK(evtchn_alloc_unbound(e, 0, &port) == -ENOSPC);
	/* Back to 32 bits: what is beyond its map touches no memory. */
	kernel.wide = false;
	memset(shared, 0xff, sizeof(*shared));
	CHECK(evtchn_unmask(e, 4000) == -EINVAL);
	CHECK_EQ(close_port(4000), 0);
	for (i = 0; i < sizeof(*shared); i++)
		CHECK_EQ(shared->bytes[i], 0xff);
	teardown();
}

TEST(bad_ports, "ports that are not open are refused everywhere")
{
	const uint32_t bad[] = { 0, 1, 77, 4095, 4096, UINT32_MAX };
	unsigned int i;

	setup(true);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct evtchn_status st;
		uint32_t port;

		CHECK(close_port(bad[i]) == -EINVAL);
		CHECK(evtchn_send(e, bad[i]) == -EINVAL);
		CHECK(evtchn_unmask(e, bad[i]) == -EINVAL);
		CHECK(evtchn_bind_vcpu(e, bad[i], 0) == -EINVAL);
		CHECK(evtchn_bind_interdomain(e, bad[i], &port) == -EINVAL);
		CHECK(evtchn_status(e, bad[i], &st) ==
		      (bad[i] < 4096 ? 0 : -EINVAL));
	}
	CHECK_EQ(status(77).status, EVTCHNSTAT_closed);
	teardown();
}

TEST(virq, "a VIRQ is bound once for each vCPU, global ones to vCPU 0")
{
	uint32_t port;
	int vcpu;

	setup(true);
	CHECK(evtchn_bind_virq(e, NR_VIRQS, 0, &port) == -EINVAL);
	CHECK(evtchn_bind_virq(e, UINT32_MAX, 0, &port) == -EINVAL);
	CHECK(evtchn_bind_virq(e, VIRQ_TIMER, VCPUS, &port) == -ENOENT);
	CHECK(evtchn_bind_virq(e, VIRQ_CONSOLE, 1, &port) == -EINVAL);
	CHECK_EQ(evtchn_bind_virq(e, VIRQ_TIMER, 2, &port), 0);
	CHECK_EQ(status(port).status, EVTCHNSTAT_virq);
	CHECK_EQ(status(port).vcpu, 2);
	CHECK_EQ(status(port).u.virq, VIRQ_TIMER);
	CHECK(evtchn_bind_virq(e, VIRQ_TIMER, 2, &(uint32_t){ 0 }) == -EEXIST);
	CHECK(evtchn_bind_vcpu(e, port, 1) == -EINVAL);
	CHECK(evtchn_send(e, port) == -EINVAL);
	evtchn_set_live(e, true);
	evtchn_send_virq(e, 2, VIRQ_TIMER);
	evtchn_send_virq(e, 1, VIRQ_TIMER);
	CHECK_EQ(kernel.sent[port], 1);
	CHECK_EQ(evtchn_close(e, port, &vcpu), 0);
	CHECK_EQ(vcpu, 2);
	CHECK_EQ(evtchn_bind_virq(e, VIRQ_TIMER, 2, &port), 0);

	/* A global one may move, and is still found when it is closed. */
	CHECK_EQ(evtchn_bind_virq(e, VIRQ_CONSOLE, 0, &port), 0);
	CHECK_EQ(evtchn_bind_vcpu(e, port, 3), 0);
	CHECK_EQ(status(port).vcpu, 3);
	CHECK_EQ(close_port(port), 0);
	CHECK_EQ(evtchn_bind_virq(e, VIRQ_CONSOLE, 0, &port), 0);
	teardown();
}

TEST(ipi, "an IPI stays with its vCPU, and works with and without the kernel")
{
	uint32_t port;

	setup(true);
	evtchn_set_live(e, true);
	CHECK(evtchn_bind_ipi(e, VCPUS, &port) == -ENOENT);
	CHECK_EQ(evtchn_bind_ipi(e, 3, &port), 0);
	CHECK(kernel.route[port].on && kernel.route[port].ipi);
	CHECK_EQ(kernel.route[port].to, port);
	CHECK_EQ(kernel.route[port].vcpu, 3);
	CHECK(evtchn_bind_vcpu(e, port, 1) == -EINVAL);
	CHECK_EQ(evtchn_send(e, port), 0);
	CHECK_EQ(kernel.sent[port], 1);
	CHECK_EQ(kernel.sent_vcpu[port], 3);
	CHECK_EQ(close_port(port), 0);
	CHECK(!kernel.route[port].on);
	kernel.refuse = true;
	CHECK_EQ(evtchn_bind_ipi(e, 3, &port), 0);
	CHECK_EQ(evtchn_send(e, port), 0);
	CHECK_EQ(close_port(port), 0);
	teardown();
}

TEST(loopback, "two ports of the guest's own, until one closes")
{
	uint32_t a, b;

	setup(true);
	evtchn_set_live(e, true);
	a = unbound(DOMID);
	CHECK_EQ(evtchn_bind_vcpu(e, a, 2), 0);
	CHECK(evtchn_bind_interdomain(e, unbound(0), &b) == -EINVAL);
	CHECK_EQ(evtchn_bind_interdomain(e, a, &b), 0);
	CHECK_EQ(kernel.route[a].to, b);
	CHECK_EQ(kernel.route[b].to, a);
	CHECK_EQ(kernel.route[b].vcpu, 2);
	CHECK_EQ(status(a).u.interdomain.port, b);
	CHECK_EQ(status(a).u.interdomain.dom, DOMID);
	CHECK(evtchn_bind_interdomain(e, a, &(uint32_t){ 0 }) == -EINVAL);
	CHECK_EQ(evtchn_bind_vcpu(e, b, 1), 0);
	CHECK_EQ(kernel.route[a].vcpu, 1);
	CHECK_EQ(evtchn_send(e, a), 0);
	CHECK(kernel.sent[b] && kernel.sent_vcpu[b] == 1);
	CHECK_EQ(close_port(b), 0);
	CHECK(!kernel.route[a].on && !kernel.route[b].on);
	CHECK_EQ(status(a).status, EVTCHNSTAT_unbound);
	CHECK_EQ(status(a).u.unbound.dom, DOMID);
	CHECK_EQ(evtchn_send(e, a), 0);
	CHECK_EQ(evtchn_bind_interdomain(e, a, &b), 0);
	teardown();
}

/* Back ends */

static unsigned int heard;

static void hear(struct evtchn_backend *b)
{
	heard++;
	event_loop_stop(vm.loop);
}

TEST(backend, "a back end hears the guest, and the guest the back end")
{
	struct evtchn_backend b = { .fn = hear };
	uint32_t port;

	setup(true);
	evtchn_set_live(e, true);
	port = evtchn_reserve(e);
	CHECK(evtchn_bind_backend(e, unbound(7), &b) == -EINVAL);
	CHECK(evtchn_bind_backend(e, 99, &b) == -EINVAL);
	CHECK_EQ(evtchn_bind_backend(e, port, &b), 0);
	CHECK(kernel.route[port].on && kernel.route[port].fd >= 0);
	CHECK_EQ(status(port).status, EVTCHNSTAT_interdomain);
	CHECK_EQ(status(port).u.interdomain.dom, 0);
	CHECK_EQ(evtchn_send(e, port), 0);
	CHECK_EQ(event_loop_run(vm.loop), 0);
	CHECK_EQ(heard, 1);
	CHECK_EQ(evtchn_bind_vcpu(e, port, 3), 0);
	evtchn_notify(e, &b);
	CHECK_EQ(kernel.sent[port], 1);
	CHECK_EQ(kernel.sent_vcpu[port], 3);

	/* The guest closes its end, and takes the port for something else. */
	CHECK_EQ(close_port(port), 0);
	CHECK(!kernel.route[port].on);
	evtchn_notify(e, &b);
	CHECK_EQ(kernel.sent[port], 1);
	CHECK_EQ(unbound(9), port);
	evtchn_unbind_backend(e, &b);
	CHECK_EQ(status(port).status, EVTCHNSTAT_unbound);
	CHECK_EQ(status(port).u.unbound.dom, 9);
	evtchn_unbind_backend(e, &b);
	teardown();
}

TEST(backend_leaves, "a back end that leaves lets the port wait again")
{
	struct evtchn_backend b = { .fn = hear };
	uint32_t port;

	setup(true);
	port = unbound(0);
	CHECK_EQ(evtchn_bind_backend(e, port, &b), 0);
	evtchn_unbind_backend(e, &b);
	CHECK(!kernel.route[port].on);
	CHECK_EQ(status(port).status, EVTCHNSTAT_unbound);
	CHECK_EQ(evtchn_send(e, port), 0);
	CHECK_EQ(evtchn_bind_backend(e, port, &b), 0);
	evtchn_unbind_backend(e, &b);
	teardown();
}

TEST(early, "events before shared_info is mapped wait in it")
{
	struct evtchn_backend b = { .fn = hear };
	uint32_t port;
	int i;

	for (i = 0; i < 2; i++) {
		setup(i);
		port = evtchn_reserve(e);
		CHECK_EQ(evtchn_bind_backend(e, port, &b), 0);
		evtchn_notify(e, &b);
		evtchn_notify(e, &b);
		CHECK_EQ(kernel.sent[port], 0);
		if (i) {
			CHECK_EQ(shared->wide.evtchn_pending[0], 1 << port);
			CHECK_EQ(shared->wide.vcpu_info[0].evtchn_pending_sel,
				 1);
			CHECK_EQ(shared->wide.vcpu_info[0]
				 .evtchn_upcall_pending, 1);
		} else {
			CHECK_EQ(shared->narrow.evtchn_pending[0], 1 << port);
			CHECK_EQ(shared->narrow.vcpu_info[0]
				 .evtchn_pending_sel, 1);
		}
		evtchn_set_live(e, true);
		evtchn_notify(e, &b);
		CHECK_EQ(kernel.sent[port], 1);
		evtchn_unbind_backend(e, &b);
		teardown();
	}
}

TEST(unmask, "unmasking delivers what waited behind the mask, and only that")
{
	uint32_t port;

	setup(true);
	evtchn_set_live(e, true);
	port = unbound(0);
	CHECK_EQ(evtchn_unmask(e, port), 0);
	CHECK_EQ(kernel.sent[port], 0);
	shared->wide.evtchn_mask[0] = 1 << port;
	CHECK_EQ(evtchn_unmask(e, port), 0);
	CHECK_EQ(shared->wide.evtchn_mask[0], 0);
	CHECK_EQ(kernel.sent[port], 0);
	shared->wide.evtchn_mask[0] = 1 << port;
	shared->wide.evtchn_pending[0] = 1 << port;
	CHECK_EQ(evtchn_unmask(e, port), 0);
	CHECK_EQ(kernel.sent[port], 1);
	CHECK_EQ(shared->wide.evtchn_pending[0], 0);
	teardown();
}

TEST(reset, "a reset closes everything, once")
{
	struct evtchn_backend b = { .fn = hear };
	uint32_t port, ipi, virq;

	setup(true);
	evtchn_set_live(e, true);
	port = unbound(0);
	CHECK_EQ(evtchn_bind_backend(e, port, &b), 0);
	CHECK_EQ(evtchn_bind_ipi(e, 1, &ipi), 0);
	CHECK_EQ(evtchn_bind_virq(e, VIRQ_TIMER, 1, &virq), 0);
	shared->wide.evtchn_pending[0] = UINT64_MAX;
	evtchn_reset(e);
	CHECK_EQ(shared->wide.evtchn_pending[0], ~(uint64_t)
		 (1 << port | 1 << ipi | 1 << virq));
	CHECK_EQ(status(port).status, EVTCHNSTAT_closed);
	CHECK_EQ(status(ipi).status, EVTCHNSTAT_closed);
	evtchn_notify(e, &b);
	CHECK_EQ(kernel.sent[port], 0);
	CHECK_EQ(evtchn_bind_virq(e, VIRQ_TIMER, 1, &virq), 0);
	CHECK_EQ(virq, 1);
	evtchn_unbind_backend(e, &b);
	CHECK_EQ(status(virq).status, EVTCHNSTAT_virq);
	teardown();
}
