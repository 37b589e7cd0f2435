// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every capability number: what KVM of Linux 6.12 answers on a VM, what this
 * node answers, and why where the two differ.  A client that asks for what is
 * not in the table gets 0.
 */
#include <stdlib.h>

#include "guest.h"

#define CAPS	256

/* Why the answers differ, or which test uses the capability. */
struct cap {
	int kvm;		/* Linux 6.12's answer; ANY: it depends */
	int xkvm;		/* this node's */
	const char *what;
};

#define ANY	(-1)
#define SAME(value, test)	{ value, value, test }
#define LACKS(value, why)	{ value, 0, why }

static const struct cap caps[CAPS] = {
	[KVM_CAP_IRQCHIP]		= SAME(1, "api/irqchip"),
	[KVM_CAP_HLT]			= SAME(1, "guest/exits"),
	[KVM_CAP_MMU_SHADOW_CACHE_CONTROL] = SAME(1, "api/options"),
	[KVM_CAP_USER_MEMORY]		= SAME(1, "api/memslot"),
	[KVM_CAP_SET_TSS_ADDR]		= SAME(1, "api/options"),
	[KVM_CAP_VAPIC]			= LACKS(1, "TPR patching of 32-bit Windows XP; the CPU's TPR shadow does that"),
	[KVM_CAP_EXT_CPUID]		= SAME(1, "api/cpuid"),
	[KVM_CAP_CLOCKSOURCE]		= LACKS(1, "KVM's own pvclock; guests have Xen's"),
	[KVM_CAP_NR_VCPUS]		= SAME(ANY, "guest/smp"),
	[KVM_CAP_NR_MEMSLOTS]		= SAME(ANY, "api/memslot"),
	[KVM_CAP_PIT]			= SAME(1, "guest/chips"),
	[KVM_CAP_NOP_IO_DELAY]		= SAME(1, "guest/pio"),
	[KVM_CAP_MP_STATE]		= SAME(1, "guest/smp"),
	[KVM_CAP_COALESCED_MMIO]	= SAME(ANY, "guest/coalesced"),
	[KVM_CAP_SYNC_MMU]		= SAME(1, "guest/memory"),
	[KVM_CAP_DESTROY_MEMORY_REGION_WORKS] = SAME(1, "guest/slots"),
	[KVM_CAP_USER_NMI]		= SAME(1, "guest/nmi"),
	[KVM_CAP_SET_GUEST_DEBUG]	= SAME(1, "guest/debug"),
	[KVM_CAP_REINJECT_CONTROL]	= SAME(1, "api/irqchip"),
	[KVM_CAP_IRQ_ROUTING]		= SAME(4096, "api/irqchip"),
	[KVM_CAP_IRQ_INJECT_STATUS]	= SAME(1, "api/irqchip"),
	[KVM_CAP_JOIN_MEMORY_REGIONS_WORKS] = SAME(1, "guest/slots"),
	[KVM_CAP_MCE]			= SAME(32, "api/mce"),
	[KVM_CAP_IRQFD]			= SAME(1, "api/eventfd"),
	[KVM_CAP_PIT2]			= SAME(1, "guest/chips"),
	[KVM_CAP_SET_BOOT_CPU_ID]	= SAME(1, "api/options"),
	[KVM_CAP_PIT_STATE2]		= SAME(1, "api/irqchip"),
	[KVM_CAP_IOEVENTFD]		= SAME(1, "api/eventfd"),
	[KVM_CAP_SET_IDENTITY_MAP_ADDR]	= SAME(1, "api/options"),
	[KVM_CAP_XEN_HVM]		= SAME(ANY, "api/xen"),
	[KVM_CAP_ADJUST_CLOCK]		= SAME(14, "api/time"),
	[KVM_CAP_INTERNAL_ERROR_DATA]	= SAME(1, "guest/exception"),
	[KVM_CAP_VCPU_EVENTS]		= SAME(1, "guest/nmi"),
	[KVM_CAP_HYPERV]		= SAME(1, "guest/hyperv"),
	[KVM_CAP_HYPERV_VAPIC]		= LACKS(1, "the APIC assist page: APIC virtualization costs less"),
	[KVM_CAP_HYPERV_SPIN]		= LACKS(1, "no hint to spin; pause-loop exiting serves"),
	[KVM_CAP_PCI_SEGMENT]		= LACKS(1, "of KVM's old device assignment; VFIO has none"),
	[KVM_CAP_DEBUGREGS]		= SAME(1, "guest/debug"),
	[KVM_CAP_X86_ROBUST_SINGLESTEP]	= SAME(1, "guest/debug"),
	[KVM_CAP_ENABLE_CAP]		= LACKS(1, "no capability is enabled for a vCPU alone"),
	[KVM_CAP_XSAVE]			= SAME(1, "api/regs"),
	[KVM_CAP_XCRS]			= SAME(ANY, "api/regs"),
	[KVM_CAP_ASYNC_PF]		= LACKS(1, "KVM's paravirtualization; guests have Xen's"),
	[KVM_CAP_TSC_CONTROL]		= SAME(ANY, "api/time"),
	[KVM_CAP_GET_TSC_KHZ]		= SAME(1, "api/time"),
	[KVM_CAP_MAX_VCPUS]		= { 4096, 255, "what the local APICs of a VM number" },
	[KVM_CAP_TSC_DEADLINE_TIMER]	= SAME(1, "guest/lapic"),
	[KVM_CAP_SYNC_REGS]		= SAME(7, "api/regs"),
	[KVM_CAP_KVMCLOCK_CTRL]		= LACKS(1, "KVM's own pvclock"),
	[KVM_CAP_SIGNAL_MSI]		= SAME(1, "api/irqchip"),
	[KVM_CAP_READONLY_MEM]		= SAME(1, "guest/slots"),
	[KVM_CAP_IRQFD_RESAMPLE]	= SAME(1, "api/eventfd"),
	[KVM_CAP_DEVICE_CTRL]		= SAME(1, "api/vm"),
	[KVM_CAP_EXT_EMUL_CPUID]	= LACKS(1, "no instruction that the CPU lacks is emulated"),
	[KVM_CAP_HYPERV_TIME]		= SAME(1, "guest/hyperv"),
	[KVM_CAP_IOAPIC_POLARITY_IGNORED] = SAME(1, "guest/chips"),
	[KVM_CAP_ENABLE_CAP_VM]		= SAME(1, "api/options"),
	[KVM_CAP_IOEVENTFD_NO_LENGTH]	= SAME(1, "api/eventfd"),
	[KVM_CAP_CHECK_EXTENSION_VM]	= SAME(1, "api/caps"),
	[KVM_CAP_DISABLE_QUIRKS]	= SAME(1, "api/options"),
	[KVM_CAP_X86_SMM]		= LACKS(1, "no system management mode"),
	[KVM_CAP_MULTI_ADDRESS_SPACE]	= LACKS(2, "the second is of system management mode"),
	[KVM_CAP_SPLIT_IRQCHIP]		= SAME(1, "api/irqchip"),
	[KVM_CAP_IOEVENTFD_ANY_LENGTH]	= SAME(1, "api/eventfd"),
	[KVM_CAP_HYPERV_SYNIC]		= LACKS(1, "no synthetic interrupts"),
	[KVM_CAP_MAX_VCPU_ID]		= { ANY, ANY, "what the local APICs of a VM number" },
	[KVM_CAP_X2APIC_API]		= SAME(3, "guest/lapic"),
	[KVM_CAP_MSR_PLATFORM_INFO]	= SAME(1, "api/options"),
	[KVM_CAP_IMMEDIATE_EXIT]	= SAME(1, "api/vm"),
	[KVM_CAP_X86_DISABLE_EXITS]	= { ANY, 4, "PAUSE; a halted vCPU gives its CPU away" },
	[KVM_CAP_HYPERV_SYNIC2]		= LACKS(1, "no synthetic interrupts"),
	[KVM_CAP_HYPERV_VP_INDEX]	= SAME(1, "guest/hyperv"),
	[KVM_CAP_GET_MSR_FEATURES]	= SAME(1, "api/msr"),
	[KVM_CAP_HYPERV_EVENTFD]	= LACKS(1, "no connection is made by a guest"),
	[KVM_CAP_HYPERV_TLBFLUSH]	= LACKS(1, "the guest's own IPIs flush"),
	[KVM_CAP_COALESCED_PIO]		= SAME(1, "guest/coalesced"),
	[KVM_CAP_NESTED_STATE]		= LACKS(ANY, "no VMX in guests"),
	[KVM_CAP_EXCEPTION_PAYLOAD]	= SAME(1, "guest/exception"),
	[KVM_CAP_HYPERV_SEND_IPI]	= LACKS(1, "the APIC's IPIs cost less"),
	[KVM_CAP_HYPERV_ENLIGHTENED_VMCS] = LACKS(1, "no VMX in guests"),
	[KVM_CAP_HYPERV_CPUID]		= SAME(1, "guest/hyperv"),
	[KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2] = SAME(3, "guest/dirty"),
	[KVM_CAP_PMU_EVENT_FILTER]	= LACKS(1, "no performance counters in guests"),
	[KVM_CAP_HALT_POLL]		= LACKS(1, "no vCPU polls while it is halted"),
	[KVM_CAP_ASYNC_PF_INT]		= LACKS(1, "KVM's paravirtualization"),
	[KVM_CAP_LAST_CPU]		= SAME(1, "api/regs"),
	[KVM_CAP_STEAL_TIME]		= LACKS(1, "KVM's paravirtualization; guests have runstates"),
	[KVM_CAP_X86_USER_SPACE_MSR]	= SAME(1, "api/msr_exit"),
	[KVM_CAP_X86_MSR_FILTER]	= SAME(1, "api/msr_exit"),
	[KVM_CAP_ENFORCE_PV_FEATURE_CPUID] = LACKS(1, "KVM's paravirtualization"),
	[KVM_CAP_SYS_HYPERV_CPUID]	= SAME(1, "guest/hyperv"),
	[KVM_CAP_DIRTY_LOG_RING]	= SAME(1048576, "guest/dirty"),
	[KVM_CAP_SET_GUEST_DEBUG2]	= SAME(ANY, "guest/debug"),
	[KVM_CAP_SGX_ATTRIBUTE]		= LACKS(ANY, "no SGX in guests"),
	[KVM_CAP_VM_COPY_ENC_CONTEXT_FROM] = LACKS(ANY, "of memory encryption"),
	[KVM_CAP_HYPERV_ENFORCE_CPUID]	= LACKS(1, "the guest's MSRs follow its CPUID always"),
	[KVM_CAP_SREGS2]		= LACKS(1, "KVM_SET_SREGS reads the PDPTEs from memory"),
	[KVM_CAP_EXIT_HYPERCALL]	= LACKS(ANY, "of memory encryption"),
	[KVM_CAP_BINARY_STATS_FD]	= SAME(1, "api/stats"),
	[KVM_CAP_EXIT_ON_EMULATION_FAILURE] = SAME(1, "api/options"),
	[KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM] = LACKS(ANY, "of memory encryption"),
	[KVM_CAP_VCPU_ATTRIBUTES]	= SAME(1, "api/time"),
	[KVM_CAP_XSAVE2]		= { ANY, ANY, "without AMX and PKRU" },
	[KVM_CAP_SYS_ATTRIBUTES]	= LACKS(1, "of AMX"),
	[KVM_CAP_DISABLE_QUIRKS2]	= { ANY, ANY, "no such quirks as the others" },
	[KVM_CAP_VM_TSC_CONTROL]	= SAME(ANY, "api/time"),
	[KVM_CAP_SYSTEM_EVENT_DATA]	= LACKS(1, "no exit of that kind"),
	[KVM_CAP_X86_TRIPLE_FAULT_EVENT] = SAME(1, "api/options"),
	[KVM_CAP_VM_DISABLE_NX_HUGE_PAGES] = LACKS(1, "the module's parameter is for all"),
	[KVM_CAP_DIRTY_LOG_RING_ACQ_REL] = SAME(1048576, "guest/dirty"),
	/* named since Linux 6.3 to 6.12 */
	[226] = LACKS(1, "masked events: no performance counters in guests"),
	[231] = LACKS(1, "USER_MEMORY2: of guest_memfd"),
	[232] = LACKS(1, "MEMORY_FAULT_INFO: of guest_memfd"),
	[233] = LACKS(ANY, "MEMORY_ATTRIBUTES: of guest_memfd"),
	[234] = LACKS(ANY, "GUEST_MEMFD"),
	[235] = LACKS(1, "VM_TYPES: there is one"),
	[236] = LACKS(1, "PRE_FAULT_MEMORY: madvise() populates"),
	[237] = LACKS(1, "X86_APIC_BUS_CYCLES_NS: of TDX"),
	[238] = LACKS(1, "X86_GUEST_MODE: no VMX in guests"),
};

static bool in_tree(void)
{
	const char *node = getenv("XKVM_DEV");

	return node && !strcmp(node, "/dev/kvm") &&
	       ioctl(dev_open(), KVM_CHECK_EXTENSION, KVM_CAP_CLOCKSOURCE) > 0;
}

static void check_cap(int fd, int nr, bool kvm)
{
	const struct cap *c = &caps[nr];
	int want = kvm ? c->kvm : c->xkvm;
	int got = ioctl(fd, KVM_CHECK_EXTENSION, nr);

	CHECK(got >= 0);
	if (want == ANY)
		return;
	/* another version of KVM knows fewer, or more */
	if (kvm && (!got || !c->what))
		return;
	CHECK_MSG(got == want, "capability %d is %d, the table says %d (%s)",
		  nr, got, want, c->what ? c->what : "not there");
}

TEST(table, "each capability is what the table says, on a VM")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	bool kvm = in_tree();

	for (int nr = 0; nr < CAPS; nr++)
		check_cap(vm->fd, nr, kvm);
}

TEST(node, "the node answers as a VM does where it can")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	int dev = dev_open();

	if (in_tree())
		tap_skip("KVM has capabilities of other kinds of VM");
	for (int nr = 0; nr < CAPS; nr++) {
		int node = ioctl(dev, KVM_CHECK_EXTENSION, nr);

		CHECK_MSG(!node ||
			  node == ioctl(vm->fd, KVM_CHECK_EXTENSION, nr),
			  "capability %d: %d on the node", nr, node);
	}
	CHECK_EQ(ioctl(dev, KVM_CHECK_EXTENSION, -1), 0);
	CHECK_EQ(ioctl(dev, KVM_CHECK_EXTENSION, 0x7fffffff), 0);
}

TEST(unknown, "a capability that is not there cannot be enabled")
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	if (in_tree())
		tap_skip("KVM enables some that it does not report");
	for (int nr = 0; nr < CAPS; nr++) {
		struct kvm_enable_cap cap = { .cap = nr };

		if (!ioctl(vm->fd, KVM_CHECK_EXTENSION, nr))
			CHECK_MSG(ioctl(vm->fd, KVM_ENABLE_CAP, &cap) < 0,
				  "capability %d was enabled", nr);
	}
}

TEST(quirks, "KVM_CAP_DISABLE_QUIRKS takes any quirk")
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DISABLE_QUIRKS, .args = { 0x1f },
	};

	CHECK_OK(ioctl(vm_new(VM_IRQCHIP)->fd, KVM_ENABLE_CAP, &cap));
}
