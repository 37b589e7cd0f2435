// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The soft reset, which a guest asks for before it jumps into a kernel that it
 * has loaded itself (kexec, kdump): what Xen and the toolstack hold for it
 * starts again, its memory stays.  Owns nothing.  The loop's thread only.
 *
 * As with Xen, the vCPU that asked goes on behind its hypercall.  The others
 * wait for their INIT, as after a start: the new kernel expects them there.
 */
#include <errno.h>
#include <string.h>

#include "vcpu.h"
#include "vm_host.h"
#include "x86/cpu.h"
#include "xen/evtchn.h"
#include "xen/kernel.h"
#include "xen/physmap.h"

static int vm_reset_vcpus(struct vm *vm)
{
	int asked = atomic_load(&vm->reset_vcpu), err = 0;
	unsigned int i;

	for (i = 0; !err && i < vm->nr_vcpus; i++) {
		vcpu_reset(&vm->vcpus[i]);
		err = kernel_vcpu_reset(&vm->vcpus[i]);
		if (!err && (int)i != asked)
			err = cpu_reset(&vm->vcpus[i]);
	}
	return err;
}

/* The new kernel starts with rings that nobody has used. */
static int vm_reset_page(struct vm *vm, gfn_t at)
{
	void *page = mem_ptr(vm->mem, gfn_to_gpa(at), GUEST_PAGE_SIZE);

	if (!page)
		return -EFAULT;
	memset(page, 0, GUEST_PAGE_SIZE);
	return 0;
}

/* Nobody may use shared_info any more when its page goes. */
static int vm_reset_pages(struct vm *vm)
{
	int err = physmap_reset(vm->physmap);

	if (!err)
		err = vm_reset_page(vm, vm->boot.xenstore);
	if (!err)
		err = vm_reset_page(vm, vm->boot.console);
	return err;
}

int vm_reset(struct vm_host *h)
{
	struct vm *vm = &h->vm;
	int err;

	h->err[0] = '\0';
	vm_unmake_devices(vm);
	evtchn_reset(vm->evtchn);
	vm_unmake_xen(vm);
	err = vm_reset_vcpus(vm);
	if (!err)
		err = kernel_reset(vm);
	if (!err)
		err = vm_reset_pages(vm);
	vm_unstop(vm);
	if (err)
		return vm_fail(h, err, "the state before");
	err = vm_make_xen(h);
	return err ? err : vm_make_devices(h);
}
