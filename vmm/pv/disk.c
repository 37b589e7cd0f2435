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

#define VDEV_XVD_MAJOR		202u
#define VDEV_EXTENDED		(1u << 28)
#define VDEV_MAX_DISK		((1u << 20) - 1)
#define VDEV_MAX_PARTITION	255u

static int __attribute__((format(printf, 4, 5)))
disk_fail(char *err, size_t len, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, len, fmt, ap);
	va_end(ap);
	return code;
}

/* "a" is 0, "z" 25, "aa" 26; how many letters, 0 if there are none. */
static size_t vdev_letters(const char *s, uint32_t *disk)
{
	uint32_t v = 0;
	size_t n;

	for (n = 0; s[n] >= 'a' && s[n] <= 'z' && n < 5; n++)
		v = v * 26 + (s[n] - 'a') + 1;
	*disk = v - 1;
	return n;
}

/* A number without leading zeros; how many digits, 0 if there are none. */
static size_t vdev_digits(const char *s, uint32_t *val)
{
	uint32_t v = 0;
	size_t n;

	for (n = 0; s[n] >= '0' && s[n] <= '9' && n < 8; n++)
		v = v * 10 + (s[n] - '0');
	*val = v;
	return n > 1 && s[0] == '0' ? 0 : n;
}

static int vdev_xvd(uint32_t disk, uint32_t part, uint32_t *vdev)
{
	if (disk > VDEV_MAX_DISK || part > VDEV_MAX_PARTITION)
		return -EINVAL;
	if (disk < 16 && part < 16)
		*vdev = VDEV_XVD_MAJOR << 8 | disk << 4 | part;
	else
		*vdev = VDEV_EXTENDED | disk << 8 | part;
	return 0;
}

static int vdev_ide(uint32_t disk, uint32_t part, uint32_t *vdev)
{
	if (disk > 3 || part > 63)
		return -EINVAL;
	*vdev = (disk < 2 ? 3u : 22u) << 8 | (disk & 1) << 6 | part;
	return 0;
}

static int vdev_scsi(uint32_t disk, uint32_t part, uint32_t *vdev)
{
	if (disk > 15 || part > 15)
		return -EINVAL;
	*vdev = 8u << 8 | disk << 4 | part;
	return 0;
}

int disk_vdev(const char *name, uint32_t *vdev)
{
	static const struct {
		const char *prefix;
		int (*fn)(uint32_t disk, uint32_t part, uint32_t *vdev);
	} kinds[] = {
		{ "xvd", vdev_xvd }, { "hd", vdev_ide }, { "sd", vdev_scsi },
	};
	uint32_t disk, part = 0;
	size_t i, n;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].prefix);

		if (strncmp(name, kinds[i].prefix, len))
			continue;
		n = vdev_letters(name + len, &disk);
		if (!n)
			return -EINVAL;
		len += n;
		if (name[len]) {
			n = vdev_digits(name + len, &part);
			if (!n || !part)
				return -EINVAL;
			len += n;
		}
		return name[len] ? -EINVAL : kinds[i].fn(disk, part, vdev);
	}
	if (name[0] != 'd')
		return -EINVAL;
	n = vdev_digits(name + 1, &disk);
	if (!n)
		return -EINVAL;
	name += 1 + n;
	if (*name == 'p') {
		n = vdev_digits(name + 1, &part);
		if (!n)
			return -EINVAL;
		name += 1 + n;
	}
	return *name ? -EINVAL : vdev_xvd(disk, part, vdev);
}

/* Nobody else may write what the guest uses, nor read what it writes. */
static int disk_lock(int fd, bool readonly)
{
	struct flock lock = {
		.l_type = readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET,
	};

	return fcntl(fd, F_OFD_SETLK, &lock) ? -errno : 0;
}

static int disk_size(int fd, uint64_t *bytes)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, bytes) ? -errno : 0;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*bytes = st.st_size;
	return 0;
}

static int disk_open_file(const struct vm_config_disk *cfg)
{
	int flags = (cfg->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY;
	int fd = -1;

	if (cfg->direct_io_safe)
		fd = open(cfg->target, flags | O_DIRECT);
	/* Not every file system can; what is safe without it stays safe. */
	if (fd < 0)
		fd = open(cfg->target, flags);
	return fd < 0 ? -errno : fd;
}

int disk_open(struct disk *d, const struct vm_config_disk *cfg, char *err,
	      size_t err_len)
{
	uint64_t bytes;
	int ret;

	*d = (struct disk){ .cfg = cfg, .fd = -1 };
	ret = disk_vdev(cfg->vdev, &d->vdev);
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
	d->fd = disk_open_file(cfg);
	if (d->fd < 0) {
		ret = d->fd;
		return disk_fail(err, err_len, ret,
				 "disk %s: %s: %s: check disk= in the configuration",
				 cfg->vdev, cfg->target, strerror(-ret));
	}
	ret = disk_lock(d->fd, cfg->readonly);
	if (ret) {
		disk_close(d);
		return disk_fail(err, err_len, ret,
				 "disk %s: %s: in use: stop what uses it",
				 cfg->vdev, cfg->target);
	}
	ret = disk_size(d->fd, &bytes);
	if (!ret && bytes < DISK_SECTOR)
		ret = -EINVAL;
	if (ret) {
		disk_close(d);
		return disk_fail(err, err_len, ret,
				 "disk %s: %s: neither a disk image nor a block device, or empty",
				 cfg->vdev, cfg->target);
	}
	d->sectors = bytes / DISK_SECTOR;
	return 0;
}

void disk_close(struct disk *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}
