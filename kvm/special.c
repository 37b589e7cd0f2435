// SPDX-License-Identifier: GPL-2.0-only
/*
 * Special pages: where each is, its look-up, and its coming and going.
 *
 * A page's own record says where it is, and nothing else does: the set of a VM
 * is an index of records, immutable behind an RCU pointer.  Set and records
 * change under slots_lock (writer) and mmu_lock (writer), in one piece with
 * the table entry; so "this page is mapped" and "the tables have it there"
 * cannot disagree, and no change touches another gfn than the record's.
 * A change counts as one of the slots for whoever follows memslot.h's protocol.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "special.h"
#include "vm.h"

struct special {
	gfn_t gfn;
	u32 flags;			/* XKVM_SPECIAL_* */
	struct interval_tree_node hva_node; /* vm->special_tree, mmu_lock */
	struct rcu_head rcu;
};

struct special_set {
	struct rcu_head rcu;
	unsigned int nr;
	struct special *page[];		/* by gfn */
};

static struct special_set *special_set_of(struct vm *vm)
{
	return rcu_dereference_check(vm->specials,
				     lockdep_is_held(&vm->slots_lock) ||
				     !refcount_read(&vm->users));
}

/* Index of the last page at or below @gfn, or -1. */
static int special_index(const struct special_set *s, gfn_t gfn)
{
	int lo = 0, hi = s->nr;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (s->page[mid]->gfn <= gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

static struct special *special_at(const struct special_set *s, gfn_t gfn)
{
	int i = s ? special_index(s, gfn) : -1;

	return i >= 0 && s->page[i]->gfn == gfn ? s->page[i] : NULL;
}

bool special_lookup(struct vm *vm, gfn_t gfn, struct memslot_ref *ref)
{
	struct special *p = special_at(rcu_dereference(vm->specials), gfn);

	if (!p)
		return false;
	*ref = (struct memslot_ref){
		.hva = p->hva_node.start,
		.base_gfn = gfn,
		.npages = 1,
		.flags = p->flags & XKVM_SPECIAL_READONLY ?
			 KVM_MEM_READONLY : 0,
		.kind = SPECIAL_USER,
	};
	return true;
}

/* Cut [*@start, *@end), which has @gfn, at @hole, which is not @gfn. */
static void special_cut(gfn_t gfn, gfn_t hole, gfn_t *start, gfn_t *end)
{
	if (hole < gfn)
		*start = max(*start, hole + 1);
	else
		*end = min(*end, hole);
}

void special_clip(struct vm *vm, gfn_t gfn, struct memslot_ref *ref)
{
	const struct special_set *s = rcu_dereference(vm->specials);
	gfn_t start = ref->base_gfn, end = ref->base_gfn + ref->npages;
	int i;

	special_cut(gfn, READ_ONCE(vm->kpage.gfn), &start, &end);
	if (s) {
		i = special_index(s, gfn);
		if (i >= 0)
			special_cut(gfn, s->page[i]->gfn, &start, &end);
		if (i + 1 < (int)s->nr)
			special_cut(gfn, s->page[i + 1]->gfn, &start, &end);
	}
	ref->base_gfn = start;
	ref->npages = end - start;
}

bool special_for_hva_range(struct vm *vm, hva_t start, hva_t end,
			   bool (*fn)(struct vm *vm, gfn_t start, gfn_t end))
{
	struct interval_tree_node *n;
	bool hit = false;

	lockdep_assert_held(&vm->mmu_lock);
	for (n = interval_tree_iter_first(&vm->special_tree, start, end - 1); n;
	     n = interval_tree_iter_next(n, start, end - 1)) {
		struct special *p = container_of(n, struct special, hva_node);

		hit |= fn(vm, p->gfn, p->gfn + 1);
	}
	return hit;
}

/* --- changes ---------------------------------------------------------------- */

/* The set without @out and with @in at its place, which will be @gfn. */
static struct special_set *special_edit(const struct special_set *old,
					const struct special *out,
					struct special *in, gfn_t gfn)
{
	unsigned int i, nr = old ? old->nr : 0;
	struct special_set *s;

	s = kvzalloc(struct_size(s, page, nr + 1), GFP_KERNEL_ACCOUNT);
	if (!s)
		return NULL;
	for (i = 0; i < nr; i++) {
		if (old->page[i] == out)
			continue;
		if (in && gfn < old->page[i]->gfn) {
			s->page[s->nr++] = in;
			in = NULL;
		}
		s->page[s->nr++] = old->page[i];
	}
	if (in)
		s->page[s->nr++] = in;
	return s;
}

static void special_zap(struct vm *vm, gfn_t gfn)
{
	lockdep_assert_held_write(&vm->mmu_lock);
	if (arch_stage2_unmap(vm, gfn, gfn + 1)) {
		arch_flush_remote_tlbs(vm);
		arch_stage2_free_unlinked(vm);
	}
}

/* Caches of what @gfn was until now. */
static void special_forget(struct vm *vm, const struct memslot_ref *was)
{
	if (was->npages)
		gpc_invalidate_hva(vm, was->hva, was->hva + PAGE_SIZE);
}

static void special_publish(struct vm *vm, struct special_set *new,
			    struct special *out, struct special *in, gfn_t gfn)
{
	struct special_set *old = special_set_of(vm);
	struct memslot_ref was = { .npages = 0 };

	memslot_lookup(vm, NULL, gfn, &was);
	write_lock(&vm->mmu_lock);
	if (in) {
		in->gfn = gfn;
		interval_tree_insert(&in->hva_node, &vm->special_tree);
	}
	rcu_assign_pointer(vm->specials, new);
	if (out)
		interval_tree_remove(&out->hva_node, &vm->special_tree);
	/* the set before its number: pairs with memslot_inv_begin() */
	smp_store_release(&vm->special_generation, vm->special_generation + 1);
	special_zap(vm, gfn);
	write_unlock(&vm->mmu_lock);
	special_forget(vm, &was);
	if (old)
		kvfree_rcu(old, rcu);
	if (out)
		kfree_rcu(out, rcu);
}

static bool special_is_mapped(struct vm *vm, hva_t hva)
{
	bool mapped;

	/* the tree changes under slots_lock, too, which is held */
	read_lock(&vm->mmu_lock);
	mapped = interval_tree_iter_first(&vm->special_tree, hva, hva);
	read_unlock(&vm->mmu_lock);
	return mapped;
}

static int special_check(struct vm *vm, const struct xkvm_special_page *p,
			 u32 flags)
{
	if ((p->flags & ~flags) || p->pad || p->user_addr & ~PAGE_MASK ||
	    p->user_addr != untagged_addr(p->user_addr) ||
	    !access_ok((void __user *)(unsigned long)p->user_addr, PAGE_SIZE))
		return -EINVAL;
	if (p->gfn >= arch_stage2_gfn_end() || p->gfn == vm->kpage.gfn)
		return -EINVAL;
	return 0;
}

static int special_map_locked(struct vm *vm, const struct xkvm_special_page *p)
{
	struct special_set *old = special_set_of(vm), *new;
	struct special *in;
	int ret = special_check(vm, p, XKVM_SPECIAL_READONLY);

	if (ret)
		return ret;
	if (special_is_mapped(vm, p->user_addr))
		return -EBUSY;
	if (special_at(old, p->gfn))
		return -EEXIST;
	if (old && old->nr >= SPECIAL_MAX)
		return -ENOSPC;
	in = kzalloc(sizeof(*in), GFP_KERNEL_ACCOUNT);
	if (!in)
		return -ENOMEM;
	in->flags = p->flags;
	in->hva_node.start = p->user_addr;
	in->hva_node.last = p->user_addr + PAGE_SIZE - 1;
	new = special_edit(old, NULL, in, p->gfn);
	if (!new) {
		kfree(in);
		return -ENOMEM;
	}
	special_publish(vm, new, NULL, in, p->gfn);
	return 0;
}

static int special_unmap_locked(struct vm *vm, const struct xkvm_special_page *p)
{
	struct special_set *old = special_set_of(vm), *new;
	struct special *out;
	int ret = special_check(vm, p, 0);

	if (ret)
		return ret;
	out = special_at(old, p->gfn);
	if (!out || out->hva_node.start != p->user_addr)
		return -ENOENT;
	new = special_edit(old, out, NULL, 0);
	if (!new)
		return -ENOMEM;
	special_publish(vm, new, out, NULL, p->gfn);
	return 0;
}

int special_map(struct vm *vm, const struct xkvm_special_page *p)
{
	int ret;

	down_write(&vm->slots_lock);
	ret = special_map_locked(vm, p);
	up_write(&vm->slots_lock);
	return ret;
}

int special_unmap(struct vm *vm, const struct xkvm_special_page *p)
{
	int ret;

	down_write(&vm->slots_lock);
	ret = special_unmap_locked(vm, p);
	up_write(&vm->slots_lock);
	return ret;
}

/* --- the kernel's page ------------------------------------------------------ */

static atomic_t special_mapped = ATOMIC_INIT(0);

int special_kernel_users(void)
{
	return atomic_read(&special_mapped);
}

/* Under mmu_lock, or at the end of the VM. */
static void special_set_mapped(struct vm *vm, bool mapped)
{
	if (vm->kpage.mapped == mapped)
		return;
	vm->kpage.mapped = mapped;
	atomic_add(mapped ? 1 : -1, &special_mapped);
}

void special_set_aside(struct vm *vm, gfn_t gfn, struct page *page)
{
	if (READ_ONCE(vm->kpage.gfn) == gfn)
		return;
	down_write(&vm->slots_lock);
	write_lock(&vm->mmu_lock);
	WRITE_ONCE(vm->kpage.gfn, gfn);
	vm->kpage.page = page;
	/* the gfn before the number: pairs with memslot_inv_begin() */
	smp_store_release(&vm->special_generation, vm->special_generation + 1);
	special_zap(vm, gfn);
	write_unlock(&vm->mmu_lock);
	gpc_invalidate_hva(vm, 0, ~0ul);
	up_write(&vm->slots_lock);
}

void special_withdraw(struct vm *vm)
{
	write_lock(&vm->mmu_lock);
	vm->kpage.page = NULL;
	if (vm->kpage.mapped)
		special_zap(vm, vm->kpage.gfn);
	special_set_mapped(vm, false);
	write_unlock(&vm->mmu_lock);
}

struct page *special_kernel_page(struct vm *vm)
{
	lockdep_assert_held_write(&vm->mmu_lock);
	special_set_mapped(vm, vm->kpage.page);
	return vm->kpage.page;
}

/* --- lifetime --------------------------------------------------------------- */

void special_init(struct vm *vm)
{
	BUILD_BUG_ON(sizeof(struct xkvm_special_page) != 24);
	vm->special_tree = RB_ROOT_CACHED;
	vm->kpage.gfn = GPA_INVALID;
}

void special_exit(struct vm *vm)
{
	struct special_set *s = special_set_of(vm);
	unsigned int i;

	special_set_mapped(vm, false);
	for (i = 0; s && i < s->nr; i++)
		kfree(s->page[i]);
	kvfree(s);
}
