/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decisions about hardware that no emulated host has, as functions of numbers
 * alone: unit tests put every case to them.  Nothing here touches a register,
 * takes a lock or keeps state.
 */
#ifndef XKVM_X86_DECIDE_H
#define XKVM_X86_DECIDE_H

#include <linux/types.h>
#include <asm/vmx.h>

/* --- who an exit belongs to ----------------------------------------------- */

enum host_event {
	HOST_EVENT_NONE,
	HOST_EVENT_NMI,
	HOST_EVENT_MCE,
};

/* Can the exit be the host's own event at all?  Each exit pays for this. */
static __always_inline bool host_event_possible(u32 reason)
{
	return reason == EXIT_REASON_EXCEPTION_NMI ||
	       reason == (EXIT_REASON_MCE_DURING_VMENTRY |
			  VMX_EXIT_REASONS_FAILED_VMENTRY);
}

/*
 * Which event of the host ended the guest's stay?  @reason is the whole exit
 * reason, @info the interruption information of an exception's exit.
 * Source: SDM volume 3, 25.9.2 and 28.2.2.
 */
static __always_inline enum host_event host_event(u32 reason, u32 info)
{
	const u32 what = INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK;

	if (reason != EXIT_REASON_EXCEPTION_NMI)
		return host_event_possible(reason) ? HOST_EVENT_MCE :
						     HOST_EVENT_NONE;
	if ((info & what) == (INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR))
		return HOST_EVENT_NMI;
	if ((info & (what | INTR_INFO_VECTOR_MASK)) ==
	    (INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | 18))
		return HOST_EVENT_MCE;
	return HOST_EVENT_NONE;
}

/*
 * decide_guest_ac() - is #AC the guest's?  Without the host's split-lock
 * detection (@sld) each one is.  With it the guest's are those it has asked
 * for, alignment checks at CPL 3.  SDM volume 3, 6.15, "Alignment Check".
 */
bool decide_guest_ac(bool sld, int cpl, unsigned long cr0,
		     unsigned long rflags);

/* --- CPUs of one machine ------------------------------------------------------- */

/* What this machine's CPUs all can do; read-only after load. */
struct vmx_caps {
	u32 revision;			/* VMCS revision id */
	u32 pin, proc, proc2, exit, entry; /* controls in use at most */
	u32 pin_min, proc_min, exit_min, entry_min; /* bits that must be 1 */
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u64 ept_vpid;			/* IA32_VMX_EPT_VPID_CAP */
	bool tpr_shadow;		/* TPR accesses without exits */
	bool x2apic;			/* and those of x2APIC mode's MSR */
	bool apic_access;		/* and those of xAPIC mode's page */
	bool apicv;			/* all of them, registers and VID */
	bool ept_ad, ept_2m, ept_1g;
	bool pml;			/* page-modification logging */
};

/*
 * decide_caps_differ() - a CPU comes: can it run what the others can?  NULL, or
 * the name of the first capability in which @b differs from @a.
 */
const char *decide_caps_differ(const struct vmx_caps *a,
			       const struct vmx_caps *b);

/*
 * decide_tsc_lost() - what the TSC lost in a suspend, @before and @after it: a
 * guest's may not go back.  Where it went on there is nothing to make up for.
 */
u64 decide_tsc_lost(u64 before, u64 after);

/* --- debug exceptions that wait for an entry --------------------------------- */

/* Bits of GUEST_PENDING_DBG_EXCEPTIONS, SDM volume 3, table 25-4. */
#define PENDING_DBG_BPS		0xfull		/* breakpoints met ... */
#define PENDING_DBG_ENABLED	(1ull << 12)	/* ... one of them enabled */
#define PENDING_DBG_BS		(1ull << 14)	/* a single step */

/*
 * decide_pending_dbg() - what the field must be for an entry.  Where STI or
 * MOV SS block events, the CPU wants a single step to be pending exactly if
 * RFLAGS.TF steps by instructions.  @state is the interruptibility.
 * Source: SDM volume 3, 27.3.1.5.
 */
u64 decide_pending_dbg(u64 pending, u32 state, unsigned long rflags,
		       u64 debugctl);

/* --- the emulator that the lab's hosts run in -------------------------------- */

/*
 * decide_is_bochs() - is the machine Bochs, whose departures from hardware some
 * code has to know?  @hypervisor is CPUID's bit, which Bochs does not set and
 * a nested hypervisor with a BIOS of that name does; @revision is the VMCS
 * revision, which Bochs has for itself.
 */
bool decide_is_bochs(bool hypervisor, bool bios, u32 revision);

/* --- MSRs switched for perf -------------------------------------------------- */

#define SWITCH_MSRS	4

struct perf_guest_switch_msr;

/* What the CPU loads by itself at entry and at exit. */
struct msr_switch {
	struct vmx_msr_entry guest[SWITCH_MSRS], host[SWITCH_MSRS];
	unsigned int nr;		/* as in the VMCS */
};

/*
 * decide_msr_switch() - enter an MSR whose values are @host and @guest into
 * the lists of @s, which have @n entries.  The number they have now: an MSR
 * with one value for both is not switched.
 */
unsigned int decide_msr_switch(struct msr_switch *s, unsigned int n, u32 msr,
			       u64 host, u64 guest);

#endif
