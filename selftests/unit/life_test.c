// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of a guest's life, each state with each event, and its pace. */
#include "../lib/tap.h"
#include "../../vmm/life.h"

const char *tap_precondition(void)
{
	return NULL;
}

/* The table of vmm/README.md once more; what is not here cannot come. */
static const struct {
	enum life_state from;
	enum life_event event;
	enum life_state to;
} rows[] = {
	{ LIFE_MAKING, LIFE_MADE, LIFE_PAUSED },
	{ LIFE_MAKING, LIFE_FAILED, LIFE_ENDING },
	{ LIFE_MAKING, LIFE_DESTROY, LIFE_ENDING },
	{ LIFE_PAUSED, LIFE_UNPAUSE, LIFE_RUNNING },
	{ LIFE_PAUSED, LIFE_PAUSE, LIFE_PAUSED },
	{ LIFE_PAUSED, LIFE_FAILED, LIFE_KILLING },
	{ LIFE_PAUSED, LIFE_OVER, LIFE_STOPPING },
	{ LIFE_PAUSED, LIFE_DESTROY, LIFE_KILLING },
	{ LIFE_RUNNING, LIFE_UNPAUSE, LIFE_RUNNING },
	{ LIFE_RUNNING, LIFE_PAUSE, LIFE_PAUSED },
	{ LIFE_RUNNING, LIFE_OVER, LIFE_STOPPING },
	{ LIFE_RUNNING, LIFE_DESTROY, LIFE_KILLING },
	{ LIFE_STOPPING, LIFE_PRESERVE, LIFE_PRESERVED },
	{ LIFE_STOPPING, LIFE_RESTART, LIFE_RENEWING },
	{ LIFE_STOPPING, LIFE_RESET, LIFE_RESETTING },
	{ LIFE_STOPPING, LIFE_END, LIFE_ENDING },
	{ LIFE_STOPPING, LIFE_DESTROY, LIFE_KILLING },
	{ LIFE_KILLING, LIFE_END, LIFE_ENDING },
	{ LIFE_KILLING, LIFE_DESTROY, LIFE_KILLING },
	{ LIFE_PRESERVED, LIFE_DESTROY, LIFE_ENDING },
	{ LIFE_RENEWING, LIFE_UNMADE, LIFE_WAITING },
	{ LIFE_RENEWING, LIFE_DESTROY, LIFE_ENDING },
	{ LIFE_WAITING, LIFE_ELAPSED, LIFE_MAKING },
	{ LIFE_WAITING, LIFE_DESTROY, LIFE_ENDING },
	{ LIFE_RESETTING, LIFE_MADE, LIFE_PAUSED },
	{ LIFE_RESETTING, LIFE_FAILED, LIFE_ENDING },
	{ LIFE_RESETTING, LIFE_DESTROY, LIFE_ENDING },
	{ LIFE_ENDING, LIFE_UNMADE, LIFE_ENDED },
	{ LIFE_ENDING, LIFE_DESTROY, LIFE_ENDING },
	{ LIFE_ENDED, LIFE_DESTROY, LIFE_ENDED },
};

#define NR_ROWS	(sizeof(rows) / sizeof(rows[0]))

TEST(table, "each event in each state leads where it should, or nowhere")
{
	unsigned int s, e, i;

	for (s = LIFE_NONE; s < LIFE_NR_STATES; s++) {
		for (e = 0; e < LIFE_NR_EVENTS; e++) {
			enum life_state want = LIFE_NONE, is = life_next(s, e);

			for (i = 0; i < NR_ROWS; i++)
				if (rows[i].from == s && rows[i].event == e)
					want = rows[i].to;
			CHECK_MSG(is == want, "%s in %s: %s, wanted %s",
				  life_event_name(e), life_state_name(s),
				  life_state_name(is), life_state_name(want));
		}
	}
}

TEST(names, "each state and event has a name of its own")
{
	unsigned int i, k;

	for (i = 0; i < LIFE_NR_STATES; i++)
		for (k = 0; k < i; k++)
			CHECK(strcmp(life_state_name(i), life_state_name(k)));
	for (i = 0; i < LIFE_NR_EVENTS; i++)
		for (k = 0; k < i; k++)
			CHECK(strcmp(life_event_name(i), life_event_name(k)));
}

/* Where a guest that is destroyed can still be seen, whatever else happens. */
static bool dying(enum life_state s)
{
	return s == LIFE_KILLING || s == LIFE_ENDING || s == LIFE_ENDED;
}

TEST(destroy, "a destroy counts in every state, and nothing undoes it")
{
	unsigned int s, e;

	for (s = LIFE_MAKING; s < LIFE_NR_STATES; s++) {
		CHECK(dying(life_next(s, LIFE_DESTROY)));
		for (e = 0; dying(s) && e < LIFE_NR_EVENTS; e++)
			CHECK(life_next(s, e) == LIFE_NONE ||
			      dying(life_next(s, e)));
	}
}

TEST(vcpus, "vCPUs are stopped before anything is taken apart")
{
	unsigned int s, e, next;

	for (s = LIFE_MAKING; s < LIFE_NR_STATES; s++) {
		for (e = 0; e < LIFE_NR_EVENTS; e++) {
			next = life_next(s, e);
			if (life_has_vcpus(s) && next && !life_has_vcpus(next))
				CHECK(s == LIFE_STOPPING || s == LIFE_KILLING);
		}
	}
}

TEST(pace, "a guest that does not stay up is restarted a few times only")
{
	struct life_pace p = { 0 };
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < LIFE_QUICK_MAX; i++)
			CHECK(life_may_restart(&p, LIFE_QUICK_NS - 1));
		CHECK(!life_may_restart(&p, 0));
		CHECK(!life_may_restart(&p, LIFE_QUICK_NS - 1));
		CHECK(life_may_restart(&p, LIFE_QUICK_NS));
	}
	for (i = 0; i < 1000; i++)
		CHECK(life_may_restart(&p, LIFE_QUICK_NS));
}
