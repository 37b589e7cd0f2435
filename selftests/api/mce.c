// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Machine checks that user space injects: banks, #MC, and CMCI, the interrupt
 * that tells of errors which need no action.
 */
#include <string.h>

#include "guest.h"

#define MCG_CTL_P	(1ull << 8)
#define MCG_CMCI_P	(1ull << 10)
#define MSR_MC0_CTL2	0x280
#define MSR_MC0_STATUS	0x401
#define MCI_VAL		(1ull << 63)
#define MCI_OVER	(1ull << 62)
#define MCI_UC		(1ull << 61)
#define MCI_EN		(1ull << 60)
#define CMCI_EN		(1ull << 30)
#define LVT_CMCI	0x2f0
#define VEC		0x61

static void GUEST count(void)
{
	uint32_t n = 1;

	for (;;)
		g_sync(n++);
}

static struct vcpu *mce_vcpu(uint64_t *supported)
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	uint64_t cap;

	REQUIRE_CAP(KVM_CAP_MCE);
	CHECK_OK(ioctl(dev_open(), KVM_X86_GET_MCE_CAP_SUPPORTED, supported));
	cap = *supported | 10;
	CHECK_OK(ioctl(v->fd, KVM_X86_SETUP_MCE, &cap));
	CHECK_EQ(vcpu_get_msr(v, 0x179), cap);
	return v;
}

TEST(mce_setup, "banks and bits of IA32_MCG_CAP are checked")
{
	uint64_t supported, cap;
	struct vcpu *v = mce_vcpu(&supported);

	CHECK_EQ(supported & MCG_CTL_P, MCG_CTL_P);
	cap = supported;			/* no bank */
	CHECK_ERRNO(ioctl(v->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = supported | (dev_cap(KVM_CAP_MCE) + 1);
	CHECK_ERRNO(ioctl(v->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = supported | 1 | 1ull << 62;
	CHECK_ERRNO(ioctl(v->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
}

TEST(mce_corrected, "a corrected error is recorded, a second one overflows")
{
	struct kvm_x86_mce m = { .status = MCI_VAL | MCI_EN | 5, .bank = 2,
				 .addr = 0x1000, .misc = 7 };
	uint64_t supported;
	struct vcpu *v = mce_vcpu(&supported);

	CHECK_OK(ioctl(v->fd, KVM_X86_SET_MCE, &m));
	CHECK_EQ(vcpu_get_msr(v, MSR_MC0_STATUS + 8), m.status);
	CHECK_EQ(vcpu_get_msr(v, MSR_MC0_STATUS + 9), 0x1000);
	CHECK_EQ(vcpu_get_msr(v, MSR_MC0_STATUS + 10), 7);
	CHECK_OK(ioctl(v->fd, KVM_X86_SET_MCE, &m));
	CHECK_EQ(vcpu_get_msr(v, MSR_MC0_STATUS + 8), m.status | MCI_OVER);
	m.bank = 10;
	CHECK_ERRNO(ioctl(v->fd, KVM_X86_SET_MCE, &m), EINVAL);
	m.bank = 0;
	m.status = 5;
	CHECK_ERRNO(ioctl(v->fd, KVM_X86_SET_MCE, &m), EINVAL);
}

TEST(mce_shutdown, "a guest that takes no machine checks is shut down by one")
{
	struct kvm_x86_mce m = { .status = MCI_VAL | MCI_UC | MCI_EN,
				 .mcg_status = 5 };
	uint64_t supported;
	struct vcpu *v = mce_vcpu(&supported);

	vcpu_enter64(v, count);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_OK(ioctl(v->fd, KVM_X86_SET_MCE, &m));
	CHECK_EQ(vcpu_exit(v), KVM_EXIT_SHUTDOWN);
}

TEST(mce_raised, "an uncorrected error raises a machine check")
{
	struct kvm_x86_mce m = { .status = MCI_VAL | MCI_UC | MCI_EN,
				 .mcg_status = 5 };
	uint64_t supported;
	struct vcpu *v = mce_vcpu(&supported);
	struct kvm_sregs s;

	vcpu_enter64(v, count);
	s = vcpu_sregs(v);
	s.cr4 |= 0x40;
	vcpu_set_sregs(v, &s);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_OK(ioctl(v->fd, KVM_X86_SET_MCE, &m));
	CHECK_EQ(vcpu_get_msr(v, 0x17a), 5);
	CHECK_EQ(vcpu_get_msr(v, MSR_MC0_STATUS), m.status);
	CHECK_EQ(vcpu_exit(v), KVM_EXIT_IO);
	CHECK_EQ(v->run->io.port, PORT_TRAP);
}

static uint32_t lapic_reg(struct vcpu *v, unsigned int off)
{
	struct kvm_lapic_state l;
	uint32_t val;

	CHECK_OK(ioctl(v->fd, KVM_GET_LAPIC, &l));
	memcpy(&val, l.regs + off, 4);
	return val;
}

static void lapic_set_reg(struct vcpu *v, unsigned int off, uint32_t val)
{
	struct kvm_lapic_state l;

	CHECK_OK(ioctl(v->fd, KVM_GET_LAPIC, &l));
	memcpy(l.regs + off, &val, 4);
	CHECK_OK(ioctl(v->fd, KVM_SET_LAPIC, &l));
}

/* Is the CMCI's vector requested? */
static bool cmci_pending(struct vcpu *v)
{
	return lapic_reg(v, APIC_IRR + VEC / 32 * 16) & 1u << VEC % 32;
}

TEST(mce_cmci, "an error without consequence interrupts where its bank may")
{
	struct kvm_x86_mce m = { .status = MCI_VAL | MCI_UC | MCI_EN,
				 .addr = 0x1000, .bank = 3 };
	uint64_t supported;
	struct vcpu *v = mce_vcpu(&supported);

	CHECK(supported & MCG_CMCI_P);
	CHECK_EQ(lapic_reg(v, APIC_VER) >> 16 & 0xff, 6);
	lapic_set_reg(v, APIC_SVR, 0x1ff);
	lapic_set_reg(v, LVT_CMCI, VEC);
	CHECK_OK(ioctl(v->fd, KVM_X86_SET_MCE, &m));
	CHECK_EQ(vcpu_get_msr(v, MSR_MC0_STATUS + 12), m.status);
	CHECK_EQ(vcpu_get_msr(v, MSR_MC0_STATUS + 13), 0x1000);
	CHECK(!cmci_pending(v));

	CHECK_EQ(vcpu_try_set_msr(v, MSR_MC0_CTL2 + 3, CMCI_EN << 1), 0);
	CHECK_EQ(vcpu_try_set_msr(v, MSR_MC0_CTL2 + 10, CMCI_EN), 0);
	CHECK_EQ(vcpu_try_set_msr(v, MSR_MC0_CTL2 + 3, CMCI_EN | 1), 1);
	CHECK_OK(ioctl(v->fd, KVM_X86_SET_MCE, &m));
	CHECK(cmci_pending(v));
}

TEST(mce_no_cmci, "without CMCI its LVT entry and registers are not there")
{
	struct kvm_x86_mce m = { .status = MCI_VAL | MCI_UC | MCI_EN };
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	CHECK_EQ(lapic_reg(v, APIC_VER) >> 16 & 0xff, 5);
	lapic_set_reg(v, APIC_SVR, 0x1ff);
	lapic_set_reg(v, LVT_CMCI, VEC);
	CHECK_EQ(lapic_reg(v, LVT_CMCI), 0);
	CHECK_OK(ioctl(v->fd, KVM_X86_SET_MCE, &m));
	CHECK_EQ(vcpu_get_msr(v, MSR_MC0_STATUS), m.status);
	CHECK(!cmci_pending(v));
}
