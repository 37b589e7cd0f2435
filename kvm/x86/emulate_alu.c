// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: arithmetic and flags.
 *
 * Pure functions of their arguments.  Flags: SDM 1, 3.4.3.1; carries and
 * borrows out of each bit position come from the operands and the result, so
 * no wider type is needed.
 */
#include <linux/types.h>

#include "emulate_priv.h"

static bool alu_parity_even(u8 val)
{
	val ^= val >> 4;
	/* A 16-entry table in a word: bit n is set if n has odd parity. */
	return !((0x6996 >> (val & 15)) & 1);
}

static u64 alu_set_flags(u64 rflags, unsigned int size, u64 val, u64 carries,
			 u64 overflow)
{
	unsigned int msb = 8 * size - 1;

	rflags &= ~EMUL_RFLAGS_ALU;
	if ((carries >> msb) & 1)
		rflags |= EMUL_RFLAGS_CF;
	if ((carries >> 3) & 1)
		rflags |= EMUL_RFLAGS_AF;
	if ((overflow >> msb) & 1)
		rflags |= EMUL_RFLAGS_OF;
	if ((val >> msb) & 1)
		rflags |= EMUL_RFLAGS_SF;
	if (!(val & emulate_mask(size)))
		rflags |= EMUL_RFLAGS_ZF;
	if (alu_parity_even(val))
		rflags |= EMUL_RFLAGS_PF;
	return rflags;
}

static u64 alu_add(unsigned int size, u64 a, u64 b, u64 carry, u64 *rflags)
{
	u64 sum = a + b + carry;

	*rflags = alu_set_flags(*rflags, size, sum, (a & b) | ((a | b) & ~sum),
				(a ^ sum) & (b ^ sum));
	return sum;
}

static u64 alu_sub(unsigned int size, u64 a, u64 b, u64 borrow, u64 *rflags)
{
	u64 diff = a - b - borrow;

	*rflags = alu_set_flags(*rflags, size, diff,
				(~a & b) | ((~a | b) & diff),
				(a ^ b) & (a ^ diff));
	return diff;
}

static u64 alu_logic(unsigned int size, u64 val, u64 *rflags)
{
	*rflags = alu_set_flags(*rflags, size, val, 0, 0);
	return val;
}

/* INC and DEC: all flags but CF. */
static u64 alu_step(unsigned int size, u64 a, bool up, u64 *rflags)
{
	u64 cf = *rflags & EMUL_RFLAGS_CF;
	u64 val;

	val = up ? alu_add(size, a, 1, 0, rflags)
		 : alu_sub(size, a, 1, 0, rflags);
	*rflags = (*rflags & ~EMUL_RFLAGS_CF) | cf;
	return val;
}

u64 emulate_alu(enum emul_alu_op op, unsigned int size, u64 a, u64 b,
		u64 *rflags)
{
	u64 cf = *rflags & EMUL_RFLAGS_CF;
	u64 val = a;

	switch (op) {
	case EMUL_ADD:
		val = alu_add(size, a, b, 0, rflags);
		break;
	case EMUL_ADC:
		val = alu_add(size, a, b, cf, rflags);
		break;
	case EMUL_SUB:
	case EMUL_CMP:
		val = alu_sub(size, a, b, 0, rflags);
		break;
	case EMUL_SBB:
		val = alu_sub(size, a, b, cf, rflags);
		break;
	case EMUL_OR:
		val = alu_logic(size, a | b, rflags);
		break;
	case EMUL_AND:
	case EMUL_TEST:
		val = alu_logic(size, a & b, rflags);
		break;
	case EMUL_XOR:
		val = alu_logic(size, a ^ b, rflags);
		break;
	case EMUL_INC:
	case EMUL_DEC:
		val = alu_step(size, a, op == EMUL_INC, rflags);
		break;
	case EMUL_NEG:
		val = alu_sub(size, 0, a, 0, rflags);
		break;
	case EMUL_NOT:
		val = ~a;
		break;
	}
	return val & emulate_mask(size);
}

bool emulate_cond(u64 rflags, unsigned int cc)
{
	bool less = !(rflags & EMUL_RFLAGS_SF) != !(rflags & EMUL_RFLAGS_OF);
	bool yes = false;

	switch ((cc >> 1) & 7) {
	case 0:
		yes = rflags & EMUL_RFLAGS_OF;
		break;
	case 1:
		yes = rflags & EMUL_RFLAGS_CF;
		break;
	case 2:
		yes = rflags & EMUL_RFLAGS_ZF;
		break;
	case 3:
		yes = rflags & (EMUL_RFLAGS_CF | EMUL_RFLAGS_ZF);
		break;
	case 4:
		yes = rflags & EMUL_RFLAGS_SF;
		break;
	case 5:
		yes = rflags & EMUL_RFLAGS_PF;
		break;
	case 6:
		yes = less;
		break;
	case 7:
		yes = less || (rflags & EMUL_RFLAGS_ZF);
		break;
	}
	return yes != (cc & 1);
}
