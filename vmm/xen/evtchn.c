// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the port table, under e->lock, which is a leaf: with it held only
 * ioctls are made.  Delivery is the kernel's, and so is the way of the guest's
 * sends wherever it takes the route; what it leaves comes to evtchn_send().
 *
 * The limit of ports follows the word size of shared_info, which the kernel
 * latches and the guest may change: it is asked for at each allocation, and
 * every bit written by hand is checked against it.
 */
#include "evtchn.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../vm_priv.h"
#include "abi.h"
#include "kernel.h"

#define EVTCHN_MAX_WIDE		4096u
#define EVTCHN_MAX_NARROW	1024u

struct evtchn_port {
	uint8_t state;			/* EVTCHNSTAT_* */
	uint8_t routed;			/* the kernel has it */
	uint16_t vcpu;			/* whom it notifies */
	union {
		uint16_t remote;	/* unbound: domain waited for */
		uint32_t peer;		/* interdomain, b NULL: port of ours */
		uint32_t virq;
	} u;
	struct evtchn_backend *b;	/* interdomain with dom0 */
};

struct evtchn {
	struct vm *vm;
	pthread_mutex_t lock;
	unsigned int nr_vcpus;
	bool live;
	void *shared;
	uint16_t (*virqs)[NR_VIRQS];	/* [vcpu][virq] to port, 0: none */
	struct evtchn_port ports[EVTCHN_MAX_WIDE];
};

int evtchn_create(struct evtchn **out, struct vm *vm, unsigned int nr_vcpus,
		  void *shared)
{
	struct evtchn *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->virqs = calloc(nr_vcpus, sizeof(*e->virqs));
	if (!e->virqs) {
		free(e);
		return -ENOMEM;
	}
	e->vm = vm;
	e->nr_vcpus = nr_vcpus;
	e->shared = shared;
	pthread_mutex_init(&e->lock, NULL);
	*out = e;
	return 0;
}

void evtchn_destroy(struct evtchn *e)
{
	if (!e)
		return;
	pthread_mutex_destroy(&e->lock);
	free(e->virqs);
	free(e);
}

/* The bitmaps in shared_info */

struct evtchn_bits {
	bool wide;
	void *pending, *mask, *info;	/* info: vcpu_info[0] */
	size_t info_size, sel_offset;
	uint32_t limit, bits;		/* ports; ports in a selector's bit */
};

static struct evtchn_bits evtchn_bits(struct evtchn *e)
{
	if (kernel_is_wide(e->vm)) {
		struct shared_info_x86_64 *s = e->shared;

		return (struct evtchn_bits) {
			.wide = true,
			.pending = s->evtchn_pending, .mask = s->evtchn_mask,
			.info = s->vcpu_info,
			.info_size = sizeof(s->vcpu_info[0]),
			.sel_offset = offsetof(struct vcpu_info_x86_64,
					       evtchn_pending_sel),
			.limit = EVTCHN_MAX_WIDE, .bits = 64,
		};
	} else {
		struct shared_info_x86_32 *s = e->shared;

		return (struct evtchn_bits) {
			.pending = s->evtchn_pending, .mask = s->evtchn_mask,
			.info = s->vcpu_info,
			.info_size = sizeof(s->vcpu_info[0]),
			.sel_offset = offsetof(struct vcpu_info_x86_32,
					       evtchn_pending_sel),
			.limit = EVTCHN_MAX_NARROW, .bits = 32,
		};
	}
}

/* Bytes are the same in both layouts, and atomic against the guest's words. */
static bool evtchn_bit_set(void *map, uint32_t bit)
{
	uint8_t m = 1u << (bit % 8);

	return __atomic_fetch_or((uint8_t *)map + bit / 8, m,
				 __ATOMIC_SEQ_CST) & m;
}

static bool evtchn_bit_clear(void *map, uint32_t bit)
{
	uint8_t m = 1u << (bit % 8);

	return __atomic_fetch_and((uint8_t *)map + bit / 8, (uint8_t)~m,
				  __ATOMIC_SEQ_CST) & m;
}

static bool evtchn_bit_test(const void *map, uint32_t bit)
{
	return __atomic_load_n((const uint8_t *)map + bit / 8,
			       __ATOMIC_SEQ_CST) >> (bit % 8) & 1;
}

/* Note an event in the page while the guest does not have it mapped. */
static void evtchn_note(struct evtchn *e, uint32_t port, unsigned int vcpu)
{
	struct evtchn_bits b = evtchn_bits(e);
	uint8_t *info;

	if (port >= b.limit || evtchn_bit_set(b.pending, port) ||
	    evtchn_bit_test(b.mask, port) || vcpu >= XEN_LEGACY_MAX_VCPUS)
		return;
	info = (uint8_t *)b.info + vcpu * b.info_size;
	evtchn_bit_set(info + b.sel_offset, port / b.bits);
	__atomic_store_n(info, 1, __ATOMIC_SEQ_CST); /* evtchn_upcall_pending */
}

static void evtchn_deliver(struct evtchn *e, uint32_t port, unsigned int vcpu)
{
	if (!e->live)
		evtchn_note(e, port, vcpu);
	else
		kernel_evtchn_send(e->vm, port, vcpu);
}

void evtchn_set_live(struct evtchn *e, bool live)
{
	pthread_mutex_lock(&e->lock);
	e->live = live;
	pthread_mutex_unlock(&e->lock);
}

/* The table; all under e->lock */

static struct evtchn_port *evtchn_port(struct evtchn *e, uint32_t port)
{
	if (!port || port >= EVTCHN_MAX_WIDE ||
	    e->ports[port].state == EVTCHNSTAT_closed)
		return NULL;
	return &e->ports[port];
}

static int evtchn_alloc(struct evtchn *e)
{
	uint32_t limit = kernel_is_wide(e->vm) ? EVTCHN_MAX_WIDE :
						 EVTCHN_MAX_NARROW;
	uint32_t port;

	for (port = 1; port < limit; port++)
		if (e->ports[port].state == EVTCHNSTAT_closed)
			return port;
	return -ENOSPC;
}

static void evtchn_unroute(struct evtchn *e, uint32_t port)
{
	if (e->ports[port].routed)
		kernel_unroute(e->vm, port);
	e->ports[port].routed = 0;
}

/* Back to closed; what it was bound to is the caller's. */
static void evtchn_free(struct evtchn *e, uint32_t port)
{
	struct evtchn_bits b = evtchn_bits(e);

	evtchn_unroute(e, port);
	memset(&e->ports[port], 0, sizeof(e->ports[port]));
	if (port < b.limit)
		evtchn_bit_clear(b.pending, port);
}

static int evtchn_make_unbound(struct evtchn *e, uint16_t remote)
{
	int port = evtchn_alloc(e);

	if (port < 0)
		return port;
	e->ports[port] = (struct evtchn_port) {
		.state = EVTCHNSTAT_unbound, .u.remote = remote,
	};
	return port;
}

int evtchn_reserve(struct evtchn *e)
{
	int port;

	pthread_mutex_lock(&e->lock);
	port = evtchn_make_unbound(e, XEN_ABI_DOM0);
	pthread_mutex_unlock(&e->lock);
	return port;
}

/* Back ends */

static void evtchn_backend_ready(struct event_fd *w, uint32_t revents)
{
	struct evtchn_backend *b = w->arg;
	uint64_t n;

	if (read(w->fd, &n, sizeof(n)) == sizeof(n))
		b->fn(b);
}

int evtchn_bind_backend(struct evtchn *e, uint32_t port,
			struct evtchn_backend *b)
{
	struct evtchn_port *p;
	int fd, err;

	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	b->vm = e->vm;
	b->watch = (struct event_fd) {
		.fd = fd, .mask = POLLIN, .fn = evtchn_backend_ready, .arg = b,
	};
	err = event_fd_add(e->vm->loop, &b->watch);
	if (err)
		goto err_close;

	pthread_mutex_lock(&e->lock);
	p = evtchn_port(e, port);
	if (!p || p->state != EVTCHNSTAT_unbound ||
	    p->u.remote != XEN_ABI_DOM0) {
		pthread_mutex_unlock(&e->lock);
		err = -EINVAL;
		goto err_watch;
	}
	p->state = EVTCHNSTAT_interdomain;
	p->b = b;
	b->port = port;
	/* Refused, the guest's sends come as hypercalls: evtchn_send(). */
	p->routed = !kernel_route_fd(e->vm, port, fd);
	pthread_mutex_unlock(&e->lock);
	return 0;

err_watch:
	event_fd_del(&b->watch);
err_close:
	close(fd);
	return err;
}

void evtchn_unbind_backend(struct evtchn *e, struct evtchn_backend *b)
{
	if (!b->watch.active)
		return;
	pthread_mutex_lock(&e->lock);
	if (b->port) {
		struct evtchn_port *p = &e->ports[b->port];

		evtchn_unroute(e, b->port);
		p->state = EVTCHNSTAT_unbound;
		p->u.remote = XEN_ABI_DOM0;
		p->b = NULL;
		b->port = 0;
	}
	pthread_mutex_unlock(&e->lock);
	event_fd_del(&b->watch);
	close(b->watch.fd);
}

void evtchn_backend_again(struct evtchn_backend *b)
{
	const uint64_t one = 1;

	/* Fails only when a wake-up is pending anyway. */
	if (write(b->watch.fd, &one, sizeof(one)) < 0)
		return;
}

void evtchn_notify(struct evtchn *e, struct evtchn_backend *b)
{
	pthread_mutex_lock(&e->lock);
	if (b->port)
		evtchn_deliver(e, b->port, e->ports[b->port].vcpu);
	pthread_mutex_unlock(&e->lock);
}

void evtchn_send_virq(struct evtchn *e, unsigned int vcpu, uint32_t virq)
{
	uint32_t port;

	pthread_mutex_lock(&e->lock);
	port = e->virqs[vcpu][virq];
	if (port)
		evtchn_deliver(e, port, vcpu);
	pthread_mutex_unlock(&e->lock);
}

/* The guest's operations */

int evtchn_alloc_unbound(struct evtchn *e, uint16_t remote, uint32_t *port)
{
	int ret;

	pthread_mutex_lock(&e->lock);
	ret = evtchn_make_unbound(e, remote);
	pthread_mutex_unlock(&e->lock);
	if (ret < 0)
		return ret;
	*port = ret;
	return 0;
}

/* Both ends are the guest's own: the only other domain has no free ports. */
int evtchn_bind_interdomain(struct evtchn *e, uint32_t remote_port,
			    uint32_t *port)
{
	struct evtchn_port *p;
	int ret;

	pthread_mutex_lock(&e->lock);
	p = evtchn_port(e, remote_port);
	if (!p || p->state != EVTCHNSTAT_unbound ||
	    p->u.remote != e->vm->domid) {
		ret = -EINVAL;
		goto out;
	}
	ret = evtchn_alloc(e);
	if (ret < 0)
		goto out;
	*port = ret;
	e->ports[ret] = (struct evtchn_port) {
		.state = EVTCHNSTAT_interdomain, .u.peer = remote_port,
	};
	p->state = EVTCHNSTAT_interdomain;
	p->u.peer = ret;
	e->ports[ret].routed = !kernel_route_port(e->vm, ret, false,
						  remote_port, p->vcpu);
	p->routed = !kernel_route_port(e->vm, remote_port, false, ret, 0);
	/* Sends may have been lost until now: let both look. */
	evtchn_deliver(e, ret, 0);
	ret = 0;
out:
	pthread_mutex_unlock(&e->lock);
	return ret;
}

/* Those of one vCPU each; the others are the domain's. */
static bool evtchn_virq_is_local(uint32_t virq)
{
	return virq == VIRQ_TIMER || virq == VIRQ_DEBUG ||
	       virq == VIRQ_XENOPROF || virq == VIRQ_XENPMU;
}

int evtchn_bind_virq(struct evtchn *e, uint32_t virq, uint32_t vcpu,
		     uint32_t *port)
{
	int ret;

	if (virq >= NR_VIRQS || (!evtchn_virq_is_local(virq) && vcpu))
		return -EINVAL;
	if (vcpu >= e->nr_vcpus)
		return -ENOENT;
	pthread_mutex_lock(&e->lock);
	if (e->virqs[vcpu][virq]) {
		ret = -EEXIST;
		goto out;
	}
	ret = evtchn_alloc(e);
	if (ret < 0)
		goto out;
	e->ports[ret] = (struct evtchn_port) {
		.state = EVTCHNSTAT_virq, .vcpu = vcpu, .u.virq = virq,
	};
	e->virqs[vcpu][virq] = ret;
	*port = ret;
	ret = 0;
out:
	pthread_mutex_unlock(&e->lock);
	return ret;
}

int evtchn_bind_ipi(struct evtchn *e, uint32_t vcpu, uint32_t *port)
{
	int ret;

	if (vcpu >= e->nr_vcpus)
		return -ENOENT;
	pthread_mutex_lock(&e->lock);
	ret = evtchn_alloc(e);
	if (ret >= 0) {
		e->ports[ret] = (struct evtchn_port) {
			.state = EVTCHNSTAT_ipi, .vcpu = vcpu,
			.routed = !kernel_route_port(e->vm, ret, true, ret,
						     vcpu),
		};
		*port = ret;
		ret = 0;
	}
	pthread_mutex_unlock(&e->lock);
	return ret;
}

int evtchn_bind_vcpu(struct evtchn *e, uint32_t port, uint32_t vcpu)
{
	struct evtchn_port *p, *peer;
	int ret = 0;

	if (vcpu >= e->nr_vcpus)
		return -ENOENT;
	pthread_mutex_lock(&e->lock);
	p = evtchn_port(e, port);
	if (!p || p->state == EVTCHNSTAT_ipi ||
	    (p->state == EVTCHNSTAT_virq && evtchn_virq_is_local(p->u.virq))) {
		ret = -EINVAL;
		goto out;
	}
	p->vcpu = vcpu;
	if (p->state == EVTCHNSTAT_interdomain && !p->b) {
		/* What the other end sends goes to the new vCPU. */
		peer = &e->ports[p->u.peer];
		if (peer->routed)
			kernel_route_update(e->vm, p->u.peer, false, port,
					    vcpu);
	}
out:
	pthread_mutex_unlock(&e->lock);
	return ret;
}

int evtchn_close(struct evtchn *e, uint32_t port, int *timer_vcpu)
{
	struct evtchn_port *p, *peer;
	int ret = 0;

	*timer_vcpu = -1;
	pthread_mutex_lock(&e->lock);
	p = evtchn_port(e, port);
	if (!p) {
		ret = -EINVAL;
		goto out;
	}
	if (p->state == EVTCHNSTAT_virq) {
		/* A global one may have moved; it is listed under vCPU 0. */
		unsigned int home = evtchn_virq_is_local(p->u.virq) ?
				    p->vcpu : 0;

		e->virqs[home][p->u.virq] = 0;
		if (p->u.virq == VIRQ_TIMER)
			*timer_vcpu = home;
	} else if (p->state == EVTCHNSTAT_interdomain && p->b) {
		p->b->port = 0;
	} else if (p->state == EVTCHNSTAT_interdomain) {
		peer = &e->ports[p->u.peer];
		evtchn_unroute(e, p->u.peer);
		peer->state = EVTCHNSTAT_unbound;
		peer->u.remote = e->vm->domid;
	}
	evtchn_free(e, port);
out:
	pthread_mutex_unlock(&e->lock);
	return ret;
}

int evtchn_send(struct evtchn *e, uint32_t port)
{
	const uint64_t one = 1;
	struct evtchn_port *p;
	int ret = 0;

	pthread_mutex_lock(&e->lock);
	p = evtchn_port(e, port);
	if (!p) {
		ret = -EINVAL;
	} else if (p->state == EVTCHNSTAT_ipi) {
		evtchn_deliver(e, port, p->vcpu);
	} else if (p->state == EVTCHNSTAT_interdomain && p->b) {
		/* Full only if the loop has not run for 2^64 sends. */
		if (write(p->b->watch.fd, &one, sizeof(one)) < 0)
			ret = -EAGAIN;
	} else if (p->state == EVTCHNSTAT_interdomain) {
		evtchn_deliver(e, p->u.peer, e->ports[p->u.peer].vcpu);
	} else if (p->state != EVTCHNSTAT_unbound) {
		ret = -EINVAL;
	}
	pthread_mutex_unlock(&e->lock);
	return ret;
}

int evtchn_status(struct evtchn *e, uint32_t port, struct evtchn_status *st)
{
	struct evtchn_port *p;

	if (port >= EVTCHN_MAX_WIDE)
		return -EINVAL;
	pthread_mutex_lock(&e->lock);
	p = &e->ports[port];
	st->status = p->state;
	st->vcpu = p->vcpu;
	memset(&st->u, 0, sizeof(st->u));
	switch (p->state) {
	case EVTCHNSTAT_unbound:
		st->u.unbound.dom = p->u.remote;
		break;
	case EVTCHNSTAT_interdomain:
		st->u.interdomain.dom = p->b ? XEN_ABI_DOM0 : e->vm->domid;
		/* dom0's port numbers exist for nobody: its end is the same */
		st->u.interdomain.port = p->b ? port : p->u.peer;
		break;
	case EVTCHNSTAT_virq:
		st->u.virq = p->u.virq;
		break;
	}
	pthread_mutex_unlock(&e->lock);
	return 0;
}

int evtchn_unmask(struct evtchn *e, uint32_t port)
{
	struct evtchn_bits b;
	struct evtchn_port *p;
	int ret = 0;

	pthread_mutex_lock(&e->lock);
	p = evtchn_port(e, port);
	b = evtchn_bits(e);
	if (!p || port >= b.limit) {
		ret = -EINVAL;
		goto out;
	}
	/* An event that waited behind the mask is delivered anew. */
	if (evtchn_bit_clear(b.mask, port) && evtchn_bit_clear(b.pending, port))
		evtchn_deliver(e, port, p->vcpu);
out:
	pthread_mutex_unlock(&e->lock);
	return ret;
}

void evtchn_reset(struct evtchn *e)
{
	struct evtchn_bits b;
	uint32_t port;

	pthread_mutex_lock(&e->lock);
	kernel_route_reset(e->vm);
	b = evtchn_bits(e);
	for (port = 1; port < EVTCHN_MAX_WIDE; port++) {
		struct evtchn_port *p = &e->ports[port];

		if (p->state == EVTCHNSTAT_closed)
			continue;
		if (p->b)
			p->b->port = 0;
		if (port < b.limit)
			evtchn_bit_clear(b.pending, port);
		memset(p, 0, sizeof(*p));
	}
	memset(e->virqs, 0, e->nr_vcpus * sizeof(*e->virqs));
	pthread_mutex_unlock(&e->lock);
}
