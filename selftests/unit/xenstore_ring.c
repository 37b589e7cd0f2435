// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xenstore_ring.c - the shared ring: a guest that behaves, on one byte at a
 * time if need be, and guests that do not.
 */
#include "xenstore_client.h"

struct ring_bed {
	struct bed bed;
	struct xenstore_domain_interface *page;
	struct xs_ring *ring;
	unsigned int kicks;
};

static void ring_kick(void *arg)
{
	struct ring_bed *rb = arg;

	rb->kicks++;
}

static void ring_init(struct ring_bed *rb, uint32_t index)
{
	memset(rb, 0, sizeof(*rb));
	bed_init(&rb->bed, NULL);
	rb->page = aligned_alloc(4096, 4096);
	memset(rb->page, 0, 4096);
	rb->page->req_prod = index;
	rb->page->req_cons = index;
	rb->page->rsp_prod = index;
	rb->page->rsp_cons = index;
	rb->ring = xs_ring_attach(rb->bed.guest.conn, rb->page, ring_kick, rb);
	CHECK(rb->ring);
}

static void ring_exit(struct ring_bed *rb)
{
	xs_ring_detach(rb->ring);
	free(rb->page);
	bed_exit(&rb->bed);
}

/* The guest's half: put bytes, running the other half while the ring is full */
static void guest_put(struct ring_bed *rb, const void *buf, size_t len)
{
	const char *p = buf;

	for (; len; p++, len--) {
		if (rb->page->req_prod - rb->page->req_cons ==
		    XENSTORE_RING_SIZE)
			CHECK_EQ(xs_ring_run(rb->ring), 0);
		CHECK(rb->page->req_prod - rb->page->req_cons <
		      XENSTORE_RING_SIZE);
		rb->page->req[MASK_XENSTORE_IDX(rb->page->req_prod)] = *p;
		rb->page->req_prod++;
	}
}

static void guest_get(struct ring_bed *rb, void *buf, size_t len)
{
	char *p = buf;

	for (; len; p++, len--) {
		if (rb->page->rsp_prod == rb->page->rsp_cons)
			CHECK_EQ(xs_ring_run(rb->ring), 0);
		CHECK(rb->page->rsp_prod != rb->page->rsp_cons);
		*p = rb->page->rsp[MASK_XENSTORE_IDX(rb->page->rsp_cons)];
		rb->page->rsp_cons++;
	}
}

static void guest_send(struct ring_bed *rb, uint32_t type, const void *args,
		       size_t len)
{
	const struct xsd_sockmsg hdr = {
		.type = type, .req_id = 5, .len = (uint32_t)len,
	};

	guest_put(rb, &hdr, sizeof(hdr));
	guest_put(rb, args, len);
}

static void guest_take(struct ring_bed *rb, struct reply *reply)
{
	guest_get(rb, &reply->hdr, sizeof(reply->hdr));
	CHECK(reply->hdr.len <= XENSTORE_PAYLOAD_MAX);
	guest_get(rb, reply->data, reply->hdr.len);
	reply->data[reply->hdr.len] = 0;
}

static void guest_ok(struct ring_bed *rb)
{
	struct reply reply;

	guest_send(rb, XS_WRITE, ARGS("alive\0x"));
	guest_take(rb, &reply);
	CHECK_EQ(reply.hdr.type, XS_WRITE);
	CHECK_EQ(rb->page->rsp_cons, rb->page->rsp_prod);
}

static void ring_round(uint32_t index)
{
	char args[XENSTORE_PAYLOAD_MAX] = "big";
	struct ring_bed rb;
	struct reply reply;
	unsigned int i;

	ring_init(&rb, index);
	CHECK_EQ(rb.page->server_features, 3);
	guest_ok(&rb);
	CHECK(rb.kicks);
	/* Larger than the ring, both ways. */
	memset(args + 4, 'v', 2000);
	guest_send(&rb, XS_WRITE, args, 2004);
	guest_take(&rb, &reply);
	CHECK_EQ(reply.hdr.type, XS_WRITE);
	for (i = 0; i < 5; i++) {
		guest_send(&rb, XS_READ, ARGS("big\0"));
		guest_take(&rb, &reply);
		CHECK_EQ(reply.hdr.len, 2000);
		CHECK(!memcmp(reply.data, args + 4, 2000));
		CHECK_EQ(reply.hdr.req_id, 5);
	}
	guest_ok(&rb);
	rb.kicks = 0;
	CHECK_EQ(xs_ring_run(rb.ring), 0);
	CHECK_EQ(rb.kicks, 0);
	ring_exit(&rb);
}

TEST(ring, "requests and replies, also where indices wrap")
{
	ring_round(0);
	ring_round(1000);
	ring_round(UINT32_MAX - 700);
}

TEST(ring_pipeline, "many requests at once are all answered in order")
{
	struct ring_bed rb;
	struct reply reply;
	unsigned int i;

	ring_init(&rb, 0);
	for (i = 0; i < 50; i++)
		guest_send(&rb, XS_READ, ARGS("a\0"));
	CHECK_EQ(xs_ring_run(rb.ring), 0);
	for (i = 0; i < 50; i++) {
		guest_take(&rb, &reply);
		CHECK_EQ(reply.hdr.type, XS_ERROR);
	}
	guest_ok(&rb);
	ring_exit(&rb);
}

TEST(ring_backpressure, "a guest that reads nothing stalls only itself")
{
	struct ring_bed rb;
	struct reply reply;
	unsigned int i;

	ring_init(&rb, 0);
	for (i = 0; i < 56; i++)
		guest_send(&rb, XS_READ, ARGS("/\0"));
	while (xs_ring_run(rb.ring) > 0)
		;
	/* The ring of replies is full, as are the places behind it. */
	CHECK_EQ(rb.page->rsp_prod - rb.page->rsp_cons, XENSTORE_RING_SIZE);
	for (i = 0; i < 56; i++)
		guest_send(&rb, XS_READ, ARGS("/\0"));
	while (xs_ring_run(rb.ring) > 0)
		;
	CHECK(rb.page->req_prod != rb.page->req_cons);
	CHECK(rb.bed.guest.conn->replies <= 20);
	CHECK_EQ(xs_write(rb.bed.store, "/x", "y"), 0);
	for (i = 0; i < 112; i++)
		guest_take(&rb, &reply);
	guest_ok(&rb);
	ring_exit(&rb);
}

TEST(ring_deferred, "events reach the ring by way of the deferred queue")
{
	struct ring_bed rb;
	struct reply reply;

	ring_init(&rb, 0);
	guest_send(&rb, XS_WATCH, ARGS("a\0t\0"));
	guest_take(&rb, &reply);
	guest_take(&rb, &reply);
	while (xs_run_deferred(rb.bed.store))
		;
	rb.kicks = 0;
	rb.bed.wakes = 0;
	CHECK_EQ(xs_write(rb.bed.store, HOME "/a", "1"), 0);
	CHECK_EQ(rb.page->rsp_prod, rb.page->rsp_cons);
	CHECK_EQ(rb.bed.wakes, 1);
	CHECK_EQ(rb.kicks, 0);
	CHECK(!xs_run_deferred(rb.bed.store));
	CHECK_EQ(rb.kicks, 1);
	CHECK(rb.page->rsp_prod != rb.page->rsp_cons);
	guest_take(&rb, &reply);
	CHECK_EQ(reply.hdr.type, XS_WATCH_EVENT);
	CHECK(!strcmp(reply.data, "a"));
	ring_exit(&rb);
}

/* Both sides' indices, wrong by every amount worth trying. */
TEST(ring_hostile, "impossible indices: one line, an error, and no more")
{
	static const uint32_t jumps[] = {
		1025, 1026, 2048, 4096, 0x7fffffff, 0x80000000u, 0xffffffffu,
		0xfffffc00u,
	};
	struct ring_bed rb;
	unsigned int i, side;

	for (i = 0; i < 2 * ARRAY_SIZE(jumps); i++) {
		side = i % 2;
		ring_init(&rb, 0);
		guest_ok(&rb);
		rb.kicks = 0;
		if (side)
			rb.page->rsp_cons = rb.page->rsp_prod - jumps[i / 2];
		else
			rb.page->req_prod = rb.page->req_cons + jumps[i / 2];
		CHECK_EQ(xs_ring_run(rb.ring), (uint64_t)-EPROTO);
		CHECK_EQ(rb.page->error, XENSTORE_ERROR_RINGIDX);
		CHECK_EQ(rb.bed.lines, 1);
		CHECK_EQ(rb.kicks, 1);
		CHECK_EQ(xs_ring_run(rb.ring), (uint64_t)-EPROTO);
		CHECK_EQ(xs_write(rb.bed.store, HOME "/a", "x"), 0);
		while (xs_run_deferred(rb.bed.store))
			;
		CHECK_EQ(rb.bed.lines, 1);
		CHECK_EQ(rb.kicks, 1);
		ring_exit(&rb);
	}
}

TEST(ring_own_indices, "what a guest writes over our indices is not believed")
{
	struct ring_bed rb;
	struct reply reply;

	ring_init(&rb, 0);
	guest_ok(&rb);
	guest_send(&rb, XS_READ, ARGS("alive\0"));
	rb.page->req_cons = 12345;
	rb.page->rsp_prod = 54321;
	CHECK_EQ(xs_ring_run(rb.ring), 0);
	guest_take(&rb, &reply);
	CHECK_EQ(reply.hdr.type, XS_READ);
	guest_ok(&rb);
	ring_exit(&rb);
}

TEST(ring_reconnect, "a guest that starts over finds everything as at first")
{
	struct ring_bed rb;
	struct reply reply;
	unsigned int i;

	ring_init(&rb, 77);
	guest_send(&rb, XS_WATCH, ARGS("a\0t\0"));
	guest_take(&rb, &reply);
	guest_send(&rb, XS_TRANSACTION_START, ARGS("\0"));
	/* Half a request, and events on their way. */
	guest_put(&rb, "xxxxxxx", 7);
	CHECK_EQ(xs_ring_run(rb.ring), 0);
	for (i = 0; i < 2; i++) {
		rb.page->connection = XENSTORE_RECONNECT;
		rb.kicks = 0;
		CHECK_EQ(xs_ring_run(rb.ring), 0);
		CHECK_EQ(rb.kicks, 1);
		CHECK_EQ(rb.page->connection, XENSTORE_CONNECTED);
		CHECK_EQ(rb.page->error, XENSTORE_ERROR_NONE);
		CHECK_EQ(rb.page->req_cons, 0);
		CHECK_EQ(rb.page->rsp_prod, 0);
		CHECK(TAILQ_EMPTY(&rb.bed.guest.conn->watches));
		CHECK(TAILQ_EMPTY(&rb.bed.guest.conn->txs));
		guest_ok(&rb);
		/* Also out of the error state. */
		rb.page->req_prod += 5000;
		CHECK_EQ(xs_ring_run(rb.ring), (uint64_t)-EPROTO);
	}
	/* But not when its domain is gone. */
	CHECK_EQ(xs_release(rb.bed.store, GUEST), 0);
	rb.page->connection = XENSTORE_RECONNECT;
	CHECK_EQ(xs_ring_run(rb.ring), (uint64_t)-EPROTO);
	CHECK_EQ(rb.page->connection, XENSTORE_RECONNECT);
	ring_exit(&rb);
}

TEST(ring_log, "reconnecting again and again does not fill the log")
{
	struct ring_bed rb;
	unsigned int i;

	ring_init(&rb, 0);
	for (i = 0; i < 1000; i++) {
		rb.page->req_prod += 5000;
		CHECK_EQ(xs_ring_run(rb.ring), (uint64_t)-EPROTO);
		rb.page->connection = XENSTORE_RECONNECT;
		CHECK_EQ(xs_ring_run(rb.ring), 0);
	}
	CHECK_EQ(rb.bed.lines, CONN_LOG_MAX);
	ring_exit(&rb);
}

TEST(ring_oversize, "an oversized request is told by the page")
{
	struct xsd_sockmsg hdr = { .type = XS_READ, .len = 0xffffffffu };
	struct ring_bed rb;

	ring_init(&rb, 0);
	guest_put(&rb, &hdr, sizeof(hdr));
	CHECK_EQ(xs_ring_run(rb.ring), (uint64_t)-EPROTO);
	CHECK_EQ(rb.page->error, XENSTORE_ERROR_PROTO);
	CHECK_EQ(rb.kicks, 1);
	ring_exit(&rb);
}

TEST(ring_attach, "one ring to a connection")
{
	struct ring_bed rb;

	ring_init(&rb, 0);
	CHECK(!xs_ring_attach(rb.bed.guest.conn, rb.page, ring_kick, &rb));
	CHECK_EQ(errno, EBUSY);
	xs_ring_detach(rb.ring);
	rb.ring = xs_ring_attach(rb.bed.guest.conn, rb.page, ring_kick, &rb);
	CHECK(rb.ring);
	guest_ok(&rb);
	ring_exit(&rb);
}
