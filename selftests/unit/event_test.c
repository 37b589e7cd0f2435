// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The event loop, the same tests over both of its back ends.  io_uring_setup()
 * is made to fail for the other one, as a host that forbids it does.
 */
#include <fcntl.h>
#include <liburing.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "../../vmm/event_priv.h"

const char *tap_precondition(void)
{
	return NULL;
}

/* @nr fails with @err from now on. */
static void forbid(unsigned int nr, unsigned int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, code };

	CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
}

static struct event_loop *loop;
static int calls;

static void create(bool uring)
{
	if (!uring)
		forbid(SYS_io_uring_setup, EPERM);
	CHECK_EQ(event_loop_create(&loop), 0);
	if (uring && loop->be != &event_uring)
		tap_skip("no io_uring here");
	CHECK(loop->be == (uring ? &event_uring : &event_poll));
}

#define BOTH(id, text)						\
	static void both_##id(void);				\
	TEST(uring_##id, text ", io_uring")			\
	{							\
		create(true);					\
		both_##id();					\
	}							\
	TEST(poll_##id, text ", poll")				\
	{							\
		create(false);					\
		both_##id();					\
	}							\
	static void both_##id(void)

static void count(void *arg)
{
	calls++;
	if (calls == (long)arg)
		event_loop_stop(loop);
}

static void *poster(void *arg)
{
	int i;

	for (i = 0; i < 1000; i++)
		if (event_post(loop, count, (void *)3000L))
			return arg;
	return NULL;
}

BOTH(posts, "calls posted from other threads all run")
{
	pthread_t t[3];
	void *failed;
	int i;

	for (i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, poster, &calls), 0);
	CHECK_EQ(event_loop_run(loop), 0);
	CHECK_EQ(calls, 3000);
	for (i = 0; i < 3; i++) {
		pthread_join(t[i], &failed);
		CHECK(!failed);
	}
	event_loop_destroy(loop);
}

static void post_again(void *arg)
{
	if (++calls < 5)
		event_post(loop, post_again, NULL);
	else
		event_loop_stop(loop);
}

BOTH(own_posts, "calls posted by the loop itself run later, and all")
{
	CHECK_EQ(event_post(loop, post_again, NULL), 0);
	CHECK_EQ(calls, 0);
	CHECK_EQ(event_loop_run(loop), 0);
	CHECK_EQ(calls, 5);
	/* What is left when the loop goes is freed. */
	CHECK_EQ(event_post(loop, post_again, NULL), 0);
	event_loop_destroy(loop);
}

#define WORKS		3
#define POSTERS		4
#define WORK_POSTS	250000

static struct event_work works[WORKS];
static _Atomic uint64_t made[WORKS];
static uint64_t seen[WORKS];

static void see(struct event_work *w)
{
	unsigned int i = w - works;

	pthread_mutex_lock(&loop->work_lock);
	CHECK(loop->nr_work <= WORKS);
	pthread_mutex_unlock(&loop->work_lock);
	seen[i] = atomic_load_explicit(&made[i], memory_order_relaxed);
	calls++;
	if (seen[0] + seen[1] + seen[2] == POSTERS * WORK_POSTS)
		event_loop_stop(loop);
}

static void *work_poster(void *arg)
{
	unsigned int i, w;

	for (i = 0; i < WORK_POSTS; i++) {
		w = i % WORKS;
		atomic_fetch_add_explicit(&made[w], 1, memory_order_relaxed);
		event_work_post(loop, &works[w]);
	}
	return NULL;
}

BOTH(work, "a million posts are a queue of three, and the last is not lost")
{
	pthread_t t[POSTERS];
	unsigned int i;

	for (i = 0; i < WORKS; i++)
		works[i].fn = see;
	for (i = 0; i < POSTERS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, work_poster, NULL), 0);
	CHECK_EQ(event_loop_run(loop), 0);
	for (i = 0; i < POSTERS; i++)
		pthread_join(t[i], NULL);
	tap_diag("%d calls for %d posts", calls, POSTERS * WORK_POSTS);
	event_loop_destroy(loop);
}

static struct event_work storm[4 * EVENT_BATCH];
static bool served;

/* Always there again. */
static void again(struct event_work *w)
{
	CHECK(++calls <= 4 * EVENT_BATCH);
	event_work_post(loop, w);
}

static void serve(struct event_fd *w, uint32_t revents)
{
	served = true;
	event_loop_stop(loop);
}

static void *storm_poster(void *arg)
{
	unsigned int i;

	for (i = 0; i < 4 * EVENT_BATCH; i++)
		event_work_post(loop, &storm[i]);
	return NULL;
}

BOTH(batch, "descriptors are served while there is always work")
{
	struct event_fd w = { .mask = POLLIN, .fn = serve };
	int pipe_fds[2], i;
	pthread_t t;

	CHECK_OK(pipe(pipe_fds));
	w.fd = pipe_fds[0];
	CHECK_EQ(event_fd_add(loop, &w), 0);
	CHECK(write(pipe_fds[1], "x", 1) == 1);
	for (i = 0; i < 4 * EVENT_BATCH; i++)
		storm[i].fn = again;
	CHECK_EQ(pthread_create(&t, NULL, storm_poster, NULL), 0);
	pthread_join(t, NULL);
	CHECK_EQ(event_loop_run(loop), 0);
	CHECK(served);
	tap_diag("served after %d calls", calls);
	event_fd_del(&w);
	event_loop_destroy(loop);
}

static void never(struct event_work *w)
{
	FAIL("cancelled work was called");
}

BOTH(work_cancel, "work that was cancelled is not called, and can be again")
{
	unsigned int i;

	for (i = 0; i < WORKS; i++) {
		works[i].fn = never;
		event_work_cancel(&works[i]);
		event_work_post(loop, &works[i]);
	}
	event_work_cancel(&works[2]);
	event_work_cancel(&works[0]);
	CHECK_EQ(loop->nr_work, 1);
	event_work_cancel(&works[1]);
	CHECK_EQ(loop->nr_work, 0);
	CHECK_EQ(event_post(loop, count, (void *)1L), 0);
	CHECK_EQ(event_loop_run(loop), 0);
	event_work_post(loop, &works[1]);
	event_loop_destroy(loop);
	CHECK(!works[1].pending);
}

static int fds[2];

static void readable(struct event_fd *w, uint32_t revents)
{
	char c;

	CHECK(revents & POLLIN);
	CHECK(read(w->fd, &c, 1) == 1);
	if (++calls == 3)
		event_loop_stop(loop);
}

BOTH(level, "a descriptor is reported as long as it is ready")
{
	struct event_fd w = { .mask = POLLIN, .fn = readable };

	CHECK_OK(pipe(fds));
	w.fd = fds[0];
	CHECK_EQ(event_fd_add(loop, &w), 0);
	CHECK(write(fds[1], "abc", 3) == 3);
	CHECK_EQ(event_loop_run(loop), 0);
	CHECK_EQ(calls, 3);
	event_fd_del(&w);
	event_fd_del(&w);
	event_loop_destroy(loop);
}

static struct event_fd watches[2];

/* The first one to be called ends both, one of them itself. */
static void end_both(struct event_fd *w, uint32_t revents)
{
	calls++;
	event_fd_del(&watches[0]);
	event_fd_del(&watches[1]);
	memset(watches, 0xff, sizeof(watches));
	event_post(loop, count, (void *)2L);
}

BOTH(deleted, "a watch that ended is not looked at any more")
{
	int i;

	CHECK_OK(pipe(fds));
	CHECK(write(fds[1], "x", 1) == 1);
	for (i = 0; i < 2; i++) {
		watches[i] = (struct event_fd) {
			.fd = dup(fds[0]), .mask = POLLIN, .fn = end_both,
		};
		CHECK_EQ(event_fd_add(loop, &watches[i]), 0);
	}
	CHECK_EQ(event_loop_run(loop), 0);
	CHECK_EQ(calls, 2);
	event_loop_destroy(loop);
}

static void writable(struct event_fd *w, uint32_t revents)
{
	calls++;
	if (revents & POLLOUT) {
		CHECK_EQ(calls, 1);
		CHECK_EQ(event_fd_mod(w, POLLIN), 0);
		CHECK(write(fds[1], "x", 1) == 1);
	} else {
		CHECK_EQ(event_fd_mod(w, 0), 0);
		event_loop_stop(loop);
	}
}

BOTH(modified, "a watch changes what it waits for")
{
	struct event_fd w = { .mask = 0, .fn = writable };

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	w.fd = fds[0];
	CHECK_EQ(event_fd_add(loop, &w), 0);
	CHECK_EQ(event_fd_mod(&w, POLLOUT), 0);
	CHECK_EQ(event_loop_run(loop), 0);
	CHECK_EQ(calls, 2);
	event_fd_del(&w);
	event_loop_destroy(loop);
}

static struct event_timer timers[3];

static void fire(struct event_timer *t)
{
	CHECK(t == &timers[calls]);
	CHECK_EQ(t->due, 0);
	if (++calls == 2)
		event_loop_stop(loop);
}

BOTH(timers, "timers fire in their order, or not once cancelled")
{
	int i;

	for (i = 0; i < 3; i++)
		timers[i].fn = fire;
	event_timer_set(loop, &timers[2], 1000);
	event_timer_set(loop, &timers[1], 20000000);
	event_timer_set(loop, &timers[0], 500000000);
	event_timer_set(loop, &timers[0], 10000000);
	event_timer_cancel(&timers[2]);
	event_timer_cancel(&timers[2]);
	event_timer_set(loop, &timers[2], UINT64_MAX);
	CHECK_EQ(event_loop_run(loop), 0);
	CHECK_EQ(calls, 2);
	event_timer_cancel(&timers[2]);
	event_loop_destroy(loop);
}

static int64_t result;

static void done(struct event_io *io, int64_t res)
{
	result = res;
	event_loop_stop(loop);
}

static int64_t io_run(struct event_io io)
{
	io.done = done;
	CHECK_EQ(event_io_submit(loop, &io), 0);
	CHECK_EQ(event_loop_run(loop), 0);
	return result;
}

BOTH(io, "reads, writes, syncs, errors")
{
	char path[] = "/tmp/event_test.XXXXXX", a[] = "hello ", b[] = "world";
	char in[12] = "";
	struct iovec v[2] = { { a, 6 }, { b, 5 } }, r = { in, 11 };
	int fd = mkstemp(path);

	CHECK_OK(fd);
	unlink(path);
	CHECK_EQ(io_run((struct event_io){ .op = EVENT_WRITEV, .fd = fd,
		 .offset = 100, .iov = v, .nr_iov = 2, .fua = true }), 11);
	CHECK_EQ(io_run((struct event_io){ .op = EVENT_FSYNC, .fd = fd }), 0);
	CHECK_EQ(io_run((struct event_io){ .op = EVENT_READV, .fd = fd,
		 .offset = 100, .iov = &r, .nr_iov = 1 }), 11);
	CHECK(!strcmp(in, "hello world"));
	CHECK_EQ(io_run((struct event_io){ .op = EVENT_READV, .fd = fd,
		 .offset = 1000, .iov = &r, .nr_iov = 1 }), 0);
	CHECK(io_run((struct event_io){ .op = EVENT_FSYNC, .fd = 9999 }) ==
	      -EBADF);
	io_run((struct event_io){ .op = EVENT_DISCARD, .fd = fd,
				  .offset = 100, .len = 5 });
	CHECK(!result || result == -EOPNOTSUPP);
	CHECK_EQ(io_run((struct event_io){ .op = EVENT_READV, .fd = fd,
		 .offset = 100, .iov = &r, .nr_iov = 1 }), 11);
	CHECK(!memcmp(in, result ? in : "\0\0\0\0\0 world", 11));
	close(fd);
	event_loop_destroy(loop);
}

/* More at once than the queue has places. */
static int left;

static void one_done(struct event_io *io, int64_t res)
{
	CHECK_EQ(res, 4);
	if (!--left)
		event_loop_stop(loop);
}

BOTH(many, "as much I/O at once as a guest can ask for")
{
	static struct event_io ios[500];
	static uint32_t words[500];
	static struct iovec iov[500];
	char path[] = "/tmp/event_test.XXXXXX";
	int i, fd = mkstemp(path);

	CHECK_OK(fd);
	unlink(path);
	for (i = 0; i < 500; i++)
		CHECK(pwrite(fd, &i, 4, i * 4) == 4);
	for (left = 0; left < 500; left++) {
		i = left;
		iov[i] = (struct iovec){ &words[i], 4 };
		ios[i] = (struct event_io) {
			.op = EVENT_READV, .fd = fd, .offset = i * 4,
			.iov = &iov[i], .nr_iov = 1, .done = one_done,
		};
		CHECK_EQ(event_io_submit(loop, &ios[i]), 0);
	}
	CHECK_EQ(event_loop_run(loop), 0);
	for (i = 0; i < 500; i++)
		CHECK_EQ(words[i], i);
	close(fd);
	event_loop_destroy(loop);
}

/* Past the loop: what somebody can do who runs code in the VMM. */
static int raw(const struct io_uring_sqe *want)
{
	struct io_uring *ring = loop->priv;
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int res;

	CHECK(sqe);
	*sqe = *want;
	sqe->user_data = 77;
	CHECK_OK(io_uring_submit_and_wait(ring, 1));
	do {
		CHECK_EQ(io_uring_wait_cqe(ring, &cqe), 0);
		res = cqe->user_data == 77 ? cqe->res : 1;
		io_uring_cqe_seen(ring, cqe);
	} while (res == 1);
	return res;
}

static bool loop_uses(unsigned int op)
{
	return op == IORING_OP_READV || op == IORING_OP_WRITEV ||
	       op == IORING_OP_FSYNC || op == IORING_OP_FALLOCATE ||
	       op == IORING_OP_POLL_ADD || op == IORING_OP_POLL_REMOVE;
}

TEST(restricted_opcodes, "the ring refuses every opcode but the loop's own")
{
	struct io_uring_sqe sqe = { 0 };
	unsigned int op;
	int res;

	create(true);
	for (op = 0; op < 256; op++) {
		if (loop_uses(op))
			continue;
		sqe.opcode = op;
		sqe.fd = -1;
		res = raw(&sqe);
		/* Those that the kernel does not know are invalid. */
		CHECK_MSG(res == -EACCES ||
			  (op >= IORING_OP_LAST && res == -EINVAL),
			  "opcode %u: %d", op, res);
	}
	event_loop_destroy(loop);
}

TEST(restricted_open, "no file is opened and no socket made through the ring")
{
	char path[] = "/tmp/event_test.XXXXXX";
	struct io_uring_sqe sqe;
	int fd = mkstemp(path);

	CHECK_OK(fd);
	close(fd);
	unlink(path);
	create(true);
	io_uring_prep_openat(&sqe, AT_FDCWD, path, O_CREAT | O_RDWR, 0600);
	CHECK(raw(&sqe) == -EACCES);
	CHECK_ERRNO(access(path, F_OK), ENOENT);
	io_uring_prep_openat(&sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
	CHECK(raw(&sqe) == -EACCES);
	io_uring_prep_socket(&sqe, AF_UNIX, SOCK_STREAM, 0, 0);
	CHECK(raw(&sqe) == -EACCES);
	io_uring_prep_unlinkat(&sqe, AT_FDCWD, "/etc/passwd", 0);
	CHECK(raw(&sqe) == -EACCES);
	event_loop_destroy(loop);
}

TEST(restricted_flags, "requests with flags and register calls are refused")
{
	static const unsigned char flags[] = {
		IOSQE_FIXED_FILE, IOSQE_IO_DRAIN, IOSQE_IO_LINK,
		IOSQE_IO_HARDLINK, IOSQE_ASYNC,
	};
	struct io_uring_restriction all = { .opcode = IORING_RESTRICTION_SQE_OP,
					    .sqe_op = IORING_OP_OPENAT };
	struct io_uring_sqe sqe = { 0 };
	struct io_uring *ring;
	size_t i;
	int null;

	create(true);
	ring = loop->priv;
	null = open("/dev/null", O_RDWR);
	CHECK_OK(null);
	for (i = 0; i < sizeof(flags); i++) {
		io_uring_prep_fsync(&sqe, null, 0);
		sqe.flags = flags[i];
		CHECK_MSG(raw(&sqe) == -EACCES, "flag %#x", flags[i]);
	}
	CHECK(io_uring_register_files(ring, &null, 1) == -EACCES);
	CHECK(io_uring_register_personality(ring) == -EACCES);
	CHECK(io_uring_register(ring->ring_fd, IORING_REGISTER_RESTRICTIONS,
				&all, 1) < 0);
	CHECK(io_uring_register(ring->ring_fd, IORING_REGISTER_ENABLE_RINGS,
				NULL, 0) < 0);
	event_loop_destroy(loop);
}

TEST(unrestricted, "a kernel that cannot restrict a ring gets poll")
{
	forbid(SYS_io_uring_register, EINVAL);
	CHECK_EQ(event_loop_create(&loop), 0);
	CHECK(loop->be == &event_poll);
	event_loop_destroy(loop);
}
