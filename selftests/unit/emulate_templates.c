// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instructions that emulate_random.c makes: encodings by the opcode maps
 * of SDM 2, appendix A, with the flags that are undefined afterwards.
 */
#include "emulate_native.h"

#define CF	0x001
#define PF	0x004
#define AF	0x010
#define ZF	0x040
#define SF	0x080
#define OF	0x800
#define BT_UNDEFINED	(PF | AF | SF | OF)

#define ALU_RM(n, op, lock, undef)					\
	{ n, 0, 0, op, -1, MODRM | BYTE | (lock), undef },		\
	{ n, 0, 0, (op) + 1, -1, MODRM | (lock), undef },		\
	{ n, 0, 0, (op) + 2, -1, MODRM | BYTE, undef },			\
	{ n, 0, 0, (op) + 3, -1, MODRM, undef }

#define ALU_IMM(n, ext, lock, undef)					\
	{ n, 0, 0, 0x80, ext, MODRM | BYTE | IMM8 | (lock), undef },	\
	{ n, 0, 0, 0x81, ext, MODRM | IMMZ | (lock), undef },		\
	{ n, 0, 0, 0x83, ext, MODRM | IMM8 | (lock), undef }

#define BOTH(n, op, ext, f, undef)					\
	{ n, 0, 0, op, ext, (f) | BYTE, undef },			\
	{ n, 0, 0, (op) + 1, ext, f, undef }

#define BOTH_0F(n, op, f, undef)					\
	{ n, 0, 1, op, -1, (f) | BYTE, undef },				\
	{ n, 0, 1, (op) + 1, -1, f, undef }

#define BIT(n, op, ext, lock)						\
	{ n, 0, 1, op, -1, MODRM | BITREG | (lock), BT_UNDEFINED },	\
	{ n, 0, 1, 0xba, ext, MODRM | IMM8 | (lock), BT_UNDEFINED }

#define MOVE(n, prefix, op) { n, prefix, 1, op, -1, \
			      MODRM | MEMORY | NO66 | SSE, 0 }

#define SHIFT(n, ext, undef)						\
	BOTH(n " imm", 0xc0, ext, MODRM | IMM8 | COUNT, undef),		\
	BOTH(n " 1", 0xd0, ext, MODRM, undef),				\
	BOTH(n " cl", 0xd2, ext, MODRM | COUNT, undef)

#define VEX_INSN(n, prefix, map, op, ext, f, undef, needs) \
	{ n, prefix, map, op, ext, MODRM | VEX | NO66 | (f), undef, needs }

const struct native_template native_templates[] = {
	SHIFT("rol", 0, OF), SHIFT("ror", 1, OF), SHIFT("rcl", 2, OF),
	SHIFT("rcr", 3, OF), SHIFT("shl", 4, AF | OF), SHIFT("shr", 5, AF | OF),
	SHIFT("sal", 6, AF | OF), SHIFT("sar", 7, AF | OF),
	{ "shld", 0, 1, 0xa4, -1, MODRM | IMM8 | COUNT, AF | OF },
	{ "shld cl", 0, 1, 0xa5, -1, MODRM | COUNT, AF | OF },
	{ "shrd", 0, 1, 0xac, -1, MODRM | IMM8 | COUNT, AF | OF },
	{ "shrd cl", 0, 1, 0xad, -1, MODRM | COUNT, AF | OF },
	BOTH("mul", 0xf6, 4, MODRM, SF | ZF | AF | PF),
	BOTH("imul", 0xf6, 5, MODRM, SF | ZF | AF | PF),
	BOTH("div", 0xf6, 6, MODRM, CF | BT_UNDEFINED | ZF),
	BOTH("idiv", 0xf6, 7, MODRM, CF | BT_UNDEFINED | ZF),
	{ "imul 2", 0, 1, 0xaf, -1, MODRM, SF | ZF | AF | PF },
	{ "imul 3", 0, 0, 0x69, -1, MODRM | IMMZ, SF | ZF | AF | PF },
	{ "imul 3", 0, 0, 0x6b, -1, MODRM | IMM8, SF | ZF | AF | PF },
	/* CPUs differ in the upper half of a register if the source is 0. */
	{ "bsf", 0, 1, 0xbc, -1, MODRM | MEMORY, CF | BT_UNDEFINED },
	{ "bsr", 0, 1, 0xbd, -1, MODRM | MEMORY, CF | BT_UNDEFINED },
	{ "tzcnt", 0xf3, 1, 0xbc, -1, MODRM | MEMORY, BT_UNDEFINED },
	{ "lzcnt", 0xf3, 1, 0xbd, -1, MODRM | MEMORY, BT_UNDEFINED },
	{ "popcnt", 0xf3, 1, 0xb8, -1, MODRM, 0, NATIVE_POPCNT },
	{ "crc32 byte", 0xf2, 2, 0xf0, -1, MODRM, 0, NATIVE_CRC32 },
	{ "crc32", 0xf2, 2, 0xf1, -1, MODRM, 0, NATIVE_CRC32 },
	{ "adcx", 0x66, 2, 0xf6, -1, MODRM | NO66, 0, NATIVE_ADX },
	{ "adox", 0xf3, 2, 0xf6, -1, MODRM | NO66, 0, NATIVE_ADX },
	VEX_INSN("andn", 0, 2, 0xf2, -1, 0, AF | PF, NATIVE_BMI1),
	VEX_INSN("blsr", 0, 2, 0xf3, 1, 0, AF | PF, NATIVE_BMI1),
	VEX_INSN("blsmsk", 0, 2, 0xf3, 2, 0, AF | PF, NATIVE_BMI1),
	VEX_INSN("blsi", 0, 2, 0xf3, 3, 0, AF | PF, NATIVE_BMI1),
	VEX_INSN("bextr", 0, 2, 0xf7, -1, 0, AF | SF | PF, NATIVE_BMI1),
	VEX_INSN("bzhi", 0, 2, 0xf5, -1, 0, AF | PF, NATIVE_BMI2),
	VEX_INSN("pdep", 0xf2, 2, 0xf5, -1, 0, 0, NATIVE_BMI2),
	VEX_INSN("pext", 0xf3, 2, 0xf5, -1, 0, 0, NATIVE_BMI2),
	VEX_INSN("mulx", 0xf2, 2, 0xf6, -1, 0, 0, NATIVE_BMI2),
	VEX_INSN("shlx", 0x66, 2, 0xf7, -1, 0, 0, NATIVE_BMI2),
	VEX_INSN("shrx", 0xf2, 2, 0xf7, -1, 0, 0, NATIVE_BMI2),
	VEX_INSN("sarx", 0xf3, 2, 0xf7, -1, 0, 0, NATIVE_BMI2),
	VEX_INSN("rorx", 0xf2, 3, 0xf0, -1, IMM8, 0, NATIVE_BMI2),
	{ "bound", 0, 0, 0x62, -1, MODRM | MEMORY | NOT64 | TWO, 0 },
	{ "arpl", 0, 0, 0x63, -1, MODRM | NOT64, 0 },
	{ "verr", 0, 1, 0x00, 4, MODRM | SELECTOR, 0 },
	{ "verw", 0, 1, 0x00, 5, MODRM | SELECTOR, 0 },
	{ "lar", 0, 1, 0x02, -1, MODRM | SELECTOR, 0 },
	{ "lsl", 0, 1, 0x03, -1, MODRM | SELECTOR, 0 },
	{ "mov to sreg", 0, 0, 0x8e, -1, MODRM | SELECTOR | LOADS, 0 },
	{ "les", 0, 0, 0xc4, -1, MODRM | MEMORY | SELECTOR | TWO | NOT64, 0 },
	{ "lds", 0, 0, 0xc5, -1, MODRM | MEMORY | SELECTOR | TWO | NOT64, 0 },
	{ "lss", 0, 1, 0xb2, -1, MODRM | MEMORY | SELECTOR | TWO, 0 },
	{ "lgs", 0, 1, 0xb5, -1, MODRM | MEMORY | SELECTOR | TWO, 0 },
	{ "pusha", 0, 0, 0x60, -1, STACK | NOT64 | ALL, 0 },
	{ "popa", 0, 0, 0x61, -1, STACK | NOT64 | ALL, 0 },
	{ "pushf", 0, 0, 0x9c, -1, STACK, 0 },
	{ "enter", 0, 0, 0xc8, -1, STACK | ENTERS, 0 },
	{ "leave", 0, 0, 0xc9, -1, STACK | FRAME, 0 },
	ALU_RM("add", 0x00, LOCKS, 0), ALU_RM("or", 0x08, LOCKS, AF),
	ALU_RM("adc", 0x10, LOCKS, 0), ALU_RM("sbb", 0x18, LOCKS, 0),
	ALU_RM("and", 0x20, LOCKS, AF), ALU_RM("sub", 0x28, LOCKS, 0),
	ALU_RM("xor", 0x30, LOCKS, AF), ALU_RM("cmp", 0x38, 0, 0),
	ALU_IMM("add imm", 0, LOCKS, 0), ALU_IMM("or imm", 1, LOCKS, AF),
	ALU_IMM("adc imm", 2, LOCKS, 0), ALU_IMM("sbb imm", 3, LOCKS, 0),
	ALU_IMM("and imm", 4, LOCKS, AF), ALU_IMM("sub imm", 5, LOCKS, 0),
	ALU_IMM("xor imm", 6, LOCKS, AF), ALU_IMM("cmp imm", 7, 0, 0),
	BOTH("test", 0x84, -1, MODRM, AF),
	{ "test imm", 0, 0, 0xf6, 0, MODRM | BYTE | IMM8, AF },
	{ "test imm", 0, 0, 0xf7, 0, MODRM | IMMZ, AF },
	{ "test imm", 0, 0, 0xf7, 1, MODRM | IMMZ, AF },
	BOTH("not", 0xf6, 2, MODRM | LOCKS, 0),
	BOTH("neg", 0xf6, 3, MODRM | LOCKS, 0),
	BOTH("inc", 0xfe, 0, MODRM | LOCKS, 0),
	BOTH("dec", 0xfe, 1, MODRM | LOCKS, 0),
	BOTH("mov store", 0x88, -1, MODRM, 0),
	BOTH("mov load", 0x8a, -1, MODRM, 0),
	{ "mov imm", 0, 0, 0xc6, 0, MODRM | BYTE | IMM8, 0 },
	{ "mov imm", 0, 0, 0xc7, 0, MODRM | IMMZ, 0 },
	BOTH("mov moffs load", 0xa0, -1, MOFFS, 0),
	BOTH("mov moffs store", 0xa2, -1, MOFFS, 0),
	{ "mov sreg", 0, 0, 0x8c, -1, MODRM | SREG, 0 },
	{ "movzx 8", 0, 1, 0xb6, -1, MODRM, 0 },
	{ "movzx 16", 0, 1, 0xb7, -1, MODRM, 0 },
	{ "movsx 8", 0, 1, 0xbe, -1, MODRM, 0 },
	{ "movsx 16", 0, 1, 0xbf, -1, MODRM, 0 },
	/* ... and in how much MOVSXD with 66 reads. */
	{ "movsxd", 0, 0, 0x63, -1, MODRM | ONLY64 | NO66, 0 },
	{ "movbe load", 0, 2, 0xf0, -1, MODRM | MEMORY, 0, NATIVE_MOVBE },
	{ "movbe store", 0, 2, 0xf1, -1, MODRM | MEMORY, 0, NATIVE_MOVBE },
	{ "movnti", 0, 1, 0xc3, -1, MODRM | MEMORY | NO66, 0 },
	BOTH("xchg", 0x86, -1, MODRM | LOCKS | LOCKED, 0),
	BOTH_0F("xadd", 0xc0, MODRM | LOCKS, 0),
	/* CPUs differ in the upper half of a register that is not equal. */
	BOTH_0F("cmpxchg", 0xb0, MODRM | MEMORY | LOCKS | ACC, 0),
	/* ... and CMPXCHG16B with REX.W. */
	{ "cmpxchg8b", 0, 1, 0xc7, 1, MODRM | MEMORY | LOCKS | PAIR, 0,
	  NATIVE_CX16 },
	BIT("bt", 0xa3, 4, 0), BIT("bts", 0xab, 5, LOCKS),
	BIT("btr", 0xb3, 6, LOCKS), BIT("btc", 0xbb, 7, LOCKS),
	{ "setb", 0, 1, 0x92, 0, MODRM | BYTE, 0 },
	{ "setle", 0, 1, 0x9e, 0, MODRM | BYTE, 0 },
	{ "setnp", 0, 1, 0x9b, 0, MODRM | BYTE, 0 },
	{ "cmovo", 0, 1, 0x40, -1, MODRM, 0 },
	{ "cmova", 0, 1, 0x47, -1, MODRM, 0 },
	{ "cmovge", 0, 1, 0x4d, -1, MODRM, 0 },
	{ "push", 0, 0, 0xff, 6, MODRM | STACK, 0 },
	{ "pop", 0, 0, 0x8f, 0, MODRM | STACK, 0 },
	{ "push reg", 0, 0, 0x50, -1, STACK | OPREG, 0 },
	{ "pop reg", 0, 0, 0x58, -1, STACK | OPREG, 0 },
	{ "push imm", 0, 0, 0x68, -1, STACK | IMMZ, 0 },
	{ "push imm", 0, 0, 0x6a, -1, STACK | IMM8, 0 },
	BOTH("movs", 0xa4, -1, STRING, 0), BOTH("movs", 0xa4, -1, STRING, 0),
	BOTH("cmps", 0xa6, -1, STRING | TWO, 0),
	BOTH("cmps", 0xa6, -1, STRING | TWO, 0),
	BOTH("stos", 0xaa, -1, STRING, 0), BOTH("stos", 0xaa, -1, STRING, 0),
	BOTH("lods", 0xac, -1, STRING, 0), BOTH("scas", 0xae, -1, STRING, 0),
	MOVE("movups load", 0, 0x10), MOVE("movups store", 0, 0x11),
	MOVE("movss load", 0xf3, 0x10), MOVE("movss store", 0xf3, 0x11),
	MOVE("movsd load", 0xf2, 0x10), MOVE("movsd store", 0xf2, 0x11),
	MOVE("movapd load", 0x66, 0x28), MOVE("movaps store", 0, 0x29),
	MOVE("movntps", 0, 0x2b), MOVE("movd load", 0x66, 0x6e),
	MOVE("movd store", 0x66, 0x7e), MOVE("movdqa load", 0x66, 0x6f),
	MOVE("movdqu load", 0xf3, 0x6f), MOVE("movdqa store", 0x66, 0x7f),
	MOVE("movdqu store", 0xf3, 0x7f), MOVE("movq load", 0xf3, 0x7e),
	MOVE("movq store", 0x66, 0xd6), MOVE("movntdq", 0x66, 0xe7),
	{ "lddqu", 0xf2, 1, 0xf0, -1, MODRM | MEMORY | NO66 | SSE, 0,
	  NATIVE_SSE3 },
};

const unsigned int native_templates_nr =
	ARRAY_SIZE(native_templates);
