// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table, in Markdown.  Each figure is measured in a child, so that a node
 * that fails one measure still shows the others; the child's end is also the
 * end of its VMs, and of VMX being the one node's, before the other has it.
 */
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "tap.h"
#include "vm.h"

#define CELL_TIMEOUT	300	/* seconds, then SIGALRM ends the child */
#define NAME_WIDTH	"61"
#define CELL_WIDTH	"11"

enum cell_state { CELL_FAILED, CELL_SKIPPED, CELL_OK };

struct cell {
	enum cell_state state;
	uint64_t figure;
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

/* The other node's VMs are gone a moment after their last descriptor is. */
static void await_vmx(void)
{
	int dev = dev_open(), vm = -1;

	for (int i = 0; i < 200 && vm < 0; i++) {
		vm = ioctl(dev, KVM_CREATE_VM, 0L);
		if (vm < 0 && errno != EBUSY)
			break;
		if (vm < 0)
			usleep(10000);
	}
	CHECK_MSG(vm >= 0, "KVM_CREATE_VM: %s", strerror(errno));
	close(vm);
	close(dev);
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
		await_vmx();
		cell->figure = row->run();
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
	const char *text = c->state == CELL_SKIPPED ? "-" : "failed";
	char buf[40];

	if (c->state == CELL_OK)
		text = grouped(c->figure, buf, sizeof(buf));
	printf(" %" CELL_WIDTH "s |", text);
}

/* The first node's figure over the second's, and whether that is as it should. */
static void print_ratio(const struct bench_row *row, const struct cell *c)
{
	double ratio;

	if (c[0].state != CELL_OK || c[1].state != CELL_OK || !c[1].figure) {
		printf(" %5s | %6g | %-7s |", "-", row->target, "-");
		return;
	}
	ratio = (double)c[0].figure / c[1].figure;
	printf(" %5.3f | %6g | %-7s |", ratio, row->target,
	       ratio <= row->target ? "met" : "missed");
}

/* Returns the number of figures that could not be had. */
static int print_row(const struct bench_row *row, char *const *nodes, int n)
{
	struct cell cells[n];
	int failed = 0;

	for (int i = 0; i < n; i++) {
		measure(row, nodes[i]);
		cells[i] = *cell;
		failed += cells[i].state == CELL_FAILED;
	}
	printf("| %-" NAME_WIDTH "s |", row->name);
	for (int i = 0; i < n; i++)
		print_cell(&cells[i]);
	if (n > 1)
		print_ratio(row, cells);
	putchar('\n');
	for (int i = 0; i < n; i++)
		if (cells[i].state != CELL_OK)
			fprintf(stderr, "# %s: %s: %s\n", nodes[i], row->name,
				cells[i].why);
	fflush(stdout);
	return failed;
}

static void print_head(char *const *nodes, int n)
{
	printf("| %-" NAME_WIDTH "s |", "measure");
	for (int i = 0; i < n; i++)
		printf(" %" CELL_WIDTH "s |", nodes[i]);
	puts(n > 1 ? " ratio | target | verdict |" : "");
	fputs("|---|", stdout);
	for (int i = 0; i < n; i++)
		fputs("--:|", stdout);
	puts(n > 1 ? "--:|--:|---|" : "");
}

int bench_table(const char *only, char *const *nodes, int n)
{
	int failed = 0;

	cell = mmap(NULL, sizeof(*cell), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cell == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	print_head(nodes, n);
	for (unsigned int i = 0; i < bench_nr_rows; i++)
		if (strstr(bench_rows[i].name, only))
			failed += print_row(&bench_rows[i], nodes, n);
	return failed;
}
