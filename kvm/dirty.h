/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dirty logging of a slot: a bitmap, one bit a page.
 * Source: KVM API 4.8 (KVM_GET_DIRTY_LOG), 4.117 (KVM_CLEAR_DIRTY_LOG), 7.17
 * (KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2).
 */
#ifndef XKVM_DIRTY_H
#define XKVM_DIRTY_H

#include "memslot.h"

/*
 * A bitmap for @s, zero or, with KVM_DIRTY_LOG_INITIALLY_SET, all ones: 0 or
 * -ENOMEM.  dirty_free() takes it away.
 */
int dirty_alloc(struct vm *vm, struct memslot *s);
void dirty_free(struct memslot *s);

/*
 * Does @new differ from @old only in that it logs, with all bits set?  Then
 * what is mapped may stay.  Under slots_lock.
 */
bool dirty_starts_set(struct vm *vm, const struct memslot *old,
		      const struct memslot *new);

/*
 * Clear the bits of @mask, bit 0 being page @base (a multiple of
 * BITS_PER_LONG) of @s, and have the next write to those pages that were dirty
 * noticed.  mmu_lock for writing, @s alive.  True: the caller must flush.
 */
bool dirty_clear_bits(struct vm *vm, struct memslot *s, u64 base,
		      unsigned long mask);

/*
 * KVM_GET_DIRTY_LOG: copy the bitmap out and, unless user space does that
 * itself (KVM_CLEAR_DIRTY_LOG), clear it and protect the pages again.
 * 0; -EINVAL: no such slot number; -ENOENT: no such slot, or it does not log;
 * -ENXIO: the VM has rings instead; -EFAULT; -ENOMEM.
 */
int dirty_get_log(struct vm *vm, const struct kvm_dirty_log *log);

/*
 * KVM_CLEAR_DIRTY_LOG: clear the bits that are set in user space's bitmap and
 * protect only these pages.  As above, and -EINVAL: not whole words of a range
 * inside the slot.
 */
int dirty_clear_log(struct vm *vm, const struct kvm_clear_dirty_log *log);

/* KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: 0 or -EINVAL. */
int dirty_set_manual(struct vm *vm, u64 flags);

#endif
