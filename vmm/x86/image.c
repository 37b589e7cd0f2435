// SPDX-License-Identifier: GPL-2.0-or-later
/* Buffers and messages of the kernel loaders; state lives in the caller's. */
#include "image.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int image_fail(struct image_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

int image_buf_grow(struct image_buf *b, size_t cap)
{
	void *p;

	if (cap <= b->cap)
		return 0;
	if (b->data)
		p = mremap(b->data, b->cap, cap, MREMAP_MAYMOVE);
	else
		p = mmap(NULL, cap, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	/* Tens of megabytes, used once: spare the faults.  May fail. */
	madvise(p, cap, MADV_HUGEPAGE);
	b->data = p;
	b->cap = cap;
	return 0;
}

void image_buf_free(struct image_buf *b)
{
	if (b->data)
		munmap(b->data, b->cap);
	memset(b, 0, sizeof(*b));
}

int image_map(struct image_buf *b, int fd, struct image_error *err)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st))
		return image_fail(err, -errno, "cannot be read: %s",
				  strerror(errno));
	if (!S_ISREG(st.st_mode))
		return image_fail(err, -EINVAL, "is not a regular file");
	if (!st.st_size)
		return image_fail(err, -ENOEXEC, "is empty");
	if ((uint64_t)st.st_size > IMAGE_MAX_FILE)
		return image_fail(err, -EFBIG,
				  "is too big to be a kernel (%lld MiB)",
				  (long long)st.st_size >> 20);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return image_fail(err, -errno, "cannot be read: %s",
				  strerror(errno));
	*b = (struct image_buf){ p, (size_t)st.st_size, (size_t)st.st_size };
	return 0;
}
