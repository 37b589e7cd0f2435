// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The loop where io_uring is forbidden: poll(2), and one thread that does the
 * file I/O.  Owns the list of watches (the loop's thread) and the two queues
 * between the loop and the I/O thread (under io_lock).
 */
#include "event_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* A watch that waits; w->op points here while it does. */
struct poll_op {
	struct poll_op *next;
	struct event_fd *w;		/* NULL: the watch is gone */
};

struct poll_job {
	struct poll_job *next;
	struct event_io *io;
	int64_t res;
};

struct poller {
	struct poll_op *ops;
	unsigned int nr_ops;
	struct pollfd *fds;		/* of the wait under way */
	struct poll_op **at;
	unsigned int nr_alloc;

	pthread_t thread;
	bool thread_runs;
	int done_fd;			/* eventfd: jobs are done */
	pthread_mutex_t io_lock;
	pthread_cond_t io_cond;
	struct poll_job *todo, **todo_tail, *done;
	bool quit;
};

static int poll_init(struct event_loop *l)
{
	struct poller *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->done_fd < 0) {
		free(p);
		return -errno;
	}
	pthread_mutex_init(&p->io_lock, NULL);
	pthread_cond_init(&p->io_cond, NULL);
	p->todo_tail = &p->todo;
	l->priv = p;
	return 0;
}

static void poll_free_jobs(struct poll_job *j)
{
	struct poll_job *next;

	for (; j; j = next) {
		next = j->next;
		free(j);
	}
}

static void poll_exit(struct event_loop *l)
{
	struct poller *p = l->priv;
	struct poll_op *op;

	if (p->thread_runs) {
		pthread_mutex_lock(&p->io_lock);
		p->quit = true;
		pthread_cond_signal(&p->io_cond);
		pthread_mutex_unlock(&p->io_lock);
		pthread_join(p->thread, NULL);
	}
	poll_free_jobs(p->todo);
	poll_free_jobs(p->done);
	while ((op = p->ops)) {
		p->ops = op->next;
		free(op);
	}
	close(p->done_fd);
	free(p->fds);
	free(p->at);
	free(p);
}

static int poll_fd_arm(struct event_fd *w)
{
	struct poller *p = w->loop->priv;
	struct poll_op *op = malloc(sizeof(*op));

	if (!op)
		return -ENOMEM;
	op->w = w;
	op->next = p->ops;
	p->ops = op;
	p->nr_ops++;
	w->op = op;
	w->armed = true;
	return 0;
}

static void poll_fd_disarm(struct event_fd *w)
{
	struct poll_op *op = w->op;

	op->w = NULL;		/* freed by the next wait */
	w->op = NULL;
	w->armed = false;
}

static int64_t poll_do_io(const struct event_io *io)
{
	ssize_t n;

	switch (io->op) {
	case EVENT_READV:
		n = preadv(io->fd, io->iov, io->nr_iov, io->offset);
		break;
	case EVENT_WRITEV:
		n = pwritev2(io->fd, io->iov, io->nr_iov, io->offset,
			     io->fua ? RWF_DSYNC : 0);
		break;
	case EVENT_FSYNC:
		n = fdatasync(io->fd);
		break;
	case EVENT_DISCARD:
		n = fallocate(io->fd, FALLOC_FL_PUNCH_HOLE |
			      FALLOC_FL_KEEP_SIZE, io->offset, io->len);
		break;
	default:
		return -EINVAL;
	}
	return n < 0 ? -errno : n;
}

static void *poll_io_thread(void *arg)
{
	const uint64_t one = 1;
	struct poller *p = arg;
	struct poll_job *j;

	pthread_mutex_lock(&p->io_lock);
	while (!p->quit) {
		j = p->todo;
		if (!j) {
			pthread_cond_wait(&p->io_cond, &p->io_lock);
			continue;
		}
		p->todo = j->next;
		if (!p->todo)
			p->todo_tail = &p->todo;
		pthread_mutex_unlock(&p->io_lock);
		j->res = poll_do_io(j->io);
		pthread_mutex_lock(&p->io_lock);
		j->next = p->done;
		p->done = j;
		if (write(p->done_fd, &one, sizeof(one)) < 0)
			break;
	}
	pthread_mutex_unlock(&p->io_lock);
	return NULL;
}

static int poll_io_submit(struct event_loop *l, struct event_io *io)
{
	struct poller *p = l->priv;
	struct poll_job *j = malloc(sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->next = NULL;
	j->io = io;
	if (!p->thread_runs) {
		int err = pthread_create(&p->thread, NULL, poll_io_thread, p);

		if (err) {
			free(j);
			return -err;
		}
		p->thread_runs = true;
	}
	pthread_mutex_lock(&p->io_lock);
	*p->todo_tail = j;
	p->todo_tail = &j->next;
	pthread_cond_signal(&p->io_cond);
	pthread_mutex_unlock(&p->io_lock);
	return 0;
}

static void poll_finish_jobs(struct poller *p)
{
	struct poll_job *j, *next;
	uint64_t n;

	if (read(p->done_fd, &n, sizeof(n)) < 0)
		return;
	pthread_mutex_lock(&p->io_lock);
	j = p->done;
	p->done = NULL;
	pthread_mutex_unlock(&p->io_lock);
	for (; j; j = next) {
		next = j->next;
		j->io->done(j->io, j->res);
		free(j);
	}
}

/* Drop ended watches and lay out the array for poll(2). */
static int poll_collect(struct poller *p)
{
	struct poll_op **pp = &p->ops, *op;
	unsigned int n = 0;

	if (p->nr_alloc < p->nr_ops + 1) {
		unsigned int want = 2 * p->nr_ops + 16;
		void *fds = realloc(p->fds, want * sizeof(*p->fds));
		void *at;

		if (!fds)
			return -ENOMEM;
		p->fds = fds;
		at = realloc(p->at, want * sizeof(*p->at));
		if (!at)
			return -ENOMEM;
		p->at = at;
		p->nr_alloc = want;
	}
	while ((op = *pp)) {
		if (!op->w) {
			*pp = op->next;
			p->nr_ops--;
			free(op);
			continue;
		}
		p->fds[n].fd = op->w->fd;
		p->fds[n].events = op->w->mask;
		p->at[n++] = op;
		pp = &op->next;
	}
	p->fds[n].fd = p->done_fd;
	p->fds[n].events = POLLIN;
	return n;
}

static int poll_wait(struct event_loop *l, int64_t ns)
{
	struct timespec ts = {
		.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000,
	};
	struct poller *p = l->priv;
	int i, n = poll_collect(p);

	if (n < 0)
		return n;
	if (ppoll(p->fds, n + 1, ns < 0 ? NULL : &ts, NULL) < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		struct poll_op *op = p->at[i];

		if (!p->fds[i].revents || !op->w)
			continue;
		event_fd_ready(op->w, p->fds[i].revents);
		if (op->w)
			op->w->armed = true;
	}
	if (p->fds[n].revents)
		poll_finish_jobs(p);
	return 0;
}

const struct event_backend event_poll = {
	.init		= poll_init,
	.exit		= poll_exit,
	.fd_arm		= poll_fd_arm,
	.fd_disarm	= poll_fd_disarm,
	.io_submit	= poll_io_submit,
	.wait		= poll_wait,
};
