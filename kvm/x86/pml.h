/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page-modification logging, where the CPU has it (vmx_caps.pml).
 */
#ifndef XKVM_X86_PML_H
#define XKVM_X86_PML_H

struct vcpu;

/* The vCPU's log: 0 or -ENOMEM.  Before the controls are written. */
int pml_vcpu_init(struct vcpu *v);
void pml_vcpu_exit(struct vcpu *v);
void pml_write_vmcs(struct vcpu *v);

/* Pass on what the CPU has noted.  vCPU's own thread, VMCS current. */
void pml_flush(struct vcpu *v);

/* The exit handler for a full log. */
int pml_exit_full(struct vcpu *v);

#endif
