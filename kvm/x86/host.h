/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own events and registers around a stay in the guest: host.c. */
#ifndef XKVM_X86_HOST_H
#define XKVM_X86_HOST_H

#include <linux/jump_label.h>
#include <linux/percpu.h>
#include <asm/debugreg.h>

#include "decide.h"

/*
 * host_nmi() - run the host's NMI handler, whose IRET unblocks NMIs.  noinstr,
 * interrupts off; RCU need not watch.
 */
void host_nmi(void);

/*
 * host_machine_check() - run the host's machine check handler as if it had
 * interrupted a program: an error in the guest's memory then ends the VMM and
 * not the host.  noinstr, interrupts off, RCU watches.
 */
void host_machine_check(void);

/*
 * host_breakpoints_restore() - an exit clears DR7: put back the breakpoints of
 * perf and ptrace.  Interrupts off.
 */
static inline void host_breakpoints_restore(void)
{
	if (unlikely(hw_breakpoint_active()))
		hw_breakpoint_restore();
}

DECLARE_STATIC_KEY_FALSE(host_perf_key);
void host_perf_switch(struct msr_switch *s);

/*
 * host_perf_prepare() - keep the host's counters and PEBS out of the guest as
 * perf wants it.  Before an entry, interrupts off, VMCS current.
 */
static inline void host_perf_prepare(struct msr_switch *s)
{
	if (static_branch_unlikely(&host_perf_key))
		host_perf_switch(s);
}

/* The lists' addresses into the VMCS, which is current. */
void host_perf_write_vmcs(struct msr_switch *s);

/*
 * host_split_lock() - the guest made a split lock that the host does not want.
 * True: the guest may go on; false: user space has to be told.  May sleep.
 */
bool host_split_lock(unsigned long rip);

void host_module_init(void);

#endif
