// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message-signalled interrupts: an address and data become a message to local
 * APICs; and x86's part of GSI routing: messages, and pins of the PICs and the
 * I/O APIC.
 *
 * No state and no locks; delivery runs in any context.
 * Source: SDM volume 3, 11.11 (message format); KVM API, KVM_CAP_X2APIC_API
 * (address bits 63:40 are destination bits 31:8).
 */
#include "../routing.h"
#include "irqchip.h"
#include "lapic.h"
#include "trace.h"

#define MSI_DEST_SHIFT		12
#define MSI_ADDR_REDIR_HINT	(1u << 3)
#define MSI_ADDR_LOGICAL	(1u << 2)
#define MSI_DATA_ASSERT		(1u << 14)
#define MSI_DATA_LEVEL		(1u << 15)

static bool msi_addr_valid(const struct vm *vm, u32 addr_hi)
{
	return !vm->arch.x2apic_ids32 || !(addr_hi & 0xff);
}

static int msi_deliver(struct vm *vm, u64 addr, u32 data, bool x2apic_format,
		       bool eoi_watch)
{
	struct lapic_irq irq = {
		.dest = addr >> MSI_DEST_SHIFT & 0xff,
		.vector = data,
		.delivery = data >> 8 & 7,
		.logical = addr & MSI_ADDR_LOGICAL,
		.redir_hint = addr & MSI_ADDR_REDIR_HINT,
		.level = true,
		.trig_level = data & MSI_DATA_LEVEL,
		.eoi_watch = eoi_watch && data & MSI_DATA_LEVEL,
	};
	int r;

	if (irq.trig_level)
		irq.level = data & MSI_DATA_ASSERT;
	if (x2apic_format)
		irq.dest |= addr >> 32 & 0xffffff00;
	/* by KVM's ABI 0xff is everybody even in x2APIC mode, unless refused */
	if (irq.dest == 0xff && !vm->arch.x2apic_no_bcast_quirk)
		irq.dest = LAPIC_DEST_ALL;

	r = lapic_deliver(vm, NULL, &irq);
	trace_xkvm_msi(addr, data, r);
	return r;
}

bool arch_routing_allowed(struct vm *vm)
{
	return vm->arch.irqchip_split || vm->arch.irqchip_kernel;
}

int arch_routing_check(struct vm *vm, const struct kvm_irq_routing_entry *e)
{
	switch (e->type) {
	case KVM_IRQ_ROUTING_MSI:
		return msi_addr_valid(vm, e->u.msi.address_hi) ? 0 : -EINVAL;
	case KVM_IRQ_ROUTING_IRQCHIP:
		return irqchip_pin_valid(vm, e->u.irqchip.irqchip,
					 e->u.irqchip.pin) ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

int arch_routing_deliver(struct vm *vm, const struct kvm_irq_routing_entry *e,
			 const struct irq_line *line)
{
	if (e->type == KVM_IRQ_ROUTING_IRQCHIP)
		return irqchip_set_pin(vm, e->u.irqchip.irqchip,
				       e->u.irqchip.pin, line);
	/* a message is sent when the line rises; checked when it was routed */
	if (!line->level)
		return -1;
	return msi_deliver(vm, (u64)e->u.msi.address_hi << 32 |
			   e->u.msi.address_lo, e->u.msi.data,
			   vm->arch.x2apic_ids32, e->gsi < vm->arch.split_pins);
}
