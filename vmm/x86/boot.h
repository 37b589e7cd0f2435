/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading a PVH guest into fresh memory: kernel, start info, memory map,
 * modules, command line, ACPI tables.
 * Source: xen/include/public/arch-x86/hvm/start_info.h, elfnote.h,
 * docs/misc/pvh.pandoc of Xen.
 */
#ifndef XKVM_X86_BOOT_H
#define XKVM_X86_BOOT_H

#include "../config.h"
#include "../mem.h"

/* Guest frames the VMM lays out for the guest; boot.c chooses them. */
struct boot_info {
	uint32_t entry;		/* 32-bit physical entry, XEN_ELFNOTE_PHYS32_ENTRY */
	uint32_t start_info;	/* gpa of struct hvm_start_info: EBX at entry */
	gfn_t console;		/* ring pages at the top of low RAM, reserved in */
	gfn_t xenstore;		/* the memory map; zeroed RAM */
	gfn_t spare;		/* BOOT_SPARE_GFNS frames of RAM not told to the guest */
};

#define BOOT_SPARE_GFNS 16

/* What is left of the 32 frames at the top of low RAM belongs to nobody. */
#define BOOT_SPECIAL_GFNS 32

#define BOOT_MAX_MODULES 4

/* One file of a guest's start; the strings are the configuration's. */
struct boot_file {
	const char *what;		/* as messages call it */
	const char *path;
	const char *path_key;		/* the key of xl.cfg that names it */
	const char *cmdline;		/* NULL: none */
	const char *cmdline_key;
};

struct boot_plan {
	struct boot_file kernel;	/* the guest's first CPU starts in it */
	struct boot_file module[BOOT_MAX_MODULES];	/* as in the start info */
	unsigned int nr_modules;
};

/*
 * boot_plan() - which files @cfg starts from, and as what: a kernel with a
 * ramdisk, or a shim with both of them.  Refers to @cfg.
 */
void boot_plan(struct boot_plan *p, const struct vm_config *cfg);

/*
 * The files of a guest, opened while the process may still open them; a
 * restarted guest is loaded from the same descriptors.  -1: none.
 */
struct boot_files {
	int kernel;
	int unpacked;			/* unpacked.h */
	int module[BOOT_MAX_MODULES];
};

#define BOOT_FILES_NONE { -1, -1, { -1, -1, -1, -1 } }

/*
 * boot_files_open() - open the files of @cfg's plan, and an unpacked copy of
 * the kernel if there is one.  0, or -errno and one line in @err as below.
 * boot_files_close() closes them.
 */
int boot_files_open(struct boot_files *files, const struct vm_config *cfg,
		    char *err, size_t err_len);
void boot_files_close(struct boot_files *files);

/*
 * boot_pvh_files() - load the kernel and modules in @files into @m, which is
 * fresh: all zero.  @cfg gives command lines, the number of vCPUs, and the
 * files' names for messages.  Opens nothing.  vCPU n has local APIC id n and
 * ACPI processor UID n.
 * On an error returns -errno and leaves one line, which names the file and
 * the remedy, in @err (always NUL-terminated).
 */
int boot_pvh_files(struct mem *m, const struct vm_config *cfg,
		   const struct boot_files *files, struct boot_info *out,
		   char *err, size_t err_len);

/* boot_pvh() - boot_files_open(), boot_pvh_files(), boot_files_close(). */
int boot_pvh(struct mem *m, const struct vm_config *cfg, struct boot_info *out,
	     char *err, size_t err_len);

#endif
