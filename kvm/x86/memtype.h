/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory type of a guest page: how it is cached.
 */
#ifndef XKVM_X86_MEMTYPE_H
#define XKVM_X86_MEMTYPE_H

#include "../fault.h"
#include "../vm.h"
#include "mtrr.h"

/* Type and "ignore PAT" of an EPT leaf: bits 5:3 and 6. */
#define EPT_IPAT	BIT_ULL(6)
#define EPT_MEMTYPE(t)	((u64)(t) << 3)

static inline bool memtype_noncoherent(const struct vm *vm)
{
	return READ_ONCE(vm->arch.noncoherent);
}

/*
 * ept_memtype() - these bits for what is being mapped.  A device's memory of
 * the host is UC.  A special page is WB with IPAT wherever it lies.  RAM is
 * WB with IPAT, too, unless the VM has non-coherent DMA: then the guest's
 * MTRRs and PAT decide.  vCPU thread, mmu_lock held.
 */
static inline u64 ept_memtype(struct vcpu *v, const struct fault *f)
{
	lockdep_assert_held(&v->vm->mmu_lock);
	if (f->mmio)
		return EPT_MEMTYPE(MEMTYPE_UC);
	if (f->kind != SPECIAL_NONE || likely(!memtype_noncoherent(v->vm)))
		return EPT_MEMTYPE(MEMTYPE_WB) | EPT_IPAT;
	return EPT_MEMTYPE(mtrr_page_type(v, f->gpa));
}

/* The largest level, at most f->level, that has one type all over. */
int memtype_level(struct vcpu *v, const struct fault *f);

/*
 * WBINVD of a guest with non-coherent DMA: the caches of the CPUs that @v has
 * run on are written back.  vCPU thread, preemption on.
 */
void memtype_wbinvd(struct vcpu *v);

/* An MTRR of the guest's has another value.  Takes mmu_lock; may sleep. */
void memtype_mtrr_changed(struct vm *vm);

#endif
