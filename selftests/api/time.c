// SPDX-License-Identifier: GPL-2.0-or-later
/* The VM's clock and the TSC's frequency. */
#include <unistd.h>

#include "guest.h"

TEST(tsc_khz, "KVM_GET_TSC_KHZ: a frequency; setting it back is allowed")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	long khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0L);

	CHECK(khz > 1000);
	CHECK_OK(ioctl(v->fd, KVM_SET_TSC_KHZ, khz));
	CHECK_EQ(ioctl(v->fd, KVM_GET_TSC_KHZ, 0L), khz);
}

TEST(tsc_khz_other, "another frequency works where TSC control is, else EINVAL")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	long khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0L);
	int r = ioctl(v->fd, KVM_SET_TSC_KHZ, khz / 2);

	if (dev_cap(KVM_CAP_TSC_CONTROL) > 0) {
		CHECK_EQ(r, 0);
		CHECK_EQ(ioctl(v->fd, KVM_GET_TSC_KHZ, 0L), khz / 2);
	} else {
		/* Slower than the CPU cannot be caught up with either. */
		CHECK(r < 0);
	}
}

static struct kvm_clock_data get_clock(struct vm *vm)
{
	struct kvm_clock_data c;

	CHECK_OK(ioctl(vm->fd, KVM_GET_CLOCK, &c));
	return c;
}

TEST(clock, "the clock starts with the VM, goes on, and can be set")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_clock_data a = get_clock(vm), b;

	CHECK(a.clock < 60ull * 1000000000);
	usleep(2000);
	b = get_clock(vm);
	CHECK(b.clock >= a.clock + 1000000);

	memset(&a, 0, sizeof(a));
	a.clock = 5000ull * 1000000000;
	CHECK_OK(ioctl(vm->fd, KVM_SET_CLOCK, &a));
	b = get_clock(vm);
	CHECK(b.clock >= a.clock && b.clock < a.clock + 10ull * 1000000000);
	a.flags = 1u << 20;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_CLOCK, &a), EINVAL);
}

TEST(clock_flags, "what the clock's flags promise is there")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_clock_data c;
	int can = dev_cap(KVM_CAP_ADJUST_CLOCK);

	vcpu_new(vm, 0);
	c = get_clock(vm);
	CHECK(!(c.flags & ~can));
	if (c.flags & KVM_CLOCK_REALTIME)
		CHECK(c.realtime);
	if (c.flags & KVM_CLOCK_HOST_TSC)
		CHECK(c.host_tsc && c.host_tsc <= rdtsc());
}

TEST(clock_realtime, "setting the clock with the real time of then catches up")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_clock_data c, d;

	vcpu_new(vm, 0);
	c = get_clock(vm);
	if (!(c.flags & KVM_CLOCK_REALTIME))
		tap_skip("no KVM_CLOCK_REALTIME");
	/* As of ten seconds ago the clock said 1,000 seconds. */
	c.flags = KVM_CLOCK_REALTIME;
	c.clock = 1000ull * 1000000000;
	c.realtime -= 10ull * 1000000000;
	CHECK_OK(ioctl(vm->fd, KVM_SET_CLOCK, &c));
	d = get_clock(vm);
	CHECK(d.clock >= 1010ull * 1000000000 - 1000000);
	CHECK(d.clock < 1020ull * 1000000000);
}
