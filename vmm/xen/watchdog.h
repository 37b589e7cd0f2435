/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The domain's watchdogs: SCHEDOP_watchdog. */
#ifndef XKVM_XEN_WATCHDOG_H
#define XKVM_XEN_WATCHDOG_H

#include <stdint.h>

struct vm;
struct watchdog;

/* On the loop's thread; destroying wants posts to have run dry. */
int watchdog_create(struct watchdog **out, struct vm *vm);
void watchdog_destroy(struct watchdog *w);

/*
 * watchdog_set() - @id 0: start one of @seconds, return its id; else start @id
 * anew, or end it with 0 seconds.  The id, 0, -EINVAL, or -ENOSPC for none
 * left.  When one runs out the guest ends with SHUTDOWN_watchdog.  From any
 * thread.
 */
int watchdog_set(struct watchdog *w, uint32_t id, uint32_t seconds);

#endif
