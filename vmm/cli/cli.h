/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command: "xkvm VERB ...".  cli.c has the table of verbs; each function
 * here is one, gets argv from its own name on, prints one line to stderr when
 * it fails, and returns the exit status: 0, 1 for a failure, 2 for a usage
 * error.
 */
#ifndef XKVM_CLI_CLI_H
#define XKVM_CLI_CLI_H

#define XKVM_VERSION "0.1"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

int cli_main(int argc, char **argv);

/* One line "xkvm: ..." to stderr; returns CLI_FAILED. */
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How @verb is used, to stderr; returns CLI_USAGE. */
int cli_usage(const char *verb);

int cli_create(int argc, char **argv);		/* create.c */
int cli_unpack(int argc, char **argv);		/* unpack.c */
int cli_console(int argc, char **argv);		/* verbs.c, the rest too */
int cli_list(int argc, char **argv);
int cli_shutdown(int argc, char **argv);
int cli_reboot(int argc, char **argv);
int cli_destroy(int argc, char **argv);
int cli_domid(int argc, char **argv);
int cli_domname(int argc, char **argv);

#endif
