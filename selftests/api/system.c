// SPDX-License-Identifier: GPL-2.0-or-later
/* The node itself: version, sizes, capabilities, what it refuses. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

TEST(version, "KVM_GET_API_VERSION is 12, and takes no argument")
{
	int dev = dev_open();

	CHECK_EQ(ioctl(dev, KVM_GET_API_VERSION, 0L), KVM_API_VERSION);
	CHECK_ERRNO(ioctl(dev, KVM_GET_API_VERSION, 1L), EINVAL);
}

TEST(mmap_size, "the kvm_run area is whole pages, more than the structure")
{
	int dev = dev_open();
	int size = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0L);

	CHECK(size >= (int)sizeof(struct kvm_run));
	CHECK_EQ(size % 4096, 0);
	CHECK_ERRNO(ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 1L), EINVAL);
}

TEST(unknown, "unknown ioctls are refused on every descriptor")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	int dev = dev_open();

	/* KVM: EINVAL on the node and vCPUs, ENOTTY on VMs. */
	CHECK(ioctl(dev, _IO(KVMIO, 0xff), 0L) < 0 &&
	      (errno == EINVAL || errno == ENOTTY));
	CHECK_ERRNO(ioctl(vm->fd, _IO(KVMIO, 0xff), 0L), ENOTTY);
	CHECK(ioctl(v->fd, _IO(KVMIO, 0xff), 0L) < 0 &&
	      (errno == EINVAL || errno == ENOTTY));
	/* Another's number altogether. */
	CHECK(ioctl(v->fd, _IO('x', 1), 0L) < 0 &&
	      (errno == EINVAL || errno == ENOTTY));
	/* Those of other objects. */
	CHECK(ioctl(dev, KVM_RUN, 0L) < 0);
	CHECK(ioctl(vm->fd, KVM_RUN, 0L) < 0);
	CHECK(ioctl(v->fd, KVM_CREATE_VCPU, 1L) < 0);
}

TEST(create_type, "KVM_CREATE_VM takes type 0 and no nonsense")
{
	int dev = dev_open(), vm;

	CHECK_ERRNO(ioctl(dev, KVM_CREATE_VM, 0xdeadul), EINVAL);
	vm = ioctl(dev, KVM_CREATE_VM, 0L);
	CHECK_OK(vm);
	CHECK(fcntl(vm, F_GETFD) & FD_CLOEXEC);
}

/* What a VMM for PVH guests cannot do without. */
TEST(needed, "the capabilities that every VMM needs")
{
	static const int caps[] = {
		KVM_CAP_USER_MEMORY, KVM_CAP_DESTROY_MEMORY_REGION_WORKS,
		KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, KVM_CAP_NR_VCPUS,
		KVM_CAP_MAX_VCPUS, KVM_CAP_MAX_VCPU_ID, KVM_CAP_NR_MEMSLOTS,
		KVM_CAP_EXT_CPUID, KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_MP_STATE,
		KVM_CAP_READONLY_MEM, KVM_CAP_IRQFD, KVM_CAP_IOEVENTFD,
		KVM_CAP_SIGNAL_MSI, KVM_CAP_VCPU_EVENTS, KVM_CAP_DEBUGREGS,
		KVM_CAP_XSAVE, KVM_CAP_ADJUST_CLOCK,
		KVM_CAP_USER_NMI, KVM_CAP_GET_TSC_KHZ, KVM_CAP_CHECK_EXTENSION_VM,
		KVM_CAP_TSC_DEADLINE_TIMER, KVM_CAP_XEN_HVM,
		KVM_CAP_ENABLE_CAP_VM, KVM_CAP_SPLIT_IRQCHIP,
		KVM_CAP_IRQ_ROUTING, KVM_CAP_GET_MSR_FEATURES,
	};

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		CHECK_MSG(dev_cap(caps[i]) > 0, "capability %d is missing",
			  caps[i]);
}

TEST(limits, "the limits are sensible, and in order")
{
	int nr = dev_cap(KVM_CAP_NR_VCPUS), max = dev_cap(KVM_CAP_MAX_VCPUS);
	int id = dev_cap(KVM_CAP_MAX_VCPU_ID);

	CHECK(nr >= 1);
	CHECK(max >= 16);
	CHECK(max >= nr);
	CHECK(id >= max);
	CHECK(dev_cap(KVM_CAP_NR_MEMSLOTS) >= 32);
}

TEST(unknown_cap, "capabilities that do not exist are 0")
{
	int dev = dev_open();

	CHECK_EQ(ioctl(dev, KVM_CHECK_EXTENSION, 100000L), 0);
	CHECK_EQ(ioctl(dev, KVM_CHECK_EXTENSION, -1L), 0);
	/* Other architectures' */
	CHECK_EQ(dev_cap(KVM_CAP_S390_PSW), 0);
	CHECK_EQ(dev_cap(KVM_CAP_ARM_PSCI_0_2), 0);
	CHECK_EQ(dev_cap(KVM_CAP_PPC_HTAB_FD), 0);
}

TEST(check_on_vm, "a VM answers KVM_CHECK_EXTENSION as the node does")
{
	static const int caps[] = {
		KVM_CAP_NR_MEMSLOTS, KVM_CAP_MAX_VCPUS, KVM_CAP_XEN_HVM,
		KVM_CAP_IRQFD, KVM_CAP_READONLY_MEM,
	};
	struct vm *vm = vm_new(VM_EMPTY);

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		CHECK_EQ(ioctl(vm->fd, KVM_CHECK_EXTENSION, (long)caps[i]),
			 dev_cap(caps[i]));
}

TEST(enable_cap, "KVM_ENABLE_CAP refuses unknown capabilities and flags")
{
	struct kvm_enable_cap cap = { .cap = 100000 };
	struct vm *vm = vm_new(VM_EMPTY);
	struct vcpu *v = vcpu_new_bare(vm, 0);

	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	CHECK_ERRNO(ioctl(v->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.cap = KVM_CAP_SPLIT_IRQCHIP;
	cap.flags = 1;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
}

TEST(split_irqchip, "the split irqchip: before vCPUs, once, few pins")
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_SPLIT_IRQCHIP, .args[0] = 24,
	};
	struct vm *vm = vm_new(VM_EMPTY);

	cap.args[0] = 5000;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = 24;
	CHECK_OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EEXIST);

	vm = vm_new(VM_EMPTY);
	vcpu_new_bare(vm, 0);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EEXIST);
}

/* Not reported means refused, reported means working. */
TEST(irqchip_cap, "KVM_CREATE_IRQCHIP works if its capability says so")
{
	struct vm *vm = vm_new(VM_EMPTY);
	int r = ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L);

	if (dev_cap(KVM_CAP_IRQCHIP) > 0) {
		CHECK_EQ(r, 0);
		CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L), EEXIST);
	} else {
		CHECK(r < 0);
	}
}

TEST(coalesced_cap, "coalesced MMIO works if its capability says so")
{
	struct kvm_coalesced_mmio_zone z = { .addr = GUEST_MMIO, .size = 16 };
	struct vm *vm = vm_new(VM_EMPTY);
	int r = ioctl(vm->fd, KVM_REGISTER_COALESCED_MMIO, &z);

	CHECK_EQ(r == 0, dev_cap(KVM_CAP_COALESCED_MMIO) > 0);
}

TEST(permissions, "what is read-only in a mapping stays so; no huge offsets")
{
	struct vm *vm = vm_new(VM_EMPTY);
	struct vcpu *v = vcpu_new_bare(vm, 0);

	/* Nothing behind the area: the access is a bus error, not memory. */
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, vm->fd, 0) ==
	      MAP_FAILED);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, dev_open(), 0) ==
	      MAP_FAILED);
	CHECK_EQ(read(v->fd, v, 1), -1);
	CHECK_EQ(write(vm->fd, v, 1), -1);
}
