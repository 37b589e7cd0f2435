/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exit handlers that are not in exit.c.  vCPU thread, loaded; 1 resume, 0 to
 * user space, -errno.
 */
#ifndef XKVM_X86_EXIT_H
#define XKVM_X86_EXIT_H

struct vcpu;

int exit_cr_access(struct vcpu *v);	/* exit_cr.c */
int exit_dr_access(struct vcpu *v);
int exit_io(struct vcpu *v);		/* exit_io.c */
int exit_rdmsr(struct vcpu *v);		/* exit_msr.c */
int exit_wrmsr(struct vcpu *v);
int task_exit_switch(struct vcpu *v);	/* task.c */
/* exit_skip() from vcpu->complete, if RIP is still arch.complete_rip. */
int exit_skip_saved(struct vcpu *v);
/*
 * An NMI was being unblocked by IRET when its access to memory exited: the
 * blocking comes back (SDM 27.2.3).
 */
void exit_unblocked_nmi(struct vcpu *v, unsigned long qual);
/* KVM_EXIT_INTERNAL_ERROR with what is known of the exit; returns 0. */
int exit_internal_error(struct vcpu *v, u32 sub);

#endif
