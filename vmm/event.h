/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop of the VMM: one thread (the main thread) on which everything
 * but the vCPUs runs, over one io_uring.
 *
 * All callbacks run on the loop's thread, never from within event_*() calls.
 * vCPU threads reach the loop only through event_work_post(), which cannot
 * fail and whose queue is never longer than there are objects with work.
 */
#ifndef XKVM_EVENT_H
#define XKVM_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/uio.h>

struct event_loop;

int event_loop_create(struct event_loop **out);	/* 0 or -errno */
void event_loop_destroy(struct event_loop *l);

/*
 * event_loop_run_until() - run callbacks until @cond(@arg) holds, which is asked
 * before each wait.  Whoever waits says for what, so that no wait can end for
 * the reason of another.  What makes @cond true happens in a callback, or on
 * another thread that then posts work.  0, or -errno of the wait.
 */
int event_loop_run_until(struct event_loop *l, bool (*cond)(void *arg),
			 void *arg);

/*
 * For programs that wait for one thing only, as tests do: run until a callback
 * calls event_loop_stop().
 */
int event_loop_run(struct event_loop *l);
void event_loop_stop(struct event_loop *l);

/*
 * Watch @fd for @mask (POLLIN, POLLOUT); @fn is called with the events seen,
 * again and again (level-triggered), until event_fd_del().  The caller keeps
 * ownership of @fd and of *@w, which must stay valid until event_fd_del().
 */
struct event_fd {
	int fd;
	uint32_t mask;
	void (*fn)(struct event_fd *w, uint32_t revents);
	void *arg;
	/* private to event.c */
	struct event_loop *loop;
	bool active, armed;
	void *op;
};

int event_fd_add(struct event_loop *l, struct event_fd *w);
int event_fd_mod(struct event_fd *w, uint32_t mask);
void event_fd_del(struct event_fd *w);

/*
 * Asynchronous I/O on a file at a byte offset, straight from or to the
 * vectors.  @done is called on the loop with the byte count or -errno.  *@io
 * and the vectors stay with the caller and valid until then.
 */
enum event_io_op { EVENT_READV, EVENT_WRITEV, EVENT_FSYNC, EVENT_DISCARD };

struct event_io {
	enum event_io_op op;
	int fd;
	uint64_t offset;
	uint64_t len;		/* EVENT_DISCARD */
	const struct iovec *iov;
	unsigned int nr_iov;
	bool fua;		/* EVENT_WRITEV: RWF_DSYNC */
	void (*done)(struct event_io *io, int64_t res);
	void *arg;
};

int event_io_submit(struct event_loop *l, struct event_io *io);

/*
 * Work for the loop.  event_work_post() has w->fn called on the loop soon, from
 * any thread; while that is due, posting again changes nothing.  It may be
 * posted again from the moment its call begins.  What was written before a post
 * is visible to the call.  *@w is the caller's, all zero but fn and arg at
 * first, and valid until it has run or was cancelled.  The loop looks at
 * descriptors and timers between any EVENT_BATCH calls.
 *
 * event_work_cancel() - the call is not made any more.  On the loop's thread,
 * once no other thread can post.
 */
struct event_work {
	void (*fn)(struct event_work *w);
	void *arg;
	/* private to event.c */
	struct event_loop *loop;
	struct event_work *next, **pprev;
	bool queued;		/* under the loop's work_lock */
	_Atomic bool pending;
};

#define EVENT_BATCH	64

void event_work_post(struct event_loop *l, struct event_work *w);
void event_work_cancel(struct event_work *w);

/*
 * Call @fn(@arg) on the loop soon; safe from any thread.  0 or -errno.  Each
 * call takes memory: nothing for what a guest can repeat.
 */
int event_post(struct event_loop *l, void (*fn)(void *arg), void *arg);

/* One-shot timer: call w->fn once @ns from now; re-arming replaces. */
struct event_timer {
	void (*fn)(struct event_timer *t);
	void *arg;
	/* private to event.c */
	struct event_loop *loop;
	struct event_timer *next;
	uint64_t due;		/* CLOCK_MONOTONIC, ns; 0: not armed */
};

void event_timer_set(struct event_loop *l, struct event_timer *t, uint64_t ns);
void event_timer_cancel(struct event_timer *t);

#endif
