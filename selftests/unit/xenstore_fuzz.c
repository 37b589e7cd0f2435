// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xenstore_fuzz.c - nonsense, the same on each run: random bytes, mangled
 * requests, and random requests that make sense.  Nothing may go wrong but
 * requests; counts must stay right and other clients served.
 */
#include "xenstore_client.h"

static uint32_t fuzz_state;

static uint32_t fuzz(uint32_t below)
{
	fuzz_state ^= fuzz_state << 13;
	fuzz_state ^= fuzz_state >> 17;
	fuzz_state ^= fuzz_state << 5;
	return fuzz_state % below;
}

static void drain(struct client *c)
{
	size_t len;

	while (xs_conn_out(c->conn, &len) && len)
		xs_conn_out_done(c->conn, 1 + fuzz((uint32_t)len));
}

static void feed_all(struct client *c, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	while (len && !xs_conn_failed(c->conn)) {
		n = xs_conn_feed(c->conn, p, 1 + fuzz((uint32_t)len));
		if (n < 0)
			return;
		p += n;
		len -= (size_t)n;
		if (!n || !fuzz(4))
			drain(c);
	}
}

static void revive(struct client *c, struct xs_store *store)
{
	uint32_t domid = c->conn->who.domid;
	bool privileged = c->conn->who.privileged;

	if (!xs_conn_failed(c->conn))
		return;
	client_exit(c);
	client_init(c, store, domid, privileged);
}

TEST(fuzz_bytes, "random bytes")
{
	unsigned char buf[512];
	struct bed bed;
	unsigned int i, j;

	bed_init(&bed, NULL);
	fuzz_state = 12345;
	for (i = 0; i < 3000; i++) {
		struct client *c = i % 2 ? &bed.guest : &bed.tool;

		for (j = 0; j < sizeof(buf); j++)
			buf[j] = (unsigned char)fuzz(256);
		/* Often enough a header that gets further. */
		if (fuzz(4)) {
			struct xsd_sockmsg hdr = {
				.type = fuzz(XS_TYPE_COUNT + 2),
				.tx_id = fuzz(3),
				.len = fuzz(480),
			};

			memcpy(buf, &hdr, sizeof(hdr));
		}
		feed_all(c, buf, sizeof(buf));
		revive(c, bed.store);
	}
	CHECK_EQ(c_write(&bed.other, 0, "a", "x"), 0);
	bed_exit(&bed);
}

static const char *const fuzz_words[] = {
	"a", "a/b", "a/b/c", "b", HOME, HOME "/a", HOME "/a/b", "/",
	"/local/domain/9", "/local", "@releaseDomain", "@introduceDomain", "",
	"/local/domain/7/", "x//y", "T", "F", "0", "7", "9", "n7", "r9", "b7",
	"n0", "w0", "check", "tok", "1000",
};

/* A payload out of words, sometimes damaged. */
static size_t fuzz_args(char *buf)
{
	unsigned int num = 1 + fuzz(4), i;
	size_t len = 0;

	for (i = 0; i < num; i++) {
		const char *word = fuzz_words[fuzz(ARRAY_SIZE(fuzz_words))];

		strcpy(buf + len, word);
		len += strlen(word) + 1;
	}
	if (!fuzz(8))
		len--;
	if (!fuzz(10) && len)
		buf[fuzz((uint32_t)len)] = (char)fuzz(256);
	return len;
}

/* Everything but the end of the domains that the test stands on. */
static uint32_t fuzz_type(void)
{
	uint32_t type;

	do {
		type = fuzz(XS_TYPE_COUNT + 1);
	} while (type == XS_RELEASE);
	return type;
}

static void fuzz_local(struct bed *bed)
{
	switch (fuzz(6)) {
	case 0:
		xs_write(bed->store, HOME "/a/b", "%u", fuzz(100));
		break;
	case 1:
		xs_rm(bed->store, HOME "/a");
		break;
	case 2:
		xs_release(bed->store, GUEST);
		client_exit(&bed->guest);
		CHECK_EQ(xs_introduce(bed->store, GUEST), 0);
		CHECK_EQ(xs_mkdir(bed->store, HOME), 0);
		CHECK_EQ(xs_set_perms(bed->store, HOME,
				      &(struct xs_perm){ GUEST, 0 }, 1), 0);
		client_init(&bed->guest, bed->store, GUEST, false);
		break;
	default:
		while (xs_run_deferred(bed->store))
			;
		break;
	}
}

static void fuzz_requests(uint32_t seed, bool failing)
{
	char args[XENSTORE_PAYLOAD_MAX];
	struct xs_limits limits = {
		.nodes = 12, .watches = 5, .txs = 3, .tx_nodes = 10,
		.tx_bytes = 3000, .out_bytes = 2000, .node_size = 200,
	};
	struct bed bed;
	struct client *const clients[] = { &bed.guest, &bed.other, &bed.tool };
	unsigned int i;

	bed_init(&bed, &limits);
	fuzz_state = seed;
	for (i = 0; i < 4000; i++) {
		struct client *c = clients[fuzz(3)];
		struct xsd_sockmsg hdr = {
			.type = fuzz_type(),
			.tx_id = fuzz(2) ? 0 : c->conn->last_tx - fuzz(3),
		};

		hdr.len = (uint32_t)fuzz_args(args);
		if (failing)
			nomem_arm(fuzz(30));
		feed_all(c, &hdr, sizeof(hdr));
		feed_all(c, args, hdr.len);
		nomem_arm(0);
		if (fuzz(3))
			drain(c);
		revive(c, bed.store);
		if (!fuzz(40))
			fuzz_local(&bed);
		CHECK(tree_nodes_of(&bed.store->tree, GUEST) <= 40);
		if (!(i % 64))
			CHECK_EQ(store_check(bed.store), 0);
	}
	bed_exit(&bed);
}

TEST_TIMEOUT(fuzz_sense, "random requests with small quotas", 300)
{
	fuzz_requests(1, false);
	fuzz_requests(2, false);
	fuzz_requests(3, false);
}

TEST_TIMEOUT(fuzz_nomem, "the same while memory keeps running out", 300)
{
	fuzz_requests(4, true);
	fuzz_requests(5, true);
}

TEST_TIMEOUT(fuzz_ring, "a page that is scribbled on", 300)
{
	struct xenstore_domain_interface *page = aligned_alloc(4096, 4096);
	struct xs_ring *ring;
	struct bed bed;
	unsigned int i;

	bed_init(&bed, NULL);
	memset(page, 0, 4096);
	ring = xs_ring_attach(bed.guest.conn, page, free, NULL);
	CHECK(ring);
	fuzz_state = 99;
	for (i = 0; i < 20000; i++) {
		struct xsd_sockmsg hdr = {
			.type = fuzz(XS_TYPE_COUNT), .len = fuzz(60),
		};
		unsigned int off = MASK_XENSTORE_IDX(page->req_prod);

		if (off + sizeof(hdr) <= XENSTORE_RING_SIZE)
			memcpy(page->req + off, &hdr, sizeof(hdr));
		page->req[fuzz(XENSTORE_RING_SIZE)] = (char)fuzz(256);
		page->req_prod += fuzz(100);
		page->rsp_cons += fuzz(100) ? fuzz(60) : 0xfffu;
		if (!fuzz(3))
			page->rsp_cons = page->rsp_prod;
		if (!fuzz(50))
			((char *)page)[fuzz(4096)] = (char)fuzz(256);
		if (!fuzz(10))
			page->connection = XENSTORE_RECONNECT;
		xs_ring_run(ring);
		if (!fuzz(10))
			xs_run_deferred(bed.store);
	}
	xs_ring_detach(ring);
	free(page);
	bed_exit(&bed);
}
