/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's MTRRs.  Source: SDM volume 3, 11.11.
 */
#ifndef XKVM_X86_MTRR_H
#define XKVM_X86_MTRR_H

#include "../vm.h"

/* Memory types as MTRRs, PAT and EPT number them. */
enum memtype { MEMTYPE_UC = 0, MEMTYPE_WC = 1, MEMTYPE_WT = 4, MEMTYPE_WP = 5,
	       MEMTYPE_WB = 6 };

/* Where MTRR @index lives, or NULL: it is none.  vCPU thread or mutex. */
u64 *mtrr_reg(struct vcpu *v, u32 index);

/*
 * mtrr_write() - @data into MTRR @index (for which mtrr_reg() is not NULL).
 * 0; 1: reserved bits or types.  What the second-stage tables have of the
 * guest's types is brought up to date.  May sleep.
 */
int mtrr_write(struct vcpu *v, u32 index, u64 data);

/*
 * mtrr_page_type() - the type of the page at @gpa; mtrr_uniform(): do the @size
 * bytes (a power of two) around @gpa all have it?  vCPU thread.
 */
enum memtype mtrr_page_type(struct vcpu *v, gpa_t gpa);
bool mtrr_uniform(struct vcpu *v, gpa_t gpa, u64 size);

#endif
