// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests to running guests: one connection each, with a time limit. */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../control.h"

#define CLIENT_MAX_REPLY 65536

int client_connect(const struct rundir_guest *g, const char *which)
{
	struct timeval tv = { .tv_sec = CLIENT_TIMEOUT };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, ret;

	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", g->dir,
		     which) >= (int)sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

/* Send the request and read the one line of the reply. */
static int client_exchange(int fd, const char *verb, char *reply, size_t size)
{
	char request[128];
	int n = snprintf(request, sizeof(request), "{\"verb\": \"%s\"}\n",
			 verb);
	size_t len = 0;
	ssize_t got;

	if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
		return -errno;
	while (!memchr(reply, '\n', len)) {
		if (len == size)
			return -EMSGSIZE;
		got = recv(fd, reply + len, size - len, 0);
		if (got <= 0)
			return got ? -errno : -ECONNRESET;
		len += (size_t)got;
	}
	return (int)len;
}

json_t *client_call(const struct rundir_guest *g, const char *verb, char *err,
		    size_t err_len)
{
	char reply[CLIENT_MAX_REPLY];
	int fd = client_connect(g, CONTROL_SOCKET), n = fd;
	const char *error;
	json_t *json;

	if (fd >= 0) {
		n = client_exchange(fd, verb, reply, sizeof(reply));
		close(fd);
	}
	if (n < 0) {
		snprintf(err, err_len, "%s does not answer: %s", g->name,
			 n == -EAGAIN ? "timed out" : strerror(-n));
		return NULL;
	}
	json = json_loadb(reply, (size_t)n, 0, NULL);
	error = json_string_value(json_object_get(json, "error"));
	if (json && !error)
		return json;
	snprintf(err, err_len, "%s: %s", g->name,
		 error ? error : "its answer makes no sense");
	json_decref(json);
	return NULL;
}
