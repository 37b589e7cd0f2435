// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the loop itself: its timers, the work posted from other threads, and
 * the life of watches.  Everything belongs to the loop's thread but the list
 * of work, which is under work_lock.  How to wait is the back ends'.
 */
#include "event_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

/* A call that event_post() made room for. */
struct event_post {
	struct event_work work;
	void (*fn)(void *arg);
	void *arg;
};

static uint64_t event_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/*
 * Off the list, free to be posted again; under work_lock.  The exchange pairs
 * with that of a post which found the flag set: its caller's writes are seen.
 */
static void event_work_unlink(struct event_loop *l, struct event_work *w)
{
	w->queued = false;
	atomic_exchange(&w->pending, false);
	*w->pprev = w->next;
	if (w->next)
		w->next->pprev = w->pprev;
	else
		l->work_tail = w->pprev;
	l->nr_work--;
}

/* The oldest work, or NULL. */
static struct event_work *event_work_take(struct event_loop *l)
{
	struct event_work *w;

	pthread_mutex_lock(&l->work_lock);
	w = l->work;
	if (w)
		event_work_unlink(l, w);
	pthread_mutex_unlock(&l->work_lock);
	return w;
}

/* What is there now, but no more than a batch: the rest waits its turn. */
static void event_run_work(struct event_loop *l)
{
	struct event_work *w;
	unsigned int n;

	pthread_mutex_lock(&l->work_lock);
	n = l->nr_work < EVENT_BATCH ? l->nr_work : EVENT_BATCH;
	l->woken = false;
	pthread_mutex_unlock(&l->work_lock);
	for (; n && (w = event_work_take(l)); n--)
		w->fn(w);
	pthread_mutex_lock(&l->work_lock);
	l->more_work = l->work;
	pthread_mutex_unlock(&l->work_lock);
}

static void event_woken(struct event_fd *w, uint32_t revents)
{
	struct event_loop *l = w->arg;
	uint64_t n;

	if (read(l->wake, &n, sizeof(n)) < 0 && errno != EAGAIN)
		log_line(LOG_WARNING, "event loop: eventfd: error %d", errno);
	event_run_work(l);
}

int event_loop_create(struct event_loop **out)
{
	struct event_loop *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	pthread_mutex_init(&l->work_lock, NULL);
	l->work_tail = &l->work;
	l->thread = pthread_self();
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake < 0) {
		err = -errno;
		goto err_free;
	}
	l->be = &event_uring;
	err = l->be->init(l);
	if (err == -EPERM || err == -ENOSYS || err == -ENOMEM) {
		l->be = &event_poll;
		err = l->be->init(l);
	}
	if (err)
		goto err_wake;
	l->wake_watch = (struct event_fd){
		.fd = l->wake, .mask = POLLIN,
		.fn = event_woken, .arg = l,
	};
	err = event_fd_add(l, &l->wake_watch);
	if (err)
		goto err_backend;
	*out = l;
	return 0;

err_backend:
	l->be->exit(l);
err_wake:
	close(l->wake);
err_free:
	free(l);
	return err;
}

static void event_post_run(struct event_work *w)
{
	struct event_post *p = w->arg;

	p->fn(p->arg);
	free(p);
}

void event_loop_destroy(struct event_loop *l)
{
	struct event_work *w;

	if (!l)
		return;
	event_fd_del(&l->wake_watch);
	l->be->exit(l);
	close(l->wake);
	while ((w = event_work_take(l)))
		if (w->fn == event_post_run)
			free(w->arg);
	pthread_mutex_destroy(&l->work_lock);
	free(l);
}

static int64_t event_run_timers(struct event_loop *l)
{
	struct event_timer *t;
	uint64_t now;

	if (!l->timers)
		return -1;
	now = event_now();
	while ((t = l->timers) && t->due <= now) {
		l->timers = t->next;
		t->due = 0;
		t->fn(t);
	}
	if (!t)
		return -1;
	return t->due - now;
}

int event_loop_run_until(struct event_loop *l, bool (*cond)(void *arg),
			 void *arg)
{
	while (!cond(arg)) {
		int64_t ns;
		int err;

		if (l->more_work)
			event_run_work(l);
		ns = event_run_timers(l);
		/* Both may have made it true, and nothing else need come. */
		if (cond(arg))
			break;
		if (l->more_work)
			ns = 0;
		err = l->be->wait(l, ns);
		if (err && err != -EINTR)
			return err;
	}
	return 0;
}

static bool event_stopped(void *arg)
{
	struct event_loop *l = arg;

	return l->stop;
}

int event_loop_run(struct event_loop *l)
{
	l->stop = false;
	return event_loop_run_until(l, event_stopped, l);
}

void event_loop_stop(struct event_loop *l)
{
	l->stop = true;
}

void event_fd_ready(struct event_fd *w, uint32_t revents)
{
	w->armed = false;
	w->fn(w, revents);
}

int event_fd_add(struct event_loop *l, struct event_fd *w)
{
	w->loop = l;
	w->active = true;
	w->armed = false;
	w->op = NULL;
	return w->mask ? l->be->fd_arm(w) : 0;
}

int event_fd_mod(struct event_fd *w, uint32_t mask)
{
	if (w->mask == mask)
		return 0;
	w->mask = mask;
	if (w->op)
		w->loop->be->fd_disarm(w);
	return mask ? w->loop->be->fd_arm(w) : 0;
}

void event_fd_del(struct event_fd *w)
{
	if (!w->active)
		return;
	w->active = false;
	if (w->op)
		w->loop->be->fd_disarm(w);
}

int event_io_submit(struct event_loop *l, struct event_io *io)
{
	return l->be->io_submit(l, io);
}

void event_work_post(struct event_loop *l, struct event_work *w)
{
	const uint64_t one = 1;
	bool wake = false;

	if (atomic_exchange(&w->pending, true))
		return;
	pthread_mutex_lock(&l->work_lock);
	w->loop = l;
	w->queued = true;
	w->next = NULL;
	w->pprev = l->work_tail;
	*l->work_tail = w;
	l->work_tail = &w->next;
	l->nr_work++;
	/* The loop itself looks before it waits. */
	if (pthread_equal(pthread_self(), l->thread)) {
		l->more_work = true;
	} else {
		wake = !l->woken;
		l->woken = true;
	}
	pthread_mutex_unlock(&l->work_lock);
	/* The counter cannot overflow: one write for each time it is read. */
	if (wake && write(l->wake, &one, sizeof(one)) < 0)
		log_line(LOG_ERROR, "event loop: cannot be woken: error %d",
			 errno);
}

void event_work_cancel(struct event_work *w)
{
	struct event_loop *l = w->loop;

	if (!l)
		return;
	pthread_mutex_lock(&l->work_lock);
	if (w->queued)
		event_work_unlink(l, w);
	pthread_mutex_unlock(&l->work_lock);
}

int event_post(struct event_loop *l, void (*fn)(void *arg), void *arg)
{
	struct event_post *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->fn = fn;
	p->arg = arg;
	p->work.fn = event_post_run;
	p->work.arg = p;
	event_work_post(l, &p->work);
	return 0;
}

void event_timer_cancel(struct event_timer *t)
{
	struct event_timer **pp;

	if (!t->due)
		return;
	for (pp = &t->loop->timers; *pp != t; pp = &(*pp)->next)
		;
	*pp = t->next;
	t->due = 0;
}

void event_timer_set(struct event_loop *l, struct event_timer *t, uint64_t ns)
{
	struct event_timer **pp;
	uint64_t now = event_now();

	event_timer_cancel(t);
	t->loop = l;
	t->due = ns > UINT64_MAX / 2 ? UINT64_MAX / 2 + now : now + ns;
	for (pp = &l->timers; *pp && (*pp)->due <= t->due; pp = &(*pp)->next)
		;
	t->next = *pp;
	*pp = t;
}
