// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The instruction emulator and its task switches, in the machine of their unit
 * test: any bytes as code, in any mode, with any registers, segments and
 * descriptors.  The machine watches over the rules of emulate.h; beyond those
 * an instruction ends within 15 bytes, and one that is not carried out leaves
 * memory alone.
 */
#include "cov.h"
#include "../../unit/emulate_test.h"

static struct machine machine, before;

static uint64_t address(struct cov_input *in)
{
	uint8_t kind = cov_u8(in);

	if (kind < 64)
		return MACHINE_MMIO + kind * 8;
	if (kind < 96)
		return MACHINE_ABSENT - 16 + kind % 32;
	if (kind < 128)
		return 0x00007ffffffffff8 + kind % 16;
	return kind < 192 ? cov_u16(in) : cov_number(in);
}

static void make_segment(struct cov_input *in, struct emul_segment *s)
{
	uint8_t bits = cov_u8(in);

	s->type = bits & 15;
	s->db = bits >> 4 & 1;
	s->unusable = bits >> 5 & 1;
	s->dpl = bits >> 6;
	s->base = cov_u8(in) & 1 ? (uint32_t)address(in) : 0;
	s->limit = (uint32_t)cov_number(in);
}

static void make_machine(struct cov_input *in, enum machine_mode mode)
{
	struct emul_ctxt *c = &machine.c;
	uint8_t changed;

	machine_init(&machine, mode);
	for (unsigned int i = 0; i < EMUL_NR_REGS; i++)
		c->regs[i] = address(in);
	c->rflags = (c->rflags & ~0x7000ull) | (cov_u32(in) & 0x47dd5) | 2;
	if (mode != MACHINE_REAL && mode != MACHINE_VM86)
		c->cpl = cov_u8(in) & 3;
	c->cr0 |= cov_u32(in) & 0x4002c;
	c->cr4 = cov_u16(in) & 0xfff;
	machine.x87_pending = cov_u8(in) & 1;
	c->has_tzcnt = cov_u8(in) & 1;
	c->has_lzcnt = c->has_tzcnt;
	machine.io_max = cov_u16(in) % 5000;
	changed = cov_u8(in);
	for (unsigned int i = 0; i < EMUL_NR_SELECTORS; i++) {
		if (i != EMUL_CS && (changed >> i & 1))
			make_segment(in, &machine.seg[i]);
	}
}

/* Memory of the guest's own making, descriptors among it. */
static void make_memory(struct cov_input *in)
{
	const uint8_t *bytes;
	size_t n = cov_bytes(in, &bytes, 128);

	memcpy(machine.mem + MACHINE_GDT, bytes, n);
	n = cov_bytes(in, &bytes, 512);
	memcpy(machine.mem + 0x5000, bytes, n);
	memcpy(machine.mem + MACHINE_MMIO, bytes, n);
}

static void check_insn(int answer)
{
	const struct emul_ctxt *c = &machine.c;

	CHECK_MSG(!machine.broken, "%s", machine.broken);
	CHECK(c->nr_bytes <= EMUL_MAX_INSN && c->insn.len <= EMUL_MAX_INSN);
	CHECK(answer == EMUL_OK || answer == EMUL_EXCEPTION ||
	      answer == EMUL_UNHANDLED || machine.nr_calls >= 2000);
	/* steps of a repeated one stand, as do accessed bits */
	if (answer == EMUL_UNHANDLED && !c->insn.rep && !machine.nr_writes)
		CHECK(!memcmp(machine.mem, before.mem, sizeof(machine.mem)));
}

static void run_insn(struct cov_input *in)
{
	const uint8_t *code;
	size_t len = cov_bytes(in, &code, 16);

	machine_load(&machine, code, (unsigned int)len);
	make_memory(in);
	before = machine;
	check_insn(machine_run(&machine));
}

static void run_task(struct cov_input *in)
{
	struct emul_task t = {
		.selector = cov_u8(in), .source = cov_u8(in) & 3,
		.external = cov_u8(in) & 1, .has_error = cov_u8(in) & 1,
		.error = cov_u16(in), .soft_vector = (int8_t)cov_u8(in),
		.rip = cov_u32(in),
	};
	bool trap;
	int r;

	machine.seg[EMUL_TR] = (struct emul_segment){
		.base = 0x5100, .limit = 0x67, .selector = 0x30, .type = 11,
		.present = 1,
	};
	make_memory(in);
	r = emulate_task_switch(&machine.c, &t, &trap);
	CHECK_MSG(!machine.broken, "%s", machine.broken);
	CHECK(r == EMUL_OK || r == EMUL_EXCEPTION || r == EMUL_UNHANDLED);
	CHECK(r != EMUL_OK || (machine.c.dirty & EMUL_DIRTY_RIP));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cov_input in = { data, len };
	uint8_t kind = cov_u8(&in) % 8;

	make_machine(&in, kind < 6 ? (enum machine_mode)kind : MACHINE_P32);
	if (kind < 6)
		run_insn(&in);
	else
		run_task(&in);
	return 0;
}
