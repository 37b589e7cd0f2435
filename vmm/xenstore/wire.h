/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire.h - requests, as wire.c hands them to those who answer them.
 */
#ifndef VMM_XENSTORE_WIRE_H
#define VMM_XENSTORE_WIRE_H

#include "store.h"

/**
 * struct wire_req - a request being answered.
 * @hdr:	its header
 * @args:	its payload, @len bytes and a NUL put behind them
 * @ctx:	the transaction it names, if any, and what it changed
 * @fire:	a new watch, to be told after the reply
 * @path:	room for its path made canonical
 */
struct wire_req {
	struct xs_conn *conn;
	struct xs_store *store;
	struct xsd_sockmsg hdr;
	const char *args;
	size_t len;
	struct xs_ctx ctx;
	struct xs_watch *fire;
	char path[PATH_BUF];
};

/* Send the one reply of a request that succeeded. */
void wire_send(struct wire_req *req, const void *data, size_t len);
void wire_send_string(struct wire_req *req, const char *s);
void wire_ok(struct wire_req *req);

/* Number of NUL-terminated strings the payload consists of; -EINVAL. */
int wire_count(const struct wire_req *req);

/* Expect exactly @num strings; -EINVAL. */
int wire_strings(const struct wire_req *req, const char **strings, int num);

/* Expect one path and nothing else, and put it into req->path; -EINVAL. */
int wire_path(struct wire_req *req, bool special);

/* Expect one domain id and nothing else; -EINVAL. */
int wire_domid(const struct wire_req *req, uint32_t *domid);

/*
 * The requests by name.  0 with the reply sent, or -errno, which becomes an
 * error reply.
 */
int wire_control(struct wire_req *req);
int wire_directory(struct wire_req *req);
int wire_read(struct wire_req *req);
int wire_get_perms(struct wire_req *req);
int wire_watch(struct wire_req *req);
int wire_unwatch(struct wire_req *req);
int wire_tx_start(struct wire_req *req);
int wire_tx_end(struct wire_req *req);
int wire_introduce(struct wire_req *req);
int wire_release(struct wire_req *req);
int wire_get_domain_path(struct wire_req *req);
int wire_write(struct wire_req *req);
int wire_mkdir(struct wire_req *req);
int wire_rm(struct wire_req *req);
int wire_set_perms(struct wire_req *req);
int wire_is_introduced(struct wire_req *req);
int wire_resume(struct wire_req *req);
int wire_set_target(struct wire_req *req);
int wire_reset_watches(struct wire_req *req);
int wire_directory_part(struct wire_req *req);

#endif
