// SPDX-License-Identifier: GPL-2.0-or-later
/* Builds ELF files and bzImages for boot_test.c. */
#include <elf.h>
#include <bzlib.h>
#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "../lib/tap.h"
#include "boot_images.h"

uint8_t test_text_byte(size_t i)
{
	return (uint8_t)(i * 7 + (i >> 8) + 1);
}

static void make_note(struct blob *b, uint32_t desc_len)
{
	static const uint32_t other[] = { 4, 4, 6, 0x00006e58, 0x12345678 };
	uint32_t note[] = { 4, desc_len, 18, 0x006e6558, TEST_ENTRY, 0 };

	memcpy(b->data + TEST_NOTE_OFF, other, sizeof(other));
	memcpy(b->data + TEST_NOTE_OFF + sizeof(other), note,
	       16 + desc_len);
}

static void make_contents(struct blob *b)
{
	for (size_t i = 0; i < TEST_TEXT_LEN + TEST_DATA_LEN; i++)
		b->data[TEST_TEXT_OFF + i] = test_text_byte(i);
	b->len = TEST_TEXT_OFF + TEST_TEXT_LEN + TEST_DATA_LEN;
}

void make_elf64(struct blob *b)
{
	Elf64_Ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = 1,
		.e_phoff = TEST_PHOFF64, .e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3, .e_ehsize = sizeof(eh),
	};
	Elf64_Phdr ph[3] = {
		{ .p_type = PT_LOAD, .p_offset = TEST_TEXT_OFF,
		  .p_paddr = TEST_PADDR, .p_filesz = TEST_TEXT_LEN,
		  .p_memsz = TEST_TEXT_LEN },
		{ .p_type = PT_LOAD, .p_offset = TEST_TEXT_OFF + TEST_TEXT_LEN,
		  .p_paddr = TEST_DATA_PADDR, .p_filesz = TEST_DATA_LEN,
		  .p_memsz = 2 * TEST_DATA_LEN },
		{ .p_type = PT_NOTE, .p_offset = TEST_NOTE_OFF, .p_filesz = 44 },
	};

	memset(b, 0, sizeof(*b));
	memcpy(b->data, &eh, sizeof(eh));
	memcpy(b->data + TEST_PHOFF64, ph, sizeof(ph));
	make_note(b, 8);
	make_contents(b);
}

void make_elf32(struct blob *b)
{
	Elf32_Ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC, .e_machine = EM_386, .e_version = 1,
		.e_phoff = TEST_PHOFF32, .e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 3, .e_ehsize = sizeof(eh),
	};
	Elf32_Phdr ph[3] = {
		{ .p_type = PT_LOAD, .p_offset = TEST_TEXT_OFF,
		  .p_paddr = TEST_PADDR, .p_filesz = TEST_TEXT_LEN,
		  .p_memsz = TEST_TEXT_LEN },
		{ .p_type = PT_LOAD, .p_offset = TEST_TEXT_OFF + TEST_TEXT_LEN,
		  .p_paddr = TEST_DATA_PADDR, .p_filesz = TEST_DATA_LEN,
		  .p_memsz = 2 * TEST_DATA_LEN },
		{ .p_type = PT_NOTE, .p_offset = TEST_NOTE_OFF, .p_filesz = 40 },
	};

	memset(b, 0, sizeof(*b));
	memcpy(b->data, &eh, sizeof(eh));
	memcpy(b->data + TEST_PHOFF32, ph, sizeof(ph));
	make_note(b, 4);
	make_contents(b);
}

static size_t pack_lzma(uint8_t *to, size_t room, const struct blob *elf)
{
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_options_lzma opts;
	size_t len;

	CHECK(!lzma_lzma_preset(&opts, 6));
	CHECK(lzma_alone_encoder(&z, &opts) == LZMA_OK);
	z.next_in = elf->data;
	z.avail_in = elf->len;
	z.next_out = to;
	z.avail_out = room;
	CHECK(lzma_code(&z, LZMA_FINISH) == LZMA_STREAM_END);
	len = z.total_out;
	lzma_end(&z);
	return len;
}

static uint8_t *put_be32(uint8_t *to, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(to, &v, 4);
	return to + 4;
}

/* As lzop writes it: blocks of 4 KiB, a checksum each, an end. */
static size_t pack_lzo(uint8_t *to, const struct blob *elf)
{
	static const uint8_t head[38] =
		"\x89LZO\0\r\n\x1a\n\x10\x30\x20\xa0\x09\x40\x01\x05\0\0\0\x01";
	static uint8_t work[LZO1X_1_MEM_COMPRESS], block[8192];
	uint8_t *p = to + sizeof(head);

	memcpy(to, head, sizeof(head));
	for (size_t at = 0; at < elf->len; at += 4096) {
		size_t n = elf->len - at < 4096 ? elf->len - at : 4096;
		const uint8_t *from = elf->data + at, *data = block;
		lzo_uint len;

		CHECK(lzo1x_1_compress(from, n, block, &len, work) == LZO_E_OK);
		if (len >= n) {
			data = from;
			len = n;
		}
		p = put_be32(p, (uint32_t)n);
		p = put_be32(p, (uint32_t)len);
		p = put_be32(p, (uint32_t)adler32(1, from, (uInt)n));
		memcpy(p, data, len);
		p += len;
	}
	return (size_t)(put_be32(p, 0) - to);
}

static size_t pack_lz4(uint8_t *to, size_t room, const struct blob *elf)
{
	uint32_t len = (uint32_t)LZ4_compress_default((const char *)elf->data,
						      (char *)to + 8,
						      (int)elf->len,
						      (int)room - 8);

	CHECK(len);
	memcpy(to, "\x02\x21\x4c\x18", 4);
	memcpy(to + 4, &len, 4);
	return 8 + len;
}

static size_t pack_bzip2(uint8_t *to, size_t room, const struct blob *elf)
{
	unsigned int len = (unsigned int)room;

	CHECK(BZ2_bzBuffToBuffCompress((char *)to, &len, (char *)elf->data,
				       (unsigned int)elf->len, 9, 0, 0) == BZ_OK);
	return len;
}

static size_t pack(uint8_t *to, size_t room, const struct blob *elf,
		   enum packing how)
{
	size_t len = 0;

	if (how == PACK_NONE) {
		memcpy(to, elf->data, elf->len);
		return elf->len;
	}
	if (how == PACK_GZIP) {
		z_stream z = {
			.next_in = (unsigned char *)elf->data,
			.avail_in = (unsigned int)elf->len,
			.next_out = to, .avail_out = (unsigned int)room,
		};

		CHECK(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8,
				   Z_DEFAULT_STRATEGY) == Z_OK);
		CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
		len = z.total_out;
		deflateEnd(&z);
		return len;
	}
	if (how == PACK_XZ) {
		CHECK(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL,
					      elf->data, elf->len, to, &len,
					      room) == LZMA_OK);
	} else if (how == PACK_BZIP2) {
		len = pack_bzip2(to, room, elf);
	} else if (how == PACK_LZMA) {
		len = pack_lzma(to, room, elf);
	} else if (how == PACK_LZO) {
		len = pack_lzo(to, elf);
	} else if (how == PACK_LZ4) {
		len = pack_lz4(to, room, elf);
	} else if (how == PACK_LZ4_FRAME) {
		len = LZ4F_compressFrame(to, room, elf->data, elf->len, NULL);
		CHECK(!LZ4F_isError(len));
	} else {
		len = ZSTD_compress(to, room, elf->data, elf->len, 19);
		CHECK(!ZSTD_isError(len));
	}
	/* gzip ends with the length; the build appends it to the others. */
	memcpy(to + len, &(uint32_t){ (uint32_t)elf->len }, 4);
	return len + 4;
}

void make_bzimage(struct blob *b, const struct blob *elf, enum packing how)
{
	const uint8_t setup_sects = 3;
	uint32_t setup = (setup_sects + 1) * 512u, off, len;

	memset(b, 0, sizeof(*b));
	b->data[0x1f1] = setup_sects;
	memcpy(b->data + 0x1fe, "\x55\xaa\xeb\x6aHdrS\x0f\x02", 10);
	b->data[0x211] = 1;
	off = BZ_TEST_PAYLOAD - setup;
	len = (uint32_t)pack(b->data + BZ_TEST_PAYLOAD,
			     sizeof(b->data) - BZ_TEST_PAYLOAD - 64, elf, how);
	memcpy(b->data + 0x238, &(uint32_t){ TEST_CMDLINE_MAX }, 4);
	memcpy(b->data + 0x248, &off, 4);
	memcpy(b->data + 0x24c, &len, 4);
	b->len = BZ_TEST_PAYLOAD + len + 64;
}
