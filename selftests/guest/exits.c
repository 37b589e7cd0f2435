// SPDX-License-Identifier: GPL-2.0-or-later
/* Exits that end in user space: HLT, shutdown, failed entry, signals. */
#include <pthread.h>
#include <signal.h>
#include <fcntl.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#include "guest.h"

GUEST static void halt(void)
{
	__asm__ volatile("hlt");
	g_done();
}

TEST(hlt, "HLT leaves to user space where no local APIC is in the kernel")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r;

	vcpu_enter64(v, halt);
	vcpu_expect(v, KVM_EXIT_HLT);
	r = vcpu_regs(v);
	CHECK_EQ(*(uint8_t *)vm_ptr(vm, r.rip - 1), 0xf4);
	vcpu_done(v);
}

static void on_signal(int sig)
{
}

static void *kick_after(void *arg)
{
	pthread_t *target = arg;

	usleep(20000);
	pthread_kill(*target, SIGUSR1);
	return NULL;
}

static void run_and_kick(struct vcpu *v)
{
	struct sigaction sa = { .sa_handler = on_signal };
	pthread_t self = pthread_self(), t;

	sigaction(SIGUSR1, &sa, NULL);
	CHECK_EQ(pthread_create(&t, NULL, kick_after, &self), 0);
	CHECK_EQ(vcpu_run(v), -EINTR);
	CHECK_EQ(v->run->exit_reason, KVM_EXIT_INTR);
	pthread_join(t, NULL);
}

TEST(hlt_in_kernel, "HLT with a local APIC waits in the kernel for a signal")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, halt);
	run_and_kick(v);
}

/* Interrupts on: see README.md, "Loops". */
GUEST static void spin(void)
{
	g_sti();
	for (;;)
		;
}

TEST(signal, "a signal ends KVM_RUN of a guest that never exits")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, spin);
	run_and_kick(v);
	run_and_kick(v);
}

/* An IDT with nothing in it. */
GUEST static void triple(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) d = {
		.limit = 0,
	};

	__asm__ volatile("lidt %0; ud2" : : "m"(d));
}

TEST(triple_fault, "a triple fault is KVM_EXIT_SHUTDOWN")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, triple);
	vcpu_expect(v, KVM_EXIT_SHUTDOWN);
}

/* A code segment of both 64 and 32 bits: SDM volume 3, 27.3.1.2. */
static void fail_entry(struct vcpu *v)
{
	struct kvm_sregs s;

	vcpu_enter64(v, halt);
	s = vcpu_sregs(v);
	s.cs.l = 1;
	s.cs.db = 1;
	vcpu_set_sregs(v, &s);
	vcpu_expect(v, KVM_EXIT_FAIL_ENTRY);
}

TEST(fail_entry, "guest state the CPU refuses is KVM_EXIT_FAIL_ENTRY")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_sregs s;

	fail_entry(v);
	/* 33: invalid guest state; bit 31: VM-entry failure. */
	CHECK_EQ(v->run->fail_entry.hardware_entry_failure_reason, 0x80000021);

	/* The vCPU is as good as before. */
	vcpu_enter64(v, halt);
	s = vcpu_sregs(v);
	CHECK_EQ(s.cs.db, 0);
	vcpu_enter64(v, triple);
	vcpu_expect(v, KVM_EXIT_SHUTDOWN);
}

#define DUMP_PARAM	"/sys/module/xkvm/parameters/dump_invalid"

/* What the kernel's log has from the last failed entry on. */
static char *failed_entry_log(void)
{
	static char log[1 << 18];
	char *p, *last = NULL;
	int n = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, log, sizeof(log) - 1);

	CHECK(n >= 0);
	log[n] = 0;
	for (p = log; (p = strstr(p, ": entry failed")); p++)
		last = p;
	CHECK(last);
	return last;
}

static void set_dump(char to)
{
	int fd = open(DUMP_PARAM, O_WRONLY);

	CHECK_EQ(write(fd, &to, 1), 1);
	close(fd);
}

/* Half of the address space, as hashed addresses hardly ever look. */
static bool shows_kernel_address(const char *s)
{
	return strstr(s, "ffffffff8") || strstr(s, "ffff888") ||
	       strstr(s, "ffffc9") || strstr(s, "fffffe0");
}

TEST(fail_entry_log, "the log has no address of the host's, and the state if asked for")
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	char *log;

	if (access(DUMP_PARAM, W_OK))
		tap_skip("another hypervisor, or an old one");
	/* two lines in five seconds is what the log takes */
	sleep(6);
	fail_entry(v);
	log = failed_entry_log();
	CHECK(!strstr(log, "host:"));
	CHECK(!strstr(log, "rip"));
	CHECK(!shows_kernel_address(log));
	set_dump('Y');
	fail_entry(v);
	set_dump('N');
	log = failed_entry_log();
	CHECK(strstr(log, "guest: rip"));
	CHECK(strstr(log, "host:"));
	CHECK(!shows_kernel_address(log));
}

static volatile uint64_t loops GUEST_VAR;

GUEST static void count(void)
{
	g_sti();
	for (;;)
		loops++;
}

TEST(immediate_exit, "immediate_exit ends KVM_RUN before any guest code")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, count);
	v->run->immediate_exit = 1;
	CHECK_EQ(vcpu_run(v), -EINTR);
	CHECK_EQ(G(vm, loops), 0);
}

GUEST static void user_hlt(void)
{
	__asm__ volatile("hlt");
	g_done();
}

TEST(hlt_user, "HLT in ring 3 is #GP, no exit")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64_user(v, user_hlt);
	vcpu_exit(v);
	CHECK_EQ(v->run->exit_reason, KVM_EXIT_IO);
	CHECK_EQ(v->run->io.port, PORT_TRAP);
	CHECK_EQ(G(vm, guest_trap).vector, 13);
}

GUEST static void vmcall(void)
{
	int64_t r;

	__asm__ volatile("vmcall" : "=a"(r) : "a"(77) : "memory");
	g_sync((uint32_t)r);
	g_done();
}

TEST(vmcall, "an unknown hypercall of a guest without Xen gives -1000")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, vmcall);
	CHECK_EQ(vcpu_sync(v), (uint32_t)-1000);
	vcpu_done(v);
}
