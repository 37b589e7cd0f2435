// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random callers: threads, steps, and what counts as a failure: anything that
 * the kernel has to say, or no end.
 *
 * XKVM_SEED repeats a run, as far as the threads' calls go; XKVM_STEPS and
 * XKVM_THREADS set how many. By hand:
 *	lab/host --add build/selftests/fuzz/random -- env XKVM_SEED=7 /root/random
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define MAX_THREADS	8
#define SECONDS		110
#define TICK_US		20000
/* Long where the kernel checks what it does. */
#define STEPS		(tap_slowdown() ? 2000 : 1000)

struct caller {
	pthread_t thread;
	unsigned int nr;
	uint64_t seed;
	unsigned int steps;
	unsigned int done;
};

static __thread sigjmp_buf step_start;
static __thread bool in_step;
static bool trace;

/* --- one step ----------------------------------------------------------------- */

/* Memory is unmapped under everybody's feet: the step is over. */
static void on_fault(int sig)
{
	if (!in_step) {
		signal(sig, SIG_DFL);
		return;
	}
	siglongjmp(step_start, 1);
}

static void on_tick(int sig)
{
}

static int target(const struct fuzz_step *s, enum fuzz_on on)
{
	switch (on) {
	case ON_NODE:
		return world.node;
	case ON_VM:
		return __atomic_load_n(&s->vm->fd, __ATOMIC_SEQ_CST);
	case ON_VCPU:
		return __atomic_load_n(&s->vcpu->fd, __ATOMIC_SEQ_CST);
	default:
		return __atomic_load_n(&s->vm->device, __ATOMIC_SEQ_CST);
	}
}

/*
 * A boundary somewhere in the argument. Nothing made here is an address of
 * this program's own memory, which is in the lowest 256 MiB.
 */
static void change(struct rng *r, void *arg, size_t size)
{
	size_t width = 1u << rnd_below(r, 4);
	uint64_t v = rnd_edge(r);
	size_t at;

	if (size < width)
		return;
	if (v >= 0x200000 && v < 0x10000000)
		v += 0x10000000;
	at = rnd_below(r, size / width) * width;
	memcpy((uint8_t *)arg + at, &v, width);
}

long fuzz_ioctl(struct fuzz_step *s, const struct fuzz_op *op)
{
	struct rng *r = &s->rng;
	unsigned long arg = 0;

	if (!op->size) {
		arg = op->number ? op->number(r) : 0;
		if (!op->number && rnd_one_in(r, 32))
			arg = rnd_edge(r);
		return ioctl(target(s, op->on), op->cmd, arg);
	}
	if (op->fill)
		op->fill(r, s->arg);
	if (rnd_one_in(r, 8))
		change(r, s->arg, op->size);
	if (op->guard)
		op->guard(s->arg);
	arg = (unsigned long)s->arg;
	if (rnd_one_in(r, 48))
		arg = rnd_hva(r);
	return ioctl(target(s, op->on), op->cmd, arg);
}

static unsigned int weight_of(const struct fuzz_op *ops, unsigned int nr)
{
	unsigned int sum = 0;

	while (nr--)
		sum += ops++->weight;
	return sum;
}

static const struct fuzz_op *pick(struct rng *r)
{
	static const struct {
		const struct fuzz_op *ops;
		const unsigned int *nr;
	} tables[] = {
		{ fuzz_world_ops, &fuzz_nr_world_ops },
		{ fuzz_vm_ops, &fuzz_nr_vm_ops },
		{ fuzz_vcpu_ops, &fuzz_nr_vcpu_ops },
	};
	unsigned int t = rnd_below(r, 3), at;
	const struct fuzz_op *op = tables[t].ops;

	at = rnd_below(r, weight_of(op, *tables[t].nr));
	for (; at >= op->weight; op++)
		at -= op->weight;
	return op;
}

/* An ioctl that there may not be. */
static void unknown(struct fuzz_step *s)
{
	unsigned long cmd = 0xae00 | rnd_below(&s->rng, 256) |
			    rnd_below(&s->rng, 4) << 30 |
			    rnd_below(&s->rng, 64) << 18;

	/* not those that give file descriptors */
	switch (cmd & 0xff) {
	case 0x01: case 0x41: case 0xce: case 0xe0:
		return;
	}
	rnd_bytes(&s->rng, s->arg, 64);
	ioctl(target(s, rnd_below(&s->rng, 4)), cmd, s->arg);
}

static void step(const struct caller *c, unsigned int nr, void *arg)
{
	struct fuzz_step s = {
		.rng.state = c->seed * 0x100000001b3ull + c->nr * 0x1000000ull +
			     nr,
		.arg = arg,
	};
	const struct fuzz_op *op;
	long ret;

	rnd(&s.rng);
	s.vm_nr = rnd_below(&s.rng, FUZZ_VMS);
	s.vcpu_nr = rnd_below(&s.rng, FUZZ_VCPUS);
	s.vm = &world.vm[s.vm_nr];
	s.vcpu = &s.vm->vcpu[s.vcpu_nr];
	if (rnd_one_in(&s.rng, 64)) {
		unknown(&s);
		return;
	}
	op = pick(&s.rng);
	if (trace)
		tap_diag("%u.%u %s vm %u vcpu %u", c->nr, nr, op->name, s.vm_nr,
			 s.vcpu_nr);
	if (op->call) {
		op->call(&s);
		return;
	}
	ret = fuzz_ioctl(&s, op);
	COUNT(calls);
	if (trace)
		tap_diag("%u.%u %s", c->nr, nr, ret < 0 ? strerror(errno) : "ok");
	if (ret < 0)
		return;
	COUNT(answered);
	if (op->keep)
		op->keep(&s, ret);
}

static void *caller(void *arg)
{
	uint8_t *room = malloc(FUZZ_ARG_SIZE);
	struct caller *c = arg;
	volatile unsigned int i;

	for (i = 0; room && i < c->steps; i++) {
		if (!sigsetjmp(step_start, 1)) {
			in_step = true;
			step(c, i, room);
		}
		in_step = false;
		world_release();
		c->done = i + 1;
	}
	free(room);
	return NULL;
}

/* --- the run --------------------------------------------------------------------- */

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* What the kernel says from here on. */
static int log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

static void log_check(int fd)
{
	static const char *const bad[] = {
		"BUG", "WARNING", "Oops", "INFO: ", "ODEBUG", "corruption",
		"general protection",
	};
	char line[8192];
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = read(fd, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		line[n > 0 ? n : 0] = 0;
		for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
			CHECK_MSG(!strstr(line, bad[i]), "the kernel: %s", line);
		errno = 0;
	}
}

static void signals(void)
{
	struct sigaction fault = { .sa_handler = on_fault };
	struct sigaction tick = { .sa_handler = on_tick };

	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGUSR1, &tick, NULL);
}

/* Lets waiting runs go on until all callers are through. */
static void tick(struct caller *c, unsigned int threads)
{
	unsigned int i, done;

	do {
		usleep(TICK_US);
		for (i = done = 0; i < threads; i++) {
			if (__atomic_load_n(&c[i].done, __ATOMIC_SEQ_CST) ==
			    c[i].steps)
				done++;
			pthread_kill(c[i].thread, SIGUSR1);
		}
	} while (done < threads);
}

/* Refusals alone would prove little; a short run by hand may have no more. */
static void check_counts(unsigned int steps)
{
	unsigned int i, kinds = 0;

	for (i = 0; i < sizeof(counts.exits) / sizeof(counts.exits[0]); i++) {
		kinds += !!counts.exits[i];
		if (trace && counts.exits[i])
			tap_diag("%u %s", counts.exits[i], exit_name(i));
	}
	tap_diag("%u ioctls, %u succeeded; %u exits of %u kinds", counts.calls,
		 counts.answered, counts.entered, kinds);
	if (steps < 1000)
		return;
	CHECK(counts.answered > steps / 8);
	CHECK(counts.entered > steps / 16 && kinds >= 5);
}

static void fuzz(uint64_t seed, unsigned int threads, unsigned int steps)
{
	struct caller c[MAX_THREADS] = { 0 };
	int log = log_open();
	unsigned int i;

	tap_diag("seed %llu, %u threads of %u steps: repeat with XKVM_SEED=%llu",
		 (unsigned long long)seed, threads, steps,
		 (unsigned long long)seed);
	trace = setting("XKVM_TRACE", 0);
	signals();
	world_init(seed);
	for (i = 0; i < threads; i++) {
		c[i] = (struct caller){ .nr = i, .seed = seed, .steps = steps };
		CHECK(!pthread_create(&c[i].thread, NULL, caller, &c[i]));
	}
	tick(c, threads);
	for (i = 0; i < threads; i++)
		pthread_join(c[i].thread, NULL);
	world_close_all();
	/* what is freed late, is freed by then */
	usleep(200000);
	log_check(log);
	check_counts(threads * steps);
}

/* The same calls each time, and one after the other. */
TEST_TIMEOUT(one_caller, "random calls of one thread, always the same",
	     SECONDS)
{
	fuzz(setting("XKVM_SEED", 1), 1, setting("XKVM_STEPS", STEPS));
}

TEST_TIMEOUT(callers, "random calls of several threads", SECONDS)
{
	unsigned int threads = setting("XKVM_THREADS", 4);

	CHECK(threads && threads <= MAX_THREADS);
	fuzz(setting("XKVM_SEED", time(NULL)), threads,
	     setting("XKVM_STEPS", STEPS));
}
