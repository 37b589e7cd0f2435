// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty logging.  Bits are set by any context with set_bit(); a bitmap belongs
 * to its slot and dies with it.  A page whose bit is clear is write-protected
 * in the second-stage tables, so that the first write after a harvest faults.
 */
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "dirty.h"
#include "vm.h"

static size_t dirty_bytes(const struct memslot *s)
{
	return BITS_TO_LONGS(s->npages) * sizeof(long);
}

int dirty_alloc(struct memslot *s)
{
	s->dirty = kvzalloc(dirty_bytes(s), GFP_KERNEL_ACCOUNT);
	return s->dirty ? 0 : -ENOMEM;
}

void dirty_free(struct memslot *s)
{
	kvfree(s->dirty);
	s->dirty = NULL;
}

void mark_page_dirty(struct vm *vm, gfn_t gfn)
{
	struct memslot *s;

	rcu_read_lock();
	s = memslot_find_rcu(vm, gfn);
	if (s && s->dirty)
		set_bit(gfn - s->base_gfn, s->dirty);
	rcu_read_unlock();
}

/* Copy @s's bitmap and clear it a word at a time; true if any bit was set. */
static bool dirty_take(struct memslot *s, unsigned long *to)
{
	size_t i, n = BITS_TO_LONGS(s->npages);
	bool any = false;

	for (i = 0; i < n; i++) {
		if (!READ_ONCE(s->dirty[i]))
			continue;
		to[i] = xchg(&s->dirty[i], 0);
		any = true;
	}
	return any;
}

/* Nobody got to see @bits: they are for the next one. */
static void dirty_give_back(struct memslot *s, const unsigned long *bits)
{
	size_t bit;

	for_each_set_bit(bit, bits, s->npages)
		set_bit(bit, s->dirty);
}

static bool dirty_protect(struct vm *vm, struct memslot *s,
			  const unsigned long *bits)
{
	unsigned long from, to;
	bool flush = false;

	for_each_set_bitrange(from, to, bits, s->npages)
		flush |= arch_stage2_wrprotect(vm, s->base_gfn + from,
					       s->base_gfn + to);
	return flush;
}

int dirty_get_log(struct vm *vm, const struct kvm_dirty_log *log)
{
	unsigned long *copy;
	struct memslot *s;
	int ret = 0;

	if ((log->slot & 0xffff) >= XKVM_NR_SLOTS || log->slot >> 16)
		return -EINVAL;
	down_read(&vm->slots_lock);
	s = memslot_by_id(vm, log->slot);
	if (!s || !s->dirty) {
		ret = -ENOENT;
		goto out_unlock;
	}
	copy = kvzalloc(dirty_bytes(s), GFP_KERNEL_ACCOUNT);
	if (!copy) {
		ret = -ENOMEM;
		goto out_unlock;
	}
	write_lock(&vm->mmu_lock);
	if (dirty_take(s, copy) && dirty_protect(vm, s, copy))
		arch_flush_remote_tlbs(vm);
	write_unlock(&vm->mmu_lock);
	if (copy_to_user(log->dirty_bitmap, copy, dirty_bytes(s))) {
		dirty_give_back(s, copy);
		ret = -EFAULT;
	}
	kvfree(copy);
out_unlock:
	up_read(&vm->slots_lock);
	return ret;
}
