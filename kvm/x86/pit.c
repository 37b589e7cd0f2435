// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254's counters: pure state, under the caller's lock (pit_timer.c's).
 *
 * A counter is what was loaded and when; what it stands at is computed when it
 * is read.  BCD counting is remembered and not done, as in KVM.
 */
#include <linux/math64.h>
#include <linux/string.h>

#include "pit.h"

#define NSEC_IN_SEC	1000000000u

/* How a counter is written and read, byte by byte; a latch in the same terms. */
enum { ACCESS_NONE, ACCESS_LOW, ACCESS_HIGH, ACCESS_WORD_LOW, ACCESS_WORD_HIGH };

#define CONTROL_REG	3
#define CONTROL_READ_BACK	3

/* Ticks since counter @s was loaded. */
static u64 pit_ticks(const struct kvm_pit_channel_state *s, u64 now)
{
	u64 since = s->count_load_time;

	return mul_u64_u32_div(now > since ? now - since : 0, PIT_HZ,
			       NSEC_IN_SEC);
}

static u32 pit_count(const struct kvm_pit_channel_state *s, u64 now)
{
	u64 ticks = pit_ticks(s, now);
	u32 phase;

	div_u64_rem(ticks, s->count, &phase);
	switch (s->mode) {
	case 2:
		return s->count - phase;
	case 3:
		/* two at a tick, twice in a period */
		div_u64_rem(2 * ticks, s->count, &phase);
		return (s->count - phase) & ~1u;
	default:
		return (s->count - ticks) & 0xffff;
	}
}

static bool pit_output(const struct kvm_pit_channel_state *s, u64 now)
{
	u64 ticks = pit_ticks(s, now);
	u32 phase;

	div_u64_rem(ticks, s->count, &phase);
	switch (s->mode) {
	case 1:
		return ticks >= s->count;
	case 2:
		return phase != s->count - 1;
	case 3:
		return phase < (s->count + 1) >> 1;
	case 4:
	case 5:
		return ticks != s->count;
	default:
		return ticks >= s->count;
	}
}

static void pit_load(struct pit *pit, unsigned int n, u32 count, u64 now)
{
	struct kvm_pit_channel_state *s = &pit->ch[n];

	s->count = count ?: 0x10000;
	s->count_load_time = now;
	pit->loaded |= 1 << n;
}

void pit_reset(struct pit *pit, u64 now)
{
	unsigned int n;

	memset(pit, 0, sizeof(*pit));
	for (n = 0; n < PIT_NR; n++) {
		pit->ch[n].mode = 0xff;		/* none was set */
		pit->ch[n].gate = n != 2;
		pit->ch[n].count = 0x10000;
		pit->ch[n].count_load_time = now;
	}
}

/* --- registers --- */

static void pit_latch_count(struct kvm_pit_channel_state *s, u64 now)
{
	/* a latch that nobody has read stays */
	if (s->count_latched)
		return;
	s->latched_count = pit_count(s, now);
	s->count_latched = s->rw_mode;
}

static void pit_latch_status(struct kvm_pit_channel_state *s, u64 now)
{
	if (s->status_latched)
		return;
	s->status = pit_output(s, now) << 7 | s->rw_mode << 4 |
		    (s->mode & 7) << 1 | s->bcd;
	s->status_latched = 1;
}

static void pit_write_control(struct pit *pit, u8 val, u64 now)
{
	unsigned int n = val >> 6, access = val >> 4 & 3;
	struct kvm_pit_channel_state *s;

	if (n == CONTROL_READ_BACK) {
		for (n = 0; n < PIT_NR; n++) {
			if (!(val & 2 << n))
				continue;
			if (!(val & 0x20))
				pit_latch_count(&pit->ch[n], now);
			if (!(val & 0x10))
				pit_latch_status(&pit->ch[n], now);
		}
		return;
	}
	s = &pit->ch[n];
	if (!access) {
		pit_latch_count(s, now);
		return;
	}
	s->rw_mode = access;
	s->read_state = access;
	s->write_state = access;
	s->count_latched = ACCESS_NONE;
	s->mode = val >> 1 & 7;
	if (s->mode > 5)
		s->mode -= 4;
	s->bcd = val & 1;
}

void pit_write(struct pit *pit, unsigned int reg, u8 val, u64 now)
{
	struct kvm_pit_channel_state *s;

	if (reg >= CONTROL_REG) {
		pit_write_control(pit, val, now);
		return;
	}
	s = &pit->ch[reg];
	switch (s->write_state) {
	case ACCESS_LOW:
		pit_load(pit, reg, val, now);
		break;
	case ACCESS_HIGH:
		pit_load(pit, reg, val << 8, now);
		break;
	case ACCESS_WORD_LOW:
		s->write_latch = val;
		s->write_state = ACCESS_WORD_HIGH;
		break;
	case ACCESS_WORD_HIGH:
		pit_load(pit, reg, s->write_latch | val << 8, now);
		s->write_state = ACCESS_WORD_LOW;
		break;
	}
}

static u8 pit_read_latched(struct kvm_pit_channel_state *s)
{
	u8 state = s->count_latched;

	s->count_latched = ACCESS_NONE;
	if (state == ACCESS_WORD_LOW)
		s->count_latched = ACCESS_HIGH;
	return state == ACCESS_HIGH ? s->latched_count >> 8 : s->latched_count;
}

u8 pit_read(struct pit *pit, unsigned int reg, u64 now)
{
	struct kvm_pit_channel_state *s;
	u32 count;

	if (reg >= CONTROL_REG)
		return 0;
	s = &pit->ch[reg];
	if (s->status_latched) {
		s->status_latched = 0;
		return s->status;
	}
	if (s->count_latched)
		return pit_read_latched(s);
	count = pit_count(s, now);
	switch (s->read_state) {
	case ACCESS_HIGH:
		return count >> 8;
	case ACCESS_WORD_LOW:
		s->read_state = ACCESS_WORD_HIGH;
		return count;
	case ACCESS_WORD_HIGH:
		s->read_state = ACCESS_WORD_LOW;
		return count >> 8;
	default:
		return count;
	}
}

/* --- lines --- */

bool pit_out(const struct pit *pit, unsigned int n, u64 now)
{
	return pit_output(&pit->ch[n], now);
}

bool pit_gate(const struct pit *pit, unsigned int n)
{
	return pit->ch[n].gate;
}

void pit_set_gate(struct pit *pit, unsigned int n, bool gate, u64 now)
{
	struct kvm_pit_channel_state *s = &pit->ch[n];

	/* in modes 0 and 4 it would hold the count, which nobody relies on */
	if (gate && !s->gate && s->mode != 0 && s->mode != 4)
		s->count_load_time = now;
	s->gate = gate;
}

u64 pit_period(const struct pit *pit, unsigned int n, bool *periodic)
{
	const struct kvm_pit_channel_state *s = &pit->ch[n];

	*periodic = s->mode == 2 || s->mode == 3;
	if (s->mode > 4)
		return 0;
	return mul_u64_u32_div(s->count, NSEC_IN_SEC, PIT_HZ);
}

void pit_set_channel(struct pit *pit, unsigned int n,
		     const struct kvm_pit_channel_state *s, u64 now)
{
	struct kvm_pit_channel_state *to = &pit->ch[n];

	*to = *s;
	if (to->mode > 5)
		to->mode = 0xff;
	to->rw_mode &= 3;
	to->bcd &= 1;
	to->gate = !!to->gate;
	to->status_latched = !!to->status_latched;
	if (to->count_latched > ACCESS_WORD_HIGH)
		to->count_latched = ACCESS_NONE;
	if (to->read_state > ACCESS_WORD_HIGH)
		to->read_state = ACCESS_NONE;
	if (to->write_state > ACCESS_WORD_HIGH)
		to->write_state = ACCESS_NONE;
	pit_load(pit, n, s->count > 0x10000 ? 0 : s->count, now);
}
