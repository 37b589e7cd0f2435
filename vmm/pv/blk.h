/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block back end: blk.c is the device and its life, blk_req.c what becomes
 * of a request.  The loop's thread only.
 */
#ifndef XKVM_PV_BLK_H
#define XKVM_PV_BLK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "../event.h"
#include "../mem.h"
#include "../xen/abi.h"
#include "../xen/evtchn.h"
#include "disk.h"
#include "ring.h"
#include "xenbus.h"

#include <xen/io/blkif.h>

#define BLK_RING_SIZE		32u	/* entries of a one-page ring */
#define BLK_MAX_SEGMENTS	256u	/* of an indirect request */
#define BLK_TURN		128u	/* requests taken at a time */

struct blk;

/* A request under way. */
struct blk_req {
	struct blk *blk;
	struct blk_req *next;		/* free, or waiting */
	uint64_t id;
	uint8_t op;			/* BLKIF_OP_*, as asked */
	uint8_t echo;			/* BLKIF_OP_* of the response */
	bool write;			/* of the disk */
	bool flush_first, flush_after;
	uint64_t sector, nr_sectors;
	uint32_t nr_pins, nr_iov;
	uint64_t left;			/* bytes not yet transferred */
	struct event_io io;
	uint32_t pins[BLK_MAX_SEGMENTS];
	struct iovec iov[BLK_MAX_SEGMENTS];
};

struct blk {
	struct xenbus_dev dev;		/* first */
	const struct disk *disk;
	bool narrow;			/* the front end is 32-bit */
	uint32_t ring_ref;
	struct pv_ring ring;
	struct evtchn_backend channel;

	struct blk_req *reqs, *free;
	unsigned int inflight;
	struct blk_req *barrier;	/* holds back what comes after it */
	bool barrier_runs;		/* what was before it is done */
	bool running;			/* in blk_run() */
	bool closing;			/* no more requests are taken */
};

/* Make the disk @d known to the guest, as a device of vm->xenbus. */
int blk_create(struct vm *vm, const struct disk *d);

/* blk_req.c: take requests off the ring, as many as can be started. */
void blk_run(struct blk *b);

/* blk.c: the last request under way has ended while closing. */
void blk_drained(struct blk *b);

#endif
