// SPDX-License-Identifier: GPL-2.0-or-later
/* Dirty logging: manual protection, partial clears, rings; what a guest writes. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "guest.h"

#define SLOT		5
#define AREA		0x10000000ull
#define PAGES		1600ull		/* more than a CPU notes by itself */
#define WORDS		(PAGES / 64)
#define RING_OFFSET	(KVM_DIRTY_LOG_PAGE_OFFSET * 4096l)
#define RING_ENTRIES	1024u
#define RING_BYTES	(RING_ENTRIES * sizeof(struct kvm_dirty_gfn))

/* Rounds: write pages [from, to) by step, then report. */
static volatile uint64_t from GUEST_VAR, to GUEST_VAR, step GUEST_VAR;
static volatile uint64_t only_read GUEST_VAR;

GUEST static void toucher(void)
{
	for (uint32_t round = 1;; round++) {
		for (uint64_t i = from; i < to; i += step) {
			volatile uint64_t *p =
				(volatile uint64_t *)(AREA + i * 4096);

			if (only_read)
				(void)*p;
			else
				*p = round;
		}
		g_sync(round);
	}
}

struct area {
	struct vm *vm;
	struct vcpu *v;
	void *mem;
	uint64_t bits[WORDS];
};

static void area_slot(struct area *a, uint32_t flags)
{
	CHECK_OK(vm_set_slot(a->vm, SLOT, flags, AREA, PAGES * 4096, a->mem));
}

static struct area *area_new(int cap, uint64_t arg)
{
	struct kvm_enable_cap c = { .cap = cap, .args[0] = arg };
	struct area *a = calloc(1, sizeof(*a));

	a->vm = vm_new(0);
	if (cap)
		CHECK_OK(ioctl(a->vm->fd, KVM_ENABLE_CAP, &c));
	a->v = vcpu_new(a->vm, 0);
	a->mem = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(a->mem != MAP_FAILED);
	vcpu_enter64(a->v, toucher);
	return a;
}

static void touch(struct area *a, uint64_t first, uint64_t end, uint64_t by)
{
	G(a->vm, from) = first;
	G(a->vm, to) = end;
	G(a->vm, step) = by;
	vcpu_sync(a->v);
}

static int get_log(struct area *a)
{
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = a->bits };

	memset(a->bits, 0xaa, sizeof(a->bits));
	return ioctl(a->vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static int clear_log(struct area *a, uint64_t first, uint32_t pages, void *bits)
{
	struct kvm_clear_dirty_log log = {
		.slot = SLOT, .first_page = first, .num_pages = pages,
		.dirty_bitmap = bits,
	};

	return ioctl(a->vm->fd, KVM_CLEAR_DIRTY_LOG, &log);
}

/* Exactly these pages are dirty in what get_log() has brought. */
static void check_pages(struct area *a, uint64_t first, uint64_t end,
			uint64_t by)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		bool want = i >= first && i < end && !((i - first) % by);
		bool is = a->bits[i / 64] >> i % 64 & 1;

		CHECK_MSG(want == is, "page %lu is %sdirty", i, is ? "" : "not ");
	}
}

static void expect_log(struct area *a, uint64_t first, uint64_t end, uint64_t by)
{
	CHECK_OK(get_log(a));
	check_pages(a, first, end, by);
}

TEST(bitmap, "each round's pages, once; reads are no writes")
{
	struct area *a = area_new(0, 0);

	area_slot(a, KVM_MEM_LOG_DIRTY_PAGES);
	G(a->vm, only_read) = 1;
	touch(a, 0, PAGES, 1);
	expect_log(a, 0, 0, 1);
	G(a->vm, only_read) = 0;
	touch(a, 0, PAGES, 3);
	expect_log(a, 0, PAGES, 3);
	expect_log(a, 0, 0, 1);
	touch(a, 1, PAGES, 7);
	touch(a, 1, PAGES, 7);
	expect_log(a, 1, PAGES, 7);
	/* all of them, which fills the CPU's own log several times */
	touch(a, 0, PAGES, 1);
	expect_log(a, 0, PAGES, 1);
	touch(a, 5, 6, 1);
	expect_log(a, 5, 6, 1);
}

/* Does the CPU log the pages it writes to?  Then nothing needs to fault. */
static bool cpu_has_pml(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[8192];
	bool has = false;

	CHECK_MSG(f, "/proc/cpuinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		has |= !strncmp(line, "vmx flags", 9) && strstr(line, " pml");
	fclose(f);
	return has;
}

TEST(mapped, "pages that were written before: each first write is logged, without a fault")
{
	struct area *a = area_new(0, 0);
	uint64_t faults;

	for (int i = 0; i < 3; i++) {
		area_slot(a, 0);
		touch(a, 0, PAGES, 1);
		faults = vcpu_stat(a->v, "faults");
		area_slot(a, KVM_MEM_LOG_DIRTY_PAGES);
		expect_log(a, 0, 0, 1);
		touch(a, 0, PAGES, 3);
		touch(a, 0, PAGES, 3);
		if (cpu_has_pml() && !strcmp(dev_path(), "/dev/xkvm"))
			CHECK_EQ(vcpu_stat(a->v, "faults"), faults);
		expect_log(a, 0, PAGES, 3);
		touch(a, 0, PAGES, 1);
		expect_log(a, 0, PAGES, 1);
	}
}

TEST(stop, "logging that stops and starts again starts from nothing")
{
	struct area *a = area_new(0, 0);

	area_slot(a, 0);
	touch(a, 0, PAGES, 1);
	area_slot(a, KVM_MEM_LOG_DIRTY_PAGES);
	expect_log(a, 0, 0, 1);
	touch(a, 0, 10, 1);
	area_slot(a, 0);
	touch(a, 20, 30, 1);
	CHECK_ERRNO(get_log(a), ENOENT);
	area_slot(a, KVM_MEM_LOG_DIRTY_PAGES);
	touch(a, 40, 50, 1);
	CHECK_OK(get_log(a));
	/* what was written before may show; nothing written now is missing */
	for (uint64_t i = 40; i < 50; i++)
		CHECK(a->bits[i / 64] >> i % 64 & 1);
}

/* --- manual protection ----------------------------------------------------------- */

TEST(manual, "reading the log changes nothing; clearing takes what is asked")
{
	struct area *a;
	uint64_t mask[WORDS];

	REQUIRE_CAP(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	a = area_new(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		     KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	area_slot(a, KVM_MEM_LOG_DIRTY_PAGES);
	touch(a, 0, 256, 1);
	expect_log(a, 0, 256, 1);
	expect_log(a, 0, 256, 1);
	/* all but 64 to 127, in two pieces; then those stay dirty */
	memset(mask, 0xff, sizeof(mask));
	CHECK_OK(clear_log(a, 0, 64, mask));
	CHECK_OK(clear_log(a, 128, PAGES - 128, mask));
	expect_log(a, 64, 128, 1);
	touch(a, 60, 70, 1);
	expect_log(a, 60, 128, 1);
	/* only what the mask names */
	memset(mask, 0, sizeof(mask));
	mask[0] = 1ull << 4;
	CHECK_OK(clear_log(a, 64, 64, mask));
	CHECK_OK(get_log(a));
	CHECK_EQ(a->bits[1], ~(1ull << 4));
	touch(a, 68, 69, 1);
	expect_log(a, 60, 128, 1);
}

TEST(initially_set, "everything is dirty until it is cleared")
{
	const uint64_t both = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
			      KVM_DIRTY_LOG_INITIALLY_SET;
	uint64_t mask[WORDS];
	struct area *a;

	if ((dev_cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) & both) != both)
		tap_skip("no KVM_DIRTY_LOG_INITIALLY_SET");
	a = area_new(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, both);
	area_slot(a, 0);
	touch(a, 0, PAGES, 1);
	area_slot(a, KVM_MEM_LOG_DIRTY_PAGES);
	expect_log(a, 0, PAGES, 1);
	memset(mask, 0xff, sizeof(mask));
	CHECK_OK(clear_log(a, 0, PAGES, mask));
	expect_log(a, 0, 0, 1);
	G(a->vm, only_read) = 1;
	touch(a, 0, PAGES, 1);
	expect_log(a, 0, 0, 1);
	G(a->vm, only_read) = 0;
	touch(a, 3, PAGES, 5);
	expect_log(a, 3, PAGES, 5);
}

TEST(huge, "a large page that was mapped before logging is told apart")
{
	const uint64_t both = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
			      KVM_DIRTY_LOG_INITIALLY_SET;
	const uint64_t gpa = 0x20000000;
	struct area *a;
	uint64_t mask[8];
	char *mem;
	struct kvm_dirty_log log = { .slot = 7, .dirty_bitmap = mask };
	struct kvm_clear_dirty_log clear = {
		.slot = 7, .num_pages = 512, .dirty_bitmap = mask,
	};

	if ((dev_cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) & both) != both)
		tap_skip("no KVM_DIRTY_LOG_INITIALLY_SET");
	a = area_new(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, both);
	mem = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mem != MAP_FAILED);
	mem = (char *)(((uintptr_t)mem + (2 << 20) - 1) & ~((2ul << 20) - 1));
	madvise(mem, 2 << 20, MADV_HUGEPAGE);
	memset(mem, 1, 2 << 20);
	CHECK_OK(vm_set_slot(a->vm, 7, 0, gpa, 2 << 20, mem));
	touch(a, (gpa - AREA) >> 12, ((gpa - AREA) >> 12) + 1, 1);
	CHECK_OK(vm_set_slot(a->vm, 7, KVM_MEM_LOG_DIRTY_PAGES, gpa, 2 << 20,
			     mem));
	memset(mask, 0xff, sizeof(mask));
	CHECK_OK(ioctl(a->vm->fd, KVM_CLEAR_DIRTY_LOG, &clear));
	touch(a, ((gpa - AREA) >> 12) + 70, ((gpa - AREA) >> 12) + 72, 1);
	CHECK_OK(ioctl(a->vm->fd, KVM_GET_DIRTY_LOG, &log));
	for (int i = 0; i < 8; i++)
		CHECK_EQ(mask[i], i == 1 ? 0xc0 : 0);
}

TEST(clear_refused, "ranges that are not whole words of the slot")
{
	struct kvm_enable_cap c = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args[0] = KVM_DIRTY_LOG_INITIALLY_SET,
	};
	struct area *a = area_new(0, 0);
	uint64_t mask[WORDS] = { 0 };

	REQUIRE_CAP(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	CHECK_ERRNO(ioctl(a->vm->fd, KVM_ENABLE_CAP, &c), EINVAL);
	c.args[0] = 4;
	CHECK_ERRNO(ioctl(a->vm->fd, KVM_ENABLE_CAP, &c), EINVAL);
	CHECK_ERRNO(clear_log(a, 0, 64, mask), ENOENT);
	area_slot(a, KVM_MEM_LOG_DIRTY_PAGES);
	CHECK_ERRNO(clear_log(a, 1, 64, mask), EINVAL);
	CHECK_ERRNO(clear_log(a, 0, 63, mask), EINVAL);
	CHECK_ERRNO(clear_log(a, 0, PAGES + 64, mask), EINVAL);
	CHECK_ERRNO(clear_log(a, PAGES + 64, 64, mask), EINVAL);
	CHECK_ERRNO(clear_log(a, -64ull, 64, mask), EINVAL);
	CHECK_ERRNO(clear_log(a, 0, 64, (void *)8), EFAULT);
	CHECK_OK(clear_log(a, PAGES, 0, mask));
}

/* --- rings ----------------------------------------------------------------------- */

static int ring_cap(void)
{
	return dev_cap(KVM_CAP_DIRTY_LOG_RING_ACQ_REL) > 0 ?
		KVM_CAP_DIRTY_LOG_RING_ACQ_REL : KVM_CAP_DIRTY_LOG_RING;
}

static struct kvm_dirty_gfn *ring_map(struct vcpu *v)
{
	void *p = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		       v->fd, RING_OFFSET);

	CHECK(p != MAP_FAILED);
	return p;
}

/* Take all there is, starting at *@at; mark pages in a->bits. */
static unsigned int ring_take(struct area *a, struct kvm_dirty_gfn *ring,
			      uint32_t *at)
{
	unsigned int n = 0;

	memset(a->bits, 0, sizeof(a->bits));
	for (;; n++, ++*at) {
		struct kvm_dirty_gfn *e = &ring[*at % RING_ENTRIES];

		if (__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) !=
		    KVM_DIRTY_GFN_F_DIRTY)
			return n;
		CHECK_EQ(e->slot, SLOT);
		CHECK(e->offset < PAGES);
		CHECK_MSG(!(a->bits[e->offset / 64] >> e->offset % 64 & 1),
			  "page %llu is there twice", e->offset);
		a->bits[e->offset / 64] |= 1ull << e->offset % 64;
		__atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET,
				 __ATOMIC_RELEASE);
	}
}

TEST(ring, "pages come through the ring, and again after the reset")
{
	struct kvm_dirty_gfn *ring;
	struct area *a;
	uint32_t at = 0;

	REQUIRE_CAP(KVM_CAP_DIRTY_LOG_RING);
	a = area_new(ring_cap(), RING_BYTES);
	ring = ring_map(a->v);
	area_slot(a, KVM_MEM_LOG_DIRTY_PAGES);
	CHECK_ERRNO(get_log(a), ENXIO);
	CHECK_ERRNO(clear_log(a, 0, 64, a->bits), ENXIO);
	for (int round = 0; round < 5; round++) {
		touch(a, round, 1200, 4);
		CHECK_EQ(ring_take(a, ring, &at),
			 (1200 - round + 3) / 4);
		check_pages(a, round, 1200, 4);
		CHECK_EQ(ioctl(a->vm->fd, KVM_RESET_DIRTY_RINGS),
			 (1200 - round + 3) / 4);
	}
	CHECK_EQ(ioctl(a->vm->fd, KVM_RESET_DIRTY_RINGS), 0);
	/* without a reset a page is not told of again */
	touch(a, 0, 8, 1);
	touch(a, 0, 8, 1);
	CHECK_EQ(ring_take(a, ring, &at), 8);
}

TEST(ring_full, "a full ring stops the vCPU until it is emptied; no page is lost")
{
	uint64_t all[WORDS] = { 0 };
	struct kvm_dirty_gfn *ring;
	struct area *a;
	uint32_t at = 0, fulls = 0;

	REQUIRE_CAP(KVM_CAP_DIRTY_LOG_RING);
	a = area_new(ring_cap(), RING_BYTES);
	ring = ring_map(a->v);
	area_slot(a, KVM_MEM_LOG_DIRTY_PAGES);
	G(a->vm, from) = 0;
	G(a->vm, to) = PAGES;
	G(a->vm, step) = 1;
	while (vcpu_exit(a->v) == KVM_EXIT_DIRTY_RING_FULL) {
		/* and again, as long as nobody does anything about it */
		vcpu_expect(a->v, KVM_EXIT_DIRTY_RING_FULL);
		CHECK(ring_take(a, ring, &at) > 0);
		CHECK(ioctl(a->vm->fd, KVM_RESET_DIRTY_RINGS) > 0);
		for (unsigned int i = 0; i < WORDS; i++)
			all[i] |= a->bits[i];
		CHECK(++fulls < PAGES);
	}
	CHECK(vcpu_at_sync(a->v, 1));
	CHECK(fulls > 0);
	ring_take(a, ring, &at);
	for (unsigned int i = 0; i < WORDS; i++)
		CHECK_EQ(all[i] | a->bits[i], ~0ull);
}

TEST(ring_lies, "what user space writes into the ring harms nobody")
{
	struct kvm_dirty_gfn *ring;
	struct area *a;

	REQUIRE_CAP(KVM_CAP_DIRTY_LOG_RING);
	a = area_new(ring_cap(), RING_BYTES);
	ring = ring_map(a->v);
	area_slot(a, KVM_MEM_LOG_DIRTY_PAGES);
	touch(a, 0, 4, 1);
	ring[0].slot = 999;
	ring[1].offset = ~0ull;
	ring[2].slot = ~0u;
	ring[3].offset = PAGES;
	for (unsigned int i = 0; i < RING_ENTRIES; i++)
		ring[i].flags = KVM_DIRTY_GFN_F_RESET;
	/* entries that the kernel has not given are not taken back */
	CHECK_EQ(ioctl(a->vm->fd, KVM_RESET_DIRTY_RINGS), 4);
	CHECK_EQ(ioctl(a->vm->fd, KVM_RESET_DIRTY_RINGS), 0);
	touch(a, 100, 104, 1);
	for (unsigned int i = 4; i < 8; i++) {
		CHECK_EQ(ring[i].flags, KVM_DIRTY_GFN_F_DIRTY);
		CHECK_EQ(ring[i].offset, 96 + i);
	}
}

TEST(ring_refused, "sizes, order and mappings that are not possible")
{
	struct kvm_enable_cap c = { .cap = ring_cap(), .args[0] = RING_BYTES };
	long max = dev_cap(ring_cap());
	struct vm *vm = vm_new(0);
	struct vcpu *v;

	REQUIRE_CAP(KVM_CAP_DIRTY_LOG_RING);
	CHECK_ERRNO(ioctl(vm->fd, KVM_RESET_DIRTY_RINGS), EINVAL);
	c.args[0] = 0;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &c), EINVAL);
	c.args[0] = RING_BYTES + 16;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &c), EINVAL);
	c.args[0] = 512;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &c), EINVAL);
	c.args[0] = 2 * max;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &c), E2BIG);
	c.args[0] = RING_BYTES;
	CHECK_OK(ioctl(vm->fd, KVM_ENABLE_CAP, &c));
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &c), EINVAL);
	v = vcpu_new(vm, 0);
	CHECK(mmap(NULL, RING_BYTES, PROT_READ, MAP_PRIVATE, v->fd,
		   RING_OFFSET) == MAP_FAILED);
	CHECK(mmap(NULL, RING_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, v->fd,
		   RING_OFFSET) == MAP_FAILED);
	CHECK(mmap(NULL, RING_BYTES + 4096, PROT_READ, MAP_SHARED, v->fd,
		   RING_OFFSET) == MAP_FAILED);

	vm = vm_new(0);
	v = vcpu_new(vm, 0);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &c), EINVAL);
	CHECK(mmap(NULL, RING_BYTES, PROT_READ, MAP_SHARED, v->fd,
		   RING_OFFSET) == MAP_FAILED);
}
