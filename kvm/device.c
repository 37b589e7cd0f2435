// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of a VM: their files, and their attributes' ioctls.
 *
 * A device belongs to its file; what it does and its locks are its ops'.
 * Source: KVM API 4.79 to 4.81.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "device.h"
#include "vm.h"

static const struct device_ops *const device_types[] = {
	[KVM_DEV_TYPE_VFIO] = &vfio_ops,
};

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm_dev *dev = file->private_data;
	int (*fn)(struct kvm_dev *dev, const struct kvm_device_attr *a);
	struct kvm_device_attr a;

	if (dev->vm->mm != current->mm || READ_ONCE(dev->vm->bugged))
		return -EIO;
	switch (cmd) {
	case KVM_SET_DEVICE_ATTR:
		fn = dev->ops->set;
		break;
	case KVM_GET_DEVICE_ATTR:
		fn = dev->ops->get;
		break;
	case KVM_HAS_DEVICE_ATTR:
		fn = dev->ops->has;
		break;
	default:
		return -ENOTTY;
	}
	if (!fn)
		return -EPERM;
	if (copy_from_user(&a, (void __user *)arg, sizeof(a)))
		return -EFAULT;
	return fn(dev, &a);
}

static int device_release(struct inode *inode, struct file *file)
{
	struct kvm_dev *dev = file->private_data;
	struct vm *vm = dev->vm;

	dev->ops->destroy(dev);
	kfree(dev);
	vm_put(vm);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static int device_make(struct vm *vm, const struct device_ops *ops)
{
	struct kvm_dev *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!dev)
		return -ENOMEM;
	dev->vm = vm;
	dev->ops = ops;
	ret = ops->create(dev);
	if (ret)
		goto err_free;
	vm_get(vm);
	ret = anon_inode_getfd(ops->name, &device_fops, dev,
			       O_RDWR | O_CLOEXEC);
	if (ret >= 0)
		return ret;
	vm_put(vm);
	ops->destroy(dev);
err_free:
	kfree(dev);
	return ret;
}

int device_new(struct vm *vm, struct kvm_create_device *c)
{
	const struct device_ops *ops;
	int ret;

	if (c->type >= ARRAY_SIZE(device_types))
		return -ENODEV;
	ops = device_types[array_index_nospec(c->type,
					      ARRAY_SIZE(device_types))];
	if (!ops)
		return -ENODEV;
	if (c->flags & KVM_CREATE_DEVICE_TEST)
		return 0;
	ret = device_make(vm, ops);
	if (ret < 0)
		return ret;
	c->fd = ret;
	return 0;
}
