/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 8254 timer: three counters.
 *
 * State and what changes it: no locks (the caller has one), and the time, in
 * nanoseconds, is given.  Also builds on the host for unit tests.
 * Source: Intel 8254 data sheet; KVM API, struct kvm_pit_channel_state.
 */
#ifndef XKVM_X86_PIT_H
#define XKVM_X86_PIT_H

#include <linux/kvm.h>
#include <linux/types.h>

#define PIT_HZ		1193182u
#define PIT_NR		3

struct pit {
	struct kvm_pit_channel_state ch[PIT_NR];
	/* a bit for each counter loaded since the caller cleared them */
	u8 loaded;
};

void pit_reset(struct pit *pit, u64 now);

/* Registers 0 to 3: ports 0x40 to 0x43. */
u8 pit_read(struct pit *pit, unsigned int reg, u64 now);
void pit_write(struct pit *pit, unsigned int reg, u8 val, u64 now);

/* Counter @n's output; its gate, of which a rise may start the count anew. */
bool pit_out(const struct pit *pit, unsigned int n, u64 now);
bool pit_gate(const struct pit *pit, unsigned int n);
void pit_set_gate(struct pit *pit, unsigned int n, bool gate, u64 now);

/* From the load of counter @n to its output's rise, in ns; @periodic: again. */
u64 pit_period(const struct pit *pit, unsigned int n, bool *periodic);

/* Take a counter's state, made legal; its count begins anew. */
void pit_set_channel(struct pit *pit, unsigned int n,
		     const struct kvm_pit_channel_state *s, u64 now);

#endif
