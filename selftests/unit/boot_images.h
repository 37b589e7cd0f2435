/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small kernels made up for boot_test.c: ELF files and bzImages. */
#ifndef UNIT_BOOT_IMAGES_H
#define UNIT_BOOT_IMAGES_H

#include <stddef.h>
#include <stdint.h>

#define TEST_PADDR	0x100000u
#define TEST_ENTRY	(TEST_PADDR + 0x40)
#define TEST_TEXT_LEN	0x1234		/* bytes of the first segment */
#define TEST_DATA_PADDR	0x103000u
#define TEST_DATA_LEN	0x800		/* and as much .bss behind it */

struct blob {
	uint8_t data[256 * 1024];
	size_t len;
};

/* Where things are in the ELF files, for tests that break them. */
#define TEST_PHOFF64	64
#define TEST_PHOFF32	52
#define TEST_NOTE_OFF	0x200
#define TEST_TEXT_OFF	0x400

/* A kernel with a PVH note, and two segments of known bytes. */
void make_elf64(struct blob *b);
void make_elf32(struct blob *b);
uint8_t test_text_byte(size_t i);

enum packing {
	PACK_NONE, PACK_GZIP, PACK_XZ, PACK_ZSTD, PACK_BZIP2, PACK_LZMA,
	PACK_LZO, PACK_LZ4, PACK_LZ4_FRAME, PACK_LAST = PACK_LZ4_FRAME,
};

/* @elf in a bzImage, compressed as the kernel's build does. */
void make_bzimage(struct blob *b, const struct blob *elf, enum packing how);

#define TEST_CMDLINE_MAX 1000	/* what the setup header says */
#define BZ_TEST_PAYLOAD	0x1000	/* file offset of the payload */

#endif
