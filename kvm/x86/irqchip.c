// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VM's PICs and I/O APIC: owns vm->arch.irqchip, joins the chips' pure
 * state to the buses, the local APICs and those who wait for the end of an
 * interrupt.
 *
 * chip->lock guards both chips.  Under it messages go to local APICs, which
 * take no lock.  What else follows from a change (a kick, telling the PIT and
 * irqfds that an interrupt has ended) is done after it is let go, since they
 * raise lines themselves.
 */
#include <linux/err.h>
#include <linux/slab.h>

#include "../irqfd.h"
#include "../routing.h"
#include "irqchip.h"
#include "pit_timer.h"

#define PIC_FIRST_PORT	0x20
#define PIC_SECOND_PORT	0xa0
#define ELCR_PORT	0x4d0

#define PIT_GSI		0

/* --- what follows from a change --- */

static struct pit_timer *irqchip_pit(const struct irqchip *chip)
{
	/* pairs with irqchip_state.c's store: the PIT is complete */
	return smp_load_acquire(&chip->pit);
}

/* The guest has ended the interrupt of a pin. */
static void irqchip_ended(struct irqchip *chip, u32 which, u32 pin)
{
	int gsi = routing_chip_gsi(chip->vm, which, pin);

	if (gsi < 0)
		return;
	if (gsi == PIT_GSI && irqchip_pit(chip))
		pit_timer_ack(irqchip_pit(chip));
	if (irqfd_any_resampler(chip->vm))
		irqfd_ack(chip->vm, gsi);
}

/* The guest listens to a pin again. */
static void irqchip_unmasked(struct irqchip *chip, u32 which, u32 pin)
{
	int gsi = routing_chip_gsi(chip->vm, which, pin);

	if (gsi == PIT_GSI && irqchip_pit(chip))
		pit_timer_unmasked(irqchip_pit(chip));
	/* a level may be long out of date: only the device knows */
	if (gsi >= 0 && which == KVM_IRQCHIP_IOAPIC &&
	    irqfd_any_resampler(chip->vm))
		irqfd_ack(chip->vm, gsi);
}

/* Wake the first CPU that listens to the PICs. */
static void irqchip_kick(struct vm *vm)
{
	struct vcpu *v;
	unsigned int i;

	vm_for_each_vcpu(i, v, vm) {
		if (lapic_accepts_extint(v)) {
			vcpu_request_kick(v, REQ_EVENT);
			return;
		}
	}
}

static void irqchip_pic_pins(struct irqchip *chip, unsigned long pins,
			     void (*tell)(struct irqchip *chip, u32 which,
					  u32 pin))
{
	unsigned int pin;

	for_each_set_bit(pin, &pins, PIC_NR_PINS)
		tell(chip, pin < 8 ? KVM_IRQCHIP_PIC_MASTER :
		     KVM_IRQCHIP_PIC_SLAVE, pin & 7);
}

static void irqchip_ioapic_unmasked(struct irqchip *chip, unsigned long pins)
{
	unsigned long flags;
	unsigned int pin;

	for_each_set_bit(pin, &pins, IOAPIC_NR_PINS)
		irqchip_unmasked(chip, KVM_IRQCHIP_IOAPIC, pin);
	spin_lock_irqsave(&chip->lock, flags);
	ioapic_resend(&chip->ioapic, pins);
	spin_unlock_irqrestore(&chip->lock, flags);
}

void irqchip_begin(struct irqchip *chip, unsigned long *flags)
	__acquires(&chip->lock)
{
	spin_lock_irqsave(&chip->lock, *flags);
}

void irqchip_end(struct irqchip *chip, unsigned long flags)
	__releases(&chip->lock)
{
	u16 ended = chip->pic.ended, unmasked = chip->pic.unmasked;
	u32 pins = chip->ioapic.unmasked;
	bool output = pic_output(&chip->pic);
	bool kick = output && !chip->pic_output;

	WRITE_ONCE(chip->pic_output, output);
	chip->pic.ended = 0;
	chip->pic.unmasked = 0;
	chip->ioapic.unmasked = 0;
	spin_unlock_irqrestore(&chip->lock, flags);

	if (kick)
		irqchip_kick(chip->vm);
	if (unlikely(unmasked))
		irqchip_pic_pins(chip, unmasked, irqchip_unmasked);
	if (ended)
		irqchip_pic_pins(chip, ended, irqchip_ended);
	if (unlikely(pins))
		irqchip_ioapic_unmasked(chip, pins);
}

/* --- lines --- */

bool irqchip_pin_valid(struct vm *vm, u32 chip, u32 pin)
{
	/* pairs with irqchip_create() */
	if (!smp_load_acquire(&vm->arch.irqchip))
		return false;
	switch (chip) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		return pin < PIC_NR_PINS / 2;
	case KVM_IRQCHIP_IOAPIC:
		return pin < IOAPIC_NR_PINS;
	default:
		return false;
	}
}

int irqchip_set_pin(struct vm *vm, u32 which, u32 pin,
		    const struct irq_line *line)
{
	struct irqchip *chip = vm->arch.irqchip;
	unsigned long flags;
	int ret;

	irqchip_begin(chip, &flags);
	if (which == KVM_IRQCHIP_IOAPIC)
		ret = ioapic_set_pin(&chip->ioapic, pin, line->source,
				     line->level, line->status);
	else
		ret = pic_set_pin(&chip->pic,
				  which == KVM_IRQCHIP_PIC_SLAVE ? pin + 8 : pin,
				  line->source, line->level);
	irqchip_end(chip, flags);
	return ret;
}

u8 irqchip_acknowledge(struct vm *vm)
{
	struct irqchip *chip = vm->arch.irqchip;
	unsigned long flags;
	u8 vector;

	irqchip_begin(chip, &flags);
	vector = pic_acknowledge(&chip->pic);
	irqchip_end(chip, flags);
	return vector;
}

void irqchip_eoi(struct vm *vm, u8 vector, bool level)
{
	struct irqchip *chip = vm->arch.irqchip;
	unsigned long flags, pins;
	unsigned int pin;

	irqchip_begin(chip, &flags);
	pins = ioapic_ends(&chip->ioapic, vector);
	irqchip_end(chip, flags);
	if (!pins)
		return;
	/* devices first: what they lower now is not sent again */
	for_each_set_bit(pin, &pins, IOAPIC_NR_PINS)
		irqchip_ended(chip, KVM_IRQCHIP_IOAPIC, pin);
	irqchip_begin(chip, &flags);
	ioapic_end(&chip->ioapic, vector, pins, level);
	irqchip_end(chip, flags);
}

/* Does anybody wait for the end of what @pin sends? */
static bool irqchip_watched(struct irqchip *chip, unsigned int pin, u64 entry)
{
	if (entry & IOAPIC_LEVEL || pin == IOAPIC_RTC_PIN ||
	    irqfd_any_resampler(chip->vm))
		return true;
	return irqchip_pit(chip) &&
	       routing_chip_gsi(chip->vm, KVM_IRQCHIP_IOAPIC, pin) == PIT_GSI;
}

int ioapic_send(struct ioapic *io, unsigned int pin, u64 entry)
{
	struct irqchip *chip = container_of(io, struct irqchip, ioapic);
	struct lapic_irq irq = {
		.dest = entry >> IOAPIC_DEST_SHIFT,
		.vector = entry & IOAPIC_VECTOR,
		.delivery = (entry & IOAPIC_DELIVERY) >> 8,
		.logical = entry & IOAPIC_LOGICAL,
		.level = true,
		.trig_level = entry & IOAPIC_LEVEL,
		.eoi_watch = irqchip_watched(chip, pin, entry),
	};

	lockdep_assert_held(&chip->lock);
	/* as for messages: 0xff is everybody even in x2APIC mode */
	if (irq.dest == 0xff && !chip->vm->arch.x2apic_no_bcast_quirk)
		irq.dest = LAPIC_DEST_ALL;
	return lapic_deliver(chip->vm, NULL, &irq);
}

/* --- registers --- */

/* Which of the two PICs, and its register. */
static unsigned int irqchip_pic_of(gpa_t port)
{
	return port >= PIC_SECOND_PORT;
}

static struct irqchip *irqchip_of_pic(struct iobus_dev *dev)
{
	if (dev->addr == PIC_FIRST_PORT)
		return container_of(dev, struct irqchip, pic_dev[0]);
	return container_of(dev, struct irqchip, pic_dev[1]);
}

/* The chips have byte registers: wider accesses have no other effect. */
static int irqchip_pic_read(struct iobus_dev *dev, gpa_t addr,
			    unsigned int len, void *val)
{
	struct irqchip *chip = irqchip_of_pic(dev);
	unsigned long flags;

	memset(val, 0, len);
	if (len != 1)
		return 0;
	irqchip_begin(chip, &flags);
	*(u8 *)val = pic_read(&chip->pic, irqchip_pic_of(addr), addr & 1);
	irqchip_end(chip, flags);
	return 0;
}

static int irqchip_pic_write(struct iobus_dev *dev, gpa_t addr,
			     unsigned int len, u64 val)
{
	struct irqchip *chip = irqchip_of_pic(dev);
	unsigned long flags;

	if (len != 1)
		return 0;
	irqchip_begin(chip, &flags);
	pic_write(&chip->pic, irqchip_pic_of(addr), addr & 1, val);
	irqchip_end(chip, flags);
	return 0;
}

static int irqchip_elcr_read(struct iobus_dev *dev, gpa_t addr,
			     unsigned int len, void *val)
{
	struct irqchip *chip = container_of(dev, struct irqchip, elcr_dev);
	unsigned long flags;

	memset(val, 0, len);
	if (len != 1)
		return 0;
	irqchip_begin(chip, &flags);
	*(u8 *)val = pic_elcr_read(&chip->pic, addr & 1);
	irqchip_end(chip, flags);
	return 0;
}

static int irqchip_elcr_write(struct iobus_dev *dev, gpa_t addr,
			      unsigned int len, u64 val)
{
	struct irqchip *chip = container_of(dev, struct irqchip, elcr_dev);
	unsigned long flags;

	if (len != 1)
		return 0;
	irqchip_begin(chip, &flags);
	pic_elcr_write(&chip->pic, addr & 1, val);
	irqchip_end(chip, flags);
	return 0;
}

static int irqchip_ioapic_read(struct iobus_dev *dev, gpa_t addr,
			       unsigned int len, void *val)
{
	struct irqchip *chip = container_of(dev, struct irqchip, ioapic_dev);
	unsigned long flags;
	u32 reg;

	irqchip_begin(chip, &flags);
	reg = ioapic_read(&chip->ioapic, (addr - IOAPIC_BASE) & ~0xfull);
	irqchip_end(chip, flags);
	memset(val, 0, len);
	memcpy(val, &reg, min_t(unsigned int, len, sizeof(reg)));
	return 0;
}

static int irqchip_ioapic_write(struct iobus_dev *dev, gpa_t addr,
				unsigned int len, u64 val)
{
	struct irqchip *chip = container_of(dev, struct irqchip, ioapic_dev);
	unsigned long flags;

	irqchip_begin(chip, &flags);
	ioapic_write(&chip->ioapic, (addr - IOAPIC_BASE) & ~0xfull, val);
	irqchip_end(chip, flags);
	return 0;
}

static const struct iobus_ops irqchip_pic_ops = {
	.read = irqchip_pic_read, .write = irqchip_pic_write,
};

static const struct iobus_ops irqchip_elcr_ops = {
	.read = irqchip_elcr_read, .write = irqchip_elcr_write,
};

static const struct iobus_ops irqchip_ioapic_ops = {
	.read = irqchip_ioapic_read, .write = irqchip_ioapic_write,
};

/* --- lifetime --- */

/* As KVM has it: GSIs 0 to 15 lead to both, the rest to the I/O APIC. */
static struct route_table *irqchip_default_routes(void)
{
	struct kvm_irq_routing_entry *e;
	struct route_table *table;
	u32 gsi, n = 0;

	e = kcalloc(IOAPIC_NR_PINS + PIC_NR_PINS, sizeof(*e), GFP_KERNEL);
	if (!e)
		return ERR_PTR(-ENOMEM);
	for (gsi = 0; gsi < IOAPIC_NR_PINS; gsi++) {
		e[n].gsi = gsi;
		e[n].type = KVM_IRQ_ROUTING_IRQCHIP;
		e[n].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		e[n++].u.irqchip.pin = gsi;
		if (gsi >= PIC_NR_PINS)
			continue;
		e[n].gsi = gsi;
		e[n].type = KVM_IRQ_ROUTING_IRQCHIP;
		e[n].u.irqchip.irqchip = gsi < 8 ? KVM_IRQCHIP_PIC_MASTER :
						   KVM_IRQCHIP_PIC_SLAVE;
		e[n++].u.irqchip.pin = gsi & 7;
	}
	table = routing_prepare(e, n);
	kfree(e);
	return table;
}

static void irqchip_off_bus(struct irqchip *chip)
{
	struct vm *vm = chip->vm;

	iobus_take_off(vm, IOBUS_MMIO, &chip->ioapic_dev);
	iobus_take_off(vm, IOBUS_PIO, &chip->elcr_dev);
	iobus_take_off(vm, IOBUS_PIO, &chip->pic_dev[1]);
	iobus_take_off(vm, IOBUS_PIO, &chip->pic_dev[0]);
}

static int irqchip_on_bus(struct irqchip *chip)
{
	struct vm *vm = chip->vm;
	int ret;

	chip->pic_dev[0] = (struct iobus_dev){ &irqchip_pic_ops,
					       PIC_FIRST_PORT, 2 };
	chip->pic_dev[1] = (struct iobus_dev){ &irqchip_pic_ops,
					       PIC_SECOND_PORT, 2 };
	chip->elcr_dev = (struct iobus_dev){ &irqchip_elcr_ops, ELCR_PORT, 2 };
	chip->ioapic_dev = (struct iobus_dev){ &irqchip_ioapic_ops,
					       IOAPIC_BASE, IOAPIC_SIZE };
	ret = iobus_add(vm, IOBUS_PIO, &chip->pic_dev[0], NULL);
	ret = ret ?: iobus_add(vm, IOBUS_PIO, &chip->pic_dev[1], NULL);
	ret = ret ?: iobus_add(vm, IOBUS_PIO, &chip->elcr_dev, NULL);
	ret = ret ?: iobus_add(vm, IOBUS_MMIO, &chip->ioapic_dev, NULL);
	if (ret)
		irqchip_off_bus(chip);
	return ret;
}

/*
 * Readers need no lock: nothing fails once the chip can be seen, so that it
 * stays as long as the VM.
 */
int irqchip_create(struct vm *vm)
{
	struct irqchip *chip = kzalloc(sizeof(*chip), GFP_KERNEL_ACCOUNT);
	struct route_table *routes;
	int ret;

	lockdep_assert_held(&vm->lock);
	if (!chip)
		return -ENOMEM;
	chip->vm = vm;
	spin_lock_init(&chip->lock);
	pic_reset(&chip->pic);
	ioapic_reset(&chip->ioapic);
	routes = irqchip_default_routes();
	if (IS_ERR(routes)) {
		ret = PTR_ERR(routes);
		goto err_free;
	}
	ret = irqchip_on_bus(chip);
	if (ret)
		goto err_routes;
	/* pairs with irqchip_pin_valid() and irqchip_the_pit() */
	smp_store_release(&vm->arch.irqchip, chip);
	routing_publish(vm, routes);
	return 0;

err_routes:
	routing_discard(routes);
err_free:
	kfree(chip);
	return ret;
}

void irqchip_stop(struct vm *vm)
{
	struct irqchip *chip = vm->arch.irqchip;

	if (chip && chip->pit)
		pit_timer_stop(chip->pit);
}

void irqchip_free(struct vm *vm)
{
	struct irqchip *chip = vm->arch.irqchip;

	if (!chip)
		return;
	vm->arch.irqchip = NULL;
	if (chip->pit)
		pit_timer_free(chip->pit);
	kfree(chip);
}
