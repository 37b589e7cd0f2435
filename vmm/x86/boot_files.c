// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which files a guest starts from, and their descriptors.  Reads nothing of
 * them: that is boot.c's.  One thread.
 */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unpacked.h"

static void boot_plan_module(struct boot_plan *p, const struct boot_file *f)
{
	p->module[p->nr_modules++] = *f;
}

void boot_plan(struct boot_plan *p, const struct vm_config *cfg)
{
	const struct boot_file kernel = {
		"kernel", cfg->kernel, "kernel", cfg->cmdline, "cmdline",
	};
	const struct boot_file shim = {
		"shim", cfg->shim, "pvshim_path", cfg->shim_cmdline,
		"pvshim_cmdline",
	};
	const struct boot_file ramdisk = {
		.what = "ramdisk", .path = cfg->ramdisk, .path_key = "ramdisk",
	};

	*p = (struct boot_plan){ .kernel = cfg->shim ? shim : kernel };
	if (cfg->shim)
		boot_plan_module(p, &kernel);
	if (cfg->ramdisk)
		boot_plan_module(p, &ramdisk);
}

/* @why goes before the remedy. */
static int boot_open(const struct boot_file *f, const char *why, char *err,
		     size_t err_len)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		fd = -errno;
		snprintf(err, err_len, "%s %s: cannot be opened: %s: %scheck %s= in the configuration",
			 f->what, f->path, strerror(-fd), why, f->path_key);
	}
	return fd;
}

static void boot_files_none(struct boot_files *files)
{
	*files = (struct boot_files)BOOT_FILES_NONE;
}

int boot_files_open(struct boot_files *files, const struct vm_config *cfg,
		    char *err, size_t err_len)
{
	struct boot_plan p;
	int ret;

	boot_plan(&p, cfg);
	boot_files_none(files);
	ret = boot_open(&p.kernel, cfg->shim ?
			"install Debian's xen-utils-4.17, set type=\"pvh\", or " : "",
			err, err_len);
	files->kernel = ret < 0 ? -1 : ret;
	for (unsigned int i = 0; ret >= 0 && i < p.nr_modules; i++) {
		ret = boot_open(&p.module[i], "", err, err_len);
		files->module[i] = ret < 0 ? -1 : ret;
	}
	if (ret < 0) {
		boot_files_close(files);
		return ret;
	}
	files->unpacked = unpacked_open(p.kernel.path, files->kernel);
	return 0;
}

static void boot_files_close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

void boot_files_close(struct boot_files *files)
{
	boot_files_close_one(files->kernel);
	boot_files_close_one(files->unpacked);
	for (unsigned int i = 0; i < BOOT_MAX_MODULES; i++)
		boot_files_close_one(files->module[i]);
	boot_files_none(files);
}
