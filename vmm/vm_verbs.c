// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verbs of the control socket, and signals, which mean the same: requests to
 * the guest, the destroy, and the status.  Owns the force that a destroy
 * falls back on.  The loop's thread only.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "log.h"
#include "pv/console.h"
#include "pv/store.h"
#include "vcpu.h"
#include "vm_host.h"
#include "xen/abi.h"

#define VERBS_FORCE_NS		1500000000ull	/* of the 2 s a destroy has */
#define VERBS_TERM_SECONDS	30u		/* without XKVM_TERM_SECONDS */

static int verbs_shutdown(void *arg, enum control_stop reason)
{
	struct vm *vm = arg;

	if (vm->life != LIFE_RUNNING || atomic_load(&vm->shutdown_reason) >= 0)
		return -ENOTCONN;
	return guest_store_control(vm->store, reason == CONTROL_STOP_REBOOT ?
				   "reboot" : "poweroff");
}

static void verbs_force(struct event_timer *t)
{
	struct vm *vm = t->arg;

	vm->forced = true;
}

void vm_destroy(struct vm *vm)
{
	bool vcpus = life_has_vcpus(vm->life);

	vm_life(vm, LIFE_DESTROY);
	if (vcpus)
		vm_shutdown(vm, SHUTDOWN_poweroff);
	if (vm->force_timer.fn)
		return;
	vm->force_timer.fn = verbs_force;
	vm->force_timer.arg = vm;
	event_timer_set(vm->loop, &vm->force_timer, VERBS_FORCE_NS);
}

static void verbs_destroy(void *arg)
{
	vm_destroy(arg);
}

static const char *verbs_state(const struct vm *vm)
{
	switch (vm->life) {
	case LIFE_RUNNING:
		return "running";
	case LIFE_PRESERVED:
		return atomic_load(&vm->shutdown_reason) == SHUTDOWN_crash ?
		       "crashed" : "shutdown";
	case LIFE_MAKING:
	case LIFE_PAUSED:
	case LIFE_WAITING:
	case LIFE_RESETTING:
		return "paused";
	default:
		return "shutdown";
	}
}

static void verbs_status(void *arg, struct control_status *st)
{
	struct vm *vm = arg;
	unsigned int i;

	st->name = vm->cfg->name;
	st->state = verbs_state(vm);
	memcpy(st->uuid, vm->cfg->uuid, sizeof(st->uuid));
	st->domid = vm->domid;
	st->memory_mib = vm->cfg->memory_mib;
	st->maxmem_mib = vm->cfg->maxmem_mib;
	st->vcpus = vm->cfg->vcpus;
	st->maxvcpus = vm->cfg->maxvcpus;
	st->cpu_ns = vm->cpu_ns_before;
	for (i = 0; i < vm->nr_vcpus; i++)
		st->cpu_ns += vcpu_cpu_ns(&vm->vcpus[i]);
}

static size_t verbs_input(void *arg, const void *buf, size_t len)
{
	struct vm *vm = arg;

	return console_input(vm->console, buf, len);
}

const struct control_ops vm_control_ops = {
	.shutdown	= verbs_shutdown,
	.destroy	= verbs_destroy,
	.status		= verbs_status,
	.console_input	= verbs_input,
};

/* Signals */

static void verbs_term_late(struct event_timer *t)
{
	struct vm *vm = t->arg;

	log_line(LOG_WARNING, "%s did not power off in time: destroyed",
		 vm->cfg->name);
	vm_destroy(vm);
}

static unsigned int verbs_term_seconds(void)
{
	const char *env = getenv("XKVM_TERM_SECONDS");
	char *end;
	unsigned long n;

	if (!env || !*env)
		return VERBS_TERM_SECONDS;
	n = strtoul(env, &end, 10);
	return *end || n > 3600 ? VERBS_TERM_SECONDS : n;
}

/* The first one asks the guest, if it can be asked; the next one does not. */
static void verbs_signalled(struct event_fd *w, uint32_t revents)
{
	struct vm_host *h = w->arg;
	struct vm *vm = &h->vm;
	unsigned int seconds = verbs_term_seconds();
	struct signalfd_siginfo si;

	if (read(w->fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (vm->leaving || verbs_shutdown(vm, CONTROL_STOP_POWEROFF)) {
		log_line(LOG_INFO, "signal %u (%s): %s is destroyed",
			 si.ssi_signo, strsignal(si.ssi_signo), vm->cfg->name);
		vm_destroy(vm);
		return;
	}
	vm->leaving = true;
	log_line(LOG_INFO, "signal %u (%s): %s is asked to power off, and has %u s",
		 si.ssi_signo, strsignal(si.ssi_signo), vm->cfg->name, seconds);
	h->term_timer.fn = verbs_term_late;
	h->term_timer.arg = vm;
	event_timer_set(vm->loop, &h->term_timer, seconds * 1000000000ull);
}

int vm_signals_open(struct vm_host *h)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	h->signals = (struct event_fd) {
		.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.mask = POLLIN, .fn = verbs_signalled, .arg = h,
	};
	if (h->signals.fd < 0)
		return -errno;
	err = event_fd_add(h->vm.loop, &h->signals);
	if (err)
		close(h->signals.fd);
	return err;
}

void vm_signals_close(struct vm_host *h)
{
	event_timer_cancel(&h->term_timer);
	event_timer_cancel(&h->vm.force_timer);
	event_fd_del(&h->signals);
	close(h->signals.fd);
}
