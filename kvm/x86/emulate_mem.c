// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: registers, segmentation and memory operands.
 *
 * Owns the way from a segment and an offset to linear addresses in pieces
 * that do not cross a page, and the order of checks on it: segment, page
 * (the operations'), alignment.  SDM 3, chapter 5 and 6.15.
 */
#include <linux/string.h>
#include <linux/types.h>

#include "emulate_priv.h"

/* AH to BH: encodings 4 to 7 of a byte register without REX. */
static bool mem_reg_is_high(const struct emul_ctxt *c, unsigned int reg,
			    unsigned int size)
{
	return size == 1 && !c->insn.rex && (reg & 12) == 4;
}

u64 emulate_reg_read(const struct emul_ctxt *c, unsigned int reg,
		     unsigned int size)
{
	if (mem_reg_is_high(c, reg, size))
		return (c->regs[reg & 3] >> 8) & 0xff;
	return c->regs[reg & 15] & emulate_mask(size);
}

void emulate_reg_write(struct emul_ctxt *c, unsigned int reg,
		       unsigned int size, u64 val)
{
	u64 mask = emulate_mask(size);
	u64 *r;

	if (mem_reg_is_high(c, reg, size)) {
		reg &= 3;
		mask <<= 8;
		val <<= 8;
	}
	reg &= 15;
	r = &c->regs[reg];
	if (size >= 4)
		*r = val & mask;
	else
		*r = (*r & ~mask) | (val & mask);
	c->dirty |= 1u << reg;
}

void emulate_flags_write(struct emul_ctxt *c, u64 rflags)
{
	if (c->rflags == rflags)
		return;
	c->rflags = rflags;
	c->dirty |= EMUL_DIRTY_RFLAGS;
}

bool emulate_canonical(const struct emul_ctxt *c, u64 addr)
{
	unsigned int shift = c->cr4 & (1u << 12) ? 64 - 57 : 64 - 48;

	return (u64)((s64)(addr << shift) >> shift) == addr;
}

/* Does the descriptor type allow the access?  Type bits: SDM 3, 3.4.5.1. */
static bool mem_type_allows(const struct emul_segment *s, unsigned int access)
{
	bool code = s->type & 8, rw = s->type & 2;

	if (access & EMUL_ACC_WRITE)
		return !code && rw;
	return !code || rw;
}

static bool mem_limit_allows(const struct emul_segment *s, u64 first, u64 last)
{
	u64 top = s->db ? 0xffffffffu : 0xffff;

	/* Expand-down data: the valid offsets are those above the limit. */
	if ((s->type & 0xc) == 4)
		return first > s->limit && last <= top;
	return last <= s->limit;
}

static bool mem_segment_allows(const struct emul_ctxt *c,
			       const struct emul_segment *s, u64 offset,
			       unsigned int size, unsigned int access)
{
	if (c->protected_mode &&
	    (s->unusable || !s->present || !mem_type_allows(s, access)))
		return false;
	return mem_limit_allows(s, offset, offset + size - 1);
}

int emulate_linear(struct emul_ctxt *c, enum emul_seg seg, u64 offset,
		   unsigned int size, unsigned int access, u64 *linear)
{
	const struct emul_segment *s;
	bool allowed;

	if (c->width == 64) {
		*linear = offset;
		if (seg >= EMUL_FS)
			*linear += emulate_segment(c, seg)->base;
		allowed = emulate_canonical(c, *linear) &&
			  emulate_canonical(c, *linear + size - 1);
	} else {
		s = emulate_segment(c, seg);
		offset = (u32)offset;
		*linear = (u32)(s->base + offset);
		allowed = mem_segment_allows(c, s, offset, size, access);
	}
	if (allowed)
		return EMUL_OK;
	return emulate_raise(c, seg == EMUL_SS ? EMUL_VEC_SS : EMUL_VEC_GP);
}

/* CR0.AM, RFLAGS.AC and CPL 3; larger operands have rules of their own. */
static bool mem_misaligned(const struct emul_ctxt *c, u64 linear,
			   unsigned int align)
{
	return align <= 8 && (linear & (align - 1)) && c->cpl == 3 &&
	       (c->cr0 & (1u << 18)) && (c->rflags & EMUL_RFLAGS_AC);
}

static void mem_split(const struct emul_ctxt *c, u64 linear, unsigned int size,
		      struct emul_mem *m)
{
	unsigned int room = EMUL_PAGE_SIZE - (linear & (EMUL_PAGE_SIZE - 1));

	m->checked = false;
	m->addr[0] = linear;
	m->len[0] = size;
	m->nr = 1;
	if (size <= room)
		return;
	m->len[0] = room;
	m->len[1] = size - room;
	m->addr[1] = linear + room;
	/* Outside 64-bit mode linear addresses wrap at 4 GiB. */
	if (c->width != 64)
		m->addr[1] = (u32)m->addr[1];
	m->nr = 2;
}

int emulate_mem_map(struct emul_ctxt *c, enum emul_seg seg, u64 offset,
		    unsigned int size, unsigned int access,
		    struct emul_mem *m)
{
	return emulate_mem_map_aligned(c, seg, offset, size, size, access, m);
}

int emulate_mem_map_aligned(struct emul_ctxt *c, enum emul_seg seg, u64 offset,
			    unsigned int size, unsigned int align,
			    unsigned int access, struct emul_mem *m)
{
	u64 linear;
	int r = emulate_linear(c, seg, offset, size, access, &linear);

	if (r != EMUL_OK)
		return r;
	mem_split(c, linear, size, m);
	if (!mem_misaligned(c, linear, align))
		return EMUL_OK;
	/* A page fault comes before #AC. */
	r = emulate_mem_prepare(c, m, access);
	if (r != EMUL_OK && r != EMUL_MMIO)
		return r;
	return emulate_raise(c, EMUL_VEC_AC);
}

int emulate_mem_prepare(struct emul_ctxt *c, struct emul_mem *m,
			unsigned int access)
{
	int r, result = EMUL_OK;
	unsigned int i;

	for (i = 0; i < m->nr; i++) {
		r = c->ops->prepare(c, m->addr[i], m->len[i], access);
		if (r == EMUL_MMIO)
			result = r;
		else if (r != EMUL_OK)
			return r;
	}
	m->checked = true;
	return result;
}

int emulate_mem_first_fault(struct emul_ctxt *c, struct emul_mem *src, int r)
{
	struct emul_exception dst = c->exception;
	int first;

	if (r == EMUL_OK || r == EMUL_MMIO)
		return EMUL_OK;
	first = emulate_mem_prepare(c, src, EMUL_ACC_READ);
	if (first != EMUL_OK && first != EMUL_MMIO)
		return first;
	c->exception = dst;
	return r;
}

int emulate_mem_read(struct emul_ctxt *c, const struct emul_mem *m, void *buf,
		     unsigned int access)
{
	unsigned int i, done = 0;
	int r;

	for (i = 0; i < m->nr; i++) {
		r = c->ops->read(c, m->addr[i], (u8 *)buf + done, m->len[i],
				 access);
		if (r != EMUL_OK)
			return r;
		c->seq++;
		done += m->len[i];
	}
	return EMUL_OK;
}

int emulate_posted(struct emul_ctxt *c, int r)
{
	if (r != EMUL_POSTED)
		return r;
	c->posted = true;
	return EMUL_OK;
}

int emulate_mem_write(struct emul_ctxt *c, struct emul_mem *m,
		      const void *buf, unsigned int access)
{
	unsigned int i, done = 0;
	int r;

	if (m->nr > 1 && !m->checked) {
		r = emulate_mem_prepare(c, m, access);
		if (r != EMUL_OK && r != EMUL_MMIO)
			return r;
	}
	for (i = 0; i < m->nr; i++) {
		r = c->ops->write(c, m->addr[i], (const u8 *)buf + done,
				  m->len[i], access);
		r = emulate_posted(c, r);
		if (r != EMUL_OK)
			return r;
		done += m->len[i];
	}
	return EMUL_OK;
}

int emulate_mem_replace(struct emul_ctxt *c, struct emul_mem *m,
			const void *old, const void *new)
{
	if (m->nr == 1 && c->ops->cmpxchg)
		return emulate_posted(c, c->ops->cmpxchg(c, m->addr[0], old,
							 new, m->len[0]));
	return emulate_mem_write(c, m, new, EMUL_ACC_WRITE | EMUL_ACC_LOCKED);
}

u64 emulate_ea(const struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	u64 ea = insn->disp;

	if (insn->base >= 0)
		ea += c->regs[insn->base];
	if (insn->index >= 0)
		ea += c->regs[insn->index] << insn->scale;
	if (insn->rip_rel)
		ea += c->rip + insn->len;
	return ea & emulate_mask(insn->adsize);
}

int emulate_rm_map(struct emul_ctxt *c, struct emul_rm *rm, unsigned int size,
		   unsigned int access)
{
	rm->is_mem = c->insn.mod != 3;
	if (!rm->is_mem)
		return EMUL_OK;
	return emulate_mem_map(c, c->insn.seg, emulate_ea(c), size, access,
			       &rm->mem);
}

int emulate_rm_read(struct emul_ctxt *c, struct emul_rm *rm, unsigned int size,
		    unsigned int access)
{
	int r = emulate_rm_map(c, rm, size, access);

	if (r != EMUL_OK)
		return r;
	if (!rm->is_mem) {
		rm->val = emulate_reg_read(c, c->insn.rm, size);
		return EMUL_OK;
	}
	rm->val = 0;
	return emulate_mem_read(c, &rm->mem, &rm->val, access);
}

int emulate_rm_write(struct emul_ctxt *c, struct emul_rm *rm,
		     unsigned int size, u64 val, bool locked)
{
	if (!rm->is_mem) {
		emulate_reg_write(c, c->insn.rm, size, val);
		return EMUL_OK;
	}
	if (locked)
		return emulate_mem_replace(c, &rm->mem, &rm->val, &val);
	return emulate_mem_write(c, &rm->mem, &val, EMUL_ACC_WRITE);
}
