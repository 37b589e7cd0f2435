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

/*
 * boot_pvh() - load @cfg's kernel and ramdisk into @m.
 * On an error returns -errno and leaves one line, which names the file and
 * the remedy, in @err (always NUL-terminated).
 */
int boot_pvh(struct mem *m, const struct vm_config *cfg, struct boot_info *out,
	     char *err, size_t err_len);

#endif
