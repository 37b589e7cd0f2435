// SPDX-License-Identifier: GPL-2.0-only
/*
 * The APIC-access page: one for the host, made with the module, owned by no VM
 * and reference-counted by nobody.
 *
 * In xAPIC mode the CPU answers accesses to it from the vCPU's own register
 * page and never touches its memory.  To a vCPU in any other mode it would be
 * plain memory, shared with every other guest (XSA-412).  So a VM's tables
 * have it only while all its vCPUs are in xAPIC mode, enabled, at the default
 * base, and the first that leaves takes it away before it has left.  What a VM
 * may do is in its record (special.c, mmu_lock): the page is offered with the
 * first vCPU, and withdrawn for good.
 * Source: SDM volume 3, 30.4.
 */
#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <asm/io.h>

#include "../main.h"
#include "../special.h"
#include "apic_page.h"
#include "lapic.h"
#include "vmx.h"

static struct page *apic_page;
static unsigned int apic_page_count;	/* pages there are: one, or none */

int apic_page_module_init(void)
{
	if (!vmx_caps.apic_access)
		return 0;
	apic_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!apic_page)
		return -ENOMEM;
	apic_page_count++;
	return 0;
}

void apic_page_module_exit(void)
{
	if (!apic_page)
		return;
	__free_page(apic_page);
	apic_page = NULL;
	apic_page_count--;
}

/* How many pages there are, how many VMs' tables have it, and is it clean? */
static int apic_page_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "pages %u\n", apic_page_count);
	seq_printf(m, "mapped %d\n", special_kernel_users());
	seq_printf(m, "references %d\n", apic_page ? page_count(apic_page) : 0);
	seq_printf(m, "touched %d\n", apic_page &&
		   memchr_inv(page_address(apic_page), 0, PAGE_SIZE));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(apic_page);

void apic_page_debugfs(void)
{
	debugfs_create_file("apic_page", 0444, main_debugfs, NULL,
			    &apic_page_fops);
}

void apic_page_vm_init(struct vm *vm)
{
	special_set_aside(vm, APIC_DEFAULT_BASE >> PAGE_SHIFT, apic_page);
}

void apic_page_leave(struct vm *vm)
{
	special_withdraw(vm);
}

u64 apic_page_phys(void)
{
	return apic_page ? page_to_phys(apic_page) : 0;
}
