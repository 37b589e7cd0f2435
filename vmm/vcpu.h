/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtual CPU: its thread, its run loop, and calls from one vCPU to another.
 */
#ifndef XKVM_VCPU_H
#define XKVM_VCPU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "event.h"

struct kvm_run;
struct vm;

struct vcpu_call;

struct vcpu {
	struct vm *vm;
	unsigned int id;		/* vCPU id of Xen and KVM, and APIC id */
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	_Atomic bool ended;		/* the thread only has to return */
	_Atomic uint64_t cpu_ns;	/* it has used, once it has ended */

	/* vm->call_lock */
	struct vcpu_call *calls, **calls_tail;
	bool gone;			/* serves no calls any more */
	bool down;			/* VCPUOP_down */

	/* Set and read on the vCPU's own thread */
	bool initialised;		/* VCPUOP_initialise */
	bool info_placed;		/* VCPUOP_register_vcpu_info */
	uint32_t timer_port;		/* of VIRQ_TIMER */
	uint64_t timer_expires;		/* asked for with no port bound; 0: none */
	unsigned int false_starts;	/* returns of KVM_RUN before it is up */
	uint64_t gva_page, gva_gpa;	/* last translation, this exit only */

	_Atomic uint64_t period_asked;	/* the last VCPUOP_set_periodic_timer */

	struct event_work periodic_work;	/* that has changed */

	/* The loop's thread */
	struct event_timer periodic;
	uint64_t period_ns;
};

/* Make the vCPU and its thread's share of it; 0 or -errno. */
int vcpu_create(struct vm *vm, struct vcpu *v, unsigned int id);
void vcpu_destroy(struct vcpu *v);

/*
 * vcpu_reset() - the VMM's share of it as after vcpu_create(), its thread being
 * joined; the kernel's stays as it is.  On the loop's thread.
 */
void vcpu_reset(struct vcpu *v);

/*
 * Start the thread; 0 or -errno.  The caller holds call_lock until all vCPUs
 * are started: none enters the guest before it can be kicked.
 */
int vcpu_start(struct vcpu *v);
/* Wait for the end of the thread; at once when v->ended. */
void vcpu_join(struct vcpu *v);

/* Get the vCPU out of the guest, to look at vm->stopping and its calls. */
void vcpu_kick(struct vcpu *v);

/*
 * vcpu_call() - run @fn on @v's thread, out of the guest, and wait for it.
 * @self is the calling vCPU, which serves calls to itself meanwhile.  No lock
 * may be held.  Returns @fn's result, or -ESHUTDOWN when the guest is ending.
 */
int vcpu_call(struct vcpu *self, struct vcpu *v,
	      int (*fn)(struct vcpu *v, void *arg), void *arg);

/*
 * vcpu_ask() - the same from the loop, which must not wait for what a guest has
 * a vCPU do: -ETIMEDOUT if @fn has not begun within @ns.
 */
int vcpu_ask(struct vcpu *v, int (*fn)(struct vcpu *v, void *arg), void *arg,
	     uint64_t ns);

/* CPU time the thread has used, ns; 0 if it does not run. */
uint64_t vcpu_cpu_ns(const struct vcpu *v);

/* Once per process: the signal behind vcpu_kick(). */
int vcpu_init_signals(void);

#endif
