// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a client may switch on, off or limit: registers in kvm_run, quirks,
 * vCPU ids, MSR_PLATFORM_INFO, the TSC's offset, the shadow tables' size.
 */
#include <string.h>

#include "guest.h"

#define SYNC_ALL	(KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS |	\
			 KVM_SYNC_X86_EVENTS)
#define MSR_PLATFORM_INFO	0xce
#define MSR_MISC_ENABLE		0x1a0
#define MISC_ENABLE_MWAIT	(1ull << 18)
#define CPUID_MWAIT		(1u << 3)

static int vm_cap(struct vm *vm, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap c = { .cap = cap, .args = { arg } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &c);
}

static void GUEST count(void)
{
	uint32_t n = 1;

	for (;;)
		g_sync(n++);
}

TEST(sync_regs, "registers travel in kvm_run as asked for")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	struct kvm_regs r;
	struct kvm_sregs s;

	REQUIRE_CAP(KVM_CAP_SYNC_REGS);
	CHECK_EQ(dev_cap(KVM_CAP_SYNC_REGS) & SYNC_ALL, SYNC_ALL);
	vcpu_enter64(v, count);
	v->run->kvm_valid_regs = SYNC_ALL;
	CHECK_EQ(vcpu_sync(v), 1);
	r = vcpu_regs(v);
	s = vcpu_sregs(v);
	CHECK(!memcmp(&r, &v->run->s.regs.regs, sizeof(r)));
	CHECK(!memcmp(&s, &v->run->s.regs.sregs, sizeof(s)));

	/* taken where marked, and the mark is gone */
	v->run->s.regs.regs.r15 = 0x1234567;
	v->run->s.regs.sregs.cr2 = 0x7654321;
	v->run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	CHECK_EQ(vcpu_sync(v), 2);
	CHECK_EQ(v->run->kvm_dirty_regs, 0);
	CHECK_EQ(vcpu_regs(v).r15, 0x1234567);
	CHECK_EQ(vcpu_sregs(v).cr2, 0x7654321);

	/* not where not */
	v->run->s.regs.regs.r15 = 1;
	v->run->kvm_valid_regs = 0;
	CHECK_EQ(vcpu_sync(v), 3);
	CHECK_EQ(vcpu_regs(v).r15, 0x1234567);
	CHECK_EQ(v->run->s.regs.regs.r15, 1);
}

TEST(sync_regs_refused, "unknown sets and impossible values are refused")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	REQUIRE_CAP(KVM_CAP_SYNC_REGS);
	vcpu_enter64(v, count);
	v->run->kvm_valid_regs = SYNC_ALL | 1u << 31;
	CHECK_EQ(vcpu_run(v), -EINVAL);
	v->run->kvm_valid_regs = SYNC_ALL;
	v->run->kvm_dirty_regs = 1u << 31;
	CHECK_EQ(vcpu_run(v), -EINVAL);
	v->run->kvm_dirty_regs = 0;
	CHECK_EQ(vcpu_sync(v), 1);
	v->run->s.regs.sregs.cr4 |= 1ull << 63;
	v->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	CHECK_EQ(vcpu_run(v), -EINVAL);
	v->run->kvm_dirty_regs = 0;
	CHECK_EQ(vcpu_sync(v), 2);
}

TEST(vcpu_ids, "KVM_CAP_MAX_VCPU_ID limits the ids, once")
{
	struct vm *vm = vm_new(0);
	int max = dev_cap(KVM_CAP_MAX_VCPU_ID);

	CHECK(max > 5);
	CHECK_ERRNO(vm_cap(vm, KVM_CAP_MAX_VCPU_ID, max + 1), EINVAL);
	CHECK_OK(vm_cap(vm, KVM_CAP_MAX_VCPU_ID, 5));
	CHECK_OK(vm_cap(vm, KVM_CAP_MAX_VCPU_ID, 5));
	CHECK_ERRNO(vm_cap(vm, KVM_CAP_MAX_VCPU_ID, 6), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 5), EINVAL);
	CHECK(ioctl(vm->fd, KVM_CREATE_VCPU, 4) >= 0);
}

static void GUEST read_platform_info(void)
{
	g_sync(g_rdmsr(MSR_PLATFORM_INFO) >> 8);
	g_rdmsr(MSR_PLATFORM_INFO);
	g_done();
}

TEST(platform_info, "MSR_PLATFORM_INFO shows what was set, or is not there")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	REQUIRE_CAP(KVM_CAP_MSR_PLATFORM_INFO);
	vcpu_set_msr(v, MSR_PLATFORM_INFO, 0x1500);
	vcpu_enter64(v, read_platform_info);
	CHECK_EQ(vcpu_sync(v), 0x15);
	CHECK_OK(vm_cap(vm, KVM_CAP_MSR_PLATFORM_INFO, 0));
	/* nobody in the guest waits for the #GP */
	CHECK_EQ(vcpu_exit(v), KVM_EXIT_IO);
	CHECK(!vcpu_at_sync(v, 0x15) && v->run->io.port == PORT_TRAP);
	CHECK_EQ(vcpu_get_msr(v, MSR_PLATFORM_INFO), 0x1500);
}

static void GUEST mwait(void)
{
	uint32_t n = 1;

	for (;;) {
		asm volatile("monitor; mwait" :: "a"(0), "c"(0), "d"(0));
		g_sync(n++);
	}
}

TEST(mwait, "what waits does nothing, or is not there if quirks are off")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	uint64_t quirks = KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS |
			  KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT;
	uint64_t misc = vcpu_get_msr(v, MSR_MISC_ENABLE) & ~MISC_ENABLE_MWAIT;

	REQUIRE_CAP(KVM_CAP_DISABLE_QUIRKS2);
	CHECK_EQ(dev_cap(KVM_CAP_DISABLE_QUIRKS2) & quirks, quirks);
	CHECK_ERRNO(vm_cap(vm, KVM_CAP_DISABLE_QUIRKS2, 1u << 30), EINVAL);
	vcpu_enter64(v, mwait);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_OK(vm_cap(vm, KVM_CAP_DISABLE_QUIRKS2, quirks));
	vcpu_set_msr(v, MSR_MISC_ENABLE, misc | MISC_ENABLE_MWAIT);
	CHECK_EQ(vcpu_sync(v), 2);
	vcpu_set_msr(v, MSR_MISC_ENABLE, misc);
	CHECK_EQ(vcpu_exit(v), KVM_EXIT_IO);
	CHECK_EQ(v->run->io.port, PORT_TRAP);
}

TEST(tsc_offset, "the TSC's offset is what was set, the TSC follows")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	uint64_t offset = 1ull << 50, before, tsc, got = 0;
	struct kvm_device_attr a = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&offset,
	};

	REQUIRE_CAP(KVM_CAP_VCPU_ATTRIBUTES);
	CHECK_OK(ioctl(v->fd, KVM_HAS_DEVICE_ATTR, &a));
	CHECK_OK(ioctl(v->fd, KVM_SET_DEVICE_ATTR, &a));
	before = rdtsc() + offset;
	tsc = vcpu_get_msr(v, 0x10);
	CHECK(tsc >= before && tsc <= rdtsc() + offset);
	a.addr = (uintptr_t)&got;
	CHECK_OK(ioctl(v->fd, KVM_GET_DEVICE_ATTR, &a));
	CHECK_EQ(got, offset);
	a.addr = 1;
	CHECK_ERRNO(ioctl(v->fd, KVM_GET_DEVICE_ATTR, &a), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_DEVICE_ATTR, &a), EFAULT);
	a.attr = 99;
	CHECK_ERRNO(ioctl(v->fd, KVM_HAS_DEVICE_ATTR, &a), ENXIO);
	CHECK_ERRNO(ioctl(v->fd, KVM_GET_DEVICE_ATTR, &a), ENXIO);
	a.group = 99;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_DEVICE_ATTR, &a), ENXIO);
}

TEST(mmu_pages, "KVM_SET_NR_MMU_PAGES has a lower bound")
{
	struct vm *vm = vm_new(0);

	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_NR_MMU_PAGES, 63ul), EINVAL);
	CHECK_OK(ioctl(vm->fd, KVM_SET_NR_MMU_PAGES, 64ul));
	CHECK_EQ(ioctl(vm->fd, KVM_GET_NR_MMU_PAGES, 0), 64);
}

TEST(boot_cpu, "the vCPU named by KVM_SET_BOOT_CPU_ID has the BSP flag")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v0, *v1;

	CHECK_OK(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 1ul));
	v0 = vcpu_new(vm, 0);
	v1 = vcpu_new(vm, 1);
	CHECK_EQ(vcpu_sregs(v0).apic_base & 0x100, 0);
	CHECK_EQ(vcpu_sregs(v1).apic_base & 0x100, 0x100);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 0ul), EBUSY);
}

TEST(cr4_bare, "without CPUID a vCPU takes the CR4 bits of what is supported")
{
	struct vcpu *v = vcpu_new_bare(vm_new(0), 0);
	struct kvm_cpuid2 *c = cpuid_supported();
	struct kvm_sregs s = vcpu_sregs(v);
	uint64_t smep = cpuid_find(c, 7, 0)->ebx & 1u << 7 ? 1ull << 20 : 0;

	s.cr4 |= smep | 0x7ff;		/* VME to OSXMMEXCPT */
	CHECK_OK(ioctl(v->fd, KVM_SET_SREGS, &s));
	CHECK_EQ(vcpu_sregs(v).cr4, s.cr4);
	s.cr4 |= 1ull << 13;		/* VMXE: not for guests */
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_SREGS, &s), EINVAL);
}

TEST(signature, "supported CPUID has KVM's signature, and no feature of KVM's")
{
	struct kvm_cpuid2 *c = cpuid_supported();
	struct kvm_cpuid_entry2 *e = cpuid_find(c, 0x40000000, 0);

	CHECK(e && e->eax >= 0x40000001);
	CHECK(!memcmp(&e->ebx, "KVMKVMKVM\0\0\0", 12));
	e = cpuid_find(c, 0x40000001, 0);
	CHECK(e);
	if (!strcmp(dev_path(), "/dev/xkvm"))
		CHECK_EQ(e->eax, 0);
}

TEST(vapic, "a VAPIC page can be switched off, by those with a local APIC")
{
	struct kvm_vapic_addr none = { 0 };

	CHECK_OK(ioctl(vcpu_new(vm_new(VM_IRQCHIP), 0)->fd,
		       KVM_SET_VAPIC_ADDR, &none));
	CHECK_ERRNO(ioctl(vcpu_new(vm_new(0), 0)->fd, KVM_SET_VAPIC_ADDR,
			  &none), EINVAL);
}

TEST(exits, "KVM_CAP_X86_DISABLE_EXITS takes what it reports, nothing else")
{
	int can = dev_cap(KVM_CAP_X86_DISABLE_EXITS);
	struct vm *vm = vm_new(0);

	REQUIRE_CAP(KVM_CAP_X86_DISABLE_EXITS);
	CHECK_OK(vm_cap(vm, KVM_CAP_X86_DISABLE_EXITS, can));
	CHECK_ERRNO(vm_cap(vm, KVM_CAP_X86_DISABLE_EXITS, 1u << 30), EINVAL);
}

/* FLDS of a device's register: nothing that is emulated. */
GUEST_ASM(fld_mmio, 64, "flds 0x10000000\n 1: jmp 1b\n");

static void fld(struct vm *vm, bool user)
{
	struct vcpu *v = vcpu_new(vm, 0);

	if (user)
		vcpu_enter64_user(v, (void (*)(void))fld_mmio);
	else
		vcpu_enter64(v, (void (*)(void))fld_mmio);
	vcpu_expect(v, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(v->run->emulation_failure.suberror,
		 KVM_INTERNAL_ERROR_EMULATION);
	CHECK(v->run->emulation_failure.ndata >= 3);
	CHECK_EQ(v->run->emulation_failure.flags,
		 KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
	CHECK(v->run->emulation_failure.insn_size >= 7);
	CHECK(!memcmp(v->run->emulation_failure.insn_bytes,
		      vm_ptr(vm, (uintptr_t)fld_mmio), 7));
}

TEST(emulation_failure, "what cannot be emulated is user space's, if it wants so")
{
	struct vm *vm = vm_new(0);

	REQUIRE_CAP(KVM_CAP_EXIT_ON_EMULATION_FAILURE);
	CHECK_ERRNO(vm_cap(vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 2), EINVAL);
	CHECK_OK(vm_cap(vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1));
	fld(vm, true);
	fld(vm_new(0), false);
}
