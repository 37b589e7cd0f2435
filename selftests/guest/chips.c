// SPDX-License-Identifier: GPL-2.0-or-later
/* PIC, I/O APIC and PIT in the kernel, as a guest sees them. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "guest.h"

#define PIC1		0x20
#define PIC2		0xa0
#define ELCR		0x4d0
#define PIT		0x40
#define PIT_CONTROL	0x43
#define SPEAKER		0x61
#define IOAPIC		0xfec00000ull

#define PIC_VEC		0x20		/* of IRQ 0 to 15 */
#define VEC		0x51

#define ENTRY_LEVEL	0x8000
#define ENTRY_REMOTE	0x4000
#define ENTRY_MASKED	0x10000
#define LVT_NMI		0x400
#define LVT_EXTINT	0x700
#define LVT_MASKED	0x10000

static volatile uint64_t hits GUEST_VAR, nr GUEST_VAR, x2apic GUEST_VAR;
static volatile uint64_t order[16] GUEST_VAR, nmis GUEST_VAR;

static uint64_t scale GUEST_VAR;	/* of a tick's length: tap_scale() */

static struct vm *full_vm(bool pit)
{
	struct vm *vm = vm_new(0);
	struct kvm_pit_config c = { .flags = KVM_PIT_SPEAKER_DUMMY };

	REQUIRE_CAP(KVM_CAP_IRQCHIP);
	CHECK_OK(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L));
	if (pit)
		CHECK_OK(ioctl(vm->fd, KVM_CREATE_PIT2, &c));
	G(vm, scale) = tap_scale();
	return vm;
}

static int line(struct vm *vm, uint32_t gsi, uint32_t level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	CHECK_OK(ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &l));
	return l.status;
}

/* --- PIC --- */

GUEST static void pic_init(uint8_t mask1, uint8_t mask2)
{
	g_out8(PIC1, 0x11);
	g_out8(PIC1 + 1, PIC_VEC);
	g_out8(PIC1 + 1, 4);
	g_out8(PIC1 + 1, 1);
	g_out8(PIC2, 0x11);
	g_out8(PIC2 + 1, PIC_VEC + 8);
	g_out8(PIC2 + 1, 2);
	g_out8(PIC2 + 1, 1);
	g_out8(PIC1 + 1, mask1);
	g_out8(PIC2 + 1, mask2);
}

GUEST static uint8_t pic_reg(uint16_t port, uint8_t ocw3)
{
	g_out8(port, ocw3);
	return g_in8(port);
}

GUEST static void pic_handler(struct guest_regs *r)
{
	order[hits++ & 15] = r->vector - PIC_VEC;
	if (r->vector >= PIC_VEC + 8)
		g_out8(PIC2, 0x20);
	g_out8(PIC1, 0x20);
}

GUEST static void pic_handlers(guest_handler fn)
{
	for (int i = 0; i < 16; i++)
		guest_handlers[PIC_VEC + i] = fn;
}

GUEST static void pic_take(void)
{
	pic_handlers(pic_handler);
	pic_init(0, 0);
	g_sync(0);
	for (;;) {
		g_take_irqs();
		g_sync(hits);
	}
}

TEST(pic, "the PICs: edges, the second one, priorities, masks")
{
	struct vm *vm = full_vm(false);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, pic_take);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(line(vm, 3, 1), 1);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(G(vm, order)[0], 3);
	/* still up: an edge is taken once */
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(line(vm, 3, 0), 2);	/* the I/O APIC notices, too */
	CHECK_EQ(line(vm, 3, 1), 1);
	line(vm, 3, 0);
	CHECK_EQ(line(vm, 3, 1), 0);	/* coalesced */
	CHECK_EQ(vcpu_sync(v), 2);
	line(vm, 3, 0);

	/* 4, 10 and 1 at once: the lowest first, the second PIC at input 2 */
	line(vm, 4, 1);
	line(vm, 10, 1);
	line(vm, 1, 1);
	CHECK_EQ(vcpu_sync(v), 5);
	CHECK_EQ(G(vm, order)[2], 1);
	CHECK_EQ(G(vm, order)[3], 10);
	CHECK_EQ(G(vm, order)[4], 4);
}

GUEST static void pic_level_handler(struct guest_regs *r)
{
	hits++;
	g_sync(100 + hits);	/* user space may lower the line here */
	g_out8(PIC1, 0x20);
}

GUEST static void pic_level(void)
{
	pic_handlers(pic_level_handler);
	pic_init(0, 0);
	g_out8(ELCR, 0xff);
	g_out8(ELCR + 1, 0xff);
	g_check_eq(g_in8(ELCR), 0xf8);
	g_check_eq(g_in8(ELCR + 1), 0xde);
	g_out8(ELCR, 1 << 5);
	g_sync(0);
	g_check_eq(pic_reg(PIC1, 0x0a), 1 << 5);	/* IRR */
	g_take_irqs();
	g_check_eq(pic_reg(PIC1, 0x0b), 0);		/* ISR */
	g_check_eq(pic_reg(PIC1, 0x0a), 0);
	/* gone before anybody looked: no interrupt at all */
	g_sync(1);
	g_take_irqs();
	g_check_eq(hits, 2);
	/* masked, then not */
	g_out8(PIC1 + 1, 1 << 5);
	g_sync(2);
	g_take_irqs();
	g_check_eq(hits, 2);
	g_out8(PIC1 + 1, 0);
	g_take_irqs();
	g_check_eq(hits, 3);
	g_done();
}

TEST(pic_level, "a level at a PIC interrupts until it is down")
{
	struct vm *vm = full_vm(false);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, pic_level);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(line(vm, 5, 1), 1);
	CHECK_EQ(vcpu_sync(v), 101);
	CHECK_EQ(vcpu_sync(v), 102);
	line(vm, 5, 0);
	CHECK_EQ(vcpu_sync(v), 1);
	line(vm, 5, 1);
	line(vm, 5, 0);
	CHECK_EQ(vcpu_sync(v), 2);
	CHECK_EQ(line(vm, 5, 1), -1);
	CHECK_EQ(vcpu_sync(v), 103);
	line(vm, 5, 0);
	vcpu_done(v);
}

GUEST static void pic_halt(void)
{
	pic_handlers(pic_handler);
	pic_init(0, 0);
	g_apic_enable();
	g_sync(0);
	g_wait_irq();
	g_check_eq(hits, 1);
	/* not through a masked LINT0 */
	g_apic_write(APIC_LVT0, LVT_EXTINT | LVT_MASKED);
	g_sync(1);
	g_take_irqs();
	g_check_eq(hits, 1);
	g_apic_write(APIC_LVT0, LVT_EXTINT);
	g_take_irqs();
	g_check_eq(hits, 2);
	g_done();
}

TEST(pic_lint0, "the PIC wakes a halted CPU, and only through LINT0")
{
	struct vm *vm = full_vm(false);
	struct vcpu *v = vcpu_new(vm, 0);
	struct vcpu_thread *t;

	vcpu_enter64(v, pic_halt);
	CHECK_EQ(vcpu_sync(v), 0);
	line(vm, 7, 1);
	line(vm, 7, 0);
	CHECK_EQ(vcpu_sync(v), 1);
	line(vm, 6, 1);
	t = vcpu_start(v);
	vcpu_join(t);
}

/* --- I/O APIC --- */

GUEST static uint32_t io_read(uint32_t reg)
{
	g_write32(IOAPIC, reg);
	return g_read32(IOAPIC + 0x10);
}

GUEST static void io_write(uint32_t reg, uint32_t val)
{
	g_write32(IOAPIC, reg);
	g_write32(IOAPIC + 0x10, val);
}

GUEST static void eoi(void)
{
	if (x2apic)
		g_wrmsr(MSR_X2APIC(APIC_EOI), 0);
	else
		g_apic_write(APIC_EOI, 0);
}

GUEST static void io_handler(struct guest_regs *r)
{
	order[hits++ & 15] = r->vector;
	if (nr)
		g_sync(100 + nr);
	eoi();
}

GUEST static void io_setup(guest_handler fn)
{
	for (int i = 0; i < 16; i++)
		guest_handlers[VEC + i] = fn;
	if (x2apic)
		g_x2apic_enable();
	else
		g_apic_enable();
	g_out8(PIC1 + 1, 0xff);
	g_out8(PIC2 + 1, 0xff);
}

GUEST static void io_registers(void)
{
	g_check_eq(io_read(1), 0x170011);
	io_write(0, 0xffffffff);
	g_check_eq(io_read(0), 0x0f000000);
	g_check_eq(io_read(2), 0x0f000000);
	io_write(1, 0);
	g_check_eq(io_read(1), 0x170011);
	for (uint32_t pin = 0; pin < 24; pin++) {
		g_check_eq(io_read(0x10 + pin * 2), ENTRY_MASKED);
		g_check_eq(io_read(0x11 + pin * 2), 0);
		io_write(0x10 + pin * 2, 0xffffffff);
		io_write(0x11 + pin * 2, 0xffffffff);
		/* without the read-only and the reserved bits */
		g_check_eq(io_read(0x10 + pin * 2), 0x1afff);
		g_check_eq(io_read(0x11 + pin * 2), 0xff000000);
	}
	g_check_eq(io_read(0x40), 0xffffffff);
	g_check_eq(io_read(3), 0xffffffff);
	g_check_eq(g_read32(IOAPIC), 3);
	g_check_eq(g_read8(IOAPIC), 3);
	g_check_eq(g_read32(IOAPIC + 0x20), 0);
	g_done();
}

TEST(ioapic_registers, "the I/O APIC's registers and what they keep")
{
	struct vcpu *v = vcpu_new(full_vm(false), 0);

	vcpu_enter64(v, io_registers);
	vcpu_done(v);
}

GUEST static void io_edges(void)
{
	io_setup(io_handler);
	io_write(0x10 + 2 * 20, VEC);
	io_write(0x10 + 2 * 21, VEC + 1);
	io_write(0x10 + 2 * 22, ENTRY_MASKED | (VEC + 2));
	g_sync(0);
	for (;;) {
		g_take_irqs();
		g_sync(hits);
		if (hits == 5)
			io_write(0x10 + 2 * 22, VEC + 2);
	}
}

static void ioapic_edges(uint64_t x2)
{
	struct vm *vm = full_vm(false);
	struct vcpu *v = vcpu_new(vm, 0);

	G(vm, x2apic) = x2;
	vcpu_enter64(v, io_edges);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(line(vm, 20, 1), 1);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(G(vm, order)[0], VEC);
	CHECK_EQ(line(vm, 20, 1), 0);	/* up already */
	CHECK_EQ(vcpu_sync(v), 1);
	line(vm, 20, 0);
	CHECK_EQ(line(vm, 20, 1), 1);
	CHECK_EQ(vcpu_sync(v), 2);
	line(vm, 20, 0);
	/* the higher vector first; two at once */
	CHECK_EQ(line(vm, 20, 1), 1);
	CHECK_EQ(line(vm, 21, 1), 1);
	CHECK_EQ(vcpu_sync(v), 4);
	CHECK_EQ(G(vm, order)[2], VEC + 1);
	CHECK_EQ(G(vm, order)[3], VEC);
	/* masked: lost */
	CHECK_EQ(line(vm, 22, 1), -1);
	line(vm, 22, 0);
	CHECK_EQ(vcpu_sync(v), 4);
	line(vm, 21, 0);
	CHECK_EQ(line(vm, 21, 1), 1);
	CHECK_EQ(vcpu_sync(v), 5);
	CHECK_EQ(vcpu_sync(v), 5);
	CHECK_EQ(line(vm, 22, 1), 1);
	CHECK_EQ(vcpu_sync(v), 6);
	CHECK_EQ(line(vm, 24, 1), -1);
}

TEST(ioapic_edge, "the I/O APIC's edges, one interrupt for each")
{
	ioapic_edges(0);
}

TEST(ioapic_edge_x2apic, "the same to an x2APIC")
{
	ioapic_edges(1);
}

GUEST static void io_level_handler(struct guest_regs *r)
{
	hits++;
	g_check_eq(io_read(0x10 + 2 * 20) & ENTRY_REMOTE, ENTRY_REMOTE);
	g_sync(100 + hits);
	eoi();
}

GUEST static void io_level(void)
{
	io_setup(io_level_handler);
	io_write(0x10 + 2 * 20, ENTRY_LEVEL | VEC);
	g_sync(0);
	g_take_irqs();
	g_take_irqs();
	g_check_eq(hits, 3);
	g_check_eq(io_read(0x10 + 2 * 20), ENTRY_LEVEL | VEC);
	/* up while masked */
	io_write(0x10 + 2 * 20, ENTRY_LEVEL | ENTRY_MASKED | VEC);
	g_sync(1);
	g_take_irqs();
	g_check_eq(hits, 3);
	io_write(0x10 + 2 * 20, ENTRY_LEVEL | VEC);
	g_take_irqs();
	g_check_eq(hits, 4);
	g_done();
}

static void ioapic_level(uint64_t x2)
{
	struct vm *vm = full_vm(false);
	struct vcpu *v = vcpu_new(vm, 0);

	G(vm, x2apic) = x2;
	vcpu_enter64(v, io_level);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(line(vm, 20, 1), 1);
	CHECK_EQ(vcpu_sync(v), 101);
	/* in service: nothing new */
	CHECK_EQ(line(vm, 20, 1), -1);
	CHECK_EQ(vcpu_sync(v), 102);
	CHECK_EQ(vcpu_sync(v), 103);
	line(vm, 20, 0);
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(line(vm, 20, 1), -1);
	CHECK_EQ(vcpu_sync(v), 104);
	line(vm, 20, 0);
	vcpu_done(v);
}

TEST(ioapic_level, "a level at the I/O APIC interrupts until it is down")
{
	ioapic_level(0);
}

TEST(ioapic_level_x2apic, "the same to an x2APIC")
{
	ioapic_level(1);
}

/* --- irqfds that resample --- */

GUEST static void io_resample(void)
{
	io_setup(io_handler);
	io_write(0x10 + 2 * 20, ENTRY_LEVEL | VEC);
	g_sync(0);
	for (;;) {
		g_take_irqs();
		g_sync(hits);
	}
}

static uint64_t fd_count(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, 8) == 8 ? n : 0;
}

TEST(resample, "an irqfd that resamples holds its line up until the EOI")
{
	struct vm *vm = full_vm(false);
	struct vcpu *v = vcpu_new(vm, 0);
	int fd = eventfd(0, EFD_NONBLOCK), again = eventfd(0, EFD_NONBLOCK);
	struct kvm_irqfd f = {
		.fd = fd, .gsi = 20, .resamplefd = again,
		.flags = KVM_IRQFD_FLAG_RESAMPLE,
	};
	uint64_t one = 1;

	REQUIRE_CAP(KVM_CAP_IRQFD_RESAMPLE);
	CHECK_OK(ioctl(vm->fd, KVM_IRQFD, &f));
	vcpu_enter64(v, io_resample);
	CHECK_EQ(vcpu_sync(v), 0);
	/* the pin was just unmasked: that asks, too */
	fd_count(again);
	for (uint32_t i = 1; i <= 3; i++) {
		CHECK_EQ(write(fd, &one, 8), 8);
		CHECK_EQ(fd_count(again), 0);
		for (int wait = 0; wait < 100 && vcpu_sync(v) != i; wait++)
			usleep(500);
		CHECK_EQ(vcpu_sync(v), i);
		CHECK_EQ(fd_count(again), 1);
	}
	/* user space holds the same line: one does not hide the other */
	G(vm, nr) = 1;
	CHECK_EQ(line(vm, 20, 1), 1);
	CHECK_EQ(vcpu_sync(v), 101);
	CHECK_EQ(write(fd, &one, 8), 8);
	usleep(1000);
	line(vm, 20, 0);
	CHECK_EQ(vcpu_sync(v), 4);
	CHECK_EQ(fd_count(again), 1);
	line(vm, 20, 1);
	CHECK_EQ(vcpu_sync(v), 101);
	CHECK_EQ(vcpu_sync(v), 101);
	line(vm, 20, 0);
	CHECK_EQ(vcpu_sync(v), 6);
	CHECK(fd_count(again) > 0);
	f.flags |= KVM_IRQFD_FLAG_DEASSIGN;
	CHECK_OK(ioctl(vm->fd, KVM_IRQFD, &f));
	CHECK_EQ(write(fd, &one, 8), 8);
	vcpu_sync(v);
	CHECK_EQ(fd_count(again), 0);
}

/* --- PIT --- */

GUEST static void pit_load(uint8_t control, uint16_t count)
{
	g_out8(PIT_CONTROL, control);
	g_out8(PIT + (control >> 6), count);
	g_out8(PIT + (control >> 6), count >> 8);
}

GUEST static uint16_t pit_latched(unsigned int n)
{
	uint8_t low;

	g_out8(PIT_CONTROL, n << 6);
	low = g_in8(PIT + n);
	return low | g_in8(PIT + n) << 8;
}

GUEST static void spin(uint64_t cycles)
{
	uint64_t end = g_rdtsc() + cycles;

	while (g_rdtsc() < end)
		;
}

GUEST static void pit_counts(void)
{
	uint16_t a, b;
	uint8_t status;

	pit_load(0xb0, 50000);		/* counter 2, mode 0 */
	a = pit_latched(2);
	spin(200000);
	b = pit_latched(2);
	g_check(a <= 50000 && b < a);
	/* a latch stays what it was when it was made */
	g_out8(PIT_CONTROL, 2 << 6);
	spin(200000);
	a = g_in8(PIT + 2) | g_in8(PIT + 2) << 8;
	g_check(a < b && a > pit_latched(2));
	/* read-back: status and count of counter 2 */
	g_out8(PIT_CONTROL, 0xc8);
	status = g_in8(PIT + 2);
	g_check_eq(status & 0x7f, 0x30);
	a = g_in8(PIT + 2) | g_in8(PIT + 2) << 8;
	g_check(a < b);
	/* one byte at a time */
	g_out8(PIT_CONTROL, 0x90);
	g_out8(PIT + 2, 0xff);
	g_check(g_in8(PIT + 2) <= 0xff);
	/* the speaker's port: gate, data, output */
	g_out8(SPEAKER, 0);
	g_check_eq(g_in8(SPEAKER) & 3, 0);
	g_out8(SPEAKER, 3);
	g_check_eq(g_in8(SPEAKER) & 3, 3);
	pit_load(0xb0, 200);
	g_check_eq(g_in8(SPEAKER) >> 5 & 1, 0);
	spin(100000);
	g_check_eq(g_in8(SPEAKER) >> 5 & 1, 1);
	g_done();
}

TEST(pit_counter, "the PIT counts down, latches, and shows at port 0x61")
{
	struct vcpu *v = vcpu_new(full_vm(true), 0);

	vcpu_enter64(v, pit_counts);
	vcpu_done(v);
}

GUEST static void pit_ticks(void)
{
	uint64_t start, ms;

	pic_handlers(pic_handler);
	pic_init(0xfe, 0xff);
	g_sync(0);
	pit_load(0x34, 1193 * 2 * scale);	/* 2 ms, mode 2 */
	start = g_rdtsc();
	while (hits < 10)
		g_wait_irq();
	ms = (g_rdtsc() - start) / 100000;
	g_sync(1);
	/* one shot, when what is left of the ticks has come */
	g_out8(PIT_CONTROL, 0x30);
	for (int i = 0; i < 100; i++)
		g_take_irqs();
	hits = 0;
	pit_load(0x30, 1193 * scale);
	g_wait_irq();
	g_check_eq(hits, 1);
	spin(500000 * scale);
	g_take_irqs();
	g_check_eq(hits, 1);
	nr = ms;
	g_done();
}

TEST(pit_tick, "the PIT ticks through the PIC, again and again or once")
{
	struct vm *vm = full_vm(true);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, pit_ticks);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(vcpu_sync(v), 1);
	vcpu_done(v);
	/* 10 ticks of 2 ms at 100 MHz, with room for a busy host */
	CHECK_MSG(G(vm, nr) >= 15, "%llu ms", (unsigned long long)G(vm, nr));
}

GUEST static void pit_late(void)
{
	pic_handlers(pic_handler);
	pic_init(0xfe, 0xff);
	pit_load(0x34, 1193 * scale);
	g_sync(0);
	spin(2000000 * scale);	/* 20 ms, interrupts off */
	g_out8(PIT_CONTROL, 0x36);	/* no more of them until it is loaded */
	g_sync(1);
	/* those that are kept come one after the other */
	for (int i = 0; i < 100; i++)
		g_take_irqs();
	g_done();
}

static uint64_t late_ticks(bool reinject)
{
	struct vm *vm = full_vm(true);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_reinject_control c = { .pit_reinject = reinject };

	REQUIRE_CAP(KVM_CAP_REINJECT_CONTROL);
	CHECK_OK(ioctl(vm->fd, KVM_REINJECT_CONTROL, &c));
	vcpu_enter64(v, pit_late);
	CHECK_EQ(vcpu_sync(v), 0);
	CHECK_EQ(vcpu_sync(v), 1);
	vcpu_done(v);
	return G(vm, hits);
}

TEST(pit_reinject, "ticks that come too fast are kept, or lost, as asked")
{
	uint64_t kept = late_ticks(true), lost = late_ticks(false);

	CHECK_MSG(kept >= 10, "%llu kept", (unsigned long long)kept);
	CHECK_MSG(lost < 10, "%llu not lost", (unsigned long long)lost);
}

GUEST static void on_nmi(struct guest_regs *r)
{
	nmis++;
}

GUEST static void pit_watchdog(void)
{
	guest_handlers[2] = on_nmi;
	g_apic_enable();
	g_out8(PIC1 + 1, 0xff);
	g_apic_write(APIC_LVT0, LVT_NMI);
	pit_load(0x34, 1193 * scale);
	g_sync(0);
	for (int i = 0; i < 2000 && nmis < 3; i++)
		spin(100000);
	g_check(nmis >= 3);
	g_apic_write(APIC_LVT0, LVT_EXTINT | LVT_MASKED);
	g_done();
}

TEST(pit_nmi, "the PIT is a watchdog through an NMI at LINT0")
{
	struct vm *vm = full_vm(true);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_reinject_control c = { .pit_reinject = 0 };

	CHECK_OK(ioctl(vm->fd, KVM_REINJECT_CONTROL, &c));
	vcpu_enter64(v, pit_watchdog);
	CHECK_EQ(vcpu_sync(v), 0);
	vcpu_done(v);
}

GUEST static void pit_ioapic(void)
{
	io_setup(io_handler);
	io_write(0x10, VEC);		/* by KVM's default GSI 0 is pin 0 */
	pit_load(0x34, 1193 * scale);
	g_sync(0);
	while (hits < 10)
		g_wait_irq();
	g_done();
}

TEST(pit_through_ioapic, "the PIT ticks through the I/O APIC, each EOI seen")
{
	struct vcpu *v;

	for (uint64_t x2 = 0; x2 < 2; x2++) {
		v = vcpu_new(full_vm(true), 0);
		G(v->vm, x2apic) = x2;
		vcpu_enter64(v, pit_ioapic);
		CHECK_EQ(vcpu_sync(v), 0);
		vcpu_done(v);
	}
}
