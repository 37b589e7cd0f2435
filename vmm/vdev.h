/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of virtual disks and their numbers. */
#ifndef XKVM_VDEV_H
#define XKVM_VDEV_H

#include <stdint.h>

/*
 * vdev_number() - the number of the virtual disk @name, as Xen's
 * docs/man/xen-vbd-interface.7 assigns it: "xvda3", "d4p2", "hdb", "sdc1", or
 * the number itself in C's notation.  0 or -EINVAL.  Two names are one disk if
 * their numbers are equal.
 */
int vdev_number(const char *name, uint32_t *vdev);

#endif
