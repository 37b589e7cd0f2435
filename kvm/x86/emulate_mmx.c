// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: moves between an MMX register and memory.
 *
 * The register file is the operations' business, as is what an MMX instruction
 * does to the x87 state.  #UD, #NM and #MF, in this order, come before the
 * exceptions of memory: SDM 3, "Intel MMX technology system programming".
 */
#include <linux/types.h>

#include "emulate_priv.h"

static int mmx_enabled(struct emul_ctxt *c)
{
	const struct emul_ops *ops = c->ops;

	if (!ops->read_mmx || !ops->write_mmx || !ops->x87_pending)
		return EMUL_UNHANDLED;
	if (c->cr0 & (1u << 2))
		return emulate_raise(c, EMUL_VEC_UD);
	if (c->cr0 & (1u << 3))
		return emulate_raise(c, EMUL_VEC_NM);
	if (!ops->x87_pending(c))
		return EMUL_OK;
	/* Without CR0.NE it is an interrupt from outside. */
	return c->cr0 & (1u << 5) ? emulate_raise(c, EMUL_VEC_MF)
				  : EMUL_UNHANDLED;
}

static int mmx_load(struct emul_ctxt *c, unsigned int size)
{
	struct emul_mem m;
	u64 val = 0;
	int r = mmx_enabled(c);

	if (r == EMUL_OK)
		r = emulate_mem_map(c, c->insn.seg, emulate_ea(c), size,
				    EMUL_ACC_READ, &m);
	if (r == EMUL_OK)
		r = emulate_mem_read(c, &m, &val, EMUL_ACC_READ);
	if (r == EMUL_OK)
		r = c->ops->write_mmx(c, c->insn.reg & 7, &val);
	return r;
}

static int mmx_store(struct emul_ctxt *c, unsigned int size)
{
	struct emul_mem m;
	u64 val = 0;
	int r = mmx_enabled(c);

	if (r == EMUL_OK)
		r = emulate_mem_map(c, c->insn.seg, emulate_ea(c), size,
				    EMUL_ACC_WRITE, &m);
	/* Reading the register changes the x87 state: not before a fault. */
	if (r == EMUL_OK) {
		r = emulate_mem_prepare(c, &m, EMUL_ACC_WRITE);
		if (r == EMUL_MMIO)
			r = EMUL_OK;
	}
	if (r == EMUL_OK)
		r = c->ops->read_mmx(c, c->insn.reg & 7, &val);
	if (r == EMUL_OK)
		r = emulate_mem_write(c, &m, &val, EMUL_ACC_WRITE);
	return r;
}

/* MOVQ; MOVD and MOVQ with REX.W; MOVNTQ. */
int emulate_exec_mmx_load(struct emul_ctxt *c)
{
	return mmx_load(c, 8);
}

int emulate_exec_mmx_store(struct emul_ctxt *c)
{
	return mmx_store(c, 8);
}

int emulate_exec_mmx_movd_load(struct emul_ctxt *c)
{
	return mmx_load(c, c->insn.opsize == 8 ? 8 : 4);
}

int emulate_exec_mmx_movd_store(struct emul_ctxt *c)
{
	return mmx_store(c, c->insn.opsize == 8 ? 8 : 4);
}
