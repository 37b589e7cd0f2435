// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: push and pop.
 *
 * The stack may be the device, or the other operand.  The stack pointer has
 * the size of the stack segment (SDM 3, 6.2.3), not the address size.
 */
#include <linux/types.h>

#include "emulate_priv.h"

static unsigned int stack_width(struct emul_ctxt *c)
{
	if (c->width == 64)
		return 8;
	return emulate_segment(c, EMUL_SS)->db ? 4 : 2;
}

static int stack_push(struct emul_ctxt *c, u64 val)
{
	unsigned int size = c->insn.opsize, width = stack_width(c);
	struct emul_mem m;
	u64 sp;
	int r;

	sp = (c->regs[EMUL_RSP] - size) & emulate_mask(width);
	r = emulate_mem_map(c, EMUL_SS, sp, size, EMUL_ACC_WRITE, &m);
	if (r == EMUL_OK)
		r = emulate_mem_write(c, &m, &val, EMUL_ACC_WRITE);
	if (r == EMUL_OK)
		emulate_reg_write(c, EMUL_RSP, width, sp);
	return r;
}

/* Map the top of the stack; *sp is the pointer behind it. */
static int stack_map_top(struct emul_ctxt *c, struct emul_mem *m, u64 *sp)
{
	*sp = c->regs[EMUL_RSP] & emulate_mask(stack_width(c));
	*sp += c->insn.opsize;
	return emulate_mem_map(c, EMUL_SS, *sp - c->insn.opsize,
			       c->insn.opsize, EMUL_ACC_READ, m);
}

int emulate_exec_push_rm(struct emul_ctxt *c)
{
	struct emul_rm rm;
	int r = emulate_rm_read(c, &rm, c->insn.opsize, EMUL_ACC_READ);

	if (r != EMUL_OK)
		return r;
	return stack_push(c, rm.val);
}

/* The register in the low bits of the opcode. */
static unsigned int stack_opcode_reg(const struct emul_insn *insn)
{
	return (insn->opcode & 7) | ((insn->rex & 1) << 3);
}

int emulate_exec_push_reg(struct emul_ctxt *c)
{
	return stack_push(c, emulate_reg_read(c, stack_opcode_reg(&c->insn),
					      c->insn.opsize));
}

int emulate_exec_push_imm(struct emul_ctxt *c)
{
	return stack_push(c, c->insn.imm);
}

/* The destination is addressed with the pointer already moved. */
static int stack_map_destination(struct emul_ctxt *c, struct emul_rm *rm)
{
	u64 rsp = c->regs[EMUL_RSP];
	unsigned int width = stack_width(c);
	u64 mask = emulate_mask(width);
	int r;

	c->regs[EMUL_RSP] = (rsp & ~mask) | ((rsp + c->insn.opsize) & mask);
	r = emulate_rm_map(c, rm, c->insn.opsize, EMUL_ACC_WRITE);
	c->regs[EMUL_RSP] = rsp;
	if (r != EMUL_OK || !rm->is_mem)
		return r;
	return emulate_mem_prepare(c, &rm->mem, EMUL_ACC_WRITE);
}

int emulate_exec_pop_rm(struct emul_ctxt *c)
{
	struct emul_mem top;
	struct emul_rm rm;
	u64 val = 0, sp;
	int r;

	r = stack_map_top(c, &top, &sp);
	if (r != EMUL_OK)
		return r;
	r = emulate_mem_first_fault(c, &top, stack_map_destination(c, &rm));
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &top, &val, EMUL_ACC_READ);
	if (r == EMUL_OK && rm.is_mem)
		r = emulate_rm_write(c, &rm, c->insn.opsize, val, false);
	if (r != EMUL_OK)
		return r;
	emulate_reg_write(c, EMUL_RSP, stack_width(c), sp);
	/* POP RSP keeps the value popped. */
	if (!rm.is_mem)
		emulate_reg_write(c, c->insn.rm, c->insn.opsize, val);
	return EMUL_OK;
}

int emulate_exec_pop_reg(struct emul_ctxt *c)
{
	struct emul_mem top;
	u64 val = 0, sp;
	int r;

	r = stack_map_top(c, &top, &sp);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &top, &val, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	emulate_reg_write(c, EMUL_RSP, stack_width(c), sp);
	emulate_reg_write(c, stack_opcode_reg(&c->insn), c->insn.opsize, val);
	return EMUL_OK;
}
