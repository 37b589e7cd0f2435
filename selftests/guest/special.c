// SPDX-License-Identifier: GPL-2.0-or-later
/* Special pages: laid over memory and holes, moved, removed, under load. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include "xen.h"

#define PAGE	4096ull
#define RAM	0x40000000ull		/* a slot of 4 MiB, large pages possible */
#define RAM_SIZE 0x400000ull
#define HOLE	0x50000000ull		/* no slot */
#define ABSENT	0xffffffffffffffffull
#define MARK	0xb000ull		/* + number of the page */
#define WORDS	512

static int special(struct vm *vm, unsigned long cmd, uint64_t gpa, void *page,
		   uint32_t flags)
{
	struct xkvm_special_page p = {
		.gfn = gpa / PAGE, .user_addr = (uintptr_t)page, .flags = flags,
	};

	return ioctl(vm->fd, cmd, &p);
}

static int map(struct vm *vm, uint64_t gpa, void *page)
{
	return special(vm, XKVM_MAP_SPECIAL, gpa, page, 0);
}

static int unmap(struct vm *vm, uint64_t gpa, void *page)
{
	return special(vm, XKVM_UNMAP_SPECIAL, gpa, page, 0);
}

/* @n pages, page i beginning with MARK + i. */
static uint64_t *pages_new(unsigned int n)
{
	uint64_t *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	for (unsigned int i = 0; i < n; i++)
		p[i * WORDS] = MARK + i;
	return p;
}

/* The slot at RAM, aligned for large pages; each page begins with its gpa. */
static uint64_t *ram_new(struct vm *vm)
{
	uint8_t *p = mmap(NULL, 2 * RAM_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	p = (uint8_t *)(((uintptr_t)p + 0x1fffff) & ~0x1fffffull);
	madvise(p, RAM_SIZE, MADV_HUGEPAGE);
	for (uint64_t off = 0; off < RAM_SIZE; off += PAGE)
		*(uint64_t *)(p + off) = RAM + off;
	CHECK_OK(vm_set_slot(vm, 1, 0, RAM, RAM_SIZE, p));
	return (uint64_t *)p;
}

static void require(void)
{
	REQUIRE_CAP(XKVM_CAP_SPECIAL);
}

TEST(refusals, "what cannot be mapped or removed, and which error says so")
{
	struct vm *vm = (require(), vm_new(VM_IRQCHIP));
	uint64_t *p = pages_new(2);
	struct xkvm_special_page s = { .gfn = RAM / PAGE, .pad = 1 };

	s.user_addr = (uintptr_t)p;
	CHECK_ERRNO(ioctl(vm->fd, XKVM_MAP_SPECIAL, &s), EINVAL);
	CHECK_ERRNO(special(vm, XKVM_MAP_SPECIAL, RAM, p, 2), EINVAL);
	CHECK_ERRNO(special(vm, XKVM_UNMAP_SPECIAL, RAM, p, 1), EINVAL);
	CHECK_ERRNO(map(vm, RAM, (char *)p + 8), EINVAL);
	CHECK_ERRNO(map(vm, RAM, (void *)(1ul << 63)), EINVAL);
	CHECK_ERRNO(map(vm, 1ull << 60, p), EINVAL);
	CHECK_ERRNO(map(vm, ABSENT & ~(PAGE - 1), p), EINVAL);
	CHECK_ERRNO(map(vm, GUEST_APIC, p), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, XKVM_MAP_SPECIAL, NULL), EFAULT);

	CHECK_ERRNO(unmap(vm, RAM, p), ENOENT);
	CHECK_OK(map(vm, RAM, p));
	CHECK_ERRNO(map(vm, RAM, p), EBUSY);
	CHECK_ERRNO(map(vm, RAM + PAGE, p), EBUSY);
	CHECK_ERRNO(map(vm, RAM, p + WORDS), EEXIST);
	CHECK_ERRNO(unmap(vm, RAM, p + WORDS), ENOENT);
	CHECK_ERRNO(unmap(vm, RAM + PAGE, p), ENOENT);
	CHECK_OK(unmap(vm, RAM, p));
	CHECK_ERRNO(unmap(vm, RAM, p), ENOENT);
	CHECK_OK(map(vm, RAM + PAGE, p));
	CHECK_OK(map(vm, RAM, p + WORDS));
}

TEST(most, "as many as the capability says, and no more")
{
	struct vm *vm = (require(), vm_new(0));
	unsigned int n = dev_cap(XKVM_CAP_SPECIAL), i;
	uint64_t *p = mmap(NULL, (n + 1) * PAGE, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* from above, from below: sorted wherever they go */
	for (i = 0; i < n; i++)
		CHECK_OK(map(vm, HOLE + (i & 1 ? i : 2 * n - i) * PAGE,
			     p + i * WORDS));
	CHECK_ERRNO(map(vm, RAM, p + n * WORDS), ENOSPC);
	CHECK_OK(unmap(vm, HOLE + PAGE, p + WORDS));
	CHECK_OK(map(vm, RAM, p + n * WORDS));
}

/* --- what the guest sees ---------------------------------------------------- */

static volatile uint64_t look_at GUEST_VAR, value GUEST_VAR, store GUEST_VAR;

GUEST static void probe(void)
{
	for (;;) {
		value = g_read64(look_at);
		if (store)
			g_write64(look_at + 8, store);
		g_sync(0);
	}
}

/* The first word the guest sees at @gpa; and it writes the second. */
static uint64_t see(struct vcpu *v, uint64_t gpa, uint64_t write)
{
	struct vm *vm = v->vm;

	G(vm, look_at) = gpa;
	G(vm, store) = write;
	for (;;) {
		switch (vcpu_exit(v)) {
		case KVM_EXIT_MMIO:
			CHECK_EQ(v->run->mmio.phys_addr & ~8ull, gpa);
			memset(v->run->mmio.data, 0xff, 8);
			continue;
		case KVM_EXIT_IO:
			CHECK(vcpu_at_sync(v, 0));
			return G(vm, value);
		default:
			vcpu_bad_exit(v);
		}
	}
}

static void check_ram(struct vcpu *v, uint64_t but)
{
	for (uint64_t off = 0; off < RAM_SIZE; off += 64 * PAGE)
		if (RAM + off != but)
			CHECK_EQ(see(v, RAM + off, 0), RAM + off);
}

TEST(overlay, "hides RAM in a large page, and RAM comes back as it was")
{
	struct vm *vm = (require(), vm_new(0));
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *ram = ram_new(vm), *p = pages_new(1);
	uint64_t at = RAM + 0x105000, off = 0x105000 / 8;

	vcpu_enter64(v, probe);
	CHECK_EQ(see(v, at, 1), at);
	CHECK_OK(map(vm, at, p));
	CHECK_EQ(see(v, at, 2), MARK);
	CHECK_EQ(p[1], 2);
	CHECK_EQ(ram[off + 1], 1);
	CHECK_EQ(see(v, at - PAGE, 3), at - PAGE);
	CHECK_EQ(see(v, at + PAGE, 4), at + PAGE);
	check_ram(v, at);
	CHECK_OK(unmap(vm, at, p));
	CHECK_EQ(see(v, at, 5), at);
	CHECK_EQ(ram[off + 1], 5);
	CHECK_EQ(p[1], 2);
	check_ram(v, 0);
}

TEST(hole, "where no slot is; a slot under it comes and goes")
{
	struct vm *vm = (require(), vm_new(0));
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *p = pages_new(1), *slot = pages_new(1);

	vcpu_enter64(v, probe);
	CHECK_OK(map(vm, HOLE, p));
	CHECK_EQ(see(v, HOLE, 1), MARK);
	CHECK_EQ(see(v, HOLE + PAGE, 1), ABSENT);
	slot[0] = 7;
	CHECK_OK(vm_set_slot(vm, 1, 0, HOLE, PAGE, slot));
	CHECK_EQ(see(v, HOLE, 2), MARK);
	CHECK_OK(unmap(vm, HOLE, p));
	CHECK_EQ(see(v, HOLE, 3), 7);
	CHECK_OK(map(vm, HOLE, p));
	CHECK_OK(vm_set_slot(vm, 1, 0, HOLE, 0, slot));
	CHECK_EQ(see(v, HOLE, 4), MARK);
	CHECK_OK(unmap(vm, HOLE, p));
	CHECK_EQ(see(v, HOLE, 5), ABSENT);
	CHECK_EQ(p[1], 4);
	CHECK_EQ(slot[1], 3);
}

TEST(read_only, "a write to a read-only one leaves as MMIO")
{
	struct vm *vm = (require(), vm_new(0));
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *p = pages_new(1);

	ram_new(vm);
	vcpu_enter64(v, probe);
	CHECK_OK(special(vm, XKVM_MAP_SPECIAL, RAM, p, XKVM_SPECIAL_READONLY));
	CHECK_EQ(see(v, RAM, 0), MARK);
	G(vm, store) = 9;
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.is_write, 1);
	CHECK_EQ(v->run->mmio.phys_addr, RAM + 8);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(p[1], 0);
	CHECK_OK(unmap(vm, RAM, p));
	CHECK_EQ(see(v, RAM, 3), RAM);
}

TEST(notifier, "user space exchanges the memory behind it")
{
	struct vm *vm = (require(), vm_new(0));
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *p = pages_new(1);

	ram_new(vm);
	vcpu_enter64(v, probe);
	CHECK_OK(map(vm, RAM, p));
	CHECK_EQ(see(v, RAM, 1), MARK);
	CHECK(mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED |
		   MAP_ANONYMOUS, -1, 0) == p);
	p[0] = 77;
	CHECK_EQ(see(v, RAM, 2), 77);
	CHECK_EQ(p[1], 2);
	CHECK_OK(madvise(p, PAGE, MADV_DONTNEED));
	CHECK_EQ(see(v, RAM, 3), 0);
	CHECK_EQ(p[1], 3);
	CHECK_OK(mprotect(p, PAGE, PROT_READ));
	CHECK_EQ(see(v, RAM, 0), 0);
	G(vm, store) = 4;
	CHECK_EQ(vcpu_run(v), -EFAULT);
	CHECK_OK(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(p[1], 4);
	CHECK_OK(munmap(p, PAGE));
	G(vm, store) = 0;
	CHECK_EQ(vcpu_run(v), -EFAULT);
	CHECK_OK(unmap(vm, RAM, p));
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(G(vm, value), RAM);
}

/* --- the kernel's own look-ups ---------------------------------------------- */

static int shared_info(struct vm *vm, uint64_t gpa)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO,
		.u.shared_info.gfn = gpa / PAGE,
	};

	return ioctl(vm->fd, KVM_XEN_HVM_SET_ATTR, &a);
}

/* Anything but zero where the kernel writes shared_info's wallclock. */
static bool has_wallclock(const uint64_t *page)
{
	for (unsigned int i = 1; i < WORDS; i++)
		if (page[i])
			return true;
	return false;
}

TEST(cache, "the kernel writes shared_info where the guest sees it")
{
	struct vm *vm = (require(), vm_new(VM_IRQCHIP));
	uint64_t *ram = ram_new(vm), *p = pages_new(1);
	struct kvm_xen_hvm_config c = {
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
		.msr = 0x40000000,
	};

	REQUIRE_CAP(KVM_CAP_XEN_HVM);
	CHECK_OK(ioctl(vm->fd, KVM_XEN_HVM_CONFIG, &c));
	CHECK_OK(map(vm, RAM, p));
	CHECK_OK(shared_info(vm, RAM));
	CHECK(has_wallclock(p));
	CHECK(!has_wallclock(ram));
	memset(p, 0, PAGE);
	/* the cache follows the page: what is hidden again is not written */
	CHECK_OK(unmap(vm, RAM, p));
	CHECK_OK(shared_info(vm, RAM));
	CHECK(has_wallclock(ram));
	CHECK(!has_wallclock(p));
}

#define REG	GUEST_MMIO

GUEST static void copies(void)
{
	/* the emulator reads and writes memory for MOVS to and from a device */
	__asm__ volatile("movsq" : : "S"(RAM), "D"(REG) : "memory");
	__asm__ volatile("movsq" : : "S"(REG), "D"(RAM + 8) : "memory");
	g_done();
}

TEST(emulator, "string moves between a device and a special page")
{
	struct vm *vm = (require(), vm_new(0));
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *ram = ram_new(vm), *p = pages_new(1);

	vcpu_enter64(v, copies);
	CHECK_OK(map(vm, RAM, p));
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.is_write, 1);
	CHECK_EQ(*(uint64_t *)v->run->mmio.data, MARK);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.is_write, 0);
	memset(v->run->mmio.data, 0x5a, 8);
	vcpu_done(v);
	CHECK_EQ(p[1], 0x5a5a5a5a5a5a5a5aull);
	CHECK_EQ(ram[1], 0);
}

TEST(dirty_log, "not the business of the log of the slot under it")
{
	struct vm *vm = (require(), vm_new(0));
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t *ram = ram_new(vm), *p = pages_new(1);
	uint64_t bitmap[RAM_SIZE / PAGE / 64];
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };

	CHECK_OK(vm_set_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, RAM, RAM_SIZE,
			     ram));
	vcpu_enter64(v, probe);
	CHECK_OK(map(vm, RAM + PAGE, p));
	see(v, RAM + PAGE, 1);
	see(v, RAM + 2 * PAGE, 1);
	CHECK_OK(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log));
	CHECK_EQ(bitmap[0], 4);
	see(v, RAM + PAGE, 2);
	CHECK_EQ(p[1], 2);
	CHECK_OK(unmap(vm, RAM + PAGE, p));
	see(v, RAM + PAGE, 3);
	CHECK_OK(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log));
	CHECK_EQ(bitmap[0], 2);
	CHECK_EQ(ram[WORDS + 1], 3);
}

/* --- under load ------------------------------------------------------------- */

/*
 * Each mover has frames, pages and a vCPU of its own and moves the pages about
 * the frames.  After each step its vCPU looks at all of its frames, so that a
 * step which touches another frame shows, be it one's own or another mover's.
 * Meanwhile other vCPUs read everything all the time.
 */
#define MOVERS	2
#define FRAMES	6	/* of a mover: four in RAM, two in the hole */
#define PAGES	3
#define STEPS	150

static volatile uint64_t seen[MOVERS][FRAMES] GUEST_VAR;
static volatile uint64_t stamp[MOVERS] GUEST_VAR, stop GUEST_VAR;

GINLINE uint64_t frame_gpa(uint64_t mover, uint64_t i)
{
	if (i >= 4)
		return HOLE + (mover + (i - 4) * MOVERS) * PAGE;
	/* neighbours belong to different movers */
	return RAM + (mover + i * MOVERS) * PAGE;
}

GUEST static void mover_probe(uint64_t mover)
{
	for (;;) {
		for (uint64_t i = 0; i < FRAMES; i++) {
			uint64_t gpa = frame_gpa(mover, i);

			seen[mover][i] = g_read64(gpa);
			g_write64(gpa + 8, stamp[mover] + i);
		}
		g_sync(0);
	}
}

GUEST static void toucher(void)
{
	g_sti();
	while (!stop)
		for (uint64_t m = 0; m < MOVERS; m++)
			for (uint64_t i = 0; i < FRAMES; i++) {
				uint64_t gpa = frame_gpa(m, i);
				uint64_t x = g_read64(gpa);

				g_check(x == (gpa < HOLE ? gpa : ABSENT) ||
					(x >= MARK + m * PAGES &&
					 x < MARK + (m + 1) * PAGES));
			}
	g_done();
}

struct mover {
	struct vcpu *v;
	uint64_t nr, *ram, *page[PAGES];
	int at[PAGES];			/* frame, or -1 */
	unsigned int seed;
};

static int mover_page_at(const struct mover *m, int frame)
{
	for (int k = 0; k < PAGES; k++)
		if (m->at[k] == frame)
			return k;
	return -1;
}

static void mover_step(struct mover *m)
{
	int k = rand_r(&m->seed) % PAGES, to = rand_r(&m->seed) % FRAMES;
	struct vm *vm = m->v->vm;

	if (m->at[k] >= 0) {
		CHECK_ERRNO(map(vm, frame_gpa(m->nr, to), m->page[k]), EBUSY);
		if (to != m->at[k])
			CHECK_ERRNO(unmap(vm, frame_gpa(m->nr, to),
					  m->page[k]), ENOENT);
		CHECK_OK(unmap(vm, frame_gpa(m->nr, m->at[k]), m->page[k]));
		m->at[k] = -1;
		if (rand_r(&m->seed) & 1)
			return;
	}
	if (mover_page_at(m, to) >= 0) {
		CHECK_ERRNO(map(vm, frame_gpa(m->nr, to), m->page[k]), EEXIST);
		return;
	}
	CHECK_OK(map(vm, frame_gpa(m->nr, to), m->page[k]));
	m->at[k] = to;
}

static void mover_check(struct mover *m, uint64_t now)
{
	struct vm *vm = m->v->vm;

	G(vm, stamp)[m->nr] = now;
	while (vcpu_exit(m->v) == KVM_EXIT_MMIO)
		memset(m->v->run->mmio.data, 0xff, 8);
	CHECK(vcpu_at_sync(m->v, 0));
	for (int i = 0; i < FRAMES; i++) {
		uint64_t gpa = frame_gpa(m->nr, i), want = gpa;
		uint64_t *home = m->ram + (gpa - RAM) / 8;
		int k = mover_page_at(m, i);

		if (k >= 0) {
			home = m->page[k];
			want = MARK + m->nr * PAGES + k;
		} else if (gpa >= HOLE) {
			home = NULL;
			want = ABSENT;
		}
		CHECK_EQ(G(vm, seen)[m->nr][i], want);
		if (home)
			CHECK_EQ(home[1], now + i);
	}
}

static void *mover_run(void *arg)
{
	struct mover *m = arg;

	for (uint64_t i = 1; i <= STEPS; i++) {
		mover_step(m);
		mover_check(m, i << 8);
	}
	return NULL;
}

static void *toucher_run(void *arg)
{
	struct vcpu *v = arg;

	while (vcpu_exit(v) == KVM_EXIT_MMIO)
		memset(v->run->mmio.data, 0xff, 8);
	if (v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != PORT_DONE)
		vcpu_bad_exit(v);
	return NULL;
}

TEST_TIMEOUT(load, "moved by several threads while vCPUs touch them", 120)
{
	struct vm *vm = (require(), vm_new(0));
	uint64_t *ram = ram_new(vm), *p = pages_new(MOVERS * PAGES);
	pthread_t t[MOVERS], touch[2];
	struct mover m[MOVERS];

	for (int i = 0; i < MOVERS; i++) {
		m[i] = (struct mover){ .v = vcpu_new(vm, i), .nr = i,
				       .ram = ram, .seed = 0x1234 + i };
		for (int k = 0; k < PAGES; k++) {
			m[i].page[k] = p + (i * PAGES + k) * WORDS;
			m[i].at[k] = -1;
		}
		vcpu_enter64_arg(m[i].v, mover_probe, i);
	}
	for (int i = 0; i < 2; i++) {
		struct vcpu *v = vcpu_new(vm, MOVERS + i);

		vcpu_enter64(v, toucher);
		CHECK_EQ(pthread_create(&touch[i], NULL, toucher_run, v), 0);
	}
	for (int i = 0; i < MOVERS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, mover_run, &m[i]), 0);
	for (int i = 0; i < MOVERS; i++)
		pthread_join(t[i], NULL);
	G(vm, stop) = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(touch[i], NULL);
}
