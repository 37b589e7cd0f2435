// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A request's way: copied from the ring once, checked, its pages pinned, one
 * or more asynchronous operations straight on them, pages released, response.
 *
 * A flush covers what has completed before it.  A barrier waits until all
 * requests before it have completed, is flushed around, and holds back those
 * after it.
 */
#include "blk.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "../config.h"
#include "../vm_priv.h"
#include "../xen/gnttab.h"

#define BLK_PAGE_SECTORS	(GUEST_PAGE_SIZE / DISK_SECTOR)
#define BLK_SEGS_PER_PAGE	(GUEST_PAGE_SIZE / sizeof(struct blk_segment))

/* Requests as they are in the ring; only the 64-bit layout has padding. */
struct blk_segment {
	uint32_t gref;
	uint8_t first, last;
	uint16_t pad;
};

struct blk_ring_direct {
	uint64_t id, sector;
	struct blk_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

struct blk_ring_indirect {
	uint64_t id, sector;
	uint16_t handle;
	uint16_t pad;
	uint32_t grefs[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
};

struct blk_ring_discard {
	uint64_t id, sector, nr_sectors;
};

/* Where the common part starts, after op, count and handle. */
#define BLK_BODY_WIDE		8u
#define BLK_BODY_NARROW		4u

union blk_ring_req {
	struct {
		uint8_t op, count;	/* indirect: op of the transfer */
		uint16_t handle;	/* indirect: number of segments */
	} head;
	uint8_t raw[112];
};

union blk_body {
	struct blk_ring_direct direct;
	struct blk_ring_indirect indirect;
	struct blk_ring_discard discard;
};

_Static_assert(BLK_BODY_WIDE + sizeof(union blk_body) ==
	       sizeof(union blk_ring_req), "ABI");
_Static_assert(sizeof(struct blk_segment) ==
	       sizeof(struct blkif_request_segment), "ABI");
_Static_assert(BLK_BODY_WIDE + sizeof(struct blk_ring_direct) ==
	       sizeof(struct blkif_request), "ABI");
_Static_assert(offsetof(struct blkif_request_indirect, indirect_grefs) ==
	       BLK_BODY_WIDE + offsetof(struct blk_ring_indirect, grefs),
	       "ABI");
_Static_assert(offsetof(struct blkif_request_discard, nr_sectors) ==
	       BLK_BODY_WIDE + offsetof(struct blk_ring_discard, nr_sectors),
	       "ABI");

/* Responses */

static void blk_respond(struct blk *b, uint64_t id, uint8_t op, int16_t status)
{
	struct blkif_response rsp;
	uint32_t old = b->ring.rsp_prod;
	/* The 32-bit layout lacks the padding at the end. */
	size_t size = b->narrow ? 12 : sizeof(rsp);

	memset(&rsp, 0, sizeof(rsp));
	rsp.id = id;
	rsp.operation = op;
	rsp.status = status;
	pv_ring_push(&b->ring, &rsp, size);
	if (pv_ring_publish(&b->ring, old))
		evtchn_notify(b->dev.vm->evtchn, &b->channel);
}

static void blk_unpin(struct blk_req *r)
{
	struct gnttab *g = r->blk->dev.vm->gnttab;

	/* Reading from the disk writes the page. */
	while (r->nr_pins)
		gnttab_unpin(g, r->pins[--r->nr_pins], !r->write);
}

static void blk_req_put(struct blk_req *r)
{
	r->next = r->blk->free;
	r->blk->free = r;
}

/* It is over: the guest gets its pages back, then the answer. */
static void blk_finish(struct blk_req *r, int16_t status)
{
	struct blk *b = r->blk;
	/* The ring was left without asking for an event: look again. */
	bool left = b->barrier || !b->free;

	blk_unpin(r);
	if (b->barrier == r) {
		b->barrier = NULL;
		b->barrier_runs = false;
	}
	b->inflight--;
	blk_respond(b, r->id, r->echo, status);
	blk_req_put(r);
	if (!b->closing) {
		if (left)
			blk_run(b);
	} else if (!b->inflight) {
		blk_drained(b);
	} else if (b->barrier && !b->barrier_runs && b->inflight == 1) {
		blk_finish(b->barrier, BLKIF_RSP_ERROR);
	}
}

/* The operations of a request, one after the other */

static void blk_step(struct blk_req *r);

static int16_t blk_status(int64_t res)
{
	return res == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
}

/* Skip what has been transferred; files give short counts at times. */
static void blk_advance(struct blk_req *r, uint64_t n)
{
	struct iovec *v = (struct iovec *)r->io.iov;

	r->left -= n;
	r->io.offset += n;
	while (n && n >= v->iov_len) {
		n -= v->iov_len;
		v++;
		r->io.nr_iov--;
	}
	if (n) {
		v->iov_base = (char *)v->iov_base + n;
		v->iov_len -= n;
	}
	r->io.iov = v;
}

/* The end of the image within its last sector: zeroes are behind it. */
static bool blk_in_tail(const struct blk_req *r)
{
	const struct disk *d = r->blk->disk;

	return r->io.op == EVENT_READV && r->io.offset >= d->bytes &&
	       r->left <= d->sectors * DISK_SECTOR - d->bytes;
}

static void blk_read_zeroes(struct blk_req *r)
{
	while (r->left) {
		struct iovec *v = (struct iovec *)r->io.iov;

		memset(v->iov_base, 0, v->iov_len);
		blk_advance(r, v->iov_len);
	}
}

static void blk_io_done(struct event_io *io, int64_t res)
{
	struct blk_req *r = io->arg;

	if (io->op == EVENT_READV || io->op == EVENT_WRITEV) {
		if (res < 0 || (uint64_t)res > r->left) {
			blk_finish(r, blk_status(res));
			return;
		}
		blk_advance(r, res);
		if (r->left && blk_in_tail(r)) {
			blk_read_zeroes(r);
		} else if (!res) {
			/* The image has become shorter than it was. */
			blk_finish(r, BLKIF_RSP_ERROR);
			return;
		}
	} else if (res < 0) {
		blk_finish(r, blk_status(res));
		return;
	}
	blk_step(r);
}

static void blk_submit(struct blk_req *r, enum event_io_op op)
{
	r->io.op = op;
	if (event_io_submit(r->blk->dev.vm->loop, &r->io))
		blk_finish(r, BLKIF_RSP_ERROR);
}

/* Start the next operation, or finish. */
static void blk_step(struct blk_req *r)
{
	if (r->flush_first) {
		r->flush_first = false;
		blk_submit(r, EVENT_FSYNC);
	} else if (r->left && r->op == BLKIF_OP_DISCARD) {
		r->left = 0;
		blk_submit(r, EVENT_DISCARD);
	} else if (r->left) {
		blk_submit(r, r->write ? EVENT_WRITEV : EVENT_READV);
	} else if (r->flush_after) {
		r->flush_after = false;
		blk_submit(r, EVENT_FSYNC);
	} else {
		blk_finish(r, BLKIF_RSP_OKAY);
	}
}

/* Checks; each returns a BLKIF_RSP_*. */

/*
 * A request without data is a flush, whose sector means nothing: Linux puts -1
 * there.
 */
static int16_t blk_check_range(const struct blk *b, uint64_t sector,
			       uint64_t nr)
{
	if (!nr)
		return BLKIF_RSP_OKAY;
	if ((sector | nr) % (b->disk->sector_size / DISK_SECTOR))
		return BLKIF_RSP_ERROR;
	if (sector > b->disk->sectors || nr > b->disk->sectors - sector)
		return BLKIF_RSP_ERROR;
	return BLKIF_RSP_OKAY;
}

/* One segment: pin its page, and add it to the vectors. */
static int16_t blk_add_segment(struct blk_req *r, const struct blk_segment *s)
{
	struct iovec *last = r->nr_iov ? &r->iov[r->nr_iov - 1] : NULL;
	size_t len;
	char *page;

	if (s->first > s->last || s->last >= BLK_PAGE_SECTORS)
		return BLKIF_RSP_ERROR;
	len = (s->last - s->first + 1u) * DISK_SECTOR;
	if (len % r->blk->disk->sector_size)
		return BLKIF_RSP_ERROR;
	if (gnttab_pin(r->blk->dev.vm->gnttab, s->gref, XEN_ABI_DOM0,
		       !r->write, (void **)&page))
		return BLKIF_RSP_ERROR;
	r->pins[r->nr_pins++] = s->gref;
	page += s->first * DISK_SECTOR;
	r->nr_sectors += len / DISK_SECTOR;
	if (last && (char *)last->iov_base + last->iov_len == page)
		last->iov_len += len;
	else
		r->iov[r->nr_iov++] = (struct iovec){ page, len };
	return BLKIF_RSP_OKAY;
}

static int16_t blk_add_segments(struct blk_req *r,
				const struct blk_segment *s, unsigned int n)
{
	int16_t status = BLKIF_RSP_OKAY;

	for (; n && !status; n--, s++)
		status = blk_add_segment(r, s);
	return status ? status : blk_check_range(r->blk, r->sector,
						 r->nr_sectors);
}

static int16_t blk_prepare_direct(struct blk_req *r,
				  const union blk_ring_req *q,
				  const struct blk_ring_direct *d)
{
	unsigned int n = q->head.count;

	r->sector = d->sector;
	if (n > BLKIF_MAX_SEGMENTS_PER_REQUEST ||
	    (!n && r->op != BLKIF_OP_FLUSH_DISKCACHE))
		return BLKIF_RSP_ERROR;
	return blk_add_segments(r, d->seg, n);
}

/* The list is copied out of the guest's pages, and they are let go at once. */
static int16_t blk_prepare_indirect(struct blk_req *r,
				    const union blk_ring_req *q,
				    const struct blk_ring_indirect *d)
{
	struct gnttab *g = r->blk->dev.vm->gnttab;
	struct blk_segment segs[BLK_MAX_SEGMENTS];
	unsigned int n = q->head.handle;
	void *page;

	_Static_assert(BLK_MAX_SEGMENTS <= BLK_SEGS_PER_PAGE,
		       "one page holds the longest list");
	r->sector = d->sector;
	if (!n || n > BLK_MAX_SEGMENTS)
		return BLKIF_RSP_ERROR;
	if (gnttab_pin(g, d->grefs[0], XEN_ABI_DOM0, false, &page))
		return BLKIF_RSP_ERROR;
	memcpy(segs, page, n * sizeof(segs[0]));
	gnttab_unpin(g, d->grefs[0], false);
	return blk_add_segments(r, segs, n);
}

static int16_t blk_prepare_discard(struct blk_req *r,
				   const union blk_ring_req *q,
				   const struct blk_ring_discard *d)
{
	if (!r->blk->disk->cfg->discard || q->head.count & BLKIF_DISCARD_SECURE)
		return BLKIF_RSP_EOPNOTSUPP;
	r->sector = d->sector;
	r->nr_sectors = d->nr_sectors;
	if (!r->nr_sectors)
		return BLKIF_RSP_ERROR;
	return blk_check_range(r->blk, r->sector, r->nr_sectors);
}

static int16_t blk_prepare(struct blk_req *r, const union blk_ring_req *q,
			   const union blk_body *body)
{
	uint8_t op = r->op == BLKIF_OP_INDIRECT ? q->head.count : r->op;

	/* Front ends want an indirect request's response to name its kind. */
	r->echo = op;
	r->write = op != BLKIF_OP_READ;
	if (r->op == BLKIF_OP_INDIRECT && op != BLKIF_OP_READ &&
	    op != BLKIF_OP_WRITE)
		return BLKIF_RSP_EOPNOTSUPP;
	if (r->blk->disk->fd < 0 ||
	    (r->write && r->blk->disk->cfg->readonly))
		return BLKIF_RSP_ERROR;
	switch (r->op) {
	case BLKIF_OP_WRITE_BARRIER:
		r->flush_first = r->flush_after = true;
		return blk_prepare_direct(r, q, &body->direct);
	case BLKIF_OP_FLUSH_DISKCACHE:
		r->flush_first = true;
		return blk_prepare_direct(r, q, &body->direct);
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
		return blk_prepare_direct(r, q, &body->direct);
	case BLKIF_OP_DISCARD:
		return blk_prepare_discard(r, q, &body->discard);
	case BLKIF_OP_INDIRECT:
		return blk_prepare_indirect(r, q, &body->indirect);
	}
	return BLKIF_RSP_EOPNOTSUPP;
}

static void blk_start(struct blk_req *r)
{
	r->left = r->nr_sectors * DISK_SECTOR;
	r->io = (struct event_io) {
		.fd = r->blk->disk->fd,
		.offset = r->sector * DISK_SECTOR,
		.len = r->left,
		.iov = r->iov,
		.nr_iov = r->nr_iov,
		.done = blk_io_done,
		.arg = r,
	};
	blk_step(r);
}

/* A request that cannot be done is answered at once. */
static void blk_take(struct blk *b, const union blk_ring_req *q)
{
	struct blk_req *r = b->free;
	union blk_body body;
	int16_t status;

	memcpy(&body, q->raw + (b->narrow ? BLK_BODY_NARROW : BLK_BODY_WIDE),
	       sizeof(body));
	b->free = r->next;
	b->inflight++;
	r->op = q->head.op;
	r->id = body.direct.id;
	r->nr_pins = r->nr_iov = 0;
	r->sector = r->nr_sectors = 0;
	r->flush_first = r->flush_after = false;
	status = blk_prepare(r, q, &body);
	if (status)
		blk_finish(r, status);
	else if (r->op == BLKIF_OP_WRITE_BARRIER)
		b->barrier = r;		/* once the others are done */
	else
		blk_start(r);
}

/*
 * Take requests until there are none, or a barrier, or no place for more: 0 or
 * -EPROTO.  Only the first asks for an event with the next one; after the other
 * two blk_finish() looks again.  What can be answered at once makes room for
 * more at once; a guest that keeps it coming gets another turn after everybody
 * else.
 */
static int blk_take_all(struct blk *b)
{
	unsigned int turn = BLK_TURN;
	union blk_ring_req q = { 0 };
	int ret;

	do {
		do {
			if (b->barrier || !b->free)
				return 0;
			if (!turn--) {
				evtchn_backend_again(&b->channel);
				return 0;
			}
			ret = pv_ring_pop(&b->ring, &q, b->ring.entry_size);
			if (ret > 0)
				blk_take(b, &q);
		} while (ret > 0);
		if (ret < 0)
			return ret;
	} while (pv_ring_final_check(&b->ring));
	return 0;
}

void blk_run(struct blk *b)
{
	bool again;

	/* An answer given at once leads back here. */
	if (b->running || b->closing)
		return;
	b->running = true;
	do {
		again = false;
		if (blk_take_all(b)) {
			xenbus_fail(&b->dev, "nonsense in the ring");
		} else if (b->barrier && !b->barrier_runs &&
			   b->inflight == 1) {
			b->barrier_runs = true;
			blk_start(b->barrier);
			again = !b->barrier;
		}
	} while (again);
	b->running = false;
}
