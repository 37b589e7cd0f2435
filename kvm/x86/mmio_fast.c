// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plain moves between a register and a device, without decoding them again.
 *
 * A driver's accesses are few instructions executed many times.  mmio_learn()
 * keeps what the emulator has made of one, with all that it depends on: mode,
 * CR3, the base of the code segment, the guest's table entries on the way to
 * its bytes, and the bytes.
 * mmio_fast() reads these words again, compares, and has a translated and
 * decoded instruction for the price of a few loads.  Nothing is trusted
 * longer than that: the guest may change its tables and code without an exit.
 *
 * Segments need no check: the CPU made them all before it came to translate
 * the operand.  Only for aligned operands, whose linear address the exit has
 * given; everything else goes to the emulator.  The vCPU's own thread.
 */
#include <linux/mm.h>

#include "../arch.h"
#include "../trace.h"
#include "lapic.h"
#include "mmio_priv.h"

/* Of CR0, in which mode the fetch was. */
#define MMIO_CR0	(X86_CR0_PE | X86_CR0_PG)

static struct mmio_move *mmio_slot(struct mmio_state *st, u64 rip)
{
	return &st->move[(rip ^ rip >> 3) & (MMIO_NR_MOVES - 1)];
}

static bool mmio_is_store(const struct mmio_move *m)
{
	return m->kind == MOVE_STORE || m->kind == MOVE_STORE_IMM;
}

/* --- learning --------------------------------------------------------------- */

/* Opcodes: SDM volume 2, MOV, MOVZX, MOVSX. */
static enum mmio_move_kind mmio_kind(const struct emul_insn *insn, u8 *size)
{
	*size = insn->opsize;
	switch (insn->map << 8 | insn->opcode) {
	case 0x088:
	case 0x089:
	case 0x0a2:
	case 0x0a3:
		return MOVE_STORE;
	case 0x08a:
	case 0x08b:
	case 0x0a0:
	case 0x0a1:
		return MOVE_LOAD;
	case 0x0c6:
	case 0x0c7:
		return MOVE_STORE_IMM;
	case 0x1b6:
	case 0x1be:
		*size = 1;
		return insn->opcode == 0xb6 ? MOVE_LOAD : MOVE_LOAD_SIGNED;
	case 0x1b7:
	case 0x1bf:
		*size = 2;
		return insn->opcode == 0xb7 ? MOVE_LOAD : MOVE_LOAD_SIGNED;
	}
	return MOVE_NONE;
}

/* AH to BH. */
static bool mmio_high_byte(const struct emul_insn *insn)
{
	return insn->opsize == 1 && !insn->rex && (insn->reg & 12) == 4;
}

/* A0 to A3: RAX, and an address instead of a ModR/M byte. */
static bool mmio_moffs(const struct emul_insn *insn)
{
	return !insn->map && (insn->opcode & 0xfc) == 0xa0;
}

/* What the fetch depends on besides memory. */
static void mmio_learn_mode(struct vcpu *v, struct mmio_move *m, u64 cs_base)
{
	m->cr3 = state_cr3(v);
	m->cr4 = state_cr4(v);
	m->efer = v->arch.efer;
	m->cs_ar = vmcs_read(GUEST_CS_AR_BYTES) & MMIO_CS_AR;
	m->long_code = is_64bit_code(v);
	m->cs_base = cs_base;
	m->cr0 = state_cr0(v) & MMIO_CR0;
	m->vm86 = reg_read(v, VREG_RFLAGS) & X86_EFLAGS_VM;
}

static void mmio_learn_insn(struct mmio_move *m, const struct emul_insn *insn)
{
	m->insn = *insn;
	if (!mmio_moffs(insn))
		return;
	m->insn.disp = insn->imm;
	m->insn.reg = EMUL_RAX;
	m->insn.base = -1;
	m->insn.index = -1;
}

void mmio_learn(struct mmio_state *st)
{
	const struct emul_insn *insn = &st->c.insn;
	struct vcpu *v = st->v;
	u64 rip = reg_read(v, VREG_RIP);
	u64 cs_base = is_64bit_code(v) ? 0 : vmcs_read(GUEST_CS_BASE);
	struct mmio_move *m;
	enum mmio_move_kind kind;
	u8 size;

	/* one fetch, of which the trail is, and whole words of one page */
	if (!st->trail.data || st->c.nr_bytes != EMUL_MAX_INSN ||
	    offset_in_page(cs_base + rip) > PAGE_SIZE - sizeof(m->code))
		return;
	kind = mmio_kind(insn, &size);
	if (kind == MOVE_NONE || insn->lock || insn->rep ||
	    (!mmio_moffs(insn) && (insn->mod == 3 || mmio_high_byte(insn))))
		return;
	m = mmio_slot(st, rip);
	m->kind = kind;
	m->size = size;
	m->rip = rip;
	mmio_learn_mode(v, m, cs_base);
	m->user = st->c.cpl == 3;
	m->gfn = GPA_INVALID;
	m->trail = st->trail;
	mmio_learn_insn(m, insn);
	memset(m->mask, 0, sizeof(m->mask));
	memset(m->mask, 0xff, insn->len);
	memset(m->code, 0, sizeof(m->code));
	memcpy(m->code, st->c.bytes, insn->len);
}

/* --- using ------------------------------------------------------------------ */

/* What EFER and the code segment's width leave open outside 64-bit mode. */
static bool mmio_same_legacy(struct vcpu *v, const struct mmio_move *m)
{
	return m->cs_base == vmcs_read(GUEST_CS_BASE) &&
	       m->cr0 == (state_cr0(v) & MMIO_CR0) &&
	       m->vm86 == (reg_read(v, VREG_RFLAGS) & X86_EFLAGS_VM) &&
	       (!m->trail.pdpte_field ||
		m->trail.pdpte == vmcs_read(m->trail.pdpte_field));
}

static bool mmio_same_mode(struct vcpu *v, const struct mmio_move *m)
{
	/* RF and TF want the emulator's attention */
	return m->cr3 == state_cr3(v) && m->cr4 == state_cr4(v) &&
	       m->efer == v->arch.efer &&
	       m->cs_ar == (vmcs_read(GUEST_CS_AR_BYTES) & MMIO_CS_AR) &&
	       (m->long_code || mmio_same_legacy(v, m)) &&
	       m->user == (x86_cpl(v) == 3) &&
	       !(reg_read(v, VREG_RFLAGS) & (X86_EFLAGS_RF | X86_EFLAGS_TF));
}

/* Does memory still hold the way to the instruction, and the instruction? */
static bool mmio_same_code(const struct mmio_move *m)
{
	u64 diff = 0, code[ARRAY_SIZE(m->code)];
	unsigned int i;

	if (!paging_trail_read(&m->trail, m->trail.data, code,
			       ARRAY_SIZE(code)))
		return false;
	for (i = 0; i < ARRAY_SIZE(code); i++)
		diff |= (code[i] & m->mask[i]) ^ m->code[i];
	return !diff;
}

/* @gpa is a device for this access, and everything is as it was. */
static bool mmio_verify(struct vcpu *v, struct mmio_move *m, gpa_t gpa)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;
	struct memslot_ref ref;
	bool same;

	down_read(&v->vm->slots_lock);
	same = m->trail.generation == memslot_generation(v->vm);
	if (same && gfn != m->gfn && !lapic_owns(v, gpa)) {
		same = memslot_lookup(v->vm, v, gfn, &ref) ||
		       (mmio_is_store(m) && (ref.flags & KVM_MEM_READONLY));
		if (same)
			m->gfn = gfn;
	}
	same = same && mmio_same_code(m);
	up_read(&v->vm->slots_lock);
	return same;
}

/* The linear address of the operand. */
static u64 mmio_operand(struct vcpu *v, const struct mmio_move *m)
{
	const struct emul_insn *insn = &m->insn;
	u64 ea = insn->disp;

	if (insn->base >= 0)
		ea += reg_read(v, insn->base);
	if (insn->index >= 0)
		ea += reg_read(v, insn->index) << insn->scale;
	if (insn->rip_rel)
		ea += m->rip + insn->len;
	if (insn->adsize == 4)
		ea = (u32)ea;
	if (!m->long_code) {
		if (insn->adsize == 2)
			ea = (u16)ea;
		return (u32)(ea + state_seg_base(v, insn->seg));
	}
	/* the other segments have no base in 64-bit mode */
	if (insn->seg >= EMUL_FS)
		ea += vmcs_read(insn->seg == EMUL_FS ? GUEST_FS_BASE :
						       GUEST_GS_BASE);
	return ea;
}

static void mmio_skip(struct vcpu *v, const struct mmio_move *m)
{
	u64 next = m->rip + m->insn.len;

	reg_write(v, VREG_RIP, m->long_code ? next : (u32)next);
	mmio_retire(v);
}

static void mmio_load_reg(struct vcpu *v, const struct mmio_move *m, u64 val)
{
	unsigned int shift = 64 - 8 * m->size, reg = m->insn.reg;
	u64 mask;

	val <<= shift;
	if (m->kind == MOVE_LOAD_SIGNED)
		val = (s64)val >> shift;
	else
		val >>= shift;
	/* 32 bits clear the upper half, fewer leave the rest of the register */
	if (m->insn.opsize == 4) {
		val = (u32)val;
	} else if (m->insn.opsize < 4) {
		mask = GENMASK_ULL(8 * m->insn.opsize - 1, 0);
		val = (val & mask) | (reg_read(v, reg) & ~mask);
	}
	reg_write(v, reg, val);
	mmio_skip(v, m);
}

static int mmio_fast_complete(struct vcpu *v)
{
	struct mmio_state *st = mmio_state(v->arch.emul);
	const struct mmio_move *m = st->current_move;
	u64 val;

	/* user space may have moved the guest elsewhere meanwhile */
	if (reg_read(v, VREG_RIP) != m->rip)
		return 1;
	memcpy(&val, v->run->mmio.data, sizeof(val));
	trace_xkvm_mmio(v->id, false, st->current_gpa, m->size, val);
	mmio_load_reg(v, m, val);
	return 1;
}

static int mmio_fast_load(struct vcpu *v, struct mmio_move *m, gpa_t gpa)
{
	struct mmio_state *st = mmio_state(v->arch.emul);
	u64 val = 0;

	if (!mmio_kernel_read(v, gpa, m->size, &val)) {
		mmio_load_reg(v, m, val);
		return 1;
	}
	st->current_move = m;
	st->current_gpa = gpa;
	return mmio_exit(v, gpa, m->size, NULL, mmio_fast_complete);
}

static int mmio_fast_store(struct vcpu *v, struct mmio_move *m, gpa_t gpa)
{
	u64 val = m->kind == MOVE_STORE ? reg_read(v, m->insn.reg) :
					  m->insn.imm;

	if (m->size < 8)
		val &= GENMASK_ULL(8 * m->size - 1, 0);
	mmio_skip(v, m);
	if (!mmio_kernel_write(v, gpa, m->size, &val))
		return 1;
	return mmio_exit(v, gpa, m->size, &val, NULL);
}

int mmio_fast(struct vcpu *v, gpa_t gpa, bool write, bool gva_valid)
{
	struct mmio_move *m;
	u64 rip;

	if (!v->arch.emul)
		return -EAGAIN;
	rip = reg_read(v, VREG_RIP);
	m = mmio_slot(mmio_state(v->arch.emul), rip);
	if (m->rip != rip || m->kind == MOVE_NONE ||
	    write != mmio_is_store(m) || !mmio_same_mode(v, m))
		return -EAGAIN;
	/* aligned: within a page, and no #AC to think of */
	if ((gpa & (m->size - 1)) ||
	    (gva_valid &&
	     mmio_operand(v, m) != vmcs_read(GUEST_LINEAR_ADDRESS)) ||
	    !mmio_verify(v, m, gpa))
		return -EAGAIN;
	return write ? mmio_fast_store(v, m, gpa) : mmio_fast_load(v, m, gpa);
}
