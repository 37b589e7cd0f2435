/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between event.c and its two back ends, io_uring (event_uring.c) and poll(2)
 * with a thread for the I/O (event_poll.c).  All of it runs on the loop's
 * thread.
 */
#ifndef XKVM_EVENT_PRIV_H
#define XKVM_EVENT_PRIV_H

#include <pthread.h>

#include "event.h"

struct event_backend {
	/* 0 or -errno; sets l->priv. */
	int (*init)(struct event_loop *l);
	void (*exit)(struct event_loop *l);

	/* Report w->mask once, soon; w->armed is false before, true after. */
	int (*fd_arm)(struct event_fd *w);
	/* Undo it: w is not looked at again. */
	void (*fd_disarm)(struct event_fd *w);

	int (*io_submit)(struct event_loop *l, struct event_io *io);

	/*
	 * Wait at most @ns (-1: for ever) and deliver what there is through
	 * event_fd_ready() and io->done.  0 or -errno.
	 */
	int (*wait)(struct event_loop *l, int64_t ns);
};

struct event_loop {
	const struct event_backend *be;
	void *priv;
	bool stop;
	struct event_timer *timers;	/* by due time */
	pthread_t thread;		/* the one that made it, and runs it */
	bool more_work;			/* look before waiting: its thread's */

	pthread_mutex_t work_lock;	/* of what follows */
	struct event_work *work, **work_tail;
	unsigned int nr_work;
	bool woken;			/* the eventfd has been written */

	int wake;			/* eventfd: there is work */
	struct event_fd wake_watch;
};

extern const struct event_backend event_uring, event_poll;

/* The watch was reported with @revents: call it, and arm it again. */
void event_fd_ready(struct event_fd *w, uint32_t revents);

#endif
