// SPDX-License-Identifier: GPL-2.0-or-later
/* "xkvm unpack": see x86/unpacked.h. */
#include <getopt.h>

#include "../x86/unpacked.h"
#include "cli.h"

int cli_unpack(int argc, char **argv)
{
	char err[512];

	optind = 1;
	if (getopt(argc, argv, "") != -1 || argc - optind != 1)
		return cli_usage(argv[0]);
	if (unpacked_write(argv[optind], err, sizeof(err)) < 0)
		return cli_fail("%s", err);
	return CLI_OK;
}
