/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mmio.c and mmio_ops.c share.  Nobody else includes this.
 */
#ifndef XKVM_X86_MMIO_PRIV_H
#define XKVM_X86_MMIO_PRIV_H

#include "emulate.h"
#include "vmx.h"

#define MMIO_NR_READS	4	/* in a step: emulate.h */
#define MMIO_NR_WRITES	4	/* two of 16 bytes, in halves */
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

/*
 * Read the rest of @rd from devices in the kernel: true if all is there,
 * false if the fragment at rd->done has to come from user space.
 */
bool mmio_read_fragments(struct vcpu *v, struct mmio_read *rd);

#endif
