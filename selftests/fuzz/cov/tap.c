// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CHECK() in a coverage-guided target: a message and abort(), which the fuzzer
 * takes for a crash.  In place of lib/tap.c, whose main() is the fuzzer's here.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cov.h"

void tap_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

void tap_diag(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
