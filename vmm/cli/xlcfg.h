/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl.cfg(5) files: what the settings mean.  docs/xkvm.cfg.5 lists the keys.
 */
#ifndef XKVM_CLI_XLCFG_H
#define XKVM_CLI_XLCFG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "../config.h"
#include "xlparse.h"

#define XLCFG_MAX_VCPUS		128
#define XLCFG_MIN_MEMORY	8ull		/* MiB */
#define XLCFG_MAX_MEMORY	(16ull << 20)	/* MiB */
#define XLCFG_MAX_NAME		63
#define XLCFG_MAX_FILE		(1u << 20)	/* bytes */

/*
 * xlcfg_load() - read the file at @path, then the @nr_extra settings @extra
 * ("key=value" in the file's syntax, as on the command line), into *@cfg.
 *
 * Warnings and errors go to @errs, a line each: "FILE:LINE: KEY: what".
 * Relative paths in the file are made absolute, from the working directory.
 * Returns 0, and the caller owns *@cfg (vm_config_free()); or -errno with
 * one line about the error printed and *@cfg cleared.
 */
int xlcfg_load(struct vm_config *cfg, const char *path,
	       char *const *extra, size_t nr_extra, FILE *errs);

/* The same from a parsed @tree; @path names the file in messages. */
int xlcfg_convert(struct vm_config *cfg, const struct xl_tree *tree,
		  const char *path, FILE *errs);

/* May a guest be called @name?  It becomes a directory's name. */
bool xlcfg_name_ok(const char *name);

/* xlkeys.c: is @key one of xl.cfg(5) that xkvm does nothing with? */
bool xlkeys_unsupported(const char *key);

#endif
