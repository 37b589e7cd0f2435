// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring.c - owns the page shared with the guest (struct
 * xenstore_domain_interface of <xen/io/xs_wire.h>) and moves bytes between it
 * and a connection.
 *
 * The page is the guest's to scribble on at any time.  Our two indices are kept
 * here and only published there; the guest's two are loaded once for each use
 * and checked; request bytes are copied once, into the connection.  After an
 * error the page is left alone until the guest asks for a reconnection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

/* Times around in one xs_ring_run(): a guest could refill the ring forever. */
#define RING_ROUNDS	16

struct xs_ring {
	struct xs_conn *conn;
	struct xenstore_domain_interface *page;
	void (*notify)(void *arg);
	void *arg;
	uint32_t req_cons;
	uint32_t rsp_prod;
};

/* Pairs with the guest's write barrier or release before it moves an index. */
static uint32_t ring_load(const uint32_t *field)
{
	return __atomic_load_n(field, __ATOMIC_ACQUIRE);
}

/*
 * Our reads and writes of ring bytes are done before the guest sees the index;
 * pairs with the guest's barrier after it has read it.
 */
static void ring_store(uint32_t *field, uint32_t val)
{
	__atomic_store_n(field, val, __ATOMIC_RELEASE);
}

/*
 * Publish an index of ours.  A guest signals only if, having moved its index,
 * it sees that ours had caught up; so ours must be visible before we look at
 * the guest's for the last time.  Pairs with the barrier between the two in the
 * guest.
 */
static void ring_publish(uint32_t *field, uint32_t val)
{
	ring_store(field, val);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void ring_error(struct xs_ring *ring, uint32_t code)
{
	ring_store(&ring->page->error, code);
}

/* Take requests; the number of bytes, or -EPROTO. */
static int ring_rx(struct xs_ring *ring)
{
	struct xenstore_domain_interface *page = ring->page;
	uint32_t avail = ring_load(&page->req_prod) - ring->req_cons;
	uint32_t done = 0, off, len;
	ssize_t taken;

	if (avail > XENSTORE_RING_SIZE) {
		conn_fail(ring->conn, XENSTORE_ERROR_RINGIDX,
			  "bad request index in its ring");
		return -EPROTO;
	}
	while (done < avail) {
		off = MASK_XENSTORE_IDX(ring->req_cons);
		len = XENSTORE_RING_SIZE - off;
		if (len > avail - done)
			len = avail - done;
		taken = xs_conn_feed(ring->conn, page->req + off, len);
		if (taken < 0)
			return -EPROTO;
		ring->req_cons += (uint32_t)taken;
		done += (uint32_t)taken;
		if ((uint32_t)taken < len)
			break;
	}
	if (done)
		ring_publish(&page->req_cons, ring->req_cons);
	return (int)done;
}

/* Put output; the number of bytes, or -EPROTO. */
static int ring_tx(struct xs_ring *ring)
{
	struct xenstore_domain_interface *page = ring->page;
	uint32_t used = ring->rsp_prod - ring_load(&page->rsp_cons);
	uint32_t done = 0, off;
	const void *out;
	size_t len;

	if (used > XENSTORE_RING_SIZE) {
		conn_fail(ring->conn, XENSTORE_ERROR_RINGIDX,
			  "bad response index in its ring");
		return -EPROTO;
	}
	while (used + done < XENSTORE_RING_SIZE) {
		out = xs_conn_out(ring->conn, &len);
		if (!len)
			break;
		off = MASK_XENSTORE_IDX(ring->rsp_prod);
		if (len > XENSTORE_RING_SIZE - off)
			len = XENSTORE_RING_SIZE - off;
		if (len > XENSTORE_RING_SIZE - used - done)
			len = XENSTORE_RING_SIZE - used - done;
		memcpy(page->rsp + off, out, len);
		xs_conn_out_done(ring->conn, len);
		ring->rsp_prod += (uint32_t)len;
		done += (uint32_t)len;
	}
	if (done)
		ring_publish(&page->rsp_prod, ring->rsp_prod);
	return (int)done;
}

/* The guest starts over: everything as after the first connection. */
static void ring_reconnect(struct xs_ring *ring)
{
	struct xenstore_domain_interface *page = ring->page;

	conn_reset(ring->conn);
	ring->req_cons = 0;
	ring->rsp_prod = 0;
	ring_store(&page->req_cons, 0);
	ring_store(&page->req_prod, 0);
	ring_store(&page->rsp_cons, 0);
	ring_store(&page->rsp_prod, 0);
	ring_store(&page->error, XENSTORE_ERROR_NONE);
	/* Last: from here on the guest may use the ring. */
	ring_store(&page->connection, XENSTORE_CONNECTED);
}

/* Whether anything moved; *@more if something still could. */
static bool ring_pump(struct xs_ring *ring, bool *more)
{
	unsigned int round;
	bool moved = false;
	int rx, tx;

	*more = false;
	for (round = 0; round < RING_ROUNDS; round++) {
		rx = ring_rx(ring);
		tx = rx < 0 ? rx : ring_tx(ring);
		if (rx < 0 || tx < 0)
			return true;
		if (!rx && !tx)
			return moved;
		moved = true;
	}
	*more = true;
	return true;
}

int xs_ring_run(struct xs_ring *ring)
{
	struct xs_conn *conn = ring->conn;
	bool moved = false, more = false;
	int ret;

	if (!conn->released &&
	    ring_load(&ring->page->connection) == XENSTORE_RECONNECT) {
		ring_reconnect(ring);
		moved = true;
	}
	if (!conn->failed)
		moved |= ring_pump(ring, &more);
	if (more)
		conn_ready(conn);
	ret = conn->failed ? -EPROTO : more;
	/* Last, as it may do anything, even with this ring. */
	if (moved)
		ring->notify(ring->arg);
	return ret;
}

struct xs_ring *xs_ring_attach(struct xs_conn *conn, void *page,
			       void (*notify)(void *arg), void *arg)
{
	struct xs_ring *ring;

	if (conn->ring) {
		errno = EBUSY;
		return NULL;
	}
	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return NULL;
	ring->conn = conn;
	ring->page = page;
	ring->notify = notify;
	ring->arg = arg;
	ring->req_cons = ring_load(&ring->page->req_cons);
	ring->rsp_prod = ring_load(&ring->page->rsp_prod);
	ring_store(&ring->page->error, XENSTORE_ERROR_NONE);
	ring_store(&ring->page->connection, XENSTORE_CONNECTED);
	ring_store(&ring->page->server_features,
		   XENSTORE_SERVER_FEATURE_RECONNECTION |
		   XENSTORE_SERVER_FEATURE_ERROR);
	conn->ring = ring;
	conn_ready(conn);
	return ring;
}

void xs_ring_detach(struct xs_ring *ring)
{
	if (!ring)
		return;
	ring->conn->ring = NULL;
	free(ring);
}
