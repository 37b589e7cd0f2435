// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sockets of a running guest: who may connect, what they sent so far and
 * what they have yet to get.  Everything belongs to the event loop's thread.
 * What requests mean is control_request.c's, the guest's console pv/console.c's.
 *
 * Bounds: CONTROL_MAX_CLIENTS; for each a line and CONTROL_CLIENT_BUF; a
 * client is not read while it has output to take, so replies cannot pile up.
 * Console output that a client is too slow for is lost to it, oldest first.
 */
#include "control_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_RETRY_NS	1000000000ull

static const struct {
	const char *name;
	enum control_mode mode;
} control_sockets[CONTROL_NR_LISTEN] = {
	{ CONTROL_SOCKET, CONTROL_REQUESTS },
	{ CONTROL_CONSOLE_SOCKET, CONTROL_CONSOLE },
};

/* --- rings --- */

static int control_ring_init(struct control_ring *r, size_t size)
{
	r->buf = malloc(size);
	r->size = r->buf ? size : 0;
	r->start = r->len = 0;
	return r->buf ? 0 : -ENOMEM;
}

/* Append, dropping the oldest bytes if there are too many. */
static void control_ring_put(struct control_ring *r, const char *p, size_t len)
{
	if (len > r->size) {
		p += len - r->size;
		len = r->size;
	}
	while (len) {
		size_t at = (r->start + r->len) % r->size;
		size_t n = r->size - at < len ? r->size - at : len;

		memcpy(r->buf + at, p, n);
		p += n;
		len -= n;
		r->len += n;
		if (r->len > r->size) {
			r->start = (r->start + r->len - r->size) % r->size;
			r->len = r->size;
		}
	}
}

/* The oldest bytes that lie together; their number, 0 if there are none. */
static size_t control_ring_peek(const struct control_ring *r, const char **p)
{
	*p = r->buf + r->start;
	return r->len < r->size - r->start ? r->len : r->size - r->start;
}

static void control_ring_drop(struct control_ring *r, size_t n)
{
	r->start = (r->start + n) % r->size;
	r->len -= n;
}

/* --- clients --- */

static void control_client_close(struct control_client *c)
{
	struct control *ctl = c->ctl;
	struct control_client **pp = &ctl->clients;

	if (c->watch.fd < 0)
		return;
	while (*pp != c)
		pp = &(*pp)->next;
	*pp = c->next;
	event_fd_del(&c->watch);
	close(c->watch.fd);
	c->watch.fd = -1;
	c->next = ctl->dead;
	ctl->dead = c;
	ctl->nr_clients--;
}

static void control_reap(struct control *ctl)
{
	struct control_client *c;

	while ((c = ctl->dead)) {
		ctl->dead = c->next;
		free(c->out.buf);
		free(c);
	}
}

/* Watch for what makes sense now; POLLERR alone still tells of a hang-up. */
static void control_client_watch(struct control_client *c)
{
	uint32_t mask = POLLERR;

	if (c->watch.fd < 0)
		return;
	if (c->out.len)
		mask |= POLLOUT;
	if (!c->eof && (c->mode == CONTROL_CONSOLE ? !c->ctl->input_len :
			!c->out.len))
		mask |= POLLIN;
	if (event_fd_mod(&c->watch, mask))
		control_client_close(c);
}

/* Write what the socket takes; false if the client is gone. */
static bool control_client_flush(struct control_client *c)
{
	const char *p;
	size_t len;
	ssize_t n;

	while (c->watch.fd >= 0 && (len = control_ring_peek(&c->out, &p))) {
		n = send(c->watch.fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n < 0) {
			control_client_close(c);
			break;
		}
		control_ring_drop(&c->out, (size_t)n);
	}
	return c->watch.fd >= 0;
}

void control_client_send(struct control_client *c, const char *buf, size_t len)
{
	if (c->watch.fd < 0)
		return;
	control_ring_put(&c->out, buf, len);
	if (control_client_flush(c))
		control_client_watch(c);
}

void control_client_attach(struct control_client *c)
{
	struct control_ring *b = &c->ctl->backlog;
	size_t first = b->size - b->start < b->len ? b->size - b->start :
		       b->len;

	c->mode = CONTROL_CONSOLE;
	control_client_send(c, b->buf + b->start, first);
	control_client_send(c, b->buf, b->len - first);
}

/* --- console input --- */

static void control_watch_all(struct control *ctl)
{
	struct control_client *c, *next;

	for (c = ctl->clients; c; c = next) {
		next = c->next;
		control_client_watch(c);
	}
}

void control_console_ready(struct control *ctl)
{
	size_t n;

	if (!ctl || !ctl->input_len)
		return;
	n = ctl->ops->console_input(ctl->arg, ctl->input, ctl->input_len);
	if (n > ctl->input_len)
		n = ctl->input_len;
	ctl->input_len -= n;
	memmove(ctl->input, ctl->input + n, ctl->input_len);
	if (!ctl->input_len)
		control_watch_all(ctl);
}

/* Offer input to the guest; what it does not take stops all console clients. */
static void control_input(struct control *ctl, const char *buf, size_t len)
{
	memcpy(ctl->input, buf, len);
	ctl->input_len = len;
	control_console_ready(ctl);
	if (ctl->input_len)
		control_watch_all(ctl);
}

/* --- reading --- */

/*
 * Serve the complete lines, each once the reply to the one before is out;
 * false if one grows too long.
 */
static bool control_lines(struct control_client *c)
{
	char *nl;

	while (c->watch.fd >= 0 && c->mode == CONTROL_REQUESTS &&
	       !c->out.len && (nl = memchr(c->line, '\n', c->line_len))) {
		size_t len = (size_t)(nl - c->line), used = len + 1;
		char line[CONTROL_MAX_LINE];

		memcpy(line, c->line, len);
		c->line_len -= used;
		memmove(c->line, c->line + used, c->line_len);
		control_request(c, line, len);
	}
	/* Typed ahead of the console's start: input for it. */
	if (c->watch.fd >= 0 && c->mode == CONTROL_CONSOLE && c->line_len) {
		size_t len = c->line_len < CONTROL_INPUT ? c->line_len :
			     CONTROL_INPUT;

		c->line_len = 0;
		if (!c->ctl->input_len)
			control_input(c->ctl, c->line, len);
	}
	return c->line_len < sizeof(c->line) ||
	       memchr(c->line, '\n', c->line_len);
}

static void control_serve(struct control_client *c)
{
	static const char too_long[] = "{\"error\": \"request too long\"}\n";

	if (!control_lines(c)) {
		control_client_send(c, too_long, sizeof(too_long) - 1);
		control_client_close(c);
	}
}

static void control_read_request(struct control_client *c)
{
	ssize_t n = recv(c->watch.fd, c->line + c->line_len,
			 sizeof(c->line) - c->line_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		control_client_close(c);
		return;
	}
	c->line_len += (size_t)n;
	control_serve(c);
}

static void control_read_console(struct control_client *c)
{
	char buf[CONTROL_INPUT];
	ssize_t n;

	if (c->ctl->input_len)
		return;
	n = recv(c->watch.fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		control_client_close(c);
	else if (!n)
		c->eof = true;	/* it may still want the output */
	else
		control_input(c->ctl, buf, (size_t)n);
}

static void control_client_event(struct event_fd *w, uint32_t revents)
{
	struct control_client *c = w->arg;

	control_reap(c->ctl);
	if (revents & POLLOUT) {
		if (!control_client_flush(c))
			return;
		control_serve(c);
	}
	if (c->watch.fd < 0)
		return;
	if ((revents & POLLIN) && !c->eof) {
		if (c->mode == CONTROL_CONSOLE)
			control_read_console(c);
		else if (!c->out.len)
			control_read_request(c);
	} else if (revents & (POLLERR | POLLHUP)) {
		control_client_close(c);
	}
	control_client_watch(c);
}

/* --- connecting --- */

static bool control_allowed(const struct control *ctl, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	return cred.uid == 0 || cred.uid == ctl->owner;
}

static struct control_client *control_client_new(struct control *ctl, int fd)
{
	struct control_client *c;

	if (ctl->nr_clients >= CONTROL_MAX_CLIENTS)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	if (control_ring_init(&c->out, CONTROL_CLIENT_BUF))
		goto err_free;
	c->ctl = ctl;
	c->watch = (struct event_fd){
		.fd = fd, .mask = POLLIN, .fn = control_client_event, .arg = c,
	};
	if (event_fd_add(ctl->loop, &c->watch))
		goto err_ring;
	c->next = ctl->clients;
	ctl->clients = c;
	ctl->nr_clients++;
	return c;

err_ring:
	free(c->out.buf);
err_free:
	free(c);
	return NULL;
}

static void control_listen_retry(struct event_timer *t)
{
	struct control_listen *l = t->arg;

	if (event_fd_mod(&l->watch, POLLIN))
		event_timer_set(l->ctl->loop, t, CONTROL_RETRY_NS);
}

static void control_accept(struct event_fd *w, uint32_t revents)
{
	static const char busy[] = "{\"error\": \"too many clients\"}\n";
	struct control_listen *l = w->arg;
	struct control_client *c;
	int fd;

	(void)revents;
	control_reap(l->ctl);
	fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		/* Out of descriptors or memory: not again at once. */
		event_fd_mod(w, 0);
		event_timer_set(l->ctl->loop, &l->retry, CONTROL_RETRY_NS);
		return;
	}
	if (!control_allowed(l->ctl, fd)) {
		close(fd);
		return;
	}
	c = control_client_new(l->ctl, fd);
	if (!c) {
		if (l->mode == CONTROL_REQUESTS)
			send(fd, busy, sizeof(busy) - 1,
			     MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	if (l->mode == CONTROL_CONSOLE)
		control_client_attach(c);
}

int control_console_adopt(struct control *ctl, int fd)
{
	struct control_client *c = control_client_new(ctl, fd);

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	control_client_attach(c);
	return 0;
}

void control_console_output(struct control *ctl, const void *buf, size_t len)
{
	struct control_client *c, *next;

	control_ring_put(&ctl->backlog, buf, len);
	for (c = ctl->clients; c; c = next) {
		next = c->next;
		if (c->mode == CONTROL_CONSOLE)
			control_client_send(c, buf, len);
	}
}

/* --- life --- */

static int control_bind(const char *dir, const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, ret;

	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", dir, name) >=
	    (int)sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(sa.sun_path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 8)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static int control_listen_start(struct control *ctl, size_t i, const char *dir)
{
	struct control_listen *l = &ctl->listen[i];
	int ret = control_bind(dir, control_sockets[i].name);

	if (ret < 0)
		return ret;
	l->ctl = ctl;
	l->mode = control_sockets[i].mode;
	l->retry = (struct event_timer){
		.fn = control_listen_retry, .arg = l,
	};
	l->watch = (struct event_fd){
		.fd = ret, .mask = POLLIN, .fn = control_accept, .arg = l,
	};
	ret = event_fd_add(ctl->loop, &l->watch);
	if (ret) {
		close(l->watch.fd);
		l->watch.fd = -1;
	}
	return ret;
}

int control_create(struct control **out, struct event_loop *loop,
		   const char *dir, const struct control_ops *ops, void *arg)
{
	struct control *ctl = calloc(1, sizeof(*ctl));
	int ret;

	if (!ctl)
		return -ENOMEM;
	ctl->loop = loop;
	ctl->ops = ops;
	ctl->arg = arg;
	ctl->owner = geteuid();
	control_request_init();
	for (size_t i = 0; i < CONTROL_NR_LISTEN; i++)
		ctl->listen[i].watch.fd = -1;
	ret = control_ring_init(&ctl->backlog, CONTROL_BACKLOG);
	for (size_t i = 0; !ret && i < CONTROL_NR_LISTEN; i++)
		ret = control_listen_start(ctl, i, dir);
	if (ret) {
		control_destroy(ctl);
		return ret;
	}
	*out = ctl;
	return 0;
}

/* Give clients that lag a moment for the end of the output. */
static void control_linger(struct control *ctl)
{
	int left = CONTROL_LINGER_MS;
	struct control_client *c;

	for (; left > 0; left -= 20) {
		for (c = ctl->clients; c && !c->out.len; c = c->next)
			;
		if (!c)
			return;
		/* May close, and so unlink, this one; then look again. */
		if (control_client_flush(c) && c->out.len)
			poll(&(struct pollfd){ c->watch.fd, POLLOUT, 0 }, 1,
			     20);
	}
}

void control_destroy(struct control *ctl)
{
	if (!ctl)
		return;
	control_linger(ctl);
	while (ctl->clients)
		control_client_close(ctl->clients);
	control_reap(ctl);
	for (size_t i = 0; i < CONTROL_NR_LISTEN; i++) {
		struct control_listen *l = &ctl->listen[i];

		if (l->watch.fd < 0)
			continue;
		event_timer_cancel(&l->retry);
		event_fd_del(&l->watch);
		close(l->watch.fd);
	}
	free(ctl->backlog.buf);
	free(ctl);
}
