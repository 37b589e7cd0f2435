// SPDX-License-Identifier: GPL-2.0-or-later
/* PIC, I/O APIC and PIT alone: directed, and at random under the sanitizers. */
#include <stdlib.h>

#include "../lib/tap.h"
#include "ioapic.h"
#include "pic.h"
#include "pit.h"

static struct pic pic;
static struct ioapic io;
static struct pit pit;

/* What the I/O APIC sends, and what the CPUs answer. */
static u64 sent[64];
static unsigned int nr_sent, sent_pin;
static int answer = 1;

int ioapic_send(struct ioapic *chip, unsigned int pin, u64 entry)
{
	CHECK(chip == &io);
	sent[nr_sent++ & 63] = entry;
	sent_pin = pin;
	return answer;
}

const char *tap_precondition(void)
{
	return NULL;
}

/* --- PIC --- */

static void pic_begin(void)
{
	pic_reset(&pic);
	for (unsigned int chip = 0; chip < 2; chip++) {
		pic_write(&pic, chip, 0, 0x11);
		pic_write(&pic, chip, 1, chip ? 0x28 : 0x20);
		pic_write(&pic, chip, 1, chip ? 2 : 4);
		pic_write(&pic, chip, 1, 1);
	}
	pic.ended = 0;
	pic.unmasked = 0;
}

static void edge(unsigned int pin)
{
	pic_set_pin(&pic, pin, 0, true);
	pic_set_pin(&pic, pin, 0, false);
}

static u8 pic_reg(unsigned int chip, u8 ocw3)
{
	pic_write(&pic, chip, 0, ocw3);
	return pic_read(&pic, chip, 0);
}

TEST(pic_nested, "higher priorities interrupt lower ones, others wait")
{
	pic_begin();
	CHECK(!pic_output(&pic));
	edge(5);
	CHECK(pic_output(&pic));
	CHECK_EQ(pic_acknowledge(&pic), 0x25);
	CHECK(!pic_output(&pic));
	CHECK_EQ(pic_reg(0, 0x0b), 0x20);
	edge(6);
	CHECK(!pic_output(&pic));
	edge(3);
	CHECK_EQ(pic_acknowledge(&pic), 0x23);
	CHECK_EQ(pic_reg(0, 0x0b), 0x28);
	/* the second PIC stands at the place of input 2 */
	edge(12);
	CHECK_EQ(pic_acknowledge(&pic), 0x2c);
	edge(9);
	CHECK(!pic_output(&pic));	/* not fully nested: after 12 */
	pic_write(&pic, 1, 0, 0x20);
	pic_write(&pic, 0, 0, 0x20);
	CHECK_EQ(pic.ended, 1 << 12 | 1 << 2);
	CHECK_EQ(pic_acknowledge(&pic), 0x29);
	pic_write(&pic, 1, 0, 0x20);
	pic_write(&pic, 0, 0, 0x20);
	pic_write(&pic, 0, 0, 0x63);	/* this very one */
	CHECK_EQ(pic_reg(0, 0x0b), 0x20);
	pic_write(&pic, 0, 0, 0x20);
	CHECK_EQ(pic_acknowledge(&pic), 0x26);
}

TEST(pic_nested_fully, "special fully nested: the second PIC interrupts itself")
{
	pic_begin();
	pic_write(&pic, 0, 0, 0x11);
	pic_write(&pic, 0, 1, 0x20);
	pic_write(&pic, 0, 1, 4);
	pic_write(&pic, 0, 1, 0x11);
	edge(12);
	CHECK_EQ(pic_acknowledge(&pic), 0x2c);
	edge(9);
	CHECK_EQ(pic_acknowledge(&pic), 0x29);
}

TEST(pic_spurious, "a level that is gone when it is acknowledged")
{
	pic_begin();
	pic_elcr_write(&pic, 0, 1 << 5);
	pic_elcr_write(&pic, 1, 1 << 2);
	pic_set_pin(&pic, 5, 0, true);
	pic_set_pin(&pic, 5, 0, false);
	CHECK(!pic_output(&pic));
	CHECK_EQ(pic_acknowledge(&pic), 0x27);
	CHECK_EQ(pic_reg(0, 0x0b), 0);
	/* two sources: the line is up while one is */
	pic_set_pin(&pic, 5, 0, true);
	pic_set_pin(&pic, 5, 1, true);
	pic_set_pin(&pic, 5, 0, false);
	CHECK(pic_output(&pic));
	pic_set_pin(&pic, 5, 1, false);
	CHECK(!pic_output(&pic));
}

TEST(pic_rotate, "rotation, automatic EOI, special mask")
{
	pic_begin();
	edge(3);
	CHECK_EQ(pic_acknowledge(&pic), 0x23);
	pic_write(&pic, 0, 0, 0xa0);	/* end, and 3 becomes the lowest */
	edge(3);
	edge(4);
	CHECK_EQ(pic_acknowledge(&pic), 0x24);
	pic_write(&pic, 0, 0, 0x20);
	CHECK_EQ(pic_acknowledge(&pic), 0x23);
	pic_write(&pic, 0, 0, 0xc7);	/* the usual order again */

	/* 3 in service but masked: with the special mask it bars nobody */
	edge(6);
	CHECK(!pic_output(&pic));
	pic_write(&pic, 0, 1, 1 << 3);
	CHECK(!pic_output(&pic));
	pic_write(&pic, 0, 0, 0x68);
	CHECK_EQ(pic_acknowledge(&pic), 0x26);

	pic_begin();
	pic_write(&pic, 0, 0, 0x11);
	pic_write(&pic, 0, 1, 0x20);
	pic_write(&pic, 0, 1, 4);
	pic_write(&pic, 0, 1, 3);
	pic_write(&pic, 0, 0, 0x80);	/* rotate as it ends by itself */
	edge(1);
	CHECK_EQ(pic_acknowledge(&pic), 0x21);
	CHECK_EQ(pic.ended & 2, 2);
	edge(1);
	edge(5);
	CHECK_EQ(pic_acknowledge(&pic), 0x25);
}

TEST(pic_poll, "a poll acknowledges")
{
	pic_begin();
	pic_write(&pic, 0, 0, 0x0c);
	CHECK_EQ(pic_read(&pic, 0, 0), 0);
	edge(4);
	pic_write(&pic, 0, 0, 0x0c);
	CHECK_EQ(pic_read(&pic, 0, 1), 0x84);
	CHECK_EQ(pic_reg(0, 0x0b), 0x10);
	CHECK(!pic_output(&pic));
}

TEST(pic_told, "unmasked inputs and lost interrupts are told")
{
	pic_begin();
	pic_write(&pic, 0, 1, 0xff);
	CHECK_EQ(pic.unmasked, 0);
	CHECK_EQ(pic_set_pin(&pic, 0, 0, true), -1);
	pic_set_pin(&pic, 0, 0, false);
	pic_write(&pic, 0, 1, 0xfe);
	CHECK_EQ(pic.unmasked, 1);
	CHECK_EQ(pic_acknowledge(&pic), 0x20);
	CHECK_EQ(pic.ended, 0);
	edge(1);
	/* a new beginning: neither will be ended in the usual way */
	pic_write(&pic, 0, 0, 0x11);
	CHECK_EQ(pic.ended & 3, 3);
	CHECK(!pic_output(&pic));
}

/* --- I/O APIC --- */

static void io_begin(void)
{
	ioapic_reset(&io);
	nr_sent = 0;
	answer = 1;
}

static void io_entry(unsigned int pin, u64 entry)
{
	ioapic_write(&io, 0, 0x11 + pin * 2);
	ioapic_write(&io, 0x10, entry >> 32);
	ioapic_write(&io, 0, 0x10 + pin * 2);
	ioapic_write(&io, 0x10, entry);
}

TEST(io_level, "Remote IRR: one message until the EOI, again while it is up")
{
	io_begin();
	io_entry(3, IOAPIC_LEVEL | 0x61);
	CHECK_EQ(ioapic_set_pin(&io, 3, 0, true, false), 1);
	CHECK_EQ(nr_sent, 1);
	CHECK_EQ(sent_pin, 3);
	CHECK_EQ(ioapic_set_pin(&io, 3, 0, true, false), -1);
	CHECK_EQ(ioapic_ends(&io, 0x62), 0);
	CHECK_EQ(ioapic_ends(&io, 0x61), 8);
	ioapic_end(&io, 0x61, 8, true);
	CHECK_EQ(nr_sent, 2);
	CHECK_EQ(ioapic_set_pin(&io, 3, 1, true, false), -1);
	ioapic_set_pin(&io, 3, 0, false, false);
	ioapic_end(&io, 0x61, 8, true);
	CHECK_EQ(nr_sent, 3);
	ioapic_set_pin(&io, 3, 1, false, false);
	ioapic_end(&io, 0x61, 8, true);
	CHECK_EQ(nr_sent, 3);
	CHECK_EQ(io.entry[3], IOAPIC_LEVEL | 0x61);

	/* nobody took it: nobody will end it */
	answer = 0;
	CHECK_EQ(ioapic_set_pin(&io, 3, 0, true, false), 0);
	CHECK_EQ(io.entry[3], IOAPIC_LEVEL | 0x61);
	/* stuck, as after a reset of the CPU: an edge for a moment frees it */
	answer = 1;
	ioapic_set_pin(&io, 3, 0, false, false);
	ioapic_set_pin(&io, 3, 0, true, false);
	CHECK(io.entry[3] & IOAPIC_REMOTE_IRR);
	io_entry(3, IOAPIC_MASKED | 0x61);
	CHECK_EQ(io.entry[3], IOAPIC_MASKED | 0x61);
}

TEST(io_mask, "masked: a level waits, an edge is lost")
{
	io_begin();
	io_entry(4, IOAPIC_MASKED | IOAPIC_LEVEL | 0x61);
	io_entry(5, IOAPIC_MASKED | 0x62);
	io.unmasked = 0;
	CHECK_EQ(ioapic_set_pin(&io, 4, 0, true, false), -1);
	CHECK_EQ(ioapic_set_pin(&io, 5, 0, true, false), -1);
	io_entry(4, IOAPIC_LEVEL | 0x61);
	io_entry(5, 0x62);
	CHECK_EQ(io.unmasked, 3 << 4);
	CHECK_EQ(nr_sent, 0);
	ioapic_resend(&io, io.unmasked);
	CHECK_EQ(nr_sent, 1);
	CHECK_EQ(sent_pin, 4);
}

TEST(io_rtc, "the clock's interrupts that get lost are told if asked")
{
	io_begin();
	io_entry(8, 0x68);
	CHECK_EQ(ioapic_set_pin(&io, 8, 0, true, true), 1);
	ioapic_set_pin(&io, 8, 0, false, true);
	CHECK_EQ(ioapic_set_pin(&io, 8, 0, true, true), 0);
	ioapic_set_pin(&io, 8, 0, false, true);
	ioapic_end(&io, 0x68, 1 << 8, false);
	CHECK_EQ(ioapic_set_pin(&io, 8, 0, true, true), 1);
	CHECK_EQ(nr_sent, 2);
}

TEST(io_state, "edges that were sent are not in the state, others are")
{
	struct kvm_ioapic_state s;

	io_begin();
	io_entry(1, 0x61);
	io_entry(2, IOAPIC_MASKED | IOAPIC_LEVEL | 0x62);
	ioapic_set_pin(&io, 1, 0, true, false);
	ioapic_set_pin(&io, 2, 0, true, false);
	ioapic_get_state(&io, &s);
	CHECK_EQ(s.irr, 1 << 2);
	CHECK_EQ(s.redirtbl[1].bits, 0x61);
	s.redirtbl[2].bits = IOAPIC_LEVEL | 0x62;
	s.redirtbl[3].bits = ~0ull;
	s.irr = ~0u;
	io_begin();
	ioapic_set_state(&io, &s);
	CHECK_EQ(nr_sent, 2);	/* 1 and 2; the others are masked */
	CHECK_EQ(io.entry[2], IOAPIC_LEVEL | IOAPIC_REMOTE_IRR | 0x62);
	CHECK_EQ(io.entry[3] & ~(0x1ffffull | 0xffull << 56), 0);
}

/* --- PIT --- */

#define TICKS(n)	((u64)(n) * 1000000000 / PIT_HZ + 1)

static u16 pit_word(unsigned int n, u64 now)
{
	u16 low = pit_read(&pit, n, now);

	return low | pit_read(&pit, n, now) << 8;
}

static void pit_start(unsigned int n, unsigned int mode, u16 count, u64 now)
{
	pit_write(&pit, 3, n << 6 | 0x30 | mode << 1, now);
	pit_write(&pit, n, count, now);
	pit_write(&pit, n, count >> 8, now);
}

TEST(pit_modes, "what each mode counts and puts out")
{
	pit_reset(&pit, 0);
	pit_start(2, 0, 100, 1000);
	CHECK_EQ(pit_word(2, 1000), 100);
	CHECK_EQ(pit_word(2, 1000 + TICKS(40)), 60);
	CHECK(!pit_out(&pit, 2, 1000 + TICKS(99)));
	CHECK(pit_out(&pit, 2, 1000 + TICKS(100)));
	/* it counts on, beyond zero */
	CHECK_EQ(pit_word(2, 1000 + TICKS(101)), 0xffff);

	pit_start(2, 2, 100, 0);
	CHECK_EQ(pit_word(2, TICKS(1030)), 70);
	CHECK(pit_out(&pit, 2, TICKS(1098)));
	CHECK(!pit_out(&pit, 2, TICKS(1099)));

	pit_start(2, 3, 100, 0);
	CHECK_EQ(pit_word(2, TICKS(1010)), 80);
	CHECK_EQ(pit_word(2, TICKS(1060)), 80);
	CHECK(pit_out(&pit, 2, TICKS(1049)));
	CHECK(!pit_out(&pit, 2, TICKS(1050)));
	/* modes 6 and 7 are 2 and 3 */
	pit_start(2, 7, 100, 0);
	CHECK_EQ(pit.ch[2].mode, 3);
	/* a time before the load, as a restore may make it */
	CHECK_EQ(pit_word(2, 0), 100);
}

TEST(pit_latch, "latches: of the count, of the status, once each")
{
	pit_reset(&pit, 0);
	pit_start(0, 2, 1000, 0);
	pit_write(&pit, 3, 0x00, TICKS(100));
	pit_write(&pit, 3, 0x00, TICKS(200));	/* not yet read: no effect */
	CHECK_EQ(pit_word(0, TICKS(300)), 900);
	CHECK_EQ(pit_word(0, TICKS(300)), 700);
	/* both, of counters 0 and 1 */
	pit_write(&pit, 3, 0xc6, TICKS(400));
	CHECK_EQ(pit_read(&pit, 0, 0), 0xb4);
	CHECK_EQ(pit_word(0, TICKS(500)), 600);
	CHECK_EQ(pit_read(&pit, 1, 0) & 0x30, 0);
	/* high byte only */
	pit_write(&pit, 3, 0x24, 0);
	pit_write(&pit, 0, 0x12, 0);
	CHECK_EQ(pit.ch[0].count, 0x1200);
	pit_write(&pit, 3, 0x00, TICKS(1));
	CHECK_EQ(pit_read(&pit, 0, 0), 0x11);
	CHECK_EQ(pit_read(&pit, 3, 0), 0);
}

TEST(pit_period, "what the timer is told")
{
	bool periodic;

	pit_reset(&pit, 0);
	CHECK_EQ(pit_period(&pit, 0, &periodic), 0);
	CHECK_EQ(pit.loaded, 0);
	pit_start(0, 2, 11932, 0);
	CHECK_EQ(pit.loaded, 1);
	CHECK_EQ(pit_period(&pit, 0, &periodic) / 1000, 10000);
	CHECK(periodic);
	pit_start(0, 0, 0, 0);		/* 65536 */
	CHECK_EQ(pit_period(&pit, 0, &periodic) / 1000000, 54);
	CHECK(!periodic);
	pit_start(0, 5, 100, 0);
	CHECK_EQ(pit_period(&pit, 0, &periodic), 0);
}

TEST(pit_gate, "a rise of the gate starts anew what it triggers")
{
	pit_reset(&pit, 0);
	CHECK(!pit_gate(&pit, 2));
	pit_start(2, 2, 100, 0);
	pit_set_gate(&pit, 2, true, TICKS(30));
	CHECK_EQ(pit_word(2, TICKS(30) + TICKS(10)), 90);
	pit_set_gate(&pit, 2, true, TICKS(50));
	CHECK_EQ(pit_word(2, TICKS(30) + TICKS(30)), 70);
}

/* --- anything --- */

static u64 seed = 1;

static u32 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 16;
}

static void random_pic(void)
{
	struct kvm_pic_state s;
	u8 vector;

	switch (rnd() % 7) {
	case 0:
		pic_write(&pic, rnd() & 1, rnd() & 1, rnd());
		break;
	case 1:
		pic_read(&pic, rnd() & 1, rnd() & 1);
		break;
	case 2:
		vector = pic_acknowledge(&pic);
		CHECK((vector & 0xf8) == pic.chip[0].irq_base ||
		      (vector & 0xf8) == pic.chip[1].irq_base);
		break;
	case 3:
		pic_elcr_write(&pic, rnd() & 1, rnd());
		break;
	case 4:
		for (size_t i = 0; i < sizeof(s); i++)
			((u8 *)&s)[i] = rnd();
		if (!(rnd() & 15))
			pic_set_state(&pic, rnd() & 1, &s);
		break;
	default:
		pic_set_pin(&pic, rnd() & 15, rnd() % 3, rnd() & 1);
	}
	CHECK_EQ(pic.chip[0].elcr & 7, 0);
	CHECK(!pic_output(&pic) || pic.chip[0].irr & ~pic.chip[0].imr);
}

TEST(pic_random, "the PICs take anything")
{
	pic_begin();
	for (int i = 0; i < 500000; i++)
		random_pic();
}

TEST(io_random, "the I/O APIC takes anything")
{
	struct kvm_ioapic_state s;
	u8 vector;

	io_begin();
	for (int i = 0; i < 500000; i++) {
		answer = (int)(rnd() % 4) - 1;
		switch (rnd() % 5) {
		case 0:
			ioapic_write(&io, rnd() & 0xf0, rnd());
			break;
		case 1:
			ioapic_read(&io, rnd() & 0xf0);
			break;
		case 2:
			vector = rnd();
			ioapic_end(&io, vector, ioapic_ends(&io, vector),
				   rnd() & 1);
			break;
		case 3:
			for (size_t b = 0; b < sizeof(s); b++)
				((u8 *)&s)[b] = rnd();
			if (!(rnd() & 63))
				ioapic_set_state(&io, &s);
			break;
		default:
			ioapic_set_pin(&io, rnd() % 24, rnd() % 3, rnd() & 1,
				       rnd() & 1);
		}
		for (unsigned int pin = 0; pin < IOAPIC_NR_PINS; pin++) {
			/* no edge is in service */
			if (!(io.entry[pin] & IOAPIC_LEVEL) &&
			    io.entry[pin] & IOAPIC_REMOTE_IRR)
				FAIL("pin %u: %#llx", pin,
				     (unsigned long long)io.entry[pin]);
		}
	}
}

TEST(pit_random, "the PIT takes anything")
{
	struct kvm_pit_channel_state s;
	bool periodic;
	u64 now = 0;

	pit_reset(&pit, 0);
	for (int i = 0; i < 500000; i++) {
		now += rnd();
		switch (rnd() % 5) {
		case 0:
			pit_read(&pit, rnd() & 3, now);
			break;
		case 1:
			pit_set_gate(&pit, rnd() % 3, rnd() & 1, now);
			break;
		case 2:
			for (size_t b = 0; b < sizeof(s); b++)
				((u8 *)&s)[b] = rnd();
			if (!(rnd() & 15))
				pit_set_channel(&pit, rnd() % 3, &s, now);
			break;
		default:
			pit_write(&pit, rnd() & 3, rnd(), now);
		}
		for (unsigned int n = 0; n < PIT_NR; n++) {
			CHECK(pit.ch[n].count && pit.ch[n].count <= 0x10000);
			pit_out(&pit, n, now);
			pit_period(&pit, n, &periodic);
		}
	}
}
