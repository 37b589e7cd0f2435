// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns our two indices of the console ring; the guest's two are read once and
 * checked.  Nonsense in them ends the console of this guest with one line in
 * the log.
 */
#include "console.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/console.h>

#include "../log.h"
#include "../vm_priv.h"
#include "../xen/abi.h"
#include "../xen/evtchn.h"
#include "../xen/hvm_params.h"

#define CONSOLE_IN	sizeof(((struct xencons_interface *)0)->in)
#define CONSOLE_OUT	sizeof(((struct xencons_interface *)0)->out)

struct console {
	struct vm *vm;
	struct xencons_interface *ring;
	struct evtchn_backend channel;
	uint32_t out_cons, in_prod;
	bool broken;
	bool in_full;		/* a client has more than the ring took */
};

static void console_break(struct console *c, const char *what)
{
	if (!c->broken)
		log_guest(LOG_WARNING, "console: %s index out of range: closed",
			  what);
	c->broken = true;
}

/* Bytes the guest has written and we have not taken; 0 when broken. */
static uint32_t console_pending(struct console *c)
{
	uint32_t prod = __atomic_load_n(&c->ring->out_prod, __ATOMIC_ACQUIRE);

	if (prod - c->out_cons > CONSOLE_OUT) {
		console_break(c, "output");
		return 0;
	}
	return prod - c->out_cons;
}

static void console_output(struct console *c)
{
	char buf[CONSOLE_OUT];
	uint32_t n, at, first;

	if (c->broken)
		return;
	n = console_pending(c);
	if (!n)
		return;
	at = c->out_cons % CONSOLE_OUT;
	first = n < CONSOLE_OUT - at ? n : CONSOLE_OUT - at;
	memcpy(buf, c->ring->out + at, first);
	memcpy(buf + first, c->ring->out, n - first);
	c->out_cons += n;
	__atomic_store_n(&c->ring->out_cons, c->out_cons, __ATOMIC_RELEASE);
	/* Pairs with the guest's barrier between out_prod and its look at us */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/*
	 * A guest that waits for room has found the ring full: half of it or
	 * more is what we took, or what came meanwhile.  An event for every
	 * line would cost the guest more than the line.
	 */
	if (n >= CONSOLE_OUT / 2 || console_pending(c) >= CONSOLE_OUT / 2)
		evtchn_notify(c->vm->evtchn, &c->channel);
	control_console_output(c->vm->ctl, buf, n);
}

static void console_signalled(struct evtchn_backend *b)
{
	struct console *c = b->arg;

	console_output(c);
	if (c->in_full && !c->broken) {
		c->in_full = false;
		control_console_ready(c->vm->ctl);
	}
}

size_t console_input(struct console *c, const void *buf, size_t len)
{
	uint32_t used, at, first;

	if (!c || c->broken)
		return 0;
	used = c->in_prod - __atomic_load_n(&c->ring->in_cons,
					    __ATOMIC_ACQUIRE);
	if (used > CONSOLE_IN) {
		console_break(c, "input");
		return 0;
	}
	if (len > CONSOLE_IN - used) {
		len = CONSOLE_IN - used;
		c->in_full = true;
	}
	if (!len)
		return 0;
	at = c->in_prod % CONSOLE_IN;
	first = len < CONSOLE_IN - at ? len : CONSOLE_IN - at;
	memcpy(c->ring->in + at, buf, first);
	memcpy(c->ring->in, (const char *)buf + first, len - first);
	c->in_prod += len;
	__atomic_store_n(&c->ring->in_prod, c->in_prod, __ATOMIC_SEQ_CST);
	evtchn_notify(c->vm->evtchn, &c->channel);
	return len;
}

void console_flush(struct console *c)
{
	if (c)
		console_output(c);
}

int console_create(struct console **out, struct vm *vm)
{
	uint32_t port = hvm_params_get(vm->params, HVM_PARAM_CONSOLE_EVTCHN);
	struct console *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->vm = vm;
	c->ring = mem_ptr(vm->mem, gfn_to_gpa(vm->boot.console),
			  GUEST_PAGE_SIZE);
	c->channel.fn = console_signalled;
	c->channel.arg = c;
	err = c->ring ? evtchn_bind_backend(vm->evtchn, port, &c->channel) :
			-EFAULT;
	if (err) {
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

void console_destroy(struct console *c)
{
	if (!c)
		return;
	evtchn_unbind_backend(c->vm->evtchn, &c->channel);
	free(c);
}
