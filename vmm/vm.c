// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns a guest's life: what is opened once for the process, and what becomes
 * of the guest when it stops.  An incarnation of it ends in vm_shutdown(),
 * from any thread, which stops the vCPUs and the loop.
 */
#include "vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* The end of an incarnation */

static void vm_ended(void *arg)
{
	struct vm *vm = arg;

	event_loop_stop(vm->loop);
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
	if (event_post(vm->loop, vm_ended, vm))
		log_line(LOG_ERROR, "out of memory at the end of the guest");
}

/* The control socket's verbs */

static int vm_ctl_shutdown(void *arg, enum control_stop reason)
{
	struct vm *vm = arg;

	if (!vm->store || atomic_load(&vm->shutdown_reason) >= 0)
		return -ENOTCONN;
	return guest_store_control(vm->store, reason == CONTROL_STOP_REBOOT ?
				   "reboot" : "poweroff");
}

static void vm_ctl_destroy(void *arg)
{
	struct vm *vm = arg;

	vm->destroyed = true;
	if (vm->vcpus)
		vm_shutdown(vm, SHUTDOWN_poweroff);
	event_loop_stop(vm->loop);
}

static void vm_ctl_status(void *arg, struct control_status *st)
{
	struct vm *vm = arg;
	unsigned int i;

	st->name = vm->cfg->name;
	st->state = vm->state;
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

static size_t vm_ctl_input(void *arg, const void *buf, size_t len)
{
	struct vm *vm = arg;

	return console_input(vm->console, buf, len);
}

static const struct control_ops vm_control_ops = {
	.shutdown	= vm_ctl_shutdown,
	.destroy	= vm_ctl_destroy,
	.status		= vm_ctl_status,
	.console_input	= vm_ctl_input,
};

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
	/* A guest without its first console client is better than none. */
	if (opts->console_fd >= 0)
		control_console_adopt(vm->ctl, opts->console_fd);
	return 0;

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
	control_destroy(h->vm.ctl);
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

/* Whether the guest that stopped for @reason is to start again. */
static bool vm_restarts(struct vm *vm, int reason)
{
	if (vm->destroyed)
		return false;
	switch (vm_action(vm->cfg, reason)) {
	case VM_ACTION_RENAME_RESTART:
		log_line(LOG_WARNING, "rename-restart: restarted without the old one kept");
		return true;
	case VM_ACTION_COREDUMP_RESTART:
		log_line(LOG_WARNING, "coredump-restart: no core is written");
		return true;
	case VM_ACTION_RESTART:
		return true;
	case VM_ACTION_PRESERVE:
		vm->state = reason == SHUTDOWN_crash ? "crashed" : "shutdown";
		log_line(LOG_INFO, "preserved until it is destroyed");
		while (!vm->destroyed && !event_loop_run(vm->loop))
			;
		return false;
	case VM_ACTION_COREDUMP_DESTROY:
		log_line(LOG_WARNING, "coredump-destroy: no core is written");
		return false;
	case VM_ACTION_SOFT_RESET:
		log_line(LOG_WARNING, "soft reset is not available: destroyed");
		return false;
	case VM_ACTION_DESTROY:
		return false;
	}
	return false;
}

/* One incarnation after the other; the last one's reason. */
static int vm_live(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	int reason;

	for (;;) {
		int err = event_loop_run(vm->loop);

		if (err) {
			log_line(LOG_ERROR, "event loop: error %d", -err);
			vm_shutdown(vm, SHUTDOWN_crash);
		}
		reason = atomic_load(&vm->shutdown_reason);
		if (reason < 0)
			continue;
		halt_unwatch(vm);
		vm_stop_vcpus(vm);
		if (!vm->destroyed)
			log_line(LOG_INFO, "%s %s", vm->cfg->name,
				 vm_reasons[reason]);
		if (!vm_restarts(vm, reason))
			return reason;
		vm_unmake(h);
		err = vm_make(h);
		if (!err)
			err = vm_start(h);
		if (err) {
			log_line(LOG_ERROR, "restart: %s", h->err);
			return SHUTDOWN_crash;
		}
	}
}

static void vm_report(const struct vm_run_opts *opts, const char *line)
{
	char buf[VM_ERROR_LINE + 1];
	int n = snprintf(buf, sizeof(buf), "%s\n", line);

	if (write(opts->ready_fd, buf, n) < 0)
		log_line(LOG_WARNING, "nobody waits for: %s", line);
	close(opts->ready_fd);
}

/* Whatever is in a file is unpacked and parsed without privileges. */
static int vm_begin(struct vm_host *h)
{
	int err = privs_drop(h->vm.domid, h->err, sizeof(h->err));

	if (!err)
		err = vm_make(h);
	if (!err)
		err = vm_start(h);
	return err;
}

int vm_run(const struct vm_config *cfg, const struct vm_run_opts *opts)
{
	struct vm_host *h = calloc(1, sizeof(*h));
	struct vm *vm;
	int ret;

	if (!h)
		return -ENOMEM;
	vm = &h->vm;
	vm->cfg = cfg;
	vm->opts = opts;
	vm->domid = opts->domid;
	vm->fd = -1;
	vm->state = "paused";
	pthread_mutex_init(&vm->call_lock, NULL);
	pthread_cond_init(&vm->call_cond, NULL);
	ret = vcpu_init_signals();
	if (!ret)
		ret = vm_prepare(h, opts);
	if (ret) {
		vm_report(opts, h->err);
		goto out;
	}
	ret = vm_begin(h);
	if (ret) {
		vm_report(opts, h->err);
		atomic_store(&vm->shutdown_reason, SHUTDOWN_crash);
		atomic_store(&vm->stopping, true);
	} else {
		vm_report(opts, "ready");
		ret = vm_live(h);
		ret = ret == SHUTDOWN_crash || ret == SHUTDOWN_watchdog ?
		      VM_RUN_CRASHED : VM_RUN_ENDED;
	}
	vm_unmake(h);
	vm_finish(h);
out:
	free(h);
	return ret;
}
