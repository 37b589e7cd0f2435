// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns a guest's life: what is made once for the process, what is made anew
 * with each incarnation, and what becomes of it when it stops.
 *
 * An incarnation ends in vm_shutdown(), from any thread, which stops the
 * vCPUs and the loop.  Its pieces then go in the reverse order of their
 * making, once the vCPU threads have ended, I/O has drained and calls posted
 * to the loop have run.
 */
#include "vm.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <xen/arch-x86/hvm/start_info.h>

#include "halt.h"
#include "log.h"
#include "node.h"
#include "privs.h"
#include "pv/blk.h"
#include "pv/console.h"
#include "pv/disk.h"
#include "pv/store.h"
#include "pv/xenbus.h"
#include "vcpu.h"
#include "vm_priv.h"
#include "x86/cpu.h"
#include "xen/abi.h"
#include "xen/evtchn.h"
#include "xen/gnttab.h"
#include "xen/hvm_params.h"
#include "xen/kernel.h"
#include "xen/physmap.h"
#include "xen/watchdog.h"

#define VM_ERROR_LINE	512

/* What is made once and outlives incarnations. */
struct vm_host {
	struct vm vm;
	struct boot_files files;
	struct disk *disks;
	size_t nr_disks;
	char err[VM_ERROR_LINE];
};

/* Slots */

static int vm_set_slot(struct vm *vm, uint32_t slot, uint64_t at, void *host,
		       uint64_t len)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.guest_phys_addr = at,
		.memory_size = len,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r) ? -errno : 0;
}

int vm_slot_add(struct vm *vm, gfn_t at, void *host, uint64_t len)
{
	uint32_t slot;
	int err;

	for (slot = 0; slot < VM_MAX_SLOTS && vm->slots[slot]; slot++)
		;
	if (slot == VM_MAX_SLOTS)
		return -ENOSPC;
	err = vm_set_slot(vm, slot, gfn_to_gpa(at).v, host, len);
	if (err)
		return err;
	vm->slots[slot] = true;
	return slot;
}

int vm_slot_del(struct vm *vm, int slot)
{
	int err = vm_set_slot(vm, slot, 0, NULL, 0);

	if (!err)
		vm->slots[slot] = false;
	return err;
}

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

/* Making an incarnation */

static int vm_fail(struct vm_host *h, int code, const char *what)
{
	if (!h->err[0])
		snprintf(h->err, sizeof(h->err), "%s: %s", what,
			 strerror(-code));
	return code;
}

/* Keep the memory map for XENMEM_memory_map: the guest may overwrite it. */
static int vm_read_e820(struct vm *vm)
{
	struct hvm_memmap_table_entry e;
	struct hvm_start_info info;
	uint32_t i;
	int err;

	err = mem_read(vm->mem, gpa(vm->boot.start_info), &info, sizeof(info));
	if (err)
		return err;
	if (info.memmap_entries > VM_MAX_E820)
		return -E2BIG;
	for (i = 0; i < info.memmap_entries; i++) {
		err = mem_read(vm->mem, gpa(info.memmap_paddr + i * sizeof(e)),
			       &e, sizeof(e));
		if (err)
			return err;
		vm->e820[i] = (struct vm_e820){ e.addr, e.size, e.type };
	}
	vm->nr_e820 = i;
	return 0;
}

static int vm_make_memory(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	int err;

	err = mem_create(&vm->mem, vm->cfg->memory_mib << 20);
	if (err)
		return vm_fail(h, err, "guest memory");
	err = boot_pvh_files(vm->mem, vm->cfg, &h->files, &vm->boot, h->err,
			     sizeof(h->err));
	if (err)
		return err;
	err = vm_read_e820(vm);
	return err ? vm_fail(h, err, "memory map") : 0;
}

/* Ports, pages and grants a toolstack makes before the guest starts. */
static int vm_make_xen(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	int err, store, console;

	err = physmap_create(&vm->physmap, vm);
	if (!err)
		err = hvm_params_create(&vm->params);
	if (!err)
		err = watchdog_create(&vm->watchdog, vm);
	if (!err)
		err = gnttab_create(&vm->gnttab, vm->mem,
				    physmap_page(vm->physmap,
						 PHYSMAP_GRANT(0)));
	if (!err)
		err = evtchn_create(&vm->evtchn, vm, vm->nr_vcpus,
				    physmap_page(vm->physmap,
						 PHYSMAP_SHARED_INFO));
	if (err)
		return vm_fail(h, err, "Xen state");
	store = evtchn_reserve(vm->evtchn);
	console = evtchn_reserve(vm->evtchn);
	if (store < 0 || console < 0)
		return vm_fail(h, -ENOSPC, "event channels");
	hvm_params_set(vm->params, HVM_PARAM_STORE_EVTCHN, store);
	hvm_params_set(vm->params, HVM_PARAM_STORE_PFN, vm->boot.xenstore.v);
	hvm_params_set(vm->params, HVM_PARAM_CONSOLE_EVTCHN, console);
	hvm_params_set(vm->params, HVM_PARAM_CONSOLE_PFN, vm->boot.console.v);
	gnttab_seed(vm->gnttab, GNTTAB_RESERVED_CONSOLE, vm->boot.console);
	gnttab_seed(vm->gnttab, GNTTAB_RESERVED_XENSTORE, vm->boot.xenstore);
	return 0;
}

static int vm_make_vcpus(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	unsigned int i;
	int err = 0;

	vm->vcpus = calloc(vm->cfg->maxvcpus, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return vm_fail(h, -ENOMEM, "vCPUs");
	vm->nr_vcpus = vm->cfg->maxvcpus;
	for (i = 0; i < vm->nr_vcpus; i++)
		vm->vcpus[i].fd = -1;
	for (i = 0; !err && i < vm->nr_vcpus; i++) {
		err = vcpu_create(vm, &vm->vcpus[i], i);
		if (!err)
			err = kernel_vcpu_init(&vm->vcpus[i]);
		if (!err)
			err = cpu_setup(&vm->vcpus[i]);
	}
	return err ? vm_fail(h, err, "vCPUs") : 0;
}

static int vm_make_devices(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	size_t i;
	int err;

	err = guest_store_create(&vm->store, vm);
	if (err)
		return vm_fail(h, err, "xenstore");
	err = console_create(&vm->console, vm);
	if (err)
		return vm_fail(h, err, "console");
	err = xenbus_create(&vm->xenbus, vm);
	for (i = 0; !err && i < h->nr_disks; i++)
		err = blk_create(vm, &h->disks[i]);
	return err ? vm_fail(h, err, "disks") : 0;
}

static int vm_make(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	int err;

	h->err[0] = '\0';
	atomic_store(&vm->stopping, false);
	atomic_store(&vm->shutdown_reason, -1);
	atomic_store(&vm->shutdown_code, -1);
	memset(vm->slots, 0, sizeof(vm->slots));
	err = vm_make_memory(h);
	if (!err)
		err = node_create_vm(vm, h->err, sizeof(h->err));
	if (!err)
		err = vm_make_vcpus(h);
	if (!err)
		err = vm_make_xen(h);
	if (!err)
		err = vm_make_devices(h);
	return err;
}

static int vm_start(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	unsigned int i;
	int err = 0;

	pthread_mutex_lock(&vm->call_lock);
	for (i = 0; !err && i < vm->nr_vcpus; i++)
		err = vcpu_start(&vm->vcpus[i]);
	pthread_mutex_unlock(&vm->call_lock);
	halt_watch(vm);
	vm->state = "running";
	return err ? vm_fail(h, err, "vCPU threads") : 0;
}

/* Taking it apart */

static void vm_stop_vcpus(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		vm->cpu_ns_before += vcpu_cpu_ns(&vm->vcpus[i]);
		vcpu_join(&vm->vcpus[i]);
	}
}

/* Let what was posted so far run: none of it may find its object gone. */
static void vm_run_posts(struct vm *vm)
{
	if (!event_post(vm->loop, vm_ended, vm))
		event_loop_run(vm->loop);
}

static void vm_quiesced(void *arg)
{
	vm_ended(arg);
}

static void vm_unmake(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	unsigned int i;

	halt_unwatch(vm);
	vm_stop_vcpus(vm);
	vm_run_posts(vm);
	console_flush(vm->console);
	if (vm->xenbus && !xenbus_quiesce(vm->xenbus, vm_quiesced, vm))
		event_loop_run(vm->loop);
	xenbus_destroy(vm->xenbus);
	console_destroy(vm->console);
	guest_store_destroy(vm->store);
	vm->xenbus = NULL;
	vm->console = NULL;
	vm->store = NULL;
	evtchn_destroy(vm->evtchn);
	gnttab_destroy(vm->gnttab);
	watchdog_destroy(vm->watchdog);
	hvm_params_destroy(vm->params);
	vm->evtchn = NULL;
	vm->gnttab = NULL;
	vm->watchdog = NULL;
	vm->params = NULL;
	for (i = 0; i < vm->nr_vcpus; i++) {
		event_timer_cancel(&vm->vcpus[i].periodic);
		vcpu_destroy(&vm->vcpus[i]);
	}
	free(vm->vcpus);
	vm->vcpus = NULL;
	vm->nr_vcpus = 0;
	if (vm->fd >= 0)
		close(vm->fd);
	vm->fd = -1;
	physmap_destroy(vm->physmap);
	mem_destroy(vm->mem);
	vm->physmap = NULL;
	vm->mem = NULL;
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

static int vm_begin(struct vm_host *h)
{
	int err = vm_make(h);

	if (!err)
		err = privs_drop(h->err, sizeof(h->err));
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
