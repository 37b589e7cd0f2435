// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sandbox from inside: what a VMM does there works with the largest
 * machine, and what an attacker would do fails; and that each attack works
 * where there is no sandbox, so that these tests can fail.
 */
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "../../vmm/event_priv.h"
#include "../../vmm/privs.h"
#include "../../vmm/privs_user.h"
#include "sandbox_attacks.h"

#define THREADS		129	/* 128 vCPUs and one for I/O */

const char *tap_precondition(void)
{
	return NULL;
}

static void drop(unsigned int domid)
{
	char err[512] = "";

	if (privs_drop(domid, err, sizeof(err)))
		FAIL("%s", err);
}

static pthread_barrier_t all;

/* Grow and shrink the heap, as the threads of a busy machine may. */
static void *work(void *arg)
{
	enum { NR = 16, LARGE = 100000 };
	char *p[NR], text[64];
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		pthread_barrier_wait(&all);
		for (i = 0; i < NR; i++) {
			p[i] = malloc(i + 1);
			if (p[i])
				p[i] = realloc(p[i], LARGE);
			if (!p[i])
				return NULL;
			memset(p[i], i, LARGE);
		}
		pthread_barrier_wait(&all);
		while (i--)
			free(p[i]);
	}
	snprintf(text, sizeof(text), "%s %g", strerror(ENOENT), 1.5);
	pthread_kill(pthread_self(), 0);
	return arg;
}

TEST(largest, "the threads of 128 vCPUs allocate and free inside")
{
	pthread_t t[THREADS];
	unsigned int i;
	struct stat st;
	void *ret;

	CHECK_EQ(pthread_barrier_init(&all, NULL, THREADS), 0);
	drop(1);
	CHECK_OK(fstat(0, &st));
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, work, &all), 0);
	for (i = 0; i < THREADS; i++) {
		CHECK_EQ(pthread_join(t[i], &ret), 0);
		CHECK(ret == &all);
	}
}

/* Attacks */

enum outcome { NOTHING, RETURNED, TRAPPED, DIED };

struct result {
	enum outcome outcome;
	long ret;
	int err;
};

/* Shared with the children that attack. */
static struct result *results;
static struct sandbox_prey prey;
static char folder[] = "/tmp/sandbox-XXXXXX";

/* A sandboxed process, which @fn makes, once it says so; ends with the test. */
static pid_t confined(void (*fn)(void))
{
	int fds[2];
	pid_t pid;
	char c;

	CHECK_OK(pipe(fds));
	pid = fork();
	CHECK_OK(pid);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn();
		if (write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			poll(NULL, 0, -1);
	}
	close(fds[1]);
	CHECK_MSG(read(fds[0], &c, 1) == 1, "it did not come into the sandbox");
	close(fds[0]);
	return pid;
}

static void be_guest_1(void)
{
	drop(1);
}

static void release(pid_t pid)
{
	CHECK_OK(kill(pid, SIGKILL));
	CHECK(waitpid(pid, NULL, 0) == pid);
}

static int make_file(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	CHECK_OK(fd);
	return fd;
}

static void remove_folder(void)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", folder);
	CHECK(!system(cmd));
}

static void need_root(void)
{
	if (geteuid())
		tap_skip("needs root");
}

static void setup(void)
{
	size_t size = sandbox_nr_attacks * sizeof(*results);
	int master;

	need_root();
	CHECK(mkdtemp(folder));
	prey.path = folder;
	prey.file = make_file("file");
	close(make_file("victim"));
	prey.dir = open(folder, O_RDONLY | O_DIRECTORY);
	CHECK_OK(prey.dir);
	prey.socket = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_OK(prey.socket);
	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master >= 0 && !grantpt(master) && !unlockpt(master))
		prey.tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	CHECK_OK(prey.tty);
	results = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(results != MAP_FAILED);
	prey.net = open("/proc/self/ns/net", O_RDONLY);
	CHECK_OK(prey.net);
	CHECK_OK(gethostname(prey.hostname, sizeof(prey.hostname)));
	prey.parent = getpid();
	prey.secret = malloc(1);
	*prey.secret = 's';
	prey.pid = confined(be_guest_1);
}

static void attack(unsigned int i)
{
	errno = 0;
	results[i].ret = sandbox_attacks[i].fn(&prey);
	results[i].err = errno;
	results[i].outcome = RETURNED;
}

/* In a process of its own; the one that has called execve() ended well. */
static void attack_alone(unsigned int i, void (*prepare)(void))
{
	int status;
	pid_t pid;

	pid = fork();
	CHECK_OK(pid);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prepare();
		attack(i);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status)) {
		results[i].outcome = DIED;
		results[i].err = WTERMSIG(status);
	} else if (results[i].outcome == NOTHING && !WEXITSTATUS(status)) {
		results[i].outcome = RETURNED;
	}
}

static sigjmp_buf trap;

static void trapped(int sig, siginfo_t *info, void *context)
{
	/* 0 is read(), which is allowed. */
	siglongjmp(trap, info->si_syscall);
}

static void drop_and_catch(void)
{
	struct sigaction sa = {
		.sa_sigaction = trapped, .sa_flags = SA_SIGINFO,
	};

	drop(2);
	sigaction(SIGSYS, &sa, NULL);
}

/* The sandbox can make no processes: one attacks with all there is. */
static void attack_inside(void)
{
	unsigned int i;
	int status, nr;
	pid_t pid;

	pid = fork();
	CHECK_OK(pid);
	if (!pid) {
		drop_and_catch();
		for (i = 0; i < sandbox_nr_attacks; i++) {
			if (sandbox_attacks[i].end == SANDBOX_KILLED)
				continue;
			nr = sigsetjmp(trap, 1);
			if (!nr)
				attack(i);
			else
				results[i] = (struct result){ TRAPPED, nr, 0 };
		}
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
	for (i = 0; i < sandbox_nr_attacks; i++)
		if (sandbox_attacks[i].end == SANDBOX_KILLED)
			attack_alone(i, drop_and_catch);
}

static bool as_designed(const struct sandbox_attack *a, const struct result *r)
{
	switch (a->end) {
	case SANDBOX_TRAPPED:
		return r->outcome == TRAPPED && r->ret == a->nr;
	case SANDBOX_ENOSYS:
		return r->outcome == RETURNED && r->ret < 0 &&
		       r->err == ENOSYS;
	case SANDBOX_KILLED:
		return r->outcome == DIED && r->err == SIGSYS;
	}
	return false;
}

static void tell(unsigned int i)
{
	static const char *const names[] = {
		"nothing", "returned", "was trapped", "died",
	};
	const struct result *r = &results[i];

	tap_diag("%s %s: %ld, %s", sandbox_attacks[i].name, names[r->outcome],
		 r->ret, r->outcome == DIED ? strsignal(r->err) :
					      strerror(r->err));
}

TEST(inside, "no attack works from inside")
{
	unsigned int i, bad = 0;

	setup();
	attack_inside();
	for (i = 0; i < sandbox_nr_attacks; i++) {
		if (as_designed(&sandbox_attacks[i], &results[i]))
			continue;
		tell(i);
		bad++;
	}
	CHECK_EQ(bad, 0);
	CHECK(waitpid(prey.pid, NULL, WNOHANG) == 0);
	release(prey.pid);
	remove_folder();
}

static void stay_free(void)
{
	setsid();
}

/* A machine may refuse some to its root, as a container does: not many. */
TEST(control, "outside of the sandbox the same attacks work")
{
	unsigned int i, worked = 0;

	setup();
	for (i = 0; i < sandbox_nr_attacks; i++) {
		const struct result *r = &results[i];

		attack_alone(i, stay_free);
		if (r->outcome == RETURNED &&
		    (r->ret >= 0 || r->err == sandbox_attacks[i].absent))
			worked++;
		if (r->outcome != RETURNED || r->ret < 0)
			tell(i);
	}
	tap_diag("%u of %u work here or are not in this kernel", worked, i);
	CHECK(worked >= i - i / 10);
	release(prey.pid);
	remove_folder();
}

/* The user alone, without the filter */

static void become(unsigned int domid)
{
	struct privs_user u;
	char err[512] = "";

	if (privs_user_choose(&u, domid, err, sizeof(err)) ||
	    privs_user_become(&u, err, sizeof(err)))
		FAIL("%s", err);
	CHECK(u.own);
}

static void become_guest_1(void)
{
	become(1);
}

TEST(user, "a guest's user alone reaches neither another guest nor files")
{
	static const char *const names[] = {
		"open", "creat", "mkdir", "unlink", "rename", "chmod", "stat",
		"access", "chroot", "kill", "kill_parent", "tkill", "tgkill",
		"sigqueue", "ptrace", "vm_readv", "vm_writev", "proc_mem",
		"kcmp", "prlimit", "affinity", "priority", "tiocsti", "setuid",
		"setgroups", "sethostname", "ioperm", "execve",
	};
	unsigned int i, n, bad = 0;

	setup();
	for (n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		for (i = 0; strcmp(sandbox_attacks[i].name, names[n]); i++)
			;
		/* The same number: the uid must be another all the same. */
		attack_alone(i, become_guest_1);
		if (results[i].outcome == RETURNED && results[i].ret < 0 &&
		    (results[i].err == EPERM || results[i].err == EACCES ||
		     results[i].err == ENOENT ||
		     results[i].err == sandbox_attacks[i].absent))
			continue;
		tell(i);
		bad++;
	}
	CHECK_EQ(bad, 0);
	release(prey.pid);
	remove_folder();
}

/* A socket by way of a ring, past every filter. */
static int ring_socket(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int res;

	CHECK(sqe);
	io_uring_prep_socket(sqe, AF_UNIX, SOCK_STREAM, 0, 0);
	io_uring_sqe_set_data64(sqe, 77);
	do {
		CHECK_OK(io_uring_submit_and_wait(ring, 1));
		CHECK_EQ(io_uring_peek_cqe(ring, &cqe), 0);
		res = cqe->user_data == 77 ? cqe->res : 1;
		io_uring_cqe_seen(ring, cqe);
	} while (res == 1);
	return res;
}

TEST(ring, "the loop's ring makes no socket inside; another does outside")
{
	struct event_loop *loop;
	struct io_uring other;
	int res;

	need_root();
	CHECK_EQ(event_loop_create(&loop), 0);
	if (loop->be != &event_uring)
		tap_skip("no io_uring here");
	CHECK_EQ(io_uring_queue_init(4, &other, 0), 0);
	res = ring_socket(&other);
	CHECK_MSG(res > 1, "%s", strerror(-res));
	io_uring_queue_exit(&other);
	drop(1);
	res = ring_socket(loop->priv);
	CHECK_MSG(res == -EACCES, "%d", res);
}

/* A line of /proc/PID/NAME that begins with @key, behind it. */
static const char *proc(pid_t pid, const char *name, const char *key)
{
	static char line[256];
	size_t len = strlen(key);
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, len))
			continue;
		fclose(f);
		return line + len + strspn(line + len, " \t");
	}
	FAIL("%s: no %s", path, key);
}

static unsigned long uid_of(pid_t pid)
{
	return strtoul(proc(pid, "status", "Uid:"), NULL, 10);
}

TEST(status, "what the kernel says of two guests' processes")
{
	char path[64], root[128] = "";
	pid_t a, b;

	need_root();
	a = confined(be_guest_1);
	b = confined(be_guest_1);
	CHECK(uid_of(a) >= PRIVS_USER_FIRST && uid_of(a) <= PRIVS_USER_LAST);
	CHECK(uid_of(b) >= PRIVS_USER_FIRST && uid_of(b) <= PRIVS_USER_LAST);
	CHECK(uid_of(a) != uid_of(b));
	CHECK_EQ(strtoul(proc(a, "status", "Gid:"), NULL, 10), uid_of(a));
	CHECK_EQ(*proc(a, "status", "Groups:"), '\n');
	CHECK_EQ(strtoul(proc(a, "status", "CapEff:"), NULL, 16), 0);
	CHECK_EQ(strtoul(proc(a, "status", "CapPrm:"), NULL, 16), 0);
	CHECK_EQ(strtoul(proc(a, "status", "CapBnd:"), NULL, 16), 0);
	CHECK_EQ(strtoul(proc(a, "status", "CapAmb:"), NULL, 16), 0);
	CHECK_EQ(*proc(a, "status", "NoNewPrivs:"), '1');
	CHECK_EQ(*proc(a, "status", "Seccomp:"), '2');
	CHECK_EQ(*proc(a, "limits", "Max core file size"), '0');
	snprintf(path, sizeof(path), "/proc/%d/root", a);
	CHECK(readlink(path, root, sizeof(root) - 1) > 0);
	CHECK_MSG(!strcmp(root, PRIVS_USER_DIR "/.empty"), "%s", root);
	release(a);
	release(b);
}

/* How @user turns out: 0, or -errno with a line that has @says in it. */
static void choose(const char *user, int want, const char *says)
{
	struct privs_user u;
	char err[512] = "";
	int ret;

	CHECK_OK(setenv("XKVM_USER", user, 1));
	ret = privs_user_choose(&u, 7, err, sizeof(err));
	CHECK_MSG(ret == want, "%s: %d: %s", user, ret, err);
	CHECK_MSG(!says || strstr(err, says), "%s: %s", user, err);
	CHECK(ret || u.uid);
}

/* Each uid of the password file. */
static void choose_taken(void)
{
	struct passwd *pw;
	char range[32];

	while ((pw = getpwent())) {
		if (!pw->pw_uid)
			continue;
		snprintf(range, sizeof(range), "%u-%u", pw->pw_uid, pw->pw_uid);
		choose(range, -EAGAIN, "no free uid");
	}
	endpwent();
}

TEST(range, "a range of users is used up, and given back by who ends")
{
	static const char *const bad[] = {
		"0-5", "5-4", "7", "7-", "-7", "1-4294967295", "70000-9000000",
		"1-2-3",
	};
	pid_t a, b;
	size_t i;

	need_root();
	CHECK_OK(setenv("XKVM_USER", "70000-70001", 1));
	a = confined(become_guest_1);
	b = confined(become_guest_1);
	CHECK_EQ(uid_of(a) + uid_of(b), 140001);
	choose("70000-70001", -EAGAIN, "no free uid from 70000 to 70001");
	release(a);
	choose("70000-70001", 0, NULL);
	release(b);
	choose("65534-65535", -EAGAIN, "no free uid");
	choose_taken();
	choose("nobody", 0, NULL);
	choose("root", -EPERM, "is root");
	choose("no-such-user", -ENOENT, "no user no-such-user");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		choose(bad[i], -EINVAL, "neither a user nor a range");
}
