/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct vm and struct vcpu: what both architectures know of them.
 * The lock order is in README.md.
 */
#ifndef XKVM_VM_H
#define XKVM_VM_H

#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "compat.h"
#include "coalesced.h"
#include "dirty_ring.h"
#include "fault.h"
#include "memslot.h"
#include "special.h"
#include "gpc.h"
#include "arch_types.h"
#include "xen/xen.h"

#define XKVM_MAX_VCPUS		255	/* per VM */
#define XKVM_MAX_VCPU_ID	255	/* largest id is one less */

struct irqfd_table;
struct iobus;
struct dentry;

/*
 * One virtual machine.  Fields are constant after vm_create() unless a lock
 * is named.  Freed when the last of the VM's and its vCPUs' files is closed.
 */
struct vm {
	refcount_t users;
	struct mm_struct *mm;		/* the creator's; others get -EIO */

	rwlock_t mmu_lock;		/* second-stage tables, slots */
	struct mmu_hook *hook;		/* notifier.c */
	struct list_head hook_link;	/* hook->lock */
	unsigned int hook_pins;		/* hook->lock; who zaps without it */	/* hook->lock */

	struct rw_semaphore slots_lock;	/* held for reading by guest accesses */
	struct memslots __rcu *slots;	/* written under slots_lock + mmu_lock */
	struct rb_root_cached hva_tree;	/* mmu_lock: the slots by hva */
	struct special_set __rcu *specials; /* as slots; NULL: never any */
	u32 special_generation;		/* as their set */
	struct rb_root_cached special_tree; /* mmu_lock: by hva */
	struct special_kernel kpage;	/* mmu_lock, gfn written as slots */

	struct mutex lock;		/* vCPU creation, irqchip, VM attributes */
	unsigned int nr_vcpus;		/* lock; read with smp_load_acquire */
	struct vcpu *vcpus[XKVM_MAX_VCPUS]; /* set once, before nr_vcpus */
	bool has_vfio;			/* lock: vfio.c's device exists */
	unsigned int nr_vfio_groups;	/* vfio.c's lock; any context reads it */
	bool bugged;			/* no vCPU runs again: -EIO */

	unsigned int nr_logging;	/* slots that log; slots_lock to write */
	u32 dirty_manual;		/* KVM_DIRTY_LOG_*; slots_lock */
	u32 dirty_ring_size;		/* bytes a vCPU, or 0: bitmaps; lock */
	struct mutex ring_lock;		/* dirty_ring.c: taking back */

	struct iobus *io;		/* iobus.c */
	struct irqfd_table *irqfds;	/* irqfd.c */
	struct irq_routing *routing;	/* routing.c */
	struct coalesced coalesced;
	struct dentry *debugfs;
	pid_t creator;			/* process, for names */

	struct xen_vm xen;
	struct arch_vm arch;
};

/* One word of requests per vCPU: bit numbers. */
enum vcpu_request {
	REQ_TLB_FLUSH,		/* second-stage translations of this VM */
	REQ_EVENT,		/* look for something to inject */
	REQ_KICK,		/* leave guest mode, nothing else */
	REQ_UNBLOCK,		/* wake from halt */
	REQ_DEAD,		/* the VM is bugged */
	REQ_CLOCK_UPDATE,	/* rewrite the guest's pvclock areas */
	REQ_RUNSTATE,		/* enter RUNNING and show it: that waits */
	REQ_RING_FULL,		/* no entry before the dirty ring has room */
	REQ_ARCH_0 = 16,	/* first of the architecture's own */
};

enum vcpu_mode { OUTSIDE_GUEST_MODE, IN_GUEST_MODE, EXITING_GUEST_MODE };

struct vcpu {
	struct vm *vm;
	unsigned int id;		/* as user space chose it */
	unsigned int index;		/* in vm->vcpus[] */
	int cpu;			/* loaded on, or last loaded on; -1 */
	int mode;			/* enum vcpu_mode */
	unsigned long requests;		/* bit mask of enum vcpu_request */
	bool loaded;			/* between vcpu_load() and vcpu_put() */
	bool preempted;			/* scheduled out while runnable */
	bool blocking;			/* in vcpu_block() */

	struct mutex mutex;		/* one ioctl at a time */
	struct kvm_run *run;		/* first page of the mmap area */
	void *pio_data;			/* page KVM_PIO_PAGE_OFFSET of it */
	struct rcuwait wait;		/* vcpu_block() sleeps here */
	struct preempt_notifier pn;
	struct pid __rcu *pid;		/* who ran it last; mutex */
	sigset_t sigset;
	bool sigset_active;
	struct memslot_cache slot_cache;
	struct fault_run fault_run;
	struct dirty_ring ring;

	/* the instruction being completed on the next KVM_RUN, or NULL */
	int (*complete)(struct vcpu *vcpu);

	struct vcpu_stats {
		u64 exits, io_exits, mmio_exits, halt_exits, irq_exits,
		    hypercalls, fast_hypercalls, faults, faults_around,
		    injections, signal_exits, tlb_flushes, wakeups,
		    l1d_flushes;
	} stat;

	struct xen_vcpu xen;
	struct arch_vcpu arch;
};

#define vm_for_each_vcpu(i, v, vm)					\
	/* the count before the entries: pairs with vcpu_create_fd() */		\
	for ((i) = 0; (i) < smp_load_acquire(&(vm)->nr_vcpus) &&	\
	     ((v) = (vm)->vcpus[(i)]); (i)++)

/* The vCPU with that id, or NULL. */
struct vcpu *vm_vcpu_by_id(struct vm *vm, unsigned int id);

/* vm.c: references; vm_put() of the last one frees the VM, may sleep. */
void vm_get(struct vm *vm);
void vm_put(struct vm *vm);

/*
 * vm_kill() - a fault of ours or of the caller's that leaves the VM unusable:
 * every vCPU's KVM_RUN returns -EIO from now on.  Any context.
 */
void vm_kill(struct vm *vm, const char *why);

/*
 * gpc_mark_dirty() - the page was written: tell dirty logging.  Holds
 * gpc->lock.  A slot that begins to log after the look is copied from later:
 * gpc_invalidate_hva() comes in between, and waits for the lock.
 */
static inline void gpc_mark_dirty(struct gpc *gpc)
{
	if (unlikely(READ_ONCE(gpc->vm->nr_logging)))
		gpc_log_write(gpc);
}

/* --- vcpu.c ------------------------------------------------------------- */

/* Set request @req; the vCPU sees it before it next enters the guest. */
static inline void vcpu_request(struct vcpu *vcpu, enum vcpu_request req)
{
	/* pairs with the barrier between mode = IN_GUEST_MODE and the test */
	smp_wmb();
	set_bit(req, &vcpu->requests);
}

static inline bool vcpu_request_pending(const struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) != 0;
}

/* Take request @req if it is set. */
static inline bool vcpu_take_request(struct vcpu *vcpu, enum vcpu_request req)
{
	if (!test_bit(req, &vcpu->requests))
		return false;
	clear_bit(req, &vcpu->requests);
	smp_mb__after_atomic();	/* pairs with smp_wmb() in vcpu_request() */
	return true;
}

/*
 * vcpu_kick() - wake the vCPU from halt and, if it runs in the guest, make it
 * leave.  Any context, interrupts on or off.  Set a request first.
 */
void vcpu_kick(struct vcpu *vcpu);

/* Wake the vCPU if it is halted; does not disturb a running one. */
void vcpu_wake(struct vcpu *vcpu);

/* vcpu_request() and vcpu_kick() in one. */
static inline void vcpu_request_kick(struct vcpu *vcpu, enum vcpu_request req)
{
	vcpu_request(vcpu, req);
	vcpu_kick(vcpu);
}

/*
 * vm_request_all() - @req for every vCPU, then wait until each that was in
 * guest mode has left it (so the request takes effect before this returns).
 * Caller may hold mmu_lock; interrupts on.
 */
void vm_request_all(struct vm *vm, enum vcpu_request req);

/* Make the calling thread own @vcpu's state on this CPU; vcpu->mutex held. */
void vcpu_load(struct vcpu *vcpu);
void vcpu_put(struct vcpu *vcpu);

/* The vCPU that runs in this task on this CPU (preemption off), or NULL. */
struct vcpu *vcpu_running(void);

/*
 * vcpu_block() - sleep until the vCPU is runnable (arch_vcpu_runnable()), has
 * a signal, or a request.  In the vCPU's own thread, loaded, preemptible.
 */
void vcpu_block(struct vcpu *vcpu);

/*
 * vcpu_yield() - @vcpu waits for another of its VM: let one run that was
 * preempted.  In the vCPU's own thread, loaded, preemptible.
 */
void vcpu_yield(struct vcpu *vcpu);

#endif
