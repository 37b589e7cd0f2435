/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of instructions with fixed expectations.
 *
 * in and out are words separated by blanks:
 *
 *	rax=12		a register (also rip, fl for RFLAGS, cr0, cr4, cpl),
 *			hexadecimal, as all numbers here
 *	[20000]=1234	bytes at a linear address, in order of addresses
 *	ds.limit=ff	a segment's base, limit, type, db, unusable, selector;
 *			ld and tr are LDTR and TR; desc=, after selector=, is
 *			the rest of it as a descriptor says
 *	gdt.base=, idt.limit=	descriptor table registers
 *	mm3=0011...	8 bytes of an MMX register
 *	x3=0011...	16 bytes of an XMM register
 *	mf, cnt, shadow	an x87 exception is pending; TZCNT and LZCNT exist;
 *			events wait for the next instruction
 *	io.max=1, race	the port takes one element at a time; cmpxchg fails once
 *
 * out begins with the answer: nothing for EMUL_OK, "un" for EMUL_UNHANDLED, or
 * the exception "de", "br", "ud", "nm", "ts", "np", "ss", "gp", "pf", "mf", "ac", which has error code err=,
 * 0 if not given, or none in real mode and where there is never one; cr2= is
 * the address of a page fault.  Further
 *
 *	io=4142		all that went out to ports
 *	need=2		how many times data had to come from outside
 *	locked=1	how many locked writes there were
 *	calls=2		how many calls of the emulator it took
 *
 * Whatever out does not name must be as before, RIP behind the instruction if
 * it is complete.
 */
#ifndef EMULATE_CASES_H
#define EMULATE_CASES_H

#include "emulate_test.h"

struct emulate_case {
	enum machine_mode mode;
	const char *text;	/* for the reader */
	const char *code;	/* bytes in hexadecimal */
	const char *in;
	const char *out;
};

struct emulate_cases {
	const char *name;
	const struct emulate_case *cases;
	unsigned int nr;
};

#define EMULATE_CASES(title, table) \
	{ .name = title, .cases = table, .nr = ARRAY_SIZE(table) }

extern const struct emulate_cases emulate_cases_legacy[];
extern const unsigned int emulate_cases_legacy_nr;
extern const struct emulate_cases emulate_cases_system[];
extern const unsigned int emulate_cases_system_nr;
extern const struct emulate_cases emulate_cases_64[];
extern const unsigned int emulate_cases_64_nr;

#endif /* EMULATE_CASES_H */
