// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wire_tree.c - owns the requests that read or change nodes and access lists.
 * The rules are ops.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

int wire_read(struct wire_req *req)
{
	struct xs_node *node;
	int err;

	err = wire_path(req, false);
	if (!err)
		err = ops_get(&req->ctx, req->path, XS_PERM_READ, &node);
	if (err)
		return err;
	wire_send(req, node->data, node->len);
	return 0;
}

/* Names of the children with their NULs; the caller frees them. */
static char *wire_children(const struct xs_node *node)
{
	char *names = malloc(node->child_bytes + 1), *to = names;
	unsigned int i;

	if (!names)
		return NULL;
	for (i = 0; i < node->num_children; i++)
		to = stpcpy(to, node->children[i]->name) + 1;
	return names;
}

int wire_directory(struct wire_req *req)
{
	struct xs_node *node;
	char *names;
	int err;

	err = wire_path(req, false);
	if (!err)
		err = ops_get(&req->ctx, req->path, XS_PERM_READ, &node);
	if (err)
		return err;
	if (node->child_bytes > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	names = wire_children(node);
	if (!names)
		return -ENOMEM;
	wire_send(req, names, node->child_bytes);
	free(names);
	return 0;
}

/*
 * A part of a long list: the node's generation, as many whole names from the
 * offset on as fit, and an empty name behind the last one there is.
 */
static int wire_send_part(struct wire_req *req, const struct xs_node *node,
			  size_t off)
{
	char buf[XENSTORE_PAYLOAD_MAX];
	size_t used, len;
	char *names;

	names = wire_children(node);
	if (!names)
		return -ENOMEM;
	used = (size_t)snprintf(buf, sizeof(buf), "%llu",
				(unsigned long long)node->gen) + 1;
	while (off < node->child_bytes) {
		len = strlen(names + off) + 1;
		/* One byte stays for the empty name. */
		if (used + len >= sizeof(buf))
			break;
		memcpy(buf + used, names + off, len);
		used += len;
		off += len;
	}
	if (off >= node->child_bytes)
		buf[used++] = 0;
	free(names);
	wire_send(req, buf, used);
	return 0;
}

int wire_directory_part(struct wire_req *req)
{
	const char *strings[2];
	struct xs_node *node;
	size_t off = 0, i;
	int err;

	err = wire_strings(req, strings, 2);
	if (!err)
		err = path_canonical(&req->conn->who, strings[0], false,
				     req->path, NULL);
	if (err)
		return err;
	for (i = 0; strings[1][i]; i++) {
		if (strings[1][i] < '0' || strings[1][i] > '9' || i > 8)
			return -EINVAL;
		off = off * 10 + (size_t)(strings[1][i] - '0');
	}
	err = ops_get(&req->ctx, req->path, XS_PERM_READ, &node);
	return err ? err : wire_send_part(req, node, off);
}

static int wire_send_perms(struct wire_req *req, const struct xs_perm *perms,
			   unsigned int num)
{
	char buf[XENSTORE_PAYLOAD_MAX + PERM_TEXT];
	size_t used = 0;
	unsigned int i;

	for (i = 0; i < num; i++) {
		used += (size_t)perms_format(&perms[i], buf + used) + 1;
		if (used > XENSTORE_PAYLOAD_MAX)
			return -E2BIG;
	}
	wire_send(req, buf, used);
	return 0;
}

int wire_get_perms(struct wire_req *req)
{
	const struct xs_special *special;
	struct xs_node *node;
	int err;

	err = wire_path(req, true);
	if (err)
		return err;
	if (req->path[0] == '@') {
		special = store_special(req->store, req->path);
		if (!special)
			return -ENOENT;
		if (!(perms_of(&req->conn->who, special->perms,
			       special->num_perms) & XS_PERM_READ))
			return -EACCES;
		return wire_send_perms(req, special->perms, special->num_perms);
	}
	err = ops_get(&req->ctx, req->path, XS_PERM_READ, &node);
	return err ? err : wire_send_perms(req, node->perms, node->num_perms);
}

static int wire_modify(struct wire_req *req, const struct xs_mod *mod)
{
	int err = ops_modify(&req->ctx, mod);

	if (!err)
		wire_ok(req);
	return err;
}

int wire_write(struct wire_req *req)
{
	size_t path_len = strnlen(req->args, req->len);
	struct xs_mod mod = { .type = MOD_WRITE, .path = req->path };
	int err;

	if (path_len == req->len)
		return -EINVAL;
	err = path_canonical(&req->conn->who, req->args, false, req->path,
			     NULL);
	if (err)
		return err;
	mod.data = req->args + path_len + 1;
	mod.len = req->len - path_len - 1;
	return wire_modify(req, &mod);
}

int wire_mkdir(struct wire_req *req)
{
	const struct xs_mod mod = { .type = MOD_MKDIR, .path = req->path };
	int err = wire_path(req, false);

	return err ? err : wire_modify(req, &mod);
}

int wire_rm(struct wire_req *req)
{
	const struct xs_mod mod = { .type = MOD_RM, .path = req->path };
	int err = wire_path(req, false);

	return err ? err : wire_modify(req, &mod);
}

/*
 * Rights given to a domain that does not exist would wait for whoever gets its
 * id; only those who make domains may do that.
 */
static unsigned int wire_strike_unknown(const struct wire_req *req,
					struct xs_perm *perms, unsigned int num)
{
	const struct xs_who *who = &req->conn->who;
	unsigned int i = 1;

	while (!who->privileged && i < num) {
		if (perms[i].domid == who->domid ||
		    xs_is_introduced(req->store, perms[i].domid))
			i++;
		else
			num = perms_strike(perms, num, perms[i].domid);
	}
	return num;
}

static int wire_apply_perms(struct wire_req *req, struct xs_perm *perms,
			    unsigned int num)
{
	struct xs_mod mod = { .type = MOD_PERMS, .path = req->path };
	struct xs_special *special;
	int err;

	if (req->path[0] != '@') {
		mod.perms = perms;
		mod.num_perms = wire_strike_unknown(req, perms, num);
		return wire_modify(req, &mod);
	}
	if (!req->conn->who.privileged)
		return -EACCES;
	special = store_special(req->store, req->path);
	if (!special)
		return -ENOENT;
	err = store_set_special(special, perms, num);
	if (!err)
		wire_ok(req);
	return err;
}

int wire_set_perms(struct wire_req *req)
{
	const char *s = req->args;
	int num = wire_count(req), i, err;
	struct xs_perm *perms;

	if (num < 2)
		return -EINVAL;
	err = path_canonical(&req->conn->who, s, true, req->path, NULL);
	if (err)
		return err;
	perms = calloc((size_t)num, sizeof(*perms));
	if (!perms)
		return -ENOMEM;
	for (i = 0, num--; i < num && !err; i++) {
		s += strlen(s) + 1;
		err = perms_parse(s, &perms[i]);
	}
	if (!err)
		err = wire_apply_perms(req, perms, (unsigned int)num);
	free(perms);
	return err;
}
