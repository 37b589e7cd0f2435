// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xenstore_sock_test.c - the real xenstore tools against a store served on a
 * UNIX socket in a temporary folder.  The server is the test's own process;
 * the tools run in children and their output is compared.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sanitizer/lsan_interface.h>

#include "store.h"
#include "tap.h"

#define CLIENTS_MAX	8

struct server {
	struct xs_store *store;
	char dir[64];
	char path[96];
	int fd;
	struct xs_sock *socks[CLIENTS_MAX];
	unsigned int num;
};

/* A tool being run: what it has printed so far. */
struct tool {
	pid_t pid;
	int fd;
	size_t len;
	char out[65536];
};

static struct server srv;

const char *tap_precondition(void)
{
	if (system("command -v xenstore-write >/dev/null 2>&1"))
		return "no xenstore-write: install xenstore-utils";
	return NULL;
}

static void server_init(void)
{
	memset(&srv, 0, sizeof(srv));
	srv.store = xs_store_create(NULL, NULL, NULL);
	CHECK(srv.store);
	strcpy(srv.dir, "/tmp/xenstore-test-XXXXXX");
	CHECK(mkdtemp(srv.dir));
	snprintf(srv.path, sizeof(srv.path), "%s/socket", srv.dir);
	srv.fd = xs_sock_listen(srv.path);
	CHECK_MSG(srv.fd >= 0, "listen: %s", strerror(-srv.fd));
	CHECK_OK(setenv("XENSTORED_PATH", srv.path, 1));
	CHECK_EQ(xs_introduce(srv.store, 7), 0);
}

static void server_exit(void)
{
	CHECK_EQ(store_check(srv.store), 0);
	xs_store_destroy(srv.store);
	close(srv.fd);
	unlink(srv.path);
	rmdir(srv.dir);
	CHECK(!__lsan_do_recoverable_leak_check());
}

static void server_accept(void)
{
	int fd = accept(srv.fd, NULL, NULL);

	if (fd < 0)
		return;
	CHECK(srv.num < CLIENTS_MAX);
	srv.socks[srv.num] = xs_sock_create(srv.store, fd, NULL, NULL);
	CHECK(srv.socks[srv.num]);
	srv.num++;
}

/* One turn of an event loop; also waits for a tool's output, if there is one */
static void server_turn(int tool_fd)
{
	struct pollfd fds[CLIENTS_MAX + 2];
	unsigned int i, num = srv.num;

	while (xs_run_deferred(srv.store))
		;
	fds[0] = (struct pollfd){ .fd = srv.fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = tool_fd, .events = POLLIN };
	for (i = 0; i < num; i++)
		fds[i + 2] = (struct pollfd){
			.fd = xs_sock_fd(srv.socks[i]),
			.events = xs_sock_events(srv.socks[i]),
		};
	poll(fds, num + 2, 100);
	for (i = num; i--;) {
		if (!fds[i + 2].revents || !xs_sock_io(srv.socks[i]))
			continue;
		xs_sock_destroy(srv.socks[i]);
		srv.socks[i] = srv.socks[--srv.num];
	}
	if (fds[0].revents)
		server_accept();
}

static void tool_start(struct tool *tool, const char *cmd)
{
	int fds[2];

	CHECK_OK(pipe(fds));
	memset(tool, 0, sizeof(*tool));
	tool->fd = fds[0];
	tool->pid = fork();
	CHECK(tool->pid >= 0);
	if (!tool->pid) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		execl("/bin/sh", "sh", "-c", cmd, NULL);
		_exit(127);
	}
	close(fds[1]);
	CHECK_OK(fcntl(tool->fd, F_SETFL, O_NONBLOCK));
}

/* Serve and read until the tool has printed @text, or, if NULL, has ended. */
static void tool_wait(struct tool *tool, const char *text)
{
	ssize_t n;

	for (;;) {
		if (text && strstr(tool->out, text))
			return;
		server_turn(tool->fd);
		n = read(tool->fd, tool->out + tool->len,
			 sizeof(tool->out) - tool->len - 1);
		if (n > 0)
			tool->len += (size_t)n;
		if (!n)
			break;
	}
	CHECK_MSG(!text, "'%s' did not come, but '%s'", text, tool->out);
}

static int tool_end(struct tool *tool)
{
	int status;

	close(tool->fd);
	CHECK_OK(waitpid(tool->pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Run a tool: its exit status must be 0 or not, its output as told. */
static void run(const char *cmd, bool ok, const char *want)
{
	struct tool tool;
	int status;

	tool_start(&tool, cmd);
	tool_wait(&tool, NULL);
	status = tool_end(&tool);
	CHECK_MSG(!status == ok, "%s: exit %d, '%s'", cmd, status, tool.out);
	if (want)
		CHECK_MSG(!strcmp(tool.out, want), "%s: '%s', wanted '%s'",
			  cmd, tool.out, want);
}

TEST(tools_values, "xenstore-write, -read, -exists, -rm, -list")
{
	server_init();
	run("xenstore-write /a/b one /a/c two", true, "");
	run("xenstore-read /a/b /a/c", true, "one\ntwo\n");
	run("xenstore-read -p /a/b", true, "/a/b: one\n");
	run("xenstore-read /a/x", false, NULL);
	run("xenstore-exists /a/b", true, "");
	run("xenstore-exists /a/x", false, "");
	run("xenstore-list /a", true, "b\nc\n");
	run("xenstore-list -p /a", true, "/a/b\n/a/c\n");
	run("xenstore-list /", true, "a\n");
	run("xenstore-rm /a/b", true, "");
	run("xenstore-list /a", true, "c\n");
	run("xenstore-rm -t /a/c", true, "");
	run("xenstore-write 'bad path' x", false, NULL);
	run("xenstore-write a/relative x", true, "");
	CHECK(xs_exists(srv.store, "/a/relative"));
	server_exit();
}

TEST(tools_ls, "xenstore-ls shows the tree with its access lists")
{
	struct xs_perm perms[] = { { 7, XS_PERM_NONE }, { 0, XS_PERM_READ } };

	server_init();
	CHECK_EQ(xs_write(srv.store, "/local/domain/7/name", "guest"), 0);
	CHECK_EQ(xs_write(srv.store, "/local/domain/7/memory/target", "65536"),
		 0);
	CHECK_EQ(xs_set_perms(srv.store, "/local/domain/7/name", perms, 2), 0);
	run("xenstore-ls /local", true,
	    "domain = \"\"\n"
	    " 7 = \"\"\n"
	    "  name = \"guest\"\n"
	    "  memory = \"\"\n"
	    "   target = \"65536\"\n");
	run("xenstore-ls -f -p /local/domain/7", true,
	    "/local/domain/7/name = \"guest\"   (n7,r0)\n"
	    "/local/domain/7/memory = \"\"   (n0)\n"
	    "/local/domain/7/memory/target = \"65536\"   (n0)\n");
	server_exit();
}

TEST(tools_chmod, "xenstore-chmod")
{
	struct xs_perm *perms;
	unsigned int num;

	server_init();
	run("xenstore-write /a/b x", true, "");
	run("xenstore-chmod -r /a n7 r9", true, "");
	CHECK_EQ(xs_get_perms(srv.store, "/a/b", &perms, &num), 0);
	CHECK_EQ(num, 2);
	CHECK(perms[0].domid == 7 && perms[0].perms == XS_PERM_NONE);
	CHECK(perms[1].domid == 9 && perms[1].perms == XS_PERM_READ);
	free(perms);
	run("xenstore-chmod /a q7", false, NULL);
	run("xenstore-chmod /missing n7", false, NULL);
	server_exit();
}

TEST(tools_watch, "xenstore-watch")
{
	struct tool tool;

	server_init();
	tool_start(&tool, "exec xenstore-watch -n 4 /w @releaseDomain");
	tool_wait(&tool, "@releaseDomain\n");
	tool_wait(&tool, "/w\n");
	CHECK_EQ(xs_write(srv.store, "/elsewhere", "x"), 0);
	run("xenstore-write /w/x 1", true, "");
	tool_wait(&tool, "/w/x\n");
	CHECK_EQ(xs_release(srv.store, 7), 0);
	tool_wait(&tool, NULL);
	CHECK_EQ(tool_end(&tool), 0);
	CHECK(!strstr(tool.out, "elsewhere"));
	server_exit();
}

TEST(tools_big, "many children and large values")
{
	char path[64], cmd[8192];
	struct tool tool;
	unsigned int i;
	char *line;

	server_init();
	for (i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/big/child-number-%u", i);
		CHECK_EQ(xs_write(srv.store, path, "%u", i), 0);
	}
	tool_start(&tool, "xenstore-list /big");
	tool_wait(&tool, NULL);
	CHECK_EQ(tool_end(&tool), 0);
	for (i = 0, line = tool.out; *line; line = strchr(line, '\n') + 1)
		i++;
	CHECK_EQ(i, 1000);
	strcpy(cmd, "xenstore-write /v ");
	memset(cmd + strlen(cmd), 'v', 4000);
	run(cmd, true, "");
	run("test $(xenstore-read /v | wc -c) = 4001", true, "");
	server_exit();
}

TEST(listen, "a socket that is served is not taken, one left behind is")
{
	int fd;

	server_init();
	CHECK_EQ(xs_sock_listen(srv.path), (uint64_t)-EADDRINUSE);
	close(srv.fd);
	fd = xs_sock_listen(srv.path);
	CHECK_MSG(fd >= 0, "listen: %s", strerror(-fd));
	srv.fd = fd;
	run("xenstore-write /a x", true, "");
	CHECK_EQ(xs_sock_listen("/nonexistent/socket"), (uint64_t)-ENOENT);
	server_exit();
}

TEST(gone, "clients that vanish or send nonsense are dropped alone")
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char junk[64];
	int fd, i;

	server_init();
	strcpy(addr.sun_path, srv.path);
	memset(junk, 0xff, sizeof(junk));
	for (i = 0; i < 3; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CHECK_OK(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
		server_turn(-1);
		CHECK_EQ(srv.num, 1);
		CHECK(send(fd, junk, (size_t)i * 16, 0) >= 0);
		if (!i)
			close(fd);
		server_turn(-1);
		server_turn(-1);
		CHECK_EQ(srv.num, 0);
		if (i)
			close(fd);
	}
	run("xenstore-write /a x", true, "");
	server_exit();
}
