/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What coverage-guided targets share.  A target is one file with
 * LLVMFuzzerTestOneInput(); it takes bytes off its input with these, makes
 * what it tests anew for each input, and ends by CHECK() where an invariant
 * is broken.  Past the input's end every byte is 0.
 */
#ifndef FUZZ_COV_H
#define FUZZ_COV_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../../lib/tap.h"

struct cov_input {
	const uint8_t *data;
	size_t len;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static inline uint8_t cov_u8(struct cov_input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->data++;
}

static inline uint16_t cov_u16(struct cov_input *in)
{
	uint16_t low = cov_u8(in);

	return (uint16_t)(low | cov_u8(in) << 8);
}

static inline uint32_t cov_u32(struct cov_input *in)
{
	uint32_t low = cov_u16(in);

	return low | (uint32_t)cov_u16(in) << 16;
}

/* A 64-bit number in few bytes: edges and small numbers are what matters. */
static inline uint64_t cov_number(struct cov_input *in)
{
	static const uint64_t edges[] = {
		0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
		0x7ff0, 4095, 4096, 4097,
	};
	uint8_t kind = cov_u8(in);

	if (kind < 128)
		return kind;
	if (kind < 192)
		return cov_u16(in);
	if (kind < 224)
		return cov_u32(in);
	return edges[kind % (sizeof(edges) / sizeof(*edges))];
}

/* Up to @max bytes of the input as they stand; how many. */
static inline size_t cov_bytes(struct cov_input *in, const uint8_t **at,
			       size_t max)
{
	size_t n = in->len < max ? in->len : max;

	*at = in->data;
	in->data += n;
	in->len -= n;
	return n;
}

#endif
