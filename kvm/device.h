/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of a VM: KVM_CREATE_DEVICE and the attributes of what it makes.
 */
#ifndef XKVM_DEVICE_H
#define XKVM_DEVICE_H

#include <linux/kvm.h>
#include <linux/types.h>

struct vm;

/* One device; lives as long as its file, and keeps its VM. */
struct device_ops;
struct kvm_dev {
	struct vm *vm;
	const struct device_ops *ops;
	void *data;			/* the device's own */
};

/*
 * What a kind of device does.  Calls come without locks held and may run in
 * parallel, but for @create and @destroy.  NULL for attributes: -EPERM, as
 * KVM has it.  @create: 0 or -errno; @destroy mirrors it.
 */
struct device_ops {
	const char *name;
	int (*create)(struct kvm_dev *dev);
	void (*destroy)(struct kvm_dev *dev);
	int (*set)(struct kvm_dev *dev, const struct kvm_device_attr *a);
	int (*get)(struct kvm_dev *dev, const struct kvm_device_attr *a);
	int (*has)(struct kvm_dev *dev, const struct kvm_device_attr *a);
};

extern const struct device_ops vfio_ops;

/* KVM_CREATE_DEVICE: 0 and @c->fd, -ENODEV for a type that is not there. */
int device_new(struct vm *vm, struct kvm_create_device *c);

#endif
