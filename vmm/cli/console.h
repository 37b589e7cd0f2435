/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminal's side of a guest's console. */
#ifndef XKVM_CLI_CONSOLE_H
#define XKVM_CLI_CONSOLE_H

enum console_end {
	CONSOLE_ENDED,		/* the guest closed it */
	CONSOLE_DETACHED,	/* by ^], or nobody reads the output */
};

/*
 * console_run() - pass bytes between the socket @fd (closed at the end) and
 * stdin and stdout.  A terminal on stdin is raw meanwhile, and as it was on
 * every way out, by signal too; ^] ends it there.  The end of another stdin
 * does not: the output goes on.
 */
enum console_end console_run(int fd);

#endif
