// SPDX-License-Identifier: GPL-2.0-or-later
/* As many vCPUs as there may be, in one VM, and messages among them. */
#include "guest.h"

#define NR		255
#define VEC		0x41
#define ICR_LOGICAL	0x800
#define ICR_OTHERS	0xc0000

static volatile uint64_t hits[256] GUEST_VAR, x2apic GUEST_VAR;

GUEST static uint32_t my_id(void)
{
	if (x2apic)
		return g_rdmsr(MSR_X2APIC(APIC_ID));
	return g_apic_read(APIC_ID) >> 24;
}

GUEST static void handler(struct guest_regs *r)
{
	hits[my_id()]++;
	if (x2apic)
		g_wrmsr(MSR_X2APIC(APIC_EOI), 0);
	else
		g_apic_write(APIC_EOI, 0);
}

GUEST static void start(void)
{
	guest_handlers[VEC] = handler;
	if (x2apic)
		g_x2apic_enable();
	else
		g_apic_enable();
}

GUEST static void receive(void)
{
	start();
	g_sync(my_id());
	for (;;) {
		g_take_irqs();
		g_sync(hits[my_id()]);
	}
}

GUEST static void send_to(uint32_t dest, uint32_t icr)
{
	if (x2apic) {
		g_wrmsr(MSR_X2APIC(APIC_ICR), (uint64_t)dest << 32 | icr);
	} else {
		g_apic_write(APIC_ICR2, dest << 24);
		g_apic_write(APIC_ICR, icr);
	}
}

GUEST static void send(void)
{
	start();
	send_to(254, VEC);
	g_sync(1);
	send_to(17, VEC);
	send_to(130, VEC);
	g_sync(2);
	if (x2apic) {
		/* cluster 15, its bit 14; cluster 8, its bits 1 and 2 */
		send_to(15 << 16 | 1 << 14, ICR_LOGICAL | VEC);
		send_to(8 << 16 | 3 << 1, ICR_LOGICAL | VEC);
	} else {
		send_to(254, VEC);
		send_to(130, VEC);
	}
	g_sync(3);
	send_to(0, ICR_OTHERS | VEC);
	g_sync(4);
	g_check_eq(hits[0], 0);
	g_done();
}

static const unsigned int ids[] = { 17, 130, 254 };

/* After each step, how often each of these was interrupted. */
static void expect(struct vcpu *v[], const unsigned int n[3])
{
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(vcpu_sync(v[ids[i]]), n[i]);
}

static void many(uint64_t x2)
{
	static struct vcpu *v[NR];
	struct vm *vm = vm_new(VM_IRQCHIP);

	if (dev_cap(KVM_CAP_MAX_VCPUS) < NR)
		tap_skip("%d vCPUs are all", dev_cap(KVM_CAP_MAX_VCPUS));
	G(vm, x2apic) = x2;
	/* the last first: numbers and places are not the same */
	for (unsigned int id = NR; id--;) {
		bool runs = !id || id == 17 || id == 130 || id == 254;

		v[id] = runs ? vcpu_new(vm, id) : vcpu_new_bare(vm, id);
	}
	if (dev_cap(KVM_CAP_MAX_VCPUS) == NR)
		CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, (long)NR), EINVAL);
	for (unsigned int i = 0; i < 3; i++) {
		vcpu_enter64(v[ids[i]], receive);
		CHECK_EQ(vcpu_sync(v[ids[i]]), ids[i]);
	}
	vcpu_enter64(v[0], send);
	CHECK_EQ(vcpu_sync(v[0]), 1);
	expect(v, (const unsigned int []){ 0, 0, 1 });
	CHECK_EQ(vcpu_sync(v[0]), 2);
	expect(v, (const unsigned int []){ 1, 1, 1 });
	CHECK_EQ(vcpu_sync(v[0]), 3);
	expect(v, (const unsigned int []){ 1, 2, 2 });
	CHECK_EQ(vcpu_sync(v[0]), 4);
	expect(v, (const unsigned int []){ 2, 3, 3 });
	vcpu_done(v[0]);
}

TEST_TIMEOUT(many, "255 vCPUs, the last one as good as the first", 120)
{
	many(0);
}

TEST_TIMEOUT(many_x2apic, "the same with x2APICs", 120)
{
	many(1);
}
