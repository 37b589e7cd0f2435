// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: string instructions, string I/O and REP.
 *
 * A step is one element (for INS and OUTS on memory: as many as fit in a page
 * and in c->io).  Each step is complete in c->regs before the next begins, so
 * that an exception, a request for data or an interrupt between steps finds
 * the registers as the CPU would leave them.
 */
#include <linux/types.h>

#include "emulate_priv.h"

/* Move an index register over nr elements in the direction of RFLAGS.DF. */
static void string_advance(struct emul_ctxt *c, unsigned int reg,
			   unsigned int size, unsigned int nr)
{
	u64 delta = (u64)size * nr;

	if (c->rflags & EMUL_RFLAGS_DF)
		delta = -delta;
	emulate_reg_write(c, reg, c->insn.adsize, c->regs[reg] + delta);
}

/* DS:rSI, or with another segment. */
static int string_map_source(struct emul_ctxt *c, unsigned int size,
			     struct emul_mem *m)
{
	return emulate_mem_map(c, c->insn.seg,
			       emulate_reg_read(c, EMUL_RSI, c->insn.adsize),
			       size, EMUL_ACC_READ, m);
}

/* ES:rDI always. */
static int string_map_dest(struct emul_ctxt *c, unsigned int size,
			   unsigned int access, struct emul_mem *m)
{
	return emulate_mem_map(c, EMUL_ES,
			       emulate_reg_read(c, EMUL_RDI, c->insn.adsize),
			       size, access, m);
}

static int string_read_source(struct emul_ctxt *c, unsigned int size, u64 *val)
{
	struct emul_mem m;
	int r = string_map_source(c, size, &m);

	*val = 0;
	if (r != EMUL_OK)
		return r;
	return emulate_mem_read(c, &m, val, EMUL_ACC_READ);
}

static int string_read_dest(struct emul_ctxt *c, unsigned int size, u64 *val)
{
	struct emul_mem m;
	int r = string_map_dest(c, size, EMUL_ACC_READ, &m);

	*val = 0;
	if (r != EMUL_OK)
		return r;
	return emulate_mem_read(c, &m, val, EMUL_ACC_READ);
}

/* Reading a device may change it, so the destination is checked first. */
static int string_movs(struct emul_ctxt *c, unsigned int size)
{
	struct emul_mem src, dst;
	u64 val = 0;
	int r;

	r = string_map_source(c, size, &src);
	if (r != EMUL_OK)
		return r;
	r = string_map_dest(c, size, EMUL_ACC_WRITE, &dst);
	if (r == EMUL_OK)
		r = emulate_mem_prepare(c, &dst, EMUL_ACC_WRITE);
	r = emulate_mem_first_fault(c, &src, r);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &src, &val, EMUL_ACC_READ);
	if (r == EMUL_OK)
		r = emulate_mem_write(c, &dst, &val, EMUL_ACC_WRITE);
	if (r != EMUL_OK)
		return r;
	string_advance(c, EMUL_RSI, size, 1);
	string_advance(c, EMUL_RDI, size, 1);
	return EMUL_OK;
}

static int string_stos(struct emul_ctxt *c, unsigned int size)
{
	struct emul_mem dst;
	u64 val = emulate_reg_read(c, EMUL_RAX, size);
	int r = string_map_dest(c, size, EMUL_ACC_WRITE, &dst);

	if (r == EMUL_OK)
		r = emulate_mem_write(c, &dst, &val, EMUL_ACC_WRITE);
	if (r == EMUL_OK)
		string_advance(c, EMUL_RDI, size, 1);
	return r;
}

static int string_lods(struct emul_ctxt *c, unsigned int size)
{
	u64 val;
	int r = string_read_source(c, size, &val);

	if (r != EMUL_OK)
		return r;
	emulate_reg_write(c, EMUL_RAX, size, val);
	string_advance(c, EMUL_RSI, size, 1);
	return EMUL_OK;
}

static int string_scas(struct emul_ctxt *c, unsigned int size)
{
	u64 val, rflags = c->rflags;
	int r = string_read_dest(c, size, &val);

	if (r != EMUL_OK)
		return r;
	emulate_alu(EMUL_CMP, size, emulate_reg_read(c, EMUL_RAX, size), val,
		    &rflags);
	emulate_flags_write(c, rflags);
	string_advance(c, EMUL_RDI, size, 1);
	return EMUL_OK;
}

static int string_cmps(struct emul_ctxt *c, unsigned int size)
{
	u64 a, b, rflags = c->rflags;
	int r = string_read_source(c, size, &a);

	if (r == EMUL_OK)
		r = string_read_dest(c, size, &b);
	if (r != EMUL_OK)
		return r;
	emulate_alu(EMUL_CMP, size, a, b, &rflags);
	emulate_flags_write(c, rflags);
	string_advance(c, EMUL_RSI, size, 1);
	string_advance(c, EMUL_RDI, size, 1);
	return EMUL_OK;
}

/* The most elements that one step of INS or OUTS may be, from the registers. */
static u64 string_io_bound(struct emul_ctxt *c, unsigned int size, u64 offset,
			   u64 count)
{
	u64 room = (emulate_mask(c->insn.adsize) - offset) / size;
	u64 max = EMUL_IO_BUF / size;

	if (c->rflags & (EMUL_RFLAGS_DF | EMUL_RFLAGS_TF | EMUL_RFLAGS_AC))
		return 1;
	if (c->ops->io_max)
		max = c->ops->io_max(c, c->regs[EMUL_RDX], size);
	if (max > EMUL_IO_BUF / size)
		max = EMUL_IO_BUF / size;
	if (max > room)
		max = room;
	return count < max ? count : max;
}

/*
 * Map as many elements as one step can be.  More than one only in memory and
 * within a page; whatever stands against that is found, or raised, with one.
 */
static int string_map_io(struct emul_ctxt *c, enum emul_seg seg, u64 offset,
			 unsigned int size, unsigned int access, u64 count,
			 struct emul_mem *m)
{
	u64 linear, room, nr = string_io_bound(c, size, offset, count);

	if (nr <= 1 || emulate_linear(c, seg, offset, nr * size, access,
				      &linear) != EMUL_OK)
		goto single;
	room = (EMUL_PAGE_SIZE - (linear & (EMUL_PAGE_SIZE - 1))) / size;
	if (nr > room)
		nr = room;
	if (nr <= 1)
		goto single;
	m->addr[0] = linear;
	m->len[0] = nr * size;
	m->nr = 1;
	if (emulate_mem_prepare(c, m, access) == EMUL_OK)
		return EMUL_OK;
single:
	return emulate_mem_map(c, seg, offset, size, access, m);
}

/* Elements that string_map_io() has mapped. */
static unsigned int string_io_nr(const struct emul_mem *m, unsigned int size)
{
	return m->nr == 1 ? m->len[0] / size : 1;
}

static int string_ins(struct emul_ctxt *c, unsigned int size, u64 count,
		      unsigned int *nr)
{
	struct emul_mem m;
	int r;

	if (!c->ops->io_in)
		return EMUL_UNHANDLED;
	r = string_map_io(c, EMUL_ES,
			  emulate_reg_read(c, EMUL_RDI, c->insn.adsize), size,
			  EMUL_ACC_WRITE, count, &m);
	if (r == EMUL_OK && !m.checked)
		r = emulate_mem_prepare(c, &m, EMUL_ACC_WRITE);
	if (r != EMUL_OK && r != EMUL_MMIO)
		return r;
	*nr = string_io_nr(&m, size);
	r = c->ops->io_in(c, c->regs[EMUL_RDX], size, c->io, *nr);
	if (r != EMUL_OK)
		return r;
	c->seq++;
	r = emulate_mem_write(c, &m, c->io, EMUL_ACC_WRITE);
	if (r == EMUL_OK)
		string_advance(c, EMUL_RDI, size, *nr);
	return r;
}

static int string_outs(struct emul_ctxt *c, unsigned int size, u64 count,
		       unsigned int *nr)
{
	struct emul_mem m;
	int r;

	if (!c->ops->io_out)
		return EMUL_UNHANDLED;
	r = string_map_io(c, c->insn.seg,
			  emulate_reg_read(c, EMUL_RSI, c->insn.adsize), size,
			  EMUL_ACC_READ, count, &m);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &m, c->io, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	*nr = string_io_nr(&m, size);
	r = emulate_posted(c, c->ops->io_out(c, c->regs[EMUL_RDX], size,
					     c->io, *nr));
	if (r == EMUL_OK)
		string_advance(c, EMUL_RSI, size, *nr);
	return r;
}

/* One step of at most count elements; *nr were done if it is EMUL_OK. */
static int string_step(struct emul_ctxt *c, u64 count, unsigned int *nr)
{
	unsigned int size = c->insn.opsize;

	*nr = 1;
	switch (c->insn.op->arg) {
	case EMUL_MOVS:
		return string_movs(c, size);
	case EMUL_CMPS:
		return string_cmps(c, size);
	case EMUL_STOS:
		return string_stos(c, size);
	case EMUL_LODS:
		return string_lods(c, size);
	case EMUL_SCAS:
		return string_scas(c, size);
	case EMUL_INS:
		/* There is no 64-bit I/O; REX.W is ignored. */
		return string_ins(c, size == 8 ? 4 : size, count, nr);
	case EMUL_OUTS:
		return string_outs(c, size == 8 ? 4 : size, count, nr);
	}
	return EMUL_UNHANDLED;
}

/* REPE and REPNE end CMPS and SCAS on ZF too. */
static bool string_ends(const struct emul_ctxt *c)
{
	unsigned int op = c->insn.op->arg;
	bool equal = c->rflags & EMUL_RFLAGS_ZF;

	if (op != EMUL_CMPS && op != EMUL_SCAS)
		return false;
	return equal != (c->insn.rep == 0xf3);
}

static int string_repeat(struct emul_ctxt *c, u64 count)
{
	unsigned int max = c->rflags & EMUL_RFLAGS_TF ? 1 : EMUL_REP_MAX;
	unsigned int adsize = c->insn.adsize;
	unsigned int nr, i;
	int r;

	for (i = 0; i < max; i++) {
		c->seq = 0;
		r = string_step(c, count, &nr);
		if (r != EMUL_OK)
			return r;
		count -= nr;
		emulate_reg_write(c, EMUL_RCX, adsize, count);
		if (!count || string_ends(c))
			return EMUL_OK;
		if (c->posted)
			break;
	}
	return EMUL_RESTART;
}

/*
 * CMPS and SCAS change the flags when the repetition ends: a fault, a trap or
 * an interrupt between two steps finds those from before (SDM 2, REP).
 */
int emulate_exec_string(struct emul_ctxt *c)
{
	u64 rflags = c->rflags;
	unsigned int nr;
	u64 count;
	int r;

	if (!c->insn.rep)
		return string_step(c, 1, &nr);
	count = emulate_reg_read(c, EMUL_RCX, c->insn.adsize);
	if (!count)
		return EMUL_OK;
	r = string_repeat(c, count);
	if (r != EMUL_OK)
		c->rflags = rflags;
	return r;
}
