// SPDX-License-Identifier: GPL-2.0-or-later
/* The host's own events while a guest runs: its NMIs reach it, each one. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#include "guest.h"

#define NR_NMIS	5

static volatile uint64_t rounds GUEST_VAR, stop GUEST_VAR;

GUEST static void spin(void)
{
	g_touch_stack();
	g_sti();
	while (!stop)
		rounds++;
	g_cli();
	g_done();
}

/* The NMIs that @cpu has had, from /proc/interrupts. */
static unsigned long nmis(int cpu)
{
	char line[512], *p;
	unsigned long n = 0;
	FILE *f = fopen("/proc/interrupts", "r");

	while (f && fgets(line, sizeof(line), f)) {
		p = strstr(line, "NMI:");
		if (!p)
			continue;
		for (p += 4; cpu >= 0; cpu--)
			n = strtoul(p, &p, 10);
	}
	if (f)
		fclose(f);
	return n;
}

/* Was an NMI handled where nothing can be traced, right behind an exit? */
static bool handled_at_exit(void)
{
	static char log[1 << 18];
	int n = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, log, sizeof(log) - 1);

	if (n < 0)
		tap_skip("no kernel log");
	/* the second one is in-tree KVM's */
	return strstr(log, "RIP: 0010:vmx_nmi+") ||
	       strstr(log, "RIP: 0010:vmx_do_nmi");
}

static bool pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !pthread_setaffinity_np(thread, sizeof(set), &set);
}

static void *run(void *arg)
{
	pin(pthread_self(), 1);
	vcpu_done(arg);
	return NULL;
}

/* True once the guest has gone round again. */
static bool goes_on(struct vm *vm)
{
	uint64_t before = G(vm, rounds);

	for (unsigned int i = 0; i < 500 * tap_scale(); i++) {
		if (G(vm, rounds) > before + 10)
			return true;
		usleep(2000);
	}
	return false;
}

TEST(nmi, "an NMI of the host's ends the guest's stay, is handled, and another comes")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	int fd = open("/proc/sysrq-trigger", O_WRONLY);
	unsigned long before;
	pthread_t t;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		tap_skip("one CPU");
	if (fd < 0)
		tap_skip("no /proc/sysrq-trigger");
	pin(pthread_self(), 0);
	vcpu_enter64(v, spin);
	CHECK(!pthread_create(&t, NULL, run, v));
	CHECK(goes_on(v->vm));
	before = nmis(1);
	for (int i = 1; i <= NR_NMIS; i++) {
		/* a backtrace of each CPU, asked for by NMI */
		CHECK_EQ(write(fd, "l", 1), 1);
		CHECK(goes_on(v->vm));
		CHECK(nmis(1) >= before + i);
	}
	CHECK(handled_at_exit());
	G(v->vm, stop) = 1;
	CHECK(!pthread_join(t, NULL));
}
