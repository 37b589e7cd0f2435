/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * l1d.c: the level 1 data cache emptied before a guest runs, against L1TF.
 */
#ifndef XKVM_L1D_H
#define XKVM_L1D_H

#include <linux/jump_label.h>

struct vcpu;

/* 0 or -ENOMEM.  Does nothing on a CPU, or with mitigations, that need none. */
int l1d_module_init(void);
void l1d_module_exit(void);

DECLARE_STATIC_KEY_FALSE(l1d_needed);
void l1d_empty(struct vcpu *v);

/* Last thing before the world switch, interrupts off. */
static inline void l1d_prepare_entry(struct vcpu *v)
{
	if (static_branch_unlikely(&l1d_needed))
		l1d_empty(v);
}

#endif
