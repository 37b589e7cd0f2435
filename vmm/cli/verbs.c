// SPDX-License-Identifier: GPL-2.0-or-later
/* The verbs on running guests: each finds its guest and talks to its socket. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../control.h"
#include "cli.h"
#include "client.h"
#include "console.h"

/* The one argument after the options, found among the running guests. */
static int verbs_guest(int argc, char **argv, struct rundir_guest *g)
{
	char err[512];

	if (argc - optind != 1)
		return cli_usage(argv[0]);
	if (rundir_find(g, argv[optind], err, sizeof(err)))
		return cli_fail("%s", err);
	return CLI_OK;
}

static int verbs_no_options(int argc, char **argv, struct rundir_guest *g)
{
	optind = 1;
	if (getopt(argc, argv, "") != -1)
		return cli_usage(argv[0]);
	return verbs_guest(argc, argv, g);
}

int cli_console(int argc, char **argv)
{
	struct rundir_guest g;
	int fd, ret = verbs_no_options(argc, argv, &g);

	if (ret)
		return ret;
	fd = client_connect(&g, CONTROL_CONSOLE_SOCKET);
	if (fd < 0)
		return cli_fail("%s does not answer: %s", g.name,
				strerror(-fd));
	console_run(fd);
	return CLI_OK;
}

/* xl list's six letters. */
static const char *list_flags(const char *state)
{
	static const char * const states[][2] = {
		{ "running", "r-----" }, { "blocked", "-b----" },
		{ "paused", "--p---" }, { "shutdown", "---s--" },
		{ "crashed", "----c-" }, { "dying", "-----d" },
	};

	for (size_t i = 0; state && i < sizeof(states) / sizeof(*states); i++)
		if (!strcmp(states[i][0], state))
			return states[i][1];
	return "------";
}

static long long list_int(json_t *st, const char *key)
{
	return json_integer_value(json_object_get(st, key));
}

static void list_line(const struct rundir_guest *g, json_t *st)
{
	const char *state = json_string_value(json_object_get(st, "state"));

	printf("%-40s %5u %5lld %5lld     %s  %8.1f\n", g->name, g->domid,
	       list_int(st, "memory_mib"), list_int(st, "vcpus"),
	       list_flags(state), (double)list_int(st, "cpu_ns") / 1e9);
}

static int list_guests(const struct rundir_guest *all, size_t n, bool longer)
{
	json_t *array = longer ? json_array() : NULL;
	char err[512];

	if (!longer)
		printf("%-40s %5s %5s %5s     %s  %8s\n", "Name", "ID", "Mem",
		       "VCPUs", "State ", "Time(s)");
	for (size_t i = 0; i < n; i++) {
		json_t *st = client_call(&all[i], "status", err, sizeof(err));

		/* One that is just starting or ending does not answer. */
		if (!longer) {
			list_line(&all[i], st);
		} else if (st) {
			json_object_del(st, "ok");
			json_array_append(array, st);
		}
		json_decref(st);
	}
	if (longer) {
		json_dumpf(array, stdout, JSON_INDENT(4));
		putchar('\n');
		json_decref(array);
	}
	return CLI_OK;
}

int cli_list(int argc, char **argv)
{
	struct rundir_guest one, *all;
	bool longer = false;
	char err[512];
	ssize_t n;
	int ret, c;

	optind = 1;
	while ((c = getopt(argc, argv, "l")) != -1) {
		if (c != 'l')
			return cli_usage(argv[0]);
		longer = true;
	}
	if (optind < argc) {
		ret = verbs_guest(argc, argv, &one);
		return ret ? ret : list_guests(&one, 1, longer);
	}
	n = rundir_list(&all, err, sizeof(err));
	if (n < 0)
		return cli_fail("%s", err);
	ret = list_guests(all, (size_t)n, longer);
	free(all);
	return ret;
}

/* A request whose answer is only yes or an error. */
static int verbs_ask(const struct rundir_guest *g, const char *verb)
{
	char err[512];
	json_t *reply = client_call(g, verb, err, sizeof(err));

	if (!reply)
		return cli_fail("%s", err);
	json_decref(reply);
	return CLI_OK;
}

/*
 * Until the guest's process is gone, and with it its lock: the name is free
 * then for the next command.
 */
static void verbs_wait_gone(const struct rundir_guest *g)
{
	char path[RUNDIR_MAX_PATH + 8];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", g->dir);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	while (flock(fd, LOCK_EX) && errno == EINTR)
		;
	close(fd);
	rundir_clean(g->name);
}

int cli_shutdown(int argc, char **argv)
{
	struct rundir_guest g;
	bool wait = false;
	int ret, c;

	optind = 1;
	while ((c = getopt(argc, argv, "w")) != -1) {
		if (c != 'w')
			return cli_usage(argv[0]);
		wait = true;
	}
	ret = verbs_guest(argc, argv, &g);
	if (!ret)
		ret = verbs_ask(&g, "shutdown");
	if (!ret && wait)
		verbs_wait_gone(&g);
	return ret;
}

int cli_reboot(int argc, char **argv)
{
	struct rundir_guest g;
	int ret = verbs_no_options(argc, argv, &g);

	return ret ? ret : verbs_ask(&g, "reboot");
}

int cli_destroy(int argc, char **argv)
{
	struct rundir_guest g;
	int ret = verbs_no_options(argc, argv, &g);

	if (!ret)
		ret = verbs_ask(&g, "destroy");
	if (!ret)
		verbs_wait_gone(&g);
	return ret;
}

int cli_domid(int argc, char **argv)
{
	struct rundir_guest g;
	int ret = verbs_no_options(argc, argv, &g);

	if (!ret)
		printf("%u\n", g.domid);
	return ret;
}

int cli_domname(int argc, char **argv)
{
	struct rundir_guest g;
	int ret = verbs_no_options(argc, argv, &g);

	if (!ret)
		printf("%s\n", g.name);
	return ret;
}
