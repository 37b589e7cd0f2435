// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty rings.  A vCPU's ring is written by whoever makes a page dirty, under
 * ring->lock, and by user space, which shares the memory: a flag in an entry
 * passes it on, and what an entry holds is checked when it comes back.
 *
 * A page's bit in its slot's bitmap says that it is in a ring already, so that
 * one page takes one entry however often and from wherever it is written.
 * KVM_RESET_DIRTY_RINGS clears the bit and has the next write noticed, under
 * vm->ring_lock.  That no ring is overrun rests on the reserve: a full one
 * keeps its vCPU from running (REQ_RING_FULL).
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "arch.h"
#include "dirty.h"
#include "dirty_ring.h"
#include "vm.h"

static u32 dirty_ring_used(const struct dirty_ring *r)
{
	return READ_ONCE(r->next) - READ_ONCE(r->reset);
}

bool dirty_ring_soft_full(struct vcpu *v)
{
	const struct dirty_ring *r = &v->ring;

	return r->size && dirty_ring_used(r) >= r->size - DIRTY_RING_RESERVE;
}

int dirty_ring_enable(struct vm *vm, u64 bytes)
{
	int ret = 0;

	if (!is_power_of_2(bytes) || bytes < PAGE_SIZE ||
	    bytes < DIRTY_RING_RESERVE * sizeof(struct kvm_dirty_gfn))
		return -EINVAL;
	if (bytes > DIRTY_RING_MAX * sizeof(struct kvm_dirty_gfn))
		return -E2BIG;
	mutex_lock(&vm->lock);
	/* once, and before there is anybody to have one */
	if (vm->dirty_ring_size || vm->nr_vcpus) {
		ret = -EINVAL;
	} else {
		down_write(&vm->slots_lock);
		vm->dirty_ring_size = bytes;
		up_write(&vm->slots_lock);
	}
	mutex_unlock(&vm->lock);
	return ret;
}

int dirty_ring_init(struct vcpu *v)
{
	u32 bytes = v->vm->dirty_ring_size;

	spin_lock_init(&v->ring.lock);
	if (!bytes)
		return 0;
	v->ring.entry = __vmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!v->ring.entry)
		return -ENOMEM;
	v->ring.size = bytes / sizeof(struct kvm_dirty_gfn);
	return 0;
}

void dirty_ring_exit(struct vcpu *v)
{
	vfree(v->ring.entry);
}

struct page *dirty_ring_page(struct vcpu *v, unsigned long pgoff)
{
	unsigned long page = pgoff - KVM_DIRTY_LOG_PAGE_OFFSET;

	if (pgoff < KVM_DIRTY_LOG_PAGE_OFFSET ||
	    page >= v->vm->dirty_ring_size >> PAGE_SHIFT)
		return NULL;
	return vmalloc_to_page((void *)v->ring.entry + (page << PAGE_SHIFT));
}

bool dirty_ring_mmap_ok(struct vcpu *v, unsigned long pgoff,
			unsigned long pages, unsigned long vm_flags)
{
	unsigned long have = v->vm->dirty_ring_size >> PAGE_SHIFT;

	return pgoff >= KVM_DIRTY_LOG_PAGE_OFFSET &&
	       pgoff - KVM_DIRTY_LOG_PAGE_OFFSET <= have &&
	       pages <= have - (pgoff - KVM_DIRTY_LOG_PAGE_OFFSET) &&
	       (vm_flags & VM_SHARED) && !(vm_flags & VM_EXEC);
}

/* --- pushing -------------------------------------------------------------------- */

static bool dirty_ring_push_one(struct vcpu *v, u32 id, u64 rel)
{
	struct dirty_ring *r = &v->ring;
	struct kvm_dirty_gfn *e;
	unsigned long flags;
	bool room;

	spin_lock_irqsave(&r->lock, flags);
	room = dirty_ring_used(r) < r->size;
	if (room) {
		e = &r->entry[r->next & (r->size - 1)];
		e->slot = id;
		e->offset = rel;
		/* the entry before its flag: pairs with user space's acquire */
		smp_store_release(&e->flags, KVM_DIRTY_GFN_F_DIRTY);
		WRITE_ONCE(r->next, r->next + 1);
	}
	spin_unlock_irqrestore(&r->lock, flags);
	if (dirty_ring_soft_full(v))
		vcpu_request(v, REQ_RING_FULL);
	return room;
}

void dirty_ring_push(struct vm *vm, u32 id, u64 rel)
{
	struct vcpu *v;
	unsigned int i;
	bool done;

	preempt_disable();
	v = vcpu_running();
	done = v && v->vm == vm && dirty_ring_push_one(v, id, rel);
	preempt_enable();
	if (done)
		return;
	/* an event or an ioctl: first where it stops nobody from running */
	vm_for_each_vcpu(i, v, vm)
		if (!dirty_ring_soft_full(v) && dirty_ring_push_one(v, id, rel))
			return;
	vm_for_each_vcpu(i, v, vm)
		if (dirty_ring_push_one(v, id, rel))
			return;
	if (READ_ONCE(vm->nr_vcpus))
		vm_kill(vm, "user space left no room in any dirty ring");
}

/* --- taking back ------------------------------------------------------------------- */

/* Entries of one word of one slot's bitmap, to be cleared at once. */
struct dirty_ring_batch {
	struct memslot *slot;
	u64 base;
	unsigned long mask;
	bool flush;
};

static void dirty_ring_clear(struct vm *vm, struct dirty_ring_batch *b)
{
	if (!b->mask)
		return;
	write_lock(&vm->mmu_lock);
	b->flush |= dirty_clear_bits(vm, b->slot, b->base, b->mask);
	write_unlock(&vm->mmu_lock);
	b->mask = 0;
}

static void dirty_ring_add(struct vm *vm, struct dirty_ring_batch *b, u32 id,
			   u64 rel)
{
	struct memslot *s = b->slot;
	u64 base;

	if (!s || s->id != id)
		s = memslot_by_id(vm, id);
	/* the slot may have gone since, or user space made this up */
	if (!s || !s->dirty || rel >= s->npages)
		return;
	rel = array_index_nospec(rel, s->npages);
	base = round_down(rel, BITS_PER_LONG);
	if (s != b->slot || base != b->base)
		dirty_ring_clear(vm, b);
	b->slot = s;
	b->base = base;
	b->mask |= BIT(rel - base);
}

static int dirty_ring_reset(struct vm *vm, struct dirty_ring *r,
			    struct dirty_ring_batch *b)
{
	int count = 0;

	while (r->reset != READ_ONCE(r->next)) {
		struct kvm_dirty_gfn *e = &r->entry[r->reset & (r->size - 1)];

		/* pairs with user space's release */
		if (!(smp_load_acquire(&e->flags) & KVM_DIRTY_GFN_F_RESET))
			break;
		dirty_ring_add(vm, b, READ_ONCE(e->slot), READ_ONCE(e->offset));
		WRITE_ONCE(e->flags, 0);
		WRITE_ONCE(r->reset, r->reset + 1);
		if (!(++count % 64))
			cond_resched();
	}
	return count;
}

int dirty_ring_reset_all(struct vm *vm)
{
	struct dirty_ring_batch b = { 0 };
	struct vcpu *v;
	unsigned int i;
	int count = 0;

	if (!vm->dirty_ring_size)
		return -EINVAL;
	mutex_lock(&vm->ring_lock);
	down_read(&vm->slots_lock);
	vm_for_each_vcpu(i, v, vm)
		count += dirty_ring_reset(vm, &v->ring, &b);
	dirty_ring_clear(vm, &b);
	if (b.flush)
		arch_flush_remote_tlbs(vm);
	up_read(&vm->slots_lock);
	mutex_unlock(&vm->ring_lock);
	return count;
}
