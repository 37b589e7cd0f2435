/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process of one guest: vm.c runs it, vm_make.c makes and unmakes what an
 * incarnation of the guest consists of.
 */
#ifndef XKVM_VM_HOST_H
#define XKVM_VM_HOST_H

#include <stddef.h>

#include "pv/disk.h"
#include "vm_priv.h"

#define VM_ERROR_LINE	512

/* What is made once and outlives incarnations. */
struct vm_host {
	struct vm vm;
	struct boot_files files;
	struct disk *disks;
	size_t nr_disks;
	struct event_fd signals;	/* a signalfd */
	struct event_timer term_timer;
	struct life_pace pace;
	bool looped;			/* it restarted too fast */
	uint64_t started;		/* CLOCK_MONOTONIC, ns */
	bool quiet;			/* no device has I/O under way */
	bool drained;			/* work posted before has run */
	char err[VM_ERROR_LINE];
};

/* Leave "@what: error" in h->err, unless there is a line already; @code. */
int vm_fail(struct vm_host *h, int code, const char *what);

/*
 * vm_make() - everything but running vCPUs, from the files that are open.
 * 0, or -errno with a line in h->err; vm_unmake() is due either way.
 */
int vm_make(struct vm_host *h);

/*
 * Its parts, for a soft reset (vm_reset.c): Xen's state and the devices, made
 * and taken apart.
 */
int vm_make_xen(struct vm_host *h);
int vm_make_devices(struct vm_host *h);
void vm_unmake_devices(struct vm *vm);
void vm_unmake_xen(struct vm *vm);

/*
 * vm_reset() - the soft reset of a guest whose vCPU threads have ended and
 * whose devices are quiet: its memory and the vCPU that asked stay.  0, or
 * -errno with a line in h->err.
 */
int vm_reset(struct vm_host *h);

/* Nobody has stopped the incarnation: before its threads start. */
void vm_unstop(struct vm *vm);

/* Start the vCPU threads; likewise. */
int vm_start(struct vm_host *h);

/*
 * What follows waits on the loop, which goes on serving the control socket.
 * All return 0, or -ETIMEDOUT when a destroy has waited long enough: then
 * vCPUs or I/O still use what there is, and nothing may be freed any more.
 *
 * vm_stop_vcpus() - wait for the vCPU threads, after vm_shutdown().
 * vm_settle() - after that, wait for posts and I/O; no device connects again.
 * vm_unmake() - both, then take apart whatever vm_make() has made.
 */
int vm_stop_vcpus(struct vm *vm);
int vm_settle(struct vm_host *h);
int vm_unmake(struct vm_host *h);

/*
 * vm_verbs.c: the control socket's verbs; SIGTERM, SIGINT and SIGHUP, which
 * ask the guest to power off, and destroy it XKVM_TERM_SECONDS later, or with
 * the second one.  vm_signals_open() comes before any other thread.  0 or
 * -errno.
 */
extern const struct control_ops vm_control_ops;
int vm_signals_open(struct vm_host *h);
void vm_signals_close(struct vm_host *h);

#endif
