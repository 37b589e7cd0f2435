// SPDX-License-Identifier: GPL-2.0-or-later
/* MSRs through the ABI: the lists, setting and getting, how far a list got. */
#include <stdlib.h>

#include "guest.h"

#define NOT_THERE	0x4b564dff

static struct kvm_msr_list *msr_list(unsigned long req)
{
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 4096 * 4);
	int dev = dev_open();

	/* One too few: E2BIG, and how many it takes. */
	CHECK_ERRNO(ioctl(dev, req, l), E2BIG);
	CHECK(l->nmsrs > 0 && l->nmsrs < 4096);
	l->nmsrs--;
	CHECK_ERRNO(ioctl(dev, req, l), E2BIG);
	CHECK_OK(ioctl(dev, req, l));
	return l;
}

TEST(index_list, "every MSR of KVM_GET_MSR_INDEX_LIST reads, and goes back")
{
	struct kvm_msr_list *l = msr_list(KVM_GET_MSR_INDEX_LIST);
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	for (uint32_t i = 0; i < l->nmsrs; i++) {
		uint64_t val;

		CHECK_MSG(vcpu_try_get_msr(v, l->indices[i], &val) == 1,
			  "MSR %#x is listed and not read", l->indices[i]);
		CHECK_MSG(vcpu_try_set_msr(v, l->indices[i], val) == 1,
			  "MSR %#x does not take its own value",
			  l->indices[i]);
	}
}

TEST(list_content, "the list has what a VMM must save, each once")
{
	static const uint32_t must[] = {
		0x10, 0x174, 0x175, 0x176, 0x277, 0xc0000081, 0xc0000082,
		0xc0000083, 0xc0000084, 0xc0000102,
	};
	struct kvm_msr_list *l = msr_list(KVM_GET_MSR_INDEX_LIST);

	for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++) {
		unsigned int n = 0;

		for (uint32_t j = 0; j < l->nmsrs; j++)
			n += l->indices[j] == must[i];
		CHECK_MSG(n == 1, "MSR %#x is listed %u times", must[i], n);
	}
}

TEST(feature_list, "every feature MSR reads on the node itself")
{
	struct kvm_msr_list *l = msr_list(KVM_GET_MSR_FEATURE_INDEX_LIST);
	int dev = dev_open();

	for (uint32_t i = 0; i < l->nmsrs; i++) {
		struct { struct kvm_msrs h; struct kvm_msr_entry e; } m = {
			.h.nmsrs = 1, .e.index = l->indices[i],
		};

		CHECK_MSG(ioctl(dev, KVM_GET_MSRS, &m) == 1,
			  "feature MSR %#x is listed and not read",
			  l->indices[i]);
	}
	{
		struct { struct kvm_msrs h; struct kvm_msr_entry e; } m = {
			.h.nmsrs = 1, .e.index = NOT_THERE,
		};

		CHECK_EQ(ioctl(dev, KVM_GET_MSRS, &m), 0);
	}
}

TEST(partial, "a list stops at the first MSR that is not there")
{
	struct { struct kvm_msrs h; struct kvm_msr_entry e[4]; } m = {
		.h.nmsrs = 4,
		.e = {
			{ .index = 0xc0000082, .data = 0x1000 },
			{ .index = 0x175, .data = 0x2000 },
			{ .index = NOT_THERE, .data = 0x3000 },
			{ .index = 0x176, .data = 0x4000 },
		},
	};
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	CHECK_EQ(ioctl(v->fd, KVM_SET_MSRS, &m), 2);
	CHECK_EQ(vcpu_get_msr(v, 0xc0000082), 0x1000);
	CHECK_EQ(vcpu_get_msr(v, 0x175), 0x2000);
	CHECK_EQ(vcpu_get_msr(v, 0x176), 0);
	CHECK_EQ(ioctl(v->fd, KVM_GET_MSRS, &m), 2);
}

TEST(count, "a list too long is E2BIG, an empty one 0")
{
	struct kvm_msrs m = { .nmsrs = 100000 };
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	CHECK_ERRNO(ioctl(v->fd, KVM_GET_MSRS, &m), E2BIG);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_MSRS, &m), E2BIG);
	m.nmsrs = 0;
	CHECK_EQ(ioctl(v->fd, KVM_GET_MSRS, &m), 0);
	CHECK_EQ(ioctl(v->fd, KVM_SET_MSRS, &m), 0);
}

static void round_trip(struct vcpu *v, uint32_t msr, uint64_t val)
{
	vcpu_set_msr(v, msr, val);
	CHECK_EQ(vcpu_get_msr(v, msr), val);
}

TEST(values, "MSRs hold what user space sets")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	vcpu_enter64(v, NULL);
	round_trip(v, 0x174, 0x10);
	round_trip(v, 0x175, 0xffff800000001000);
	round_trip(v, 0x176, 0xffff800000002000);
	round_trip(v, 0xc0000081, 0x0023001000000000);
	round_trip(v, 0xc0000082, 0xffff800000003000);
	round_trip(v, 0xc0000084, 0x47700);
	round_trip(v, 0xc0000102, 0xffff800000004000);
	round_trip(v, 0xc0000100, 0x7fff00000000);
	round_trip(v, 0xc0000101, 0x7fff00001000);
	round_trip(v, 0x277, 0x0007040600070406);
	round_trip(v, 0x2ff, 0xc06);
	round_trip(v, 0x200, 0x80000000);
	round_trip(v, 0x201, 0xf80000800);
	round_trip(v, 0x250, 0x0606060606060606);
}

TEST(refused, "values that an MSR cannot have are not set")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	CHECK_EQ(vcpu_try_set_msr(v, 0xc0000082, 1ull << 62), 0);
	CHECK_EQ(vcpu_try_set_msr(v, 0x277, 2), 0);
	CHECK_EQ(vcpu_try_set_msr(v, 0xc0000080, 1ull << 40), 0);
	CHECK_EQ(vcpu_try_set_msr(v, MSR_APIC_BASE, 1ull << 60), 0);
	CHECK_EQ(vcpu_try_set_msr(v, 0x2ff, 0xff), 0);
	CHECK_EQ(vcpu_try_set_msr(v, NOT_THERE, 0), 0);
}

static volatile uint64_t seen GUEST_VAR;

GUEST static void read_tsc(void)
{
	for (;;) {
		seen = g_rdtsc();
		g_sync(0);
	}
}

TEST(tsc, "the TSC that user space sets is where the guest goes on")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	uint64_t t;

	vcpu_enter64(v, read_tsc);
	vcpu_set_msr(v, 0x10, 1ull << 52);
	vcpu_sync(v);
	t = G(v->vm, seen);
	CHECK(t >= 1ull << 52 && t - (1ull << 52) < 1ull << 32);
	CHECK(vcpu_get_msr(v, 0x10) > t);
}
