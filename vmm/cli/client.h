/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other end of a guest's control socket (control.h). */
#ifndef XKVM_CLI_CLIENT_H
#define XKVM_CLI_CLIENT_H

#include <jansson.h>
#include <stddef.h>

#include "rundir.h"

#define CLIENT_TIMEOUT	10	/* seconds a guest's process may take */

/* Connect to socket @which of @g.  The descriptor, or -errno. */
int client_connect(const struct rundir_guest *g, const char *which);

/*
 * client_call() - one request without arguments.  Returns the reply, which
 * has no error in it (json_decref() it); or NULL with one line in @err.
 */
json_t *client_call(const struct rundir_guest *g, const char *verb, char *err,
		    size_t err_len);

#endif
