/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bench's own files share. */
#ifndef SELFTESTS_BENCH_H
#define SELFTESTS_BENCH_H

#include <stdint.h>

/*
 * One row of the table.  run() measures on the node dev_path() names and
 * returns TSC ticks for one unit of the measure; under an emulator whose TSC
 * counts retired instructions those are instructions.
 */
struct bench_row {
	const char *name;
	uint64_t (*run)(void);
};

extern const struct bench_row bench_rows[];
extern const unsigned int bench_nr_rows;

/* rows_xen.c */
uint64_t bench_xen_send(void);
uint64_t bench_xen_ioctl(void);
uint64_t bench_xen_runstate(void);

/* The middle one of n values; reorders them. */
uint64_t bench_median(uint64_t *v, unsigned int n);

/*
 * bench --exec [--marker TEXT] [--] COMMAND ARG...: runs the command with its
 * output passed through and prints the ticks from exec to its exit, and to the
 * first TEXT in its output.  Returns the command's status.
 */
int bench_exec(int argc, char **argv);

#endif
