// SPDX-License-Identifier: GPL-2.0-only
/* Local APIC: the timer in its modes, and saving and restoring all of it. */
#include "lapic_machine.h"

#define DIVIDE_1	0xb
#define DIVIDE_16	0x3

static void arm(u32 lvtt, u32 tdcr, u32 count)
{
	machine_make(1);
	machine_write(0, LAPIC_LVTT, lvtt);
	machine_write(0, LAPIC_TDCR, tdcr);
	machine_write(0, LAPIC_TMICT, count);
}

TEST(divisors, "the divide register's eight encodings")
{
	static const u32 tdcr[] = { 0xb, 0, 1, 2, 3, 8, 9, 0xa };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tdcr); i++)
		CHECK_EQ(lapic_timer_shift(tdcr[i]), i);
}

TEST(oneshot, "one-shot counts down, fires once and stays at zero")
{
	arm(0x40, DIVIDE_16, 1000);
	machine_pass(8000);
	CHECK_EQ(machine_read(0, LAPIC_TMCCT), 500);
	CHECK_EQ(machine_take(0), -1);
	machine_pass(8000);
	CHECK_EQ(machine_take(0), 0x40);
	machine_eoi(0);
	CHECK_EQ(machine_read(0, LAPIC_TMCCT), 0);
	machine_pass(1000000);
	CHECK_EQ(machine_take(0), -1);
	machine_write(0, LAPIC_TMICT, 1000);
	machine_pass(100);
	machine_write(0, LAPIC_TMICT, 0);
	machine_pass(1000000);
	CHECK_EQ(machine_take(0), -1);
}

/* The host's clock is fast: expiries come early, and are armed again. */
TEST(steered, "a timer fires at its time whatever rate the host's clock has")
{
	unsigned int i;

	machine_make(1);
	for (unit_early = 1; unit_early < 60; unit_early += 9) {
		machine_write(0, LAPIC_LVTT, 0x40);
		machine_write(0, LAPIC_TDCR, DIVIDE_1);
		machine_write(0, LAPIC_TMICT, 1000000000);
		machine_pass(999999999);
		CHECK_EQ(machine_read(0, LAPIC_TMCCT), 1);
		CHECK_EQ(machine_take(0), -1);
		machine_pass(1);
		CHECK_EQ(machine_take(0), 0x40);
		machine_eoi(0);

		machine_write(0, LAPIC_LVTT, 0x40 | LAPIC_LVTT_PERIODIC);
		machine_write(0, LAPIC_TMICT, 1000000);
		for (i = 0; i < 5; i++) {
			machine_pass(999999);
			CHECK_EQ(machine_take(0), -1);
			machine_pass(1);
			CHECK_EQ(machine_take(0), 0x40);
			machine_eoi(0);
		}
	}
	unit_early = 0;
}

TEST(divide_running, "a new divisor applies to what is left of the count")
{
	arm(0x40, DIVIDE_1, 16000);
	machine_pass(8000);
	machine_write(0, LAPIC_TDCR, DIVIDE_16);
	CHECK_EQ(machine_read(0, LAPIC_TMCCT), 8000);
	machine_pass(8000);
	CHECK_EQ(machine_read(0, LAPIC_TMCCT), 7500);
	CHECK_EQ(machine_take(0), -1);
	machine_pass(7500 * 16);
	CHECK_EQ(machine_take(0), 0x40);
}

TEST(periodic, "periodic goes on, and is not let go too fast")
{
	unsigned int i;

	arm(0x40 | LAPIC_LVTT_PERIODIC, DIVIDE_1, 1000000);
	for (i = 0; i < 5; i++) {
		machine_pass(999999);
		CHECK_EQ(machine_read(0, LAPIC_TMCCT), 1);
		CHECK_EQ(machine_take(0), -1);
		machine_pass(1);
		CHECK_EQ(machine_take(0), 0x40);
		machine_eoi(0);
	}
	machine_cpu(0)->kicks = 0;
	machine_write(0, LAPIC_TMICT, 1);
	machine_pass(10000000);
	CHECK(machine_cpu(0)->kicks <= 100);
	CHECK_EQ(machine_take(0), 0x40);
	CHECK(machine_read(0, LAPIC_TMCCT) <= 1);
}

TEST(masked, "an expiry while masked is lost")
{
	arm(0x40 | LAPIC_LVT_MASKED, DIVIDE_1, 1000);
	machine_pass(5000);
	machine_write(0, LAPIC_LVTT, 0x40);
	CHECK_EQ(machine_take(0), -1);
}

TEST(mode_running, "one-shot turns periodic with the count it has")
{
	arm(0x40, DIVIDE_1, 400000);
	machine_pass(100000);
	machine_write(0, LAPIC_LVTT, 0x41 | LAPIC_LVTT_PERIODIC);
	machine_pass(300000);
	CHECK_EQ(machine_take(0), 0x41);
	machine_eoi(0);
	machine_pass(400000);
	CHECK_EQ(machine_take(0), 0x41);
}

TEST(deadline, "TSC deadline: fires at its cycle, at once if it is past")
{
	struct vcpu *v;

	arm(0x40 | LAPIC_LVTT_DEADLINE, DIVIDE_1, 1000);
	v = machine_cpu(0);
	CHECK_EQ(machine_read(0, LAPIC_TMICT), 0);
	lapic_set_tscdeadline(v, x86_guest_tsc(v) + 3000);
	CHECK_EQ(lapic_get_tscdeadline(v), x86_guest_tsc(v) + 3000);
	machine_pass(990);
	CHECK_EQ(machine_take(0), -1);
	machine_pass(20);
	CHECK_EQ(machine_take(0), 0x40);
	CHECK_EQ(lapic_get_tscdeadline(v), 0);
	machine_eoi(0);

	lapic_set_tscdeadline(v, 1);
	CHECK_EQ(machine_take(0), 0x40);
	machine_eoi(0);

	lapic_set_tscdeadline(v, x86_guest_tsc(v) + 3000);
	lapic_set_tscdeadline(v, 0);
	machine_pass(5000);
	CHECK_EQ(machine_take(0), -1);

	lapic_set_tscdeadline(v, ~0ull);
	machine_pass(5000);
	CHECK_EQ(machine_take(0), -1);
	CHECK_EQ(lapic_get_tscdeadline(v), ~0ull);

	machine_write(0, LAPIC_LVTT, 0x40);
	CHECK_EQ(lapic_get_tscdeadline(v), 0);
}

TEST(rearm, "what has expired is delivered when the timer is armed again")
{
	struct vcpu *v;

	arm(0x40 | LAPIC_LVTT_DEADLINE, DIVIDE_1, 0);
	v = machine_cpu(0);
	lapic_set_tscdeadline(v, x86_guest_tsc(v) + 3000);
	machine_pass(2000);
	lapic_set_tscdeadline(v, x86_guest_tsc(v) + 3000000);
	CHECK_EQ(lapic_pending_vector(v), 0x40);
}

TEST(no_deadline, "the mode bit is reserved without the CPUID bit")
{
	struct vcpu *v;

	machine_make(1);
	v = machine_cpu(0);
	v->arch.features &= ~CPUF_TSC_DEADLINE;
	machine_write(0, LAPIC_LVTT, 0x40 | LAPIC_LVTT_DEADLINE);
	CHECK_EQ(machine_read(0, LAPIC_LVTT), 0x40);
	machine_x2apic(0);
	CHECK_EQ(lapic_msr_write(v, 0x832, 0x40 | LAPIC_LVTT_DEADLINE), 1);
}

TEST(state, "a state saved and restored goes on as it was")
{
	struct kvm_lapic_state s, again;
	struct vcpu *v;

	arm(0x40, DIVIDE_1, 10000);
	v = machine_cpu(0);
	machine_write(0, LAPIC_TPR, 0x10);
	lapic_set_vector(v, 0x81);
	lapic_set_vector(v, 0x91);
	CHECK_EQ(machine_take(0), 0x91);
	machine_pass(4000);
	CHECK(!lapic_get_state(v, &s));
	lapic_reset(v, false);
	machine_pass(100000);
	CHECK(!lapic_set_state(v, &s));
	CHECK(!lapic_get_state(v, &again));
	CHECK(!memcmp(&s, &again, sizeof(s)));
	CHECK_EQ(machine_take(0), -1);
	machine_eoi(0);
	CHECK_EQ(machine_take(0), 0x81);
	machine_eoi(0);
	machine_pass(5999);
	CHECK_EQ(machine_take(0), -1);
	machine_pass(1);
	CHECK_EQ(machine_take(0), 0x40);
}

TEST(state_expired, "an expiry that waits is in the state that is saved")
{
	struct kvm_lapic_state s;
	struct vcpu *v;

	arm(0x40, DIVIDE_1, 1000);
	v = machine_cpu(0);
	machine_pass(2000);
	CHECK(!lapic_get_state(v, &s));
	lapic_reset(v, false);
	CHECK(!lapic_set_state(v, &s));
	machine_pass(100000);
	CHECK_EQ(machine_take(0), 0x40);
	machine_eoi(0);
	CHECK_EQ(machine_take(0), -1);
}

TEST(state_bad, "what the live path would refuse does not come by a restore")
{
	struct kvm_lapic_state s, got;
	struct vcpu *v;

	machine_make(2);
	v = machine_cpu(1);
	memset(&s, 0xff, sizeof(s));
	CHECK(!lapic_set_state(v, &s));
	CHECK(!lapic_get_state(v, &got));
	CHECK_EQ(machine_read(1, LAPIC_ID), 1u << 24);
	CHECK_EQ(machine_read(1, LAPIC_VERSION), 0x50014);
	CHECK_EQ(machine_read(1, LAPIC_IRR), 0xffffffff);
	CHECK_EQ(machine_read(1, LAPIC_ISR), 0xffff0000);
	CHECK_EQ(machine_read(1, LAPIC_TPR), 0xff);
	CHECK_EQ(machine_read(1, LAPIC_SVR), 0x3ff);
	CHECK_EQ(machine_read(1, LAPIC_LVTERR), 0x100ff);
	machine_x2apic(1);
	CHECK_EQ(lapic_set_state(v, &s), -EINVAL);
}

TEST(state_reserved, "a reserved vector stays in IRR and is never delivered")
{
	struct kvm_lapic_state s;

	machine_make(1);
	CHECK(!lapic_get_state(machine_cpu(0), &s));
	s.regs[LAPIC_IRR] = 0x80;
	CHECK(!lapic_set_state(machine_cpu(0), &s));
	CHECK_EQ(machine_read(0, LAPIC_IRR), 0x80);
	CHECK_EQ(machine_take(0), -1);
}

TEST(state_x2apic, "the id has the form the VM asked for; ICR has two halves")
{
	struct kvm_lapic_state s;
	struct vcpu *v;

	machine_make(3);
	v = machine_cpu(2);
	machine_x2apic(2);
	CHECK(!lapic_msr_write(v, 0x830, 0x1234500004040ull));
	CHECK(!lapic_get_state(v, &s));
	CHECK_EQ(lapic_reg_get(s.regs, LAPIC_ID), 2u << 24);
	CHECK_EQ(lapic_reg_get(s.regs, LAPIC_LDR), 4);
	CHECK_EQ(lapic_reg_get(s.regs, LAPIC_ICR), 0x4040);
	CHECK_EQ(lapic_reg_get(s.regs, LAPIC_ICR2), 0x12345);
	CHECK(!lapic_set_state(v, &s));
	machine.arch.x2apic_ids32 = true;
	CHECK_EQ(lapic_set_state(v, &s), -EINVAL);
	CHECK(!lapic_get_state(v, &s));
	CHECK_EQ(lapic_reg_get(s.regs, LAPIC_ID), 2);
	CHECK(!lapic_set_state(v, &s));
	CHECK_EQ(machine_read(2, LAPIC_LDR), 4);
}

TEST(state_order, "the deadline may be restored before the mode or after")
{
	struct kvm_lapic_state s;
	struct vcpu *v;
	u64 deadline;

	arm(0x40 | LAPIC_LVTT_DEADLINE, DIVIDE_1, 0);
	v = machine_cpu(0);
	CHECK(!lapic_get_state(v, &s));
	deadline = x86_guest_tsc(v) + 3000;

	lapic_reset(v, false);
	lapic_set_tscdeadline(v, deadline);
	CHECK_EQ(lapic_get_tscdeadline(v), 0);
	CHECK(!lapic_set_state(v, &s));
	CHECK_EQ(lapic_get_tscdeadline(v), deadline);
	CHECK(!lapic_set_state(v, &s));
	CHECK_EQ(lapic_get_tscdeadline(v), deadline);

	lapic_reset(v, false);
	CHECK(!lapic_set_state(v, &s));
	lapic_set_tscdeadline(v, deadline);
	CHECK_EQ(lapic_get_tscdeadline(v), deadline);
	machine_pass(1010);
	CHECK_EQ(machine_take(0), 0x40);
}
