/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The states of a guest's life, what leads from one to the next, and how fast
 * a guest may be restarted.  Pure logic: vm.c acts on it.
 */
#ifndef XKVM_LIFE_H
#define XKVM_LIFE_H

#include <stdbool.h>
#include <stdint.h>

enum life_state {
	LIFE_NONE,		/* no state: the event means nothing there */
	LIFE_MAKING,		/* an incarnation is made; no vCPU has run */
	LIFE_PAUSED,		/* made; no vCPU is in the guest */
	LIFE_RUNNING,
	LIFE_STOPPING,		/* it is over: vCPUs leave for good */
	LIFE_KILLING,		/* the same, and nothing may follow but the end */
	LIFE_PRESERVED,		/* stopped, kept to be looked at */
	LIFE_RENEWING,		/* taken apart to be made again */
	LIFE_WAITING,		/* nothing is made; it restarts in a while */
	LIFE_RESETTING,		/* memory stays, Xen's part is made again */
	LIFE_ENDING,		/* taken apart for good */
	LIFE_ENDED,
	LIFE_NR_STATES,
};

enum life_event {
	LIFE_MADE,		/* memory, vCPUs and devices are there */
	LIFE_FAILED,		/* making or starting it has failed */
	LIFE_UNPAUSE,
	LIFE_PAUSE,
	LIFE_OVER,		/* vm_shutdown(): the guest's or our reason */
	LIFE_PRESERVE,		/* vCPUs have left, and policy says: keep it, */
	LIFE_RESTART,		/* make it again, */
	LIFE_RESET,		/* make all but its memory again, */
	LIFE_END,		/* or end it */
	LIFE_UNMADE,		/* nothing of the incarnation is left */
	LIFE_ELAPSED,		/* the pause before a restart is over */
	LIFE_DESTROY,		/* the control socket's verb, or a signal */
	LIFE_NR_EVENTS,
};

/* The state after @e in @s; LIFE_NONE if @e cannot come in @s. */
enum life_state life_next(enum life_state s, enum life_event e);

/* For the log: "running", "made", ... */
const char *life_state_name(enum life_state s);
const char *life_event_name(enum life_event e);

/* Whether vCPU threads may exist: they have to be stopped first. */
bool life_has_vcpus(enum life_state s);

/*
 * Restarts: a pause before each, as xl makes one, and an end of them for a
 * guest that does not stay up.
 */
#define LIFE_PAUSE_NS		2000000000ull
#define LIFE_QUICK_NS		10000000000ull	/* a shorter life is quick */
#define LIFE_QUICK_MAX		5u		/* of them one after another */

struct life_pace {
	unsigned int quick;	/* quick lives since the last long one */
};

/*
 * The incarnation that just ended has run for @lived ns.  True: it may restart
 * after LIFE_PAUSE_NS.
 */
bool life_may_restart(struct life_pace *p, uint64_t lived);

#endif
