// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: the published array, its changes, and copies to and from
 * guest memory.  See memslot.h for who may look and when.
 */
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "dirty.h"
#include "notifier.h"
#include "special.h"
#include "vm.h"

#define MEMSLOT_PIECE	(1ull << 18)	/* pages: 1 GiB, of one table */

/*
 * A change of slots or special pages counts as an invalidation: their
 * generations are the upper half of the sequence.  All only grow, so the sum
 * changes when any does.
 */
unsigned long memslot_inv_begin(struct vm *vm)
{
	u32 gen;

	rcu_read_lock();
	/* before the set: pairs with special_publish() */
	gen = smp_load_acquire(&vm->special_generation);
	gen += READ_ONCE(rcu_dereference(vm->slots)->generation);
	rcu_read_unlock();
	return notifier_seq(vm) + ((unsigned long)gen << 32);
}

bool memslot_inv_retry(struct vm *vm, unsigned long seq, hva_t hva,
		       unsigned long len)
{
	struct memslots *s = rcu_dereference_check(vm->slots, true);
	u32 gen = s->generation + READ_ONCE(vm->special_generation);

	return notifier_retry(vm, seq - ((unsigned long)gen << 32), hva, len);
}

/* Index of the last slot that starts at or below @gfn, or -1. */
static int memslot_index(const struct memslots *s, gfn_t gfn)
{
	int lo = 0, hi = s->nr;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (s->slot[mid]->base_gfn <= gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

static bool memslot_has(const struct memslot *s, gfn_t gfn)
{
	return gfn >= s->base_gfn && gfn - s->base_gfn < s->npages;
}

static struct memslot *memslot_search(const struct memslots *s, gfn_t gfn)
{
	int i = memslot_index(s, gfn);

	return i >= 0 && memslot_has(s->slot[i], gfn) ? s->slot[i] : NULL;
}

static struct memslots *memslots_of(struct vm *vm)
{
	return rcu_dereference_check(vm->slots,
				     lockdep_is_held(&vm->slots_lock) ||
				     lockdep_is_held(&vm->mmu_lock) ||
				     !refcount_read(&vm->users));
}

u32 memslot_generation(struct vm *vm)
{
	return memslots_of(vm)->generation + READ_ONCE(vm->special_generation);
}

/* What look-ups have to ask special.c for. */
static bool memslot_has_specials(struct vm *vm, gfn_t base, u64 npages)
{
	return READ_ONCE(vm->kpage.gfn) - base < npages ||
	       rcu_access_pointer(vm->specials);
}

struct memslot *memslot_find_rcu(struct vm *vm, gfn_t gfn)
{
	struct memslot_ref ref;

	if (unlikely(memslot_has_specials(vm, gfn, 1)) &&
	    (gfn == READ_ONCE(vm->kpage.gfn) || special_lookup(vm, gfn, &ref)))
		return NULL;
	return memslot_search(rcu_dereference(vm->slots), gfn);
}

int memslot_lookup(struct vm *vm, struct vcpu *vcpu, gfn_t gfn,
		   struct memslot_ref *ref)
{
	struct memslot *slot = NULL;
	struct memslot_cache *c = vcpu ? &vcpu->slot_cache : NULL;
	struct memslots *s;
	int i;

	rcu_read_lock();
	if (unlikely(memslot_has_specials(vm, gfn, 1))) {
		if (gfn == READ_ONCE(vm->kpage.gfn))
			goto out_none;
		if (special_lookup(vm, gfn, ref)) {
			rcu_read_unlock();
			return 0;
		}
	}
	s = rcu_dereference(vm->slots);
	if (c && c->generation == s->generation && c->index < s->nr &&
	    memslot_has(s->slot[c->index], gfn)) {
		slot = s->slot[c->index];
	} else {
		i = memslot_index(s, gfn);
		if (i >= 0 && memslot_has(s->slot[i], gfn)) {
			slot = s->slot[i];
			if (c)
				*c = (struct memslot_cache){ s->generation, i };
		}
	}
	if (slot) {
		*ref = (struct memslot_ref){
			.hva = memslot_hva(slot, gfn),
			.base_gfn = slot->base_gfn,
			.npages = slot->npages,
			.flags = slot->flags,
		};
		if (unlikely(memslot_has_specials(vm, slot->base_gfn,
						  slot->npages)))
			special_clip(vm, gfn, ref);
	}
out_none:
	rcu_read_unlock();
	return slot ? 0 : -ENOENT;
}

bool memslot_for_hva_range(struct vm *vm, hva_t start, hva_t end,
			   bool (*fn)(struct vm *vm, gfn_t start, gfn_t end))
{
	struct interval_tree_node *n;
	bool hit = false;

	lockdep_assert_held(&vm->mmu_lock);
	for (n = interval_tree_iter_first(&vm->hva_tree, start, end - 1); n;
	     n = interval_tree_iter_next(n, start, end - 1)) {
		struct memslot *s = container_of(n, struct memslot, hva_node);
		hva_t from = max_t(hva_t, start, n->start);
		hva_t to = min_t(hva_t, end - 1, n->last);

		hit |= fn(vm, s->base_gfn + ((from - s->hva) >> PAGE_SHIFT),
			  s->base_gfn + ((to - s->hva) >> PAGE_SHIFT) + 1);
	}
	return hit | special_for_hva_range(vm, start, end, fn);
}

hva_t memslot_next_hva(struct vm *vm, hva_t start, hva_t end)
{
	const struct interval_tree_node *n, *special;
	hva_t next = end;

	lockdep_assert_held(&vm->mmu_lock);
	n = interval_tree_iter_first(&vm->hva_tree, start, end - 1);
	if (n)
		next = max_t(hva_t, start, n->start);
	special = interval_tree_iter_first(&vm->special_tree, start, end - 1);
	if (special)
		next = min(next, max_t(hva_t, start, special->start));
	return next;
}

static void memslot_free(struct memslot *s)
{
	if (s && !s->dirty_passed_on)
		dirty_free(s);
	kfree(s);
}

static void memslot_free_rcu(struct rcu_head *rcu)
{
	memslot_free(container_of(rcu, struct memslot, rcu));
}

static struct memslots *memslots_alloc(unsigned int nr)
{
	return kvzalloc(struct_size((struct memslots *)NULL, slot, nr),
			GFP_KERNEL_ACCOUNT);
}

/* @old without @out and with @in at its place. */
static struct memslots *memslots_edit(const struct memslots *old,
				      const struct memslot *out,
				      struct memslot *in)
{
	struct memslots *s = memslots_alloc(old->nr + 1);
	unsigned int i;

	if (!s)
		return NULL;
	for (i = 0; i < old->nr; i++) {
		if (old->slot[i] == out)
			continue;
		if (in && in->base_gfn < old->slot[i]->base_gfn) {
			s->slot[s->nr++] = in;
			in = NULL;
		}
		s->slot[s->nr++] = old->slot[i];
	}
	if (in)
		s->slot[s->nr++] = in;
	s->generation = old->generation + 1;
	return s;
}

static void memslot_tree_add(struct vm *vm, struct memslot *s)
{
	s->hva_node.start = s->hva;
	s->hva_node.last = s->hva + (s->npages << PAGE_SHIFT) - 1;
	interval_tree_insert(&s->hva_node, &vm->hva_tree);
}

/*
 * What a range of the tables has to become after the change, in pieces between
 * which others may have mmu_lock: a fault that comes in between goes by the new
 * slots already.
 */
static void memslot_redo(struct vm *vm, const struct memslot *s,
			 bool (*fn)(struct vm *vm, gfn_t start, gfn_t end))
{
	gfn_t gfn = s->base_gfn, end = gfn + s->npages, next;
	bool flush = false;

	for (; gfn < end; gfn = next) {
		next = min(end, (gfn | (MEMSLOT_PIECE - 1)) + 1);
		flush |= fn(vm, gfn, next);
		cond_resched_rwlock_write(&vm->mmu_lock);
	}
	if (!flush)
		return;
	arch_flush_remote_tlbs(vm);
	arch_stage2_free_unlinked(vm);
}

/* @in takes @out's place, or nothing does; under mmu_lock. */
static void memslot_remap(struct vm *vm, const struct memslot *out,
			  const struct memslot *in)
{
	u32 changed = in ? in->flags ^ out->flags : 0;

	if (!in || in->base_gfn != out->base_gfn)
		memslot_redo(vm, out, arch_stage2_unmap);
	else if (!changed || dirty_starts_set(vm, out, in))
		return;
	else if (changed == KVM_MEM_LOG_DIRTY_PAGES && in->dirty)
		memslot_redo(vm, out, arch_stage2_start_log);
	else
		memslot_redo(vm, out, arch_stage2_unmap);
}

/*
 * Publish: from here on no new fault, cache or copy uses @out.  What it mapped
 * goes before the locks do, so a deleted slot leaves nothing behind
 * (CVE-2026-46113): the range zapped is the one recorded in the slot itself.
 */
static void memslot_publish(struct vm *vm, struct memslots *new,
			    struct memslot *out, struct memslot *in)
{
	struct memslots *old = memslots_of(vm);

	/* before a vCPU can write to a page that is to be logged */
	WRITE_ONCE(vm->nr_logging, vm->nr_logging + (in && in->dirty));
	write_lock(&vm->mmu_lock);
	rcu_assign_pointer(vm->slots, new);
	if (out)
		interval_tree_remove(&out->hva_node, &vm->hva_tree);
	if (in)
		memslot_tree_add(vm, in);
	if (out)
		memslot_remap(vm, out, in);
	write_unlock(&vm->mmu_lock);
	WRITE_ONCE(vm->nr_logging, vm->nr_logging - (out && out->dirty));
	if (out)
		gpc_invalidate_hva(vm, out->hva,
				   out->hva + (out->npages << PAGE_SHIFT));
	kvfree_rcu(old, rcu);
	if (out)
		call_rcu(&out->rcu, memslot_free_rcu);
}

struct memslot *memslot_by_id(struct vm *vm, u32 id)
{
	struct memslots *s = memslots_of(vm);
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (s->slot[i]->id == id)
			return s->slot[i];
	return NULL;
}

static bool memslot_overlaps(const struct memslots *s, const struct memslot *but,
			     gfn_t base, u64 npages)
{
	int i = memslot_index(s, base + npages - 1);

	/* at most @but stands between the candidate and the range */
	for (; i >= 0; i--) {
		if (s->slot[i] == but)
			continue;
		return s->slot[i]->base_gfn + s->slot[i]->npages > base;
	}
	return false;
}

static int memslot_check(const struct kvm_userspace_memory_region *r)
{
	const u32 flags = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY;

	if (r->flags & ~flags)
		return -EINVAL;
	if ((r->memory_size & ~PAGE_MASK) || (r->guest_phys_addr & ~PAGE_MASK) ||
	    (r->userspace_addr & ~PAGE_MASK))
		return -EINVAL;
	if (r->userspace_addr != untagged_addr(r->userspace_addr) ||
	    !access_ok((void __user *)(unsigned long)r->userspace_addr,
		       r->memory_size))
		return -EINVAL;
	if ((r->slot & 0xffff) >= XKVM_NR_SLOTS || r->slot >> 16)
		return -EINVAL;
	if (r->guest_phys_addr + r->memory_size < r->guest_phys_addr ||
	    (r->guest_phys_addr + r->memory_size) >> PAGE_SHIFT >
	    arch_stage2_gfn_end())
		return -EINVAL;
	if ((r->memory_size >> PAGE_SHIFT) > XKVM_MAX_SLOT_PAGES)
		return -EINVAL;
	return 0;
}

static struct memslot *memslot_alloc(struct vm *vm, const struct kvm_userspace_memory_region *r,
				     const struct memslot *old)
{
	struct memslot *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (!s)
		return NULL;
	s->base_gfn = r->guest_phys_addr >> PAGE_SHIFT;
	s->npages = r->memory_size >> PAGE_SHIFT;
	s->hva = r->userspace_addr;
	s->flags = r->flags;
	s->id = r->slot;
	if (!(s->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return s;
	/*
	 * A slot that moves keeps its bitmap: whoever still marks a page in the
	 * old one marks it in the new one.
	 */
	if (old && old->dirty) {
		s->dirty = old->dirty;
	} else if (dirty_alloc(vm, s)) {
		kfree(s);
		return NULL;
	}
	return s;
}

static int memslot_set_locked(struct vm *vm,
			      const struct kvm_userspace_memory_region *r)
{
	struct memslots *cur = memslots_of(vm), *new;
	struct memslot *old = memslot_by_id(vm, r->slot), *in = NULL;
	u64 npages = r->memory_size >> PAGE_SHIFT;
	gfn_t base = r->guest_phys_addr >> PAGE_SHIFT;

	if (!npages && !old)
		return -EINVAL;
	if (npages) {
		if (old && (old->npages != npages ||
			    old->hva != r->userspace_addr ||
			    ((old->flags ^ r->flags) & KVM_MEM_READONLY)))
			return -EINVAL;
		if (old && old->base_gfn == base && old->flags == r->flags)
			return 0;
		if (memslot_overlaps(cur, old, base, npages))
			return -EEXIST;
		in = memslot_alloc(vm, r, old);
		if (!in)
			return -ENOMEM;
	}
	new = memslots_edit(cur, old, in);
	if (!new) {
		if (in)
			in->dirty_passed_on = old && in->dirty == old->dirty;
		memslot_free(in);
		return -ENOMEM;
	}
	if (old && in)
		old->dirty_passed_on = in->dirty && in->dirty == old->dirty;
	memslot_publish(vm, new, old, in);
	return 0;
}

int memslot_set(struct vm *vm, const struct kvm_userspace_memory_region *r)
{
	int ret = memslot_check(r);

	if (ret)
		return ret;
	down_write(&vm->slots_lock);
	ret = memslot_set_locked(vm, r);
	up_write(&vm->slots_lock);
	return ret;
}

int memslot_init(struct vm *vm)
{
	struct memslots *s = memslots_alloc(0);

	if (!s)
		return -ENOMEM;
	s->generation = 1;	/* a zeroed slot cache must not match */
	special_init(vm);
	vm->hva_tree = RB_ROOT_CACHED;
	RCU_INIT_POINTER(vm->slots, s);
	return 0;
}

void memslot_exit(struct vm *vm)
{
	struct memslots *s = memslots_of(vm);
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		memslot_free(s->slot[i]);
	kvfree(s);
	special_exit(vm);
}

/* The piece of an access that lies in one page, and where it is in user space. */
static int guest_piece(struct vm *vm, gpa_t gpa, size_t len, bool write,
		       void __user **uaddr, size_t *piece)
{
	struct memslot_ref ref;
	unsigned int off = offset_in_page(gpa);

	if (memslot_lookup(vm, NULL, gpa >> PAGE_SHIFT, &ref) ||
	    (write && (ref.flags & KVM_MEM_READONLY)))
		return -EFAULT;
	*uaddr = (void __user *)(unsigned long)(ref.hva + off);
	*piece = min_t(size_t, len, PAGE_SIZE - off);
	return 0;
}

int guest_read(struct vm *vm, gpa_t gpa, void *to, size_t len)
{
	void __user *uaddr;
	size_t n;
	int ret = 0;

	down_read(&vm->slots_lock);
	for (; len; gpa += n, to += n, len -= n) {
		ret = guest_piece(vm, gpa, len, false, &uaddr, &n);
		if (ret)
			break;
		if (copy_from_user(to, uaddr, n)) {
			ret = -EFAULT;
			break;
		}
	}
	up_read(&vm->slots_lock);
	return ret;
}

int guest_write(struct vm *vm, gpa_t gpa, const void *from, size_t len)
{
	void __user *uaddr;
	size_t n;
	int ret = 0;

	down_read(&vm->slots_lock);
	for (; len; gpa += n, from += n, len -= n) {
		ret = guest_piece(vm, gpa, len, true, &uaddr, &n);
		if (ret)
			break;
		ret = copy_to_user(uaddr, from, n) ? -EFAULT : 0;
		/* some of it may have been written all the same */
		mark_page_dirty(vm, gpa >> PAGE_SHIFT);
		if (ret)
			break;
	}
	up_read(&vm->slots_lock);
	return ret;
}
