// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the list of devices and the state each back end shows.  What the front
 * end shows is looked at whenever it changes; changes missed in between do not
 * matter.
 */
#include "xenbus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../log.h"
#include "../vm_priv.h"
#include "../xenstore/xenstore.h"
#include "store.h"

struct xenbus {
	struct vm *vm;
	struct xenbus_dev *devs;
	void (*quiesced)(void *arg);	/* set: no device connects any more */
	void *quiesced_arg;
	bool quiescing;
};

static struct xs_store *xenbus_xs(struct xenbus_dev *d)
{
	return guest_store_xs(d->vm->store);
}

static int __attribute__((format(printf, 4, 0)))
xenbus_vwrite(struct xenbus_dev *d, const char *dir, const char *name,
	      const char *fmt, va_list ap)
{
	char path[XENBUS_PATH * 2], value[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	vsnprintf(value, sizeof(value), fmt, ap);
	return xs_write(xenbus_xs(d), path, "%s", value);
}

int xenbus_write(struct xenbus_dev *d, const char *name, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = xenbus_vwrite(d, d->back, name, fmt, ap);
	va_end(ap);
	return err;
}

int xenbus_front_write(struct xenbus_dev *d, const char *name, const char *fmt,
		       ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = xenbus_vwrite(d, d->front, name, fmt, ap);
	va_end(ap);
	return err;
}

int xenbus_front_u32(struct xenbus_dev *d, const char *name, uint32_t *val)
{
	char path[XENBUS_PATH * 2];

	snprintf(path, sizeof(path), "%s/%s", d->front, name);
	return xs_read_u32(xenbus_xs(d), path, val);
}

char *xenbus_front_read(struct xenbus_dev *d, const char *name)
{
	char path[XENBUS_PATH * 2], *value;

	snprintf(path, sizeof(path), "%s/%s", d->front, name);
	return xs_read(xenbus_xs(d), path, &value, NULL) ? NULL : value;
}

static void xenbus_show(struct xenbus_dev *d, enum xenbus_state state)
{
	d->state = state;
	if (xenbus_write(d, "state", "%d", state))
		log_line(LOG_ERROR, "%s %u: its state cannot be stored",
			 d->ops->type, d->id);
}

static void xenbus_connect(struct xenbus_dev *d)
{
	int err = d->ops->connect(d);

	if (err) {
		log_guest(LOG_WARNING, "%s %u: cannot connect: error %d",
			  d->ops->type, d->id, -err);
		xenbus_show(d, XenbusStateClosing);
		return;
	}
	d->connected = true;
	xenbus_show(d, XenbusStateConnected);
	d->ops->started(d);
}

static bool xenbus_idle(const struct xenbus *bus)
{
	const struct xenbus_dev *d;

	for (d = bus->devs; d; d = d->next)
		if (d->connected)
			return false;
	return true;
}

void xenbus_disconnected(struct xenbus_dev *d)
{
	struct xenbus *bus = d->vm->xenbus;

	d->connected = false;
	d->disconnecting = false;
	xenbus_show(d, d->after);
	if (bus->quiescing && bus->quiesced && xenbus_idle(bus)) {
		void (*done)(void *arg) = bus->quiesced;

		bus->quiesced = NULL;
		done(bus->quiesced_arg);
	}
}

static void xenbus_disconnect(struct xenbus_dev *d, enum xenbus_state after)
{
	d->after = after;
	if (d->disconnecting)
		return;
	if (!d->connected) {
		if (d->state != after)
			xenbus_show(d, after);
		return;
	}
	d->disconnecting = true;
	if (d->ops->disconnect(d))
		xenbus_disconnected(d);
}

static void xenbus_start(struct xenbus_dev *d)
{
	if (d->ops->announce(d))
		log_line(LOG_ERROR, "%s %u: its nodes cannot be stored",
			 d->ops->type, d->id);
	xenbus_show(d, XenbusStateInitWait);
}

static void xenbus_front_changed(void *arg, const char *path,
				 const char *watched)
{
	struct xenbus_dev *d = arg;
	uint32_t front;

	if (d->vm->xenbus->quiescing)
		return;
	if (xenbus_front_u32(d, "state", &front))
		front = XenbusStateUnknown;
	switch (front) {
	case XenbusStateInitialising:
		if (d->state == XenbusStateClosed)
			xenbus_start(d);
		break;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		if (d->state == XenbusStateInitWait)
			xenbus_connect(d);
		break;
	case XenbusStateClosing:
		xenbus_disconnect(d, XenbusStateClosing);
		break;
	case XenbusStateUnknown:
	case XenbusStateClosed:
		xenbus_disconnect(d, XenbusStateClosed);
		break;
	}
}

void xenbus_fail(struct xenbus_dev *d, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_guest(LOG_WARNING, "%s %u: %s: closed", d->ops->type, d->id, text);
	xenbus_disconnect(d, XenbusStateClosing);
}

int xenbus_create(struct xenbus **out, struct vm *vm)
{
	struct xenbus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return -ENOMEM;
	bus->vm = vm;
	*out = bus;
	return 0;
}

void xenbus_destroy(struct xenbus *bus)
{
	struct xenbus_dev *d;

	if (!bus)
		return;
	while ((d = bus->devs)) {
		bus->devs = d->next;
		xs_unwatch(d->watch);
		d->ops->free(d);
	}
	free(bus);
}

/* The two directories, each naming the other. */
static int xenbus_make_nodes(struct xenbus_dev *d)
{
	struct guest_store *s = d->vm->store;
	uint32_t domid = d->vm->domid;
	int err;

	err = guest_store_mkdir(s, XS_DOM0, domid, d->back);
	if (!err)
		err = guest_store_mkdir(s, domid, XS_DOM0, d->front);
	if (!err)
		err = xenbus_write(d, "frontend", "%s", d->front);
	if (!err)
		err = xenbus_write(d, "frontend-id", "%u", domid);
	if (!err)
		err = xenbus_write(d, "online", "1");
	if (!err)
		err = xenbus_front_write(d, "backend", "%s", d->back);
	if (!err)
		err = xenbus_front_write(d, "backend-id", "%u", XS_DOM0);
	if (!err)
		err = d->ops->describe(d);
	if (!err)
		err = xenbus_front_write(d, "state", "%d",
					 XenbusStateInitialising);
	return err;
}

int xenbus_add(struct xenbus *bus, struct xenbus_dev *d, uint32_t id)
{
	char state[XENBUS_PATH * 2];
	int err;

	d->vm = bus->vm;
	d->id = id;
	d->state = XenbusStateInitialising;
	snprintf(d->back, sizeof(d->back), "/local/domain/0/backend/%s/%u/%u",
		 d->ops->type, bus->vm->domid, id);
	snprintf(d->front, sizeof(d->front), "/local/domain/%u/device/%s/%u",
		 bus->vm->domid, d->ops->type, id);
	err = xenbus_make_nodes(d);
	if (err)
		return err;
	xenbus_start(d);
	snprintf(state, sizeof(state), "%s/state", d->front);
	d->watch = xs_watch_local(xenbus_xs(d), state, xenbus_front_changed, d);
	if (!d->watch)
		return -errno;
	d->next = bus->devs;
	bus->devs = d;
	return 0;
}

bool xenbus_quiesce(struct xenbus *bus, void (*done)(void *arg), void *arg)
{
	struct xenbus_dev *d;

	bus->quiescing = true;
	for (d = bus->devs; d; d = d->next)
		xenbus_disconnect(d, XenbusStateClosed);
	if (xenbus_idle(bus))
		return true;
	bus->quiesced = done;
	bus->quiesced_arg = arg;
	return false;
}
