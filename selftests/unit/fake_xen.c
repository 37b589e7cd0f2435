// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Front ends of a guest with one vCPU that works, in pages it has for itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_xen.h"
#include "../lib/tap.h"
#include "../../vmm/xen/abi.h"

#include <xen/grant_table.h>
#include <xen/io/blkif.h>
#include <xen/io/xs_wire.h>
#include <xen/memory.h>

#define GRANT_GFN	0x21ull
#define RING_GPA	0x22000ull
#define DATA_GPA	0x23000ull
#define RING_REF	8u
#define DATA_REF	9u

void g_soft_reset(struct fake_vcpu *g)
{
	struct sched_shutdown *s = g_mem(ARG_GPA);

	s->reason = SHUTDOWN_soft_reset;
	CHECK_EQ(g_hypercall(g, __HYPERVISOR_sched_op, SCHEDOP_shutdown,
			     ARG_GPA, 0), 0);
}

void g_shutdown(struct fake_vcpu *g, unsigned int reason)
{
	struct sched_shutdown *s = g_mem(ARG_GPA);

	s->reason = reason;
	g_hypercall(g, __HYPERVISOR_sched_op, SCHEDOP_shutdown, ARG_GPA, 0);
	g_spin(g);
}

uint64_t g_param(struct fake_vcpu *g, uint32_t index)
{
	struct xen_hvm_param *p = g_mem(ARG_GPA);

	p->domid = DOMID_SELF;
	p->index = index;
	CHECK_EQ(g_hypercall(g, __HYPERVISOR_hvm_op, HVMOP_get_param, ARG_GPA,
			     0), 0);
	return p->value;
}

void g_send(struct fake_vcpu *g, uint32_t port)
{
	struct evtchn_send *s = g_mem(ARG_GPA);

	s->port = port;
	CHECK_EQ(g_hypercall(g, __HYPERVISOR_event_channel_op, EVTCHNOP_send,
			     ARG_GPA, 0), 0);
}

static struct xenstore_domain_interface *g_store(struct fake_vcpu *g)
{
	return g_mem(g_param(g, HVM_PARAM_STORE_PFN) << 12);
}

/* One message and its answer; the payload's length. */
static size_t g_store_call(struct fake_vcpu *g, uint32_t type,
			   const void *payload, size_t len, char *answer,
			   size_t size, uint32_t *answer_type)
{
	uint32_t port = g_param(g, HVM_PARAM_STORE_EVTCHN);
	struct xenstore_domain_interface *r = g_store(g);
	struct xsd_sockmsg m = { .type = type, .len = len };
	uint32_t prod = r->req_prod, cons = r->rsp_cons;
	size_t i;

	for (i = 0; i < sizeof(m) + len; i++)
		r->req[(prod + i) % XENSTORE_RING_SIZE] = i < sizeof(m) ?
			((char *)&m)[i] : ((const char *)payload)[i - sizeof(m)];
	__atomic_store_n(&r->req_prod, prod + i, __ATOMIC_SEQ_CST);
	g_send(g, port);
	for (i = 0; i < sizeof(m) + m.len; i++) {
		char c;

		while (__atomic_load_n(&r->rsp_prod, __ATOMIC_ACQUIRE) == cons)
			usleep(100);
		c = r->rsp[cons++ % XENSTORE_RING_SIZE];
		if (i < sizeof(m))
			((char *)&m)[i] = c;
		else if (i - sizeof(m) < size)
			answer[i - sizeof(m)] = c;
	}
	__atomic_store_n(&r->rsp_cons, cons, __ATOMIC_SEQ_CST);
	*answer_type = m.type;
	return m.len < size ? m.len : size;
}

void g_store_write(struct fake_vcpu *g, const char *path, const char *value)
{
	char buf[256];
	uint32_t type;
	size_t n = snprintf(buf, sizeof(buf), "%s", path) + 1;

	n += snprintf(buf + n, sizeof(buf) - n, "%s", value);
	g_store_call(g, XS_WRITE, buf, n, buf, sizeof(buf), &type);
	CHECK_EQ(type, XS_WRITE);
}

void g_store_read(struct fake_vcpu *g, const char *path, char *value,
		  size_t len)
{
	uint32_t type;
	size_t n = g_store_call(g, XS_READ, path, strlen(path) + 1, value,
				len - 1, &type);

	value[type == XS_READ ? n : 0] = 0;
}

static uint32_t g_port(struct fake_vcpu *g)
{
	struct evtchn_alloc_unbound *a = g_mem(ARG_GPA);

	a->dom = DOMID_SELF;
	a->remote_dom = 0;
	CHECK_EQ(g_hypercall(g, __HYPERVISOR_event_channel_op,
			     EVTCHNOP_alloc_unbound, ARG_GPA, 0), 0);
	return a->port;
}

static void g_grants(struct fake_vcpu *g)
{
	struct xen_add_to_physmap *a = g_mem(ARG_GPA);
	struct grant_entry_v1 *e;

	memset(a, 0, sizeof(*a));
	a->domid = DOMID_SELF;
	a->space = XENMAPSPACE_grant_table;
	a->gpfn = GRANT_GFN;
	CHECK_EQ(g_hypercall(g, __HYPERVISOR_memory_op, XENMEM_add_to_physmap,
			     ARG_GPA, 0), 0);
	e = g_mem(GRANT_GFN << 12);
	e[RING_REF] = (struct grant_entry_v1){ 0, 0, RING_GPA >> 12 };
	e[DATA_REF] = (struct grant_entry_v1){ 0, 0, DATA_GPA >> 12 };
	__atomic_store_n(&e[RING_REF].flags, GTF_permit_access,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&e[DATA_REF].flags, GTF_permit_access,
			 __ATOMIC_RELEASE);
}

static void g_disk_connect(struct fake_vcpu *g, uint32_t port)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", RING_REF);
	g_store_write(g, "device/vbd/51712/ring-ref", value);
	snprintf(value, sizeof(value), "%u", port);
	g_store_write(g, "device/vbd/51712/event-channel", value);
	g_store_write(g, "device/vbd/51712/protocol", "x86_64-abi");
	g_store_write(g, "device/vbd/51712/state", "3");
	do {
		g_store_read(g, "/local/domain/0/backend/vbd/1/51712/state",
			     value, sizeof(value));
	} while (strcmp(value, "4"));
}

void g_disk_read(struct fake_vcpu *g, unsigned int n)
{
	struct blkif_sring *ring = g_mem(RING_GPA);
	uint32_t port = g_port(g);
	unsigned int i;

	memset(ring, 0, 4096);
	ring->req_event = ring->rsp_event = 1;
	g_grants(g);
	g_disk_connect(g, port);
	for (i = 0; i < n; i++) {
		struct blkif_request *q = &ring->ring[i].req;

		q->operation = BLKIF_OP_READ;
		q->nr_segments = 1;
		q->id = i;
		q->seg[0] = (struct blkif_request_segment){ DATA_REF, 0, 7 };
	}
	__atomic_store_n(&ring->req_prod, n, __ATOMIC_SEQ_CST);
	g_send(g, port);
}

void g_disk_wait(struct fake_vcpu *g, unsigned int n)
{
	struct blkif_sring *ring = g_mem(RING_GPA);
	unsigned int i;

	while (__atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE) != n)
		usleep(100);
	for (i = 0; i < n; i++)
		CHECK_EQ(ring->ring[i].rsp.status, BLKIF_RSP_OKAY);
}
