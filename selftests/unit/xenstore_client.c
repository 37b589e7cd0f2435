// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xenstore_client.c - the client side of the protocol for the store's tests,
 * written from the protocol's description alone.
 */
#include <sanitizer/lsan_interface.h>

#include "xenstore_client.h"

const char *tap_precondition(void)
{
	return NULL;
}

static void bed_log(void *arg, const char *line)
{
	struct bed *bed = arg;

	bed->lines++;
	snprintf(bed->line, sizeof(bed->line), "%s", line);
}

static void bed_wake(void *arg)
{
	struct bed *bed = arg;

	bed->wakes++;
}

static const struct xs_store_ops bed_ops = {
	.log = bed_log,
	.wake = bed_wake,
};

static void bed_home(struct bed *bed, uint32_t domid)
{
	struct xs_perm perm = { .domid = domid, .perms = XS_PERM_NONE };
	char home[64];

	snprintf(home, sizeof(home), "/local/domain/%u", domid);
	CHECK_EQ(xs_mkdir(bed->store, home), 0);
	CHECK_EQ(xs_set_perms(bed->store, home, &perm, 1), 0);
	CHECK_EQ(xs_introduce(bed->store, domid), 0);
}

void bed_init(struct bed *bed, const struct xs_limits *limits)
{
	memset(bed, 0, sizeof(*bed));
	bed->store = xs_store_create(limits, &bed_ops, bed);
	CHECK(bed->store);
	bed_home(bed, GUEST);
	bed_home(bed, OTHER);
	client_init(&bed->guest, bed->store, GUEST, false);
	client_init(&bed->other, bed->store, OTHER, false);
	client_init(&bed->tool, bed->store, 0, true);
}

void bed_exit(struct bed *bed)
{
	CHECK_EQ(store_check(bed->store), 0);
	client_forget(&bed->guest);
	client_forget(&bed->other);
	client_forget(&bed->tool);
	/* The connections are left to the store. */
	xs_store_destroy(bed->store);
	memset(bed, 0, sizeof(*bed));
	CHECK(!__lsan_do_recoverable_leak_check());
}

void client_init(struct client *c, struct xs_store *store, uint32_t domid,
		 bool privileged)
{
	memset(c, 0, sizeof(*c));
	c->conn = xs_conn_create(store, domid, privileged, NULL, NULL);
	CHECK(c->conn);
}

void client_exit(struct client *c)
{
	client_forget(c);
	xs_conn_destroy(c->conn);
}

void client_forget(struct client *c)
{
	while (c->num_events) {
		c->num_events--;
		free(c->paths[c->num_events]);
		free(c->tokens[c->num_events]);
	}
}

static void client_put(struct client *c, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	while (len) {
		n = xs_conn_feed(c->conn, p, len);
		CHECK_MSG(n > 0, "feed: %zd", n);
		p += n;
		len -= (size_t)n;
	}
}

void client_send(struct client *c, uint32_t type, uint32_t tx,
		 const void *args, size_t len)
{
	const struct xsd_sockmsg hdr = {
		.type = type,
		.req_id = ++c->next_id,
		.tx_id = tx,
		.len = (uint32_t)len,
	};

	/* In odd pieces, as rings and sockets may deliver it. */
	client_put(c, &hdr, 5);
	client_put(c, (const char *)&hdr + 5, sizeof(hdr) - 5);
	client_put(c, args, len / 2);
	client_put(c, (const char *)args + len / 2, len - len / 2);
}

static bool client_get(struct client *c, void *buf, size_t want)
{
	char *to = buf;
	const void *out;
	size_t len;

	while (want) {
		out = xs_conn_out(c->conn, &len);
		if (!len)
			return false;
		if (len > want)
			len = want;
		memcpy(to, out, len);
		xs_conn_out_done(c->conn, len);
		to += len;
		want -= len;
	}
	return true;
}

bool client_take(struct client *c, struct reply *reply)
{
	if (!client_get(c, &reply->hdr, sizeof(reply->hdr)))
		return false;
	CHECK(reply->hdr.len <= XENSTORE_PAYLOAD_MAX);
	CHECK(client_get(c, reply->data, reply->hdr.len));
	reply->data[reply->hdr.len] = 0;
	return true;
}

static void client_event(struct client *c, const struct reply *reply)
{
	size_t len = strlen(reply->data) + 1;
	const char *token = reply->data + len;

	CHECK_EQ(reply->hdr.req_id, 0);
	CHECK_EQ(reply->hdr.tx_id, 0);
	CHECK_EQ(reply->hdr.len, len + strlen(token) + 1);
	CHECK(c->num_events < EVENTS_MAX);
	c->paths[c->num_events] = strdup(reply->data);
	c->tokens[c->num_events] = strdup(token);
	c->num_events++;
}

void client_events(struct client *c)
{
	struct reply reply;

	while (client_take(c, &reply)) {
		CHECK_EQ(reply.hdr.type, XS_WATCH_EVENT);
		client_event(c, &reply);
	}
}

unsigned int client_saw(struct client *c, const char *path, const char *token)
{
	unsigned int i, num = 0;

	for (i = 0; i < c->num_events; i++)
		num += !strcmp(c->paths[i], path) &&
		       !strcmp(c->tokens[i], token);
	return num;
}

static int reply_error(const struct reply *reply)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(xsd_errors); i++) {
		if (!strcmp(reply->data, xsd_errors[i].errstring)) {
			CHECK_EQ(reply->hdr.len, strlen(reply->data) + 1);
			return -xsd_errors[i].errnum;
		}
	}
	FAIL("unknown error '%s'", reply->data);
}

int call(struct client *c, uint32_t type, uint32_t tx, const void *args,
	 size_t len, struct reply *reply)
{
	struct reply own;

	if (!reply)
		reply = &own;
	client_send(c, type, tx, args, len);
	for (;;) {
		CHECK_MSG(client_take(c, reply), "no reply to request %u",
			  type);
		if (reply->hdr.type != XS_WATCH_EVENT)
			break;
		client_event(c, reply);
	}
	CHECK_EQ(reply->hdr.req_id, c->next_id);
	CHECK_EQ(reply->hdr.tx_id, tx);
	if (reply->hdr.type == XS_ERROR)
		return reply_error(reply);
	CHECK_EQ(reply->hdr.type, type);
	return 0;
}

/*
 * Shorthands
 */

int c_write(struct client *c, uint32_t tx, const char *path, const char *val)
{
	char buf[XENSTORE_PAYLOAD_MAX];
	size_t len = strlen(path) + 1;

	memcpy(buf, path, len);
	memcpy(buf + len, val, strlen(val));
	return call(c, XS_WRITE, tx, buf, len + strlen(val), NULL);
}

int c_write_len(struct client *c, uint32_t tx, const char *path, size_t len)
{
	char buf[XENSTORE_PAYLOAD_MAX];
	size_t path_len = strlen(path) + 1;

	CHECK(path_len + len <= sizeof(buf));
	memcpy(buf, path, path_len);
	memset(buf + path_len, 'x', len);
	return call(c, XS_WRITE, tx, buf, path_len + len, NULL);
}

int c_path(struct client *c, uint32_t type, uint32_t tx, const char *path)
{
	return call(c, type, tx, path, strlen(path) + 1, NULL);
}

int c_is(struct client *c, uint32_t tx, const char *path, const char *val)
{
	struct reply reply;
	int err = call(c, XS_READ, tx, path, strlen(path) + 1, &reply);

	if (err)
		return err;
	return reply.hdr.len != strlen(val) || memcmp(reply.data, val,
						      reply.hdr.len);
}

/* Turn NUL-terminated strings into one with spaces, and compare. */
static int reply_strings(struct reply *reply, const char *want)
{
	size_t i;

	if (reply->hdr.len && reply->data[reply->hdr.len - 1])
		return 1;
	for (i = 0; i + 1 < reply->hdr.len; i++) {
		if (!reply->data[i])
			reply->data[i] = ' ';
	}
	if (!strcmp(reply->data, want))
		return 0;
	tap_diag("got '%s', wanted '%s'", reply->data, want);
	return 1;
}

int c_lists(struct client *c, uint32_t tx, const char *path, const char *names)
{
	struct reply reply;
	int err = call(c, XS_DIRECTORY, tx, path, strlen(path) + 1, &reply);

	return err ? err : reply_strings(&reply, names);
}

int c_perms(struct client *c, uint32_t tx, const char *path, const char *perms)
{
	char buf[XENSTORE_PAYLOAD_MAX];
	int len, i;

	len = snprintf(buf, sizeof(buf), "%s %s", path, perms);
	for (i = 0; i < len; i++) {
		if (buf[i] == ' ')
			buf[i] = 0;
	}
	return call(c, XS_SET_PERMS, tx, buf, (size_t)len + 1, NULL);
}

int c_perms_are(struct client *c, const char *path, const char *perms)
{
	struct reply reply;
	int err = call(c, XS_GET_PERMS, 0, path, strlen(path) + 1, &reply);

	return err ? err : reply_strings(&reply, perms);
}

static int c_watch_call(struct client *c, uint32_t type, const char *path,
			const char *token)
{
	char buf[2 * XENSTORE_PAYLOAD_MAX];
	size_t len = strlen(path) + 1;

	memcpy(buf, path, len);
	strcpy(buf + len, token);
	return call(c, type, 0, buf, len + strlen(token) + 1, NULL);
}

int c_watch(struct client *c, const char *path, const char *token)
{
	return c_watch_call(c, XS_WATCH, path, token);
}

int c_unwatch(struct client *c, const char *path, const char *token)
{
	return c_watch_call(c, XS_UNWATCH, path, token);
}

uint32_t c_begin(struct client *c)
{
	struct reply reply;

	CHECK_EQ(call(c, XS_TRANSACTION_START, 0, ARGS("\0"), &reply), 0);
	CHECK(atoi(reply.data) > 0);
	return (uint32_t)atoi(reply.data);
}

int c_end(struct client *c, uint32_t tx, bool commit)
{
	return call(c, XS_TRANSACTION_END, tx, commit ? "T" : "F", 2, NULL);
}

static int count_one(void *arg, const struct xs_node_view *node)
{
	unsigned int *num = arg;

	(void)node;
	++*num;
	return 0;
}

unsigned int count_nodes(struct xs_store *store)
{
	unsigned int num = 0;

	CHECK_EQ(xs_for_each_node(store, count_one, &num), 0);
	return num;
}
