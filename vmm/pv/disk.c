// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opens images; owns nothing but the descriptors in struct disk.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../config.h"
#include "../log.h"
#include "../vdev.h"

/* Larger sectors than a page no front end can address. */
#define DISK_MAX_SECTOR		4096u
#define DISK_MAX_PHYSICAL	65536u

static int __attribute__((format(printf, 4, 5)))
disk_fail(char *err, size_t len, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, len, fmt, ap);
	va_end(ap);
	return code;
}

/* Nobody else may write what the guest uses, nor read what it writes. */
static int disk_lock(int fd, bool readonly)
{
	struct flock lock = {
		.l_type = readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET,
	};

	return fcntl(fd, F_OFD_SETLK, &lock) ? -errno : 0;
}

static bool disk_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* Size and sectors of a device are its own. */
static int disk_measure_device(struct disk *d)
{
	unsigned int physical = 0;
	int logical = 0;

	if (ioctl(d->fd, BLKGETSIZE64, &d->bytes) ||
	    ioctl(d->fd, BLKSSZGET, &logical))
		return -errno;
	if (logical < (int)DISK_SECTOR || logical > (int)DISK_MAX_SECTOR ||
	    !disk_power_of_two(logical))
		return -EDOM;
	d->sector_size = logical;
	if (!ioctl(d->fd, BLKPBSZGET, &physical))
		d->physical_size = physical;
	return 0;
}

/* What memory and offset of O_DIRECT must be multiples of; 0: not known. */
static void disk_direct_alignment(const struct disk *d, uint32_t *mem,
				  uint32_t *offset)
{
	*mem = *offset = 0;
#ifdef STATX_DIOALIGN
	struct statx stx;

	if (!statx(d->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) &&
	    stx.stx_mask & STATX_DIOALIGN) {
		*mem = stx.stx_dio_mem_align;
		*offset = stx.stx_dio_offset_align;
	}
#endif
}

/*
 * Whether O_DIRECT takes what a front end may send: whole sectors, in memory
 * that is aligned to 512 bytes and no better.  Kernels before 6.1 do not tell
 * the alignment, so one sector is read that way.
 */
static bool disk_direct_works(const struct disk *d, uint32_t mem,
			      uint32_t offset)
{
	static unsigned char page[2 * DISK_MAX_SECTOR]
		__attribute__((aligned(DISK_MAX_SECTOR)));

	if (mem > DISK_SECTOR || offset > d->sector_size)
		return false;
	return pread(d->fd, page + DISK_SECTOR, d->sector_size, 0) >= 0;
}

/* Size and sectors: a device's are its own, a file has those of old. */
static int disk_measure(struct disk *d, const struct stat *st)
{
	uint32_t mem, offset;
	int err = 0;

	disk_direct_alignment(d, &mem, &offset);
	d->sector_size = DISK_SECTOR;
	d->physical_size = offset;
	d->bytes = st->st_size;
	if (S_ISBLK(st->st_mode))
		err = disk_measure_device(d);
	if (err)
		return err;
	/* Not every file system can; what is safe without it stays safe. */
	if (d->direct && !disk_direct_works(d, mem, offset))
		d->direct = fcntl(d->fd, F_SETFL, 0) < 0;
	d->sectors = (d->bytes + DISK_SECTOR - 1) / DISK_SECTOR;
	/* <xen/io/blkif.h>: whole sectors, and a disk is whole ones of these */
	if (d->physical_size < d->sector_size ||
	    d->physical_size > DISK_MAX_PHYSICAL ||
	    !disk_power_of_two(d->physical_size) ||
	    d->bytes % d->physical_size)
		d->physical_size = d->sector_size;
	return d->bytes ? 0 : -ENODATA;
}

/*
 * Open the file that @path is.  A FIFO would wait for its other end, and a
 * character device may do something: neither is opened.  The name could mean
 * another file by now; the descriptor cannot.
 */
static int disk_open_path(struct disk *d, int path, struct stat *st)
{
	int flags = (d->cfg->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC |
		    O_NOCTTY;
	char name[32];

	if (fstat(path, st))
		return -errno;
	if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
		return -ENOTBLK;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", path);
	d->direct = d->cfg->direct_io_safe;
	if (d->direct)
		d->fd = open(name, flags | O_DIRECT);
	if (d->fd < 0) {
		d->direct = false;
		d->fd = open(name, flags);
	}
	return d->fd < 0 ? -errno : 0;
}

static int disk_open_target(struct disk *d)
{
	int path = open(d->cfg->target, O_PATH | O_CLOEXEC), err;
	struct stat st;

	if (path < 0)
		return -errno;
	err = disk_open_path(d, path, &st);
	close(path);
	if (!err)
		err = disk_lock(d->fd, d->cfg->readonly) ? -EBUSY : 0;
	return err ? err : disk_measure(d, &st);
}

/* Why @code, and the remedy. */
static const char *disk_reason(int code)
{
	switch (code) {
	case -ENOTBLK:
		return "neither a disk image nor a block device";
	case -ENODATA:
		return "empty: make it as large as the disk is to be";
	case -EBUSY:
		return "in use: stop what uses it";
	case -EDOM:
		return "its sectors are larger than 4096 bytes, which no guest can use";
	}
	return NULL;
}

int disk_open(struct disk *d, const struct vm_config_disk *cfg, char *err,
	      size_t err_len)
{
	int ret;

	*d = (struct disk){ .cfg = cfg, .fd = -1, .sector_size = DISK_SECTOR,
			    .physical_size = DISK_SECTOR };
	ret = vdev_number(cfg->vdev, &d->vdev);
	if (ret)
		return disk_fail(err, err_len, ret,
				 "disk %s: no such virtual device: use xvda, xvdb, ...",
				 cfg->vdev);
	if (cfg->format == DISK_EMPTY)
		return 0;
	if (cfg->format != DISK_RAW)
		return disk_fail(err, err_len, -ENOTSUP,
				 "disk %s: the format of %s cannot be used: convert it with qemu-img convert -O raw",
				 cfg->vdev, cfg->target);
	ret = disk_open_target(d);
	if (ret) {
		disk_close(d);
		if (disk_reason(ret))
			return disk_fail(err, err_len, ret, "disk %s: %s: %s",
					 cfg->vdev, cfg->target,
					 disk_reason(ret));
		return disk_fail(err, err_len, ret,
				 "disk %s: %s: %s: check disk= in the configuration",
				 cfg->vdev, cfg->target, strerror(-ret));
	}
	if (d->bytes % DISK_SECTOR)
		log_line(LOG_WARNING,
			 "disk %s: %s: %llu bytes are no whole sectors: zeroes end the last",
			 cfg->vdev, cfg->target, (unsigned long long)d->bytes);
	return 0;
}

void disk_close(struct disk *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}
