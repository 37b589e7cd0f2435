/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dirty logging of a slot: a bitmap, one bit a page.
 * Source: KVM API 4.8 (KVM_GET_DIRTY_LOG).
 */
#ifndef XKVM_DIRTY_H
#define XKVM_DIRTY_H

#include "memslot.h"

/* A zeroed bitmap for @s: 0 or -ENOMEM.  dirty_free() takes it away. */
int dirty_alloc(struct memslot *s);
void dirty_free(struct memslot *s);

/*
 * KVM_GET_DIRTY_LOG: copy the bitmap out, clear it and write-protect again.
 * 0; -ENOENT: no such slot, or it does not log; -EFAULT; -ENOMEM.
 */
int dirty_get_log(struct vm *vm, const struct kvm_dirty_log *log);

#endif
