/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between control.c (sockets, clients and their buffers) and
 * control_request.c (what requests mean).
 */
#ifndef XKVM_CONTROL_PRIV_H
#define XKVM_CONTROL_PRIV_H

#include <stdbool.h>
#include <sys/types.h>

#include "control.h"

#define CONTROL_NR_LISTEN	2
#define CONTROL_INPUT		1024	/* console input read at a time */

/* The last @size bytes of a stream. */
struct control_ring {
	char *buf;
	size_t size, start, len;
};

enum control_mode { CONTROL_REQUESTS, CONTROL_CONSOLE };

struct control_client {
	struct control_client *next;
	struct control *ctl;
	struct event_fd watch;		/* owns watch.fd; -1 once closed */
	enum control_mode mode;
	bool eof;			/* nothing more to read */
	char line[CONTROL_MAX_LINE];	/* a request, as far as it has come */
	size_t line_len;
	struct control_ring out;	/* what the socket would not take yet */
};

struct control_listen {
	struct control *ctl;
	struct event_fd watch;
	enum control_mode mode;		/* of those who connect here */
	struct event_timer retry;	/* after running out of descriptors */
};

struct control {
	struct event_loop *loop;
	const struct control_ops *ops;
	void *arg;
	uid_t owner;
	struct control_listen listen[CONTROL_NR_LISTEN];
	struct control_client *clients;
	/* Closed, but maybe still on the call stack: freed by the next event. */
	struct control_client *dead;
	unsigned int nr_clients;
	struct control_ring backlog;
	char input[CONTROL_INPUT];	/* what the guest has not taken yet */
	size_t input_len;
};

/* Once, while the process may still open files: JSON objects want a seed. */
void control_request_init(void);

/*
 * Serve one request of @len bytes, without its newline; replies with
 * control_client_send().
 */
void control_request(struct control_client *c, const char *line, size_t len);

/* Queue @len bytes to @c; may close it. */
void control_client_send(struct control_client *c, const char *buf, size_t len);

/* Make @c a console: the backlog first. */
void control_client_attach(struct control_client *c);

#endif
