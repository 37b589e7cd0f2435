/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID as the guest sees it.  cpu_query() of cpu.h is implemented here too. */
#ifndef XKVM_X86_CPUID_H
#define XKVM_X86_CPUID_H

struct vcpu;

/* Give the vCPU its leaves: vm->cpuid, its topology, Xen's.  0 or -errno. */
int cpuid_load(struct vcpu *v);

#endif
