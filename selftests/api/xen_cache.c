// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Event delivery, clocks and runstates into guest pages that the client takes
 * away meanwhile: unmapped, replaced, protected, swapped, migrated, and slots
 * that come, go and move.
 *
 * Every page is one of a memfd, so that a second mapping, the witness, shows
 * what becomes of a page after it has left the guest: nothing may.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <time.h>
#include <unistd.h>

#include "xen.h"

#ifndef MADV_COLLAPSE			/* 6.1 */
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define PAGE		0x1000ul
#define PORTS		1024
#define GSI		5
#define PRIO		KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL
#define RUN_MS		800		/* of each kind of mischief */
#define AREA		(XEN_RUNSTATE + 0x1000 - 0x18)	/* across two pages */

/* The pages in use, by guest address. */
static const uint64_t used[] = {
	XEN_SHINFO, XEN_VCPU_INFO, XEN_RUNSTATE, XEN_RUNSTATE + 0x1000,
	XEN_TIME_INFO + 0x1000,
};
#define USED		(sizeof(used) / sizeof(used[0]))
#define SETS		2		/* pages of the memfd for each */

struct stress {
	struct vm *vm;
	struct vcpu *v;
	int memfd, eventfd;
	uint8_t *witness;		/* USED * SETS pages of the memfd */
	unsigned int set[USED];		/* which page is in the guest */
	volatile bool stop;
	volatile uint64_t sent, runs;
};

/* --- the traffic ------------------------------------------------------------- */

GUEST static void busy(void)
{
	for (;;) {
		for (uint32_t port = 1; port < PORTS; port += 37) {
			g_evtchn_send(port);
			g_sched_op(SCHEDOP_yield, 0);
		}
		g_sync(1);
	}
}

/* Errors are for memory that is away, and nothing else. */
static bool fine(int ret)
{
	return ret >= 0 || errno == EFAULT || errno == EINTR;
}

static void *sender(void *arg)
{
	struct stress *s = arg;
	uint64_t one = 1;

	for (uint32_t port = 1; !s->stop; port = port % (PORTS - 1) + 1) {
		if (!fine(xen_send(s->vm, port, 0)))
			FAIL("send: %s", strerror(errno));
		CHECK_EQ(write(s->eventfd, &one, 8), 8);
		s->sent++;
	}
	return NULL;
}

/* Exits now and then; guest memory it needs itself is never away. */
static void *runner(void *arg)
{
	struct stress *s = arg;

	while (!s->stop) {
		if (vcpu_run(s->v) == 0 &&
		    s->v->run->exit_reason == KVM_EXIT_XEN)
			s->v->run->xen.u.hcall.result = 0;
		s->runs++;
	}
	return NULL;
}

/* --- setting up --------------------------------------------------------------- */

static uint8_t *witness_page(struct stress *s, unsigned int i, unsigned int set)
{
	return s->witness + (i * SETS + set) * PAGE;
}

/* Put page @set of used[i] where the guest has it; what was there is out. */
static void put_page(struct stress *s, unsigned int i, unsigned int set)
{
	void *to = vm_ptr(s->vm, used[i]);

	CHECK(mmap(to, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   s->memfd, (i * SETS + set) * PAGE) == to);
	s->set[i] = set;
}

static void route(struct stress *s)
{
	struct {
		struct kvm_irq_routing hdr;
		struct kvm_irq_routing_entry e;
	} r = {
		.hdr.nr = 1,
		.e = {
			.gsi = GSI,
			.type = KVM_IRQ_ROUTING_XEN_EVTCHN,
			.u.xen_evtchn = { .port = 2000, .priority = PRIO },
		},
	};
	struct kvm_irqfd f = { .gsi = GSI };

	s->eventfd = f.fd = eventfd(0, 0);
	CHECK_OK(ioctl(s->vm->fd, KVM_SET_GSI_ROUTING, &r));
	CHECK_OK(ioctl(s->vm->fd, KVM_IRQFD, &f));
}

static void bind_ports(struct stress *s)
{
	for (uint32_t port = 1; port < PORTS; port += 37) {
		struct kvm_xen_hvm_attr a = {
			.type = KVM_XEN_ATTR_TYPE_EVTCHN,
			.u.evtchn = {
				.send_port = port,
				.type = 5,	/* EVTCHNSTAT_ipi */
				.deliver.port = { .port = port,
						  .priority = PRIO },
			},
		};

		CHECK_OK(xen_set(s->vm, &a));
	}
}

/* Every area at its place relative to that of shared_info. */
static void place_areas(struct stress *s, uint64_t gpa)
{
	struct kvm_xen_hvm_attr si = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO,
		.u.shared_info.gfn = gpa >> 12,
	};

	gpa -= XEN_SHINFO;
	CHECK_OK(xen_set(s->vm, &si));
	CHECK_OK(xen_set_gpa(s->v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
			     gpa + XEN_VCPU_INFO));
	CHECK_OK(xen_set_gpa(s->v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			     gpa + AREA));
	CHECK_OK(xen_set_gpa(s->v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO,
			     gpa + XEN_TIME_INFO + 0x1000));
}

static struct stress *setup(void)
{
	struct stress *s = calloc(1, sizeof(*s));
	struct kvm_xen_hvm_attr flag = {
		.type = KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG,
		.u.long_mode = 1,
	};

	CHECK(s);
	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND |
		    KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG);
	s->memfd = memfd_create("pages", 0);
	CHECK(s->memfd >= 0);
	CHECK_OK(ftruncate(s->memfd, USED * SETS * PAGE));
	s->witness = mmap(NULL, USED * SETS * PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED, s->memfd, 0);
	CHECK(s->witness != MAP_FAILED);
	s->vm = xen_vm(true);
	for (unsigned int i = 0; i < USED; i++)
		put_page(s, i, 0);
	s->v = xen_vcpu(s->vm, 0);
	CHECK_OK(xen_set(s->vm, &flag));
	place_areas(s, XEN_SHINFO);
	route(s);
	bind_ports(s);
	vcpu_enter64(s->v, busy);
	return s;
}

/* --- running one kind of mischief ------------------------------------------------ */

static uint64_t now_ms(void)
{
	struct timespec t;

	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &t));
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* After all of it events arrive as if nothing had been. */
static void check_works(struct stress *s)
{
	place_areas(s, XEN_SHINFO);
	for (unsigned int i = 0; i < USED; i++) {
		put_page(s, i, 0);
		memset(witness_page(s, i, 0), 0, PAGE);
	}
	CHECK_OK(xen_send(s->vm, 77, 0));
	CHECK(xen_pending(s->vm, 77, true));
	CHECK_EQ(vcpu_run(s->v), 0);
	CHECK_EQ(xen_vcpu_info(s->vm, 0)->evtchn_upcall_pending, 1);
	CHECK(xen_vcpu_info(s->vm, 0)->evtchn_pending_sel & 2);
}

/* A slow kernel may need longer for it; the test's limit ends that. */
static bool had_traffic(struct stress *s)
{
	return s->sent > 20 && s->runs > 5;
}

static void run_stress(struct stress *s, void (*step)(struct stress *s, int n))
{
	uint64_t end = now_ms() + RUN_MS;
	int n, least = tap_slowdown() ? 5 : 20;
	pthread_t a, b;

	CHECK_EQ(pthread_create(&a, NULL, sender, s), 0);
	CHECK_EQ(pthread_create(&b, NULL, runner, s), 0);
	for (n = 0; now_ms() < end || n < least || !had_traffic(s); n++)
		step(s, n);
	s->stop = true;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	tap_diag("%d steps, %llu sends, %llu runs", n,
		 (unsigned long long)s->sent, (unsigned long long)s->runs);
	check_works(s);
}

/* Let the traffic have the CPU. */
static void let_run(void)
{
	usleep(3000);
}

/* --- replaced: nothing stale ------------------------------------------------------ */

static void step_replace(struct stress *s, int n)
{
	static uint8_t frozen[PAGE];
	unsigned int i = n % USED, old = s->set[i];

	put_page(s, i, !old);
	/* from here on the page of before is nobody's */
	memcpy(frozen, witness_page(s, i, old), PAGE);
	let_run();
	for (unsigned int j = 0; j < PAGE; j++)
		CHECK_MSG(frozen[j] == witness_page(s, i, old)[j],
			  "page at %#llx was written after it had gone, at %#x",
			  (unsigned long long)used[i], j);
}

TEST(replaced, "a page that was replaced is not written any more")
{
	run_stress(setup(), step_replace);
}

/* --- away: unmapped, and read-only -------------------------------------------------- */

static void step_unmap(struct stress *s, int n)
{
	static uint8_t frozen[PAGE];
	unsigned int i = n % USED, old = s->set[i];

	CHECK_OK(munmap(vm_ptr(s->vm, used[i]), PAGE));
	memcpy(frozen, witness_page(s, i, old), PAGE);
	let_run();
	CHECK(!memcmp(frozen, witness_page(s, i, old), PAGE));
	put_page(s, i, old);
	let_run();
}

TEST(unmapped, "memory that is away is not written, and is used once back")
{
	run_stress(setup(), step_unmap);
}

static void step_protect(struct stress *s, int n)
{
	static uint8_t frozen[PAGE];
	unsigned int i = n % USED;
	void *p = vm_ptr(s->vm, used[i]);

	CHECK_OK(mprotect(p, PAGE, PROT_READ));
	memcpy(frozen, p, PAGE);
	let_run();
	CHECK(!memcmp(frozen, p, PAGE));
	CHECK_OK(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	let_run();
}

TEST(protected, "memory that became read-only is not written")
{
	run_stress(setup(), step_protect);
}

/* --- the client's advice, with private memory ----------------------------------------- */

static void use_private(struct stress *s)
{
	for (unsigned int i = 0; i < USED; i++) {
		void *p = vm_ptr(s->vm, used[i]);

		CHECK(mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			   MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
	}
}

static void step_dontneed(struct stress *s, int n)
{
	CHECK_OK(madvise(vm_ptr(s->vm, used[n % USED]), PAGE, MADV_DONTNEED));
	/* the page may be another now, with what the kernel writes at once */
	if (n % 7 == 0)
		let_run();
}

TEST(dontneed, "pages that are dropped again and again")
{
	struct stress *s = setup();

	use_private(s);
	run_stress(s, step_dontneed);
}

/* --- moved about in the host, with memory of their own ------------------------------ */

#define SLOT_AREAS	0x40000000ull
#define SLOT_SIZE	0x200000ul	/* a huge page */
#define SLOT_USED	(6 * PAGE)

static uint8_t *slot_mem[2];

static uint8_t *huge_memory(int flags)
{
	uint8_t *p = mmap(NULL, 2 * SLOT_SIZE, PROT_READ | PROT_WRITE,
			  flags | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p + (-(uintptr_t)p & (SLOT_SIZE - 1));
}

static struct stress *setup_slot(int flags)
{
	struct stress *s = setup();

	for (int i = 0; i < 2; i++)
		slot_mem[i] = huge_memory(flags);
	CHECK_OK(vm_set_slot(s->vm, 1, 0, SLOT_AREAS, SLOT_SIZE, slot_mem[0]));
	place_areas(s, SLOT_AREAS);
	return s;
}

/* Two words of the mask, of ports that nobody sends to: this test's alone. */
static uint64_t *scratch(void)
{
	return (uint64_t *)&((shared_info_t *)slot_mem[0])->evtchn_mask[60];
}

/* What is in a page stays when the page moves, from either side. */
static void check_kept(struct stress *s)
{
	uint8_t *byte = slot_mem[0] + offsetof(shared_info_t, evtchn_pending) +
			3000 / 8;

	CHECK_EQ(scratch()[0], scratch()[1]);
	scratch()[0]++;
	scratch()[1]++;
	*byte = 0;
	CHECK_OK(xen_send(s->vm, 3000, 0));
	CHECK_EQ(*byte, 1 << 3000 % 8);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		tap_diag("%s: %s", path, strerror(errno));
	close(fd);
}

/* Swap on the disk that XKVM_SWAP names, whose contents are lost. */
static bool have_swap(void)
{
	const char *disk = getenv("XKVM_SWAP");
	static uint8_t head[PAGE];
	uint32_t info[3] = { 1, 1023, 0 };	/* version, last page */
	int fd = disk ? open(disk, O_RDWR) : -1;

	if (fd < 0)
		return false;
	memcpy(head + 1024, info, sizeof(info));
	memcpy(head + PAGE - 10, "SWAPSPACE2", 10);
	CHECK_EQ(pwrite(fd, head, PAGE, 0), PAGE);
	close(fd);
	return !swapon(disk, 0) || errno == EBUSY;
}

static long vmstat(const char *name)
{
	size_t n = strlen(name);
	char line[128];
	long val = 0;
	FILE *f = fopen("/proc/vmstat", "r");

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, n) && line[n] == ' ')
			val = atol(line + n);
	fclose(f);
	return val;
}

static void step_swap(struct stress *s, int n)
{
	CHECK_OK(madvise(slot_mem[0], SLOT_USED, MADV_PAGEOUT));
	if (n % 3 == 0)
		let_run();
	check_kept(s);
}

TEST(swapped, "pages that are swapped out under the traffic")
{
	struct stress *s = setup_slot(MAP_PRIVATE);
	long before = vmstat("pswpout");

	if (!have_swap())
		tap_skip("XKVM_SWAP names no disk to swap to");
	CHECK_OK(madvise(slot_mem[0], SLOT_SIZE, MADV_NOHUGEPAGE));
	run_stress(s, step_swap);
	CHECK(vmstat("pswpout") > before + 10);
}

static void step_migrate(struct stress *s, int n)
{
	/* into a huge page, which is another one, and back to small ones */
	if (madvise(slot_mem[0], SLOT_SIZE, MADV_COLLAPSE) &&
	    errno != EAGAIN && errno != ENOMEM && errno != EBUSY)
		tap_skip("MADV_COLLAPSE: %s", strerror(errno));
	check_kept(s);
	CHECK_OK(madvise(slot_mem[0] + SLOT_USED + n % 64 * PAGE, PAGE,
			 MADV_DONTNEED));
	check_kept(s);
	if (n % 8 == 0)
		write_file("/proc/sys/vm/compact_memory", "1");
	let_run();
	check_kept(s);
}

TEST(migrated, "pages that are collapsed into huge ones, split and compacted")
{
	struct stress *s = setup_slot(MAP_PRIVATE);
	long before = vmstat("thp_collapse_alloc");

	CHECK_OK(madvise(slot_mem[0], SLOT_SIZE, MADV_NOHUGEPAGE));
	memset(slot_mem[0], 0, SLOT_SIZE);
	place_areas(s, SLOT_AREAS);
	CHECK_OK(madvise(slot_mem[0], SLOT_SIZE, MADV_HUGEPAGE));
	run_stress(s, step_migrate);
	CHECK(vmstat("thp_collapse_alloc") > before);
}

/* --- slots --------------------------------------------------------------------------- */

static void step_slot(struct stress *s, int n)
{
	static uint8_t frozen[SLOT_USED];
	uint8_t *old = slot_mem[n & 1], *new = slot_mem[!(n & 1)];

	/* out: nobody writes it any more */
	CHECK_OK(vm_set_slot(s->vm, 1, 0, SLOT_AREAS, 0, old));
	memcpy(frozen, old, sizeof(frozen));
	let_run();
	CHECK(!memcmp(frozen, old, sizeof(frozen)));
	CHECK_OK(vm_set_slot(s->vm, 1, 0, SLOT_AREAS, SLOT_SIZE, new));
	let_run();
	CHECK(!memcmp(frozen, old, sizeof(frozen)));
	/* moved away and back, the memory being the same */
	CHECK_OK(vm_set_slot(s->vm, 1, 0, SLOT_AREAS + SLOT_SIZE, SLOT_SIZE,
			     new));
	memcpy(frozen, new, sizeof(frozen));
	let_run();
	CHECK(!memcmp(frozen, new, sizeof(frozen)));
	CHECK_OK(vm_set_slot(s->vm, 1, 0, SLOT_AREAS, SLOT_SIZE, new));
}

TEST(slots, "a slot that is deleted or moved takes its pages out of use")
{
	run_stress(setup_slot(MAP_SHARED), step_slot);
}

/* --- nothing leaked --------------------------------------------------------------------- */

static long free_kb(void)
{
	char line[128];
	long kb = 0;
	FILE *f;

	sync();
	f = fopen("/proc/meminfo", "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %ld", &kb) == 1)
			break;
	fclose(f);
	return kb;
}

#define LEAK_ROUNDS	6000

TEST(leak, "every page that was in use is free again")
{
	struct stress *s = setup();
	long before = 0;

	use_private(s);
	for (int n = 0; n < LEAK_ROUNDS + 500; n++) {
		if (n == 500)
			before = free_kb();
		CHECK_OK(madvise(vm_ptr(s->vm, XEN_SHINFO), PAGE,
				 MADV_DONTNEED));
		CHECK_OK(xen_send(s->vm, 1 + n % (PORTS - 1), 0));
	}
	/* a page a round would be 24,000 kB */
	CHECK_MSG(free_kb() > before - 6000, "%ld kB free, %ld before",
		  free_kb(), before);
}
