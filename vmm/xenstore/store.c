// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store.c - owns the store as a whole: its making and end, the domains it
 * knows, the special paths, and the queue of deferred work.  The files below it
 * are named in store.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

static const struct xs_limits store_defaults = {
	.nodes = 1000,
	.node_size = 2048,
	.perms = 5,
	.watches = 128,
	.txs = 10,
	.tx_nodes = 1024,
	.tx_bytes = 2u << 20,
	.replies = 20,
	.out_bytes = 256u << 10,
};

static const char *const store_special_paths[SPECIAL_NUM] = {
	[SPECIAL_INTRODUCE]	= "@introduceDomain",
	[SPECIAL_RELEASE]	= "@releaseDomain",
};

void store_log(struct xs_store *store, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (!store->ops || !store->ops->log)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	store->ops->log(store->arg, line);
}

/*
 * Special paths
 */

struct xs_special *store_special(struct xs_store *store, const char *path)
{
	unsigned int i;

	for (i = 0; i < SPECIAL_NUM; i++) {
		if (!strcmp(path, store_special_paths[i]))
			return &store->special[i];
	}
	return NULL;
}

int store_set_special(struct xs_special *special, const struct xs_perm *perms,
		      unsigned int num)
{
	struct xs_perm *copy = malloc(num * sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, perms, num * sizeof(*copy));
	free(special->perms);
	special->perms = copy;
	special->num_perms = num;
	return 0;
}

/*
 * Deferred work
 */

void store_wake(struct xs_store *store)
{
	if (store->woken)
		return;
	store->woken = true;
	if (store->ops && store->ops->wake)
		store->ops->wake(store->arg);
}

static void store_run_ready(struct xs_store *store)
{
	struct xs_conn *conn = TAILQ_FIRST(&store->ready);

	if (!conn)
		return;
	conn_unready(conn);
	if (conn->ring)
		xs_ring_run(conn->ring);
	else if (conn->ops && conn->ops->output_ready)
		conn->ops->output_ready(conn->arg);
}

bool xs_run_deferred(struct xs_store *store)
{
	unsigned int num;

	if (store->deferring)
		return false;
	store->deferring = true;
	store->woken = false;
	/* Counted beforehand: what is queued meanwhile waits its turn. */
	for (num = store->num_events; num; num--)
		watch_run_one(store);
	for (num = store->num_ready; num; num--)
		store_run_ready(store);
	store->deferring = false;
	return store->num_events || store->num_ready;
}

/*
 * Domains
 */

static int store_domain_index(const struct xs_store *store, uint32_t domid)
{
	unsigned int i;

	for (i = 0; i < store->num_domains; i++) {
		if (store->domains[i] == domid)
			return (int)i;
	}
	return -1;
}

bool xs_is_introduced(const struct xs_store *store, uint32_t domid)
{
	return domid == XS_DOM0 || store_domain_index(store, domid) >= 0;
}

int xs_introduce(struct xs_store *store, uint32_t domid)
{
	uint32_t *domains;

	if (domid == XS_DOM0 || domid >= XS_DOMID_END)
		return -EINVAL;
	if (xs_is_introduced(store, domid))
		return -EEXIST;
	domains = realloc(store->domains,
			  (store->num_domains + 1) * sizeof(*domains));
	if (!domains)
		return -ENOMEM;
	store->domains = domains;
	domains[store->num_domains++] = domid;
	watch_fire_special(store, store_special_paths[SPECIAL_INTRODUCE]);
	return 0;
}

/* Give a domain's place in an access list back; 1 if there was anything. */
static int store_strike(struct xs_ctx *ctx, const char *path,
			const struct xs_node *node, uint32_t domid)
{
	unsigned int num;
	struct xs_perm *perms;
	int err = 0;

	perms = malloc(node->num_perms * sizeof(*perms));
	if (!perms)
		return -ENOMEM;
	memcpy(perms, node->perms, node->num_perms * sizeof(*perms));
	num = perms_strike(perms, node->num_perms, domid);
	/* Only the root, which cannot be removed, comes here as its own. */
	if (perms[0].domid == domid)
		perms[0] = (struct xs_perm){ XS_DOM0, XS_PERM_NONE };
	else if (num == node->num_perms)
		goto out;
	err = tree_set_perms(ctx->tree, path, perms, num, ++ctx->store->gen);
out:
	free(perms);
	return err;
}

/* Take all traces of a domain out of the context's tree. */
static int store_purge(struct xs_ctx *ctx, const struct xs_node *top,
		       uint32_t domid)
{
	struct xs_mod mod = { .type = MOD_RM };
	const struct xs_node *node;
	struct xs_walk *walk;
	int err = 0;

	walk = malloc(sizeof(*walk));
	if (!walk)
		return -ENOMEM;
	tree_walk_start(walk, top);
	while (!err && (node = tree_walk_next(walk))) {
		mod.path = walk->path;
		if (node->perms[0].domid == domid && walk->path[1]) {
			err = ops_modify(ctx, &mod);
			tree_walk_skip(walk);
		} else {
			err = store_strike(ctx, walk->path, node, domid);
		}
	}
	free(walk);
	return err;
}

static void store_release_conns(struct xs_store *store, uint32_t domid)
{
	struct xs_conn *conn;

	TAILQ_FOREACH(conn, &store->conns, link) {
		if (conn->who.domid == domid)
			conn_release(conn);
		else if (conn->who.target == domid)
			conn->who.target = conn->who.domid;
	}
}

int xs_release(struct xs_store *store, uint32_t domid)
{
	int i = store_domain_index(store, domid), err;
	struct xs_tree work;
	struct xs_ctx ctx;

	if (i < 0)
		return domid == XS_DOM0 ? -EINVAL : -ENOENT;
	if (tree_copy(&work, &store->tree))
		return -ENOMEM;
	ctx_init(&ctx, store, &store->dom0, NULL);
	ctx.tree = &work;
	err = store_purge(&ctx, store->tree.root, domid);
	if (err) {
		changes_free(&ctx.changes);
		tree_free(&work);
		return err;
	}
	tree_account_drop(&work, domid);
	tree_free(&store->tree);
	store->tree = work;
	store->domains[i] = store->domains[--store->num_domains];
	for (i = 0; i < SPECIAL_NUM; i++)
		store->special[i].num_perms =
			perms_strike(store->special[i].perms,
				     store->special[i].num_perms, domid);
	store_release_conns(store, domid);
	watch_fire(store, &ctx.changes);
	watch_fire_special(store, store_special_paths[SPECIAL_RELEASE]);
	return 0;
}

/*
 * Consistency
 */

static int store_check_node(const struct xs_node *node,
			    struct xs_account *accounts, unsigned int num)
{
	unsigned int bytes = 0, i;

	for (i = 0; i < node->num_children; i++)
		bytes += (unsigned int)strlen(node->children[i]->name) + 1;
	if (bytes != node->child_bytes)
		return -EIO;
	for (i = 0; i < num; i++) {
		if (accounts[i].domid != node->perms[0].domid)
			continue;
		return accounts[i].nodes-- ? 0 : -EIO;
	}
	return -EIO;
}

int store_check(struct xs_store *store)
{
	const struct xs_node *node;
	struct xs_walk *walk;
	struct xs_tree copy;
	unsigned int i;
	int err = 0;

	walk = malloc(sizeof(*walk));
	if (!walk)
		return -ENOMEM;
	if (tree_copy(&copy, &store->tree)) {
		free(walk);
		return -ENOMEM;
	}
	tree_walk_start(walk, copy.root);
	while (!err && (node = tree_walk_next(walk)))
		err = store_check_node(node, copy.accounts, copy.num_accounts);
	for (i = 0; !err && i < copy.num_accounts; i++)
		err = copy.accounts[i].nodes ? -EIO : 0;
	tree_free(&copy);
	free(walk);
	return err;
}

int xs_for_each_node(struct xs_store *store,
		     int (*fn)(void *arg, const struct xs_node_view *node),
		     void *arg)
{
	struct xs_node *root = node_get(store->tree.root);
	const struct xs_node *node;
	struct xs_walk *walk;
	int err = 0;

	walk = malloc(sizeof(*walk));
	if (!walk) {
		node_put(root);
		return -ENOMEM;
	}
	tree_walk_start(walk, root);
	while (err >= 0 && (node = tree_walk_next(walk))) {
		const struct xs_node_view view = {
			.path = walk->path,
			.data = node->data,
			.len = node->len,
			.perms = node->perms,
			.num_perms = node->num_perms,
			.num_children = node->num_children,
		};

		err = fn(arg, &view);
	}
	free(walk);
	node_put(root);
	return err < 0 ? err : 0;
}

/*
 * Lifetimes
 */

static void store_set_limits(struct xs_limits *to, const struct xs_limits *from)
{
	unsigned int *val = (unsigned int *)to;
	const unsigned int *given = (const unsigned int *)from;
	size_t i;

	_Static_assert(sizeof(*to) % sizeof(*val) == 0,
		       "limits are unsigned ints only");
	*to = store_defaults;
	for (i = 0; from && i < sizeof(*to) / sizeof(*val); i++) {
		if (given[i])
			val[i] = given[i];
	}
}

struct xs_store *xs_store_create(const struct xs_limits *limits,
				 const struct xs_store_ops *ops, void *arg)
{
	static const struct xs_perm perm = { XS_DOM0, XS_PERM_NONE };
	struct xs_store *store = calloc(1, sizeof(*store));
	unsigned int i;

	if (!store)
		return NULL;
	store->ops = ops;
	store->arg = arg;
	store->dom0.privileged = true;
	store->gen = 1;
	store_set_limits(&store->limits, limits);
	TAILQ_INIT(&store->conns);
	TAILQ_INIT(&store->ready);
	TAILQ_INIT(&store->watches);
	TAILQ_INIT(&store->events);
	if (tree_init(&store->tree))
		goto err_destroy;
	for (i = 0; i < SPECIAL_NUM; i++) {
		if (store_set_special(&store->special[i], &perm, 1))
			goto err_destroy;
	}
	return store;

err_destroy:
	xs_store_destroy(store);
	return NULL;
}

void xs_store_destroy(struct xs_store *store)
{
	struct xs_watch *watch;
	struct xs_conn *conn;
	unsigned int i;

	if (!store)
		return;
	while ((conn = TAILQ_FIRST(&store->conns))) {
		if (conn->sock)
			xs_sock_destroy(conn->sock);
		else
			xs_conn_destroy(conn);
	}
	while ((watch = TAILQ_FIRST(&store->watches)))
		watch_free(watch);
	tree_free(&store->tree);
	for (i = 0; i < SPECIAL_NUM; i++)
		free(store->special[i].perms);
	free(store->domains);
	free(store);
}
