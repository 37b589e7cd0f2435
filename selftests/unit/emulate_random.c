// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes random instructions, registers and segments for emulate_native.c.
 *
 * An instruction starts from a template and gets random prefixes and operands.
 * The place its memory operand shall be at is chosen first; the registers are
 * then solved for it.  This encoder shares nothing with the decoder it tests.
 */
#include <string.h>

#include "emulate_native.h"

/* The instruction being made. */
struct maker {
	struct rnd *r;
	struct native_test *t;
	const struct native_template *tmpl;
	unsigned int opsize, adsize;
	u8 rex;
	int seg;		/* override, or -1 */
	bool lock, locked;
	u8 mod, reg, rm, sib;
	s64 disp;
	unsigned int disp_size;
	bool rip_rel;
	unsigned int disp_at;	/* where it is in the code */
	u64 rip_target;
};

static u64 mask_of(unsigned int size)
{
	return size == 8 ? ~0ull : (1ull << 8 * size) - 1;
}

static s64 sext(u64 val, unsigned int size)
{
	return (s64)(val << (64 - 8 * size)) >> (64 - 8 * size);
}

static void emit(struct maker *k, u64 val, unsigned int size)
{
	memcpy(k->t->code + k->t->len, &val, size);
	k->t->len += size;
}

static u64 random_value(struct rnd *r)
{
	static const u64 edges[] = {
		0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffff,
		0x8000000000000000, ~0ull,
	};

	switch (rnd_below(r, 4)) {
	case 0:
		return edges[rnd_below(r, ARRAY_SIZE(edges))];
	case 1:
		return (s8)rnd_next(r);
	}
	return rnd_next(r);
}

/* A linear address in or near the scratch area. */
static u64 random_linear(struct maker *k)
{
	struct rnd *r = k->r;
	u64 page;

	if (k->locked)
		return NATIVE_SCRATCH + (rnd_below(r, NATIVE_SIZE) & ~15u);
	switch (rnd_below(r, 16)) {
	case 0:
		return NATIVE_SCRATCH - 0x1000 + rnd_below(r, 0x1000);
	case 1:
		return NATIVE_SCRATCH + NATIVE_SIZE + rnd_below(r, 0x1000);
	case 2:
	case 3:
		page = NATIVE_SCRATCH + 0x1000 * rnd_below(r, 4);
		return page - rnd_below(r, 16);
	case 4:
		return NATIVE_SCRATCH + NATIVE_RW_SIZE + rnd_below(r, 0xff0);
	}
	page = NATIVE_SCRATCH + 32 + rnd_below(r, NATIVE_RW_SIZE - 64);
	return rnd_once(r, 2) ? page & ~15ull : page;
}

/* An offset around the limit of a segment. */
static u64 random_limit_offset(struct maker *k, const struct emul_segment *s)
{
	bool expand_down = (s->type & 0xc) == 4;
	u64 edge = s->limit;

	if (expand_down && !s->db && rnd_once(k->r, 2))
		edge = 0xffff;

	return (edge + 4 - rnd_below(k->r, 20)) & mask_of(k->adsize);
}

/* Where a memory operand shall be, as an offset in seg. */
static u64 random_offset(struct maker *k, int seg, bool any64)
{
	static const u64 holes[] = {
		0x0000800000000000, 0xffff7ffffffffff0, 0x123456789abcdef0,
		0x00007ffffffffff8, 0x8000000000000000,
	};
	const struct emul_segment *s = &k->t->seg[seg];
	u64 base = s->base, offset = 0;
	unsigned int tries;

	if (k->t->width == 64) {
		if (any64 && k->adsize == 8 && rnd_once(k->r, 24))
			return holes[rnd_below(k->r, 5)] + rnd_below(k->r, 12);
		return random_linear(k) - (seg == EMUL_GS ? base : 0);
	}
	if (!k->locked && rnd_once(k->r, 8))
		return random_limit_offset(k, s);
	for (tries = 0; tries < 8; tries++) {
		offset = (random_linear(k) - base) & mask_of(k->adsize);
		if ((offset <= s->limit) != ((s->type & 0xc) == 4))
			break;
	}
	return offset;
}

/* Set the low part of a register; the rest must not matter. */
static void solve_reg(struct maker *k, unsigned int reg, u64 val)
{
	u64 mask = mask_of(k->adsize);
	u64 *p = &k->t->regs[reg];

	*p = (*p & ~mask) | (val & mask);
	if (k->t->width != 64)
		*p = (u32)*p;
}

/* How far a bit offset in a register moves the operand. */
static u64 bit_displacement(const struct maker *k)
{
	unsigned int shift = k->opsize == 8 ? 6 : k->opsize == 4 ? 5 : 4;
	s64 bit;

	if (!(k->tmpl->flags & BITREG) || k->mod == 3)
		return 0;
	bit = sext(k->t->regs[k->reg], k->opsize);
	return (bit >> shift) * k->opsize;
}

static int data_segment(const struct maker *k, bool stack)
{
	if (k->seg >= 0 && (k->t->width != 64 || k->seg >= EMUL_FS))
		return k->seg;
	return stack ? EMUL_SS : EMUL_DS;
}

static void random_disp(struct maker *k, unsigned int wide)
{
	if (k->mod == 1) {
		k->disp_size = 1;
		k->disp = (s8)rnd_next(k->r);
	} else if (k->mod == 2) {
		k->disp_size = wide;
		k->disp = sext(rnd_next(k->r), wide);
	}
}

/* False if this combination cannot be solved. */
static bool make_mem16(struct maker *k)
{
	static const s8 base[8] = { 3, 3, 5, 5, 6, 7, 5, 3 };
	static const s8 index[8] = { 6, 7, 6, 7, -1, -1, -1, -1 };
	u64 offset, *regs = k->t->regs;
	bool stack = base[k->rm] == 5 && !(k->mod == 0 && k->rm == 6);

	if ((k->tmpl->flags & BITREG) &&
	    (k->reg == base[k->rm] || k->reg == index[k->rm]))
		return false;
	offset = random_offset(k, data_segment(k, stack), true) -
		 bit_displacement(k);
	random_disp(k, 2);
	if (k->mod == 0 && k->rm == 6) {
		k->disp_size = 2;
		k->disp = offset;
		return true;
	}
	offset -= k->disp;
	if (index[k->rm] >= 0)
		offset -= regs[index[k->rm]];
	solve_reg(k, base[k->rm], offset);
	return true;
}

/* Only a displacement of 32 bits, with an index of at most a few bytes. */
static void make_disp32(struct maker *k, int index, unsigned int scale,
			u64 offset)
{
	if (index >= 0) {
		k->t->regs[index] = rnd_below(k->r, 64);
		offset -= k->t->regs[index] << scale;
	}
	k->disp_size = 4;
	k->disp = offset;
}

static bool make_sib(struct maker *k)
{
	int index = rnd_below(k->r, 8) | (k->rex & 2) << 2;
	int base = rnd_below(k->r, 8);
	unsigned int scale = rnd_below(k->r, 4);
	bool no_base = k->mod == 0 && base == 5;
	u64 offset, wild;

	k->sib = scale << 6 | (index & 7) << 3 | base;
	base |= (k->rex & 1) << 3;
	if (index == 4)
		index = -1;
	if ((k->tmpl->flags & BITREG) && (k->reg == base || k->reg == index))
		return false;
	if ((k->tmpl->flags & STACK) && index == base && base == 4)
		return false;
	if (!no_base && base == index)
		return false;
	wild = no_base ? 0 : 1;
	offset = random_offset(k, data_segment(k, !no_base && (base == 4 ||
							base == 5)), wild);
	offset -= bit_displacement(k);
	if (no_base) {
		make_disp32(k, index, scale, offset);
		return true;
	}
	random_disp(k, 4);
	offset -= k->disp;
	if (index >= 0)
		offset -= k->t->regs[index] << scale;
	solve_reg(k, base, offset);
	return true;
}

static bool make_mem32(struct maker *k)
{
	unsigned int base = k->rm;
	u64 offset;

	if ((k->rm & 7) == 4)
		return make_sib(k);
	if (k->mod == 0 && (k->rm & 7) == 5) {
		offset = random_offset(k, data_segment(k, false), false) -
			 bit_displacement(k);
		k->disp_size = 4;
		k->disp = offset;
		k->rip_rel = k->t->width == 64;
		k->rip_target = offset;
		return true;
	}
	if ((k->tmpl->flags & BITREG) && k->reg == base)
		return false;
	offset = random_offset(k, data_segment(k, base == 4 || base == 5),
			       true) - bit_displacement(k);
	random_disp(k, 4);
	solve_reg(k, base, offset - k->disp);
	return true;
}

static bool make_modrm(struct maker *k)
{
	u32 flags = k->tmpl->flags;

	k->mod = rnd_below(k->r, 3);
	if (!(flags & MEMORY) && !k->lock && rnd_once(k->r, 8))
		k->mod = 3;
	k->rm = rnd_below(k->r, 8) | (k->rex & 1) << 3;
	k->reg = k->tmpl->ext >= 0 ? k->tmpl->ext : rnd_below(k->r, 8);
	if (flags & SREG)
		k->reg = k->reg % 4;
	if (flags & LOADS)
		k->reg = "\0\2\3\5"[k->reg % 4];
	k->reg |= (k->rex & 4) << 1;
	if (flags & BITREG && rnd_once(k->r, 2))
		k->t->regs[k->reg] = sext(rnd_next(k->r) & 0xffff, 2);
	if (k->mod == 3)
		return true;
	if ((flags & BITREG) && k->reg == 4)
		return false;
	return k->adsize == 2 ? make_mem16(k) : make_mem32(k);
}

/* Above the operand's width, results or CF are undefined. */
static u64 random_count(struct maker *k)
{
	unsigned int bits = 8 * k->opsize;

	return rnd_below(k->r, bits) | (rnd_next(k->r) & (bits == 64 ? 0xc0
								: 0xe0));
}

static void make_operands(struct maker *k)
{
	u32 flags = k->tmpl->flags;

	if (flags & MODRM) {
		emit(k, k->mod << 6 | (k->reg & 7) << 3 | (k->rm & 7), 1);
		if (k->mod != 3 && k->adsize != 2 && (k->rm & 7) == 4)
			emit(k, k->sib, 1);
		k->disp_at = k->t->len;
		emit(k, k->disp, k->disp_size);
	}
	if (flags & MOFFS)
		emit(k, random_offset(k, data_segment(k, false), true),
		     k->adsize);
	if (flags & ENTERS)
		emit(k, rnd_below(k->r, 256) | rnd_below(k->r, 2) << 16, 3);
	if (flags & IMM8)
		emit(k, flags & COUNT ? random_count(k) : random_value(k->r), 1);
	if (flags & IMMZ)
		emit(k, random_value(k->r), k->opsize == 2 ? 2 : 4);
}

/* The long form; W does not count outside 64-bit mode. */
static void make_vex(struct maker *k)
{
	static const u8 prefixes[4] = { 0, 0x66, 0xf3, 0xf2 };
	unsigned int pp = 0, reg = rnd_below(k->r, k->t->width == 64 ? 16 : 8);

	while (prefixes[pp] != k->tmpl->prefix)
		pp++;
	if (k->tmpl->map == 3)
		reg = 0;
	emit(k, 0xc4, 1);
	emit(k, (~(k->rex << 5) & 0xe0) | k->tmpl->map, 1);
	emit(k, (k->rex & 8) << 4 | (~reg & 15) << 3 | pp, 1);
}

static void make_prefixes(struct maker *k, bool p66, bool p67)
{
	static const u8 override[6] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

	if (p67)
		emit(k, 0x67, 1);
	if (k->seg >= 0)
		emit(k, override[k->seg], 1);
	if (k->lock)
		emit(k, 0xf0, 1);
	if ((k->tmpl->flags & STRING) && !rnd_once(k->r, 3)) {
		emit(k, 0xf2 + rnd_below(k->r, 2), 1);
		k->t->repeated = true;
	}
	if (p66)
		emit(k, 0x66, 1);
	if (k->tmpl->flags & VEX) {
		make_vex(k);
		return;
	}
	if (k->tmpl->prefix)
		emit(k, k->tmpl->prefix, 1);
	if (k->rex)
		emit(k, k->rex, 1);
	if (k->tmpl->map)
		emit(k, 0x0f, 1);
	if (k->tmpl->map >= 2)
		emit(k, k->tmpl->map == 2 ? 0x38 : 0x3a, 1);
}

static void random_segments(struct maker *k, const struct native_segment *segs,
			    unsigned int nr)
{
	static const u8 order[] = { EMUL_DS, EMUL_ES, EMUL_SS, EMUL_GS };
	const struct native_segment *s;
	unsigned int i;

	for (i = 0; i < sizeof(order); i++) {
		do
			s = &segs[rnd_below(k->r, nr)];
		while (!(order[i] == EMUL_SS ? s->for_ss : s->for_ds));
		k->t->seg[order[i]] = s->s;
	}
}

static void random_segments64(struct maker *k)
{
	static const struct emul_segment null = { .unusable = 1 };
	struct native_test *t = k->t;

	t->seg[EMUL_DS] = null;
	t->seg[EMUL_ES] = null;
	t->seg[EMUL_GS] = null;
	t->seg[EMUL_SS] = (struct emul_segment){
		.selector = 0x2b, .limit = ~0u, .type = 3, .s = 1,
		.present = 1, .db = 1,
	};
	t->seg[EMUL_GS].base = rnd_below(k->r, 0x1000000);
}

static void random_registers(struct maker *k)
{
	struct native_test *t = k->t;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		t->regs[i] = random_value(k->r);
		if (t->width != 64)
			t->regs[i] = (u32)t->regs[i];
	}
	t->rflags = 0x202 | (rnd_next(k->r) & 0x8d5);
	if ((k->tmpl->flags & STRING) && rnd_once(k->r, 3))
		t->rflags |= 0x400;
	/* Whether larger operands are checked is the CPU's choice. */
	if (!(k->tmpl->flags & SSE) && rnd_once(k->r, 16)) {
		t->rflags |= 0x40000;
		t->any_fault = true;
	}
	for (i = 0; i < sizeof(t->xmm); i++)
		t->xmm[i / 16][i % 16] = rnd_next(k->r);
}

static void random_sizes(struct maker *k, bool p66, bool p67)
{
	unsigned int width = k->t->width;

	if (width == 64) {
		k->adsize = p67 ? 4 : 8;
		k->opsize = k->rex & 8 ? 8 : p66 ? 2 : 4;
	} else {
		k->adsize = (width == 32) != p67 ? 4 : 2;
		k->opsize = (width == 32) != p66 ? 4 : 2;
	}
	if (k->tmpl->flags & BYTE)
		k->opsize = 1;
}

/* Registers that an instruction uses without naming them. */
static void make_implicit(struct maker *k)
{
	u32 flags = k->tmpl->flags;
	u64 sp;

	if (flags & STRING) {
		solve_reg(k, EMUL_RSI,
			  random_offset(k, data_segment(k, false), true));
		solve_reg(k, EMUL_RDI, random_offset(k, EMUL_ES, true));
		solve_reg(k, EMUL_RCX, rnd_below(k->r, 24));
	}
	if (flags & COUNT)
		k->t->regs[EMUL_RCX] = (k->t->regs[EMUL_RCX] & ~0xffull) |
				       random_count(k);
	if (flags & FRAME)
		k->t->regs[EMUL_RBP] = random_offset(k, EMUL_SS, true);
	if (k->t->width != 64)
		k->t->regs[EMUL_RBP] = (u32)k->t->regs[EMUL_RBP];
	if (!(flags & STACK))
		return;
	sp = random_offset(k, EMUL_SS, true);
	k->t->regs[EMUL_RSP] = k->t->width == 64 ? sp : (u32)sp;
}

/* Let a compare succeed: give the accumulator what is in memory. */
static void make_equal(struct maker *k, u64 linear)
{
	struct native_test *t = k->t;
	u64 val[2] = { 0, 0 };
	u64 at = linear - NATIVE_SCRATCH;

	if (at > NATIVE_SIZE - 16 || rnd_once(k->r, 3))
		return;
	memcpy(val, t->scratch + at, 16);
	if (k->tmpl->flags & ACC) {
		t->regs[EMUL_RAX] = t->width == 64 ? val[0] : (u32)val[0];
	} else if (k->opsize == 8) {
		t->regs[EMUL_RAX] = val[0];
		t->regs[EMUL_RDX] = val[1];
	} else {
		t->regs[EMUL_RAX] = (u32)val[0];
		t->regs[EMUL_RDX] = val[0] >> 32;
	}
}

/* Whatever the operand turned out to be: plain [base] only, base not RAX. */
static void make_compare(struct maker *k)
{
	int seg = data_segment(k, k->rm == 4 || k->rm == 5);
	u64 base = k->t->width != 64 || seg >= EMUL_FS ? k->t->seg[seg].base
						       : 0;

	if (!(k->tmpl->flags & (ACC | PAIR)) || k->mod == 3 ||
	    k->adsize == 2 || (k->rm & 7) == 4 || k->rip_rel ||
	    !(k->rm & 7) || (k->rm & 7) == 2)
		return;
	make_equal(k, base + ((k->t->regs[k->rm] + k->disp) &
			      mask_of(k->adsize)));
}

/* Selectors of the local table, some beyond its end, wherever one may be. */
static void make_selectors(struct maker *k)
{
	struct native_test *t = k->t;
	unsigned int i;
	u16 selector;

	for (i = 0; i < NATIVE_RW_SIZE; i += 2) {
		selector = rnd_below(k->r, 72) << 3 | 4 | rnd_below(k->r, 4);
		if (rnd_once(k->r, 16))
			selector &= 3;
		memcpy(t->scratch + i, &selector, 2);
	}
	if (k->mod == 3)
		memcpy(&t->regs[k->rm], t->scratch + 2 * k->rm, 2);
}

static bool try_random(struct maker *k, const struct native_segment *segs,
		       unsigned int nr)
{
	struct native_test *t = k->t;
	struct rnd *r = k->r;
	u32 flags = k->tmpl->flags;
	bool p66 = !(flags & NO66) && rnd_once(r, 3), p67 = rnd_once(r, 4);

	if (flags & (t->width == 64 ? NOT64 : ONLY64))
		return false;
	t->name = k->tmpl->name;
	t->undefined = k->tmpl->undefined;
	t->any_regs = flags & ALL;
	t->any_fault = flags & (TWO | SSE | PAIR | ENTERS);
	k->rex = t->width == 64 && rnd_once(r, 2) ? 0x40 | rnd_below(r, 16) : 0;
	if (flags & (SREG | LOADS))
		k->rex &= ~4;
	/* 66 is #UD before VEX. */
	if (flags & VEX)
		p66 = false;
	k->seg = rnd_once(r, 3) ? (int)rnd_below(r, 6) : -1;
	if (k->seg == EMUL_FS)
		k->seg = EMUL_GS;
	k->lock = (flags & LOCKS) && rnd_once(r, 4);
	k->locked = k->lock || (flags & LOCKED);
	random_sizes(k, p66, p67);
	if (t->width == 64)
		random_segments64(k);
	else
		random_segments(k, segs, nr);
	random_registers(k);
	make_implicit(k);
	if ((flags & MODRM) && !make_modrm(k))
		return false;
	if (flags & SELECTOR)
		make_selectors(k);
	if ((flags & COUNT) && !(flags & IMM8) &&
	    (t->regs[EMUL_RCX] & 31) >= 8 * k->opsize)
		return false;
	make_compare(k);
	make_prefixes(k, p66, p67);
	emit(k, k->tmpl->opcode | (flags & OPREG ? rnd_below(r, 8) : 0), 1);
	make_operands(k);
	return true;
}

static void place_code(struct maker *k)
{
	struct native_test *t = k->t;
	u32 disp;

	t->rip = rnd_once(k->r, 4) ? 0x1000 - rnd_below(k->r, t->len + 1)
				   : rnd_below(k->r, 0x1000);
	if (t->width == 64)
		t->rip += NATIVE_CODE;
	if (!k->rip_rel || k->mod == 3)
		return;
	disp = k->rip_target - (t->rip + t->len);
	memcpy(t->code + k->disp_at, &disp, 4);
}

void native_random(struct rnd *r, struct native_test *t,
		   const struct native_segment *segs, unsigned int nr_segs)
{
	struct maker k;

	do {
		memset(&k, 0, sizeof(k));
		k.r = r;
		k.t = t;
		k.tmpl = &native_templates[rnd_below(r, native_templates_nr)];
		t->len = 0;
		t->repeated = false;
	} while (!native_has(k.tmpl->needs) || !try_random(&k, segs, nr_segs));
	place_code(&k);
}
