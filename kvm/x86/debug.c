// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debugging a guest from outside, and the debug registers in effect.  vCPU
 * thread or vcpu->mutex, loaded.
 *
 * The guest has its own DR0-7 (arch.db, dr6, dr7).  While user space uses
 * hardware breakpoints its own are in effect instead (arch.host_db, host_dr7).
 * Single-stepping sets RFLAGS.TF behind the guest's back: it is added when the
 * flags are written for an entry and taken away where they are read, see
 * debug_hide_tf().
 * Source: KVM API, KVM_SET_GUEST_DEBUG; SDM volume 3, chapter 17.
 */
#include <linux/percpu.h>
#include <asm/debugreg.h>

#include "../arch.h"
#include "debug.h"
#include "lapic.h"
#include "vmx.h"

#define DEBUG_INJECT	(KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)

static bool debug_steps(const struct vcpu *v)
{
	return v->arch.guest_debug & KVM_GUESTDBG_SINGLESTEP;
}

void debug_update(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;
	u32 bitmap = a->vmx->exception_bitmap & ~BIT(3);

	a->eff_dr7 = a->guest_debug & KVM_GUESTDBG_USE_HW_BP ? a->host_dr7 :
							       a->dr7;
	vmcs_write(GUEST_DR7, a->eff_dr7);
	a->debug_entry = (a->eff_dr7 & DR7_ENABLE_MASK) || debug_steps(v);
	if (a->guest_debug & KVM_GUESTDBG_USE_SW_BP)
		bitmap |= BIT(3);
	if (bitmap != a->vmx->exception_bitmap)
		vmcs_write(EXCEPTION_BITMAP, a->vmx->exception_bitmap = bitmap);
}

/* --- single steps --------------------------------------------------------- */

/*
 * The CPU's flags have our TF.  The guest's own is what it was at the entry,
 * unless the instruction cleared it.  PUSHF and what else looks sees ours.
 */
unsigned long debug_hide_tf(struct vcpu *v, unsigned long rflags)
{
	if (!v->arch.guest_tf)
		rflags &= ~(unsigned long)X86_EFLAGS_TF;
	return rflags;
}

#define DEBUG_SHADOW	(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

void debug_end_shadow(struct vcpu *v, u32 state)
{
	u64 pending;

	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, state & ~DEBUG_SHADOW);
	/* STI holds back no debug exceptions */
	if (!(state & GUEST_INTR_STATE_MOV_SS))
		return;
	pending = vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS);
	if (!pending)
		return;
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	/* a single step is seen by TF, which debug_instruction_done() goes by */
	if (pending & PENDING_DBG_ENABLED)
		x86_inject_db(v, pending & PENDING_DBG_BPS);
}

void debug_int1_done(struct vcpu *v)
{
	u32 state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	reg_write(v, VREG_RIP, reg_read(v, VREG_RIP) +
		  vmcs_read(VM_EXIT_INSTRUCTION_LEN));
	if (state & DEBUG_SHADOW)
		debug_end_shadow(v, state);
}

void debug_sync_pending(struct vcpu *v)
{
	u32 state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	u64 pending, want;

	if (!(state & DEBUG_SHADOW))
		return;
	pending = vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS);
	want = decide_pending_dbg(pending, state, reg_read(v, VREG_RFLAGS),
				  vmcs_read(GUEST_IA32_DEBUGCTL));
	if (want != pending)
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, want);
}

/*
 * A trap of TF that waits for the next entry comes with exits behind an
 * instruction, and these do not step.  Bochs 2.7 has one with every exit, also
 * in front of an instruction, which would then never be executed.
 */
static void debug_drop_pending(struct vcpu *v)
{
	if (!static_branch_unlikely(&vmx_bochs))
		return;
	switch ((u16)v->arch.vmx->exit_reason) {
	case EXIT_REASON_APIC_WRITE:
	case EXIT_REASON_EOI_INDUCED:
	case EXIT_REASON_TPR_BELOW_THRESHOLD:
		return;
	}
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
}

/*
 * An entry with TF set needs a pending single-step trap where interrupts are
 * blocked by STI or MOV SS (SDM 27.3.1.5), which would be ours: end both.
 */
void debug_prepare_entry(struct vcpu *v)
{
	unsigned long rflags;
	u32 state;

	if (!debug_steps(v))
		return;
	rflags = reg_read(v, VREG_RFLAGS);
	v->arch.guest_tf = rflags & X86_EFLAGS_TF;
	v->arch.dirty &= ~BIT(VREG_RFLAGS);
	vmcs_write(GUEST_RFLAGS, rflags | X86_EFLAGS_TF);
	debug_drop_pending(v);
	state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	if (!(state & DEBUG_SHADOW))
		return;
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, state & ~DEBUG_SHADOW);
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
}

void debug_instruction_done(struct vcpu *v)
{
	if (debug_steps(v))
		vcpu_request(v, REQ_DEBUG_STEP);
	else
		x86_inject_db(v, DR_STEP);
}

/* --- exits ------------------------------------------------------------------ */

static u64 debug_linear_rip(struct vcpu *v)
{
	unsigned long rip = reg_read(v, VREG_RIP);

	if (is_64bit_code(v))
		return rip;
	return (u32)(state_seg_base(v, SEG_CS) + rip);
}

int debug_exit(struct vcpu *v, u32 exception, u64 dr6)
{
	struct kvm_run *run = v->run;

	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch.exception = exception;
	run->debug.arch.pad = 0;
	run->debug.arch.pc = debug_linear_rip(v);
	run->debug.arch.dr6 = exception == 1 ? dr6 | DR6_FIXED_1 : 0;
	run->debug.arch.dr7 = v->arch.eff_dr7;
	return 0;
}

int debug_exit_step(struct vcpu *v)
{
	return debug_exit(v, 1, DR_STEP);
}

bool debug_wants_db(struct vcpu *v)
{
	return v->arch.guest_debug &
	       (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP);
}

int debug_exit_bp(struct vcpu *v)
{
	/* what KVM_GUESTDBG_INJECT_BP gives back to the guest */
	v->arch.bp_len = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	return debug_exit(v, 3, 0);
}

int debug_exit_gd(struct vcpu *v)
{
	if (v->arch.guest_debug & KVM_GUESTDBG_USE_HW_BP)
		return debug_exit(v, 1, DR6_BD);
	x86_inject_db(v, DR6_BD);
	return 1;
}

/* --- KVM_SET_GUEST_DEBUG ------------------------------------------------------ */

static int debug_inject(struct vcpu *v, u32 control)
{
	if (v->arch.exc.pending || v->arch.exc.injected)
		return -EBUSY;
	if (control & KVM_GUESTDBG_INJECT_DB) {
		x86_queue_exception(v, 1);
	} else {
		v->arch.vmx->entry_insn_len = v->arch.bp_len ?: 1;
		v->arch.bp_len = 0;
		x86_queue_exception(v, 3);
	}
	return 0;
}

int debug_set(struct vcpu *v, const struct kvm_guest_debug *d)
{
	struct arch_vcpu *a = &v->arch;
	/* as the guest has them, while that can still be told */
	unsigned long rflags = reg_read(v, VREG_RFLAGS);
	int ret;

	if (d->control & DEBUG_INJECT) {
		ret = debug_inject(v, d->control);
		if (ret)
			return ret;
	}
	a->guest_debug = d->control & KVM_GUESTDBG_ENABLE ?
		d->control & ~DEBUG_INJECT : 0;
	if (a->guest_debug & KVM_GUESTDBG_USE_HW_BP) {
		memcpy(a->host_db, d->arch.debugreg, sizeof(a->host_db));
		a->host_dr7 = (u32)d->arch.debugreg[7] | DR7_FIXED_1;
	}
	reg_write(v, VREG_RFLAGS, rflags);
	a->guest_tf = rflags & X86_EFLAGS_TF;
	clear_bit(REQ_DEBUG_STEP, &v->requests);
	debug_update(v);
	debug_sync_pending(v);
	/* the CPU would deliver by itself what BLOCKIRQ is to hold back */
	if (a->lapic)
		vmx_lapic_mode_changed(v);
	vcpu_request(v, REQ_EVENT);
	return 0;
}
