/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up privileges, before the guest runs. */
#ifndef XKVM_PRIVS_H
#define XKVM_PRIVS_H

#include <stddef.h>

/*
 * privs_drop() - if started as root, become a user of the guest's own, number
 * @domid, whom privs_user.h chooses, in an empty root directory; give up every
 * capability; no new privileges, core dumps or debuggers; and only the system
 * calls a running VMM needs, anything else ends the process with a line in the
 * log.  Nothing can be opened afterwards, no memory become code, and no process
 * be made or signalled.  On the only thread there is.
 *
 * Returns 0, or -errno and in @err one line that says what failed.
 */
int privs_drop(unsigned int domid, char *err, size_t err_len);

#endif
