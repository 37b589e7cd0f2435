// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioeventfds, as devices on a VM's buses (iobus.c), which look after their
 * lifetime.  An ioeventfd is constant from the moment it is on a bus.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/slab.h>

#include "compat.h"
#include "ioeventfd.h"
#include "iobus.h"
#include "vm.h"

struct ioeventfd {
	struct iobus_dev dev;		/* of length 0: any */
	bool match;			/* only if the value is data */
	u64 data;
	struct eventfd_ctx *ctx;
};

static const struct ioeventfd *to_ioeventfd(const struct iobus_dev *dev)
{
	return container_of(dev, struct ioeventfd, dev);
}

static int ioeventfd_write(struct iobus_dev *dev, gpa_t addr, unsigned int len,
			   u64 val)
{
	const struct ioeventfd *io = to_ioeventfd(dev);

	if (addr != dev->addr || (dev->len && dev->len != len) ||
	    (io->match && io->data != val))
		return -EOPNOTSUPP;
	compat_eventfd_signal(io->ctx);
	return 0;
}

static void ioeventfd_free(struct iobus_dev *dev)
{
	struct ioeventfd *io = container_of(dev, struct ioeventfd, dev);

	eventfd_ctx_put(io->ctx);
	kfree(io);
}

static const struct iobus_ops ioeventfd_ops = {
	.write	= ioeventfd_write,
	.free	= ioeventfd_free,
};

static int ioeventfd_check(const struct kvm_ioeventfd *args)
{
	u32 known = KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO |
		    KVM_IOEVENTFD_FLAG_DEASSIGN;

	if (args->flags & ~known)
		return -EINVAL;
	switch (args->len) {
	case 0:
		/* any length: then there is no value to compare with */
		if (args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH)
			return -EINVAL;
		break;
	case 1:
	case 2:
	case 4:
	case 8:
		break;
	default:
		return -EINVAL;
	}
	return args->addr + args->len < args->addr ? -EINVAL : 0;
}

/* Could one write be for both? */
static bool ioeventfd_clashes(const struct iobus_dev *there,
			      const struct iobus_dev *dev)
{
	const struct ioeventfd *a = to_ioeventfd(there), *b = to_ioeventfd(dev);

	if (there->ops != dev->ops || there->addr != dev->addr)
		return false;
	if (there->len && dev->len && there->len != dev->len)
		return false;
	return !a->match || !b->match || a->data == b->data;
}

static bool ioeventfd_same(const struct iobus_dev *dev, const void *key)
{
	const struct ioeventfd *a = to_ioeventfd(dev), *b = key;

	return dev->ops == &ioeventfd_ops && dev->addr == b->dev.addr &&
	       dev->len == b->dev.len && a->ctx == b->ctx &&
	       a->match == b->match && a->data == b->data;
}

/* Takes over the reference in @key->ctx when it succeeds. */
static int ioeventfd_assign(struct vm *vm, enum iobus_kind bus,
			    const struct ioeventfd *key)
{
	struct ioeventfd *io;
	int r;

	io = kmemdup(key, sizeof(*key), GFP_KERNEL_ACCOUNT);
	if (!io)
		return -ENOMEM;
	r = iobus_add(vm, bus, &io->dev, ioeventfd_clashes);
	if (r)
		kfree(io);
	return r;
}

static int ioeventfd_deassign(struct vm *vm, enum iobus_kind bus,
			      const struct ioeventfd *key)
{
	struct iobus_dev *dev = iobus_remove(vm, bus, ioeventfd_same, key);

	if (!dev)
		return -ENOENT;
	ioeventfd_free(dev);
	return 0;
}

int ioeventfd_ioctl(struct vm *vm, const struct kvm_ioeventfd *args)
{
	enum iobus_kind bus = args->flags & KVM_IOEVENTFD_FLAG_PIO ?
			      IOBUS_PIO : IOBUS_MMIO;
	struct ioeventfd key = {
		.dev.ops = &ioeventfd_ops,
		.dev.addr = args->addr,
		.dev.len = args->len,
		.match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	int r = ioeventfd_check(args);

	if (r)
		return r;
	/* compared with what a write of this length can carry */
	if (key.match)
		key.data = args->datamatch & (~0ull >> (64 - args->len * 8));
	key.ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(key.ctx))
		return PTR_ERR(key.ctx);

	if (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN) {
		r = ioeventfd_deassign(vm, bus, &key);
	} else {
		r = ioeventfd_assign(vm, bus, &key);
		if (!r)
			return 0;
	}
	eventfd_ctx_put(key.ctx);
	return r;
}
