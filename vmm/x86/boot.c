// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lays out fresh guest memory for a PVH start.  Low RAM, from 0 up:
 *
 *	kernel, where its segments say
 *	start info, module list, memory map, command lines
 *	modules: a ramdisk; or what a shim starts, a kernel and its ramdisk
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/xen.h>
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
	struct boot_plan plan;
	uint64_t module_len[BOOT_MAX_MODULES];

	/* gpas, rising; each but the last is page aligned */
	uint64_t info, module[BOOT_MAX_MODULES], acpi, special, low_end;
	size_t acpi_len, info_len;
	const struct boot_file *at;	/* the one that errors are about */

	struct image_error err;
};

/* What stands in the start info's pages, in this order. */
struct boot_block {
	struct hvm_start_info info;
	struct hvm_modlist_entry module[BOOT_MAX_MODULES];
	struct hvm_memmap_table_entry map[BOOT_MAX_MEMMAP];
	char cmdlines[];	/* with their NULs: the kernel's, the modules' */
};

static uint64_t boot_page_up(uint64_t v)
{
	return (v + GUEST_PAGE_SIZE - 1) & ~(uint64_t)(GUEST_PAGE_SIZE - 1);
}

/* @bytes of low RAM are needed: say so, in the unit of the configuration. */
static int boot_too_big(struct boot *b, uint64_t bytes)
{
	unsigned long long need = (bytes + (1u << 20) - 1) >> 20;
	const char *what = "kernel takes";

	if (b->cfg->shim)
		what = b->cfg->ramdisk ? "shim, kernel and ramdisk take" :
		       "shim and kernel take";
	else if (b->cfg->ramdisk)
		what = "kernel and ramdisk take";
	if (need << 20 > MEM_HOLE_START)
		return image_fail(&b->err, -EFBIG,
				  "%s %llu MiB, more than the %llu MiB below the 32-bit hole: use a smaller ramdisk",
				  what, need, MEM_HOLE_START >> 20);
	return image_fail(&b->err, -ENOSPC,
			  "%s %llu MiB, the guest has %llu: set memory=%llu or more",
			  what, need,
			  (unsigned long long)(b->low_end >> 20), need);
}

static size_t boot_cmdline_size(const struct boot_file *f)
{
	return f->cmdline ? strlen(f->cmdline) + 1 : 0;
}

/* Sizes are limited long before sums could wrap: a module's by a file's. */
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
	b->info_len = sizeof(struct boot_block) +
		      boot_cmdline_size(&b->plan.kernel);
	for (unsigned int i = 0; i < b->plan.nr_modules; i++)
		b->info_len += boot_cmdline_size(&b->plan.module[i]);
	acpi = boot_page_up(b->acpi_len);
	info = boot_page_up(b->info_len);

	b->low_end = b->ranges[0].len;
	b->info = boot_page_up(b->kernel.end);
	end = b->info + info;
	for (unsigned int i = 0; i < b->plan.nr_modules; i++) {
		b->module[i] = end;
		end += boot_page_up(b->module_len[i]);
	}
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

/* Append a command line; its gpa, or 0 for none. */
static uint64_t boot_put_cmdline(struct boot *b, struct boot_block *blk,
				 size_t *used, const struct boot_file *f)
{
	uint64_t at = b->info + offsetof(struct boot_block, cmdlines) + *used;
	size_t len = boot_cmdline_size(f);

	if (!len)
		return 0;
	memcpy(blk->cmdlines + *used, f->cmdline, len);
	*used += len;
	return at;
}

static void boot_fill_info(struct boot *b, struct boot_block *blk)
{
	size_t used = 0;

	blk->info = (struct hvm_start_info){
		.magic = XEN_HVM_START_MAGIC_VALUE,
		.version = 1,
		.nr_modules = b->plan.nr_modules,
		.cmdline_paddr = boot_put_cmdline(b, blk, &used,
						  &b->plan.kernel),
		.rsdp_paddr = b->acpi,
		.memmap_paddr = b->info + offsetof(struct boot_block, map),
		.memmap_entries = boot_memmap(b, blk->map),
	};
	if (b->plan.nr_modules)
		blk->info.modlist_paddr =
			b->info + offsetof(struct boot_block, module);
	for (unsigned int i = 0; i < b->plan.nr_modules; i++)
		blk->module[i] = (struct hvm_modlist_entry){
			.paddr = b->module[i],
			.size = b->module_len[i],
			.cmdline_paddr = boot_put_cmdline(b, blk, &used,
							  &b->plan.module[i]),
		};
}

static int boot_write_info(struct boot *b)
{
	struct boot_block *blk = calloc(1, b->info_len);
	int ret;

	if (!blk)
		return image_fail(&b->err, -ENOMEM, "no memory to start it");
	boot_fill_info(b, blk);
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
static int boot_load_module(struct boot *b, unsigned int i, int fd)
{
	uint64_t at = 0;

	b->at = &b->plan.module[i];
	while (at < b->module_len[i]) {
		uint64_t left = b->module_len[i] - at;
		size_t n = left < BOOT_CHUNK ? (size_t)left : BOOT_CHUNK;
		void *to = mem_ptr(b->m, gpa(b->module[i] + at), n);
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
static int boot_check_cmdline(struct boot *b, const struct boot_file *f,
			      uint32_t max)
{
	size_t len = f->cmdline ? strlen(f->cmdline) : 0;

	if (max > BOOT_MAX_CMDLINE)
		max = BOOT_MAX_CMDLINE;
	if (len <= max)
		return 0;
	return image_fail(&b->err, -E2BIG,
			  "takes a command line of at most %u characters: shorten %s=, which has %zu",
			  max, f->cmdline_key, len);
}

static int boot_load_kernel(struct boot *b, const struct boot_files *files)
{
	struct image_buf file = { 0 }, unpacked = { 0 };
	struct image elf;
	int ret;

	b->at = &b->plan.kernel;
	ret = image_map(&file, files->kernel, &b->err);
	if (!ret)
		ret = kernel_find_elf((struct image){ file.data, file.len },
				      files->unpacked, &unpacked, &elf,
				      &b->err);
	if (!ret)
		ret = boot_check_cmdline(b, b->at, kernel_cmdline_max(
				(struct image){ file.data, file.len }));
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

static int boot_check_module(struct boot *b, unsigned int i, int fd)
{
	const struct boot_file *f = &b->plan.module[i];
	struct stat st;

	b->at = f;
	if (fstat(fd, &st))
		return image_fail(&b->err, -errno, "cannot be read: %s",
				  strerror(errno));
	if (!S_ISREG(st.st_mode))
		return image_fail(&b->err, -EINVAL, "is not a regular file");
	if ((uint64_t)st.st_size > MEM_HOLE_START)
		return image_fail(&b->err, -EFBIG,
				  "%lld MiB is too big for a %s",
				  (long long)st.st_size >> 20, f->what);
	b->module_len[i] = (uint64_t)st.st_size;
	/* Xen hands it on in a PV kernel's start info. */
	return boot_check_cmdline(b, f, MAX_GUEST_CMDLINE - 1);
}

static int boot_load(struct boot *b, const struct boot_files *files)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < b->plan.nr_modules; i++)
		ret = boot_check_module(b, i, files->module[i]);
	if (!ret)
		ret = boot_load_kernel(b, files);
	for (unsigned int i = 0; !ret && i < b->plan.nr_modules; i++)
		ret = boot_load_module(b, i, files->module[i]);
	if (ret)
		return ret;
	b->at = &b->plan.kernel;
	ret = boot_write_info(b);
	return ret ? ret : boot_write_acpi(b);
}

int boot_pvh_files(struct mem *m, const struct vm_config *cfg,
		   const struct boot_files *files, struct boot_info *out,
		   char *err, size_t err_len)
{
	struct boot b = { .m = m, .cfg = cfg };
	int ret;

	boot_plan(&b.plan, cfg);
	ret = boot_load(&b, files);
	if (ret) {
		snprintf(err, err_len, "%s %s: %s", b.at->what, b.at->path,
			 b.err.text);
		return ret;
	}
	out->entry = b.kernel.entry;
	out->start_info = (uint32_t)b.info;
	out->spare = gfn(b.special >> GUEST_PAGE_SHIFT);
	out->console = gfn(out->spare.v + BOOT_CONSOLE_GFN);
	out->xenstore = gfn(out->spare.v + BOOT_XENSTORE_GFN);
	return 0;
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
