/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What main.c and vm.c offer the rest of the common code.
 */
#ifndef XKVM_MAIN_H
#define XKVM_MAIN_H

#include <linux/types.h>

struct dentry;
struct vm;

/* Pages of a vCPU's mmap area: kvm_run, PIO data, the VM's coalesced writes. */
#define VCPU_MMAP_PAGES	3

extern struct dentry *main_debugfs;	/* debugfs: xkvm/ */

/*
 * One more / one less VM: the first turns virtualization on, on every CPU, the
 * last turns it off.  Sleeps.  0; -EBUSY: another hypervisor has it.
 */
int main_virt_get(void);
void main_virt_put(void);
/* Does this CPU have virtualization on?  Preemption off. */
bool main_virt_on(void);

/* KVM_CREATE_VM: a file descriptor or -errno. */
int vm_create_fd(unsigned long type);
/* KVM_CHECK_EXTENSION, @vm NULL on the node. */
int vm_check_extension(struct vm *vm, long ext);

/* KVM_CREATE_VCPU: a file descriptor or -errno. */
int vcpu_create_fd(struct vm *vm, unsigned long id);
/* With the VM: free every vCPU. */
void vcpu_destroy_all(struct vm *vm);

#endif
