// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The runstate area as the guest sees it: both layouts at every place across a
 * page boundary, with and without the update flag, word size switched, memory
 * away while the vCPU was not running; and what a reader on another vCPU sees.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xen.h"

#define PAGES		XEN_RUNSTATE	/* and the page after it */
#define FILL		0xaa
#define UPDATE		(1ull << 63)

struct runstate32 {
	uint32_t state;
	uint64_t entry, time[4];
} __attribute__((packed));

struct runstate {
	uint32_t state;
	uint64_t entry, time[4];
};

/* --- the host's look --- */

static struct runstate read_area(const uint8_t *p, bool wide)
{
	struct runstate r;
	struct runstate32 n;

	if (wide) {
		memcpy(&r, p, sizeof(r));
	} else {
		memcpy(&n, p, sizeof(n));
		r.state = n.state;
		r.entry = n.entry;
		memcpy(r.time, n.time, sizeof(r.time));
	}
	return r;
}

static uint64_t vm_clock(struct vm *vm)
{
	struct kvm_clock_data c;

	CHECK_OK(ioctl(vm->fd, KVM_GET_CLOCK, &c));
	return c.clock;
}

/* Between runs: complete, no flag, the times those of the clock, padding 0. */
static struct runstate check_area(struct vm *vm, uint64_t gpa, bool wide)
{
	const uint8_t *p = vm_ptr(vm, gpa);
	struct runstate r = read_area(p, wide);
	uint32_t pad;

	CHECK(r.state <= RUNSTATE_offline);
	CHECK(!(r.entry & UPDATE));
	CHECK_EQ(r.entry, r.time[0] + r.time[1] + r.time[2] + r.time[3]);
	CHECK(r.entry && r.entry <= vm_clock(vm));
	memcpy(&pad, p + 4, 4);
	if (wide)
		CHECK_EQ(pad, 0);
	return r;
}

static int set_area(struct vcpu *v, uint64_t gpa)
{
	return xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR, gpa);
}

static void set_flag(struct vm *vm, bool on)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG,
		.u.long_mode = on,
	};

	CHECK_OK(xen_set(vm, &a));
}

static void set_wide(struct vm *vm, bool wide)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_LONG_MODE, .u.long_mode = wide,
	};

	CHECK_OK(xen_set(vm, &a));
}

GUEST static void sync_on(void)
{
	for (;;)
		g_sync(1);
}

static struct vcpu *area_vcpu(bool wide)
{
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE |
		    KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG);
	v = xen_vcpu(xen_vm(wide), 0);
	vcpu_enter64(v, sync_on);
	return v;
}

/* --- every place --- */

static void one_place(struct vcpu *v, unsigned int first, bool wide)
{
	unsigned int size = wide ? 0x30 : 0x2c;
	uint64_t gpa = PAGES + 0x1000 - first;
	uint8_t *mem = vm_ptr(v->vm, PAGES);
	struct runstate r1, r2;

	memset(mem, FILL, 0x2000);
	CHECK_OK(set_area(v, gpa));
	vcpu_sync(v);
	r1 = check_area(v->vm, gpa, wide);
	CHECK_EQ(r1.state, RUNSTATE_running);
	vcpu_sync(v);
	r2 = check_area(v->vm, gpa, wide);
	CHECK(r2.entry > r1.entry);
	CHECK(r2.time[RUNSTATE_running] > r1.time[RUNSTATE_running]);
	/* nothing beside it */
	for (unsigned int i = 0; i < 0x2000; i++)
		if (i < 0x1000 - first || i >= 0x1000 - first + size)
			CHECK_EQ(mem[i], FILL);
}

static void every_place(bool wide)
{
	struct vcpu *v = area_vcpu(wide);

	for (int flag = 0; flag < 2; flag++) {
		set_flag(v->vm, flag);
		for (unsigned int first = 1; first <= 0x34; first++)
			one_place(v, first, wide);
		CHECK_OK(set_area(v, KVM_XEN_INVALID_GPA));
	}
}

TEST(places, "a 64-bit area at every place across two pages")
{
	every_place(true);
}

TEST(places_32, "a 32-bit area at every place across two pages")
{
	every_place(false);
}

/* --- the word size changes under the area --- */

TEST(word_size, "the area follows the word size, wherever it lies")
{
	struct vcpu *v = area_vcpu(false);
	uint8_t *mem = vm_ptr(v->vm, PAGES);

	/* 0x2c to 0x2f bytes: the second page is needed by 64 bits alone */
	for (unsigned int first = 1; first <= 0x34; first++) {
		uint64_t gpa = PAGES + 0x1000 - first;

		set_wide(v->vm, false);
		memset(mem, FILL, 0x2000);
		CHECK_OK(set_area(v, gpa));
		vcpu_sync(v);
		check_area(v->vm, gpa, false);
		set_wide(v->vm, true);
		vcpu_sync(v);
		check_area(v->vm, gpa, true);
		CHECK_EQ(mem[0x1000 - first + 0x30], FILL);
		set_wide(v->vm, false);
		vcpu_sync(v);
		check_area(v->vm, gpa, false);
	}
}

TEST(word_size_end, "a second page that is not there costs the area, no more")
{
	struct vcpu *v = area_vcpu(false);
	uint64_t gpa = VM_MEM_SIZE - 0x2c;

	/* all of it fits until it is 64-bit */
	CHECK_OK(set_area(v, gpa));
	vcpu_sync(v);
	check_area(v->vm, gpa, false);
	set_wide(v->vm, true);
	vcpu_sync(v);
	set_wide(v->vm, false);
	vcpu_sync(v);
	check_area(v->vm, gpa, false);
}

/* --- memory that is away between runs --- */

static void map_page(void *p, int prot)
{
	CHECK(mmap(p, 0x1000, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		   -1, 0) == p);
}

TEST(away, "an area without its memory while the vCPU waits is found again")
{
	uint64_t gpa = PAGES + 0x1000 - 0x10;
	struct vcpu *v = area_vcpu(true);
	struct runstate r, last;

	CHECK_OK(set_area(v, gpa));
	vcpu_sync(v);
	last = check_area(v->vm, gpa, true);
	for (int round = 0; round < 12; round++) {
		int page = round & 1;
		uint8_t *p = vm_ptr(v->vm, PAGES + page * 0x1000);

		/* gone and back while it waits; gone over an entry; read-only */
		if (round % 3 == 0) {
			CHECK_OK(munmap(p, 0x1000));
			map_page(p, PROT_READ | PROT_WRITE);
		} else if (round % 3 == 1) {
			CHECK_OK(munmap(p, 0x1000));
			vcpu_sync(v);
			map_page(p, PROT_READ | PROT_WRITE);
		} else {
			CHECK_OK(mprotect(p, 0x1000, PROT_READ));
			vcpu_sync(v);
			CHECK_OK(mprotect(p, 0x1000, PROT_READ | PROT_WRITE));
		}
		vcpu_sync(v);
		r = check_area(v->vm, gpa, true);
		/* no time was lost with the memory */
		CHECK(r.entry > last.entry);
		for (int i = 0; i < 4; i++)
			CHECK(r.time[i] >= last.time[i]);
		last = r;
	}
}

/* --- scheduled out --- */

static volatile bool stop_burning;

static void *burn(void *arg)
{
	(void)arg;
	while (!stop_burning)
		;
	return NULL;
}

static volatile uint64_t spin_until GUEST_VAR;

GUEST static void spin(void)
{
	for (;;) {
		uint64_t end = g_rdtsc() + spin_until;

		g_sti();
		while (g_rdtsc() < end)
			g_pause();
		g_sync(1);
	}
}

/* Two threads on one CPU: the vCPU waits for about half of the time. */
static void share_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
}

static void waits_for_cpu(struct vcpu *v)
{
	uint64_t gpa = PAGES + 0x1000 - 0x18;
	struct runstate r;
	pthread_t t;

	share_cpu();
	CHECK_OK(set_area(v, gpa));
	G(v->vm, spin_until) = 10000000;
	vcpu_enter64(v, spin);
	CHECK_EQ(pthread_create(&t, NULL, burn, NULL), 0);
	vcpu_sync(v);
	vcpu_sync(v);
	stop_burning = true;
	pthread_join(t, NULL);
	r = check_area(v->vm, gpa, true);
	tap_diag("running %llu us, runnable %llu us",
		 (unsigned long long)r.time[0] / 1000,
		 (unsigned long long)r.time[1] / 1000);
	CHECK(r.time[RUNSTATE_runnable] > r.time[RUNSTATE_running] / 8);
}

TEST(stolen, "the time a vCPU waits for a CPU is runnable, not running")
{
	waits_for_cpu(area_vcpu(true));
}

/* Then nothing is written where the scheduler switches away. */
TEST(stolen_ring, "it is with a dirty ring, too")
{
	struct kvm_enable_cap c = {
		.cap = KVM_CAP_DIRTY_LOG_RING,
		.args[0] = 1 << 16,
	};
	struct vcpu *v;
	struct vm *vm;

	xen_require(KVM_XEN_HVM_CONFIG_RUNSTATE);
	REQUIRE_CAP(KVM_CAP_DIRTY_LOG_RING);
	vm = xen_vm(true);
	CHECK_OK(ioctl(vm->fd, KVM_ENABLE_CAP, &c));
	vm_add_slot(vm, 7, KVM_MEM_LOG_DIRTY_PAGES, 0x40000000, 0x10000);
	v = xen_vcpu(vm, 0);
	waits_for_cpu(v);
}

#define TURNS	200

static volatile uint64_t stop_looking GUEST_VAR, not_running GUEST_VAR;

GUEST static void look_at_own(void)
{
	volatile struct runstate *r = (void *)PAGES;

	g_sync(1);
	while (!stop_looking)
		not_running += r->state != RUNSTATE_running;
	g_done();
}

TEST(turns, "runnable to who has its CPU meanwhile, running to itself")
{
	struct vcpu *v = area_vcpu(true);
	unsigned int runnable = 0;
	struct vcpu_thread *t;
	struct runstate r;

	share_cpu();
	CHECK_OK(set_area(v, PAGES));
	vcpu_enter64(v, look_at_own);
	vcpu_sync(v);
	t = vcpu_start(v);
	for (unsigned int i = 0; i < TURNS; i++) {
		usleep(500);
		r = check_area(v->vm, PAGES, true);
		runnable += r.state == RUNSTATE_runnable;
	}
	G(v->vm, stop_looking) = 1;
	vcpu_join(t);
	tap_diag("runnable in %u of %u looks", runnable, TURNS);
	CHECK(runnable > TURNS / 2);
	CHECK_EQ(G(v->vm, not_running), 0);
	check_area(v->vm, PAGES, true);
}

/* --- a reader beside the writer --- */

static volatile uint64_t reads GUEST_VAR, torn GUEST_VAR, retries GUEST_VAR;

/* As a kernel reads its neighbour's area. */
GUEST static void read_neighbour(void)
{
	volatile struct runstate *r = (void *)(PAGES + 0x1000 - 0x18);

	for (int i = 0; i < 100000; i++) {
		uint64_t entry, sum;

		g_sti();
		entry = r->entry;
		g_barrier();
		sum = r->time[0] + r->time[1] + r->time[2] + r->time[3];
		g_barrier();
		if (entry != r->entry || (entry & UPDATE)) {
			retries++;
			continue;
		}
		reads++;
		if (entry != sum)
			torn++;
	}
	g_done();
}

static void *run_writer(void *arg)
{
	struct vcpu *v = arg;

	while (!stop_burning)
		vcpu_sync(v);
	return NULL;
}

TEST(torn, "with the update flag a reader never takes half of a change")
{
	struct vcpu *v = area_vcpu(true), *reader;
	pthread_t t;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		tap_skip("one CPU: interrupts are off while the kernel writes");
	reader = xen_vcpu(v->vm, 1);
	set_flag(v->vm, true);
	CHECK_OK(set_area(v, PAGES + 0x1000 - 0x18));
	vcpu_sync(v);
	CHECK_EQ(pthread_create(&t, NULL, run_writer, v), 0);
	vcpu_enter64(reader, read_neighbour);
	vcpu_done(reader);
	stop_burning = true;
	pthread_join(t, NULL);
	tap_diag("%llu reads, %llu retries",
		 (unsigned long long)G(v->vm, reads),
		 (unsigned long long)G(v->vm, retries));
	CHECK(G(v->vm, reads) > 1000);
	CHECK(G(v->vm, retries) > 10);
	CHECK_EQ(G(v->vm, torn), 0);
}
