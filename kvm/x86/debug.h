/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debugging a guest from outside.  vCPU thread or vcpu->mutex, vCPU loaded.
 */
#ifndef XKVM_X86_DEBUG_H
#define XKVM_X86_DEBUG_H

#include <linux/kvm.h>

struct vcpu;

/* What KVM_CAP_SET_GUEST_DEBUG2 reports. */
#define DEBUG_CONTROLS	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |   \
			 KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP | \
			 KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP | \
			 KVM_GUESTDBG_BLOCKIRQ)

/* KVM_SET_GUEST_DEBUG: 0; -EBUSY: to inject, but an exception is on its way. */
int debug_set(struct vcpu *v, const struct kvm_guest_debug *d);

/* DR7, or who uses breakpoints, changed: the VMCS follows. */
void debug_update(struct vcpu *v);

/* Before an entry, if arch.debug_entry is set and after state_flush(). */
void debug_prepare_entry(struct vcpu *v);
/* The guest's own view of flags read from the VMCS while stepping. */
unsigned long debug_hide_tf(struct vcpu *v, unsigned long rflags);

/* The guest's TF is set or user space steps, and an instruction is complete. */
void debug_instruction_done(struct vcpu *v);

/*
 * An instruction that software has carried out ends the shadow of STI or MOV SS
 * in @state, the interruptibility: what debug exceptions that held back come.
 */
void debug_end_shadow(struct vcpu *v, u32 state);
/* INT1 exited: it is complete. */
void debug_int1_done(struct vcpu *v);
/*
 * After a change of RFLAGS or of the shadow that is no instruction's, and after
 * an exit for #DB: pending debug exceptions as the next entry wants them.
 */
void debug_sync_pending(struct vcpu *v);

/* Is a #DB user space's? */
bool debug_wants_db(struct vcpu *v);

/* KVM_EXIT_DEBUG; these return 0. */
int debug_exit(struct vcpu *v, u32 exception, u64 dr6);
int debug_exit_step(struct vcpu *v);
int debug_exit_bp(struct vcpu *v);
/* MOV DR with DR7.GD in effect: user space's, or #DB. */
int debug_exit_gd(struct vcpu *v);

#endif
