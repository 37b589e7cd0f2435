// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of verbs, help and version; what a verb does is elsewhere. */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int cli_help(int argc, char **argv);

static const struct {
	const char *verb, *args, *what;
	int (*fn)(int argc, char **argv);
} cli_verbs[] = {
	{ "create", "[-c] [-q] [-n] FILE [KEY=VALUE]...",
	  "start a guest from an xl.cfg(5) file", cli_create },
	{ "list", "[-l] [NAME]", "list the running guests", cli_list },
	{ "console", "NAME", "attach to a guest's console; leave with ^]",
	  cli_console },
	{ "shutdown", "[-w] NAME", "ask a guest to power off", cli_shutdown },
	{ "reboot", "NAME", "ask a guest to reboot", cli_reboot },
	{ "destroy", "NAME", "end a guest at once", cli_destroy },
	{ "domid", "NAME", "print a guest's number", cli_domid },
	{ "domname", "DOMID", "print a guest's name", cli_domname },
	{ "unpack", "KERNEL", "keep KERNEL unpacked beside it, for quick starts",
	  cli_unpack },
	{ "help", "[VERB]", "print this, or how a verb is used", cli_help },
};

#define CLI_VERBS (sizeof(cli_verbs) / sizeof(*cli_verbs))

int cli_fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("xkvm: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CLI_FAILED;
}

static size_t cli_find(const char *verb)
{
	size_t i;

	for (i = 0; i < CLI_VERBS; i++)
		if (!strcmp(cli_verbs[i].verb, verb))
			break;
	return i;
}

int cli_usage(const char *verb)
{
	size_t i = cli_find(verb);

	if (i < CLI_VERBS)
		fprintf(stderr, "usage: xkvm %s %s\n", verb, cli_verbs[i].args);
	return CLI_USAGE;
}

static int cli_help(int argc, char **argv)
{
	size_t i;

	if (argc > 1) {
		i = cli_find(argv[1]);
		if (i == CLI_VERBS)
			return cli_fail("no verb '%s': see xkvm help", argv[1]);
		printf("usage: xkvm %s %s\n%s\n", argv[1], cli_verbs[i].args,
		       cli_verbs[i].what);
		return CLI_OK;
	}
	printf("usage: xkvm VERB [ARGUMENT]...\n\n");
	for (i = 0; i < CLI_VERBS; i++)
		printf("  %-9s%s\n  %-9s  %s\n", cli_verbs[i].verb,
		       cli_verbs[i].args, "", cli_verbs[i].what);
	printf("\nNAME is a guest's name or number.  See xkvm(1), xkvm.cfg(5).\n");
	return CLI_OK;
}

int cli_main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : NULL;
	size_t i;

	if (!verb) {
		fputs("usage: xkvm VERB [ARGUMENT]...: see xkvm help\n", stderr);
		return CLI_USAGE;
	}
	if (!strcmp(verb, "-h") || !strcmp(verb, "--help"))
		return cli_help(1, argv);
	if (!strcmp(verb, "--version") || !strcmp(verb, "-V")) {
		printf("xkvm %s\n", XKVM_VERSION);
		return CLI_OK;
	}
	i = cli_find(verb);
	if (i == CLI_VERBS) {
		cli_fail("no verb '%s': see xkvm help", verb);
		return CLI_USAGE;
	}
	return cli_verbs[i].fn(argc - 1, argv + 1);
}
