/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process of one guest: vm.c runs it, vm_make.c makes and unmakes what an
 * incarnation of the guest consists of.
 */
#ifndef XKVM_VM_HOST_H
#define XKVM_VM_HOST_H

#include <stddef.h>

#include "pv/disk.h"
#include "vm_priv.h"

#define VM_ERROR_LINE	512

/* What is made once and outlives incarnations. */
struct vm_host {
	struct vm vm;
	struct boot_files files;
	struct disk *disks;
	size_t nr_disks;
	char err[VM_ERROR_LINE];
};

/* Leave "@what: error" in h->err, unless there is a line already; @code. */
int vm_fail(struct vm_host *h, int code, const char *what);

/*
 * vm_make() - everything but running vCPUs, from the files that are open.
 * 0, or -errno with a line in h->err; vm_unmake() is due either way.
 */
int vm_make(struct vm_host *h);

/* Start the vCPU threads; likewise. */
int vm_start(struct vm_host *h);

/* Wait for the vCPU threads, once vm->stopping is set. */
void vm_stop_vcpus(struct vm *vm);

/* vm_stop_vcpus(), then take apart whatever vm_make() has made. */
void vm_unmake(struct vm_host *h);

#endif
