// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns nothing.  Accepts what xl accepts, so that the parser and the back end
 * agree with it and with each other.
 */
#include "vdev.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define VDEV_EXTENDED		(1u << 28)
#define VDEV_MAX_XVD		((1u << 20) - 1)
#define VDEV_MAX_PARTITION	255u

static uint32_t vdev_xvd(uint32_t disk, uint32_t part)
{
	if (disk < 16 && part < 16)
		return 202u << 8 | disk << 4 | part;
	return VDEV_EXTENDED | disk << 8 | part;
}

/* Two disks for each of IDE's first two majors. */
static uint32_t vdev_ide(uint32_t disk, uint32_t part)
{
	return (disk < 2 ? 3u : 22u) << 8 | (disk & 1) << 6 | part;
}

static uint32_t vdev_scsi(uint32_t disk, uint32_t part)
{
	return 8u << 8 | disk << 4 | part;
}

/* "a" is 0, "z" 25, "aa" 26.  Behind the letters, or NULL. */
static const char *vdev_letters(const char *s, uint32_t max, uint32_t *disk)
{
	const char *p = s;
	uint32_t v = 0;

	for (; *p >= 'a' && *p <= 'z'; p++) {
		v = v * 26 + (*p - 'a') + 1;
		if (v - 1 > max)
			return NULL;
	}
	*disk = v - 1;
	return p == s ? NULL : p;
}

/* A number from a digit on, in @base as strtoul() has it.  Behind it, or NULL */
static const char *vdev_digits(const char *s, int base, uint32_t max,
			       uint32_t *val)
{
	unsigned long v;
	char *end;

	if (!isdigit((unsigned char)*s))
		return NULL;
	errno = 0;
	v = strtoul(s, &end, base);
	if (errno || v > max)
		return NULL;
	*val = v;
	return end;
}

static int vdev_named(const char *s, uint32_t max_disk, uint32_t max_part,
		      uint32_t *disk, uint32_t *part)
{
	s = vdev_letters(s, max_disk, disk);
	if (!s)
		return -EINVAL;
	*part = 0;
	if (!*s)
		return 0;
	/* Partitions count from one, without a leading zero. */
	if (*s == '0')
		return -EINVAL;
	s = vdev_digits(s, 10, max_part, part);
	return s && !*s ? 0 : -EINVAL;
}

/* dNpM, both there; any base. */
static int vdev_dp(const char *s, uint32_t *vdev)
{
	uint32_t disk, part;

	s = vdev_digits(s + 1, 0, VDEV_MAX_XVD, &disk);
	if (!s || *s != 'p')
		return -EINVAL;
	s = vdev_digits(s + 1, 0, VDEV_MAX_PARTITION, &part);
	if (!s || *s)
		return -EINVAL;
	*vdev = vdev_xvd(disk, part);
	return 0;
}

int vdev_number(const char *name, uint32_t *vdev)
{
	static const struct {
		const char *prefix;
		uint32_t max_disk, max_part;
		uint32_t (*fn)(uint32_t disk, uint32_t part);
	} kinds[] = {
		{ "xvd", VDEV_MAX_XVD, VDEV_MAX_PARTITION, vdev_xvd },
		{ "hd", 3, 63, vdev_ide },
		{ "sd", 15, 15, vdev_scsi },
	};
	uint32_t disk, part;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].prefix);

		if (strncmp(name, kinds[i].prefix, len))
			continue;
		if (vdev_named(name + len, kinds[i].max_disk,
			       kinds[i].max_part, &disk, &part))
			return -EINVAL;
		*vdev = kinds[i].fn(disk, part);
		return 0;
	}
	if (*name == 'd')
		return vdev_dp(name, vdev);
	name = vdev_digits(name, 0, INT_MAX, vdev);
	return name && !*name ? 0 : -EINVAL;
}
