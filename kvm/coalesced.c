// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced writes: owns vm->coalesced.  Zones are an immutable array behind an
 * RCU pointer, exchanged under vm->lock.  The ring is a page that all vCPUs of
 * the VM and user space share; ring_lock orders those who add to it.  What user
 * space writes into the page can only cost it entries.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "coalesced.h"
#include "trace.h"
#include "vm.h"

#define COALESCED_ZONES	256	/* of a VM */

struct coalesced_zones {
	struct rcu_head rcu;
	unsigned int nr;
	struct kvm_coalesced_mmio_zone zone[];
};

void coalesced_init(struct vm *vm)
{
	spin_lock_init(&vm->coalesced.ring_lock);
}

void coalesced_exit(struct vm *vm)
{
	kfree(rcu_dereference_protected(vm->coalesced.zones, true));
	free_page((unsigned long)vm->coalesced.ring);
}

/* The ring, made when it is first wanted. */
static struct kvm_coalesced_mmio_ring *coalesced_ring(struct vm *vm)
{
	struct kvm_coalesced_mmio_ring *ring = READ_ONCE(vm->coalesced.ring);

	if (ring)
		return ring;
	ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (ring && cmpxchg(&vm->coalesced.ring, NULL, ring)) {
		free_page((unsigned long)ring);
		ring = READ_ONCE(vm->coalesced.ring);
	}
	return ring;
}

struct page *coalesced_page(struct vm *vm)
{
	struct kvm_coalesced_mmio_ring *ring = coalesced_ring(vm);

	return ring ? virt_to_page(ring) : NULL;
}

/* --- zones ----------------------------------------------------------------------- */

static bool coalesced_holds(const struct kvm_coalesced_mmio_zone *z, bool pio,
			    u64 addr, u64 len)
{
	return !!z->pio == pio && addr >= z->addr && addr + len >= addr &&
	       addr - z->addr <= z->size && len <= z->size - (addr - z->addr);
}

/* The zones there are but those that hold @drop, and @add; either may be NULL. */
static int coalesced_change(struct vm *vm,
			    const struct kvm_coalesced_mmio_zone *add,
			    const struct kvm_coalesced_mmio_zone *drop)
{
	struct coalesced_zones *old, *new;
	unsigned int i, nr;

	lockdep_assert_held(&vm->lock);
	old = rcu_dereference_protected(vm->coalesced.zones,
					lockdep_is_held(&vm->lock));
	nr = old ? old->nr : 0;
	if (add && nr == COALESCED_ZONES)
		return -ENOSPC;
	new = kmalloc(struct_size(new, zone, nr + !!add), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->nr = 0;
	for (i = 0; i < nr; i++)
		if (!drop || !coalesced_holds(&old->zone[i], drop->pio,
					      drop->addr, drop->size))
			new->zone[new->nr++] = old->zone[i];
	if (add)
		new->zone[new->nr++] = *add;
	if (!new->nr) {
		kfree(new);
		new = NULL;
	}
	rcu_assign_pointer(vm->coalesced.zones, new);
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}

int coalesced_register(struct vm *vm, const struct kvm_coalesced_mmio_zone *z)
{
	int ret;

	if (z->pio > 1)
		return -EINVAL;
	if (!coalesced_ring(vm))
		return -ENOMEM;
	mutex_lock(&vm->lock);
	ret = coalesced_change(vm, z, NULL);
	mutex_unlock(&vm->lock);
	return ret;
}

int coalesced_unregister(struct vm *vm, const struct kvm_coalesced_mmio_zone *z)
{
	int ret;

	if (z->pio > 1)
		return -EINVAL;
	mutex_lock(&vm->lock);
	ret = coalesced_change(vm, NULL, z);
	mutex_unlock(&vm->lock);
	return ret;
}

/* --- the guest's writes --------------------------------------------------------------- */

static bool coalesced_wanted(struct vm *vm, bool pio, u64 addr,
			     unsigned int len)
{
	struct coalesced_zones *z;
	unsigned int i;
	bool found = false;

	rcu_read_lock();
	z = rcu_dereference(vm->coalesced.zones);
	for (i = 0; z && i < z->nr && !found; i++)
		found = coalesced_holds(&z->zone[i], pio, addr, len);
	rcu_read_unlock();
	return found;
}

static bool coalesced_add(struct vm *vm, bool pio, u64 addr, unsigned int len,
			  u64 val)
{
	struct kvm_coalesced_mmio_ring *ring = vm->coalesced.ring;
	struct kvm_coalesced_mmio *e;
	u32 last, first, next;

	lockdep_assert_held(&vm->coalesced.ring_lock);
	last = READ_ONCE(ring->last);
	first = READ_ONCE(ring->first);
	next = (last + 1) % KVM_COALESCED_MMIO_MAX;
	/* user space may have written anything there */
	if (last >= KVM_COALESCED_MMIO_MAX || next == first)
		return false;
	e = &ring->coalesced_mmio[last];
	e->phys_addr = addr;
	e->len = len;
	e->pio = pio;
	memcpy(e->data, &val, sizeof(e->data));
	/* the entry before its number: pairs with user space's acquire */
	smp_store_release(&ring->last, next);
	return true;
}

bool coalesced_write_slow(struct vm *vm, bool pio, u64 addr, unsigned int len,
			  u64 val)
{
	bool done;

	if (!coalesced_wanted(vm, pio, addr, len))
		return false;
	spin_lock(&vm->coalesced.ring_lock);
	done = coalesced_add(vm, pio, addr, len, val);
	spin_unlock(&vm->coalesced.ring_lock);
	return done;
}
