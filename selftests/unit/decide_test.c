// SPDX-License-Identifier: GPL-2.0-only
/* kvm/x86/decide.c: decisions about hardware that the emulated hosts have not. */
#include <string.h>

#include "decide.h"
#include "tap.h"

const char *tap_precondition(void)
{
	return NULL;
}

#define VALID	INTR_INFO_VALID_MASK

TEST(host_event, "NMIs and machine checks are the host's, nothing else is")
{
	const u32 failed = VMX_EXIT_REASONS_FAILED_VMENTRY;
	const struct {
		u32 reason, info;
		enum host_event event;
	} t[] = {
		{ 0, VALID | INTR_TYPE_NMI_INTR | 2, HOST_EVENT_NMI },
		{ 0, VALID | INTR_TYPE_HARD_EXCEPTION | 18, HOST_EVENT_MCE },
		{ 0, VALID | INTR_TYPE_HARD_EXCEPTION | 1, HOST_EVENT_NONE },
		{ 0, VALID | INTR_TYPE_HARD_EXCEPTION | 17, HOST_EVENT_NONE },
		/* the guest's INT 18 and INT 2, were they to exit */
		{ 0, VALID | INTR_TYPE_SOFT_INTR | 18, HOST_EVENT_NONE },
		{ 0, VALID | INTR_TYPE_SOFT_INTR | 2, HOST_EVENT_NONE },
		{ 0, INTR_TYPE_NMI_INTR | 2, HOST_EVENT_NONE },
		/* another exit's information is left over */
		{ 1, VALID | INTR_TYPE_NMI_INTR | 2, HOST_EVENT_NONE },
		{ EXIT_REASON_MCE_DURING_VMENTRY, 0, HOST_EVENT_NONE },
		{ failed | EXIT_REASON_MCE_DURING_VMENTRY, 0, HOST_EVENT_MCE },
		{ failed | 33, VALID | INTR_TYPE_NMI_INTR | 2,
		  HOST_EVENT_NONE },
		{ ~0u, 0, HOST_EVENT_NONE },
	};
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		CHECK_EQ(host_event(t[i].reason, t[i].info), t[i].event);
		if (t[i].event != HOST_EVENT_NONE)
			CHECK(host_event_possible(t[i].reason));
	}
	CHECK(!host_event_possible(EXIT_REASON_EXTERNAL_INTERRUPT));
	CHECK(!host_event_possible(~0u));
}

TEST(guest_ac, "#AC is the guest's where it asked for it, else the host's")
{
	const unsigned long am = 1ul << 18, ac = 1ul << 18;

	/* no detection: all of them, in every state */
	CHECK(decide_guest_ac(false, 0, 0, 0));
	CHECK(decide_guest_ac(false, 3, am, ac));
	CHECK(decide_guest_ac(true, 3, am, ac));
	CHECK(!decide_guest_ac(true, 0, am, ac));
	CHECK(!decide_guest_ac(true, 2, am, ac));
	CHECK(!decide_guest_ac(true, 3, ~am, ac));
	CHECK(!decide_guest_ac(true, 3, am, ~ac));
}

TEST(pending_dbg, "a step is pending where TF meets a shadow, and nowhere else there")
{
	const unsigned long tf = 1ul << 8;
	const u64 bs = PENDING_DBG_BS, bp = PENDING_DBG_ENABLED | 1, btf = 2;
	const u32 shadow[] = { GUEST_INTR_STATE_STI, GUEST_INTR_STATE_MOV_SS,
			       GUEST_INTR_STATE_MOV_SS | GUEST_INTR_STATE_NMI };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		CHECK_EQ(decide_pending_dbg(0, shadow[i], tf, 0), bs);
		CHECK_EQ(decide_pending_dbg(bs, shadow[i], tf, 0), bs);
		CHECK_EQ(decide_pending_dbg(bp, shadow[i], tf, 0), bs | bp);
		CHECK_EQ(decide_pending_dbg(bs, shadow[i], 0, 0), 0);
		CHECK_EQ(decide_pending_dbg(bs | bp, shadow[i], 0, 0), bp);
		CHECK_EQ(decide_pending_dbg(bs, shadow[i], tf, btf), 0);
		CHECK_EQ(decide_pending_dbg(0, shadow[i], ~tf, 0), 0);
	}
	/* nothing is blocked: whatever the CPU left is right */
	for (i = 0; i < 2; i++) {
		u32 state = i ? GUEST_INTR_STATE_NMI : 0;

		CHECK_EQ(decide_pending_dbg(bs, state, 0, 0), bs);
		CHECK_EQ(decide_pending_dbg(0, state, tf, 0), 0);
		CHECK_EQ(decide_pending_dbg(bp, state, tf, btf), bp);
	}
}

TEST(caps_differ, "a CPU with another capability is told by its name")
{
	struct vmx_caps a = { .revision = 4, .pin = 0x3f, .ept_vpid = 1ull << 40 };
	struct vmx_caps b = a;

	CHECK(!decide_caps_differ(&a, &b));
	b.ept_vpid = 0;
	CHECK(!strcmp(decide_caps_differ(&a, &b), "ept_vpid"));
	b.proc2 = 1u << 31;
	CHECK(!strcmp(decide_caps_differ(&a, &b), "proc2"));
	b = a;
	b.cr4_fixed1 = 1ull << 63;
	CHECK(!strcmp(decide_caps_differ(&a, &b), "cr4_fixed1"));
	b = a;
	b.revision++;
	CHECK(!strcmp(decide_caps_differ(&a, &b), "revision"));
	b = a;
	b.entry_min = 1;
	CHECK(!strcmp(decide_caps_differ(&b, &a), "entry_min"));
}

TEST(tsc_lost, "a TSC that went back in a suspend is made up for, one that went on is not")
{
	CHECK_EQ(decide_tsc_lost(1000, 10), 990);
	CHECK_EQ(decide_tsc_lost(1000, 1000), 0);
	CHECK_EQ(decide_tsc_lost(1000, 5000), 0);
	CHECK_EQ(decide_tsc_lost(~0ull, 0), ~0ull);
	CHECK_EQ(decide_tsc_lost(0, ~0ull), 0);
}

TEST(is_bochs, "only Bochs itself is taken for Bochs")
{
	CHECK(decide_is_bochs(false, true, 0x2b));
	CHECK(!decide_is_bochs(true, true, 0x2b));
	CHECK(!decide_is_bochs(false, false, 0x2b));
	CHECK(!decide_is_bochs(false, true, 4));
	CHECK(!decide_is_bochs(false, true, 0x2c));
}

TEST(msr_switch, "an MSR is switched where perf wants two values, up to the limit")
{
	struct msr_switch s = { .nr = 0 };
	unsigned int n = 0, i;

	n = decide_msr_switch(&s, n, 0x38f, 7, 7);
	CHECK_EQ(n, 0);
	n = decide_msr_switch(&s, n, 0x38f, 0x70000000full, 0x700000000ull);
	n = decide_msr_switch(&s, n, 0x600, 1, 1);
	n = decide_msr_switch(&s, n, 0x3f1, 1, 0);
	CHECK_EQ(n, 2);
	CHECK_EQ(s.host[0].index, 0x38f);
	CHECK_EQ(s.guest[0].index, 0x38f);
	CHECK_EQ(s.host[0].value, 0x70000000full);
	CHECK_EQ(s.guest[0].value, 0x700000000ull);
	CHECK_EQ(s.host[1].index, 0x3f1);
	CHECK_EQ(s.guest[1].value, 0);
	CHECK_EQ(s.host[1].value, 1);
	CHECK_EQ(s.host[1].reserved | s.guest[1].reserved, 0);
	for (i = 0; i < 10; i++)
		n = decide_msr_switch(&s, n, 0x400 + i, 1, 0);
	CHECK_EQ(n, SWITCH_MSRS);
}
