/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dirty logging as a ring for each vCPU, shared with user space.
 * Source: KVM API 8.29 (KVM_CAP_DIRTY_LOG_RING).
 */
#ifndef XKVM_DIRTY_RING_H
#define XKVM_DIRTY_RING_H

#include <linux/kvm.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct page;
struct vcpu;
struct vm;

/* Entries left when KVM_RUN answers KVM_EXIT_DIRTY_RING_FULL: what one run of
 * the guest may still add, a full log of the CPU's included.
 */
#define DIRTY_RING_RESERVE	(64 + 512)
#define DIRTY_RING_MAX		65536

struct dirty_ring {
	spinlock_t lock;		/* next; who pushes */
	u32 next;			/* entries pushed */
	u32 reset;			/* entries taken back; ring_lock */
	u32 size;			/* a power of two */
	struct kvm_dirty_gfn *entry;	/* shared: never believed */
};

/* KVM_CAP_DIRTY_LOG_RING: @bytes a ring.  0; -EINVAL; -E2BIG. */
int dirty_ring_enable(struct vm *vm, u64 bytes);

/* With a vCPU; nothing if the VM has no rings.  0 or -ENOMEM. */
int dirty_ring_init(struct vcpu *vcpu);
void dirty_ring_exit(struct vcpu *vcpu);

/* Page @pgoff of the vCPU's mmap area, if it belongs to the ring, or NULL. */
struct page *dirty_ring_page(struct vcpu *vcpu, unsigned long pgoff);
/* Do these pages lie inside the ring, and may they be mapped like that? */
bool dirty_ring_mmap_ok(struct vcpu *vcpu, unsigned long pgoff,
			unsigned long pages, unsigned long vm_flags);

/*
 * Page @rel of slot @id has become dirty.  Goes into the running vCPU's ring,
 * outside of any into one with room.  Any context.
 */
void dirty_ring_push(struct vm *vm, u32 id, u64 rel);

/* REQ_RING_FULL: is there still no room for another run of the guest? */
bool dirty_ring_soft_full(struct vcpu *vcpu);

/* KVM_RESET_DIRTY_RINGS: how many entries were taken back, or -EINVAL. */
int dirty_ring_reset_all(struct vm *vm);

#endif
