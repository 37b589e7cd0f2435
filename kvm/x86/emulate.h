/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instruction emulator: public interface.
 *
 * Emulates one guest instruction for the sake of its memory operand (MMIO) or
 * of its string I/O (INS, OUTS).  Pure logic: no allocation, no locks, no
 * sleeping of its own, no kernel state; the operations in struct emul_ops do
 * everything that touches the guest.  The same source builds for host unit
 * tests.
 *
 * Use, by the owner of a vCPU (a struct emul_ctxt is about 1 KiB: embed it in
 * the vCPU, do not put it on the stack):
 *
 *	c->ops, c->priv			once
 *	c->regs, rip, rflags, cpl,	before each emulate_insn()
 *	   cr0, cr4, efer
 *	r = emulate_insn(c);
 *	write back what c->dirty names, whatever r is
 *
 *	EMUL_OK		 The instruction is complete, RIP is behind it.  If
 *			 c->posted, an operation took a write that has yet to
 *			 go to user space; nothing more has to be done here
 *			 afterwards.  The caller ends the STI/MOV SS shadow and
 *			 raises a single-step #DB if RFLAGS.TF was set.
 *	EMUL_RESTART	 RIP is unchanged; registers may show the progress of a
 *			 repeated string instruction.  Re-enter the guest, which
 *			 lets interrupts in, and the instruction exits again, or
 *			 call emulate_insn() again.  c->posted, and #DB if
 *			 c->dirty, as above.
 *	EMUL_NEED_IO	 An operation wants data from user space.  When it has
 *			 come, call emulate_continue() with the same context:
 *			 the instruction is executed again from its first read,
 *			 without being fetched again, and the operation hands
 *			 out the data.  Only earlier steps of a repeated string
 *			 instruction are in c->dirty.
 *	EMUL_EXCEPTION	 Inject c->exception.  RIP is unchanged.
 *	EMUL_UNHANDLED	 Not an instruction this emulator knows, or an
 *			 operation said so.  c->bytes[0..c->nr_bytes) holds what
 *			 was fetched, for KVM_EXIT_INTERNAL_ERROR.
 *
 * Order of accesses: all reads of an instruction, or of one step of a repeated
 * one, come before any write and before any register changes, and in the same
 * order with the same arguments on each execution.  c->seq counts the reads
 * (and io_in) of this execution or step from 0, so an operation can recognise
 * the ones it has data for.  At most 4 reads are made in a step (two operands,
 * each across a page boundary) and at most 2 writes, 16 bytes each at most;
 * what PUSHA, POPA and ENTER do to the stack is counted as several steps whose
 * registers change at the end, with all their reads before the writes.
 *
 * Specification: Intel SDM volume 2 (instructions), volume 3 chapters 5
 * (protection) and 6 (exceptions), volume 1 3.3.7 (canonical addresses).
 */
#ifndef XKVM_X86_EMULATE_H
#define XKVM_X86_EMULATE_H

#include <linux/types.h>

/* What an operation or the emulator answers; never negative. */
enum emul_result {
	EMUL_OK,
	EMUL_NEED_IO,		/* read, io_in: data has to come from outside */
	EMUL_EXCEPTION,		/* ctxt->exception is filled in */
	EMUL_UNHANDLED,		/* cannot be emulated; nothing changed */
	EMUL_RESTART,		/* execute again; from cmpxchg: lost the race */
	EMUL_POSTED,		/* write, io_out: taken, is yet to go outside */
	EMUL_MMIO,		/* prepare: accessible, but is not memory */
};

/* Segment register numbers, as instructions encode them; then the others. */
enum emul_seg {
	EMUL_ES, EMUL_CS, EMUL_SS, EMUL_DS, EMUL_FS, EMUL_GS, EMUL_NR_SEGS,
	EMUL_LDTR = EMUL_NR_SEGS, EMUL_TR, EMUL_NR_SELECTORS,
};

/* Descriptor table registers. */
enum emul_table { EMUL_GDT, EMUL_IDT };

/* General registers, as instructions encode them; regs[] has 16. */
enum emul_reg {
	EMUL_RAX, EMUL_RCX, EMUL_RDX, EMUL_RBX,
	EMUL_RSP, EMUL_RBP, EMUL_RSI, EMUL_RDI,
	EMUL_NR_REGS = 16,
};

/* Bits of emul_ctxt.dirty; bit n below 16 is regs[n]. */
#define EMUL_DIRTY_RIP		(1u << 16)
#define EMUL_DIRTY_RFLAGS	(1u << 17)

/*
 * How memory is accessed.  A read that will be followed by a write to the same
 * place has both EMUL_ACC_READ and EMUL_ACC_WRITE and faults as a write does.
 */
#define EMUL_ACC_READ		(1u << 0)
#define EMUL_ACC_WRITE		(1u << 1)
#define EMUL_ACC_LOCKED		(1u << 2)	/* LOCK prefix or XCHG */

/* A segment register's hidden part, as the VMCS or struct kvm_segment has it. */
struct emul_segment {
	u64 base;
	u32 limit;		/* in bytes: granularity already applied */
	u16 selector;
	u8 type;		/* descriptor type field, 4 bits */
	u8 dpl;
	u8 s : 1, present : 1, l : 1, db : 1, unusable : 1, avl : 1, g : 1;
};

struct emul_table_reg {
	u64 base;
	u16 limit;
};

/* The exception to inject on EMUL_EXCEPTION. */
struct emul_exception {
	u8 vector;
	bool has_error;
	u32 error;
	u64 address;		/* linear address: CR2 for #PF, else unused */
};

struct emul_ctxt;

/*
 * Operations.  Addresses are linear; paging (with permissions at ctxt->cpl,
 * 32-bit wrap already applied) is theirs.  No call crosses a 4 KiB boundary
 * and len is 1 to 16, save where noted.  EMUL_EXCEPTION may be answered by
 * each after filling ctxt->exception, EMUL_UNHANDLED by each.
 */
struct emul_ops {
	/*
	 * Read len (1 to 15) instruction bytes.  Optional bytes behind the
	 * instruction's end may be in len, never those of the next page.
	 */
	int (*fetch)(struct emul_ctxt *c, u64 addr, void *buf, unsigned int len);

	/*
	 * Check that an access is possible before anything has changed:
	 * EMUL_OK if it is memory, EMUL_MMIO if it is a device.  Called where
	 * a fault in write() would come too late: for both parts of a write
	 * that crosses a page, for the destination of MOVS, INS and POP, for
	 * the source of OUTS.  len up to EMUL_IO_BUF for INS and OUTS.
	 */
	int (*prepare)(struct emul_ctxt *c, u64 addr, unsigned int len,
		       unsigned int access);

	/*
	 * Read memory or MMIO: EMUL_OK or EMUL_NEED_IO.  len is above 16, up
	 * to EMUL_IO_BUF, only for OUTS where prepare() said EMUL_OK.
	 */
	int (*read)(struct emul_ctxt *c, u64 addr, void *buf, unsigned int len,
		    unsigned int access);

	/*
	 * Write memory or MMIO: EMUL_OK or EMUL_POSTED, EMUL_EXCEPTION with
	 * nothing written.  Most writes have had no prepare().  The
	 * instruction does not wait for a posted write, so the operation has
	 * to keep a copy of buf.  If an instruction's second write fails the
	 * first stands.  len is above 16 only for INS, see read().
	 */
	int (*write)(struct emul_ctxt *c, u64 addr, const void *buf,
		     unsigned int len, unsigned int access);

	/*
	 * Optional.  Atomically replace old by new: EMUL_OK, EMUL_POSTED (on
	 * MMIO, where it is a plain write), or EMUL_RESTART if memory held
	 * something else.  For LOCKed instructions that do not cross a page;
	 * without it, and across pages, write() is used.
	 */
	int (*cmpxchg)(struct emul_ctxt *c, u64 addr, const void *old,
		       const void *new, unsigned int len);

	/* Fill in a segment register.  Called at most once for each. */
	void (*get_segment)(struct emul_ctxt *c, enum emul_seg seg,
			    struct emul_segment *out);

	/*
	 * Optional; without them instructions that load segment registers or
	 * look at descriptors are EMUL_UNHANDLED.  The first two access
	 * memory with supervisor rights whatever the CPL is, up to 128 bytes
	 * and across pages; a device there is EMUL_UNHANDLED.  They do not
	 * count in seq: what they read has no side effects.
	 */
	int (*read_system)(struct emul_ctxt *c, u64 addr, void *buf,
			   unsigned int len);
	int (*write_system)(struct emul_ctxt *c, u64 addr, const void *buf,
			    unsigned int len);
	void (*set_segment)(struct emul_ctxt *c, enum emul_seg seg,
			    const struct emul_segment *s);
	void (*get_table)(struct emul_ctxt *c, enum emul_table table,
			  struct emul_table_reg *out);
	void (*set_table)(struct emul_ctxt *c, enum emul_table table,
			  const struct emul_table_reg *reg);
	/* CR0 or CR3: EMUL_OK, or EMUL_UNHANDLED if the value is illegal. */
	int (*set_cr)(struct emul_ctxt *c, unsigned int cr, u64 val);

	/*
	 * Optional; without it INS and OUTS are EMUL_UNHANDLED.  io_in reads
	 * count elements of size 1, 2 or 4 from the port (EMUL_OK or
	 * EMUL_NEED_IO); io_out writes them (EMUL_OK or EMUL_POSTED).
	 * count * size is at most EMUL_IO_BUF and what io_max answers, if that
	 * exists.  Both check the I/O permission unless the exit proves that
	 * the CPU has done so.  An io_in that has data for another count or
	 * port (memory slots or registers changed meanwhile) drops it.
	 */
	int (*io_in)(struct emul_ctxt *c, u16 port, unsigned int size,
		     void *buf, unsigned int count);
	int (*io_out)(struct emul_ctxt *c, u16 port, unsigned int size,
		      const void *buf, unsigned int count);
	unsigned int (*io_max)(struct emul_ctxt *c, u16 port, unsigned int size);

	/*
	 * Optional; without them SSE moves are EMUL_UNHANDLED.  Get or set
	 * 16 bytes of XMM register 0 to 15; bits above 127 are left alone.
	 */
	int (*read_xmm)(struct emul_ctxt *c, unsigned int reg, void *buf);
	int (*write_xmm)(struct emul_ctxt *c, unsigned int reg, const void *buf);

	/*
	 * Optional, the same for 8 bytes of MMX register 0 to 7: either makes
	 * the x87 registers MMX registers, as each MMX instruction does.
	 * x87_pending tells whether an unmasked x87 exception is pending.
	 */
	int (*read_mmx)(struct emul_ctxt *c, unsigned int reg, void *buf);
	int (*write_mmx)(struct emul_ctxt *c, unsigned int reg, const void *buf);
	bool (*x87_pending)(struct emul_ctxt *c);
};

#define EMUL_MAX_INSN	15	/* longest instruction, in bytes */
#define EMUL_IO_BUF	512	/* most string I/O data at once, in bytes */
#define EMUL_REP_MAX	64	/* most steps of a repeated one in a call */

struct emul_opcode;

/* A decoded instruction; the emulator's own, readable for traces and tests. */
struct emul_insn {
	const struct emul_opcode *op;
	u64 imm;		/* immediate (sign-extended), or moffs */
	s64 disp;
	u8 len;			/* of the whole instruction, in bytes */
	u8 map;			/* 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A */
	u8 opcode;		/* the byte in that map */
	u8 opsize;		/* operand size in bytes */
	u8 adsize;		/* address size in bytes */
	u8 seg;			/* enum emul_seg of the memory operand */
	u8 rex;			/* 0, or the prefix byte */
	u8 rep;			/* 0, 0xf2 or 0xf3: the last of the two */
	bool lock;
	bool opsize_prefix;	/* 66 */
	bool vex;
	u8 vex_prefix;		/* VEX.pp as the prefix that it stands for */
	u8 vex_reg;		/* VEX.vvvv */
	u8 mod, reg, rm;	/* reg and rm with REX.R and REX.B applied */
	s8 base, index;		/* register numbers, -1 none */
	u8 scale;		/* shift count */
	bool rip_rel;
};

/* Everything about one instruction in flight.  Owned by one vCPU. */
struct emul_ctxt {
	/* set by the caller */
	const struct emul_ops *ops;
	void *priv;		/* the operations' own */
	u64 regs[EMUL_NR_REGS];
	u64 rip, rflags;
	u64 cr0, cr4, efer;	/* PE, AM, TS, EM, NE; LA57, OSFXSR, UMIP; LMA */
	u8 cpl;
	bool has_tzcnt, has_lzcnt;	/* else F3 BSF and BSR are BSF and BSR */

	/* results */
	u32 dirty;		/* EMUL_DIRTY_*: what to write back */
	bool posted;		/* an operation answered EMUL_POSTED */
	bool mov_ss;		/* EMUL_OK: events wait for the next instruction */
	struct emul_exception exception;
	u8 nr_bytes;
	u8 bytes[EMUL_MAX_INSN];

	/* for the operations */
	u8 seq;			/* number of this read within the step */

	/* internal */
	u8 width;		/* default address width in bits: 16, 32 or 64 */
	bool protected_mode;	/* PE and not VM86 */
	u8 segs_valid;		/* bitmap over seg[] */
	struct emul_segment seg[EMUL_NR_SELECTORS];
	u64 next;		/* RIP after the instruction */
	struct emul_insn insn;
	u8 io[EMUL_IO_BUF];
};

/**
 * emulate_insn() - fetch, decode and execute the instruction at CS:RIP
 * @c: context; what the caller sets is described above
 *
 * Runs in any context the operations allow.  Bounded: one instruction, or
 * EMUL_REP_MAX steps of a repeated one (one step if RFLAGS.TF is set).
 *
 * Return: EMUL_OK, EMUL_RESTART, EMUL_NEED_IO, EMUL_EXCEPTION or
 * EMUL_UNHANDLED.
 */
int emulate_insn(struct emul_ctxt *c);

/**
 * emulate_continue() - execute again what answered EMUL_NEED_IO
 * @c: the same context; if registers may have been changed meanwhile, the
 *     caller loads regs, rflags and rip again, and abandons the instruction
 *     if rip is another one
 *
 * Return: as emulate_insn().
 */
int emulate_continue(struct emul_ctxt *c);

/**
 * emulate_decode() - fetch and decode only, into @c->insn
 * @c: context as for emulate_insn()
 *
 * Return: EMUL_OK, EMUL_EXCEPTION or EMUL_UNHANDLED.
 */
int emulate_decode(struct emul_ctxt *c);

/* Why a task switch takes place, as an exit's qualification numbers it. */
enum emul_task_source {
	EMUL_TASK_CALL, EMUL_TASK_IRET, EMUL_TASK_JMP,
	EMUL_TASK_EVENT,	/* an event through a task gate in the IDT */
};

struct emul_task {
	u16 selector;		/* of the new TSS */
	u8 source;		/* enum emul_task_source */
	bool external;		/* exception, NMI or interrupt: not INT n */
	bool has_error;		/* error goes onto the new task's stack */
	u32 error;
	int soft_vector;	/* of INT n, INT3, INTO; else -1 */
	u64 rip;		/* where the old task goes on */
};

/**
 * emulate_task_switch() - switch from the task in TR to another
 * @c: context, loaded as for emulate_insn(); the operations on descriptors
 *     are needed
 * @t: the switch, which CPU and gate allow but for what is checked again
 * @trap: set to the T bit of a new 32-bit TSS if the answer is EMUL_OK: #DB
 *     with DR6.BT comes before the first instruction
 *
 * The caller clears the local enable bits of DR7, and keeps NMIs blocked or
 * lets them in.  Not in IA-32e mode, which has no task switches.
 *
 * Return: EMUL_OK; EMUL_EXCEPTION, in the old task if RIP is not in @c->dirty,
 * in the new one otherwise; EMUL_UNHANDLED; EMUL_RESTART with nothing changed
 * that a second attempt would not do again.
 */
int emulate_task_switch(struct emul_ctxt *c, const struct emul_task *t,
			bool *trap);

#endif /* XKVM_X86_EMULATE_H */
