// SPDX-License-Identifier: GPL-2.0-or-later
/* A xenbus, event channels and a kernel of a few lines each. */
#include "blk_fakes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../vmm/xen/kernel.h"

#define NODES	64

struct vm fake_vm = { .domid = 1 };
struct xenbus_dev *fake_dev;
struct evtchn_backend *fake_channel;
unsigned int fake_notified, fake_failed, fake_disconnected, fake_again;
bool fake_wide = true;
uint32_t fake_ring_ref, fake_port;
const char *fake_protocol;

static struct {
	char name[48], value[128];
} nodes[NODES];

const char *fake_node(const char *name)
{
	int i;

	for (i = 0; i < NODES; i++)
		if (!strcmp(nodes[i].name, name))
			return nodes[i].value;
	return NULL;
}

int xenbus_write(struct xenbus_dev *d, const char *name, const char *fmt, ...)
{
	va_list ap;
	int i;

	for (i = 0; i < NODES - 1; i++)
		if (!nodes[i].name[0] || !strcmp(nodes[i].name, name))
			break;
	snprintf(nodes[i].name, sizeof(nodes[i].name), "%s", name);
	va_start(ap, fmt);
	vsnprintf(nodes[i].value, sizeof(nodes[i].value), fmt, ap);
	va_end(ap);
	return 0;
}

int xenbus_front_write(struct xenbus_dev *d, const char *name, const char *fmt,
		       ...)
{
	return 0;
}

int xenbus_front_u32(struct xenbus_dev *d, const char *name, uint32_t *val)
{
	*val = strcmp(name, "ring-ref") ? fake_port : fake_ring_ref;
	return *val ? 0 : -ENOENT;
}

char *xenbus_front_read(struct xenbus_dev *d, const char *name)
{
	return fake_protocol ? strdup(fake_protocol) : NULL;
}

int xenbus_add(struct xenbus *bus, struct xenbus_dev *d, uint32_t id)
{
	d->vm = &fake_vm;
	d->id = id;
	fake_dev = d;
	return d->ops->describe(d) ?: d->ops->announce(d);
}

void xenbus_disconnected(struct xenbus_dev *d)
{
	fake_disconnected++;
	event_loop_stop(fake_vm.loop);
}

void xenbus_fail(struct xenbus_dev *d, const char *fmt, ...)
{
	fake_failed++;
	if (d->ops->disconnect(d))
		xenbus_disconnected(d);
}

int evtchn_bind_backend(struct evtchn *e, uint32_t port,
			struct evtchn_backend *b)
{
	fake_channel = b;
	return 0;
}

void evtchn_unbind_backend(struct evtchn *e, struct evtchn_backend *b)
{
	fake_channel = NULL;
}

void evtchn_backend_again(struct evtchn_backend *b)
{
	fake_again++;
}

void evtchn_notify(struct evtchn *e, struct evtchn_backend *b)
{
	fake_notified++;
	event_loop_stop(fake_vm.loop);
}

bool kernel_is_wide(struct vm *vm)
{
	return fake_wide;
}
