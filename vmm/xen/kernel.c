// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns nothing: each function is one ioctl with its argument filled in.
 */
#include "kernel.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../../include/uapi/linux/xkvm.h"
#include "../vcpu.h"
#include "../vm_priv.h"
#include "abi.h"

uint32_t kernel_xen_required(void)
{
	return KVM_XEN_HVM_CONFIG_HYPERCALL_MSR |
	       KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |
	       KVM_XEN_HVM_CONFIG_SHARED_INFO |
	       KVM_XEN_HVM_CONFIG_RUNSTATE |
	       KVM_XEN_HVM_CONFIG_EVTCHN_2LEVEL |
	       KVM_XEN_HVM_CONFIG_EVTCHN_SEND;
}

static int kernel_set(struct vm *vm, struct kvm_xen_hvm_attr *a)
{
	return ioctl(vm->fd, KVM_XEN_HVM_SET_ATTR, a) ? -errno : 0;
}

int kernel_xen_init(struct vm *vm)
{
	struct kvm_xen_hvm_config config = {
		.flags	= KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |
			  KVM_XEN_HVM_CONFIG_EVTCHN_SEND,
		.msr	= XEN_ABI_HYPERCALL_MSR,
	};
	struct kvm_xen_hvm_attr version = {
		.type = KVM_XEN_ATTR_TYPE_XEN_VERSION,
		.u.xen_version = XEN_ABI_VERSION,
	};

	if (ioctl(vm->fd, KVM_XEN_HVM_CONFIG, &config))
		return -errno;
	return kernel_set(vm, &version);
}

int kernel_set_shared_info(struct vm *vm, uint64_t gfn)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO,
		.u.shared_info.gfn = gfn,
	};

	return kernel_set(vm, &a);
}

static int kernel_special(struct vm *vm, unsigned long cmd, uint64_t gfn,
			  void *page)
{
	struct xkvm_special_page s = {
		.gfn = gfn, .user_addr = (uintptr_t)page,
	};

	return ioctl(vm->fd, cmd, &s) ? -errno : 0;
}

int kernel_map_special(struct vm *vm, uint64_t gfn, void *page)
{
	return kernel_special(vm, XKVM_MAP_SPECIAL, gfn, page);
}

int kernel_unmap_special(struct vm *vm, uint64_t gfn, void *page)
{
	return kernel_special(vm, XKVM_UNMAP_SPECIAL, gfn, page);
}

int kernel_set_upcall_vector(struct vm *vm, uint8_t vector)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = vector,
	};

	return kernel_set(vm, &a);
}

int kernel_set_wide(struct vm *vm, bool wide)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_LONG_MODE,
		.u.long_mode = wide,
	};

	return kernel_set(vm, &a);
}

bool kernel_is_wide(struct vm *vm)
{
	struct kvm_xen_hvm_attr a = { .type = KVM_XEN_ATTR_TYPE_LONG_MODE };

	return !ioctl(vm->fd, KVM_XEN_HVM_GET_ATTR, &a) && a.u.long_mode;
}

int kernel_set_runstate_update(struct vm *vm, bool on)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG,
		.u.vector = on,		/* the byte all flags share */
	};

	if (!(vm->xen_features & KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG))
		return -EINVAL;
	return kernel_set(vm, &a);
}

int kernel_reset(struct vm *vm)
{
	int err = kernel_set_shared_info(vm, KERNEL_NO_ADDRESS);

	if (!err)
		err = kernel_set_upcall_vector(vm, 0);
	if (!err)
		err = kernel_set_wide(vm, false);
	if (!err && vm->xen_features & KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG)
		err = kernel_set_runstate_update(vm, false);
	return err;
}

int kernel_evtchn_send(struct vm *vm, uint32_t port, unsigned int vcpu)
{
	struct kvm_irq_routing_xen_evtchn e = {
		.port = port,
		.vcpu = vcpu,
		.priority = KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL,
	};

	return ioctl(vm->fd, KVM_XEN_HVM_EVTCHN_SEND, &e) < 0 ? -errno : 0;
}

int kernel_route_fd(struct vm *vm, uint32_t port, int fd)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = {
			.send_port = port,
			.type = EVTCHNSTAT_interdomain,
			.deliver.eventfd.fd = fd,
		},
	};

	return kernel_set(vm, &a);
}

static int kernel_route(struct vm *vm, uint32_t port, bool ipi, uint32_t to,
			unsigned int vcpu, uint32_t flags)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = {
			.send_port = port,
			.type = ipi ? EVTCHNSTAT_ipi : EVTCHNSTAT_interdomain,
			.flags = flags,
			.deliver.port = {
				.port = to,
				.vcpu = vcpu,
				.priority =
				KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL,
			},
		},
	};

	return kernel_set(vm, &a);
}

int kernel_route_port(struct vm *vm, uint32_t port, bool ipi, uint32_t to,
		      unsigned int vcpu)
{
	return kernel_route(vm, port, ipi, to, vcpu, 0);
}

int kernel_route_update(struct vm *vm, uint32_t port, bool ipi, uint32_t to,
			unsigned int vcpu)
{
	return kernel_route(vm, port, ipi, to, vcpu, KVM_XEN_EVTCHN_UPDATE);
}

int kernel_unroute(struct vm *vm, uint32_t port)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = {
			.send_port = port,
			.flags = KVM_XEN_EVTCHN_DEASSIGN,
		},
	};

	return kernel_set(vm, &a);
}

int kernel_route_reset(struct vm *vm)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn.flags = KVM_XEN_EVTCHN_RESET,
	};

	return kernel_set(vm, &a);
}

static int kernel_vcpu_set(struct vcpu *v, struct kvm_xen_vcpu_attr *a)
{
	return ioctl(v->fd, KVM_XEN_VCPU_SET_ATTR, a) ? -errno : 0;
}

static int kernel_vcpu_set_gpa(struct vcpu *v, uint16_t type, uint64_t gpa)
{
	struct kvm_xen_vcpu_attr a = { .type = type, .u.gpa = gpa };

	return kernel_vcpu_set(v, &a);
}

int kernel_vcpu_init(struct vcpu *v)
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID,
		.u.vcpu_id = v->id,
	};

	return kernel_vcpu_set(v, &a);
}

int kernel_vcpu_info(struct vcpu *v, uint64_t gpa)
{
	return kernel_vcpu_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO, gpa);
}

int kernel_vcpu_time_info(struct vcpu *v, uint64_t gpa)
{
	return kernel_vcpu_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO,
				   gpa);
}

int kernel_vcpu_runstate_area(struct vcpu *v, uint64_t gpa)
{
	return kernel_vcpu_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
				   gpa);
}

int kernel_vcpu_get_runstate(struct vcpu *v, struct vcpu_runstate_info *info)
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA,
	};

	if (ioctl(v->fd, KVM_XEN_VCPU_GET_ATTR, &a))
		return -errno;
	memset(info, 0, sizeof(*info));
	info->state = a.u.runstate.state;
	info->state_entry_time = a.u.runstate.state_entry_time;
	info->time[RUNSTATE_running] = a.u.runstate.time_running;
	info->time[RUNSTATE_runnable] = a.u.runstate.time_runnable;
	info->time[RUNSTATE_blocked] = a.u.runstate.time_blocked;
	info->time[RUNSTATE_offline] = a.u.runstate.time_offline;
	return 0;
}

int kernel_vcpu_upcall_vector(struct vcpu *v, uint8_t vector)
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = vector,
	};

	return kernel_vcpu_set(v, &a);
}

int kernel_vcpu_timer(struct vcpu *v, uint32_t port, uint64_t expires_ns)
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_TIMER,
		.u.timer = {
			.port = port,
			.priority = KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL,
			.expires_ns = expires_ns,
		},
	};

	return kernel_vcpu_set(v, &a);
}

int kernel_vcpu_reset(struct vcpu *v)
{
	int err = kernel_vcpu_timer(v, 0, 0);

	if (!err)
		err = kernel_vcpu_upcall_vector(v, 0);
	if (!err)
		err = kernel_vcpu_runstate_area(v, KERNEL_NO_ADDRESS);
	if (!err)
		err = kernel_vcpu_time_info(v, KERNEL_NO_ADDRESS);
	if (!err)
		err = kernel_vcpu_info(v, KERNEL_NO_ADDRESS);
	return err;
}
