/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's event channels, two-level: which port is bound to what.  The
 * kernel delivers; this is the bookkeeping, with the rules and errors of
 * <xen/event_channel.h>.  All functions may be called from any thread unless
 * said otherwise, and return 0 or -errno.
 */
#ifndef XKVM_XEN_EVTCHN_H
#define XKVM_XEN_EVTCHN_H

#include <stdbool.h>
#include <stdint.h>

#include "../event.h"

struct evtchn;
struct evtchn_status;
struct vm;

/* A back end's end of a channel; filled in by the back end, which owns it. */
struct evtchn_backend {
	void (*fn)(struct evtchn_backend *b);	/* the guest signalled; loop */
	void *arg;
	/* private to evtchn.c */
	struct vm *vm;
	struct event_fd watch;			/* an eventfd */
	uint32_t port;				/* 0: not bound; table's lock */
};

/* @shared is the page of shared_info, whether the guest has mapped it or not. */
int evtchn_create(struct evtchn **out, struct vm *vm, unsigned int nr_vcpus,
		  void *shared);
void evtchn_destroy(struct evtchn *e);

/*
 * The guest has shared_info in its memory (the kernel has been told), or not:
 * until then events are noted in the page by hand.
 */
void evtchn_set_live(struct evtchn *e, bool live);

/* A port for dom0's use, before the guest runs: what EVTCHNOP_alloc_unbound
 * with remote dom0 would make.  The port or -ENOSPC.
 */
int evtchn_reserve(struct evtchn *e);

/*
 * evtchn_bind_backend() - connect @b to the guest's port, which waits for
 * dom0.  -EINVAL if it does not.  evtchn_unbind_backend() leaves the port
 * waiting again; the callback is not made any more.  Loop's thread.
 */
int evtchn_bind_backend(struct evtchn *e, uint32_t port,
			struct evtchn_backend *b);
void evtchn_unbind_backend(struct evtchn *e, struct evtchn_backend *b);

/* Have b->fn called again, as if by the guest.  Loop's thread, while bound. */
void evtchn_backend_again(struct evtchn_backend *b);

/* Signal the guest; nothing if it has closed its end. */
void evtchn_notify(struct evtchn *e, struct evtchn_backend *b);

/* Signal a per-vCPU VIRQ, if it is bound. */
void evtchn_send_virq(struct evtchn *e, unsigned int vcpu, uint32_t virq);

/* The guest's operations; @domid arguments are resolved by the caller. */
int evtchn_alloc_unbound(struct evtchn *e, uint16_t remote, uint32_t *port);
int evtchn_bind_interdomain(struct evtchn *e, uint32_t remote_port,
			    uint32_t *port);
int evtchn_bind_virq(struct evtchn *e, uint32_t virq, uint32_t vcpu,
		     uint32_t *port);
int evtchn_bind_ipi(struct evtchn *e, uint32_t vcpu, uint32_t *port);
int evtchn_bind_vcpu(struct evtchn *e, uint32_t port, uint32_t vcpu);
/* Closing VIRQ_TIMER's port tells its vCPU in *@timer_vcpu, -1 otherwise. */
int evtchn_close(struct evtchn *e, uint32_t port, int *timer_vcpu);
int evtchn_send(struct evtchn *e, uint32_t port);
int evtchn_status(struct evtchn *e, uint32_t port, struct evtchn_status *st);
int evtchn_unmask(struct evtchn *e, uint32_t port);
void evtchn_reset(struct evtchn *e);

#endif
