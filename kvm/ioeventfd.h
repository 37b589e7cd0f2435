/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioeventfds: a guest's write to a port or an MMIO address that signals an
 * eventfd and is finished with that.  They are devices on the VM's buses.
 * Source: KVM API, KVM_IOEVENTFD and KVM_CAP_IOEVENTFD_ANY_LENGTH.
 */
#ifndef XKVM_IOEVENTFD_H
#define XKVM_IOEVENTFD_H

#include <linux/kvm.h>

struct vm;

/*
 * ioeventfd_ioctl() - KVM_IOEVENTFD; @args is copied in.  May sleep.  0;
 * -EINVAL: unknown flags, bad length, wrapping range, or a data match without
 * a length; -EEXIST: another one would match the same writes; -ENOENT: nothing
 * like that to take away; -ENOSPC: the bus is full; -EBADF, -EINVAL: not an
 * eventfd; -ENOMEM.
 * When taking one away has returned, it signals no more.
 */
int ioeventfd_ioctl(struct vm *vm, const struct kvm_ioeventfd *args);

#endif
