// SPDX-License-Identifier: GPL-2.0-or-later
/* A guest's modules in its memory: a ramdisk, or what xen-shim starts. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/arch-x86/hvm/start_info.h>

#include "../lib/tap.h"
#include "../../vmm/x86/boot.h"
#include "boot_images.h"

#define MIB	(1ull << 20)
#define PV_MAX	1023		/* characters: MAX_GUEST_CMDLINE of Xen */
#define ELF_MAX	2047

static struct blob shim, elf, kernel;
static char err[512];

static int file_of(const void *data, size_t len)
{
	int fd = memfd_create("module", MFD_CLOEXEC);

	CHECK_OK(fd);
	CHECK(write(fd, data, len) == (ssize_t)len);
	return fd;
}

static struct vm_config shim_config(void)
{
	return (struct vm_config){
		.kernel = "K", .cmdline = "root=/dev/xvda x=y",
		.shim = "S", .shim_cmdline = "pv-shim console=xen,pv",
		.vcpus = 2, .maxvcpus = 4,
	};
}

/* The shim, a kernel in it, and @ramdisk bytes of a ramdisk unless that is 0. */
static struct boot_files shim_files(size_t ramdisk)
{
	struct boot_files f = BOOT_FILES_NONE;

	make_elf64(&elf);
	make_bzimage(&kernel, &elf, PACK_GZIP);
	make_elf32(&shim);
	f.kernel = file_of(shim.data, shim.len);
	f.module[0] = file_of(kernel.data, kernel.len);
	if (ramdisk) {
		f.module[1] = file_of("ramdisk", 7);
		CHECK_OK(ftruncate(f.module[1], ramdisk));
	}
	return f;
}

static int load(const struct vm_config *cfg, uint64_t mib, size_t ramdisk,
		struct mem **m, struct boot_info *info)
{
	struct boot_files files = shim_files(ramdisk);
	int ret;

	CHECK_EQ(mem_create(m, mib * MIB), 0);
	err[0] = 0;
	ret = boot_pvh_files(*m, cfg, &files, info, err, sizeof(err));
	boot_files_close(&files);
	return ret;
}

static void check_string(struct mem *m, uint64_t at, const char *want)
{
	const char *got = mem_ptr(m, gpa(at), strlen(want) + 1);

	CHECK(got && !strcmp(got, want));
}

/* Whole, a page's start, in RAM that the guest is told of, behind @end. */
static const void *check_module(struct mem *m, const struct hvm_start_info *si,
				unsigned int n, size_t len, uint64_t *end)
{
	const struct hvm_memmap_table_entry *map;
	const struct hvm_modlist_entry *mod;
	uint64_t at = si->modlist_paddr + n * sizeof(*mod);

	mod = mem_ptr(m, gpa(at), sizeof(*mod));
	map = mem_ptr(m, gpa(si->memmap_paddr), sizeof(*map));
	CHECK(mod && map);
	CHECK_EQ(map->addr, 0);
	CHECK_EQ(map->type, XEN_HVM_MEMMAP_TYPE_RAM);
	CHECK_EQ(mod->size, len);
	CHECK_EQ(mod->reserved, 0);
	CHECK_EQ(mod->paddr % GUEST_PAGE_SIZE, 0);
	CHECK(mod->paddr >= *end);
	CHECK(mod->paddr + len <= map->size);
	*end = mod->paddr + len;
	return mem_ptr(m, gpa(mod->paddr), len);
}

static uint64_t module_cmdline(struct mem *m, const struct hvm_start_info *si,
			       unsigned int n)
{
	const struct hvm_modlist_entry *mod;

	mod = mem_ptr(m, gpa(si->modlist_paddr + n * sizeof(*mod)),
		      sizeof(*mod));
	return mod->cmdline_paddr;
}

TEST(shim, "a shim's modules are the kernel, with its command line, and a ramdisk")
{
	static const uint64_t mib[] = { 64, 1025, 3072, 4096, 6000 };
	const size_t ramdisks[] = { 0, 7, 5 * MIB + 1 };
	struct vm_config cfg = shim_config();
	const struct hvm_start_info *si;
	struct boot_info info;
	struct mem *m;

	for (size_t i = 0; i < 3 * sizeof(mib) / sizeof(*mib); i++) {
		size_t ramdisk = ramdisks[i % 3];
		uint64_t end;
		const void *p;

		cfg.ramdisk = ramdisk ? "R" : NULL;
		CHECK_MSG(!load(&cfg, mib[i / 3], ramdisk, &m, &info), "%s",
			  err);
		CHECK_EQ(info.entry, TEST_ENTRY);
		si = mem_ptr(m, gpa(info.start_info), sizeof(*si));
		check_string(m, si->cmdline_paddr, cfg.shim_cmdline);
		end = si->cmdline_paddr + strlen(cfg.shim_cmdline) + 1;
		CHECK_EQ(si->nr_modules, ramdisk ? 2 : 1);
		p = check_module(m, si, 0, kernel.len, &end);
		CHECK(!memcmp(p, kernel.data, kernel.len));
		check_string(m, module_cmdline(m, si, 0), cfg.cmdline);
		if (ramdisk) {
			p = check_module(m, si, 1, ramdisk, &end);
			CHECK(!memcmp(p, "ramdisk", 7));
			CHECK_EQ(module_cmdline(m, si, 1), 0);
		}
		mem_destroy(m);
	}
}

/* @cmdline of @max characters is taken, one more is not. */
static void check_limit(struct vm_config *cfg, char **cmdline, size_t max,
			const char *says)
{
	char text[4096] = "";
	struct boot_info info;
	struct mem *m;

	*cmdline = text;
	memset(text, 'x', max);
	CHECK_MSG(!load(cfg, 64, 0, &m, &info), "%s", err);
	mem_destroy(m);
	text[max] = 'x';
	CHECK_EQ(load(cfg, 64, 0, &m, &info), -E2BIG);
	CHECK_MSG(!strcmp(err, says), "%s", err);
	mem_destroy(m);
}

TEST(module_cmdlines, "a PV kernel takes what Xen hands on, a shim what an ELF file takes")
{
	struct vm_config cfg = shim_config();

	check_limit(&cfg, &cfg.cmdline, PV_MAX,
		    "kernel K: takes a command line of at most 1023 characters: shorten cmdline=, which has 1024");
	cfg = shim_config();
	check_limit(&cfg, &cfg.shim_cmdline, ELF_MAX,
		    "shim S: takes a command line of at most 2047 characters: shorten pvshim_cmdline=, which has 2048");
}

TEST(module_sizes, "what does not fit is one line with the file and the remedy")
{
	struct vm_config cfg = shim_config();
	struct boot_info info;
	struct mem *m;

	cfg.ramdisk = "R";
	CHECK_EQ(load(&cfg, 64, 63 * MIB + 1, &m, &info), -ENOSPC);
	CHECK_MSG(!strcmp(err, "shim S: shim, kernel and ramdisk take 65 MiB, the guest has 64: set memory=65 or more"),
		  "%s", err);
	mem_destroy(m);
	CHECK_EQ(load(&cfg, 4096, 3071 * MIB, &m, &info), -EFBIG);
	CHECK_MSG(strstr(err, "shim, kernel and ramdisk take 3073 MiB, more than the 3072 MiB below the 32-bit hole"),
		  "%s", err);
	mem_destroy(m);
	CHECK_EQ(load(&cfg, 64, 4096 * MIB, &m, &info), -EFBIG);
	CHECK_MSG(!strcmp(err, "ramdisk R: 4096 MiB is too big for a ramdisk"),
		  "%s", err);
	mem_destroy(m);
}

TEST(module_files, "a missing file is one line with the remedy")
{
	struct vm_config cfg = shim_config();
	struct boot_files files;

	cfg.kernel = "/dev/null";
	cfg.shim = "/nonexistent";
	CHECK_EQ(boot_files_open(&files, &cfg, err, sizeof(err)), -ENOENT);
	CHECK_MSG(!strcmp(err, "shim /nonexistent: cannot be opened: No such file or directory: install Debian's xen-utils-4.17, set type=\"pvh\", or check pvshim_path= in the configuration"),
		  "%s", err);
	cfg.shim = "/dev/null";
	cfg.kernel = "/nonexistent";
	CHECK_EQ(boot_files_open(&files, &cfg, err, sizeof(err)), -ENOENT);
	CHECK_MSG(!strcmp(err, "kernel /nonexistent: cannot be opened: No such file or directory: check kernel= in the configuration"),
		  "%s", err);
	CHECK_EQ(files.kernel, -1);
}
