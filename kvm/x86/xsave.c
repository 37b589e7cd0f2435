// SPDX-License-Identifier: GPL-2.0-only
/* Sizes of XSAVE areas: see xsave.h. */
#include <linux/kernel.h>

#include "xsave.h"

#define XSAVE_FIRST	2u	/* x87 and SSE have their place in any area */

u32 xsave_standard_size(const struct xsave_component *c, u64 features)
{
	u32 size = XSAVE_LEGACY_AREA + XSAVE_HEADER_AREA, end;
	unsigned int i;

	for (i = XSAVE_FIRST; i < XSAVE_COMPONENTS; i++) {
		end = c[i].offset + c[i].size;
		if (features >> i & 1 && end > size)
			size = end;
	}
	return size;
}

u32 xsave_compacted_size(const struct xsave_component *c, u64 features)
{
	u32 size = XSAVE_LEGACY_AREA + XSAVE_HEADER_AREA;
	unsigned int i;

	for (i = XSAVE_FIRST; i < XSAVE_COMPONENTS; i++) {
		if (!(features >> i & 1))
			continue;
		if (c[i].flags & XSAVE_ALIGN_64)
			size = (size + 63) & ~63u;
		size += c[i].size;
	}
	return size;
}
