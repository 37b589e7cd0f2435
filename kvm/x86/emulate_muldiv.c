// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: multiplication, division and BOUND.
 *
 * Handlers of the opcode tables, as in emulate_exec.c.
 */
#include <linux/types.h>

#include "emulate_priv.h"

/* The 128-bit product of two unsigned numbers. */
static u64 muldiv_mul(u64 a, u64 b, u64 *hi)
{
	u64 lo;

	asm("mulq %3" : "=a" (lo), "=d" (*hi) : "a" (a), "rm" (b) : "cc");
	return lo;
}

/* The quotient of hi:lo and d; hi is below d, so it fits. */
static u64 muldiv_div(u64 hi, u64 lo, u64 d, u64 *rem)
{
	u64 q;

	asm("divq %4" : "=a" (q), "=d" (*rem)
	    : "a" (lo), "d" (hi), "rm" (d) : "cc");
	return q;
}

/* Halves of size bytes each; as signed numbers if the operands are. */
static u64 muldiv_product(unsigned int size, bool is_signed, u64 a, u64 b,
			  u64 *hi)
{
	u64 lo;

	if (is_signed) {
		a = emulate_sext(a, size);
		b = emulate_sext(b, size);
	}
	lo = muldiv_mul(a, b, hi);
	if (is_signed)
		*hi -= ((s64)a < 0 ? b : 0) + ((s64)b < 0 ? a : 0);
	if (size == 8)
		return lo;
	*hi = (lo >> (8 * size)) & emulate_mask(size);
	return lo & emulate_mask(size);
}

/* CF and OF: the upper half counts.  The others are undefined: as they were. */
static void muldiv_flags(struct emul_ctxt *c, bool overflow)
{
	u64 rflags = c->rflags & ~(EMUL_RFLAGS_CF | EMUL_RFLAGS_OF);

	if (overflow)
		rflags |= EMUL_RFLAGS_CF | EMUL_RFLAGS_OF;
	emulate_flags_write(c, rflags);
}

static bool muldiv_overflows(unsigned int size, bool is_signed, u64 lo, u64 hi)
{
	u64 want = 0;

	if (is_signed && (lo >> (8 * size - 1)) & 1)
		want = emulate_mask(size);
	return (hi & emulate_mask(size)) != want;
}

/* The upper half of the accumulator: AH, or rDX. */
static void muldiv_set_acc(struct emul_ctxt *c, unsigned int size, u64 lo,
			   u64 hi)
{
	if (size == 1) {
		emulate_reg_write(c, EMUL_RAX, 2, lo | hi << 8);
		return;
	}
	emulate_reg_write(c, EMUL_RAX, size, lo);
	emulate_reg_write(c, EMUL_RDX, size, hi);
}

/* MUL and IMUL with one operand; arg: signed. */
int emulate_exec_mul(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize;
	bool is_signed = c->insn.op->arg;
	struct emul_rm rm;
	u64 lo, hi;
	int r;

	r = emulate_rm_read(c, &rm, size, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	lo = muldiv_product(size, is_signed, c->regs[EMUL_RAX] &
			    emulate_mask(size), rm.val, &hi);
	muldiv_set_acc(c, size, lo, hi);
	muldiv_flags(c, muldiv_overflows(size, is_signed, lo, hi));
	return EMUL_OK;
}

/* IMUL reg, r/m and IMUL reg, r/m, imm; arg: with an immediate. */
int emulate_exec_imul(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int size = insn->opsize;
	u64 lo, hi, factor;
	struct emul_rm rm;
	int r;

	r = emulate_rm_read(c, &rm, size, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	factor = insn->op->arg ? insn->imm & emulate_mask(size)
			       : emulate_reg_read(c, insn->reg, size);
	lo = muldiv_product(size, true, factor, rm.val, &hi);
	emulate_reg_write(c, insn->reg, size, lo);
	muldiv_flags(c, muldiv_overflows(size, true, lo, hi));
	return EMUL_OK;
}

static void muldiv_negate(u64 *lo, u64 *hi)
{
	*lo = -*lo;
	*hi = ~*hi + !*lo;
}

/* The dividend as 128 bits. */
static void muldiv_dividend(struct emul_ctxt *c, unsigned int size,
			    bool is_signed, u64 *lo, u64 *hi)
{
	u64 mask = emulate_mask(size);

	*hi = 0;
	if (size == 8) {
		*lo = c->regs[EMUL_RAX];
		*hi = c->regs[EMUL_RDX];
		return;
	}
	if (size == 1)
		*lo = c->regs[EMUL_RAX] & 0xffff;
	else
		*lo = (c->regs[EMUL_RAX] & mask) |
		      (c->regs[EMUL_RDX] & mask) << (8 * size);
	if (!is_signed)
		return;
	*lo = emulate_sext(*lo, 2 * size);
	*hi = (s64)*lo < 0 ? ~0ull : 0;
}

/* False: #DE.  Quotient and remainder of magnitudes, with the signs put back. */
static bool muldiv_divide(unsigned int size, bool is_signed, u64 lo, u64 hi,
			  u64 d, u64 *q, u64 *rem)
{
	bool neg = is_signed && (s64)hi < 0, neg_d;
	u64 max = emulate_mask(size);

	if (is_signed)
		d = emulate_sext(d, size);
	neg_d = is_signed && (s64)d < 0;
	if (neg)
		muldiv_negate(&lo, &hi);
	if (neg_d)
		d = -d;
	if (hi >= d)
		return false;
	*q = muldiv_div(hi, lo, d, rem);
	if (is_signed)
		max = (max >> 1) + (neg != neg_d);
	if (*q > max)
		return false;
	if (neg != neg_d)
		*q = -*q;
	if (neg)
		*rem = -*rem;
	return true;
}

/* DIV and IDIV; arg: signed.  All flags are undefined: as they were. */
int emulate_exec_div(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize;
	bool is_signed = c->insn.op->arg;
	u64 lo, hi, q, rem, mask = emulate_mask(size);
	struct emul_rm rm;
	int r;

	r = emulate_rm_read(c, &rm, size, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	muldiv_dividend(c, size, is_signed, &lo, &hi);
	if (!muldiv_divide(size, is_signed, lo, hi, rm.val, &q, &rem))
		return emulate_raise(c, EMUL_VEC_DE);
	muldiv_set_acc(c, size, q & mask, rem & mask);
	return EMUL_OK;
}

/* The index is signed; both bounds are inclusive. */
int emulate_exec_bound(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int size = insn->opsize;
	struct emul_mem m;
	s64 index, low, high;
	u64 val = 0;
	int r;

	r = emulate_mem_map_aligned(c, insn->seg, emulate_ea(c), 2 * size,
				    size, EMUL_ACC_READ, &m);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &m, &val, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	index = emulate_sext(emulate_reg_read(c, insn->reg, size), size);
	low = emulate_sext(val & emulate_mask(size), size);
	high = emulate_sext((val >> (8 * size)) & emulate_mask(size), size);
	if (index < low || index > high)
		return emulate_raise(c, EMUL_VEC_BR);
	return EMUL_OK;
}
