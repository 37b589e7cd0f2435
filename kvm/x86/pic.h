/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two 8259A interrupt controllers as a PC has them, the second behind input 2
 * of the first, with the edge/level control registers beside them.
 *
 * State and what changes it, nothing else: no locks (the caller has one), no
 * output line but pic_output().  Also builds on the host for unit tests.
 * Source: Intel 8259A data sheet; the PIIX's for ELCR.
 */
#ifndef XKVM_X86_PIC_H
#define XKVM_X86_PIC_H

#include <linux/kvm.h>
#include <linux/types.h>

#define PIC_NR_PINS	16

struct pic {
	struct kvm_pic_state chip[2];	/* first, second */
	u8 source[PIC_NR_PINS];		/* who holds up the input; bits */
	/*
	 * Since the caller cleared them: inputs whose interrupt has ended, and
	 * inputs that are listened to again.
	 */
	u16 ended, unmasked;
};

/* Power-on. */
void pic_reset(struct pic *pic);

/*
 * pic_set_pin() - @source (a bit number) raises or lowers input @pin.
 * 1: noticed; 0: it was pending already; -1: masked.
 */
int pic_set_pin(struct pic *pic, unsigned int pin, unsigned int source,
		bool level);

/* Is the processor asked to take an interrupt? */
bool pic_output(const struct pic *pic);

/* The processor's acknowledgement: the vector, a spurious one at worst. */
u8 pic_acknowledge(struct pic *pic);

/* Ports 0x20 and 0x21, 0xa0 and 0xa1 (@chip 1). */
u8 pic_read(struct pic *pic, unsigned int chip, unsigned int reg);
void pic_write(struct pic *pic, unsigned int chip, unsigned int reg, u8 val);

/* Ports 0x4d0 and 0x4d1. */
u8 pic_elcr_read(const struct pic *pic, unsigned int chip);
void pic_elcr_write(struct pic *pic, unsigned int chip, u8 val);

/* KVM_GET_IRQCHIP, KVM_SET_IRQCHIP; what no chip can have is made legal. */
void pic_get_state(const struct pic *pic, unsigned int chip,
		   struct kvm_pic_state *s);
void pic_set_state(struct pic *pic, unsigned int chip,
		   const struct kvm_pic_state *s);

#endif
