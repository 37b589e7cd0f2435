// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel files: bzImage, what is packed in it, ELF files with their notes, and
 * loading into guest memory.
 */
#include "cov.h"
#include "../../../vmm/x86/image.h"

#define MEMORY	(16ull << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct image file = { data, len }, elf;
	struct image_buf buf = { 0 };
	struct image_error err;
	struct elf_kernel k;
	struct mem *m;

	if (!kernel_find_elf(file, -1, &buf, &elf, &err) &&
	    !elf_check(elf, &k, &err) && k.end <= MEMORY) {
		CHECK(k.entry < k.end);
		CHECK_EQ(mem_create(&m, MEMORY), 0);
		CHECK_EQ(elf_load(elf, m, &err), 0);
		mem_destroy(m);
	}
	image_buf_free(&buf);
	return 0;
}
