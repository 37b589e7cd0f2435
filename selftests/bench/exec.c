// SPDX-License-Identifier: GPL-2.0-or-later
/* bench --exec: how many ticks a command takes, to a marker and to its end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "vm.h"

/* Looks for a text in a stream that comes in pieces. */
struct finder {
	const char *text;
	size_t len;
	char tail[256];		/* the last len - 1 bytes seen */
	size_t tail_len;
	uint64_t when;		/* TSC of the first hit, or 0 */
};

static void find(struct finder *f, const char *buf, size_t n)
{
	char win[sizeof(f->tail) + 4096];
	size_t keep;

	if (!f->len || f->when)
		return;
	memcpy(win, f->tail, f->tail_len);
	memcpy(win + f->tail_len, buf, n);
	n += f->tail_len;
	if (memmem(win, n, f->text, f->len))
		f->when = rdtsc();
	keep = n < f->len - 1 ? n : f->len - 1;
	memcpy(f->tail, win + n - keep, keep);
	f->tail_len = keep;
}

/* Copies the command's output until all its writers are gone. */
static void pump(int fd, struct finder *f)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		find(f, buf, n);
		if (write(STDOUT_FILENO, buf, n) < 0)
			return;
	}
}

static pid_t spawn(char **argv, int *out)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		execvp(argv[0], argv);
		fprintf(stderr, "bench: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

int bench_exec(int argc, char **argv)
{
	struct finder f = { 0 };
	uint64_t start, end;
	int status, fd;
	pid_t pid;

	if (argc >= 2 && !strcmp(argv[0], "--marker")) {
		f.text = argv[1];
		f.len = strlen(argv[1]);
		argc -= 2;
		argv += 2;
	}
	if (argc && !strcmp(argv[0], "--")) {
		argc--;
		argv++;
	}
	if (!argc || f.len > sizeof(f.tail)) {
		fputs("bench: --exec wants a command, a short marker\n", stderr);
		return 2;
	}
	start = rdtsc();
	pid = spawn(argv, &fd);
	if (pid < 0) {
		perror("bench");
		return 1;
	}
	pump(fd, &f);
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	end = rdtsc();
	if (f.len)
		printf("# exec to marker: %" PRIu64 "\n",
		       f.when ? f.when - start : 0);
	printf("# exec to exit: %" PRIu64 "\n", end - start);
	if (f.len && !f.when) {
		fputs("bench: the marker never came\n", stderr);
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
