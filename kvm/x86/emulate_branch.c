// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: jumps, calls and returns whose target or whose stack
 * lies in a device.
 *
 * The target is checked before anything is pushed.  Far ones reach code at the
 * same privilege; gates, tasks and returns to outer rings are left out.
 * SDM 2, CALL, JMP, RET; SDM 3, 5.8.
 */
#include <linux/string.h>
#include <linux/types.h>

#include "emulate_priv.h"

int emulate_branch_check(struct emul_ctxt *c, u64 target, u64 *rip)
{
	bool legal;

	*rip = target & emulate_mask(c->insn.opsize);
	if (c->width == 64)
		legal = emulate_canonical(c, *rip);
	else
		legal = *rip <= emulate_segment(c, EMUL_CS)->limit;
	return legal ? EMUL_OK : emulate_raise(c, EMUL_VEC_GP);
}

int emulate_exec_jmp_rm(struct emul_ctxt *c)
{
	struct emul_rm rm;
	int r = emulate_rm_read(c, &rm, c->insn.opsize, EMUL_ACC_READ);
	u64 rip = 0;

	if (r == EMUL_OK)
		r = emulate_branch_check(c, rm.val, &rip);
	if (r == EMUL_OK)
		c->next = rip;
	return r;
}

static int branch_call(struct emul_ctxt *c, u64 target)
{
	u64 rip;
	int r = emulate_branch_check(c, target, &rip);

	if (r == EMUL_OK)
		r = emulate_push(c, c->next, c->insn.opsize);
	if (r == EMUL_OK)
		c->next = rip;
	return r;
}

int emulate_exec_call_rm(struct emul_ctxt *c)
{
	struct emul_rm rm;
	int r = emulate_rm_read(c, &rm, c->insn.opsize, EMUL_ACC_READ);

	return r == EMUL_OK ? branch_call(c, rm.val) : r;
}

int emulate_exec_call_rel(struct emul_ctxt *c)
{
	return branch_call(c, c->next + c->insn.imm);
}

/* Read nr elements from the top of the stack. */
static int branch_pop(struct emul_ctxt *c, u64 *val, unsigned int nr)
{
	unsigned int size = c->insn.opsize, i;
	u64 mask = emulate_mask(emulate_stack_width(c));
	struct emul_mem m;
	int r = EMUL_OK;

	for (i = 0; i < nr && r == EMUL_OK; i++) {
		val[i] = 0;
		r = emulate_mem_map(c, EMUL_SS,
				    (c->regs[EMUL_RSP] + i * size) & mask, size,
				    EMUL_ACC_READ, &m);
		if (r == EMUL_OK)
			r = emulate_mem_read(c, &m, &val[i], EMUL_ACC_READ);
	}
	return r;
}

/* RET and RET imm16: what the immediate says goes too. */
static void branch_release(struct emul_ctxt *c, unsigned int nr)
{
	u64 bytes = nr * c->insn.opsize + (u16)c->insn.imm;

	emulate_reg_write(c, EMUL_RSP, emulate_stack_width(c),
			  c->regs[EMUL_RSP] + bytes);
}

int emulate_exec_ret(struct emul_ctxt *c)
{
	u64 target, rip = 0;
	int r = branch_pop(c, &target, 1);

	if (r == EMUL_OK)
		r = emulate_branch_check(c, target, &rip);
	if (r != EMUL_OK)
		return r;
	branch_release(c, 1);
	c->next = rip;
	return EMUL_OK;
}

/* --- far ---------------------------------------------------------------------- */

/* A code segment that may be gone to; its descriptor is in d. */
static int branch_code(struct emul_ctxt *c, u16 selector, bool ret,
		       struct emul_desc *d)
{
	u16 error = selector & 0xfffc;
	unsigned int rpl = selector & 3, dpl;
	bool allowed;
	int r;

	if (!error)
		return emulate_raise(c, EMUL_VEC_GP);
	r = emulate_desc_read(c, selector, EMUL_VEC_GP, d);
	if (r != EMUL_OK)
		return r;
	if (!ret && !(emulate_desc_type(d) & 0x10))
		return EMUL_UNHANDLED;
	if (ret && rpl > c->cpl)
		return EMUL_UNHANDLED;
	dpl = emulate_desc_dpl(d);
	if (ret)
		allowed = rpl == c->cpl &&
			  (emulate_desc_conforms(d) ? dpl <= rpl : dpl == rpl);
	else
		allowed = emulate_desc_conforms(d) ? dpl <= c->cpl
			: rpl <= c->cpl && dpl == c->cpl;
	/* L and D together are reserved. */
	if ((c->efer & (1u << 10)) && (d->lo >> 53 & 3) == 3)
		allowed = false;
	if (!allowed || !emulate_desc_is_code(d))
		return emulate_raise_error(c, EMUL_VEC_GP, error);
	if (!emulate_desc_present(d))
		return emulate_raise_error(c, EMUL_VEC_NP, error);
	return EMUL_OK;
}

static int branch_offset(struct emul_ctxt *c, const struct emul_segment *cs,
			 u64 offset)
{
	bool legal;

	if ((c->efer & (1u << 10)) && cs->l)
		legal = emulate_canonical(c, offset);
	else
		legal = offset <= cs->limit;
	return legal ? EMUL_OK : emulate_raise(c, EMUL_VEC_GP);
}

/*
 * Check a far target and give the segment that CS becomes.  In real mode and
 * VM86 that is the old one at another base.
 */
static int branch_far_check(struct emul_ctxt *c, u16 selector, u64 offset,
			    bool ret, struct emul_segment *cs,
			    struct emul_desc *d)
{
	int r;

	if (!emulate_desc_ops(c))
		return EMUL_UNHANDLED;
	d->lo = 0;
	if (!c->protected_mode) {
		*cs = *emulate_segment(c, EMUL_CS);
		cs->selector = selector;
		cs->base = (u32)selector << 4;
		return branch_offset(c, cs, offset);
	}
	r = branch_code(c, selector, ret, d);
	if (r != EMUL_OK)
		return r;
	emulate_desc_parse(d, (selector & ~3u) | c->cpl, cs);
	cs->type |= 1;
	return branch_offset(c, cs, offset);
}

static int branch_far_go(struct emul_ctxt *c, u64 offset,
			 const struct emul_segment *cs, struct emul_desc *d)
{
	int r = EMUL_OK;

	if (c->protected_mode)
		r = emulate_desc_set_type(c, d, 1);
	if (r != EMUL_OK)
		return r;
	emulate_segment_write(c, EMUL_CS, cs);
	c->next = offset;
	return EMUL_OK;
}

/* The far pointer in memory. */
static int branch_far_pointer(struct emul_ctxt *c, u16 *selector, u64 *offset)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int size = insn->opsize;
	struct emul_mem m;
	u8 buf[10];
	int r;

	r = emulate_mem_map_aligned(c, insn->seg, emulate_ea(c), size + 2,
				    size == 2 ? 2 : 4, EMUL_ACC_READ, &m);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &m, buf, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	*offset = 0;
	memcpy(offset, buf, size);
	memcpy(selector, buf + size, 2);
	return EMUL_OK;
}

int emulate_exec_jmp_far(struct emul_ctxt *c)
{
	struct emul_segment cs;
	struct emul_desc d;
	u16 selector;
	u64 offset;
	int r = branch_far_pointer(c, &selector, &offset);

	if (r == EMUL_OK)
		r = branch_far_check(c, selector, offset, false, &cs, &d);
	if (r == EMUL_OK)
		r = branch_far_go(c, offset, &cs, &d);
	return r;
}

/* CS and the address of the next instruction, CS first; no write if one faults. */
static int branch_far_push(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize, width = emulate_stack_width(c), i;
	u64 val[2] = { emulate_segment(c, EMUL_CS)->selector, c->next };
	u64 sp = c->regs[EMUL_RSP];
	struct emul_mem m[2];
	int r;

	for (i = 0; i < 2; i++) {
		sp = (sp - size) & emulate_mask(width);
		r = emulate_mem_map(c, EMUL_SS, sp, size, EMUL_ACC_WRITE, &m[i]);
		if (r == EMUL_OK)
			r = emulate_mem_prepare(c, &m[i], EMUL_ACC_WRITE);
		if (r != EMUL_OK && r != EMUL_MMIO)
			return r;
	}
	for (i = 0; i < 2; i++) {
		r = emulate_mem_write(c, &m[i], &val[i], EMUL_ACC_WRITE);
		if (r != EMUL_OK)
			return r;
	}
	emulate_reg_write(c, EMUL_RSP, width, sp);
	return EMUL_OK;
}

int emulate_exec_call_far(struct emul_ctxt *c)
{
	struct emul_segment cs;
	struct emul_desc d;
	u16 selector;
	u64 offset;
	int r = branch_far_pointer(c, &selector, &offset);

	if (r == EMUL_OK)
		r = branch_far_check(c, selector, offset, false, &cs, &d);
	if (r == EMUL_OK)
		r = branch_far_push(c);
	if (r == EMUL_OK)
		r = branch_far_go(c, offset, &cs, &d);
	return r;
}

int emulate_exec_ret_far(struct emul_ctxt *c)
{
	struct emul_segment cs;
	struct emul_desc d;
	u64 val[2];
	int r = branch_pop(c, val, 2);

	if (r == EMUL_OK)
		r = branch_far_check(c, val[1], val[0], true, &cs, &d);
	if (r != EMUL_OK)
		return r;
	r = branch_far_go(c, val[0], &cs, &d);
	if (r == EMUL_OK)
		branch_release(c, 2);
	return r;
}
