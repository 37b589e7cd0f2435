/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the unpackers share: private to decompress.c and decompress_blocks.c.
 * Each takes a whole packed stream, appends what it holds to @out, whose
 * buffer has a length already, and returns 0 or -errno as image.h says.
 */
#ifndef XKVM_X86_DECOMPRESS_H
#define XKVM_X86_DECOMPRESS_H

#include "image.h"

int decompress_corrupt(struct image_error *err, const char *how);

/* Room for more output: the buffer's double, up to the limit. */
int decompress_more(struct image_buf *out, struct image_error *err);

/* The legacy format of "lz4 -l", which the kernel's build makes. */
int decompress_lz4_blocks(struct image in, struct image_buf *out,
			  struct image_error *err);
/* The format of lzop. */
int decompress_lzo(struct image in, struct image_buf *out,
		   struct image_error *err);

#endif
