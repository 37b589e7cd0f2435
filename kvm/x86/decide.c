// SPDX-License-Identifier: GPL-2.0-only
/* Decisions about hardware as functions of numbers alone: see decide.h. */
#include <linux/kernel.h>
#include <linux/string.h>

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

#define CAPS_FIELD(f)							\
	{ #f, offsetof(struct vmx_caps, f),				\
	  sizeof(((struct vmx_caps *)0)->f) }

static const struct {
	const char *name;
	size_t at, size;
} decide_caps[] = {
	CAPS_FIELD(revision), CAPS_FIELD(pin), CAPS_FIELD(proc),
	CAPS_FIELD(proc2), CAPS_FIELD(exit), CAPS_FIELD(entry),
	CAPS_FIELD(pin_min), CAPS_FIELD(proc_min), CAPS_FIELD(exit_min),
	CAPS_FIELD(entry_min), CAPS_FIELD(cr0_fixed0), CAPS_FIELD(cr0_fixed1),
	CAPS_FIELD(cr4_fixed0), CAPS_FIELD(cr4_fixed1), CAPS_FIELD(ept_vpid),
};

const char *decide_caps_differ(const struct vmx_caps *a,
			       const struct vmx_caps *b)
{
	unsigned int i;

	/* the rest of the structure follows from these */
	for (i = 0; i < ARRAY_SIZE(decide_caps); i++)
		if (memcmp((const char *)a + decide_caps[i].at,
			   (const char *)b + decide_caps[i].at,
			   decide_caps[i].size))
			return decide_caps[i].name;
	return NULL;
}

u64 decide_tsc_lost(u64 before, u64 after)
{
	return before > after ? before - after : 0;
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
