// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page-modification logging: the CPU notes each page whose dirty bit it sets.
 *
 * The entries of pages that nobody logs have their dirty bit set from the
 * start, so that only pages of logged slots are noted.  A vCPU's log is its
 * own: it is emptied after each exit while any slot logs, before the exit
 * counts (vcpu->mode), so that whoever makes all vCPUs leave the guest has
 * everything they wrote in the slots' bitmaps.
 * Source: SDM volume 3, 28.2.6.
 */
#include "../arch.h"
#include "exit.h"
#include "pml.h"
#include "vmx.h"

#define PML_ENTRIES	512

int pml_vcpu_init(struct vcpu *v)
{
	if (!vmx_caps.pml)
		return 0;
	v->arch.vmx->pml = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return v->arch.vmx->pml ? 0 : -ENOMEM;
}

void pml_vcpu_exit(struct vcpu *v)
{
	free_page((unsigned long)v->arch.vmx->pml);
}

void pml_write_vmcs(struct vcpu *v)
{
	if (!v->arch.vmx->pml)
		return;
	vmcs_write(PML_ADDRESS, __pa(v->arch.vmx->pml));
	vmcs_write(GUEST_PML_INDEX, PML_ENTRIES - 1);
}

/* The index counts down and stays below zero once all entries are used. */
void pml_flush(struct vcpu *v)
{
	const u64 *log = v->arch.vmx->pml;
	unsigned int last;
	u16 index;

	if (!log)
		return;
	index = vmcs_read(GUEST_PML_INDEX);
	if (index == PML_ENTRIES - 1)
		return;
	last = index < PML_ENTRIES ? index + 1 : 0;
	mark_pages_dirty(v->vm, &log[PML_ENTRIES - 1], PML_ENTRIES - last);
	vmcs_write(GUEST_PML_INDEX, PML_ENTRIES - 1);
}

int pml_exit_full(struct vcpu *v)
{
	/* nobody may be logging any more, and then it was not emptied */
	pml_flush(v);
	exit_unblocked_nmi(v, exit_qual(v));
	return 1;
}

bool arch_stage2_logs_writes(void)
{
	return vmx_caps.pml;
}

void arch_dirty_sync(struct vm *vm)
{
	if (vmx_caps.pml)
		vm_request_all(vm, REQ_KICK);
}
