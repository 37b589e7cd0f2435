// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decodes a table of encodings, without executing them, and compares what the
 * decoder says of each operand.
 */
#include <stdio.h>
#include <string.h>

#include "emulate_test.h"

enum { ES, CS, SS, DS, FS, GS };
enum {
	RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13,
	R14, R15,
};

struct encoding {
	u8 bits;
	const char *text;
	const char *code;
	u8 opsize, adsize, seg;
	s8 base, index;
	u8 scale;
	s64 disp;
	u64 imm;
	bool rip_rel;
};

static const struct encoding encodings[] = {
#include "emulate_encodings.h"
};

static struct machine machine;

static unsigned int decodes_parse(const char *text, u8 *code, unsigned int max)
{
	unsigned int n = 0, byte;
	int used;

	while (n < max && sscanf(text, " %2x%n", &byte, &used) == 1) {
		code[n++] = byte;
		text += used;
	}
	return n;
}

static bool decodes_match(const struct encoding *e, unsigned int len)
{
	const struct emul_insn *insn = &machine.c.insn;

	return insn->len == len && insn->opsize == e->opsize &&
	       insn->adsize == e->adsize && insn->seg == e->seg &&
	       insn->base == e->base && insn->index == e->index &&
	       insn->scale == e->scale && insn->disp == e->disp &&
	       insn->imm == e->imm && insn->rip_rel == e->rip_rel;
}

static bool decodes_one(const struct encoding *e)
{
	const struct emul_insn *insn = &machine.c.insn;
	u8 code[16];
	unsigned int len = decodes_parse(e->code, code, sizeof(code));
	int r;

	machine_init(&machine, e->bits == 64 ? MACHINE_P64 :
		     e->bits == 32 ? MACHINE_P32 : MACHINE_P16);
	machine_load(&machine, code, len);
	r = emulate_decode(&machine.c);
	if (r == EMUL_OK && decodes_match(e, len))
		return true;
	tap_note("%s [%s] in %d bits: answer %d len %d opsize %d adsize %d",
		 e->text, e->code, e->bits, r, insn->len, insn->opsize,
		 insn->adsize);
	tap_note("  seg %d base %d index %d scale %d disp %llx imm %llx",
		 insn->seg, insn->base, insn->index, insn->scale,
		 (unsigned long long)insn->disp, (unsigned long long)insn->imm);
	return false;
}

void emulate_test_decodes(void)
{
	static const u8 widths[] = { 16, 32, 64 };
	unsigned int i, j, nr, failed;

	for (i = 0; i < sizeof(widths); i++) {
		nr = 0;
		failed = 0;
		for (j = 0; j < ARRAY_SIZE(encodings); j++) {
			if (encodings[j].bits != widths[i])
				continue;
			nr++;
			failed += !decodes_one(&encodings[j]);
		}
		tap_result(!failed, "decoded in %d bits: %u encodings",
			   widths[i], nr);
	}
}
