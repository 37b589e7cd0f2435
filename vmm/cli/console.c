// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attaches stdin and stdout to a console socket.  The terminal's settings are
 * this file's only state: global, as signal handlers restore them.
 */
#include "console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define CONSOLE_ESCAPE	0x1d	/* ^] */

static struct termios console_saved;
static volatile sig_atomic_t console_raw;

/* Input left over was for the guest: the shell must not execute it. */
static void console_restore(void)
{
	if (console_raw)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &console_saved);
	console_raw = 0;
}

/* Put the terminal back, then die as if nothing had been caught. */
static void console_signal(int sig)
{
	console_restore();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void console_make_raw(void)
{
	static const int fatal[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT, SIGSEGV, SIGBUS,
		SIGFPE, SIGILL, SIGALRM,
	};
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &console_saved))
		return;
	console_raw = 1;
	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++) {
		struct sigaction sa = { .sa_handler = console_signal };

		sigaction(fatal[i], &sa, NULL);
	}
	raw = console_saved;
	cfmakeraw(&raw);
	/* Input typed ahead is kept: it is for the guest. */
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static bool console_write_all(const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, p, len);

		if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ STDOUT_FILENO, POLLOUT, 0 }, 1,
			     -1);
			continue;
		}
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* What was typed and not sent yet. */
struct console_input {
	char buf[4096];
	size_t len;
	bool eof, detach, tty;
};

static void console_read_stdin(struct console_input *in)
{
	ssize_t n = read(STDIN_FILENO, in->buf, sizeof(in->buf));
	char *escape;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		in->eof = true;
		return;
	}
	in->len = (size_t)n;
	escape = in->tty ? memchr(in->buf, CONSOLE_ESCAPE, in->len) : NULL;
	if (escape) {
		in->detach = true;
		in->len = (size_t)(escape - in->buf);
	}
}

/* false: the guest has closed the console. */
static bool console_send(int fd, struct console_input *in)
{
	ssize_t n = send(fd, in->buf, in->len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	in->len -= (size_t)n;
	memmove(in->buf, in->buf + n, in->len);
	return true;
}

/* -1: go on; else how it ended. */
static int console_receive(int fd)
{
	char buf[8192];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	if (n <= 0)
		return CONSOLE_ENDED;
	return console_write_all(buf, (size_t)n) ? -1 : CONSOLE_DETACHED;
}

static enum console_end console_loop(int fd)
{
	struct console_input in = { .tty = console_raw };
	int end;

	while (!in.detach || in.len) {
		struct pollfd p[2] = {
			{ fd, POLLIN | (in.len ? POLLOUT : 0), 0 },
			{ in.len || in.eof ? -1 : STDIN_FILENO, POLLIN, 0 },
		};

		if (poll(p, 2, -1) < 0) {
			if (errno != EINTR)
				return CONSOLE_DETACHED;
			continue;
		}
		if (p[1].revents)
			console_read_stdin(&in);
		/* The output is read to its end even if input cannot go. */
		if ((p[0].revents & POLLOUT) && !console_send(fd, &in)) {
			in.len = 0;
			in.eof = true;
		}
		if (p[0].revents & (POLLIN | POLLHUP | POLLERR)) {
			end = console_receive(fd);
			if (end >= 0)
				return (enum console_end)end;
		}
	}
	return CONSOLE_DETACHED;
}

enum console_end console_run(int fd)
{
	enum console_end end;

	signal(SIGPIPE, SIG_IGN);
	if (isatty(STDIN_FILENO))
		console_make_raw();
	end = console_loop(fd);
	console_restore();
	close(fd);
	return end;
}
