// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: instructions with a register or memory operand.
 *
 * Handlers of the opcode tables; see emulate_priv.h for what they may assume
 * and the order they keep.  Semantics: SDM 2, the instruction of that name.
 */
#include <linux/types.h>

#include "emulate_priv.h"

#define EXEC_ACC_RMW	(EMUL_ACC_READ | EMUL_ACC_WRITE)

static unsigned int exec_rmw_access(const struct emul_ctxt *c)
{
	return EXEC_ACC_RMW | (c->insn.lock ? EMUL_ACC_LOCKED : 0);
}

/* Store what an ALU operation on r/m gave, and then its flags. */
static int exec_alu_store(struct emul_ctxt *c, struct emul_rm *rm, u64 val,
			  u64 rflags)
{
	int r = emulate_rm_write(c, rm, c->insn.opsize, val, c->insn.lock);

	if (r == EMUL_OK)
		emulate_flags_write(c, rflags);
	return r;
}

static bool exec_alu_compares(unsigned int op)
{
	return op == EMUL_CMP || op == EMUL_TEST;
}

/* r/m op reg; or reg op r/m, which only reads memory. */
int emulate_exec_alu(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	bool to_reg = insn->op->flags & EMUL_F_TOREG;
	bool only_read = to_reg || exec_alu_compares(insn->op->arg);
	u64 a, b, val, rflags = c->rflags;
	struct emul_rm rm;
	int r;

	r = emulate_rm_read(c, &rm, insn->opsize, only_read ? EMUL_ACC_READ
							: exec_rmw_access(c));
	if (r != EMUL_OK)
		return r;
	b = emulate_reg_read(c, insn->reg, insn->opsize);
	a = to_reg ? b : rm.val;
	b = to_reg ? rm.val : b;
	val = emulate_alu(insn->op->arg, insn->opsize, a, b, &rflags);
	if (!only_read)
		return exec_alu_store(c, &rm, val, rflags);
	if (!exec_alu_compares(insn->op->arg))
		emulate_reg_write(c, insn->reg, insn->opsize, val);
	emulate_flags_write(c, rflags);
	return EMUL_OK;
}

int emulate_exec_alu_imm(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	bool only_read = exec_alu_compares(insn->op->arg);
	u64 val, rflags = c->rflags;
	struct emul_rm rm;
	int r;

	r = emulate_rm_read(c, &rm, insn->opsize, only_read ? EMUL_ACC_READ
							: exec_rmw_access(c));
	if (r != EMUL_OK)
		return r;
	val = emulate_alu(insn->op->arg, insn->opsize, rm.val,
			  insn->imm & emulate_mask(insn->opsize), &rflags);
	if (!only_read)
		return exec_alu_store(c, &rm, val, rflags);
	emulate_flags_write(c, rflags);
	return EMUL_OK;
}

int emulate_exec_alu_unary(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	u64 val, rflags = c->rflags;
	struct emul_rm rm;
	int r;

	r = emulate_rm_read(c, &rm, insn->opsize, exec_rmw_access(c));
	if (r != EMUL_OK)
		return r;
	val = emulate_alu(insn->op->arg, insn->opsize, rm.val, 0, &rflags);
	return exec_alu_store(c, &rm, val, rflags);
}

static int exec_store(struct emul_ctxt *c, unsigned int size, u64 val)
{
	struct emul_rm rm;
	int r = emulate_rm_map(c, &rm, size, EMUL_ACC_WRITE);

	if (r != EMUL_OK)
		return r;
	return emulate_rm_write(c, &rm, size, val, false);
}

int emulate_exec_mov_store(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;

	return exec_store(c, insn->opsize,
			  emulate_reg_read(c, insn->reg, insn->opsize));
}

/* There is no 16-bit form; the hint is nothing to an emulator. */
int emulate_exec_movnti(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize == 8 ? 8 : 4;

	return exec_store(c, size, emulate_reg_read(c, c->insn.reg, size));
}

int emulate_exec_mov_imm(struct emul_ctxt *c)
{
	return exec_store(c, c->insn.opsize, c->insn.imm);
}

/* Memory gets 16 bits whatever the operand size is. */
int emulate_exec_mov_sreg(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int seg = insn->reg & 7;

	if (seg >= EMUL_NR_SEGS)
		return emulate_raise(c, EMUL_VEC_UD);
	return exec_store(c, insn->mod == 3 ? insn->opsize : 2,
			  emulate_segment(c, seg)->selector);
}

static int exec_load(struct emul_ctxt *c, unsigned int size, u64 *val)
{
	struct emul_rm rm;
	int r = emulate_rm_read(c, &rm, size, EMUL_ACC_READ);

	if (r == EMUL_OK)
		*val = rm.val;
	return r;
}

/* Load from size bytes, extended to the operand size. */
static int exec_load_reg(struct emul_ctxt *c, unsigned int size, bool sign)
{
	const struct emul_insn *insn = &c->insn;
	u64 val;
	int r = exec_load(c, size, &val);

	if (r != EMUL_OK)
		return r;
	if (sign)
		val = emulate_sext(val, size);
	emulate_reg_write(c, insn->reg, insn->opsize, val);
	return EMUL_OK;
}

int emulate_exec_mov_load(struct emul_ctxt *c)
{
	return exec_load_reg(c, c->insn.opsize, false);
}

int emulate_exec_movzx(struct emul_ctxt *c)
{
	return exec_load_reg(c, c->insn.op->arg, false);
}

/* MOVSX, and MOVSXD, whose source is not wider than its destination. */
int emulate_exec_movsx(struct emul_ctxt *c)
{
	unsigned int size = c->insn.op->arg;

	if (size == 4 && c->insn.opsize == 2)
		size = 2;
	return exec_load_reg(c, size, true);
}

/* In 64-bit mode MOVSXD, else ARPL, which real mode and VM86 do not have. */
int emulate_exec_movsxd(struct emul_ctxt *c)
{
	if (c->width == 64)
		return emulate_exec_movsx(c);
	return c->protected_mode ? emulate_exec_arpl(c)
				 : emulate_raise(c, EMUL_VEC_UD);
}

/* AL from DS:[rBX + AL]. */
int emulate_exec_xlat(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	struct emul_mem m;
	u64 val = 0;
	int r;

	r = emulate_mem_map(c, insn->seg, (c->regs[EMUL_RBX] +
			    (c->regs[EMUL_RAX] & 0xff)) &
			    emulate_mask(insn->adsize), 1, EMUL_ACC_READ, &m);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &m, &val, EMUL_ACC_READ);
	if (r == EMUL_OK)
		emulate_reg_write(c, EMUL_RAX, 1, val);
	return r;
}

int emulate_exec_moffs_load(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	struct emul_mem m;
	u64 val = 0;
	int r;

	r = emulate_mem_map(c, insn->seg, insn->imm, insn->opsize,
			    EMUL_ACC_READ, &m);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &m, &val, EMUL_ACC_READ);
	if (r == EMUL_OK)
		emulate_reg_write(c, EMUL_RAX, insn->opsize, val);
	return r;
}

int emulate_exec_moffs_store(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	struct emul_mem m;
	u64 val;
	int r;

	r = emulate_mem_map(c, insn->seg, insn->imm, insn->opsize,
			    EMUL_ACC_WRITE, &m);
	if (r != EMUL_OK)
		return r;
	val = emulate_reg_read(c, EMUL_RAX, insn->opsize);
	return emulate_mem_write(c, &m, &val, EMUL_ACC_WRITE);
}

static u64 exec_byteswap(u64 val, unsigned int size)
{
	return __builtin_bswap64(val) >> (64 - 8 * size);
}

int emulate_exec_movbe_load(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	u64 val;
	int r = exec_load(c, insn->opsize, &val);

	if (r == EMUL_OK)
		emulate_reg_write(c, insn->reg, insn->opsize,
				  exec_byteswap(val, insn->opsize));
	return r;
}

int emulate_exec_movbe_store(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	u64 val = emulate_reg_read(c, insn->reg, insn->opsize);

	return exec_store(c, insn->opsize, exec_byteswap(val, insn->opsize));
}

int emulate_exec_setcc(struct emul_ctxt *c)
{
	return exec_store(c, 1, emulate_cond(c->rflags, c->insn.opcode));
}

/* The source is read, and 32 bits are zero-extended, either way. */
int emulate_exec_cmov(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	u64 val;
	int r = exec_load(c, insn->opsize, &val);

	if (r != EMUL_OK)
		return r;
	if (!emulate_cond(c->rflags, insn->opcode))
		val = emulate_reg_read(c, insn->reg, insn->opsize);
	emulate_reg_write(c, insn->reg, insn->opsize, val);
	return EMUL_OK;
}
