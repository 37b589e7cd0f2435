// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPT: the format of its entries, the table of a VM, and the hooks that common
 * code calls.  Source: SDM volume 3, chapter "VMX support for address
 * translation".
 */
#include <asm/vmx.h>

#include "../arch.h"
#include "../fault.h"
#include "../trace.h"
#include "exit.h"
#include "lapic.h"
#include "memtype.h"
#include "mitigate.h"
#include "mtrr.h"
#include "vmx.h"

#define EPT_R		BIT_ULL(0)
#define EPT_W		BIT_ULL(1)
#define EPT_X		BIT_ULL(2)
#define EPT_LARGE	BIT_ULL(7)
#define EPT_A		BIT_ULL(8)
#define EPT_D		BIT_ULL(9)

static struct pgt_format ept_format __ro_after_init = {
	.present = EPT_R | EPT_W | EPT_X,
	.addr = GENMASK_ULL(51, 12),
	.write = EPT_W,
	.type = EPT_IPAT | EPT_MEMTYPE(7),
	.table = EPT_R | EPT_W | EPT_X,
	.leaf_mask = EPT_LARGE,
	.leaf_val = EPT_LARGE,
	.block_bits = EPT_LARGE,
	.top_level = 3,
};

void ept_module_init(void)
{
	if (vmx_caps.ept_ad) {
		ept_format.accessed = EPT_A;
		ept_format.dirty = EPT_D;
	}
	/* the rest may select keys of memory encryption */
	ept_format.addr = GENMASK_ULL(boot_cpu_data.x86_phys_bits - 1, 12);
	/*
	 * A guest that changes the size of a page it executes from can stop the
	 * whole host on some CPUs, but not where each leaf of the EPT is small.
	 */
	if (mitigate_on(MITIGATE_SMALL_PAGES))
		ept_format.max_leaf = 0;
	else
		ept_format.max_leaf = vmx_caps.ept_1g && vmx_caps.ept_2m ? 2 :
				      vmx_caps.ept_2m ? 1 : 0;
}

static void ept_free_work(struct work_struct *work)
{
	struct vm *vm = container_of(work, struct vm, arch.ept_free);
	struct pgt_unlinked list;

	write_lock(&vm->mmu_lock);
	list = vm->arch.ept_flushed;
	vm->arch.ept_flushed.first = NULL;
	write_unlock(&vm->mmu_lock);
	pgtable_free_list(&vm->arch.ept, &list);
}

int ept_vm_init(struct vm *vm)
{
	int ret = pgtable_create(&vm->arch.ept, &ept_format);

	INIT_WORK(&vm->arch.ept_free, ept_free_work);
	if (ret)
		return ret;
	vm->arch.eptp = pgtable_root(&vm->arch.ept) | VMX_EPTP_MT_WB |
			VMX_EPTP_PWL_4 |
			(vmx_caps.ept_ad ? VMX_EPTP_AD_ENABLE_BIT : 0);
	return 0;
}

void ept_vm_exit(struct vm *vm)
{
	cancel_work_sync(&vm->arch.ept_free);
	pgtable_free_list(&vm->arch.ept, &vm->arch.ept_flushed);
	pgtable_destroy(&vm->arch.ept);
}

unsigned long arch_stage2_tables(struct vm *vm)
{
	return READ_ONCE(vm->arch.ept.nr_tables);
}

int arch_stage2_prepare(struct vcpu *v)
{
	return pgt_cache_fill(&v->arch.vmx->tables);
}

int arch_stage2_map(struct vcpu *v, struct fault *f, bool *flush)
{
	u64 prot = EPT_R | ept_memtype(v, f);
	u64 pfn = f->pfn & (ept_format.addr >> PAGE_SHIFT);
	int level = 0, ret;

	if (f->level)
		level = min(memtype_level(v, f), ept_format.max_leaf);
	/* the kernel's own page is nobody's code, and has one type only */
	if (f->kind != SPECIAL_KERNEL)
		prot |= EPT_X;
	else if (WARN_ON_ONCE((prot & ept_format.type) !=
			      (EPT_IPAT | EPT_MEMTYPE(MEMTYPE_WB))))
		return -EIO;
	if (f->writable)
		prot |= EPT_W;
	/* what nobody waits for is not noted in the vCPU's log (pml.c) */
	if (!f->clean)
		prot |= ept_format.dirty;
	ret = pgtable_map(&v->vm->arch.ept, f->gpa >> PAGE_SHIFT, pfn, level,
			  prot, &v->arch.vmx->tables, flush);
	if (ret < 0)
		return ret;
	f->level = ret;
	return 0;
}

u64 arch_stage2_missing(struct vm *vm, gfn_t first, unsigned int n)
{
	lockdep_assert_held(&vm->mmu_lock);
	return pgtable_missing(&vm->arch.ept, first, n);
}

gfn_t arch_stage2_gfn_end(void)
{
	return pgtable_gfn_end(&ept_format);
}

bool arch_stage2_unmap(struct vm *vm, gfn_t start, gfn_t end)
{
	lockdep_assert_held_write(&vm->mmu_lock);
	return pgtable_unmap(&vm->arch.ept, start, end);
}

/* What every CPU has forgotten is freed without a lock, and in its own time. */
void arch_stage2_free_unlinked(struct vm *vm)
{
	lockdep_assert_held_write(&vm->mmu_lock);
	if (pgtable_take_unlinked(&vm->arch.ept, &vm->arch.ept_flushed))
		queue_work(system_unbound_wq, &vm->arch.ept_free);
}

/*
 * Without accessed bits an entry that is taken away tells by coming back that
 * the page is in use: otherwise the host could reclaim none of the guest's.
 */
static bool ept_age_by_fault(struct vm *vm, gfn_t start, gfn_t end)
{
	if (!arch_stage2_unmap(vm, start, end))
		return false;
	arch_flush_remote_tlbs(vm);
	arch_stage2_free_unlinked(vm);
	return true;
}

bool arch_stage2_age(struct vm *vm, gfn_t start, gfn_t end, bool clear)
{
	if (clear && !ept_format.accessed)
		return ept_age_by_fault(vm, start, end);
	return pgtable_age(&vm->arch.ept, start, end, clear);
}

bool arch_stage2_clear_dirty(struct vm *vm, gfn_t start, gfn_t end)
{
	lockdep_assert_held_write(&vm->mmu_lock);
	return vmx_caps.pml ? pgtable_clean(&vm->arch.ept, start, end) :
			      pgtable_wrprotect(&vm->arch.ept, start, end);
}

bool arch_stage2_start_log(struct vm *vm, gfn_t start, gfn_t end)
{
	lockdep_assert_held_write(&vm->mmu_lock);
	return vmx_caps.pml ?
		pgtable_clean_or_unmap(&vm->arch.ept, start, end) :
		pgtable_unmap(&vm->arch.ept, start, end);
}

void arch_flush_remote_tlbs(struct vm *vm)
{
	vm_request_all(vm, REQ_TLB_FLUSH);
}

int ept_violation(struct vcpu *v)
{
	unsigned long qual = exit_qual(v);
	gpa_t gpa = vmcs_read(GUEST_PHYSICAL_ADDRESS);
	bool write = qual & BIT(1), exec = qual & BIT(2);
	/* the linear address is given, and is that of the access itself */
	bool gva_valid = (qual & BIT(7)) && (qual & BIT(8));
	bool delivery = v->arch.vmx->idt_vectoring & VECTORING_INFO_VALID_MASK;
	int ret;

	exit_unblocked_nmi(v, qual);
	trace_xkvm_fault(v->id, reg_read(v, VREG_RIP), gpa, qual);
	/* the APIC-access page may be there to be mapped */
	if (gva_valid && !delivery && !exec &&
	    gpa >> PAGE_SHIFT != READ_ONCE(v->vm->kpage.gfn)) {
		ret = mmio_fast(v, gpa, write, true);
		if (ret != -EAGAIN)
			return ret;
	}
	ret = fault_handle(v, gpa, write, exec);
	switch (ret) {
	case FAULT_MAPPED:
	case FAULT_RETRY:
		return 1;
	case FAULT_MMIO:
		return mmio_emulate(v, gpa, gva_valid,
				    vmcs_read(GUEST_LINEAR_ADDRESS));
	default:
		return ret;
	}
}
