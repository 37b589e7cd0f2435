/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The architecture's share of a vCPU: CPUID, the state at the PVH entry, and
 * what a dump shows.
 */
#ifndef XKVM_X86_CPU_H
#define XKVM_X86_CPU_H

#include <stdint.h>

#include "../log.h"

struct vcpu;
struct vcpu_hvm_context;
struct vm;

/*
 * cpu_query() - read what the node supports into vm->cpuid, filtered to what a
 * guest of ours may see.  0 or -errno.  Freed by free().
 */
int cpu_query(struct vm *vm);

/*
 * cpu_setup() - give a new vCPU its CPUID and MSRs; vCPU 0 also the state of
 * the PVH entry (xen/include/public/arch-x86/hvm/start_info.h).  0 or -errno.
 */
int cpu_setup(struct vcpu *v);

/*
 * cpu_set_context() - VCPUOP_initialise: check @ctx, a copy, and load it.
 * On @v's thread.  0, -EINVAL for a state no CPU can have, or -errno of KVM.
 */
int cpu_set_context(struct vcpu *v, const struct vcpu_hvm_context *ctx);

/*
 * cpu_reset() - the state in which a vCPU waits for its first INIT.  No thread
 * of it runs.  0 or -errno.  (SDM, "Processor State After Reset", INIT)
 */
int cpu_reset(struct vcpu *v);

/* The registers, to the log.  On @v's thread. */
void cpu_dump(struct vcpu *v, enum log_level level);

#endif
