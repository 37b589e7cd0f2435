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

static bool sse_is_movq_load(const struct emul_insn *insn)
{
	return insn->opcode == 0x7e && insn->rep == 0xf3;
}

static const struct sse_move *sse_find(const struct emul_insn *insn)
{
	u8 prefix = insn->rep ? insn->rep : insn->opsize_prefix ? 0x66 : 0;
	const struct sse_move *move;

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

static int sse_map(struct emul_ctxt *c, unsigned int access,
		   struct emul_mem *m)
{
	const struct emul_insn *insn = &c->insn;
	const struct sse_move *move = sse_find(insn);
	unsigned int size;
	int r;

	if (!move || !c->ops->read_xmm || !c->ops->write_xmm)
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

/* What memory does not give of the 16 bytes becomes 0. */
int emulate_exec_sse_load(struct emul_ctxt *c)
{
	u64 val[2] = { 0, 0 };
	struct emul_mem m;
	int r = sse_map(c, EMUL_ACC_READ, &m);

	if (r == EMUL_OK)
		r = emulate_mem_read(c, &m, val, EMUL_ACC_READ);
	if (r == EMUL_OK)
		r = c->ops->write_xmm(c, c->insn.reg, val);
	return r;
}

int emulate_exec_sse_store(struct emul_ctxt *c)
{
	u64 val[2] = { 0, 0 };
	struct emul_mem m;
	int r;

	if (sse_is_movq_load(&c->insn))
		return emulate_exec_sse_load(c);
	r = sse_map(c, EMUL_ACC_WRITE, &m);
	if (r == EMUL_OK)
		r = c->ops->read_xmm(c, c->insn.reg, val);
	if (r == EMUL_OK)
		r = emulate_mem_write(c, &m, val, EMUL_ACC_WRITE);
	return r;
}
