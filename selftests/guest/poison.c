// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest memory that the host loses: the thread that runs the vCPU gets SIGBUS
 * with the address, as if it had touched the page, and may tell the guest.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "guest.h"

#define AREA		0x8000000ull
#define PAGES		8
#define PAGE		0x1000
#define MC		18
#define MSR_MC1_STATUS	0x405
#define MSR_MC1_ADDR	0x406
#define MCI_FATAL	0xbd80000000000134ull	/* data load, SRAR */

static volatile uint64_t at GUEST_VAR, value GUEST_VAR, write_it GUEST_VAR;
static volatile uint64_t checks GUEST_VAR, status GUEST_VAR, addr GUEST_VAR;

GUEST static void on_mc(struct guest_regs *r)
{
	checks++;
	status = g_rdmsr(MSR_MC1_STATUS);
	addr = g_rdmsr(MSR_MC1_ADDR);
	g_wrmsr(MSR_MC1_STATUS, 0);
	g_wrmsr(0x17a, 0);
	/* give the page up */
	at = 0;
	r->rip = r->rbx;
}

GUEST static void touch(void)
{
	g_set_cr4(g_cr4() | 0x40);
	for (;;) {
		g_sync(1);
		/* RBX is where to go on after a machine check */
		__asm__ volatile("lea 1f(%%rip), %%rbx\n\t"
				 "testq %2, %2\n\t"
				 "jz 2f\n\t"
				 "movq $7, (%1)\n"
				 "2: movq (%1), %%rax\n\t"
				 "movq %%rax, %0\n"
				 "1:" : "=m"(value) : "r"(at), "r"(write_it)
				 : "rax", "rbx", "memory");
	}
}

static volatile sig_atomic_t signals;
static void *volatile signal_addr;
static volatile int signal_code;

static void on_bus(int sig, siginfo_t *info, void *context)
{
	signals++;
	signal_addr = info->si_addr;
	signal_code = info->si_code;
}

static uint8_t *area(struct vm *vm)
{
	struct sigaction sa = { .sa_sigaction = on_bus,
				.sa_flags = SA_SIGINFO };
	uint8_t *mem = vm_add_slot(vm, 1, 0, AREA, PAGES * PAGE);

	CHECK(!sigaction(SIGBUS, &sa, NULL));
	return mem;
}

static void lose(uint8_t *page)
{
	/* not the zero page */
	*(volatile uint8_t *)page = 1;
	if (!madvise(page, PAGE, MADV_HWPOISON))
		return;
	if (errno == EINVAL || errno == EPERM)
		tap_skip("this kernel poisons no memory");
	CHECK_OK(-1);
}

static struct vcpu *start(struct vm *vm)
{
	struct vcpu *v = vcpu_new(vm, 0);

	G(vm, guest_handlers)[MC] = on_mc;
	vcpu_enter64(v, touch);
	CHECK_EQ(vcpu_sync(v), 1);
	return v;
}

static void point(struct vcpu *v, unsigned int page, bool write)
{
	G(v->vm, at) = AREA + page * PAGE;
	G(v->vm, write_it) = write;
}

/* The vCPU touches a page that is lost: SIGBUS, and the guest stays where it is. */
static void expect_bus(struct vcpu *v, uint8_t *page)
{
	signals = 0;
	CHECK_EQ(vcpu_run(v), -EINTR);
	CHECK_EQ(signals, 1);
	CHECK(signal_addr == page);
	CHECK_EQ(signal_code, BUS_MCEERR_AR);
}

TEST(sigbus, "a lost page is SIGBUS with its address, the pages beside it work")
{
	struct vm *vm = vm_new(0);
	uint8_t *mem = area(vm);
	struct vcpu *v = start(vm);

	for (unsigned int write = 0; write < 2; write++) {
		unsigned int lost = 2 + 3 * write;

		/* mapped by the guest, then lost; and lost before */
		point(v, lost, true);
		CHECK_EQ(vcpu_sync(v), 1);
		CHECK_EQ(G(vm, value), 7);
		lose(mem + lost * PAGE);
		lose(mem + (lost + 1) * PAGE);
		for (unsigned int i = 0; i < 2; i++) {
			point(v, lost + i, write);
			expect_bus(v, mem + (lost + i) * PAGE);
			expect_bus(v, mem + (lost + i) * PAGE);
			/* a page of its own in that place */
			CHECK(mmap(mem + (lost + i) * PAGE, PAGE,
				   PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				   -1, 0) != MAP_FAILED);
			CHECK_EQ(vcpu_sync(v), 1);
			CHECK_EQ(G(vm, value), write ? 7 : 0);
		}
		point(v, lost - 1, true);
		CHECK_EQ(vcpu_sync(v), 1);
		CHECK_EQ(G(vm, value), 7);
	}
	CHECK_EQ(G(vm, checks), 0);
}

TEST(machine_check, "the guest gets a machine check for it and goes on without")
{
	struct vm *vm = vm_new(0);
	uint8_t *mem = area(vm);
	struct vcpu *v = start(vm);
	struct kvm_x86_mce m = {
		.status = MCI_FATAL, .addr = AREA + PAGE, .mcg_status = 7,
		.misc = 0x8c, .bank = 1,
	};
	uint64_t cap;

	REQUIRE_CAP(KVM_CAP_MCE);
	CHECK_OK(ioctl(dev_open(), KVM_X86_GET_MCE_CAP_SUPPORTED, &cap));
	cap |= 10;
	CHECK_OK(ioctl(v->fd, KVM_X86_SETUP_MCE, &cap));
	lose(mem + PAGE);
	point(v, 1, false);
	expect_bus(v, mem + PAGE);
	CHECK_OK(ioctl(v->fd, KVM_X86_SET_MCE, &m));
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(G(vm, checks), 1);
	CHECK_EQ(G(vm, status), MCI_FATAL);
	CHECK_EQ(G(vm, addr), AREA + PAGE);
}
