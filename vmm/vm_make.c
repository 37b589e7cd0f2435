// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes an incarnation of the guest, and takes it apart in the reverse order,
 * once the vCPU threads have ended, I/O has drained and calls posted to the
 * loop have run.  On the loop's thread.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/arch-x86/hvm/start_info.h>

#include "halt.h"
#include "node.h"
#include "pv/blk.h"
#include "pv/console.h"
#include "pv/store.h"
#include "pv/xenbus.h"
#include "vcpu.h"
#include "vm_host.h"
#include "x86/cpu.h"
#include "xen/abi.h"
#include "xen/evtchn.h"
#include "xen/gnttab.h"
#include "xen/hvm_params.h"
#include "xen/kernel.h"
#include "xen/physmap.h"
#include "xen/watchdog.h"

int vm_fail(struct vm_host *h, int code, const char *what)
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

static int vm_make_physmap(struct vm_host *h)
{
	int err = physmap_create(&h->vm.physmap, &h->vm);

	return err ? vm_fail(h, err, "special pages") : 0;
}

/* Ports, pages and grants a toolstack makes before the guest starts. */
int vm_make_xen(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	int err, store, console;

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

int vm_make_devices(struct vm_host *h)
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
	if (err)
		return vm_fail(h, err, "disks");
	/* What the console before this one has not taken. */
	control_console_ready(vm->ctl);
	return 0;
}

void vm_unstop(struct vm *vm)
{
	atomic_store(&vm->stopping, false);
	atomic_store(&vm->shutdown_reason, -1);
	atomic_store(&vm->shutdown_code, -1);
	atomic_store(&vm->reset_vcpu, -1);
}

int vm_make(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	int err;

	h->err[0] = '\0';
	vm_unstop(vm);
	memset(vm->slots, 0, sizeof(vm->slots));
	err = vm_make_memory(h);
	if (!err)
		err = node_create_vm(vm, h->err, sizeof(h->err));
	if (!err)
		err = vm_make_vcpus(h);
	if (!err)
		err = vm_make_physmap(h);
	if (!err)
		err = vm_make_xen(h);
	if (!err)
		err = vm_make_devices(h);
	return err;
}

int vm_start(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	unsigned int i;
	int err = 0;

	pthread_mutex_lock(&vm->call_lock);
	for (i = 0; !err && i < vm->nr_vcpus; i++)
		err = vcpu_start(&vm->vcpus[i]);
	/* None of those that there are may enter the guest. */
	if (err)
		atomic_store(&vm->stopping, true);
	pthread_mutex_unlock(&vm->call_lock);
	if (err)
		return vm_fail(h, err, "vCPU threads");
	halt_watch(vm);
	return 0;
}

/* Taking it apart */

static bool vm_vcpus_ended(void *arg)
{
	struct vm *vm = arg;
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		if (vm->vcpus[i].started && !atomic_load(&vm->vcpus[i].ended))
			return vm->forced;
	return true;
}

static bool vm_quiet(void *arg)
{
	struct vm_host *h = arg;

	return h->quiet || h->vm.forced;
}

static bool vm_drained(void *arg)
{
	struct vm_host *h = arg;

	return h->drained;
}

int vm_stop_vcpus(struct vm *vm)
{
	unsigned int i;
	int err;

	err = event_loop_run_until(vm->loop, vm_vcpus_ended, vm);
	if (err)
		return err;
	for (i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *v = &vm->vcpus[i];

		if (v->started && !atomic_load(&v->ended))
			return -ETIMEDOUT;
	}
	for (i = 0; i < vm->nr_vcpus; i++) {
		vm->cpu_ns_before += vcpu_cpu_ns(&vm->vcpus[i]);
		vcpu_join(&vm->vcpus[i]);
	}
	return 0;
}

static void vm_dry(struct event_work *w)
{
	struct vm_host *h = w->arg;

	h->drained = true;
}

/*
 * Let what was posted so far run: none of it may find its object gone.  The
 * queue keeps its order.
 */
static int vm_run_posts(struct vm_host *h)
{
	struct event_work last = { .fn = vm_dry, .arg = h };
	int err;

	h->drained = false;
	event_work_post(h->vm.loop, &last);
	err = event_loop_run_until(h->vm.loop, vm_drained, h);
	event_work_cancel(&last);
	return err;
}

static void vm_quiesced(void *arg)
{
	struct vm_host *h = arg;

	h->quiet = true;
}

/* Wait until no device has I/O under way. */
static int vm_quiesce(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	int err;

	h->quiet = !vm->xenbus || xenbus_quiesce(vm->xenbus, vm_quiesced, h);
	err = event_loop_run_until(vm->loop, vm_quiet, h);
	if (err)
		return err;
	return h->quiet ? 0 : -ETIMEDOUT;
}

int vm_settle(struct vm_host *h)
{
	int err = vm_run_posts(h);

	if (err)
		return err;
	console_flush(h->vm.console);
	return vm_quiesce(h);
}

void vm_unmake_devices(struct vm *vm)
{
	xenbus_destroy(vm->xenbus);
	console_destroy(vm->console);
	guest_store_destroy(vm->store);
	vm->xenbus = NULL;
	vm->console = NULL;
	vm->store = NULL;
}

void vm_unmake_xen(struct vm *vm)
{
	evtchn_destroy(vm->evtchn);
	gnttab_destroy(vm->gnttab);
	watchdog_destroy(vm->watchdog);
	hvm_params_destroy(vm->params);
	vm->evtchn = NULL;
	vm->gnttab = NULL;
	vm->watchdog = NULL;
	vm->params = NULL;
}

static void vm_unmake_vcpus(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		vcpu_destroy(&vm->vcpus[i]);
	free(vm->vcpus);
	vm->vcpus = NULL;
	vm->nr_vcpus = 0;
}

int vm_unmake(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	int err;

	halt_unwatch(vm);
	err = vm_stop_vcpus(vm);
	if (!err)
		err = vm_settle(h);
	if (err)
		return err;
	vm_unmake_devices(vm);
	vm_unmake_xen(vm);
	vm_unmake_vcpus(vm);
	if (vm->fd >= 0)
		close(vm->fd);
	vm->fd = -1;
	physmap_destroy(vm->physmap);
	mem_destroy(vm->mem);
	vm->physmap = NULL;
	vm->mem = NULL;
	return 0;
}
