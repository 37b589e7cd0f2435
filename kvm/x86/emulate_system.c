// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: descriptor table registers, the machine status word,
 * the task register, and instructions that ask what a selector is good for.
 *
 * Handlers of the opcode tables, as in emulate_exec.c.  Privilege is checked
 * before memory.  SDM 2, the instruction of that name; UMIP: SDM 3, 2.5.
 */
#include <linux/string.h>
#include <linux/types.h>

#include "emulate_priv.h"

#define SYSTEM_CR4_UMIP		(1u << 11)

static int system_ring0(struct emul_ctxt *c)
{
	if (!emulate_desc_ops(c))
		return EMUL_UNHANDLED;
	return c->cpl ? emulate_raise(c, EMUL_VEC_GP) : EMUL_OK;
}

static int system_umip(struct emul_ctxt *c)
{
	if (!emulate_desc_ops(c))
		return EMUL_UNHANDLED;
	if ((c->cr4 & SYSTEM_CR4_UMIP) && c->cpl)
		return emulate_raise(c, EMUL_VEC_GP);
	return EMUL_OK;
}

static int system_store(struct emul_ctxt *c, u64 val)
{
	unsigned int size = c->insn.mod == 3 ? c->insn.opsize : 2;
	struct emul_rm rm;
	int r = system_umip(c);

	if (r == EMUL_OK)
		r = emulate_rm_map(c, &rm, size, EMUL_ACC_WRITE);
	if (r == EMUL_OK)
		r = emulate_rm_write(c, &rm, size, val, false);
	return r;
}

int emulate_exec_sldt(struct emul_ctxt *c)
{
	return system_store(c, emulate_segment(c, EMUL_LDTR)->selector);
}

int emulate_exec_str(struct emul_ctxt *c)
{
	return system_store(c, emulate_segment(c, EMUL_TR)->selector);
}

int emulate_exec_smsw(struct emul_ctxt *c)
{
	return system_store(c, c->cr0);
}

/* The operand of an instruction of ring 0, 16 bits. */
static int system_load(struct emul_ctxt *c, u16 *val)
{
	struct emul_rm rm;
	int r = system_ring0(c);

	if (r == EMUL_OK)
		r = emulate_rm_read(c, &rm, 2, EMUL_ACC_READ);
	if (r == EMUL_OK)
		*val = rm.val;
	return r;
}

/* PE can be set, but not cleared. */
int emulate_exec_lmsw(struct emul_ctxt *c)
{
	u16 val;
	int r = c->ops->set_cr ? system_load(c, &val) : EMUL_UNHANDLED;

	if (r != EMUL_OK)
		return r;
	r = c->ops->set_cr(c, 0, (c->cr0 & ~0xeull) | (val & 0xf));
	return r == EMUL_UNHANDLED ? emulate_raise(c, EMUL_VEC_GP) : r;
}

int emulate_exec_lldt(struct emul_ctxt *c)
{
	u16 selector;
	int r = system_load(c, &selector);

	return r == EMUL_OK ? emulate_ldtr_load(c, selector, EMUL_VEC_GP) : r;
}

static int system_ltr(struct emul_ctxt *c, u16 selector)
{
	u16 error = selector & 0xfffc;
	struct emul_segment s;
	struct emul_desc d;
	unsigned int type;
	int r;

	if (!error || (selector & 4))
		return emulate_raise_error(c, EMUL_VEC_GP, error);
	r = emulate_desc_read(c, selector, EMUL_VEC_GP, &d);
	if (r != EMUL_OK)
		return r;
	type = emulate_desc_type(&d);
	if (type != 9 && (type != 1 || (c->efer & (1u << 10))))
		return emulate_raise_error(c, EMUL_VEC_GP, error);
	if (!emulate_desc_present(&d))
		return emulate_raise_error(c, EMUL_VEC_NP, error);
	r = emulate_desc_read_high(c, selector, EMUL_VEC_GP, &d);
	if (r != EMUL_OK)
		return r;
	emulate_desc_parse(&d, selector, &s);
	if ((c->efer & (1u << 10)) && !emulate_canonical(c, s.base))
		return emulate_raise_error(c, EMUL_VEC_GP, error);
	r = emulate_desc_set_type(c, &d, 2);
	if (r != EMUL_OK)
		return r;
	s.type |= 2;
	emulate_segment_write(c, EMUL_TR, &s);
	return EMUL_OK;
}

int emulate_exec_ltr(struct emul_ctxt *c)
{
	u16 selector;
	int r = system_load(c, &selector);

	return r == EMUL_OK ? system_ltr(c, selector) : r;
}

/* --- what a selector is good for ------------------------------------------------ */

/* *usable: the descriptor is there and its privilege does not forbid it. */
static int system_look(struct emul_ctxt *c, struct emul_desc *d, bool *usable)
{
	struct emul_rm rm;
	unsigned int dpl;
	int r;

	if (!emulate_desc_ops(c))
		return EMUL_UNHANDLED;
	r = emulate_rm_read(c, &rm, 2, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	*usable = false;
	if (!(rm.val & 0xfffc))
		return EMUL_OK;
	r = emulate_desc_read(c, rm.val, EMUL_VEC_GP, d);
	if (r == EMUL_EXCEPTION && c->exception.vector == EMUL_VEC_GP)
		return EMUL_OK;
	if (r != EMUL_OK)
		return r;
	dpl = emulate_desc_dpl(d);
	*usable = emulate_desc_conforms(d) ||
		  (c->cpl <= dpl && (rm.val & 3) <= dpl);
	return EMUL_OK;
}

static void system_zf(struct emul_ctxt *c, bool on)
{
	emulate_flags_write(c, on ? c->rflags | EMUL_RFLAGS_ZF
				  : c->rflags & ~EMUL_RFLAGS_ZF);
}

int emulate_exec_verr(struct emul_ctxt *c)
{
	struct emul_desc d;
	unsigned int type;
	bool usable;
	int r = system_look(c, &d, &usable);

	if (r != EMUL_OK)
		return r;
	if (usable) {
		type = emulate_desc_type(&d);
		usable = (type & 0x10) && (type & 0xa) != 8;
	}
	system_zf(c, usable);
	return EMUL_OK;
}

int emulate_exec_verw(struct emul_ctxt *c)
{
	struct emul_desc d;
	bool usable;
	int r = system_look(c, &d, &usable);

	if (r != EMUL_OK)
		return r;
	system_zf(c, usable && (emulate_desc_type(&d) & 0x1a) == 0x12);
	return EMUL_OK;
}

/*
 * System descriptors that LAR and LSL accept, a bit for each type: the upper
 * tables of their descriptions, without and with IA-32e mode.
 */
static bool system_type_valid(const struct emul_ctxt *c, unsigned int type,
			      bool lsl)
{
	static const u16 valid[2][2] = {
		/* 1 to 5, 9, b, c; of these, those that have a limit */
		{ 0x1a3e, 0x0a0e },
		/* 2, 9, b, c */
		{ 0x1a04, 0x0a04 },
	};

	if (type & 0x10)
		return true;
	return (valid[!!(c->efer & (1u << 10))][lsl] >> type) & 1;
}

/* LAR, and LSL with arg 1. */
int emulate_exec_lar(struct emul_ctxt *c)
{
	bool lsl = c->insn.op->arg, usable;
	struct emul_segment s;
	struct emul_desc d;
	int r = system_look(c, &d, &usable);

	if (r != EMUL_OK)
		return r;
	usable = usable && system_type_valid(c, emulate_desc_type(&d), lsl);
	system_zf(c, usable);
	if (!usable)
		return EMUL_OK;
	emulate_desc_parse(&d, 0, &s);
	emulate_reg_write(c, c->insn.reg, c->insn.opsize,
			  lsl ? s.limit : (d.lo >> 32) & 0xffff00);
	return EMUL_OK;
}

/* Raise the RPL of a selector to that of the other. */
int emulate_exec_arpl(struct emul_ctxt *c)
{
	struct emul_rm rm;
	unsigned int rpl;
	bool raise;
	int r;

	/* It is a write only if there is something to raise. */
	r = emulate_rm_read(c, &rm, 2, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	rpl = c->regs[c->insn.reg] & 3;
	raise = (rm.val & 3) < rpl;
	if (raise)
		r = emulate_rm_map(c, &rm, 2, EMUL_ACC_WRITE);
	if (raise && r == EMUL_OK)
		r = emulate_rm_write(c, &rm, 2, (rm.val & ~3ull) | rpl, false);
	if (r == EMUL_OK)
		system_zf(c, raise);
	return r;
}

/* --- descriptor table registers --------------------------------------------------- */

/* 16 bits of limit, and 32 or 64 of base; in two parts for alignment's sake. */
static unsigned int system_base_size(const struct emul_ctxt *c)
{
	return c->width == 64 ? 8 : 4;
}

static int system_map_table(struct emul_ctxt *c, unsigned int access,
			    struct emul_mem *m)
{
	return emulate_mem_map_aligned(c, c->insn.seg, emulate_ea(c),
				       2 + system_base_size(c),
				       c->width == 64 ? 8 : 4, access, m);
}

/* SGDT and SIDT; arg is the table. */
int emulate_exec_sgdt(struct emul_ctxt *c)
{
	struct emul_table_reg t;
	struct emul_mem m;
	u8 buf[10];
	int r = system_umip(c);

	if (r == EMUL_OK)
		r = system_map_table(c, EMUL_ACC_WRITE, &m);
	if (r != EMUL_OK)
		return r;
	c->ops->get_table(c, c->insn.op->arg, &t);
	memcpy(buf, &t.limit, 2);
	memcpy(buf + 2, &t.base, 8);
	return emulate_mem_write(c, &m, buf, EMUL_ACC_WRITE);
}

/* LGDT and LIDT.  An operand size of 16 bits takes 24 bits of base. */
int emulate_exec_lgdt(struct emul_ctxt *c)
{
	struct emul_table_reg t = { 0 };
	struct emul_mem m;
	u8 buf[10];
	int r = c->ops->set_table ? system_ring0(c) : EMUL_UNHANDLED;

	if (r == EMUL_OK)
		r = system_map_table(c, EMUL_ACC_READ, &m);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &m, buf, EMUL_ACC_READ);
	if (r != EMUL_OK)
		return r;
	memcpy(&t.limit, buf, 2);
	memcpy(&t.base, buf + 2, system_base_size(c));
	if (c->width != 64 && c->insn.opsize == 2)
		t.base &= 0xffffff;
	if (c->width == 64 && !emulate_canonical(c, t.base))
		return emulate_raise(c, EMUL_VEC_GP);
	c->ops->set_table(c, c->insn.op->arg, &t);
	return EMUL_OK;
}

/* --- cache lines ------------------------------------------------------------------- */

/* CLFLUSH, CLFLUSHOPT and CLWB are checked as a load of a byte, and do nothing. */
int emulate_exec_clflush(struct emul_ctxt *c)
{
	struct emul_mem m;
	int r;

	/* Without 66, reg 6 is XSAVEOPT. */
	if (c->insn.rep || (c->insn.reg == 6 && !c->insn.opsize_prefix))
		return EMUL_UNHANDLED;
	r = emulate_mem_map(c, c->insn.seg, emulate_ea(c), 1, EMUL_ACC_READ,
			    &m);
	if (r == EMUL_OK)
		r = emulate_mem_prepare(c, &m, EMUL_ACC_READ);
	return r == EMUL_MMIO ? EMUL_OK : r;
}
