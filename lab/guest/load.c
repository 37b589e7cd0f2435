// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verified load on a disk of the guest: writes every block of a file with a
 * pattern of its own and reads each back, in mixed order, with up to twice
 * as many requests at once as a ring has places.  Ends with 0, or 1 and one line.
 * usage: load FILE [BLOCKS]
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
#define MAX_DEPTH	64u
#define STRIDE		769u	/* odd: neighbours would be merged */
#define SYNC_EACH	100u	/* blocks between two flushes */
#define PATIENCE	60	/* seconds for one completion */

static int fd;
static unsigned int blocks = 512, depth;
static aio_context_t ctx;
static uint64_t *buffers[MAX_DEPTH];
static struct iocb cbs[MAX_DEPTH], *batch[MAX_DEPTH];
static long nr_batch;
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

/* Fill in one more of the batch. */
static void add(unsigned int op, uint64_t block, unsigned int round)
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
	batch[nr_batch++] = cb;
}

/* All in one call: the block layer then shows the back end a full ring. */
static void submit(void)
{
	long n, at;

	for (at = 0; at < nr_batch; at += n) {
		n = syscall(SYS_io_submit, ctx, nr_batch - at, batch + at);
		if (n <= 0)
			fail("io_submit: %s", strerror(errno));
	}
	nr_batch = 0;
}

static void harvest(unsigned int round, unsigned int least)
{
	struct timespec patience = { .tv_sec = PATIENCE };
	struct io_event done[MAX_DEPTH];
	long n = syscall(SYS_io_getevents, ctx, least, MAX_DEPTH, done,
			 &patience);

	if (n < (long)least)
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

/*
 * Every block once, as many at a time as there are places: in turn a whole
 * batch at once, and one more for each that has ended.
 */
static void pass(unsigned int op, unsigned int round)
{
	unsigned int i = 0, turn = 0;

	while (i < blocks) {
		while (nr_free && i < blocks) {
			if (op == IOCB_CMD_PWRITE && i % SYNC_EACH == 50 &&
			    nr_free > 1)
				add(IOCB_CMD_FDSYNC, 0, round);
			add(op, (uint64_t)i++ * STRIDE % blocks, round);
		}
		submit();
		harvest(round, turn++ / 16 % 2 ? 1 : depth - nr_free);
	}
	if (nr_free < depth)
		harvest(round, depth - nr_free);
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

static void run(unsigned int at_once, unsigned int round)
{
	depth = at_once;
	for (nr_free = 0; nr_free < depth; nr_free++)
		free_places[nr_free] = nr_free;
	pass(IOCB_CMD_PWRITE, round);
	pass(IOCB_CMD_PREAD, round);
}

int main(int argc, char **argv)
{
	/* A ring has 32 places, and the block layer as many tags for them. */
	static const unsigned int depths[] = { 1, 31, 32, 33, MAX_DEPTH };
	const unsigned int rounds = sizeof(depths) / sizeof(depths[0]);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2)
		blocks = strtoul(argv[2], NULL, 0);
	if (argc < 2 || !blocks || blocks % STRIDE == 0)
		fail("usage: load FILE [BLOCKS]");
	prepare(argv[1]);
	if (syscall(SYS_io_setup, MAX_DEPTH, &ctx))
		fail("io_setup: %s", strerror(errno));
	for (unsigned int i = 0; i < MAX_DEPTH; i++)
		if (posix_memalign((void **)&buffers[i], BLOCK, BLOCK))
			fail("out of memory");
	for (unsigned int round = 0; round < rounds; round++)
		run(depths[round], round);
	printf("%u blocks written and read, 1 to %u at once\n", blocks,
	       MAX_DEPTH);
	return 0;
}
