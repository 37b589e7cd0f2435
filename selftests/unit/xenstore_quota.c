// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xenstore_quota.c - what a guest may use up, and what happens when it does.
 */
#include "xenstore_client.h"

TEST(quota_nodes, "nodes of a domain are counted wherever they are")
{
	struct bed bed;
	struct client *g = &bed.guest;
	char path[64];
	unsigned int i;
	uint32_t tx;

	bed_init(&bed, NULL);
	/* 999 besides the home, in directories that are small enough. */
	for (i = 0; tree_nodes_of(&bed.store->tree, GUEST) < 1000; i++) {
		sprintf(path, "%u/%u", i / 100, i % 100);
		CHECK_EQ(c_path(g, XS_MKDIR, 0, path), 0);
	}
	CHECK_EQ(i, 989);
	CHECK_EQ(c_path(g, XS_MKDIR, 0, "more"), -ENOSPC);
	CHECK_EQ(c_write(g, 0, "more", ""), -ENOSPC);
	tx = c_begin(g);
	CHECK_EQ(c_write(g, tx, "more", ""), -ENOSPC);
	CHECK_EQ(c_path(g, XS_RM, tx, "9"), 0);
	CHECK_EQ(c_write(g, tx, "more", ""), 0);
	CHECK_EQ(c_end(g, tx, true), 0);
	CHECK_EQ(tree_nodes_of(&bed.store->tree, GUEST), 911);
	/* Domain 0 is not bound, nor is another guest affected. */
	CHECK_EQ(xs_write(bed.store, HOME "/a/b/c/d", "x"), 0);
	CHECK_EQ(c_write(&bed.other, 0, "x", ""), 0);
	bed_exit(&bed);
}

TEST(quota_chain, "a path that would not fit whole makes none of its nodes")
{
	struct xs_limits limits = { .nodes = 5 };
	struct bed bed;
	unsigned int nodes;

	bed_init(&bed, &limits);
	nodes = count_nodes(bed.store);
	CHECK_EQ(c_path(&bed.guest, XS_MKDIR, 0, "a/b/c/d/e"), -ENOSPC);
	CHECK_EQ(count_nodes(bed.store), nodes);
	CHECK_EQ(c_path(&bed.guest, XS_MKDIR, 0, "a/b/c/d"), 0);
	bed_exit(&bed);
}

TEST(quota_size, "value, list and child names of a node together")
{
	const struct xs_perm large[6] = { { 7, 0 }, { 0, 0 }, { 9, 0 } };
	struct bed bed;
	struct client *g = &bed.guest;
	char path[64];
	unsigned int i;

	bed_init(&bed, NULL);
	/* 24 fixed and 8 for the one entry of the access list. */
	CHECK_EQ(c_write_len(g, 0, "a", 2048 - 32), 0);
	CHECK_EQ(c_write_len(g, 0, "a", 2048 - 31), -ENOSPC);
	CHECK_EQ(c_write_len(g, 0, "b", 2048 - 31), -ENOSPC);
	CHECK_EQ(c_is(g, 0, "b", ""), -ENOENT);
	CHECK_EQ(c_perms(g, 0, "a", "n7 r9"), -ENOSPC);
	CHECK_EQ(c_path(g, XS_MKDIR, 0, "a/c"), -ENOSPC);
	CHECK_EQ(c_write_len(g, 0, "a", 2048 - 32 - 5), 0);
	CHECK_EQ(c_path(g, XS_MKDIR, 0, "a/child"), -ENOSPC);
	CHECK_EQ(c_path(g, XS_MKDIR, 0, "a/four/other-nodes"), 0);
	/* One that domain 0 made large may be made smaller. */
	CHECK_EQ(c_write_len(&bed.tool, 0, HOME "/l", 3000), 0);
	CHECK_EQ(c_write_len(g, 0, "l", 2900), 0);
	CHECK_EQ(c_write_len(g, 0, "l", 2901), -ENOSPC);
	CHECK_EQ(xs_set_perms(bed.store, HOME "/l", large, 6), 0);
	CHECK_EQ(c_perms(g, 0, "l", "n7 r9"), 0);
	for (i = 0; i < 1000; i++) {
		sprintf(path, "dir/child-%04u", i);
		if (c_path(g, XS_MKDIR, 0, path))
			break;
	}
	CHECK_EQ(i, (2048 - 32) / 11);
	bed_exit(&bed);
}

TEST(quota_perms, "five entries in an access list")
{
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(&bed.guest, 0, "a", ""), 0);
	CHECK_EQ(c_perms(&bed.guest, 0, "a", "n7 r0 r9 b0 b9"), 0);
	CHECK_EQ(c_perms(&bed.guest, 0, "a", "n7 r0 r9 b0 b9 w0"), -ENOSPC);
	CHECK_EQ(c_perms(&bed.tool, 0, HOME "/a", "n7 r0 r9 b0 b9 w0"), 0);
	bed_exit(&bed);
}

TEST(quota_watches, "128 watches")
{
	struct bed bed;
	char token[16];
	unsigned int i;

	bed_init(&bed, NULL);
	for (i = 0; i < 128; i++) {
		sprintf(token, "%u", i);
		CHECK_EQ(c_watch(&bed.guest, "a", token), 0);
	}
	CHECK_EQ(c_watch(&bed.guest, "a", "more"), -E2BIG);
	CHECK_EQ(c_watch(&bed.guest, "a", "5"), -EEXIST);
	CHECK_EQ(c_unwatch(&bed.guest, "a", "5"), 0);
	CHECK_EQ(c_watch(&bed.guest, "a", "more"), 0);
	for (i = 0; i < 200; i++) {
		sprintf(token, "%u", i);
		CHECK_EQ(c_watch(&bed.tool, "a", token), 0);
	}
	bed_exit(&bed);
}

TEST(quota_txs, "ten transactions at a time")
{
	struct bed bed;
	unsigned int i;
	uint32_t tx = 0;

	bed_init(&bed, NULL);
	for (i = 0; i < 10; i++)
		tx = c_begin(&bed.guest);
	CHECK_EQ(call(&bed.guest, XS_TRANSACTION_START, 0, ARGS("\0"), NULL),
		 -ENOSPC);
	CHECK_EQ(c_end(&bed.guest, tx, true), 0);
	c_begin(&bed.guest);
	for (i = 0; i < 20; i++)
		c_begin(&bed.tool);
	bed_exit(&bed);
}

TEST(quota_tx_nodes, "a transaction touches so many nodes, existing or not")
{
	struct xs_limits limits = { .tx_nodes = 20 };
	struct bed bed;
	struct client *g = &bed.guest;
	char path[64];
	unsigned int i;
	uint32_t tx;

	bed_init(&bed, &limits);
	tx = c_begin(g);
	for (i = 0; i < 20; i++) {
		sprintf(path, "none-%u", i);
		CHECK_EQ(c_is(g, tx, path, ""), -ENOENT);
		CHECK_EQ(c_is(g, tx, path, ""), -ENOENT);
	}
	CHECK_EQ(c_is(g, tx, "one-more", ""), -ENOSPC);
	CHECK_EQ(c_write(g, tx, "none-3", "x"), 0);
	CHECK_EQ(c_end(g, tx, true), 0);
	/* Nor can the log grow by making and removing one node. */
	tx = c_begin(g);
	for (i = 0; i < 1000; i++) {
		if (c_write(g, tx, "a", "x") || c_path(g, XS_RM, tx, "a"))
			break;
	}
	CHECK(i >= 40 && i < 100);
	/* But writing it is as good the thousandth time. */
	tx = c_begin(g);
	for (i = 0; i < 1000; i++)
		CHECK_EQ(c_write(g, tx, "a", "x"), 0);
	CHECK_EQ(c_end(g, tx, true), 0);
	bed_exit(&bed);
}

TEST(quota_tx_bytes, "what transactions record is bounded over all of them")
{
	struct xs_limits limits = { .tx_bytes = 20000 };
	struct bed bed;
	struct client *g = &bed.guest;
	char path[64];
	unsigned int i;
	uint32_t tx;

	bed_init(&bed, &limits);
	c_begin(g);
	tx = c_begin(g);
	for (i = 0; i < 100; i++) {
		sprintf(path, "%u", i);
		if (c_write_len(g, tx, path, 1900))
			break;
	}
	CHECK(i > 5 && i < 11);
	CHECK(g->conn->tx_bytes <= 20000);
	CHECK_EQ(c_end(g, tx, false), 0);
	CHECK_EQ(g->conn->tx_bytes, 0);
	bed_exit(&bed);
}

TEST(quota_replies, "who does not fetch replies is not listened to")
{
	struct xsd_sockmsg hdr = { .type = XS_READ, .len = 2 };
	struct reply reply;
	struct bed bed;
	unsigned int i;

	bed_init(&bed, NULL);
	for (i = 0; i < 20; i++) {
		CHECK(xs_conn_can_feed(bed.guest.conn));
		hdr.req_id = i;
		CHECK_EQ(xs_conn_feed(bed.guest.conn, &hdr, sizeof(hdr)), 16);
		CHECK_EQ(xs_conn_feed(bed.guest.conn, "a", 2), 2);
	}
	CHECK(!xs_conn_can_feed(bed.guest.conn));
	CHECK_EQ(xs_conn_feed(bed.guest.conn, &hdr, sizeof(hdr)), 0);
	CHECK(client_take(&bed.guest, &reply));
	CHECK_EQ(reply.hdr.req_id, 0);
	CHECK_EQ(xs_conn_feed(bed.guest.conn, &hdr, sizeof(hdr)), 16);
	CHECK_EQ(xs_conn_feed(bed.guest.conn, "a", 2), 2);
	CHECK_EQ(xs_conn_feed(bed.guest.conn, "a", 2), 0);
	bed_exit(&bed);
}

TEST(quota_events, "events nobody fetches are dropped, with one line")
{
	struct xs_limits limits = { .out_bytes = 10000 };
	struct reply reply;
	struct bed bed;
	char path[64];
	unsigned int i;

	bed_init(&bed, &limits);
	CHECK_EQ(c_watch(&bed.guest, HOME, "t"), 0);
	for (i = 0; i < 3000; i++) {
		sprintf(path, HOME "/%u", i);
		CHECK_EQ(xs_write(bed.store, path, "x"), 0);
		CHECK(bed.guest.conn->out_bytes <= 10000);
	}
	CHECK_EQ(bed.lines, 1);
	/* Requests still work. */
	client_send(&bed.guest, XS_READ, 0, ARGS("1\0"));
	while (client_take(&bed.guest, &reply) &&
	       reply.hdr.type == XS_WATCH_EVENT)
		;
	CHECK_EQ(reply.hdr.type, XS_READ);
	CHECK_EQ(xs_write(bed.store, HOME "/new", "x"), 0);
	CHECK(client_take(&bed.guest, &reply));
	bed_exit(&bed);
}

TEST(quota_tool, "a tool that fetches nothing at all is given up")
{
	char path[3000];
	struct bed bed;
	unsigned int i;

	bed_init(&bed, NULL);
	CHECK_EQ(c_watch(&bed.tool, "/", "t"), 0);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	for (i = 0; i < 2000 && !xs_conn_failed(bed.tool.conn); i++) {
		sprintf(path + 2990, "%u", i);
		CHECK_EQ(xs_write(bed.store, path, "x"), 0);
		CHECK_EQ(xs_rm(bed.store, path), 0);
	}
	CHECK(i > 1000 && i < 2000);
	CHECK(bed.tool.conn->out_bytes <= CONN_PRIV_OUT_MAX);
	bed_exit(&bed);
}
