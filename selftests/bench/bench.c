// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bench: a table of TSC counts, one row a measure, one column a node.
 *
 *	bench [-r TEXT] [NODE]...	default: $XKVM_DEV or /dev/xkvm
 *	bench --exec [--marker TEXT] [--] COMMAND ARG...
 *
 * Each cell is measured in a child, so that a node that fails one measure
 * still shows the others.  Exit status: 0, or 1 if a measure failed.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "tap.h"

#define MAX_NODES	4
#define CELL_TIMEOUT	300	/* seconds, then SIGALRM ends the child */

enum cell_state { CELL_FAILED, CELL_SKIPPED, CELL_OK };

struct cell {
	enum cell_state state;
	uint64_t ticks;
	char why[400];
};

/* Shared with the child that fills it in. */
static struct cell *cell;

static void why(const char *fmt, va_list ap)
{
	vsnprintf(cell->why, sizeof(cell->why), fmt, ap);
}

void tap_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	why(fmt, ap);
	va_end(ap);
	_exit(1);
}

void tap_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	why(fmt, ap);
	va_end(ap);
	cell->state = CELL_SKIPPED;
	_exit(4);
}

void tap_diag(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t bench_median(uint64_t *v, unsigned int n)
{
	qsort(v, n, sizeof(v[0]), by_value);
	return v[n / 2];
}

static void measure(const struct bench_row *row, const char *node)
{
	int status;
	pid_t pid;

	memset(cell, 0, sizeof(*cell));
	fflush(NULL);
	pid = fork();
	if (!pid) {
		setenv("XKVM_DEV", node, 1);
		alarm(CELL_TIMEOUT);
		cell->ticks = row->run();
		cell->state = CELL_OK;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		snprintf(cell->why, sizeof(cell->why), "fork: %s",
			 strerror(errno));
	else if (WIFSIGNALED(status))
		snprintf(cell->why, sizeof(cell->why), "killed by signal %d",
			 WTERMSIG(status));
}

/* 1234567 as "1,234,567". */
static const char *grouped(uint64_t v, char *buf, size_t size)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, v);
	size_t o = 0;

	for (int i = 0; i < n && o + 2 < size; i++) {
		if (i && (n - i) % 3 == 0)
			buf[o++] = ',';
		buf[o++] = digits[i];
	}
	buf[o] = 0;
	return buf;
}

static void print_cell(const struct cell *c)
{
	char buf[40];

	if (c->state == CELL_OK)
		printf(" %14s", grouped(c->ticks, buf, sizeof(buf)));
	else
		printf(" %14s", c->state == CELL_SKIPPED ? "-" : "failed");
}

/* Returns the number of cells that failed. */
static int print_row(const struct bench_row *row, char *const *nodes, int n)
{
	struct cell cells[MAX_NODES];
	int failed = 0;

	printf("%-46s", row->name);
	for (int i = 0; i < n; i++) {
		measure(row, nodes[i]);
		cells[i] = *cell;
		print_cell(&cells[i]);
		failed += cells[i].state == CELL_FAILED;
	}
	if (n > 1 && cells[0].state == CELL_OK && cells[1].state == CELL_OK)
		printf(" %6.2f", (double)cells[0].ticks / cells[1].ticks);
	putchar('\n');
	for (int i = 0; i < n; i++)
		if (cells[i].state != CELL_OK)
			printf("# %s: %s\n", nodes[i], cells[i].why);
	fflush(stdout);
	return failed;
}

static int table(const char *only, char *const *nodes, int n)
{
	int failed = 0;

	printf("%-46s", "measure");
	for (int i = 0; i < n; i++)
		printf(" %14s", nodes[i]);
	puts(n > 1 ? "  ratio" : "");
	for (unsigned int i = 0; i < bench_nr_rows; i++)
		if (!only || strstr(bench_rows[i].name, only))
			failed += print_row(&bench_rows[i], nodes, n);
	return failed ? 1 : 0;
}

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
	const char *only = NULL;
	int opt;

	if (argc > 1 && !strcmp(argv[1], "--exec"))
		return bench_exec(argc - 2, argv + 2);
	while ((opt = getopt(argc, argv, "r:")) != -1) {
		if (opt != 'r')
			return usage();
		only = optarg;
	}
	if (argc - optind > MAX_NODES)
		return usage();
	cell = mmap(NULL, sizeof(*cell), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cell == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	if (argc > optind)
		return table(only, argv + optind, argc - optind);
	return table(only, def, 1);
}
