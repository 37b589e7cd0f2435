// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * local.c - owns the calls by which the VMM's back ends use the tree: domain 0,
 * absolute paths, no transactions.  Thin: ops.c has the rules.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

static int local_path(const struct xs_store *store, const char *path, char *buf)
{
	if (*path != '/')
		return -EINVAL;
	return path_canonical(&store->dom0, path, false, buf, NULL);
}

static int local_get(struct xs_store *store, const char *path,
		     struct xs_node **node)
{
	char buf[PATH_BUF];
	int err = local_path(store, path, buf);

	if (err)
		return err;
	*node = tree_find(&store->tree, buf);
	return *node ? 0 : -ENOENT;
}

static int local_modify(struct xs_store *store, const char *path,
			struct xs_mod *mod)
{
	struct xs_ctx ctx;
	char buf[PATH_BUF];
	int err = local_path(store, path, buf);

	if (err)
		return err;
	mod->path = buf;
	ctx_init(&ctx, store, &store->dom0, NULL);
	err = ops_modify(&ctx, mod);
	watch_fire(store, &ctx.changes);
	return err;
}

int xs_write_raw(struct xs_store *store, const char *path, const void *data,
		 size_t len)
{
	struct xs_mod mod = { .type = MOD_WRITE, .data = data, .len = len };

	/* What cannot be read back over the wire shall not be there. */
	if (len > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	return local_modify(store, path, &mod);
}

int xs_write(struct xs_store *store, const char *path, const char *fmt, ...)
{
	char buf[XENSTORE_PAYLOAD_MAX + 1];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (len < 0)
		return -EINVAL;
	return xs_write_raw(store, path, buf, (size_t)len);
}

int xs_mkdir(struct xs_store *store, const char *path)
{
	struct xs_mod mod = { .type = MOD_MKDIR };

	return local_modify(store, path, &mod);
}

int xs_rm(struct xs_store *store, const char *path)
{
	struct xs_mod mod = { .type = MOD_RM };
	struct xs_node *node;
	int err = local_get(store, path, &node);

	return err ? err : local_modify(store, path, &mod);
}

int xs_set_perms(struct xs_store *store, const char *path,
		 const struct xs_perm *perms, unsigned int num)
{
	struct xs_mod mod = {
		.type = MOD_PERMS,
		.perms = perms,
		.num_perms = num,
	};
	unsigned int i;

	if (!num)
		return -EINVAL;
	for (i = 0; i < num; i++) {
		if (perms[i].domid >= XS_DOMID_END ||
		    perms[i].perms > (XS_PERM_READ | XS_PERM_WRITE))
			return -EINVAL;
	}
	return local_modify(store, path, &mod);
}

bool xs_exists(struct xs_store *store, const char *path)
{
	struct xs_node *node;

	return !local_get(store, path, &node);
}

int xs_read(struct xs_store *store, const char *path, char **out, size_t *len)
{
	struct xs_node *node;
	int err = local_get(store, path, &node);

	if (err)
		return err;
	*out = malloc((size_t)node->len + 1);
	if (!*out)
		return -ENOMEM;
	memcpy(*out, node->data, node->len);
	(*out)[node->len] = 0;
	if (len)
		*len = node->len;
	return 0;
}

/* The value is the guest's: only digits, all of it, nothing out of range. */
int xs_read_u64(struct xs_store *store, const char *path, uint64_t *val)
{
	struct xs_node *node;
	uint64_t sum = 0;
	unsigned int i, digit;
	int err = local_get(store, path, &node);

	if (err)
		return err;
	if (!node->len)
		return -EINVAL;
	for (i = 0; i < node->len; i++) {
		if (node->data[i] < '0' || node->data[i] > '9')
			return -EINVAL;
		digit = (unsigned int)(node->data[i] - '0');
		if (sum > (UINT64_MAX - digit) / 10)
			return -EINVAL;
		sum = sum * 10 + digit;
	}
	*val = sum;
	return 0;
}

int xs_read_u32(struct xs_store *store, const char *path, uint32_t *val)
{
	uint64_t wide;
	int err = xs_read_u64(store, path, &wide);

	if (err)
		return err;
	if (wide > UINT32_MAX)
		return -EINVAL;
	*val = (uint32_t)wide;
	return 0;
}

int xs_list(struct xs_store *store, const char *path, char ***names,
	    unsigned int *num)
{
	struct xs_node *node;
	unsigned int i;
	char *to;
	int err = local_get(store, path, &node);

	if (err)
		return err;
	/* One allocation, never of size 0. */
	*names = malloc(node->num_children * sizeof(char *) +
			node->child_bytes + 1);
	if (!*names)
		return -ENOMEM;
	to = (char *)(*names + node->num_children);
	for (i = 0; i < node->num_children; i++) {
		(*names)[i] = to;
		to = stpcpy(to, node->children[i]->name) + 1;
	}
	*num = node->num_children;
	return 0;
}

int xs_get_perms(struct xs_store *store, const char *path,
		 struct xs_perm **perms, unsigned int *num)
{
	struct xs_node *node;
	int err = local_get(store, path, &node);

	if (err)
		return err;
	*perms = malloc(node->num_perms * sizeof(**perms));
	if (!*perms)
		return -ENOMEM;
	memcpy(*perms, node->perms, node->num_perms * sizeof(**perms));
	*num = node->num_perms;
	return 0;
}
