/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life cycle of PV devices, the same for every kind: XenbusState
 * (<xen/io/xenbus.h>) on both sides of the store.  The loop's thread only.
 *
 * The back end starts at InitWait with its features announced; connects when
 * the front end is Initialised or Connected; disconnects when it is Closing,
 * Closed or gone; and starts over when it is Initialising again.
 */
#ifndef XKVM_PV_XENBUS_H
#define XKVM_PV_XENBUS_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/io/xenbus.h>

struct vm;
struct xenbus;
struct xenbus_dev;

struct xenbus_ops {
	const char *type;		/* "vbd" */

	/* Write what the toolstack tells the front end; 0 or -errno. */
	int (*describe)(struct xenbus_dev *d);

	/* Write the features the back end starts with; 0 or -errno. */
	int (*announce)(struct xenbus_dev *d);

	/* The front end is ready: read its nodes, map, bind; 0 or -errno. */
	int (*connect)(struct xenbus_dev *d);

	/* Connected is shown: look for requests that are there already. */
	void (*started)(struct xenbus_dev *d);

	/*
	 * Let go of the guest.  True when that is done; else
	 * xenbus_disconnected() follows.
	 */
	bool (*disconnect)(struct xenbus_dev *d);

	/* Free it; it is disconnected. */
	void (*free)(struct xenbus_dev *d);
};

#define XENBUS_PATH	64

struct xenbus_dev {
	struct vm *vm;
	const struct xenbus_ops *ops;
	uint32_t id;
	char front[XENBUS_PATH], back[XENBUS_PATH];
	/* private to xenbus.c */
	struct xenbus_dev *next;
	struct xs_watch *watch;
	enum xenbus_state state;	/* ours */
	enum xenbus_state after;	/* once disconnected */
	bool connected, disconnecting;
};

int xenbus_create(struct xenbus **out, struct vm *vm);	/* 0 or -ENOMEM */
void xenbus_destroy(struct xenbus *bus);

/*
 * xenbus_add() - make device @id known to the guest; @d->ops is set, the rest
 * of *@d is filled in.  On success the bus owns it.  0 or -errno.
 */
int xenbus_add(struct xenbus *bus, struct xenbus_dev *d, uint32_t id);

/* A device that could not disconnect at once now has. */
void xenbus_disconnected(struct xenbus_dev *d);

/* The guest broke the device's protocol: one line, and the device closes. */
void xenbus_fail(struct xenbus_dev *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Disconnect all for good; true if that is done, else @done is called once it
 * is.
 */
bool xenbus_quiesce(struct xenbus *bus, void (*done)(void *arg), void *arg);

/* Nodes of a device, below its back or front directory. */
int xenbus_write(struct xenbus_dev *d, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int xenbus_front_write(struct xenbus_dev *d, const char *name, const char *fmt,
		       ...) __attribute__((format(printf, 3, 4)));
int xenbus_front_u32(struct xenbus_dev *d, const char *name, uint32_t *val);
/* The value, which the caller frees, or NULL. */
char *xenbus_front_read(struct xenbus_dev *d, const char *name);

#endif
