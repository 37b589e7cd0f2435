// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: push and pop, flags and frames on the stack.
 *
 * The stack may be the device, or the other operand.  The stack pointer has
 * the size of the stack segment (SDM 3, 6.2.3), not the address size.
 */
#include <linux/types.h>

#include "emulate_priv.h"

unsigned int emulate_stack_width(struct emul_ctxt *c)
{
	if (c->width == 64)
		return 8;
	return emulate_segment(c, EMUL_SS)->db ? 4 : 2;
}

int emulate_push(struct emul_ctxt *c, u64 val, unsigned int size)
{
	unsigned int width = emulate_stack_width(c);
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

static int stack_push(struct emul_ctxt *c, u64 val)
{
	return emulate_push(c, val, c->insn.opsize);
}

/* Map the top of the stack; *sp is the pointer behind it. */
static int stack_map_top(struct emul_ctxt *c, struct emul_mem *m, u64 *sp)
{
	*sp = c->regs[EMUL_RSP] & emulate_mask(emulate_stack_width(c));
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
	unsigned int width = emulate_stack_width(c);
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
	emulate_reg_write(c, EMUL_RSP, emulate_stack_width(c), sp);
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
	emulate_reg_write(c, EMUL_RSP, emulate_stack_width(c), sp);
	emulate_reg_write(c, stack_opcode_reg(&c->insn), c->insn.opsize, val);
	return EMUL_OK;
}

/* --- segment registers ---------------------------------------------------------- */

/*
 * arg is the segment register.  A slot of 4 or 8 bytes keeps its upper part:
 * CPUs with unrestricted guest write 16 bits (SDM 2, PUSH).
 */
int emulate_exec_push_sreg(struct emul_ctxt *c)
{
	unsigned int width = emulate_stack_width(c);
	u16 val = emulate_segment(c, c->insn.op->arg)->selector;
	u64 sp = (c->regs[EMUL_RSP] - c->insn.opsize) & emulate_mask(width);
	struct emul_mem m;
	int r;

	r = emulate_mem_map(c, EMUL_SS, sp, 2, EMUL_ACC_WRITE, &m);
	if (r == EMUL_OK)
		r = emulate_mem_write(c, &m, &val, EMUL_ACC_WRITE);
	if (r == EMUL_OK)
		emulate_reg_write(c, EMUL_RSP, width, sp);
	return r;
}

int emulate_exec_pop_sreg(struct emul_ctxt *c)
{
	struct emul_mem top;
	u64 val = 0, sp;
	unsigned int width;
	int r;

	r = stack_map_top(c, &top, &sp);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &top, &val, EMUL_ACC_READ);
	/* The width of the stack is that from before. */
	width = emulate_stack_width(c);
	if (r == EMUL_OK)
		r = emulate_segment_load(c, c->insn.op->arg, val, EMUL_VEC_GP);
	if (r != EMUL_OK)
		return r;
	emulate_reg_write(c, EMUL_RSP, width, sp);
	c->mov_ss = c->insn.op->arg == EMUL_SS;
	return EMUL_OK;
}

/* --- several at once --------------------------------------------------------------- */

#define STACK_ALL	8

/* Map n elements below, or from, the stack pointer; EMUL_OK if all are there. */
static int stack_map_all(struct emul_ctxt *c, bool push, struct emul_mem *m)
{
	unsigned int access = push ? EMUL_ACC_WRITE : EMUL_ACC_READ;
	unsigned int size = c->insn.opsize, i;
	u64 mask = emulate_mask(emulate_stack_width(c)), sp;
	int r;

	for (i = 0; i < STACK_ALL; i++) {
		sp = c->regs[EMUL_RSP];
		sp += push ? -(u64)(i + 1) * size : (u64)i * size;
		r = emulate_mem_map(c, EMUL_SS, sp & mask, size, access, &m[i]);
		if (r == EMUL_OK)
			r = emulate_mem_prepare(c, &m[i], access);
		if (r != EMUL_OK && r != EMUL_MMIO)
			return r;
	}
	return EMUL_OK;
}

/* Registers are pushed in the order of their numbers; RSP is the old one. */
int emulate_exec_pusha(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize, i;
	struct emul_mem m[STACK_ALL];
	u64 val;
	int r = stack_map_all(c, true, m);

	for (i = 0; i < STACK_ALL && r == EMUL_OK; i++) {
		val = emulate_reg_read(c, i, size);
		r = emulate_mem_write(c, &m[i], &val, EMUL_ACC_WRITE);
	}
	if (r == EMUL_OK)
		emulate_reg_write(c, EMUL_RSP, emulate_stack_width(c),
				  c->regs[EMUL_RSP] - STACK_ALL * size);
	return r;
}

/* What PUSHA left of RSP is skipped. */
int emulate_exec_popa(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize, i;
	struct emul_mem m[STACK_ALL];
	u64 val[STACK_ALL] = { 0 };
	int r = stack_map_all(c, false, m);

	for (i = 0; i < STACK_ALL && r == EMUL_OK; i++) {
		if (i != STACK_ALL - 1 - EMUL_RSP)
			r = emulate_mem_read(c, &m[i], &val[i], EMUL_ACC_READ);
	}
	if (r != EMUL_OK)
		return r;
	for (i = 0; i < STACK_ALL; i++) {
		if (i != EMUL_RSP)
			emulate_reg_write(c, i, size, val[STACK_ALL - 1 - i]);
	}
	emulate_reg_write(c, EMUL_RSP, emulate_stack_width(c),
			  c->regs[EMUL_RSP] + STACK_ALL * size);
	return EMUL_OK;
}

/* --- flags -------------------------------------------------------------------------- */

#define STACK_RFLAGS_IF		(1ull << 9)
#define STACK_RFLAGS_IOPL	(3ull << 12)
#define STACK_RFLAGS_VIF	(3ull << 19)	/* and VIP */
/* CF to OF without IF, NT, AC, ID */
#define STACK_RFLAGS_ALWAYS	0x244dd5ull

/* In VM86 with IOPL below 3; with CR4.VME there is more to it. */
static int stack_flags_allowed(struct emul_ctxt *c)
{
	if (!(c->rflags & EMUL_RFLAGS_VM) || emulate_iopl(c->rflags) == 3)
		return EMUL_OK;
	return c->cr4 & 1 ? EMUL_UNHANDLED : emulate_raise(c, EMUL_VEC_GP);
}

int emulate_exec_pushf(struct emul_ctxt *c)
{
	int r = stack_flags_allowed(c);

	if (r != EMUL_OK)
		return r;
	return stack_push(c, c->rflags & ~(EMUL_RFLAGS_RF | EMUL_RFLAGS_VM));
}

int emulate_exec_popf(struct emul_ctxt *c)
{
	u64 mask = STACK_RFLAGS_ALWAYS, clear = 0, val = 0, sp;
	struct emul_mem top;
	int r = stack_flags_allowed(c);

	if (r == EMUL_OK)
		r = stack_map_top(c, &top, &sp);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &top, &val, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	if (c->cpl <= emulate_iopl(c->rflags) || !(c->cr0 & 1))
		mask |= STACK_RFLAGS_IF;
	if (!c->cpl || !(c->cr0 & 1))
		mask |= STACK_RFLAGS_IOPL;
	if (c->insn.opsize == 2)
		mask &= 0xffff;
	else if (!(c->rflags & EMUL_RFLAGS_VM))
		clear = STACK_RFLAGS_VIF;
	emulate_reg_write(c, EMUL_RSP, emulate_stack_width(c), sp);
	emulate_flags_write(c, (c->rflags & ~(mask | clear)) | (val & mask));
	return EMUL_OK;
}

/* --- frames --------------------------------------------------------------------------- */

/*
 * ENTER with nesting 0 or 1.  More would read up to 30 frame pointers.  The
 * place that RSP ends at is checked as a write, and so faults.
 */
int emulate_exec_enter(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize, width = emulate_stack_width(c), i;
	unsigned int bytes = c->insn.imm & 0xffff, nr;
	u64 sp = c->regs[EMUL_RSP], mask = emulate_mask(width), frame, val[2];
	struct emul_mem m[2], end;
	int r = EMUL_OK;

	nr = 1 + ((c->insn.imm >> 16) & 31);
	if (nr > 2)
		return EMUL_UNHANDLED;
	frame = (sp - size) & mask;
	val[0] = c->regs[EMUL_RBP];
	val[1] = frame;
	for (i = 0; i < nr; i++) {
		r = emulate_mem_map(c, EMUL_SS, (sp - (i + 1) * size) & mask,
				    size, EMUL_ACC_WRITE, &m[i]);
		if (r == EMUL_OK)
			r = emulate_mem_prepare(c, &m[i], EMUL_ACC_WRITE);
		if (r != EMUL_OK && r != EMUL_MMIO)
			return r;
	}
	sp = (sp - nr * size - bytes) & mask;
	r = emulate_mem_map(c, EMUL_SS, sp, size, EMUL_ACC_WRITE, &end);
	if (r == EMUL_OK)
		r = emulate_mem_prepare(c, &end, EMUL_ACC_WRITE);
	if (r != EMUL_OK && r != EMUL_MMIO)
		return r;
	for (i = 0, r = EMUL_OK; i < nr && r == EMUL_OK; i++)
		r = emulate_mem_write(c, &m[i], &val[i], EMUL_ACC_WRITE);
	if (r != EMUL_OK)
		return r;
	emulate_reg_write(c, EMUL_RBP, size, frame);
	emulate_reg_write(c, EMUL_RSP, width, sp);
	return EMUL_OK;
}

int emulate_exec_leave(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize, width = emulate_stack_width(c);
	u64 mask = emulate_mask(width), sp = c->regs[EMUL_RBP] & mask, val = 0;
	struct emul_mem top;
	int r;

	r = emulate_mem_map(c, EMUL_SS, sp, size, EMUL_ACC_READ, &top);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &top, &val, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	emulate_reg_write(c, EMUL_RSP, width, sp + size);
	emulate_reg_write(c, EMUL_RBP, size, val);
	return EMUL_OK;
}
