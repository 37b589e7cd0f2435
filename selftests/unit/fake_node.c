// SPDX-License-Identifier: GPL-2.0-or-later
/* Owns the fake node's objects, found by their descriptor, and memory slots. */
#include "fake_node.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "../../include/uapi/linux/xkvm.h"
#include "../../vmm/event.h"
#include "../../vmm/xen/kernel.h"

#define FAKE_FDS	4096
#define FAKE_RUN_SIZE	8192
#define FAKE_IO_DATA	4096
#define FAKE_SLOTS	128
#define FAKE_NAP_NS	1000000
#define FAKE_VCPUS	128

void (*fake_guest)(struct fake_vcpu *g);
atomic_uint fake_made, fake_io_held;
atomic_int fake_fail, fake_fail_thread, fake_io_ms;

struct fake_xen fake_xen;

static struct fake_vcpu *vcpus[FAKE_FDS], *by_id[FAKE_VCPUS];
static pthread_mutex_t slot_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kvm_userspace_memory_region slots[FAKE_SLOTS];

int __wrap_ioctl(int fd, unsigned long req, ...);
int __real_ioctl(int fd, unsigned long req, ...);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*fn)(void *arg), void *arg);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*fn)(void *arg), void *arg);
int __wrap_event_io_submit(struct event_loop *l, struct event_io *io);
int __real_event_io_submit(struct event_loop *l, struct event_io *io);

/* The guest's side */

void *g_mem(uint64_t gpa)
{
	void *p = NULL;
	int i;

	pthread_mutex_lock(&slot_lock);
	for (i = 0; i < FAKE_SLOTS; i++)
		if (gpa - slots[i].guest_phys_addr < slots[i].memory_size)
			p = (char *)(uintptr_t)slots[i].userspace_addr +
			    (gpa - slots[i].guest_phys_addr);
	pthread_mutex_unlock(&slot_lock);
	CHECK_MSG(p, "no memory at %#llx", (unsigned long long)gpa);
	return p;
}

/* Out of the guest with @result, and in again. */
static void g_leave(struct fake_vcpu *g, int result)
{
	g->result = result;
	sem_post(&g->leave);
	while (sem_wait(&g->enter))
		;
}

void g_exit(struct fake_vcpu *g, uint32_t reason)
{
	g->run->exit_reason = reason;
	g_leave(g, 0);
}

void g_out(struct fake_vcpu *g, uint16_t port, uint8_t val)
{
	struct kvm_run *run = g->run;

	run->io.direction = KVM_EXIT_IO_OUT;
	run->io.size = run->io.count = 1;
	run->io.port = port;
	run->io.data_offset = FAKE_IO_DATA;
	*((uint8_t *)run + FAKE_IO_DATA) = val;
	g_exit(g, KVM_EXIT_IO);
}

int64_t g_hypercall(struct fake_vcpu *g, uint64_t nr, uint64_t a0, uint64_t a1,
		    uint64_t a2)
{
	struct kvm_xen_exit *x = &g->run->xen;

	memset(x, 0, sizeof(*x));
	x->type = KVM_EXIT_XEN_HCALL;
	x->u.hcall.longmode = 1;
	x->u.hcall.input = nr;
	x->u.hcall.params[0] = a0;
	x->u.hcall.params[1] = a1;
	x->u.hcall.params[2] = a2;
	g_exit(g, KVM_EXIT_XEN);
	return x->u.hcall.result;
}

void g_spin(struct fake_vcpu *g)
{
	const struct timespec nap = { .tv_nsec = FAKE_NAP_NS };

	for (;;) {
		if (atomic_load(&g->kicked))
			g_leave(g, -EINTR);
		nanosleep(&nap, NULL);
	}
}

static void *fake_guest_thread(void *arg)
{
	struct fake_vcpu *g = arg;

	while (sem_wait(&g->enter))
		;
	fake_guest(g);
	atomic_store(&g->mp_state, KVM_MP_STATE_HALTED);
	g_spin(g);
	return NULL;
}

/* The node's side */

static void fake_start(struct fake_vcpu *g)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;

	/* The kick is meant for the VMM's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	CHECK_EQ(__real_pthread_create(&thread, &attr, fake_guest_thread, g),
		 0);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	g->started = true;
}

static int fake_kvm_run(struct fake_vcpu *g)
{
	atomic_store(&g->kicked, g->run->immediate_exit);
	if (g->run->immediate_exit) {
		errno = EINTR;
		return -1;
	}
	if (atomic_load(&g->mp_state) == KVM_MP_STATE_UNINITIALIZED) {
		const struct timespec nap = { .tv_nsec = FAKE_NAP_NS };

		/* A signal that comes before the nap costs no more than it. */
		nanosleep(&nap, NULL);
		errno = EINTR;
		return -1;
	}
	if (!g->started)
		fake_start(g);
	sem_post(&g->enter);
	for (;;) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += FAKE_NAP_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		if (!sem_timedwait(&g->leave, &until))
			break;
		if (g->run->immediate_exit)
			atomic_store(&g->kicked, true);
	}
	if (!g->result)
		return 0;
	errno = -g->result;
	return -1;
}

static int fake_create_vcpu(unsigned int id)
{
	int fd = memfd_create("fake-vcpu", MFD_CLOEXEC);
	struct fake_vcpu *g = calloc(1, sizeof(*g));

	CHECK(g && fd >= 0 && fd < FAKE_FDS);
	CHECK_OK(ftruncate(fd, FAKE_RUN_SIZE));
	g->id = id;
	/* Its own mapping: the guest's thread outlives the VMM's. */
	g->run = mmap(NULL, FAKE_RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	CHECK(g->run != MAP_FAILED);
	atomic_store(&g->mp_state, id ? KVM_MP_STATE_UNINITIALIZED :
					KVM_MP_STATE_RUNNABLE);
	sem_init(&g->enter, 0, 0);
	sem_init(&g->leave, 0, 0);
	vcpus[fd] = g;
	by_id[id] = g;
	return fd;
}

static int fake_check_extension(int cap)
{
	switch (cap) {
	case KVM_CAP_XEN_HVM:
		return kernel_xen_required();
	case KVM_CAP_MAX_VCPUS:
		return 128;
	case XKVM_CAP_SPECIAL:
		return 0;
	}
	return 1;
}

static int fake_set_slot(const struct kvm_userspace_memory_region *r)
{
	pthread_mutex_lock(&slot_lock);
	slots[r->slot] = *r;
	pthread_mutex_unlock(&slot_lock);
	return 0;
}

/* Ports are not routed: sends come as hypercalls. */
static int fake_set_attr(const struct kvm_xen_hvm_attr *a)
{
	switch (a->type) {
	case KVM_XEN_ATTR_TYPE_SHARED_INFO:
		fake_xen.shared_info = a->u.shared_info.gfn;
		break;
	case KVM_XEN_ATTR_TYPE_UPCALL_VECTOR:
		fake_xen.vector = a->u.vector;
		break;
	case KVM_XEN_ATTR_TYPE_LONG_MODE:
		fake_xen.wide = a->u.long_mode;
		break;
	case KVM_XEN_ATTR_TYPE_EVTCHN:
		errno = EOPNOTSUPP;
		return -1;
	}
	return 0;
}

static int fake_vcpu_set_attr(struct fake_xen_vcpu *x,
			      const struct kvm_xen_vcpu_attr *a)
{
	switch (a->type) {
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO:
		x->info = a->u.gpa;
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO:
		x->time = a->u.gpa;
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR:
		x->runstate = a->u.gpa;
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR:
		x->vector = a->u.vector;
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_TIMER:
		x->timer_port = a->u.timer.port;
		break;
	}
	return 0;
}

struct fake_vcpu *fake_vcpu(unsigned int id)
{
	return by_id[id];
}

static int fake_vcpu_ioctl(struct fake_vcpu *g, unsigned long req, void *arg)
{
	switch (req) {
	case KVM_RUN:
		return fake_kvm_run(g);
	case KVM_GET_REGS:
		*(struct kvm_regs *)arg = g->regs;
		return 0;
	case KVM_SET_REGS:
		g->regs = *(struct kvm_regs *)arg;
		g->regs.rflags = 2;
		return 0;
	case KVM_GET_SREGS:
		memset(arg, 0, sizeof(struct kvm_sregs));
		return 0;
	case KVM_GET_MP_STATE:
		((struct kvm_mp_state *)arg)->mp_state =
			atomic_load(&g->mp_state);
		return 0;
	case KVM_SET_MP_STATE:
		atomic_store(&g->mp_state,
			     ((struct kvm_mp_state *)arg)->mp_state);
		return 0;
	case KVM_SET_MSRS:
		return ((struct kvm_msrs *)arg)->nmsrs;
	case KVM_TRANSLATE: {
		struct kvm_translation *t = arg;

		t->physical_address = t->linear_address;
		t->valid = 1;
		return 0;
	}
	case KVM_XEN_VCPU_SET_ATTR:
		return fake_vcpu_set_attr(&g->xen, arg);
	case KVM_XEN_VCPU_GET_ATTR:
		memset(&((struct kvm_xen_vcpu_attr *)arg)->u, 0, 64);
		return 0;
	}
	return 0;
}

static int fake_node_ioctl(unsigned long req, void *arg)
{
	switch (req) {
	case KVM_GET_API_VERSION:
		return KVM_API_VERSION;
	case KVM_CHECK_EXTENSION:
		return fake_check_extension((int)(uintptr_t)arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return FAKE_RUN_SIZE;
	case KVM_GET_SUPPORTED_CPUID:
		((struct kvm_cpuid2 *)arg)->nent = 2;
		memset(((struct kvm_cpuid2 *)arg)->entries, 0,
		       2 * sizeof(struct kvm_cpuid_entry2));
		((struct kvm_cpuid2 *)arg)->entries[1].function = 1;
		return 0;
	case KVM_CREATE_VM:
		atomic_fetch_add(&fake_made, 1);
		memset(slots, 0, sizeof(slots));
		fake_xen.shared_info = UINT64_MAX;
		fake_xen.vector = 0;
		fake_xen.wide = true;	/* as a hypercall page says */
		return memfd_create("fake-vm", MFD_CLOEXEC);
	case KVM_CREATE_VCPU:
		return fake_create_vcpu((uintptr_t)arg);
	case KVM_SET_USER_MEMORY_REGION:
		return fake_set_slot(arg);
	case KVM_XEN_HVM_SET_ATTR:
		return fake_set_attr(arg);
	case KVM_XEN_HVM_GET_ATTR:
		((struct kvm_xen_hvm_attr *)arg)->u.long_mode = fake_xen.wide;
		return 0;
	case KVM_GET_CLOCK:
		((struct kvm_clock_data *)arg)->clock = 1000;
		return 0;
	}
	return 0;
}

int __wrap_ioctl(int fd, unsigned long req, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, req);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (_IOC_TYPE(req) != KVMIO)
		return __real_ioctl(fd, req, arg);
	if (req != KVM_RUN && atomic_load(&fake_fail) > 0 &&
	    atomic_fetch_sub(&fake_fail, 1) == 1) {
		errno = ENOMEM;
		return -1;
	}
	if (fd >= 0 && fd < FAKE_FDS && vcpus[fd] && req != KVM_CREATE_VM &&
	    req != KVM_CREATE_VCPU)
		switch (req) {
		case KVM_RUN:
		case KVM_GET_REGS:
		case KVM_SET_REGS:
		case KVM_GET_SREGS:
		case KVM_GET_MP_STATE:
		case KVM_SET_MP_STATE:
		case KVM_SET_MSRS:
		case KVM_TRANSLATE:
		case KVM_XEN_VCPU_SET_ATTR:
		case KVM_XEN_VCPU_GET_ATTR:
			return fake_vcpu_ioctl(vcpus[fd], req, arg);
		}
	return fake_node_ioctl(req, arg);
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*fn)(void *arg), void *arg)
{
	int ret;

	if (atomic_load(&fake_fail_thread) > 0 &&
	    atomic_fetch_sub(&fake_fail_thread, 1) == 1)
		ret = EAGAIN;
	else
		ret = __real_pthread_create(t, attr, fn, arg);
	return ret;
}

/* Disks */

struct fake_io {
	struct event_timer timer;
	struct event_io *io;
};

static void fake_io_due(struct event_timer *t)
{
	struct fake_io *f = t->arg;

	atomic_fetch_sub(&fake_io_held, 1);
	CHECK_EQ(__real_event_io_submit(t->loop, f->io), 0);
	free(f);
}

int __wrap_event_io_submit(struct event_loop *l, struct event_io *io)
{
	int ms = atomic_load(&fake_io_ms);
	struct fake_io *f;

	if (!ms)
		return __real_event_io_submit(l, io);
	atomic_fetch_add(&fake_io_held, 1);
	if (ms == FAKE_IO_NEVER)
		return 0;
	f = calloc(1, sizeof(*f));
	CHECK(f);
	f->io = io;
	f->timer.fn = fake_io_due;
	f->timer.arg = f;
	event_timer_set(l, &f->timer, ms * 1000000ull);
	return 0;
}
