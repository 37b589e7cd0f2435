// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the table of a guest's life, which vmm/README.md shows.
 */
#include "life.h"

static const uint8_t life_table[LIFE_NR_STATES][LIFE_NR_EVENTS] = {
	[LIFE_MAKING] = {
		[LIFE_MADE]	= LIFE_PAUSED,
		[LIFE_FAILED]	= LIFE_ENDING,
		[LIFE_DESTROY]	= LIFE_ENDING,
	},
	[LIFE_PAUSED] = {
		[LIFE_UNPAUSE]	= LIFE_RUNNING,
		[LIFE_PAUSE]	= LIFE_PAUSED,
		[LIFE_FAILED]	= LIFE_KILLING,
		[LIFE_OVER]	= LIFE_STOPPING,
		[LIFE_DESTROY]	= LIFE_KILLING,
	},
	[LIFE_RUNNING] = {
		[LIFE_UNPAUSE]	= LIFE_RUNNING,
		[LIFE_PAUSE]	= LIFE_PAUSED,
		[LIFE_OVER]	= LIFE_STOPPING,
		[LIFE_DESTROY]	= LIFE_KILLING,
	},
	[LIFE_STOPPING] = {
		[LIFE_PRESERVE]	= LIFE_PRESERVED,
		[LIFE_RESTART]	= LIFE_RENEWING,
		[LIFE_RESET]	= LIFE_RESETTING,
		[LIFE_END]	= LIFE_ENDING,
		[LIFE_DESTROY]	= LIFE_KILLING,
	},
	[LIFE_KILLING] = {
		[LIFE_END]	= LIFE_ENDING,
		[LIFE_DESTROY]	= LIFE_KILLING,
	},
	[LIFE_PRESERVED] = {
		[LIFE_DESTROY]	= LIFE_ENDING,
	},
	[LIFE_RENEWING] = {
		[LIFE_UNMADE]	= LIFE_WAITING,
		[LIFE_DESTROY]	= LIFE_ENDING,
	},
	[LIFE_WAITING] = {
		[LIFE_ELAPSED]	= LIFE_MAKING,
		[LIFE_DESTROY]	= LIFE_ENDING,
	},
	[LIFE_RESETTING] = {
		[LIFE_MADE]	= LIFE_PAUSED,
		[LIFE_FAILED]	= LIFE_ENDING,
		[LIFE_DESTROY]	= LIFE_ENDING,
	},
	[LIFE_ENDING] = {
		[LIFE_UNMADE]	= LIFE_ENDED,
		[LIFE_DESTROY]	= LIFE_ENDING,
	},
	[LIFE_ENDED] = {
		[LIFE_DESTROY]	= LIFE_ENDED,
	},
};

static const char *const life_states[LIFE_NR_STATES] = {
	[LIFE_NONE]		= "nothing",
	[LIFE_MAKING]		= "making",
	[LIFE_PAUSED]		= "paused",
	[LIFE_RUNNING]		= "running",
	[LIFE_STOPPING]		= "stopping",
	[LIFE_KILLING]		= "killing",
	[LIFE_PRESERVED]	= "preserved",
	[LIFE_RENEWING]		= "renewing",
	[LIFE_WAITING]		= "waiting",
	[LIFE_RESETTING]	= "resetting",
	[LIFE_ENDING]		= "ending",
	[LIFE_ENDED]		= "ended",
};

static const char *const life_events[LIFE_NR_EVENTS] = {
	[LIFE_MADE]		= "made",
	[LIFE_FAILED]		= "failed",
	[LIFE_UNPAUSE]		= "unpause",
	[LIFE_PAUSE]		= "pause",
	[LIFE_OVER]		= "over",
	[LIFE_PRESERVE]		= "preserve",
	[LIFE_RESTART]		= "restart",
	[LIFE_RESET]		= "reset",
	[LIFE_END]		= "end",
	[LIFE_UNMADE]		= "unmade",
	[LIFE_ELAPSED]		= "elapsed",
	[LIFE_DESTROY]		= "destroy",
};

enum life_state life_next(enum life_state s, enum life_event e)
{
	return life_table[s][e];
}

const char *life_state_name(enum life_state s)
{
	return life_states[s];
}

const char *life_event_name(enum life_event e)
{
	return life_events[e];
}

bool life_has_vcpus(enum life_state s)
{
	return s == LIFE_PAUSED || s == LIFE_RUNNING || s == LIFE_STOPPING ||
	       s == LIFE_KILLING;
}

bool life_may_restart(struct life_pace *p, uint64_t lived)
{
	if (lived >= LIFE_QUICK_NS) {
		p->quick = 0;
		return true;
	}
	if (p->quick >= LIFE_QUICK_MAX)
		return false;
	p->quick++;
	return true;
}
