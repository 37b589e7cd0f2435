/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MMU notifier: one hook for each mm, shared by the VMs of a process, so
 * that creating and destroying a VM waits for no grace period.
 */
#ifndef XKVM_NOTIFIER_H
#define XKVM_NOTIFIER_H

#include "memslot.h"

/* Attach @vm to current->mm's hook.  Sleeps; mmap_lock not held. */
int notifier_attach(struct vm *vm);
/* After this no callback reaches @vm. */
void notifier_detach(struct vm *vm);
/* Module exit: wait until every released hook is freed. */
void notifier_module_exit(void);

/*
 * The invalidation count of @vm's mm at this moment; and whether one has ended
 * since @seq or is under way over @hva.  See memslot.h for the protocol.
 */
unsigned long notifier_seq(const struct vm *vm);
bool notifier_retry(const struct vm *vm, unsigned long seq, hva_t hva,
		    unsigned long len);

#endif
