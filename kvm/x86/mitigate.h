/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mitigations around a guest's stay that have no file of their own: the branch
 * predictor and the CPU's buffers.  docs/mitigations.md has the whole table.
 */
#ifndef XKVM_X86_MITIGATE_H
#define XKVM_X86_MITIGATE_H

#include <linux/jump_label.h>
#include <asm/cpufeature.h>
#include <asm/nospec-branch.h>

#include "../vm.h"
#include "mitigate_decide.h"

/* Decides, and says so in one line of the log.  While the module loads. */
void mitigate_module_init(void);
void mitigate_module_exit(void);

/* Is @m on?  After mitigate_module_init(). */
bool mitigate_on(enum mitigate m);

/* A VM's name for mitigate_vcpu_arrives(); never that of another, or 0. */
u64 mitigate_new_vm(void);

DECLARE_PER_CPU(u64, mitigate_last_vm);

/*
 * A vCPU of @vm is loaded on this CPU: what the guest before has taught the
 * branch predictor is forgotten if that was another VM's.  Preemption off.
 */
static inline void mitigate_vcpu_arrives(const struct vm *vm)
{
	if (this_cpu_read(mitigate_last_vm) == vm->arch.mitigate_id)
		return;
	this_cpu_write(mitigate_last_vm, vm->arch.mitigate_id);
	indirect_branch_prediction_barrier();
}

DECLARE_STATIC_KEY_FALSE(mitigate_mmio);

/* Last before the world switch, interrupts off. */
static inline void mitigate_prepare_entry(const struct vm *vm)
{
	if (static_branch_unlikely(&mitigate_mmio) &&
	    READ_ONCE(vm->nr_vfio_groups))
		x86_clear_cpu_buffers();
}

/* A guest has run; its predictions must not reach our user space. */
static inline void mitigate_after_exit(void)
{
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
}

#endif
