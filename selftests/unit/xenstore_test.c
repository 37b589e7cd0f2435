// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xenstore_test.c - each request and each error of it, domains, and the back
 * ends' own calls.  Rights, transactions, watches, quotas, the ring, lack of
 * memory and nonsense have files of their own.
 */
#include "xenstore_client.h"

TEST(read_write, "values are kept as they are")
{
	struct bed bed;
	struct client *g = &bed.guest;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(g, 0, HOME "/a", "one"), 0);
	CHECK_EQ(c_is(g, 0, HOME "/a", "one"), 0);
	CHECK_EQ(c_is(g, 0, "a", "one"), 0);
	CHECK_EQ(c_write(g, 0, "a", ""), 0);
	CHECK_EQ(c_is(g, 0, "a", ""), 0);
	CHECK_EQ(call(g, XS_WRITE, 0, ARGS("a\0x\0y"), NULL), 0);
	CHECK_EQ(c_write(g, 0, "dir/sub/leaf", "deep"), 0);
	CHECK_EQ(c_is(g, 0, HOME "/dir/sub", ""), 0);
	CHECK_EQ(c_is(g, 0, HOME "/dir/sub/leaf", "deep"), 0);
	CHECK_EQ(c_is(g, 0, "missing", ""), -ENOENT);
	CHECK_EQ(c_is(&bed.tool, 0, "/local/domain/7/dir/sub/leaf", "deep"), 0);
	CHECK_EQ(c_is(&bed.tool, 0, "local/domain/7/dir/sub/leaf", "deep"), 0);
	bed_exit(&bed);
}

TEST(bytes, "values may hold any byte")
{
	struct reply reply;
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(call(&bed.guest, XS_WRITE, 0, ARGS("a\0\0\xff\0"), NULL), 0);
	CHECK_EQ(call(&bed.guest, XS_READ, 0, ARGS("a\0"), &reply), 0);
	CHECK_EQ(reply.hdr.len, 3);
	CHECK(!memcmp(reply.data, "\0\xff\0", 3));
	bed_exit(&bed);
}

TEST(directory, "children are listed in the order of their creation")
{
	struct bed bed;
	struct client *g = &bed.guest;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(g, 0, "d/z", "1"), 0);
	CHECK_EQ(c_write(g, 0, "d/a", "1"), 0);
	CHECK_EQ(c_write(g, 0, "d/m", "1"), 0);
	CHECK_EQ(c_lists(g, 0, "d", "z a m"), 0);
	CHECK_EQ(c_path(g, XS_RM, 0, "d/a"), 0);
	CHECK_EQ(c_write(g, 0, "d/a", "1"), 0);
	CHECK_EQ(c_lists(g, 0, "d", "z m a"), 0);
	CHECK_EQ(c_lists(g, 0, "d/a", ""), 0);
	CHECK_EQ(c_lists(g, 0, "e", ""), -ENOENT);
	bed_exit(&bed);
}

static void fill_directory(struct xs_store *store, unsigned int num)
{
	char path[64];
	unsigned int i;

	for (i = 0; i < num; i++) {
		snprintf(path, sizeof(path), "/big/child-number-%u", i);
		CHECK_EQ(xs_write(store, path, "%u", i), 0);
	}
}

/* Reads one part from @off; the generation goes to @gen, returns the length. */
static size_t read_part(struct client *c, size_t off, char *gen, char *names,
			bool *last)
{
	struct reply reply;
	char args[64];
	size_t len;
	int n;

	n = sprintf(args, "/big%c%zu", 0, off);
	CHECK_EQ(call(c, XS_DIRECTORY_PART, 0, args, (size_t)n + 1, &reply), 0);
	CHECK(!reply.data[reply.hdr.len - 1]);
	len = strlen(reply.data) + 1;
	strcpy(gen, reply.data);
	*last = !reply.data[reply.hdr.len - 2];
	memcpy(names, reply.data + len, reply.hdr.len - len);
	return reply.hdr.len - len - *last;
}

TEST(directory_part, "a long list comes in parts")
{
	char gen[32], first[32], part[4096];
	size_t off = 0, parts = 0;
	bool last = false;
	struct bed bed;

	bed_init(&bed, NULL);
	fill_directory(bed.store, 1000);
	CHECK_EQ(c_lists(&bed.tool, 0, "/big", ""), -E2BIG);
	for (; !last; parts++) {
		off += read_part(&bed.tool, off, gen, part, &last);
		if (!parts)
			strcpy(first, gen);
		CHECK(!strcmp(first, gen));
		CHECK(!strncmp(part, "child-number-", 13));
	}
	CHECK(parts > 3);
	/* 13 characters, a number, a NUL: 10, 90 and 900 of them. */
	CHECK_EQ(off, 1000 * 14 + 10 * 1 + 90 * 2 + 900 * 3);
	CHECK_EQ(read_part(&bed.tool, off + 5, gen, part, &last), 0);
	CHECK(last);
	CHECK_EQ(xs_write(bed.store, "/big/one-more", "x"), 0);
	read_part(&bed.tool, 0, gen, part, &last);
	CHECK(strcmp(first, gen));
	CHECK_EQ(call(&bed.tool, XS_DIRECTORY_PART, 0, ARGS("/big\0x\0"), NULL),
		 -EINVAL);
	CHECK_EQ(call(&bed.tool, XS_DIRECTORY_PART, 0, ARGS("/big\0"), NULL),
		 -EINVAL);
	bed_exit(&bed);
}

TEST(mkdir_rm, "making and removing")
{
	struct bed bed;
	struct client *g = &bed.guest;

	bed_init(&bed, NULL);
	CHECK_EQ(c_path(g, XS_MKDIR, 0, "a/b/c"), 0);
	CHECK_EQ(c_is(g, 0, "a/b/c", ""), 0);
	CHECK_EQ(c_write(g, 0, "a/b/c", "kept"), 0);
	CHECK_EQ(c_path(g, XS_MKDIR, 0, "a/b/c"), 0);
	CHECK_EQ(c_is(g, 0, "a/b/c", "kept"), 0);
	CHECK_EQ(c_path(g, XS_RM, 0, "a"), 0);
	CHECK_EQ(c_is(g, 0, "a", ""), -ENOENT);
	CHECK_EQ(c_is(g, 0, "a/b/c", ""), -ENOENT);
	/* Gone already, and then where it cannot have been. */
	CHECK_EQ(c_path(g, XS_RM, 0, "a"), 0);
	CHECK_EQ(c_path(g, XS_RM, 0, "a/b"), -ENOENT);
	CHECK_EQ(c_path(g, XS_RM, 0, "/"), -EINVAL);
	CHECK_EQ(c_path(&bed.tool, XS_RM, 0, "/"), -EINVAL);
	bed_exit(&bed);
}

TEST(paths, "malformed paths are refused by everything that takes one")
{
	static const char *const bad[] = {
		"", "a/", "/a/", "a//b", "//", "/local//domain", "a b", "a\n",
		"a*", "@", "@introduceDomain", "a.b", "\x80",
	};
	static const uint32_t types[] = {
		XS_READ, XS_DIRECTORY, XS_MKDIR, XS_RM,
	};
	unsigned int i, j;
	struct bed bed;

	bed_init(&bed, NULL);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		for (j = 0; j < ARRAY_SIZE(types); j++) {
			CHECK_MSG(c_path(&bed.guest, types[j], 0, bad[i]) ==
				  -EINVAL, "%u '%s'", types[j], bad[i]);
			CHECK_EQ(c_path(&bed.tool, types[j], 0, bad[i]),
				 -EINVAL);
		}
		CHECK_EQ(c_write(&bed.guest, 0, bad[i], "x"), -EINVAL);
		CHECK_EQ(xs_write(bed.store, bad[i], "x"), -EINVAL);
		CHECK_EQ(xs_rm(bed.store, bad[i]), -EINVAL);
	}
	CHECK_EQ(xs_write(bed.store, "relative", "x"), -EINVAL);
	CHECK_EQ(c_perms(&bed.guest, 0, "a//b", "n7"), -EINVAL);
	bed_exit(&bed);
}

/* "/a/a/a..." of @len bytes behind a prefix. */
static char *long_path(const char *prefix, size_t len)
{
	static char path[XENSTORE_PAYLOAD_MAX];
	size_t i = strlen(prefix);

	strcpy(path, prefix);
	for (; i < len; i++)
		path[i] = (i - strlen(prefix)) % 2 ? 'a' : '/';
	path[i] = 0;
	return path;
}

TEST(path_limits, "3072 bytes absolute, 2048 relative")
{
	struct bed bed;
	struct client *g = &bed.guest;
	const size_t home = strlen(HOME) + 1;

	bed_init(&bed, &(struct xs_limits){ .nodes = 10000 });
	CHECK_EQ(c_path(g, XS_READ, 0, long_path(HOME, home + 2048 - 1)),
		 -ENOENT);
	CHECK_EQ(c_path(g, XS_READ, 0, long_path(HOME, home + 2049)), -EINVAL);
	CHECK_EQ(c_path(g, XS_READ, 0, long_path("a", 2047)), -ENOENT);
	CHECK_EQ(c_path(g, XS_READ, 0, long_path("a", 2049)), -EINVAL);
	CHECK_EQ(c_path(g, XS_READ, 0, long_path("", 2048)), -EACCES);
	CHECK_EQ(c_path(g, XS_READ, 0, long_path("", 2050)), -EINVAL);
	CHECK_EQ(c_path(&bed.tool, XS_READ, 0, long_path("", 3072)), -ENOENT);
	CHECK_EQ(c_path(&bed.tool, XS_READ, 0, long_path("", 3074)), -EINVAL);
	CHECK_EQ(xs_write(bed.store, long_path("", 3072), "deep"), 0);
	CHECK_EQ(xs_write(bed.store, long_path("", 3074), "deep"), -EINVAL);
	bed_exit(&bed);
}

TEST(deep, "the deepest and then the widest tree that paths allow")
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	struct xs_perm perm = { GUEST, 0 };
	unsigned int i, base;
	struct bed bed;

	bed_init(&bed, NULL);
	base = count_nodes(bed.store);
	CHECK_EQ(xs_mkdir(bed.store, "/a"), 0);
	CHECK_EQ(xs_set_perms(bed.store, "/a", &perm, 1), 0);
	strcpy(path, long_path("", 3072));
	CHECK_EQ(xs_write(bed.store, path, "bottom"), 0);
	CHECK_EQ(count_nodes(bed.store), base + 1536);
	/* A snapshot, so that all of it is copied and dropped as well. */
	c_begin(&bed.tool);
	CHECK_EQ(xs_write(bed.store, path, "changed"), 0);
	CHECK_EQ(tree_nodes_of(&bed.store->tree, GUEST), 1 + 1536);
	CHECK_EQ(xs_rm(bed.store, "/a"), 0);
	CHECK_EQ(count_nodes(bed.store), base);
	CHECK_EQ(tree_nodes_of(&bed.store->tree, GUEST), 1);
	for (i = 0; i < 10000; i++) {
		sprintf(path, "/w/%u", i);
		CHECK_EQ(xs_mkdir(bed.store, path), 0);
	}
	CHECK_EQ(c_path(&bed.tool, XS_RM, 0, "/w"), 0);
	CHECK_EQ(count_nodes(bed.store), base);
	bed_exit(&bed);
}

TEST(arguments, "payloads must be what the request takes")
{
	struct bed bed;
	struct client *t = &bed.tool;

	bed_init(&bed, NULL);
	CHECK_EQ(call(t, XS_READ, 0, "", 0, NULL), -EINVAL);
	CHECK_EQ(call(t, XS_READ, 0, ARGS("/"), NULL), -EINVAL);
	CHECK_EQ(call(t, XS_READ, 0, ARGS("/\0/\0"), NULL), -EINVAL);
	CHECK_EQ(call(t, XS_WRITE, 0, ARGS("/a"), NULL), -EINVAL);
	CHECK_EQ(call(t, XS_WRITE, 0, ARGS("/a\0"), NULL), 0);
	CHECK_EQ(call(t, XS_WATCH, 0, ARGS("/a\0"), NULL), -EINVAL);
	CHECK_EQ(call(t, XS_WATCH, 0, ARGS("/a\0b\0c\0"), NULL), -EINVAL);
	CHECK_EQ(call(t, XS_WATCH, 0, ARGS("/a\0b"), NULL), -EINVAL);
	CHECK_EQ(call(t, XS_UNWATCH, 0, ARGS("/a\0"), NULL), -EINVAL);
	CHECK_EQ(call(t, XS_SET_PERMS, 0, ARGS("/a\0"), NULL), -EINVAL);
	CHECK_EQ(call(t, XS_SET_PERMS, 0, ARGS("/a\0n0"), NULL), -EINVAL);
	CHECK_EQ(call(t, XS_GET_DOMAIN_PATH, 0, ARGS("x\0"), NULL), -EINVAL);
	CHECK_EQ(call(t, XS_GET_DOMAIN_PATH, 0, ARGS("99999\0"), NULL),
		 -EINVAL);
	CHECK_EQ(call(t, XS_TRANSACTION_END, 0, ARGS("T\0"), NULL), -ENOENT);
	CHECK_EQ(call(t, XS_TRANSACTION_END, 0, ARGS("X\0"), NULL), -EINVAL);
	CHECK_EQ(call(t, XS_TRANSACTION_END, 0, ARGS("T"), NULL), -EINVAL);
	bed_exit(&bed);
}

TEST(unknown_types, "requests that do not exist")
{
	static const uint32_t types[] = {
		XS_WATCH_EVENT, XS_ERROR, XS_SET_TARGET + 1, XS_TYPE_COUNT,
		XS_INVALID, 0x80000000u, 0xffffffffu,
	};
	unsigned int i;
	struct bed bed;

	bed_init(&bed, NULL);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		CHECK_EQ(call(&bed.guest, types[i], 0, ARGS("a\0"), NULL),
			 -ENOSYS);
		CHECK_EQ(call(&bed.tool, types[i], 77, "", 0, NULL), -ENOSYS);
	}
	bed_exit(&bed);
}

TEST(oversize, "a payload over 4096 bytes ends the connection, not the store")
{
	struct xsd_sockmsg hdr = { .type = XS_READ, .len = 4096 };
	char payload[4096];
	struct reply reply;
	struct bed bed;

	bed_init(&bed, NULL);
	memset(payload, 'a', sizeof(payload));
	CHECK_EQ(xs_conn_feed(bed.guest.conn, &hdr, sizeof(hdr)), sizeof(hdr));
	CHECK_EQ(xs_conn_feed(bed.guest.conn, payload, 4096), 4096);
	CHECK(client_take(&bed.guest, &reply));
	CHECK_EQ(reply.hdr.type, XS_ERROR);
	hdr.len = 4097;
	CHECK_EQ(xs_conn_feed(bed.guest.conn, &hdr, sizeof(hdr)),
		 (uint64_t)-EPROTO);
	CHECK(xs_conn_failed(bed.guest.conn));
	CHECK_EQ(xs_conn_feed(bed.guest.conn, "x", 1), (uint64_t)-EPROTO);
	CHECK_EQ(bed.lines, 1);
	CHECK_EQ(c_write(&bed.other, 0, "a", "fine"), 0);
	bed_exit(&bed);
}

TEST(domains, "who is there")
{
	struct reply reply;
	struct bed bed;
	struct client *g = &bed.guest, *t = &bed.tool;

	bed_init(&bed, NULL);
	CHECK_EQ(call(g, XS_GET_DOMAIN_PATH, 0, ARGS("12\0"), &reply), 0);
	CHECK(!strcmp(reply.data, "/local/domain/12"));
	CHECK_EQ(call(g, XS_IS_DOMAIN_INTRODUCED, 0, ARGS("0\0"), &reply), 0);
	CHECK(!strcmp(reply.data, "T"));
	CHECK_EQ(call(g, XS_IS_DOMAIN_INTRODUCED, 0, ARGS("7\0"), &reply), 0);
	CHECK(!strcmp(reply.data, "T"));
	CHECK_EQ(call(g, XS_IS_DOMAIN_INTRODUCED, 0, ARGS("8\0"), &reply), 0);
	CHECK(!strcmp(reply.data, "F"));
	CHECK_EQ(xs_introduce(bed.store, 7), -EEXIST);
	CHECK_EQ(xs_introduce(bed.store, 0), -EINVAL);
	CHECK_EQ(xs_introduce(bed.store, 0x7ff0), -EINVAL);
	CHECK_EQ(call(t, XS_INTRODUCE, 0, ARGS("7\0001\0002\0"), NULL), 0);
	CHECK_EQ(call(t, XS_INTRODUCE, 0, ARGS("8\0001\0002\0"), NULL),
		 -EINVAL);
	CHECK_EQ(call(t, XS_RESUME, 0, ARGS("7\0"), NULL), 0);
	CHECK_EQ(call(t, XS_RESUME, 0, ARGS("8\0"), NULL), -ENOENT);
	bed_exit(&bed);
}

TEST(privileged, "what only domain 0 may ask for")
{
	static const uint32_t types[] = {
		XS_CONTROL, XS_INTRODUCE, XS_RELEASE, XS_RESUME, XS_SET_TARGET,
	};
	unsigned int i;
	struct bed bed;

	bed_init(&bed, NULL);
	for (i = 0; i < ARRAY_SIZE(types); i++)
		CHECK_EQ(call(&bed.guest, types[i], 0, ARGS("7\0"), NULL),
			 -EACCES);
	bed_exit(&bed);
}

TEST(control, "the control commands")
{
	struct reply reply;
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(call(&bed.tool, XS_CONTROL, 0, ARGS("help\0"), &reply), 0);
	CHECK(strstr(reply.data, "quota"));
	CHECK_EQ(call(&bed.tool, XS_CONTROL, 0, ARGS("check\0"), &reply), 0);
	CHECK(!strcmp(reply.data, "OK"));
	CHECK_EQ(call(&bed.tool, XS_CONTROL, 0, ARGS("quota\0"), &reply), 0);
	CHECK(strstr(reply.data, "nodes: 1000\n"));
	CHECK_EQ(call(&bed.tool, XS_CONTROL, 0, ARGS("die\0"), NULL), -EINVAL);
	CHECK_EQ(call(&bed.tool, XS_CONTROL, 0, "", 0, NULL), -EINVAL);
	bed_exit(&bed);
}

TEST(release, "a domain that goes leaves nothing to the next of its id")
{
	struct bed bed;
	struct client *o = &bed.other;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(&bed.guest, 0, "data/deep", "secret"), 0);
	CHECK_EQ(c_watch(&bed.guest, "data", "t"), 0);
	c_begin(&bed.guest);
	CHECK_EQ(c_write(o, 0, "shared", "x"), 0);
	CHECK_EQ(c_perms(o, 0, "shared", "n9 r7 b0"), 0);
	CHECK_EQ(c_is(&bed.guest, 0, "/local/domain/9/shared", "x"), 0);
	CHECK_EQ(call(&bed.tool, XS_RELEASE, 0, ARGS("7\0"), NULL), 0);
	CHECK_EQ(call(&bed.tool, XS_RELEASE, 0, ARGS("7\0"), NULL), -ENOENT);
	CHECK_EQ(call(&bed.tool, XS_RELEASE, 0, ARGS("0\0"), NULL), -EINVAL);
	CHECK(!xs_is_introduced(bed.store, 7));
	CHECK(xs_conn_failed(bed.guest.conn));
	CHECK(TAILQ_EMPTY(&bed.guest.conn->watches));
	CHECK(TAILQ_EMPTY(&bed.guest.conn->txs));
	CHECK(!xs_exists(bed.store, HOME));
	CHECK_EQ(tree_nodes_of(&bed.store->tree, GUEST), 0);
	CHECK_EQ(c_perms_are(o, "shared", "n9 b0"), 0);
	client_exit(&bed.guest);
	CHECK_EQ(xs_introduce(bed.store, 7), 0);
	client_init(&bed.guest, bed.store, 7, false);
	CHECK_EQ(c_is(&bed.guest, 0, "/local/domain/9/shared", "x"), -EACCES);
	bed_exit(&bed);
}

TEST(release_self, "a connection may ask for the end of its own domain")
{
	const struct xsd_sockmsg hdr = { .type = XS_RELEASE, .len = 3 };
	struct client c;
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(xs_introduce(bed.store, 20), 0);
	client_init(&c, bed.store, 20, true);
	CHECK_EQ(c_watch(&c, "@releaseDomain", "t"), 0);
	CHECK_EQ(xs_conn_feed(c.conn, &hdr, sizeof(hdr)), sizeof(hdr));
	CHECK_EQ(xs_conn_feed(c.conn, "20", 3), (uint64_t)-EPROTO);
	CHECK(xs_conn_failed(c.conn));
	client_exit(&c);
	bed_exit(&bed);
}

TEST(local, "the calls of back ends")
{
	const struct xs_perm perms[] = { { 7, 0 }, { 9, XS_PERM_READ } };
	char big[XENSTORE_PAYLOAD_MAX + 1] = { 0 };
	struct xs_perm *got;
	struct bed bed;
	unsigned int num;
	uint32_t u32;
	uint64_t u64;
	char **names;
	size_t len;
	char *s;

	bed_init(&bed, NULL);
	CHECK_EQ(xs_write(bed.store, "/x/ring-ref", "%u", 4294967295u), 0);
	CHECK_EQ(xs_read(bed.store, "/x/ring-ref", &s, &len), 0);
	CHECK_EQ(len, 10);
	CHECK(!strcmp(s, "4294967295"));
	free(s);
	CHECK_EQ(xs_read_u32(bed.store, "/x/ring-ref", &u32), 0);
	CHECK_EQ(u32, 4294967295u);
	CHECK_EQ(xs_write(bed.store, "/x/n", "4294967296"), 0);
	CHECK_EQ(xs_read_u32(bed.store, "/x/n", &u32), -EINVAL);
	CHECK_EQ(xs_read_u64(bed.store, "/x/n", &u64), 0);
	CHECK_EQ(u64, 4294967296u);
	CHECK_EQ(xs_write(bed.store, "/x/n", "18446744073709551615"), 0);
	CHECK_EQ(xs_read_u64(bed.store, "/x/n", &u64), 0);
	CHECK_EQ(u64, UINT64_MAX);
	CHECK_EQ(xs_write(bed.store, "/x/n", "18446744073709551616"), 0);
	CHECK_EQ(xs_read_u64(bed.store, "/x/n", &u64), -EINVAL);
	CHECK_EQ(xs_write(bed.store, "/x/n", "1 "), 0);
	CHECK_EQ(xs_read_u64(bed.store, "/x/n", &u64), -EINVAL);
	CHECK_EQ(xs_write_raw(bed.store, "/x/n", "", 0), 0);
	CHECK_EQ(xs_read_u64(bed.store, "/x/n", &u64), -EINVAL);
	CHECK_EQ(xs_write_raw(bed.store, "/x/n", big, 4096), 0);
	CHECK_EQ(xs_write_raw(bed.store, "/x/n", big, 4097), -E2BIG);
	CHECK_EQ(xs_write(bed.store, "/x/n", "%5000u", 1u), -E2BIG);
	CHECK_EQ(xs_list(bed.store, "/x", &names, &num), 0);
	CHECK_EQ(num, 2);
	CHECK(!strcmp(names[0], "ring-ref") && !strcmp(names[1], "n"));
	free(names);
	CHECK_EQ(xs_list(bed.store, "/x/n", &names, &num), 0);
	CHECK_EQ(num, 0);
	free(names);
	CHECK_EQ(xs_set_perms(bed.store, "/x", perms, 2), 0);
	CHECK_EQ(xs_set_perms(bed.store, "/x", perms, 0), -EINVAL);
	CHECK_EQ(xs_get_perms(bed.store, "/x", &got, &num), 0);
	CHECK(num == 2 && !memcmp(got, perms, sizeof(perms)));
	free(got);
	CHECK(xs_exists(bed.store, "/x") && !xs_exists(bed.store, "/y"));
	CHECK_EQ(xs_rm(bed.store, "/x"), 0);
	CHECK_EQ(xs_rm(bed.store, "/x"), -ENOENT);
	CHECK_EQ(xs_read(bed.store, "/x", &s, &len), -ENOENT);
	bed_exit(&bed);
}
