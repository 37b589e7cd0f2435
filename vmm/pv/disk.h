/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files behind the guest's disks, opened while the VMM may still open
 * files and kept over restarts of the guest.
 */
#ifndef XKVM_PV_DISK_H
#define XKVM_PV_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_config_disk;

#define DISK_SECTOR	512u

struct disk {
	const struct vm_config_disk *cfg;
	int fd;				/* -1: an empty drive */
	uint64_t sectors;
	uint32_t vdev;			/* number in the xenstore */
};

/*
 * disk_open() - open and lock @cfg's image: exclusively, unless read-only.
 * 0, or -errno and in @err a line that names the disk and the remedy.
 */
int disk_open(struct disk *d, const struct vm_config_disk *cfg, char *err,
	      size_t err_len);
void disk_close(struct disk *d);

/*
 * The number of a virtual device ("xvda3", "hdb", "sdc1", "d4p2"), as Xen's
 * docs/man/xen-vbd-interface.7 assigns it; 0 or -EINVAL.
 */
int disk_vdev(const char *name, uint32_t *vdev);

#endif
