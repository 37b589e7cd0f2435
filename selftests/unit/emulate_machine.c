// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small machine behind the emulator's operations: memory, a device that
 * answers only after EMUL_NEED_IO, absent and read-only pages, ports.  It
 * notes it when the emulator breaks a rule of emulate.h.
 */
#include <string.h>

#include "emulate_test.h"

static void machine_broken(struct machine *m, const char *rule)
{
	if (!m->broken)
		m->broken = rule;
}

long machine_offset(u64 addr)
{
	u64 page = addr & ~0xfffull;

	if (page == 0xfffff000)
		return MACHINE_TOP32 + (addr & 0xfff);
	if (page == 0x00007ffffffff000)
		return MACHINE_TOP47 + (addr & 0xfff);
	if (page == 0xffff800000000000)
		return MACHINE_BOT48 + (addr & 0xfff);
	return addr < MACHINE_TOP32 ? (long)addr : -1;
}

static bool machine_is_mmio(u64 addr)
{
	return addr >= MACHINE_MMIO && addr < MACHINE_ABSENT;
}

/* Paging: where the address is, or -1 with a page fault set up. */
static long machine_translate(struct machine *m, u64 addr, unsigned int len,
			      unsigned int access, bool fetch)
{
	bool write = access & EMUL_ACC_WRITE;
	long offset = machine_offset(addr);
	struct emul_exception *e = &m->c.exception;
	bool absent = offset < 0 || (addr >> 12) == MACHINE_ABSENT >> 12;

	if (!len || (addr & 0xfff) + len > 0x1000)
		machine_broken(m, "access crosses a page");
	if (!absent && !(write && (addr >> 12) == MACHINE_RO >> 12))
		return offset;
	e->vector = 14;
	e->has_error = true;
	e->error = (absent ? 0 : 1) | write << 1 | (m->c.cpl == 3) << 2 | fetch << 4;
	e->address = addr;
	return -1;
}

static struct machine *machine_of(struct emul_ctxt *c)
{
	return c->priv;
}

static int machine_fetch(struct emul_ctxt *c, u64 addr, void *buf,
			 unsigned int len)
{
	struct machine *m = machine_of(c);
	long offset = machine_translate(m, addr, len, EMUL_ACC_READ, true);

	if (c->nr_bytes + len > EMUL_MAX_INSN)
		machine_broken(m, "fetches more than 15 bytes");
	if (offset < 0 || m->broken)
		return EMUL_EXCEPTION;
	memcpy(buf, m->mem + offset, len);
	return EMUL_OK;
}

static int machine_prepare(struct emul_ctxt *c, u64 addr, unsigned int len,
			   unsigned int access)
{
	struct machine *m = machine_of(c);

	if (machine_translate(m, addr, len, access, false) < 0)
		return EMUL_EXCEPTION;
	return machine_is_mmio(addr) ? EMUL_MMIO : EMUL_OK;
}

/* A step of a repeated instruction begins when RDI or RSI has moved. */
static void machine_step(struct machine *m)
{
	u64 at = m->c.regs[EMUL_RDI] + 3 * m->c.regs[EMUL_RSI];

	if (at != m->step_at)
		m->writes_in_step = 0;
	m->step_at = at;
}

static int machine_read(struct emul_ctxt *c, u64 addr, void *buf,
			unsigned int len, unsigned int access)
{
	struct machine *m = machine_of(c);
	long offset = machine_translate(m, addr, len, access, false);

	machine_step(m);
	if (m->writes_in_step)
		machine_broken(m, "read after a write");
	if (offset < 0)
		return EMUL_EXCEPTION;
	if (machine_is_mmio(addr) &&
	    (c->seq >= m->nr_ready || m->ready_addr[c->seq] != addr)) {
		m->pending = addr;
		return EMUL_NEED_IO;
	}
	m->nr_reads++;
	memcpy(buf, m->mem + offset, len);
	return EMUL_OK;
}

static int machine_write(struct emul_ctxt *c, u64 addr, const void *buf,
			 unsigned int len, unsigned int access)
{
	struct machine *m = machine_of(c);
	long offset = machine_translate(m, addr, len, access, false);

	machine_step(m);
	if (offset < 0) {
		if (m->writes_in_step)
			machine_broken(m, "second write was not prepared");
		return EMUL_EXCEPTION;
	}
	if (c->posted && !m->writes_in_step)
		machine_broken(m, "goes on after a posted write");
	m->writes_in_step++;
	m->nr_writes++;
	if (access & EMUL_ACC_LOCKED)
		m->nr_locked++;
	memcpy(m->mem + offset, buf, len);
	return machine_is_mmio(addr) ? EMUL_POSTED : EMUL_OK;
}

static int machine_cmpxchg(struct emul_ctxt *c, u64 addr, const void *old,
			   const void *new, unsigned int len)
{
	struct machine *m = machine_of(c);
	long offset = machine_offset(addr);

	if (m->lose_race) {
		m->lose_race = false;
		return EMUL_RESTART;
	}
	if (offset >= 0 && memcmp(m->mem + offset, old, len))
		machine_broken(m, "cmpxchg with another old value");
	return machine_write(c, addr, new, len,
			     EMUL_ACC_WRITE | EMUL_ACC_LOCKED);
}

static void machine_get_segment(struct emul_ctxt *c, enum emul_seg seg,
				struct emul_segment *out)
{
	*out = machine_of(c)->seg[seg];
}

static int machine_io_in(struct emul_ctxt *c, u16 port, unsigned int size,
			 void *buf, unsigned int count)
{
	struct machine *m = machine_of(c);
	u8 *out = buf;
	unsigned int i;

	if (size != 1 && size != 2 && size != 4)
		machine_broken(m, "size of port I/O");
	if (size * count > EMUL_IO_BUF || !count)
		machine_broken(m, "count of port I/O");
	if (!m->in_ready)
		return EMUL_NEED_IO;
	m->in_ready = false;
	for (i = 0; i < size * count; i++)
		out[i] = m->in_next++;
	m->nr_reads++;
	return port == 0xbad ? EMUL_UNHANDLED : EMUL_OK;
}

static int machine_io_out(struct emul_ctxt *c, u16 port, unsigned int size,
			  const void *buf, unsigned int count)
{
	struct machine *m = machine_of(c);

	if (size != 1 && size != 2 && size != 4)
		machine_broken(m, "size of port I/O");
	if (size * count > EMUL_IO_BUF || !count)
		machine_broken(m, "count of port I/O");
	if (c->posted)
		machine_broken(m, "goes on after a posted write");
	if (port == 0xbad || m->nr_out + size * count > sizeof(m->out))
		return EMUL_UNHANDLED;
	memcpy(m->out + m->nr_out, buf, size * count);
	m->nr_out += size * count;
	m->nr_writes++;
	return EMUL_POSTED;
}

static unsigned int machine_io_max(struct emul_ctxt *c, u16 port,
				   unsigned int size)
{
	return machine_of(c)->io_max;
}

static int machine_read_xmm(struct emul_ctxt *c, unsigned int reg, void *buf)
{
	memcpy(buf, machine_of(c)->xmm[reg], 16);
	return EMUL_OK;
}

static int machine_write_xmm(struct emul_ctxt *c, unsigned int reg,
			     const void *buf)
{
	memcpy(machine_of(c)->xmm[reg], buf, 16);
	return EMUL_OK;
}

static int machine_read_mmx(struct emul_ctxt *c, unsigned int reg, void *buf)
{
	memcpy(buf, machine_of(c)->mmx[reg], 8);
	return EMUL_OK;
}

static int machine_write_mmx(struct emul_ctxt *c, unsigned int reg,
			     const void *buf)
{
	memcpy(machine_of(c)->mmx[reg], buf, 8);
	return EMUL_OK;
}

static bool machine_x87_pending(struct emul_ctxt *c)
{
	return machine_of(c)->x87_pending;
}

/* --- descriptors: supervisor accesses, across pages; never a device --- */

static int machine_system(struct machine *m, u64 addr, void *buf,
			  unsigned int len, bool write)
{
	u8 cpl = m->c.cpl, *out = buf;
	unsigned int i;
	long offset;

	if (!len || len > 128)
		machine_broken(m, "length of a supervisor access");
	m->c.cpl = 0;
	for (i = 0; i < len; i++) {
		offset = machine_translate(m, addr + i, 1, write ?
					   EMUL_ACC_WRITE : EMUL_ACC_READ,
					   false);
		if (offset < 0 || machine_is_mmio(addr + i))
			break;
		if (write)
			m->mem[offset] = out[i];
		else
			out[i] = m->mem[offset];
	}
	m->c.cpl = cpl;
	if (i == len)
		return EMUL_OK;
	return offset < 0 ? EMUL_EXCEPTION : EMUL_UNHANDLED;
}

static int machine_read_system(struct emul_ctxt *c, u64 addr, void *buf,
			       unsigned int len)
{
	return machine_system(machine_of(c), addr, buf, len, false);
}

static int machine_write_system(struct emul_ctxt *c, u64 addr, const void *buf,
				unsigned int len)
{
	return machine_system(machine_of(c), addr, (void *)buf, len, true);
}

static void machine_set_segment(struct emul_ctxt *c, enum emul_seg seg,
				const struct emul_segment *s)
{
	machine_of(c)->seg[seg] = *s;
}

static void machine_get_table(struct emul_ctxt *c, enum emul_table table,
			      struct emul_table_reg *out)
{
	*out = machine_of(c)->table[table];
}

static void machine_set_table(struct emul_ctxt *c, enum emul_table table,
			      const struct emul_table_reg *reg)
{
	machine_of(c)->table[table] = *reg;
}

/* CR0.PG without PE, and a CR3 with its top bit, are illegal. */
static int machine_set_cr(struct emul_ctxt *c, unsigned int cr, u64 val)
{
	if (cr == 0 ? (val & 0x80000001) == 0x80000000 : val >> 63)
		return EMUL_UNHANDLED;
	machine_of(c)->cr[cr] = val;
	if (cr == 0)
		c->cr0 = val;
	return EMUL_OK;
}

static const struct emul_ops machine_ops = {
	.fetch = machine_fetch,
	.prepare = machine_prepare,
	.read = machine_read,
	.write = machine_write,
	.cmpxchg = machine_cmpxchg,
	.get_segment = machine_get_segment,
	.io_in = machine_io_in,
	.io_out = machine_io_out,
	.io_max = machine_io_max,
	.read_xmm = machine_read_xmm,
	.write_xmm = machine_write_xmm,
	.read_mmx = machine_read_mmx,
	.write_mmx = machine_write_mmx,
	.x87_pending = machine_x87_pending,
	.read_system = machine_read_system,
	.write_system = machine_write_system,
	.set_segment = machine_set_segment,
	.get_table = machine_get_table,
	.set_table = machine_set_table,
	.set_cr = machine_set_cr,
};

static void machine_init_segments(struct machine *m, enum machine_mode mode)
{
	bool big = mode >= MACHINE_P32;
	unsigned int i;

	for (i = 0; i < EMUL_NR_SEGS; i++) {
		m->seg[i] = (struct emul_segment){
			.limit = big ? 0xffffffff : 0xffff,
			.selector = 8 * (i + 1),
			.type = 3, .s = 1, .present = 1, .db = big,
		};
	}
	m->seg[EMUL_LDTR].unusable = 1;
	m->table[EMUL_GDT] = (struct emul_table_reg){ MACHINE_GDT, 0x7f };
	m->table[EMUL_IDT] = (struct emul_table_reg){ 0x4000, 0x3ff };
	if (mode == MACHINE_REAL || mode == MACHINE_VM86)
		return;
	m->seg[EMUL_CS].type = 11;
	if (mode == MACHINE_P64) {
		m->seg[EMUL_CS].l = 1;
		m->seg[EMUL_CS].db = 0;
	}
}

void machine_init(struct machine *m, enum machine_mode mode)
{
	struct emul_ctxt *c = &m->c;

	memset(m, 0, sizeof(*m));
	c->ops = &machine_ops;
	c->priv = m;
	c->rip = MACHINE_CODE;
	c->rflags = 2;
	c->cr0 = mode == MACHINE_REAL ? 0 : 1;
	c->cr4 = 1 << 9;
	if (mode == MACHINE_VM86) {
		c->rflags |= 1 << 17;
		c->cpl = 3;
	}
	if (mode == MACHINE_C32 || mode == MACHINE_P64)
		c->efer = 0x500;
	m->io_max = 4096;
	machine_init_segments(m, mode);
}

void machine_load(struct machine *m, const u8 *code, unsigned int len)
{
	u64 base = m->seg[EMUL_CS].l ? 0 : m->seg[EMUL_CS].base;
	unsigned int i;
	long offset;

	for (i = 0; i < len; i++) {
		offset = machine_offset(base + m->c.rip + i);
		if (offset >= 0)
			m->mem[offset] = code[i];
	}
}

/* Registers that changed though c->dirty does not say so. */
static bool machine_dirty_is_true(const struct emul_ctxt *c,
				  const struct emul_ctxt *before)
{
	unsigned int i;

	for (i = 0; i < EMUL_NR_REGS; i++) {
		if (c->regs[i] != before->regs[i] && !(c->dirty & (1u << i)))
			return false;
	}
	if (c->rip != before->rip && !(c->dirty & EMUL_DIRTY_RIP))
		return false;
	return c->rflags == before->rflags || (c->dirty & EMUL_DIRTY_RFLAGS);
}

static void machine_check_answer(struct machine *m, int r,
				 const struct emul_ctxt *before)
{
	const struct emul_ctxt *c = &m->c;

	if (!machine_dirty_is_true(c, before))
		machine_broken(m, "dirty is not complete");
	if (r != EMUL_OK && c->rip != before->rip)
		machine_broken(m, "RIP moved");
	if (r != EMUL_OK && c->dirty && !c->insn.rep)
		machine_broken(m, "changes though not complete");
	if (r == EMUL_OK && !(c->dirty & EMUL_DIRTY_RIP))
		machine_broken(m, "RIP is not dirty");
}

int machine_run(struct machine *m)
{
	static struct emul_ctxt before;
	bool again = false;
	int r;

	do {
		before = m->c;
		m->writes_in_step = 0;
		r = again ? emulate_continue(&m->c) : emulate_insn(&m->c);
		m->nr_calls++;
		machine_check_answer(m, r, &before);
		again = r == EMUL_NEED_IO;
		if (!again) {
			m->nr_ready = 0;
			continue;
		}
		m->nr_need_io++;
		m->in_ready = true;
		if (m->c.seq < 8) {
			m->ready_addr[m->c.seq] = m->pending;
			m->nr_ready = m->c.seq + 1;
		}
	} while ((again || r == EMUL_RESTART) && m->nr_calls < 2000);
	return r;
}
