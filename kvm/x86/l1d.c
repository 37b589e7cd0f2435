// SPDX-License-Identifier: GPL-2.0-only
/*
 * L1 terminal fault: a guest may read speculatively what the host has left in
 * the level 1 data cache, by entries of its own tables that are not present.
 *
 * Emptied before each entry if the host is to be safe in full, else before
 * those after which more of the host may be in the cache than a plain exit
 * leaves there: the vCPU was loaded or an instruction emulated
 * (vmx_vcpu.l1d_tainted), or the host took an interrupt; as in-tree KVM does.
 * The kernel parameters mitigations= and l1tf= decide.
 * Source: Intel, "Deep Dive: L1 Terminal Fault".
 */
#include <linux/gfp.h>
#include <linux/hardirq.h>
#include <linux/mm.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/sync_core.h>

#include "../arch.h"
#include "l1d.h"
#include "mitigate.h"
#include "vmx.h"

/* Twice the largest cache there is: replacement need not be in order. */
#define L1D_ORDER	4
#define L1D_SIZE	(PAGE_SIZE << L1D_ORDER)
#define L1D_LINE	64

DEFINE_STATIC_KEY_FALSE(l1d_needed);
static bool l1d_always;
static u8 *l1d_memory;			/* where the CPU has no command for it */

int l1d_module_init(void)
{
	unsigned int i;

	if (!mitigate_on(MITIGATE_L1D))
		return 0;
	if (!boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		l1d_memory = (void *)__get_free_pages(GFP_KERNEL, L1D_ORDER);
		if (!l1d_memory)
			return -ENOMEM;
		/* nothing that a hypervisor above could merge into one page */
		for (i = 0; i < 1 << L1D_ORDER; i++)
			memset(l1d_memory + i * PAGE_SIZE, i + 1, PAGE_SIZE);
	}
	l1d_always = l1tf_mitigation >= L1TF_MITIGATION_FULL;
	static_branch_enable(&l1d_needed);
	return 0;
}

void l1d_module_exit(void)
{
	static_branch_disable(&l1d_needed);
	if (l1d_memory)
		free_pages((unsigned long)l1d_memory, L1D_ORDER);
	l1d_memory = NULL;
}

/* Unrolled: the loads are what it takes, not the counting of them. */
static void l1d_read_page(const u8 *page)
{
	unsigned int i;

#pragma GCC unroll 64
	for (i = 0; i < PAGE_SIZE; i += L1D_LINE)
		READ_ONCE(page[i]);
}

/* Other memory in its place.  First the translations, which use the cache. */
static void l1d_displace(void)
{
	const u8 *page, *start = l1d_memory, *end = start + L1D_SIZE;

	for (page = start; page < end; page += PAGE_SIZE)
		READ_ONCE(*page);
	sync_core();
	for (page = start; page < end; page += PAGE_SIZE)
		l1d_read_page(page);
}

void l1d_empty(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;

	if (!l1d_always && !x->l1d_tainted && !kvm_get_cpu_l1tf_flush_l1d())
		return;
	x->l1d_tainted = false;
	kvm_clear_cpu_l1tf_flush_l1d();
	v->stat.l1d_flushes++;
	if (l1d_memory)
		l1d_displace();
	else
		native_wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
}
