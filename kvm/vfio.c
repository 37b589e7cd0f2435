// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_DEV_TYPE_VFIO: the VFIO groups whose devices the VM uses.
 *
 * All that matters of them here is whether their IOMMU enforces coherency:
 * one that does not makes the VM's DMA non-coherent.  A group stays by a
 * reference to its file; VFIO itself is asked by symbol, so that the module
 * does not need it.  vfio->lock guards the list.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "arch.h"
#include "device.h"

struct vfio_group_ref {
	struct list_head link;
	struct file *file;
};

struct vfio_dev {
	struct mutex lock;
	struct list_head groups;
	bool noncoherent;
};

static bool vfio_is_group(struct file *file)
{
	bool (*fn)(struct file *file) = symbol_get(compat_vfio_file_is_valid);
	bool ret = false;

	if (fn) {
		ret = fn(file);
		symbol_put(compat_vfio_file_is_valid);
	}
	return ret;
}

static bool vfio_is_coherent(struct file *file)
{
	bool (*fn)(struct file *file) = symbol_get(vfio_file_enforced_coherent);
	bool ret = false;

	if (fn) {
		ret = fn(file);
		symbol_put(vfio_file_enforced_coherent);
	}
	return ret;
}

static struct vfio_group_ref *vfio_find(struct vfio_dev *d, struct file *file)
{
	struct vfio_group_ref *g;

	list_for_each_entry(g, &d->groups, link)
		if (g->file == file)
			return g;
	return NULL;
}

/* A group's answer may have changed with its container: all are asked. */
static void vfio_update(struct vm *vm, struct vfio_dev *d)
{
	struct vfio_group_ref *g;
	bool noncoherent = false;

	lockdep_assert_held(&d->lock);
	list_for_each_entry(g, &d->groups, link)
		noncoherent |= !vfio_is_coherent(g->file);
	if (noncoherent != d->noncoherent)
		arch_noncoherent_dma(vm, noncoherent ? 1 : -1);
	d->noncoherent = noncoherent;
}

static int vfio_add(struct vm *vm, struct vfio_dev *d, struct file *file)
{
	struct vfio_group_ref *g;

	if (!vfio_is_group(file))
		return -EINVAL;
	if (vfio_find(d, file))
		return -EEXIST;
	g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	if (!g)
		return -ENOMEM;
	g->file = get_file(file);
	list_add_tail(&g->link, &d->groups);
	WRITE_ONCE(vm->nr_vfio_groups, vm->nr_vfio_groups + 1);
	vfio_update(vm, d);
	return 0;
}

static int vfio_del(struct vm *vm, struct vfio_dev *d, struct file *file)
{
	struct vfio_group_ref *g = vfio_find(d, file);

	if (!g)
		return -ENOENT;
	list_del(&g->link);
	WRITE_ONCE(vm->nr_vfio_groups, vm->nr_vfio_groups - 1);
	fput(g->file);
	kfree(g);
	vfio_update(vm, d);
	return 0;
}

static int vfio_has(struct kvm_dev *dev, const struct kvm_device_attr *a)
{
	if (a->group != KVM_DEV_VFIO_GROUP ||
	    (a->attr != KVM_DEV_VFIO_GROUP_ADD &&
	     a->attr != KVM_DEV_VFIO_GROUP_DEL))
		return -ENXIO;
	return 0;
}

static int vfio_set(struct kvm_dev *dev, const struct kvm_device_attr *a)
{
	struct vfio_dev *d = dev->data;
	struct file *file;
	int ret = vfio_has(dev, a);
	s32 fd;

	if (ret)
		return ret;
	if (get_user(fd, (s32 __user *)(unsigned long)a->addr))
		return -EFAULT;
	file = fget(fd);
	if (!file)
		return -EBADF;
	mutex_lock(&d->lock);
	ret = a->attr == KVM_DEV_VFIO_GROUP_ADD ? vfio_add(dev->vm, d, file) :
						  vfio_del(dev->vm, d, file);
	mutex_unlock(&d->lock);
	fput(file);
	return ret;
}

static int vfio_create(struct kvm_dev *dev)
{
	struct vfio_dev *d;
	int ret = -EBUSY;

	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return -ENOMEM;
	mutex_init(&d->lock);
	INIT_LIST_HEAD(&d->groups);
	dev->data = d;
	/* a VM has one */
	mutex_lock(&dev->vm->lock);
	if (!dev->vm->has_vfio) {
		dev->vm->has_vfio = true;
		ret = 0;
	}
	mutex_unlock(&dev->vm->lock);
	if (ret)
		kfree(d);
	return ret;
}

static void vfio_destroy(struct kvm_dev *dev)
{
	struct vfio_dev *d = dev->data;
	struct vfio_group_ref *g, *next;

	list_for_each_entry_safe(g, next, &d->groups, link) {
		fput(g->file);
		kfree(g);
	}
	WRITE_ONCE(dev->vm->nr_vfio_groups, 0);
	if (d->noncoherent)
		arch_noncoherent_dma(dev->vm, -1);
	mutex_lock(&dev->vm->lock);
	dev->vm->has_vfio = false;
	mutex_unlock(&dev->vm->lock);
	kfree(d);
}

const struct device_ops vfio_ops = {
	.name = "kvm-vfio",
	.create = vfio_create,
	.destroy = vfio_destroy,
	.set = vfio_set,
	.has = vfio_has,
};
