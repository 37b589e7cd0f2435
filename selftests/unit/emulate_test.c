// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit test of the instruction emulator; host build, prints TAP.
 *
 * emulate_test [SEED [COUNT]]: SEED of the random parts, and how many
 * instructions they make in each mode.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "emulate_test.h"

static unsigned int tap_nr, tap_failed, tap_notes;

void tap_note(const char *format, ...)
{
	va_list args;

	/* One fault can show in thousands of instructions. */
	if (++tap_notes > 200)
		return;
	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void tap_result(bool passed, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", passed ? "" : "not ", ++tap_nr);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	if (!passed)
		tap_failed++;
	fflush(stdout);
}

void tap_left_out(const char *what, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++tap_nr, what, why);
	fflush(stdout);
}

/* splitmix64 */
u64 rnd_next(struct rnd *r)
{
	u64 z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

u32 rnd_below(struct rnd *r, u32 limit)
{
	return (rnd_next(r) >> 32) % limit;
}

bool rnd_once(struct rnd *r, u32 n)
{
	return !rnd_below(r, n);
}

int main(int argc, char **argv)
{
	u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	unsigned int count = argc > 2 ? strtoul(argv[2], NULL, 0) : 10000;

	printf("TAP version 13\n# seed %llu count %u\n",
	       (unsigned long long)seed, count);
	emulate_test_decodes();
	emulate_test_left_out();
	emulate_test_tasks();
	emulate_test_cases();
	emulate_test_fuzz(seed, count);
	emulate_test_native(seed, count);
	printf("1..%u\n", tap_nr);
	return tap_failed ? 1 : 0;
}
