// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conn.c - owns connections: the message being received, the messages to be
 * sent, and the bounds on both.  A client that does not fetch its replies is
 * not listened to; events it does not fetch are merged and then dropped.  What
 * messages mean is wire.c's, what carries the bytes ring.c's, sock.c's or the
 * caller's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

#define CONN_EVENTS_MAX	1024	/* waiting, for an unprivileged client */

void conn_log(struct xs_conn *conn, const char *why)
{
	if (conn->logged >= CONN_LOG_MAX)
		return;
	conn->logged++;
	store_log(conn->store, "xenstore: domain %u: %s", conn->who.domid, why);
}

void conn_ready(struct xs_conn *conn)
{
	if (conn->ready)
		return;
	conn->ready = true;
	TAILQ_INSERT_TAIL(&conn->store->ready, conn, ready_link);
	conn->store->num_ready++;
	store_wake(conn->store);
}

void conn_unready(struct xs_conn *conn)
{
	if (!conn->ready)
		return;
	conn->ready = false;
	TAILQ_REMOVE(&conn->store->ready, conn, ready_link);
	conn->store->num_ready--;
}

void conn_fail(struct xs_conn *conn, uint32_t code, const char *why)
{
	if (conn->failed)
		return;
	conn->failed = true;
	conn->in_len = 0;
	conn_log(conn, why);
	if (conn->ring)
		ring_error(conn->ring, code);
	conn_ready(conn);
}

/*
 * Output
 */

static void out_free_first(struct xs_conn *conn)
{
	struct xs_out *out = TAILQ_FIRST(&conn->out);

	TAILQ_REMOVE(&conn->out, out, link);
	conn->out_bytes -= out->len;
	conn->out_off = 0;
	if (out->event) {
		LIST_REMOVE(out, same);
		conn->num_events--;
	} else {
		conn->replies--;
	}
	free(out);
}

static struct xs_out *out_new(const struct xsd_sockmsg *hdr, const void *data)
{
	struct xs_out *out = malloc(sizeof(*out) + sizeof(*hdr) + hdr->len);

	if (!out)
		return NULL;
	out->len = sizeof(*hdr) + hdr->len;
	out->event = hdr->type == XS_WATCH_EVENT;
	out->hash = 0;
	memcpy(out->bytes, hdr, sizeof(*hdr));
	if (hdr->len && data)
		memcpy(out->bytes + sizeof(*hdr), data, hdr->len);
	return out;
}

static void out_insert(struct xs_conn *conn, struct xs_out *out)
{
	TAILQ_INSERT_TAIL(&conn->out, out, link);
	conn->out_bytes += out->len;
	if (out->event) {
		LIST_INSERT_HEAD(&conn->waiting[out->hash % CONN_BUCKETS], out,
				 same);
		conn->num_events++;
	} else {
		conn->replies++;
	}
	conn_ready(conn);
}

void conn_reply(struct xs_conn *conn, const struct xsd_sockmsg *req,
		uint32_t type, const void *data, size_t len)
{
	const struct xsd_sockmsg hdr = {
		.type = type,
		.req_id = req->req_id,
		.tx_id = req->tx_id,
		.len = (uint32_t)len,
	};
	struct xs_out *out;

	if (conn->failed)
		return;
	out = out_new(&hdr, data);
	if (!out) {
		conn_fail(conn, XENSTORE_ERROR_COMM, "no memory for a reply");
		return;
	}
	out_insert(conn, out);
}

/* Whether the same event waits, no byte of it sent yet. */
static bool event_waits(const struct xs_conn *conn, const char *path,
			size_t path_len, const char *token, size_t token_len,
			uint64_t hash)
{
	const struct xs_out *out;
	const char *has;

	LIST_FOREACH(out, &conn->waiting[hash % CONN_BUCKETS], same) {
		if (out->hash != hash || out->len !=
		    sizeof(struct xsd_sockmsg) + path_len + token_len)
			continue;
		if (out == TAILQ_FIRST(&conn->out) && conn->out_off)
			continue;
		has = out->bytes + sizeof(struct xsd_sockmsg);
		if (!memcmp(has, path, path_len) &&
		    !memcmp(has + path_len, token, token_len))
			return true;
	}
	return false;
}

static bool event_room(const struct xs_conn *conn, size_t len)
{
	return conn->out_bytes + len <= conn->store->limits.out_bytes &&
	       conn->num_events < CONN_EVENTS_MAX;
}

static bool event_fits(struct xs_conn *conn, size_t len)
{
	if (conn->who.privileged) {
		if (conn->out_bytes + len <= CONN_PRIV_OUT_MAX)
			return true;
		conn_fail(conn, XENSTORE_ERROR_COMM, "events not fetched");
		return false;
	}
	if (event_room(conn, len))
		return true;
	if (!conn->lossy)
		conn_log(conn, "events not fetched, some are lost");
	conn->lossy = true;
	return false;
}

bool conn_full(const struct xs_conn *conn)
{
	/* Two strings at least. */
	return conn->lossy && !event_room(conn, sizeof(struct xsd_sockmsg) + 2);
}

void conn_event(struct xs_conn *conn, const char *path, const char *token,
		uint64_t hash)
{
	size_t path_len = strlen(path) + 1, token_len = strlen(token) + 1;
	const struct xsd_sockmsg hdr = {
		.type = XS_WATCH_EVENT,
		.len = (uint32_t)(path_len + token_len),
	};
	size_t len = sizeof(hdr) + hdr.len;
	struct xs_out *out;

	if (conn->failed)
		return;
	/* Once it is known that some are lost, the same one need not be found. */
	if (conn->lossy && !event_room(conn, len))
		return;
	if (event_waits(conn, path, path_len, token, token_len, hash) ||
	    !event_fits(conn, len))
		return;
	out = out_new(&hdr, NULL);
	if (!out) {
		conn_fail(conn, XENSTORE_ERROR_COMM, "no memory for an event");
		return;
	}
	memcpy(out->bytes + sizeof(hdr), path, path_len);
	memcpy(out->bytes + sizeof(hdr) + path_len, token, token_len);
	out->hash = hash;
	out_insert(conn, out);
}

const void *xs_conn_out(struct xs_conn *conn, size_t *len)
{
	struct xs_out *out = TAILQ_FIRST(&conn->out);

	*len = 0;
	if (!out || conn->failed)
		return NULL;
	*len = out->len - conn->out_off;
	return out->bytes + conn->out_off;
}

void xs_conn_out_done(struct xs_conn *conn, size_t len)
{
	struct xs_out *out = TAILQ_FIRST(&conn->out);

	if (!out)
		return;
	if (len > out->len - conn->out_off)
		len = out->len - conn->out_off;
	conn->out_off += len;
	if (conn->out_off == out->len)
		out_free_first(conn);
	if (TAILQ_EMPTY(&conn->out))
		conn->lossy = false;
}

/*
 * Input
 */

bool xs_conn_failed(const struct xs_conn *conn)
{
	return conn->failed;
}

bool xs_conn_can_feed(const struct xs_conn *conn)
{
	return !conn->failed && conn->replies < conn->store->limits.replies;
}

/* Where the next byte goes, and how many are wanted there. */
static char *conn_in_place(struct xs_conn *conn, size_t *want)
{
	size_t off = conn->in_len;

	if (off < sizeof(conn->in_hdr)) {
		*want = sizeof(conn->in_hdr) - off;
		return (char *)&conn->in_hdr + off;
	}
	off -= sizeof(conn->in_hdr);
	*want = conn->in_hdr.len - off;
	return conn->in + off;
}

static void conn_clear(struct xs_conn *conn)
{
	struct xs_watch *watch;
	struct xs_tx *tx;

	while ((watch = TAILQ_FIRST(&conn->watches)))
		watch_free(watch);
	while ((tx = TAILQ_FIRST(&conn->txs)))
		txn_end(tx, false, NULL);
	while (!TAILQ_EMPTY(&conn->out))
		out_free_first(conn);
	conn->in_len = 0;
	conn->lossy = false;
}

/* After each piece of input: is it a header to check, a request to answer? */
static void conn_in_done(struct xs_conn *conn)
{
	if (conn->in_len < sizeof(conn->in_hdr))
		return;
	if (conn->in_hdr.len > XENSTORE_PAYLOAD_MAX) {
		conn_fail(conn, XENSTORE_ERROR_PROTO, "oversized request");
		return;
	}
	if (conn->in_len < sizeof(conn->in_hdr) + conn->in_hdr.len)
		return;
	conn->in[conn->in_hdr.len] = 0;
	conn->in_len = 0;
	conn->busy = true;
	wire_request(conn);
	conn->busy = false;
	if (conn->released)
		conn_clear(conn);
}

ssize_t xs_conn_feed(struct xs_conn *conn, const void *buf, size_t len)
{
	const char *from = buf;
	size_t want, done = 0;
	char *to;

	while (done < len && xs_conn_can_feed(conn)) {
		to = conn_in_place(conn, &want);
		if (want > len - done)
			want = len - done;
		memcpy(to, from + done, want);
		done += want;
		conn->in_len += want;
		conn_in_done(conn);
	}
	return conn->failed ? -EPROTO : (ssize_t)done;
}

/*
 * Lifetimes
 */

struct xs_conn *xs_conn_create(struct xs_store *store, uint32_t domid,
			       bool privileged, const struct xs_conn_ops *ops,
			       void *arg)
{
	struct xs_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->store = store;
	conn->who.domid = domid;
	conn->who.target = domid;
	conn->who.privileged = privileged;
	conn->ops = ops;
	conn->arg = arg;
	TAILQ_INIT(&conn->out);
	TAILQ_INIT(&conn->watches);
	TAILQ_INIT(&conn->txs);
	TAILQ_INSERT_TAIL(&store->conns, conn, link);
	return conn;
}

void conn_reset(struct xs_conn *conn)
{
	conn_clear(conn);
	conn->failed = false;
}

void conn_release(struct xs_conn *conn)
{
	conn->released = true;
	conn_fail(conn, XENSTORE_ERROR_COMM, "released");
	/* One that asks for its own end still looks at its request. */
	if (!conn->busy)
		conn_clear(conn);
}

void xs_conn_destroy(struct xs_conn *conn)
{
	if (!conn)
		return;
	xs_ring_detach(conn->ring);
	conn_clear(conn);
	conn_unready(conn);
	TAILQ_REMOVE(&conn->store->conns, conn, link);
	free(conn);
}

int xs_conn_for_each_tx(struct xs_conn *conn,
			int (*fn)(void *arg, uint32_t id), void *arg)
{
	struct xs_tx *tx;
	int err;

	for (tx = TAILQ_FIRST(&conn->txs); tx; tx = txn_next(tx)) {
		err = fn(arg, txn_id(tx));
		if (err < 0)
			return err;
	}
	return 0;
}
