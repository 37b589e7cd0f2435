// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * txn.c - owns transactions: a private snapshot of the tree to work on, notes
 * of what was looked at or changed, and a log of the changes.
 *
 * Commit: if the generation of every noted node is still what it was in the
 * snapshot, the log is replayed, with all checks, on a copy of the store's
 * tree, and the copy becomes the store's tree.  So a commit is seen whole or
 * not at all, whatever fails on the way; watches hear of each path once, as it
 * was before and is after.  Two transactions that make different nodes below
 * one parent do not conflict unless they listed it.
 *
 * A commit is one piece of work for the event loop.  What it costs is bounded
 * by what its records are charged: their bytes, and each step down the tree.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

/* What recording anything costs beside its bytes, roughly. */
#define TXN_RECORD_COST	64

/* And each component of its path, which are steps for the commit. */
#define TXN_STEP_COST	32

/* Changes logged per node touched, at most, in the mean. */
#define TXN_LOG_FACTOR	4

/* A path that the outcome depends on; its generation is in @base. */
struct xs_note {
	STAILQ_ENTRY(xs_note) link;
	uint64_t hash;
	char path[];
};

/* A change for the commit; a copy of a struct xs_mod. */
struct xs_log {
	TAILQ_ENTRY(xs_log) link;
	enum xs_mod_type type;
	bool changed;			/* in the replay */
	uint64_t hash;
	char *path;
	void *data;
	size_t len;
	struct xs_perm *perms;
	unsigned int num_perms;
};

struct xs_tx {
	TAILQ_ENTRY(xs_tx) link;
	struct xs_conn *conn;
	uint32_t id;
	struct xs_node *base;		/* the snapshot as it was */
	struct xs_tree tree;		/* the snapshot as changed here */
	STAILQ_HEAD(, xs_note) notes;
	unsigned int num_notes;
	TAILQ_HEAD(xs_log_list, xs_log) log;
	unsigned int num_log;
	size_t bytes;			/* its share of conn->tx_bytes */
};

struct xs_tree *txn_tree(struct xs_tx *tx)
{
	return &tx->tree;
}

uint32_t txn_id(const struct xs_tx *tx)
{
	return tx->id;
}

struct xs_tx *txn_next(struct xs_tx *tx)
{
	return TAILQ_NEXT(tx, link);
}

struct xs_tx *txn_find(struct xs_conn *conn, uint32_t id)
{
	struct xs_tx *tx;

	TAILQ_FOREACH(tx, &conn->txs, link) {
		if (tx->id == id)
			return tx;
	}
	return NULL;
}

/* Account for memory; only the unprivileged are refused any. */
static int txn_charge(struct xs_tx *tx, size_t bytes)
{
	struct xs_conn *conn = tx->conn;

	if (!conn->who.privileged &&
	    conn->tx_bytes + bytes > conn->store->limits.tx_bytes)
		return -ENOSPC;
	conn->tx_bytes += bytes;
	tx->bytes += bytes;
	return 0;
}

static void txn_refund(struct xs_tx *tx, size_t bytes)
{
	tx->conn->tx_bytes -= bytes;
	tx->bytes -= bytes;
}

int txn_start(struct xs_conn *conn, uint32_t *id)
{
	struct xs_store *store = conn->store;
	struct xs_tx *tx;

	if (!conn->who.privileged && conn->num_txs >= store->limits.txs)
		return -ENOSPC;
	tx = calloc(1, sizeof(*tx));
	if (!tx)
		return -ENOMEM;
	if (tree_copy(&tx->tree, &store->tree)) {
		free(tx);
		return -ENOMEM;
	}
	tx->conn = conn;
	tx->base = node_get(store->tree.root);
	STAILQ_INIT(&tx->notes);
	TAILQ_INIT(&tx->log);
	do {
		conn->last_tx++;
	} while (!conn->last_tx || txn_find(conn, conn->last_tx));
	tx->id = conn->last_tx;
	TAILQ_INSERT_TAIL(&conn->txs, tx, link);
	conn->num_txs++;
	*id = tx->id;
	return 0;
}

/*
 * Notes
 */

static uint64_t txn_hash(const char *path)
{
	return path_hash(path, strlen(path), 0);
}

static size_t txn_path_cost(const char *path)
{
	size_t cost = TXN_RECORD_COST;

	for (; *path; path++)
		cost += *path == '/' ? 1 + TXN_STEP_COST : 1;
	return cost;
}

int txn_note(struct xs_tx *tx, const char *path)
{
	struct xs_conn *conn = tx->conn;
	size_t len = strlen(path) + 1, cost = txn_path_cost(path);
	uint64_t hash = txn_hash(path);
	struct xs_note *note;

	STAILQ_FOREACH(note, &tx->notes, link) {
		if (note->hash == hash && !strcmp(note->path, path))
			return 0;
	}
	if (!conn->who.privileged &&
	    tx->num_notes >= conn->store->limits.tx_nodes)
		return -ENOSPC;
	if (txn_charge(tx, cost))
		return -ENOSPC;
	note = malloc(sizeof(*note) + len);
	if (!note) {
		txn_refund(tx, cost);
		return -ENOMEM;
	}
	note->hash = hash;
	memcpy(note->path, path, len);
	STAILQ_INSERT_TAIL(&tx->notes, note, link);
	tx->num_notes++;
	return 0;
}

static bool txn_notes_hold(struct xs_tx *tx)
{
	const struct xs_tree *now = &tx->conn->store->tree;
	struct xs_node *then_node, *now_node;
	struct xs_note *note;

	if (now->root == tx->base)
		return true;
	STAILQ_FOREACH(note, &tx->notes, link) {
		then_node = node_find(tx->base, note->path);
		now_node = tree_find(now, note->path);
		if (!then_node != !now_node)
			return false;
		if (then_node && then_node->gen != now_node->gen)
			return false;
	}
	return true;
}

/*
 * The log
 */

static void txn_log_free(struct xs_log *log)
{
	free(log->path);
	free(log->data);
	free(log->perms);
	free(log);
}

static void *txn_copy(const void *src, size_t len)
{
	void *dst = malloc(len ? len : 1);

	if (dst && len)
		memcpy(dst, src, len);
	return dst;
}

static struct xs_log *txn_log_new(const struct xs_mod *mod)
{
	struct xs_log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->type = mod->type;
	log->hash = txn_hash(mod->path);
	log->len = mod->len;
	log->num_perms = mod->num_perms;
	log->path = strdup(mod->path);
	log->data = txn_copy(mod->data, mod->len);
	log->perms = txn_copy(mod->perms,
			      mod->num_perms * sizeof(*mod->perms));
	if (!log->path || !log->data || !log->perms) {
		txn_log_free(log);
		return NULL;
	}
	return log;
}

static size_t txn_log_cost(const char *path, size_t len, unsigned int num_perms)
{
	return txn_path_cost(path) + len +
	       num_perms * sizeof(struct xs_perm);
}

static void txn_log_remove(struct xs_tx *tx, struct xs_log *log)
{
	txn_refund(tx, txn_log_cost(log->path, log->len, log->num_perms));
	TAILQ_REMOVE(&tx->log, log, link);
	tx->num_log--;
	txn_log_free(log);
}

int txn_log(struct xs_tx *tx, const struct xs_mod *mod)
{
	const struct xs_limits *limits = &tx->conn->store->limits;
	size_t cost = txn_log_cost(mod->path, mod->len, mod->num_perms);
	struct xs_log *log;

	if (!tx->conn->who.privileged &&
	    tx->num_log / TXN_LOG_FACTOR >= limits->tx_nodes)
		return -ENOSPC;
	if (txn_charge(tx, cost))
		return -ENOSPC;
	log = txn_log_new(mod);
	if (!log) {
		txn_refund(tx, cost);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&tx->log, log, link);
	tx->num_log++;
	return 0;
}

void txn_log_drop(struct xs_tx *tx)
{
	txn_log_remove(tx, TAILQ_LAST(&tx->log, xs_log_list));
}

/*
 * A node written again and again needs its last value only.  Not searched past
 * a removal, before which the same path may have meant another node.
 */
void txn_log_done(struct xs_tx *tx)
{
	struct xs_log *last = TAILQ_LAST(&tx->log, xs_log_list), *log = last;
	void *data;
	size_t len;

	if (last->type != MOD_WRITE)
		return;
	while ((log = TAILQ_PREV(log, xs_log_list, link))) {
		if (log->type == MOD_RM)
			return;
		if (log->type == MOD_WRITE && log->hash == last->hash &&
		    !strcmp(log->path, last->path))
			break;
	}
	if (!log)
		return;
	/* The two costs together stay the same. */
	data = log->data;
	len = log->len;
	log->data = last->data;
	log->len = last->len;
	last->data = data;
	last->len = len;
	txn_log_remove(tx, last);
}

/*
 * The end
 */

static void txn_free(struct xs_tx *tx)
{
	struct xs_note *note;

	while (!TAILQ_EMPTY(&tx->log))
		txn_log_remove(tx, TAILQ_FIRST(&tx->log));
	while ((note = STAILQ_FIRST(&tx->notes))) {
		STAILQ_REMOVE_HEAD(&tx->notes, link);
		free(note);
	}
	txn_refund(tx, tx->bytes);
	tree_free(&tx->tree);
	node_put(tx->base);
	TAILQ_REMOVE(&tx->conn->txs, tx, link);
	tx->conn->num_txs--;
	free(tx);
}

/* Do it all again on the tree of @ctx. */
static int txn_replay(struct xs_tx *tx, struct xs_ctx *ctx)
{
	struct xs_log *log;
	int err;

	TAILQ_FOREACH(log, &tx->log, link) {
		const struct xs_mod mod = {
			.type = log->type,
			.path = log->path,
			.data = log->data,
			.len = log->len,
			.perms = log->perms,
			.num_perms = log->num_perms,
		};

		err = ops_modify(ctx, &mod);
		log->changed = !err;
		if (err >= 0)
			continue;
		/* What went well before failed by what others did since. */
		return err == -ENOMEM || err == -ENOSPC ? err : -EAGAIN;
	}
	return 0;
}

/* The change of @log's path among those found so far, or where it belongs. */
static struct xs_change **txn_change_slot(struct xs_change **table, size_t mask,
					  const struct xs_log *log)
{
	size_t i = log->hash & mask;

	while (table[i] && (table[i]->hash != log->hash ||
			    strcmp(table[i]->path, log->path)))
		i = (i + 1) & mask;
	return &table[i];
}

static struct xs_change *txn_change(struct xs_ctx *ctx, const char *path,
				    const struct xs_tree *before)
{
	struct xs_change *change = change_new(path);

	if (!change)
		return NULL;
	change->old = node_get(tree_find(before, path));
	change->node = node_get(tree_find(ctx->tree, path));
	change->parent = node_get(tree_parent(ctx->tree, path));
	STAILQ_INSERT_TAIL(&ctx->changes, change, link);
	return change;
}

/* What the replay did to the context's tree, each path once. */
static int txn_changes(struct xs_tx *tx, struct xs_ctx *ctx,
		       const struct xs_tree *before)
{
	struct xs_change **table, **slot;
	struct xs_log *log;
	size_t size = 16;

	while (size < 2 * (size_t)tx->num_log)
		size *= 2;
	table = calloc(size, sizeof(struct xs_change *));
	if (!table)
		return -ENOMEM;
	TAILQ_FOREACH(log, &tx->log, link) {
		if (!log->changed)
			continue;
		slot = txn_change_slot(table, size - 1, log);
		if (!*slot)
			*slot = txn_change(ctx, log->path, before);
		if (!*slot) {
			free(table);
			return -ENOMEM;
		}
		(*slot)->removed |= log->type == MOD_RM;
	}
	free(table);
	return 0;
}

static int txn_commit(struct xs_tx *tx, struct xs_ctx *ctx)
{
	struct xs_store *store = ctx->store;
	struct xs_tree work;
	int err;

	if (!txn_notes_hold(tx))
		return -EAGAIN;
	if (tree_copy(&work, &store->tree))
		return -ENOMEM;
	ctx->tree = &work;
	ctx->replay = true;
	err = txn_replay(tx, ctx);
	if (!err)
		err = txn_changes(tx, ctx, &store->tree);
	ctx->replay = false;
	ctx->tree = &store->tree;
	if (err) {
		changes_free(&ctx->changes);
		tree_free(&work);
		return err;
	}
	tree_free(&store->tree);
	store->tree = work;
	return 0;
}

int txn_end(struct xs_tx *tx, bool commit, struct xs_ctx *ctx)
{
	int err = commit ? txn_commit(tx, ctx) : 0;

	txn_free(tx);
	return err;
}
