/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disk specifications, xl-disk-configuration(5): four positional fields
 * "target, format, vdev, access", key=value fields, flags, "target=" that
 * takes the rest of the string, and the deprecated prefixes.
 */
#ifndef XKVM_CLI_XLDISK_H
#define XKVM_CLI_XLDISK_H

#include <stddef.h>

#include "../config.h"

/*
 * xldisk_parse() - read @spec into *@disk (no need to clear it first).
 * Returns 0, -ENOMEM, or -EINVAL with one line in @err: what is wrong, with
 * the remedy.  Nothing is allocated in *@disk then.
 */
int xldisk_parse(struct vm_config_disk *disk, const char *spec, char *err,
		 size_t err_len);

#endif
