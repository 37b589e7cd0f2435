// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits: one const table from exit reason to handler.
 *
 * Handlers return 1 to resume the guest, 0 to leave to user space, or -errno.
 * Those with a subject of their own are in exit_cr.c, exit_io.c, exit_msr.c and
 * ept.c.
 */
#include <linux/percpu.h>
#include <asm/trapnr.h>
#include <asm/smp.h>
#include <asm/vmx.h>

#include "../arch.h"
#include "../trace.h"
#include "debug.h"
#include "exit.h"
#include "host.h"
#include "hyperv.h"
#include "lapic.h"
#include "memtype.h"
#include "pml.h"
#include "vmx.h"

unsigned long exit_qual(struct vcpu *v)
{
	return vmcs_read(EXIT_QUALIFICATION);
}

int exit_skip(struct vcpu *v)
{
	unsigned long rip = reg_read(v, VREG_RIP);
	unsigned long next = rip + vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	u32 state;

	/* outside 64-bit mode the instruction pointer has 32 bits */
	if (((rip ^ next) >> 31) && !is_64bit_code(v))
		next = (u32)next;
	reg_write(v, VREG_RIP, next);
	state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	if (state & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS))
		debug_end_shadow(v, state);
	if (unlikely((reg_read(v, VREG_RFLAGS) & X86_EFLAGS_TF) ||
		     (v->arch.guest_debug & KVM_GUESTDBG_SINGLESTEP)))
		debug_instruction_done(v);
	return 1;
}

int exit_skip_saved(struct vcpu *v)
{
	/* user space may have moved the guest elsewhere meanwhile */
	return reg_read(v, VREG_RIP) == v->arch.complete_rip ? exit_skip(v) : 1;
}

int exit_internal_error(struct vcpu *v, u32 sub)
{
	struct kvm_run *run = v->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = sub;
	run->internal.ndata = 4;
	run->internal.data[0] = v->arch.vmx->idt_vectoring;
	run->internal.data[1] = v->arch.vmx->exit_reason;
	run->internal.data[2] = exit_qual(v);
	run->internal.data[3] = v->cpu;
	return 0;
}

void exit_unblocked_nmi(struct vcpu *v, unsigned long qual)
{
	if (!(v->arch.vmx->idt_vectoring & VECTORING_INFO_VALID_MASK) &&
	    (qual & INTR_INFO_UNBLOCK_NMI))
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO,
			   vmcs_read(GUEST_INTERRUPTIBILITY_INFO) |
			   GUEST_INTR_STATE_NMI);
}

static int exit_fail_entry(struct vcpu *v, u64 reason)
{
	dump_vmcs(v);
	v->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	v->run->fail_entry.hardware_entry_failure_reason = reason;
	v->run->fail_entry.cpu = v->cpu;
	return 0;
}

/* Exits without a control of their own, which <asm/vmx.h> lacks. */
#define EXIT_REASON_GETSEC	11
#define EXIT_REASON_SEAMCALL	76
#define EXIT_REASON_TDCALL	77

/* An alignment check of the guest's own, or a split lock that the host traps. */
static int exit_ac(struct vcpu *v)
{
	u32 error = vmcs_read(VM_EXIT_INTR_ERROR_CODE);

	if (decide_guest_ac(boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT),
			    x86_cpl(v), state_cr0(v),
			    reg_read(v, VREG_RFLAGS))) {
		x86_queue_exception_e(v, X86_TRAP_AC, error);
		return 1;
	}
	if (host_split_lock(reg_read(v, VREG_RIP)))
		return 1;
	v->run->exit_reason = KVM_EXIT_EXCEPTION;
	v->run->ex.exception = X86_TRAP_AC;
	v->run->ex.error_code = error;
	return 0;
}

static int exit_exception(struct vcpu *v)
{
	u32 info = v->arch.vmx->exit_info;
	unsigned long qual = exit_qual(v);

	/* run_switch() gave it to the host */
	if (host_event(EXIT_REASON_EXCEPTION_NMI, info) != HOST_EVENT_NONE)
		return 1;
	if ((info & INTR_INFO_VECTOR_MASK) != X86_TRAP_DF)
		exit_unblocked_nmi(v, info);
	switch (info & INTR_INFO_VECTOR_MASK) {
	case X86_TRAP_DB:
		/* INT1 is a trap: RIP stays at it in the exit (SDM 27.2.2) */
		if ((info & INTR_INFO_INTR_TYPE_MASK) ==
		    INTR_TYPE_PRIV_SW_EXCEPTION)
			debug_int1_done(v);
		debug_sync_pending(v);
		qual &= DR_TRAP_BITS | DR_STEP | DR_SWITCH | DR6_BD;
		if (unlikely(debug_wants_db(v)))
			return debug_exit(v, 1, qual);
		x86_inject_db(v, qual);
		return 1;
	case X86_TRAP_BP:
		return debug_exit_bp(v);
	case X86_TRAP_AC:
		return exit_ac(v);
	default:
		v->run->exit_reason = KVM_EXIT_EXCEPTION;
		v->run->ex.exception = info & INTR_INFO_VECTOR_MASK;
		v->run->ex.error_code = info & INTR_INFO_DELIVER_CODE_MASK ?
			vmcs_read(VM_EXIT_INTR_ERROR_CODE) : 0;
		return 0;
	}
}

static int exit_external_interrupt(struct vcpu *v)
{
	v->stat.irq_exits++;
	return 1;
}

/* On Bochs: the slice is over, and the host's work is looked at. */
static int exit_slice(struct vcpu *v)
{
	return 1;
}

static int exit_triple_fault(struct vcpu *v)
{
	v->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return 0;
}

static int exit_irq_window(struct vcpu *v)
{
	vmcs_set_proc(v, 0, CPU_BASED_INTR_WINDOW_EXITING);
	vcpu_request(v, REQ_EVENT);
	return 1;
}

static int exit_nmi_window(struct vcpu *v)
{
	vmcs_set_proc(v, 0, CPU_BASED_NMI_WINDOW_EXITING);
	vcpu_request(v, REQ_EVENT);
	return 1;
}

static int exit_cpuid(struct vcpu *v)
{
	unsigned long *regs = v->arch.regs;
	u32 leaf = regs[VREG_RAX], index = regs[VREG_RCX];
	const struct kvm_cpuid_entry2 *e = cpuid_query(v, leaf, index);

	regs[VREG_RAX] = e->eax;
	regs[VREG_RBX] = e->ebx;
	regs[VREG_RCX] = e->ecx;
	regs[VREG_RDX] = e->edx;
	if (trace_xkvm_cpuid_enabled())
		trace_xkvm_cpuid(v->id, leaf, index, e->eax, e->ebx, e->ecx,
				 e->edx);
	return exit_skip(v);
}

static int exit_hlt(struct vcpu *v)
{
	exit_skip(v);
	if (static_branch_unlikely(&vmx_bochs))
		x86_nmi_blocked(v);
	v->stat.halt_exits++;
	if (v->arch.lapic) {
		v->arch.mp_state = KVM_MP_STATE_HALTED;
		v->arch.blocked = false;
		return 1;
	}
	v->run->exit_reason = KVM_EXIT_HLT;
	return 0;
}

void arch_vcpu_halt(struct vcpu *v)
{
	v->arch.mp_state = KVM_MP_STATE_HALTED;
	v->arch.blocked = true;
}

static int exit_vmcall(struct vcpu *v)
{
	v->stat.hypercalls++;
	if (hyperv_enabled(v->vm) &&
	    (!(v->vm->xen.config.flags & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL) ||
	     (v->arch.regs[VREG_RAX] & HYPERV_INPUT_BIT)))
		return hyperv_hypercall(v);
	if (v->vm->xen.config.flags & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL)
		return xen_hypercall(v);
	/* KVM's own hypercalls do not exist here; their answer does */
	v->arch.regs[VREG_RAX] = x86_cpl(v) ? -1ul /* -KVM_EPERM */ : -1000ul;
	return exit_skip(v);
}

/* The instruction is not there: nothing that CPUID offers comes here. */
static int exit_ud(struct vcpu *v)
{
	x86_queue_exception(v, 6);
	return 1;
}

static int exit_gp(struct vcpu *v)
{
	x86_queue_exception_e(v, 13, 0);
	return 1;
}

static int exit_xsetbv(struct vcpu *v)
{
	u64 val = (u32)v->arch.regs[VREG_RAX] |
		  ((u64)v->arch.regs[VREG_RDX] << 32);

	if (x86_cpl(v) || (u32)v->arch.regs[VREG_RCX] || x86_set_xcr0(v, val))
		return exit_gp(v);
	return exit_skip(v);
}

/* MONITOR and MWAIT do nothing; the quirk is that they do so without CPUID's leave. */
static int exit_mwait(struct vcpu *v)
{
	if ((v->vm->arch.disabled_quirks & KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS) &&
	    !guest_has(v, CPUF_MWAIT))
		return exit_ud(v);
	return exit_skip(v);
}

/*
 * It spins, and whoever it waits for may not be running, or may wait for the
 * lock that a loop lets go of at its PAUSE: stopped anywhere else it holds it.
 */
static int exit_pause(struct vcpu *v)
{
	vcpu_yield(v);
	return exit_skip(v);
}

static int exit_wbinvd(struct vcpu *v)
{
	/* otherwise no device of the guest reads memory behind the caches */
	if (memtype_noncoherent(v->vm))
		memtype_wbinvd(v);
	return exit_skip(v);
}

static int exit_ept_misconfig(struct vcpu *v)
{
	pr_err_ratelimited("EPT misconfiguration at gpa %lx\n",
			   vmcs_read(GUEST_PHYSICAL_ADDRESS));
	v->run->exit_reason = KVM_EXIT_UNKNOWN;
	v->run->hw.hardware_exit_reason = EXIT_REASON_EPT_MISCONFIG;
	return 0;
}

/*
 * An access that the CPU does not answer; the address is in the page only.
 * Source of the types: SDM volume 3, table 28-6.
 */
static int exit_apic_access(struct vcpu *v)
{
	unsigned long qual = exit_qual(v);
	gpa_t gpa = APIC_DEFAULT_BASE | (qual & 0xfff);
	unsigned int type = qual >> 12 & 0xf;
	int ret;

	/* 0 and 1: read or written by the instruction itself */
	if (type <= 1) {
		ret = mmio_fast(v, gpa, type, false);
		if (ret != -EAGAIN)
			return ret;
	}
	return mmio_emulate(v, gpa, false, 0);
}

static int exit_apic_write(struct vcpu *v)
{
	/* trap-like: the instruction is done */
	lapic_write_done(v, exit_qual(v) & 0xff0);
	return 1;
}

/* TPR no longer holds back what is pending. */
static int exit_tpr_below(struct vcpu *v)
{
	vcpu_request(v, REQ_EVENT);
	return 1;
}

static int exit_eoi_induced(struct vcpu *v)
{
	lapic_eoi_induced(v, exit_qual(v) & 0xff);
	return 1;
}

/* A power of two: whatever the reason is, its index is masked. */
#define EXIT_REASONS	128

static int (*const exit_table[EXIT_REASONS])(struct vcpu *v) = {
	[EXIT_REASON_EXCEPTION_NMI]	= exit_exception,
	[EXIT_REASON_EXTERNAL_INTERRUPT] = exit_external_interrupt,
	[EXIT_REASON_TRIPLE_FAULT]	= exit_triple_fault,
	[EXIT_REASON_INTERRUPT_WINDOW]	= exit_irq_window,
	[EXIT_REASON_NMI_WINDOW]	= exit_nmi_window,
	[EXIT_REASON_TASK_SWITCH]	= task_exit_switch,
	[EXIT_REASON_CPUID]		= exit_cpuid,
	[EXIT_REASON_HLT]		= exit_hlt,
	[EXIT_REASON_INVD]		= exit_skip,
	[EXIT_REASON_RDPMC]		= exit_gp,
	[EXIT_REASON_VMCALL]		= exit_vmcall,
	[EXIT_REASON_VMCLEAR]		= exit_ud,
	[EXIT_REASON_VMLAUNCH]		= exit_ud,
	[EXIT_REASON_VMPTRLD]		= exit_ud,
	[EXIT_REASON_VMPTRST]		= exit_ud,
	[EXIT_REASON_VMREAD]		= exit_ud,
	[EXIT_REASON_VMRESUME]		= exit_ud,
	[EXIT_REASON_VMWRITE]		= exit_ud,
	[EXIT_REASON_VMOFF]		= exit_ud,
	[EXIT_REASON_VMON]		= exit_ud,
	[EXIT_REASON_RDRAND]		= exit_ud,
	[EXIT_REASON_RDSEED]		= exit_ud,
	[EXIT_REASON_ENCLS]		= exit_ud,
	[EXIT_REASON_ENCLV]		= exit_ud,
	[EXIT_REASON_GETSEC]		= exit_ud,
	[EXIT_REASON_SEAMCALL]		= exit_ud,
	[EXIT_REASON_TDCALL]		= exit_ud,
	[EXIT_REASON_INVEPT]		= exit_ud,
	[EXIT_REASON_INVVPID]		= exit_ud,
	[EXIT_REASON_VMFUNC]		= exit_ud,
	[EXIT_REASON_CR_ACCESS]		= exit_cr_access,
	[EXIT_REASON_DR_ACCESS]		= exit_dr_access,
	[EXIT_REASON_IO_INSTRUCTION]	= exit_io,
	[EXIT_REASON_MSR_READ]		= exit_rdmsr,
	[EXIT_REASON_MSR_WRITE]		= exit_wrmsr,
	[EXIT_REASON_MWAIT_INSTRUCTION]	= exit_mwait,
	[EXIT_REASON_MONITOR_INSTRUCTION] = exit_mwait,
	[EXIT_REASON_PAUSE_INSTRUCTION]	= exit_pause,
	[EXIT_REASON_TPR_BELOW_THRESHOLD] = exit_tpr_below,
	[EXIT_REASON_EOI_INDUCED]	= exit_eoi_induced,
	[EXIT_REASON_APIC_ACCESS]	= exit_apic_access,
	[EXIT_REASON_APIC_WRITE]	= exit_apic_write,
	[EXIT_REASON_EPT_VIOLATION]	= ept_violation,
	[EXIT_REASON_EPT_MISCONFIG]	= exit_ept_misconfig,
	[EXIT_REASON_PREEMPTION_TIMER]	= exit_slice,
	[EXIT_REASON_WBINVD]		= exit_wbinvd,
	[EXIT_REASON_XSETBV]		= exit_xsetbv,
	[EXIT_REASON_PML_FULL]		= pml_exit_full,
};

/* Exits that can come in the middle of the delivery of an event. */
static bool exit_may_cut_delivery(u32 reason)
{
	const u64 reasons = BIT_ULL(EXIT_REASON_EXCEPTION_NMI) |
			    BIT_ULL(EXIT_REASON_TASK_SWITCH) |
			    BIT_ULL(EXIT_REASON_APIC_ACCESS) |
			    BIT_ULL(EXIT_REASON_EPT_VIOLATION) |
			    BIT_ULL(EXIT_REASON_EPT_MISCONFIG) |
			    BIT_ULL(EXIT_REASON_PML_FULL);

	return reason < 64 && (reasons >> reason & 1);
}

/*
 * An interrupt that was cut short and not ours to inject is one the CPU took
 * from the register page: the highest in service.  That is what hardware
 * reports; Bochs 2.7 has some event before, and it can be told where that is an
 * interrupt or an NMI, which is never delivered without our injecting it.
 */
static u32 exit_fix_vector(struct vcpu *v, u32 info)
{
	u32 type = info & VECTORING_INFO_TYPE_MASK;
	int vector;

	if (!static_branch_unlikely(&vmx_bochs))
		return info;
	if (!(info & VECTORING_INFO_VALID_MASK) || v->arch.vmx->intr_info ||
	    (type != INTR_TYPE_EXT_INTR && type != INTR_TYPE_NMI_INTR) ||
	    !v->arch.lapic || !v->arch.lapic->vid)
		return info;
	vector = lapic_highest_isr(v);
	return vector < 0 ? info : VECTORING_INFO_VALID_MASK |
				   INTR_TYPE_EXT_INTR | vector;
}

/* Queue again what was being delivered. */
static noinline void exit_requeue(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;
	u32 info = 0, error = 0;

	if (exit_may_cut_delivery(x->exit_reason))
		info = exit_fix_vector(v, vmcs_read(IDT_VECTORING_INFO_FIELD));
	x->idt_vectoring = info;
	if (!x->intr_info && !(info & VECTORING_INFO_VALID_MASK))
		return;
	x->intr_info = 0;
	if (info & VECTORING_INFO_DELIVER_CODE_MASK)
		error = vmcs_read(IDT_VECTORING_ERROR_CODE);
	inject_requeue(v, info, info & VECTORING_INFO_VALID_MASK ?
		       vmcs_read(VM_EXIT_INSTRUCTION_LEN) : 0, error);
}

static noinline int exit_unknown(struct vcpu *v, u32 reason)
{
	v->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	v->run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	v->run->internal.ndata = 2;
	v->run->internal.data[0] = reason;
	v->run->internal.data[1] = v->cpu;
	dump_vmcs(v);
	return 0;
}

/* The way of most exits comes first and needs no register saved. */
int exit_handle(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;
	u32 reason = x->exit_reason;
	int (*handler)(struct vcpu *v);

	if (trace_xkvm_exit_enabled())
		trace_xkvm_exit(v->id, reg_rip(v), reason, 0, 0);
	/* of all ones: no entry took place at all */
	if (unlikely(reason & VMX_EXIT_REASONS_FAILED_VMENTRY))
		return exit_fail_entry(v, reason != ~0u ? reason :
				       vmcs_read(VM_INSTRUCTION_ERROR));
	x->idt_vectoring = 0;
	if (x->intr_info || exit_may_cut_delivery(reason))
		exit_requeue(v);
	reason &= 0xffff;
	handler = exit_table[reason & (EXIT_REASONS - 1)];
	if (likely(reason < EXIT_REASONS && handler))
		return handler(v);
	return exit_unknown(v, reason);
}
