// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the store of one guest, its ring and its tree.  Paths and rights are
 * those libxl gives a domain (docs/misc/xenstore-paths.pandoc of Xen).
 */
#include "store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../log.h"
#include "../vm_priv.h"
#include "../xen/abi.h"
#include "../xen/evtchn.h"
#include "../xen/hvm_params.h"
#include "../xenstore/xenstore.h"

#define STORE_PATH	96
#define STORE_UUID	37

struct guest_store {
	struct vm *vm;
	struct xs_store *xs;
	struct xs_ring *ring;
	struct evtchn_backend channel;
	struct event_work deferred;
	int err;		/* the first one while filling the tree */
};

static void store_log(void *arg, const char *line)
{
	log_guest(LOG_WARNING, "xenstore: %s", line);
}

static void store_run(struct event_work *work)
{
	struct guest_store *s = work->arg;

	xs_run_deferred(s->xs);
}

static void store_wake(void *arg)
{
	struct guest_store *s = arg;

	event_work_post(s->vm->loop, &s->deferred);
}

static const struct xs_store_ops store_ops = {
	.log	= store_log,
	.wake	= store_wake,
};

static void store_signalled(struct evtchn_backend *b)
{
	struct guest_store *s = b->arg;

	xs_ring_run(s->ring);
}

static void store_notify(void *arg)
{
	struct guest_store *s = arg;

	evtchn_notify(s->vm->evtchn, &s->channel);
}

/* Filling the tree: the first error stays, and ends it. */

static void __attribute__((format(printf, 3, 4)))
store_put(struct guest_store *s, const char *name, const char *fmt, ...)
{
	char path[STORE_PATH], value[512];
	va_list ap;

	if (s->err)
		return;
	snprintf(path, sizeof(path), "/local/domain/%u/%s", s->vm->domid, name);
	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	s->err = xs_write(s->xs, path, "%s", value);
}

int guest_store_mkdir(struct guest_store *s, uint32_t owner, uint32_t reader,
		      const char *path)
{
	/* The owner's entry carries the rights of everybody else: none. */
	const struct xs_perm perms[] = {
		{ owner, XS_PERM_NONE }, { reader, XS_PERM_READ },
	};
	int err = xs_mkdir(s->xs, path);

	return err ? err : xs_set_perms(s->xs, path, perms,
					owner == reader ? 1 : 2);
}

/* Readable for the guest, or its own. */
static void store_dir(struct guest_store *s, const char *name, bool own)
{
	char path[STORE_PATH];
	uint32_t domid = s->vm->domid;

	if (s->err)
		return;
	snprintf(path, sizeof(path), "/local/domain/%u%s%s", domid,
		 *name ? "/" : "", name);
	s->err = guest_store_mkdir(s, own ? domid : XS_DOM0, domid, path);
}

static void store_format_uuid(const uint8_t *u, char *out)
{
	snprintf(out, STORE_UUID,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9],
		 u[10], u[11], u[12], u[13], u[14], u[15]);
}

static void store_fill_vm(struct guest_store *s)
{
	char uuid[STORE_UUID], path[STORE_PATH];

	store_format_uuid(s->vm->cfg->uuid, uuid);
	snprintf(path, sizeof(path), "/vm/%s", uuid);
	if (!s->err)
		s->err = guest_store_mkdir(s, XS_DOM0, s->vm->domid, path);
	store_put(s, "vm", "%s", path);
	snprintf(path, sizeof(path), "/vm/%s/uuid", uuid);
	if (!s->err)
		s->err = xs_write(s->xs, path, "%s", uuid);
	snprintf(path, sizeof(path), "/vm/%s/name", uuid);
	if (!s->err)
		s->err = xs_write(s->xs, path, "%s", s->vm->cfg->name);
}

static void store_fill_cpus(struct guest_store *s)
{
	unsigned int i;
	char name[32];

	store_dir(s, "cpu", false);
	for (i = 0; i < s->vm->nr_vcpus; i++) {
		snprintf(name, sizeof(name), "cpu/%u/availability", i);
		store_put(s, name, "%s", i < s->vm->cfg->vcpus ? "online" :
								 "offline");
	}
}

static void store_fill_control(struct guest_store *s)
{
	static const char *const own[] = {
		"control/shutdown", "control/feature-poweroff",
		"control/feature-reboot", "control/feature-suspend",
		"control/sysrq", "device/suspend/event-channel",
		"data", "drivers", "feature", "attr", "error",
	};
	size_t i;

	store_dir(s, "control", false);
	store_dir(s, "device", false);
	store_dir(s, "device/suspend", false);
	store_put(s, "control/platform-feature-multiprocessor-suspend", "1");
	store_put(s, "control/platform-feature-xs_reset_watches", "1");
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		store_dir(s, own[i], true);
}

static void store_fill_memory(struct guest_store *s)
{
	unsigned long long kib = mem_pages(s->vm->mem, NULL) *
				 (GUEST_PAGE_SIZE / 1024);

	store_dir(s, "memory", false);
	store_put(s, "memory/static-max", "%llu", kib);
	store_put(s, "memory/target", "%llu", kib);
	store_put(s, "memory/videoram", "0");
}

static void store_fill_rings(struct guest_store *s)
{
	struct hvm_params *p = s->vm->params;

	store_put(s, "store/port", "%llu", (unsigned long long)
		  hvm_params_get(p, HVM_PARAM_STORE_EVTCHN));
	store_put(s, "store/ring-ref", "%llu", (unsigned long long)
		  s->vm->boot.xenstore.v);
	store_put(s, "console/port", "%llu", (unsigned long long)
		  hvm_params_get(p, HVM_PARAM_CONSOLE_EVTCHN));
	store_put(s, "console/ring-ref", "%llu", (unsigned long long)
		  s->vm->boot.console.v);
	store_put(s, "console/limit", "1048576");
	store_put(s, "console/type", "xenconsoled");
	store_put(s, "console/output", "pty");
}

static int store_fill(struct guest_store *s)
{
	store_dir(s, "", false);
	store_put(s, "name", "%s", s->vm->cfg->name);
	store_put(s, "domid", "%u", s->vm->domid);
	store_fill_vm(s);
	store_fill_cpus(s);
	store_fill_memory(s);
	store_fill_control(s);
	store_fill_rings(s);
	return s->err;
}

static int store_serve(struct guest_store *s)
{
	uint32_t port = hvm_params_get(s->vm->params, HVM_PARAM_STORE_EVTCHN);
	void *page = mem_ptr(s->vm->mem, gfn_to_gpa(s->vm->boot.xenstore),
			     GUEST_PAGE_SIZE);
	struct xs_conn *conn;

	if (!page)
		return -EFAULT;
	conn = xs_conn_create(s->xs, s->vm->domid, false, NULL, NULL);
	if (!conn)
		return -ENOMEM;
	s->ring = xs_ring_attach(conn, page, store_notify, s);
	if (!s->ring)
		return -errno;
	s->channel.fn = store_signalled;
	s->channel.arg = s;
	return evtchn_bind_backend(s->vm->evtchn, port, &s->channel);
}

int guest_store_create(struct guest_store **out, struct vm *vm)
{
	struct guest_store *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s)
		return -ENOMEM;
	s->vm = vm;
	s->deferred.fn = store_run;
	s->deferred.arg = s;
	s->xs = xs_store_create(NULL, &store_ops, s);
	if (!s->xs)
		goto err_free;
	err = xs_introduce(s->xs, vm->domid);
	if (!err)
		err = store_fill(s);
	if (!err)
		err = store_serve(s);
	if (err)
		goto err_destroy;
	*out = s;
	return 0;

err_destroy:
	xs_store_destroy(s->xs);
	event_work_cancel(&s->deferred);
err_free:
	free(s);
	return err;
}

void guest_store_destroy(struct guest_store *s)
{
	if (!s)
		return;
	evtchn_unbind_backend(s->vm->evtchn, &s->channel);
	xs_store_destroy(s->xs);
	event_work_cancel(&s->deferred);
	free(s);
}

struct xs_store *guest_store_xs(struct guest_store *s)
{
	return s->xs;
}

int guest_store_control(struct guest_store *s, const char *what)
{
	char path[STORE_PATH];

	snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown",
		 s->vm->domid);
	return xs_write(s->xs, path, "%s", what);
}
