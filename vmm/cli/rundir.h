/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run directory: what there is on disk of running guests.
 *
 *	BASE/			$XKVM_RUN_DIR, else /run/xkvm for root, else
 *				$XDG_RUNTIME_DIR/xkvm
 *	BASE/.lock		flock()ed while any of this changes
 *	BASE/.domid		the number given out last
 *	BASE/.log/NAME		stderr of the guest's process, kept
 *	BASE/NAME/lock		flock()ed as long as the guest lives
 *	BASE/NAME/domid, pid	a number each
 *	BASE/NAME/control.sock, console		see control.h
 *
 * A guest exists exactly while its lock is held: by its process, and gone
 * with it however that ends.  What a dead one left is removed by the next
 * command that comes across it.
 */
#ifndef XKVM_CLI_RUNDIR_H
#define XKVM_CLI_RUNDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define RUNDIR_MAX_PATH	256
#define RUNDIR_MAX_DOMID 32751	/* below Xen's DOMID_FIRST_RESERVED */

struct rundir_guest {
	char name[64];
	char dir[RUNDIR_MAX_PATH];	/* absolute */
	char log[RUNDIR_MAX_PATH];
	unsigned int domid;		/* 0: unknown */
	int lock_fd;			/* rundir_claim(): ours; else -1 */
};

/*
 * rundir_claim() - make @name's directory, with its lock held and a domid.
 * Returns 0; or -errno with one line in @err, -EBUSY if it is running.
 */
int rundir_claim(struct rundir_guest *g, const char *name, char *err,
		 size_t err_len);

/* Write BASE/NAME/pid. */
int rundir_set_pid(const struct rundir_guest *g, pid_t pid);

/*
 * Remove @name's directory if no process holds its lock; quietly nothing
 * otherwise.
 */
void rundir_clean(const char *name);

/*
 * rundir_list() - the running guests, by domid, in *@out (free() it).
 * Returns their number, or -errno with one line in @err.
 */
ssize_t rundir_list(struct rundir_guest **out, char *err, size_t err_len);

/*
 * rundir_find() - the running guest called @name, or numbered so if none is
 * called that.  0; or -errno with one line in @err, -ESRCH if there is none.
 */
int rundir_find(struct rundir_guest *g, const char *name, char *err,
		size_t err_len);

#endif
