/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel's ELF file kept beside it, unpacked: KERNEL.xkvm.  Unpacking is
 * nearly all of a guest's start; "xkvm unpack KERNEL" does it once.
 *
 * One page of header, then the ELF file with holes where it is zero.  The
 * header says which packed kernel it comes from, by length and a hash of its
 * head and tail (the tail has the packer's checksum of all of it): a copy of
 * another kernel is not used, and no error.  That is no protection against
 * those who may write where the kernel is; unpacked_open() refuses a copy that
 * more people may write to than the kernel.
 */
#ifndef XKVM_X86_UNPACKED_H
#define XKVM_X86_UNPACKED_H

#include "image.h"

#define UNPACKED_SUFFIX ".xkvm"

/* Open the copy of @kernel, which is open as @kernel_fd; -1 if there is none. */
int unpacked_open(const char *kernel, int kernel_fd);

/*
 * Map the copy @fd into *@buf if it is one of @packed; *@elf is the ELF file
 * in it.  0, or -ESTALE when it is not to be used.
 */
int unpacked_map(int fd, struct image packed, struct image_buf *buf,
		 struct image *elf);

/*
 * unpacked_write() - make the copy of @kernel, in place of an earlier one.
 * Returns 1 if it was made, 0 if @kernel is not packed and needs none, or
 * -errno with one line in @err that names @kernel.
 */
int unpacked_write(const char *kernel, char *err, size_t err_len);

#endif
