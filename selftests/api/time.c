// SPDX-License-Identifier: GPL-2.0-or-later
/* The VM's clock and the TSC's frequency. */
#include <time.h>
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

static volatile uint64_t seen GUEST_VAR;

GUEST static void read_tsc(void)
{
	for (;;) {
		seen = g_rdtsc();
		g_sync(0);
	}
}

/* What the guest's TSC counts while the host's counts @ticks, and a little. */
static uint64_t counted(struct vcpu *v, uint64_t ticks, uint64_t *host)
{
	uint64_t start, from;

	vcpu_sync(v);
	start = rdtsc();
	from = G(v->vm, seen);
	while (rdtsc() - start < ticks)
		;
	vcpu_sync(v);
	*host = rdtsc() - start;
	return G(v->vm, seen) - from;
}

TEST(tsc_scaled, "the guest's TSC counts at the rate asked for")
{
	static const int percent[] = { 50, 250 };
	uint64_t ticks = 5000000 * tap_scale();
	struct vm *vm = vm_new(VM_IRQCHIP);
	long khz = ioctl(vcpu_new(vm, 0)->fd, KVM_GET_TSC_KHZ, 0L);
	uint64_t host, guest;
	struct vcpu *v;
	unsigned int i;

	if (dev_cap(KVM_CAP_VM_TSC_CONTROL) <= 0) {
		CHECK(ioctl(vm->fd, KVM_SET_TSC_KHZ, khz / 2) < 0);
		return;
	}
	CHECK(ioctl(vm->fd, KVM_SET_TSC_KHZ, ~0ul) < 0);
	for (i = 0; i < 2; i++) {
		CHECK_OK(ioctl(vm->fd, KVM_SET_TSC_KHZ,
			       khz * percent[i] / 100));
		v = vcpu_new(vm, i + 1);
		CHECK_EQ(ioctl(v->fd, KVM_GET_TSC_KHZ, 0L),
			 khz * percent[i] / 100);
		vcpu_enter64(v, read_tsc);
		guest = counted(v, ticks, &host) * 100 / percent[i];
		CHECK_MSG(guest > host - host / 20 && guest < host + host / 20,
			  "%lu of %lu", guest, host);
		/* what user space reads is what the guest reads */
		guest = vcpu_get_msr(v, 0x10);
		vcpu_sync(v);
		CHECK(G(vm, seen) > guest &&
		      G(vm, seen) - guest < 1000000);
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

static uint64_t boottime_ns(void)
{
	struct timespec t;

	CHECK_OK(clock_gettime(CLOCK_BOOTTIME, &t));
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

TEST(clock_boottime, "the clock counts from the VM's creation, at CLOCK_BOOTTIME's pace")
{
	uint64_t before, after, clock, least = 0, most = UINT64_MAX;
	uint64_t start = boottime_ns();
	struct vm *vm = vm_new(VM_IRQCHIP);

	/* the time of its creation, from ever closer; NTP may steer the host's */
	for (int i = 0; i < 300; i++) {
		before = boottime_ns();
		clock = get_clock(vm).clock;
		after = boottime_ns();
		if (before - clock > least)
			least = before - clock;
		if (after - clock < most)
			most = after - clock;
		CHECK(least <= most + (after - start) / 1000);
		usleep(500);
	}
	CHECK(most < least + 1000000);
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
