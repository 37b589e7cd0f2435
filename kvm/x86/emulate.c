// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: entry points, processor mode, exceptions.
 *
 * Owns the life of one instruction in a struct emul_ctxt.  A context belongs
 * to one vCPU and is used under that vCPU's mutex; there is no other state.
 * Decoding is in emulate_decode.c, the handlers in emulate_exec.c and its
 * neighbours, guest accesses are the operations' business.
 */
#include <linux/types.h>

#include "emulate_priv.h"

int emulate_raise_error(struct emul_ctxt *c, enum emul_vector vector, u32 error)
{
	struct emul_exception *e = &c->exception;

	e->vector = vector;
	/* Real mode pushes no error codes (SDM 3, 20.1.4). */
	e->has_error = vector >= EMUL_VEC_TS && vector != EMUL_VEC_MF &&
		       (c->cr0 & 1);
	e->error = error;
	e->address = 0;
	return EMUL_EXCEPTION;
}

int emulate_raise(struct emul_ctxt *c, enum emul_vector vector)
{
	return emulate_raise_error(c, vector, 0);
}

const struct emul_segment *emulate_segment(struct emul_ctxt *c,
					   enum emul_seg seg)
{
	if (!(c->segs_valid & (1u << seg))) {
		c->ops->get_segment(c, seg, &c->seg[seg]);
		c->segs_valid |= 1u << seg;
	}
	return &c->seg[seg];
}

void emulate_begin(struct emul_ctxt *c)
{
	c->dirty = 0;
	c->seq = 0;
	c->posted = false;
	c->mov_ss = false;
}

void emulate_set_mode(struct emul_ctxt *c)
{
	bool vm86 = c->rflags & EMUL_RFLAGS_VM;
	const struct emul_segment *cs;

	c->segs_valid = 0;
	c->nr_bytes = 0;
	cs = emulate_segment(c, EMUL_CS);
	c->protected_mode = (c->cr0 & 1) && !vm86;
	if ((c->efer & (1u << 10)) && cs->l)
		c->width = 64;
	else
		c->width = cs->db ? 32 : 16;
}

static int emulate_execute(struct emul_ctxt *c)
{
	int r;

	/* A branch gives another one. */
	c->next = c->rip + c->insn.len;
	if (c->width != 64)
		c->next = (u32)c->next;
	r = c->insn.op->exec(c);
	if (r != EMUL_OK)
		return r;
	c->rip = c->next;
	c->dirty |= EMUL_DIRTY_RIP;
	emulate_flags_write(c, c->rflags & ~EMUL_RFLAGS_RF);
	return EMUL_OK;
}

int emulate_decode(struct emul_ctxt *c)
{
	emulate_begin(c);
	emulate_set_mode(c);
	return emulate_decode_insn(c);
}

int emulate_insn(struct emul_ctxt *c)
{
	int r = emulate_decode(c);

	if (r != EMUL_OK)
		return r;
	return emulate_execute(c);
}

int emulate_continue(struct emul_ctxt *c)
{
	const struct emul_opcode *op = c->insn.op;

	emulate_begin(c);
	/* Nothing was decoded that could go on. */
	if (!op || !op->exec)
		return EMUL_UNHANDLED;
	return emulate_execute(c);
}
