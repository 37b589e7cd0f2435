/* SPDX-License-Identifier: GPL-2.0-only */
/* What decide.c needs of the kernel's <linux/kernel.h>. */
#ifndef UNIT_DECIDE_KERNEL_H
#define UNIT_DECIDE_KERNEL_H

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#endif
