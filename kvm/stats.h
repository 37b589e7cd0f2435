/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters in debugfs: xkvm/<pid>-<n>/ with one file for the VM.
 */
#ifndef XKVM_STATS_H
#define XKVM_STATS_H

struct vm;

void stats_vm_init(struct vm *vm);
void stats_vm_exit(struct vm *vm);	/* waits for readers */

#endif
