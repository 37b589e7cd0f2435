// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xenstore_nomem.c - the store when memory runs out: every allocation of every
 * operation fails once, and each time the operation has happened whole or not
 * at all.  The linker sends allocations here (xenstore.mk).
 */
#include "xenstore_client.h"

static unsigned int nomem_left;
static bool nomem_done;

void nomem_arm(unsigned int nth)
{
	nomem_left = nth;
	nomem_done = false;
}

bool nomem_hit(void)
{
	return nomem_done;
}

static bool nomem_now(void)
{
	if (!nomem_left || --nomem_left)
		return false;
	nomem_done = true;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t num, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t num, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *s);

void *__wrap_malloc(size_t size)
{
	return nomem_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t num, size_t size)
{
	return nomem_now() ? NULL : __real_calloc(num, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return nomem_now() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *s)
{
	return nomem_now() ? NULL : __real_strdup(s);
}

/* The whole tree as text, to compare by. */
struct dump {
	char *text;
	size_t len;
};

static int dump_node(void *arg, const struct xs_node_view *node)
{
	struct dump *dump = arg;
	unsigned int i;

	dump->text = realloc(dump->text, dump->len + 16384);
	dump->len += (size_t)sprintf(dump->text + dump->len, "%s=%.*s",
				     node->path, (int)node->len,
				     (const char *)node->data);
	for (i = 0; i < node->num_perms; i++)
		dump->len += (size_t)sprintf(dump->text + dump->len, " %u:%u",
					     node->perms[i].domid,
					     node->perms[i].perms);
	dump->len += (size_t)sprintf(dump->text + dump->len, "\n");
	return 0;
}

static char *dump_store(struct xs_store *store)
{
	struct dump dump = { .text = NULL };

	CHECK_EQ(xs_for_each_node(store, dump_node, &dump), 0);
	return dump.text;
}

static int do_write(struct bed *bed)
{
	return xs_write(bed->store, HOME "/a/b", "new");
}

static int do_create(struct bed *bed)
{
	return xs_write(bed->store, HOME "/x/y/z", "new");
}

static int do_rm(struct bed *bed)
{
	return xs_rm(bed->store, HOME "/a");
}

static int do_perms(struct bed *bed)
{
	const struct xs_perm perms[] = { { 33, 1 }, { 34, 2 } };

	return xs_set_perms(bed->store, HOME "/a", perms, 2);
}

static int do_release(struct bed *bed)
{
	return xs_release(bed->store, GUEST);
}

/*
 * By way of the wire, all in one transaction with a snapshot held besides; the
 * answer may get lost with the connection, the atomicity may not.
 */
static int do_wire(struct bed *bed, uint32_t type, uint32_t tx,
		   const void *args, size_t len, struct reply *reply)
{
	struct client *c = &bed->guest;
	const struct xsd_sockmsg hdr = { type, 1, tx, (uint32_t)len };

	if (xs_conn_feed(c->conn, &hdr, sizeof(hdr)) < 0)
		return -ENOMEM;
	if (xs_conn_feed(c->conn, args, len) < 0)
		return -ENOMEM;
	do {
		if (!client_take(c, reply))
			return -ENOMEM;
	} while (reply->hdr.type == XS_WATCH_EVENT);
	return reply->hdr.type == XS_ERROR ? -ENOMEM : 0;
}

static int do_txn(struct bed *bed)
{
	struct reply reply;
	uint32_t tx;
	int err;

	err = do_wire(bed, XS_TRANSACTION_START, 0, ARGS("\0"), &reply);
	if (err)
		return err;
	tx = (uint32_t)atoi(reply.data);
	err = do_wire(bed, XS_WRITE, tx, ARGS(HOME "/a/b\0one"), &reply);
	if (!err)
		err = do_wire(bed, XS_WRITE, tx, ARGS(HOME "/n/m\0two"),
			      &reply);
	if (!err)
		err = do_wire(bed, XS_RM, tx, ARGS(HOME "/a/c\0"), &reply);
	if (!err)
		err = do_wire(bed, XS_SET_PERMS, tx,
			      ARGS(HOME "/a\0n7\0r0\0"), &reply);
	if (err)
		return err;
	/* A reply lost on the way back leaves it open what happened. */
	err = do_wire(bed, XS_TRANSACTION_END, tx, ARGS("T\0"), &reply);
	return err && xs_conn_failed(bed->guest.conn) ? 1 : err;
}

static const struct {
	const char *name;
	int (*fn)(struct bed *bed);
} nomem_ops[] = {
	{ "write", do_write },
	{ "create", do_create },
	{ "rm", do_rm },
	{ "perms", do_perms },
	{ "release", do_release },
	{ "transaction", do_txn },
};

static void nomem_prepare(struct bed *bed)
{
	bed_init(bed, NULL);
	CHECK_EQ(c_write(&bed->guest, 0, HOME "/a/b", "old"), 0);
	CHECK_EQ(c_write(&bed->guest, 0, HOME "/a/c/d", "old"), 0);
	CHECK_EQ(c_watch(&bed->guest, HOME, "t"), 0);
	/* Holds a snapshot, so that everything has to be copied. */
	c_begin(&bed->other);
}

/* The @nth allocation of one operation fails; false if it has fewer. */
static bool nomem_try(unsigned int op, unsigned int nth)
{
	char *before, *after;
	struct bed bed;
	bool hit;
	int err;

	nomem_prepare(&bed);
	before = dump_store(bed.store);
	nomem_arm(nth);
	err = nomem_ops[op].fn(&bed);
	hit = nomem_hit();
	nomem_arm(0);
	after = dump_store(bed.store);
	CHECK_MSG(hit || !err, "%s: %d without reason", nomem_ops[op].name,
		  err);
	if (err < 0)
		CHECK_MSG(!strcmp(before, after), "%s failed but did\n%s",
			  nomem_ops[op].name, after);
	if (!err)
		CHECK_MSG(strcmp(before, after), "%s did nothing",
			  nomem_ops[op].name);
	free(before);
	free(after);
	bed_exit(&bed);
	return hit;
}

TEST(nomem, "every allocation that fails leaves the tree whole")
{
	unsigned int op, nth;

	for (op = 0; op < ARRAY_SIZE(nomem_ops); op++) {
		for (nth = 1; nomem_try(op, nth); nth++)
			CHECK(nth < 1000);
		CHECK_MSG(nth > 3, "%s allocates nothing", nomem_ops[op].name);
	}
}
