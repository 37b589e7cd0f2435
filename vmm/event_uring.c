// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the io_uring of a loop.  Requests are only queued here; they reach the
 * kernel with the loop's next wait, in one system call with it.
 *
 * Completions carry a tagged pointer: an event_io, or the operation of a
 * watch, which outlives the watch until its completion has been seen.
 *
 * The system-call filter does not see the requests of a ring, and a ring can
 * open files and sockets.  So the ring is born disabled and takes nothing but
 * what this file uses, before it is enabled and for as long as it lives.  A
 * kernel that cannot do that has no io_uring for us.
 */
#include "event_priv.h"

#include <errno.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define URING_ENTRIES	64
#define URING_TAG_IO	1ull
#define URING_TAG_FD	2ull
#define URING_TAG_MASK	3ull

struct uring_op {
	struct uring_op *next, **pprev;
	struct event_fd *w;		/* NULL: the watch is gone */
};

struct uring {
	struct io_uring ring;		/* first */
	struct uring_op *ops;
};

/*
 * No flag of a request is allowed, as none is named, and no register operation:
 * the list cannot be undone.
 */
static const uint8_t uring_opcodes[] = {
	IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC,
	IORING_OP_FALLOCATE, IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE,
};

#define URING_NR_OPCODES (sizeof(uring_opcodes) / sizeof(uring_opcodes[0]))

static int uring_restrict(struct io_uring *ring)
{
	struct io_uring_restriction r[URING_NR_OPCODES] = { 0 };
	size_t i;
	int err;

	for (i = 0; i < URING_NR_OPCODES; i++) {
		r[i].opcode = IORING_RESTRICTION_SQE_OP;
		r[i].sqe_op = uring_opcodes[i];
	}
	/* liburing 2.3 declares calls for these and does not export them. */
	err = io_uring_register(ring->ring_fd, IORING_REGISTER_RESTRICTIONS, r,
				URING_NR_OPCODES);
	return err ? err : io_uring_register(ring->ring_fd,
					     IORING_REGISTER_ENABLE_RINGS,
					     NULL, 0);
}

/* A ring that takes nothing else, or none: 0 or -errno. */
static int uring_make(struct io_uring *ring, unsigned int flags)
{
	struct io_uring_params p = { .flags = IORING_SETUP_R_DISABLED | flags };
	int err = io_uring_queue_init_params(URING_ENTRIES, ring, &p);

	if (err)
		return err;
	if (!(p.features & IORING_FEAT_EXT_ARG) || uring_restrict(ring)) {
		io_uring_queue_exit(ring);
		err = -ENOSYS;
	}
	return err;
}

static int uring_init(struct event_loop *l)
{
	struct uring *u = calloc(1, sizeof(*u));
	int err;

	if (!u)
		return -ENOMEM;
	err = uring_make(&u->ring, IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN);
	if (err == -EINVAL)
		err = uring_make(&u->ring, 0);
	if (err == -EINVAL)
		err = -ENOSYS;
	if (err) {
		free(u);
		return err;
	}
	l->priv = u;
	return 0;
}

static void uring_op_free(struct uring_op *op)
{
	*op->pprev = op->next;
	if (op->next)
		op->next->pprev = op->pprev;
	free(op);
}

static void uring_exit(struct event_loop *l)
{
	struct uring *u = l->priv;

	io_uring_queue_exit(&u->ring);
	while (u->ops)
		uring_op_free(u->ops);
	free(u);
}

static struct io_uring_sqe *uring_sqe(struct uring *u)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (!sqe && io_uring_submit(&u->ring) >= 0)
		sqe = io_uring_get_sqe(&u->ring);
	return sqe;
}

static int uring_op_queue(struct uring *u, struct uring_op *op)
{
	struct io_uring_sqe *sqe = uring_sqe(u);

	if (!sqe)
		return -EBUSY;
	io_uring_prep_poll_add(sqe, op->w->fd, op->w->mask);
	io_uring_sqe_set_data64(sqe, (uintptr_t)op | URING_TAG_FD);
	op->w->armed = true;
	return 0;
}

static int uring_fd_arm(struct event_fd *w)
{
	struct uring *u = w->loop->priv;
	struct uring_op *op = malloc(sizeof(*op));
	int err;

	if (!op)
		return -ENOMEM;
	op->w = w;
	op->next = u->ops;
	op->pprev = &u->ops;
	if (op->next)
		op->next->pprev = &op->next;
	u->ops = op;
	err = uring_op_queue(u, op);
	if (err)
		uring_op_free(op);
	else
		w->op = op;
	return err;
}

static void uring_fd_disarm(struct event_fd *w)
{
	struct uring *u = w->loop->priv;
	struct uring_op *op = w->op;
	struct io_uring_sqe *sqe;

	w->op = NULL;
	op->w = NULL;
	if (!w->armed)
		return;		/* uring_fd_done() is at it, and frees op */
	w->armed = false;
	sqe = uring_sqe(u);
	if (!sqe)
		return;		/* the poll stays until its event: harmless */
	io_uring_prep_poll_remove(sqe, (uintptr_t)op | URING_TAG_FD);
	io_uring_sqe_set_data64(sqe, 0);
}

static void uring_fd_done(struct uring *u, struct uring_op *op, int res)
{
	struct event_fd *w = op->w;

	if (w)
		event_fd_ready(w, res < 0 ? POLLERR : (uint32_t)res);
	/* The callback may have ended or changed the watch: look again. */
	if (!op->w || uring_op_queue(u, op)) {
		if (op->w)
			op->w->op = NULL;
		uring_op_free(op);
	}
}

static int uring_io_submit(struct event_loop *l, struct event_io *io)
{
	struct io_uring_sqe *sqe = uring_sqe(l->priv);

	if (!sqe)
		return -EBUSY;
	switch (io->op) {
	case EVENT_READV:
		io_uring_prep_readv(sqe, io->fd, io->iov, io->nr_iov,
				    io->offset);
		break;
	case EVENT_WRITEV:
		io_uring_prep_writev2(sqe, io->fd, io->iov, io->nr_iov,
				      io->offset, io->fua ? RWF_DSYNC : 0);
		break;
	case EVENT_FSYNC:
		io_uring_prep_fsync(sqe, io->fd, IORING_FSYNC_DATASYNC);
		break;
	case EVENT_DISCARD:
		io_uring_prep_fallocate(sqe, io->fd, FALLOC_FL_PUNCH_HOLE |
					FALLOC_FL_KEEP_SIZE, io->offset,
					io->len);
		break;
	}
	io_uring_sqe_set_data64(sqe, (uintptr_t)io | URING_TAG_IO);
	return 0;
}

static int uring_wait(struct event_loop *l, int64_t ns)
{
	struct __kernel_timespec ts = {
		.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000,
	};
	struct uring *u = l->priv;
	struct io_uring_cqe *cqe;
	unsigned int n;
	int err;

	err = io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1,
					       ns < 0 ? NULL : &ts, NULL);
	if (err < 0 && err != -ETIME && err != -EINTR)
		return err;
	/* As many as there are now: what callbacks cause waits its turn. */
	for (n = io_uring_cq_ready(&u->ring); n; n--) {
		uint64_t data;
		int res;

		if (io_uring_peek_cqe(&u->ring, &cqe))
			break;
		data = cqe->user_data;
		res = cqe->res;
		io_uring_cqe_seen(&u->ring, cqe);
		if ((data & URING_TAG_MASK) == URING_TAG_IO) {
			struct event_io *io;

			io = (void *)(uintptr_t)(data & ~URING_TAG_MASK);
			io->done(io, res);
		} else if ((data & URING_TAG_MASK) == URING_TAG_FD) {
			uring_fd_done(u, (void *)(uintptr_t)
				      (data & ~URING_TAG_MASK), res);
		}
	}
	return 0;
}

const struct event_backend event_uring = {
	.init		= uring_init,
	.exit		= uring_exit,
	.fd_arm		= uring_fd_arm,
	.fd_disarm	= uring_fd_disarm,
	.io_submit	= uring_io_submit,
	.wait		= uring_wait,
};
