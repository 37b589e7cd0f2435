// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that changes under a running guest: whatever the host does to the
 * mapping behind a slot, the guest sees what the mapping has now.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define PAGE	4096ull
#define NR	32ull			/* pages under test */
#define TEST_GPA 0x40000000ull		/* slot 1 */

static volatile uint64_t published[NR] GUEST_VAR;
static volatile uint64_t rounds GUEST_VAR, stop GUEST_VAR;

GINLINE volatile uint64_t *g_page(uint64_t i)
{
	return (volatile uint64_t *)(TEST_GPA + i * PAGE);
}

/* --- first touch, zero page, host's writes --- */

GUEST static void first_touch(void)
{
	for (uint64_t i = 0; i < NR; i++)
		g_check_eq(*g_page(i), 0);	/* a read comes first */
	for (uint64_t i = 0; i < NR; i++)
		*g_page(i) = i + 1;
	g_sync(1);
	for (uint64_t i = 0; i < NR; i++)
		g_check_eq(*g_page(i), i + 1001);
	g_done();
}

TEST(first_touch, "untouched memory reads 0, writes go both ways")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *p = vm_add_slot(vm, 1, 0, TEST_GPA, NR * PAGE);

	vcpu_enter64(v, first_touch);
	CHECK_EQ(vcpu_sync(v), 1);
	for (uint64_t i = 0; i < NR; i++) {
		CHECK_EQ(p[i * 512], i + 1);
		p[i * 512] += 1000;
	}
	vcpu_done(v);
}

/* --- what a touch costs the host in memory --- */

#define WIDE	256ull			/* pages of the slot */

static volatile uint64_t stride GUEST_VAR, touches GUEST_VAR;

GUEST static void touch_some(void)
{
	for (uint64_t i = 0; i < touches; i++)
		*g_page(i * stride) = i + 1;
	g_done();
}

/* The pages of the slot that the host has after @n touches @step apart. */
static unsigned int resident_after(uint64_t n, uint64_t step)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint8_t *p = vm_add_slot(vm, 1, 0, TEST_GPA, WIDE * PAGE);
	unsigned char in[WIDE];
	unsigned int pages = 0;

	CHECK_OK(madvise(p, WIDE * PAGE, MADV_NOHUGEPAGE));
	G(vm, touches) = n;
	G(vm, stride) = step;
	vcpu_enter64(v, touch_some);
	vcpu_done(v);
	CHECK_OK(mincore(p, WIDE * PAGE, in));
	for (uint64_t i = 0; i < WIDE; i++)
		pages += in[i] & 1;
	for (uint64_t i = 0; i < n; i++)
		CHECK_EQ(*(uint64_t *)(p + i * step * PAGE), i + 1);
	return pages;
}

TEST(touch_costs, "scattered touches take no other memory, a run at most as much again")
{
	CHECK_EQ(resident_after(1, 1), 1);
	CHECK_EQ(resident_after(WIDE / 2, 2), WIDE / 2);
	CHECK_EQ(resident_after(WIDE / 8, 8), WIDE / 8);
	CHECK(resident_after(5, 1) <= 10);
	CHECK(resident_after(WIDE / 2, 1) <= WIDE / 2 + 16);
	CHECK_EQ(resident_after(WIDE, 1), WIDE);
}

/* What comes after a run is looked at before it is asked for: not so here. */
TEST(run_ends, "a run of first touches ends where memory cannot be written")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint8_t *p = vm_add_slot(vm, 1, 0, TEST_GPA, WIDE * PAGE);
	const uint64_t writable = 40, n = 64;
	unsigned char in[WIDE];

	CHECK_OK(madvise(p, WIDE * PAGE, MADV_NOHUGEPAGE));
	CHECK_OK(mprotect(p + writable * PAGE, (WIDE - writable) * PAGE,
			  PROT_READ));
	G(vm, touches) = n;
	G(vm, stride) = 1;
	vcpu_enter64(v, touch_some);
	CHECK_ERRNO(ioctl(v->fd, KVM_RUN, 0L), EFAULT);
	CHECK_OK(mincore(p, WIDE * PAGE, in));
	for (uint64_t i = 0; i < WIDE; i++)
		CHECK_EQ(in[i] & 1, i < writable);
	CHECK_OK(mprotect(p, WIDE * PAGE, PROT_READ | PROT_WRITE));
	vcpu_done(v);
	for (uint64_t i = 0; i < n; i++)
		CHECK_EQ(*(uint64_t *)(p + i * PAGE), i + 1);
}

/* --- pages replaced while the guest reads and writes --- */

/*
 * The host replaces page i, writes a generation into it and then publishes
 * that.  A generation read after its publication can only be as new or newer;
 * an old one means that the guest still reads the page that went.
 */
GUEST static void follow(void)
{
	uint64_t last = 0;

	g_sti();
	while (!stop) {
		for (uint64_t i = 0; i < NR; i++) {
			uint64_t at_least = published[i], now;

			g_barrier();
			now = g_page(i)[0];
			/* 0 while it is new and not yet written. */
			if (now && now < at_least)
				g_fail(__LINE__, now, at_least);
			g_page(i)[1] = last;
		}
		rounds++;
		last++;
	}
	for (uint64_t i = 0; i < NR; i++)
		g_page(i)[2] = ~i;
	g_done();
}

typedef void (*replace_fn)(uint8_t *page, int fd);

static void drop(uint8_t *page, int fd)
{
	CHECK_OK(madvise(page, PAGE, MADV_DONTNEED));
}

static void remap(uint8_t *page, int fd)
{
	void *p = mmap(page, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	CHECK_EQ((uintptr_t)p, (uintptr_t)page);
}

static void protect(uint8_t *page, int fd)
{
	CHECK_OK(mprotect(page, PAGE, PROT_READ));
	CHECK_OK(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
}

struct pressure {
	struct vm *vm;
	uint8_t *mem;
	replace_fn fn;
};

static void *replace_all(void *arg)
{
	struct pressure *p = arg;

	for (uint64_t gen = 1; gen <= 8; gen++) {
		for (uint64_t i = 0; i < NR; i++) {
			uint8_t *page = p->mem + i * PAGE;

			p->fn(page, -1);
			*(volatile uint64_t *)page = gen;
			atomic_thread_fence(memory_order_seq_cst);
			G(p->vm, published[i]) = gen;
			if (i % 8 == 0)
				usleep(100);
		}
	}
	G(p->vm, stop) = 1;
	return NULL;
}

/* A write to a page just protected is -EFAULT; the next try goes through. */
static void run_through(struct vcpu *v)
{
	int r;

	do {
		r = vcpu_run(v);
	} while (r == -EINTR || r == -EAGAIN || r == -EFAULT);
	CHECK_EQ(r, 0);
	if (v->run->exit_reason != KVM_EXIT_IO ||
	    v->run->io.port != PORT_DONE)
		vcpu_bad_exit(v);
}

static void under_pressure(replace_fn fn)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct pressure p = {
		.vm = vm, .fn = fn,
		.mem = vm_add_slot(vm, 1, 0, TEST_GPA, NR * PAGE),
	};
	pthread_t t;

	vcpu_enter64(v, follow);
	CHECK_EQ(pthread_create(&t, NULL, replace_all, &p), 0);
	run_through(v);
	pthread_join(t, NULL);
	CHECK(G(vm, rounds) > 0);
	for (uint64_t i = 0; i < NR; i++) {
		uint64_t *page = (uint64_t *)(p.mem + i * PAGE);

		CHECK_EQ(page[0], 8);
		CHECK_EQ(page[2], ~i);
	}
}

TEST(dontneed, "MADV_DONTNEED under a guest that reads and writes")
{
	under_pressure(drop);
}

TEST(remap, "mmap(MAP_FIXED) under a guest that reads and writes")
{
	under_pressure(remap);
}

TEST(protect, "mprotect under a guest that reads and writes")
{
	under_pressure(protect);
}

/* --- one at a time --- */

GUEST static void step(void)
{
	for (;;) {
		g_sync((uint32_t)*g_page(0));
		*g_page(1) += 1;
	}
}

TEST(protected, "what the host may not write, the guest may not; reads go on")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *p = vm_add_slot(vm, 1, 0, TEST_GPA, 4 * PAGE);

	p[0] = 7;
	vcpu_enter64(v, step);
	CHECK_EQ(vcpu_sync(v), 7);
	CHECK_EQ(vcpu_sync(v), 7);
	CHECK_OK(mprotect(p, 2 * PAGE, PROT_READ));
	CHECK_EQ(vcpu_run(v), -EFAULT);
	CHECK_EQ(p[512], 1);
	CHECK_OK(mprotect(p, 2 * PAGE, PROT_READ | PROT_WRITE));
	CHECK_EQ(vcpu_sync(v), 7);
	CHECK_EQ(p[512], 2);
	CHECK_OK(mprotect(p, PAGE, PROT_READ));
	CHECK_EQ(vcpu_sync(v), 7);
}

TEST(unmapped, "memory behind a slot that is gone is -EFAULT until it is back")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *p = vm_add_slot(vm, 1, 0, TEST_GPA, 4 * PAGE);
	void *again;

	p[0] = 7;
	vcpu_enter64(v, step);
	CHECK_EQ(vcpu_sync(v), 7);
	CHECK_OK(munmap(p, 4 * PAGE));
	CHECK_EQ(vcpu_run(v), -EFAULT);
	again = mmap(p, 4 * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CHECK_EQ((uintptr_t)again, (uintptr_t)p);
	p[0] = 9;
	CHECK_EQ(vcpu_sync(v), 9);
}

TEST(file, "a shared file mapping: writes meet, a punched hole reads 0")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	int fd = memfd_create("guest", 0);
	uint64_t *p, val = 5;

	CHECK_OK(ftruncate(fd, 4 * PAGE));
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	CHECK_OK(vm_set_slot(vm, 1, 0, TEST_GPA, 4 * PAGE, p));
	CHECK_EQ(pwrite(fd, &val, 8, 0), 8);
	vcpu_enter64(v, step);
	CHECK_EQ(vcpu_sync(v), 5);
	CHECK_EQ(vcpu_sync(v), 5);
	CHECK_EQ(pread(fd, &val, 8, PAGE), 8);
	CHECK_EQ(val, 1);
	CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			   4 * PAGE));
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(p[512], 2);
}

TEST(fork, "after fork the guest writes its own copy, the child keeps its")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *p = vm_add_slot(vm, 1, 0, TEST_GPA, 4 * PAGE);
	int status, go[2];
	pid_t pid;
	char c;

	p[0] = 7;
	vcpu_enter64(v, step);
	CHECK_EQ(vcpu_sync(v), 7);
	CHECK_EQ(vcpu_sync(v), 7);
	CHECK_OK(pipe(go));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		if (read(go[0], &c, 1) != 1)
			_exit(2);
		_exit(p[512] == 1 && p[0] == 7 ? 0 : 1);
	}
	CHECK_EQ(vcpu_sync(v), 7);
	p[0] = 8;
	CHECK_EQ(vcpu_sync(v), 8);
	CHECK_EQ(p[512], 3);
	CHECK_EQ(write(go[1], "x", 1), 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(vcpu_sync(v), 8);
	CHECK_EQ(p[512], 4);
}

/* --- huge pages --- */

#define HUGE	0x200000ull

GUEST static void huge(void)
{
	for (uint64_t i = 0; i < 512; i++)
		*g_page(i) = i;
	g_sync(1);
	for (uint64_t i = 0; i < 512; i++)
		g_check_eq(*g_page(i), i == 100 ? 0 : i);
	*g_page(100) = 1;
	g_sync(2);
	for (uint64_t i = 0; i < 512; i++)
		g_check_eq(*g_page(i), i == 100 ? 1 : i);
	g_done();
}

TEST(huge_page, "a page dropped from within a huge one; the rest stays")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint8_t *p = vm_add_slot(vm, 1, 0, TEST_GPA, HUGE);

	if (madvise(p, HUGE, MADV_HUGEPAGE))
		tap_skip("MADV_HUGEPAGE: %s", strerror(errno));
	p[0] = 1;
	vcpu_enter64(v, huge);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_OK(madvise(p + 100 * PAGE, PAGE, MADV_DONTNEED));
	CHECK_EQ(vcpu_sync(v), 2);
	CHECK_EQ(p[100 * PAGE], 1);
	CHECK_OK(madvise(p, HUGE, MADV_NOHUGEPAGE));
	vcpu_done(v);
}

/* The guest's offset in a huge page need not be the host's. */
TEST(huge_misaligned, "a slot whose alignment differs from its memory's")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint8_t *p = mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *a = (uint8_t *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));

	madvise(a, 2 * HUGE, MADV_HUGEPAGE);
	memset(a, 0, 2 * HUGE);
	CHECK_OK(vm_set_slot(vm, 1, 0, TEST_GPA, HUGE, a + 3 * PAGE));
	vcpu_enter64(v, huge);
	CHECK_EQ(vcpu_sync(v), 1);
	for (uint64_t i = 0; i < 512; i++)
		CHECK_EQ(*(uint64_t *)(a + (i + 3) * PAGE), i);
	CHECK_EQ(a[2 * PAGE], 0);
	CHECK_EQ(a[HUGE + 3 * PAGE], 0);
	CHECK_OK(madvise(a + 103 * PAGE, PAGE, MADV_DONTNEED));
	CHECK_EQ(vcpu_sync(v), 2);
	vcpu_done(v);
}

/* --- large pages beside each other --- */

#define RUN	8ull

static volatile uint64_t run_from GUEST_VAR, run_to GUEST_VAR;
static uint64_t run_seen[RUN] GUEST_VAR;

GUEST static void huge_run(void)
{
	for (;;) {
		for (uint64_t i = run_from; i < run_to; i++) {
			run_seen[i] = g_read64(TEST_GPA + i * HUGE);
			g_write64(TEST_GPA + i * HUGE + 8, i + 100);
		}
		g_sync(0);
	}
}

static uint64_t *run_word(uint8_t *p, uint64_t i)
{
	return (uint64_t *)(p + i * HUGE);
}

/* One fault may map several: each leads to its own, and goes with its own. */
TEST(huge_run, "large pages are mapped with those before them; none is made")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint8_t *all = mmap(NULL, (RUN + 1) * HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *p = (uint8_t *)(((uintptr_t)all + HUGE - 1) & ~(HUGE - 1));
	unsigned char in[HUGE / PAGE];

	CHECK(all != MAP_FAILED);
	madvise(p, RUN * HUGE, MADV_HUGEPAGE);
	for (uint64_t i = 0; i < RUN; i++)
		*run_word(p, i) = i + 1;
	CHECK_OK(madvise(p + 5 * HUGE, HUGE, MADV_DONTNEED));
	CHECK_OK(vm_set_slot(vm, 1, 0, TEST_GPA, RUN * HUGE - 100 * PAGE, p));
	vcpu_enter64(v, huge_run);
	G(vm, run_to) = 1;
	vcpu_sync(v);
	CHECK_EQ(G(vm, run_seen[0]), 1);
	CHECK_OK(mincore(p + 5 * HUGE, HUGE, in));
	for (uint64_t i = 0; i < HUGE / PAGE; i++)
		CHECK_EQ(in[i] & 1, 0);
	CHECK_OK(madvise(p + 2 * HUGE, HUGE, MADV_DONTNEED));
	G(vm, run_from) = 1;
	G(vm, run_to) = RUN;
	vcpu_sync(v);
	for (uint64_t i = 1; i < RUN; i++) {
		CHECK_EQ(G(vm, run_seen[i]), i == 2 || i == 5 ? 0 : i + 1);
		CHECK_EQ(run_word(p, i)[1], i + 100);
	}
}
