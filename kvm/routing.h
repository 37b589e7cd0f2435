/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GSI routing: what raising interrupt line or message number "gsi" of a VM
 * means.
 *
 * The table is immutable behind an RCU pointer; KVM_SET_GSI_ROUTING replaces
 * the whole of it.  Raising a GSI takes no lock.
 * Source: KVM API, KVM_SET_GSI_ROUTING, KVM_IRQ_LINE_STATUS, KVM_SIGNAL_MSI.
 */
#ifndef XKVM_ROUTING_H
#define XKVM_ROUTING_H

#include <linux/kvm.h>
#include <linux/types.h>

struct vm;

/* KVM_CAP_IRQ_ROUTING: both the most entries and the number of GSIs. */
#define ROUTING_MAX	4096

/* Creation; sets vm->routing to an empty table.  0 or -ENOMEM. */
int routing_init(struct vm *vm);

/* After irqfd_exit() and the vCPUs.  No-op if routing_init() did not run. */
void routing_exit(struct vm *vm);

/*
 * routing_set_ioctl() - KVM_SET_GSI_ROUTING with its argument in user memory.
 * All of it takes effect or none.  Takes its own lock, may sleep.  0; -EINVAL:
 * no in-kernel interrupt controller, unknown flags, a GSI or a number of
 * entries beyond ROUTING_MAX, two entries for a GSI that are not pins of two
 * controllers, an entry the architecture refuses; -EFAULT; -ENOMEM.
 */
int routing_set_ioctl(struct vm *vm, const void __user *arg);

/*
 * A table of @n entries of the kernel's own, which are right: an ERR_PTR() of
 * -ENOMEM or -EINVAL (two routes of a GSI that exclude each other).  To be
 * published, which cannot fail, or discarded.
 */
struct route_table;
struct route_table *routing_prepare(const struct kvm_irq_routing_entry *e,
				    u32 n);
void routing_publish(struct vm *vm, struct route_table *table);
void routing_discard(struct route_table *table);

/* Who holds up a line; a controller's pin is the OR of them. */
enum irq_line_source {
	IRQ_LINE_USER,		/* KVM_IRQ_LINE, irqfds without resampling */
	IRQ_LINE_RESAMPLE,	/* irqfds with */
	IRQ_LINE_TIMER,		/* the PIT */
};

/* What happens to a line. */
struct irq_line {
	u32 gsi;
	enum irq_line_source source;
	bool level;
	bool status;		/* somebody counts what gets lost */
};

/*
 * routing_set_irq() - raise or lower a line.  May sleep.
 * >0: that many vCPUs took it; 0: coalesced; <0: masked, nothing is routed
 * there or nobody matched.
 */
int routing_set_irq(struct vm *vm, const struct irq_line *line);

/*
 * routing_set_irq_atomic() - the same in any context.  -EWOULDBLOCK: it would
 * have to sleep; nothing was done, call routing_set_irq() where that may be.
 */
int routing_set_irq_atomic(struct vm *vm, const struct irq_line *line);

/*
 * routing_pulse() - raise @gsi and lower it again, for user space, in any
 * context.  As routing_set_irq_atomic().
 */
int routing_pulse(struct vm *vm, u32 gsi);

/* The GSI of pin @pin of controller @chip (KVM_IRQCHIP_*), or -1.  Any context. */
int routing_chip_gsi(struct vm *vm, u32 chip, u32 pin);

/*
 * routing_msi_ioctl() - KVM_SIGNAL_MSI; @msi is copied in.
 * >0: delivered; 0: the guest blocks it; -1: nobody has that address; -EINVAL:
 * no in-kernel interrupt controller, flags, or a malformed address.
 */
int routing_msi_ioctl(struct vm *vm, const struct kvm_msi *msi);

/* --- what the architecture implements ------------------------------------ */

/* Has the VM an interrupt controller in the kernel that routes may lead to? */
bool arch_routing_allowed(struct vm *vm);

/* Has it pins, for irqfds that resample? */
bool arch_routing_pins(struct vm *vm);

/* Check an entry other than KVM_IRQ_ROUTING_XEN_EVTCHN: 0 or -EINVAL. */
int arch_routing_check(struct vm *vm, const struct kvm_irq_routing_entry *e);

/* Deliver such an entry: as routing_set_irq(), in any context. */
int arch_routing_deliver(struct vm *vm, const struct kvm_irq_routing_entry *e,
			 const struct irq_line *line);

#endif
