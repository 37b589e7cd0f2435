/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VM's interrupt controllers beside the local APICs: a pair of PICs, an
 * I/O APIC and a PIT (KVM_CREATE_IRQCHIP, KVM_CREATE_PIT2).
 *
 * irqchip.c joins what pic.c, ioapic.c and pit_timer.c do; irqchip_state.c has
 * the ioctls.
 */
#ifndef XKVM_X86_IRQCHIP_H
#define XKVM_X86_IRQCHIP_H

#include <linux/spinlock.h>

#include "../iobus.h"
#include "../vm.h"
#include "ioapic.h"
#include "lapic.h"
#include "pic.h"

struct irq_line;
struct pit_timer;

struct irqchip {
	struct vm *vm;
	spinlock_t lock;		/* interrupts off; pic, ioapic */
	struct pic pic;
	bool pic_output;		/* changed with the lock */
	struct ioapic ioapic;
	struct pit_timer *pit;		/* set once, with vm->lock */
	struct iobus_dev pic_dev[2], elcr_dev, ioapic_dev;
};

/* --- irqchip.c -------------------------------------------------------------- */

/*
 * irqchip_create() - KVM_CREATE_IRQCHIP, with vm->lock held and no vCPU: sets
 * arch.irqchip and the default routes.  0, -ENOMEM, -ENOSPC.
 */
int irqchip_create(struct vm *vm);

/* Before the vCPUs go; after them and the buses.  No-ops without an irqchip. */
void irqchip_stop(struct vm *vm);
void irqchip_free(struct vm *vm);

/* Has the VM this pin? */
bool irqchip_pin_valid(struct vm *vm, u32 chip, u32 pin);

/* A line that leads to pin @pin of @chip changes: as routing_set_irq(). */
int irqchip_set_pin(struct vm *vm, u32 chip, u32 pin,
		    const struct irq_line *line);

/* A CPU has ended a vector that was watched for the I/O APIC; no lock held. */
void irqchip_eoi(struct vm *vm, u8 vector, bool level);

/* The PICs' acknowledgement: a vector.  vCPU thread. */
u8 irqchip_acknowledge(struct vm *vm);

/* Do the PICs ask, and does the vCPU's local APIC listen to them? */
static inline bool irqchip_wants(const struct vcpu *v)
{
	const struct irqchip *chip = v->vm->arch.irqchip;

	return chip && READ_ONCE(chip->pic_output) && lapic_accepts_extint(v);
}

/*
 * Around a change of chip->pic or chip->ioapic; _end() does what follows from
 * it, which may include to raise other lines.  Any context.
 */
void irqchip_begin(struct irqchip *chip, unsigned long *flags);
void irqchip_end(struct irqchip *chip, unsigned long flags);

/* --- irqchip_state.c -------------------------------------------------------- */

/*
 * irqchip_ioctl() - the VM's ioctls on interrupt lines and controllers; takes
 * vm->lock where one has to be made.  -ENOTTY: not one of these.
 */
long irqchip_ioctl(struct vm *vm, unsigned int cmd, unsigned long arg);

#endif
