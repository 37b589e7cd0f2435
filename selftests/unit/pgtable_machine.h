/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the page-table tests run on: made-up formats, table pages that know
 * whether they may be touched, and a CPU that walks and sets bits.
 */
#ifndef UNIT_PGTABLE_MACHINE_H
#define UNIT_PGTABLE_MACHINE_H

#include "../lib/tap.h"

/* A format, and what the permission bits of a leaf are in it. */
struct machine {
	const char *name;
	struct pgt_format f;
	u64 read, write;	/* prot of a mapping that allows to read, both */
	u64 no_exec;		/* XOR-ed in: without the right to execute */
	u64 other_type;		/* XOR-ed in: another memory type */
};

extern const struct machine machines[];
extern const int nr_machines;

#define FOR_EACH_MACHINE(m)						\
	for (const struct machine *m = machines; m < machines + nr_machines; m++)

/* A table and its page cache. */
struct space {
	const struct machine *m;
	struct pgtable pt;
	struct pgt_cache c;
	bool flush;
};

void space_create(struct space *s, const struct machine *m);
/* Destroys it; every page must be back, every count right. */
void space_destroy(struct space *s);
/* Table pages as counted by a walk, cut off ones included, against nr_tables. */
void space_check_tables(struct space *s);
/* pgtable_map() with a full cache and the flush flag cleared before. */
int space_map(struct space *s, u64 gfn, u64 pfn, int level, u64 prot);

/* The slot that a CPU's walk for @gfn ends in, present or not. */
u64 *machine_slot(struct space *s, u64 gfn, int *level);
/* Output page of leaf @e of @level for @gfn. */
u64 machine_pfn(const struct machine *m, u64 e, int level, u64 gfn);
/* Rights and type of leaf @e, in the form of a prot. */
u64 machine_prot(const struct machine *m, u64 e, int level);

/* Allocations that succeed before one fails; negative: all do. */
extern int machine_allocs;
/* Called before each compare-and-exchange, which then goes on. */
extern void (*machine_hook)(u64 *p, u64 old, u64 new);
/* Tables that were cut off and not freed must be as they were. */
void machine_check_unlinked(const struct pgt_unlinked *u);
/* Pages allocated and not freed. */
long machine_pages(void);

#endif
