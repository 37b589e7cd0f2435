// SPDX-License-Identifier: GPL-2.0-only
/* Decisions about hardware as functions of numbers alone: see decide.h. */
#include "decide.h"

#define DECIDE_CR0_AM		(1ul << 18)
#define DECIDE_RFLAGS_AC	(1ul << 18)
#define DECIDE_RFLAGS_TF	(1ul << 8)
#define DECIDE_DEBUGCTL_BTF	(1ull << 1)
#define DECIDE_BOCHS_REVISION	0x2b

bool decide_guest_ac(bool sld, int cpl, unsigned long cr0,
		     unsigned long rflags)
{
	if (!sld)
		return true;
	return cpl == 3 && (cr0 & DECIDE_CR0_AM) && (rflags & DECIDE_RFLAGS_AC);
}

u64 decide_pending_dbg(u64 pending, u32 state, unsigned long rflags,
		       u64 debugctl)
{
	if (!(state & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)))
		return pending;
	if ((rflags & DECIDE_RFLAGS_TF) && !(debugctl & DECIDE_DEBUGCTL_BTF))
		return pending | PENDING_DBG_BS;
	return pending & ~PENDING_DBG_BS;
}

bool decide_is_bochs(bool hypervisor, bool bios, u32 revision)
{
	return !hypervisor && bios && revision == DECIDE_BOCHS_REVISION;
}

unsigned int decide_msr_switch(struct msr_switch *s, unsigned int n, u32 msr,
			       u64 host, u64 guest)
{
	if (host == guest || n >= SWITCH_MSRS)
		return n;
	s->guest[n] = (struct vmx_msr_entry){ .index = msr, .value = guest };
	s->host[n] = (struct vmx_msr_entry){ .index = msr, .value = host };
	return n + 1;
}
