/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coalesced MMIO and PIO: writes that go into a ring, for user space to look at
 * with the next exit of another kind.
 * Source: KVM API 4.116 (KVM_(UN)REGISTER_COALESCED_MMIO).
 */
#ifndef XKVM_COALESCED_H
#define XKVM_COALESCED_H

#include <linux/kvm.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct coalesced_zones;
struct page;
struct vm;

struct coalesced {
	struct coalesced_zones __rcu *zones;	/* NULL: none; vm->lock */
	struct kvm_coalesced_mmio_ring *ring;	/* set once */
	spinlock_t ring_lock;			/* who adds to the ring */
};

/* With the VM. */
void coalesced_init(struct vm *vm);
void coalesced_exit(struct vm *vm);

/* The page of the ring in a vCPU's mmap area, or NULL: no memory.  Sleeps. */
struct page *coalesced_page(struct vm *vm);

/* 0; -EINVAL: neither MMIO nor PIO; -ENOSPC: too many zones; -ENOMEM. */
int coalesced_register(struct vm *vm, const struct kvm_coalesced_mmio_zone *z);
/* Takes away every zone that holds @z.  0, also if none does; or as above. */
int coalesced_unregister(struct vm *vm, const struct kvm_coalesced_mmio_zone *z);

bool coalesced_write_slow(struct vm *vm, bool pio, u64 addr, unsigned int len,
			  u64 val);

/*
 * coalesced_write() - the guest writes the low @len (up to 8) bytes of @val.
 * True: it is in the ring and done.  False: no zone has it all, or the ring is
 * full: user space has to come.  vCPU thread.
 */
#define coalesced_write(vm, pio, addr, len, val)			\
	(unlikely(rcu_access_pointer((vm)->coalesced.zones)) &&		\
	 coalesced_write_slow(vm, pio, addr, len, val))

#endif
