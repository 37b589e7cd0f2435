/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters in debugfs: xkvm/<pid>-<n>/ with one file for the VM.
 */
#ifndef XKVM_STATS_H
#define XKVM_STATS_H

#include <linux/types.h>

struct vcpu;
struct vm;

/* A vCPU's counters. */
struct stats_field {
	const char *name;
	size_t offset;			/* of a u64 in struct vcpu */
};

extern const struct stats_field stats_fields[];
extern const unsigned int stats_nr_fields;
u64 stats_get(const struct vcpu *v, unsigned int field);

void stats_vm_init(struct vm *vm);
void stats_vm_exit(struct vm *vm);	/* waits for readers */

/* KVM_GET_STATS_FD of @vcpu, or of @vm if that is NULL: a file or -errno. */
int stats_fd(struct vm *vm, struct vcpu *vcpu);

#endif
