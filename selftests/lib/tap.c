// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TAP runner: finds the tests of the program, runs each in a child, prints
 * the result.  The child says why it stopped on a page it shares with the
 * parent; that page is this file's only state.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define EXIT_SKIP	4

extern const struct tap_test *const __start_tap_tests[];
extern const struct tap_test *const __stop_tap_tests[];

static char *reason;	/* one shared page */
#define REASON_SIZE	4096

bool tap_slowdown(void)
{
	const char *slow = getenv("LAB_SLOW");

	return slow && *slow;
}

unsigned int tap_scale(void)
{
	return tap_slowdown() ? TAP_SLOW : 1;
}

void tap_diag(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void tap_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(reason, REASON_SIZE, "%s:%d: ", file, line);
	va_start(ap, fmt);
	vsnprintf(reason + n, REASON_SIZE - n, fmt, ap);
	va_end(ap);
	fflush(stdout);
	_exit(1);
}

void tap_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, REASON_SIZE, fmt, ap);
	va_end(ap);
	fflush(stdout);
	_exit(EXIT_SKIP);
}

static int by_line(const void *a, const void *b)
{
	const struct tap_test *const *x = a, *const *y = b;

	return (int)(*x)->line - (int)(*y)->line;
}

static bool selected(const struct tap_test *t, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(t->name, argv[i]))
			return true;
	return argc < 2;
}

static void child(const struct tap_test *t)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	t->fn();
	fflush(stdout);
	_exit(0);
}

/*
 * SIGCHLD is blocked: wait for the child or for the time to pass, so that a
 * test that hangs is reported and the next one runs.
 */
static int wait_child(pid_t pid, unsigned int timeout, int *status)
{
	struct timespec ts = { .tv_sec = timeout };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		pid_t r = waitpid(pid, status, WNOHANG);

		if (r == pid)
			return 0;
		if (sigtimedwait(&set, NULL, &ts) < 0 && errno == EAGAIN)
			break;
	}
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	/* A task stuck in the kernel does not die: go on without it. */
	for (int i = 0; i < 100 && waitpid(pid, status, WNOHANG) == 0; i++)
		usleep(100000);
	return -ETIMEDOUT;
}

/* Returns the child's verdict: 0, 1 or EXIT_SKIP; reason says why. */
static int run_one(const struct tap_test *t)
{
	unsigned int timeout = t->timeout * tap_scale();
	int status;
	pid_t pid;

	reason[0] = 0;
	fflush(stdout);
	pid = fork();
	if (!pid)
		child(t);
	if (pid < 0) {
		snprintf(reason, REASON_SIZE, "fork: %s", strerror(errno));
		return 1;
	}
	setpgid(pid, pid);
	if (wait_child(pid, timeout, &status)) {
		snprintf(reason, REASON_SIZE, "no end after %u s", timeout);
		return 1;
	}
	kill(-pid, SIGKILL);	/* whatever the test left running */
	if (WIFSIGNALED(status)) {
		snprintf(reason, REASON_SIZE, "killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
		return 1;
	}
	return WEXITSTATUS(status);
}

static void print_result(const struct tap_test *t, unsigned int nr, int verdict)
{
	if (verdict == EXIT_SKIP) {
		printf("ok %u - %s # SKIP %s\n", nr, t->name, reason);
	} else if (verdict) {
		printf("# %s: %s\n", t->what, reason);
		printf("not ok %u - %s\n", nr, t->name);
	} else {
		printf("ok %u - %s\n", nr, t->name);
	}
	fflush(stdout);
}

static int run_all(const struct tap_test **tests, unsigned int n)
{
	unsigned int failed = 0, skipped = 0;

	printf("TAP version 13\n1..%u\n", n);
	for (unsigned int i = 0; i < n; i++) {
		int verdict = run_one(tests[i]);

		print_result(tests[i], i + 1, verdict);
		if (verdict == EXIT_SKIP)
			skipped++;
		else if (verdict)
			failed++;
	}
	if (failed)
		return 1;
	return n && skipped == n ? EXIT_SKIP : 0;
}

int main(int argc, char **argv)
{
	size_t total = __stop_tap_tests - __start_tap_tests;
	const struct tap_test *tests[total];
	unsigned int n = 0;
	const char *why;
	sigset_t set;

	reason = mmap(NULL, REASON_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reason == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	why = tap_precondition();
	if (why) {
		printf("TAP version 13\n1..0 # SKIP %s\n", why);
		return EXIT_SKIP;
	}
	for (size_t i = 0; i < total; i++)
		if (selected(__start_tap_tests[i], argc, argv))
			tests[n++] = __start_tap_tests[i];
	qsort(tests, n, sizeof(tests[0]), by_line);

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return run_all(tests, n);
}
