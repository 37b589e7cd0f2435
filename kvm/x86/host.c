// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's own events around a stay in the guest, and what of its registers
 * may not be in effect there: NMIs, machine checks, counters, split locks.  On
 * the vCPU's CPU, interrupts off except where host.h says otherwise; no lock.
 */
#include <linux/perf_event.h>
#include <asm/cpu.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
#include <asm/ptrace.h>
#include <asm/segment.h>

#include "../compat.h"
#include "host.h"
#include "vmx.h"

DEFINE_STATIC_KEY_FALSE(host_perf_key);

noinstr void host_nmi(void)
{
	if (!compat_fred_nmi())
		vmx_nmi();
}

noinstr void host_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = __USER_CS, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
}

void host_perf_switch(struct msr_switch *s)
{
	const struct perf_guest_switch_msr *m;
	unsigned int n = 0;
	int i, nr = 0;

	m = perf_guest_get_msrs(&nr, NULL);
	for (i = 0; m && i < nr; i++, m++) {
		n = decide_msr_switch(s, n, m->msr, m->host, m->guest);
		/* a record on its way needs more time than the entry leaves it */
		if (m->msr == MSR_IA32_PEBS_ENABLE && m->host != m->guest)
			native_wrmsrl(MSR_IA32_PEBS_ENABLE, 0);
	}
	if (n == s->nr)
		return;
	s->nr = n;
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, n);
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, n);
}

void host_perf_write_vmcs(struct msr_switch *s)
{
	vmcs_write(VM_ENTRY_MSR_LOAD_ADDR, __pa(s->guest));
	vmcs_write(VM_EXIT_MSR_LOAD_ADDR, __pa(s->host));
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, 0);
}

bool host_split_lock(unsigned long rip)
{
	return handle_guest_split_lock(rip);
}

/* Whether perf has MSRs to switch on this machine at all does not change. */
void host_module_init(void)
{
	int nr = 0;

	preempt_disable();
	if (!perf_guest_get_msrs(&nr, NULL))
		nr = 0;
	preempt_enable();
	if (nr)
		static_branch_enable(&host_perf_key);
}
