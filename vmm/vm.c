// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns a guest's life: what is opened once for the process, and what is done
 * in each state of life.h.  An incarnation of it ends in vm_shutdown(), from
 * any thread, or in vm_destroy(); the loop then sees that its condition holds.
 */
#include "vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "halt.h"
#include "log.h"
#include "node.h"
#include "privs.h"
#include "pv/console.h"
#include "pv/disk.h"
#include "pv/store.h"
#include "vcpu.h"
#include "vm_host.h"
#include "xen/abi.h"

void vm_life(struct vm *vm, enum life_event e)
{
	enum life_state next = life_next(vm->life, e);

	if (next == LIFE_NONE) {
		log_line(LOG_ERROR, "%s: \"%s\" cannot be while %s",
			 vm->cfg->name, life_event_name(e),
			 life_state_name(vm->life));
		return;
	}
	if (next != vm->life)
		log_line(LOG_DEBUG, "%s: %s, now %s", vm->cfg->name,
			 life_event_name(e), life_state_name(next));
	vm->life = next;
}

void vm_shutdown(struct vm *vm, unsigned int reason)
{
	int running = -1;
	unsigned int i;

	if (!atomic_compare_exchange_strong(&vm->shutdown_reason, &running,
					    (int)reason))
		return;
	pthread_mutex_lock(&vm->call_lock);
	atomic_store(&vm->stopping, true);
	pthread_cond_broadcast(&vm->call_cond);
	pthread_mutex_unlock(&vm->call_lock);
	for (i = 0; i < vm->nr_vcpus; i++)
		vcpu_kick(&vm->vcpus[i]);
	event_work_post(vm->loop, &vm->wake);
}

/* What is made once */

static void vm_close_disks(struct vm_host *h)
{
	while (h->nr_disks)
		disk_close(&h->disks[--h->nr_disks]);
	free(h->disks);
	h->disks = NULL;
}

static int vm_open_disks(struct vm_host *h)
{
	const struct vm_config *cfg = h->vm.cfg;
	size_t i;
	int err;

	h->disks = calloc(cfg->nr_disks + 1, sizeof(*h->disks));
	if (!h->disks)
		return vm_fail(h, -ENOMEM, "disks");
	for (i = 0; i < cfg->nr_disks; i++) {
		err = disk_open(&h->disks[i], &cfg->disks[i], h->err,
				sizeof(h->err));
		if (err) {
			vm_close_disks(h);
			return err;
		}
		h->nr_disks++;
	}
	return 0;
}

static int vm_prepare(struct vm_host *h, const struct vm_run_opts *opts)
{
	struct vm *vm = &h->vm;
	int err;

	err = node_open(vm, h->err, sizeof(h->err));
	if (err)
		return err;
	err = boot_files_open(&h->files, vm->cfg, h->err, sizeof(h->err));
	if (err)
		goto err_node;
	err = vm_open_disks(h);
	if (err)
		goto err_files;
	err = event_loop_create(&vm->loop);
	if (err) {
		vm_fail(h, err, "event loop");
		goto err_disks;
	}
	err = control_create(&vm->ctl, vm->loop, opts->control_path,
			     &vm_control_ops, vm);
	if (err) {
		vm_fail(h, err, "control socket");
		goto err_loop;
	}
	err = vm_signals_open(h);
	if (err) {
		vm_fail(h, err, "signals");
		goto err_control;
	}
	/* A guest without its first console client is better than none. */
	if (opts->console_fd >= 0)
		control_console_adopt(vm->ctl, opts->console_fd);
	return 0;

err_control:
	control_destroy(vm->ctl);
err_loop:
	event_loop_destroy(vm->loop);
err_disks:
	vm_close_disks(h);
err_files:
	boot_files_close(&h->files);
err_node:
	node_close(vm);
	return err;
}

static void vm_finish(struct vm_host *h)
{
	vm_signals_close(h);
	control_destroy(h->vm.ctl);
	event_work_cancel(&h->vm.wake);
	event_loop_destroy(h->vm.loop);
	vm_close_disks(h);
	boot_files_close(&h->files);
	node_close(&h->vm);
}

/* Policy */

static enum vm_action vm_action(const struct vm_config *cfg, int reason)
{
	switch (reason) {
	case SHUTDOWN_poweroff:
		return cfg->on_poweroff;
	case SHUTDOWN_reboot:
		return cfg->on_reboot;
	case SHUTDOWN_suspend:
		return VM_ACTION_PRESERVE;
	case SHUTDOWN_watchdog:
		return cfg->on_watchdog;
	case SHUTDOWN_soft_reset:
		return cfg->on_soft_reset;
	}
	return cfg->on_crash;
}

static const char *const vm_reasons[] = {
	[SHUTDOWN_poweroff]	= "powered off",
	[SHUTDOWN_reboot]	= "asked for a reboot",
	[SHUTDOWN_suspend]	= "suspended itself",
	[SHUTDOWN_crash]	= "crashed",
	[SHUTDOWN_watchdog]	= "was stopped by its watchdog",
	[SHUTDOWN_soft_reset]	= "asked for a soft reset",
};

/* What follows on the end for @reason, as the configuration has it. */
static enum life_event vm_policy(struct vm_host *h, int reason)
{
	switch (vm_action(h->vm.cfg, reason)) {
	case VM_ACTION_RENAME_RESTART:
		log_line(LOG_WARNING, "rename-restart: restarted without the old one kept");
		return LIFE_RESTART;
	case VM_ACTION_COREDUMP_RESTART:
		log_line(LOG_WARNING, "coredump-restart: no core is written");
		return LIFE_RESTART;
	case VM_ACTION_RESTART:
		return LIFE_RESTART;
	case VM_ACTION_PRESERVE:
		log_line(LOG_INFO, "preserved until it is destroyed");
		return LIFE_PRESERVE;
	case VM_ACTION_COREDUMP_DESTROY:
		log_line(LOG_WARNING, "coredump-destroy: no core is written");
		return LIFE_END;
	case VM_ACTION_SOFT_RESET:
		if (atomic_load(&h->vm.reset_vcpu) >= 0)
			return LIFE_RESET;
		log_line(LOG_WARNING, "soft-reset: the guest has no vCPU that asked for it: destroyed");
		return LIFE_END;
	case VM_ACTION_DESTROY:
		return LIFE_END;
	}
	return LIFE_END;
}

static uint64_t vm_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* The vCPUs have left: what now?  Somebody who wants the end has it. */
static enum life_event vm_decide(struct vm_host *h)
{
	int reason = atomic_load(&h->vm.shutdown_reason);
	enum life_event e;

	if (h->vm.life == LIFE_KILLING)
		return LIFE_END;
	/* Soft resets are the guest's, and as many as it likes. */
	if (reason == SHUTDOWN_soft_reset)
		log_guest(LOG_INFO, "%s", vm_reasons[reason]);
	else
		log_line(LOG_INFO, "%s %s", h->vm.cfg->name,
			 vm_reasons[reason]);
	e = h->vm.leaving ? LIFE_END : vm_policy(h, reason);
	if (e != LIFE_RESTART ||
	    life_may_restart(&h->pace, vm_now() - h->started))
		return e;
	log_line(LOG_ERROR, "%s restarts too fast: %u times it has not stayed up for %llu s: not restarted",
		 h->vm.cfg->name, LIFE_QUICK_MAX + 1,
		 LIFE_QUICK_NS / 1000000000);
	h->looped = true;
	return LIFE_END;
}

/* Conditions of the waits below.  Nobody leaves a state but by an event. */

static bool vm_not_running(void *arg)
{
	struct vm *vm = arg;

	return atomic_load(&vm->shutdown_reason) >= 0 ||
	       (vm->life != LIFE_RUNNING && vm->life != LIFE_PAUSED);
}

static bool vm_not_preserved(void *arg)
{
	return ((struct vm *)arg)->life != LIFE_PRESERVED;
}

static bool vm_not_waiting(void *arg)
{
	return ((struct vm *)arg)->life != LIFE_WAITING;
}

static void vm_paused_enough(struct event_timer *t)
{
	struct vm *vm = t->arg;

	if (vm->life == LIFE_WAITING)
		vm_life(vm, LIFE_ELAPSED);
}

/* What a state has to do; each returns 0, or -errno when it cannot go on. */

/* It is made, or was to be made: start it, or fail. */
static void vm_go(struct vm_host *h, int err)
{
	struct vm *vm = &h->vm;

	if (!err) {
		vm_life(vm, LIFE_MADE);
		err = vm_start(h);
	}
	if (!err) {
		vm_life(vm, LIFE_UNPAUSE);
		return;
	}
	vm_life(vm, LIFE_FAILED);
	vm_shutdown(vm, SHUTDOWN_crash);
}

static int vm_do_making(struct vm_host *h)
{
	h->started = vm_now();
	vm_go(h, vm_make(h));
	return 0;
}

/* A destroy may come while this waits. */
static int vm_do_resetting(struct vm_host *h)
{
	int err = vm_settle(h);

	if (!err && h->vm.life == LIFE_RESETTING)
		vm_go(h, vm_reset(h));
	return err;
}

static int vm_do_running(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	int err = event_loop_run_until(vm->loop, vm_not_running, vm);

	if (err) {
		log_line(LOG_ERROR, "event loop: error %d", -err);
		vm_shutdown(vm, SHUTDOWN_crash);
	}
	halt_unwatch(vm);
	if (vm->life == LIFE_RUNNING || vm->life == LIFE_PAUSED)
		vm_life(vm, LIFE_OVER);
	return 0;
}

static int vm_do_stopping(struct vm_host *h)
{
	int err = vm_stop_vcpus(&h->vm);

	if (!err)
		vm_life(&h->vm, vm_decide(h));
	return err;
}

static int vm_do_preserved(struct vm_host *h)
{
	return event_loop_run_until(h->vm.loop, vm_not_preserved, &h->vm);
}

/* A destroy may come while this waits. */
static int vm_do_unmaking(struct vm_host *h)
{
	int err = vm_unmake(h);

	if (!err)
		vm_life(&h->vm, LIFE_UNMADE);
	return err;
}

static int vm_do_waiting(struct vm_host *h)
{
	struct event_timer pause = { .fn = vm_paused_enough, .arg = &h->vm };
	int err;

	event_timer_set(h->vm.loop, &pause, LIFE_PAUSE_NS);
	err = event_loop_run_until(h->vm.loop, vm_not_waiting, &h->vm);
	event_timer_cancel(&pause);
	return err;
}

static int (*const vm_do[LIFE_NR_STATES])(struct vm_host *h) = {
	[LIFE_MAKING]		= vm_do_making,
	[LIFE_PAUSED]		= vm_do_running,
	[LIFE_RUNNING]		= vm_do_running,
	[LIFE_STOPPING]		= vm_do_stopping,
	[LIFE_KILLING]		= vm_do_stopping,
	[LIFE_PRESERVED]	= vm_do_preserved,
	[LIFE_RENEWING]		= vm_do_unmaking,
	[LIFE_WAITING]		= vm_do_waiting,
	[LIFE_RESETTING]	= vm_do_resetting,
	[LIFE_ENDING]		= vm_do_unmaking,
};

static void vm_report(const struct vm_run_opts *opts, const char *line)
{
	char buf[VM_ERROR_LINE + 1];
	int n = snprintf(buf, sizeof(buf), "%s\n", line);

	if (write(opts->ready_fd, buf, n) < 0)
		log_line(LOG_WARNING, "nobody waits for: %s", line);
	close(opts->ready_fd);
}

/* Whatever is in a file is unpacked and parsed without privileges. */
static void vm_begin(struct vm_host *h)
{
	struct vm *vm = &h->vm;

	vm->life = LIFE_MAKING;
	if (privs_drop(vm->domid, h->err, sizeof(h->err))) {
		vm_life(vm, LIFE_FAILED);
		vm_shutdown(vm, SHUTDOWN_crash);
	} else {
		vm_do_making(h);
	}
	vm_report(vm->opts, vm->life == LIFE_RUNNING ? "ready" : h->err);
}

/*
 * One state after the other.  False: by force, with vCPUs or I/O under way,
 * and only the end of the process is left.
 */
static bool vm_live(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	enum life_state was;
	int err;

	while (vm->life != LIFE_ENDED) {
		was = vm->life;
		err = vm_do[was](h);
		if (err) {
			log_line(LOG_ERROR, "%s: %s while %s: ended by force",
				 vm->cfg->name, err == -ETIMEDOUT ?
				 "vCPUs or I/O do not end" : "no event loop",
				 life_state_name(was));
			return false;
		}
		if (was == LIFE_MAKING && vm->life != LIFE_RUNNING)
			log_line(LOG_ERROR, "restart: %s", h->err);
		if (was == LIFE_RESETTING && h->err[0])
			log_line(LOG_ERROR, "soft reset: %s", h->err);
	}
	return true;
}

static int vm_result(const struct vm_host *h)
{
	int reason = atomic_load(&h->vm.shutdown_reason);

	return h->looped || reason == SHUTDOWN_crash ||
	       reason == SHUTDOWN_watchdog ? VM_RUN_CRASHED : VM_RUN_ENDED;
}

static void vm_woken(struct event_work *w)
{
}

static struct vm_host *vm_host_create(const struct vm_config *cfg,
				      const struct vm_run_opts *opts)
{
	struct vm_host *h = calloc(1, sizeof(*h));
	struct vm *vm;

	if (!h)
		return NULL;
	vm = &h->vm;
	vm->cfg = cfg;
	vm->opts = opts;
	vm->domid = opts->domid;
	vm->fd = -1;
	vm->life = LIFE_MAKING;
	vm->wake.fn = vm_woken;
	atomic_store(&vm->shutdown_reason, -1);
	pthread_mutex_init(&vm->call_lock, NULL);
	pthread_cond_init(&vm->call_cond, NULL);
	return h;
}

int vm_run(const struct vm_config *cfg, const struct vm_run_opts *opts)
{
	struct vm_host *h = vm_host_create(cfg, opts);
	bool begun;
	int ret;

	if (!h)
		return -ENOMEM;
	ret = vcpu_init_signals();
	if (!ret)
		ret = vm_prepare(h, opts);
	if (ret) {
		vm_report(opts, h->err);
		free(h);
		return ret;
	}
	vm_begin(h);
	begun = h->vm.life == LIFE_RUNNING;
	/* What is still in use goes with the process. */
	if (!vm_live(h))
		return vm_result(h);
	ret = begun ? vm_result(h) : -EIO;
	vm_finish(h);
	free(h);
	return ret;
}
