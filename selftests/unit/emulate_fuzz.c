// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random bytes through the emulator: whatever they are, it answers, keeps the
 * rules that the machine checks, and stays within 15 bytes.
 */
#include <string.h>

#include "emulate_test.h"

static struct machine machine, fresh;

/* Opcodes that exist are rare in random bytes: help in half of the cases. */
static void fuzz_code(struct rnd *r, u8 *code, unsigned int len)
{
	static const u8 prefixes[] = {
		0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x64, 0x65, 0x36, 0x48,
		0x41, 0x4f,
	};
	unsigned int i, nr = rnd_once(r, 2) ? rnd_below(r, 4) : 0;

	for (i = 0; i < len; i++)
		code[i] = rnd_next(r);
	for (i = 0; i < nr; i++)
		code[i] = prefixes[rnd_below(r, sizeof(prefixes))];
	if (rnd_once(r, 3))
		code[i] = 0x0f;
}

static u64 fuzz_value(struct rnd *r)
{
	u64 val = rnd_next(r);

	switch (rnd_below(r, 4)) {
	case 0:
		return val;
	case 1:
		return val & 0x27fff;
	case 2:
		return 0xfffffffffffffff8 + (val & 15);
	}
	return 0x00007ffffffffff8 + (val & 15);
}

static void fuzz_machine(struct rnd *r, struct machine *m)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		m->c.regs[i] = fuzz_value(r);
	m->c.rip = rnd_once(r, 8) ? fuzz_value(r) : 0x8000 + rnd_below(r, 4096);
	m->c.rflags |= rnd_next(r) & 0x40dd5;
	m->c.cpl = rnd_below(r, 4);
	m->c.cr0 |= rnd_next(r) & 0x4000c;
	m->io_max = rnd_below(r, 5000);
	for (i = 0; i < EMUL_NR_SEGS; i++) {
		m->seg[i].base = rnd_once(r, 2) ? 0 : (u32)fuzz_value(r);
		if (rnd_once(r, 4))
			m->seg[i].limit = fuzz_value(r);
		if (rnd_once(r, 4))
			m->seg[i].type = rnd_below(r, 16);
		if (rnd_once(r, 4))
			m->seg[i].db ^= 1;
	}
}

/* CALL, RET, and group 5's jumps and calls. */
static bool fuzz_branches(const struct emul_insn *insn)
{
	return !insn->map && (insn->opcode == 0xe8 || insn->opcode == 0xff ||
			      (insn->opcode & 0xf6) == 0xc2);
}

static bool fuzz_one(struct rnd *r, enum machine_mode mode)
{
	struct machine *m = &machine;
	u8 code[24];
	int answer;

	machine_init(m, mode);
	fuzz_machine(r, m);
	fuzz_code(r, code, sizeof(code));
	machine_load(m, code, sizeof(code));
	fresh = *m;
	answer = machine_run(m);
	if (answer == EMUL_OK && m->c.insn.len > EMUL_MAX_INSN)
		m->broken = "longer than 15 bytes";
	if (m->c.nr_bytes > EMUL_MAX_INSN)
		m->broken = "fetched more than 15 bytes";
	if (answer == EMUL_OK && mode == MACHINE_P64 &&
	    m->c.next != fresh.c.rip + m->c.insn.len &&
	    !fuzz_branches(&m->c.insn))
		m->broken = "RIP is not behind the instruction";
	/* A repeated store may overwrite its own code, and so itself. */
	if (answer != EMUL_OK && !m->c.insn.rep && !m->writes_in_step &&
	    m->nr_calls == 1 + m->nr_need_io &&
	    memcmp(m->mem, fresh.mem, sizeof(m->mem)))
		m->broken = "memory changed";
	if (!m->broken)
		return true;
	tap_note("%s: mode %d answer %d code %02x %02x %02x %02x %02x %02x",
		 m->broken, mode, answer, code[0], code[1], code[2], code[3],
		 code[4], code[5]);
	return false;
}

void emulate_test_fuzz(u64 seed, unsigned int count)
{
	static const char *const names[] = {
		"real mode", "VM86", "16-bit", "32-bit", "compatibility mode",
		"64-bit",
	};
	unsigned int mode, i, failed;
	struct rnd r;

	for (mode = MACHINE_REAL; mode <= MACHINE_P64; mode++) {
		r.state = seed + mode;
		failed = 0;
		for (i = 0; i < count / 4; i++)
			failed += !fuzz_one(&r, mode);
		tap_result(!failed, "random bytes, %s: %u", names[mode], i);
	}
}
