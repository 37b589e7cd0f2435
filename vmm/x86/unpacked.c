// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and writes the unpacked copy of a kernel; keeps nothing. */
#include "unpacked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNPACKED_PAGE	4096u
#define UNPACKED_HEAD	4096u	/* bytes hashed at the start */
#define UNPACKED_TAIL	65536u	/* and at the end */

struct unpacked_header {
	char magic[8];
	uint64_t packed_len, packed_hash;
	uint64_t elf_len;
};

static const char unpacked_magic[8] = "XKVMELF1";

/* FNV-1a, over words: for telling kernels apart, not against malice. */
static uint64_t unpacked_hash(uint64_t hash, const uint8_t *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		hash = (hash ^ word) * 0x100000001b3ull;
		hash ^= hash >> 29;
	}
	while (len--)
		hash = (hash ^ *p++) * 0x100000001b3ull;
	return hash;
}

static struct unpacked_header unpacked_header(struct image packed)
{
	size_t head = packed.len < UNPACKED_HEAD ? packed.len : UNPACKED_HEAD;
	size_t tail = packed.len < UNPACKED_TAIL ? packed.len : UNPACKED_TAIL;
	struct unpacked_header h = { .packed_len = packed.len };

	memcpy(h.magic, unpacked_magic, sizeof(h.magic));
	h.packed_hash = unpacked_hash(0xcbf29ce484222325ull, packed.data, head);
	h.packed_hash = unpacked_hash(h.packed_hash,
				      packed.data + packed.len - tail, tail);
	return h;
}

/* May nobody write to the copy who may not write to the kernel? */
static bool unpacked_trusted(const struct stat *copy, const struct stat *kernel)
{
	if (!S_ISREG(copy->st_mode))
		return false;
	if (copy->st_uid != kernel->st_uid && copy->st_uid)
		return false;
	if ((copy->st_mode & 002) && !(kernel->st_mode & 002))
		return false;
	return !(copy->st_mode & 020) ||
	       ((kernel->st_mode & 020) && copy->st_gid == kernel->st_gid);
}

int unpacked_open(const char *kernel, int kernel_fd)
{
	struct stat copy_st, kernel_st;
	char *path;
	int fd;

	if (asprintf(&path, "%s" UNPACKED_SUFFIX, kernel) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	free(path);
	if (fd < 0)
		return -1;
	if (fstat(fd, &copy_st) || fstat(kernel_fd, &kernel_st) ||
	    !unpacked_trusted(&copy_st, &kernel_st)) {
		close(fd);
		return -1;
	}
	return fd;
}

int unpacked_map(int fd, struct image packed, struct image_buf *buf,
		 struct image *elf)
{
	struct unpacked_header want = unpacked_header(packed), h;
	struct image_error err;

	if (image_map(buf, fd, &err))
		return -ESTALE;
	if (buf->len <= UNPACKED_PAGE)
		goto err_free;
	memcpy(&h, buf->data, sizeof(h));
	want.elf_len = buf->len - UNPACKED_PAGE;
	if (memcmp(&h, &want, sizeof(h)))
		goto err_free;
	*elf = (struct image){ buf->data + UNPACKED_PAGE, want.elf_len };
	if (elf_probe(*elf))
		return 0;
err_free:
	image_buf_free(buf);
	return -ESTALE;
}

/* Write, leaving holes for pages of zeros. */
static int unpacked_put(int fd, const struct unpacked_header *h,
			struct image elf)
{
	static const uint8_t zero[UNPACKED_PAGE];
	size_t at, n;

	if (ftruncate(fd, (off_t)(UNPACKED_PAGE + elf.len)) ||
	    pwrite(fd, h, sizeof(*h), 0) != sizeof(*h))
		return -errno;
	for (at = 0; at < elf.len; at += n) {
		n = elf.len - at < UNPACKED_PAGE ? elf.len - at : UNPACKED_PAGE;
		if (!memcmp(elf.data + at, zero, n))
			continue;
		errno = EIO;
		if (pwrite(fd, elf.data + at, n, (off_t)(UNPACKED_PAGE + at)) !=
		    (ssize_t)n)
			return -errno;
	}
	return 0;
}

/* Under a name of its own, then in place of what is there. */
static int unpacked_store(const char *kernel, mode_t mode,
			  const struct unpacked_header *h, struct image elf,
			  struct image_error *err)
{
	char *path = NULL, *temp = NULL;
	int fd, ret = -ENOMEM;

	if (asprintf(&path, "%s" UNPACKED_SUFFIX, kernel) < 0 ||
	    asprintf(&temp, "%s" UNPACKED_SUFFIX ".XXXXXX", kernel) < 0)
		goto out;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		goto out;
	}
	ret = unpacked_put(fd, h, elf);
	if (!ret && (fchmod(fd, mode & 0644) || rename(temp, path)))
		ret = -errno;
	if (ret)
		unlink(temp);
	close(fd);
out:
	free(path);
	free(temp);
	if (ret)
		return image_fail(err, ret, "its copy cannot be written: %s",
				  strerror(-ret));
	return 0;
}

static int unpacked_make(const char *kernel, int fd, struct image_error *err)
{
	struct image_buf file = { 0 }, buf = { 0 };
	struct unpacked_header h;
	struct image packed, elf;
	struct elf_kernel k;
	struct stat st;
	int ret;

	ret = image_map(&file, fd, err);
	if (ret)
		return ret;
	if (fstat(fd, &st)) {
		ret = image_fail(err, -errno, "cannot be read");
		goto out;
	}
	packed = (struct image){ file.data, file.len };
	ret = kernel_find_elf(packed, -1, &buf, &elf, err);
	if (!ret)
		ret = elf_check(elf, &k, err);
	if (ret || !buf.data)
		goto out;
	ret = kernel_packed_part(packed, &packed, err);
	if (ret)
		goto out;
	h = unpacked_header(packed);
	h.elf_len = elf.len;
	ret = unpacked_store(kernel, st.st_mode, &h, elf, err);
	if (!ret)
		ret = 1;
out:
	image_buf_free(&buf);
	image_buf_free(&file);
	return ret;
}

int unpacked_write(const char *kernel, char *err, size_t err_len)
{
	int fd = open(kernel, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret;
	struct image_error e;

	if (fd < 0) {
		ret = -errno;
		snprintf(err, err_len, "kernel %s: cannot be opened: %s",
			 kernel, strerror(-ret));
		return ret;
	}
	ret = unpacked_make(kernel, fd, &e);
	if (ret < 0)
		snprintf(err, err_len, "kernel %s: %s", kernel, e.text);
	close(fd);
	return ret;
}
