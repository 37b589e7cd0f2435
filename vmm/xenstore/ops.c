// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ops.c - owns the rules of reading and changing the tree: rights, what a new
 * node inherits, quotas, which errors tell what.  Works on the tree its context
 * names; leaves the private trees to txn.c and the telling to watch.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

void ctx_init(struct xs_ctx *ctx, struct xs_store *store,
	      const struct xs_who *who, struct xs_tx *tx)
{
	ctx->store = store;
	ctx->who = who;
	ctx->tx = tx;
	ctx->replay = false;
	ctx->tree = tx ? txn_tree(tx) : &store->tree;
	STAILQ_INIT(&ctx->changes);
}

static bool ops_granted(const struct xs_ctx *ctx, const struct xs_node *node,
			unsigned int need)
{
	unsigned int have = perms_of(ctx->who, node->perms, node->num_perms);

	return (have & need) == need;
}

int ops_get(struct xs_ctx *ctx, const char *path, unsigned int need,
	    struct xs_node **node)
{
	unsigned int missing;
	int err;

	if (ctx->tx) {
		err = txn_note(ctx->tx, path);
		if (err)
			return err;
	}
	/* That a node is missing is for those to know who may see its place. */
	*node = tree_nearest(ctx->tree, path, &missing);
	if (!ops_granted(ctx, *node, need))
		return -EACCES;
	return missing ? -ENOENT : 0;
}

/*
 * Quotas.  Domain 0 and the tools are bound by none of them.
 */

static int ops_check_size(struct xs_ctx *ctx, const struct xs_node *node,
			  size_t less, size_t more)
{
	if (ctx->who->privileged)
		return 0;
	/* What shrinks is let through: the node may be domain 0's and large. */
	if (more > less &&
	    node_size(node) - less + more > ctx->store->limits.node_size)
		return -ENOSPC;
	return 0;
}

static int ops_check_new(struct xs_ctx *ctx, const char *path,
			 const struct xs_node *nearest, unsigned int missing,
			 const struct xs_mod *mod)
{
	const struct xs_limits *limits = &ctx->store->limits;
	const char *name;
	size_t len, size;
	unsigned int i, depth = 0;

	if (ctx->who->privileged)
		return 0;
	if (tree_nodes_of(ctx->tree, ctx->who->domid) + missing > limits->nodes)
		return -ENOSPC;
	size = 24 + (size_t)nearest->num_perms * 8 + mod->len;
	if (size > limits->node_size)
		return -ENOSPC;
	for (name = path_first(path, &len); name; name = path_next(name, &len))
		depth++;
	name = path_first(path, &len);
	for (i = 0; i < depth - missing; i++)
		name = path_next(name, &len);
	return ops_check_size(ctx, nearest, 0, len + 1);
}

/* A node that does not exist yet: its rights are those of its parent. */
static int ops_create(struct xs_ctx *ctx, const struct xs_mod *mod)
{
	struct xs_node *nearest;
	struct xs_perm *perms;
	unsigned int missing;
	int err;

	nearest = tree_nearest(ctx->tree, mod->path, &missing);
	err = ops_check_new(ctx, mod->path, nearest, missing, mod);
	if (err)
		return err;
	perms = malloc(nearest->num_perms * sizeof(*perms));
	if (!perms)
		return -ENOMEM;
	memcpy(perms, nearest->perms, nearest->num_perms * sizeof(*perms));
	if (!ctx->who->privileged)
		perms[0].domid = ctx->who->domid;
	err = tree_create(ctx->tree, mod->path, perms, nearest->num_perms,
			  mod->data, mod->len, ++ctx->store->gen);
	free(perms);
	return err;
}

/* The operations proper: 0 done, 1 nothing to do, or -errno. */

static int ops_write(struct xs_ctx *ctx, const struct xs_mod *mod)
{
	struct xs_node *node;
	int err;

	err = ops_get(ctx, mod->path, XS_PERM_WRITE, &node);
	if (err == -ENOENT)
		return ops_create(ctx, mod);
	if (!err)
		err = ops_check_size(ctx, node, node->len, mod->len);
	if (err)
		return err;
	return tree_set_data(ctx->tree, mod->path, mod->data, mod->len,
			     ++ctx->store->gen);
}

static int ops_mkdir(struct xs_ctx *ctx, const struct xs_mod *mod)
{
	struct xs_node *node;
	int err;

	err = ops_get(ctx, mod->path, XS_PERM_WRITE, &node);
	if (err == -ENOENT)
		return ops_create(ctx, mod);
	return err ? err : 1;
}

static int ops_rm(struct xs_ctx *ctx, const struct xs_mod *mod)
{
	struct xs_node *node;
	int err;

	if (!mod->path[1])
		return -EINVAL;
	err = ops_get(ctx, mod->path, XS_PERM_WRITE, &node);
	/* Gone already is as good as removed, if it could have been there. */
	if (err == -ENOENT && tree_parent(ctx->tree, mod->path))
		return 1;
	if (err)
		return err;
	return tree_remove(ctx->tree, mod->path, ++ctx->store->gen);
}

static int ops_perms(struct xs_ctx *ctx, const struct xs_mod *mod)
{
	size_t old, new;
	struct xs_node *node;
	int err;

	err = ops_get(ctx, mod->path, XS_PERM_WRITE | PERM_OWNER, &node);
	if (err)
		return err;
	if (!ctx->who->privileged) {
		if (mod->perms[0].domid != node->perms[0].domid)
			return -EPERM;
		if (mod->num_perms > ctx->store->limits.perms)
			return -ENOSPC;
	}
	old = (size_t)node->num_perms * 8;
	new = (size_t)mod->num_perms * 8;
	err = ops_check_size(ctx, node, old, new);
	if (err)
		return err;
	return tree_set_perms(ctx->tree, mod->path, mod->perms, mod->num_perms,
			      ++ctx->store->gen);
}

static int (*const ops_mods[MOD_NUM])(struct xs_ctx *ctx,
				      const struct xs_mod *mod) = {
	[MOD_WRITE]	= ops_write,
	[MOD_MKDIR]	= ops_mkdir,
	[MOD_RM]	= ops_rm,
	[MOD_PERMS]	= ops_perms,
};

/* In a transaction: nobody hears of it before the commit. */
static int ops_modify_tx(struct xs_ctx *ctx, const struct xs_mod *mod)
{
	int err;

	err = txn_log(ctx->tx, mod);
	if (err)
		return err;
	err = ops_mods[mod->type](ctx, mod);
	if (err)
		txn_log_drop(ctx->tx);
	else
		txn_log_done(ctx->tx);
	return err < 0 ? err : 0;
}

int ops_modify(struct xs_ctx *ctx, const struct xs_mod *mod)
{
	struct xs_node *before;
	struct xs_change *change;
	int err;

	if (ctx->tx)
		return ops_modify_tx(ctx, mod);
	if (ctx->replay)
		return ops_mods[mod->type](ctx, mod);
	/* Taken first, so that nothing can fail once the tree has changed. */
	change = change_new(mod->path);
	if (!change)
		return -ENOMEM;
	before = tree_find(ctx->tree, mod->path);
	if (mod->type == MOD_RM || mod->type == MOD_PERMS)
		change->old = node_get(before);
	err = ops_mods[mod->type](ctx, mod);
	if (err) {
		change_free(change);
		return err < 0 ? err : 0;
	}
	change->removed = mod->type == MOD_RM;
	change->node = node_get(tree_find(ctx->tree, mod->path));
	change->parent = node_get(tree_parent(ctx->tree, mod->path));
	STAILQ_INSERT_TAIL(&ctx->changes, change, link);
	return 0;
}
