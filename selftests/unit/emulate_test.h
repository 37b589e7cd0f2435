/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unit test of the instruction emulator: what its parts share.
 *
 * emulate_test.c     main, TAP
 * emulate_machine.c  a small machine behind struct emul_ops
 * emulate_cases.c    runs tables of instructions with fixed expectations
 * emulate_cases_*.c  the tables
 * emulate_decodes.c  a table of encodings and what they decode to
 * emulate_tasks.c    task switches
 * emulate_left_out.c every opcode is known or listed as left out
 * emulate_native.c   the same instruction on the CPU and in the emulator
 * emulate_gate.c     runs an instruction on the CPU
 * emulate_random.c   makes the instructions for that, from
 * emulate_templates.c
 * emulate_fuzz.c     random bytes
 */
#ifndef EMULATE_TEST_H
#define EMULATE_TEST_H

#include "../../kvm/x86/emulate.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

/* One TAP line; detail has gone out before, with tap_note(). */
void tap_result(bool passed, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void tap_left_out(const char *what, const char *why);
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Deterministic random numbers. */
struct rnd {
	u64 state;
};

u64 rnd_next(struct rnd *r);
/* 0 to limit - 1; limit is not 0. */
u32 rnd_below(struct rnd *r, u32 limit);
/* True once in n times. */
bool rnd_once(struct rnd *r, u32 n);

/*
 * The machine.  Linear addresses 0 to MACHINE_RAM are memory; the windows
 * behind are a page each, some also reachable where the comment says.
 */
enum {
	MACHINE_RAM	= 0x20000,
	MACHINE_MMIO	= 0x20000,	/* two pages of device */
	MACHINE_ABSENT	= 0x22000,	/* page fault */
	MACHINE_RO	= 0x23000,	/* page fault on write */
	MACHINE_TOP32	= 0x24000,	/* 0xfffff000 */
	MACHINE_TOP47	= 0x25000,	/* 0x00007ffffffff000 */
	MACHINE_BOT48	= 0x26000,	/* 0xffff800000000000 */
	MACHINE_SIZE	= 0x27000,
};

#define MACHINE_CODE	0x8000		/* default RIP */
#define MACHINE_GDT	0x6000		/* 16 entries */

enum machine_mode {
	MACHINE_REAL, MACHINE_VM86, MACHINE_P16, MACHINE_P32, MACHINE_C32,
	MACHINE_P64,
};

struct machine {
	struct emul_ctxt c;
	struct emul_segment seg[EMUL_NR_SELECTORS];
	struct emul_table_reg table[2];
	u64 cr[4];			/* 0 and 3 as they were set */
	u8 xmm[16][16];
	u8 mmx[8][8];
	bool x87_pending;
	u8 mem[MACHINE_SIZE];
	/* reads of devices that have their data */
	u64 ready_addr[8];
	unsigned int nr_ready;
	u64 pending;			/* address of the one that has not */
	/* port I/O */
	u8 out[1024];
	unsigned int nr_out;
	u8 in_next;			/* next byte that a port reads as */
	bool in_ready;
	unsigned int io_max;
	bool lose_race;			/* cmpxchg fails once */
	/* what the operations saw */
	unsigned int nr_reads, nr_writes, nr_locked, nr_need_io, nr_calls;
	unsigned int writes_in_step;
	u64 step_at;
	const char *broken;		/* a rule of emulate.h that was not kept */
};

void machine_init(struct machine *m, enum machine_mode mode);
/* Put code at CS:RIP. */
void machine_load(struct machine *m, const u8 *code, unsigned int len);
/*
 * Run one instruction to its end, as a vCPU loop does; checks the rules about
 * what may change.  Gives the last answer.
 */
int machine_run(struct machine *m);
/* Where a linear address is in mem[], or -1. */
long machine_offset(u64 addr);

/* The test's parts; each prints its TAP lines. */
void emulate_test_cases(void);
void emulate_test_decodes(void);
void emulate_test_left_out(void);
void emulate_test_tasks(void);
void emulate_test_native(u64 seed, unsigned int count);
void emulate_test_fuzz(u64 seed, unsigned int count);

#endif /* EMULATE_TEST_H */
