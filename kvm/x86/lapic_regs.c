// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC: what follows from the register page alone.  Pure functions, no
 * locks; the same source builds for host unit tests.
 */
#include "lapic_regs.h"

#define X_RW	(LAPIC_X_READ | LAPIC_X_WRITE)
#define X2_RW	(LAPIC_X2_READ | LAPIC_X2_WRITE)
#define BOTH_R	(LAPIC_X_READ | LAPIC_X2_READ)
#define BOTH_W	(LAPIC_X_WRITE | LAPIC_X2_WRITE)
#define BOTH_RW	(BOTH_R | BOTH_W)

#define VEC256(base)							\
	[(base) >> 4 ... ((base) >> 4) + 7] = { .access = BOTH_R }

#define LVT(reg, bits)							\
	[(reg) >> 4] = {						\
		.writable = LAPIC_LVT_VECTOR | LAPIC_LVT_MASKED | (bits), \
		.read_only = LAPIC_LVT_STATUS | LAPIC_LVT_REMOTE_IRR,	\
		.access = BOTH_RW,					\
	}

static const struct lapic_reg_info reg_info[LAPIC_REGS_SIZE >> 4] = {
	/* the id is not for software to change: xAPIC writes are dropped */
	[LAPIC_ID >> 4] = { .read_only = ~0u, .access = X_RW | LAPIC_X2_READ },
	[LAPIC_VERSION >> 4] = { .access = BOTH_R },
	[LAPIC_TPR >> 4] = { .writable = 0xff, .access = BOTH_RW },
	[LAPIC_APR >> 4] = { .access = LAPIC_X_READ },
	[LAPIC_PPR >> 4] = { .access = BOTH_R },
	[LAPIC_EOI >> 4] = { .access = BOTH_W },
	[LAPIC_RRD >> 4] = { .access = LAPIC_X_READ },
	[LAPIC_LDR >> 4] = { .writable = 0xff000000,
			     .access = X_RW | LAPIC_X2_READ },
	[LAPIC_DFR >> 4] = { .writable = 0xf0000000, .access = X_RW },
	[LAPIC_SVR >> 4] = { .writable = 0x3ff, .access = BOTH_RW },
	VEC256(LAPIC_ISR),
	VEC256(LAPIC_TMR),
	VEC256(LAPIC_IRR),
	[LAPIC_ESR >> 4] = { .access = BOTH_RW },
	/* an xAPIC keeps what is reserved; in x2APIC mode it faults */
	[LAPIC_ICR >> 4] = { .writable = ~LAPIC_ICR_BUSY,
			     .read_only = LAPIC_ICR_BUSY, .access = BOTH_RW },
	[LAPIC_ICR2 >> 4] = { .writable = 0xff000000, .access = X_RW },
	LVT(LAPIC_LVTT, LAPIC_LVTT_MODE),
	LVT(LAPIC_LVTTHMR, LAPIC_LVT_MODE),
	LVT(LAPIC_LVTPC, LAPIC_LVT_MODE),
	LVT(LAPIC_LVT0, LAPIC_LVT_MODE | LAPIC_LVT_POLARITY | LAPIC_LVT_LEVEL),
	LVT(LAPIC_LVT1, LAPIC_LVT_MODE | LAPIC_LVT_POLARITY | LAPIC_LVT_LEVEL),
	LVT(LAPIC_LVTERR, 0),
	LVT(LAPIC_LVTCMCI, LAPIC_LVT_MODE),
	[LAPIC_TMICT >> 4] = { .writable = ~0u, .access = BOTH_RW },
	[LAPIC_TMCCT >> 4] = { .access = BOTH_R },
	[LAPIC_TDCR >> 4] = { .writable = 0xb, .access = BOTH_RW },
	[LAPIC_SELF_IPI >> 4] = { .writable = 0xff, .access = LAPIC_X2_WRITE },
};

const u16 lapic_lvt_regs[LAPIC_NR_LVT] = {
	LAPIC_LVTT, LAPIC_LVTTHMR, LAPIC_LVTPC, LAPIC_LVT0, LAPIC_LVT1,
	LAPIC_LVTERR, LAPIC_LVTCMCI,
};

const struct lapic_reg_info *lapic_reg_info(u32 reg)
{
	return &reg_info[(reg & (LAPIC_REGS_SIZE - 1)) >> 4];
}

int lapic_vec_highest(const void *regs, u32 base)
{
	int word;

	/* before and after every halt, and mostly all are 0 */
#pragma GCC unroll 8
	for (word = 7; word >= 0; word--) {
		u32 bits = lapic_reg_get(regs, base + word * 16);

		if (bits)
			return word * 32 + 31 - __builtin_clz(bits);
	}
	return -1;
}

bool lapic_match_physical(bool x2apic, u32 id, u32 dest)
{
	if (dest == LAPIC_DEST_ALL)
		return true;
	/* an xAPIC compares eight bits, and takes 0xff for everybody */
	return dest == id || (!x2apic && dest == 0xff);
}

bool lapic_match_logical(bool x2apic, u32 ldr, u32 dfr, u32 dest)
{
	if (dest == LAPIC_DEST_ALL)
		return true;
	if (x2apic)
		return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffff);
	if (dest > 0xff)
		return false;
	if (dest == 0xff)
		return true;

	ldr >>= 24;
	switch (dfr >> 28) {
	case 0xf:				/* flat */
		return dest & ldr;
	case 0x0:				/* cluster */
		return dest >> 4 == ldr >> 4 && (dest & ldr & 0xf);
	default:
		return false;
	}
}
