/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opcodes that the instruction emulator does not have, and why.
 *
 * Every opcode is either in emulate_table.c or here: the unit test walks both.
 * An instruction here whose operand lies in a device ends in
 * KVM_EXIT_INTERNAL_ERROR, or in #UD in the guest's user mode; nothing of it
 * has been carried out.  Some instructions of the table leave out a form:
 *
 *	far JMP and CALL through a gate or to a TSS, RET to an outer ring: the
 *	    pointer or the stack in a device, on an i386 that uses either
 *	ENTER with a nesting above 1: up to 62 accesses
 *	PUSHF and POPF in VM86 with CR4.VME
 *	MMX moves with an x87 exception pending and CR0.NE clear: IRQ 13
 */
#ifndef XKVM_X86_EMULATE_LEFT_OUT_H
#define XKVM_X86_EMULATE_LEFT_OUT_H

#include <linux/types.h>

struct emul_left_out {
	u8 map;			/* as in struct emul_insn */
	u8 first, last;
	s8 reg;			/* ModRM.reg of a group, or -1: all of it */
	const char *why;
};

#define LEFT_NONE	"no memory operand"
#define LEFT_PREFIX	"a prefix or an escape"
#define LEFT_UD		"no such instruction"
#define LEFT_NO_ACCESS	"a hint or an address: memory is not accessed"
#define LEFT_STACK	"only its stack could be a device: an interrupt frame"
#define LEFT_X87	"x87: its conversions and exceptions are a CPU's work"
#define LEFT_SIMD	"computes with vectors: no driver does so on a device"
#define LEFT_AREA	"saves or loads a context of many bytes"
#define LEFT_VIRT	"of instruction sets that guests do not have"

/* The forms of an ALU instruction with the accumulator and an immediate. */
#define LEFT_ALU(opcode)	{ 0, (opcode) + 4, (opcode) + 5, -1, LEFT_NONE }

static const struct emul_left_out emul_left_out[] = {
	LEFT_ALU(0x00), LEFT_ALU(0x08), LEFT_ALU(0x10), LEFT_ALU(0x18),
	LEFT_ALU(0x20), LEFT_ALU(0x28), LEFT_ALU(0x30), LEFT_ALU(0x38),
	{ 0, 0x0f, 0x0f, -1, LEFT_PREFIX },
	{ 0, 0x26, 0x27, -1, LEFT_NONE }, { 0, 0x2e, 0x2f, -1, LEFT_NONE },
	{ 0, 0x36, 0x37, -1, LEFT_NONE }, { 0, 0x3e, 0x4f, -1, LEFT_NONE },
	{ 0, 0x64, 0x67, -1, LEFT_PREFIX },
	{ 0, 0x70, 0x7f, -1, LEFT_NONE }, { 0, 0x8d, 0x8d, -1, LEFT_NO_ACCESS },
	{ 0, 0x8f, 0x8f, 1, LEFT_UD }, { 0, 0x8f, 0x8f, 2, LEFT_UD },
	{ 0, 0x8f, 0x8f, 3, LEFT_UD }, { 0, 0x8f, 0x8f, 4, LEFT_UD },
	{ 0, 0x8f, 0x8f, 5, LEFT_UD }, { 0, 0x8f, 0x8f, 6, LEFT_UD },
	{ 0, 0x8f, 0x8f, 7, LEFT_UD },
	{ 0, 0x90, 0x99, -1, LEFT_NONE }, { 0, 0x9a, 0x9a, -1, LEFT_STACK },
	{ 0, 0x9b, 0x9b, -1, LEFT_NONE }, { 0, 0x9e, 0x9f, -1, LEFT_NONE },
	{ 0, 0xa8, 0xa9, -1, LEFT_NONE }, { 0, 0xb0, 0xbf, -1, LEFT_NONE },
	{ 0, 0xc6, 0xc7, 1, LEFT_UD }, { 0, 0xc6, 0xc7, 2, LEFT_UD },
	{ 0, 0xc6, 0xc7, 3, LEFT_UD }, { 0, 0xc6, 0xc7, 4, LEFT_UD },
	{ 0, 0xc6, 0xc7, 5, LEFT_UD }, { 0, 0xc6, 0xc7, 6, LEFT_UD },
	{ 0, 0xc6, 0xc7, 7, LEFT_NONE },
	{ 0, 0xcc, 0xcf, -1, LEFT_STACK }, { 0, 0xd4, 0xd6, -1, LEFT_NONE },
	{ 0, 0xd8, 0xdf, -1, LEFT_X87 }, { 0, 0xe0, 0xe7, -1, LEFT_NONE },
	{ 0, 0xe9, 0xef, -1, LEFT_NONE }, { 0, 0xf0, 0xf0, -1, LEFT_PREFIX },
	{ 0, 0xf1, 0xf1, -1, LEFT_STACK }, { 0, 0xf2, 0xf3, -1, LEFT_PREFIX },
	{ 0, 0xf4, 0xf5, -1, LEFT_NONE }, { 0, 0xf8, 0xfd, -1, LEFT_NONE },
	{ 0, 0xfe, 0xfe, 2, LEFT_UD }, { 0, 0xfe, 0xfe, 3, LEFT_UD },
	{ 0, 0xfe, 0xfe, 4, LEFT_UD }, { 0, 0xfe, 0xfe, 5, LEFT_UD },
	{ 0, 0xfe, 0xff, 7, LEFT_UD }, { 0, 0xfe, 0xfe, 6, LEFT_UD },

	{ 1, 0x00, 0x00, 6, LEFT_UD }, { 1, 0x00, 0x00, 7, LEFT_UD },
	{ 1, 0x01, 0x01, 5, LEFT_VIRT }, { 1, 0x01, 0x01, 7, LEFT_NO_ACCESS },
	{ 1, 0x04, 0x0c, -1, LEFT_NONE }, { 1, 0x0d, 0x0d, -1, LEFT_NO_ACCESS },
	{ 1, 0x0e, 0x0f, -1, LEFT_VIRT }, { 1, 0x14, 0x15, -1, LEFT_SIMD },
	{ 1, 0x18, 0x1f, -1, LEFT_NO_ACCESS }, { 1, 0x20, 0x27, -1, LEFT_NONE },
	{ 1, 0x2a, 0x2a, -1, LEFT_SIMD }, { 1, 0x2c, 0x2f, -1, LEFT_SIMD },
	{ 1, 0x30, 0x37, -1, LEFT_NONE }, { 1, 0x38, 0x3f, -1, LEFT_PREFIX },
	{ 1, 0x50, 0x6d, -1, LEFT_SIMD }, { 1, 0x70, 0x77, -1, LEFT_SIMD },
	{ 1, 0x78, 0x7b, -1, LEFT_VIRT }, { 1, 0x7c, 0x7d, -1, LEFT_SIMD },
	{ 1, 0x80, 0x8f, -1, LEFT_NONE }, { 1, 0xa2, 0xa2, -1, LEFT_NONE },
	{ 1, 0xa6, 0xa7, -1, LEFT_VIRT }, { 1, 0xaa, 0xaa, -1, LEFT_VIRT },
	{ 1, 0xae, 0xae, 0, LEFT_AREA }, { 1, 0xae, 0xae, 1, LEFT_AREA },
	{ 1, 0xae, 0xae, 2, LEFT_AREA }, { 1, 0xae, 0xae, 3, LEFT_AREA },
	{ 1, 0xae, 0xae, 4, LEFT_AREA }, { 1, 0xae, 0xae, 5, LEFT_AREA },
	{ 1, 0xb9, 0xb9, -1, LEFT_UD },
	{ 1, 0xba, 0xba, 0, LEFT_UD }, { 1, 0xba, 0xba, 1, LEFT_UD },
	{ 1, 0xba, 0xba, 2, LEFT_UD }, { 1, 0xba, 0xba, 3, LEFT_UD },
	{ 1, 0xc2, 0xc2, -1, LEFT_SIMD }, { 1, 0xc4, 0xc6, -1, LEFT_SIMD },
	{ 1, 0xc7, 0xc7, 0, LEFT_UD }, { 1, 0xc7, 0xc7, 2, LEFT_UD },
	{ 1, 0xc7, 0xc7, 3, LEFT_AREA }, { 1, 0xc7, 0xc7, 4, LEFT_AREA },
	{ 1, 0xc7, 0xc7, 5, LEFT_AREA }, { 1, 0xc7, 0xc7, 6, LEFT_VIRT },
	{ 1, 0xc7, 0xc7, 7, LEFT_VIRT },
	{ 1, 0xc8, 0xcf, -1, LEFT_NONE }, { 1, 0xd0, 0xd5, -1, LEFT_SIMD },
	{ 1, 0xd7, 0xe6, -1, LEFT_SIMD }, { 1, 0xe8, 0xef, -1, LEFT_SIMD },
	{ 1, 0xf1, 0xfe, -1, LEFT_SIMD }, { 1, 0xff, 0xff, -1, LEFT_UD },

	{ 2, 0x00, 0x29, -1, LEFT_SIMD }, { 2, 0x2b, 0x7f, -1, LEFT_SIMD },
	{ 2, 0x80, 0x8f, -1, LEFT_VIRT }, { 2, 0x90, 0xef, -1, LEFT_SIMD },
	/* shadow stacks; ENQCMD and MOVDIR64B write 64 bytes at once */
	{ 2, 0xf2, 0xf5, -1, LEFT_VIRT }, { 2, 0xf7, 0xf7, -1, LEFT_UD },
	{ 2, 0xf8, 0xf8, -1, LEFT_AREA }, { 2, 0xfa, 0xff, -1, LEFT_VIRT },

	{ 3, 0x00, 0xff, -1, LEFT_SIMD },
};

/* With VEX, all but what the table has is AVX; EVEX is AVX-512: LEFT_SIMD. */

#endif /* XKVM_X86_EMULATE_LEFT_OUT_H */
