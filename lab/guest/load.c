// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verified load on a disk of the guest: writes every block of a file with a
 * pattern of its own and reads each back, in mixed order, with more requests
 * at once than a ring has places.  Ends with 0, or 1 and one line.
 * usage: load FILE [BLOCKS [DEPTH]]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK		4096u
#define WORDS		(BLOCK / sizeof(uint64_t))
#define MAX_DEPTH	256u
#define STRIDE		769u	/* odd: neighbours would be merged */
#define SYNC_EACH	100u	/* blocks between two flushes */
#define PATIENCE	60	/* seconds for one completion */

static int fd;
static unsigned int blocks = 2048, depth = 64;
static aio_context_t ctx;
static uint64_t *buffers[MAX_DEPTH];
static struct iocb cbs[MAX_DEPTH];
static unsigned int free_places[MAX_DEPTH], nr_free;

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

static uint64_t word_of(unsigned int round, uint64_t block, unsigned int i)
{
	return (block << 32 | round << 16 | i) * 0x9e3779b97f4a7c15ull;
}

static void fill(unsigned int round, uint64_t block, uint64_t *buf)
{
	for (unsigned int i = 0; i < WORDS; i++)
		buf[i] = word_of(round, block, i);
}

static void check(unsigned int round, uint64_t block, const uint64_t *buf)
{
	for (unsigned int i = 0; i < WORDS; i++)
		if (buf[i] != word_of(round, block, i))
			fail("block %llu, word %u: %016llx, not %016llx",
			     (unsigned long long)block, i,
			     (unsigned long long)buf[i],
			     (unsigned long long)word_of(round, block, i));
}

static void submit(unsigned int op, uint64_t block, unsigned int round)
{
	unsigned int place = free_places[--nr_free];
	struct iocb *cb = &cbs[place];

	*cb = (struct iocb){
		.aio_data = place, .aio_lio_opcode = op, .aio_fildes = fd,
	};
	if (op != IOCB_CMD_FDSYNC) {
		cb->aio_buf = (uintptr_t)buffers[place];
		cb->aio_nbytes = BLOCK;
		cb->aio_offset = block * BLOCK;
	}
	if (op == IOCB_CMD_PWRITE)
		fill(round, block, buffers[place]);
	else
		memset(buffers[place], 0, BLOCK);
	if (syscall(SYS_io_submit, ctx, 1, &cb) != 1)
		fail("io_submit: %s", strerror(errno));
}

static void harvest(unsigned int round)
{
	struct timespec patience = { .tv_sec = PATIENCE };
	struct io_event done[MAX_DEPTH];
	long n = syscall(SYS_io_getevents, ctx, 1, MAX_DEPTH, done, &patience);

	if (n <= 0)
		fail("%u requests under way and none ends within %u s",
		     depth - nr_free, PATIENCE);
	for (long i = 0; i < n; i++) {
		unsigned int place = done[i].data;
		struct iocb *cb = &cbs[place];

		if (done[i].res != (int64_t)cb->aio_nbytes)
			fail("operation %u at %lld: result %lld",
			     cb->aio_lio_opcode, (long long)cb->aio_offset,
			     (long long)done[i].res);
		if (cb->aio_lio_opcode == IOCB_CMD_PREAD)
			check(round, cb->aio_offset / BLOCK, buffers[place]);
		free_places[nr_free++] = place;
	}
}

/* Every block once, as many at a time as there are places. */
static void pass(unsigned int op, unsigned int round)
{
	for (unsigned int i = 0; i < blocks; i++) {
		while (!nr_free)
			harvest(round);
		submit(op, (uint64_t)i * STRIDE % blocks, round);
		if (op == IOCB_CMD_PWRITE && i % SYNC_EACH == 0) {
			while (!nr_free)
				harvest(round);
			submit(IOCB_CMD_FDSYNC, 0, round);
		}
	}
	while (nr_free < depth)
		harvest(round);
}

/* Blocks that exist, so that writing them needs nothing of the file system. */
static void prepare(const char *path)
{
	static char zero[BLOCK];

	fd = open(path, O_RDWR | O_CREAT, 0600);
	for (unsigned int i = 0; fd >= 0 && i < blocks; i++)
		if (pwrite(fd, zero, BLOCK, (off_t)i * BLOCK) != BLOCK)
			fail("%s: %s", path, strerror(errno));
	if (fd < 0 || fsync(fd) || close(fd))
		fail("%s: %s", path, strerror(errno));
	fd = open(path, O_RDWR | O_DIRECT);
	if (fd < 0)
		fail("%s, directly: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2)
		blocks = strtoul(argv[2], NULL, 0);
	if (argc > 3)
		depth = strtoul(argv[3], NULL, 0);
	if (argc < 2 || !blocks || blocks % STRIDE == 0 || !depth ||
	    depth > MAX_DEPTH)
		fail("usage: load FILE [BLOCKS [DEPTH]]");
	prepare(argv[1]);
	if (syscall(SYS_io_setup, depth, &ctx))
		fail("io_setup: %s", strerror(errno));
	for (; nr_free < depth; nr_free++) {
		if (posix_memalign((void **)&buffers[nr_free], BLOCK, BLOCK))
			fail("out of memory");
		free_places[nr_free] = nr_free;
	}
	for (unsigned int round = 0; round < 2; round++) {
		pass(IOCB_CMD_PWRITE, round);
		pass(IOCB_CMD_PREAD, round);
	}
	printf("%u blocks written and read twice, %u at once\n", blocks, depth);
	return 0;
}
