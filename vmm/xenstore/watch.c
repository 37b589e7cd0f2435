// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * watch.c - owns watches and the queue of callbacks for local ones, and decides
 * who hears of a change: whoever watches its place and may read the node or
 * list its parent, before or after it.  Clients' events go to conn.c's queue.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

/* A callback to be made. */
struct xs_event {
	TAILQ_ENTRY(xs_event) link;
	TAILQ_ENTRY(xs_event) own_link;		/* not of watch->self */
	struct xs_watch *watch;
	uint64_t hash;
	char path[];
};

/*
 * Changes
 */

struct xs_change *change_new(const char *path)
{
	size_t len = strlen(path) + 1;
	struct xs_change *change = calloc(1, sizeof(*change) + len);

	if (change) {
		memcpy(change->path, path, len);
		change->hash = path_hash(path, len - 1, 0);
	}
	return change;
}

void change_free(struct xs_change *change)
{
	node_put(change->node);
	node_put(change->old);
	node_put(change->parent);
	free(change);
}

void changes_free(struct xs_changes *changes)
{
	struct xs_change *change;

	while ((change = STAILQ_FIRST(changes))) {
		STAILQ_REMOVE_HEAD(changes, link);
		change_free(change);
	}
}

/*
 * The queue of local callbacks
 */

static struct xs_event *event_new(struct xs_watch *watch, const char *path)
{
	size_t len = strlen(path) + 1;
	struct xs_event *event = malloc(sizeof(*event) + len);

	if (!event)
		return NULL;
	event->watch = watch;
	memcpy(event->path, path, len);
	return event;
}

static void event_insert(struct xs_store *store, struct xs_event *event)
{
	TAILQ_INSERT_TAIL(&store->events, event, link);
	store->num_events++;
	store_wake(store);
}

static void event_remove(struct xs_store *store, struct xs_event *event)
{
	TAILQ_REMOVE(&store->events, event, link);
	store->num_events--;
	if (event == event->watch->self) {
		event->watch->self_queued = false;
		return;
	}
	TAILQ_REMOVE(&event->watch->events, event, own_link);
	event->watch->pending--;
}

static bool event_queued(const struct xs_watch *watch, const char *path,
			 uint64_t hash)
{
	const struct xs_event *event;

	TAILQ_FOREACH(event, &watch->events, own_link) {
		if (event->hash == hash && !strcmp(event->path, path))
			return true;
	}
	return false;
}

/* Needs no memory, and so never fails. */
static void event_queue_self(struct xs_watch *watch)
{
	if (watch->self_queued)
		return;
	watch->self_queued = true;
	event_insert(watch->store, watch->self);
}

static void event_queue(struct xs_watch *watch, const char *path, uint64_t hash)
{
	struct xs_event *event = NULL;

	/* Queued or not, the call that stands for all is on its way. */
	if (watch->self_queued && watch->pending == STORE_LOCAL_PENDING)
		return;
	if (event_queued(watch, path, hash))
		return;
	if (strcmp(path, watch->path) && watch->pending < STORE_LOCAL_PENDING)
		event = event_new(watch, path);
	if (!event) {
		event_queue_self(watch);
		return;
	}
	event->hash = hash;
	watch->pending++;
	TAILQ_INSERT_TAIL(&watch->events, event, own_link);
	event_insert(watch->store, event);
}

void watch_run_one(struct xs_store *store)
{
	struct xs_event *event = TAILQ_FIRST(&store->events);
	struct xs_watch *watch;
	bool self;

	if (!event)
		return;
	watch = event->watch;
	self = event == watch->self;
	event_remove(store, event);
	store->running = watch;
	watch->fn(watch->arg, self ? watch->path : event->path, watch->path);
	store->running = NULL;
	if (!self)
		free(event);
	if (watch->dead)
		watch_free(watch);
}

/*
 * Delivery
 */

/* @hash: of @path. */
static void watch_deliver(struct xs_watch *watch, const char *path,
			  uint64_t hash)
{
	if (!watch->conn)
		event_queue(watch, path, hash);
	else
		conn_event(watch->conn, path + (watch->shown - watch->path),
			   watch->token, hash ^ watch->hash);
}

/* Of its own path. */
static void watch_deliver_own(struct xs_watch *watch)
{
	watch_deliver(watch, watch->path,
		      path_hash(watch->path, watch->len, 0));
}

static bool node_readable(const struct xs_who *who, const struct xs_node *node)
{
	return node && (perms_of(who, node->perms, node->num_perms) &
			XS_PERM_READ);
}

/* The watch lies below what was removed: was there a node, and for it to see? */
static bool watch_lost(const struct xs_watch *watch, const struct xs_who *who,
		       const struct xs_change *change)
{
	const char *rel = watch->path + strlen(change->path);
	char up[PATH_BUF];
	struct xs_node *node, *parent;

	if (!change->old)
		return false;
	node = node_find(change->old, rel);
	if (!node)
		return false;
	path_parent(rel, up);
	parent = node_find(change->old, up);
	return node_readable(who, node) || node_readable(who, parent);
}

static bool watch_may_know(const struct xs_who *who,
			   const struct xs_change *change)
{
	return node_readable(who, change->node) ||
	       node_readable(who, change->old) ||
	       node_readable(who, change->parent);
}

/* @len: of the change's path. */
static void watch_check(struct xs_watch *watch, const struct xs_change *change,
			size_t len)
{
	const struct xs_who *who = watch->conn ? &watch->conn->who :
				   &watch->store->dom0;

	if (watch->dead)
		return;
	if (len >= watch->len && path_within(change->path, watch->path)) {
		if (watch_may_know(who, change))
			watch_deliver(watch, change->path, change->hash);
	} else if (change->removed && len < watch->len &&
		   path_within(watch->path, change->path)) {
		if (watch_lost(watch, who, change))
			watch_deliver_own(watch);
	}
}

void watch_fire(struct xs_store *store, struct xs_changes *changes)
{
	struct xs_change *change;
	struct xs_watch *watch;
	struct xs_conn *conn;
	size_t len;

	STAILQ_FOREACH(change, changes, link) {
		len = strlen(change->path);
		TAILQ_FOREACH(watch, &store->watches, link)
			watch_check(watch, change, len);
		TAILQ_FOREACH(conn, &store->conns, link) {
			if (conn_full(conn))
				continue;
			TAILQ_FOREACH(watch, &conn->watches, link)
				watch_check(watch, change, len);
		}
	}
	changes_free(changes);
}

void watch_fire_special(struct xs_store *store, const char *path)
{
	const struct xs_special *special = store_special(store, path);
	struct xs_watch *watch;
	struct xs_conn *conn;

	TAILQ_FOREACH(watch, &store->watches, link) {
		if (!watch->dead && !strcmp(watch->path, path))
			watch_deliver_own(watch);
	}
	TAILQ_FOREACH(conn, &store->conns, link) {
		if (!(perms_of(&conn->who, special->perms,
			       special->num_perms) & XS_PERM_READ))
			continue;
		TAILQ_FOREACH(watch, &conn->watches, link) {
			if (!strcmp(watch->path, path))
				watch_deliver_own(watch);
		}
	}
}

/*
 * Watches
 */

static struct xs_watch *watch_new(struct xs_store *store, const char *path,
				  const char *token)
{
	struct xs_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->store = store;
	watch->path = strdup(path);
	watch->shown = watch->path;
	watch->token = strdup(token);
	watch->self = event_new(watch, "");
	TAILQ_INIT(&watch->events);
	if (watch->path && watch->token && watch->self) {
		watch->len = strlen(path);
		return watch;
	}
	free(watch->path);
	free(watch->token);
	free(watch->self);
	free(watch);
	return NULL;
}

void watch_free(struct xs_watch *watch)
{
	struct xs_store *store = watch->store;
	struct xs_event *event;

	if (watch->self_queued)
		event_remove(store, watch->self);
	while ((event = TAILQ_FIRST(&watch->events))) {
		event_remove(store, event);
		free(event);
	}
	if (watch->conn) {
		TAILQ_REMOVE(&watch->conn->watches, watch, link);
		watch->conn->num_watches--;
	} else {
		TAILQ_REMOVE(&store->watches, watch, link);
	}
	free(watch->path);
	free(watch->token);
	free(watch->self);
	free(watch);
}

struct xs_watch *watch_find(struct xs_conn *conn, const char *path,
			    const char *token)
{
	struct xs_watch *watch;

	TAILQ_FOREACH(watch, &conn->watches, link) {
		if (!strcmp(watch->path, path) && !strcmp(watch->token, token))
			return watch;
	}
	return NULL;
}

int watch_add(struct xs_conn *conn, const char *path, size_t prefix,
	      const char *token, struct xs_watch **out)
{
	struct xs_watch *watch;

	if (watch_find(conn, path, token))
		return -EEXIST;
	watch = watch_new(conn->store, path, token);
	if (!watch)
		return -ENOMEM;
	watch->conn = conn;
	watch->shown = watch->path + prefix;
	/* The same path is another one for who sees it from elsewhere. */
	watch->hash = path_hash(token, strlen(token), prefix + 1);
	TAILQ_INSERT_TAIL(&conn->watches, watch, link);
	conn->num_watches++;
	*out = watch;
	return 0;
}

void watch_fire_self(struct xs_watch *watch)
{
	watch_deliver_own(watch);
}

struct xs_watch *xs_watch_local(struct xs_store *store, const char *path,
				xs_watch_fn fn, void *arg)
{
	struct xs_watch *watch;
	char buf[PATH_BUF];

	if ((*path != '/' && *path != '@') ||
	    path_canonical(&store->dom0, path, true, buf, NULL)) {
		errno = EINVAL;
		return NULL;
	}
	watch = watch_new(store, buf, "");
	if (!watch) {
		errno = ENOMEM;
		return NULL;
	}
	watch->fn = fn;
	watch->arg = arg;
	TAILQ_INSERT_TAIL(&store->watches, watch, link);
	event_queue_self(watch);
	return watch;
}

void xs_unwatch(struct xs_watch *watch)
{
	if (!watch)
		return;
	watch->dead = true;
	if (watch->store->running != watch)
		watch_free(watch);
}

int xs_conn_for_each_watch(struct xs_conn *conn,
			   int (*fn)(void *arg, const char *path,
				     const char *token), void *arg)
{
	struct xs_watch *watch;
	int err;

	TAILQ_FOREACH(watch, &conn->watches, link) {
		err = fn(arg, watch->shown, watch->token);
		if (err < 0)
			return err;
	}
	return 0;
}
