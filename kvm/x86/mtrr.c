// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's MTRRs: the registers, and the type they give a page.
 *
 * The registers are the vCPU's own.  Their effect on the tables is memtype.c's
 * business, and only where the VM has non-coherent DMA.
 * Source: SDM volume 3, 11.11.2 (registers), 11.11.4.1 (precedences).
 */
#include <linux/nospec.h>
#include <asm/mtrr.h>

#include "../arch.h"
#include "memtype.h"
#include "mtrr.h"
#include "x86.h"

#define MTRR_E		BIT_ULL(11)	/* of IA32_MTRR_DEF_TYPE */
#define MTRR_FE		BIT_ULL(10)
#define MTRR_VALID	BIT_ULL(11)	/* of a mask */
#define MTRR_NR_FIX4K	8		/* registers of 4 KiB ranges */
#define MTRR_FIXED_END	0x100000ull

u64 *mtrr_reg(struct vcpu *v, u32 index)
{
	if (index == MSR_MTRRdefType)
		return &v->arch.mtrr_def_type;
	if (index == MSR_MTRRfix64K_00000)
		return &v->arch.mtrr_fixed[0];
	if (index == MSR_MTRRfix16K_80000 || index == MSR_MTRRfix16K_A0000)
		return &v->arch.mtrr_fixed[1 + index - MSR_MTRRfix16K_80000];
	if (index >= MSR_MTRRfix4K_C0000 && index <= MSR_MTRRfix4K_F8000)
		return &v->arch.mtrr_fixed[3 + array_index_nospec(
				index - MSR_MTRRfix4K_C0000, MTRR_NR_FIX4K)];
	if (index >= MTRRphysBase_MSR(0) &&
	    index <= MTRRphysMask_MSR(MTRR_NR_VAR - 1))
		return &v->arch.mtrr_var[array_index_nospec(
				index - MTRRphysBase_MSR(0), 2 * MTRR_NR_VAR)];
	return NULL;
}

static bool mtrr_type_valid(u8 t)
{
	return t < 7 && t != 2 && t != 3;
}

static bool mtrr_valid(struct vcpu *v, u32 index, u64 data)
{
	u64 addr = GENMASK_ULL(v->arch.maxphyaddr - 1, PAGE_SHIFT);
	int i;

	if (index == MSR_MTRRdefType)
		return !(data & ~0xcffull) && mtrr_type_valid(data & 0xff);
	if (index >= MSR_MTRRfix64K_00000 && index <= MSR_MTRRfix4K_F8000) {
		for (i = 0; i < 64; i += 8)
			if (!mtrr_type_valid(data >> i & 0xff))
				return false;
		return true;
	}
	if (index & 1)			/* mask: valid bit and address */
		return !(data & ~(addr | MTRR_VALID));
	return !(data & ~(addr | 0xff)) && mtrr_type_valid(data & 0xff);
}

int mtrr_write(struct vcpu *v, u32 index, u64 data)
{
	u64 *p = mtrr_reg(v, index);

	if (!mtrr_valid(v, index, data))
		return 1;
	if (*p == data)
		return 0;
	*p = data;
	memtype_mtrr_changed(v->vm);
	return 0;
}

/* Registers of eight types each: one of 64 KiB, two of 16, eight of 4. */
static enum memtype mtrr_fixed_type(const struct vcpu *v, gpa_t gpa)
{
	unsigned int n;

	if (gpa < 0x80000)
		n = gpa >> 16;
	else if (gpa < 0xc0000)
		n = 8 + ((gpa - 0x80000) >> 14);
	else
		n = 24 + ((gpa - 0xc0000) >> 12);
	return v->arch.mtrr_fixed[n / 8] >> (n % 8 * 8) & 0xff;
}

/* Where ranges overlap: UC wins, WT wins over WB; the rest is undefined. */
static int mtrr_combine(int a, int b)
{
	if (a < 0 || a == b)
		return b;
	if ((a == MEMTYPE_WT && b == MEMTYPE_WB) ||
	    (a == MEMTYPE_WB && b == MEMTYPE_WT))
		return MEMTYPE_WT;
	return MEMTYPE_UC;
}

static bool mtrr_fixed_on(const struct vcpu *v)
{
	return v->arch.mtrr_def_type & MTRR_FE;
}

enum memtype mtrr_page_type(struct vcpu *v, gpa_t gpa)
{
	const u64 *var = v->arch.mtrr_var;
	int type = -1, i;

	if (!guest_has_mtrr(v))
		return MEMTYPE_WB;
	if (!(v->arch.mtrr_def_type & MTRR_E))
		return MEMTYPE_UC;
	if (gpa < MTRR_FIXED_END && mtrr_fixed_on(v))
		return mtrr_fixed_type(v, gpa);
	for (i = 0; i < 2 * MTRR_NR_VAR; i += 2) {
		u64 mask = var[i + 1] & PAGE_MASK;

		if ((var[i + 1] & MTRR_VALID) && !((gpa ^ var[i]) & mask))
			type = mtrr_combine(type, var[i] & 0xff);
	}
	return type < 0 ? v->arch.mtrr_def_type & 0xff : type;
}

bool mtrr_uniform(struct vcpu *v, gpa_t gpa, u64 size)
{
	const u64 *var = v->arch.mtrr_var;
	int i;

	if (!guest_has_mtrr(v) || !(v->arch.mtrr_def_type & MTRR_E))
		return true;
	gpa &= ~(size - 1);
	if (gpa < MTRR_FIXED_END && mtrr_fixed_on(v))
		return false;
	for (i = 0; i < 2 * MTRR_NR_VAR; i += 2) {
		u64 mask = var[i + 1] & PAGE_MASK;

		/* a bit inside the range decides for some of it */
		if ((var[i + 1] & MTRR_VALID) && (mask & (size - 1)) &&
		    !((gpa ^ var[i]) & mask & ~(size - 1)))
			return false;
	}
	return true;
}
