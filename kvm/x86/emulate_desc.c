// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: descriptors and loads of segment registers.
 *
 * Checks before changes: a load that faults has changed nothing but, at most,
 * an accessed bit.  SDM 3, 3.4 and 5.4 to 5.8; SDM 2, MOV, LDS, LLDT.
 */
#include <linux/string.h>
#include <linux/types.h>

#include "emulate_priv.h"

#define DESC_SELECTOR_MASK	0xfffcu
#define DESC_TYPE_CODE		0x18u
#define DESC_TYPE_DATA_WRITE	0x12u

static bool desc_is_null(u16 selector)
{
	return !(selector & DESC_SELECTOR_MASK);
}

static bool desc_long_mode(const struct emul_ctxt *c)
{
	return c->efer & (1u << 10);
}

static bool desc_table(struct emul_ctxt *c, u16 selector, u64 *base, u32 *limit)
{
	const struct emul_segment *ldt;
	struct emul_table_reg gdt;

	if (!(selector & 4)) {
		c->ops->get_table(c, EMUL_GDT, &gdt);
		*base = gdt.base;
		*limit = gdt.limit;
		return true;
	}
	ldt = emulate_segment(c, EMUL_LDTR);
	*base = ldt->base;
	*limit = ldt->limit;
	return !ldt->unusable;
}

/* Read 8 bytes of a descriptor, at bytes into it. */
static int desc_read_half(struct emul_ctxt *c, u16 selector, unsigned int at,
			  enum emul_vector bad, u64 *addr, u64 *val)
{
	u32 offset = (selector & ~7u) + at, limit;
	u64 base;

	if (!desc_table(c, selector, &base, &limit) || offset + 7 > limit)
		return emulate_raise_error(c, bad,
					   selector & DESC_SELECTOR_MASK);
	*addr = base + offset;
	if (!desc_long_mode(c))
		*addr = (u32)*addr;
	return c->ops->read_system(c, *addr, val, sizeof(*val));
}

int emulate_desc_read(struct emul_ctxt *c, u16 selector, enum emul_vector bad,
		      struct emul_desc *d)
{
	d->hi = 0;
	return desc_read_half(c, selector, 0, bad, &d->addr, &d->lo);
}

int emulate_desc_read_high(struct emul_ctxt *c, u16 selector,
			   enum emul_vector bad, struct emul_desc *d)
{
	u64 addr;

	if (!desc_long_mode(c))
		return EMUL_OK;
	return desc_read_half(c, selector, 8, bad, &addr, &d->hi);
}

void emulate_desc_parse(const struct emul_desc *d, u16 selector,
			struct emul_segment *s)
{
	u64 lo = d->lo;

	*s = (struct emul_segment){
		.base = ((lo >> 16) & 0xffffff) | ((lo >> 32) & 0xff000000) |
			d->hi << 32,
		.limit = (lo & 0xffff) | ((lo >> 32) & 0xf0000),
		.selector = selector,
		.type = (lo >> 40) & 15,
		.s = (lo >> 44) & 1,
		.dpl = (lo >> 45) & 3,
		.present = (lo >> 47) & 1,
		.avl = (lo >> 52) & 1,
		.l = (lo >> 53) & 1,
		.db = (lo >> 54) & 1,
		.g = (lo >> 55) & 1,
	};
	if (s->g)
		s->limit = s->limit << 12 | 0xfff;
}

int emulate_desc_set_type(struct emul_ctxt *c, struct emul_desc *d,
			  unsigned int bits)
{
	u64 lo = d->lo | (u64)bits << 40;
	u8 byte = lo >> 40;
	int r;

	if (lo == d->lo)
		return EMUL_OK;
	r = c->ops->write_system(c, d->addr + 5, &byte, 1);
	if (r == EMUL_OK)
		d->lo = lo;
	return r;
}

void emulate_segment_write(struct emul_ctxt *c, enum emul_seg seg,
			   const struct emul_segment *s)
{
	c->ops->set_segment(c, seg, s);
	c->seg[seg] = *s;
	c->segs_valid |= 1u << seg;
}

/* Real mode: only the base moves.  VM86: everything is as SDM 3, 21.2 says. */
static int segment_load_real(struct emul_ctxt *c, enum emul_seg seg,
			     u16 selector)
{
	struct emul_segment s = *emulate_segment(c, seg);

	s.selector = selector;
	s.base = (u32)selector << 4;
	if (c->rflags & EMUL_RFLAGS_VM) {
		s.limit = 0xffff;
		s.type = 3;
		s.s = 1;
		s.dpl = 3;
		s.present = 1;
		s.unusable = 0;
		s.db = 0;
		s.g = 0;
	}
	emulate_segment_write(c, seg, &s);
	return EMUL_OK;
}

static int segment_load_null(struct emul_ctxt *c, enum emul_seg seg,
			     u16 selector, enum emul_vector bad)
{
	struct emul_segment s = {
		.selector = selector, .unusable = 1, .dpl = c->cpl,
	};

	/* A null SS is for 64-bit mode outside of ring 3. */
	if (seg == EMUL_SS && (c->width != 64 || c->cpl == 3 ||
			       (selector & 3) != c->cpl))
		return emulate_raise_error(c, bad, 0);
	emulate_segment_write(c, seg, &s);
	return EMUL_OK;
}

static bool segment_data_allowed(const struct emul_ctxt *c,
				 const struct emul_desc *d, u16 selector)
{
	unsigned int type = emulate_desc_type(d), dpl = emulate_desc_dpl(d);

	/* System, or code that is not readable. */
	if (!(type & 0x10) || (type & 0xa) == 8)
		return false;
	if (emulate_desc_conforms(d))
		return true;
	return (selector & 3u) <= dpl && c->cpl <= dpl;
}

static bool segment_stack_allowed(const struct emul_ctxt *c,
				  const struct emul_desc *d, u16 selector)
{
	return (emulate_desc_type(d) & 0x1a) == DESC_TYPE_DATA_WRITE &&
	       (selector & 3u) == c->cpl && emulate_desc_dpl(d) == c->cpl;
}

int emulate_segment_load(struct emul_ctxt *c, enum emul_seg seg, u16 selector,
			 enum emul_vector bad)
{
	u16 error = selector & DESC_SELECTOR_MASK;
	bool stack = seg == EMUL_SS;
	struct emul_segment s;
	struct emul_desc d;
	int r;

	if (!emulate_desc_ops(c))
		return EMUL_UNHANDLED;
	if (!c->protected_mode)
		return segment_load_real(c, seg, selector);
	if (desc_is_null(selector))
		return segment_load_null(c, seg, selector, bad);
	r = emulate_desc_read(c, selector, bad, &d);
	if (r != EMUL_OK)
		return r;
	if (stack ? !segment_stack_allowed(c, &d, selector)
		  : !segment_data_allowed(c, &d, selector))
		return emulate_raise_error(c, bad, error);
	if (!emulate_desc_present(&d))
		return emulate_raise_error(c, stack ? EMUL_VEC_SS : EMUL_VEC_NP,
					   error);
	r = emulate_desc_set_type(c, &d, 1);
	if (r != EMUL_OK)
		return r;
	emulate_desc_parse(&d, selector, &s);
	emulate_segment_write(c, seg, &s);
	return EMUL_OK;
}

int emulate_ldtr_load(struct emul_ctxt *c, u16 selector, enum emul_vector bad)
{
	struct emul_segment s = { .selector = selector, .unusable = 1 };
	u16 error = selector & DESC_SELECTOR_MASK;
	struct emul_desc d;
	int r;

	if (desc_is_null(selector))
		goto write;
	if (selector & 4)
		return emulate_raise_error(c, bad, error);
	r = emulate_desc_read(c, selector, bad, &d);
	if (r == EMUL_OK && emulate_desc_type(&d) != 2)
		return emulate_raise_error(c, bad, error);
	if (r == EMUL_OK && !emulate_desc_present(&d))
		return emulate_raise_error(c, bad == EMUL_VEC_TS ? bad
						: EMUL_VEC_NP, error);
	if (r == EMUL_OK)
		r = emulate_desc_read_high(c, selector, bad, &d);
	if (r != EMUL_OK)
		return r;
	emulate_desc_parse(&d, selector, &s);
	if (desc_long_mode(c) && !emulate_canonical(c, s.base))
		return emulate_raise_error(c, bad, error);
write:
	emulate_segment_write(c, EMUL_LDTR, &s);
	return EMUL_OK;
}

/* MOV to a segment register: 16 bits, whatever the operand size is. */
int emulate_exec_mov_to_sreg(struct emul_ctxt *c)
{
	unsigned int seg = c->insn.reg & 7;
	struct emul_rm rm;
	int r;

	if (seg >= EMUL_NR_SEGS || seg == EMUL_CS)
		return emulate_raise(c, EMUL_VEC_UD);
	r = emulate_rm_read(c, &rm, 2, EMUL_ACC_READ);
	if (r == EMUL_OK)
		r = emulate_segment_load(c, seg, rm.val, EMUL_VEC_GP);
	if (r == EMUL_OK)
		c->mov_ss = seg == EMUL_SS;
	return r;
}

/* LES, LDS, LSS, LFS, LGS; arg is the segment register. */
int emulate_exec_load_far_pointer(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int size = insn->opsize;
	struct emul_mem m;
	u8 buf[10];
	u64 offset = 0;
	u16 selector;
	int r;

	r = emulate_mem_map_aligned(c, insn->seg, emulate_ea(c), size + 2,
				    size == 2 ? 2 : 4, EMUL_ACC_READ, &m);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &m, buf, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	memcpy(&offset, buf, size);
	memcpy(&selector, buf + size, 2);
	r = emulate_segment_load(c, insn->op->arg, selector, EMUL_VEC_GP);
	if (r == EMUL_OK)
		emulate_reg_write(c, insn->reg, size, offset);
	return r;
}
