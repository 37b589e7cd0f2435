// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finds the kernel packed in a bzImage.  Offsets are those of the setup header
 * in Documentation/arch/x86/boot.rst; every one is checked against the file.
 */
#include "image.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define BZ_SETUP_SECTS		0x1f1	/* u8, sectors after the first */
#define BZ_BOOT_FLAG		0x1fe	/* u16, 0xaa55 */
#define BZ_HEADER		0x202	/* "HdrS" */
#define BZ_VERSION		0x206	/* u16 */
#define BZ_LOADFLAGS		0x211	/* u8, bit 0: loaded high */
#define BZ_CMDLINE_SIZE		0x238	/* u32, characters without the NUL */
#define BZ_PAYLOAD_OFFSET	0x248	/* u32, from the end of the setup */
#define BZ_PAYLOAD_LENGTH	0x24c	/* u32 */
#define BZ_HEADER_END		0x250

#define BZ_SECTOR		512
#define BZ_MIN_VERSION		0x208	/* first with the payload fields */

static uint16_t bzimage_u16(struct image f, size_t at)
{
	uint16_t v;

	memcpy(&v, f.data + at, sizeof(v));
	return le16toh(v);
}

static uint32_t bzimage_u32(struct image f, size_t at)
{
	uint32_t v;

	memcpy(&v, f.data + at, sizeof(v));
	return le32toh(v);
}

bool bzimage_probe(struct image file)
{
	return file.len >= BZ_VERSION &&
	       bzimage_u16(file, BZ_BOOT_FLAG) == 0xaa55 &&
	       !memcmp(file.data + BZ_HEADER, "HdrS", 4);
}

int bzimage_payload(struct image file, struct image *payload,
		    struct image_error *err)
{
	uint64_t setup, offset, len;
	uint16_t version;

	if (file.len < BZ_HEADER_END)
		return image_fail(err, -ENOEXEC,
				  "truncated: its setup header ends after %zu bytes: copy it again",
				  file.len);
	version = bzimage_u16(file, BZ_VERSION);
	if (version < BZ_MIN_VERSION || !(file.data[BZ_LOADFLAGS] & 1))
		return image_fail(err, -ENOEXEC,
				  "boot protocol %u.%02u has no kernel to unpack: use Linux 2.6.26 or later",
				  version >> 8, version & 0xff);
	setup = file.data[BZ_SETUP_SECTS] ? file.data[BZ_SETUP_SECTS] : 4;
	setup = (setup + 1) * BZ_SECTOR;
	offset = setup + bzimage_u32(file, BZ_PAYLOAD_OFFSET);
	len = bzimage_u32(file, BZ_PAYLOAD_LENGTH);
	if (!len)
		return image_fail(err, -ENOEXEC, "holds no kernel to unpack");
	if (offset + len > file.len)
		return image_fail(err, -ENOEXEC,
				  "truncated: %zu bytes of at least %llu: copy it again",
				  file.len, (unsigned long long)(offset + len));
	*payload = (struct image){ file.data + offset, (size_t)len };
	return 0;
}

uint32_t bzimage_cmdline_max(struct image file)
{
	return bzimage_u32(file, BZ_CMDLINE_SIZE);
}
