// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unpacks gzip, xz and zstd, told apart by their magic, into one growing and
 * bounded buffer.  What follows the packed stream is ignored: the kernel's
 * build appends the unpacked length.
 */
#include "image.h"

#include <errno.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define DECOMPRESS_FIRST	(64u << 20)	/* the buffer, without a hint */
#define DECOMPRESS_XZ_MEMORY	(256ull << 20)	/* the decoder's own */

static int decompress_corrupt(struct image_error *err, const char *how)
{
	return image_fail(err, -ENOEXEC,
			  "its %s data is corrupt or truncated: copy it again",
			  how);
}

/* Room for more output: the buffer's double, up to the limit. */
static int decompress_more(struct image_buf *out, struct image_error *err)
{
	size_t cap = out->cap * 2;

	if (out->cap >= IMAGE_MAX_UNPACKED)
		return image_fail(err, -EFBIG,
				  "unpacks to more than %llu MiB: not a kernel",
				  IMAGE_MAX_UNPACKED >> 20);
	if (cap > IMAGE_MAX_UNPACKED)
		cap = IMAGE_MAX_UNPACKED;
	if (image_buf_grow(out, cap))
		return image_fail(err, -ENOMEM, "no memory to unpack it");
	return 0;
}

static int decompress_gzip(struct image in, struct image_buf *out,
			   struct image_error *err)
{
	z_stream z = {
		.next_in = (unsigned char *)in.data,
		.avail_in = (unsigned int)in.len,	/* <= IMAGE_MAX_FILE */
	};
	int ret = 0, r;

	/* 15: the largest window; 16: a gzip header. */
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return image_fail(err, -ENOMEM, "no memory to unpack it");
	do {
		if (out->len == out->cap)
			ret = decompress_more(out, err);
		if (ret)
			break;
		z.next_out = out->data + out->len;
		z.avail_out = (unsigned int)(out->cap - out->len);
		r = inflate(&z, Z_NO_FLUSH);
		out->len = (size_t)(z.next_out - out->data);
		if (r != Z_OK && r != Z_STREAM_END &&
		    !(r == Z_BUF_ERROR && !z.avail_out))
			ret = decompress_corrupt(err, "gzip");
	} while (!ret && r != Z_STREAM_END);
	inflateEnd(&z);
	return ret;
}

static int decompress_xz(struct image in, struct image_buf *out,
			 struct image_error *err)
{
	lzma_stream z = LZMA_STREAM_INIT;
	int ret = 0;
	lzma_ret r;

	if (lzma_stream_decoder(&z, DECOMPRESS_XZ_MEMORY, 0) != LZMA_OK)
		return image_fail(err, -ENOMEM, "no memory to unpack it");
	z.next_in = in.data;
	z.avail_in = in.len;
	do {
		if (out->len == out->cap)
			ret = decompress_more(out, err);
		if (ret)
			break;
		z.next_out = out->data + out->len;
		z.avail_out = out->cap - out->len;
		r = lzma_code(&z, LZMA_RUN);
		out->len = out->cap - z.avail_out;
		if (r == LZMA_MEM_ERROR || r == LZMA_MEMLIMIT_ERROR)
			ret = image_fail(err, -ENOMEM,
					 "its xz data wants too much memory to unpack");
		else if (r != LZMA_OK && r != LZMA_STREAM_END &&
			 !(r == LZMA_BUF_ERROR && !z.avail_out))
			ret = decompress_corrupt(err, "xz");
	} while (!ret && r != LZMA_STREAM_END);
	lzma_end(&z);
	return ret;
}

/* One call with the output in place is half the work of streaming. */
static int decompress_zstd(struct image in, struct image_buf *out,
			   struct image_error *err)
{
	size_t frame = ZSTD_findFrameCompressedSize(in.data, in.len);
	size_t r;
	int ret;

	if (ZSTD_isError(frame))
		return decompress_corrupt(err, "zstd");
	for (;;) {
		r = ZSTD_decompress(out->data, out->cap, in.data, frame);
		if (!ZSTD_isError(r)) {
			out->len = r;
			return 0;
		}
		if (ZSTD_getErrorCode(r) == ZSTD_error_memory_allocation)
			return image_fail(err, -ENOMEM,
					  "no memory to unpack it");
		if (ZSTD_getErrorCode(r) != ZSTD_error_dstSize_tooSmall)
			return decompress_corrupt(err, "zstd");
		ret = decompress_more(out, err);
		if (ret)
			return ret;
	}
}

static const struct {
	const char *name, *magic;
	size_t magic_len;
	int (*fn)(struct image in, struct image_buf *out,
		  struct image_error *err);	/* NULL: known, not supported */
} decompress_formats[] = {
	{ "gzip", "\x1f\x8b", 2, decompress_gzip },
	{ "xz", "\xfd\x37zXZ\0", 6, decompress_xz },
	{ "zstd", "\x28\xb5\x2f\xfd", 4, decompress_zstd },
	{ "bzip2", "BZh", 3, NULL },
	{ "lzma", "\x5d\0\0", 3, NULL },
	{ "lzo", "\x89LZO", 4, NULL },
	{ "lz4", "\x02\x21\x4c\x18", 4, NULL },
	{ "lz4", "\x04\x22\x4d\x18", 4, NULL },
};

#define DECOMPRESS_FORMATS \
	(sizeof(decompress_formats) / sizeof(*decompress_formats))

static size_t decompress_find(struct image in)
{
	size_t i;

	for (i = 0; i < DECOMPRESS_FORMATS; i++)
		if (in.len >= decompress_formats[i].magic_len &&
		    !memcmp(in.data, decompress_formats[i].magic,
			    decompress_formats[i].magic_len))
			break;
	return i;
}

bool decompress_probe(struct image in)
{
	return decompress_find(in) < DECOMPRESS_FORMATS;
}

int decompress(struct image in, size_t hint, struct image_buf *out,
	       struct image_error *err)
{
	size_t i = decompress_find(in);

	if (i == DECOMPRESS_FORMATS)
		return image_fail(err, -ENOEXEC,
				  "its kernel is compressed in an unknown way: use one in gzip, xz or zstd");
	if (!decompress_formats[i].fn)
		return image_fail(err, -ENOEXEC,
				  "its kernel is compressed with %s: use one in gzip, xz or zstd",
				  decompress_formats[i].name);
	if (!hint || hint > IMAGE_MAX_UNPACKED)
		hint = DECOMPRESS_FIRST;
	if (image_buf_grow(out, hint))
		return image_fail(err, -ENOMEM, "no memory to unpack it");
	return decompress_formats[i].fn(in, out, err);
}
