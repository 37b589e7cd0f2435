// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: hardware task switches.
 *
 * Owns the way from one task state segment to another: what is saved, which
 * busy bits and back links change, what is loaded and in which order it is
 * checked.  The caller has the reason for the switch and does what the
 * operations do not reach: debug registers, NMI blocking, events.
 * SDM 3, chapter "Task Management", and "Treatment of Task Switches" for what
 * the CPU has checked before it exits.
 */
#include <linux/string.h>
#include <linux/types.h>

#include "emulate_priv.h"

#define TASK_RFLAGS_NT		(1ull << 14)
/* What a TSS can set; bit 1 is always set. */
#define TASK_RFLAGS_MASK	0x3f7fd5ull
#define TASK_TYPE_BUSY		2u
#define TASK_TYPE_32		8u
#define TASK_CR0_TS		(1ull << 3)
#define TASK_CR0_PG		(1ull << 31)

#define TASK_MAX	104u

/* Where the fields are: table "32-Bit TSS" and "16-Bit TSS Format". */
struct task_format {
	u8 size;		/* least size of the segment, and most bytes used */
	u8 word;		/* bytes of a general register */
	u8 segment;		/* ... of a segment register's place */
	u8 ip, flags, regs, segs, nr_segs, ldt;
	u8 cr3, trap;		/* 0: has none */
};

static const struct task_format task_32 = {
	.size = 104, .word = 4, .segment = 4, .ip = 0x20, .flags = 0x24,
	.regs = 0x28, .segs = 0x48, .nr_segs = 6, .ldt = 0x60, .cr3 = 0x1c,
	.trap = 0x64,
};

static const struct task_format task_16 = {
	.size = 44, .word = 2, .segment = 2, .ip = 0x0e, .flags = 0x10,
	.regs = 0x12, .segs = 0x22, .nr_segs = 4, .ldt = 0x2a,
};

/* A switch under way. */
struct task_switch {
	const struct emul_task *t;
	const struct task_format *from, *to;
	struct emul_segment tr;		/* the old one */
	struct emul_desc desc;		/* the new one's */
	u8 old[TASK_MAX], new[TASK_MAX];
	u16 selector[EMUL_NR_SEGS];
};

static const struct task_format *task_format(unsigned int type)
{
	return type & TASK_TYPE_32 ? &task_32 : &task_16;
}

static u32 task_get(const u8 *tss, unsigned int at, unsigned int size)
{
	u32 val = 0;

	memcpy(&val, tss + at, size);
	return val;
}

static void task_put(u8 *tss, unsigned int at, unsigned int size, u32 val)
{
	memcpy(tss + at, &val, size);
}

/* CALL and events nest: the old task stays busy and is linked to. */
static bool task_nests(const struct emul_task *t)
{
	return t->source == EMUL_TASK_CALL || t->source == EMUL_TASK_EVENT;
}

/* --- checks in the old task ----------------------------------------------------- */

static int task_check_new(struct emul_ctxt *c, struct task_switch *s)
{
	const struct emul_task *t = s->t;
	bool iret = t->source == EMUL_TASK_IRET;
	enum emul_vector bad = iret ? EMUL_VEC_TS : EMUL_VEC_GP;
	u32 error = t->selector & 0xfffc;
	struct emul_segment tss;
	unsigned int type;
	int r;

	if (!error || (t->selector & 4))
		return emulate_raise_error(c, bad, error);
	r = emulate_desc_read(c, t->selector, bad, &s->desc);
	if (r != EMUL_OK)
		return r;
	type = emulate_desc_type(&s->desc);
	if ((type & ~(TASK_TYPE_32 | TASK_TYPE_BUSY)) != 1 ||
	    !(type & TASK_TYPE_BUSY) == iret)
		return emulate_raise_error(c, bad, error);
	if (!emulate_desc_present(&s->desc))
		return emulate_raise_error(c, EMUL_VEC_NP, error);
	s->to = task_format(type);
	emulate_desc_parse(&s->desc, t->selector, &tss);
	if (tss.limit < s->to->size - 1u)
		return emulate_raise_error(c, EMUL_VEC_TS, error);
	return c->ops->read_system(c, tss.base, s->new, s->to->size);
}

static int task_read_old(struct emul_ctxt *c, struct task_switch *s)
{
	s->tr = *emulate_segment(c, EMUL_TR);
	s->from = task_format(s->tr.type);
	if (s->tr.unusable || s->tr.limit < s->from->size - 1u)
		return emulate_raise_error(c, EMUL_VEC_TS,
					   s->tr.selector & 0xfffc);
	return c->ops->read_system(c, s->tr.base, s->old, s->from->size);
}

/* --- saving ------------------------------------------------------------------------ */

/* The fields from the instruction pointer to the last segment register. */
static int task_save(struct emul_ctxt *c, struct task_switch *s)
{
	const struct task_format *f = s->from;
	unsigned int i, end = f->segs + f->nr_segs * f->segment;
	u64 rflags = c->rflags;

	if (s->t->source == EMUL_TASK_IRET)
		rflags &= ~TASK_RFLAGS_NT;
	task_put(s->old, f->ip, f->word, s->t->rip);
	task_put(s->old, f->flags, f->word, rflags);
	for (i = 0; i < 8; i++)
		task_put(s->old, f->regs + i * f->word, f->word, c->regs[i]);
	for (i = 0; i < f->nr_segs; i++)
		task_put(s->old, f->segs + i * f->segment, 2,
			 emulate_segment(c, i)->selector);
	return c->ops->write_system(c, s->tr.base + f->ip, s->old + f->ip,
				    end - f->ip);
}

/* Write the type of a TSS descriptor with its busy bit on or off. */
static int task_set_busy(struct emul_ctxt *c, struct emul_desc *d, bool busy)
{
	u64 bit = (u64)TASK_TYPE_BUSY << 40;
	u8 byte;

	d->lo = busy ? d->lo | bit : d->lo & ~bit;
	byte = d->lo >> 40;
	return c->ops->write_system(c, d->addr + 5, &byte, 1);
}

static int task_leave(struct emul_ctxt *c, struct task_switch *s)
{
	struct emul_desc d;
	int r;

	if (task_nests(s->t))
		return EMUL_OK;
	r = emulate_desc_read(c, s->tr.selector, EMUL_VEC_TS, &d);
	return r == EMUL_OK ? task_set_busy(c, &d, false) : r;
}

static int task_enter(struct emul_ctxt *c, struct task_switch *s)
{
	struct emul_segment tr;
	int r = EMUL_OK;
	u16 link;

	emulate_desc_parse(&s->desc, s->t->selector, &tr);
	if (task_nests(s->t)) {
		link = s->tr.selector;
		r = c->ops->write_system(c, tr.base, &link, sizeof(link));
	}
	if (r == EMUL_OK && s->t->source != EMUL_TASK_IRET)
		r = task_set_busy(c, &s->desc, true);
	if (r != EMUL_OK)
		return r;
	tr.type |= TASK_TYPE_BUSY;
	emulate_segment_write(c, EMUL_TR, &tr);
	return EMUL_OK;
}

/* --- loading: faults are the new task's from here on ------------------------------- */

static int task_load_cr(struct emul_ctxt *c, struct task_switch *s)
{
	bool paging = c->cr0 & TASK_CR0_PG;

	if (c->ops->set_cr(c, 0, c->cr0 | TASK_CR0_TS) != EMUL_OK)
		return EMUL_UNHANDLED;
	if (!s->to->cr3 || !paging)
		return EMUL_OK;
	if (c->ops->set_cr(c, 3, task_get(s->new, s->to->cr3, 4)) != EMUL_OK)
		return emulate_raise(c, EMUL_VEC_GP);
	return EMUL_OK;
}

/* A 16-bit TSS has ones where it has no upper halves, as on an i386. */
static void task_load_regs(struct emul_ctxt *c, struct task_switch *s)
{
	const struct task_format *f = s->to;
	u32 upper = f->word == 2 ? 0xffff0000 : 0;
	u64 rflags;
	unsigned int i;

	for (i = 0; i < 8; i++)
		emulate_reg_write(c, i, 4, upper | task_get(s->new, f->regs +
							    i * f->word, f->word));
	rflags = task_get(s->new, f->flags, f->word) & TASK_RFLAGS_MASK;
	if (task_nests(s->t))
		rflags |= TASK_RFLAGS_NT;
	c->rflags = rflags | 2;
	c->rip = task_get(s->new, f->ip, f->word);
	c->dirty |= EMUL_DIRTY_RIP | EMUL_DIRTY_RFLAGS;
	for (i = 0; i < EMUL_NR_SEGS; i++) {
		s->selector[i] = 0;
		if (i < f->nr_segs)
			s->selector[i] = task_get(s->new, f->segs +
						  i * f->segment, 2);
	}
	c->protected_mode = !(c->rflags & EMUL_RFLAGS_VM);
	c->cpl = c->protected_mode ? s->selector[EMUL_CS] & 3 : 3;
}

/*
 * All selectors are loaded before the first descriptor is looked at.  Until
 * then CS and SS keep a hidden part that a CPU can run with; the others have
 * none.
 */
static void task_load_selectors(struct emul_ctxt *c, struct task_switch *s)
{
	struct emul_segment seg;
	unsigned int i;

	for (i = 0; i < EMUL_NR_SEGS; i++) {
		seg = (struct emul_segment){ .unusable = 1 };
		if (i == EMUL_CS || i == EMUL_SS) {
			seg = *emulate_segment(c, i);
			seg.type = i == EMUL_CS ? 11 : 3;
			seg.s = 1;
			seg.present = 1;
			seg.unusable = 0;
		}
		seg.dpl = c->cpl;
		seg.selector = s->selector[i];
		emulate_segment_write(c, i, &seg);
	}
}

static int task_load_cs(struct emul_ctxt *c, u16 selector)
{
	u32 error = selector & 0xfffc;
	struct emul_segment cs;
	struct emul_desc d;
	unsigned int dpl;
	int r;

	if (!c->protected_mode)
		return emulate_segment_load(c, EMUL_CS, selector, EMUL_VEC_TS);
	if (!error)
		return emulate_raise(c, EMUL_VEC_TS);
	r = emulate_desc_read(c, selector, EMUL_VEC_TS, &d);
	if (r != EMUL_OK)
		return r;
	dpl = emulate_desc_dpl(&d);
	if (!emulate_desc_is_code(&d) ||
	    (emulate_desc_conforms(&d) ? dpl > c->cpl : dpl != c->cpl))
		return emulate_raise_error(c, EMUL_VEC_TS, error);
	if (!emulate_desc_present(&d))
		return emulate_raise_error(c, EMUL_VEC_NP, error);
	r = emulate_desc_set_type(c, &d, 1);
	if (r != EMUL_OK)
		return r;
	emulate_desc_parse(&d, selector, &cs);
	emulate_segment_write(c, EMUL_CS, &cs);
	return EMUL_OK;
}

static int task_load_segments(struct emul_ctxt *c, struct task_switch *s)
{
	static const u8 order[] = { EMUL_SS, EMUL_DS, EMUL_ES, EMUL_FS, EMUL_GS };
	unsigned int i;
	int r;

	task_load_selectors(c, s);
	r = emulate_ldtr_load(c, task_get(s->new, s->to->ldt, 2), EMUL_VEC_TS);
	if (r == EMUL_OK)
		r = task_load_cs(c, s->selector[EMUL_CS]);
	for (i = 0; i < sizeof(order) && r == EMUL_OK; i++)
		r = emulate_segment_load(c, order[i], s->selector[order[i]],
					 EMUL_VEC_TS);
	if (r != EMUL_OK)
		return r;
	c->width = emulate_segment(c, EMUL_CS)->db ? 32 : 16;
	if (c->rip > emulate_segment(c, EMUL_CS)->limit)
		return emulate_raise(c, EMUL_VEC_GP);
	return EMUL_OK;
}

static int task_load(struct emul_ctxt *c, struct task_switch *s)
{
	int r = task_load_cr(c, s);

	task_load_regs(c, s);
	if (r == EMUL_OK)
		r = task_load_segments(c, s);
	if (r == EMUL_OK && s->t->has_error)
		r = emulate_push(c, s->t->error, s->to->word);
	/* Starting again would start from the new task. */
	return r == EMUL_RESTART ? EMUL_UNHANDLED : r;
}

/* --- the whole ------------------------------------------------------------------------ */

/* INT n, INT3 and INTO may not use a gate of an inner ring. */
static int task_check_gate(struct emul_ctxt *c, const struct emul_task *t)
{
	struct emul_table_reg idt;
	u64 gate;
	int r;

	if (t->soft_vector < 0)
		return EMUL_OK;
	c->ops->get_table(c, EMUL_IDT, &idt);
	r = c->ops->read_system(c, (u32)(idt.base + 8 * t->soft_vector), &gate,
				sizeof(gate));
	if (r == EMUL_OK && c->cpl > ((gate >> 45) & 3))
		return emulate_raise_error(c, EMUL_VEC_GP,
					   8 * t->soft_vector + 2);
	return r;
}

static int task_switch(struct emul_ctxt *c, struct task_switch *s)
{
	int r = task_check_gate(c, s->t);

	if (r == EMUL_OK)
		r = task_check_new(c, s);
	if (r == EMUL_OK)
		r = task_read_old(c, s);
	if (r == EMUL_OK)
		r = task_save(c, s);
	if (r == EMUL_OK)
		r = task_leave(c, s);
	if (r == EMUL_OK)
		r = task_enter(c, s);
	return r == EMUL_OK ? task_load(c, s) : r;
}

int emulate_task_switch(struct emul_ctxt *c, const struct emul_task *t,
			bool *trap)
{
	struct task_switch s = { .t = t };
	struct emul_exception *e = &c->exception;
	int r;

	*trap = false;
	emulate_begin(c);
	emulate_set_mode(c);
	if (!emulate_desc_ops(c) || !c->ops->set_cr || (c->efer & (1u << 10)))
		return EMUL_UNHANDLED;
	r = task_switch(c, &s);
	/* The EXT bit of a selector's error code: not the program's doing. */
	if (r == EMUL_EXCEPTION && t->external && e->vector >= EMUL_VEC_TS &&
	    e->vector <= EMUL_VEC_GP)
		e->error |= 1;
	if (r == EMUL_OK && s.to->trap)
		*trap = s.new[s.to->trap] & 1;
	return r;
}
