// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: shifts and rotates.
 *
 * Handlers of the opcode tables, as in emulate_exec.c.  Flags that are
 * undefined for a count become what the formula for a count of one gives.
 */
#include <linux/types.h>

#include "emulate_priv.h"

/* Operations, as ModRM.reg numbers them; 6 is an alias of SHL. */
enum shift_op {
	SHIFT_ROL, SHIFT_ROR, SHIFT_RCL, SHIFT_RCR, SHIFT_SHL, SHIFT_SHR,
	SHIFT_SAL, SHIFT_SAR,
};

struct shift {
	unsigned int bits;	/* of the operand */
	u64 val;
	bool cf, of;
};

static bool shift_bit(u64 val, unsigned int n)
{
	return n < 64 && ((val >> n) & 1);
}

static u64 shift_mask(const struct shift *s)
{
	return emulate_mask(s->bits / 8);
}

/* One step: at most 63 of them are cheaper than a case for each width. */
static void shift_step(struct shift *s, unsigned int op)
{
	bool top = shift_bit(s->val, s->bits - 1), low = s->val & 1;
	bool left = op == SHIFT_ROL || op == SHIFT_RCL || op == SHIFT_SHL ||
		    op == SHIFT_SAL;
	bool in = false;

	if (op == SHIFT_ROL || op == SHIFT_SAR)
		in = top;
	else if (op == SHIFT_ROR)
		in = low;
	else if (op == SHIFT_RCL || op == SHIFT_RCR)
		in = s->cf;
	s->cf = left ? top : low;
	if (left)
		s->val = (s->val << 1 | in) & shift_mask(s);
	else
		s->val = s->val >> 1 | (u64)in << (s->bits - 1);
	if (left)
		s->of = shift_bit(s->val, s->bits - 1) != s->cf;
	else
		s->of = shift_bit(s->val, s->bits - 1) !=
			shift_bit(s->val, s->bits - 2);
}

static u64 shift_flags(const struct shift *s, u64 rflags, bool arithmetic)
{
	/* SF, ZF and PF come from the result; AND with itself gives them. */
	if (arithmetic)
		emulate_alu(EMUL_TEST, s->bits / 8, s->val, s->val, &rflags);
	rflags &= ~(EMUL_RFLAGS_CF | EMUL_RFLAGS_OF);
	if (s->cf)
		rflags |= EMUL_RFLAGS_CF;
	if (s->of)
		rflags |= EMUL_RFLAGS_OF;
	return rflags;
}

static unsigned int shift_count(struct emul_ctxt *c, unsigned int arg)
{
	unsigned int mask = c->insn.opsize == 8 ? 63 : 31;

	/* arg 0: immediate, 1: one, 2: CL */
	if (arg == 1)
		return 1;
	return (arg ? c->regs[EMUL_RCX] : c->insn.imm) & mask;
}

/* Group 2; arg tells where the count is. */
int emulate_exec_shift(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize, op = c->insn.reg & 7;
	unsigned int i, count = shift_count(c, c->insn.op->arg);
	struct shift s = { .bits = 8 * size };
	struct emul_rm rm;
	int r;

	r = emulate_rm_read(c, &rm, size, EMUL_ACC_READ | EMUL_ACC_WRITE);
	if (r != EMUL_OK)
		return r;
	s.val = rm.val;
	s.cf = c->rflags & EMUL_RFLAGS_CF;
	for (i = 0; i < count; i++)
		shift_step(&s, op);
	r = emulate_rm_write(c, &rm, size, s.val, false);
	if (r == EMUL_OK && count)
		emulate_flags_write(c, shift_flags(&s, c->rflags,
						   op >= SHIFT_SHL));
	return r;
}

/* SHLD and SHRD; the opcode tells the direction, arg where the count is. */
int emulate_exec_double_shift(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize;
	unsigned int i, count = shift_count(c, c->insn.op->arg);
	bool left = c->insn.opcode < 0xa8;
	struct shift s = { .bits = 8 * size };
	struct emul_rm rm;
	u64 src;
	bool in;
	int r;

	r = emulate_rm_read(c, &rm, size, EMUL_ACC_READ | EMUL_ACC_WRITE);
	if (r != EMUL_OK)
		return r;
	src = emulate_reg_read(c, c->insn.reg, size);
	s.val = rm.val;
	for (i = 0; i < count; i++) {
		in = shift_bit(src, left ? s.bits - 1 - i % s.bits
					 : i % s.bits);
		shift_step(&s, left ? SHIFT_SHL : SHIFT_SHR);
		if (left)
			s.val |= in;
		else
			s.val |= (u64)in << (s.bits - 1);
		if (!left)
			s.of = in != shift_bit(s.val, s.bits - 2);
	}
	r = emulate_rm_write(c, &rm, size, s.val, false);
	if (r == EMUL_OK && count)
		emulate_flags_write(c, shift_flags(&s, c->rflags, true));
	return r;
}
