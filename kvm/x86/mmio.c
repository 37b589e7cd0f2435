// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that the CPU could not finish: MMIO and string I/O.  Runs the
 * emulator on the vCPU, takes its requests to user space and goes on when the
 * answer has come.
 *
 * A read waits: registers are untouched, RIP stays at the instruction, and
 * KVM_RUN executes it again with the data.  A write does not: the instruction
 * is finished and what is left of its data goes out, one exit for each piece,
 * before the guest runs on.
 * Everything belongs to the vCPU's thread.  mmio_ops.c has the operations,
 * mmio_fast.c a short cut for plain moves.
 */
#include <linux/slab.h>

#include "../arch.h"
#include "../trace.h"
#include "debug.h"
#include "exit.h"
#include "mmio_priv.h"

#define INSN_UD		6

static struct kmem_cache *mmio_cache;

int mmio_module_init(void)
{
	/* string I/O is copied between guest memory and c.io */
	mmio_cache = kmem_cache_create_usercopy("xkvm_mmio",
			sizeof(struct mmio_state), 0,
			SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT,
			offsetof(struct mmio_state, c.io), EMUL_IO_BUF, NULL);
	return mmio_cache ? 0 : -ENOMEM;
}

void mmio_module_exit(void)
{
	kmem_cache_destroy(mmio_cache);
}

void mmio_vcpu_exit(struct vcpu *v)
{
	if (v->arch.emul)
		kmem_cache_free(mmio_cache, mmio_state(v->arch.emul));
	v->arch.emul = NULL;
}

/* The vCPU's state for a new instruction, or NULL: no memory. */
struct mmio_state *mmio_get(struct vcpu *v)
{
	struct mmio_state *st;

	if (likely(v->arch.emul))
		return mmio_state(v->arch.emul);
	st = kmem_cache_zalloc(mmio_cache, GFP_KERNEL);
	if (!st)
		return NULL;
	st->v = v;
	st->c.ops = &mmio_ops;
	st->c.has_tzcnt = boot_cpu_has(X86_FEATURE_BMI1);
	st->c.has_lzcnt = boot_cpu_has(X86_FEATURE_ABM);
	v->arch.emul = &st->c;
	return st;
}

static void mmio_load(struct mmio_state *st)
{
	struct emul_ctxt *c = &st->c;
	struct vcpu *v = st->v;

	c->rip = reg_read(v, VREG_RIP);
	c->rflags = reg_read(v, VREG_RFLAGS);
	reg_read(v, VREG_RSP);	/* now it is in regs[] too */
	BUILD_BUG_ON(sizeof(c->regs) != sizeof(v->arch.regs));
	memcpy(c->regs, v->arch.regs, sizeof(c->regs));
	c->cr0 = state_cr0(v);
	c->cr4 = state_cr4(v);
	c->efer = v->arch.efer;
	c->cpl = x86_cpl(v);
}

void mmio_store(struct mmio_state *st)
{
	const struct emul_ctxt *c = &st->c;
	unsigned long regs = c->dirty & (EMUL_DIRTY_RIP - 1);

	for (; regs; regs &= regs - 1)
		reg_write(st->v, __ffs(regs), c->regs[__ffs(regs)]);
	if (c->dirty & EMUL_DIRTY_RIP)
		reg_write(st->v, VREG_RIP, c->rip);
	if (c->dirty & EMUL_DIRTY_RFLAGS)
		reg_write(st->v, VREG_RFLAGS, c->rflags);
}

void mmio_retire(struct vcpu *v)
{
	const u32 shadow = GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS;
	u32 state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	if (state & shadow)
		debug_end_shadow(v, state);
	if (unlikely((reg_read(v, VREG_RFLAGS) & X86_EFLAGS_TF) ||
		     (v->arch.guest_debug & KVM_GUESTDBG_SINGLESTEP)))
		debug_instruction_done(v);
}

/* Events, and the trap of a single step, wait for the next instruction. */
static void mmio_retire_mov_ss(void)
{
	u32 state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	state &= ~GUEST_INTR_STATE_STI;
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO,
		   state | GUEST_INTR_STATE_MOV_SS);
}

void mmio_inject(struct mmio_state *st)
{
	const struct emul_exception *e = &st->c.exception;

	if (e->vector == 14)
		x86_inject_pf(st->v, e->address, e->error);
	else if (e->has_error)
		x86_queue_exception_e(st->v, e->vector, e->error);
	else
		x86_queue_exception(st->v, e->vector);
}

/*
 * An error of user space's memory, or an instruction nobody can emulate: user
 * space's business if it is the guest kernel's, #UD for the guest's own users.
 */
int mmio_unhandled(struct mmio_state *st)
{
	struct kvm_run *run = st->v->run;
	const struct emul_ctxt *c = &st->c;

	if (st->error)
		return st->error;
	if (c->cpl && !st->v->vm->arch.exit_on_emulation_failure) {
		x86_queue_exception(st->v, INSN_UD);
		return 1;
	}
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	/* in words of 8 bytes: the flags, and the instruction */
	run->emulation_failure.ndata = 3;
	run->emulation_failure.flags =
		KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = c->nr_bytes;
	memset(run->emulation_failure.insn_bytes, 0x90,
	       sizeof(run->emulation_failure.insn_bytes));
	memcpy(run->emulation_failure.insn_bytes, c->bytes, c->nr_bytes);
	return 0;
}

/* --- exits ------------------------------------------------------------------ */

static int mmio_finish(struct mmio_state *st, int r);
static int mmio_go_on(struct mmio_state *st);

static u64 mmio_value(const u8 *data, unsigned int len)
{
	u64 val = 0;

	memcpy(&val, data, len);
	return val;
}

int mmio_exit(struct vcpu *v, gpa_t gpa, unsigned int len, const void *data,
	      int (*complete)(struct vcpu *v))
{
	struct kvm_run *run = v->run;

	v->stat.mmio_exits++;
	v->complete = complete;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = len;
	run->mmio.is_write = !!data;
	if (data) {
		memcpy(run->mmio.data, data, MMIO_FRAGMENT);
		trace_xkvm_mmio(v->id, true, gpa, len, mmio_value(data, len));
	}
	return 0;
}

static unsigned int mmio_read_piece(const struct mmio_read *rd)
{
	return min_t(unsigned int, rd->len - rd->done, MMIO_FRAGMENT);
}

static int mmio_read_complete(struct vcpu *v)
{
	struct mmio_state *st = mmio_state(v->arch.emul);
	struct mmio_read *rd = &st->rd[st->nr_reads - 1];
	unsigned int n = mmio_read_piece(rd);

	/* user space may have moved the guest elsewhere meanwhile */
	if (reg_read(v, VREG_RIP) != v->arch.complete_rip)
		return 1;
	/* whole fragments lie before this one, so there is room */
	memcpy(rd->data + rd->done, v->run->mmio.data, MMIO_FRAGMENT);
	trace_xkvm_mmio(v->id, false, rd->gpa + rd->done, n,
			mmio_value(rd->data + rd->done, n));
	rd->done += n;
	if (mmio_read_fragments(v, rd))
		return mmio_go_on(st);
	return mmio_exit(v, rd->gpa + rd->done, mmio_read_piece(rd), NULL,
			 mmio_read_complete);
}

static int mmio_io_complete(struct vcpu *v)
{
	struct mmio_state *st = mmio_state(v->arch.emul);

	trace_xkvm_pio(v->id, !v->arch.pio.in, v->arch.pio.port,
		       v->arch.pio.size, v->arch.pio.count, 0);
	/* an OUTS is finished: nothing of it is left to do */
	if (!v->arch.pio.in || reg_read(v, VREG_RIP) != v->arch.complete_rip)
		return 1;
	st->io_ready = true;
	return mmio_go_on(st);
}

static int mmio_io_exit(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	v->complete = mmio_io_complete;
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = v->arch.pio.in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = v->arch.pio.size;
	run->io.port = v->arch.pio.port;
	run->io.count = v->arch.pio.count;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
	return 0;
}

/* What the step waits for. */
static int mmio_request(struct mmio_state *st)
{
	struct vcpu *v = st->v;
	struct mmio_read *rd;

	v->arch.complete_rip = reg_read(v, VREG_RIP);
	if (st->io_wanted) {
		st->io_wanted = false;
		return mmio_io_exit(v);
	}
	rd = &st->rd[st->nr_reads - 1];
	return mmio_exit(v, rd->gpa + rd->done, mmio_read_piece(rd), NULL,
			 mmio_read_complete);
}

/* Writes that are left, one at a time; then the guest goes on. */
int mmio_drain(struct vcpu *v)
{
	struct mmio_state *st = mmio_state(v->arch.emul);
	struct mmio_write *w;

	if (st->written < st->nr_writes) {
		w = &st->wr[st->written++];
		return mmio_exit(v, w->gpa, w->len, w->data, mmio_drain);
	}
	if (st->io_posted) {
		st->io_posted = false;
		return mmio_io_exit(v);
	}
	return 1;
}

/* --- running ---------------------------------------------------------------- */

static int mmio_finish(struct mmio_state *st, int r)
{
	mmio_store(st);
	switch (r) {
	case EMUL_OK:
	case EMUL_RESTART:
		if (unlikely(st->c.mov_ss))
			mmio_retire_mov_ss();
		else if (likely(st->c.dirty))
			mmio_retire(st->v);
		return mmio_drain(st->v);
	case EMUL_NEED_IO:
		return mmio_request(st);
	case EMUL_EXCEPTION:
		mmio_inject(st);
		/* what was written before the fault stands */
		return mmio_drain(st->v);
	default:
		return mmio_unhandled(st);
	}
}

void mmio_reset(struct mmio_state *st)
{
	st->trail.data = NULL;
	st->error = 0;
	st->nr_reads = 0;
	st->next = 0;
	st->nr_writes = 0;
	st->written = 0;
	st->io_wanted = false;
	st->io_ready = false;
	st->io_posted = false;
	mmio_load(st);
}

static int mmio_begin(struct mmio_state *st)
{
	int r;

	mmio_reset(st);
	r = emulate_insn(&st->c);
	if (!st->io_exit && (r == EMUL_OK || r == EMUL_NEED_IO))
		mmio_learn(st);
	return mmio_finish(st, r);
}

/* The data for a read has come. */
static int mmio_go_on(struct mmio_state *st)
{
	st->next = 0;
	mmio_load(st);
	return mmio_finish(st, emulate_continue(&st->c));
}

int mmio_emulate(struct vcpu *v, gpa_t gpa, bool gva_valid, u64 gva)
{
	struct mmio_state *st = mmio_get(v);

	if (unlikely(!st))
		return -ENOMEM;
	v->arch.vmx->l1d_tainted = true;
	/* RIP is not at an instruction that accesses this */
	if (unlikely(v->arch.vmx->idt_vectoring & VECTORING_INFO_VALID_MASK))
		return exit_internal_error(v, KVM_INTERNAL_ERROR_DELIVERY_EV);
	st->hint = gva_valid;
	st->hint_gva = gva;
	st->hint_gpa = gpa & PAGE_MASK;
	/* only looked at with a valid gva: the exit is an EPT violation */
	st->hint_write = exit_qual(v) & EPT_VIOLATION_ACC_WRITE;
	st->io_exit = false;
	return mmio_begin(st);
}

int mmio_string_io(struct vcpu *v)
{
	struct mmio_state *st = mmio_get(v);
	unsigned long qual = exit_qual(v);

	if (unlikely(!st))
		return -ENOMEM;
	st->hint = false;
	st->io_exit = true;
	st->io_in = qual & BIT(3);
	st->io_port = qual >> 16;
	st->io_size = (qual & 7) + 1;
	return mmio_begin(st);
}
