// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The control socket and the console: a server thread with a made-up guest
 * behind it, clients that behave and clients that do not.
 */
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <sanitizer/lsan_interface.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "../../vmm/control.h"

const char *tap_precondition(void)
{
	return NULL;
}

static char dir[] = "/tmp/control-test-XXXXXX";
static struct event_loop *loop;
static struct control *ctl;
static pthread_t thread;
static sem_t up;

/* The guest; everything but @room is the loop thread's until it ended. */
static int stops[2], destroys, stop_result;
static char input[1 << 20];
static atomic_size_t input_len;
static atomic_size_t room = SIZE_MAX;	/* console input it still takes */

static int op_shutdown(void *arg, enum control_stop reason)
{
	CHECK(arg == &loop);
	stops[reason]++;
	return stop_result;
}

static void op_destroy(void *arg)
{
	destroys++;
}

static void op_status(void *arg, struct control_status *st)
{
	*st = (struct control_status){
		.name = "g", .state = "running", .domid = 7,
		.memory_mib = 512, .maxmem_mib = 1ull << 40, .vcpus = 2,
		.maxvcpus = 4, .cpu_ns = 123456789012345ull,
		.uuid = { 0x01, 0x23, [15] = 0xff },
	};
}

static size_t op_input(void *arg, const void *buf, size_t len)
{
	size_t left = room, n = len < left ? len : left;

	memcpy(input + input_len, buf, n);
	if (left != SIZE_MAX)
		room = left - n;
	input_len += n;
	return n;
}

static const struct control_ops ops = {
	.shutdown = op_shutdown, .destroy = op_destroy,
	.status = op_status, .console_input = op_input,
};

/* The ring behind a loop belongs to one thread from its making on. */
static void *serve(void *arg)
{
	CHECK_EQ(event_loop_create(&loop), 0);
	CHECK_EQ(control_create(&ctl, loop, dir, &ops, &loop), 0);
	sem_post(&up);
	CHECK_EQ(event_loop_run(loop), 0);
	control_destroy(ctl);
	event_loop_destroy(loop);
	return NULL;
}

static void start(void)
{
	CHECK(mkdtemp(dir));
	sem_init(&up, 0, 0);
	CHECK(!pthread_create(&thread, NULL, serve, NULL));
	sem_wait(&up);
}

static void post_stop(void *arg)
{
	event_loop_stop(loop);
}

/* The loop has been told to stop. */
static void finish(void)
{
	char path[128];

	pthread_join(thread, NULL);
	snprintf(path, sizeof(path), "%s/%s", dir, CONTROL_SOCKET);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s", dir, CONTROL_CONSOLE_SOCKET);
	unlink(path);
	rmdir(dir);
	CHECK(!__lsan_do_recoverable_leak_check());
}

static void stop(void)
{
	event_post(loop, post_stop, NULL);
	finish();
}

static int dial(const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", dir, name);
	CHECK_OK(fd);
	CHECK_OK(connect(fd, (struct sockaddr *)&sa, sizeof(sa)));
	return fd;
}

/* One line, without its newline; "" at the end of the stream. */
static const char *get_line(int fd)
{
	static char line[65536];
	size_t n = 0;

	for (;;) {
		ssize_t r = read(fd, line + n, 1);

		if (r <= 0 || line[n] == '\n')
			break;
		CHECK(++n < sizeof(line));
	}
	line[n] = 0;
	return line;
}

static void put(int fd, const char *s)
{
	CHECK_OK(send(fd, s, strlen(s), MSG_NOSIGNAL));
}

static const char *ask(int fd, const char *request)
{
	put(fd, request);
	put(fd, "\n");
	return get_line(fd);
}

static void get_exactly(int fd, char *buf, size_t len)
{
	while (len) {
		ssize_t n = read(fd, buf, len);

		CHECK(n > 0);
		buf += n;
		len -= (size_t)n;
	}
}

/* Wait until all that was sent so far has been served. */
static void settle(void)
{
	int fd = dial(CONTROL_SOCKET);

	ask(fd, "{\"verb\": \"status\"}");
	close(fd);
}

/* Events of different sockets come in any order: wait for what must come. */
static void wait_input(size_t len)
{
	for (int i = 0; i < 5000 && input_len < len; i++)
		usleep(1000);
	CHECK_EQ(input_len, len);
}

TEST(requests, "each verb reaches the guest and is answered")
{
	json_t *st;
	int fd;

	start();
	fd = dial(CONTROL_SOCKET);
	st = json_loads(ask(fd, "{\"verb\": \"status\"}"), 0, NULL);
	CHECK(json_is_true(json_object_get(st, "ok")));
	CHECK(!strcmp(json_string_value(json_object_get(st, "name")), "g"));
	CHECK(!strcmp(json_string_value(json_object_get(st, "uuid")),
		      "01230000-0000-0000-0000-0000000000ff"));
	CHECK_EQ(json_integer_value(json_object_get(st, "domid")), 7);
	CHECK_EQ(json_integer_value(json_object_get(st, "pid")), getpid());
	CHECK_EQ(json_integer_value(json_object_get(st, "vcpus")), 2);
	CHECK_EQ(json_integer_value(json_object_get(st, "maxvcpus")), 4);
	CHECK_EQ(json_integer_value(json_object_get(st, "memory_mib")), 512);
	CHECK_EQ(json_integer_value(json_object_get(st, "maxmem_mib")),
		 1ull << 40);
	CHECK_EQ(json_integer_value(json_object_get(st, "cpu_ns")),
		 123456789012345ull);
	json_decref(st);
	CHECK(!strcmp(ask(fd, "{\"verb\":\"shutdown\"}"), "{\"ok\":true}"));
	CHECK(!strcmp(ask(fd, "{\"verb\":\"reboot\"}"), "{\"ok\":true}"));
	CHECK(!strcmp(ask(fd, "{\"verb\":\"destroy\", \"x\": [1]}"),
		      "{\"ok\":true}"));
	stop_result = -ENOTCONN;
	CHECK(strstr(ask(fd, "{\"verb\":\"shutdown\"}"),
		     "\"error\":\"the guest cannot be asked ("));
	close(fd);
	stop();
	CHECK_EQ(stops[CONTROL_STOP_POWEROFF], 2);
	CHECK_EQ(stops[CONTROL_STOP_REBOOT], 1);
	CHECK_EQ(destroys, 1);
}

TEST(bad_requests, "nonsense is an error line, and the connection lives on")
{
	static const char * const bad[] = {
		"", "x", "{", "[]", "null", "{}", "{\"verb\": 1}",
		"{\"verb\": null}", "{\"verb\": \"stat\"}", "{\"verb\": \"\"}",
		"{\"verb\": \"status\", \"verb\": \"destroy\"}",
		"{\"verb\": \"status\"} {\"verb\": \"destroy\"}",
		"{\"verb\": \"\\ud800\"}", "\"verb\"", "{\"verb\": [\"status\"]}",
		"\xff\xfe\x80", "{\"verb\": \"\xc3\x28\"}",
		"{\"verb\": \"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\"}",
	};
	char deep[4000];
	int fd;

	start();
	fd = dial(CONTROL_SOCKET);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(!strncmp(ask(fd, bad[i]), "{\"error\":", 9), "%s",
			  bad[i]);
	memset(deep, '[', sizeof(deep));
	deep[sizeof(deep) - 1] = 0;
	CHECK(!strncmp(ask(fd, deep), "{\"error\":", 9));
	CHECK(strstr(ask(fd, "{\"verb\": \"status\"}"), "\"ok\":true"));
	/* A NUL in the middle. */
	CHECK(write(fd, "{\"verb\"\0\n", 9) == 9);
	CHECK(!strncmp(get_line(fd), "{\"error\":", 9));
	close(fd);
	stop();
	CHECK_EQ(destroys, 0);
}

TEST(long_line, "a request without an end costs its sender the connection")
{
	char junk[CONTROL_MAX_LINE];
	int fd;

	start();
	fd = dial(CONTROL_SOCKET);
	memset(junk, 'x', sizeof(junk));
	CHECK(write(fd, junk, sizeof(junk)) == sizeof(junk));
	CHECK(!strcmp(get_line(fd), "{\"error\": \"request too long\"}"));
	CHECK(!strcmp(get_line(fd), ""));
	close(fd);
	/* The longest one that fits. */
	fd = dial(CONTROL_SOCKET);
	memset(junk, ' ', sizeof(junk));
	memcpy(junk, "{\"verb\":\"status\"}", 17);
	junk[sizeof(junk) - 1] = '\n';
	CHECK(write(fd, junk, sizeof(junk)) == sizeof(junk));
	CHECK(strstr(get_line(fd), "\"ok\":true"));
	close(fd);
	stop();
}

TEST(pieces, "requests in one write and in single bytes are the same")
{
	const char *r = "{\"verb\":\"status\"}\n{\"verb\":\"reboot\"}\n";
	int fd;

	start();
	fd = dial(CONTROL_SOCKET);
	put(fd, r);
	CHECK(strstr(get_line(fd), "\"state\""));
	CHECK(!strcmp(get_line(fd), "{\"ok\":true}"));
	for (const char *p = r; *p; p++)
		CHECK(write(fd, p, 1) == 1);
	CHECK(strstr(get_line(fd), "\"state\""));
	CHECK(!strcmp(get_line(fd), "{\"ok\":true}"));
	close(fd);
	stop();
	CHECK_EQ(stops[CONTROL_STOP_REBOOT], 2);
}

TEST(flood, "requests that nobody reads the answers of stay bounded")
{
	const char *r = "{\"verb\":\"status\"}\n";
	size_t sent = 0, got = 0;
	int fd;

	start();
	fd = dial(CONTROL_SOCKET);
	CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	for (int idle = 0; idle < 20; ) {
		if (send(fd, r, strlen(r), MSG_NOSIGNAL) == (ssize_t)strlen(r)) {
			sent++;
			idle = 0;
			CHECK(sent < 1000000);
		} else {
			CHECK(errno == EAGAIN);
			usleep(5000);
			idle++;
		}
	}
	/* Everybody else is served, and no answer is lost. */
	settle();
	CHECK_OK(fcntl(fd, F_SETFL, 0));
	for (; got < sent; got++)
		CHECK_MSG(strstr(get_line(fd), "\"ok\":true"), "%zu of %zu",
			  got, sent);
	close(fd);
	stop();
}

struct output {
	const char *buf;
	size_t len;
};

static void post_output(void *arg)
{
	struct output *o = arg;

	control_console_output(ctl, o->buf, o->len);
}

static void output(const char *buf, size_t len)
{
	struct output o = { buf, len };

	CHECK_EQ(event_post(loop, post_output, &o), 0);
	settle();
}

TEST(console, "output reaches every client, the backlog those who come late")
{
	static char big[40000], got[CONTROL_BACKLOG];
	char buf[32];
	int a, b, c;

	start();
	a = dial(CONTROL_CONSOLE_SOCKET);
	settle();
	output("hello\r\n", 7);
	get_exactly(a, buf, 7);
	CHECK(!memcmp(buf, "hello\r\n", 7));
	b = dial(CONTROL_SOCKET);
	CHECK(!strcmp(ask(b, "{\"verb\":\"console\"}"), "{\"ok\":true}"));
	get_exactly(b, buf, 7);
	CHECK(!memcmp(buf, "hello\r\n", 7));
	put(a, "from a");
	wait_input(6);
	put(b, "from b {\"verb\":\"destroy\"}\n");
	wait_input(32);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)('!' + i % 89);
	output(big, sizeof(big));
	c = dial(CONTROL_CONSOLE_SOCKET);
	get_exactly(c, got, sizeof(got));
	CHECK(!memcmp(got, big + sizeof(big) - sizeof(got), sizeof(got)));
	/* Typed along with the request. */
	close(b);
	b = dial(CONTROL_SOCKET);
	put(b, "{\"verb\":\"console\"}\nahead");
	CHECK(!strcmp(get_line(b), "{\"ok\":true}"));
	wait_input(37);
	close(a);
	close(b);
	close(c);
	stop();
	CHECK_EQ(destroys, 0);
	CHECK(!memcmp(input, "from afrom b {\"verb\":\"destroy\"}\nahead",
		      input_len));
	CHECK_EQ(input_len, 37);
}

TEST(ring, "backlog and lag keep the newest bytes whatever the pieces")
{
	static char want[200000], got[CONTROL_BACKLOG];
	size_t len = 0, piece = 1;
	int fd;

	start();
	while (len + piece < sizeof(want)) {
		for (size_t i = 0; i < piece; i++)
			want[len + i] = (char)((len + i) * 31 >> 3);
		output(want + len, piece);
		len += piece;
		piece = piece * 5 % 20011;
		fd = dial(CONTROL_CONSOLE_SOCKET);
		get_exactly(fd, got, len < sizeof(got) ? len : sizeof(got));
		CHECK(!memcmp(got, want + len -
			      (len < sizeof(got) ? len : sizeof(got)),
			      len < sizeof(got) ? len : sizeof(got)));
		close(fd);
	}
	stop();
}

TEST(slow, "a client that does not read loses output, nobody else does")
{
	static char block[4096], tail[4096];
	const unsigned int blocks = 1000;
	int slow, quick;
	ssize_t n;
	size_t total = 0;

	start();
	slow = dial(CONTROL_CONSOLE_SOCKET);
	quick = dial(CONTROL_CONSOLE_SOCKET);
	settle();
	for (unsigned int i = 0; i < blocks; i++) {
		memset(block, 'a' + (int)(i % 26), sizeof(block));
		output(block, sizeof(block));
		get_exactly(quick, tail, sizeof(tail));
		CHECK(!memcmp(block, tail, sizeof(tail)));
	}
	CHECK_OK(fcntl(slow, F_SETFL, O_NONBLOCK));
	for (int idle = 0; idle < 10; ) {
		n = read(slow, tail, sizeof(tail));
		if (n > 0) {
			total += (size_t)n;
			idle = 0;
			memset(block, tail[n - 1], sizeof(block));
		} else {
			usleep(5000);
			idle++;
		}
	}
	CHECK(total > CONTROL_CLIENT_BUF && total < blocks * sizeof(block));
	CHECK_EQ(block[0], 'a' + (blocks - 1) % 26);
	close(slow);
	close(quick);
	stop();
}

static void post_ready(void *arg)
{
	control_console_ready(ctl);
}

TEST(backpressure, "input the guest does not take waits, in order, unlost")
{
	static char sent[300000];
	size_t at = 0;
	ssize_t n;
	int fd;

	start();
	room = 100;
	fd = dial(CONTROL_CONSOLE_SOCKET);
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 13 >> 2);
	CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	for (unsigned int round = 0; input_len < sizeof(sent); round++) {
		if (at < sizeof(sent)) {
			n = send(fd, sent + at, sizeof(sent) - at, MSG_NOSIGNAL);
			if (n > 0)
				at += (size_t)n;
		}
		settle();
		room = 1 + round * 97 % 5000;
		event_post(loop, post_ready, NULL);
		settle();
	}
	CHECK(!memcmp(input, sent, sizeof(sent)));
	/* One that goes away while the guest takes nothing. */
	room = 0;
	put(fd, "xyz");
	settle();
	close(fd);
	settle();
	room = SIZE_MAX;
	event_post(loop, post_ready, NULL);
	wait_input(sizeof(sent) + 3);
	CHECK(!memcmp(input + sizeof(sent), "xyz", 3));
	stop();
}

TEST(half_closed, "a console whose input ended still shows output")
{
	char buf[8];
	int fd;

	start();
	fd = dial(CONTROL_CONSOLE_SOCKET);
	put(fd, "in");
	CHECK_OK(shutdown(fd, SHUT_WR));
	wait_input(2);
	settle();
	output("out", 3);
	get_exactly(fd, buf, 3);
	CHECK(!memcmp(buf, "out", 3));
	CHECK_EQ(input_len, 2);
	close(fd);
	stop();
}

TEST(many, "no more than the limit are served; slots come free again")
{
	int fds[CONTROL_MAX_CLIENTS], fd;

	start();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < CONTROL_MAX_CLIENTS; i++) {
			fds[i] = dial(i % 2 ? CONTROL_SOCKET :
				      CONTROL_CONSOLE_SOCKET);
			if (i % 2)
				CHECK(strstr(ask(fds[i],
						 "{\"verb\":\"status\"}"),
					     "ok"));
		}
		fd = dial(CONTROL_SOCKET);
		CHECK(!strcmp(get_line(fd), "{\"error\": \"too many clients\"}"));
		close(fd);
		for (int i = 0; i < CONTROL_MAX_CLIENTS; i++)
			close(fds[i]);
		/* The closes are seen in any order with the next connects. */
		usleep(50000);
	}
	stop();
}

TEST(strangers, "only root and the owner may talk")
{
	struct stat st;
	char path[128];
	char c;
	int fd;

	if (geteuid())
		tap_skip("needs root");
	umask(077);
	start();
	snprintf(path, sizeof(path), "%s/%s", dir, CONTROL_SOCKET);
	CHECK_OK(stat(path, &st));
	CHECK_EQ(st.st_mode & 077, 0);
	/* Even if the file's mode were to let it in. */
	CHECK_OK(chmod(dir, 0777));
	CHECK_OK(chmod(path, 0777));
	CHECK_OK(seteuid(65534));
	fd = dial(CONTROL_SOCKET);
	CHECK_EQ(read(fd, &c, 1), 0);
	close(fd);
	CHECK_OK(seteuid(0));
	settle();
	stop();
}

TEST(long_path, "a directory too long for a socket is refused")
{
	char longer[200];

	CHECK_EQ(event_loop_create(&loop), 0);
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = 0;
	CHECK_EQ(control_create(&ctl, loop, longer, &ops, NULL), -ENAMETOOLONG);
	CHECK_EQ(control_create(&ctl, loop, "/nonexistent", &ops, NULL),
		 -ENOENT);
	event_loop_destroy(loop);
	CHECK(!__lsan_do_recoverable_leak_check());
}

static void post_adopt(void *arg)
{
	CHECK_EQ(control_console_adopt(ctl, *(int *)arg), 0);
	control_console_output(ctl, input, 150000);
	event_loop_stop(loop);
}

TEST(adopted, "a client adopted at the start gets the output to the very end")
{
	static char got[200000];
	size_t len = 0;
	int sv[2];
	ssize_t n;

	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (char)(i * 7 >> 4);
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	start();
	CHECK_EQ(event_post(loop, post_adopt, &sv[1]), 0);
	while ((n = read(sv[0], got + len, 1000)) > 0)
		len += (size_t)n;
	CHECK(len >= CONTROL_CLIENT_BUF && len <= 150000);
	CHECK(!memcmp(got + len - 50000, input + 100000, 50000));
	close(sv[0]);
	finish();
}

static uint64_t seed = 99;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

TEST(hostile, "clients that connect, write junk and vanish do no harm")
{
	static const char * const texts[] = {
		"{\"verb\":\"status\"}\n", "{\"verb\":\"console\"}\n", "\n",
		"{\"verb\":", "\xff\xff", "[[[[[[[[", "}\n", "\"",
	};
	int fds[20];

	start();
	memset(fds, -1, sizeof(fds));
	for (unsigned int i = 0; i < 4000; i++) {
		int *fd = &fds[rnd(20)];

		if (*fd < 0)
			*fd = dial(rnd(3) ? CONTROL_SOCKET :
				   CONTROL_CONSOLE_SOCKET);
		if (rnd(4)) {
			const char *t = texts[rnd(sizeof(texts) /
						  sizeof(*texts))];

			send(*fd, t, strlen(t), MSG_NOSIGNAL | MSG_DONTWAIT);
		} else {
			close(*fd);
			*fd = -1;
		}
		if (!rnd(50))
			output("guest output\n", 13);
	}
	for (int i = 0; i < 20; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	settle();
	stop();
	CHECK_EQ(destroys, 0);
}
