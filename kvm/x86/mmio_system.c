// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator's operations on segment registers, descriptor tables and
 * control registers.  Everything is the vCPU thread's own.
 */
#include "../arch.h"
#include "mmio_priv.h"

#define SEG_UNUSABLE	BIT(16)

void mmio_get_segment(struct emul_ctxt *c, enum emul_seg seg,
		      struct emul_segment *out)
{
	/*
	 * the fields of a kind are two apart, in the order of enum emul_seg,
	 * LDTR and TR included
	 */
	u32 ar = vmcs_read(GUEST_ES_AR_BYTES + 2 * seg);

	*out = (struct emul_segment){
		.base = vmcs_read(GUEST_ES_BASE + 2 * seg),
		.limit = vmcs_read(GUEST_ES_LIMIT + 2 * seg),
		.selector = vmcs_read(GUEST_ES_SELECTOR + 2 * seg),
		.type = ar & 0xf,
		.s = (ar >> 4) & 1,
		.dpl = (ar >> 5) & 3,
		.present = (ar >> 7) & 1,
		.avl = (ar >> 12) & 1,
		.l = (ar >> 13) & 1,
		.db = (ar >> 14) & 1,
		.g = (ar >> 15) & 1,
		.unusable = !!(ar & SEG_UNUSABLE),
	};
}

void mmio_set_segment(struct emul_ctxt *c, enum emul_seg seg,
		      const struct emul_segment *s)
{
	/* enum seg_index has them in the same order */
	struct kvm_segment k = {
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.type = s->type,
		.present = s->present,
		.dpl = s->dpl,
		.db = s->db,
		.s = s->s,
		.l = s->l,
		.g = s->g,
		.avl = s->avl,
		.unusable = s->unusable,
	};

	BUILD_BUG_ON((int)EMUL_GS != (int)SEG_GS);
	BUILD_BUG_ON((int)EMUL_LDTR != (int)SEG_LDTR);
	BUILD_BUG_ON((int)EMUL_TR != (int)SEG_TR);
	state_set_segment(mmio_state(c)->v, (enum seg_index)seg, &k);
	/* an unusable SS still says what the CPL is */
	if (seg == EMUL_SS && s->unusable)
		vmcs_write(GUEST_SS_AR_BYTES, SEG_UNUSABLE | s->dpl << 5);
}

/* --- memory with supervisor rights ------------------------------------------- */

/* One piece of an access, within a page. */
static int mmio_system_piece(struct mmio_state *st, u64 addr, void *buf,
			     unsigned int len, bool write)
{
	u32 access = PAGING_IMPLICIT | (write ? PAGING_WRITE : 0), error = 0;
	struct vcpu *v = st->v;
	gpa_t gpa;
	int ret = paging_translate(v, addr, access, &gpa, &error);

	if (ret)
		return mmio_paging_result(st, ret, addr, error);
	if (!mmio_is_memory(v, gpa, write))
		return EMUL_UNHANDLED;
	ret = write ? guest_write(v->vm, gpa, buf, len)
		    : guest_read(v->vm, gpa, buf, len);
	return ret ? mmio_fail(st, -EFAULT) : EMUL_OK;
}

static int mmio_system(struct emul_ctxt *c, u64 addr, void *buf,
		       unsigned int len, bool write)
{
	struct mmio_state *st = mmio_state(c);
	unsigned int n;
	int r;

	for (; len; addr += n, buf += n, len -= n) {
		n = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(addr));
		r = mmio_system_piece(st, addr, buf, n, write);
		if (r != EMUL_OK)
			return r;
	}
	return EMUL_OK;
}

int mmio_read_system(struct emul_ctxt *c, u64 addr, void *buf,
		     unsigned int len)
{
	return mmio_system(c, addr, buf, len, false);
}

int mmio_write_system(struct emul_ctxt *c, u64 addr, const void *buf,
		      unsigned int len)
{
	return mmio_system(c, addr, (void *)buf, len, true);
}

/* --- tables and control registers ----------------------------------------------- */

void mmio_get_table(struct emul_ctxt *c, enum emul_table table,
		    struct emul_table_reg *out)
{
	bool idt = table == EMUL_IDT;

	out->base = vmcs_read(idt ? GUEST_IDTR_BASE : GUEST_GDTR_BASE);
	out->limit = vmcs_read(idt ? GUEST_IDTR_LIMIT : GUEST_GDTR_LIMIT);
}

void mmio_set_table(struct emul_ctxt *c, enum emul_table table,
		    const struct emul_table_reg *reg)
{
	bool idt = table == EMUL_IDT;

	vmcs_write(idt ? GUEST_IDTR_BASE : GUEST_GDTR_BASE, reg->base);
	vmcs_write(idt ? GUEST_IDTR_LIMIT : GUEST_GDTR_LIMIT, reg->limit);
}

int mmio_set_cr(struct emul_ctxt *c, unsigned int cr, u64 val)
{
	struct mmio_state *st = mmio_state(c);

	/* an address means another page from now on */
	st->hint = false;
	if (cr == 3)
		return x86_set_cr3(st->v, val) ? EMUL_UNHANDLED : EMUL_OK;
	if (x86_set_cr0(st->v, val))
		return EMUL_UNHANDLED;
	c->cr0 = state_cr0(st->v);
	return EMUL_OK;
}
