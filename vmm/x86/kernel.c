// SPDX-License-Identifier: GPL-2.0-or-later
/* From a kernel file, of whatever kind, to the ELF file in it. */
#include "image.h"

#include <errno.h>
#include <string.h>

#include "unpacked.h"

#define KERNEL_CMDLINE_MAX	2047	/* Linux's COMMAND_LINE_SIZE - 1 */

/* The part of @file that is compressed, and its unpacked length if known. */
static int kernel_packed(struct image file, struct image *packed, size_t *hint,
			 struct image_error *err)
{
	uint32_t len;
	int ret;

	*hint = 0;
	*packed = file;
	if (!bzimage_probe(file)) {
		if (elf_probe(file) || decompress_probe(file))
			return 0;
		return image_fail(err, -ENOEXEC,
				  "is neither an ELF file nor a bzImage: name a Linux vmlinuz or another PVH kernel");
	}
	ret = bzimage_payload(file, packed, err);
	if (!ret && packed->len >= sizeof(len)) {
		/* The kernel's build appends it. */
		memcpy(&len, packed->data + packed->len - sizeof(len),
		       sizeof(len));
		*hint = len;
	}
	return ret;
}

int kernel_find_elf(struct image file, int unpacked_fd, struct image_buf *buf,
		    struct image *elf, struct image_error *err)
{
	struct image packed;
	size_t hint;
	int ret;

	ret = kernel_packed(file, &packed, &hint, err);
	if (ret)
		return ret;
	if (elf_probe(packed)) {
		*elf = packed;
		return 0;
	}
	if (unpacked_fd >= 0 && !unpacked_map(unpacked_fd, packed, buf, elf))
		return 0;
	ret = decompress(packed, hint, buf, err);
	if (ret)
		return ret;
	*elf = (struct image){ buf->data, buf->len };
	if (!elf_probe(*elf))
		return image_fail(err, -ENOEXEC,
				  "what is compressed in it is no ELF kernel");
	return 0;
}

int kernel_packed_part(struct image file, struct image *packed,
		       struct image_error *err)
{
	size_t hint;

	return kernel_packed(file, packed, &hint, err);
}

uint32_t kernel_cmdline_max(struct image file)
{
	return bzimage_probe(file) ? bzimage_cmdline_max(file) :
				     KERNEL_CMDLINE_MAX;
}
