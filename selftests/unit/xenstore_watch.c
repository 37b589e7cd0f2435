// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xenstore_watch.c - watches: who hears what, how often, and in which order.
 */
#include "xenstore_client.h"

static void settle(struct client *c)
{
	client_events(c);
	client_forget(c);
}

TEST(watch_basic, "registration fires; then every change at or below")
{
	struct bed bed;
	struct client *g = &bed.guest;
	struct reply reply;

	bed_init(&bed, NULL);
	client_send(g, XS_WATCH, 0, ARGS(HOME "/a\0tok\0"));
	CHECK(client_take(g, &reply));
	CHECK_EQ(reply.hdr.type, XS_WATCH);
	client_events(g);
	CHECK_EQ(g->num_events, 1);
	CHECK_EQ(client_saw(g, HOME "/a", "tok"), 1);
	client_forget(g);
	CHECK_EQ(c_write(g, 0, "a", "1"), 0);
	CHECK_EQ(c_write(g, 0, "a/b/c", "1"), 0);
	CHECK_EQ(c_write(g, 0, "ab", "1"), 0);
	CHECK_EQ(c_path(g, XS_MKDIR, 0, "a/b"), 0);
	CHECK_EQ(c_is(g, 0, "a", "1"), 0);
	client_events(g);
	CHECK_EQ(client_saw(g, HOME "/a", "tok"), 1);
	CHECK_EQ(client_saw(g, HOME "/a/b/c", "tok"), 1);
	CHECK_EQ(g->num_events, 2);
	CHECK_EQ(c_unwatch(g, "a", "tok"), 0);
	CHECK_EQ(c_unwatch(g, "a", "tok"), -ENOENT);
	client_forget(g);
	CHECK_EQ(c_write(g, 0, "a", "2"), 0);
	client_events(g);
	CHECK_EQ(g->num_events, 0);
	bed_exit(&bed);
}

TEST(watch_order, "the reply comes before the events of its request")
{
	struct reply reply;
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_watch(&bed.guest, "a", "t"), 0);
	settle(&bed.guest);
	client_send(&bed.guest, XS_WRITE, 0, ARGS("a\0v"));
	CHECK(client_take(&bed.guest, &reply));
	CHECK_EQ(reply.hdr.type, XS_WRITE);
	CHECK(client_take(&bed.guest, &reply));
	CHECK_EQ(reply.hdr.type, XS_WATCH_EVENT);
	CHECK(!client_take(&bed.guest, &reply));
	bed_exit(&bed);
}

TEST(watch_relative, "events name paths the way the watch did")
{
	struct bed bed;
	struct client *g = &bed.guest;

	bed_init(&bed, NULL);
	CHECK_EQ(c_watch(g, "device", "rel"), 0);
	CHECK_EQ(c_watch(g, HOME "/device", "abs"), -0);
	CHECK_EQ(c_watch(g, HOME "/device", "rel"), -EEXIST);
	CHECK_EQ(c_write(g, 0, "device/vbd", "x"), 0);
	client_events(g);
	CHECK_EQ(client_saw(g, "device", "rel"), 1);
	CHECK_EQ(client_saw(g, "device/vbd", "rel"), 1);
	CHECK_EQ(client_saw(g, HOME "/device", "abs"), 1);
	CHECK_EQ(client_saw(g, HOME "/device/vbd", "abs"), 1);
	CHECK_EQ(c_unwatch(g, "device", "abs"), 0);
	bed_exit(&bed);
}

TEST(watch_removal, "a removal is heard above, at, and below the node")
{
	struct bed bed;
	struct client *g = &bed.guest;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(g, 0, "a/b/c", "x"), 0);
	CHECK_EQ(c_watch(g, HOME, "home"), 0);
	CHECK_EQ(c_watch(g, HOME "/a", "at"), 0);
	CHECK_EQ(c_watch(g, HOME "/a/b/c", "below"), 0);
	CHECK_EQ(c_watch(g, HOME "/a/b/none", "none"), 0);
	settle(g);
	CHECK_EQ(c_path(g, XS_RM, 0, "a"), 0);
	client_events(g);
	CHECK_EQ(client_saw(g, HOME "/a", "home"), 1);
	CHECK_EQ(client_saw(g, HOME "/a", "at"), 1);
	CHECK_EQ(client_saw(g, HOME "/a/b/c", "below"), 1);
	CHECK_EQ(g->num_events, 3);
	bed_exit(&bed);
}

TEST(watch_root, "the root is above everything but special paths")
{
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_watch(&bed.tool, "/", "root"), 0);
	settle(&bed.tool);
	CHECK_EQ(xs_write(bed.store, "/x/y", "x"), 0);
	CHECK_EQ(xs_introduce(bed.store, 50), 0);
	client_events(&bed.tool);
	CHECK_EQ(client_saw(&bed.tool, "/x/y", "root"), 1);
	CHECK_EQ(bed.tool.num_events, 1);
	bed_exit(&bed);
}

TEST(watch_rights, "changes out of sight stay there")
{
	struct bed bed;
	struct client *g = &bed.guest;

	bed_init(&bed, NULL);
	CHECK_EQ(xs_write(bed.store, "/vm/a", "x"), 0);
	CHECK_EQ(c_watch(g, "/", "root"), 0);
	CHECK_EQ(c_watch(g, "/local/domain/9", "other"), 0);
	CHECK_EQ(c_watch(g, "/vm/a", "vm"), 0);
	settle(g);
	CHECK_EQ(xs_write(bed.store, "/vm/a", "y"), 0);
	CHECK_EQ(c_write(&bed.other, 0, "s", "1"), 0);
	CHECK_EQ(xs_rm(bed.store, "/vm"), 0);
	client_events(g);
	CHECK_EQ(g->num_events, 0);
	CHECK_EQ(c_perms(&bed.other, 0, "s", "n9 r7"), 0);
	client_events(g);
	CHECK_EQ(client_saw(g, "/local/domain/9/s", "other"), 1);
	CHECK_EQ(client_saw(g, "/local/domain/9/s", "root"), 1);
	settle(g);
	CHECK_EQ(c_write(&bed.other, 0, "s", "2"), 0);
	client_events(g);
	CHECK_EQ(client_saw(g, "/local/domain/9/s", "other"), 1);
	settle(g);
	/* The last thing heard is that it may not be seen any more... */
	CHECK_EQ(c_perms(&bed.other, 0, "s", "n9"), 0);
	client_events(g);
	CHECK_EQ(client_saw(g, "/local/domain/9/s", "other"), 1);
	settle(g);
	CHECK_EQ(c_write(&bed.other, 0, "s", "3"), 0);
	client_events(g);
	CHECK_EQ(g->num_events, 0);
	/* ...and a removal is heard by whoever could see the node. */
	CHECK_EQ(c_perms(&bed.other, 0, "s", "n9 r7"), 0);
	settle(g);
	CHECK_EQ(c_path(&bed.other, XS_RM, 0, "s"), 0);
	client_events(g);
	CHECK_EQ(client_saw(g, "/local/domain/9/s", "other"), 1);
	bed_exit(&bed);
}

TEST(watch_lost_rights, "a removal below is heard with rights there only")
{
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(&bed.other, 0, "d/open/x", ""), 0);
	CHECK_EQ(c_write(&bed.other, 0, "d/shut/x", ""), 0);
	CHECK_EQ(c_perms(&bed.other, 0, "d/open/x", "r9"), 0);
	CHECK_EQ(c_watch(&bed.guest, "/local/domain/9/d/open/x", "o"), 0);
	CHECK_EQ(c_watch(&bed.guest, "/local/domain/9/d/shut/x", "s"), 0);
	settle(&bed.guest);
	CHECK_EQ(c_path(&bed.other, XS_RM, 0, "d"), 0);
	client_events(&bed.guest);
	CHECK_EQ(client_saw(&bed.guest, "/local/domain/9/d/open/x", "o"), 1);
	CHECK_EQ(bed.guest.num_events, 1);
	bed_exit(&bed);
}

TEST(watch_txn, "a transaction is heard of at its commit, whole")
{
	struct bed bed;
	struct client *g = &bed.guest;
	uint32_t tx;

	bed_init(&bed, NULL);
	CHECK_EQ(c_write(g, 0, "c", ""), 0);
	CHECK_EQ(c_watch(g, HOME, "t"), 0);
	settle(g);
	tx = c_begin(g);
	CHECK_EQ(c_write(g, tx, "a", "1"), 0);
	CHECK_EQ(c_write(g, tx, "a", "2"), 0);
	CHECK_EQ(c_write(g, tx, "b", "1"), 0);
	CHECK_EQ(c_path(g, XS_RM, tx, "c"), 0);
	client_events(g);
	CHECK_EQ(g->num_events, 0);
	CHECK_EQ(c_end(g, tx, true), 0);
	client_events(g);
	CHECK_EQ(client_saw(g, HOME "/a", "t"), 1);
	CHECK_EQ(client_saw(g, HOME "/b", "t"), 1);
	CHECK_EQ(client_saw(g, HOME "/c", "t"), 1);
	CHECK_EQ(g->num_events, 3);
	CHECK(!strcmp(g->paths[0], HOME "/a"));
	bed_exit(&bed);
}

TEST(watch_special, "domains coming and going, for those who may know")
{
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_watch(&bed.tool, "@introduceDomain", "i"), 0);
	CHECK_EQ(c_watch(&bed.tool, "@releaseDomain", "r"), 0);
	CHECK_EQ(c_watch(&bed.guest, "@introduceDomain", "i"), 0);
	settle(&bed.tool);
	settle(&bed.guest);
	CHECK_EQ(xs_introduce(bed.store, 50), 0);
	client_events(&bed.tool);
	CHECK_EQ(client_saw(&bed.tool, "@introduceDomain", "i"), 1);
	CHECK_EQ(bed.tool.num_events, 1);
	client_events(&bed.guest);
	CHECK_EQ(bed.guest.num_events, 0);
	CHECK_EQ(c_perms(&bed.tool, 0, "@introduceDomain", "r0"), 0);
	settle(&bed.tool);
	CHECK_EQ(xs_release(bed.store, 50), 0);
	CHECK_EQ(xs_introduce(bed.store, 50), 0);
	client_events(&bed.guest);
	CHECK_EQ(client_saw(&bed.guest, "@introduceDomain", "i"), 1);
	client_events(&bed.tool);
	CHECK_EQ(client_saw(&bed.tool, "@releaseDomain", "r"), 1);
	CHECK_EQ(c_watch(&bed.guest, "@bad name", "i"), -EINVAL);
	bed_exit(&bed);
}

TEST(watch_merge, "an event that waits already is not queued again")
{
	struct bed bed;
	unsigned int i;

	bed_init(&bed, NULL);
	CHECK_EQ(c_watch(&bed.guest, HOME, "t"), 0);
	settle(&bed.guest);
	for (i = 0; i < 100; i++)
		CHECK_EQ(xs_write(bed.store, HOME "/a", "%u", i), 0);
	CHECK_EQ(xs_write(bed.store, HOME "/b", "x"), 0);
	client_events(&bed.guest);
	CHECK_EQ(bed.guest.num_events, 2);
	bed_exit(&bed);
}

TEST(watch_token, "any token that fits an event")
{
	char token[XENSTORE_PAYLOAD_MAX];
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_watch(&bed.guest, "a", ""), 0);
	memset(token, 't', sizeof(token));
	token[1022] = 0;
	CHECK_EQ(c_watch(&bed.guest, "a", token), 0);
	client_events(&bed.guest);
	CHECK_EQ(client_saw(&bed.guest, "a", token), 1);
	CHECK_EQ(client_saw(&bed.guest, "a", ""), 1);
	token[1022] = 't';
	token[1023] = 0;
	CHECK_EQ(c_watch(&bed.guest, "a", token), -E2BIG);
	bed_exit(&bed);
}

TEST(watch_reset, "all of a client's watches at once")
{
	struct bed bed;

	bed_init(&bed, NULL);
	CHECK_EQ(c_watch(&bed.guest, "a", "1"), 0);
	CHECK_EQ(c_watch(&bed.guest, "b", "2"), 0);
	CHECK_EQ(c_watch(&bed.tool, HOME "/a", "3"), 0);
	settle(&bed.guest);
	settle(&bed.tool);
	CHECK_EQ(call(&bed.guest, XS_RESET_WATCHES, 0, ARGS("\0"), NULL), 0);
	CHECK_EQ(xs_write(bed.store, HOME "/a", "x"), 0);
	client_events(&bed.guest);
	client_events(&bed.tool);
	CHECK_EQ(bed.guest.num_events, 0);
	CHECK_EQ(bed.tool.num_events, 1);
	bed_exit(&bed);
}

/*
 * Local watches
 */

struct seen {
	struct xs_store *store;
	struct xs_watch *watch;
	unsigned int num;
	bool end;			/* unwatch from the callback */
	bool write;			/* change what is watched */
	bool nested;			/* run deferred work inside */
	char last[PATH_BUF];
};

static void seen_fn(void *arg, const char *path, const char *watched)
{
	struct seen *seen = arg;

	seen->num++;
	snprintf(seen->last, sizeof(seen->last), "%s", path);
	CHECK(path_within(path, watched));
	if (seen->nested) {
		unsigned int num = seen->num;

		CHECK(!xs_run_deferred(seen->store));
		CHECK_EQ(seen->num, num);
	}
	if (seen->write)
		CHECK_EQ(xs_write(seen->store, "/w/again", "%u", seen->num), 0);
	if (seen->end) {
		xs_unwatch(seen->watch);
		CHECK(path_within(path, watched));
	}
}

static void seen_init(struct seen *seen, struct bed *bed, const char *path)
{
	memset(seen, 0, sizeof(*seen));
	seen->store = bed->store;
	seen->watch = xs_watch_local(bed->store, path, seen_fn, seen);
	CHECK(seen->watch);
}

TEST(local_watch, "callbacks come later, once for equal changes")
{
	struct seen seen;
	struct bed bed;

	bed_init(&bed, NULL);
	while (xs_run_deferred(bed.store))
		;
	bed.wakes = 0;
	seen_init(&seen, &bed, "/w");
	CHECK_EQ(bed.wakes, 1);
	CHECK_EQ(seen.num, 0);
	CHECK(!xs_run_deferred(bed.store));
	CHECK_EQ(seen.num, 1);
	CHECK(!strcmp(seen.last, "/w"));
	CHECK_EQ(xs_write(bed.store, "/w/a", "1"), 0);
	CHECK_EQ(xs_write(bed.store, "/w/a", "2"), 0);
	CHECK_EQ(xs_write(bed.store, "/v", "2"), 0);
	CHECK_EQ(seen.num, 1);
	CHECK_EQ(bed.wakes, 2);
	xs_run_deferred(bed.store);
	CHECK_EQ(seen.num, 2);
	CHECK(!strcmp(seen.last, "/w/a"));
	CHECK_EQ(xs_write(bed.store, "/w/a", "3"), 0);
	xs_unwatch(seen.watch);
	xs_run_deferred(bed.store);
	CHECK_EQ(seen.num, 2);
	xs_unwatch(NULL);
	bed_exit(&bed);
}

TEST(local_reentry, "a callback may do anything, and nothing runs inside it")
{
	struct seen seen;
	struct bed bed;

	bed_init(&bed, NULL);
	while (xs_run_deferred(bed.store))
		;
	seen_init(&seen, &bed, "/w");
	seen.write = true;
	seen.nested = true;
	CHECK(xs_run_deferred(bed.store));
	CHECK_EQ(seen.num, 1);
	CHECK(xs_run_deferred(bed.store));
	CHECK_EQ(seen.num, 2);
	CHECK(!strcmp(seen.last, "/w/again"));
	seen.end = true;
	CHECK(!xs_run_deferred(bed.store));
	CHECK_EQ(seen.num, 3);
	CHECK(!xs_run_deferred(bed.store));
	CHECK_EQ(seen.num, 3);
	bed_exit(&bed);
}

TEST(local_flood, "too many changes become one call for the watched path")
{
	struct seen seen;
	char path[64];
	struct bed bed;
	unsigned int i;

	bed_init(&bed, NULL);
	seen_init(&seen, &bed, "/w");
	while (xs_run_deferred(bed.store))
		;
	seen.num = 0;
	for (i = 0; i < 5000; i++) {
		sprintf(path, "/w/%u", i);
		CHECK_EQ(xs_write(bed.store, path, "x"), 0);
	}
	while (xs_run_deferred(bed.store))
		;
	CHECK_EQ(seen.num, STORE_LOCAL_PENDING + 1);
	CHECK(!strcmp(seen.last, "/w"));
	bed_exit(&bed);
}

TEST(local_special, "back ends hear of domains")
{
	struct seen seen;
	struct bed bed;

	bed_init(&bed, NULL);
	seen_init(&seen, &bed, "@releaseDomain");
	while (xs_run_deferred(bed.store))
		;
	CHECK_EQ(xs_release(bed.store, OTHER), 0);
	xs_run_deferred(bed.store);
	CHECK_EQ(seen.num, 2);
	CHECK(!xs_watch_local(bed.store, "relative", seen_fn, NULL));
	CHECK_EQ(errno, EINVAL);
	bed_exit(&bed);
}
