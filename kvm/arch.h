/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks an architecture implements.  Common code calls nothing else of it.
 * int results are 0 or -errno unless said otherwise.
 */
#ifndef XKVM_ARCH_H
#define XKVM_ARCH_H

#include "vm.h"

/* Module load: check the CPU (one pr_err line and -EOPNOTSUPP), set up. */
int arch_module_init(void);
void arch_module_exit(void);
/* More files into main_debugfs. */
void arch_debugfs(void);

/*
 * Turn virtualization on / off on this CPU; interrupts off.  -EBUSY: somebody
 * else has it.  Off is safe on a CPU where on failed.
 */
int arch_cpu_on(void);
/*
 * A CPU comes online, or is there when the module is loaded: 0, or -EOPNOTSUPP
 * with one log line if it cannot run what the others can.  On that CPU, with
 * preemption off.
 */
int arch_cpu_check(void);
/* The machine goes to sleep / is awake.  One CPU, interrupts off. */
void arch_suspend(void);
void arch_resume(void);
void arch_cpu_off(void);
/*
 * The first VM comes (before arch_cpu_on()) / the last went a while ago.  The
 * second may sleep for long.
 */
void arch_virt_begin(void);
void arch_virt_end(void);

/*
 * VMs.  arch_vm_stop(): before irqfds and vCPUs are freed, nothing of the
 * architecture's may reach them after it; arch_vm_exit(): after all of them.
 */
int arch_vm_init(struct vm *vm, unsigned long type);
void arch_vm_stop(struct vm *vm);
void arch_vm_exit(struct vm *vm);
int arch_check_extension(struct vm *vm, long ext);	/* vm NULL: /dev node */
long arch_system_ioctl(struct file *f, unsigned int cmd, unsigned long arg);
long arch_vm_ioctl(struct vm *vm, unsigned int cmd, unsigned long arg);
/* KVM_ENABLE_CAP on a VM, what common code does not know; no flags. */
int arch_vm_enable_cap(struct vm *vm, const struct kvm_enable_cap *cap);
/* What is different for a 32-bit caller; -ENOIOCTLCMD: nothing. */
long arch_vm_compat_ioctl(struct vm *vm, unsigned int cmd, void __user *arg);

/* vCPUs. */
int arch_vcpu_init(struct vcpu *vcpu);
void arch_vcpu_exit(struct vcpu *vcpu);
/* The vCPU is in vm->vcpus[] now. */
void arch_vcpu_online(struct vcpu *vcpu);
/* Of vcpu->mutex holders, the vCPU not loaded / loaded by the callee. */
long arch_vcpu_ioctl(struct vcpu *vcpu, unsigned int cmd, unsigned long arg);
/* KVM_RUN with the vCPU loaded, sigmask set: 0 or -errno (-EINTR). */
int arch_vcpu_run(struct vcpu *vcpu);
/* vcpu_load() and vcpu_put() and the preempt notifier: preemption off. */
void arch_vcpu_load(struct vcpu *vcpu, int cpu);
void arch_vcpu_put(struct vcpu *vcpu);
/* Could this vCPU run now (wakes a halt)?  Its thread, loaded. */
bool arch_vcpu_runnable(struct vcpu *vcpu);

/*
 * Second-stage tables (fault.c, memslot.c).  gfn ranges are half open.
 * arch_stage2_unmap(): under mmu_lock for writing; true if any translation was
 * removed, so that the caller must flush.  Table pages it unlinks go on a list
 * that arch_stage2_free_unlinked() frees after the flush.
 */
bool arch_stage2_unmap(struct vm *vm, gfn_t start, gfn_t end);
void arch_stage2_free_unlinked(struct vm *vm);
bool arch_stage2_age(struct vm *vm, gfn_t start, gfn_t end, bool clear);
/*
 * Dirty logging: does the CPU itself note writes to pages that are mapped
 * clean (struct fault)?  Otherwise their first write has to fault.
 */
bool arch_stage2_logs_writes(void);
/*
 * From the next flush on the first write to each of these pages is noticed.
 * mmu_lock for writing; true: flush.
 */
bool arch_stage2_clear_dirty(struct vm *vm, gfn_t start, gfn_t end);
/*
 * The same for pages that were not logged until now, of which all count as
 * clean.  What is mapped may go (arch_stage2_free_unlinked()).
 */
bool arch_stage2_start_log(struct vm *vm, gfn_t start, gfn_t end);
/* Everything written so far is in the slots' bitmaps; may sleep. */
void arch_dirty_sync(struct vm *vm);
/* The first gfn that the tables cannot map: no slot reaches it. */
gfn_t arch_stage2_gfn_end(void);
/* Second-stage table pages the VM has. */
unsigned long arch_stage2_tables(struct vm *vm);
/*
 * One more (@by 1) or less (-1) reason that DMA of this VM's devices is not
 * coherent with the CPUs' caches.  Takes mmu_lock.
 */
void arch_noncoherent_dma(struct vm *vm, int by);
/* More files into vm->debugfs. */
void arch_vm_debugfs(struct vm *vm);
/* Flush this VM's second-stage translations on every CPU; may hold mmu_lock. */
void arch_flush_remote_tlbs(struct vm *vm);

/* The guest's clock: ns since the VM's start as KVM_GET_CLOCK tells. */
u64 arch_guest_clock_ns(struct vm *vm);
/*
 * About when by CLOCK_MONOTONIC it will be @ns, or 0 if it was: whoever is woken
 * looks at the guest's clock, and arms its timer again if that is not there yet.
 */
ktime_t arch_guest_clock_ktime(struct vm *vm, u64 ns);
/* Parameters of a pvclock_vcpu_time_info as of now, for this vCPU. */
struct pvclock_params {
	u64 tsc_timestamp;	/* guest TSC */
	u64 system_time;	/* guest clock at that TSC, ns */
	u32 mul;
	s8 shift;
	u8 flags;		/* PVCLOCK_TSC_STABLE_BIT ... */
};
void arch_pvclock_params(struct vcpu *vcpu, struct pvclock_params *p);
/* Wallclock (ns since the epoch) at guest clock zero. */
u64 arch_wallclock_ns(struct vm *vm);

/* What the Xen code needs of a vCPU. */
struct xen_hcall_regs {
	u64 nr;
	u64 arg[6];
	bool longmode;		/* 64-bit caller */
	u8 cpl;
};
void arch_xen_hcall_regs(struct vcpu *vcpu, struct xen_hcall_regs *r);
void arch_xen_set_result(struct vcpu *vcpu, u64 result, bool longmode);
/* Skip the hypercall instruction.  0, or 1 for the run loop to exit (debug). */
int arch_xen_skip_hcall(struct vcpu *vcpu);
unsigned long arch_vcpu_rip(struct vcpu *vcpu);
/* Put an upcall vector in through the interrupt controller. */
int arch_xen_inject_vector(struct vcpu *vcpu, u8 vector);
/* Fill one hypercall page (word size latched): architecture's instructions. */
void arch_xen_hypercall_page(struct vm *vm, u8 *page);
/* Read guest-virtual memory of the vCPU, for hypercall arguments. */
int arch_guest_read_va(struct vcpu *vcpu, u64 va, void *to, size_t len);
/*
 * SCHEDOP_block, SCHEDOP_poll: halt the vCPU until an event, which ends this
 * halt also while the guest takes no interrupts.
 */
void arch_vcpu_halt(struct vcpu *vcpu);

#endif
