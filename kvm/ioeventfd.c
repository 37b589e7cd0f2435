// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioeventfds: owns vm->io.
 *
 * A bus is an immutable array sorted by address.  bus->lock orders those who
 * change it; the exit path searches under rcu_read_lock() and signals inside
 * it, so that an ioeventfd lives as long as anybody can be signalling it:
 * taking one away waits for those, the end of the VM has none to wait for.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "compat.h"
#include "ioeventfd.h"
#include "trace.h"
#include "vm.h"

struct ioeventfd {
	gpa_t addr;
	u32 len;			/* 0: any */
	bool match;			/* only if the value is data */
	u64 data;
	struct eventfd_ctx *ctx;
};

struct iobus_table {
	struct rcu_head rcu;
	unsigned int nr;
	struct ioeventfd *dev[];	/* by addr */
};

enum { BUS_MMIO, BUS_PIO, BUS_NR };

struct iobus {
	struct mutex lock;
	struct iobus_table __rcu *table[BUS_NR];	/* NULL: empty */
};

int ioeventfd_init(struct vm *vm)
{
	vm->io = kzalloc(sizeof(*vm->io), GFP_KERNEL_ACCOUNT);
	if (!vm->io)
		return -ENOMEM;
	mutex_init(&vm->io->lock);
	return 0;
}

static void ioeventfd_free(struct ioeventfd *dev)
{
	eventfd_ctx_put(dev->ctx);
	kfree(dev);
}

void ioeventfd_exit(struct vm *vm)
{
	struct iobus *io = vm->io;
	unsigned int bus, i;

	if (!io)
		return;
	vm->io = NULL;
	for (bus = 0; bus < BUS_NR; bus++) {
		struct iobus_table *table =
			rcu_dereference_protected(io->table[bus], true);

		for (i = 0; table && i < table->nr; i++)
			ioeventfd_free(table->dev[i]);
		kfree(table);
	}
	kfree(io);
}

/* --- changing a bus --- */

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

static u64 ioeventfd_mask(u32 len)
{
	return len >= 8 ? ~0ull : (1ull << len * 8) - 1;
}

/* Could one write be for both? */
static bool ioeventfd_collides(const struct ioeventfd *a,
			       const struct ioeventfd *b)
{
	if (a->addr != b->addr)
		return false;
	if (a->len && b->len && a->len != b->len)
		return false;
	return !a->match || !b->match || a->data == b->data;
}

static bool ioeventfd_same(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->addr == b->addr && a->len == b->len && a->ctx == b->ctx &&
	       a->match == b->match && a->data == b->data;
}

/* Exchange the table for @new, which may be NULL. */
static void iobus_publish(struct iobus *io, int bus, struct iobus_table *new)
{
	struct iobus_table *old;

	old = rcu_replace_pointer(io->table[bus], new,
				  lockdep_is_held(&io->lock));
	if (old)
		kfree_rcu(old, rcu);
}

static int iobus_add(struct iobus *io, int bus, struct ioeventfd *dev)
{
	struct iobus_table *old, *new;
	unsigned int nr, i, at = 0;

	old = rcu_dereference_protected(io->table[bus],
					lockdep_is_held(&io->lock));
	nr = old ? old->nr : 0;
	for (i = 0; i < nr; i++) {
		if (ioeventfd_collides(old->dev[i], dev))
			return -EEXIST;
		if (old->dev[i]->addr < dev->addr)
			at = i + 1;
	}
	if (nr >= IOEVENTFD_MAX)
		return -ENOSPC;
	new = kmalloc(struct_size(new, dev, nr + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->nr = nr + 1;
	for (i = 0; i < nr; i++)
		new->dev[i + (i >= at)] = old->dev[i];
	new->dev[at] = dev;
	iobus_publish(io, bus, new);
	return 0;
}

/* Take the one like @key away: *@out is it, and still visible to readers. */
static int iobus_remove(struct iobus *io, int bus, const struct ioeventfd *key,
			struct ioeventfd **out)
{
	struct iobus_table *old, *new = NULL;
	unsigned int i, at;

	old = rcu_dereference_protected(io->table[bus],
					lockdep_is_held(&io->lock));
	for (at = 0; old && at < old->nr; at++) {
		if (ioeventfd_same(old->dev[at], key))
			break;
	}
	if (!old || at == old->nr)
		return -ENOENT;
	*out = old->dev[at];
	if (old->nr > 1) {
		new = kmalloc(struct_size(new, dev, old->nr - 1),
			      GFP_KERNEL_ACCOUNT);
		if (!new)
			return -ENOMEM;
		new->nr = old->nr - 1;
		for (i = 0; i < new->nr; i++)
			new->dev[i] = old->dev[i + (i >= at)];
	}
	iobus_publish(io, bus, new);
	return 0;
}

/* Takes over the reference in @key->ctx when it succeeds. */
static int ioeventfd_assign(struct iobus *io, int bus,
			    const struct ioeventfd *key)
{
	struct ioeventfd *dev;
	int r;

	dev = kmemdup(key, sizeof(*key), GFP_KERNEL_ACCOUNT);
	if (!dev)
		return -ENOMEM;
	mutex_lock(&io->lock);
	r = iobus_add(io, bus, dev);
	mutex_unlock(&io->lock);
	if (r)
		kfree(dev);
	return r;
}

static int ioeventfd_deassign(struct iobus *io, int bus,
			      const struct ioeventfd *key)
{
	struct ioeventfd *dev;
	int r;

	mutex_lock(&io->lock);
	r = iobus_remove(io, bus, key, &dev);
	mutex_unlock(&io->lock);
	if (r)
		return r;
	/*
	 * A vCPU may be about to signal it.  The caller may rely on no signal
	 * after this, so it is not enough to put the free off.
	 */
	synchronize_rcu_expedited();
	ioeventfd_free(dev);
	return 0;
}

int ioeventfd_ioctl(struct vm *vm, const struct kvm_ioeventfd *args)
{
	int bus = args->flags & KVM_IOEVENTFD_FLAG_PIO ? BUS_PIO : BUS_MMIO;
	struct ioeventfd key = {
		.addr = args->addr,
		.len = args->len,
		.match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	int r = ioeventfd_check(args);

	if (r)
		return r;
	/* compared with what a write of this length can carry */
	if (key.match)
		key.data = args->datamatch & ioeventfd_mask(key.len);
	key.ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(key.ctx))
		return PTR_ERR(key.ctx);

	if (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN) {
		r = ioeventfd_deassign(vm->io, bus, &key);
	} else {
		r = ioeventfd_assign(vm->io, bus, &key);
		if (!r)
			return 0;
	}
	eventfd_ctx_put(key.ctx);
	return r;
}

/* --- the guest's writes --- */

/* Index of the first at @addr or beyond. */
static unsigned int iobus_search(const struct iobus_table *table, gpa_t addr)
{
	unsigned int lo = 0, hi = table->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (table->dev[mid]->addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool ioeventfd_wants(const struct ioeventfd *dev, unsigned int len,
			    u64 val)
{
	if (!dev->len)
		return true;
	return dev->len == len && (!dev->match || dev->data == val);
}

/* @len 0: length and value are not known. */
static bool iobus_write(struct iobus *io, int bus, gpa_t addr,
			unsigned int len, u64 val)
{
	struct iobus_table *table;
	unsigned int i;
	bool done = false;

	rcu_read_lock();
	table = rcu_dereference(io->table[bus]);
	if (!table)
		goto out;
	for (i = iobus_search(table, addr);
	     i < table->nr && table->dev[i]->addr == addr; i++) {
		if (!ioeventfd_wants(table->dev[i], len, val))
			continue;
		compat_eventfd_signal(table->dev[i]->ctx);
		done = true;
		break;
	}
out:
	rcu_read_unlock();
	return done;
}

bool ioeventfd_write(struct vm *vm, bool pio, gpa_t addr, unsigned int len,
		     u64 val)
{
	return iobus_write(vm->io, pio ? BUS_PIO : BUS_MMIO, addr, len,
			   val & ioeventfd_mask(len));
}

bool ioeventfd_write_any(struct vm *vm, gpa_t addr)
{
	return iobus_write(vm->io, BUS_MMIO, addr, 0, 0);
}
