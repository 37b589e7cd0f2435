// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every opcode is in the emulator's tables or in the list of those that are
 * left out, and in one of them only.
 */
#include "emulate_test.h"
#include "../../kvm/x86/emulate_priv.h"
#include "../../kvm/x86/emulate_left_out.h"

static unsigned int times_left_out(unsigned int map, unsigned int opcode,
				   int reg)
{
	const struct emul_left_out *l = emul_left_out;
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(emul_left_out); i++, l++) {
		n += l->map == map && l->first <= opcode &&
		     opcode <= l->last && (l->reg < 0 || l->reg == reg);
	}
	return n;
}

/* How often the opcode, with this ModRM.reg, is somewhere: once is right. */
static bool listed_once(unsigned int map, unsigned int opcode, int reg)
{
	const struct emul_opcode *op = emulate_lookup(false, map, opcode);
	bool known = op && (!op->group || op->group[reg].exec);

	if (known + times_left_out(map, opcode, reg) == 1)
		return true;
	tap_note("map %u opcode %02x reg %d: %s the table, %u times left out",
		 map, opcode, reg, known ? "in" : "not in",
		 times_left_out(map, opcode, reg));
	return false;
}

void emulate_test_left_out(void)
{
	unsigned int map, opcode, failed = 0;
	int reg;

	for (map = 0; map <= 3; map++) {
		for (opcode = 0; opcode <= 0xff; opcode++) {
			for (reg = 0; reg < 8; reg++)
				failed += !listed_once(map, opcode, reg);
		}
	}
	tap_result(!failed, "each opcode is known or left out");
}
