/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket of a running guest, and its console's clients.
 *
 * Two stream sockets in the guest's run directory:
 *
 *   control.sock	JSON, one object a line.  Request {"verb": V, ...},
 *			reply {"ok": true, ...} or {"error": "one line"}.
 *	status		name, uuid, domid, pid, state, memory_mib, maxmem_mib,
 *			vcpus, maxvcpus, cpu_ns
 *	shutdown	asks the guest to power off
 *	reboot		asks the guest to reboot
 *	destroy		ends it at once
 *	console		the reply made, the connection becomes a console
 *   console		a console from its first byte: raw, both directions
 *
 * Only the user that started the guest and root may connect.  Everything here
 * runs on the event loop's thread and never blocks; a peer can lose its own
 * connection or console output, nothing else.
 */
#ifndef XKVM_CONTROL_H
#define XKVM_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

#define CONTROL_SOCKET		"control.sock"
#define CONTROL_CONSOLE_SOCKET	"console"

#define CONTROL_MAX_LINE	4096	/* longest request, with its newline */
#define CONTROL_MAX_CLIENTS	32
#define CONTROL_BACKLOG		16384	/* console output shown at attach */
#define CONTROL_CLIENT_BUF	65536	/* output a slow client may lag */
#define CONTROL_LINGER_MS	200	/* for the last output, at the end */

enum control_stop { CONTROL_STOP_POWEROFF, CONTROL_STOP_REBOOT };

/* Filled in by control_ops.status; strings valid until the callback's return
 * to the loop.
 */
struct control_status {
	const char *name;
	const char *state;	/* "running", "blocked", "paused", "shutdown", "crashed" */
	uint8_t uuid[16];
	unsigned int domid;
	uint64_t memory_mib, maxmem_mib;
	unsigned int vcpus, maxvcpus;
	uint64_t cpu_ns;	/* CPU time the vCPUs have used */
};

/* What the VMM does for the clients; all called on the loop's thread. */
struct control_ops {
	/* Ask the guest; 0, or -errno: -ENOTCONN if it cannot be asked. */
	int (*shutdown)(void *arg, enum control_stop reason);
	/* End the guest; control_destroy() follows later, not from within. */
	void (*destroy)(void *arg);
	void (*status)(void *arg, struct control_status *st);
	/*
	 * Input for the guest's console.  Returns how many bytes were taken;
	 * if fewer than @len, the rest is kept, no client is read any more,
	 * and control_console_ready() offers it again.
	 */
	size_t (*console_input)(void *arg, const void *buf, size_t len);
};

struct control;

/*
 * control_create() - bind both sockets in directory @dir and serve them.
 * Replaces socket files left behind: the caller holds the guest's lock.
 * Remembers the effective uid of now as the one that may connect.
 * Returns 0 and *@out, or -errno (-ENAMETOOLONG: @dir too long for a socket).
 */
int control_create(struct control **out, struct event_loop *loop,
		   const char *dir, const struct control_ops *ops, void *arg);

/*
 * Closes everything; console output not yet sent is offered to the clients a
 * last time, for CONTROL_LINGER_MS at most.  The socket files stay, with the
 * directory.
 */
void control_destroy(struct control *ctl);

/*
 * control_console_adopt() - serve connected stream socket @fd as a console
 * client that needs no leave to connect.  Takes @fd over, also on failure.
 * 0 or -ENOMEM.
 */
int control_console_adopt(struct control *ctl, int fd);

/* Guest console output, to the backlog and every console client. */
void control_console_output(struct control *ctl, const void *buf, size_t len);

/* The guest's console can take input again; NULL @ctl is allowed. */
void control_console_ready(struct control *ctl);

#endif
