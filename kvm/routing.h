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
 * entries beyond ROUTING_MAX, two entries for a GSI, an entry the architecture
 * refuses; -EFAULT; -ENOMEM.
 */
int routing_set_ioctl(struct vm *vm, const void __user *arg);

/*
 * routing_set_irq() - raise (@level 1) or lower (0) @gsi.  May sleep.
 * >0: that many vCPUs took it; 0: masked or coalesced; <0: nothing is routed
 * there or nobody matched.
 */
int routing_set_irq(struct vm *vm, u32 gsi, int level);

/*
 * routing_set_irq_atomic() - the same with @level 1, in any context.
 * -EWOULDBLOCK: it would have to sleep; nothing was done, call
 * routing_set_irq() from a context that may.
 */
int routing_set_irq_atomic(struct vm *vm, u32 gsi);

/*
 * routing_msi_ioctl() - KVM_SIGNAL_MSI; @msi is copied in.
 * >0: delivered; 0: the guest blocks it; -1: nobody has that address; -EINVAL:
 * no in-kernel interrupt controller, flags, or a malformed address.
 */
int routing_msi_ioctl(struct vm *vm, const struct kvm_msi *msi);

/* --- what the architecture implements ------------------------------------ */

/* Has the VM an interrupt controller in the kernel that routes may lead to? */
bool arch_routing_allowed(struct vm *vm);

/* Check an entry other than KVM_IRQ_ROUTING_XEN_EVTCHN: 0 or -EINVAL. */
int arch_routing_check(struct vm *vm, const struct kvm_irq_routing_entry *e);

/* Deliver such an entry: as routing_set_irq(), in any context. */
int arch_routing_deliver(struct vm *vm, const struct kvm_irq_routing_entry *e,
			 int level);

#endif
