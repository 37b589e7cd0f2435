// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "xkvm create": from a configuration to a running guest.  The guest gets a
 * process of its own, in which vm_run() is called; this one waits for its one
 * line, "ready" or what went wrong, and with -c stays as its console.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../vm.h"
#include "cli.h"
#include "console.h"
#include "rundir.h"
#include "xlcfg.h"

#define CREATE_PATIENCE_MS 3000	/* for a guest's process that failed */

struct create {
	struct vm_config cfg;
	bool console, quiet, dry_run;
	struct rundir_guest guest;
	int ready[2];		/* pipe */
	int tty[2];		/* socket pair; -1 without -c */
};

static const char * const create_actions[] = {
	[VM_ACTION_DESTROY] = "destroy",
	[VM_ACTION_RESTART] = "restart",
	[VM_ACTION_RENAME_RESTART] = "rename-restart",
	[VM_ACTION_PRESERVE] = "preserve",
	[VM_ACTION_COREDUMP_DESTROY] = "coredump-destroy",
	[VM_ACTION_COREDUMP_RESTART] = "coredump-restart",
	[VM_ACTION_SOFT_RESET] = "soft-reset",
};

/* -n: the configuration as it was understood. */
static int create_print(const struct vm_config *c)
{
	json_t *disks = json_array(), *all;
	char uuid[37];

	for (size_t i = 0; i < c->nr_disks; i++) {
		const struct vm_config_disk *d = &c->disks[i];

		json_array_append_new(disks, json_pack(
			"{s:s*, s:s, s:b, s:b, s:b, s:b}",
			"target", d->target, "vdev", d->vdev,
			"readonly", d->readonly, "cdrom", d->cdrom,
			"discard", d->discard,
			"direct_io_safe", d->direct_io_safe));
	}
	for (unsigned int i = 0, at = 0; i < 16; i++)
		at += (unsigned int)snprintf(uuid + at, sizeof(uuid) - at,
			"%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ?
			"-" : "", c->uuid[i]);
	all = json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:i, s:i, s:s, s:s*, s:s, s:s*, s:s*, s:o, s:s, s:s, s:s, s:s, s:s}",
		"name", c->name, "uuid", uuid, "type", "pvh",
		"memory", (json_int_t)c->memory_mib,
		"maxmem", (json_int_t)c->maxmem_mib,
		"vcpus", (int)c->vcpus, "maxvcpus", (int)c->maxvcpus,
		"kernel", c->kernel, "ramdisk", c->ramdisk,
		"cmdline", c->cmdline,
		"pvshim_path", c->shim, "pvshim_cmdline", c->shim_cmdline,
		"disk", disks,
		"on_poweroff", create_actions[c->on_poweroff],
		"on_reboot", create_actions[c->on_reboot],
		"on_watchdog", create_actions[c->on_watchdog],
		"on_crash", create_actions[c->on_crash],
		"on_soft_reset", create_actions[c->on_soft_reset]);
	if (!all)
		return cli_fail("a setting is not valid UTF-8, or no memory");
	json_dumpf(all, stdout, JSON_INDENT(4) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(all);
	return CLI_OK;
}

/* --- the guest's process --- */

static int create_cmp(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Close everything but stdio and what the guest's process was given. */
static void create_close_others(const struct create *c)
{
	int keep[] = { c->ready[1], c->guest.lock_fd, c->tty[1] };
	unsigned int from = 3;

	qsort(keep, 3, sizeof(*keep), create_cmp);
	for (int i = 0; i < 3; i++) {
		if (keep[i] < 3)
			continue;
		if ((unsigned int)keep[i] > from)
			close_range(from, (unsigned int)keep[i] - 1, 0);
		from = (unsigned int)keep[i] + 1;
	}
	close_range(from, ~0u, 0);
}

/*
 * Nothing of the caller's stays with the guest's process, which may become the
 * guest's: its console client reads and writes the terminal for it.
 */
static bool create_stdio(const struct create *c)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log = open(c->guest.log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND |
		       O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);

	return null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	       dup2(null, STDOUT_FILENO) >= 0 &&
	       dup2(log >= 0 ? log : null, STDERR_FILENO) >= 0;
}

static void create_child(const struct create *c)
{
	static const int defaults[] = { SIGINT, SIGTERM, SIGQUIT, SIGCHLD };
	struct vm_run_opts opts = {
		.console_fd = c->tty[1],
		.ready_fd = c->ready[1], .lock_fd = c->guest.lock_fd,
		.control_path = c->guest.dir, .domid = c->guest.domid,
	};
	sigset_t none;
	int ret;

	setsid();
	umask(077);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		signal(defaults[i], SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!create_stdio(c))
		exit(1);
	create_close_others(c);
	if (chdir("/"))
		exit(1);
	ret = vm_run(&c->cfg, &opts);
	exit(ret ? 1 : 0);
}

/* --- the command's process --- */

static volatile sig_atomic_t create_child_pid;

/* Interrupted while the guest starts: neither of them stays. */
static void create_interrupted(int sig)
{
	if (create_child_pid > 0)
		kill((pid_t)create_child_pid, SIGKILL);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void create_catch(void (*handler)(int))
{
	signal(SIGINT, handler);
	signal(SIGTERM, handler);
	signal(SIGHUP, handler);
}

/* The guest's one line; 0 if it is "ready". */
static int create_wait_ready(struct create *c)
{
	char line[1024];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(line) - 1) {
		n = read(c->ready[0], line + len, sizeof(line) - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (memchr(line, '\n', len))
			break;
	}
	line[len] = 0;
	line[strcspn(line, "\n")] = 0;
	if (!strcmp(line, "ready"))
		return CLI_OK;
	if (*line)
		return cli_fail("%s", line);
	return cli_fail("%s: its process ended while starting: see %s",
			c->guest.name, c->guest.log);
}

/* One that could not start cleans up and ends; or else is ended. */
static void create_reap(pid_t pid)
{
	struct pollfd p = { pidfd_open(pid, 0), POLLIN, 0 };

	if (p.fd < 0 || poll(&p, 1, CREATE_PATIENCE_MS) != 1)
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (p.fd >= 0)
		close(p.fd);
}

static int create_wait_end(struct create *c, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CLI_FAILED;
	rundir_clean(c->guest.name);
	if (WIFSIGNALED(status))
		return cli_fail("%s: its process was killed by signal %d (%s): see %s",
				c->guest.name, WTERMSIG(status),
				strsignal(WTERMSIG(status)), c->guest.log);
	if (WEXITSTATUS(status))
		return cli_fail("%s has crashed: see %s", c->guest.name,
				c->guest.log);
	return CLI_OK;
}

static void create_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int create_parent(struct create *c, pid_t pid)
{
	int ret;

	create_close(&c->ready[1]);
	create_close(&c->tty[1]);
	create_close(&c->guest.lock_fd);
	rundir_set_pid(&c->guest, pid);
	ret = create_wait_ready(c);
	create_catch(SIG_DFL);
	if (ret) {
		create_reap(pid);
		rundir_clean(c->guest.name);
		return ret;
	}
	if (!c->console)
		return CLI_OK;
	ret = console_run(c->tty[0]);
	c->tty[0] = -1;
	if (ret == CONSOLE_ENDED)
		return create_wait_end(c, pid);
	fprintf(stderr, "\n%s runs on: see xkvm console %s\n", c->guest.name,
		c->guest.name);
	return CLI_OK;
}

static int create_start(struct create *c)
{
	int ret = CLI_FAILED;
	pid_t pid;

	if (pipe2(c->ready, O_CLOEXEC)) {
		cli_fail("no pipe: %s", strerror(errno));
		goto out;
	}
	if (c->console && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				     c->tty)) {
		cli_fail("no socket: %s", strerror(errno));
		goto out;
	}
	fflush(NULL);
	signal(SIGCHLD, SIG_DFL);
	create_catch(create_interrupted);
	pid = fork();
	if (!pid)
		create_child(c);
	if (pid < 0) {
		cli_fail("no process: %s", strerror(errno));
		goto out;
	}
	create_child_pid = pid;
	ret = create_parent(c, pid);
out:
	for (int i = 0; i < 2; i++) {
		create_close(&c->ready[i]);
		create_close(&c->tty[i]);
	}
	return ret;
}

static int create_config(struct create *c, char **argv, size_t nr_extra)
{
	char *text = NULL, *line;
	size_t len;
	FILE *errs = open_memstream(&text, &len);
	int ret;

	if (!errs)
		return cli_fail("no memory");
	ret = xlcfg_load(&c->cfg, argv[0], argv + 1, nr_extra, errs);
	fclose(errs);
	/* Warnings, and an error last. */
	for (line = text; line && *line; ) {
		char *nl = strchr(line, '\n');

		*nl = 0;
		if (ret || !c->quiet)
			cli_fail("%s", line);
		line = nl + 1;
	}
	free(text);
	return ret ? CLI_FAILED : CLI_OK;
}

int cli_create(int argc, char **argv)
{
	struct create c = {
		.ready = { -1, -1 }, .tty = { -1, -1 },
		.guest = { .lock_fd = -1 },
	};
	char err[512];
	int opt, ret;

	optind = 1;
	while ((opt = getopt(argc, argv, "cqn")) != -1) {
		if (opt == 'c')
			c.console = true;
		else if (opt == 'q')
			c.quiet = true;
		else if (opt == 'n')
			c.dry_run = true;
		else
			return cli_usage(argv[0]);
	}
	if (optind == argc)
		return cli_usage(argv[0]);
	ret = create_config(&c, argv + optind, (size_t)(argc - optind - 1));
	if (!ret && c.dry_run) {
		ret = create_print(&c.cfg);
	} else if (!ret) {
		if (rundir_claim(&c.guest, c.cfg.name, err, sizeof(err)))
			ret = cli_fail("%s", err);
		else
			ret = create_start(&c);
		create_close(&c.guest.lock_fd);
		if (ret && *c.guest.name)
			rundir_clean(c.guest.name);
	}
	vm_config_free(&c.cfg);
	return ret;
}
