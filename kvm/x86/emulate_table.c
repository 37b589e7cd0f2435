// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: the opcode tables.
 *
 * One entry for each opcode this emulator knows; an empty one is
 * EMUL_UNHANDLED and stands in emulate_left_out.h.  SDM 2, appendix A.
 */
#include <linux/types.h>

#include "emulate_priv.h"

#define M	EMUL_F_MODRM
#define B	EMUL_F_BYTE
#define L	EMUL_F_LOCK
#define R	EMUL_F_TOREG

#define OP(handler, f, a) \
	{ .exec = emulate_exec_##handler, .flags = (f), .arg = (a) }

/* The r/m forms of an ALU instruction; lock is 0 or L. */
#define ALU(opcode, op, lock)						\
	[(opcode) + 0] = OP(alu, M | B | (lock), op),			\
	[(opcode) + 1] = OP(alu, M | (lock), op),			\
	[(opcode) + 2] = OP(alu, M | B | R, op),			\
	[(opcode) + 3] = OP(alu, M | R, op)

static const struct emul_opcode table_group1[8] = {
	[0] = OP(alu_imm, L, EMUL_ADD),
	[1] = OP(alu_imm, L, EMUL_OR),
	[2] = OP(alu_imm, L, EMUL_ADC),
	[3] = OP(alu_imm, L, EMUL_SBB),
	[4] = OP(alu_imm, L, EMUL_AND),
	[5] = OP(alu_imm, L, EMUL_SUB),
	[6] = OP(alu_imm, L, EMUL_XOR),
	[7] = OP(alu_imm, 0, EMUL_CMP),
};

static const struct emul_opcode table_group1a[8] = {
	[0] = OP(pop_rm, EMUL_F_D64, 0),
};

static const struct emul_opcode table_group3_byte[8] = {
	[0] = OP(alu_imm, EMUL_F_IMM8, EMUL_TEST),
	[1] = OP(alu_imm, EMUL_F_IMM8, EMUL_TEST),
	[2] = OP(alu_unary, L, EMUL_NOT),
	[3] = OP(alu_unary, L, EMUL_NEG),
	[4] = OP(mul, 0, 0),
	[5] = OP(mul, 0, 1),
	[6] = OP(div, 0, 0),
	[7] = OP(div, 0, 1),
};

static const struct emul_opcode table_group3[8] = {
	[0] = OP(alu_imm, EMUL_F_IMMZ, EMUL_TEST),
	[1] = OP(alu_imm, EMUL_F_IMMZ, EMUL_TEST),
	[2] = OP(alu_unary, L, EMUL_NOT),
	[3] = OP(alu_unary, L, EMUL_NEG),
	[4] = OP(mul, 0, 0),
	[5] = OP(mul, 0, 1),
	[6] = OP(div, 0, 0),
	[7] = OP(div, 0, 1),
};

static const struct emul_opcode table_group4[8] = {
	[0] = OP(alu_unary, L, EMUL_INC),
	[1] = OP(alu_unary, L, EMUL_DEC),
};

static const struct emul_opcode table_group5[8] = {
	[0] = OP(alu_unary, L, EMUL_INC),
	[1] = OP(alu_unary, L, EMUL_DEC),
	[2] = OP(call_rm, EMUL_F_F64, 0),
	[3] = OP(call_far, EMUL_F_MEM, 0),
	[4] = OP(jmp_rm, EMUL_F_F64, 0),
	[5] = OP(jmp_far, EMUL_F_MEM, 0),
	[6] = OP(push_rm, EMUL_F_D64, 0),
};

/* arg: where the count is. */
#define SHIFTS(n, a)							\
	static const struct emul_opcode table_group2_##n[8] = {		\
		[0 ... 7] = OP(shift, 0, a),				\
	}

SHIFTS(imm, 0);
SHIFTS(one, 1);
SHIFTS(cl, 2);

static const struct emul_opcode table_group6[8] = {
	[0] = OP(sldt, 0, 0),
	[1] = OP(str, 0, 0),
	[2] = OP(lldt, 0, 0),
	[3] = OP(ltr, 0, 0),
	[4] = OP(verr, 0, 0),
	[5] = OP(verw, 0, 0),
};

static const struct emul_opcode table_group7[8] = {
	[0] = OP(sgdt, EMUL_F_MEM, EMUL_GDT),
	[1] = OP(sgdt, EMUL_F_MEM, EMUL_IDT),
	[2] = OP(lgdt, EMUL_F_MEM, EMUL_GDT),
	[3] = OP(lgdt, EMUL_F_MEM, EMUL_IDT),
	[4] = OP(smsw, 0, 0),
	[6] = OP(lmsw, 0, 0),
};

static const struct emul_opcode table_group15[8] = {
	[6] = OP(clflush, EMUL_F_MEM, 0),
	[7] = OP(clflush, EMUL_F_MEM, 0),
};

static const struct emul_opcode table_group17[8] = {
	[1] = OP(bls, EMUL_F_VEX, 1),
	[2] = OP(bls, EMUL_F_VEX, 2),
	[3] = OP(bls, EMUL_F_VEX, 3),
};

static const struct emul_opcode table_group8[8] = {
	[4] = OP(bit_imm, 0, EMUL_BT),
	[5] = OP(bit_imm, L, EMUL_BTS),
	[6] = OP(bit_imm, L, EMUL_BTR),
	[7] = OP(bit_imm, L, EMUL_BTC),
};

static const struct emul_opcode table_group9[8] = {
	[1] = OP(cmpxchg2, L | EMUL_F_MEM, 0),
};

static const struct emul_opcode table_group11[8] = {
	[0] = OP(mov_imm, 0, 0),
};

#define GRP(g, f)	{ .group = table_group##g, .flags = M | (f) }

static const struct emul_opcode table_one_byte[256] = {
	ALU(0x00, EMUL_ADD, L),
	ALU(0x08, EMUL_OR, L),
	ALU(0x10, EMUL_ADC, L),
	ALU(0x18, EMUL_SBB, L),
	ALU(0x20, EMUL_AND, L),
	ALU(0x28, EMUL_SUB, L),
	ALU(0x30, EMUL_XOR, L),
	ALU(0x38, EMUL_CMP, 0),
	[0x06] = OP(push_sreg, EMUL_F_D64 | EMUL_F_NO64, EMUL_ES),
	[0x07] = OP(pop_sreg, EMUL_F_D64 | EMUL_F_NO64, EMUL_ES),
	[0x0e] = OP(push_sreg, EMUL_F_D64 | EMUL_F_NO64, EMUL_CS),
	[0x16] = OP(push_sreg, EMUL_F_D64 | EMUL_F_NO64, EMUL_SS),
	[0x17] = OP(pop_sreg, EMUL_F_D64 | EMUL_F_NO64, EMUL_SS),
	[0x1e] = OP(push_sreg, EMUL_F_D64 | EMUL_F_NO64, EMUL_DS),
	[0x1f] = OP(pop_sreg, EMUL_F_D64 | EMUL_F_NO64, EMUL_DS),
	[0x50 ... 0x57] = OP(push_reg, EMUL_F_D64, 0),
	[0x58 ... 0x5f] = OP(pop_reg, EMUL_F_D64, 0),
	[0x60] = OP(pusha, EMUL_F_NO64, 0),
	[0x61] = OP(popa, EMUL_F_NO64, 0),
	[0x62] = OP(bound, M | EMUL_F_MEM | EMUL_F_NO64, 0),
	[0x63] = OP(movsxd, M, 4),
	[0x68] = OP(push_imm, EMUL_F_D64 | EMUL_F_IMMZ, 0),
	[0x6a] = OP(push_imm, EMUL_F_D64 | EMUL_F_IMM8, 0),
	[0x69] = OP(imul, M | EMUL_F_IMMZ, 1),
	[0x6b] = OP(imul, M | EMUL_F_IMM8, 1),
	[0x6c] = OP(string, B, EMUL_INS),
	[0x6d] = OP(string, 0, EMUL_INS),
	[0x6e] = OP(string, B, EMUL_OUTS),
	[0x6f] = OP(string, 0, EMUL_OUTS),
	[0x80] = GRP(1, B | EMUL_F_IMM8),
	[0x81] = GRP(1, EMUL_F_IMMZ),
	[0x82] = GRP(1, B | EMUL_F_IMM8 | EMUL_F_NO64),
	[0x83] = GRP(1, EMUL_F_IMM8),
	[0x84] = OP(alu, M | B, EMUL_TEST),
	[0x85] = OP(alu, M, EMUL_TEST),
	[0x86] = OP(xchg, M | B | L, 0),
	[0x87] = OP(xchg, M | L, 0),
	[0x88] = OP(mov_store, M | B, 0),
	[0x89] = OP(mov_store, M, 0),
	[0x8a] = OP(mov_load, M | B, 0),
	[0x8b] = OP(mov_load, M, 0),
	[0x8c] = OP(mov_sreg, M, 0),
	[0x8e] = OP(mov_to_sreg, M, 0),
	[0x8f] = GRP(1a, 0),
	[0x9c] = OP(pushf, EMUL_F_D64, 0),
	[0x9d] = OP(popf, EMUL_F_D64, 0),
	[0xa0] = OP(moffs_load, B | EMUL_F_MOFFS, 0),
	[0xa1] = OP(moffs_load, EMUL_F_MOFFS, 0),
	[0xa2] = OP(moffs_store, B | EMUL_F_MOFFS, 0),
	[0xa3] = OP(moffs_store, EMUL_F_MOFFS, 0),
	[0xa4] = OP(string, B, EMUL_MOVS),
	[0xa5] = OP(string, 0, EMUL_MOVS),
	[0xa6] = OP(string, B, EMUL_CMPS),
	[0xa7] = OP(string, 0, EMUL_CMPS),
	[0xaa] = OP(string, B, EMUL_STOS),
	[0xab] = OP(string, 0, EMUL_STOS),
	[0xac] = OP(string, B, EMUL_LODS),
	[0xad] = OP(string, 0, EMUL_LODS),
	[0xae] = OP(string, B, EMUL_SCAS),
	[0xaf] = OP(string, 0, EMUL_SCAS),
	[0xc0] = GRP(2_imm, B | EMUL_F_IMM8),
	[0xc1] = GRP(2_imm, EMUL_F_IMM8),
	[0xc2] = OP(ret, EMUL_F_F64 | EMUL_F_IMM16, 0),
	[0xc3] = OP(ret, EMUL_F_F64, 0),
	[0xc4] = OP(load_far_pointer, M | EMUL_F_MEM, EMUL_ES),
	[0xc5] = OP(load_far_pointer, M | EMUL_F_MEM, EMUL_DS),
	[0xc6] = GRP(11, B | EMUL_F_IMM8),
	[0xc7] = GRP(11, EMUL_F_IMMZ),
	[0xc8] = OP(enter, EMUL_F_D64 | EMUL_F_IMM16 | EMUL_F_IMM8, 0),
	[0xc9] = OP(leave, EMUL_F_D64, 0),
	[0xca] = OP(ret_far, EMUL_F_IMM16, 0),
	[0xcb] = OP(ret_far, 0, 0),
	[0xd0] = GRP(2_one, B),
	[0xd1] = GRP(2_one, 0),
	[0xd2] = GRP(2_cl, B),
	[0xd3] = GRP(2_cl, 0),
	[0xd7] = OP(xlat, B, 0),
	[0xe8] = OP(call_rel, EMUL_F_F64 | EMUL_F_IMMZ, 0),
	[0xf6] = GRP(3_byte, B),
	[0xf7] = GRP(3, 0),
	[0xfe] = GRP(4, B),
	[0xff] = GRP(5, 0),
};

static const struct emul_opcode table_0f[256] = {
	[0x00] = GRP(6, EMUL_F_PROT),
	[0x01] = GRP(7, 0),
	[0x02] = OP(lar, M | EMUL_F_PROT, 0),
	[0x03] = OP(lar, M | EMUL_F_PROT, 1),
	[0x10] = OP(sse_load, M | EMUL_F_MEM, 0),
	[0x11] = OP(sse_store, M | EMUL_F_MEM, 0),
	[0x12] = OP(sse_load, M | EMUL_F_MEM, 0),
	[0x13] = OP(sse_store, M | EMUL_F_MEM, 0),
	[0x16] = OP(sse_load, M | EMUL_F_MEM, 0),
	[0x17] = OP(sse_store, M | EMUL_F_MEM, 0),
	[0x28] = OP(sse_load, M | EMUL_F_MEM, 0),
	[0x29] = OP(sse_store, M | EMUL_F_MEM, 0),
	[0x2b] = OP(sse_store, M | EMUL_F_MEM, 0),
	[0x40 ... 0x4f] = OP(cmov, M, 0),
	[0x6e] = OP(sse_load, M | EMUL_F_MEM, 0),
	[0x6f] = OP(sse_load, M | EMUL_F_MEM, 0),
	[0x7e] = OP(sse_store, M | EMUL_F_MEM, 0),
	[0x7f] = OP(sse_store, M | EMUL_F_MEM, 0),
	[0x90 ... 0x9f] = OP(setcc, M | B, 0),
	[0xa0] = OP(push_sreg, EMUL_F_D64, EMUL_FS),
	[0xa1] = OP(pop_sreg, EMUL_F_D64, EMUL_FS),
	[0xa3] = OP(bit_reg, M, EMUL_BT),
	[0xa4] = OP(double_shift, M | EMUL_F_IMM8, 0),
	[0xa5] = OP(double_shift, M, 2),
	[0xa8] = OP(push_sreg, EMUL_F_D64, EMUL_GS),
	[0xa9] = OP(pop_sreg, EMUL_F_D64, EMUL_GS),
	[0xab] = OP(bit_reg, M | L, EMUL_BTS),
	[0xac] = OP(double_shift, M | EMUL_F_IMM8, 0),
	[0xad] = OP(double_shift, M, 2),
	[0xae] = GRP(15, 0),
	[0xaf] = OP(imul, M, 0),
	[0xb0] = OP(cmpxchg, M | B | L, 0),
	[0xb1] = OP(cmpxchg, M | L, 0),
	[0xb2] = OP(load_far_pointer, M | EMUL_F_MEM, EMUL_SS),
	[0xb3] = OP(bit_reg, M | L, EMUL_BTR),
	[0xb4] = OP(load_far_pointer, M | EMUL_F_MEM, EMUL_FS),
	[0xb5] = OP(load_far_pointer, M | EMUL_F_MEM, EMUL_GS),
	[0xb6] = OP(movzx, M, 1),
	[0xb7] = OP(movzx, M, 2),
	[0xb8] = OP(popcnt, M, 0),
	[0xba] = GRP(8, EMUL_F_IMM8),
	[0xbb] = OP(bit_reg, M | L, EMUL_BTC),
	[0xbc] = OP(bsf, M, 0),
	[0xbd] = OP(bsr, M, 0),
	[0xbe] = OP(movsx, M, 1),
	[0xbf] = OP(movsx, M, 2),
	[0xc0] = OP(xadd, M | B | L, 0),
	[0xc1] = OP(xadd, M | L, 0),
	[0xc3] = OP(movnti, M | EMUL_F_MEM | EMUL_F_NOPFX, 0),
	[0xc7] = GRP(9, 0),
	[0xd6] = OP(sse_store, M | EMUL_F_MEM, 0),
	[0xe7] = OP(sse_store, M | EMUL_F_MEM, 0),
	[0xf0] = OP(sse_load, M | EMUL_F_MEM, 0),
};

/* With F2, F0 and F1 are CRC32. */
static const struct emul_opcode table_0f38[256] = {
	[0x2a] = OP(sse_load, M | EMUL_F_MEM, 0),
	[0xf0] = OP(crc_movbe_load, M, 0),
	[0xf1] = OP(crc_movbe_store, M, 0),
	[0xf6] = OP(adx, M, 0),
	/* MOVDIRI */
	[0xf9] = OP(movnti, M | EMUL_F_MEM | EMUL_F_NOPFX, 0),
};

static const struct emul_opcode table_vex_0f38[256] = {
	[0xf2] = OP(andn, M | EMUL_F_VEX, 0),
	[0xf3] = GRP(17, EMUL_F_VEX),
	[0xf5] = OP(bzhi_pdep, M | EMUL_F_VEX, 0),
	[0xf6] = OP(mulx, M | EMUL_F_VEX, 0),
	[0xf7] = OP(shiftx, M | EMUL_F_VEX, 0),
};

static const struct emul_opcode table_vex_0f3a[256] = {
	[0xf0] = OP(rorx, M | EMUL_F_VEX | EMUL_F_IMM8, 0),
};

const struct emul_opcode *emulate_lookup(bool vex, unsigned int map, u8 opcode)
{
	static const struct emul_opcode *const maps[2][4] = {
		{ table_one_byte, table_0f, table_0f38, NULL },
		{ NULL, NULL, table_vex_0f38, table_vex_0f3a },
	};
	const struct emul_opcode *op;

	if (map > 3 || !maps[vex][map])
		return NULL;
	op = &maps[vex][map][opcode];
	return op->exec || op->group ? op : NULL;
}
