// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sock.c - owns local clients on a UNIX stream socket: descriptors and the
 * bytes read from them that the connection does not take yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "store.h"

#define SOCK_BACKLOG	16
#define SOCK_ROUNDS	16	/* reads and writes in one xs_sock_io() */

struct xs_sock {
	struct xs_conn *conn;
	int fd;
	bool eof;
	void (*changed)(void *arg);
	void *arg;
	size_t len;			/* bytes in @in */
	size_t off;			/* of them taken */
	char in[4096];
};

static int sock_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	return 0;
}

/* Whether nobody serves the socket at an address. */
static bool sock_stale(const struct sockaddr_un *addr)
{
	bool stale;
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int sock_bind(int fd, const struct sockaddr_un *addr)
{
	if (!bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return 0;
	if (errno != EADDRINUSE || !sock_stale(addr))
		return -errno;
	if (unlink(addr->sun_path) ||
	    bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return -errno;
	return 0;
}

int xs_sock_listen(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = sock_bind(fd, &addr);
	if (err)
		goto err_close;
	/* Nobody can connect before listen(). */
	if (chmod(path, 0600) || listen(fd, SOCK_BACKLOG)) {
		err = -errno;
		unlink(path);
		goto err_close;
	}
	return fd;

err_close:
	close(fd);
	return err;
}

static void sock_output_ready(void *arg)
{
	struct xs_sock *sock = arg;

	if (sock->changed)
		sock->changed(sock->arg);
}

static const struct xs_conn_ops sock_conn_ops = {
	.output_ready = sock_output_ready,
};

struct xs_sock *xs_sock_create(struct xs_store *store, int fd,
			       void (*changed)(void *arg), void *arg)
{
	struct xs_sock *sock;
	int err;

	err = sock_set_nonblock(fd);
	if (err) {
		errno = -err;
		return NULL;
	}
	sock = calloc(1, sizeof(*sock));
	if (!sock)
		return NULL;
	sock->conn = xs_conn_create(store, XS_DOM0, true, &sock_conn_ops, sock);
	if (!sock->conn) {
		free(sock);
		errno = ENOMEM;
		return NULL;
	}
	sock->conn->sock = sock;
	sock->fd = fd;
	sock->changed = changed;
	sock->arg = arg;
	return sock;
}

void xs_sock_destroy(struct xs_sock *sock)
{
	if (!sock)
		return;
	xs_conn_destroy(sock->conn);
	close(sock->fd);
	free(sock);
}

int xs_sock_fd(const struct xs_sock *sock)
{
	return sock->fd;
}

short xs_sock_events(const struct xs_sock *sock)
{
	short events = 0;
	size_t len;

	xs_conn_out(sock->conn, &len);
	if (len)
		events |= POLLOUT;
	if (sock->off == sock->len && !sock->eof &&
	    xs_conn_can_feed(sock->conn))
		events |= POLLIN;
	return events;
}

/* 1 if anything moved, 0 if not, or -errno. */
static int sock_send(struct xs_sock *sock)
{
	const void *out;
	ssize_t sent;
	size_t len;

	out = xs_conn_out(sock->conn, &len);
	if (!len)
		return 0;
	sent = send(sock->fd, out, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	xs_conn_out_done(sock->conn, (size_t)sent);
	return 1;
}

static int sock_receive(struct xs_sock *sock)
{
	ssize_t got;

	if (sock->off == sock->len && !sock->eof) {
		got = recv(sock->fd, sock->in, sizeof(sock->in), MSG_DONTWAIT);
		if (got < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		sock->off = 0;
		sock->len = (size_t)got;
		sock->eof = !got;
	}
	got = xs_conn_feed(sock->conn, sock->in + sock->off,
			   sock->len - sock->off);
	if (got < 0)
		return (int)got;
	sock->off += (size_t)got;
	return got > 0;
}

int xs_sock_io(struct xs_sock *sock)
{
	int round, rx = 1, tx = 1;
	size_t len;

	for (round = 0; round < SOCK_ROUNDS && (rx || tx); round++) {
		rx = sock_receive(sock);
		tx = rx < 0 ? 0 : sock_send(sock);
		if (rx < 0 || tx < 0)
			return rx < 0 ? rx : tx;
	}
	xs_conn_out(sock->conn, &len);
	/* The rest of what is taken but not answered has its turn later. */
	if (rx || tx)
		conn_ready(sock->conn);
	return sock->eof && !len && sock->off == sock->len ? -EPIPE : 0;
}
