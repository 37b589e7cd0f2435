/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device node of the hypervisor, and a VM made on it. */
#ifndef XKVM_NODE_H
#define XKVM_NODE_H

#include <stddef.h>

struct vm;

/*
 * node_open() - open $XKVM_DEV, or /dev/xkvm, and see that it can do what a
 * guest needs: vm->node_fd, run_size, xen_features, cpuid.  0, or -errno and
 * in @err one line that names what is missing and the remedy.
 */
int node_open(struct vm *vm, char *err, size_t err_len);
void node_close(struct vm *vm);

/* Make the VM vm->fd with its interrupt controller, Xen, and RAM: likewise. */
int node_create_vm(struct vm *vm, char *err, size_t err_len);

#endif
