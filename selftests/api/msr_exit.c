// SPDX-License-Identifier: GPL-2.0-or-later
/* MSR accesses that user space takes over, and MSR filters. */
#include <stdlib.h>

#include "guest.h"

#define NOT_THERE	0x4b564dff
#define PAT		0x277
#define LSTAR		0xc0000082
#define FS_BASE		0xc0000100
#define SYSENTER_EIP	0x176
#define X2APIC_ID	0x802
#define GP		13

#define ALL_REASONS (KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | \
		     KVM_MSR_EXIT_REASON_FILTER)

static void ask(struct vm *vm, uint64_t reasons)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR, .args[0] = reasons,
	};

	CHECK_OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
}

/* A range of one MSR; the bit says that the access is allowed. */
static int filter_one(struct vm *vm, uint32_t flags, uint32_t access,
		      uint32_t msr, bool allowed)
{
	uint64_t bits = allowed;
	struct kvm_msr_filter f = {
		.flags = flags,
		.ranges[0] = { .flags = access, .nmsrs = 1, .base = msr,
			       .bitmap = (uint8_t *)&bits },
	};

	return ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &f);
}

#define RW (KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)
#define DENY(vm, access, msr)						\
	CHECK_OK(filter_one(vm, KVM_MSR_FILTER_DEFAULT_ALLOW, access, msr, 0))

static void expect_read(struct vcpu *v, uint32_t msr, uint64_t reason)
{
	vcpu_expect(v, KVM_EXIT_X86_RDMSR);
	CHECK_EQ(v->run->msr.index, msr);
	CHECK_EQ(v->run->msr.reason, reason);
	CHECK_EQ(v->run->msr.error, 0);
}

static void expect_write(struct vcpu *v, uint32_t msr, uint64_t reason,
			 uint64_t val)
{
	vcpu_expect(v, KVM_EXIT_X86_WRMSR);
	CHECK_EQ(v->run->msr.index, msr);
	CHECK_EQ(v->run->msr.reason, reason);
	CHECK_EQ(v->run->msr.data, val);
	CHECK_EQ(v->run->msr.error, 0);
}

static volatile uint64_t seen GUEST_VAR;

/* --- exits --------------------------------------------------------------------- */

GUEST static void touch_unknown(void)
{
	uint64_t val;

	g_check_eq(g_try_rdmsr(NOT_THERE, &val), NO_EXCEPTION);
	g_check_eq(val, 0x1122334455667788);
	g_check_eq(g_try_wrmsr(NOT_THERE, 0xa5a5a5a51234), NO_EXCEPTION);
	g_check_eq(g_try_rdmsr(NOT_THERE, &val), GP);
	g_check_eq(g_try_wrmsr(NOT_THERE, 1), GP);
	g_done();
}

TEST(unknown, "an MSR nobody knows: user space gives the value, or #GP")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	const uint64_t why = KVM_MSR_EXIT_REASON_UNKNOWN;

	REQUIRE_CAP(KVM_CAP_X86_USER_SPACE_MSR);
	ask(vm, why);
	vcpu_enter64(v, touch_unknown);
	expect_read(v, NOT_THERE, why);
	v->run->msr.data = 0x1122334455667788;
	expect_write(v, NOT_THERE, why, 0xa5a5a5a51234);
	expect_read(v, NOT_THERE, why);
	v->run->msr.error = 1;
	expect_write(v, NOT_THERE, why, 1);
	v->run->msr.error = 1;
	vcpu_done(v);
}

GUEST static void write_invalid(void)
{
	g_check_eq(g_try_wrmsr(PAT, 0x2), GP);
	g_check_eq(g_try_wrmsr(LSTAR, 1ull << 62), NO_EXCEPTION);
	g_check_eq(g_try_wrmsr(NOT_THERE, 1), GP);
	g_done();
}

TEST(invalid, "a value an MSR cannot have goes out; others still fault")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	const uint64_t why = KVM_MSR_EXIT_REASON_INVAL;

	REQUIRE_CAP(KVM_CAP_X86_USER_SPACE_MSR);
	ask(vm, why);
	vcpu_enter64(v, write_invalid);
	expect_write(v, PAT, why, 2);
	v->run->msr.error = 1;
	expect_write(v, LSTAR, why, 1ull << 62);
	vcpu_done(v);
}

GUEST static void all_fault(void)
{
	uint64_t val;

	g_check_eq(g_try_rdmsr(NOT_THERE, &val), GP);
	g_check_eq(g_try_wrmsr(PAT, 2), GP);
	g_check_eq(g_try_rdmsr(LSTAR, &val), GP);
	g_done();
}

TEST(off, "without the capability everything is #GP, filtered accesses too")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_X86_MSR_FILTER);
	ask(vm, ALL_REASONS);
	ask(vm, 0);
	DENY(vm, RW, LSTAR);
	vcpu_enter64(v, all_fault);
	vcpu_done(v);
}

TEST(moved, "user space that moves the guest meanwhile finishes nothing")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_X86_USER_SPACE_MSR);
	ask(vm, ALL_REASONS);
	vcpu_enter64(v, touch_unknown);
	expect_read(v, NOT_THERE, KVM_MSR_EXIT_REASON_UNKNOWN);
	vcpu_enter64(v, write_invalid);
	v->run->msr.error = 1;
	expect_write(v, PAT, KVM_MSR_EXIT_REASON_INVAL, 2);
}

/* --- filters ---------------------------------------------------------------------- */

GUEST static void use_base(void)
{
	uint64_t val;

	g_wrmsr(FS_BASE, 0x1000);
	g_sync(1);
	g_check_eq(g_try_rdmsr(FS_BASE, &val), NO_EXCEPTION);
	g_check_eq(val, 0x7000);
	g_check_eq(g_try_wrmsr(FS_BASE, 0x2000), NO_EXCEPTION);
	g_sync(2);
	g_check_eq(g_rdmsr(FS_BASE), 0x1000);
	g_wrmsr(FS_BASE, 0x3000);
	g_check_eq(g_rdmsr(FS_BASE), 0x3000);
	g_done();
}

TEST(passthrough, "an MSR that needs no exit obeys a filter set while it runs")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_msr_filter none = { .flags = 0 };
	const uint64_t why = KVM_MSR_EXIT_REASON_FILTER;

	REQUIRE_CAP(KVM_CAP_X86_MSR_FILTER);
	ask(vm, why);
	vcpu_enter64(v, use_base);
	CHECK_EQ(vcpu_sync(v), 1);
	DENY(vm, RW, FS_BASE);
	expect_read(v, FS_BASE, why);
	v->run->msr.data = 0x7000;
	expect_write(v, FS_BASE, why, 0x2000);
	CHECK_EQ(vcpu_sync(v), 2);
	CHECK_OK(ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &none));
	vcpu_done(v);
}

TEST(new_vcpu, "a vCPU made after the filter is under it")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v;

	REQUIRE_CAP(KVM_CAP_X86_MSR_FILTER);
	ask(vm, KVM_MSR_EXIT_REASON_FILTER);
	DENY(vm, KVM_MSR_FILTER_WRITE, FS_BASE);
	v = vcpu_new(vm, 0);
	vcpu_enter64(v, use_base);
	expect_write(v, FS_BASE, KVM_MSR_EXIT_REASON_FILTER, 0x1000);
}

GUEST static void read_write(void)
{
	seen = g_rdmsr(SYSENTER_EIP);
	g_wrmsr(SYSENTER_EIP, 0x5000);
	g_sync(1);
	g_check_eq(g_rdmsr(LSTAR), 0);
	g_wrmsr(LSTAR, 0x6000);
	g_done();
}

TEST(directions, "reading and writing are filtered apart")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	const uint64_t why = KVM_MSR_EXIT_REASON_FILTER;

	REQUIRE_CAP(KVM_CAP_X86_MSR_FILTER);
	ask(vm, why);
	DENY(vm, KVM_MSR_FILTER_WRITE, SYSENTER_EIP);
	vcpu_enter64(v, read_write);
	expect_write(v, SYSENTER_EIP, why, 0x5000);
	DENY(vm, KVM_MSR_FILTER_READ, LSTAR);
	CHECK_EQ(vcpu_sync(v), 1);
	expect_read(v, LSTAR, why);
	v->run->msr.data = 0;
	vcpu_done(v);
	CHECK_EQ(vcpu_get_msr(v, SYSENTER_EIP), 0);
	CHECK_EQ(vcpu_get_msr(v, LSTAR), 0x6000);
}

GUEST static void default_denied(void)
{
	uint64_t val;

	g_check_eq(g_rdmsr(LSTAR), 0);
	g_check_eq(g_try_rdmsr(PAT, &val), GP);
	g_check_eq(g_try_rdmsr(FS_BASE, &val), GP);
	g_done();
}

GUEST static void x2apic_id(void)
{
	uint64_t val;

	g_check_eq(g_try_rdmsr(PAT, &val), GP);
	g_check_eq(g_rdmsr(X2APIC_ID), 0);
	g_done();
}

TEST(default_deny, "what no range names is denied, if so wanted")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_X86_MSR_FILTER);
	CHECK_OK(filter_one(vm, KVM_MSR_FILTER_DEFAULT_DENY, RW, LSTAR, 1));
	vcpu_enter64(v, default_denied);
	vcpu_done(v);
}

TEST(x2apic, "the x2APIC's registers are never filtered")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_X86_MSR_FILTER);
	vcpu_set_msr(v, MSR_APIC_BASE, GUEST_APIC | 0xd00);
	CHECK_OK(filter_one(vm, KVM_MSR_FILTER_DEFAULT_DENY, RW, X2APIC_ID, 0));
	vcpu_enter64(v, x2apic_id);
	vcpu_done(v);
}

TEST(host, "user space itself is not filtered")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_X86_MSR_FILTER);
	DENY(vm, RW, LSTAR);
	vcpu_set_msr(v, LSTAR, 0x1000);
	CHECK_EQ(vcpu_get_msr(v, LSTAR), 0x1000);
}

GUEST static void first_match(void)
{
	uint64_t val;

	g_check_eq(g_try_rdmsr(LSTAR, &val), GP);
	g_check_eq(g_try_rdmsr(LSTAR + 1, &val), NO_EXCEPTION);
	g_check_eq(g_try_rdmsr(LSTAR + 2, &val), GP);
	g_done();
}

TEST(ranges, "the first range that names an MSR decides")
{
	uint8_t mixed[8] = { 0x02 }, ones[8] = { 0xff };
	struct kvm_msr_filter f = {
		.ranges[3] = { .flags = RW, .nmsrs = 3, .base = LSTAR,
			       .bitmap = mixed },
		.ranges[5] = { .flags = RW, .nmsrs = 8, .base = LSTAR,
			       .bitmap = ones },
	};
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_X86_MSR_FILTER);
	CHECK_OK(ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &f));
	vcpu_enter64(v, first_match);
	vcpu_done(v);
}

/* --- refusals ---------------------------------------------------------------- */

static int filter_range(struct vm *vm, uint32_t flags, uint32_t nmsrs,
			void *bitmap)
{
	struct kvm_msr_filter f = {
		.ranges[15] = { .flags = flags, .nmsrs = nmsrs, .base = LSTAR,
				.bitmap = bitmap },
	};

	return ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &f);
}

TEST(refused, "filters and reasons that make no sense")
{
	struct kvm_msr_filter f = { .flags = KVM_MSR_FILTER_DEFAULT_DENY };
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR, .args[0] = 1 << 30,
	};
	void *bits = calloc(1, KVM_MSR_FILTER_MAX_BITMAP_SIZE);
	struct vm *vm = vm_new(0);

	REQUIRE_CAP(KVM_CAP_X86_MSR_FILTER);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &f), EINVAL);
	f.flags = 2;
	CHECK_ERRNO(ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &f), EINVAL);
	CHECK_ERRNO(filter_range(vm, 0, 1, bits), EINVAL);
	CHECK_ERRNO(filter_range(vm, 4, 1, bits), EINVAL);
	CHECK_ERRNO(filter_range(vm, RW, 1, (void *)8), EFAULT);
	CHECK_OK(filter_range(vm, RW, KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8,
			      bits));
	CHECK_ERRNO(filter_range(vm, RW, KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8 + 1,
				 bits), EINVAL);
	CHECK_ERRNO(filter_range(vm, RW, ~0u, bits), EINVAL);
}
