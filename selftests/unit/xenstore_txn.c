// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xenstore_txn.c - transactions: isolation, conflicts, atomicity.
 */
#include "xenstore_client.h"

TEST(txn_commit, "changes are private before and whole after")
{
	struct bed bed;
	struct client *g = &bed.guest;
	uint32_t tx;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(g, 0, "a", "old"), 0);
	CHECK_EQ(c_write(g, 0, "gone/x", "old"), 0);
	tx = c_begin(g);
	CHECK_EQ(c_write(g, tx, "a", "new"), 0);
	CHECK_EQ(c_write(g, tx, "made/deep", "new"), 0);
	CHECK_EQ(c_path(g, XS_RM, tx, "gone"), 0);
	CHECK_EQ(c_perms(g, tx, "a", "r7"), 0);
	CHECK_EQ(c_is(g, tx, "a", "new"), 0);
	CHECK_EQ(c_is(g, tx, "gone/x", ""), -ENOENT);
	CHECK_EQ(c_lists(g, tx, HOME, "a made"), 0);
	CHECK_EQ(c_is(g, 0, "a", "old"), 0);
	CHECK_EQ(c_is(g, 0, "made/deep", ""), -ENOENT);
	CHECK_EQ(c_lists(g, 0, HOME, "a gone"), 0);
	CHECK_EQ(c_end(g, tx, true), 0);
	CHECK_EQ(c_is(g, 0, "a", "new"), 0);
	CHECK_EQ(c_is(g, 0, "made/deep", "new"), 0);
	CHECK_EQ(c_lists(g, 0, HOME, "a made"), 0);
	CHECK_EQ(c_perms_are(g, "a", "r7"), 0);
	CHECK_EQ(c_end(g, tx, true), -ENOENT);
	CHECK_EQ(c_write(g, tx, "a", "late"), -ENOENT);
	bed_exit(&bed);
}

TEST(txn_abort, "an aborted one has done nothing")
{
	struct bed bed;
	struct client *g = &bed.guest;
	unsigned int nodes;
	uint32_t tx;

	bed_init(&bed, NULL);
	CHECK_EQ(c_watch(g, HOME, "t"), 0);
	client_events(g);
	client_forget(g);
	nodes = count_nodes(bed.store);
	tx = c_begin(g);
	CHECK_EQ(c_write(g, tx, "a/b/c", "new"), 0);
	CHECK_EQ(c_end(g, tx, false), 0);
	CHECK_EQ(count_nodes(bed.store), nodes);
	CHECK_EQ(tree_nodes_of(&bed.store->tree, GUEST), 1);
	client_events(g);
	CHECK_EQ(g->num_events, 0);
	CHECK_EQ(g->conn->tx_bytes, 0);
	bed_exit(&bed);
}

/* What a transaction does, what somebody else does, and the end of it. */
static const struct {
	const char *name;
	uint32_t tx_type;
	const char *tx_path;
	uint32_t type;
	const char *path;
	int err;
} conflicts[] = {
	{ "read, written", XS_READ, "a", XS_WRITE, "a", -EAGAIN },
	{ "written, written", XS_WRITE, "a", XS_WRITE, "a", -EAGAIN },
	{ "read, removed", XS_READ, "a", XS_RM, "a", -EAGAIN },
	{ "removed, written", XS_RM, "a", XS_WRITE, "a", -EAGAIN },
	{ "made, made", XS_MKDIR, "n", XS_MKDIR, "n", -EAGAIN },
	{ "missed, made", XS_READ, "n", XS_WRITE, "n", -EAGAIN },
	{ "listed, child made", XS_DIRECTORY, "d", XS_WRITE, "d/y", -EAGAIN },
	{ "listed, child removed", XS_DIRECTORY, "d", XS_RM, "d/x", -EAGAIN },
	{ "removed, child made", XS_RM, "d", XS_WRITE, "d/y", -EAGAIN },
	{ "made below, parent removed", XS_WRITE, "d/y", XS_RM, "d", 0 },
	{ "listed, child written", XS_DIRECTORY, "d", XS_WRITE, "d/x", 0 },
	{ "made, sibling made", XS_WRITE, "d/y", XS_WRITE, "d/z", 0 },
	{ "read, other written", XS_READ, "a", XS_WRITE, "b", 0 },
	{ "read, removed and made", XS_READ, "a", XS_INVALID, "a", -EAGAIN },
};

static void do_one(struct client *c, uint32_t type, uint32_t tx,
		   const char *path)
{
	if (type == XS_WRITE) {
		CHECK_EQ(c_write(c, tx, path, "v"), 0);
	} else if (type == XS_INVALID) {
		CHECK_EQ(c_path(c, XS_RM, tx, path), 0);
		CHECK_EQ(c_write(c, tx, path, "v"), 0);
	} else {
		int err = c_path(c, type, tx, path);

		CHECK(!err || (type == XS_READ && err == -ENOENT));
	}
}

TEST(txn_conflicts, "who looked at what others changed starts over")
{
	struct bed bed;
	unsigned int i;
	uint32_t tx;
	int err;

	for (i = 0; i < ARRAY_SIZE(conflicts); i++) {
		bed_init(&bed, NULL);
		CHECK_EQ(c_write(&bed.guest, 0, "a", "v"), 0);
		CHECK_EQ(c_write(&bed.guest, 0, "d/x", "v"), 0);
		tx = c_begin(&bed.guest);
		do_one(&bed.guest, conflicts[i].tx_type, tx,
		       conflicts[i].tx_path);
		/* One that ends before and one that goes on besides. */
		c_begin(&bed.guest);
		do_one(&bed.guest, conflicts[i].type, 0, conflicts[i].path);
		err = c_end(&bed.guest, tx, true);
		CHECK_MSG(err == conflicts[i].err, "%s: %d", conflicts[i].name,
			  err);
		bed_exit(&bed);
	}
}

TEST(txn_snapshot, "reads see one moment")
{
	struct bed bed;
	uint32_t tx;

	bed_init(&bed, NULL);
	CHECK_EQ(xs_write(bed.store, HOME "/a", "1"), 0);
	CHECK_EQ(xs_write(bed.store, HOME "/b", "1"), 0);
	tx = c_begin(&bed.guest);
	CHECK_EQ(c_is(&bed.guest, tx, "a", "1"), 0);
	CHECK_EQ(xs_write(bed.store, HOME "/a", "2"), 0);
	CHECK_EQ(xs_write(bed.store, HOME "/b", "2"), 0);
	CHECK_EQ(c_is(&bed.guest, tx, "b", "1"), 0);
	CHECK_EQ(c_end(&bed.guest, tx, true), -EAGAIN);
	bed_exit(&bed);
}

TEST(txn_parent_made, "what it made on the way is no conflict with itself")
{
	struct bed bed;
	uint32_t tx;

	bed_init(&bed, NULL);
	tx = c_begin(&bed.guest);
	CHECK_EQ(c_write(&bed.guest, tx, "p/q/r", "v"), 0);
	CHECK_EQ(c_lists(&bed.guest, tx, "p", "q"), 0);
	CHECK_EQ(xs_write(bed.store, "/elsewhere", "x"), 0);
	CHECK_EQ(c_end(&bed.guest, tx, true), 0);
	CHECK_EQ(c_is(&bed.guest, 0, "p/q/r", "v"), 0);
	bed_exit(&bed);
}

TEST(txn_replay, "repeated, removed and remade: the end state is the last one")
{
	struct bed bed;
	struct client *g = &bed.guest;
	uint32_t tx;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(g, 0, "r/keep", "0"), 0);
	tx = c_begin(g);
	CHECK_EQ(c_write(g, tx, "r/a", "1"), 0);
	CHECK_EQ(c_write(g, tx, "r/a", "22"), 0);
	CHECK_EQ(c_path(g, XS_RM, tx, "r"), 0);
	CHECK_EQ(c_write(g, tx, "r/a", "333"), 0);
	CHECK_EQ(c_perms(g, tx, "r", "n7 r0"), 0);
	CHECK_EQ(c_write(g, tx, "r/b", "1"), 0);
	CHECK_EQ(c_perms(g, tx, "r", "n7"), 0);
	CHECK_EQ(c_write(g, tx, "r/a", "4"), 0);
	CHECK_EQ(xs_write(bed.store, "/force-a-replay", "x"), 0);
	CHECK_EQ(c_end(g, tx, true), 0);
	CHECK_EQ(c_lists(g, 0, "r", "a b"), 0);
	CHECK_EQ(c_is(g, 0, "r/a", "4"), 0);
	CHECK_EQ(c_perms_are(g, "r/a", "n7"), 0);
	CHECK_EQ(c_perms_are(g, "r/b", "n7 r0"), 0);
	CHECK_EQ(c_perms_are(g, "r", "n7"), 0);
	CHECK_EQ(g->conn->tx_bytes, 0);
	bed_exit(&bed);
}

TEST(txn_whole, "one that fails at its end has done nothing")
{
	struct xs_limits limits = { .nodes = 10 };
	struct bed bed;
	struct client *g = &bed.guest;
	unsigned int nodes;
	uint32_t tx;

	bed_init(&bed, &limits);
	CHECK_EQ(c_watch(g, HOME, "t"), 0);
	tx = c_begin(g);
	CHECK_EQ(c_write(g, tx, "a/1", ""), 0);
	CHECK_EQ(c_write(g, tx, "a/2", ""), 0);
	CHECK_EQ(c_write(g, tx, "a/3", ""), 0);
	CHECK_EQ(c_write(g, tx, "a/4", ""), 0);
	/* Both fit alone, together they do not. */
	CHECK_EQ(c_write(g, 0, "b/1", ""), 0);
	CHECK_EQ(c_write(g, 0, "b/2", ""), 0);
	CHECK_EQ(c_write(g, 0, "b/3", ""), 0);
	CHECK_EQ(c_write(g, 0, "b/4", ""), 0);
	client_events(g);
	client_forget(g);
	nodes = count_nodes(bed.store);
	CHECK_EQ(c_end(g, tx, true), -ENOSPC);
	CHECK_EQ(count_nodes(bed.store), nodes);
	CHECK_EQ(c_is(g, 0, "a", ""), -ENOENT);
	client_events(g);
	CHECK_EQ(g->num_events, 0);
	CHECK_EQ(tree_nodes_of(&bed.store->tree, GUEST), 6);
	bed_exit(&bed);
}

TEST(txn_rights, "rights taken away meanwhile stop the commit")
{
	struct bed bed;
	uint32_t tx;

	bed_init(&bed, NULL);
	CHECK_EQ(c_path(&bed.guest, XS_MKDIR, 0, "x"), 0);
	CHECK_EQ(c_perms(&bed.guest, 0, "x", "n7 b9"), 0);
	tx = c_begin(&bed.other);
	CHECK_EQ(c_write(&bed.other, tx, HOME "/x/y", "v"), 0);
	CHECK_EQ(c_perms(&bed.guest, 0, "x", "n7"), 0);
	CHECK_EQ(c_end(&bed.other, tx, true), -EAGAIN);
	CHECK_EQ(c_is(&bed.guest, 0, "x/y", ""), -ENOENT);
	bed_exit(&bed);
}

TEST(txn_ids, "an id means something to its connection alone")
{
	struct bed bed;
	uint32_t tx;

	bed_init(&bed, NULL);
	tx = c_begin(&bed.guest);
	CHECK_EQ(c_is(&bed.tool, tx, "/", ""), -ENOENT);
	CHECK_EQ(c_end(&bed.tool, tx, true), -ENOENT);
	CHECK_EQ(call(&bed.guest, XS_TRANSACTION_START, tx, ARGS("\0"), NULL),
		 -EBUSY);
	CHECK_EQ(call(&bed.guest, XS_TRANSACTION_START, 99, ARGS("\0"), NULL),
		 -ENOENT);
	CHECK_EQ(c_end(&bed.guest, tx, true), 0);
	/* The counter goes round past zero and ids in use. */
	tx = c_begin(&bed.guest);
	bed.guest.conn->last_tx = UINT32_MAX;
	bed.guest.conn->last_tx = tx - 1;
	CHECK(c_begin(&bed.guest) == tx + 1);
	CHECK_EQ(call(&bed.guest, XS_RESET_WATCHES, 0, ARGS("\0"), NULL), 0);
	CHECK_EQ(c_end(&bed.guest, tx, true), -ENOENT);
	bed_exit(&bed);
}
