// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events sent from hard-interrupt context, and what the tracepoints say.
 *
 * Interrupt context for an irqfd, without a driver: a timerfd's expiry runs in
 * the timer interrupt and completes an AIO poll there, and that signals an
 * eventfd, which is the irqfd's.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "xen.h"

#define PORT	99
#define GSI	5
#define PRIO	KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL
#define US	1000

/* --- the kernel's trace --- */

static const char *tracefs(void)
{
	static const char dir[] = "/sys/kernel/tracing";

	if (access("/sys/kernel/tracing/trace", F_OK))
		mount("tracefs", dir, "tracefs", 0, NULL);
	if (access("/sys/kernel/tracing/events/xkvm", F_OK))
		tap_skip("no tracepoints of xkvm here");
	return dir;
}

static void trace_write(const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", tracefs(), file);
	fd = open(path, O_WRONLY | O_TRUNC);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void trace_start(const char *event)
{
	char path[128];

	snprintf(path, sizeof(path), "events/xkvm/%s/enable", event);
	trace_write("trace", "\n");
	trace_write(path, "1");
	trace_write("tracing_on", "1");
}

/* Lines with both texts; of those, how many in a hard interrupt. */
static unsigned int trace_count(const char *a, const char *b,
				unsigned int *hard)
{
	char path[128], line[512], *flags;
	unsigned int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/trace", tracefs());
	f = fopen(path, "r");
	CHECK(f);
	*hard = 0;
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#' || !strstr(line, a) || !strstr(line, b))
			continue;
		n++;
		/* after "[CPU] ": interrupts off, resched, hard or soft */
		flags = strstr(line, "] ");
		if (flags && (flags[4] == 'h' || flags[4] == 'H'))
			(*hard)++;
	}
	fclose(f);
	return n;
}

/* --- an eventfd signalled in the timer interrupt --- */

struct ticker {
	aio_context_t aio;
	int timer, event;
};

static void ticker_arm(struct ticker *t, long ns)
{
	struct itimerspec when = { .it_value.tv_nsec = ns };
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_fildes = t->timer,
		.aio_buf = POLLIN,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = t->event,
	}, *list = &cb;

	CHECK_EQ(syscall(SYS_io_submit, t->aio, 1, &list), 1);
	CHECK_OK(timerfd_settime(t->timer, 0, &when, NULL));
}

/* Until the poll has completed, and with that the eventfd was signalled. */
static void ticker_wait(struct ticker *t)
{
	struct io_event done;
	uint64_t n;

	CHECK_EQ(syscall(SYS_io_getevents, t->aio, 1, 1, &done, NULL), 1);
	CHECK_EQ(read(t->timer, &n, 8), 8);
}

static struct ticker ticker_new(struct vm *vm)
{
	struct {
		struct kvm_irq_routing hdr;
		struct kvm_irq_routing_entry e;
	} r = {
		.hdr.nr = 1,
		.e = {
			.gsi = GSI,
			.type = KVM_IRQ_ROUTING_XEN_EVTCHN,
			.u.xen_evtchn = { .port = PORT, .priority = PRIO },
		},
	};
	struct ticker t = {
		.timer = timerfd_create(CLOCK_MONOTONIC, 0),
		.event = eventfd(0, 0),
	};
	struct kvm_irqfd f = { .gsi = GSI, .fd = t.event };

	CHECK(t.timer >= 0 && t.event >= 0);
	if (syscall(SYS_io_setup, 4, &t.aio))
		tap_skip("io_setup: %s", strerror(errno));
	CHECK_OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r));
	CHECK_OK(ioctl(vm->fd, KVM_IRQFD, &f));
	return t;
}

static void take_event(struct vm *vm)
{
	memset(xen_vcpu_info(vm, 0), 0, 16);
	*(uint64_t *)((uint8_t *)vm_ptr(vm, XEN_SHINFO) +
		      offsetof(shared_info_t, evtchn_pending) +
		      PORT / 64 * 8) = 0;
}

#define ROUNDS	50

static bool kernel_after_6_1(void)
{
	unsigned long major, minor;
	struct utsname u;
	char *end;

	CHECK_OK(uname(&u));
	major = strtoul(u.release, &end, 10);
	CHECK_EQ(*end, '.');
	minor = strtoul(end + 1, NULL, 10);
	return major > 6 || (major == 6 && minor > 1);
}

TEST(hardirq, "an irqfd signalled in a hard interrupt delivers there")
{
	unsigned int hard;
	struct vm *vm;
	struct ticker t;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	xen_vcpu(vm, 0);
	t = ticker_new(vm);
	trace_start("xkvm_xen_evtchn");
	for (int i = 0; i < ROUNDS; i++) {
		take_event(vm);
		ticker_arm(&t, 300 * US);
		ticker_wait(&t);
		/* no work item was in between */
		CHECK(xen_pending(vm, PORT, true));
		CHECK_EQ(xen_vcpu_info(vm, 0)->evtchn_upcall_pending, 1);
		CHECK_EQ(xen_vcpu_info(vm, 0)->evtchn_pending_sel,
			 1ull << PORT / 64);
	}
	trace_write("tracing_on", "0");
	CHECK_EQ(trace_count("xkvm_xen_evtchn:", "port 99", &hard), ROUNDS);
	if (!hard && kernel_after_6_1())
		tap_skip("AIO of this kernel signals from a work item");
	CHECK_EQ(hard, ROUNDS);
}

/* Whoever slept in the interrupt would be caught while these hold all locks. */
struct pest {
	struct vm *vm;
	struct vcpu *v;
	volatile bool stop;
	volatile uint64_t rounds;
};

static void *pester(void *arg)
{
	struct pest *p = arg;
	struct kvm_xen_hvm_attr cb = {
		.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = XEN_VECTOR,
	};
	struct kvm_xen_hvm_attr si = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO,
		.u.shared_info.gfn = XEN_SHINFO >> 12,
	};
	void *mem = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (; !p->stop; p->rounds++) {
		CHECK_OK(xen_set(p->vm, &cb));
		CHECK_OK(xen_set(p->vm, &si));
		CHECK_OK(xen_set_gpa(p->v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
				     XEN_VCPU_INFO));
		CHECK_OK(vm_set_slot(p->vm, 1, 0, 0x40000000, 0x1000, mem));
		CHECK_OK(vm_set_slot(p->vm, 1, 0, 0x40000000, 0, mem));
		CHECK_OK(madvise(vm_ptr(p->vm, XEN_VCPU_INFO), 0x1000,
				 MADV_DONTNEED));
		CHECK_OK(madvise(vm_ptr(p->vm, XEN_SHINFO), 0x1000,
				 MADV_DONTNEED));
	}
	return NULL;
}

TEST(hardirq_busy, "and while every lock is taken and all memory comes and goes")
{
	struct pest p = { 0 };
	struct ticker t;
	pthread_t thread;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	p.vm = xen_vm(true);
	p.v = xen_vcpu(p.vm, 0);
	t = ticker_new(p.vm);
	CHECK_EQ(pthread_create(&thread, NULL, pester, &p), 0);
	for (int i = 0; i < 1500; i++) {
		/* anywhere in the other thread's calls */
		ticker_arm(&t, (20 + i % 97) * US);
		ticker_wait(&t);
	}
	p.stop = true;
	pthread_join(thread, NULL);
	CHECK(p.rounds > 20);
	take_event(p.vm);
	CHECK_OK(xen_set_gpa(p.v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
			     XEN_VCPU_INFO));
	ticker_arm(&t, 100 * US);
	ticker_wait(&t);
	/* the last one may have waited for a page in a work item */
	for (int i = 0; i < 1000 && !xen_pending(p.vm, PORT, true); i++)
		usleep(1000);
	CHECK(xen_pending(p.vm, PORT, true));
}

/* --- from another CPU --- */

static volatile uint64_t upcalls GUEST_VAR;

GUEST static void count(struct guest_regs *r)
{
	volatile vcpu_info_t *vi = (vcpu_info_t *)XEN_VCPU_INFO;
	shared_info_t *s = (void *)XEN_SHINFO;

	vi->evtchn_upcall_pending = 0;
	__atomic_exchange_n((uint64_t *)&vi->evtchn_pending_sel, 0,
			    __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n((uint64_t *)&s->evtchn_pending[PORT / 64], 0,
				__ATOMIC_SEQ_CST))
		upcalls++;
}

GUEST static void take_many(void)
{
	guest_handlers[XEN_VECTOR] = count;
	g_sti();
	while (upcalls < 200)
		__asm__ volatile("hlt");
	g_done();
}

static void *write_many(void *arg)
{
	struct pest *p = arg;
	struct ticker *t = (void *)p->v;
	uint64_t one = 1;

	while (!p->stop) {
		CHECK_EQ(write(t->event, &one, 8), 8);
		p->rounds++;
		usleep(50);
	}
	return NULL;
}

TEST(other_cpu, "events from another thread reach a vCPU that runs or halts")
{
	struct kvm_xen_hvm_attr cb = {
		.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = XEN_VECTOR,
	};
	struct pest p = { 0 };
	struct ticker t;
	pthread_t thread;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	p.vm = xen_vm(true);
	v = xen_vcpu(p.vm, 0);
	CHECK_OK(xen_set(p.vm, &cb));
	t = ticker_new(p.vm);
	p.v = (void *)&t;
	CHECK_EQ(pthread_create(&thread, NULL, write_many, &p), 0);
	vcpu_enter64(v, take_many);
	vcpu_done(v);
	p.stop = true;
	pthread_join(thread, NULL);
	CHECK(p.rounds >= 200);
	tap_diag("%ld CPUs, %llu events", sysconf(_SC_NPROCESSORS_ONLN),
		 (unsigned long long)p.rounds);
}

/* --- the tracepoint of hypercalls --- */

GUEST static void call(void)
{
	g_hypercall(27, 0x1234, 0, 0);
	g_done();
}

TEST(cpl, "a hypercall's trace tells the ring it came from")
{
	unsigned int hard;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL);
	v = xen_vcpu(xen_vm(true), 0);
	trace_start("xkvm_xen_hypercall");
	vcpu_enter64(v, call);
	vcpu_expect(v, KVM_EXIT_XEN);
	vcpu_done(v);
	CHECK_EQ(trace_count("nr 27 (0x1234", "cpl 0 ", &hard), 1);
	CHECK_EQ(trace_count("nr 27 (0x1234", "cpl 3 ", &hard), 0);
	vcpu_enter64_user(v, call);
	vcpu_expect(v, KVM_EXIT_XEN);
	vcpu_done(v);
	CHECK_EQ(trace_count("nr 27 (0x1234", "cpl 3 ", &hard), 1);
}
