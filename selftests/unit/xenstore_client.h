/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenstore_client.h - a client of the store under test that speaks the wire
 * protocol into a connection, byte by byte as it would come from a guest.
 */
#ifndef SELFTESTS_UNIT_XENSTORE_CLIENT_H
#define SELFTESTS_UNIT_XENSTORE_CLIENT_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"
#include "tap.h"

#define GUEST		7u
#define OTHER		9u
#define HOME		"/local/domain/7"
#define EVENTS_MAX	512

struct client {
	struct xs_conn *conn;
	uint32_t next_id;
	unsigned int num_events;
	char *paths[EVENTS_MAX];
	char *tokens[EVENTS_MAX];
};

struct reply {
	struct xsd_sockmsg hdr;
	char data[XENSTORE_PAYLOAD_MAX + 1];
};

/* What one test works on: a store, two guests with homes, and a tool. */
struct bed {
	struct xs_store *store;
	struct client guest;		/* GUEST */
	struct client other;		/* OTHER */
	struct client tool;		/* privileged */
	unsigned int lines;		/* logged */
	unsigned int wakes;
	char line[256];			/* the last one logged */
};

/* A string constant with NULs in it, as payload and length. */
#define ARGS(s)	s, sizeof(s) - 1

void bed_init(struct bed *bed, const struct xs_limits *limits);
/* Ends the test: counts must agree and nothing may be left allocated. */
void bed_exit(struct bed *bed);

void client_init(struct client *c, struct xs_store *store, uint32_t domid,
		 bool privileged);
void client_exit(struct client *c);

/* Feed a request without looking for a reply. */
void client_send(struct client *c, uint32_t type, uint32_t tx,
		 const void *args, size_t len);
/* Take one message; false if there is none.  Events are not put aside. */
bool client_take(struct client *c, struct reply *reply);
/* Take all events there are; fails the test if there is a reply. */
void client_events(struct client *c);
void client_forget(struct client *c);
/* How many of the events taken are these. */
unsigned int client_saw(struct client *c, const char *path, const char *token);

/* A request and its reply: 0 or the error as -errno.  @reply may be NULL. */
int call(struct client *c, uint32_t type, uint32_t tx, const void *args,
	 size_t len, struct reply *reply);

int c_write(struct client *c, uint32_t tx, const char *path, const char *val);
int c_write_len(struct client *c, uint32_t tx, const char *path, size_t len);
int c_path(struct client *c, uint32_t type, uint32_t tx, const char *path);
/* Read and compare; 0, -errno, or 1 if it differs. */
int c_is(struct client *c, uint32_t tx, const char *path, const char *val);
/* List and compare with names separated by spaces. */
int c_lists(struct client *c, uint32_t tx, const char *path, const char *names);
int c_perms(struct client *c, uint32_t tx, const char *path,
	    const char *perms);	/* "n7 r0" */
int c_perms_are(struct client *c, const char *path, const char *perms);
int c_watch(struct client *c, const char *path, const char *token);
int c_unwatch(struct client *c, const char *path, const char *token);
uint32_t c_begin(struct client *c);
int c_end(struct client *c, uint32_t tx, bool commit);

/* Number of nodes in the store. */
unsigned int count_nodes(struct xs_store *store);

/* xenstore_nomem.c: let the @nth allocation from now on fail; 0: none. */
void nomem_arm(unsigned int nth);
/* Whether one has been made to fail since. */
bool nomem_hit(void);

#endif
