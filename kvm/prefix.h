/* SPDX-License-Identifier: GPL-2.0-only */
/* Every log line of the module starts with its name. */
#undef pr_fmt
#define pr_fmt(fmt) "xkvm: " fmt
