// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: exchanges and bit tests, the read-modify-write
 * instructions that are more than an ALU operation.
 *
 * Handlers of the opcode tables, as in emulate_exec.c.
 */
#include <linux/types.h>

#include "emulate_priv.h"

static unsigned int rmw_access(bool locked)
{
	return EMUL_ACC_READ | EMUL_ACC_WRITE |
	       (locked ? EMUL_ACC_LOCKED : 0);
}

/* With memory, XCHG is locked with or without the prefix. */
int emulate_exec_xchg(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	struct emul_rm rm;
	u64 val;
	int r;

	r = emulate_rm_read(c, &rm, insn->opsize, rmw_access(true));
	if (r != EMUL_OK)
		return r;
	val = emulate_reg_read(c, insn->reg, insn->opsize);
	r = emulate_rm_write(c, &rm, insn->opsize, val, true);
	if (r == EMUL_OK)
		emulate_reg_write(c, insn->reg, insn->opsize, rm.val);
	return r;
}

int emulate_exec_xadd(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	u64 src, sum, rflags = c->rflags;
	struct emul_rm rm;
	int r;

	r = emulate_rm_read(c, &rm, insn->opsize, rmw_access(insn->lock));
	if (r != EMUL_OK)
		return r;
	src = emulate_reg_read(c, insn->reg, insn->opsize);
	sum = emulate_alu(EMUL_ADD, insn->opsize, rm.val, src, &rflags);
	/* With one register as both operands the sum remains. */
	if (!rm.is_mem)
		emulate_reg_write(c, insn->reg, insn->opsize, rm.val);
	r = emulate_rm_write(c, &rm, insn->opsize, sum, insn->lock);
	if (r != EMUL_OK)
		return r;
	if (rm.is_mem)
		emulate_reg_write(c, insn->reg, insn->opsize, rm.val);
	emulate_flags_write(c, rflags);
	return EMUL_OK;
}

/* The destination is written either way; the accumulator if they differ. */
int emulate_exec_cmpxchg(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	u64 acc, val, rflags = c->rflags;
	struct emul_rm rm;
	bool equal;
	int r;

	r = emulate_rm_read(c, &rm, insn->opsize, rmw_access(insn->lock));
	if (r != EMUL_OK)
		return r;
	acc = emulate_reg_read(c, EMUL_RAX, insn->opsize);
	emulate_alu(EMUL_CMP, insn->opsize, acc, rm.val, &rflags);
	equal = acc == rm.val;
	val = equal ? emulate_reg_read(c, insn->reg, insn->opsize) : rm.val;
	r = emulate_rm_write(c, &rm, insn->opsize, val, insn->lock);
	if (r != EMUL_OK)
		return r;
	if (!equal)
		emulate_reg_write(c, EMUL_RAX, insn->opsize, rm.val);
	emulate_flags_write(c, rflags);
	return EMUL_OK;
}

/* The pair hi:lo of registers as the bytes of an 8 or 16 byte operand. */
static void rmw_pair_read(const struct emul_ctxt *c, unsigned int size,
			  unsigned int hi, unsigned int lo, u64 val[2])
{
	if (size == 16) {
		val[0] = c->regs[lo];
		val[1] = c->regs[hi];
	} else {
		val[0] = (u32)c->regs[lo] | c->regs[hi] << 32;
		val[1] = 0;
	}
}

static void rmw_pair_write(struct emul_ctxt *c, unsigned int size,
			   unsigned int hi, unsigned int lo, const u64 val[2])
{
	bool wide = size == 16;

	emulate_reg_write(c, lo, wide ? 8 : 4, val[0]);
	emulate_reg_write(c, hi, wide ? 8 : 4, wide ? val[1] : val[0] >> 32);
}

/* CMPXCHG8B and CMPXCHG16B. */
int emulate_exec_cmpxchg2(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int size = insn->opsize == 8 ? 16 : 8;
	unsigned int access = rmw_access(insn->lock);
	u64 old[2] = { 0, 0 }, cmp[2], new[2];
	struct emul_mem m;
	bool equal;
	int r;

	r = emulate_mem_map(c, insn->seg, emulate_ea(c), size, access, &m);
	if (r != EMUL_OK)
		return r;
	if (size == 16 && (m.addr[0] & 15))
		return emulate_raise(c, EMUL_VEC_GP);
	r = emulate_mem_read(c, &m, old, access);
	if (r != EMUL_OK)
		return r;
	rmw_pair_read(c, size, EMUL_RDX, EMUL_RAX, cmp);
	rmw_pair_read(c, size, EMUL_RCX, EMUL_RBX, new);
	equal = cmp[0] == old[0] && cmp[1] == old[1];
	if (insn->lock)
		r = emulate_mem_replace(c, &m, old, equal ? new : old);
	else
		r = emulate_mem_write(c, &m, equal ? new : old, access);
	if (r != EMUL_OK)
		return r;
	if (!equal)
		rmw_pair_write(c, size, EMUL_RDX, EMUL_RAX, old);
	emulate_flags_write(c, equal ? c->rflags | EMUL_RFLAGS_ZF
				     : c->rflags & ~EMUL_RFLAGS_ZF);
	return EMUL_OK;
}

/* The tested bit becomes CF; the other flags keep their values. */
static int rmw_bit(struct emul_ctxt *c, struct emul_rm *rm, unsigned int bit,
		   unsigned int op)
{
	u64 mask = 1ull << bit, val = rm->val;
	u64 rflags = c->rflags & ~EMUL_RFLAGS_CF;
	int r = EMUL_OK;

	if (val & mask)
		rflags |= EMUL_RFLAGS_CF;
	if (op == EMUL_BTS)
		val |= mask;
	else if (op == EMUL_BTR)
		val &= ~mask;
	else if (op == EMUL_BTC)
		val ^= mask;
	if (op != EMUL_BT)
		r = emulate_rm_write(c, rm, c->insn.opsize, val, c->insn.lock);
	if (r == EMUL_OK)
		emulate_flags_write(c, rflags);
	return r;
}

static unsigned int rmw_bit_access(const struct emul_insn *insn)
{
	return insn->op->arg == EMUL_BT ? EMUL_ACC_READ
					: rmw_access(insn->lock);
}

/* In memory, the bit string extends 2^(size - 1) bits to both sides. */
int emulate_exec_bit_reg(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	unsigned int shift = emulate_log2_bits(insn->opsize);
	s64 disp = insn->disp;
	struct emul_rm rm;
	s64 bit;
	int r;

	bit = emulate_sext(emulate_reg_read(c, insn->reg, insn->opsize),
			   insn->opsize);
	insn->disp += (u64)(bit >> shift) * insn->opsize;
	r = emulate_rm_read(c, &rm, insn->opsize, rmw_bit_access(insn));
	insn->disp = disp;
	if (r != EMUL_OK)
		return r;
	return rmw_bit(c, &rm, bit & ((1u << shift) - 1), insn->op->arg);
}

int emulate_exec_bit_imm(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int shift = emulate_log2_bits(insn->opsize);
	struct emul_rm rm;
	int r;

	r = emulate_rm_read(c, &rm, insn->opsize, rmw_bit_access(insn));
	if (r != EMUL_OK)
		return r;
	return rmw_bit(c, &rm, insn->imm & ((1u << shift) - 1), insn->op->arg);
}
