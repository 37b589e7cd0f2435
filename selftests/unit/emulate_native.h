/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The same instruction on the CPU and in the emulator: what the maker of
 * instructions (emulate_random.c) and the runner (emulate_native.c) share.
 *
 * Memory operands lie in a scratch area of three pages, two writable and one
 * read-only, with guards around it that fault.
 */
#ifndef EMULATE_NATIVE_H
#define EMULATE_NATIVE_H

#include "emulate_test.h"

#define NATIVE_STATE	0x10000000ul	/* registers, see the assembler */
#define NATIVE_GATE	0x10001000ul	/* the assembler itself */
#define NATIVE_CODE	0x10002000ul	/* two pages for the instruction */
#define NATIVE_GUARD	0x10400000ul	/* no access up to NATIVE_GUARD_END */
#define NATIVE_SCRATCH	0x10440000ul
#define NATIVE_GUARD_END 0x10480000ul
#define NATIVE_RW_SIZE	0x2000u
#define NATIVE_SIZE	0x3000u

/* Segments other than flat ones come from a local descriptor table. */
struct native_segment {
	struct emul_segment s;
	bool for_ds;		/* can be in DS, ES, GS */
	bool for_ss;
};

struct native_test {
	const char *name;
	unsigned int width;	/* 16, 32 or 64 */
	u8 code[24];
	unsigned int len;	/* of the instruction in it */
	u64 rip;		/* offset in the code segment */
	u64 regs[16];
	u64 rflags;
	u64 undefined;		/* flags that need not match */
	bool any_fault;		/* of several, a CPU may take any */
	bool any_regs;		/* and memory, after a fault: part may be done */
	bool repeated;		/* with a REP prefix */
	struct emul_segment seg[EMUL_NR_SEGS];	/* all but FS are used */
	u8 xmm[16][16];
	u8 scratch[NATIVE_SIZE];
};

/* What a run ended with. */
struct native_end {
	int vector;		/* -1: it completed */
	u64 error, address;
	u64 regs[16], rip, rflags;
	u8 xmm[16][16];
	u8 scratch[NATIVE_SIZE];
};

/*
 * emulate_gate.c: once, maps everything; false if that is impossible.  Then
 * fill in entries of the descriptor table, and run.
 */
bool gate_init(void);
bool gate_set_segment(unsigned int entry, const struct emul_segment *s);
void gate_run(const struct native_test *t, struct native_end *e);

/* What follows the opcode of a template, and what is special about it. */
#define MODRM	(1u << 0)
#define BYTE	(1u << 1)
#define IMM8	(1u << 2)
#define IMMZ	(1u << 3)
#define MOFFS	(1u << 4)
#define LOCKS	(1u << 5)	/* LOCK is legal */
#define LOCKED	(1u << 6)	/* locked without it */
#define MEMORY	(1u << 7)	/* no register form */
#define STRING	(1u << 8)
#define BITREG	(1u << 9)	/* reg is an offset into a bit string */
#define STACK	(1u << 10)
#define ONLY64	(1u << 11)
#define ACC	(1u << 12)	/* RAX is worth being equal to memory */
#define PAIR	(1u << 13)	/* RDX:RAX is */
#define NO66	(1u << 14)
#define SREG	(1u << 15)
#define OPREG	(1u << 16)	/* register in the opcode */
#define SSE	(1u << 17)	/* moves an XMM register */
#define TWO	(1u << 18)	/* two memory operands, faults in any order */
#define COUNT	(1u << 19)	/* a count below the operand's width, in CL or imm8 */
#define NOT64	(1u << 20)
#define VEX	(1u << 21)	/* map and prefix are in it */
#define SELECTOR (1u << 22)	/* the operand ends in a selector of the LDT */
#define LOADS	(1u << 23)	/* reg is ES, SS, DS or GS */
#define FRAME	(1u << 24)	/* the frame pointer points to the stack */
#define ENTERS	(1u << 25)	/* 16 bits, and a nesting of 0 or 1 */
#define ALL	(1u << 26)	/* several accesses, each done by itself */

struct native_template {
	const char *name;
	u8 prefix;		/* mandatory, 0 if there is none */
	u8 map;			/* 0, 1: 0F, 2: 0F 38, 3: 0F 3A */
	u8 opcode;
	s8 ext;			/* ModRM.reg, or -1 */
	u32 flags;
	u32 undefined;
	u8 needs;		/* enum native_feature */
};

/* Instructions that not every x86-64 CPU has. */
enum native_feature {
	NATIVE_ALWAYS, NATIVE_SSE3, NATIVE_MOVBE, NATIVE_CX16,
	NATIVE_POPCNT, NATIVE_CRC32, NATIVE_ADX, NATIVE_BMI1, NATIVE_BMI2,
	NATIVE_NR_FEATURES,
};

/* Whether this CPU has the feature. */
bool native_has(enum native_feature feature);

extern const struct native_template native_templates[];
extern const unsigned int native_templates_nr;

/*
 * Make a test for a width; t->scratch and t->seg[EMUL_CS] are given.  DS, ES,
 * SS and GS are chosen from segs, or flat with width 64.
 */
void native_random(struct rnd *r, struct native_test *t,
		   const struct native_segment *segs, unsigned int nr_segs);

#endif /* EMULATE_NATIVE_H */
