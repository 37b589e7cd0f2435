// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pair of 8259As: pure state, under the caller's lock (irqchip.c's).
 *
 * An input that is edge-triggered sets its request with the rise and stays
 * requested until it is acknowledged; a level-triggered one is requested as
 * long as it is up.  last_irr holds the inputs as they are.
 */
#include <linux/string.h>

#include "pic.h"

#define PIC_CASCADE	2
#define PIC_SPURIOUS	7

/* First command word of an initialisation, and the kinds of later ones. */
#define ICW1		0x10
#define ICW1_ICW4	0x01
#define ICW4_AUTO_EOI	0x02
#define ICW4_NESTED	0x10
#define OCW3		0x08
#define OCW3_READ	0x02
#define OCW3_READ_ISR	0x01
#define OCW3_POLL	0x04
#define OCW3_SET_MASK	0x40
#define OCW3_MASK	0x20

/* init_state: which word port 1 takes next. */
enum { INIT_DONE, INIT_VECTOR, INIT_CASCADE, INIT_MODE };

/* Inputs 0, 1, 2, 8 and 13 are edges whatever ELCR says. */
static const u8 pic_elcr_mask[2] = { 0xf8, 0xde };

/* The place of the highest priority among @mask, counted from the top; 8. */
static unsigned int pic_place(const struct kvm_pic_state *s, u8 mask)
{
	unsigned int place;

	for (place = 0; place < 8; place++)
		if (mask & 1 << ((place + s->priority_add) & 7))
			break;
	return place;
}

/* The input to be served next, or -1. */
static int pic_pending(const struct pic *pic, unsigned int chip)
{
	const struct kvm_pic_state *s = &pic->chip[chip];
	unsigned int place = pic_place(s, s->irr & ~s->imr);
	u8 serving = s->isr;

	if (place == 8)
		return -1;
	if (s->special_mask)
		serving &= ~s->imr;
	/* the second chip may interrupt what it has interrupted itself */
	if (s->special_fully_nested_mode && !chip)
		serving &= ~(1 << PIC_CASCADE);
	if (place >= pic_place(s, serving))
		return -1;
	return (place + s->priority_add) & 7;
}

/* One chip's input is @level now: as pic_set_pin(). */
static int pic_input(struct kvm_pic_state *s, unsigned int irq, bool level)
{
	u8 mask = 1 << irq;
	int ret = 1;

	if (s->elcr & mask) {
		ret = !level || !(s->irr & mask);
		s->irr = level ? s->irr | mask : s->irr & ~mask;
	} else if (level && !(s->last_irr & mask)) {
		ret = !(s->irr & mask);
		s->irr |= mask;
	}
	s->last_irr = level ? s->last_irr | mask : s->last_irr & ~mask;
	return s->imr & mask ? -1 : ret;
}

/* The second chip's output is the first one's input. */
static void pic_cascade(struct pic *pic)
{
	struct kvm_pic_state *s = &pic->chip[0];
	u8 mask = 1 << PIC_CASCADE;

	if (pic_pending(pic, 1) >= 0) {
		/* an edge for each interrupt of the second chip */
		s->last_irr &= ~mask;
		pic_input(s, PIC_CASCADE, true);
	} else {
		s->irr &= ~mask;
		s->last_irr &= ~mask;
	}
}

static void pic_end(struct pic *pic, unsigned int chip, unsigned int irq)
{
	pic->chip[chip].isr &= ~(1 << irq);
	pic->ended |= 1 << (chip * 8 + irq);
}

void pic_reset(struct pic *pic)
{
	memset(pic, 0, sizeof(*pic));
	pic->chip[0].elcr_mask = pic_elcr_mask[0];
	pic->chip[1].elcr_mask = pic_elcr_mask[1];
}

int pic_set_pin(struct pic *pic, unsigned int pin, unsigned int source,
		bool level)
{
	u8 *held = &pic->source[pin & (PIC_NR_PINS - 1)];
	int ret;

	pin &= PIC_NR_PINS - 1;
	if (level)
		*held |= 1 << source;
	else
		*held &= ~(1 << source);
	ret = pic_input(&pic->chip[pin >> 3], pin & 7, *held);
	pic_cascade(pic);
	return ret;
}

bool pic_output(const struct pic *pic)
{
	return pic_pending(pic, 0) >= 0;
}

/* @irq goes from requested to served. */
static void pic_serve(struct pic *pic, unsigned int chip, unsigned int irq)
{
	struct kvm_pic_state *s = &pic->chip[chip];

	s->isr |= 1 << irq;
	if (!(s->elcr & 1 << irq))
		s->irr &= ~(1 << irq);
	if (!s->auto_eoi)
		return;
	if (s->rotate_on_auto_eoi)
		s->priority_add = (irq + 1) & 7;
	pic_end(pic, chip, irq);
}

u8 pic_acknowledge(struct pic *pic)
{
	int irq = pic_pending(pic, 0), second;
	u8 vector;

	if (irq < 0)
		return pic->chip[0].irq_base + PIC_SPURIOUS;
	pic_serve(pic, 0, irq);
	if (irq != PIC_CASCADE) {
		vector = pic->chip[0].irq_base + irq;
	} else {
		second = pic_pending(pic, 1);
		if (second >= 0)
			pic_serve(pic, 1, second);
		else
			second = PIC_SPURIOUS;
		vector = pic->chip[1].irq_base + second;
	}
	pic_cascade(pic);
	return vector;
}

/* --- registers --- */

static void pic_init_begin(struct pic *pic, unsigned int chip, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[chip];
	u8 lost = s->isr | (s->irr & ~s->elcr);

	/* whoever waits for the end of these would wait forever */
	pic->ended |= lost << chip * 8;
	s->last_irr = 0;
	s->irr &= s->elcr;
	s->isr = 0;
	s->imr = 0;
	s->priority_add = 0;
	s->special_mask = 0;
	s->read_reg_select = 0;
	s->poll = 0;
	s->init4 = val & ICW1_ICW4;
	if (!s->init4) {
		s->special_fully_nested_mode = 0;
		s->auto_eoi = 0;
	}
	s->init_state = INIT_VECTOR;
	pic->unmasked |= 0xff << chip * 8;
}

/* End of interrupt and rotation: bits 7 to 5 are rotate, specific, end. */
static void pic_command(struct pic *pic, unsigned int chip, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[chip];
	unsigned int irq = val & 7;
	bool rotate = val & 0x80, specific = val & 0x40, end = val & 0x20;

	if (!end) {
		if (specific && rotate)
			s->priority_add = (irq + 1) & 7;
		else if (!specific)
			s->rotate_on_auto_eoi = rotate;
		return;
	}
	if (!specific) {
		irq = pic_place(s, s->isr);
		if (irq == 8)
			return;
		irq = (irq + s->priority_add) & 7;
	}
	if (rotate)
		s->priority_add = (irq + 1) & 7;
	pic_end(pic, chip, irq);
}

static void pic_write_command(struct pic *pic, unsigned int chip, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[chip];

	if (val & ICW1) {
		pic_init_begin(pic, chip, val);
	} else if (val & OCW3) {
		if (val & OCW3_POLL)
			s->poll = 1;
		if (val & OCW3_READ)
			s->read_reg_select = val & OCW3_READ_ISR;
		if (val & OCW3_SET_MASK)
			s->special_mask = !!(val & OCW3_MASK);
	} else {
		pic_command(pic, chip, val);
	}
}

static void pic_write_data(struct pic *pic, unsigned int chip, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[chip];

	switch (s->init_state) {
	case INIT_DONE:
		pic->unmasked |= (s->imr & ~val) << chip * 8;
		s->imr = val;
		break;
	case INIT_VECTOR:
		s->irq_base = val & 0xf8;
		s->init_state = INIT_CASCADE;
		break;
	case INIT_CASCADE:
		s->init_state = s->init4 ? INIT_MODE : INIT_DONE;
		break;
	case INIT_MODE:
		s->special_fully_nested_mode = !!(val & ICW4_NESTED);
		s->auto_eoi = !!(val & ICW4_AUTO_EOI);
		s->init_state = INIT_DONE;
		break;
	}
}

void pic_write(struct pic *pic, unsigned int chip, unsigned int reg, u8 val)
{
	if (reg)
		pic_write_data(pic, chip, val);
	else
		pic_write_command(pic, chip, val);
	pic_cascade(pic);
}

/* A poll is an acknowledgement that software makes. */
static u8 pic_poll(struct pic *pic, unsigned int chip)
{
	int irq = pic_pending(pic, chip);

	pic->chip[chip].poll = 0;
	if (irq < 0)
		return 0;
	pic_serve(pic, chip, irq);
	pic_cascade(pic);
	return 0x80 | irq;
}

u8 pic_read(struct pic *pic, unsigned int chip, unsigned int reg)
{
	const struct kvm_pic_state *s = &pic->chip[chip];

	if (s->poll)
		return pic_poll(pic, chip);
	if (reg)
		return s->imr;
	return s->read_reg_select ? s->isr : s->irr;
}

u8 pic_elcr_read(const struct pic *pic, unsigned int chip)
{
	return pic->chip[chip].elcr;
}

void pic_elcr_write(struct pic *pic, unsigned int chip, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[chip];
	u8 level;

	s->elcr = val & s->elcr_mask;
	/* those that are levels now are requested if they are up */
	level = s->elcr & s->last_irr;
	s->irr = (s->irr & ~s->elcr) | level;
	pic_cascade(pic);
}

/* --- state --- */

void pic_get_state(const struct pic *pic, unsigned int chip,
		   struct kvm_pic_state *s)
{
	*s = pic->chip[chip];
}

void pic_set_state(struct pic *pic, unsigned int chip,
		   const struct kvm_pic_state *s)
{
	struct kvm_pic_state *to = &pic->chip[chip];

	*to = *s;
	to->elcr_mask = pic_elcr_mask[chip];
	to->elcr &= to->elcr_mask;
	to->priority_add &= 7;
	to->irq_base &= 0xf8;
	to->init_state &= 3;
	to->read_reg_select &= 1;
	to->poll &= 1;
	to->special_mask &= 1;
	to->init4 &= 1;
	to->auto_eoi &= 1;
	to->rotate_on_auto_eoi &= 1;
	to->special_fully_nested_mode &= 1;
	pic_cascade(pic);
}
