/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bench's own files share. */
#ifndef SELFTESTS_BENCH_H
#define SELFTESTS_BENCH_H

#include <stdint.h>

/*
 * One row of the table.  run() measures on the node dev_path() names and
 * returns TSC ticks for one unit of the measure; under an emulator whose TSC
 * counts retired instructions those are instructions.  Where the name says
 * so, it is bytes.
 *
 * target: the most that the first node's figure may be of the second's.
 */
struct bench_row {
	const char *name;
	double target;
	uint64_t (*run)(void);
};

extern const struct bench_row bench_rows[];
extern const unsigned int bench_nr_rows;

/*
 * A measure is repeated and the smallest figure is the one that counts: the
 * host's clock interrupt costs what it costs, and is no part of the measure.
 * It comes every 400,000 instructions, so that a batch should take less.
 */
#define BENCH_REPEAT	64
#define BENCH_BATCH	50

#define BENCH_NONE	UINT64_MAX

/* A macro, for guest code has no use for a function outside of it. */
#define bench_keep(least, t)						\
	do {								\
		uint64_t t_ = (t);					\
									\
		if (t_ < *(least))					\
			*(least) = t_;					\
	} while (0)

/*
 * The middle one of N figures, which it reorders: for what waits, and is as
 * long as the wait.
 */
uint64_t bench_median(uint64_t *v, unsigned int n);

/* a - b, or 0 where that would be less. */
static inline uint64_t bench_less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* rows_exit.c */
uint64_t bench_cpuid(void);
uint64_t bench_yield(void);
uint64_t bench_cpuid_second_vm(void);
uint64_t bench_yield_second_vm(void);
uint64_t bench_io(void);
uint64_t bench_mmio(void);

/* rows_mode.c */
uint64_t bench_cpuid_real(void);
uint64_t bench_cpuid_32(void);
uint64_t bench_cpuid_pae(void);
uint64_t bench_mmio_real(void);
uint64_t bench_mmio_flat(void);
uint64_t bench_mmio_32(void);
uint64_t bench_mmio_pae(void);
uint64_t bench_apic_reset(void);
uint64_t bench_apic_enabled(void);

/* rows_xen.c */
uint64_t bench_xen_send(void);
uint64_t bench_xen_ioctl(void);
uint64_t bench_xen_check(void);
uint64_t bench_xen_timer_past(void);
uint64_t bench_xen_timer(void);

/* rows_sched.c */
uint64_t bench_halt_ipi(void);
uint64_t bench_runstate(void);

/* rows_mem.c */
uint64_t bench_fault_present(void);
uint64_t bench_fault_touch(void);
uint64_t bench_fault_huge(void);
uint64_t bench_slot(void);
uint64_t bench_dirty_on(void);
uint64_t bench_dirty_first(void);
uint64_t bench_dirty_round(void);
uint64_t bench_dirty_read(void);
uint64_t bench_dirty_clean(void);

/* rows_life.c */
uint64_t bench_lifecycle(void);
uint64_t bench_lifecycle_only(void);
uint64_t bench_idle_memory(void);

/*
 * KVM_RUN until REASON, BENCH_BATCH times, and that BENCH_REPEAT times: the
 * least for one.  The vCPU is at a loop that comes out for that reason alone.
 */
struct vcpu;
uint64_t bench_user_exits(struct vcpu *v, uint32_t reason);

/*
 * The rows whose name contains ONLY, or all: each on every one of the N nodes,
 * in turn.  With two nodes or more also the ratio of the first two and what is
 * to be said of it.  Returns how many figures could not be had.
 */
int bench_table(const char *only, char *const *nodes, int n);

/*
 * bench --exec [--marker TEXT] [--] COMMAND ARG...: runs the command with its
 * output passed through and prints the ticks from exec to its exit, and to the
 * first TEXT in its output.  Returns the command's status.
 */
int bench_exec(int argc, char **argv);

#endif
