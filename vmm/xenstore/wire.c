// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wire.c - owns the form of requests and replies: takes a complete message
 * apart, has the right function answer it (wire_tree.c, wire_misc.c), and
 * queues the one reply and then the events.  Numbers, strings and error names
 * are those of <xen/io/xs_wire.h>.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

void wire_send(struct wire_req *req, const void *data, size_t len)
{
	conn_reply(req->conn, &req->hdr, req->hdr.type, data, len);
}

void wire_send_string(struct wire_req *req, const char *s)
{
	wire_send(req, s, strlen(s) + 1);
}

void wire_ok(struct wire_req *req)
{
	wire_send_string(req, "OK");
}

static void wire_error(struct wire_req *req, int err)
{
	const char *name = "EINVAL";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(xsd_errors); i++) {
		if (xsd_errors[i].errnum == -err)
			name = xsd_errors[i].errstring;
	}
	conn_reply(req->conn, &req->hdr, XS_ERROR, name, strlen(name) + 1);
}

int wire_count(const struct wire_req *req)
{
	size_t i;
	int num = 0;

	if (!req->len || req->args[req->len - 1])
		return -EINVAL;
	for (i = 0; i < req->len; i++)
		num += !req->args[i];
	return num;
}

int wire_strings(const struct wire_req *req, const char **strings,
			int num)
{
	const char *s = req->args;
	int i;

	if (wire_count(req) != num)
		return -EINVAL;
	for (i = 0; i < num; i++) {
		strings[i] = s;
		s += strlen(s) + 1;
	}
	return 0;
}

int wire_path(struct wire_req *req, bool special)
{
	if (wire_count(req) != 1)
		return -EINVAL;
	return path_canonical(&req->conn->who, req->args, special, req->path,
			      NULL);
}

int wire_domid(const struct wire_req *req, uint32_t *domid)
{
	if (wire_count(req) != 1 || !path_domid(req->args, domid))
		return -EINVAL;
	return 0;
}

#define WIRE_PRIV	1u	/* for the privileged only */
#define WIRE_NOTID	2u	/* the transaction id means nothing */

static const struct wire_op {
	int (*fn)(struct wire_req *req);
	unsigned int flags;
} wire_ops[XS_TYPE_COUNT] = {
	[XS_CONTROL]		= { wire_control, WIRE_PRIV | WIRE_NOTID },
	[XS_DIRECTORY]		= { wire_directory },
	[XS_READ]		= { wire_read },
	[XS_GET_PERMS]		= { wire_get_perms },
	[XS_WATCH]		= { wire_watch, WIRE_NOTID },
	[XS_UNWATCH]		= { wire_unwatch, WIRE_NOTID },
	[XS_TRANSACTION_START]	= { wire_tx_start },
	[XS_TRANSACTION_END]	= { wire_tx_end },
	[XS_INTRODUCE]		= { wire_introduce, WIRE_PRIV | WIRE_NOTID },
	[XS_RELEASE]		= { wire_release, WIRE_PRIV | WIRE_NOTID },
	[XS_GET_DOMAIN_PATH]	= { wire_get_domain_path, WIRE_NOTID },
	[XS_WRITE]		= { wire_write },
	[XS_MKDIR]		= { wire_mkdir },
	[XS_RM]			= { wire_rm },
	[XS_SET_PERMS]		= { wire_set_perms },
	[XS_IS_DOMAIN_INTRODUCED] = { wire_is_introduced, WIRE_NOTID },
	[XS_RESUME]		= { wire_resume, WIRE_PRIV | WIRE_NOTID },
	[XS_SET_TARGET]		= { wire_set_target, WIRE_PRIV | WIRE_NOTID },
	[XS_RESET_WATCHES]	= { wire_reset_watches, WIRE_NOTID },
	[XS_DIRECTORY_PART]	= { wire_directory_part },
};

static int wire_dispatch(struct wire_req *req)
{
	const struct wire_op *op;
	struct xs_tx *tx = NULL;

	if (req->hdr.type >= XS_TYPE_COUNT || !wire_ops[req->hdr.type].fn)
		return -ENOSYS;
	op = &wire_ops[req->hdr.type];
	if ((op->flags & WIRE_PRIV) && !req->conn->who.privileged)
		return -EACCES;
	if (req->hdr.tx_id && !(op->flags & WIRE_NOTID)) {
		tx = txn_find(req->conn, req->hdr.tx_id);
		if (!tx)
			return -ENOENT;
	}
	ctx_init(&req->ctx, req->store, &req->conn->who, tx);
	return op->fn(req);
}

void wire_request(struct xs_conn *conn)
{
	struct wire_req req = {
		.conn = conn,
		.store = conn->store,
		.hdr = conn->in_hdr,
		.args = conn->in,
		.len = conn->in_hdr.len,
	};
	int err;

	STAILQ_INIT(&req.ctx.changes);
	err = wire_dispatch(&req);
	if (err)
		wire_error(&req, err);
	watch_fire(conn->store, &req.ctx.changes);
	if (req.fire)
		watch_fire_self(req.fire);
}
