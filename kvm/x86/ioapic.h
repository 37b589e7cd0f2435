/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The I/O APIC: 24 pins, each with an entry that says which message it sends.
 *
 * State and what changes it: no locks (the caller has one); messages leave
 * through ioapic_send(), which the caller's side implements.  Also builds on
 * the host for unit tests.
 * Source: Intel 82093AA data sheet; KVM API, struct kvm_ioapic_state.
 */
#ifndef XKVM_X86_IOAPIC_H
#define XKVM_X86_IOAPIC_H

#include <linux/kvm.h>
#include <linux/types.h>

#define IOAPIC_NR_PINS	24
#define IOAPIC_BASE	0xfec00000ull
#define IOAPIC_SIZE	0x100u

/* A pin's entry. */
#define IOAPIC_VECTOR		0xffull
#define IOAPIC_DELIVERY		0x700ull
#define IOAPIC_LOGICAL		(1ull << 11)
#define IOAPIC_PENDING		(1ull << 12)	/* read-only, never set here */
#define IOAPIC_LOW		(1ull << 13)	/* polarity: of no effect */
#define IOAPIC_REMOTE_IRR	(1ull << 14)	/* read-only */
#define IOAPIC_LEVEL		(1ull << 15)
#define IOAPIC_MASKED		(1ull << 16)
#define IOAPIC_DEST_SHIFT	56

/* The real-time clock's pin, of which the caller counts what gets lost. */
#define IOAPIC_RTC_PIN		8

struct ioapic {
	u64 entry[IOAPIC_NR_PINS];
	u8 id, select;
	u8 source[IOAPIC_NR_PINS];	/* who holds up the pin; bits */
	u32 irr;			/* pins that are up, or were edges */
	u32 sent;			/* edges of irr that have been sent */
	unsigned int rtc_waits;		/* CPUs that have not ended pin 8's */
	/* since the caller cleared it: pins that are listened to again */
	u32 unmasked;
};

void ioapic_reset(struct ioapic *io);

/*
 * ioapic_set_pin() - @source (a bit number) raises or lowers @pin; @status:
 * the caller counts interrupts that get lost.
 * >0: noticed, by so many CPUs; 0: coalesced; -1: masked, or in service.
 */
int ioapic_set_pin(struct ioapic *io, unsigned int pin, unsigned int source,
		   bool level, bool status);

/*
 * A CPU has ended @vector: the pins that this concerns.  Once those who wait
 * for that have been told, ioapic_end() with them, @level if the CPU took the
 * interrupt for a level-triggered one: what is still up is sent again.
 */
u32 ioapic_ends(const struct ioapic *io, u8 vector);
void ioapic_end(struct ioapic *io, u8 vector, u32 pins, bool level);

/* Send what is up of @pins, which are listened to again. */
void ioapic_resend(struct ioapic *io, u32 pins);

/* The register window, @addr inside it. */
u32 ioapic_read(const struct ioapic *io, u32 addr);
void ioapic_write(struct ioapic *io, u32 addr, u32 val);

/* KVM_GET_IRQCHIP, KVM_SET_IRQCHIP: the latter sends what is pending. */
void ioapic_get_state(const struct ioapic *io, struct kvm_ioapic_state *s);
void ioapic_set_state(struct ioapic *io, const struct kvm_ioapic_state *s);

/* --- what the caller's side implements ------------------------------------ */

/* Send @entry's message for @pin: as lapic_deliver(). */
int ioapic_send(struct ioapic *io, unsigned int pin, u64 entry);

#endif
