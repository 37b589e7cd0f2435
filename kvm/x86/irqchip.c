// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls on the VM's interrupt lines.
 *
 * No state of its own; raising a line takes no lock, routing.c says how.
 * Source: KVM API, KVM_IRQ_LINE.
 */
#include <linux/uaccess.h>

#include "../routing.h"
#include "../vm.h"
#include "irqchip.h"

/* KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS: the latter returns what came of it. */
static int irqchip_line(struct vm *vm, void __user *p, bool status)
{
	struct kvm_irq_level irq;

	if (copy_from_user(&irq, p, sizeof(irq)))
		return -EFAULT;
	if (!arch_routing_allowed(vm))
		return -ENXIO;
	irq.status = routing_set_irq(vm, irq.irq, !!irq.level);
	if (status && copy_to_user(p, &irq, sizeof(irq)))
		return -EFAULT;
	return 0;
}

long irqchip_ioctl(struct vm *vm, unsigned int cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;

	switch (cmd) {
	case KVM_IRQ_LINE:
	case KVM_IRQ_LINE_STATUS:
		return irqchip_line(vm, p, cmd == KVM_IRQ_LINE_STATUS);
	default:
		return -ENOTTY;
	}
}
