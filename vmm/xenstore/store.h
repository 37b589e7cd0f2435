/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h - what the files of the xenstore share; nobody else includes it.
 *
 * From the bottom up: tree.c holds nodes, ops.c changes them for somebody with
 * rights and quotas, txn.c does so privately first, watch.c tells of changes,
 * conn.c moves messages, wire.c understands them, ring.c and sock.c carry them;
 * store.c holds all together and local.c serves the back ends.
 */
#ifndef VMM_XENSTORE_STORE_H
#define VMM_XENSTORE_STORE_H

#include <stdint.h>
#include <sys/queue.h>

#include <xen/io/xs_wire.h>

#include "path.h"
#include "perms.h"
#include "tree.h"
#include "xenstore.h"

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

#define STORE_LOCAL_PENDING	64	/* events of a local watch told singly */
#define CONN_PRIV_OUT_MAX	(4u << 20) /* then a tool is given up */
#define CONN_BUCKETS		1024	/* of events waiting, by hash */
#define CONN_LOG_MAX		16	/* log lines a client can cause */

/* The special paths, which have an access list but are no nodes. */
enum { SPECIAL_INTRODUCE, SPECIAL_RELEASE, SPECIAL_NUM };

struct xs_special {
	struct xs_perm *perms;
	unsigned int num_perms;
};

struct xs_event;
struct xs_tx;

TAILQ_HEAD(xs_conns, xs_conn);
TAILQ_HEAD(xs_watches, xs_watch);
TAILQ_HEAD(xs_events, xs_event);
TAILQ_HEAD(xs_txs, xs_tx);

struct xs_store {
	const struct xs_store_ops *ops;
	void *arg;
	struct xs_limits limits;
	struct xs_who dom0;
	struct xs_tree tree;
	uint64_t gen;			/* the last one given out */
	struct xs_special special[SPECIAL_NUM];
	uint32_t *domains;		/* those introduced */
	unsigned int num_domains;
	struct xs_conns conns;
	struct xs_conns ready;		/* with output to be announced */
	struct xs_watches watches;	/* the local ones */
	struct xs_events events;	/* for local watches, oldest first */
	unsigned int num_events;
	unsigned int num_ready;
	struct xs_watch *running;	/* whose callback is being made */
	bool deferring;			/* xs_run_deferred() is at work */
	bool woken;			/* ops->wake has been called */
};

/* store.c */

/* See to it that xs_run_deferred() is called. */
void store_wake(struct xs_store *store);
void store_log(struct xs_store *store, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The special path's record, or NULL if there is no such. */
struct xs_special *store_special(struct xs_store *store, const char *path);
/* Copy an access list in place of a special path's. */
int store_set_special(struct xs_special *special, const struct xs_perm *perms,
		      unsigned int num);
/* Count again what is counted as it changes; -EIO if that differs. */
int store_check(struct xs_store *store);

/* watch.c: a change on its way to the watches */

/**
 * struct xs_change - what happened to one path.
 * @node:	the node after it, or NULL
 * @old:	the node before it, if it was removed or its access list changed
 * @parent:	the parent after it
 * @removed:	@old is gone or was for a while, and so is all below it
 *
 * The nodes are references: who may be told depends on rights that may have
 * gone with the node.
 */
struct xs_change {
	STAILQ_ENTRY(xs_change) link;
	struct xs_node *node;
	struct xs_node *old;
	struct xs_node *parent;
	bool removed;
	uint64_t hash;			/* of @path */
	char path[];
};

STAILQ_HEAD(xs_changes, xs_change);

struct xs_watch {
	TAILQ_ENTRY(xs_watch) link;
	struct xs_store *store;
	struct xs_conn *conn;		/* NULL: local */
	char *path;
	size_t len;			/* of @path */
	const char *shown;		/* @path as the client gave it */
	char *token;
	uint64_t hash;			/* of @token and of how it is shown */
	xs_watch_fn fn;
	void *arg;
	struct xs_event *self;		/* stands for any number of events */
	struct xs_events events;	/* of its own on the store's queue */
	unsigned int pending;
	bool self_queued;
	bool dead;
};

struct xs_change *change_new(const char *path);
void change_free(struct xs_change *change);
void changes_free(struct xs_changes *changes);

/* Tell every watch that may know, then empty the list. */
void watch_fire(struct xs_store *store, struct xs_changes *changes);
/* Tell of a special path. */
void watch_fire_special(struct xs_store *store, const char *path);
/* A client's watch; not fired yet.  -EEXIST, -ENOMEM. */
int watch_add(struct xs_conn *conn, const char *path, size_t prefix,
	      const char *token, struct xs_watch **watch);
/* Tell a client's watch of its own path. */
void watch_fire_self(struct xs_watch *watch);
struct xs_watch *watch_find(struct xs_conn *conn, const char *path,
			    const char *token);
void watch_free(struct xs_watch *watch);
/* Make one queued callback. */
void watch_run_one(struct xs_store *store);

/* ops.c: reads and changes with rights and quotas */

enum xs_mod_type { MOD_WRITE, MOD_MKDIR, MOD_RM, MOD_PERMS, MOD_NUM };

/* A change somebody asks for; what it points at is the asker's. */
struct xs_mod {
	enum xs_mod_type type;
	const char *path;
	const void *data;
	size_t len;
	const struct xs_perm *perms;
	unsigned int num_perms;
};

/**
 * struct xs_ctx - where and for whom an operation works.
 * @tree:	the store's, a transaction's, or one being prepared
 * @tx:		records what it does; NULL outside transactions
 * @changes:	collects what watches must hear; unused with @tx and @replay
 * @replay:	a commit, which tells of its changes together
 */
struct xs_ctx {
	struct xs_store *store;
	const struct xs_who *who;
	struct xs_tree *tree;
	struct xs_tx *tx;
	bool replay;
	struct xs_changes changes;
};

void ctx_init(struct xs_ctx *ctx, struct xs_store *store,
	      const struct xs_who *who, struct xs_tx *tx);
/* Find a node, borrowed, that grants @need; -ENOENT, -EACCES, ... */
int ops_get(struct xs_ctx *ctx, const char *path, unsigned int need,
	    struct xs_node **node);
/*
 * Carry out a change or fail without a trace.  0 or -errno; in a replay 1 if
 * there was nothing to do.
 */
int ops_modify(struct xs_ctx *ctx, const struct xs_mod *mod);

/* txn.c */

/* Begin one on a connection; -ENOSPC over the limit. */
int txn_start(struct xs_conn *conn, uint32_t *id);
struct xs_tx *txn_find(struct xs_conn *conn, uint32_t id);
struct xs_tree *txn_tree(struct xs_tx *tx);
/*
 * End one in any case.  With @commit, its changes are made at once and added to
 * @ctx's list (a context outside transactions), or -EAGAIN: somebody changed
 * what it looked at; -ENOSPC, -ENOMEM.
 */
int txn_end(struct xs_tx *tx, bool commit, struct xs_ctx *ctx);
/* Note that the outcome depends on @path; -ENOSPC, -ENOMEM. */
int txn_note(struct xs_tx *tx, const char *path);
/*
 * Record a change for the commit, before it is tried on the private tree;
 * txn_log_drop() takes the record back if that fails.
 */
int txn_log(struct xs_tx *tx, const struct xs_mod *mod);
void txn_log_drop(struct xs_tx *tx);
/* The change just recorded was made: see whether it replaces an earlier one. */
void txn_log_done(struct xs_tx *tx);
uint32_t txn_id(const struct xs_tx *tx);
struct xs_tx *txn_next(struct xs_tx *tx);

/* conn.c */

struct xs_out {
	TAILQ_ENTRY(xs_out) link;
	LIST_ENTRY(xs_out) same;	/* events of one bucket */
	size_t len;
	uint64_t hash;			/* of an event's path and token */
	bool event;
	char bytes[];			/* struct xsd_sockmsg and payload */
};

TAILQ_HEAD(xs_outs, xs_out);

struct xs_conn {
	TAILQ_ENTRY(xs_conn) link;
	TAILQ_ENTRY(xs_conn) ready_link;
	struct xs_store *store;
	struct xs_who who;
	const struct xs_conn_ops *ops;
	void *arg;
	struct xs_ring *ring;
	struct xs_sock *sock;
	bool ready;			/* on the store's ready list */
	bool failed;
	bool released;			/* its domain is gone for good */
	bool busy;			/* a request is being answered */
	bool lossy;			/* said that events were lost */
	unsigned int logged;
	struct xs_outs out;
	LIST_HEAD(, xs_out) waiting[CONN_BUCKETS];	/* events in @out */
	size_t out_off;			/* sent of the first message */
	size_t out_bytes;
	unsigned int replies;
	unsigned int num_events;
	struct xs_watches watches;
	unsigned int num_watches;
	struct xs_txs txs;
	unsigned int num_txs;
	size_t tx_bytes;
	uint32_t last_tx;
	size_t in_len;
	struct xsd_sockmsg in_hdr;
	char in[XENSTORE_PAYLOAD_MAX + 1];
};

/* Queue a message; one that finds no memory or room fails the connection. */
void conn_reply(struct xs_conn *conn, const struct xsd_sockmsg *req,
		uint32_t type, const void *data, size_t len);
/*
 * Queue an event, unless the same one waits already or there is no room.
 * @hash goes with @path and @token together.
 */
void conn_event(struct xs_conn *conn, const char *path, const char *token,
		uint64_t hash);
/* Whether events can only be dropped, which has been said. */
bool conn_full(const struct xs_conn *conn);
/* Into the error state, with a log line; @code is XENSTORE_ERROR_*. */
void conn_fail(struct xs_conn *conn, uint32_t code, const char *why);
/* Drop watches, transactions and buffers; out of the error state. */
void conn_reset(struct xs_conn *conn);
/* Its domain is gone: fail it for good. */
void conn_release(struct xs_conn *conn);
/* Have output_ready called, or the ring run. */
void conn_ready(struct xs_conn *conn);
void conn_unready(struct xs_conn *conn);
void conn_log(struct xs_conn *conn, const char *why);

/* wire.c: answer the complete request in @conn->in. */
void wire_request(struct xs_conn *conn);

/* ring.c */
void ring_error(struct xs_ring *ring, uint32_t code);

#endif
