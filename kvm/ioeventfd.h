/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioeventfds: a guest's write to a port or an MMIO address that signals an
 * eventfd and is finished with that.
 *
 * Each of the two buses is an immutable sorted array behind an RCU pointer.
 * Source: KVM API, KVM_IOEVENTFD and KVM_CAP_IOEVENTFD_ANY_LENGTH.
 */
#ifndef XKVM_IOEVENTFD_H
#define XKVM_IOEVENTFD_H

#include <linux/kvm.h>
#include <linux/types.h>

#include "memslot.h"

struct vm;

/* Most ioeventfds a bus of a VM has. */
#define IOEVENTFD_MAX	1000

/* Creation; sets vm->io.  0 or -ENOMEM. */
int ioeventfd_init(struct vm *vm);

/*
 * ioeventfd_exit() - the VM is going; no vCPU runs any more.  Waits for
 * nothing.  No-op if ioeventfd_init() did not run or failed.
 */
void ioeventfd_exit(struct vm *vm);

/*
 * ioeventfd_ioctl() - KVM_IOEVENTFD; @args is copied in.  Takes its own lock,
 * may sleep.  0; -EINVAL: unknown flags, bad length, wrapping range, or a data
 * match without a length; -EEXIST: another one would match the same writes;
 * -ENOENT: nothing like that to take away; -ENOSPC: the bus is full; -EBADF,
 * -EINVAL: not an eventfd; -ENOMEM.
 * When taking one away has returned, it signals no more.
 */
int ioeventfd_ioctl(struct vm *vm, const struct kvm_ioeventfd *args);

/*
 * ioeventfd_write() - the guest writes the low @len bytes of @val to port or
 * address @addr.  True: an eventfd was signalled and the write is done.
 * False: nobody here wants it.  Any context.
 */
bool ioeventfd_write(struct vm *vm, bool pio, gpa_t addr, unsigned int len,
		     u64 val);

/*
 * ioeventfd_write_any() - the same for an MMIO write of which neither length
 * nor value is known yet: only an ioeventfd of any length can match, and then
 * the instruction need not be decoded, only skipped.  Any context.
 */
bool ioeventfd_write_any(struct vm *vm, gpa_t addr);

#endif
