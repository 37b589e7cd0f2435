// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buses of a VM: owns vm->io.
 *
 * A bus is an immutable array sorted by address.  io->lock orders those who
 * change it; an access searches under rcu_read_lock() and calls the device
 * inside it.  Taking a device off waits for those, the end of the VM has none
 * to wait for.  What the devices do is theirs.
 */
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "iobus.h"
#include "vm.h"

struct iobus_table {
	struct rcu_head rcu;
	unsigned int nr;
	u32 reach;			/* the longest device, at least 1 */
	struct iobus_dev *dev[];	/* by addr */
};

int iobus_init(struct vm *vm)
{
	vm->io = kzalloc(sizeof(*vm->io), GFP_KERNEL_ACCOUNT);
	if (!vm->io)
		return -ENOMEM;
	mutex_init(&vm->io->lock);
	return 0;
}

void iobus_exit(struct vm *vm)
{
	struct iobus *io = vm->io;
	unsigned int bus, i;

	if (!io)
		return;
	vm->io = NULL;
	for (bus = 0; bus < IOBUS_NR; bus++) {
		struct iobus_table *table =
			rcu_dereference_protected(io->table[bus], true);

		for (i = 0; table && i < table->nr; i++) {
			if (table->dev[i]->ops->free)
				table->dev[i]->ops->free(table->dev[i]);
		}
		kfree(table);
	}
	kfree(io);
}

/* --- changing a bus --- */

/* The table of a bus; io->lock held. */
static struct iobus_table *iobus_table(struct iobus *io, enum iobus_kind bus)
{
	return rcu_dereference_protected(io->table[bus],
					 lockdep_is_held(&io->lock));
}

/* Exchange the table for @new, which may be NULL. */
static void iobus_publish(struct iobus *io, enum iobus_kind bus,
			  struct iobus_table *new)
{
	struct iobus_table *old = iobus_table(io, bus);
	unsigned int i;

	if (new) {
		new->reach = 1;
		for (i = 0; i < new->nr; i++)
			new->reach = max(new->reach, new->dev[i]->len);
	}
	rcu_assign_pointer(io->table[bus], new);
	if (old)
		kfree_rcu(old, rcu);
}

static int iobus_insert(struct iobus *io, enum iobus_kind bus,
			struct iobus_dev *dev, unsigned int at)
{
	struct iobus_table *old = iobus_table(io, bus), *new;
	unsigned int nr = old ? old->nr : 0, i;

	if (nr >= IOBUS_MAX)
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

int iobus_add(struct vm *vm, enum iobus_kind bus, struct iobus_dev *dev,
	      bool (*clash)(const struct iobus_dev *there,
			    const struct iobus_dev *dev))
{
	struct iobus *io = vm->io;
	struct iobus_table *table;
	unsigned int i, at = 0;
	int r = 0;

	mutex_lock(&io->lock);
	table = iobus_table(io, bus);
	for (i = 0; table && i < table->nr; i++) {
		if (clash && clash(table->dev[i], dev))
			r = -EEXIST;
		if (table->dev[i]->addr < dev->addr)
			at = i + 1;
	}
	if (!r)
		r = iobus_insert(io, bus, dev, at);
	mutex_unlock(&io->lock);
	return r;
}

/* All but the one at @at; still visible to readers. */
static void iobus_drop(struct iobus *io, enum iobus_kind bus, unsigned int at)
{
	struct iobus_table *old = iobus_table(io, bus), *new = NULL;
	unsigned int i;

	if (old->nr > 1) {
		/* at most two pages, and nothing can be left on the bus */
		new = kmalloc(struct_size(new, dev, old->nr - 1),
			      GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
		new->nr = old->nr - 1;
		for (i = 0; i < new->nr; i++)
			new->dev[i] = old->dev[i + (i >= at)];
	}
	iobus_publish(io, bus, new);
}

struct iobus_dev *iobus_remove(struct vm *vm, enum iobus_kind bus,
			       bool (*same)(const struct iobus_dev *dev,
					    const void *key),
			       const void *key)
{
	struct iobus *io = vm->io;
	struct iobus_dev *dev = NULL;
	struct iobus_table *table;
	unsigned int i;

	mutex_lock(&io->lock);
	table = iobus_table(io, bus);
	for (i = 0; table && i < table->nr; i++) {
		if (!same(table->dev[i], key))
			continue;
		dev = table->dev[i];
		iobus_drop(io, bus, i);
		break;
	}
	mutex_unlock(&io->lock);
	/* a vCPU may be about to use it */
	if (dev)
		synchronize_rcu_expedited();
	return dev;
}

static bool iobus_is(const struct iobus_dev *dev, const void *key)
{
	return dev == key;
}

void iobus_take_off(struct vm *vm, enum iobus_kind bus, struct iobus_dev *dev)
{
	iobus_remove(vm, bus, iobus_is, dev);
}

/* --- the guest's accesses --- */

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

static bool iobus_covers(const struct iobus_dev *dev, gpa_t addr,
			 unsigned int len)
{
	gpa_t skip = addr - dev->addr;

	if (!dev->len)
		return !skip;
	return skip < dev->len && len <= dev->len - skip;
}

/* The first index that an access at @addr can concern. */
static unsigned int iobus_first(const struct iobus_table *table, gpa_t addr)
{
	u32 back = table->reach - 1;

	return iobus_search(table, addr > back ? addr - back : 0);
}

bool iobus_read(struct vm *vm, enum iobus_kind bus, gpa_t addr,
		unsigned int len, void *val)
{
	struct iobus_table *table;
	struct iobus_dev *dev;
	unsigned int i;
	bool done = false;

	if (!iobus_in_use(vm, bus))
		return false;
	rcu_read_lock();
	table = rcu_dereference(vm->io->table[bus]);
	for (i = table ? iobus_first(table, addr) : 0;
	     table && !done && i < table->nr; i++) {
		dev = table->dev[i];
		if (dev->addr > addr)
			break;
		done = dev->ops->read && iobus_covers(dev, addr, len) &&
		       !dev->ops->read(dev, addr, len, val);
	}
	rcu_read_unlock();
	return done;
}

bool iobus_write(struct vm *vm, enum iobus_kind bus, gpa_t addr,
		 unsigned int len, u64 val)
{
	struct iobus_table *table;
	struct iobus_dev *dev;
	unsigned int i;
	bool done = false;

	if (!iobus_in_use(vm, bus))
		return false;
	if (len < sizeof(val))
		val &= (1ull << len * 8) - 1;
	rcu_read_lock();
	table = rcu_dereference(vm->io->table[bus]);
	for (i = table ? iobus_first(table, addr) : 0;
	     table && !done && i < table->nr; i++) {
		dev = table->dev[i];
		if (dev->addr > addr)
			break;
		done = iobus_covers(dev, addr, len) &&
		       !dev->ops->write(dev, addr, len, val);
	}
	rcu_read_unlock();
	return done;
}
