/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sizes of XSAVE areas, as functions of what CPUID says of each component:
 * unit tests put tables of CPUs to them.
 * Source: SDM volume 1, 13.4.2 "Extended region of an XSAVE area", 13.4.3;
 * volume 2, CPUID leaf 0xd.
 */
#ifndef XKVM_X86_XSAVE_H
#define XKVM_X86_XSAVE_H

#include <linux/types.h>

#define XSAVE_LEGACY_AREA	512u	/* bytes, x87 and SSE */
#define XSAVE_HEADER_AREA	64u
#define XSAVE_COMPONENTS	63u	/* bit 63 of XCR0 is no component */

#define XSAVE_ALIGN_64		(1u << 1)	/* of flags */

/* CPUID leaf 0xd, subleaf @i of a component: EAX, EBX, ECX. */
struct xsave_component {
	u32 size;	/* bytes */
	u32 offset;	/* in the standard format, bytes from the area's start */
	u32 flags;	/* XSAVE_ALIGN_64: in the compacted format */
};

/*
 * xsave_standard_size() - bytes of an area for the components in @features,
 * bits of XCR0: leaf 0xd, subleaf 0, EBX and ECX.
 * @c: XSAVE_COMPONENTS of them; one that does not exist is all zero.
 */
u32 xsave_standard_size(const struct xsave_component *c, u64 features);

/*
 * xsave_compacted_size() - bytes of an area as XSAVEC and XSAVES write it for
 * @features, bits of XCR0 and IA32_XSS: leaf 0xd, subleaf 1, EBX.
 */
u32 xsave_compacted_size(const struct xsave_component *c, u64 features);

#endif
