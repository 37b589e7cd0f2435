// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls on the VM's interrupt lines and controllers.
 *
 * vm->lock orders those who make a controller; its state is changed under the
 * controller's own.  Source: KVM API, KVM_IRQ_LINE, KVM_CREATE_IRQCHIP,
 * KVM_GET_IRQCHIP, KVM_CREATE_PIT2, KVM_GET_PIT2, KVM_REINJECT_CONTROL.
 */
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../routing.h"
#include "irqchip.h"
#include "pit_timer.h"

bool arch_routing_pins(struct vm *vm)
{
	return READ_ONCE(vm->arch.irqchip_kernel);
}

/* KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS: the latter returns what came of it. */
static int irqchip_line(struct vm *vm, void __user *p, bool status)
{
	struct kvm_irq_level irq;
	struct irq_line line;

	if (copy_from_user(&irq, p, sizeof(irq)))
		return -EFAULT;
	if (!arch_routing_allowed(vm))
		return -ENXIO;
	line = (struct irq_line){
		.gsi = irq.irq, .source = IRQ_LINE_USER, .level = irq.level,
		.status = status,
	};
	irq.status = routing_set_irq(vm, &line);
	if (status && copy_to_user(p, &irq, sizeof(irq)))
		return -EFAULT;
	return 0;
}

/* --- PIC and I/O APIC --- */

static int irqchip_make(struct vm *vm)
{
	int ret;

	mutex_lock(&vm->lock);
	if (vm->arch.irqchip_split || vm->arch.irqchip_kernel)
		ret = -EEXIST;
	else if (vm->nr_vcpus)
		ret = -EINVAL;
	else
		ret = irqchip_create(vm);
	if (!ret)
		WRITE_ONCE(vm->arch.irqchip_kernel, true);
	mutex_unlock(&vm->lock);
	return ret;
}

static int irqchip_get(struct irqchip *chip, struct kvm_irqchip *s)
{
	unsigned long flags;
	int ret = 0;

	irqchip_begin(chip, &flags);
	switch (s->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		pic_get_state(&chip->pic, s->chip_id, &s->chip.pic);
		break;
	case KVM_IRQCHIP_IOAPIC:
		ioapic_get_state(&chip->ioapic, &s->chip.ioapic);
		break;
	default:
		ret = -EINVAL;
	}
	irqchip_end(chip, flags);
	return ret;
}

static int irqchip_set(struct irqchip *chip, const struct kvm_irqchip *s)
{
	unsigned long flags;
	int ret = 0;

	irqchip_begin(chip, &flags);
	switch (s->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		pic_set_state(&chip->pic, s->chip_id, &s->chip.pic);
		break;
	case KVM_IRQCHIP_IOAPIC:
		ioapic_set_state(&chip->ioapic, &s->chip.ioapic);
		break;
	default:
		ret = -EINVAL;
	}
	irqchip_end(chip, flags);
	return ret;
}

static int irqchip_state(struct vm *vm, void __user *p, bool set)
{
	struct kvm_irqchip *s;
	int ret;

	s = memdup_user(p, sizeof(*s));
	if (IS_ERR(s))
		return PTR_ERR(s);
	if (!READ_ONCE(vm->arch.irqchip_kernel))
		ret = -ENXIO;
	else if (set)
		ret = irqchip_set(vm->arch.irqchip, s);
	else
		ret = irqchip_get(vm->arch.irqchip, s);
	if (!ret && !set && copy_to_user(p, s, sizeof(*s)))
		ret = -EFAULT;
	kfree(s);
	return ret;
}

/* --- PIT --- */

static int irqchip_make_pit(struct vm *vm, u32 flags)
{
	struct pit_timer *pit;
	int ret = 0;

	mutex_lock(&vm->lock);
	if (!vm->arch.irqchip_kernel) {
		ret = -ENOENT;
		goto out;
	}
	if (vm->arch.irqchip->pit) {
		ret = -EEXIST;
		goto out;
	}
	pit = pit_timer_create(vm, flags);
	if (IS_ERR(pit))
		ret = PTR_ERR(pit);
	else
		/* pairs with irqchip_pit() */
		smp_store_release(&vm->arch.irqchip->pit, pit);
out:
	mutex_unlock(&vm->lock);
	return ret;
}

static int irqchip_make_pit2(struct vm *vm, void __user *p)
{
	struct kvm_pit_config config;

	if (copy_from_user(&config, p, sizeof(config)))
		return -EFAULT;
	return irqchip_make_pit(vm, config.flags);
}

/* The VM's PIT, or NULL. */
static struct pit_timer *irqchip_the_pit(struct vm *vm)
{
	/* pairs with irqchip_create(), and with irqchip_make_pit() */
	struct irqchip *chip = smp_load_acquire(&vm->arch.irqchip);

	/* the PIT is complete */
	return chip ? smp_load_acquire(&chip->pit) : NULL;
}

static int irqchip_get_pit(struct vm *vm, void __user *p, size_t size)
{
	struct pit_timer *pit = irqchip_the_pit(vm);
	struct kvm_pit_state2 s;

	if (!pit)
		return -ENXIO;
	pit_timer_get(pit, &s);
	return copy_to_user(p, &s, size) ? -EFAULT : 0;
}

static int irqchip_set_pit(struct vm *vm, void __user *p, size_t size)
{
	struct pit_timer *pit = irqchip_the_pit(vm);
	struct kvm_pit_state2 s;

	BUILD_BUG_ON(offsetof(struct kvm_pit_state2, flags) !=
		     sizeof(struct kvm_pit_state));
	if (!pit)
		return -ENXIO;
	/* the older structure has no flags: they stay */
	pit_timer_get(pit, &s);
	if (copy_from_user(&s, p, size))
		return -EFAULT;
	pit_timer_set(pit, &s);
	return 0;
}

static int irqchip_reinject(struct vm *vm, void __user *p)
{
	struct pit_timer *pit = irqchip_the_pit(vm);
	struct kvm_reinject_control c;

	if (copy_from_user(&c, p, sizeof(c)))
		return -EFAULT;
	if (!pit)
		return -ENXIO;
	pit_timer_set_reinject(pit, c.pit_reinject);
	return 0;
}

long irqchip_ioctl(struct vm *vm, unsigned int cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;

	switch (cmd) {
	case KVM_IRQ_LINE:
	case KVM_IRQ_LINE_STATUS:
		return irqchip_line(vm, p, cmd == KVM_IRQ_LINE_STATUS);
	case KVM_CREATE_IRQCHIP:
		return irqchip_make(vm);
	case KVM_GET_IRQCHIP:
	case KVM_SET_IRQCHIP:
		return irqchip_state(vm, p, cmd == KVM_SET_IRQCHIP);
	case KVM_CREATE_PIT:
		return irqchip_make_pit(vm, KVM_PIT_SPEAKER_DUMMY);
	case KVM_CREATE_PIT2:
		return irqchip_make_pit2(vm, p);
	case KVM_GET_PIT:
		return irqchip_get_pit(vm, p, sizeof(struct kvm_pit_state));
	case KVM_SET_PIT:
		return irqchip_set_pit(vm, p, sizeof(struct kvm_pit_state));
	case KVM_GET_PIT2:
		return irqchip_get_pit(vm, p, sizeof(struct kvm_pit_state2));
	case KVM_SET_PIT2:
		return irqchip_set_pit(vm, p, sizeof(struct kvm_pit_state2));
	case KVM_REINJECT_CONTROL:
		return irqchip_reinject(vm, p);
	default:
		return -ENOTTY;
	}
}
