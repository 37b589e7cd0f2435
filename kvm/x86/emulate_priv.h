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
 * emulate_shift.c   shifts and rotates
 * emulate_muldiv.c  multiplication, division, bounds
 * emulate_bits.c    bit scans, CRC32, instructions with VEX
 * emulate_stack.c   push and pop
 * emulate_branch.c  jumps, calls and returns
 * emulate_desc.c    descriptors, loads of segment registers
 * emulate_system.c  descriptor table registers, machine status word, LAR, ...
 * emulate_task.c    task switches
 * emulate_mmx.c     moves between MMX registers and memory
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
#define EMUL_F_F64	(1u << 13)	/* operand size is 8 in 64-bit mode, always */
#define EMUL_F_IMM16	(1u << 14)	/* 16-bit immediate */
#define EMUL_F_PROT	(1u << 15)	/* #UD in real mode and VM86 */
#define EMUL_F_VEX	(1u << 16)	/* only with VEX, which has no L */

struct emul_opcode {
	int (*exec)(struct emul_ctxt *c);
	const struct emul_opcode *group;	/* eight, by ModRM.reg */
	u32 flags;
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
	EMUL_VEC_DE = 0, EMUL_VEC_BR = 5, EMUL_VEC_UD = 6, EMUL_VEC_NM = 7,
	EMUL_VEC_TS = 10, EMUL_VEC_NP = 11, EMUL_VEC_SS = 12, EMUL_VEC_GP = 13,
	EMUL_VEC_PF = 14, EMUL_VEC_MF = 16, EMUL_VEC_AC = 17,
};

/* RFLAGS.IOPL */
static inline unsigned int emulate_iopl(u64 rflags)
{
	return (rflags >> 12) & 3;
}

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
/* The same with an error code. */
int emulate_raise_error(struct emul_ctxt *c, enum emul_vector vector, u32 error);
const struct emul_segment *emulate_segment(struct emul_ctxt *c,
					   enum emul_seg seg);
/* Forget the results of the last instruction; find out in which mode this is. */
void emulate_begin(struct emul_ctxt *c);
void emulate_set_mode(struct emul_ctxt *c);

/* emulate_decode.c: from emulate_set_mode() on */
int emulate_decode_insn(struct emul_ctxt *c);

/* emulate_table.c: NULL if the opcode is not known */
const struct emul_opcode *emulate_lookup(bool vex, unsigned int map, u8 opcode);

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
/* The same for an operand whose alignment is not its size: SDM 3, table 6-7. */
int emulate_mem_map_aligned(struct emul_ctxt *c, enum emul_seg seg, u64 offset,
			    unsigned int size, unsigned int align,
			    unsigned int access, struct emul_mem *m);
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

/* emulate_stack.c */

/* Bytes of the stack pointer that count. */
unsigned int emulate_stack_width(struct emul_ctxt *c);
/* Push; RSP moves if it is EMUL_OK. */
int emulate_push(struct emul_ctxt *c, u64 val, unsigned int size);

/* emulate_branch.c: #GP(0) unless RIP may be target after the instruction */
int emulate_branch_check(struct emul_ctxt *c, u64 target, u64 *rip);

/* emulate_desc.c */

/* A descriptor as it is in memory; hi is 0 unless it has 16 bytes. */
struct emul_desc {
	u64 lo, hi;
	u64 addr;		/* linear */
};

/* Type field with the S bit as bit 4. */
static inline unsigned int emulate_desc_type(const struct emul_desc *d)
{
	return (d->lo >> 40) & 0x1f;
}

static inline unsigned int emulate_desc_dpl(const struct emul_desc *d)
{
	return (d->lo >> 45) & 3;
}

static inline bool emulate_desc_present(const struct emul_desc *d)
{
	return (d->lo >> 47) & 1;
}

static inline bool emulate_desc_is_code(const struct emul_desc *d)
{
	return (emulate_desc_type(d) & 0x18) == 0x18;
}

static inline bool emulate_desc_conforms(const struct emul_desc *d)
{
	return emulate_desc_is_code(d) && (emulate_desc_type(d) & 4);
}

/* Whether the operations for descriptors are there. */
static inline bool emulate_desc_ops(const struct emul_ctxt *c)
{
	return c->ops->read_system && c->ops->write_system &&
	       c->ops->set_segment && c->ops->get_table;
}

/*
 * Read the descriptor of a selector: EMUL_OK, or EMUL_EXCEPTION with vector
 * bad and the selector as error code if it is outside its table.
 */
int emulate_desc_read(struct emul_ctxt *c, u16 selector,
		      enum emul_vector bad, struct emul_desc *d);
/* Read the upper half of a system descriptor, if the mode has one. */
int emulate_desc_read_high(struct emul_ctxt *c, u16 selector,
			   enum emul_vector bad, struct emul_desc *d);
void emulate_desc_parse(const struct emul_desc *d, u16 selector,
			struct emul_segment *s);
/* Set bits of the type field in memory, and in d. */
int emulate_desc_set_type(struct emul_ctxt *c, struct emul_desc *d,
			  unsigned int bits);
/* Write a segment register and what the emulator remembers of it. */
void emulate_segment_write(struct emul_ctxt *c, enum emul_seg seg,
			   const struct emul_segment *s);
/*
 * Load ES, SS, DS, FS or GS as MOV does, in protected mode with all checks;
 * bad is #GP, or #TS in a task switch.  EMUL_OK or nothing has changed.
 */
int emulate_segment_load(struct emul_ctxt *c, enum emul_seg seg, u16 selector,
			 enum emul_vector bad);
/* Load LDTR as LLDT does. */
int emulate_ldtr_load(struct emul_ctxt *c, u16 selector, enum emul_vector bad);

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
int emulate_exec_shift(struct emul_ctxt *c);
int emulate_exec_double_shift(struct emul_ctxt *c);
int emulate_exec_mul(struct emul_ctxt *c);
int emulate_exec_div(struct emul_ctxt *c);
int emulate_exec_imul(struct emul_ctxt *c);
int emulate_exec_bound(struct emul_ctxt *c);
int emulate_exec_bsf(struct emul_ctxt *c);
int emulate_exec_bsr(struct emul_ctxt *c);
int emulate_exec_popcnt(struct emul_ctxt *c);
int emulate_exec_crc_movbe_load(struct emul_ctxt *c);
int emulate_exec_crc_movbe_store(struct emul_ctxt *c);
int emulate_exec_adx(struct emul_ctxt *c);
int emulate_exec_andn(struct emul_ctxt *c);
int emulate_exec_bls(struct emul_ctxt *c);
int emulate_exec_bzhi_pdep(struct emul_ctxt *c);
int emulate_exec_mulx(struct emul_ctxt *c);
int emulate_exec_shiftx(struct emul_ctxt *c);
int emulate_exec_rorx(struct emul_ctxt *c);
int emulate_exec_xlat(struct emul_ctxt *c);
int emulate_exec_movsxd(struct emul_ctxt *c);
int emulate_exec_arpl(struct emul_ctxt *c);
int emulate_exec_pusha(struct emul_ctxt *c);
int emulate_exec_popa(struct emul_ctxt *c);
int emulate_exec_pushf(struct emul_ctxt *c);
int emulate_exec_popf(struct emul_ctxt *c);
int emulate_exec_enter(struct emul_ctxt *c);
int emulate_exec_leave(struct emul_ctxt *c);
int emulate_exec_push_sreg(struct emul_ctxt *c);
int emulate_exec_pop_sreg(struct emul_ctxt *c);
int emulate_exec_jmp_rm(struct emul_ctxt *c);
int emulate_exec_call_rm(struct emul_ctxt *c);
int emulate_exec_jmp_far(struct emul_ctxt *c);
int emulate_exec_call_far(struct emul_ctxt *c);
int emulate_exec_call_rel(struct emul_ctxt *c);
int emulate_exec_ret(struct emul_ctxt *c);
int emulate_exec_ret_far(struct emul_ctxt *c);
int emulate_exec_mov_to_sreg(struct emul_ctxt *c);
int emulate_exec_load_far_pointer(struct emul_ctxt *c);
int emulate_exec_sldt(struct emul_ctxt *c);
int emulate_exec_str(struct emul_ctxt *c);
int emulate_exec_lldt(struct emul_ctxt *c);
int emulate_exec_ltr(struct emul_ctxt *c);
int emulate_exec_verr(struct emul_ctxt *c);
int emulate_exec_verw(struct emul_ctxt *c);
int emulate_exec_sgdt(struct emul_ctxt *c);
int emulate_exec_lgdt(struct emul_ctxt *c);
int emulate_exec_smsw(struct emul_ctxt *c);
int emulate_exec_lmsw(struct emul_ctxt *c);
int emulate_exec_lar(struct emul_ctxt *c);
int emulate_exec_clflush(struct emul_ctxt *c);
int emulate_exec_mmx_load(struct emul_ctxt *c);
int emulate_exec_mmx_store(struct emul_ctxt *c);
int emulate_exec_mmx_movd_load(struct emul_ctxt *c);
int emulate_exec_mmx_movd_store(struct emul_ctxt *c);

#endif /* XKVM_X86_EMULATE_PRIV_H */
