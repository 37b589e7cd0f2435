// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC: pure state, under the caller's lock (irqchip.c's).
 *
 * A level-triggered pin that is up sends one message and then has Remote IRR
 * set until a CPU's EOI; an edge sends one message for each rise, and one that
 * comes while the pin is masked is lost, as in the chip.
 */
#include <linux/nospec.h>
#include <linux/string.h>

#include "ioapic.h"

#define IOAPIC_REG_SELECT	0x00
#define IOAPIC_REG_WINDOW	0x10

#define IOAPIC_REG_ID		0
#define IOAPIC_REG_VERSION	1
#define IOAPIC_REG_ARBITRATION	2
#define IOAPIC_REG_ENTRIES	0x10

#define IOAPIC_VERSION		(0x11 | (IOAPIC_NR_PINS - 1) << 16)

#define IOAPIC_READ_ONLY	(IOAPIC_REMOTE_IRR | IOAPIC_PENDING)
/* The rest of an entry is reserved. */
#define IOAPIC_ENTRY		(0x1ffffull | 0xffull << IOAPIC_DEST_SHIFT)

void ioapic_reset(struct ioapic *io)
{
	unsigned int pin;

	memset(io, 0, sizeof(*io));
	for (pin = 0; pin < IOAPIC_NR_PINS; pin++)
		io->entry[pin] = IOAPIC_MASKED;
}

/* Send @pin's message, if it may be sent: as ioapic_set_pin(). */
static int ioapic_service(struct ioapic *io, unsigned int pin)
{
	u64 *entry = &io->entry[pin];
	int ret;

	if (*entry & IOAPIC_MASKED ||
	    (*entry & IOAPIC_LEVEL && *entry & IOAPIC_REMOTE_IRR))
		return -1;
	if (!(*entry & IOAPIC_LEVEL))
		io->sent |= 1u << pin;
	ret = ioapic_send(io, pin, *entry);
	if (ret > 0 && *entry & IOAPIC_LEVEL)
		*entry |= IOAPIC_REMOTE_IRR;
	if (pin == IOAPIC_RTC_PIN)
		io->rtc_waits = ret > 0 ? ret : 0;
	return ret;
}

int ioapic_set_pin(struct ioapic *io, unsigned int pin, unsigned int source,
		   bool level, bool status)
{
	u32 mask = 1u << pin;
	bool edge;

	if (level)
		io->source[pin] |= 1 << source;
	else
		io->source[pin] &= ~(1 << source);
	if (!io->source[pin]) {
		io->irr &= ~mask;
		return 1;
	}
	edge = !(io->entry[pin] & IOAPIC_LEVEL);
	/* the clock's interrupts are made up for only if they are seen to go */
	if (edge && status && pin == IOAPIC_RTC_PIN && io->rtc_waits)
		return 0;
	if (edge) {
		io->sent &= ~mask;
		if (io->irr & mask)
			return 0;
	}
	io->irr |= mask;
	return ioapic_service(io, pin);
}

u32 ioapic_ends(const struct ioapic *io, u8 vector)
{
	unsigned int pin;
	u32 pins = 0;

	for (pin = 0; pin < IOAPIC_NR_PINS; pin++)
		if ((io->entry[pin] & IOAPIC_VECTOR) == vector)
			pins |= 1u << pin;
	return pins;
}

void ioapic_end(struct ioapic *io, u8 vector, u32 pins, bool level)
{
	unsigned int pin;

	if (pins & 1u << IOAPIC_RTC_PIN && io->rtc_waits)
		io->rtc_waits--;
	for (pin = 0; level && pin < IOAPIC_NR_PINS; pin++) {
		/* it may have become another one meanwhile */
		if (!(pins & 1u << pin) || !(io->entry[pin] & IOAPIC_LEVEL) ||
		    (io->entry[pin] & IOAPIC_VECTOR) != vector)
			continue;
		io->entry[pin] &= ~IOAPIC_REMOTE_IRR;
		if (io->irr & 1u << pin)
			ioapic_service(io, pin);
	}
}

void ioapic_resend(struct ioapic *io, u32 pins)
{
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_NR_PINS; pin++)
		if (pins & io->irr & 1u << pin && io->entry[pin] & IOAPIC_LEVEL)
			ioapic_service(io, pin);
}

/* --- registers --- */

static u32 ioapic_read_window(const struct ioapic *io)
{
	unsigned int pin;

	switch (io->select) {
	case IOAPIC_REG_ID:
	case IOAPIC_REG_ARBITRATION:
		return (u32)io->id << 24;
	case IOAPIC_REG_VERSION:
		return IOAPIC_VERSION;
	}
	pin = (io->select - IOAPIC_REG_ENTRIES) >> 1;
	if (io->select < IOAPIC_REG_ENTRIES || pin >= IOAPIC_NR_PINS)
		return ~0u;
	pin = array_index_nospec(pin, IOAPIC_NR_PINS);
	return io->entry[pin] >> (io->select & 1 ? 32 : 0);
}

u32 ioapic_read(const struct ioapic *io, u32 addr)
{
	switch (addr) {
	case IOAPIC_REG_SELECT:
		return io->select;
	case IOAPIC_REG_WINDOW:
		return ioapic_read_window(io);
	default:
		return 0;
	}
}

static void ioapic_write_entry(struct ioapic *io, unsigned int pin, bool high,
			       u32 val)
{
	u64 old = io->entry[pin], new;

	if (high)
		new = (u32)old | (u64)val << 32;
	else
		new = (old & ~0xffffffffull) | val;
	new = (new & IOAPIC_ENTRY & ~IOAPIC_READ_ONLY) |
	      (old & IOAPIC_READ_ONLY);
	/* chips without an EOI register are freed from a stuck one like this */
	if (!(new & IOAPIC_LEVEL))
		new &= ~IOAPIC_REMOTE_IRR;
	io->entry[pin] = new;
	if (pin == IOAPIC_RTC_PIN)
		io->rtc_waits = 0;
	if (!(new & IOAPIC_MASKED) && (old & IOAPIC_MASKED || !high))
		io->unmasked |= 1u << pin;
}

void ioapic_write(struct ioapic *io, u32 addr, u32 val)
{
	unsigned int pin;

	if (addr == IOAPIC_REG_SELECT) {
		io->select = val;
		return;
	}
	if (addr != IOAPIC_REG_WINDOW)
		return;
	if (io->select == IOAPIC_REG_ID) {
		io->id = val >> 24 & 0xf;
		return;
	}
	pin = (io->select - IOAPIC_REG_ENTRIES) >> 1;
	if (io->select < IOAPIC_REG_ENTRIES || pin >= IOAPIC_NR_PINS)
		return;
	pin = array_index_nospec(pin, IOAPIC_NR_PINS);
	ioapic_write_entry(io, pin, io->select & 1, val);
}

/* --- state --- */

void ioapic_get_state(const struct ioapic *io, struct kvm_ioapic_state *s)
{
	unsigned int pin;

	memset(s, 0, sizeof(*s));
	s->base_address = IOAPIC_BASE;
	s->ioregsel = io->select;
	s->id = io->id;
	/* an edge that has been sent must not be sent again from there */
	s->irr = io->irr & ~io->sent;
	for (pin = 0; pin < IOAPIC_NR_PINS; pin++)
		s->redirtbl[pin].bits = io->entry[pin];
}

void ioapic_set_state(struct ioapic *io, const struct kvm_ioapic_state *s)
{
	unsigned int pin;

	io->select = s->ioregsel;
	io->id = s->id & 0xf;
	io->irr = 0;
	io->sent = 0;
	io->rtc_waits = 0;
	for (pin = 0; pin < IOAPIC_NR_PINS; pin++) {
		io->entry[pin] = s->redirtbl[pin].bits & IOAPIC_ENTRY &
				 ~IOAPIC_PENDING;
		if (!(io->entry[pin] & IOAPIC_LEVEL))
			io->entry[pin] &= ~IOAPIC_REMOTE_IRR;
	}
	for (pin = 0; pin < IOAPIC_NR_PINS; pin++) {
		if (!(s->irr & 1u << pin))
			continue;
		io->irr |= 1u << pin;
		ioapic_service(io, pin);
	}
}
