// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the deadlines of two watchdogs, under w->lock, and one timer of the
 * loop for the nearer of them.
 */
#include "watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "../log.h"
#include "../vm_priv.h"
#include "abi.h"

#define WATCHDOG_NR	2u

struct watchdog {
	struct vm *vm;
	struct event_timer timer;		/* the loop's */
	struct event_work work;			/* deadlines have changed */
	pthread_mutex_t lock;
	uint64_t deadline[WATCHDOG_NR];		/* ns, monotonic; 0: off */
};

static uint64_t watchdog_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void watchdog_update(struct watchdog *w)
{
	uint64_t next = UINT64_MAX, now = watchdog_now();
	unsigned int i;

	pthread_mutex_lock(&w->lock);
	for (i = 0; i < WATCHDOG_NR; i++)
		if (w->deadline[i] && w->deadline[i] < next)
			next = w->deadline[i];
	pthread_mutex_unlock(&w->lock);
	if (next == UINT64_MAX) {
		event_timer_cancel(&w->timer);
	} else if (next > now) {
		event_timer_set(w->vm->loop, &w->timer, next - now);
	} else {
		log_guest(LOG_WARNING, "the guest's watchdog ran out");
		vm_shutdown(w->vm, SHUTDOWN_watchdog);
	}
}

static void watchdog_expired(struct event_timer *t)
{
	watchdog_update(t->arg);
}

static void watchdog_changed(struct event_work *work)
{
	watchdog_update(work->arg);
}

int watchdog_create(struct watchdog **out, struct vm *vm)
{
	struct watchdog *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->vm = vm;
	w->timer.fn = watchdog_expired;
	w->timer.arg = w;
	w->work.fn = watchdog_changed;
	w->work.arg = w;
	pthread_mutex_init(&w->lock, NULL);
	*out = w;
	return 0;
}

void watchdog_destroy(struct watchdog *w)
{
	if (!w)
		return;
	event_work_cancel(&w->work);
	event_timer_cancel(&w->timer);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* Under w->lock: which slot, and what the guest is told. */
static int watchdog_slot(struct watchdog *w, uint32_t id, uint32_t seconds,
			 unsigned int *slot)
{
	unsigned int i;

	if (id > WATCHDOG_NR || (!id && !seconds))
		return -EINVAL;
	if (id) {
		*slot = id - 1;
		return w->deadline[*slot] ? 0 : -EINVAL;
	}
	for (i = 0; i < WATCHDOG_NR; i++) {
		if (w->deadline[i])
			continue;
		*slot = i;
		return i + 1;
	}
	return -ENOSPC;
}

int watchdog_set(struct watchdog *w, uint32_t id, uint32_t seconds)
{
	unsigned int slot;
	int ret;

	pthread_mutex_lock(&w->lock);
	ret = watchdog_slot(w, id, seconds, &slot);
	if (ret >= 0)
		w->deadline[slot] = seconds ? watchdog_now() +
				    seconds * 1000000000ull : 0;
	pthread_mutex_unlock(&w->lock);
	if (ret >= 0)
		event_work_post(w->vm->loop, &w->work);
	return ret;
}
