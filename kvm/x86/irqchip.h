/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VM's interrupt controllers beside the local APICs: their ioctls.
 */
#ifndef XKVM_X86_IRQCHIP_H
#define XKVM_X86_IRQCHIP_H

struct vm;

/*
 * irqchip_ioctl() - the VM's ioctls on interrupt lines and controllers; takes
 * vm->lock where one has to be made.  -ENOTTY: not one of these.
 */
long irqchip_ioctl(struct vm *vm, unsigned int cmd, unsigned long arg);

#endif
