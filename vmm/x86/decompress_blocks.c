// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unpacks the two formats whose library knows blocks alone: lz4's legacy
 * format and lzop's.  The framing is read here, each length checked against
 * what is left of the input and of the bounded output.
 */
#include "decompress.h"

#include <errno.h>
#include <lz4.h>
#include <lzo/lzo1x.h>
#include <string.h>
#include <zlib.h>

#define LZ4_BLOCK	(8 << 20)	/* bytes a legacy block unpacks to, at most */

#define LZOP_MAGIC_LEN	9
#define LZOP_NEW	0x0940		/* first version with the longer header */
#define LZOP_ADLER32_D	0x0001		/* of the unpacked bytes */
#define LZOP_ADLER32_C	0x0002		/* of the packed ones */
#define LZOP_EXTRA	0x0040
#define LZOP_CRC32_D	0x0100
#define LZOP_CRC32_C	0x0200
#define LZOP_FILTER	0x0800

/* A place in the input; past its end, reads give 0 and @bad stays set. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static const uint8_t *reader_skip(struct reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	r->at += n;
	r->left -= n;
	return at;
}

static uint32_t reader_be(struct reader *r, size_t n)
{
	const uint8_t *at = reader_skip(r, n);
	uint32_t v = 0;

	for (size_t i = 0; at && i < n; i++)
		v = v << 8 | at[i];
	return v;
}

/* Room for @n bytes, or for as many as the limit leaves, at least one. */
static int reader_room(struct image_buf *out, size_t n, struct image_error *err)
{
	int ret = 0;

	while (!ret && out->cap - out->len < n &&
	       (out->cap < IMAGE_MAX_UNPACKED || out->cap == out->len))
		ret = decompress_more(out, err);
	return ret;
}

int decompress_lz4_blocks(struct image in, struct image_buf *out,
			  struct image_error *err)
{
	struct reader r = { in.data + 4, in.len - 4, false };

	/* What is no longer than a length is the one the build appends. */
	while (r.left > 4) {
		uint32_t len = __builtin_bswap32(reader_be(&r, 4));
		const uint8_t *block;
		int ret, n, room = LZ4_BLOCK;

		block = reader_skip(&r, len);
		if (!block || !len || len > LZ4_COMPRESSBOUND(LZ4_BLOCK))
			return decompress_corrupt(err, "lz4");
		ret = reader_room(out, LZ4_BLOCK, err);
		if (ret)
			return ret;
		if (out->cap - out->len < LZ4_BLOCK)
			room = (int)(out->cap - out->len);
		n = LZ4_decompress_safe((const char *)block,
					(char *)out->data + out->len, (int)len,
					room);
		if (n < 0 && room < LZ4_BLOCK)
			return image_fail(err, -EFBIG,
					  "unpacks to more than %llu MiB: not a kernel",
					  IMAGE_MAX_UNPACKED >> 20);
		if (n < 0)
			return decompress_corrupt(err, "lz4");
		out->len += (size_t)n;
	}
	return 0;
}

/* Skip the header; its flags. */
static uint32_t lzo_header(struct reader *r)
{
	uint32_t version, flags;

	reader_skip(r, LZOP_MAGIC_LEN);
	version = reader_be(r, 2);
	/* The library's version, the version needed, method, level. */
	reader_skip(r, version >= LZOP_NEW ? 6 : 3);
	flags = reader_be(r, 4);
	if (flags & LZOP_FILTER)
		reader_skip(r, 4);
	/* Mode, time, the name, a checksum. */
	reader_skip(r, version >= LZOP_NEW ? 12 : 8);
	reader_skip(r, reader_be(r, 1));
	reader_skip(r, 4);
	if (flags & LZOP_EXTRA) {
		reader_skip(r, reader_be(r, 4));
		reader_skip(r, 4);
	}
	return flags;
}

static bool lzo_unpack(const uint8_t *from, size_t from_len, uint8_t *to,
		       size_t to_len)
{
	lzo_uint n = to_len;

	if (from_len == to_len) {
		memcpy(to, from, to_len);
		return true;
	}
	return lzo1x_decompress_safe(from, from_len, to, &n, NULL) == LZO_E_OK &&
	       n == to_len;
}

/* One block of @len bytes unpacked. */
static int lzo_block(struct reader *r, uint32_t flags, size_t len,
		     struct image_buf *out, struct image_error *err)
{
	uint32_t packed_len = reader_be(r, 4), adler = 0, crc = 0;
	const uint8_t *packed;
	uint8_t *to;
	int ret;

	if (flags & LZOP_ADLER32_D)
		adler = reader_be(r, 4);
	if (flags & LZOP_CRC32_D)
		crc = reader_be(r, 4);
	if (packed_len < len)
		reader_skip(r, 4 * (!!(flags & LZOP_ADLER32_C) +
				    !!(flags & LZOP_CRC32_C)));
	packed = reader_skip(r, packed_len);
	if (!packed || packed_len > len)
		return decompress_corrupt(err, "lzo");
	ret = reader_room(out, len, err);
	if (ret)
		return ret;
	if (out->cap - out->len < len)
		return decompress_more(out, err);	/* says that it is too much */
	to = out->data + out->len;
	if (!lzo_unpack(packed, packed_len, to, len) ||
	    (flags & LZOP_ADLER32_D && adler32(1, to, (uInt)len) != adler) ||
	    (flags & LZOP_CRC32_D && crc32(0, to, (uInt)len) != crc))
		return decompress_corrupt(err, "lzo");
	out->len += len;
	return 0;
}

int decompress_lzo(struct image in, struct image_buf *out,
		   struct image_error *err)
{
	struct reader r = { in.data, in.len, false };
	uint32_t flags = lzo_header(&r), len;
	int ret;

	for (;;) {
		len = reader_be(&r, 4);
		if (r.bad)
			return decompress_corrupt(err, "lzo");
		if (!len)
			return 0;
		ret = lzo_block(&r, flags, len, out, err);
		if (ret)
			return ret;
	}
}
