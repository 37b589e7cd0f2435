/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's configuration, as cli/xlcfg.c reads it from an xl.cfg file and
 * as everything else in the VMM uses it.  Plain data: strings are owned by
 * the structure and freed by vm_config_free().
 */
#ifndef XKVM_CONFIG_H
#define XKVM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

/* What to do when the guest stops (xl.cfg(5): on_poweroff, on_reboot, ...). */
enum vm_action {
	VM_ACTION_DESTROY,
	VM_ACTION_RESTART,
	VM_ACTION_RENAME_RESTART,
	VM_ACTION_PRESERVE,
	VM_ACTION_COREDUMP_DESTROY,
	VM_ACTION_COREDUMP_RESTART,
	VM_ACTION_SOFT_RESET,
};

enum disk_format { DISK_RAW, DISK_QCOW2, DISK_VHD, DISK_QED, DISK_EMPTY };

struct vm_config_disk {
	char *target;		/* path of the image or block device */
	char *vdev;		/* "xvda", "hda", "sda1", ... as given */
	enum disk_format format;
	bool readonly;
	bool cdrom;
	bool discard;		/* xl-disk-configuration: discard/no-discard */
	bool direct_io_safe;	/* open with O_DIRECT */
};

struct vm_config {
	char *name;
	uint8_t uuid[16];	/* generated when the file has none */
	uint64_t memory_mib;	/* at start */
	uint64_t maxmem_mib;
	unsigned int vcpus;	/* online at start */
	unsigned int maxvcpus;
	char *kernel;
	char *ramdisk;		/* NULL when none */
	char *cmdline;		/* root= and extra= merged in, never NULL */
	char *shim;		/* xen-shim: the kernel is a PV one; or NULL */
	char *shim_cmdline;	/* not NULL if shim is not */
	struct vm_config_disk *disks;
	size_t nr_disks;
	enum vm_action on_poweroff, on_reboot, on_watchdog, on_crash,
		       on_soft_reset;
};

/*
 * Frees what @cfg points to and clears it; @cfg itself stays with the caller.
 */
void vm_config_free(struct vm_config *cfg);

#endif
