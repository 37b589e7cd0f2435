// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop of a vCPU: requests, events, world switch, exit.
 *
 * What belongs to the guest and does not disturb the kernel (MSRs for system
 * calls, the user's segments) is loaded once and stays until the vCPU is put;
 * what would disturb it (XCR0, debug registers) is switched around each entry
 * with interrupts off.
 */
#include <linux/entry-kvm.h>
#include <linux/sched/signal.h>
#include <linux/percpu.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/nospec-branch.h>
#include <asm/spec-ctrl.h>
#include <asm/mmu_context.h>
#include <asm/vmx.h>

#include "../arch.h"
#include "../trace.h"
#include "../xfer.h"
#include "debug.h"
#include "host.h"
#include "hyperv.h"
#include "l1d.h"
#include "lapic.h"
#include "mitigate.h"
#include "msr_filter.h"
#include "pml.h"
#include "vmx.h"

/* The host's XCR0, the same on every CPU. */
static u64 run_host_xcr0;

void run_module_init(void)
{
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		run_host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
}

/* The bases of the task's own FS and GS. */
static void run_host_bases(struct vmx_vcpu *x)
{
	unsigned long fs_base = static_cpu_has(X86_FEATURE_FSGSBASE) ?
				rdfsbase() : __rdmsr(MSR_FS_BASE);

	x->host_kernel_gs_base = __rdmsr(MSR_KERNEL_GS_BASE);
	if (x->host_fs_base != fs_base)
		vmcs_write(HOST_FS_BASE, x->host_fs_base = fs_base);
}

static void run_guest_load(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;

	x->guest_loaded = true;
	run_host_bases(x);
	savesegment(fs, x->host_fs);
	savesegment(gs, x->host_gs);
	savesegment(ds, x->host_ds);
	savesegment(es, x->host_es);
	asm("sldt %0" : "=m" (x->host_ldt));
	native_wrmsrl(MSR_KERNEL_GS_BASE, x->kernel_gs_base);
	msr_load_guest(v);
	x->l1d_tainted = true;
}

static noinline void run_reload_tss(void)
{
	invalidate_tss_limit();
}

void run_guest_put(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;

	if (!x->guest_loaded)
		return;
	x->guest_loaded = false;
	x->kernel_gs_base = __rdmsr(MSR_KERNEL_GS_BASE);
	native_wrmsrl(MSR_KERNEL_GS_BASE, x->host_kernel_gs_base);
	msr_put_guest(v);
	/* an exit leaves null selectors, no LDT and maximal GDT and TSS limits */
	if (x->host_ldt)
		asm volatile("lldt %0" : : "m" (x->host_ldt));
	if (unlikely(x->host_fs | x->host_gs)) {
		if (x->host_fs)
			loadsegment(fs, x->host_fs);
		if (x->host_gs)
			load_gs_index(x->host_gs);
		/* loading a selector loads its base too: put ours back */
		wrmsrl(MSR_FS_BASE, x->host_fs_base);
		native_wrmsrl(MSR_KERNEL_GS_BASE, x->host_kernel_gs_base);
	}
	if (x->host_ds | x->host_es) {
		loadsegment(ds, x->host_ds);
		loadsegment(es, x->host_es);
	}
	/* invalidate_tss_limit(), whose rare half takes a stack frame */
	if (unlikely(test_thread_flag(TIF_IO_BITMAP)))
		run_reload_tss();
	else
		__this_cpu_write(__tss_limit_invalid, true);
	load_gdt(&x->host_gdt);
}

/* Those that come with an interrupt or an event, and need no work of theirs. */
#define RUN_REQ_COMMON	(BIT(REQ_EVENT) | BIT(REQ_UNBLOCK))

static void run_unblock(struct vcpu *v)
{
	if (vcpu_take_request(v, REQ_UNBLOCK) &&
	    v->arch.mp_state == KVM_MP_STATE_HALTED)
		v->arch.mp_state = KVM_MP_STATE_RUNNABLE;
}

static void run_requests(struct vcpu *v)
{
	if (vcpu_take_request(v, REQ_TLB_FLUSH)) {
		v->stat.tlb_flushes++;
		preempt_disable();
		vmx_invept_context(v->vm->arch.eptp);
		preempt_enable();
	}
	if (vcpu_take_request(v, REQ_CLOCK_UPDATE)) {
		xen_update_pvclock(v);
		hyperv_clock_changed(v);
	}
	if (vcpu_take_request(v, REQ_RUNSTATE))
		xen_runstate_sync(v);
	if (vcpu_take_request(v, REQ_MSR_FILTER))
		msr_filter_update_bitmap(v);
	vcpu_take_request(v, REQ_KICK);
}

/* Timers, IPIs that start or reset the vCPU, deferred Xen events. */
static void run_collect(struct vcpu *v)
{
	if (v->arch.lapic && lapic_timer_expired(v))
		lapic_timer_deliver(v);
	if (lapic_has_events(v))
		lapic_take_events(v);
	if (xen_pending_events(v) || xen_pending_timer(v))
		xen_inject_pending(v);
}

/* User space, being the PIC, asked to be told when it is listened to. */
static bool run_wants_window(struct vcpu *v)
{
	return v->run->request_interrupt_window && v->arch.user_vector < 0 &&
	       x86_takes_user_irq(v) &&
	       inject_interrupt_allowed(v) && !v->arch.exc.pending &&
	       !v->arch.exc.injected && !v->arch.intr.injected;
}

/* The I/O APIC is user space's and a level-triggered vector ended. */
static bool run_eoi_exit(struct vcpu *v)
{
	int vector = lapic_take_eoi_exit(v);

	if (likely(vector < 0))
		return false;
	v->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
	v->run->eoi.vector = vector;
	vcpu_request(v, REQ_EVENT);
	return true;
}

static int run_shutdown(struct vcpu *v)
{
	v->arch.triple_fault = false;
	v->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return 0;
}

/* Host state that can change while the vCPU stays loaded. */
static void run_host_state(struct vmx_vcpu *x)
{
	unsigned long cr3 = __get_current_cr3_fast(), cr4 = cr4_read_shadow();

	if (cr3 != x->host_cr3)
		vmcs_write(HOST_CR3, x->host_cr3 = cr3);
	if (cr4 != x->host_cr4)
		vmcs_write(HOST_CR4, x->host_cr4 = cr4);
}

static void run_load_debug(struct vcpu *v)
{
	const unsigned long *db =
		v->arch.guest_debug & KVM_GUESTDBG_USE_HW_BP ?
		v->arch.host_db : v->arch.db;

	set_debugreg(0, 7);
	set_debugreg(db[0], 0);
	set_debugreg(db[1], 1);
	set_debugreg(db[2], 2);
	set_debugreg(db[3], 3);
	set_debugreg(v->arch.dr6, 6);
	debug_prepare_entry(v);
}

static void run_save_debug(struct vcpu *v)
{
	get_debugreg(v->arch.dr6, 6);
	set_debugreg(DR6_FIXED_1, 6);
}

/* What ended the stay, and is it the host's own event? */
static __always_inline enum host_event run_exit_event(struct vmx_vcpu *x,
						      int failed)
{
	x->exit_reason = failed ? ~0u : vmcs_read(VM_EXIT_REASON);
	if (likely(!host_event_possible(x->exit_reason)))
		return HOST_EVENT_NONE;
	x->exit_info = vmcs_read(VM_EXIT_INTR_INFO);
	return host_event(x->exit_reason, x->exit_info);
}

/*
 * Interrupts off: from here to the exit nothing of the kernel runs, and the
 * host's NMI and machine check before anything that can be traced: a second
 * one of these finds NMIs blocked, or stops the CPU.
 */
static noinstr void run_switch(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;
	u64 debugctl = __rdmsr(MSR_IA32_DEBUGCTLMSR);
	enum host_event event;
	int failed;

	xfer_state_enter();
	if (v->arch.cr2 != native_read_cr2())
		native_write_cr2(v->arch.cr2);
	failed = vmx_enter(v->arch.regs, &x->host_rsp, x->launched);
	if (cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS))
		native_wrmsrl(MSR_IA32_SPEC_CTRL,
			      this_cpu_read(x86_spec_ctrl_current));
	v->arch.cr2 = native_read_cr2();
	/* an exit clears it: branch records, split buses of the host */
	if (unlikely(debugctl))
		native_wrmsrl(MSR_IA32_DEBUGCTLMSR, debugctl);
	event = run_exit_event(x, failed);
	if (unlikely(event == HOST_EVENT_NMI))
		host_nmi();
	xfer_state_exit();
	if (unlikely(event == HOST_EVENT_MCE))
		host_machine_check();
}

/* Interrupts off.  The exit reason, or all ones if the entry failed. */
static void run_world_switch(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;
	struct vmx_vcpu *x = a->vmx;
	bool debug = a->debug_entry;
	bool xcr0 = a->xcr0 != run_host_xcr0 && (a->cr4 & X86_CR4_OSXSAVE);

	run_host_state(x);
	host_perf_prepare(&x->msr_switch);
	state_flush(v);
	if (unlikely(debug))
		run_load_debug(v);
	if (unlikely(xcr0))
		xsetbv(XCR_XFEATURE_ENABLED_MASK, a->xcr0);
	l1d_prepare_entry(v);
	mitigate_prepare_entry(v->vm);
	run_switch(v);
	if (unlikely(xcr0))
		xsetbv(XCR_XFEATURE_ENABLED_MASK, run_host_xcr0);
	if (unlikely(debug))
		run_save_debug(v);
	host_breakpoints_restore();
	mitigate_after_exit();
	a->avail = 0;
	/* an entry that failed on guest state leaves the VMCS clear */
	x->has_run = true;
	x->launched |= !(x->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY);
}

/* A hint, unless interrupts are off. */
static bool run_xfer_pending(void)
{
	return read_thread_flags() & XFER_TO_GUEST_MODE_WORK;
}

/*
 * One entry and exit.  1: handle the exit with exit_handle(); 2: no entry took
 * place, go round again.
 */
static int run_once(struct vcpu *v)
{
	preempt_disable();
	if (!v->arch.vmx->guest_loaded)
		run_guest_load(v);
	local_irq_disable();
	fpu_prepare_entry();
	WRITE_ONCE(v->mode, IN_GUEST_MODE);
	/* mode before requests: pairs with vcpu_kick() and vm_request_all() */
	smp_mb();
	if (unlikely(vcpu_request_pending(v) || run_xfer_pending())) {
		WRITE_ONCE(v->mode, OUTSIDE_GUEST_MODE);
		local_irq_enable();
		preempt_enable();
		inject_cancel(v);
		return 2;
	}
	if (trace_xkvm_entry_enabled())
		trace_xkvm_entry(v->id, v->arch.rip,
				 v->arch.vmx->intr_info);
	xfer_timing_enter();
	run_world_switch(v);
	if (unlikely(READ_ONCE(v->vm->nr_logging)))
		pml_flush(v);
	/* the flush or kick that waited for this exit may go on */
	smp_store_release(&v->mode, OUTSIDE_GUEST_MODE);
	/* a pending host interrupt is taken here, on the guest's account */
	local_irq_enable();
	v->stat.exits++;
	local_irq_disable();
	xfer_timing_exit();
	local_irq_enable();
	preempt_enable();
	return 1;
}

/* Not runnable: sleep until something happens.  1, or -EINTR. */
static int run_halted(struct vcpu *v)
{
	vcpu_block(v);
	run_requests(v);
	run_unblock(v);
	run_collect(v);
	if (v->arch.mp_state == KVM_MP_STATE_HALTED && arch_vcpu_runnable(v)) {
		v->arch.mp_state = KVM_MP_STATE_RUNNABLE;
		vcpu_request(v, REQ_EVENT);
	}
	return signal_pending(current) ? -EINTR : 1;
}

/* User space has to take the dirty pages; until then nothing is run. */
static int run_ring_full(struct vcpu *v)
{
	vcpu_request(v, REQ_RING_FULL);
	v->run->exit_reason = KVM_EXIT_DIRTY_RING_FULL;
	return 0;
}

/*
 * Was there an event, and what it brought is where it can be injected from.
 * The request is taken before what it stands for is looked at: what comes in
 * between sets it again, and run_once() does not enter.
 */
static bool run_take_events(struct vcpu *v)
{
	if (!vcpu_take_request(v, REQ_EVENT))
		return false;
	run_collect(v);
	/* that may have set it; if it comes again, so does the run loop */
	if (vcpu_take_request(v, REQ_EVENT))
		run_collect(v);
	return true;
}

/* Something to inject, or user space wants to know when it may. */
static int run_events(struct vcpu *v)
{
	if (v->arch.triple_fault)
		return run_shutdown(v);
	if (v->arch.mp_state != KVM_MP_STATE_RUNNABLE)
		return 1;
	if (run_wants_window(v)) {
		v->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
		return 0;
	}
	if (run_eoi_exit(v))
		return 0;
	if (v->arch.lapic && v->arch.lapic->vid) {
		vmx_update_eoi_exits(v);
		vmx_set_rvi(v, lapic_sync_irr(v));
	}
	inject_events(v);
	if (v->arch.lapic && !v->arch.lapic->vid)
		vmx_update_tpr_threshold(v);
	if (v->run->request_interrupt_window && x86_takes_user_irq(v))
		vmcs_set_proc(v, CPU_BASED_INTR_WINDOW_EXITING, 0);
	return 1;
}

/* Requests that are not for events alone: 1 go on, 0 to user space, -errno. */
static noinline int run_rare_requests(struct vcpu *v)
{
	if (test_bit(REQ_DEAD, &v->requests))
		return -EIO;
	run_requests(v);
	if (vcpu_take_request(v, REQ_DEBUG_STEP))
		return debug_exit_step(v);
	if (vcpu_take_request(v, REQ_RING_FULL) && dirty_ring_soft_full(v))
		return run_ring_full(v);
	return 1;
}

/* Before an entry: 1 go on, 0 to user space, -errno. */
static int run_prepare(struct vcpu *v)
{
	bool window = v->run->request_interrupt_window;
	unsigned long requests = READ_ONCE(v->requests);
	int ret;

	if (likely(!requests))
		return unlikely(window) ? run_events(v) : 1;
	if (unlikely(requests & ~RUN_REQ_COMMON)) {
		ret = run_rare_requests(v);
		if (ret <= 0)
			return ret;
	}
	run_unblock(v);
	return run_take_events(v) || window ? run_events(v) : 1;
}

int run_vcpu(struct vcpu *v)
{
	int ret;

	for (;;) {
		ret = run_prepare(v);
		if (ret <= 0)
			return ret;
		if (v->arch.mp_state != KVM_MP_STATE_RUNNABLE) {
			ret = run_halted(v);
		} else {
			ret = run_once(v);
			if (ret == 1)
				ret = exit_handle(v);
		}
		if (ret <= 0)
			return ret;
		if (unlikely(run_xfer_pending())) {
			ret = xfer_work();
			if (ret)
				return ret;
		}
	}
}
