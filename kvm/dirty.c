// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty logging of a slot as a bitmap.  Bits are set by any context; a bitmap
 * belongs to its slot and dies with it.  A page whose bit is clear is such in
 * the second-stage tables that its first write is noticed: write-protected, or
 * clean where the CPU logs (arch_stage2_logs_writes()).
 *
 * Behind the bitmap stands a bit for each group of its words, set after the
 * first of theirs: a harvest passes by groups without one.
 *
 * Harvest clears bits before it looks at the tables: a write in between sets
 * the bit again.  With rings (dirty_ring.c) a bit says that the page is in one.
 */
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "dirty.h"
#include "dirty_ring.h"
#include "vm.h"

#define DIRTY_BATCH	512	/* words of a bitmap between two looks around */
#define DIRTY_GROUP	64	/* words; of pages, 16 MiB */

static size_t dirty_words(const struct memslot *s)
{
	return BITS_TO_LONGS(s->npages);
}

static size_t dirty_bytes(const struct memslot *s)
{
	return dirty_words(s) * sizeof(long);
}

static size_t dirty_nr_groups(const struct memslot *s)
{
	return DIV_ROUND_UP(dirty_words(s), DIRTY_GROUP);
}

static unsigned long *dirty_groups(const struct memslot *s)
{
	return s->dirty + dirty_words(s);
}

/* After the bit of page @rel was set, by an operation with a full barrier. */
static void dirty_note_group(const struct memslot *s, u64 rel)
{
	u64 group = rel / (DIRTY_GROUP * BITS_PER_LONG);

	if (!test_bit(group, dirty_groups(s)))
		set_bit(group, dirty_groups(s));
}

static bool dirty_init_set(const struct vm *vm)
{
	return (vm->dirty_manual & KVM_DIRTY_LOG_INITIALLY_SET) &&
	       !vm->dirty_ring_size;
}

int dirty_alloc(struct vm *vm, struct memslot *s)
{
	s->dirty = kvzalloc(dirty_bytes(s) + sizeof(long) *
			    BITS_TO_LONGS(dirty_nr_groups(s)),
			    GFP_KERNEL_ACCOUNT);
	if (!s->dirty)
		return -ENOMEM;
	if (dirty_init_set(vm)) {
		bitmap_set(s->dirty, 0, s->npages);
		bitmap_set(dirty_groups(s), 0, dirty_nr_groups(s));
	}
	return 0;
}

void dirty_free(struct memslot *s)
{
	kvfree(s->dirty);
	s->dirty = NULL;
}

bool dirty_starts_set(struct vm *vm, const struct memslot *old,
		      const struct memslot *new)
{
	return dirty_init_set(vm) && old && new &&
	       old->base_gfn == new->base_gfn &&
	       (old->flags ^ new->flags) == KVM_MEM_LOG_DIRTY_PAGES &&
	       (new->flags & KVM_MEM_LOG_DIRTY_PAGES);
}

void mark_page_dirty(struct vm *vm, gfn_t gfn)
{
	struct memslot *s;
	u64 rel;

	rcu_read_lock();
	s = memslot_find_rcu(vm, gfn);
	if (s && s->dirty) {
		rel = gfn - s->base_gfn;
		if (!test_bit(rel, s->dirty) &&
		    !test_and_set_bit(rel, s->dirty)) {
			dirty_note_group(s, rel);
			if (vm->dirty_ring_size)
				dirty_ring_push(vm, s->id, rel);
		}
	}
	rcu_read_unlock();
}

/* Set the bits of @mask in word @word of the bitmap. */
static void dirty_set_word(struct vm *vm, const struct memslot *s, u64 word,
			   unsigned long mask)
{
	unsigned int bit;

	mask &= ~READ_ONCE(s->dirty[word]);
	if (!mask)
		return;
	mask &= ~atomic_long_fetch_or(mask, (atomic_long_t *)&s->dirty[word]);
	dirty_note_group(s, word * BITS_PER_LONG);
	if (!vm->dirty_ring_size)
		return;
	for_each_set_bit(bit, &mask, BITS_PER_LONG)
		dirty_ring_push(vm, s->id, word * BITS_PER_LONG + bit);
}

/* Neighbours mostly follow each other: one look-up and one bit-set for many. */
void mark_pages_dirty(struct vm *vm, const u64 *last, unsigned int n)
{
	const struct memslot *s = NULL;
	unsigned long mask = 0;
	u64 word = 0, rel;

	rcu_read_lock();
	for (; n; n--, last--) {
		gfn_t gfn = *last >> PAGE_SHIFT;

		rel = s ? gfn - s->base_gfn : 0;
		if (s && rel < s->npages && rel / BITS_PER_LONG == word) {
			mask |= BIT(rel % BITS_PER_LONG);
			continue;
		}
		if (s)
			dirty_set_word(vm, s, word, mask);
		if (!s || rel >= s->npages) {
			s = memslot_find_rcu(vm, gfn);
			if (s && !s->dirty)
				s = NULL;
			if (!s)
				continue;
			rel = gfn - s->base_gfn;
		}
		word = rel / BITS_PER_LONG;
		mask = BIT(rel % BITS_PER_LONG);
	}
	if (s)
		dirty_set_word(vm, s, word, mask);
	rcu_read_unlock();
}

bool dirty_clear_bits(struct vm *vm, struct memslot *s, u64 base,
		      unsigned long mask)
{
	unsigned long *word = &s->dirty[base / BITS_PER_LONG], from, to;
	bool flush = false;

	lockdep_assert_held_write(&vm->mmu_lock);
	mask &= atomic_long_fetch_andnot(mask, (atomic_long_t *)word);
	for_each_set_bitrange(from, to, &mask, BITS_PER_LONG)
		flush |= arch_stage2_clear_dirty(vm, s->base_gfn + base + from,
						 s->base_gfn + base + to);
	return flush;
}

/* The slot of a request, which has a bitmap for user space, or -errno. */
static struct memslot *dirty_slot(struct vm *vm, u32 id)
{
	struct memslot *s;

	lockdep_assert_held(&vm->slots_lock);
	if (vm->dirty_ring_size)
		return ERR_PTR(-ENXIO);
	if ((id & 0xffff) >= XKVM_NR_SLOTS || id >> 16)
		return ERR_PTR(-EINVAL);
	s = memslot_by_id(vm, id);
	return s && s->dirty ? s : ERR_PTR(-ENOENT);
}

/* --- KVM_GET_DIRTY_LOG ---------------------------------------------------------- */

static bool dirty_take_group(struct vm *vm, struct memslot *s, size_t group,
			     unsigned long *to)
{
	size_t i = group * DIRTY_GROUP;
	size_t end = min(i + DIRTY_GROUP, dirty_words(s));
	bool flush = false;

	/* a full barrier before the words: pairs with mark_page_dirty()'s */
	if (!test_and_clear_bit(group, dirty_groups(s)))
		return false;
	for (; i < end; i++) {
		to[i] = READ_ONCE(s->dirty[i]);
		if (to[i])
			flush |= dirty_clear_bits(vm, s, i * BITS_PER_LONG,
						  to[i]);
	}
	return flush;
}

/*
 * Move @s's bits to @to, which is zero, and protect the pages.  Lets others
 * have mmu_lock now and then; the caller flushes before user space sees @to.
 */
static bool dirty_take(struct vm *vm, struct memslot *s, unsigned long *to)
{
	bool flush = false;
	size_t group;

	write_lock(&vm->mmu_lock);
	for_each_set_bit(group, dirty_groups(s), dirty_nr_groups(s)) {
		flush |= dirty_take_group(vm, s, group, to);
		cond_resched_rwlock_write(&vm->mmu_lock);
	}
	write_unlock(&vm->mmu_lock);
	return flush;
}

/* Nobody got to see @bits: they are for the next one. */
static void dirty_give_back(struct memslot *s, const unsigned long *bits)
{
	size_t bit;

	for_each_set_bit(bit, bits, s->npages) {
		set_bit(bit, s->dirty);
		smp_mb__after_atomic();	/* as test_and_set_bit() has */
		dirty_note_group(s, bit);
	}
}

static int dirty_harvest(struct vm *vm, struct memslot *s, void __user *to)
{
	unsigned long *copy;
	int ret = 0;

	if (bitmap_empty(dirty_groups(s), dirty_nr_groups(s)))
		return clear_user(to, dirty_bytes(s)) ? -EFAULT : 0;
	copy = kvzalloc(dirty_bytes(s), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return -ENOMEM;
	if (dirty_take(vm, s, copy))
		arch_flush_remote_tlbs(vm);
	if (copy_to_user(to, copy, dirty_bytes(s))) {
		dirty_give_back(s, copy);
		ret = -EFAULT;
	}
	kvfree(copy);
	return ret;
}

int dirty_get_log(struct vm *vm, const struct kvm_dirty_log *log)
{
	struct memslot *s;
	int ret;

	down_read(&vm->slots_lock);
	s = dirty_slot(vm, log->slot);
	if (IS_ERR(s)) {
		ret = PTR_ERR(s);
		goto out;
	}
	arch_dirty_sync(vm);
	if (vm->dirty_manual)
		ret = copy_to_user(log->dirty_bitmap, s->dirty,
				   dirty_bytes(s)) ? -EFAULT : 0;
	else
		ret = dirty_harvest(vm, s, log->dirty_bitmap);
out:
	up_read(&vm->slots_lock);
	return ret;
}

/* --- KVM_CLEAR_DIRTY_LOG -------------------------------------------------------- */

static int dirty_check_range(const struct memslot *s,
			     const struct kvm_clear_dirty_log *log)
{
	u64 left;

	if (log->first_page & (BITS_PER_LONG - 1))
		return -EINVAL;
	if (log->first_page > s->npages)
		return -EINVAL;
	left = s->npages - log->first_page;
	/* whole words, but for the slot's last one */
	if (log->num_pages > left ||
	    (log->num_pages < left && (log->num_pages & (BITS_PER_LONG - 1))))
		return -EINVAL;
	return 0;
}

/* Clear what @words of @mask name, from page @base of the slot on. */
static bool dirty_clear_words(struct vm *vm, struct memslot *s, u64 base,
			      const unsigned long *mask, size_t words)
{
	bool flush = false;
	size_t i;

	write_lock(&vm->mmu_lock);
	for (i = 0; i < words; i++)
		if (mask[i])
			flush |= dirty_clear_bits(vm, s,
						  base + i * BITS_PER_LONG,
						  mask[i]);
	write_unlock(&vm->mmu_lock);
	return flush;
}

static int dirty_clear(struct vm *vm, struct memslot *s,
		       const struct kvm_clear_dirty_log *log)
{
	size_t words = BITS_TO_LONGS((u64)log->num_pages), n;
	unsigned long __user *from = log->dirty_bitmap;
	/* the slot's end is a position, too */
	u64 base = array_index_nospec(log->first_page, s->npages + 1);
	unsigned long *mask;
	bool flush = false;
	int ret = 0;

	mask = kmalloc_array(DIRTY_BATCH, sizeof(*mask), GFP_KERNEL_ACCOUNT);
	if (!mask)
		return -ENOMEM;
	for (; words; words -= n, from += n, base += n * BITS_PER_LONG) {
		n = min_t(size_t, words, DIRTY_BATCH);
		if (copy_from_user(mask, from, n * sizeof(*mask))) {
			ret = -EFAULT;
			break;
		}
		/* nobody sets what lies behind the slot's end */
		flush |= dirty_clear_words(vm, s, base, mask, n);
		cond_resched();
	}
	if (flush)
		arch_flush_remote_tlbs(vm);
	kfree(mask);
	return ret;
}

int dirty_clear_log(struct vm *vm, const struct kvm_clear_dirty_log *log)
{
	struct memslot *s;
	int ret;

	down_read(&vm->slots_lock);
	s = dirty_slot(vm, log->slot);
	ret = IS_ERR(s) ? PTR_ERR(s) : dirty_check_range(s, log);
	if (!ret)
		ret = dirty_clear(vm, s, log);
	up_read(&vm->slots_lock);
	return ret;
}

/* --- KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 --------------------------------------------- */

int dirty_set_manual(struct vm *vm, u64 flags)
{
	u64 known = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

	if (flags & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		known |= KVM_DIRTY_LOG_INITIALLY_SET;
	if (flags & ~known)
		return -EINVAL;
	down_write(&vm->slots_lock);
	vm->dirty_manual = flags;
	up_write(&vm->slots_lock);
	return 0;
}
