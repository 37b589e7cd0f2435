/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instruction emulator: what its own files share.  Nobody else includes this.
 *
 * emulate.c         entry points, mode, exceptions
 * emulate_decode.c  fetch, prefixes, ModRM, immediates
 * emulate_table.c   the opcode tables
 * emulate_mem.c     registers, segmentation, memory operands
 * emulate_alu.c     arithmetic and flags, pure functions
 * emulate_exec.c    instructions with a ModRM operand
 * emulate_rmw.c     exchanges and bit tests
 * emulate_stack.c   push and pop
 * emulate_string.c  string instructions and string I/O
 * emulate_sse.c     moves between XMM registers and memory
 *
 * A handler runs with c->insn decoded.  It makes all its reads, then its
 * write, and only then changes c->regs and c->rflags; it returns an
 * enum emul_result.  emulate.c moves RIP after EMUL_OK.
 */
#ifndef XKVM_X86_EMULATE_PRIV_H
#define XKVM_X86_EMULATE_PRIV_H

#include "emulate.h"

/* struct emul_opcode.flags: what follows the opcode, and what is allowed. */
#define EMUL_F_MODRM	(1u << 0)
#define EMUL_F_BYTE	(1u << 1)	/* operand size is 1 */
#define EMUL_F_IMM8	(1u << 2)	/* 8-bit immediate, sign-extended */
#define EMUL_F_IMMZ	(1u << 3)	/* 16 or 32 bits, sign-extended */
#define EMUL_F_MOFFS	(1u << 4)	/* absolute offset of address size */
#define EMUL_F_LOCK	(1u << 5)	/* LOCK is legal with a memory r/m */
#define EMUL_F_MEM	(1u << 6)	/* a register r/m is not this insn */
#define EMUL_F_D64	(1u << 7)	/* operand size is 8 in 64-bit mode */
#define EMUL_F_NO64	(1u << 8)	/* #UD in 64-bit mode */
#define EMUL_F_ONLY64	(1u << 9)	/* something else outside 64-bit mode */
#define EMUL_F_TOREG	(1u << 10)	/* reg is the destination, not r/m */
#define EMUL_F_NOPFX	(1u << 11)	/* 66, F2, F3 make it another one */
#define EMUL_F_NOREP	(1u << 12)	/* F2, F3 make it another one */

struct emul_opcode {
	int (*exec)(struct emul_ctxt *c);
	const struct emul_opcode *group;	/* eight, by ModRM.reg */
	u16 flags;
	u8 arg;					/* the handler's own */
};

/* ALU operations, as the opcodes number them; then the unary ones. */
enum emul_alu_op {
	EMUL_ADD, EMUL_OR, EMUL_ADC, EMUL_SBB,
	EMUL_AND, EMUL_SUB, EMUL_XOR, EMUL_CMP,
	EMUL_TEST, EMUL_INC, EMUL_DEC, EMUL_NOT, EMUL_NEG,
};

/* Bit test operations, as the opcodes number them. */
enum emul_bit_op { EMUL_BT, EMUL_BTS, EMUL_BTR, EMUL_BTC };

enum emul_string_op {
	EMUL_MOVS, EMUL_CMPS, EMUL_STOS, EMUL_LODS, EMUL_SCAS,
	EMUL_INS, EMUL_OUTS,
};

#define EMUL_RFLAGS_CF	(1ull << 0)
#define EMUL_RFLAGS_PF	(1ull << 2)
#define EMUL_RFLAGS_AF	(1ull << 4)
#define EMUL_RFLAGS_ZF	(1ull << 6)
#define EMUL_RFLAGS_SF	(1ull << 7)
#define EMUL_RFLAGS_TF	(1ull << 8)
#define EMUL_RFLAGS_DF	(1ull << 10)
#define EMUL_RFLAGS_OF	(1ull << 11)
#define EMUL_RFLAGS_RF	(1ull << 16)
#define EMUL_RFLAGS_VM	(1ull << 17)
#define EMUL_RFLAGS_AC	(1ull << 18)
#define EMUL_RFLAGS_ALU	(EMUL_RFLAGS_CF | EMUL_RFLAGS_PF | EMUL_RFLAGS_AF | \
			 EMUL_RFLAGS_ZF | EMUL_RFLAGS_SF | EMUL_RFLAGS_OF)

enum emul_vector {
	EMUL_VEC_UD = 6, EMUL_VEC_NM = 7, EMUL_VEC_SS = 12, EMUL_VEC_GP = 13,
	EMUL_VEC_AC = 17,
};

#define EMUL_PAGE_SIZE	4096u

/* A memory operand after segmentation: one piece, or two in two pages. */
struct emul_mem {
	u64 addr[2];		/* linear */
	u16 len[2];
	u8 nr;			/* pieces */
	bool checked;		/* prepare() has seen all pieces */
};

/* An r/m operand with the value read from it. */
struct emul_rm {
	struct emul_mem mem;
	u64 val;
	bool is_mem;
};

static inline u64 emulate_mask(unsigned int size)
{
	return size >= 8 ? ~0ull : (1ull << (8 * size)) - 1;
}

static inline s64 emulate_sext(u64 val, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (s64)(val << shift) >> shift;
}

/* The size of an operand in the alternatives 16, 32, 64 bits, as log2 bits. */
static inline unsigned int emulate_log2_bits(unsigned int size)
{
	return size == 8 ? 6 : size == 4 ? 5 : size == 2 ? 4 : 3;
}

/* emulate.c */

/* Fill in an exception; with error code 0 where the vector has one. */
int emulate_raise(struct emul_ctxt *c, enum emul_vector vector);
const struct emul_segment *emulate_segment(struct emul_ctxt *c,
					   enum emul_seg seg);

/* emulate_decode.c: from emulate_set_mode() on */
int emulate_decode_insn(struct emul_ctxt *c);

/* emulate_table.c: NULL if the opcode is not known */
const struct emul_opcode *emulate_lookup(unsigned int map, u8 opcode);

/* emulate_mem.c */

/* The value of register reg; a byte register without REX may be AH to BH. */
u64 emulate_reg_read(const struct emul_ctxt *c, unsigned int reg,
		     unsigned int size);
/* Write a register: 32 bits clear the upper half, fewer leave the rest. */
void emulate_reg_write(struct emul_ctxt *c, unsigned int reg,
		       unsigned int size, u64 val);
void emulate_flags_write(struct emul_ctxt *c, u64 rflags);

/* SDM 1, 3.3.7.1 */
bool emulate_canonical(const struct emul_ctxt *c, u64 addr);
/*
 * Check size bytes at an offset in a segment for access and give the linear
 * address.  Alignment is not checked.
 */
int emulate_linear(struct emul_ctxt *c, enum emul_seg seg, u64 offset,
		   unsigned int size, unsigned int access, u64 *linear);
/* The same for an operand of up to 16 bytes, with the alignment check. */
int emulate_mem_map(struct emul_ctxt *c, enum emul_seg seg, u64 offset,
		    unsigned int size, unsigned int access,
		    struct emul_mem *m);
/* EMUL_OK, EMUL_MMIO if any of it is a device, or why it is impossible. */
int emulate_mem_prepare(struct emul_ctxt *c, struct emul_mem *m,
			unsigned int access);
/*
 * A destination that is checked before the source is read, because reading a
 * device may change it, has answered r: the source's own fault goes first.
 */
int emulate_mem_first_fault(struct emul_ctxt *c, struct emul_mem *src, int r);
int emulate_mem_read(struct emul_ctxt *c, const struct emul_mem *m, void *buf,
		     unsigned int access);
int emulate_mem_write(struct emul_ctxt *c, struct emul_mem *m,
		      const void *buf, unsigned int access);
/* Write new if memory still has old: LOCKed, where the operations can. */
int emulate_mem_replace(struct emul_ctxt *c, struct emul_mem *m,
			const void *old, const void *new);

/* The offset of the instruction's memory operand, cut to the address size. */
u64 emulate_ea(const struct emul_ctxt *c);
/* Map the r/m operand, if it is memory. */
int emulate_rm_map(struct emul_ctxt *c, struct emul_rm *rm, unsigned int size,
		   unsigned int access);
/* Map and read the r/m operand. */
int emulate_rm_read(struct emul_ctxt *c, struct emul_rm *rm, unsigned int size,
		    unsigned int access);
/* Write it; atomically after a read if the instruction is locked. */
int emulate_rm_write(struct emul_ctxt *c, struct emul_rm *rm,
		     unsigned int size, u64 val, bool locked);
/* Translate an answer of write or io_out for the caller of a handler. */
int emulate_posted(struct emul_ctxt *c, int r);

/* emulate_alu.c */

/*
 * The result of an operation on size bytes; *rflags is updated.  Undefined
 * flags become what CPUs make of them.  For CMP and TEST the result is not to
 * be stored.
 */
u64 emulate_alu(enum emul_alu_op op, unsigned int size, u64 a, u64 b,
		u64 *rflags);
/* Condition code 0 to 15 of Jcc, SETcc, CMOVcc. */
bool emulate_cond(u64 rflags, unsigned int cc);

/* Handlers; struct emul_opcode.arg is given in the tables. */
int emulate_exec_alu(struct emul_ctxt *c);
int emulate_exec_alu_imm(struct emul_ctxt *c);
int emulate_exec_alu_unary(struct emul_ctxt *c);
int emulate_exec_mov_store(struct emul_ctxt *c);
int emulate_exec_mov_load(struct emul_ctxt *c);
int emulate_exec_mov_imm(struct emul_ctxt *c);
int emulate_exec_movnti(struct emul_ctxt *c);
int emulate_exec_mov_sreg(struct emul_ctxt *c);
int emulate_exec_moffs_load(struct emul_ctxt *c);
int emulate_exec_moffs_store(struct emul_ctxt *c);
int emulate_exec_movzx(struct emul_ctxt *c);
int emulate_exec_movsx(struct emul_ctxt *c);
int emulate_exec_movbe_load(struct emul_ctxt *c);
int emulate_exec_movbe_store(struct emul_ctxt *c);
int emulate_exec_xchg(struct emul_ctxt *c);
int emulate_exec_xadd(struct emul_ctxt *c);
int emulate_exec_cmpxchg(struct emul_ctxt *c);
int emulate_exec_cmpxchg2(struct emul_ctxt *c);
int emulate_exec_bit_reg(struct emul_ctxt *c);
int emulate_exec_bit_imm(struct emul_ctxt *c);
int emulate_exec_setcc(struct emul_ctxt *c);
int emulate_exec_cmov(struct emul_ctxt *c);
int emulate_exec_push_rm(struct emul_ctxt *c);
int emulate_exec_push_reg(struct emul_ctxt *c);
int emulate_exec_push_imm(struct emul_ctxt *c);
int emulate_exec_pop_rm(struct emul_ctxt *c);
int emulate_exec_pop_reg(struct emul_ctxt *c);
int emulate_exec_string(struct emul_ctxt *c);
int emulate_exec_sse_load(struct emul_ctxt *c);
int emulate_exec_sse_store(struct emul_ctxt *c);

#endif /* XKVM_X86_EMULATE_PRIV_H */
