// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses to control and debug registers.
 * Source: SDM volume 3, tables "Exit Qualification for Control-Register
 * Accesses" and "... for MOV DR".
 */
#include <linux/percpu.h>
#include <asm/debugreg.h>

#include "../arch.h"
#include "debug.h"
#include "exit.h"
#include "lapic.h"
#include "vmx.h"

static unsigned long exit_gpr(struct vcpu *v, unsigned int n)
{
	return reg_read(v, n);
}

static unsigned long exit_read_cr(struct vcpu *v, unsigned int cr)
{
	switch (cr) {
	case 0:
		return state_cr0(v);
	case 3:
		return state_cr3(v);
	case 4:
		return state_cr4(v);
	default:
		return v->arch.lapic ? lapic_get_cr8(v) : v->run->cr8;
	}
}

static int exit_write_cr(struct vcpu *v, unsigned int cr, unsigned long val)
{
	switch (cr) {
	case 0:
		return x86_set_cr0(v, val);
	case 3:
		return x86_set_cr3(v, val);
	case 4:
		return x86_set_cr4(v, val);
	default:
		return x86_set_cr8(v, val);
	}
}

/* A lower TPR may make something deliverable. */
static int exit_cr8_written(struct vcpu *v, unsigned long before)
{
	exit_skip(v);
	vcpu_request(v, REQ_EVENT);
	/* without an irqchip user space has the priority */
	if (!v->arch.lapic && v->run->cr8 < before) {
		v->run->exit_reason = KVM_EXIT_SET_TPR;
		return 0;
	}
	return 1;
}

static int exit_mov_to_cr(struct vcpu *v, unsigned int cr, unsigned long val)
{
	unsigned long before = cr == 8 ? exit_read_cr(v, 8) : 0;

	if (!is_64bit_code(v))
		val = (u32)val;
	if (exit_write_cr(v, cr, val)) {
		x86_queue_exception_e(v, 13, 0);
		return 1;
	}
	return cr == 8 ? exit_cr8_written(v, before) : exit_skip(v);
}

int exit_cr_access(struct vcpu *v)
{
	unsigned long qual = exit_qual(v), val;
	unsigned int cr = qual & 15, reg = (qual >> 8) & 15;

	switch ((qual >> 4) & 3) {
	case 0:
		return exit_mov_to_cr(v, cr, exit_gpr(v, reg));
	case 1:
		val = exit_read_cr(v, cr);
		if (!is_64bit_code(v))
			val = (u32)val;
		reg_write(v, reg, val);
		return exit_skip(v);
	case 2:	/* CLTS */
		return exit_mov_to_cr(v, 0, state_cr0(v) & ~X86_CR0_TS);
	default: /* LMSW sets but does not clear PE */
		val = state_cr0(v);
		val = (val & ~0xeul) | ((qual >> LMSW_SOURCE_DATA_SHIFT) & 0xf) |
		      (val & X86_CR0_PE);
		return exit_mov_to_cr(v, 0, val);
	}
}

static unsigned long exit_read_dr(struct vcpu *v, unsigned int dr)
{
	if (dr < 4)
		return v->arch.db[dr];
	return dr == 6 ? v->arch.dr6 : v->arch.dr7;
}

/* 0, or 1: #GP. */
static int exit_write_dr(struct vcpu *v, unsigned int dr, unsigned long val)
{
	if (dr < 4) {
		v->arch.db[dr] = val;
		return 0;
	}
	if (val >> 32)
		return 1;
	if (dr == 6) {
		v->arch.dr6 = (val & ~0x1000ul) | DR6_FIXED_1;
		return 0;
	}
	v->arch.dr7 = (val & ~0xd000ul) | DR7_FIXED_1;
	debug_update(v);
	return 0;
}

int exit_dr_access(struct vcpu *v)
{
	unsigned long qual = exit_qual(v);
	unsigned int dr = qual & 7, reg = (qual >> 8) & 15;

	/* the exit comes before the trap of DR7.GD, which comes before the rest */
	if (v->arch.eff_dr7 & DR7_GD)
		return debug_exit_gd(v);
	if (dr == 4 || dr == 5) {
		if (state_cr4(v) & X86_CR4_DE) {
			x86_queue_exception(v, 6);
			return 1;
		}
		dr += 2;
	}
	if (x86_cpl(v)) {
		x86_queue_exception_e(v, 13, 0);
		return 1;
	}
	if (qual & BIT(4)) {
		reg_write(v, reg, exit_read_dr(v, dr));
	} else if (exit_write_dr(v, dr, exit_gpr(v, reg))) {
		x86_queue_exception_e(v, 13, 0);
		return 1;
	}
	return exit_skip(v);
}
