/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up privileges, before the guest runs. */
#ifndef XKVM_PRIVS_H
#define XKVM_PRIVS_H

#include <stddef.h>

/*
 * privs_drop() - become $XKVM_USER, or "nobody", if started as root; give up
 * every capability; no new privileges; and only the system calls a running VMM
 * needs, anything else ends the process with a line in the log.  Nothing can
 * be opened afterwards.  On the only thread there is.
 *
 * Returns 0, or -errno and in @err one line that says what failed.
 */
int privs_drop(char *err, size_t err_len);

#endif
