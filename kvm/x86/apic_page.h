/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The APIC-access page.
 */
#ifndef XKVM_X86_APIC_PAGE_H
#define XKVM_X86_APIC_PAGE_H

#include "../vm.h"

/* Module load and unload; nothing where the CPU has no use for the page. */
int apic_page_module_init(void);	/* 0 or -ENOMEM */
void apic_page_module_exit(void);
void apic_page_debugfs(void);		/* main_debugfs exists */

/*
 * apic_page_vm_init() - the VM has local APICs in the kernel from now on: its
 * gfn is set aside, and the page is offered.  Before the first vCPU.
 */
void apic_page_vm_init(struct vm *vm);

/*
 * apic_page_leave() - a vCPU of the VM is about to be in another mode than
 * xAPIC at the default base.  When this returns no CPU can reach the page by
 * this VM's tables any more, and it never comes back.  May sleep.
 */
void apic_page_leave(struct vm *vm);

/* What the VMCS's APIC-access address is to be; 0: there is no page. */
u64 apic_page_phys(void);

#endif
