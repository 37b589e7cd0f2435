/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory slots: gpa to hva, and the kernel's own accesses to guest memory.
 *
 * The slots of a VM are an immutable sorted array behind an RCU pointer.  A
 * change publishes a new array under slots_lock (writer) and mmu_lock
 * (writer), zaps what it takes away, and waits for nobody:
 *  - look-ups run under rcu_read_lock() and copy what they need;
 *  - faults and caches call memslot_inv_begin() before they look a slot up, and
 *    memslot_inv_retry() under mmu_lock before they use the result (a slot
 *    change counts as an invalidation);
 *  - copies to and from guest memory hold slots_lock for reading.
 */
#ifndef XKVM_MEMSLOT_H
#define XKVM_MEMSLOT_H

#include <linux/interval_tree.h>
#include <linux/kvm.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

typedef u64 gpa_t;	/* guest physical address */
typedef u64 gfn_t;	/* gpa >> PAGE_SHIFT */
typedef u64 hpa_t;	/* host physical address */
typedef ulong hva_t;		/* host virtual address in the VM's mm */

#define GPA_INVALID	(~0ull)
#define XKVM_NR_SLOTS	32764
#define XKVM_MAX_SLOT_PAGES ((1ul << 31) - 1)

struct vm;
struct vcpu;

struct memslot {
	gfn_t base_gfn;
	u64 npages;
	hva_t hva;			/* of base_gfn */
	u32 flags;			/* KVM_MEM_* */
	u16 id;
	u16 as_id;
	struct interval_tree_node hva_node; /* vm->hva_tree, mmu_lock */
	unsigned long *dirty;		/* KVM_MEM_LOG_DIRTY_PAGES, or NULL */
	bool dirty_passed_on;		/* ... and another slot has it now */
	struct rcu_head rcu;
};

struct memslots {
	struct rcu_head rcu;
	u32 generation;
	unsigned int nr;
	struct memslot *slot[];		/* by base_gfn, not overlapping */
};

/* A vCPU's last look-up. */
struct memslot_cache {
	u32 generation;
	unsigned int index;
};

static inline hva_t memslot_hva(const struct memslot *s, gfn_t gfn)
{
	return s->hva + ((gfn - s->base_gfn) << PAGE_SHIFT);
}

/*
 * memslot_find_rcu() - the slot that contains @gfn; NULL if none does or a
 * special page hides it.  Under rcu_read_lock(), valid as long as that.
 */
struct memslot *memslot_find_rcu(struct vm *vm, gfn_t gfn);

/* The slot with user space's number @id, or NULL.  Under slots_lock. */
struct memslot *memslot_by_id(struct vm *vm, u32 id);

/* Whose page a gfn has: see special.h. */
enum special_kind { SPECIAL_NONE, SPECIAL_USER, SPECIAL_KERNEL };

/*
 * What a look-up of a gfn gives: copied, so usable without any lock.  The
 * range is the part of the slot around the gfn that no special page
 * interrupts, or the special page.
 */
struct memslot_ref {
	hva_t hva;			/* of the gfn asked for */
	gfn_t base_gfn;
	u64 npages;
	u32 flags;
	enum special_kind kind;
};

/*
 * 0 and *@ref, or -ENOENT: no memory there.  @vcpu may be NULL.  Any context.
 * A special page of user space's is found, the kernel's is not.
 */
int memslot_lookup(struct vm *vm, struct vcpu *vcpu, gfn_t gfn,
		   struct memslot_ref *ref);

/* Changes with every change of slots or special pages.  Under slots_lock. */
u32 memslot_generation(struct vm *vm);

/*
 * KVM_SET_USER_MEMORY_REGION.  Takes the locks itself.
 * Source: KVM API 4.35.
 */
int memslot_set(struct vm *vm, const struct kvm_userspace_memory_region *r);

int memslot_init(struct vm *vm);
void memslot_exit(struct vm *vm);	/* after vCPUs and notifier are gone */

/*
 * The invalidation protocol.
 *
 * A user of a page of the VM's mm (second-stage fault, gpc) does:
 *	seq = memslot_inv_begin(vm);
 *	... look up the slot, get the page; may sleep ...
 *	take mmu_lock; if (memslot_inv_retry(vm, seq, hva, len)) start again;
 *	use it, release mmu_lock.
 */
struct mmu_hook;
unsigned long memslot_inv_begin(struct vm *vm);
bool memslot_inv_retry(struct vm *vm, unsigned long seq, hva_t hva,
		       unsigned long len);

/*
 * Guest memory by gpa.  Process context of the VM's mm, may sleep, may cross
 * pages and slots.  Return 0, or -EFAULT with an unspecified part done.
 * guest_write() refuses read-only slots and marks pages dirty.
 */
int guest_read(struct vm *vm, gpa_t gpa, void *to, size_t len);
int guest_write(struct vm *vm, gpa_t gpa, const void *from, size_t len);

/* The first address of [@start, @end) that anything has; @end: none.  mmu_lock. */
hva_t memslot_next_hva(struct vm *vm, hva_t start, hva_t end);
/*
 * Every slot a user-space range touches: @fn(vm, start, end) on gfns, under
 * mmu_lock.  True if any call returned true.
 */
bool memslot_for_hva_range(struct vm *vm, hva_t start, hva_t end,
			   bool (*fn)(struct vm *vm, gfn_t start, gfn_t end));

/* Mark @gfn dirty for user space, if its slot logs.  Any context. */
void mark_page_dirty(struct vm *vm, gfn_t gfn);
/* The same for the @n pages of the addresses from @last down to @last - @n + 1. */
void mark_pages_dirty(struct vm *vm, const u64 *last, unsigned int n);

#endif
