/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running one guest: what the command (cli/create.c) asks of the VMM proper.
 */
#ifndef XKVM_VM_H
#define XKVM_VM_H

#include <stdbool.h>

#include "config.h"

struct vm_run_opts {
	/*
	 * A console client that is there from the start (create -c): a
	 * connected stream socket for control_console_adopt(), so that not a
	 * byte of output is missed, however short the guest's life.  Taken
	 * over; else -1.
	 */
	int console_fd;

	/*
	 * Write end of the pipe on which the caller waits.  vm_run() writes
	 * exactly one line, ended by '\n', and closes it: "ready" once the
	 * vCPUs run, the control socket answers and privileges are dropped;
	 * else the error: what failed and the remedy, without a "xkvm: " in
	 * front.  SIGPIPE is ignored; a failing write is not an error.
	 */
	int ready_fd;

	/*
	 * The guest's lock, an open file description with flock(LOCK_EX),
	 * owned by the caller.  It must stay open as long as the process
	 * lives: the name is free again once it is closed.  Dropping
	 * privileges or closing stray descriptors must spare it.
	 */
	int lock_fd;

	/*
	 * The guest's run directory, absolute, no trailing slash: the sockets
	 * of control.h are bound in it, before privileges are dropped.
	 */
	const char *control_path;

	unsigned int domid;	/* 1 .. 32751, unique among running guests */
};

enum vm_run_result {
	VM_RUN_ENDED = 0,	/* powered off, rebooted into destroy, destroyed */
	VM_RUN_CRASHED = 1,	/* crash, watchdog, triple fault, VMM failure */
};

/*
 * vm_run() - start the guest of @cfg and run it until it is over.
 *
 * Called in a process of its own (own session, stdin and stdout on /dev/null,
 * stderr on the guest's log, nothing of the caller's terminal, umask 077, cwd "/", no other threads), which exits with the result.  Applies
 * cfg->on_*: a restart happens inside, with the control socket, its console
 * clients, the domid and the lock kept; "preserve" keeps the control socket
 * answering until destroyed.  @cfg and @opts stay with the caller and
 * unchanged until the return.
 *
 * Returns enum vm_run_result, or -errno when the guest could not be started
 * (the line on ready_fd says why).
 */
int vm_run(const struct vm_config *cfg, const struct vm_run_opts *opts);

#endif
