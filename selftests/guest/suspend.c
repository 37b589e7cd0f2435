// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The host sleeps (ACPI S3) while guests run: no guest's TSC goes back, and all go
 * on.  The host's own starts anew where Linux cannot mend it by TSC_ADJUST, as
 * with lab/host --append clearcpuid=tsc_adjust.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define SLEEPS	2
#define VEC	0x51

static volatile uint64_t rounds GUEST_VAR, stop GUEST_VAR, last GUEST_VAR;
static volatile uint64_t back GUEST_VAR, irqs GUEST_VAR;

GUEST static void on_timer(struct guest_regs *r)
{
	irqs++;
	g_apic_write(APIC_EOI, 0);
	g_wrmsr(MSR_TSC_DEADLINE, g_rdtsc() + 1000000);
}

/* A TSC that is read all the time, and a timer that goes by it. */
GUEST static void watch(void)
{
	g_apic_enable();
	g_apic_write(APIC_LVTT, 0x40000 | VEC);
	g_wrmsr(MSR_TSC_DEADLINE, g_rdtsc() + 1000000);
	g_sti();
	last = g_rdtsc();
	while (!stop) {
		uint64_t now = g_rdtsc();

		/* further than a suspend lasts is back, too */
		if (now < last || now - last > 1ull << 36)
			back++;
		last = now;
		rounds++;
	}
	g_cli();
	g_done();
}

static bool can_sleep(void)
{
	char text[64] = "";
	int fd = open("/sys/power/mem_sleep", O_RDONLY);

	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return strstr(text, "[deep]");
}

/* In Bochs each CPU is a package, and Linux mends the TSC of the first one only. */
static void stay_on_first_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
}

static void host_sleeps(void)
{
	int fd = open("/sys/power/state", O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "mem", 3), 3);
	close(fd);
}

static void goes_on(struct vm *vm)
{
	uint64_t r = G(vm, rounds), i = G(vm, irqs);

	for (unsigned int n = 0; G(vm, rounds) < r + 100 || G(vm, irqs) < i + 3;
	     n++) {
		CHECK(n < 2000 * tap_scale());
		usleep(2000);
	}
}

TEST_TIMEOUT(tsc, "guests run through a suspend, and no TSC goes back", 60)
{
	struct vcpu *v[2], *later;
	struct vcpu_thread *t[2];

	if (!can_sleep())
		tap_skip("this machine does not sleep");
	stay_on_first_cpu();
	for (int i = 0; i < 2; i++) {
		v[i] = vcpu_new(vm_new(VM_IRQCHIP), 0);
		G(v[i]->vm, guest_handlers)[VEC] = on_timer;
		/* one far ahead of the host's */
		vcpu_set_msr(v[i], 0x10, i ? 1ull << 40 : 0);
		vcpu_enter64(v[i], watch);
		t[i] = vcpu_start(v[i]);
		goes_on(v[i]->vm);
	}
	for (int n = 0; n < SLEEPS; n++) {
		host_sleeps();
		for (int i = 0; i < 2; i++) {
			goes_on(v[i]->vm);
			CHECK_EQ(G(v[i]->vm, back), 0);
		}
	}
	CHECK(G(v[1]->vm, last) > 1ull << 40);
	/* a vCPU made now starts at zero like one before */
	later = vcpu_new(vm_new(VM_IRQCHIP), 0);
	CHECK(vcpu_get_msr(later, 0x10) < 1ull << 36);
	for (int i = 0; i < 2; i++) {
		G(v[i]->vm, stop) = 1;
		vcpu_join(t[i]);
	}
}
