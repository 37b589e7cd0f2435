/* SPDX-License-Identifier: GPL-2.0-only */
/* Host builds of kernel sources: nothing runs ahead of a check here. */
#ifndef UNIT_LINUX_NOSPEC_H
#define UNIT_LINUX_NOSPEC_H

#define array_index_nospec(index, size)	((void)(size), (index))

#endif /* UNIT_LINUX_NOSPEC_H */
