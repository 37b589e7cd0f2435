// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The store: two guests and a tool that send whole requests, pieces of them
 * and noise, one guest over its ring, whose indices it scribbles on.  Counts
 * and quotas hold whatever they do, and nothing is left allocated.
 */
#include "cov.h"
#include "../../unit/xenstore_client.h"

#define STEPS	200

static const char *const words[] = {
	"a", "a/b", "a/b/c/d/e", "b", HOME, HOME "/a", HOME "/a/b", "/",
	"/local/domain/9", "/local", "@releaseDomain", "@introduceDomain", "",
	"/local/domain/7/", "x//y", "T", "F", "0", "7", "9", "n7", "r9", "b7",
	"n0", "w0", "check", "token", "1000", "-1", "4294967295",
};

struct world {
	struct bed bed;
	struct xenstore_domain_interface *page;
	struct xs_ring *ring;
	struct cov_input *in;
};

static void notified(void *arg)
{
}

/* A payload of words or of the input's own bytes, sometimes without its end. */
static size_t payload(struct cov_input *in, char *buf, size_t size)
{
	unsigned int n = cov_u8(in) % 5;
	const uint8_t *raw;
	size_t len = 0, part;

	while (n--) {
		uint8_t which = cov_u8(in);
		const char *word;

		if (which >= 0xe0) {
			part = cov_bytes(in, &raw, which - 0xe0);
			memcpy(buf + len, raw, part);
			len += part;
			continue;
		}
		word = words[which % (sizeof(words) / sizeof(*words))];
		part = strlen(word) + (which < 0xc0);
		if (len + part + 64 > size)
			break;
		memcpy(buf + len, word, part);
		len += part;
	}
	return len;
}

static void feed(struct world *w, struct xs_conn *conn, const void *data,
		 size_t len)
{
	if (!xs_conn_failed(conn) && xs_conn_can_feed(conn))
		xs_conn_feed(conn, data, len);
}

/* The guest's bytes go by its ring, as far as there is room. */
static void feed_ring(struct world *w, const void *data, size_t len)
{
	const char *p = data;

	while (len-- && w->page->req_prod - w->page->req_cons <
			XENSTORE_RING_SIZE)
		w->page->req[MASK_XENSTORE_IDX(w->page->req_prod++)] = *p++;
}

static void request(struct world *w, unsigned int who)
{
	struct {
		struct xsd_sockmsg hdr;
		char data[512];
	} msg = { .hdr = { .type = cov_u8(w->in) % (XS_TYPE_COUNT + 3),
			   .req_id = 1, .tx_id = cov_u8(w->in) % 5 } };
	size_t len = payload(w->in, msg.data, sizeof(msg.data));

	msg.hdr.len = (uint32_t)len;
	if (cov_u8(w->in) > 0xf0)
		msg.hdr.len = (uint32_t)cov_number(w->in);
	len += sizeof(msg.hdr);
	if (who == 0)
		feed_ring(w, &msg, len);
	else
		feed(w, who == 1 ? w->bed.other.conn : w->bed.tool.conn, &msg,
		     len);
}

static void fetch(struct xs_conn *conn, size_t most)
{
	size_t len;

	while (xs_conn_out(conn, &len) && len && most) {
		len = len < most ? len : most;
		xs_conn_out_done(conn, len);
		most -= len;
	}
}

/* A connection that failed is replaced, as a new client would come. */
static void revive(struct world *w, struct client *c, uint32_t domid,
		   bool privileged)
{
	if (!xs_conn_failed(c->conn) || !xs_is_introduced(w->bed.store, domid))
		return;
	client_exit(c);
	client_init(c, w->bed.store, domid, privileged);
}

/* The rest of a long request, in which no byte matters. */
static void fill(struct world *w, size_t len)
{
	static const char filler[256 * 64];

	feed(w, w->bed.other.conn, filler, len);
}

static void step(struct world *w)
{
	uint8_t op = cov_u8(w->in);

	switch (op % 16) {
	case 0 ... 6:
		request(w, op / 16 % 3);
		break;
	case 7: {
		const uint8_t *raw;
		size_t n = cov_bytes(w->in, &raw, op / 16);

		feed_ring(w, raw, n);
		break;
	}
	case 8:
		w->page->rsp_cons = w->page->rsp_prod;
		break;
	case 9:
		w->page->rsp_cons += cov_u8(w->in);
		break;
	case 10:
		w->page->req_prod = (uint32_t)cov_number(w->in);
		break;
	case 11:
		w->page->connection = cov_u8(w->in);
		break;
	case 12:
		fetch(w->bed.other.conn, cov_u16(w->in));
		fetch(w->bed.tool.conn, cov_u16(w->in));
		break;
	case 13:
		revive(w, &w->bed.other, OTHER, false);
		revive(w, &w->bed.tool, 0, true);
		break;
	case 14:
		fill(w, cov_u8(w->in) * 64u);
		break;
	default:
		xs_ring_run(w->ring);
		xs_run_deferred(w->bed.store);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cov_input in = { data, len };
	struct world w = { .in = &in };
	unsigned int i;

	bed_init(&w.bed, NULL);
	w.page = aligned_alloc(4096, 4096);
	CHECK(w.page);
	memset(w.page, 0, 4096);
	w.ring = xs_ring_attach(w.bed.guest.conn, w.page, notified, NULL);
	CHECK(w.ring);
	for (i = 0; i < STEPS && in.len; i++)
		step(&w);
	xs_ring_run(w.ring);
	xs_run_deferred(w.bed.store);
	CHECK_EQ(store_check(w.bed.store), 0);
	xs_ring_detach(w.ring);
	free(w.page);
	xs_store_destroy(w.bed.store);
	return 0;
}
