// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bench: a table of TSC counts, one row a measure, one column a node.
 *
 *	bench [-r TEXT] [NODE]...	default: $XKVM_DEV or /dev/xkvm
 *	bench --exec [--marker TEXT] [--] COMMAND ARG...
 *
 * Exit status: 0, or 1 if a measure failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define MAX_NODES	4

static int usage(void)
{
	fputs("usage: bench [-r TEXT] [NODE]...\n"
	      "       bench --exec [--marker TEXT] [--] COMMAND ARG...\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *dev = getenv("XKVM_DEV");
	char *def[] = { (char *)(dev && *dev ? dev : "/dev/xkvm") };
	const char *only = "";
	int opt, n;

	if (argc > 1 && !strcmp(argv[1], "--exec"))
		return bench_exec(argc - 2, argv + 2);
	while ((opt = getopt(argc, argv, "r:")) != -1) {
		if (opt != 'r')
			return usage();
		only = optarg;
	}
	n = argc - optind;
	if (n > MAX_NODES)
		return usage();
	return bench_table(only, n ? argv + optind : def, n ? n : 1) ? 1 : 0;
}
