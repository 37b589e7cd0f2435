// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which memory type a guest page gets, and starting over when the answer
 * changes.
 *
 * vm->arch.noncoherent counts what makes DMA non-coherent; it changes under
 * mmu_lock for writing, together with the removal of every entry.
 */
#include <linux/cpumask.h>
#include <linux/smp.h>
#include <asm/special_insns.h>

#include "../arch.h"
#include "memtype.h"
#include "mtrr.h"

int memtype_level(struct vcpu *v, const struct fault *f)
{
	int level = f->level;

	if (!memtype_noncoherent(v->vm))
		return level;
	while (level && !mtrr_uniform(v, f->gpa, pgt_span(level) << PAGE_SHIFT))
		level--;
	return level;
}

static void memtype_wbinvd_here(void *unused)
{
	wbinvd();
}

void memtype_wbinvd(struct vcpu *v)
{
	struct cpumask *cpus = v->arch.wbinvd_cpus;
	int cpu = get_cpu();

	cpumask_set_cpu(cpu, cpus);
	on_each_cpu_mask(cpus, memtype_wbinvd_here, NULL, true);
	/* what is dirty from now on is dirty here */
	cpumask_clear(cpus);
	cpumask_set_cpu(cpu, cpus);
	put_cpu();
}

static void memtype_start_over(struct vm *vm)
{
	lockdep_assert_held_write(&vm->mmu_lock);
	if (arch_stage2_unmap(vm, 0, arch_stage2_gfn_end())) {
		arch_flush_remote_tlbs(vm);
		arch_stage2_free_unlinked(vm);
	}
}

void memtype_mtrr_changed(struct vm *vm)
{
	if (!memtype_noncoherent(vm))
		return;
	write_lock(&vm->mmu_lock);
	memtype_start_over(vm);
	write_unlock(&vm->mmu_lock);
}

void arch_noncoherent_dma(struct vm *vm, int by)
{
	bool was;

	write_lock(&vm->mmu_lock);
	was = vm->arch.noncoherent;
	WRITE_ONCE(vm->arch.noncoherent, vm->arch.noncoherent + by);
	if (was != !!vm->arch.noncoherent)
		memtype_start_over(vm);
	write_unlock(&vm->mmu_lock);
}
