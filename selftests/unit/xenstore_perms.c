// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xenstore_perms.c - rights: what they grant, who gives them, what is inherited
 * and what errors give away.
 */
#include "xenstore_client.h"

#define THEIRS	"/local/domain/7/x"

TEST(perms_matrix, "each entry grants what it says and no more")
{
	static const struct {
		const char *perms;
		int read;
		int write;
	} rows[] = {
		{ "n7", -EACCES, -EACCES },
		{ "r7", 0, -EACCES },
		{ "w7", -EACCES, 0 },
		{ "b7", 0, 0 },
		{ "n7 r9", 0, -EACCES },
		{ "n7 w9", -EACCES, 0 },
		{ "n7 b9", 0, 0 },
		{ "b7 n9", -EACCES, -EACCES },
		{ "n7 r0 b9", 0, 0 },
		{ "r7 b0", 0, -EACCES },
	};
	struct bed bed;
	unsigned int i;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(&bed.guest, 0, "x", "v"), 0);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_EQ(c_perms(&bed.guest, 0, "x", rows[i].perms), 0);
		CHECK_EQ(c_perms_are(&bed.guest, "x", rows[i].perms), 0);
		CHECK_EQ(c_is(&bed.other, 0, THEIRS, "v"), rows[i].read);
		CHECK_EQ(c_write(&bed.other, 0, THEIRS, "v"), rows[i].write);
		/* Neither makes an owner. */
		CHECK_EQ(c_perms(&bed.other, 0, THEIRS, "b9"), -EACCES);
		CHECK_EQ(c_is(&bed.tool, 0, THEIRS, "v"), 0);
	}
	bed_exit(&bed);
}

TEST(perms_inherit, "a new node has its parent's list and its maker as owner")
{
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_path(&bed.guest, XS_MKDIR, 0, "x"), 0);
	CHECK_EQ(c_perms_are(&bed.guest, "x", "n7"), 0);
	CHECK_EQ(c_perms(&bed.guest, 0, "x", "n7 b9 r0"), 0);
	CHECK_EQ(c_write(&bed.other, 0, THEIRS "/a/b", "v"), 0);
	CHECK_EQ(c_perms_are(&bed.other, THEIRS "/a/b", "n9 b9 r0"), 0);
	/* The guest has no right to what the other made in its directory... */
	CHECK_EQ(c_is(&bed.guest, 0, "x/a/b", "v"), -EACCES);
	/* ...but the directory is its own, with all there is. */
	CHECK_EQ(c_path(&bed.guest, XS_RM, 0, "x"), 0);
	CHECK_EQ(tree_nodes_of(&bed.store->tree, OTHER), 1);
	CHECK_EQ(xs_write(bed.store, HOME "/by0", "x"), 0);
	CHECK_EQ(c_perms_are(&bed.guest, "by0", "n7"), 0);
	bed_exit(&bed);
}

TEST(perms_owner, "nobody but domain 0 changes an owner")
{
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(&bed.guest, 0, "x", "v"), 0);
	CHECK_EQ(c_perms(&bed.guest, 0, "x", "n9"), -EPERM);
	CHECK_EQ(c_perms(&bed.guest, 0, "x", "n0"), -EPERM);
	CHECK_EQ(c_perms(&bed.guest, 0, "missing", "n7"), -ENOENT);
	CHECK_EQ(tree_nodes_of(&bed.store->tree, OTHER), 1);
	CHECK_EQ(c_perms(&bed.tool, 0, THEIRS, "n9"), 0);
	CHECK_EQ(tree_nodes_of(&bed.store->tree, OTHER), 2);
	CHECK_EQ(c_is(&bed.guest, 0, "x", "v"), -EACCES);
	CHECK_EQ(c_is(&bed.other, 0, THEIRS, "v"), 0);
	bed_exit(&bed);
}

TEST(perms_hidden, "what may not be seen is not said to be missing")
{
	struct bed bed;
	struct client *g = &bed.guest;

	bed_init(&bed, NULL);
	CHECK_EQ(xs_write(bed.store, "/vm/secret", "x"), 0);
	CHECK_EQ(c_is(g, 0, "/vm/secret", ""), -EACCES);
	CHECK_EQ(c_is(g, 0, "/vm/not-there", ""), -EACCES);
	CHECK_EQ(c_lists(g, 0, "/", ""), -EACCES);
	CHECK_EQ(c_path(g, XS_MKDIR, 0, "/vm/x"), -EACCES);
	CHECK_EQ(c_path(g, XS_RM, 0, "/vm/x"), -EACCES);
	CHECK_EQ(c_path(g, XS_RM, 0, "/vm/secret"), -EACCES);
	CHECK_EQ(c_write(g, 0, "/new", ""), -EACCES);
	CHECK_EQ(c_perms_are(g, "/vm/secret", ""), -EACCES);
	bed_exit(&bed);
}

TEST(perms_malformed, "malformed lists change nothing")
{
	static const char *const bad[] = {
		"7", "x7", "r", "r-1", "r7x", "r32752", "r99999", "r 7", "R7",
		"r0000000000000007",
	};
	struct bed bed;
	unsigned int i;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(&bed.guest, 0, "x", "v"), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_MSG(c_perms(&bed.guest, 0, "x", bad[i]) == -EINVAL,
			  "'%s'", bad[i]);
	CHECK_EQ(c_perms(&bed.guest, 0, "x", "n7 r"), -EINVAL);
	CHECK_EQ(c_perms_are(&bed.guest, "x", "n7"), 0);
	bed_exit(&bed);
}

TEST(perms_future, "a guest gives no rights to domains yet to come")
{
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(&bed.guest, 0, "x", "v"), 0);
	CHECK_EQ(c_perms(&bed.guest, 0, "x", "n7 r33 b9 w34"), 0);
	CHECK_EQ(c_perms_are(&bed.guest, "x", "n7 b9"), 0);
	CHECK_EQ(c_perms(&bed.tool, 0, THEIRS, "n7 r33"), 0);
	CHECK_EQ(c_perms_are(&bed.guest, "x", "n7 r33"), 0);
	bed_exit(&bed);
}

TEST(perms_special, "the special paths have lists of their own")
{
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_perms_are(&bed.tool, "@releaseDomain", "n0"), 0);
	CHECK_EQ(c_perms_are(&bed.guest, "@releaseDomain", ""), -EACCES);
	CHECK_EQ(c_perms(&bed.guest, 0, "@releaseDomain", "r7"), -EACCES);
	CHECK_EQ(c_perms(&bed.tool, 0, "@releaseDomain", "n0 r7"), 0);
	CHECK_EQ(c_perms_are(&bed.guest, "@releaseDomain", "n0 r7"), 0);
	CHECK_EQ(c_perms(&bed.tool, 0, "@other", "n0"), -ENOENT);
	CHECK_EQ(c_perms_are(&bed.tool, "@other", ""), -ENOENT);
	CHECK_EQ(xs_release(bed.store, GUEST), 0);
	CHECK_EQ(c_perms_are(&bed.tool, "@releaseDomain", "n0"), 0);
	bed_exit(&bed);
}

TEST(perms_target, "a domain may act for another")
{
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(&bed.guest, 0, "x", "v"), 0);
	CHECK_EQ(c_is(&bed.other, 0, THEIRS, "v"), -EACCES);
	CHECK_EQ(call(&bed.tool, XS_SET_TARGET, 0, ARGS("9\0007\0"), NULL), 0);
	CHECK_EQ(c_is(&bed.other, 0, THEIRS, "v"), 0);
	CHECK_EQ(call(&bed.tool, XS_SET_TARGET, 0, ARGS("9\0000\0"), NULL),
		 -EINVAL);
	CHECK_EQ(call(&bed.tool, XS_SET_TARGET, 0, ARGS("9\0008\0"), NULL),
		 -ENOENT);
	CHECK_EQ(xs_release(bed.store, GUEST), 0);
	CHECK_EQ(xs_introduce(bed.store, GUEST), 0);
	CHECK_EQ(bed.other.conn->who.target, OTHER);
	bed_exit(&bed);
}
