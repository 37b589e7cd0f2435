// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: fetch and decode.
 *
 * Turns the bytes at CS:RIP into c->insn.  Bytes are fetched once, a page at
 * a time, and the copy is decoded.  Layout of instructions: SDM 2, chapter 2.
 */
#include <linux/string.h>
#include <linux/types.h>

#include "emulate_priv.h"

/* How many of the next bytes, up to want, lie within the code segment. */
static int decode_fetch_limit(struct emul_ctxt *c, u64 rip, unsigned int want,
			      u64 *linear)
{
	const struct emul_segment *cs = emulate_segment(c, EMUL_CS);

	if (c->width == 64) {
		*linear = rip;
		return emulate_canonical(c, rip) ? want : 0;
	}
	rip = (u32)rip;
	*linear = (u32)(cs->base + rip);
	if (rip > cs->limit)
		return 0;
	if (cs->limit - rip < want - 1)
		return cs->limit - rip + 1;
	return want;
}

/* Fetch more bytes: to the end of a page, of the segment or of c->bytes. */
static int decode_fetch(struct emul_ctxt *c)
{
	unsigned int want, room;
	u64 linear;
	int r;

	/* Longer than the longest instruction, or out of the segment: #GP. */
	if (c->nr_bytes == EMUL_MAX_INSN)
		return emulate_raise(c, EMUL_VEC_GP);
	want = decode_fetch_limit(c, c->rip + c->nr_bytes,
				  EMUL_MAX_INSN - c->nr_bytes, &linear);
	if (!want)
		return emulate_raise(c, EMUL_VEC_GP);
	room = EMUL_PAGE_SIZE - (linear & (EMUL_PAGE_SIZE - 1));
	if (want > room)
		want = room;
	r = c->ops->fetch(c, linear, c->bytes + c->nr_bytes, want);
	if (r == EMUL_OK)
		c->nr_bytes += want;
	return r;
}

/* The way of most bytes of most instructions: kept short. */
static inline int decode_byte(struct emul_ctxt *c, u8 *val)
{
	struct emul_insn *insn = &c->insn;
	int r;

	if (insn->len == c->nr_bytes) {
		r = decode_fetch(c);
		if (r != EMUL_OK)
			return r;
	}
	*val = c->bytes[insn->len++];
	return EMUL_OK;
}

/* Take the next size bytes, zero-extended. */
static int decode_take(struct emul_ctxt *c, unsigned int size, u64 *val)
{
	struct emul_insn *insn = &c->insn;
	int r;

	while (insn->len + size > c->nr_bytes) {
		r = decode_fetch(c);
		if (r != EMUL_OK)
			return r;
	}
	*val = 0;
	memcpy(val, c->bytes + insn->len, size);
	insn->len += size;
	return EMUL_OK;
}

static int decode_take_signed(struct emul_ctxt *c, unsigned int size, s64 *val)
{
	u64 raw;
	int r = decode_take(c, size, &raw);

	if (r == EMUL_OK)
		*val = emulate_sext(raw, size);
	return r;
}

/* In 64-bit mode only FS and GS overrides count; the others are ignored. */
static void decode_segment_prefix(const struct emul_ctxt *c, u8 seg, int *out)
{
	if (c->width != 64 || seg >= EMUL_FS)
		*out = seg;
}

/* True if byte is a legacy prefix, which is then noted. */
static bool decode_legacy_prefix(struct emul_ctxt *c, u8 byte, int *seg,
				 bool *adsize)
{
	struct emul_insn *insn = &c->insn;

	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e:
		decode_segment_prefix(c, (byte >> 3) & 3, seg);
		return true;
	case 0x64: case 0x65:
		decode_segment_prefix(c, byte & 7, seg);
		return true;
	case 0x66:
		insn->opsize_prefix = true;
		return true;
	case 0x67:
		*adsize = true;
		return true;
	case 0xf0:
		insn->lock = true;
		return true;
	case 0xf2: case 0xf3:
		insn->rep = byte;
		return true;
	}
	return false;
}

/* Prefixes, and the first byte behind them. */
static int decode_prefixes(struct emul_ctxt *c, int *seg, bool *adsize,
			   u8 *first)
{
	struct emul_insn *insn = &c->insn;
	u8 byte;
	int r;

	for (;;) {
		r = decode_byte(c, &byte);
		if (r != EMUL_OK)
			return r;
		if (c->width == 64 && (byte & 0xf0) == 0x40) {
			insn->rex = byte;
			continue;
		}
		if (!decode_legacy_prefix(c, byte, seg, adsize))
			break;
		/* REX counts only right before the opcode. */
		insn->rex = 0;
	}
	*first = byte;
	return EMUL_OK;
}

/* What is in the two or three bytes of a VEX prefix: SDM 2, 2.3.5. */
static int decode_vex_bytes(struct emul_ctxt *c, u8 vex, u8 next, u8 *opcode)
{
	static const u8 prefixes[4] = { 0, 0x66, 0xf3, 0xf2 };
	struct emul_insn *insn = &c->insn;
	u8 last = next;
	int r = EMUL_OK;

	insn->map = 1;
	/* R, X and B are inverted; with two bytes there is only R. */
	insn->rex = 0x40 | (~next >> 5 & 4);
	if (vex == 0xc4) {
		insn->map = next & 31;
		insn->rex |= ~next >> 5 & 3;
		r = decode_byte(c, &last);
		insn->rex |= last >> 4 & 8;
	}
	if (c->width != 64)
		insn->rex = 0;
	insn->vex = true;
	insn->vex_prefix = prefixes[last & 3];
	insn->vex_reg = ~last >> 3 & (c->width == 64 ? 15 : 7);
	/* Only instructions on general registers are known: L is 0. */
	if (r == EMUL_OK && (last & 4))
		return EMUL_UNHANDLED;
	return r == EMUL_OK ? decode_byte(c, opcode) : r;
}

/* VEX, or outside 64-bit mode LES and LDS, which have no register form. */
static int decode_vex(struct emul_ctxt *c, u8 byte, u8 *opcode)
{
	struct emul_insn *insn = &c->insn;
	u8 next;
	int r = decode_byte(c, &next);

	if (r != EMUL_OK)
		return r;
	if (c->width != 64 && (!c->protected_mode || (next & 0xc0) != 0xc0)) {
		insn->len--;
		*opcode = byte;
		return EMUL_OK;
	}
	if (insn->rex || insn->rep || insn->lock || insn->opsize_prefix)
		return emulate_raise(c, EMUL_VEC_UD);
	return decode_vex_bytes(c, byte, next, opcode);
}

static int decode_opcode(struct emul_ctxt *c, u8 byte)
{
	struct emul_insn *insn = &c->insn;
	u8 next = byte;
	int r;

	if (byte == 0x0f) {
		insn->map = 1;
		r = decode_byte(c, &next);
		if (r == EMUL_OK && (next == 0x38 || next == 0x3a)) {
			insn->map = next == 0x38 ? 2 : 3;
			r = decode_byte(c, &next);
		}
		if (r != EMUL_OK)
			return r;
	} else if (byte == 0xc4 || byte == 0xc5) {
		r = decode_vex(c, byte, &next);
		if (r != EMUL_OK)
			return r;
	}
	insn->opcode = next;
	insn->op = emulate_lookup(insn->vex, insn->map, next);
	return insn->op ? EMUL_OK : EMUL_UNHANDLED;
}

static void decode_default_sizes(struct emul_ctxt *c, bool adsize)
{
	struct emul_insn *insn = &c->insn;

	if (c->width == 64) {
		insn->adsize = adsize ? 4 : 8;
		insn->opsize = insn->opsize_prefix ? 2 : 4;
		if (insn->rex & 8)
			insn->opsize = 8;
		return;
	}
	insn->adsize = (c->width == 32) != adsize ? 4 : 2;
	insn->opsize = (c->width == 32) != insn->opsize_prefix ? 4 : 2;
	/* Segments have no say in what VEX is in front of. */
	if (insn->vex)
		insn->opsize = 4;
}

/* Displacement of a memory operand; no_base is the form without a base. */
static int decode_disp(struct emul_ctxt *c, bool no_base)
{
	struct emul_insn *insn = &c->insn;

	if (insn->mod == 1)
		return decode_take_signed(c, 1, &insn->disp);
	if (insn->mod == 2 || no_base)
		return decode_take_signed(c, insn->adsize == 2 ? 2 : 4,
					  &insn->disp);
	return EMUL_OK;
}

/* SDM 2, table 2-1. */
static int decode_mem16(struct emul_ctxt *c)
{
	static const s8 base[8] = {
		EMUL_RBX, EMUL_RBX, EMUL_RBP, EMUL_RBP,
		EMUL_RSI, EMUL_RDI, EMUL_RBP, EMUL_RBX,
	};
	static const s8 index[8] = {
		EMUL_RSI, EMUL_RDI, EMUL_RSI, EMUL_RDI, -1, -1, -1, -1,
	};
	struct emul_insn *insn = &c->insn;
	bool no_base = insn->mod == 0 && insn->rm == 6;

	if (!no_base)
		insn->base = base[insn->rm];
	insn->index = index[insn->rm];
	return decode_disp(c, no_base);
}

static int decode_sib(struct emul_ctxt *c, bool *no_base)
{
	struct emul_insn *insn = &c->insn;
	u8 index, sib;
	int r = decode_byte(c, &sib);

	if (r != EMUL_OK)
		return r;
	index = ((sib >> 3) & 7) | ((insn->rex & 2) << 2);
	if (index != EMUL_RSP)
		insn->index = index;
	insn->scale = sib >> 6;
	*no_base = insn->mod == 0 && (sib & 7) == EMUL_RBP;
	if (!*no_base)
		insn->base = (sib & 7) | ((insn->rex & 1) << 3);
	return EMUL_OK;
}

/* SDM 2, tables 2-2 and 2-3, and 2.2.1.6 for RIP-relative addresses. */
static int decode_mem32(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	bool no_base = false;
	int r;

	if ((insn->rm & 7) == EMUL_RSP) {
		r = decode_sib(c, &no_base);
		if (r != EMUL_OK)
			return r;
	} else if (insn->mod == 0 && (insn->rm & 7) == EMUL_RBP) {
		no_base = true;
		insn->rip_rel = c->width == 64;
	} else {
		insn->base = insn->rm;
	}
	return decode_disp(c, no_base);
}

static int decode_modrm(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	u8 modrm;
	int r = decode_byte(c, &modrm);

	if (r != EMUL_OK)
		return r;
	insn->mod = modrm >> 6;
	insn->reg = ((modrm >> 3) & 7) | ((insn->rex & 4) << 1);
	insn->rm = (modrm & 7) | ((insn->rex & 1) << 3);
	if (insn->op->group) {
		insn->op = &insn->op->group[insn->reg & 7];
		if (!insn->op->exec)
			return EMUL_UNHANDLED;
	}
	if (insn->mod == 3)
		return EMUL_OK;
	return insn->adsize == 2 ? decode_mem16(c) : decode_mem32(c);
}

static int decode_imm(struct emul_ctxt *c, unsigned int flags)
{
	struct emul_insn *insn = &c->insn;
	s64 imm = 0;
	int r = EMUL_OK;

	if (flags & EMUL_F_MOFFS)
		return decode_take(c, insn->adsize, &insn->imm);
	if (flags & EMUL_F_IMM16)
		r = decode_take(c, flags & EMUL_F_IMM8 ? 3 : 2, (u64 *)&imm);
	else if (flags & EMUL_F_IMM8)
		r = decode_take_signed(c, 1, &imm);
	else if (flags & EMUL_F_IMMZ)
		r = decode_take_signed(c, insn->opsize == 2 ? 2 : 4, &imm);
	insn->imm = imm;
	return r;
}

/* Forms that are another instruction, or none at all. */
static int decode_legal(struct emul_ctxt *c, unsigned int flags)
{
	const struct emul_insn *insn = &c->insn;
	bool is_mem = (flags & EMUL_F_MODRM) && insn->mod != 3;

	if ((flags & EMUL_F_NO64) && c->width == 64)
		return emulate_raise(c, EMUL_VEC_UD);
	if ((flags & EMUL_F_PROT) && !c->protected_mode)
		return emulate_raise(c, EMUL_VEC_UD);
	if (!(flags & EMUL_F_VEX) != !insn->vex)
		return EMUL_UNHANDLED;
	if ((flags & EMUL_F_ONLY64) && c->width != 64)
		return EMUL_UNHANDLED;
	if ((flags & EMUL_F_NOPFX) && (insn->rep || insn->opsize_prefix))
		return EMUL_UNHANDLED;
	if ((flags & EMUL_F_NOREP) && insn->rep)
		return EMUL_UNHANDLED;
	if ((flags & EMUL_F_MEM) && !is_mem)
		return EMUL_UNHANDLED;
	if (insn->lock && !((flags & EMUL_F_LOCK) && is_mem))
		return emulate_raise(c, EMUL_VEC_UD);
	return EMUL_OK;
}

static void decode_default_segment(struct emul_insn *insn, int seg)
{
	if (seg >= 0)
		insn->seg = seg;
	else if (insn->base == EMUL_RSP || insn->base == EMUL_RBP)
		insn->seg = EMUL_SS;
	else
		insn->seg = EMUL_DS;
}

int emulate_decode_insn(struct emul_ctxt *c)
{
	struct emul_insn *insn = &c->insn;
	bool adsize = false;
	unsigned int flags;
	int seg = -1;
	u8 first;
	int r;

	memset(insn, 0, sizeof(*insn));
	insn->base = -1;
	insn->index = -1;
	r = decode_prefixes(c, &seg, &adsize, &first);
	if (r == EMUL_OK)
		r = decode_opcode(c, first);
	if (r != EMUL_OK)
		return r;
	decode_default_sizes(c, adsize);
	/* An entry and its group's entry each say a part. */
	flags = insn->op->flags;
	if (flags & EMUL_F_MODRM) {
		r = decode_modrm(c);
		if (r != EMUL_OK)
			return r;
		flags |= insn->op->flags;
	}
	if (flags & EMUL_F_BYTE)
		insn->opsize = 1;
	else if ((flags & EMUL_F_D64) && c->width == 64 && insn->opsize == 4)
		insn->opsize = 8;
	else if ((flags & EMUL_F_F64) && c->width == 64)
		insn->opsize = 8;
	r = decode_imm(c, flags);
	if (r != EMUL_OK)
		return r;
	decode_default_segment(insn, seg);
	return decode_legal(c, flags);
}
