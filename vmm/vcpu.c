// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the vCPU threads and their run loop; calls between vCPUs are under
 * vm->call_lock.  Hypercalls are xen/hypercall.c's, the architecture's state
 * x86/cpu.c's.
 */
#include "vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "vm_priv.h"
#include "x86/acpi.h"
#include "x86/cpu.h"
#include "xen/abi.h"
#include "xen/hvm_params.h"
#include "xen/hypercall.h"

#define VCPU_SIGNAL	SIGUSR1
#define VCPU_STACK	(256 << 10)
#define VCPU_FALSE_STARTS	8
#define VCPU_NAP_NS		1000000

struct vcpu_call {
	struct vcpu_call *next;
	int (*fn)(struct vcpu *v, void *arg);
	void *arg;
	int result;
	bool done;
};

static _Thread_local struct kvm_run *vcpu_current_run;

/* Closes the window between the last look at requests and KVM_RUN. */
static void vcpu_signal(int sig)
{
	if (vcpu_current_run)
		vcpu_current_run->immediate_exit = 1;
}

int vcpu_init_signals(void)
{
	struct sigaction sa = { .sa_handler = vcpu_signal };

	sigemptyset(&sa.sa_mask);
	return sigaction(VCPU_SIGNAL, &sa, NULL) ? -errno : 0;
}

static void vcpu_clear(struct vcpu *v, struct vm *vm, unsigned int id)
{
	memset(v, 0, sizeof(*v));
	v->vm = vm;
	v->id = id;
	v->calls_tail = &v->calls;
	v->gva_page = UINT64_MAX;
	hcall_vcpu_init(v);
}

int vcpu_create(struct vm *vm, struct vcpu *v, unsigned int id)
{
	int err;

	vcpu_clear(v, vm, id);
	v->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)id);
	if (v->fd < 0)
		return -errno;
	v->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      v->fd, 0);
	if (v->run == MAP_FAILED) {
		err = -errno;
		close(v->fd);
		v->fd = -1;
		return err;
	}
	return 0;
}

void vcpu_destroy(struct vcpu *v)
{
	if (v->fd < 0)
		return;
	hcall_vcpu_exit(v);
	munmap(v->run, v->vm->run_size);
	close(v->fd);
	v->fd = -1;
}

void vcpu_reset(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	int fd = v->fd;

	hcall_vcpu_exit(v);
	vcpu_clear(v, v->vm, v->id);
	v->fd = fd;
	v->run = run;
}

/* Exits.  Each returns 1 (run on), 0 (the guest is over) or -errno. */

static int vcpu_exit_io(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	size_t len = (size_t)run->io.size * run->io.count;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	if (run->io.data_offset + len > v->vm->run_size)
		return -EINVAL;
	/* Behind the power switch no port has a device: a bus that floats. */
	if (run->io.direction == KVM_EXIT_IO_IN) {
		memset(data, 0xff, len);
	} else if (run->io.port == ACPI_SLEEP_CONTROL_PORT && len == 1 &&
		   *data == ACPI_SLEEP_OFF) {
		log_line(LOG_DEBUG, "vCPU %u: power switch", v->id);
		vm_shutdown(v->vm, SHUTDOWN_poweroff);
		return 0;
	}
	return 1;
}

static int vcpu_exit_mmio(struct vcpu *v)
{
	if (!v->run->mmio.is_write)
		memset(v->run->mmio.data, 0xff, sizeof(v->run->mmio.data));
	return 1;
}

static int vcpu_exit_shutdown(struct vcpu *v)
{
	uint64_t reason = hvm_params_get(v->vm->params,
					 HVM_PARAM_TRIPLE_FAULT_REASON);

	log_guest(LOG_WARNING, "vCPU %u: triple fault", v->id);
	cpu_dump(v, LOG_WARNING);
	vm_shutdown(v->vm, reason);
	return 0;
}

static int vcpu_exit_system_event(struct vcpu *v)
{
	switch (v->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vm_shutdown(v->vm, SHUTDOWN_poweroff);
		return 0;
	case KVM_SYSTEM_EVENT_RESET:
		vm_shutdown(v->vm, SHUTDOWN_reboot);
		return 0;
	case KVM_SYSTEM_EVENT_CRASH:
		vm_shutdown(v->vm, SHUTDOWN_crash);
		return 0;
	}
	return -EINVAL;
}

static int vcpu_exit_intr(struct vcpu *v)
{
	return 1;
}

static int vcpu_exit_failed_entry(struct vcpu *v)
{
	log_line(LOG_ERROR, "vCPU %u: the CPU refused the guest's state, reason %#llx",
		 v->id, (unsigned long long)
		 v->run->fail_entry.hardware_entry_failure_reason);
	return -EINVAL;
}

static int vcpu_exit_internal_error(struct vcpu *v)
{
	unsigned int i, n = v->run->internal.ndata;

	log_line(LOG_ERROR, "vCPU %u: internal error %u of the hypervisor",
		 v->id, v->run->internal.suberror);
	for (i = 0; i < n && i < 16; i++)
		log_line(LOG_ERROR, "  data[%u] %#llx", i,
			 (unsigned long long)v->run->internal.data[i]);
	return -EIO;
}

static int (*const vcpu_exits[])(struct vcpu *v) = {
	[KVM_EXIT_IO]			= vcpu_exit_io,
	[KVM_EXIT_MMIO]			= vcpu_exit_mmio,
	[KVM_EXIT_XEN]			= hypercall_exit,
	[KVM_EXIT_INTR]			= vcpu_exit_intr,
	[KVM_EXIT_IRQ_WINDOW_OPEN]	= vcpu_exit_intr,
	[KVM_EXIT_HLT]			= vcpu_exit_intr,
	[KVM_EXIT_SHUTDOWN]		= vcpu_exit_shutdown,
	[KVM_EXIT_SYSTEM_EVENT]		= vcpu_exit_system_event,
	[KVM_EXIT_FAIL_ENTRY]		= vcpu_exit_failed_entry,
	[KVM_EXIT_INTERNAL_ERROR]	= vcpu_exit_internal_error,
};

static int vcpu_dispatch(struct vcpu *v)
{
	uint32_t reason = v->run->exit_reason;
	int ret = -ENOSYS;

	v->gva_page = UINT64_MAX;
	if (reason < sizeof(vcpu_exits) / sizeof(vcpu_exits[0]) &&
	    vcpu_exits[reason])
		ret = vcpu_exits[reason](v);
	if (ret >= 0)
		return ret;
	log_line(LOG_ERROR, "vCPU %u: exit reason %u: error %d", v->id, reason,
		 -ret);
	return ret;
}

/* Calls between vCPUs */

/* Run the oldest call to @v, if any; under call_lock, dropped meanwhile. */
static bool vcpu_serve_one(struct vcpu *v)
{
	struct vcpu_call *c = v->calls;

	if (!c)
		return false;
	v->calls = c->next;
	if (!v->calls)
		v->calls_tail = &v->calls;
	pthread_mutex_unlock(&v->vm->call_lock);
	c->result = c->fn(v, c->arg);
	pthread_mutex_lock(&v->vm->call_lock);
	c->done = true;
	pthread_cond_broadcast(&v->vm->call_cond);
	return true;
}

/* Queue @c to @v, under call_lock; false if @v serves none any more. */
static bool vcpu_queue(struct vcpu *v, struct vcpu_call *c)
{
	if (v->gone)
		return false;
	*v->calls_tail = c;
	v->calls_tail = &c->next;
	pthread_cond_broadcast(&v->vm->call_cond);
	vcpu_kick(v);
	return true;
}

int vcpu_call(struct vcpu *self, struct vcpu *v,
	      int (*fn)(struct vcpu *v, void *arg), void *arg)
{
	struct vcpu_call c = { .fn = fn, .arg = arg, .result = -ESHUTDOWN };
	struct vm *vm = v->vm;

	if (self == v)
		return fn(v, arg);
	pthread_mutex_lock(&vm->call_lock);
	if (vcpu_queue(v, &c))
		while (!c.done)
			if (!self || !vcpu_serve_one(self))
				pthread_cond_wait(&vm->call_cond,
						  &vm->call_lock);
	pthread_mutex_unlock(&vm->call_lock);
	return c.result;
}

/* Take @c back, under call_lock; false if it is being served. */
static bool vcpu_unqueue(struct vcpu *v, struct vcpu_call *c)
{
	struct vcpu_call **pp = &v->calls;

	while (*pp && *pp != c)
		pp = &(*pp)->next;
	if (!*pp)
		return false;
	*pp = c->next;
	if (!*pp)
		v->calls_tail = pp;
	return true;
}

int vcpu_ask(struct vcpu *v, int (*fn)(struct vcpu *v, void *arg), void *arg,
	     uint64_t ns)
{
	struct vcpu_call c = { .fn = fn, .arg = arg, .result = -ESHUTDOWN };
	struct vm *vm = v->vm;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	ns += until.tv_nsec;
	until.tv_sec += ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	pthread_mutex_lock(&vm->call_lock);
	if (vcpu_queue(v, &c)) {
		while (!c.done) {
			int err = pthread_cond_clockwait(&vm->call_cond,
							 &vm->call_lock,
							 CLOCK_MONOTONIC,
							 &until);

			if (err != ETIMEDOUT || c.done)
				continue;
			if (vcpu_unqueue(v, &c)) {
				c.result = -ETIMEDOUT;
				break;
			}
			/* Begun: @fn is short. */
			pthread_cond_wait(&vm->call_cond, &vm->call_lock);
		}
	}
	pthread_mutex_unlock(&vm->call_lock);
	return c.result;
}

/* No more calls: what is queued fails. */
static void vcpu_end_calls(struct vcpu *v)
{
	struct vcpu_call *c;

	pthread_mutex_lock(&v->vm->call_lock);
	v->gone = true;
	for (c = v->calls; c; c = c->next)
		c->done = true;
	v->calls = NULL;
	v->calls_tail = &v->calls;
	pthread_cond_broadcast(&v->vm->call_cond);
	pthread_mutex_unlock(&v->vm->call_lock);
}

/* Serve calls, and sit out the time the vCPU is down.  False: end. */
static bool vcpu_may_run(struct vcpu *v)
{
	struct vm *vm = v->vm;

	pthread_mutex_lock(&vm->call_lock);
	while (!atomic_load(&vm->stopping)) {
		if (vcpu_serve_one(v))
			continue;
		if (!v->down)
			break;
		pthread_cond_wait(&vm->call_cond, &vm->call_lock);
	}
	pthread_mutex_unlock(&vm->call_lock);
	return !atomic_load(&vm->stopping);
}

static void vcpu_failed(struct vcpu *v)
{
	cpu_dump(v, LOG_ERROR);
	vm_shutdown(v->vm, SHUTDOWN_crash);
}

/*
 * A vCPU that waits for its first INIT and SIPI makes KVM_RUN return whenever
 * it is woken.  An event pending for it wakes it for nothing, at once, every
 * time: the guest must not make us spin with that.
 */
static void vcpu_wait_for_start(struct vcpu *v)
{
	const struct timespec nap = { .tv_nsec = VCPU_NAP_NS };

	if (++v->false_starts > VCPU_FALSE_STARTS)
		nanosleep(&nap, NULL);
}

/* Run the guest until there is something to serve: 1, 0 or -errno. */
static int vcpu_run(struct vcpu *v)
{
	int ret;

	do {
		if (ioctl(v->fd, KVM_RUN, 0)) {
			ret = -errno;
			if (ret == -EAGAIN)
				vcpu_wait_for_start(v);
			if (ret == -EAGAIN || ret == -EINTR)
				return 1;
			log_line(LOG_ERROR, "vCPU %u: KVM_RUN: error %d",
				 v->id, -ret);
			return ret;
		}
		ret = vcpu_dispatch(v);
	} while (ret > 0);
	return ret;
}

static uint64_t vcpu_clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *v = arg;
	int ret = 1;

	vcpu_current_run = v->run;
	while (ret > 0) {
		v->run->immediate_exit = 0;
		atomic_signal_fence(memory_order_seq_cst);
		if (!vcpu_may_run(v))
			break;
		ret = vcpu_run(v);
	}
	if (ret < 0)
		vcpu_failed(v);
	vcpu_end_calls(v);
	atomic_store(&v->cpu_ns, vcpu_clock_ns(CLOCK_THREAD_CPUTIME_ID));
	atomic_store(&v->ended, true);
	event_work_post(v->vm->loop, &v->vm->wake);
	return NULL;
}

int vcpu_start(struct vcpu *v)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int err;

	/* Signals meant for the process go to the main thread. */
	sigfillset(&all);
	sigdelset(&all, VCPU_SIGNAL);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, VCPU_STACK);
	err = pthread_create(&v->thread, &attr, vcpu_thread, v);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	v->started = !err;
	return -err;
}

void vcpu_kick(struct vcpu *v)
{
	if (v->started)
		pthread_kill(v->thread, VCPU_SIGNAL);
}

void vcpu_join(struct vcpu *v)
{
	if (!v->started)
		return;
	pthread_join(v->thread, NULL);
	v->started = false;
}

uint64_t vcpu_cpu_ns(const struct vcpu *v)
{
	clockid_t clock;

	if (!v->started)
		return 0;
	if (atomic_load(&v->ended))
		return atomic_load(&v->cpu_ns);
	if (pthread_getcpuclockid(v->thread, &clock))
		return 0;
	return vcpu_clock_ns(clock);
}
