// SPDX-License-Identifier: GPL-2.0-or-later
/* Several vCPUs: INIT and SIPI, IPIs of each kind between them. */
#include <unistd.h>

#include "guest.h"

#define VEC		0x55
#define NR		3

static volatile uint64_t hits[NR] GUEST_VAR, nmis[NR] GUEST_VAR;
static volatile uint64_t ready GUEST_VAR, stop GUEST_VAR, x2apic GUEST_VAR;

GINLINE uint32_t g_id(void)
{
	if (x2apic)
		return g_rdmsr(MSR_X2APIC(APIC_ID));
	return g_apic_read(APIC_ID) >> 24;
}

GUEST static void on_ipi(struct guest_regs *r)
{
	__atomic_add_fetch(&hits[g_id()], 1, __ATOMIC_SEQ_CST);
	if (x2apic)
		g_wrmsr(MSR_X2APIC(APIC_EOI), 0);
	else
		g_apic_write(APIC_EOI, 0);
}

GUEST static void on_nmi(struct guest_regs *r)
{
	__atomic_add_fetch(&nmis[g_id()], 1, __ATOMIC_SEQ_CST);
}

GUEST static void secondary(void)
{
	if (x2apic) {
		g_x2apic_enable();
	} else {
		g_apic_enable();
		g_apic_write(APIC_DFR, 0xffffffff);
		g_apic_write(APIC_LDR, 1u << (24 + g_id()));
	}
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (!stop)
		g_wait_irq();
	g_done();
}

GUEST static void send(uint32_t dest, uint32_t icr)
{
	if (x2apic) {
		g_wrmsr(MSR_X2APIC(APIC_ICR), (uint64_t)dest << 32 | icr);
		return;
	}
	g_apic_write(APIC_ICR2, dest << 24);
	g_apic_write(APIC_ICR, icr);
}

/* Exits now and then, so that the others run on one host CPU too. */
GUEST static void expect(volatile uint64_t *count, uint64_t a, uint64_t b,
			 uint64_t c)
{
	for (int i = 0; i < 2000; i++) {
		if (count[0] == a && count[1] == b && count[2] == c)
			return;
		g_take_irqs();
		g_sync(0);
	}
	g_fail(__LINE__, count[0] << 32 | count[1] << 16 | count[2],
	       a << 32 | b << 16 | c);
}

GUEST static void primary(void)
{
	uint64_t before;

	guest_handlers[VEC] = on_ipi;
	guest_handlers[2] = on_nmi;
	if (x2apic) {
		g_x2apic_enable();
	} else {
		g_apic_enable();
		g_apic_write(APIC_DFR, 0xffffffff);
		g_apic_write(APIC_LDR, 1u << 24);
	}
	while (ready < NR - 1)
		g_sync(0);

	send(1, 0x4000 | VEC);			/* fixed, physical */
	expect(hits, 0, 1, 0);
	send(1 << 2, 0x4800 | VEC);		/* logical: APIC 2 */
	expect(hits, 0, 1, 1);
	send(7, 0x4800 | VEC);			/* logical: all three */
	expect(hits, 1, 2, 2);
	send(0, 0xc4000 | VEC);			/* all excluding self */
	expect(hits, 1, 3, 3);
	send(0, 0x84000 | VEC);			/* all including self */
	expect(hits, 2, 4, 4);
	send(x2apic ? 0xffffffff : 0xff, 0x4000 | VEC);	/* broadcast */
	expect(hits, 3, 5, 5);
	send(2, 0x4400);			/* NMI */
	expect(nmis, 0, 0, 1);
	send(0, 0xc4400);
	expect(nmis, 0, 1, 2);

	/* Lowest priority: exactly one of them. */
	before = hits[0] + hits[1] + hits[2];
	send(7, 0x4900 | VEC);
	for (int i = 0; i < 50; i++) {
		g_take_irqs();
		g_sync(0);
	}
	g_check_eq(hits[0] + hits[1] + hits[2], before + 1);

	stop = 1;
	send(0, 0xc4000 | VEC);
	g_sync(1);
	g_done();
}

static void ipis(bool x2)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu_thread *t[NR];
	struct vcpu *v[NR];

	G(vm, x2apic) = x2;
	for (int i = 0; i < NR; i++)
		v[i] = vcpu_new(vm, i);
	for (int i = 1; i < NR; i++) {
		vcpu_enter64(v[i], secondary);
		t[i] = vcpu_start(v[i]);
	}
	vcpu_enter64(v[0], primary);
	while (vcpu_sync(v[0]) == 0)
		usleep(200);
	vcpu_done(v[0]);
	for (int i = 1; i < NR; i++)
		vcpu_join(t[i]);
}

TEST(ipi, "IPIs between vCPUs in xAPIC mode: every kind of destination")
{
	ipis(false);
}

TEST(ipi_x2apic, "IPIs between vCPUs in x2APIC mode")
{
	ipis(true);
}

/* --- starting --- */

GUEST_ASM(ap_code, 16,
	  "xor %ax, %ax\n"
	  "mov %ax, %ds\n"
	  "movw $0xcafe, 0x500\n"
	  "mov %cs, %ax\n"
	  "mov %ax, 0x502\n"
	  "mov $0x5e4, %dx\n"
	  "out %eax, %dx\n");

GUEST static void start_ap(void)
{
	g_apic_enable();
	g_apic_write(APIC_ICR2, 1 << 24);
	g_apic_write(APIC_ICR, 0xc500);		/* INIT, assert, level */
	g_apic_write(APIC_ICR, 0x8500);		/* de-assert */
	g_sync(1);
	g_apic_write(APIC_ICR, 0x4600 | GUEST_REAL >> 12);
	g_apic_write(APIC_ICR, 0x4600 | GUEST_REAL >> 12);
	g_done();
}

static int mp_state(struct vcpu *v)
{
	struct kvm_mp_state s;

	CHECK_OK(ioctl(v->fd, KVM_GET_MP_STATE, &s));
	return s.mp_state;
}

TEST(sipi, "INIT and SIPI start another vCPU in real mode")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v0 = vcpu_new(vm, 0), *v1 = vcpu_new(vm, 1);
	struct vcpu_thread *t;
	uint16_t *p = vm_ptr(vm, 0x500);

	CHECK_EQ(mp_state(v1), KVM_MP_STATE_UNINITIALIZED);
	memcpy(vm_ptr(vm, GUEST_REAL), ap_code, ap_code_end - ap_code);
	t = vcpu_start(v1);
	vcpu_enter64(v0, start_ap);
	CHECK_EQ(vcpu_sync(v0), 1);
	usleep(10000);
	CHECK_EQ(p[0], 0);
	vcpu_done(v0);
	vcpu_join(t);
	CHECK_EQ(p[0], 0xcafe);
	CHECK_EQ(p[1], GUEST_REAL >> 4);
}

GUEST static void spin_until_init(void)
{
	g_sti();
	ready = 1;
	for (;;)
		g_pause();
}

GUEST static void restart_ap(void)
{
	g_apic_enable();
	while (!ready)
		g_sync(0);
	g_apic_write(APIC_ICR2, 1 << 24);
	g_apic_write(APIC_ICR, 0xc500);
	g_apic_write(APIC_ICR, 0x4600 | GUEST_REAL >> 12);
	g_sync(1);
	g_done();
}

TEST(reset, "INIT resets a vCPU that runs")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v0 = vcpu_new(vm, 0), *v1 = vcpu_new(vm, 1);
	struct vcpu_thread *t;

	memcpy(vm_ptr(vm, GUEST_REAL), ap_code, ap_code_end - ap_code);
	vcpu_enter64(v1, spin_until_init);
	t = vcpu_start(v1);
	vcpu_enter64(v0, restart_ap);
	while (vcpu_sync(v0) == 0)
		usleep(200);
	vcpu_done(v0);
	vcpu_join(t);
	CHECK_EQ(*(uint16_t *)vm_ptr(vm, 0x500), 0xcafe);
}

/* --- the APIC page; cases.md 12 --- */

#define SECRET	0x5ec2e7

/* Other than xAPIC mode: whatever is at the APIC's address is no secret. */
GUEST static void leave_secret(void)
{
	g_x2apic_enable();
	for (uint32_t o = 0x400; o < 0x1000; o += 4)
		g_apic_write(o, SECRET);
	g_sync(1);
	for (uint32_t o = 0x400; o < 0x1000; o += 4)
		g_check(g_apic_read(o) != SECRET + 1);
	g_done();
}

GUEST static void find_secret(void)
{
	g_x2apic_enable();
	for (uint32_t o = 0x400; o < 0x1000; o += 4)
		g_check(g_apic_read(o) != SECRET);
	for (uint32_t o = 0x400; o < 0x1000; o += 4)
		g_apic_write(o, SECRET + 1);
	g_sync(1);
	g_done();
}

/* To the next g_sync() or g_done(); nobody answers MMIO. */
static void run_mmio(struct vcpu *v, uint16_t port)
{
	while (vcpu_exit(v) == KVM_EXIT_MMIO)
		memset(v->run->mmio.data, 0, 8);
	if (v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != port)
		vcpu_bad_exit(v);
}

TEST(apic_page, "what one VM writes at the APIC's address no other VM reads")
{
	struct vm *a = vm_new(VM_IRQCHIP), *b = vm_new(VM_IRQCHIP);
	struct vcpu *a0 = vcpu_new(a, 0), *b0 = vcpu_new(b, 0);

	vcpu_enter64(a0, leave_secret);
	vcpu_enter64(b0, find_secret);
	run_mmio(a0, PORT_SYNC);
	run_mmio(b0, PORT_SYNC);
	run_mmio(a0, PORT_DONE);
	run_mmio(b0, PORT_DONE);
}

GUEST static void own_registers(void)
{
	g_apic_enable();
	g_apic_write(APIC_TPR, 0x20);
	g_sync(1);
	g_check_eq(g_apic_read(APIC_ID) >> 24, 0);
	g_check_eq(g_apic_read(APIC_TPR), 0x20);
	g_check_eq(g_apic_read(APIC_SVR) & 0x1ff, 0x1ff);
	g_apic_write(APIC_TPR, 0x30);
	g_check_eq(g_apic_read(APIC_TPR), 0x30);
	g_done();
}

GUEST static void scribble(void)
{
	g_x2apic_enable();
	for (uint32_t o = 0; o < 0x1000; o += 16)
		g_apic_write(o, 0xffffffff);
	g_sync(1);
	g_check_eq(g_rdmsr(MSR_X2APIC(APIC_TPR)), 0);
	g_done();
}

TEST(mixed_modes, "a vCPU out of xAPIC mode does not reach another's APIC")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v0 = vcpu_new(vm, 0), *v1 = vcpu_new(vm, 1);

	vcpu_enter64(v0, own_registers);
	vcpu_enter64(v1, scribble);
	run_mmio(v0, PORT_SYNC);
	run_mmio(v1, PORT_SYNC);
	run_mmio(v0, PORT_DONE);
	run_mmio(v1, PORT_DONE);
}
