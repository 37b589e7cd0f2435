/* SPDX-License-Identifier: GPL-2.0-only */
/* What pit.c needs of <linux/math64.h>. */
#ifndef UNIT_LINUX_MATH64_H
#define UNIT_LINUX_MATH64_H

#include <linux/types.h>

static inline u64 mul_u64_u32_div(u64 a, u32 mul, u32 div)
{
	return (unsigned __int128)a * mul / div;
}

static inline u64 div_u64_rem(u64 a, u32 div, u32 *rem)
{
	*rem = a % div;
	return a / div;
}

#endif /* UNIT_LINUX_MATH64_H */
