// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: moves between an XMM register and memory.
 *
 * Only what copies bytes: drivers and memcpy() implementations that touch
 * device memory use these.  The register file is the operations' business.
 */
#include <linux/types.h>

#include "emulate_priv.h"

/* One legal combination of opcode in map 0F and mandatory prefix. */
struct sse_move {
	u8 opcode;
	u8 prefix;		/* 0, 0x66, 0xf2 or 0xf3 */
	u8 size;		/* in bytes; 0: the operand size, 4 or 8 */
	bool aligned;		/* #GP unless on a 16-byte boundary */
	u8 kind;		/* enum sse_kind */
};

/* Where the bytes go in the register; a plain load clears the others. */
enum sse_kind {
	SSE_PLAIN, SSE_LOW, SSE_HIGH, SSE_DUP_LOW64, SSE_DUP_EVEN32,
	SSE_DUP_ODD32,
};

static const struct sse_move sse_moves[] = {
	{ 0x10, 0x00, 16, false },	/* MOVUPS load */
	{ 0x10, 0x66, 16, false },	/* MOVUPD load */
	{ 0x10, 0xf3, 4, false },	/* MOVSS load */
	{ 0x10, 0xf2, 8, false },	/* MOVSD load */
	{ 0x11, 0x00, 16, false },	/* MOVUPS store */
	{ 0x11, 0x66, 16, false },	/* MOVUPD store */
	{ 0x11, 0xf3, 4, false },	/* MOVSS store */
	{ 0x11, 0xf2, 8, false },	/* MOVSD store */
	{ 0x12, 0x00, 8, false, SSE_LOW },	/* MOVLPS load */
	{ 0x12, 0x66, 8, false, SSE_LOW },	/* MOVLPD load */
	{ 0x12, 0xf2, 8, false, SSE_DUP_LOW64 },	/* MOVDDUP */
	{ 0x12, 0xf3, 16, true, SSE_DUP_EVEN32 },	/* MOVSLDUP */
	{ 0x13, 0x00, 8, false },	/* MOVLPS store */
	{ 0x13, 0x66, 8, false },	/* MOVLPD store */
	{ 0x16, 0x00, 8, false, SSE_HIGH },	/* MOVHPS load */
	{ 0x16, 0x66, 8, false, SSE_HIGH },	/* MOVHPD load */
	{ 0x16, 0xf3, 16, true, SSE_DUP_ODD32 },	/* MOVSHDUP */
	{ 0x17, 0x00, 8, false, SSE_HIGH },	/* MOVHPS store */
	{ 0x17, 0x66, 8, false, SSE_HIGH },	/* MOVHPD store */
	{ 0x28, 0x00, 16, true },	/* MOVAPS load */
	{ 0x28, 0x66, 16, true },	/* MOVAPD load */
	{ 0x29, 0x00, 16, true },	/* MOVAPS store */
	{ 0x29, 0x66, 16, true },	/* MOVAPD store */
	{ 0x2b, 0x00, 16, true },	/* MOVNTPS */
	{ 0x2b, 0x66, 16, true },	/* MOVNTPD */
	{ 0x6e, 0x66, 0, false },	/* MOVD, MOVQ load */
	{ 0x6f, 0x66, 16, true },	/* MOVDQA load */
	{ 0x6f, 0xf3, 16, false },	/* MOVDQU load */
	{ 0x7e, 0x66, 0, false },	/* MOVD, MOVQ store */
	{ 0x7f, 0x66, 16, true },	/* MOVDQA store */
	{ 0x7f, 0xf3, 16, false },	/* MOVDQU store */
	{ 0xd6, 0x66, 8, false },	/* MOVQ store */
	{ 0xe7, 0x66, 16, true },	/* MOVNTDQ */
	{ 0xf0, 0xf2, 16, false },	/* LDDQU */
	{ 0 },
};

/* MOVQ xmm, m64 is the one load in a row of stores. */
static const struct sse_move sse_movq_load = { 0x7e, 0xf3, 8, false };
/* Map 0F 38. */
static const struct sse_move sse_movntdqa = { 0x2a, 0x66, 16, true };

static bool sse_is_movq_load(const struct emul_insn *insn)
{
	return insn->opcode == 0x7e && insn->rep == 0xf3;
}

static u8 sse_prefix(const struct emul_insn *insn)
{
	return insn->rep ? insn->rep : insn->opsize_prefix ? 0x66 : 0;
}

static const struct sse_move *sse_find(const struct emul_insn *insn)
{
	u8 prefix = sse_prefix(insn);
	const struct sse_move *move;

	if (insn->map == 2)
		return prefix == 0x66 ? &sse_movntdqa : NULL;
	if (sse_is_movq_load(insn))
		return &sse_movq_load;
	for (move = sse_moves; move->opcode; move++) {
		if (move->opcode == insn->opcode && move->prefix == prefix)
			return move;
	}
	return NULL;
}

/* CR0.EM, CR4.OSFXSR and CR0.TS: SDM 3, table 13-1 and 2.5. */
static int sse_enabled(struct emul_ctxt *c)
{
	if ((c->cr0 & (1u << 2)) || !(c->cr4 & (1u << 9)))
		return emulate_raise(c, EMUL_VEC_UD);
	if (c->cr0 & (1u << 3))
		return emulate_raise(c, EMUL_VEC_NM);
	return EMUL_OK;
}

static int sse_map(struct emul_ctxt *c, const struct sse_move *move,
		   unsigned int access, struct emul_mem *m)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int size;
	int r;

	if (!c->ops->read_xmm || !c->ops->write_xmm)
		return EMUL_UNHANDLED;
	r = sse_enabled(c);
	if (r != EMUL_OK)
		return r;
	size = move->size;
	if (!size)
		size = insn->opsize == 8 ? 8 : 4;
	r = emulate_mem_map(c, insn->seg, emulate_ea(c), size, access, m);
	if (r == EMUL_OK && move->aligned && (m->addr[0] & 15))
		return emulate_raise(c, EMUL_VEC_GP);
	return r;
}

/* Make the register's new value, reg, of what was read. */
static void sse_merge(enum sse_kind kind, const u64 val[2], u64 reg[2])
{
	unsigned int i;

	switch (kind) {
	case SSE_PLAIN:
		reg[0] = val[0];
		reg[1] = val[1];
		break;
	case SSE_LOW:
		reg[0] = val[0];
		break;
	case SSE_HIGH:
		reg[1] = val[0];
		break;
	case SSE_DUP_LOW64:
		reg[0] = val[0];
		reg[1] = val[0];
		break;
	case SSE_DUP_EVEN32:
		for (i = 0; i < 2; i++)
			reg[i] = (u32)val[i] | val[i] << 32;
		break;
	case SSE_DUP_ODD32:
		for (i = 0; i < 2; i++)
			reg[i] = val[i] >> 32 | (val[i] >> 32) << 32;
		break;
	}
}

/* Without a mandatory prefix, these are moves of MMX registers. */
static bool sse_is_mmx(const struct emul_insn *insn)
{
	return insn->map == 1 && !sse_prefix(insn);
}

static int sse_load(struct emul_ctxt *c, const struct sse_move *move)
{
	u64 val[2] = { 0, 0 }, reg[2] = { 0, 0 };
	struct emul_mem m;
	int r;

	if (!move)
		return EMUL_UNHANDLED;
	r = sse_map(c, move, EMUL_ACC_READ, &m);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &m, val, EMUL_ACC_READ);
	if (r == EMUL_OK && (move->kind == SSE_LOW || move->kind == SSE_HIGH))
		r = c->ops->read_xmm(c, c->insn.reg, reg);
	if (r != EMUL_OK)
		return r;
	sse_merge(move->kind, val, reg);
	return c->ops->write_xmm(c, c->insn.reg, reg);
}

int emulate_exec_sse_load(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;

	if (sse_is_mmx(insn) && insn->opcode == 0x6f)
		return emulate_exec_mmx_load(c);
	if (sse_is_mmx(insn) && insn->opcode == 0x6e)
		return emulate_exec_mmx_movd_load(c);
	return sse_load(c, sse_find(insn));
}

static int sse_store(struct emul_ctxt *c, const struct sse_move *move)
{
	u64 val[2] = { 0, 0 };
	struct emul_mem m;
	int r;

	if (!move)
		return EMUL_UNHANDLED;
	r = sse_map(c, move, EMUL_ACC_WRITE, &m);
	if (r == EMUL_OK)
		r = c->ops->read_xmm(c, c->insn.reg, val);
	if (r == EMUL_OK)
		r = emulate_mem_write(c, &m, move->kind == SSE_HIGH ? &val[1]
					: &val[0], EMUL_ACC_WRITE);
	return r;
}

int emulate_exec_sse_store(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;

	if (sse_is_movq_load(insn))
		return sse_load(c, &sse_movq_load);
	if (sse_is_mmx(insn) && (insn->opcode == 0x7f || insn->opcode == 0xe7))
		return emulate_exec_mmx_store(c);
	if (sse_is_mmx(insn) && insn->opcode == 0x7e)
		return emulate_exec_mmx_movd_store(c);
	return sse_store(c, sse_find(insn));
}
