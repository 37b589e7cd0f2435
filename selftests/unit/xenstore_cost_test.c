// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What requests cost the event loop at worst, which serves everything else
 * meanwhile.  Counted are the basic blocks that the store executes: the same
 * number each time, on every machine; without the counting a million of them
 * take a millisecond or less.
 */
#include <time.h>

#include "xenstore_client.h"

#define COST_MAX	7000000u

int __lsan_do_recoverable_leak_check(void);

/* Built without the sanitizers, which would be counted too. */
int __lsan_do_recoverable_leak_check(void)
{
	return 0;
}

static unsigned long blocks;

void __sanitizer_cov_trace_pc(void);

__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
	blocks++;
}

/* Nodes enough for the quota, in directories that are small enough. */
static const char *leaf(unsigned int i)
{
	static char path[64];

	sprintf(path, "device/%02u/%02u", i / 64, i % 64);
	return path;
}

static void watch_all(struct client *c, unsigned int num)
{
	char token[16];
	unsigned int i;

	for (i = 0; i < num; i++) {
		sprintf(token, "token-%u", i);
		CHECK_EQ(c_watch(c, HOME, token), 0);
		client_events(c);
		client_forget(c);
	}
}

/* The commit, while the tree is another than at the beginning. */
static void commit(struct bed *bed, uint32_t tx, const char *what)
{
	struct timespec a, b;
	unsigned long cost;

	CHECK_EQ(xs_write(bed->store, "/local/domain/9/elsewhere", "x"), 0);
	clock_gettime(CLOCK_MONOTONIC, &a);
	cost = blocks;
	CHECK_EQ(c_end(&bed->guest, tx, true), 0);
	cost = blocks - cost;
	clock_gettime(CLOCK_MONOTONIC, &b);
	tap_diag("%s: %lu blocks, %lld us here", what, cost,
		 (b.tv_sec - a.tv_sec) * 1000000ll +
		 (b.tv_nsec - a.tv_nsec) / 1000);
	CHECK_MSG(cost < COST_MAX, "%s costs %lu blocks", what, cost);
}

TEST(cost_nodes, "a commit of the quota's nodes under the quota's watches")
{
	struct bed bed;
	unsigned int i, n;
	uint32_t tx;

	bed_init(&bed, NULL);
	for (n = 0; tree_nodes_of(&bed.store->tree, GUEST) < 999; n++)
		CHECK_EQ(c_write(&bed.guest, 0, leaf(n), "1"), 0);
	watch_all(&bed.guest, 128);
	tx = c_begin(&bed.guest);
	for (i = 0; i < n; i++)
		CHECK_EQ(c_write(&bed.guest, tx, leaf(i), "2"), 0);
	commit(&bed, tx, "nodes");
	bed_exit(&bed);
}

TEST(cost_again, "a commit of the same nodes again and again")
{
	struct bed bed;
	unsigned int i;
	uint32_t tx;

	bed_init(&bed, NULL);
	for (i = 0; i < 7; i++)
		CHECK_EQ(c_write(&bed.guest, 0, leaf(i), "1"), 0);
	watch_all(&bed.guest, 128);
	tx = c_begin(&bed.guest);
	for (i = 0; i < 4000; i++)
		CHECK_EQ(c_path(&bed.guest, i / 7 % 2 ? XS_MKDIR : XS_RM, tx,
				leaf(i % 7)), 0);
	commit(&bed, tx, "again");
	bed_exit(&bed);
}

TEST(cost_wide, "a commit of one directory's nodes, as many as it can have")
{
	char path[16];
	struct bed bed;
	unsigned int i, n;
	uint32_t tx;

	bed_init(&bed, NULL);
	for (n = 0; n < 600; n++) {
		sprintf(path, "w/%c%c", 'A' + n % 26, 'A' + n / 26);
		CHECK_EQ(c_write(&bed.guest, 0, path, "1"), 0);
	}
	watch_all(&bed.guest, 128);
	tx = c_begin(&bed.guest);
	for (i = 0; i < 3 * n; i++) {
		sprintf(path, "w/%c%c", 'A' + i % n % 26, 'A' + i % n / 26);
		CHECK_EQ(c_path(&bed.guest, i / n == 1 ? XS_MKDIR : XS_RM, tx,
				path), 0);
	}
	commit(&bed, tx, "wide");
	bed_exit(&bed);
}

TEST(cost_deep, "a commit of changes as deep as a path can be")
{
	char path[2040], token[16];
	struct bed bed;
	unsigned int i, n;
	uint32_t tx;

	bed_init(&bed, NULL);
	memset(path, 0, sizeof(path));
	for (i = 0; i < 980; i++)
		memcpy(path + 2 * i, "a/", 2);
	path[2 * i - 1] = 0;
	CHECK_EQ(c_write(&bed.guest, 0, path, "1"), 0);
	/* The same event from watches on each of the upper nodes. */
	for (i = 0; i < 127; i++) {
		path[2 * i + 1] = 0;
		sprintf(token, "same");
		CHECK_EQ(c_watch(&bed.guest, path, token), 0);
		path[2 * i + 1] = '/';
		client_events(&bed.guest);
		client_forget(&bed.guest);
	}
	tx = c_begin(&bed.guest);
	for (n = 0; n < 4000; n++) {
		i = 2 * (979 - n % 700) + 1;
		path[i] = 0;
		if (c_write(&bed.guest, tx, path, "2"))
			break;
		if (n % 700 != 0)
			path[i] = '/';
	}
	tap_diag("%u writes", n);
	commit(&bed, tx, "deep");
	bed_exit(&bed);
}

TEST(cost_tool, "a commit that a tool hears of which fetches nothing")
{
	char path[64];
	struct bed bed;
	unsigned int i, n;
	uint32_t tx;

	bed_init(&bed, NULL);
	CHECK_EQ(c_watch(&bed.tool, "/", "t"), 0);
	for (i = 0; i < 40000; i++) {
		sprintf(path, "/elsewhere/%u", i % 100);
		CHECK_EQ(xs_write(bed.store, path, "x"), 0);
		sprintf(path, "/elsewhere/gone-%u", i);
		CHECK_EQ(xs_write(bed.store, path, "x"), 0);
		CHECK_EQ(xs_rm(bed.store, path), 0);
	}
	CHECK(!xs_conn_failed(bed.tool.conn));
	for (n = 0; n < 900; n++)
		CHECK_EQ(c_write(&bed.guest, 0, leaf(n), "1"), 0);
	tx = c_begin(&bed.guest);
	for (i = 0; i < n; i++)
		CHECK_EQ(c_write(&bed.guest, tx, leaf(i), "2"), 0);
	commit(&bed, tx, "tool");
	bed_exit(&bed);
}

static void nothing(void *arg, const char *path, const char *watched)
{
}

TEST(cost_local, "a commit that back ends hear of")
{
	struct xs_watch *watches[32];
	struct bed bed;
	unsigned int i, n;
	uint32_t tx;

	bed_init(&bed, NULL);
	for (n = 0; n < 900; n++)
		CHECK_EQ(c_write(&bed.guest, 0, leaf(n), "1"), 0);
	for (i = 0; i < 32; i++) {
		watches[i] = xs_watch_local(bed.store, HOME "/device", nothing,
					    NULL);
		CHECK(watches[i]);
	}
	while (xs_run_deferred(bed.store))
		;
	tx = c_begin(&bed.guest);
	for (i = 0; i < n; i++)
		CHECK_EQ(c_write(&bed.guest, tx, leaf(i), "2"), 0);
	commit(&bed, tx, "local");
	for (i = 0; i < 32; i++)
		xs_unwatch(watches[i]);
	bed_exit(&bed);
}
