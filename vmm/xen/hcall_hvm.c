// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hvm_op and vm_assist: parameters and what setting them causes, the upcall
 * vectors, the clock.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "../vcpu.h"
#include "../vm_priv.h"
#include "abi.h"
#include "hvm_params.h"
#include "hypercall.h"
#include "kernel.h"

#define HVM_CALLBACK_TYPE_SHIFT	56
#define HVM_VECTOR_MIN		0x10

/*
 * How vCPU 0 hears of events.  Each choice ends the one before.  A GSI or a PCI
 * INTx line leads to a PIC or an I/O APIC.  A PVH guest has neither, so as in
 * Xen such a line is accepted and stays silent, and so is a type that is not
 * defined.  Vectors of exceptions are refused: no kernel delivers events there.
 */
static int hvm_callback(struct hcall *h, uint64_t value)
{
	uint8_t type = value >> HVM_CALLBACK_TYPE_SHIFT;
	uint8_t vector = 0;
	int err;

	if (type == HVM_PARAM_CALLBACK_TYPE_VECTOR) {
		vector = value;
		if (vector < HVM_VECTOR_MIN)
			return -EINVAL;
	}
	/* This parameter latches the word size of shared_info. */
	err = kernel_set_wide(h->vm, h->wide);
	return err ? err : kernel_set_upcall_vector(h->vm, vector);
}

static int64_t hvm_set_param(struct hcall *h)
{
	struct xen_hvm_param p;
	uint64_t old;
	int err = hcall_get(h, &p, gva(h->arg[1]), sizeof(p));

	if (!err && p.index >= HVM_NR_PARAMS)
		err = -EINVAL;
	if (!err)
		err = hcall_self(h, p.domid);
	if (err)
		return err;
	old = hvm_params_get(h->vm->params, p.index);
	err = hvm_params_guest_set(h->vm->params, p.index, p.value);
	if (err || p.index != HVM_PARAM_CALLBACK_IRQ)
		return err;
	err = hvm_callback(h, p.value);
	if (err)
		hvm_params_set(h->vm->params, p.index, old);
	return err;
}

static int64_t hvm_get_param(struct hcall *h)
{
	struct xen_hvm_param p;
	int err = hcall_get(h, &p, gva(h->arg[1]), sizeof(p));

	if (!err && p.index >= HVM_NR_PARAMS)
		err = -EINVAL;
	if (!err)
		err = hcall_self(h, p.domid);
	if (!err)
		err = hvm_params_guest_get(h->vm->params, p.index, &p.value);
	return err ? err : hcall_put(h, gva(h->arg[1]), &p, sizeof(p));
}

static int hvm_set_vector(struct vcpu *v, void *arg)
{
	return kernel_vcpu_upcall_vector(v, *(uint8_t *)arg);
}

static int64_t hvm_upcall_vector(struct hcall *h)
{
	struct xen_hvm_evtchn_upcall_vector a;
	int err = hcall_get(h, &a, gva(h->arg[1]), sizeof(a));

	if (err)
		return err;
	if (a.vector < HVM_VECTOR_MIN)
		return -EINVAL;
	if (a.vcpu >= h->vm->nr_vcpus)
		return -ENOENT;
	return vcpu_call(h->vcpu, &h->vm->vcpus[a.vcpu], hvm_set_vector,
			 &a.vector);
}

static int64_t hvm_get_time(struct hcall *h)
{
	struct xen_hvm_get_time t;
	struct kvm_clock_data clock = { 0 };

	if (ioctl(h->vm->fd, KVM_GET_CLOCK, &clock))
		return -EIO;
	t.now = clock.clock;
	return hcall_put(h, gva(h->arg[1]), &t, sizeof(t));
}

int64_t hcall_hvm_op(struct hcall *h)
{
	switch (h->arg[0]) {
	case HVMOP_set_param:
		return hvm_set_param(h);
	case HVMOP_get_param:
		return hvm_get_param(h);
	case HVMOP_get_time:
		return hvm_get_time(h);
	case HVMOP_set_evtchn_upcall_vector:
		return hvm_upcall_vector(h);
	case HVMOP_altp2m:
		return -EOPNOTSUPP;
	}
	return -ENOSYS;
}

int64_t hcall_vm_assist(struct hcall *h)
{
	/* A guest with its own page tables has use for this one alone. */
	if (h->arg[1] != VMASST_TYPE_runstate_update_flag)
		return -EINVAL;
	switch (h->arg[0]) {
	case VMASST_CMD_enable:
		return kernel_set_runstate_update(h->vm, true);
	case VMASST_CMD_disable:
		return kernel_set_runstate_update(h->vm, false);
	}
	return -ENOSYS;
}
