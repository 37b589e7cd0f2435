// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wire_misc.c - owns the requests about watches, transactions, domains and the
 * store itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* So that a path and a token always fit an event. */
#define WIRE_TOKEN_MAX	(XENSTORE_PAYLOAD_MAX - XENSTORE_ABS_PATH_MAX - 2)

static int wire_watch_args(struct wire_req *req, const char **token,
			   size_t *prefix)
{
	const char *strings[2];
	int err = wire_strings(req, strings, 2);

	if (err)
		return err;
	*token = strings[1];
	return path_canonical(&req->conn->who, strings[0], true, req->path,
			      prefix);
}

int wire_watch(struct wire_req *req)
{
	struct xs_conn *conn = req->conn;
	const char *token;
	size_t prefix;
	int err;

	err = wire_watch_args(req, &token, &prefix);
	if (err)
		return err;
	if (watch_find(conn, req->path, token))
		return -EEXIST;
	if (strlen(token) > WIRE_TOKEN_MAX)
		return -E2BIG;
	if (!conn->who.privileged &&
	    conn->num_watches >= req->store->limits.watches)
		return -E2BIG;
	err = watch_add(conn, req->path, prefix, token, &req->fire);
	if (!err)
		wire_ok(req);
	return err;
}

int wire_unwatch(struct wire_req *req)
{
	struct xs_watch *watch;
	const char *token;
	size_t prefix;
	int err;

	err = wire_watch_args(req, &token, &prefix);
	if (err)
		return err;
	watch = watch_find(req->conn, req->path, token);
	if (!watch)
		return -ENOENT;
	watch_free(watch);
	wire_ok(req);
	return 0;
}

int wire_reset_watches(struct wire_req *req)
{
	struct xs_conn *conn = req->conn;

	while (!TAILQ_EMPTY(&conn->watches))
		watch_free(TAILQ_FIRST(&conn->watches));
	while (!TAILQ_EMPTY(&conn->txs))
		txn_end(TAILQ_FIRST(&conn->txs), false, NULL);
	wire_ok(req);
	return 0;
}

/*
 * Transactions
 */

int wire_tx_start(struct wire_req *req)
{
	char text[16];
	uint32_t id;
	int err;

	if (req->ctx.tx)
		return -EBUSY;
	err = txn_start(req->conn, &id);
	if (err)
		return err;
	snprintf(text, sizeof(text), "%u", id);
	wire_send_string(req, text);
	return 0;
}

int wire_tx_end(struct wire_req *req)
{
	struct xs_tx *tx = req->ctx.tx;
	bool commit;
	int err;

	if (wire_count(req) != 1 ||
	    (strcmp(req->args, "T") && strcmp(req->args, "F")))
		return -EINVAL;
	if (!tx)
		return -ENOENT;
	commit = req->args[0] == 'T';
	ctx_init(&req->ctx, req->store, &req->conn->who, NULL);
	err = txn_end(tx, commit, &req->ctx);
	if (!err)
		wire_ok(req);
	return err;
}

/*
 * Domains
 */

int wire_get_domain_path(struct wire_req *req)
{
	char text[32];
	uint32_t domid;
	int err = wire_domid(req, &domid);

	if (err)
		return err;
	snprintf(text, sizeof(text), "/local/domain/%u", domid);
	wire_send_string(req, text);
	return 0;
}

int wire_is_introduced(struct wire_req *req)
{
	uint32_t domid;
	int err = wire_domid(req, &domid);

	if (err)
		return err;
	wire_send_string(req, xs_is_introduced(req->store, domid) ? "T" : "F");
	return 0;
}

/*
 * Only the VMM can bring in its guest, as nobody else has the ring's page; of a
 * domain that is there already it may be said again.
 */
int wire_introduce(struct wire_req *req)
{
	const char *strings[3];
	uint32_t domid;
	int err = wire_strings(req, strings, 3);

	if (err)
		return err;
	if (!path_domid(strings[0], &domid) || domid == XS_DOM0 ||
	    !xs_is_introduced(req->store, domid))
		return -EINVAL;
	wire_ok(req);
	return 0;
}

int wire_release(struct wire_req *req)
{
	uint32_t domid;
	int err = wire_domid(req, &domid);

	if (!err)
		err = xs_release(req->store, domid);
	if (!err)
		wire_ok(req);
	return err;
}

/* Undoes what is noted of a domain that shut down, which is nothing here. */
int wire_resume(struct wire_req *req)
{
	uint32_t domid;
	int err = wire_domid(req, &domid);

	if (err)
		return err;
	if (!xs_is_introduced(req->store, domid))
		return -ENOENT;
	wire_ok(req);
	return 0;
}

int wire_set_target(struct wire_req *req)
{
	const char *strings[2];
	uint32_t domid, target;
	struct xs_conn *conn;
	int err = wire_strings(req, strings, 2);

	if (err)
		return err;
	if (!path_domid(strings[0], &domid) || domid == XS_DOM0 ||
	    !path_domid(strings[1], &target) || target == XS_DOM0)
		return -EINVAL;
	if (!xs_is_introduced(req->store, domid) ||
	    !xs_is_introduced(req->store, target))
		return -ENOENT;
	TAILQ_FOREACH(conn, &req->store->conns, link) {
		if (conn->who.domid == domid)
			conn->who.target = target;
	}
	wire_ok(req);
	return 0;
}

/*
 * Control commands
 */

static int wire_control_help(struct wire_req *req)
{
	wire_send_string(req, "check\nhelp\nquota\n");
	return 0;
}

static int wire_control_check(struct wire_req *req)
{
	int err = store_check(req->store);

	if (!err)
		wire_ok(req);
	return err;
}

static int wire_control_quota(struct wire_req *req)
{
	const struct xs_limits *limits = &req->store->limits;
	char text[512];

	snprintf(text, sizeof(text),
		 "nodes: %u\nnode-size: %u\npermissions: %u\nwatches: %u\n"
		 "transactions: %u\ntransaction-nodes: %u\n"
		 "transaction-bytes: %u\noutstanding: %u\nout-bytes: %u\n",
		 limits->nodes, limits->node_size, limits->perms,
		 limits->watches, limits->txs, limits->tx_nodes,
		 limits->tx_bytes, limits->replies, limits->out_bytes);
	wire_send_string(req, text);
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(struct wire_req *req);
} wire_controls[] = {
	{ "check", wire_control_check },
	{ "help", wire_control_help },
	{ "quota", wire_control_quota },
};

int wire_control(struct wire_req *req)
{
	size_t i;

	if (wire_count(req) < 1)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(wire_controls); i++) {
		if (!strcmp(req->args, wire_controls[i].name))
			return wire_controls[i].fn(req);
	}
	return -EINVAL;
}
