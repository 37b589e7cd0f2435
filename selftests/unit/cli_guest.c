// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stand-in for the VMM in cli_test: a guest that does what its command line
 * says, behind the real control socket.
 *
 *	fail	cannot be started, and says why
 *	die	its process ends while starting, without a word
 *	hang	never gets ready
 *	quick	prints and ends at once
 *	crash	the same, as a crash
 *	segv	its process is killed by a signal
 *	echo	repeats what is typed; "q" powers off, "c" crashes
 *	slow	takes little of what is typed at a time, at 64 KiB says their
 *		sum and powers off
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../vmm/control.h"
#include "../../vmm/vm.h"

static struct event_loop *loop;
static struct control *ctl;
static const struct vm_config *config;
static const struct vm_run_opts *options;
static int result;

static void say(const char *s)
{
	control_console_output(ctl, s, strlen(s));
}

static int guest_shutdown(void *arg, enum control_stop reason)
{
	if (reason == CONTROL_STOP_REBOOT) {
		say("rebooted\n");
		return 0;
	}
	say("off\n");
	event_loop_stop(loop);
	return 0;
}

static void guest_destroy(void *arg)
{
	event_loop_stop(loop);
}

static void guest_status(void *arg, struct control_status *st)
{
	*st = (struct control_status){
		.name = config->name, .state = "running",
		.domid = options->domid, .memory_mib = config->memory_mib,
		.maxmem_mib = config->maxmem_mib, .vcpus = config->vcpus,
		.maxvcpus = config->maxvcpus, .cpu_ns = 1500000000,
	};
	memcpy(st->uuid, config->uuid, 16);
}

static size_t guest_input(void *arg, const void *buf, size_t len)
{
	control_console_output(ctl, buf, len);
	if (memchr(buf, 'c', len))
		result = VM_RUN_CRASHED;
	if (memchr(buf, 'q', len) || memchr(buf, 'c', len))
		event_loop_stop(loop);
	return len;
}

/* FNV-1a, which tells of every byte lost, changed or moved. */
static uint32_t slow_sum = 2166136261u;
static size_t slow_len;

static void slow_again(struct event_timer *t)
{
	control_console_ready(ctl);
}

static struct event_timer slow_timer = { .fn = slow_again };

static size_t slow_input(void *arg, const void *buf, size_t len)
{
	const unsigned char *p = buf;
	size_t n = len < 61 ? len : 61;
	char line[48];

	for (size_t i = 0; i < n; i++)
		slow_sum = (slow_sum ^ p[i]) * 16777619u;
	slow_len += n;
	if (n < len)
		event_timer_set(loop, &slow_timer, 100000);
	if (slow_len >= 65536) {
		snprintf(line, sizeof(line), "%zu bytes, sum %08x\n", slow_len,
			 slow_sum);
		say(line);
		event_loop_stop(loop);
	}
	return n;
}

static const struct control_ops slow_ops = {
	.shutdown = guest_shutdown, .destroy = guest_destroy,
	.status = guest_status, .console_input = slow_input,
};

static const struct control_ops ops = {
	.shutdown = guest_shutdown, .destroy = guest_destroy,
	.status = guest_status, .console_input = guest_input,
};

static void tell(const char *line)
{
	if (write(options->ready_fd, line, strlen(line)) < 0)
		fprintf(stderr, "nobody waits\n");
	close(options->ready_fd);
}

/* What vm.h promises about the process; a line when it does not hold. */
static const char *promises(void)
{
	char cwd[64], path[32], link[64] = "";
	struct stat err;

	if (!getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/"))
		return "cwd is not /\n";
	if (getsid(0) != getpid())
		return "no session of its own\n";
	for (int fd = 0; fd < 2; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, link, sizeof(link) - 1) < 0 ||
		    strcmp(link, "/dev/null"))
			return "stdin or stdout is not /dev/null\n";
	}
	if (fstat(2, &err) || !S_ISREG(err.st_mode))
		return "stderr is no log\n";
	if (open("/dev/tty", O_RDWR) >= 0)
		return "it has a terminal\n";
	if (flock(options->lock_fd, LOCK_EX | LOCK_NB))
		return "the lock is not held\n";
	for (int fd = 3; fd < 100; fd++)
		if (fd != options->ready_fd && fd != options->lock_fd &&
		    fd != options->console_fd && fcntl(fd, F_GETFD) >= 0)
			return "a stray descriptor\n";
	return NULL;
}

int vm_run(const struct vm_config *cfg, const struct vm_run_opts *opts)
{
	const char *what = cfg->cmdline, *broken;

	config = cfg;
	options = opts;
	broken = promises();
	if (broken) {
		tell(broken);
		return -EINVAL;
	}
	fprintf(stderr, "log of %s\n", cfg->name);
	if (!strcmp(what, "fail")) {
		tell("the made-up guest cannot be started: change it\n");
		return -EINVAL;
	}
	if (!strcmp(what, "die"))
		return -EINVAL;
	if (!strcmp(what, "hang"))
		pause();
	if (event_loop_create(&loop) ||
	    control_create(&ctl, loop, opts->control_path,
			   strcmp(what, "slow") ? &ops : &slow_ops, NULL)) {
		tell("no control socket\n");
		return -EINVAL;
	}
	if (opts->console_fd >= 0)
		control_console_adopt(ctl, opts->console_fd);
	tell("ready\n");
	say("hello\n");
	if (!strcmp(what, "segv")) {
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	if (!strcmp(what, "crash"))
		result = VM_RUN_CRASHED;
	else if (strcmp(what, "quick"))
		event_loop_run(loop);
	say("bye\n");
	control_destroy(ctl);
	event_loop_destroy(loop);
	return result;
}
