/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mmio.c and mmio_ops.c share.  Nobody else includes this.
 */
#ifndef XKVM_X86_MMIO_PRIV_H
#define XKVM_X86_MMIO_PRIV_H

#include "emulate.h"
#include "vmx.h"

#define MMIO_NR_READS	9	/* in a step: POPA, across a page */
#define MMIO_NR_WRITES	9	/* PUSHA, across a page */
#define MMIO_FRAGMENT	8u	/* most bytes in one exit */

/* What a read of the current step gave. */
struct mmio_read {
	u64 addr;		/* linear */
	gpa_t gpa;
	u8 len, done;		/* bytes wanted, bytes there; len 0: not MMIO */
	u8 data[16];
};

/* A write that user space has yet to see. */
struct mmio_write {
	gpa_t gpa;
	u8 len;
	u8 data[MMIO_FRAGMENT];
};

/*
 * A plain move between a register and a device that was decoded before; see
 * mmio_fast.c.
 */
enum mmio_move_kind { MOVE_NONE, MOVE_LOAD, MOVE_LOAD_SIGNED, MOVE_STORE,
		      MOVE_STORE_IMM };

struct mmio_move {
	/* of its fetch */
	u64 rip, cr3, cr4, efer;
	u32 cs_ar;			/* how wide its code is: MMIO_CS_AR */
	bool user;
	bool long_code;			/* 64-bit code: these are all 0 */
	u64 cs_base, cr0, vm86;

	u8 kind;			/* enum mmio_move_kind */
	u8 size;			/* bytes of memory */
	gfn_t gfn;			/* without (writable) memory, or invalid */
	struct paging_trail trail;
	u64 code[2], mask[2];		/* its bytes, and which count */
	struct emul_insn insn;
};

#define MMIO_CS_AR	(BIT(13) | BIT(14))	/* L and D */
#define MMIO_NR_MOVES	8

/*
 * One instruction's accesses.  One per vCPU, made at its first use; fields are
 * valid only between the start of an instruction and its last completion.
 */
struct mmio_state {
	struct emul_ctxt c;
	struct vcpu *v;
	int error;		/* -errno behind an EMUL_UNHANDLED */

	/* the access that caused the exit: no need to translate it again */
	bool hint, hint_write;
	u64 hint_gva;		/* of its page */
	gpa_t hint_gpa;

	/* reads of this step: rd[0..nr_reads), of which next is the next */
	u8 nr_reads, next;
	struct mmio_read rd[MMIO_NR_READS];

	u8 nr_writes, written;
	struct mmio_write wr[MMIO_NR_WRITES];

	struct paging_trail trail;	/* of the last fetch */
	struct mmio_move move[MMIO_NR_MOVES];	/* by a hash of RIP */
	struct mmio_move *current_move;	/* waits for its data */
	gpa_t current_gpa;

	/* string I/O */
	bool io_exit;		/* the CPU has checked the port of the exit */
	bool io_wanted;		/* an INS waits for its data */
	bool io_ready;		/* the data has come */
	bool io_posted;		/* an OUTS is to go out */
	bool io_in;
	u16 io_port;
	u8 io_size;
};

static inline struct mmio_state *mmio_state(struct emul_ctxt *c)
{
	return container_of(c, struct mmio_state, c);
}

extern const struct emul_ops mmio_ops;

/* mmio_ops.c: EMUL_UNHANDLED, with an error for KVM_RUN. */
int mmio_fail(struct mmio_state *st, int error);
/* Turn a result of paging_*() that is not 0 into the emulator's. */
int mmio_paging_result(struct mmio_state *st, int ret, u64 addr, u32 error);
/* Whether a guest-physical address is memory for this access. */
bool mmio_is_memory(struct vcpu *v, gpa_t gpa, bool write);

/* mmio_system.c: operations on segments, descriptor tables, control registers. */
void mmio_get_segment(struct emul_ctxt *c, enum emul_seg seg,
		      struct emul_segment *out);
void mmio_set_segment(struct emul_ctxt *c, enum emul_seg seg,
		      const struct emul_segment *s);
int mmio_read_system(struct emul_ctxt *c, u64 addr, void *buf,
		     unsigned int len);
int mmio_write_system(struct emul_ctxt *c, u64 addr, const void *buf,
		      unsigned int len);
void mmio_get_table(struct emul_ctxt *c, enum emul_table table,
		    struct emul_table_reg *out);
void mmio_set_table(struct emul_ctxt *c, enum emul_table table,
		    const struct emul_table_reg *reg);
int mmio_set_cr(struct emul_ctxt *c, unsigned int cr, u64 val);

/*
 * Read the rest of @rd from devices in the kernel: true if all is there,
 * false if the fragment at rd->done has to come from user space.
 */
bool mmio_read_fragments(struct vcpu *v, struct mmio_read *rd);

/* An instruction, or a step of a repeated one, is complete. */
void mmio_retire(struct vcpu *v);

/* Leave for KVM_EXIT_MMIO: returns 0.  @data of a write is 8 bytes, or NULL. */
int mmio_exit(struct vcpu *v, gpa_t gpa, unsigned int len, const void *data,
	      int (*complete)(struct vcpu *v));

/* mmio.c: the vCPU's state, or NULL: no memory. */
struct mmio_state *mmio_get(struct vcpu *v);
/* Begin something new: forget accesses, load the emulator's registers. */
void mmio_reset(struct mmio_state *st);
/* Write the changed registers back. */
void mmio_store(struct mmio_state *st);
/* Queue the emulator's exception. */
void mmio_inject(struct mmio_state *st);
/* Leave for what is left to write; 1 if there is nothing. */
int mmio_drain(struct vcpu *v);
/* Nobody can emulate this: an error, #UD, or an exit. */
int mmio_unhandled(struct mmio_state *st);

/* Remember the instruction in st->c that was just executed, if it is a move. */
void mmio_learn(struct mmio_state *st);

#endif
