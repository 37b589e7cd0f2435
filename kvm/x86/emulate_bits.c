// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: bit scans and counts, CRC32, ADCX and ADOX, and the
 * instructions on general registers that have a VEX prefix (BMI1, BMI2).
 *
 * Handlers of the opcode tables, as in emulate_exec.c.
 */
#include <linux/types.h>

#include "emulate_priv.h"

static unsigned int bits_lowest(u64 val)
{
	return __builtin_ctzll(val);
}

static unsigned int bits_highest(u64 val)
{
	return 63 - __builtin_clzll(val);
}

static int bits_read(struct emul_ctxt *c, unsigned int size, u64 *val)
{
	struct emul_rm rm;
	int r = emulate_rm_read(c, &rm, size, EMUL_ACC_READ);

	if (r == EMUL_OK)
		*val = rm.val;
	return r;
}

static u64 bits_flag(u64 rflags, u64 flag, bool on)
{
	return on ? rflags | flag : rflags & ~flag;
}

/* TZCNT, LZCNT, POPCNT: CF, if cf is given, and ZF; POPCNT clears the rest. */
static int bits_count(struct emul_ctxt *c, unsigned int n, bool cf, bool clear)
{
	u64 rflags = c->rflags;

	if (clear)
		rflags &= ~EMUL_RFLAGS_ALU;
	rflags = bits_flag(rflags, EMUL_RFLAGS_CF, cf);
	rflags = bits_flag(rflags, EMUL_RFLAGS_ZF, clear ? cf : !n);
	if (clear)
		rflags &= ~EMUL_RFLAGS_CF;
	emulate_reg_write(c, c->insn.reg, c->insn.opsize, n);
	emulate_flags_write(c, rflags);
	return EMUL_OK;
}

/* BSF and BSR of 0 set ZF and leave the register as it was. */
static int bits_scan(struct emul_ctxt *c, u64 val, unsigned int n)
{
	if (val)
		emulate_reg_write(c, c->insn.reg, c->insn.opsize, n);
	emulate_flags_write(c, bits_flag(c->rflags, EMUL_RFLAGS_ZF, !val));
	return EMUL_OK;
}

int emulate_exec_bsf(struct emul_ctxt *c)
{
	unsigned int bits = 8 * c->insn.opsize;
	u64 val;
	int r = bits_read(c, c->insn.opsize, &val);

	if (r != EMUL_OK)
		return r;
	if (c->insn.rep == 0xf3 && c->has_tzcnt)
		return bits_count(c, val ? bits_lowest(val) : bits, !val, false);
	return bits_scan(c, val, val ? bits_lowest(val) : 0);
}

int emulate_exec_bsr(struct emul_ctxt *c)
{
	unsigned int bits = 8 * c->insn.opsize;
	u64 val;
	int r = bits_read(c, c->insn.opsize, &val);

	if (r != EMUL_OK)
		return r;
	if (c->insn.rep == 0xf3 && c->has_lzcnt)
		return bits_count(c, val ? bits - 1 - bits_highest(val) : bits,
				  !val, false);
	return bits_scan(c, val, val ? bits_highest(val) : 0);
}

int emulate_exec_popcnt(struct emul_ctxt *c)
{
	unsigned int n = 0;
	u64 val;
	int r;

	if (c->insn.rep != 0xf3)
		return EMUL_UNHANDLED;
	r = bits_read(c, c->insn.opsize, &val);
	if (r != EMUL_OK)
		return r;
	for (; val; val &= val - 1)
		n++;
	return bits_count(c, n, !n, true);
}

/* The reflected polynomial of SDM 2, CRC32. */
static u32 bits_crc32(u32 crc, u64 val, unsigned int size)
{
	unsigned int i;

	for (i = 0; i < 8 * size; i++) {
		crc = (crc >> 1) ^ ((crc ^ val) & 1 ? 0x82f63b78 : 0);
		val >>= 1;
	}
	return crc;
}

static int bits_crc(struct emul_ctxt *c, unsigned int size)
{
	u32 crc = c->regs[c->insn.reg];
	u64 val;
	int r = bits_read(c, size, &val);

	if (r == EMUL_OK)
		emulate_reg_write(c, c->insn.reg, 8, bits_crc32(crc, val, size));
	return r;
}

/* MOVBE has no register form, CRC32 has. */
int emulate_exec_crc_movbe_load(struct emul_ctxt *c)
{
	if (c->insn.rep == 0xf2)
		return bits_crc(c, 1);
	if (c->insn.rep || c->insn.mod == 3)
		return EMUL_UNHANDLED;
	return emulate_exec_movbe_load(c);
}

int emulate_exec_crc_movbe_store(struct emul_ctxt *c)
{
	if (c->insn.rep == 0xf2)
		return bits_crc(c, c->insn.opsize);
	if (c->insn.rep || c->insn.mod == 3)
		return EMUL_UNHANDLED;
	return emulate_exec_movbe_store(c);
}

/* ADCX (66) carries in CF, ADOX (F3) in OF, and changes no other flag. */
int emulate_exec_adx(struct emul_ctxt *c)
{
	const struct emul_insn *insn = &c->insn;
	unsigned int size = insn->opsize == 8 ? 8 : 4;
	u64 flag = EMUL_RFLAGS_OF, a, b, sum, carry;
	int r;

	if (insn->rep != 0xf3) {
		if (insn->rep || !insn->opsize_prefix)
			return EMUL_UNHANDLED;
		flag = EMUL_RFLAGS_CF;
	}
	r = bits_read(c, size, &b);
	if (r != EMUL_OK)
		return r;
	a = emulate_reg_read(c, insn->reg, size);
	sum = a + b + !!(c->rflags & flag);
	carry = ((a & b) | ((a | b) & ~sum)) >> (8 * size - 1);
	emulate_reg_write(c, insn->reg, size, sum);
	emulate_flags_write(c, bits_flag(c->rflags, flag, carry & 1));
	return EMUL_OK;
}

/* --- VEX ---------------------------------------------------------------------- */

/* SF and ZF of a result, CF as given, OF clear; AF and PF are undefined. */
static void bits_vex_flags(struct emul_ctxt *c, u64 val, bool cf)
{
	u64 rflags = c->rflags;

	emulate_alu(EMUL_TEST, c->insn.opsize, val, val, &rflags);
	emulate_flags_write(c, bits_flag(rflags, EMUL_RFLAGS_CF, cf));
}

static u64 bits_vex_reg(struct emul_ctxt *c)
{
	return emulate_reg_read(c, c->insn.vex_reg, c->insn.opsize);
}

static void bits_vex_result(struct emul_ctxt *c, unsigned int reg, u64 val)
{
	emulate_reg_write(c, reg, c->insn.opsize, val);
}

int emulate_exec_andn(struct emul_ctxt *c)
{
	u64 val;
	int r;

	if (c->insn.vex_prefix)
		return EMUL_UNHANDLED;
	r = bits_read(c, c->insn.opsize, &val);
	if (r != EMUL_OK)
		return r;
	val &= ~bits_vex_reg(c);
	bits_vex_result(c, c->insn.reg, val);
	bits_vex_flags(c, val, false);
	return EMUL_OK;
}

/* BLSR, BLSMSK and BLSI: reg is 1, 2 and 3, the destination is VEX.vvvv. */
int emulate_exec_bls(struct emul_ctxt *c)
{
	u64 src, val;
	int r;

	if (c->insn.vex_prefix)
		return EMUL_UNHANDLED;
	r = bits_read(c, c->insn.opsize, &src);
	if (r != EMUL_OK)
		return r;
	if (c->insn.op->arg == 3)
		val = src & -src;
	else
		val = c->insn.op->arg == 1 ? src & (src - 1) : src ^ (src - 1);
	val &= emulate_mask(c->insn.opsize);
	bits_vex_result(c, c->insn.vex_reg, val);
	bits_vex_flags(c, val, (c->insn.op->arg == 3) == !!src);
	return EMUL_OK;
}

static u64 bits_deposit(u64 src, u64 mask)
{
	u64 out = 0;

	for (; mask; mask &= mask - 1, src >>= 1) {
		if (src & 1)
			out |= mask & -mask;
	}
	return out;
}

static u64 bits_extract(u64 src, u64 mask)
{
	unsigned int n = 0;
	u64 out = 0;

	for (; mask; mask &= mask - 1) {
		if (src & mask & -mask)
			out |= 1ull << n;
		n++;
	}
	return out;
}

/* BZHI without a prefix, PDEP with F2, PEXT with F3: r/m is the source of BZHI. */
int emulate_exec_bzhi_pdep(struct emul_ctxt *c)
{
	unsigned int bits = 8 * c->insn.opsize, n;
	u64 val, reg;
	int r;

	if (c->insn.vex_prefix == 0x66)
		return EMUL_UNHANDLED;
	r = bits_read(c, c->insn.opsize, &val);
	if (r != EMUL_OK)
		return r;
	reg = bits_vex_reg(c);
	if (c->insn.vex_prefix) {
		val = c->insn.vex_prefix == 0xf2 ? bits_deposit(reg, val)
						 : bits_extract(reg, val);
		bits_vex_result(c, c->insn.reg, val);
		return EMUL_OK;
	}
	n = reg & 0xff;
	if (n < bits)
		val &= (1ull << n) - 1;
	bits_vex_result(c, c->insn.reg, val);
	bits_vex_flags(c, val, n >= bits);
	return EMUL_OK;
}

/* MULX with F2.  The low half is written first: one register can be both. */
int emulate_exec_mulx(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize;
	u64 val, lo, hi;
	int r;

	if (c->insn.vex_prefix != 0xf2)
		return EMUL_UNHANDLED;
	r = bits_read(c, size, &val);
	if (r != EMUL_OK)
		return r;
	asm("mulq %3" : "=a" (lo), "=d" (hi)
	    : "a" (c->regs[EMUL_RDX] & emulate_mask(size)), "rm" (val) : "cc");
	if (size == 4)
		hi = lo >> 32;
	bits_vex_result(c, c->insn.vex_reg, lo);
	bits_vex_result(c, c->insn.reg, hi);
	return EMUL_OK;
}

static u64 bits_bextr(struct emul_ctxt *c, u64 val, u64 control)
{
	unsigned int start = control & 0xff, len = (control >> 8) & 0xff;

	val = start < 64 ? val >> start : 0;
	if (len < 64)
		val &= (1ull << len) - 1;
	emulate_flags_write(c, bits_flag(c->rflags & ~(EMUL_RFLAGS_CF |
						       EMUL_RFLAGS_OF),
					 EMUL_RFLAGS_ZF, !val));
	return val;
}

/* SHLX with 66, SHRX with F2, SARX with F3, BEXTR without a prefix. */
int emulate_exec_shiftx(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize, n;
	u64 val, reg;
	int r = bits_read(c, size, &val);

	if (r != EMUL_OK)
		return r;
	reg = bits_vex_reg(c);
	n = reg & (size == 8 ? 63 : 31);
	switch (c->insn.vex_prefix) {
	case 0x66:
		val <<= n;
		break;
	case 0xf2:
		val >>= n;
		break;
	case 0xf3:
		val = emulate_sext(val, size) >> n;
		break;
	default:
		val = bits_bextr(c, val, reg);
	}
	bits_vex_result(c, c->insn.reg, val);
	return EMUL_OK;
}

int emulate_exec_rorx(struct emul_ctxt *c)
{
	unsigned int bits = 8 * c->insn.opsize;
	unsigned int n = c->insn.imm & (bits - 1);
	u64 val;
	int r;

	if (c->insn.vex_prefix != 0xf2)
		return EMUL_UNHANDLED;
	/* Inverted like the others: VEX.vvvv has to be 1111b. */
	if (c->insn.vex_reg)
		return emulate_raise(c, EMUL_VEC_UD);
	r = bits_read(c, c->insn.opsize, &val);
	if (r != EMUL_OK)
		return r;
	if (n)
		val = val >> n | val << (bits - n);
	bits_vex_result(c, c->insn.reg, val);
	return EMUL_OK;
}
