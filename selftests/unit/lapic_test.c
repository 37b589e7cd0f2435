// SPDX-License-Identifier: GPL-2.0-only
/* Local APIC: registers, priorities, messages, errors, modes. */
#include "../../kvm/routing.h"
#include "lapic_machine.h"

#define FIXED(v)	((v) | LAPIC_ICR_ASSERT)
#define SELF		(1u << 18)
#define ALL		(2u << 18)
#define OTHERS		(3u << 18)

static void ipi(unsigned int from, u32 dest, u32 icr)
{
	machine_write(from, LAPIC_ICR2, dest << 24);
	machine_write(from, LAPIC_ICR, icr);
}

static int x2ipi(unsigned int from, u32 dest, u32 icr)
{
	return lapic_msr_write(machine_cpu(from), 0x830,
			       (u64)dest << 32 | icr);
}

TEST(reset, "reset values are those of the SDM and KVM's virtual wire mode")
{
	struct vcpu *v;

	machine_make(2);
	v = machine_cpu(1);
	lapic_reset(v, false);
	CHECK_EQ(machine_read(1, LAPIC_ID), 1u << 24);
	CHECK_EQ(machine_read(1, LAPIC_VERSION), 0x50014);
	CHECK_EQ(machine_read(1, LAPIC_SVR), 0xff);
	CHECK_EQ(machine_read(1, LAPIC_DFR), ~0u);
	CHECK_EQ(machine_read(1, LAPIC_LVT0), LAPIC_LVT_MASKED);
	CHECK_EQ(machine_read(1, LAPIC_LVTT), LAPIC_LVT_MASKED);
	lapic_reset(machine_cpu(0), false);
	CHECK_EQ(machine_read(0, LAPIC_LVT0), LAPIC_DM_EXTINT << 8);
	CHECK(lapic_accepts_extint(machine_cpu(0)));
	CHECK(!lapic_accepts_extint(v));
	CHECK_EQ(lapic_get_base(machine_cpu(0)), 0xfee00900);
	CHECK_EQ(lapic_get_base(v), 0xfee00800);
}

TEST(priority, "IRR, ISR and the task priority arbitrate by class")
{
	machine_make(1);
	lapic_set_vector(machine_cpu(0), 0x31);
	lapic_set_vector(machine_cpu(0), 0x35);
	lapic_set_vector(machine_cpu(0), 0x51);
	CHECK_EQ(machine_take(0), 0x51);
	CHECK_EQ(machine_read(0, LAPIC_PPR), 0x50);
	CHECK_EQ(machine_take(0), -1);
	machine_eoi(0);
	machine_write(0, LAPIC_TPR, 0x30);
	CHECK_EQ(machine_take(0), -1);
	CHECK_EQ(machine_read(0, LAPIC_IRR + 0x10), 1u << 0x11 | 1u << 0x15);
	lapic_set_cr8(machine_cpu(0), 2);
	CHECK_EQ(machine_read(0, LAPIC_TPR), 0x20);
	CHECK_EQ(machine_take(0), 0x35);
	CHECK_EQ(machine_take(0), -1);
	machine_eoi(0);
	CHECK_EQ(machine_take(0), 0x31);
	machine_eoi(0);
	CHECK_EQ(lapic_highest_isr(machine_cpu(0)), -1);
}

TEST(svr, "a software disable masks the LVT and refuses vectors, not NMIs")
{
	struct lapic_irq nmi = { .delivery = LAPIC_DM_NMI };

	machine_make(1);
	machine_write(0, LAPIC_LVT1, 0x400);
	machine_write(0, LAPIC_SVR, 0xff);
	CHECK_EQ(machine_read(0, LAPIC_LVT1), 0x10400);
	machine_write(0, LAPIC_LVT1, 0x400);
	CHECK_EQ(machine_read(0, LAPIC_LVT1), 0x10400);
	CHECK_EQ(machine_msi(0xfee00000, 0x40), 0);
	CHECK_EQ(lapic_deliver(&machine, NULL, &nmi), 1);
	CHECK_EQ(machine_cpu(0)->nmis, 1);
	machine_write(0, LAPIC_SVR, 0x1ff);
	CHECK_EQ(machine_msi(0xfee00000, 0x40), 1);
	CHECK_EQ(machine_msi(0xfee05000, 0x40), -1);
}

TEST(physical, "physical destinations and shorthands reach whom they mean")
{
	machine_make(3);
	ipi(0, 2, FIXED(0x40));
	CHECK_EQ(machine_take(2), 0x40);
	CHECK_EQ(machine_take(1), -1);
	ipi(0, 0, FIXED(0x41) | OTHERS);
	CHECK_EQ(machine_take(0), -1);
	CHECK_EQ(machine_take(1), 0x41);
	machine_eoi(2);
	CHECK_EQ(machine_take(2), 0x41);
	ipi(1, 0, FIXED(0x52) | ALL);
	CHECK_EQ(machine_take(0), 0x52);
	CHECK_EQ(machine_take(1), 0x52);
	CHECK_EQ(machine_take(2), 0x52);
	ipi(1, 0, FIXED(0x63) | SELF);
	CHECK_EQ(machine_take(0), -1);
	CHECK_EQ(machine_take(1), 0x63);
	ipi(1, 0xff, FIXED(0x74));
	CHECK_EQ(machine_take(0), 0x74);
	CHECK_EQ(machine_take(2), 0x74);
	CHECK_EQ(machine_read(1, LAPIC_ICR) & LAPIC_ICR_BUSY, 0);
}

static void logical_ids(u32 dfr, u32 a, u32 b, u32 c)
{
	u32 ldr[] = { a, b, c }, i;

	machine_make(3);
	for (i = 0; i < 3; i++) {
		machine_write(i, LAPIC_DFR, dfr);
		machine_write(i, LAPIC_LDR, ldr[i] << 24);
	}
}

TEST(flat, "flat logical destinations")
{
	logical_ids(~0u, 1, 2, 4);
	ipi(0, 6, FIXED(0x40) | LAPIC_ICR_LOGICAL);
	CHECK_EQ(machine_take(0), -1);
	CHECK_EQ(machine_take(1), 0x40);
	CHECK_EQ(machine_take(2), 0x40);
	ipi(0, 8, FIXED(0x50) | LAPIC_ICR_LOGICAL);
	CHECK_EQ(machine_take(1), -1);
	/* two with the same bit */
	machine_write(1, LAPIC_LDR, 4u << 24);
	ipi(0, 4, FIXED(0x60) | LAPIC_ICR_LOGICAL);
	CHECK_EQ(machine_take(1), 0x60);
	CHECK_EQ(machine_take(2), 0x60);
	CHECK_EQ(machine_take(0), -1);
}

TEST(cluster, "cluster logical destinations")
{
	logical_ids(0x0fffffff, 0x11, 0x12, 0x21);
	ipi(2, 0x13, FIXED(0x40) | LAPIC_ICR_LOGICAL);
	CHECK_EQ(machine_take(0), 0x40);
	CHECK_EQ(machine_take(1), 0x40);
	CHECK_EQ(machine_take(2), -1);
	ipi(0, 0x21, FIXED(0x50) | LAPIC_ICR_LOGICAL);
	CHECK_EQ(machine_take(2), 0x50);
	CHECK_EQ(machine_take(0), -1);
	ipi(0, 0xff, FIXED(0x60) | LAPIC_ICR_LOGICAL);
	CHECK_EQ(machine_take(0), 0x60);
	CHECK_EQ(machine_take(2), 0x60);
}

TEST(x2apic, "x2APIC: ids, clusters, 64-bit ICR, SELF IPI, reserved bits")
{
	struct vcpu *v;
	u64 data;
	u32 i;

	machine_make(34);
	for (i = 0; i < 34; i++)
		machine_x2apic(i);
	v = machine_cpu(0);
	CHECK_EQ(machine_read(33, LAPIC_ID), 33);
	CHECK_EQ(machine_read(33, LAPIC_LDR), 0x20002);
	CHECK(!x2ipi(0, 0x20003, FIXED(0x40) | LAPIC_ICR_LOGICAL));
	CHECK_EQ(machine_take(32), 0x40);
	CHECK_EQ(machine_take(33), 0x40);
	CHECK_EQ(machine_take(0), -1);
	CHECK(!x2ipi(0, 0x40001, FIXED(0x40) | LAPIC_ICR_LOGICAL));
	CHECK(!x2ipi(0, 33, FIXED(0x50)));
	CHECK_EQ(machine_take(33), 0x50);
	CHECK(!x2ipi(0, ~0u, FIXED(0x60)));
	CHECK_EQ(machine_take(17), 0x60);
	CHECK(!x2ipi(0, 255, FIXED(0x70)));
	CHECK_EQ(machine_take(17), -1);
	CHECK(!lapic_msr_read(v, 0x830, &data));
	CHECK_EQ(data, 0xff00004070ull);
	CHECK(!lapic_msr_write(v, 0x83f, 0x81));
	CHECK_EQ(machine_take(0), 0x81);

	CHECK_EQ(x2ipi(0, 0, 1u << 13), 1);
	CHECK_EQ(x2ipi(0, 0, 1u << 31), 1);
	CHECK_EQ(lapic_msr_write(v, 0x80b, 1), 1);
	CHECK_EQ(lapic_msr_write(v, 0x808, 0x100), 1);
	CHECK_EQ(lapic_msr_write(v, 0x808, 1ull << 32), 1);
	CHECK_EQ(lapic_msr_write(v, 0x828, 1), 1);
	CHECK_EQ(lapic_msr_write(v, 0x802, 0), 1);
	CHECK_EQ(lapic_msr_write(v, 0x80e, 0), 1);
	CHECK_EQ(lapic_msr_read(v, 0x831, &data), 1);
	CHECK_EQ(lapic_msr_read(v, 0x80b, &data), 1);
	CHECK_EQ(lapic_msr_read(v, 0x83f, &data), 1);
	CHECK_EQ(lapic_msr_read(v, 0x8ff, &data), 1);
	CHECK_EQ(lapic_mmio_read(v, LAPIC_ID, 4, &data), -EOPNOTSUPP);
}

TEST(base, "illegal IA32_APIC_BASE values and transitions fault")
{
	struct vcpu *v;
	u64 on = 0xfee00900, x2 = on | LAPIC_BASE_EXTD, off = 0xfee00100;
	u32 val = 0x30;

	machine_make(1);
	v = machine_cpu(0);
	CHECK_EQ(lapic_set_base(v, on | 1, false), 1);
	CHECK_EQ(lapic_set_base(v, on | 1ull << 40, false), 1);
	CHECK_EQ(lapic_set_base(v, off | LAPIC_BASE_EXTD, false), 1);
	CHECK_EQ(lapic_set_base(v, off | LAPIC_BASE_EXTD, true), 1);
	machine_write(0, LAPIC_TPR, val);
	CHECK(!lapic_set_base(v, x2, false));
	CHECK_EQ(machine_read(0, LAPIC_TPR), val);
	CHECK_EQ(lapic_set_base(v, on, false), 1);
	CHECK(!lapic_set_base(v, off, false));
	CHECK_EQ(lapic_mmio_write(v, LAPIC_TPR, 4, &val), -EOPNOTSUPP);
	CHECK_EQ(machine_msi(0xfee00000, 0x40), -1);
	CHECK_EQ(lapic_set_base(v, x2, false), 1);
	CHECK(!lapic_set_base(v, x2, true));
	CHECK(!lapic_set_base(v, on, true));
	CHECK_EQ(machine_read(0, LAPIC_TPR), 0);
	v->arch.features = 0;
	CHECK_EQ(lapic_set_base(v, x2, false), 1);
}

TEST(lowest, "lowest priority chooses one, and only among the enabled")
{
	unsigned int i, n, took[3] = {};

	machine_make(3);
	for (i = 0; i < 3; i++)
		machine_write(i, LAPIC_LDR, 1u << (24 + i));
	machine_write(1, LAPIC_SVR, 0xff);
	for (n = 0x40; n < 0x50; n++) {
		CHECK_EQ(machine_msi(0xfee07004, 0x100 | n), 1);
		for (i = 0; i < 3; i++) {
			if (machine_take(i) < 0)
				continue;
			took[i]++;
			machine_eoi(i);
		}
	}
	CHECK_EQ(took[0], 8);
	CHECK_EQ(took[1], 0);
	CHECK_EQ(took[2], 8);
	CHECK_EQ(machine_msi(0xfee0700c, 0x41), 1);
	CHECK_EQ(machine_msi(0xfee07004, 0x42), 2);
}

/* cases.md 18: no error leads to another without end. */
TEST(illegal, "an illegal vector in the error entry itself ends there")
{
	machine_make(2);
	machine_write(1, LAPIC_LVTERR, 0x05);
	CHECK_EQ(machine_msi(0xfee01000, 0x03), 0);
	machine_write(1, LAPIC_ESR, 0);
	CHECK_EQ(machine_read(1, LAPIC_ESR), 0x40);
	CHECK_EQ(machine_read(1, LAPIC_IRR), 0);
	CHECK_EQ(machine_take(1), -1);

	/* a sender's error raises the sender's entry, once until ESR is read */
	machine_write(0, LAPIC_LVTERR, 0x71);
	ipi(0, 1, FIXED(0x0f));
	CHECK_EQ(machine_take(0), 0x71);
	machine_eoi(0);
	ipi(0, 1, FIXED(0x0f));
	CHECK_EQ(machine_take(0), -1);
	machine_write(0, LAPIC_ESR, 0);
	CHECK_EQ(machine_read(0, LAPIC_ESR), 0x20);
	machine_write(0, LAPIC_ESR, 0);
	CHECK_EQ(machine_read(0, LAPIC_ESR), 0);
	ipi(0, 0, FIXED(0x0e) | SELF);
	machine_write(0, LAPIC_ESR, 0);
	CHECK_EQ(machine_read(0, LAPIC_ESR), 0x60);
	machine_eoi(0);
	machine_write(0, 0x3d0, 1);
	machine_write(0, LAPIC_ESR, 0);
	CHECK_EQ(machine_read(0, LAPIC_ESR), 0x80);
}

TEST(startup, "INIT and SIPI: order, level de-assert, lost start-ups")
{
	struct vcpu *v;

	machine_make(2);
	v = machine_cpu(1);
	v->arch.mp_state = KVM_MP_STATE_RUNNABLE;
	ipi(0, 1, LAPIC_DM_SIPI << 8 | 0x12);
	lapic_take_events(v);
	CHECK_EQ(v->started_at, -1);

	ipi(0, 1, LAPIC_DM_INIT << 8 | LAPIC_ICR_ASSERT | LAPIC_ICR_LEVEL);
	ipi(0, 1, LAPIC_DM_INIT << 8 | LAPIC_ICR_LEVEL);
	CHECK(lapic_has_events(v));
	lapic_take_events(v);
	CHECK(!lapic_has_events(v));
	CHECK_EQ(v->resets, 1);
	CHECK_EQ(v->arch.mp_state, KVM_MP_STATE_INIT_RECEIVED);
	ipi(0, 1, LAPIC_DM_SIPI << 8 | 0x12);
	lapic_take_events(v);
	CHECK_EQ(v->started_at, 0x12);
	CHECK_EQ(v->arch.mp_state, KVM_MP_STATE_RUNNABLE);

	/* both before the vCPU looks; then one that INIT makes void */
	ipi(0, 1, LAPIC_DM_INIT << 8 | LAPIC_ICR_ASSERT);
	ipi(0, 1, LAPIC_DM_SIPI << 8 | 0x34);
	lapic_take_events(v);
	CHECK_EQ(v->started_at, 0x34);
	ipi(0, 1, LAPIC_DM_INIT << 8 | LAPIC_ICR_ASSERT);
	ipi(0, 1, LAPIC_DM_SIPI << 8 | 0x56);
	ipi(0, 1, LAPIC_DM_INIT << 8 | LAPIC_ICR_ASSERT);
	lapic_take_events(v);
	CHECK_EQ(v->started_at, 0x34);
	CHECK_EQ(v->arch.mp_state, KVM_MP_STATE_INIT_RECEIVED);

	ipi(1, 0, LAPIC_DM_INIT << 8 | LAPIC_ICR_ASSERT);
	lapic_take_events(machine_cpu(0));
	CHECK_EQ(machine_cpu(0)->arch.mp_state, KVM_MP_STATE_RUNNABLE);
}

TEST(mmio, "only aligned four-byte accesses reach a register")
{
	struct vcpu *v;
	u64 data = ~0ull;
	u32 tpr = 0x55;

	machine_make(1);
	v = machine_cpu(0);
	machine_write(0, LAPIC_TPR, 0x20);
	CHECK(!lapic_mmio_write(v, LAPIC_TPR, 1, &tpr));
	CHECK(!lapic_mmio_write(v, LAPIC_TPR, 8, &tpr));
	CHECK(!lapic_mmio_write(v, LAPIC_TPR + 4, 4, &tpr));
	CHECK(!lapic_mmio_write(v, 0xff0, 4, &tpr));
	CHECK_EQ(machine_read(0, LAPIC_TPR), 0x20);
	CHECK(!lapic_mmio_read(v, LAPIC_VERSION + 2, 1, &data));
	CHECK_EQ(data & 0xff, 0x05);
	CHECK(!lapic_mmio_read(v, LAPIC_VERSION + 2, 8, &data));
	CHECK_EQ(data, 0x05);
	CHECK(!lapic_mmio_read(v, LAPIC_VERSION + 12, 8, &data));
	CHECK_EQ(data, 0);
	CHECK(!lapic_mmio_read(v, 0xffc, 4, &data));
	machine_write(0, LAPIC_ID, 7u << 24);
	CHECK_EQ(machine_read(0, LAPIC_ID), 0);
	machine_write(0, LAPIC_VERSION, 0);
	CHECK_EQ(machine_read(0, LAPIC_VERSION), 0x50014);
}

TEST(vid, "with virtual-interrupt delivery others do not touch IRR")
{
	struct vcpu *v;

	machine_make(1);
	v = machine_cpu(0);
	v->arch.lapic->vid = true;
	lapic_set_vector(v, 0x41);
	lapic_set_vector(v, 0xc2);
	CHECK_EQ(lapic_vec_highest(v->arch.lapic->regs, LAPIC_IRR), -1);
	CHECK_EQ(lapic_highest_irr(v), 0xc2);
	CHECK_EQ(lapic_sync_irr(v), 0xc2);
	CHECK(lapic_vec_test(v->arch.lapic->regs, LAPIC_IRR, 0x41));
	CHECK_EQ(v->arch.lapic->pi.control, 0);
	CHECK_EQ((unsigned long)&v->arch.lapic->pi % 64, 0);
}

TEST(level, "the EOI of a pin's level-triggered message is told a split irqchip")
{
	struct kvm_irq_routing_entry pin = {
		.gsi = 5, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000, .data = 0xc040 },
	};
	const struct irq_line up = { .gsi = 5, .level = true };
	u64 exits[4];
	struct vcpu *v;

	machine_make(1);
	machine.arch.irqchip_split = true;
	machine.arch.split_pins = 6;
	v = machine_cpu(0);
	/* after a reset the CPU is told in any case */
	CHECK(lapic_eoi_exit_bitmap(v, exits));
	CHECK(!lapic_eoi_exit_bitmap(v, exits));
	machine_msi(0xfee00000, 0xc040);
	CHECK_EQ(machine_take(0), 0x40);
	machine_eoi(0);
	CHECK_EQ(lapic_take_eoi_exit(v), -1);

	CHECK_EQ(arch_routing_deliver(&machine, &pin, &up), 1);
	CHECK_EQ(machine_read(0, LAPIC_TMR + 0x20), 1);
	CHECK(lapic_eoi_exit_bitmap(v, exits));
	CHECK_EQ(exits[1], 1);
	CHECK_EQ(machine_take(0), 0x40);
	machine_eoi(0);
	CHECK_EQ(lapic_take_eoi_exit(v), 0x40);
	CHECK_EQ(lapic_take_eoi_exit(v), -1);

	/* an edge while it is pending does not hide its end, but later */
	CHECK_EQ(arch_routing_deliver(&machine, &pin, &up), 1);
	CHECK(!lapic_eoi_exit_bitmap(v, exits));
	machine_msi(0xfee00000, 0x40);
	CHECK_EQ(machine_read(0, LAPIC_TMR + 0x20), 0);
	CHECK_EQ(machine_take(0), 0x40);
	machine_eoi(0);
	CHECK_EQ(lapic_take_eoi_exit(v), 0x40);
	machine_msi(0xfee00000, 0x40);
	CHECK(lapic_eoi_exit_bitmap(v, exits));
	CHECK_EQ(exits[1], 0);
	CHECK_EQ(machine_take(0), 0x40);
	machine_eoi(0);
	CHECK_EQ(lapic_take_eoi_exit(v), -1);

	/* a pin that is none of user space's */
	pin.gsi = 6;
	CHECK_EQ(arch_routing_deliver(&machine, &pin, &up), 1);
	CHECK_EQ(machine_take(0), 0x40);
	machine_eoi(0);
	CHECK_EQ(lapic_take_eoi_exit(v), -1);
}
