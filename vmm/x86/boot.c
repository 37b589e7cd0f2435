// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lays out fresh guest memory for a PVH start.  Low RAM, from 0 up:
 *
 *	kernel, where its segments say
 *	start info, memory map, module list, command line
 *	ramdisk
 *	...
 *	ACPI tables	"ACPI reclaimable" in the map
 *	special frames	reserved in the map, at the top
 *
 * The start info follows the kernel because early code has little more than
 * that mapped: Linux 1 GiB in 64-bit mode, and in 32-bit mode the megabyte or
 * two past its own end.
 *
 * Called on one thread before the guest runs; keeps nothing.  What the CPU
 * starts with is x86/cpu.c's.
 */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/arch-x86/hvm/start_info.h>

#include "acpi.h"
#include "image.h"
#include "unpacked.h"

#define BOOT_CONSOLE_GFN	BOOT_SPARE_GFNS		/* of the special ones */
#define BOOT_XENSTORE_GFN	(BOOT_SPARE_GFNS + 1)
#define BOOT_MAX_MEMMAP		8
#define BOOT_MAX_CMDLINE	65535	/* whatever the kernel says it takes */
#define BOOT_CHUNK		(1u << 20)
#define BOOT_RSDP_COPY		(0x100000u - 64)	/* where BIOSes have it */
#define BOOT_RSDP_LEN		36u

struct boot {
	struct mem *m;
	const struct vm_config *cfg;
	const struct mem_range *ranges;
	size_t nr_ranges;
	struct elf_kernel kernel;
	uint64_t ramdisk_len;

	/* gpas, rising; each but the last is page aligned */
	uint64_t info, ramdisk, acpi, special, low_end;
	size_t acpi_len, info_len;

	struct image_error err;
};

/* What stands in the start info's pages, in this order. */
struct boot_block {
	struct hvm_start_info info;
	struct hvm_modlist_entry ramdisk;
	struct hvm_memmap_table_entry map[BOOT_MAX_MEMMAP];
	char cmdline[];
};

static uint64_t boot_page_up(uint64_t v)
{
	return (v + GUEST_PAGE_SIZE - 1) & ~(uint64_t)(GUEST_PAGE_SIZE - 1);
}

/* @bytes of low RAM are needed: say so, in the unit of the configuration. */
static int boot_too_big(struct boot *b, uint64_t bytes)
{
	unsigned long long need = (bytes + (1u << 20) - 1) >> 20;

	if (need << 20 > MEM_HOLE_START)
		return image_fail(&b->err, -EFBIG,
				  "kernel and ramdisk take %llu MiB, more than the %llu MiB below the 32-bit hole: use a smaller ramdisk",
				  need, MEM_HOLE_START >> 20);
	return image_fail(&b->err, -ENOSPC,
			  "kernel%s take %llu MiB, the guest has %llu: set memory=%llu or more",
			  b->cfg->ramdisk ? " and ramdisk" : "", need,
			  (unsigned long long)(b->low_end >> 20), need);
}

/* Sizes are limited long before sums could wrap: the ramdisk's by a file's. */
static int boot_layout(struct boot *b)
{
	uint64_t special = BOOT_SPECIAL_GFNS * (uint64_t)GUEST_PAGE_SIZE;
	uint64_t acpi, info, end;

	b->nr_ranges = mem_ranges(b->m, &b->ranges);
	if (!b->nr_ranges || b->nr_ranges > BOOT_MAX_MEMMAP - 3 ||
	    b->ranges[0].gpa)
		return image_fail(&b->err, -EINVAL,
				  "the guest's memory does not start at 0");
	b->acpi_len = acpi_build(NULL, 0, 0, b->cfg->vcpus, b->cfg->maxvcpus);
	b->info_len = sizeof(struct boot_block) + strlen(b->cfg->cmdline) + 1;
	acpi = boot_page_up(b->acpi_len);
	info = boot_page_up(b->info_len);

	b->low_end = b->ranges[0].len;
	b->info = boot_page_up(b->kernel.end);
	b->ramdisk = b->info + info;
	end = b->ramdisk + boot_page_up(b->ramdisk_len);
	if (b->low_end < acpi + special || b->low_end - acpi - special < end)
		return boot_too_big(b, end + acpi + special);
	b->special = (b->low_end & ~(uint64_t)(GUEST_PAGE_SIZE - 1)) - special;
	b->acpi = b->special - acpi;
	return 0;
}

static uint32_t boot_memmap(struct boot *b, struct hvm_memmap_table_entry *map)
{
	uint32_t n = 0;

	map[n++] = (struct hvm_memmap_table_entry){
		.addr = 0, .size = b->acpi, .type = XEN_HVM_MEMMAP_TYPE_RAM,
	};
	map[n++] = (struct hvm_memmap_table_entry){
		.addr = b->acpi, .size = b->special - b->acpi,
		.type = XEN_HVM_MEMMAP_TYPE_ACPI,
	};
	map[n++] = (struct hvm_memmap_table_entry){
		.addr = b->special, .size = b->low_end - b->special,
		.type = XEN_HVM_MEMMAP_TYPE_RESERVED,
	};
	for (size_t i = 1; i < b->nr_ranges; i++)
		map[n++] = (struct hvm_memmap_table_entry){
			.addr = b->ranges[i].gpa, .size = b->ranges[i].len,
			.type = XEN_HVM_MEMMAP_TYPE_RAM,
		};
	return n;
}

static int boot_write_info(struct boot *b)
{
	struct boot_block *blk = calloc(1, b->info_len);
	int ret;

	if (!blk)
		return image_fail(&b->err, -ENOMEM, "no memory to start it");
	blk->info = (struct hvm_start_info){
		.magic = XEN_HVM_START_MAGIC_VALUE,
		.version = 1,
		.cmdline_paddr = b->info + offsetof(struct boot_block, cmdline),
		.rsdp_paddr = b->acpi,
		.memmap_paddr = b->info + offsetof(struct boot_block, map),
		.memmap_entries = boot_memmap(b, blk->map),
	};
	if (b->cfg->ramdisk) {
		blk->info.nr_modules = 1;
		blk->info.modlist_paddr =
			b->info + offsetof(struct boot_block, ramdisk);
		blk->ramdisk.paddr = b->ramdisk;
		blk->ramdisk.size = b->ramdisk_len;
	}
	memcpy(blk->cmdline, b->cfg->cmdline,
	       b->info_len - sizeof(struct boot_block));
	ret = mem_write(b->m, gpa(b->info), blk, b->info_len);
	free(blk);
	return ret ? image_fail(&b->err, ret, "the start info does not fit") : 0;
}

static int boot_write_acpi(struct boot *b)
{
	void *tables = calloc(1, b->acpi_len);
	int ret;

	if (!tables)
		return image_fail(&b->err, -ENOMEM, "no memory to start it");
	acpi_build(tables, b->acpi_len, b->acpi, b->cfg->vcpus,
		   b->cfg->maxvcpus);
	ret = mem_write(b->m, gpa(b->acpi), tables, b->acpi_len);
	/*
	 * A kernel that another one starts (kexec) has no start info and looks
	 * for it below 1 MiB, where Linux leaves memory alone.
	 */
	if (!ret && b->kernel.start >= 0x100000)
		ret = mem_write(b->m, gpa(BOOT_RSDP_COPY), tables,
				BOOT_RSDP_LEN);
	free(tables);
	return ret ? image_fail(&b->err, ret, "the ACPI tables do not fit") : 0;
}

/* Straight from the file into the guest; the file may shrink meanwhile. */
static int boot_load_ramdisk(struct boot *b, int fd)
{
	uint64_t at = 0;

	while (at < b->ramdisk_len) {
		uint64_t left = b->ramdisk_len - at;
		size_t n = left < BOOT_CHUNK ? (size_t)left : BOOT_CHUNK;
		void *to = mem_ptr(b->m, gpa(b->ramdisk + at), n);
		ssize_t got = to ? pread(fd, to, n, (off_t)at) : -1;

		if (got < 0)
			return image_fail(&b->err, to ? -errno : -EFAULT,
					  "cannot be read: %s",
					  strerror(to ? errno : EFAULT));
		if (!got)
			return image_fail(&b->err, -EIO,
					  "has become shorter while being read");
		at += (uint64_t)got;
	}
	return 0;
}

/* What the kernel would cut off, or die of, is refused. */
static int boot_check_cmdline(struct boot *b, struct image file)
{
	size_t len = strlen(b->cfg->cmdline);
	uint32_t max = kernel_cmdline_max(file);

	if (max > BOOT_MAX_CMDLINE)
		max = BOOT_MAX_CMDLINE;
	if (len <= max)
		return 0;
	return image_fail(&b->err, -E2BIG,
			  "takes a command line of at most %u characters: shorten cmdline=, which has %zu",
			  max, len);
}

static int boot_load_kernel(struct boot *b, const struct boot_files *files)
{
	struct image_buf file = { 0 }, unpacked = { 0 };
	struct image elf;
	int ret;

	ret = image_map(&file, files->kernel, &b->err);
	if (!ret)
		ret = kernel_find_elf((struct image){ file.data, file.len },
				      files->unpacked, &unpacked, &elf,
				      &b->err);
	if (!ret)
		ret = boot_check_cmdline(b, (struct image){ file.data, file.len });
	if (!ret)
		ret = elf_check(elf, &b->kernel, &b->err);
	if (!ret)
		ret = boot_layout(b);
	if (!ret)
		ret = elf_load(elf, b->m, &b->err);
	image_buf_free(&unpacked);
	image_buf_free(&file);
	return ret;
}

static int boot_ramdisk_len(struct boot *b, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return image_fail(&b->err, -errno, "cannot be read: %s",
				  strerror(errno));
	if (!S_ISREG(st.st_mode))
		return image_fail(&b->err, -EINVAL, "is not a regular file");
	if ((uint64_t)st.st_size > MEM_HOLE_START)
		return image_fail(&b->err, -EFBIG,
				  "%lld MiB is too big for a ramdisk",
				  (long long)st.st_size >> 20);
	b->ramdisk_len = (uint64_t)st.st_size;
	return 0;
}

int boot_pvh_files(struct mem *m, const struct vm_config *cfg,
		   const struct boot_files *files, struct boot_info *out,
		   char *err, size_t err_len)
{
	struct boot b = { .m = m, .cfg = cfg };
	const char *what = "kernel", *name = cfg->kernel;
	int ret = 0;

	if (cfg->ramdisk) {
		what = "ramdisk";
		name = cfg->ramdisk;
		ret = boot_ramdisk_len(&b, files->ramdisk);
	}
	if (!ret) {
		what = "kernel";
		name = cfg->kernel;
		ret = boot_load_kernel(&b, files);
	}
	if (!ret && cfg->ramdisk) {
		what = "ramdisk";
		name = cfg->ramdisk;
		ret = boot_load_ramdisk(&b, files->ramdisk);
	}
	if (!ret)
		ret = boot_write_info(&b);
	if (!ret)
		ret = boot_write_acpi(&b);
	if (ret) {
		snprintf(err, err_len, "%s %s: %s", what, name, b.err.text);
		return ret;
	}
	out->entry = b.kernel.entry;
	out->start_info = (uint32_t)b.info;
	out->spare = gfn(b.special >> GUEST_PAGE_SHIFT);
	out->console = gfn(out->spare.v + BOOT_CONSOLE_GFN);
	out->xenstore = gfn(out->spare.v + BOOT_XENSTORE_GFN);
	return 0;
}

static int boot_open(const char *what, const char *path, char *err,
		     size_t err_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		fd = -errno;
		snprintf(err, err_len, "%s %s: cannot be opened: %s: check %s= in the configuration",
			 what, path, strerror(-fd), what);
	}
	return fd;
}

int boot_files_open(struct boot_files *files, const struct vm_config *cfg,
		    char *err, size_t err_len)
{
	int ret;

	files->ramdisk = -1;
	files->unpacked = -1;
	ret = boot_open("kernel", cfg->kernel, err, err_len);
	files->kernel = ret;
	if (ret >= 0 && cfg->ramdisk) {
		ret = boot_open("ramdisk", cfg->ramdisk, err, err_len);
		files->ramdisk = ret;
	}
	if (ret < 0) {
		boot_files_close(files);
		return ret;
	}
	files->unpacked = unpacked_open(cfg->kernel, files->kernel);
	return 0;
}

void boot_files_close(struct boot_files *files)
{
	if (files->kernel >= 0)
		close(files->kernel);
	if (files->ramdisk >= 0)
		close(files->ramdisk);
	if (files->unpacked >= 0)
		close(files->unpacked);
	files->kernel = -1;
	files->ramdisk = -1;
	files->unpacked = -1;
}

int boot_pvh(struct mem *m, const struct vm_config *cfg, struct boot_info *out,
	     char *err, size_t err_len)
{
	struct boot_files files;
	int ret = boot_files_open(&files, cfg, err, err_len);

	if (ret)
		return ret;
	ret = boot_pvh_files(m, cfg, &files, out, err, err_len);
	boot_files_close(&files);
	return ret;
}
