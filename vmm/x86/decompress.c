// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unpacks what a kernel may be packed in, told apart by its magic, into one
 * growing and bounded buffer.  What follows the packed stream is ignored: the
 * kernel's build appends the unpacked length.
 */
#include "decompress.h"

#include <bzlib.h>
#include <errno.h>
#include <lz4frame.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define DECOMPRESS_FIRST	(64u << 20)	/* the buffer, without a hint */
#define DECOMPRESS_XZ_MEMORY	(256ull << 20)	/* the decoder's own */

int decompress_corrupt(struct image_error *err, const char *how)
{
	return image_fail(err, -ENOEXEC,
			  "its %s data is corrupt or truncated: copy it again",
			  how);
}

int decompress_more(struct image_buf *out, struct image_error *err)
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

/* Run decoder @z, of the format @how, to its end. */
static int decompress_lzma_run(lzma_stream *z, const char *how,
			       struct image in, struct image_buf *out,
			       struct image_error *err)
{
	int ret = 0;
	lzma_ret r;

	z->next_in = in.data;
	z->avail_in = in.len;
	do {
		if (out->len == out->cap)
			ret = decompress_more(out, err);
		if (ret)
			break;
		z->next_out = out->data + out->len;
		z->avail_out = out->cap - out->len;
		r = lzma_code(z, LZMA_RUN);
		out->len = out->cap - z->avail_out;
		if (r == LZMA_MEM_ERROR || r == LZMA_MEMLIMIT_ERROR)
			ret = image_fail(err, -ENOMEM,
					 "its %s data wants too much memory to unpack",
					 how);
		else if (r != LZMA_OK && r != LZMA_STREAM_END &&
			 !(r == LZMA_BUF_ERROR && !z->avail_out))
			ret = decompress_corrupt(err, how);
	} while (!ret && r != LZMA_STREAM_END);
	lzma_end(z);
	return ret;
}

static int decompress_xz(struct image in, struct image_buf *out,
			 struct image_error *err)
{
	lzma_stream z = LZMA_STREAM_INIT;

	if (lzma_stream_decoder(&z, DECOMPRESS_XZ_MEMORY, 0) != LZMA_OK)
		return image_fail(err, -ENOMEM, "no memory to unpack it");
	return decompress_lzma_run(&z, "xz", in, out, err);
}

static int decompress_lzma(struct image in, struct image_buf *out,
			   struct image_error *err)
{
	lzma_stream z = LZMA_STREAM_INIT;

	if (lzma_alone_decoder(&z, DECOMPRESS_XZ_MEMORY) != LZMA_OK)
		return image_fail(err, -ENOMEM, "no memory to unpack it");
	return decompress_lzma_run(&z, "lzma", in, out, err);
}

static int decompress_bzip2(struct image in, struct image_buf *out,
			    struct image_error *err)
{
	bz_stream z = {
		.next_in = (char *)in.data,
		.avail_in = (unsigned int)in.len,	/* <= IMAGE_MAX_FILE */
	};
	int ret = 0, r;

	if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK)
		return image_fail(err, -ENOMEM, "no memory to unpack it");
	do {
		if (out->len == out->cap)
			ret = decompress_more(out, err);
		if (ret)
			break;
		z.next_out = (char *)out->data + out->len;
		z.avail_out = (unsigned int)(out->cap - out->len);
		r = BZ2_bzDecompress(&z);
		out->len = out->cap - z.avail_out;
		/* With room left and no end it has run out of input. */
		if (r != BZ_STREAM_END && (r != BZ_OK || z.avail_out))
			ret = decompress_corrupt(err, "bzip2");
	} while (!ret && r != BZ_STREAM_END);
	BZ2_bzDecompressEnd(&z);
	return ret;
}

/* The format of lz4 without -l. */
static int decompress_lz4_frame(struct image in, struct image_buf *out,
				struct image_error *err)
{
	LZ4F_dctx *z;
	size_t r, used, got;
	int ret = 0;

	if (LZ4F_isError(LZ4F_createDecompressionContext(&z, LZ4F_VERSION)))
		return image_fail(err, -ENOMEM, "no memory to unpack it");
	do {
		if (out->len == out->cap)
			ret = decompress_more(out, err);
		if (ret)
			break;
		used = in.len;
		got = out->cap - out->len;
		r = LZ4F_decompress(z, out->data + out->len, &got, in.data,
				    &used, NULL);
		in.data += used;
		in.len -= used;
		out->len += got;
		if (LZ4F_isError(r) || (r && !used && !got))
			ret = decompress_corrupt(err, "lz4");
	} while (!ret && r);
	LZ4F_freeDecompressionContext(z);
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
	const char *magic;
	size_t magic_len;
	int (*fn)(struct image in, struct image_buf *out,
		  struct image_error *err);
} decompress_formats[] = {
	{ "\x1f\x8b", 2, decompress_gzip },
	{ "\xfd\x37zXZ\0", 6, decompress_xz },
	{ "\x28\xb5\x2f\xfd", 4, decompress_zstd },
	{ "BZh", 3, decompress_bzip2 },
	{ "\x5d\0\0", 3, decompress_lzma },
	{ "\x89LZO", 4, decompress_lzo },
	{ "\x02\x21\x4c\x18", 4, decompress_lz4_blocks },
	{ "\x04\x22\x4d\x18", 4, decompress_lz4_frame },
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
				  "its kernel is compressed in an unknown way: use one in gzip, xz, zstd, bzip2, lzma, lzo or lz4");
	if (!hint || hint > IMAGE_MAX_UNPACKED)
		hint = DECOMPRESS_FIRST;
	if (image_buf_grow(out, hint))
		return image_fail(err, -ENOMEM, "no memory to unpack it");
	return decompress_formats[i].fn(in, out, err);
}
