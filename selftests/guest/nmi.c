// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * NMIs: one is handled at a time, one more waits for the IRET, and what waits
 * is seen and set by KVM_GET_VCPU_EVENTS and KVM_SET_VCPU_EVENTS.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "guest.h"

#define VEC	0x51
#define SOFT	0x60
#define IN_NMI	100		/* g_sync() of the handler, + how many there were */

static volatile uint64_t nmis GUEST_VAR, depth GUEST_VAR, deepest GUEST_VAR;
static volatile uint64_t irqs GUEST_VAR, softs GUEST_VAR, again GUEST_VAR;
static volatile uint64_t irq_in_nmi GUEST_VAR;

GUEST static void on_nmi(struct guest_regs *r)
{
	nmis++;
	if (++depth > deepest)
		deepest = depth;
	g_sync(IN_NMI + nmis);
	depth--;
}

GUEST static void on_irq(struct guest_regs *r)
{
	irqs++;
	irq_in_nmi += depth;
	g_apic_write(APIC_EOI, 0);
}

GUEST static void on_soft(struct guest_regs *r)
{
	softs++;
}

/*
 * Ready.  An IRET comes first: Bochs 2.7 keeps NMIs blocked from one VM that
 * has ended in a handler to the next.
 */
GINLINE void ready(void)
{
	__asm__ volatile("int $0x60" : : : "memory");
	g_sync(1);
}

static struct kvm_vcpu_events events(struct vcpu *v)
{
	struct kvm_vcpu_events e;

	CHECK_OK(ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e));
	return e;
}

static void set_events(struct vcpu *v, struct kvm_vcpu_events *e)
{
	CHECK_OK(ioctl(v->fd, KVM_SET_VCPU_EVENTS, e));
}

/* The two ways an NMI comes from. */
enum source { BY_IOCTL, BY_MSI };

static void nmi(struct vcpu *v, enum source from)
{
	struct kvm_msi m = { .address_lo = 0xfee00000, .data = 0x400 };

	if (from == BY_IOCTL)
		CHECK_OK(ioctl(v->fd, KVM_NMI, 0L));
	else
		CHECK_EQ(ioctl(v->vm->fd, KVM_SIGNAL_MSI, &m), 1);
}

static void irq(struct vcpu *v)
{
	struct kvm_msi m = { .address_lo = 0xfee00000, .data = VEC };

	CHECK_EQ(ioctl(v->vm->fd, KVM_SIGNAL_MSI, &m), 1);
}

static struct vcpu *start(void (*fn)(void), unsigned int flags)
{
	struct vcpu *v = vcpu_new(vm_new(flags), 0);

	G(v->vm, guest_handlers)[2] = on_nmi;
	G(v->vm, guest_handlers)[VEC] = on_irq;
	G(v->vm, guest_handlers)[SOFT] = on_soft;
	vcpu_enter64(v, fn);
	CHECK_EQ(vcpu_sync(v), 1);
	return v;
}

/* No more than @n NMIs came, one at a time. */
static void finish(struct vcpu *v, uint32_t sync, uint64_t n)
{
	struct kvm_vcpu_events e;

	CHECK_EQ(vcpu_sync(v), sync);
	CHECK_EQ(G(v->vm, nmis), n);
	CHECK_EQ(G(v->vm, deepest), 1);
	e = events(v);
	CHECK_EQ(e.nmi.masked | e.nmi.pending | e.nmi.injected, 0);
	vcpu_done(v);
}

GUEST static void plain(void)
{
	g_apic_enable();
	ready();
	g_barrier();
	g_sync(2);
	g_done();
}

static void while_handled(enum source from, unsigned int more)
{
	struct vcpu *v = start(plain, VM_IRQCHIP);

	nmi(v, from);
	CHECK_EQ(events(v).nmi.pending, 1);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 1);
	CHECK_EQ(events(v).nmi.masked, 1);
	CHECK_EQ(events(v).nmi.pending, 0);
	for (unsigned int i = 0; i < more; i++)
		nmi(v, from);
	CHECK_EQ(events(v).nmi.masked, 1);
	CHECK_EQ(events(v).nmi.pending, 1);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 2);
	CHECK_EQ(events(v).nmi.masked, 1);
	CHECK_EQ(events(v).nmi.pending, 0);
	finish(v, 2, 2);
}

TEST(while_handled, "of NMIs that come while one is handled exactly one waits for the IRET")
{
	for (enum source from = BY_IOCTL; from <= BY_MSI; from++)
		for (unsigned int more = 1; more <= 3; more++)
			while_handled(from, more);
}

TEST(before, "two NMIs before an entry are one handled and one that waits; more are lost")
{
	for (unsigned int n = 2; n <= 4; n++) {
		struct vcpu *v = start(plain, VM_IRQCHIP);

		for (unsigned int i = 0; i < n; i++)
			nmi(v, i & 1 ? BY_MSI : BY_IOCTL);
		CHECK(events(v).nmi.pending >= 1);
		CHECK_EQ(vcpu_sync(v), IN_NMI + 1);
		CHECK_EQ(events(v).nmi.pending, 1);
		/* with these it is one still */
		nmi(v, BY_IOCTL);
		nmi(v, BY_MSI);
		CHECK_EQ(events(v).nmi.pending, 1);
		CHECK_EQ(vcpu_sync(v), IN_NMI + 2);
		finish(v, 2, 2);
	}
}

TEST(events_kept, "what waits and what is masked survives its own save and restore")
{
	struct vcpu *v = start(plain, VM_IRQCHIP), *w = start(plain, VM_IRQCHIP);
	struct kvm_vcpu_events e, none = { .flags = KVM_VCPUEVENT_VALID_NMI_PENDING };
	struct kvm_regs regs;

	nmi(v, BY_IOCTL);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 1);
	nmi(v, BY_IOCTL);
	e = events(v);
	set_events(v, &none);
	CHECK_EQ(events(v).nmi.masked | events(v).nmi.pending, 0);
	set_events(v, &e);
	CHECK_EQ(events(v).nmi.masked, 1);
	CHECK_EQ(events(v).nmi.pending, 1);
	/* into another vCPU, with the handler's registers and memory */
	nmi(w, BY_IOCTL);
	CHECK_EQ(vcpu_sync(w), IN_NMI + 1);
	regs = vcpu_regs(v);
	set_events(w, &none);
	set_events(w, &e);
	vcpu_set_regs(w, &regs);
	CHECK_EQ(vcpu_sync(w), IN_NMI + 2);
	finish(w, 2, 2);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 2);
	finish(v, 2, 2);
}

/* --- HLT -------------------------------------------------------------------- */

GUEST static void halts(void)
{
	g_apic_enable();
	ready();
	__asm__ volatile("cli; hlt");
	g_sync(2);
	g_done();
}

static void on_signal(int sig)
{
}

static void *kick_after(void *arg)
{
	usleep(50000);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

/* It goes into HLT and stays there until a signal comes. */
static void stays_halted(struct vcpu *v)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct kvm_mp_state mp;
	pthread_t self = pthread_self(), t;

	sigaction(SIGUSR1, &sa, NULL);
	CHECK(!pthread_create(&t, NULL, kick_after, &self));
	CHECK_EQ(vcpu_run(v), -EINTR);
	pthread_join(t, NULL);
	CHECK_OK(ioctl(v->fd, KVM_GET_MP_STATE, &mp));
	CHECK_EQ(mp.mp_state, KVM_MP_STATE_HALTED);
}

TEST(hlt, "an NMI ends HLT with interrupts off, and a second one waits")
{
	struct vcpu *v = start(halts, VM_IRQCHIP);

	stays_halted(v);
	nmi(v, BY_MSI);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 1);
	nmi(v, BY_IOCTL);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 2);
	finish(v, 2, 2);
}

GUEST static void on_nmi_halts(struct guest_regs *r)
{
	nmis++;
	if (++depth > deepest)
		deepest = depth;
	if (nmis == 1) {
		g_sync(IN_NMI + nmis);
		__asm__ volatile("sti; hlt; cli");
		g_sync(IN_NMI + 50);
	}
	depth--;
}

/* The IRET of the interrupt that ends HLT unblocks NMIs, as on hardware. */
TEST(hlt_in_handler, "an NMI that waits does not end HLT in the handler of one")
{
	struct vcpu *v = start(plain, VM_IRQCHIP);

	G(v->vm, guest_handlers)[2] = on_nmi_halts;
	nmi(v, BY_IOCTL);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 1);
	nmi(v, BY_IOCTL);
	stays_halted(v);
	CHECK_EQ(G(v->vm, nmis), 1);
	CHECK_EQ(events(v).nmi.pending, 1);
	CHECK_EQ(events(v).nmi.masked, 1);
	irq(v);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 50);
	CHECK_EQ(G(v->vm, irqs), 1);
	CHECK_EQ(G(v->vm, irq_in_nmi), 1);
	CHECK_EQ(G(v->vm, nmis), 2);
	CHECK_EQ(vcpu_sync(v), 2);
	vcpu_done(v);
}

/* --- shadows and IRET ---------------------------------------------------------- */

GUEST static void shadows(void)
{
	uint64_t ss;

	g_apic_enable();
	__asm__ volatile("mov %%ss, %0" : "=r"(ss));
	ready();
	for (int i = 0; i < 20; i++) {
		/* the exits are in the shadow of STI and of MOV SS */
		__asm__ volatile("sti; outl %%eax, %%dx; nop; cli"
				 : : "a"(10), "d"(PORT_SYNC) : "memory");
		__asm__ volatile("mov %0, %%ss; outl %%eax, %%dx"
				 : : "r"(ss), "a"(11), "d"(PORT_SYNC));
		__asm__ volatile("sti; cpuid; cli" : : "a"(0), "c"(0)
				 : "rbx", "rdx");
	}
	g_sync(2);
	g_done();
}

TEST(shadow, "NMIs that come in a shadow of STI or MOV SS come after it, each")
{
	struct vcpu *v = start(shadows, VM_IRQCHIP);
	uint64_t sent = 0;
	uint32_t at;

	while ((at = vcpu_sync(v)) != 2) {
		if (at > IN_NMI)
			continue;
		CHECK(at == 10 || at == 11);
		CHECK_EQ(G(v->vm, nmis), sent);
		nmi(v, sent & 1 ? BY_MSI : BY_IOCTL);
		sent++;
		if (sent & 1)
			irq(v);
	}
	CHECK_EQ(G(v->vm, nmis), sent);
	CHECK_EQ(sent, 40);
	CHECK_EQ(G(v->vm, deepest), 1);
	vcpu_done(v);
}

#define FAR	0x8000000ull		/* a page that faults in the second stage */

/* Return from the NMI by a frame in memory that nothing has touched. */
GUEST static void on_nmi_far(struct guest_regs *r)
{
	uint64_t *frame = (uint64_t *)(FAR + nmis * 0x200000 + 0x1000 - 40);

	nmis++;
	if (++depth > deepest)
		deepest = depth;
	g_sync(IN_NMI + nmis);
	depth--;
	/* user space filled the frame in, so that only IRET touches it */
	__asm__ volatile("mov %0, %%rsp; iretq" : : "r"(frame));
}

extern const char far_next[];

GUEST static void far(void)
{
	ready();
	/* the handler brings no register back */
	__asm__ volatile(".globl far_next\nfar_next:\n\t"
			 "movl $2, %%eax; movl %0, %%edx; outl %%eax, %%dx"
			 : : "i"(PORT_SYNC) : "memory", "eax", "edx");
	__asm__ volatile("1: movl %0, %%edx; outl %%eax, %%dx; jmp 1b"
			 : : "i"(PORT_DONE) : "memory");
}

TEST(iret_faults, "NMIs stay blocked while the IRET that unblocks them faults below")
{
	struct vcpu *v = start(far, 0);
	uint8_t *mem[3];
	struct kvm_sregs s = vcpu_sregs(v);

	for (unsigned int i = 0; i < 3; i++)
		mem[i] = vm_add_slot(v->vm, 1 + i, 0, FAR + i * 0x200000,
				     0x1000);
	G(v->vm, guest_handlers)[2] = on_nmi_far;
	for (unsigned int i = 0; i < 3; i++) {
		struct kvm_regs r = vcpu_regs(v);
		uint64_t *frame = (uint64_t *)(mem[i] + 0x1000 - 40);

		frame[0] = (uintptr_t)far_next;
		frame[1] = s.cs.selector;
		frame[2] = r.rflags;
		frame[3] = r.rsp;
		frame[4] = s.ss.selector;
	}
	nmi(v, BY_IOCTL);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 1);
	nmi(v, BY_IOCTL);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 2);
	nmi(v, BY_IOCTL);
	nmi(v, BY_IOCTL);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 3);
	finish(v, 2, 3);
}

GUEST static void on_nmi_soft(struct guest_regs *r)
{
	nmis++;
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (nmis == 1) {
		g_sync(IN_NMI + 1);
		/* its IRET unblocks: the next one comes right here */
		__asm__ volatile("int $0x60; nop");
		again = nmis;
	}
	depth--;
}

TEST(any_iret, "any IRET unblocks NMIs, and the one that waits comes then")
{
	struct vcpu *v = start(plain, VM_IRQCHIP);

	G(v->vm, guest_handlers)[2] = on_nmi_soft;
	nmi(v, BY_IOCTL);
	CHECK_EQ(vcpu_sync(v), IN_NMI + 1);
	nmi(v, BY_MSI);
	CHECK_EQ(vcpu_sync(v), 2);
	CHECK_EQ(G(v->vm, softs), 2);
	CHECK_EQ(G(v->vm, nmis), 2);
	CHECK_EQ(G(v->vm, again), 2);
	CHECK_EQ(G(v->vm, deepest), 2);
	vcpu_done(v);
}

/* Interrupts and NMIs from another thread while the guest runs. */
GUEST static void busy(void)
{
	g_apic_enable();
	ready();
	g_sti();
	while (!again)
		__asm__ volatile("cpuid" : : "a"(0), "c"(0)
				 : "rbx", "rdx", "memory");
	g_cli();
	g_done();
}

GUEST static void on_nmi_counts(struct guest_regs *r)
{
	nmis++;
	if (++depth > deepest)
		deepest = depth;
	__asm__ volatile("cpuid" : : "a"(0), "c"(0) : "rbx", "rdx", "memory");
	depth--;
}

TEST(running, "NMIs and interrupts to a running guest all come")
{
	struct vcpu *v = start(busy, VM_IRQCHIP);
	struct vcpu_thread *t;

	G(v->vm, guest_handlers)[2] = on_nmi_counts;
	t = vcpu_start(v);
	for (uint64_t i = 1; i <= 200; i++) {
		irq(v);
		nmi(v, BY_MSI);
		for (unsigned int n = 0; G(v->vm, nmis) < i; n++) {
			CHECK(n < 5000 * tap_scale());
			usleep(200);
		}
	}
	G(v->vm, again) = 1;
	vcpu_join(t);
	CHECK_EQ(G(v->vm, nmis), 200);
	CHECK_EQ(G(v->vm, deepest), 1);
	CHECK(G(v->vm, irqs) > 0);
}
