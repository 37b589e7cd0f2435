// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The requests of the control socket: one JSON object a line in, one out, by
 * one table of verbs.  Runs on the event loop's thread; keeps nothing.
 */
#include "control_priv.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sends @reply and drops it; NULL (no memory) ends up as an error as well. */
static void control_reply(struct control_client *c, json_t *reply)
{
	static const char none[] = "{\"error\": \"out of memory\"}\n";
	char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	size_t len;

	json_decref(reply);
	if (!text) {
		control_client_send(c, none, sizeof(none) - 1);
		return;
	}
	len = strlen(text);
	text[len] = '\n';	/* in place of the NUL: sent by length */
	control_client_send(c, text, len + 1);
	free(text);
}

static void control_error(struct control_client *c, const char *what)
{
	/* What the client sent comes back in it and may be no UTF-8. */
	json_t *reply = json_pack("{s:s}", "error", what);

	control_reply(c, reply ? reply :
		      json_pack("{s:s}", "error", "malformed request"));
}

static void control_ok(struct control_client *c)
{
	control_reply(c, json_pack("{s:b}", "ok", 1));
}

static void control_status(struct control_client *c)
{
	struct control *ctl = c->ctl;
	struct control_status st = { 0 };
	const uint8_t *u = st.uuid;
	char uuid[37];

	ctl->ops->status(ctl->arg, &st);
	snprintf(uuid, sizeof(uuid),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9],
		 u[10], u[11], u[12], u[13], u[14], u[15]);
	control_reply(c, json_pack(
		"{s:b, s:s, s:s, s:i, s:i, s:s, s:I, s:I, s:i, s:i, s:I}",
		"ok", 1, "name", st.name ? st.name : "", "uuid", uuid,
		"domid", (int)st.domid, "pid", (int)getpid(),
		"state", st.state ? st.state : "",
		"memory_mib", (json_int_t)st.memory_mib,
		"maxmem_mib", (json_int_t)st.maxmem_mib,
		"vcpus", (int)st.vcpus, "maxvcpus", (int)st.maxvcpus,
		"cpu_ns", (json_int_t)st.cpu_ns));
}

static void control_stop(struct control_client *c, enum control_stop reason)
{
	struct control *ctl = c->ctl;
	int ret = ctl->ops->shutdown(ctl->arg, reason);
	char what[128];

	if (!ret) {
		control_ok(c);
		return;
	}
	snprintf(what, sizeof(what),
		 "the guest cannot be asked (%s): it may still be booting, or destroy it",
		 strerror(-ret));
	control_error(c, what);
}

static void control_shutdown(struct control_client *c)
{
	control_stop(c, CONTROL_STOP_POWEROFF);
}

static void control_reboot(struct control_client *c)
{
	control_stop(c, CONTROL_STOP_REBOOT);
}

static void control_end(struct control_client *c)
{
	control_ok(c);
	c->ctl->ops->destroy(c->ctl->arg);
}

static void control_console(struct control_client *c)
{
	control_ok(c);
	control_client_attach(c);
}

void control_request_init(void)
{
	json_object_seed(0);
}

static const struct {
	const char *verb;
	void (*fn)(struct control_client *c);
} control_verbs[] = {
	{ "status", control_status },
	{ "shutdown", control_shutdown },
	{ "reboot", control_reboot },
	{ "destroy", control_end },
	{ "console", control_console },
};

void control_request(struct control_client *c, const char *line, size_t len)
{
	json_t *req = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *verb = json_string_value(json_object_get(req, "verb"));
	char what[128];
	size_t i;

	if (!verb) {
		control_error(c, "a request is a JSON object with a verb");
		goto out;
	}
	for (i = 0; i < sizeof(control_verbs) / sizeof(*control_verbs); i++) {
		if (!strcmp(control_verbs[i].verb, verb)) {
			control_verbs[i].fn(c);
			goto out;
		}
	}
	snprintf(what, sizeof(what), "unknown verb '%.40s'", verb);
	control_error(c, what);
out:
	json_decref(req);
}
