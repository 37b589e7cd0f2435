// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Xen state that goes, moves or shrinks while somebody uses it: ports, areas,
 * the number of ports.  Each test is of a fault that Xen or KVM had, named by
 * its row of the list of cases; selftests/mutants puts these faults back.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "xen.h"

#define PAGE		0x1000ul
#define PRIO		KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL
#define STAT_IPI	5	/* EVTCHNSTAT_ipi */

static volatile uint64_t started GUEST_VAR, port GUEST_VAR;

static void wait_started(struct vm *vm)
{
	for (int i = 0; i < 10000 && !G(vm, started); i++)
		usleep(1000);
	CHECK(G(vm, started));
	usleep(20000);
}

/* A port the guest sends to and gets itself. */
static void assign(struct vm *vm, uint32_t nr)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = {
			.send_port = nr,
			.type = STAT_IPI,
			.deliver.port = { .port = nr, .priority = PRIO },
		},
	};

	CHECK_OK(xen_set(vm, &a));
}

static void reset_ports(struct vm *vm)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn.flags = KVM_XEN_EVTCHN_RESET,
	};

	CHECK_OK(xen_set(vm, &a));
}

GUEST static void send_port(void)
{
	started = 1;
	g_check_eq(g_evtchn_send(port), 0);
	g_done();
}

#define GONE	15
#define FIRST	100		/* ports that come after a reset */
#define NR	1000

/*
 * Case 6 (XSA-343): a sender without a lock looks at a port while all are
 * closed.  The event goes where the port led to, and not to one of those that
 * were given the memory of its entry.
 */
TEST(reset_sending, "a send across a reset goes to no other port")
{
	struct vcpu_thread *t;
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	assign(vm, GONE);
	G(vm, port) = GONE;
	vcpu_enter64(v, send_port);
	t = vcpu_start(v);
	wait_started(vm);
	reset_ports(vm);
	for (uint32_t p = FIRST; p < FIRST + NR; p++)
		assign(vm, p);
	vcpu_join(t);
	for (uint32_t p = FIRST; p < FIRST + NR; p++)
		CHECK_MSG(!xen_pending(vm, p, true), "port %u is pending", p);
	CHECK(xen_pending(vm, GONE, true));
}

/* As xen_vm(), but nobody has said what the word size is. */
static struct vm *vm_of_no_size(void)
{
	struct kvm_xen_hvm_config cfg = {
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |
			 KVM_XEN_HVM_CONFIG_EVTCHN_SEND,
		.msr = XEN_MSR,
	};
	struct kvm_xen_hvm_attr shinfo = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO,
		.u.shared_info.gfn = XEN_SHINFO / PAGE,
	};
	struct vm *vm = vm_new(VM_IRQCHIP);

	CHECK_OK(ioctl(vm->fd, KVM_XEN_HVM_CONFIG, &cfg));
	CHECK_OK(xen_set(vm, &shinfo));
	return vm;
}

/*
 * Case 8 (XSA-342): a port is valid in one word size and the guest turns out to
 * have the other, whose event words end before it.
 */
TEST(late_word_size, "a port beyond a word size that came later writes nothing")
{
	struct kvm_xen_hvm_attr narrow = {
		.type = KVM_XEN_ATTR_TYPE_LONG_MODE,
	};
	uint8_t before[PAGE], *page;
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	if (!strcmp(dev_path(), "/dev/kvm"))
		tap_skip("in-tree KVM takes it for a 32-bit guest at once");
	vm = vm_of_no_size();
	v = xen_vcpu(vm, 0);
	assign(vm, 4095);
	CHECK_OK(xen_set(vm, &narrow));
	page = vm_ptr(vm, XEN_SHINFO);
	memcpy(before, page, PAGE);
	G(vm, port) = 4095;
	vcpu_enter64(v, send_port);
	vcpu_exit(v);
	for (unsigned int i = 0; i < PAGE; i++)
		CHECK_MSG(page[i] == before[i], "shared_info has %#x at %#x",
			  page[i], i);
	/* the VMM knows best what such a port is */
	CHECK_EQ(v->run->exit_reason, KVM_EXIT_XEN);
}

/* --- areas ------------------------------------------------------------------ */

struct pages {
	int fd;
	uint8_t *witness;	/* what is in each, whoever has it mapped */
};

static struct pages pages_new(unsigned int nr)
{
	struct pages p = { .fd = memfd_create("pages", 0) };

	CHECK_OK(p.fd);
	CHECK_OK(ftruncate(p.fd, nr * PAGE));
	p.witness = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 p.fd, 0);
	CHECK(p.witness != MAP_FAILED);
	return p;
}

/* Page @nr is the guest's at @gpa, in place of the one that was. */
static void pages_put(const struct pages *p, unsigned int nr, struct vm *vm,
		      uint64_t gpa)
{
	void *to = vm_ptr(vm, gpa);

	CHECK(mmap(to, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   p->fd, nr * PAGE) == to);
}

GUEST static void block(void)
{
	g_sched_op(SCHEDOP_block, 0);
	g_done();
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* SCHEDOP_block clears the upcall mask in vcpu_info; a signal ends it. */
static void block_once(struct vcpu *v)
{
	const struct itimerval soon = { .it_value.tv_usec = 50000 };
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	vcpu_enter64(v, block);
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK_EQ(vcpu_run(v), -EINTR);
	CHECK_OK(ioctl(v->fd, KVM_SET_MP_STATE, &runnable));
}

#define MASK	offsetof(vcpu_info_t, evtchn_upcall_mask)

/*
 * Case 11 (CVE-2022-49882): the cache of an area that was removed becomes valid
 * again, and no invalidation finds it.
 */
TEST(inactive_refresh, "a removed vcpu_info is not used, nor a page that left")
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct pages p = pages_new(2);
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	if (!strcmp(dev_path(), "/dev/kvm"))
		tap_skip("in-tree KVM leaves SCHEDOP_block to user space");
	sigaction(SIGALRM, &sa, NULL);
	vm = xen_vm(true);
	pages_put(&p, 0, vm, XEN_VCPU_INFO);
	v = xen_vcpu(vm, 0);
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
			     KVM_XEN_INVALID_GPA));
	block_once(v);
	pages_put(&p, 1, vm, XEN_VCPU_INFO);
	p.witness[MASK] = 1;
	p.witness[PAGE + MASK] = 1;
	block_once(v);
	CHECK_MSG(p.witness[MASK] == 1, "a page that left the guest is written");
	CHECK_MSG(p.witness[PAGE + MASK] == 1, "a removed area is written");
}

/* --- a look-up that takes its time --------------------------------------------- */

/* A page of @vm that is not there until held_release(). */
struct held {
	int uffd;
	void *page;
};

static struct held held_new(struct vm *vm, uint64_t gpa)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct held h = { .page = vm_ptr(vm, gpa) };
	struct uffdio_register r = {
		.range = { (uintptr_t)h.page, PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	h.uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (h.uffd < 0)
		tap_skip("no userfaultfd");
	CHECK_OK(ioctl(h.uffd, UFFDIO_API, &api));
	CHECK(mmap(h.page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		   MAP_ANONYMOUS | MAP_FIXED, -1, 0) == h.page);
	CHECK_OK(ioctl(h.uffd, UFFDIO_REGISTER, &r));
	return h;
}

/* Until somebody waits for it. */
static void held_await(const struct held *h)
{
	struct uffd_msg msg;

	CHECK_EQ(read(h->uffd, &msg, sizeof(msg)), sizeof(msg));
	CHECK_EQ(msg.event, UFFD_EVENT_PAGEFAULT);
}

/* Writable at once: a copy on write would be one more invalidation. */
static void held_release(const struct held *h)
{
	static const uint8_t zeros[PAGE];
	struct uffdio_copy c = {
		.dst = (uintptr_t)h->page, .src = (uintptr_t)zeros, .len = PAGE,
	};

	CHECK_OK(ioctl(h->uffd, UFFDIO_COPY, &c));
}

#define ELSEWHERE	(XEN_TIME_INFO + PAGE)

enum turn { NOBODY, SENDER, PLACER, EVERYBODY };

struct visit {
	struct vm *vm;
	volatile enum turn turn;
};

static void await_turn(struct visit *x, enum turn t)
{
	while (x->turn < t)
		usleep(1000);
}

static void *send_first(void *arg)
{
	struct visit *x = arg;

	await_turn(x, SENDER);
	xen_send(x->vm, 70, 0);
	return NULL;
}

static void *place_elsewhere(void *arg)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO,
		.u.shared_info.gfn = ELSEWHERE / PAGE,
	};
	struct visit *x = arg;

	await_turn(x, PLACER);
	CHECK_OK(xen_set(x->vm, &a));
	/* a thread's end unmaps memory, and so begins every refresh again */
	await_turn(x, EVERYBODY);
	return NULL;
}

/*
 * Case 11 (CVE-2022-49884): a cache's lock is made anew by who activates it,
 * while somebody is in it: a refresh that began at the old place ends after the
 * new one was set, and has the last word.
 */
TEST(place_refreshing, "an area placed during a refresh is where it was placed")
{
	struct visit x = { .turn = NOBODY };
	pthread_t sender, placer;
	struct held h;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	x.vm = xen_vm(true);
	xen_vcpu(x.vm, 0);
	h = held_new(x.vm, XEN_SHINFO);
	CHECK_EQ(pthread_create(&sender, NULL, send_first, &x), 0);
	CHECK_EQ(pthread_create(&placer, NULL, place_elsewhere, &x), 0);
	x.turn = SENDER;
	held_await(&h);
	x.turn = PLACER;
	usleep(50000);
	held_release(&h);
	usleep(50000);
	CHECK_OK(xen_send(x.vm, 71, 0));
	CHECK_MSG(((uint8_t *)vm_ptr(x.vm, ELSEWHERE + 0x800))[71 / 8] &
		  1 << 71 % 8, "the event went to where shared_info was");
	x.turn = EVERYBODY;
	pthread_join(sender, NULL);
	pthread_join(placer, NULL);
}

/* --- many at once --------------------------------------------------------------- */

#define NR_PORTS	4095
#define STEP_NS		1000000ull

struct walker {
	volatile bool stop;
	uint64_t longest;		/* ns between two steps */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* As urgent as can be: whoever lets others run lets this one. */
static void *walk(void *arg)
{
	const struct timespec step = { .tv_nsec = STEP_NS };
	const struct sched_param urgent = { .sched_priority = 50 };
	struct walker *w = arg;
	uint64_t last, now;

	CHECK_EQ(pthread_setschedparam(pthread_self(), SCHED_FIFO, &urgent), 0);
	for (last = now_ns(); !w->stop; last = now) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
		now = now_ns();
		if (now - last > w->longest)
			w->longest = now - last;
	}
	return NULL;
}

/*
 * Case 9 (XSA-344): every port is closed in one go, and nobody else runs until
 * all are.
 */
TEST(reset_many, "others run while all ports are closed")
{
	struct walker w = { .stop = false };
	uint64_t start, took;
	struct vm *vm;
	pthread_t t;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	if (!strcmp(dev_path(), "/dev/kvm"))
		tap_skip("in-tree KVM closes them in one go");
	vm = xen_vm(true);
	xen_vcpu(vm, 0);
	for (uint32_t p = 1; p <= NR_PORTS; p++)
		assign(vm, p);
	CHECK_EQ(pthread_create(&t, NULL, walk, &w), 0);
	usleep(20000);
	w.longest = 0;
	start = now_ns();
	reset_ports(vm);
	took = now_ns() - start;
	w.stop = true;
	pthread_join(t, NULL);
	tap_diag("the reset took %llu us, others waited %llu us at most",
		 (unsigned long long)took / 1000,
		 (unsigned long long)w.longest / 1000);
	/* a slow kernel is slow to switch, too, but not for all of it */
	CHECK_MSG(w.longest < 4 * STEP_NS || w.longest < took / 16,
		  "others waited %llu us",
		  (unsigned long long)w.longest / 1000);
}
