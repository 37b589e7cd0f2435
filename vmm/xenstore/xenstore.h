/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenstore.h - the xenstore of one guest, served from inside its VMM.
 *
 * A store is a tree of nodes with three kinds of users: the guest, over the
 * shared ring; local tools such as xenstore-ls, over a UNIX stream socket; and
 * the VMM's own back ends, through the calls below.  The protocol is that of
 * <xen/io/xs_wire.h>; what it does not say follows xenstored of Xen 4.17.
 *
 * Threads: none are made and nothing locks.  All calls for one store come from
 * one thread, the VMM's event loop.
 *
 * Callbacks: watch callbacks, output_ready and ring notifications are made only
 * from xs_run_deferred() and xs_ring_run(), never from a call that changes the
 * store.  They may use any call here, except that xs_run_deferred() inside of
 * itself does nothing, and that a callback must not destroy the store.
 *
 * Errors: 0 or -errno unless said otherwise.
 */
#ifndef VMM_XENSTORE_XENSTORE_H
#define VMM_XENSTORE_XENSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct xs_store;
struct xs_conn;
struct xs_ring;
struct xs_sock;
struct xs_watch;

/* The privileged domain: back ends, socket clients, the VMM itself. */
#define XS_DOM0			0u

/* Access rights in an ACL entry. */
#define XS_PERM_NONE		0u
#define XS_PERM_READ		1u
#define XS_PERM_WRITE		2u

/**
 * struct xs_perm - one entry of a node's access list.
 * @domid:	the domain meant
 * @perms:	XS_PERM_*
 *
 * The first entry of a list is special: its domain owns the node, and its
 * rights are those of every domain that no other entry names.
 */
struct xs_perm {
	uint32_t domid;
	uint32_t perms;
};

/**
 * struct xs_limits - what an unprivileged domain may use; 0 means the default.
 * @nodes:	nodes it owns (1000)
 * @node_size:	bytes of one node: value, access list, child names (2048)
 * @perms:	access list entries of one node (5)
 * @watches:	watches (128)
 * @txs:	transactions open at a time (10)
 * @tx_nodes:	nodes touched by one transaction (1024)
 * @tx_bytes:	memory for what its open transactions have recorded, with a
 *		share for each component of a path (2 MiB)
 * @replies:	replies not yet fetched before requests are left unread (20)
 * @out_bytes:	bytes not yet fetched beyond which events are dropped (256 KiB)
 */
struct xs_limits {
	unsigned int nodes;
	unsigned int node_size;
	unsigned int perms;
	unsigned int watches;
	unsigned int txs;
	unsigned int tx_nodes;
	unsigned int tx_bytes;
	unsigned int replies;
	unsigned int out_bytes;
};

/**
 * struct xs_store_ops - what a store asks of its owner; every hook is optional.
 * @log:	one line for the log, without a newline; a misbehaving peer
 *		causes a bounded number of them
 * @wake:	xs_run_deferred() has work; only marks or schedules, called at
 *		most once until xs_run_deferred() has run
 */
struct xs_store_ops {
	void (*log)(void *arg, const char *line);
	void (*wake)(void *arg);
};

/**
 * xs_store_create() - make an empty store: "/" owned by domain 0.
 * @limits:	copied; NULL for the defaults
 * @ops:	kept, must outlive the store; may be NULL
 * @arg:	handed to @ops
 *
 * Return: the store, or NULL when out of memory.
 */
struct xs_store *xs_store_create(const struct xs_limits *limits,
				 const struct xs_store_ops *ops, void *arg);

/* Free the store with its connections, rings, sockets and watches. */
void xs_store_destroy(struct xs_store *store);

/**
 * xs_run_deferred() - deliver what earlier calls queued: watch callbacks,
 * output to rings, output_ready.
 *
 * Bounded: what the callbacks themselves cause waits for the next run.
 *
 * Return: true if there is more to do already.
 */
bool xs_run_deferred(struct xs_store *store);

/* Domains */

/**
 * xs_introduce() - make a domain known to the store; fires @introduceDomain.
 *
 * Creates no node: /local/domain/N and its access list are the caller's.
 *
 * Return: 0, -EEXIST if it is known already, -EINVAL for domain 0 or an id
 * that no domain can have, -ENOMEM.
 */
int xs_introduce(struct xs_store *store, uint32_t domid);

/**
 * xs_release() - forget a domain; fires @releaseDomain.
 *
 * Its connections are put into the error state, their watches and transactions
 * dropped; nodes it owns are removed with everything below them, and its id is
 * struck from every other access list, so that a later domain of the same id
 * inherits nothing.
 *
 * Return: 0, -ENOENT if it is not known, -ENOMEM (nothing was removed then).
 */
int xs_release(struct xs_store *store, uint32_t domid);

bool xs_is_introduced(const struct xs_store *store, uint32_t domid);

/*
 * The tree, for back ends.  Paths are absolute.  These act as domain 0, outside
 * any transaction, and no quota but the protocol's own applies.
 * Common errors: -EINVAL malformed path, -ENOENT no such node, -ENOMEM.
 */

/* Set a node's value from a format, making it and its parents if need be. */
int xs_write(struct xs_store *store, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with bytes; -E2BIG above 4096 of them. */
int xs_write_raw(struct xs_store *store, const char *path, const void *data,
		 size_t len);

/**
 * xs_read() - copy a node's value.
 * @out:	the copy, one NUL behind it; the caller frees it
 * @len:	bytes without that NUL; may be NULL
 */
int xs_read(struct xs_store *store, const char *path, char **out, size_t *len);

/*
 * Read a decimal number that is the node's whole value; -EINVAL if it is not
 * one or does not fit.
 */
int xs_read_u32(struct xs_store *store, const char *path, uint32_t *val);
int xs_read_u64(struct xs_store *store, const char *path, uint64_t *val);

/* Make a node with an empty value; one that exists stays as it is. */
int xs_mkdir(struct xs_store *store, const char *path);

/* Remove a node and everything below it; -EINVAL for "/". */
int xs_rm(struct xs_store *store, const char *path);

bool xs_exists(struct xs_store *store, const char *path);

/**
 * xs_list() - names of a node's children in the order of their creation.
 * @names:	array of @num strings, in one allocation the caller frees
 */
int xs_list(struct xs_store *store, const char *path, char ***names,
	    unsigned int *num);

/* Replace an access list; @num >= 1.  The first entry names the owner. */
int xs_set_perms(struct xs_store *store, const char *path,
		 const struct xs_perm *perms, unsigned int num);

/* Copy an access list into an array the caller frees. */
int xs_get_perms(struct xs_store *store, const char *path,
		 struct xs_perm **perms, unsigned int *num);

/* Set by the change's path and the registered path, as by xs_watch_local(). */
typedef void (*xs_watch_fn)(void *arg, const char *path, const char *watched);

/**
 * xs_watch_local() - be told of changes to a node and everything below it.
 * @path:	absolute, or @introduceDomain or @releaseDomain
 * @fn:		called from xs_run_deferred(), the first time for @path itself
 *		soon after registration; equal changes are told once, and when
 *		there are too many, one call for @path stands for them all: the
 *		receiver looks at the store, not at the number of calls
 *
 * Return: the watch, or NULL with errno set.
 */
struct xs_watch *xs_watch_local(struct xs_store *store, const char *path,
				xs_watch_fn fn, void *arg);

/* End a watch; its callback is not made again.  NULL is allowed. */
void xs_unwatch(struct xs_watch *watch);

/* Connections: a client's byte streams, in and out. */

/**
 * struct xs_conn_ops - hooks of a connection without a ring.
 * @output_ready:	there are bytes to fetch, or the connection went into
 *			the error state; from xs_run_deferred() only
 */
struct xs_conn_ops {
	void (*output_ready)(void *arg);
};

/**
 * xs_conn_create() - a client.
 * @domid:	who it speaks for
 * @privileged:	may do all: tools on the local socket; relative paths start
 *		at "/" then, and at /local/domain/@domid otherwise
 * @ops:	kept, must outlive the connection; may be NULL
 *
 * Return: the connection, or NULL when out of memory.
 */
struct xs_conn *xs_conn_create(struct xs_store *store, uint32_t domid,
			       bool privileged, const struct xs_conn_ops *ops,
			       void *arg);

/* Free it with its ring, watches and open transactions.  NULL is allowed. */
void xs_conn_destroy(struct xs_conn *conn);

/**
 * xs_conn_feed() - hand in bytes from the client.
 *
 * Takes fewer than @len, possibly none, while too many replies are unfetched;
 * feed the rest once output has been taken.
 *
 * Return: bytes taken, or -EPROTO once the connection is in the error state.
 */
ssize_t xs_conn_feed(struct xs_conn *conn, const void *buf, size_t len);

/* Whether xs_conn_feed() would take anything. */
bool xs_conn_can_feed(const struct xs_conn *conn);

/**
 * xs_conn_out() - look at the bytes for the client.
 * @len:	how many there are in one piece; 0 when there are none
 *
 * Return: the bytes, valid until the next call that may change the store.
 */
const void *xs_conn_out(struct xs_conn *conn, size_t *len);

/* Say that @len bytes of what xs_conn_out() showed have been sent. */
void xs_conn_out_done(struct xs_conn *conn, size_t len);

/* Whether the client broke the protocol; only destroying it helps then. */
bool xs_conn_failed(const struct xs_conn *conn);

/* The guest's shared ring */

/**
 * xs_ring_attach() - serve a connection over a page shared with the guest.
 * @conn:	owns the ring from now on
 * @page:	the 4096 bytes of struct xenstore_domain_interface; must stay
 *		mapped until xs_ring_detach() or the connection's end
 * @notify:	signals the guest's event channel
 *
 * Announces the server's features in the page.  The page is the guest's:
 * indices are read once and checked; bad ones put the ring into the error
 * state, with one log line and the page's error field set, until the guest
 * asks for a reconnection.
 *
 * Return: the ring, or NULL with errno set (EBUSY if there is one, ENOMEM).
 */
struct xs_ring *xs_ring_attach(struct xs_conn *conn, void *page,
			       void (*notify)(void *arg), void *arg);

/* Leave the page alone from now on; the connection stays.  NULL is allowed. */
void xs_ring_detach(struct xs_ring *ring);

/**
 * xs_ring_run() - the guest signalled: take requests, put replies and events.
 *
 * Bounded work.  Notifies the guest if it moved an index.
 *
 * Return: 1 if there is more to do now (the rest runs from xs_run_deferred(),
 * which has been asked for), 0 if not, -EPROTO in the error state.
 */
int xs_ring_run(struct xs_ring *ring);

/* Local clients on a UNIX socket, for an event loop with poll semantics. */

/**
 * xs_sock_listen() - a listening non-blocking stream socket at @path.
 *
 * Replaces a socket nobody serves; -EADDRINUSE if somebody does.
 *
 * Return: the descriptor or -errno.  Closing it and the file is the caller's.
 */
int xs_sock_listen(const char *path);

/**
 * xs_sock_create() - serve one accepted client, as privileged domain 0.
 * @fd:		connected, made non-blocking here; owned on success
 * @changed:	xs_sock_events() may have changed; may be NULL
 */
struct xs_sock *xs_sock_create(struct xs_store *store, int fd,
			       void (*changed)(void *arg), void *arg);
void xs_sock_destroy(struct xs_sock *sock);
int xs_sock_fd(const struct xs_sock *sock);

/* POLLIN and POLLOUT as wanted now. */
short xs_sock_events(const struct xs_sock *sock);

/**
 * xs_sock_io() - move what can be moved without blocking.
 *
 * Return: 0, or -errno when the client is gone or broke the protocol (-EPIPE,
 * -EPROTO, ...): the caller destroys it then.
 */
int xs_sock_io(struct xs_sock *sock);

/* State, for save: all in a defined order, nothing changed. */

/**
 * struct xs_node_view - a node as xs_for_each_node() shows it.
 *
 * Everything in it is the store's, valid during the call only.
 */
struct xs_node_view {
	const char *path;
	const void *data;
	size_t len;
	const struct xs_perm *perms;
	unsigned int num_perms;
	unsigned int num_children;
};

/*
 * Every node, parents before children, children in creation order.  A negative
 * value from @fn ends the walk and is returned; -ENOMEM.
 */
int xs_for_each_node(struct xs_store *store,
		     int (*fn)(void *arg, const struct xs_node_view *node),
		     void *arg);

/* Every watch of a client, in registration order, paths as it gave them. */
int xs_conn_for_each_watch(struct xs_conn *conn,
			   int (*fn)(void *arg, const char *path,
				     const char *token), void *arg);

/* Every open transaction's id, oldest first. */
int xs_conn_for_each_tx(struct xs_conn *conn,
			int (*fn)(void *arg, uint32_t id), void *arg);

#endif
