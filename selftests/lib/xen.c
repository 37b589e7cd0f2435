// SPDX-License-Identifier: GPL-2.0-or-later
/* The host side of xen.h. */
#include "xen.h"

unsigned int xen_require(unsigned int flags)
{
	int have = dev_cap(KVM_CAP_XEN_HVM);

	if (have <= 0)
		tap_skip("no KVM_CAP_XEN_HVM");
	if (flags & ~have)
		tap_skip("KVM_CAP_XEN_HVM lacks %#x", flags & ~have);
	return have;
}

struct vm *xen_vm(bool wide)
{
	struct kvm_xen_hvm_config cfg = {
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
		.msr = XEN_MSR,
	};
	struct kvm_xen_hvm_attr mode = {
		.type = KVM_XEN_ATTR_TYPE_LONG_MODE,
		.u.long_mode = wide,
	};
	struct kvm_xen_hvm_attr shinfo = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO,
		.u.shared_info.gfn = XEN_SHINFO >> 12,
	};
	unsigned int have = xen_require(KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |
					KVM_XEN_HVM_CONFIG_SHARED_INFO);
	struct vm *vm = vm_new(VM_IRQCHIP);

	cfg.flags |= have & KVM_XEN_HVM_CONFIG_EVTCHN_SEND;
	CHECK_OK(ioctl(vm->fd, KVM_XEN_HVM_CONFIG, &cfg));
	CHECK_OK(xen_set(vm, &mode));
	CHECK_OK(xen_set(vm, &shinfo));
	return vm;
}

struct vcpu *xen_vcpu(struct vm *vm, unsigned int id)
{
	struct kvm_xen_vcpu_attr nr = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID,
		.u.vcpu_id = id,
	};
	struct vcpu *v = vcpu_new(vm, id);

	if (dev_cap(KVM_CAP_XEN_HVM) & KVM_XEN_HVM_CONFIG_EVTCHN_SEND)
		CHECK_OK(xen_vcpu_set(v, &nr));
	CHECK_OK(xen_set_gpa(v, KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
			     XEN_VCPU_INFO + id * 64));
	return v;
}

int xen_set(struct vm *vm, struct kvm_xen_hvm_attr *a)
{
	return ioctl(vm->fd, KVM_XEN_HVM_SET_ATTR, a);
}

int xen_get(struct vm *vm, struct kvm_xen_hvm_attr *a)
{
	return ioctl(vm->fd, KVM_XEN_HVM_GET_ATTR, a);
}

int xen_vcpu_set(struct vcpu *v, struct kvm_xen_vcpu_attr *a)
{
	return ioctl(v->fd, KVM_XEN_VCPU_SET_ATTR, a);
}

int xen_vcpu_get(struct vcpu *v, struct kvm_xen_vcpu_attr *a)
{
	return ioctl(v->fd, KVM_XEN_VCPU_GET_ATTR, a);
}

int xen_set_gpa(struct vcpu *v, uint16_t type, uint64_t gpa)
{
	struct kvm_xen_vcpu_attr a = { .type = type, .u.gpa = gpa };

	return xen_vcpu_set(v, &a);
}

int xen_send(struct vm *vm, uint32_t port, uint32_t vcpu)
{
	struct kvm_irq_routing_xen_evtchn e = {
		.port = port,
		.vcpu = vcpu,
		.priority = KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL,
	};

	return ioctl(vm->fd, KVM_XEN_HVM_EVTCHN_SEND, &e);
}

static uint8_t *event_byte(struct vm *vm, uint32_t port, bool wide, bool mask)
{
	size_t off;

	if (wide)
		off = mask ? offsetof(shared_info_t, evtchn_mask) :
			     offsetof(shared_info_t, evtchn_pending);
	else
		off = mask ? offsetof(shared_info_x86_32_t, evtchn_mask) :
			     offsetof(shared_info_x86_32_t, evtchn_pending);
	return (uint8_t *)vm_ptr(vm, XEN_SHINFO + off) + port / 8;
}

bool xen_pending(struct vm *vm, uint32_t port, bool wide)
{
	return *event_byte(vm, port, wide, false) >> port % 8 & 1;
}

void xen_set_mask(struct vm *vm, uint32_t port, bool wide, bool masked)
{
	uint8_t *b = event_byte(vm, port, wide, true);

	*b = (*b & ~(1 << port % 8)) | masked << port % 8;
}
