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

#define DISK_SECTOR	512u		/* blkif's unit, whatever the disk's */

/*
 * Sizes are in bytes.  A request is of whole @sector_size sectors.  The last
 * of @sectors may be more than the file has: the rest of it reads as zeroes
 * until a write of it makes the file longer.
 */
struct disk {
	const struct vm_config_disk *cfg;
	int fd;				/* -1: an empty drive */
	uint64_t bytes;			/* what the file had when it was opened */
	uint64_t sectors;		/* of DISK_SECTOR */
	uint32_t sector_size, physical_size;
	uint32_t vdev;			/* number in the xenstore */
	bool direct;			/* past the host's page cache */
};

/*
 * disk_open() - open and lock @cfg's image, exclusively unless read-only, and
 * measure it.  Waits for nothing.  0, or -errno and in @err a line that names
 * the disk and the remedy.
 */
int disk_open(struct disk *d, const struct vm_config_disk *cfg, char *err,
	      size_t err_len);
void disk_close(struct disk *d);

#endif
