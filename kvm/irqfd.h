/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * irqfds: an eventfd whose signal raises a GSI of the VM's routing table.
 *
 * An eventfd may be signalled from any context, hard interrupts included; MSI
 * and Xen routes are delivered right there, and only what cannot be done in
 * atomic context goes to a work item.
 * Source: KVM API, KVM_IRQFD.
 */
#ifndef XKVM_IRQFD_H
#define XKVM_IRQFD_H

#include <linux/kvm.h>

struct vm;

/* Creation; sets vm->irqfds.  0 or -ENOMEM. */
int irqfd_init(struct vm *vm);

/*
 * irqfd_exit() - the VM is going: after this no eventfd reaches it.
 * The vCPUs, vm->routing and vm->xen must still exist.  No file of the VM is
 * open any more.  Sleeps, but waits for no grace period.  No-op if
 * irqfd_init() did not run or failed.
 */
void irqfd_exit(struct vm *vm);

/*
 * irqfd_ioctl() - KVM_IRQFD; @args is copied in.  Takes its own lock, may
 * sleep.  0; -EINVAL: unknown flags, no in-kernel interrupt controller, or for
 * a resample fd none with pins; -EBADF or -EINVAL: not an eventfd; -EBUSY: this
 * eventfd is assigned already; -ENOMEM.
 * Taking away what is not assigned is not an error, as in KVM.
 */
int irqfd_ioctl(struct vm *vm, const struct kvm_irqfd *args);

/* Is there an irqfd that resamples?  Any context. */
bool irqfd_any_resampler(struct vm *vm);

/*
 * irqfd_ack() - the guest has finished with @gsi, or listens to it again: an
 * irqfd that resamples holds it up no longer, and tells so.  True if there was
 * one.  Any context, no lock held that raising a line takes.
 */
bool irqfd_ack(struct vm *vm, u32 gsi);

#endif
