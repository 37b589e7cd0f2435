// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator's operations on a vCPU: memory, devices in the kernel, requests
 * to user space, segment and XMM registers.
 *
 * Memory is what a slot has, save a write to a read-only slot and the page of
 * the local APIC, which hides any slot.  Everything is the vCPU thread's own.
 */
#include <linux/mm.h>

#include "../arch.h"
#include "../iobus.h"
#include "lapic.h"
#include "mmio_priv.h"

int mmio_fail(struct mmio_state *st, int error)
{
	st->error = error;
	return EMUL_UNHANDLED;
}

/* Turn a result of paging_*() that is not 0 into the emulator's. */
int mmio_paging_result(struct mmio_state *st, int ret, u64 addr,
			      u32 error)
{
	struct emul_exception *e = &st->c.exception;

	if (ret == -EAGAIN)	/* other CPUs keep changing the tables */
		return EMUL_RESTART;
	if (ret == -EOPNOTSUPP)
		return EMUL_UNHANDLED;
	if (ret < 0)
		return mmio_fail(st, ret);
	*e = (struct emul_exception){
		.vector = 14, .has_error = true, .error = error, .address = addr,
	};
	return EMUL_EXCEPTION;
}

static u32 mmio_cpl_access(const struct emul_ctxt *c)
{
	return c->cpl == 3 ? PAGING_USER : 0;
}

/* The CPU has translated and checked this access before it exited. */
static bool mmio_hinted(const struct mmio_state *st, u64 addr, bool write)
{
	return st->hint && !((addr ^ st->hint_gva) & PAGE_MASK) &&
	       (st->hint_write || !write);
}

static int mmio_gpa(struct mmio_state *st, u64 addr, unsigned int access,
		    gpa_t *gpa)
{
	bool write = access & EMUL_ACC_WRITE;
	u32 error = 0;
	int ret;

	if (likely(mmio_hinted(st, addr, write))) {
		*gpa = st->hint_gpa | offset_in_page(addr);
		return EMUL_OK;
	}
	ret = paging_translate(st->v, addr, mmio_cpl_access(&st->c) |
			       (write ? PAGING_WRITE : 0), gpa, &error);
	return ret ? mmio_paging_result(st, ret, addr, error) : EMUL_OK;
}

bool mmio_is_memory(struct vcpu *v, gpa_t gpa, bool write)
{
	struct memslot_ref ref;

	return !lapic_owns(v, gpa) &&
	       !memslot_lookup(v->vm, v, gpa >> PAGE_SHIFT, &ref) &&
	       !(write && (ref.flags & KVM_MEM_READONLY));
}

static int mmio_fetch(struct emul_ctxt *c, u64 addr, void *buf,
		      unsigned int len)
{
	struct mmio_state *st = mmio_state(c);
	u32 error = 0;
	int ret = paging_read(st->v, addr, mmio_cpl_access(c) | PAGING_FETCH,
			      buf, len, &st->trail, &error);

	return ret ? mmio_paging_result(st, ret, addr, error) : EMUL_OK;
}

static int mmio_prepare(struct emul_ctxt *c, u64 addr, unsigned int len,
			unsigned int access)
{
	struct mmio_state *st = mmio_state(c);
	gpa_t gpa;
	int r = mmio_gpa(st, addr, access, &gpa);

	if (r != EMUL_OK)
		return r;
	return mmio_is_memory(st->v, gpa, access & EMUL_ACC_WRITE) ?
		EMUL_OK : EMUL_MMIO;
}

/* --- reads ------------------------------------------------------------------ */

int mmio_kernel_read(struct vcpu *v, gpa_t gpa, unsigned int len, void *data)
{
	if (lapic_owns(v, gpa))
		return lapic_mmio_read(v, offset_in_page(gpa), len, data);
	return iobus_read(v->vm, IOBUS_MMIO, gpa, len, data) ? 0 : -EOPNOTSUPP;
}

bool mmio_read_fragments(struct vcpu *v, struct mmio_read *rd)
{
	while (rd->done < rd->len) {
		unsigned int n = min(MMIO_FRAGMENT,
				     (unsigned int)(rd->len - rd->done));

		if (mmio_kernel_read(v, rd->gpa + rd->done, n,
				     rd->data + rd->done))
			return false;
		rd->done += n;
	}
	return true;
}

/* What an earlier execution of this step has read here, or NULL. */
static struct mmio_read *mmio_replay(struct mmio_state *st, u64 addr,
				     unsigned int len)
{
	unsigned int seq = st->c.seq;
	struct mmio_read *rd;

	/* the first read of another step */
	if (!seq && st->next)
		st->nr_reads = 0;
	st->next = seq + 1;
	if (seq >= st->nr_reads)
		return NULL;
	rd = &st->rd[seq];
	if (rd->len == len && rd->addr == addr)
		return rd;
	if (!rd->len)
		return NULL;
	/* registers were changed meanwhile: this and what follows is void */
	st->nr_reads = seq;
	return NULL;
}

/* @rd is read @c->seq of the step from now on; the ones before it exist. */
static struct mmio_read *mmio_record(struct mmio_state *st, u64 addr)
{
	unsigned int seq = st->c.seq;
	struct mmio_read *rd;

	if (seq >= MMIO_NR_READS)
		return NULL;
	while (st->nr_reads < seq)
		st->rd[st->nr_reads++].len = 0;
	rd = &st->rd[seq];
	st->nr_reads = seq + 1;
	rd->addr = addr;
	rd->done = 0;
	return rd;
}

static int mmio_read_device(struct mmio_state *st, u64 addr, gpa_t gpa,
			    void *buf, unsigned int len)
{
	struct mmio_read *rd = mmio_record(st, addr);

	if (!rd || len > sizeof(rd->data))
		return EMUL_UNHANDLED;
	rd->gpa = gpa;
	rd->len = len;
	if (!mmio_read_fragments(st->v, rd))
		return EMUL_NEED_IO;
	memcpy(buf, rd->data, len);
	return EMUL_OK;
}

static int mmio_read(struct emul_ctxt *c, u64 addr, void *buf,
		     unsigned int len, unsigned int access)
{
	struct mmio_state *st = mmio_state(c);
	struct mmio_read *rd = mmio_replay(st, addr, len);
	gpa_t gpa;
	int r;

	if (rd && rd->done == len) {
		memcpy(buf, rd->data, len);
		return EMUL_OK;
	}
	r = mmio_gpa(st, addr, access, &gpa);
	if (r != EMUL_OK)
		return r;
	if (!mmio_is_memory(st->v, gpa, false))
		return mmio_read_device(st, addr, gpa, buf, len);
	return guest_read(st->v->vm, gpa, buf, len) ?
		mmio_fail(st, -EFAULT) : EMUL_OK;
}

/* --- writes ----------------------------------------------------------------- */

int mmio_kernel_write(struct vcpu *v, gpa_t gpa, unsigned int len,
		      const void *data)
{
	u64 val = 0;

	if (lapic_owns(v, gpa))
		return lapic_mmio_write(v, offset_in_page(gpa), len, data);
	if (len > sizeof(val))
		return -EOPNOTSUPP;
	memcpy(&val, data, len);
	return iobus_write(v->vm, IOBUS_MMIO, gpa, len, val) ||
	       coalesced_write(v->vm, false, gpa, len, val) ? 0 : -EOPNOTSUPP;
}

/* Keep a write for user space: false if there is no room. */
static bool mmio_post(struct mmio_state *st, gpa_t gpa, const void *data,
		      unsigned int len)
{
	struct mmio_write *w;

	if (st->nr_writes == MMIO_NR_WRITES)
		return false;
	w = &st->wr[st->nr_writes++];
	w->gpa = gpa;
	w->len = len;
	memcpy(w->data, data, len);
	return true;
}

static int mmio_write_device(struct mmio_state *st, gpa_t gpa, const void *buf,
			     unsigned int len)
{
	int r = EMUL_OK;
	unsigned int n;

	for (; len; gpa += n, buf += n, len -= n) {
		n = min(MMIO_FRAGMENT, len);
		if (!mmio_kernel_write(st->v, gpa, n, buf))
			continue;
		if (!mmio_post(st, gpa, buf, n))
			return EMUL_UNHANDLED;
		r = EMUL_POSTED;
	}
	return r;
}

static int mmio_write(struct emul_ctxt *c, u64 addr, const void *buf,
		      unsigned int len, unsigned int access)
{
	struct mmio_state *st = mmio_state(c);
	gpa_t gpa;
	int r = mmio_gpa(st, addr, access, &gpa);

	if (r != EMUL_OK)
		return r;
	if (!mmio_is_memory(st->v, gpa, true))
		return mmio_write_device(st, gpa, buf, len);
	return guest_write(st->v->vm, gpa, buf, len) ?
		mmio_fail(st, -EFAULT) : EMUL_OK;
}

/*
 * On memory the CPU does it better: it exits again only if this has become a
 * device by then.
 */
static int mmio_cmpxchg(struct emul_ctxt *c, u64 addr, const void *old,
			const void *new, unsigned int len)
{
	struct mmio_state *st = mmio_state(c);
	gpa_t gpa;
	int r = mmio_gpa(st, addr, EMUL_ACC_WRITE | EMUL_ACC_LOCKED, &gpa);

	if (r != EMUL_OK)
		return r;
	if (mmio_is_memory(st->v, gpa, true))
		return EMUL_RESTART;
	return mmio_write_device(st, gpa, new, len);
}

/* --- string I/O --------------------------------------------------------------- */

/*
 * The exit proves that the CPU has checked the guest's right to this port.  If
 * the instruction that was fetched is another one the guest has changed it:
 * let the CPU look again.
 */
static bool mmio_io_checked(const struct mmio_state *st, bool in, u16 port,
			    unsigned int size)
{
	return st->io_exit && st->io_in == in && st->io_port == port &&
	       st->io_size == size;
}

static int mmio_io_in(struct emul_ctxt *c, u16 port, unsigned int size,
		      void *buf, unsigned int count)
{
	struct mmio_state *st = mmio_state(c);
	struct vcpu *v = st->v;
	bool ready = st->io_ready;
	unsigned int done = 0;

	if (!mmio_io_checked(st, true, port, size))
		return EMUL_RESTART;
	st->io_ready = false;
	if (ready && v->arch.pio.count == count) {
		memcpy(buf, v->pio_data, size * count);
		return EMUL_OK;
	}
	/* a port belongs to the kernel or to user space, for each of them */
	while (done < count && iobus_read(v->vm, IOBUS_PIO, port, size,
					  buf + done * size))
		done++;
	if (done == count)
		return EMUL_OK;
	v->arch.pio.port = port;
	v->arch.pio.size = size;
	v->arch.pio.count = count;
	v->arch.pio.in = true;
	st->io_wanted = true;
	return EMUL_NEED_IO;
}

static int mmio_io_out(struct emul_ctxt *c, u16 port, unsigned int size,
		       const void *buf, unsigned int count)
{
	struct mmio_state *st = mmio_state(c);
	struct vcpu *v = st->v;
	unsigned int left = 0;
	u32 val;

	if (!mmio_io_checked(st, false, port, size))
		return EMUL_RESTART;
	for (; count; count--, buf += size) {
		val = 0;
		memcpy(&val, buf, size);
		if (!iobus_write(v->vm, IOBUS_PIO, port, size, val) &&
		    (left || !coalesced_write(v->vm, true, port, size, val)))
			memcpy(v->pio_data + size * left++, buf, size);
	}
	if (!left)
		return EMUL_OK;
	v->arch.pio.port = port;
	v->arch.pio.size = size;
	v->arch.pio.count = left;
	v->arch.pio.in = false;
	st->io_posted = true;
	return EMUL_POSTED;
}

/* --- registers -------------------------------------------------------------- */

static int mmio_read_xmm(struct emul_ctxt *c, unsigned int reg, void *buf)
{
	fpu_read_xmm(reg, buf);
	return EMUL_OK;
}

static int mmio_write_xmm(struct emul_ctxt *c, unsigned int reg,
			  const void *buf)
{
	fpu_write_xmm(reg, buf);
	return EMUL_OK;
}

static int mmio_read_mmx(struct emul_ctxt *c, unsigned int reg, void *buf)
{
	fpu_read_mmx(reg, buf);
	return EMUL_OK;
}

static int mmio_write_mmx(struct emul_ctxt *c, unsigned int reg,
			  const void *buf)
{
	fpu_write_mmx(reg, buf);
	return EMUL_OK;
}

static bool mmio_x87_pending(struct emul_ctxt *c)
{
	return fpu_x87_pending();
}

const struct emul_ops mmio_ops = {
	.fetch		= mmio_fetch,
	.prepare	= mmio_prepare,
	.read		= mmio_read,
	.write		= mmio_write,
	.cmpxchg	= mmio_cmpxchg,
	.get_segment	= mmio_get_segment,
	.io_in		= mmio_io_in,
	.io_out		= mmio_io_out,
	.read_xmm	= mmio_read_xmm,
	.write_xmm	= mmio_write_xmm,
	.read_mmx	= mmio_read_mmx,
	.write_mmx	= mmio_write_mmx,
	.x87_pending	= mmio_x87_pending,
	.read_system	= mmio_read_system,
	.write_system	= mmio_write_system,
	.set_segment	= mmio_set_segment,
	.get_table	= mmio_get_table,
	.set_table	= mmio_set_table,
	.set_cr		= mmio_set_cr,
};
