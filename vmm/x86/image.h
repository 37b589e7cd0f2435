/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel images on their way from a file into the guest: private to boot.c,
 * bzimage.c, elf.c and decompress.c.
 *
 * Each function that takes @err returns 0 or -errno, and on an error leaves
 * there what is wrong and the remedy, without the file's name.
 */
#ifndef XKVM_X86_IMAGE_H
#define XKVM_X86_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../mem.h"

struct image_error {
	char text[256];
};

int image_fail(struct image_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Bytes of a file or of what was packed in it. */
struct image {
	const uint8_t *data;
	size_t len;
};

/* A mapping of @cap bytes of which @len are used. */
struct image_buf {
	uint8_t *data;
	size_t len, cap;
};

#define IMAGE_MAX_FILE		(1ull << 30)	/* bytes of a kernel file */
#define IMAGE_MAX_UNPACKED	(512ull << 20)	/* bytes unpacked from it */

/* Make room for @cap bytes, keeping what is there; 0 or -ENOMEM. */
int image_buf_grow(struct image_buf *b, size_t cap);
void image_buf_free(struct image_buf *b);

/*
 * Map all of @fd, privately: reading would copy what is copied into the guest
 * again.  Whoever may write to the file can change what is seen, so nothing
 * may rely on a check of bytes read again later.
 */
int image_map(struct image_buf *b, int fd, struct image_error *err);

/* Is there a bzImage (Documentation/arch/x86/boot.rst) in @file? */
bool bzimage_probe(struct image file);

/* Find the kernel packed in bzImage @file: a part of it, still compressed. */
int bzimage_payload(struct image file, struct image *payload,
		    struct image_error *err);

/*
 * The characters that the command line of bzImage @file may have, in which
 * bzimage_payload() has found a payload: boot.rst, cmdline_size.
 */
uint32_t bzimage_cmdline_max(struct image file);

/*
 * kernel_cmdline_max() - the characters, without the NUL, that the command line
 * of kernel file @file may have.  An ELF file does not say: Linux's own
 * (COMMAND_LINE_SIZE in asm/setup.h), as the kernel is most likely that.
 */
uint32_t kernel_cmdline_max(struct image file);

/*
 * kernel_find_elf() - from kernel file @file to the ELF file in it: @file
 * itself, what is packed in it as it stands in @unpacked_fd (unpacked.h; -1:
 * none), or that unpacked into *@buf (starts zeroed; the caller frees it
 * either way).
 */
int kernel_find_elf(struct image file, int unpacked_fd, struct image_buf *buf,
		    struct image *elf, struct image_error *err);

/* The part of @file that kernel_find_elf() would unpack. */
int kernel_packed_part(struct image file, struct image *packed,
		       struct image_error *err);

/* Does @in start with the magic of a compression, a known one or not? */
bool decompress_probe(struct image in);

/*
 * Unpack @in into *@out (starts zeroed; the caller frees it either way).
 * @hint is the expected length, or 0.
 */
int decompress(struct image in, size_t hint, struct image_buf *out,
	       struct image_error *err);

struct elf_kernel {
	uint32_t entry;		/* XEN_ELFNOTE_PHYS32_ENTRY */
	uint64_t start;		/* first byte of any segment */
	uint64_t end;		/* first byte past every segment */
};

bool elf_probe(struct image file);

/*
 * Check ELF file @file and say where it goes, without loading.  Its segments
 * lie within @file; elf_load() puts them into @m, whose RAM is all zero and
 * reaches past k->end.
 */
int elf_check(struct image file, struct elf_kernel *k, struct image_error *err);
int elf_load(struct image file, struct mem *m, struct image_error *err);

#endif
