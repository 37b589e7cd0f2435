/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The register page of a local APIC: offsets, bits, and what can be computed
 * from the page alone.  No state, no locks; also builds on the host for unit
 * tests.
 * Source: SDM volume 3, 11.4 to 11.12 (APIC), 30.1 (virtual-APIC page).
 */
#ifndef XKVM_X86_LAPIC_REGS_H
#define XKVM_X86_LAPIC_REGS_H

#include <linux/compiler.h>
#include <linux/types.h>

/* Offsets; x2APIC MSR 0x800 + offset / 16. */
enum lapic_reg {
	LAPIC_ID	= 0x020,
	LAPIC_VERSION	= 0x030,
	LAPIC_TPR	= 0x080,
	LAPIC_APR	= 0x090,
	LAPIC_PPR	= 0x0a0,
	LAPIC_EOI	= 0x0b0,
	LAPIC_RRD	= 0x0c0,
	LAPIC_LDR	= 0x0d0,
	LAPIC_DFR	= 0x0e0,
	LAPIC_SVR	= 0x0f0,
	LAPIC_ISR	= 0x100,
	LAPIC_TMR	= 0x180,
	LAPIC_IRR	= 0x200,
	LAPIC_ESR	= 0x280,
	LAPIC_LVTCMCI	= 0x2f0,
	LAPIC_ICR	= 0x300,
	LAPIC_ICR2	= 0x310,
	LAPIC_LVTT	= 0x320,
	LAPIC_LVTTHMR	= 0x330,
	LAPIC_LVTPC	= 0x340,
	LAPIC_LVT0	= 0x350,
	LAPIC_LVT1	= 0x360,
	LAPIC_LVTERR	= 0x370,
	LAPIC_TMICT	= 0x380,
	LAPIC_TMCCT	= 0x390,
	LAPIC_TDCR	= 0x3e0,
	LAPIC_SELF_IPI	= 0x3f0,
};

#define LAPIC_REGS_SIZE		0x400u

/* Version 0x14, no EOI-broadcast suppression; the last LVT entry's number. */
#define LAPIC_VERSION_VALUE(nr_lvt)	(((nr_lvt) - 1) << 16 | 0x14u)

#define LAPIC_SVR_ENABLED	(1u << 8)

/* Local vector table. */
#define LAPIC_LVT_VECTOR	0xffu
#define LAPIC_LVT_MODE		0x700u
#define LAPIC_LVT_STATUS	(1u << 12)	/* read-only */
#define LAPIC_LVT_POLARITY	(1u << 13)
#define LAPIC_LVT_REMOTE_IRR	(1u << 14)	/* read-only */
#define LAPIC_LVT_LEVEL		(1u << 15)
#define LAPIC_LVT_MASKED	(1u << 16)
#define LAPIC_LVTT_MODE		(3u << 17)
#define LAPIC_LVTT_ONESHOT	(0u << 17)
#define LAPIC_LVTT_PERIODIC	(1u << 17)
#define LAPIC_LVTT_DEADLINE	(2u << 17)

/* Interrupt command register, low half. */
#define LAPIC_ICR_LOGICAL	(1u << 11)
#define LAPIC_ICR_BUSY		(1u << 12)	/* read-only, never set here */
#define LAPIC_ICR_ASSERT	(1u << 14)
#define LAPIC_ICR_LEVEL		(1u << 15)
#define LAPIC_ICR_SHORTHAND	(3u << 18)
#define LAPIC_ICR_DEFINED	0x000cdfffu

/* Error status: bit numbers. */
enum lapic_error {
	LAPIC_ESR_SEND_ILLEGAL	= 5,
	LAPIC_ESR_RECV_ILLEGAL	= 6,
	LAPIC_ESR_ILLEGAL_REG	= 7,
};

/* Delivery modes, of ICR, LVT and MSI. */
enum lapic_delivery {
	LAPIC_DM_FIXED, LAPIC_DM_LOWEST, LAPIC_DM_SMI, LAPIC_DM_RESERVED,
	LAPIC_DM_NMI, LAPIC_DM_INIT, LAPIC_DM_SIPI, LAPIC_DM_EXTINT,
};

/* Everybody, as a 32-bit destination. */
#define LAPIC_DEST_ALL		(~0u)

/* Vectors below this are reserved and never reach IRR. */
#define LAPIC_FIRST_VECTOR	16

static inline u32 lapic_reg_get(const void *regs, u32 reg)
{
	return READ_ONCE(*(const u32 *)((const char *)regs + reg));
}

static inline void lapic_reg_put(void *regs, u32 reg, u32 val)
{
	WRITE_ONCE(*(u32 *)((char *)regs + reg), val);
}

/* The word of the 256-bit register at @base (ISR, TMR, IRR) with @vector. */
static inline u32 lapic_vec_reg(u32 base, u8 vector)
{
	return base + ((vector >> 5) << 4);
}

static inline bool lapic_vec_test(const void *regs, u32 base, u8 vector)
{
	return lapic_reg_get(regs, lapic_vec_reg(base, vector)) >>
	       (vector & 31) & 1;
}

/* Processor priority, of the task priority and the highest ISR vector or -1. */
static inline u8 lapic_ppr(u8 tpr, int isr)
{
	u8 isrv = isr < 0 ? 0 : isr;

	return (tpr & 0xf0) >= (isrv & 0xf0) ? tpr : (isrv & 0xf0);
}

/* Logical id in x2APIC mode: cluster id[31:4], one bit of sixteen. */
static inline u32 lapic_x2apic_ldr(u32 id)
{
	return (id >> 4) << 16 | 1u << (id & 15);
}

/* log2 of the timer's divisor; the encoding 0b1011 is divide by one. */
static inline unsigned int lapic_timer_shift(u32 tdcr)
{
	return (((tdcr & 3) | (tdcr & 8) >> 1) + 1) & 7;
}

/* Highest vector set in the 256-bit register at @base, or -1. */
int lapic_vec_highest(const void *regs, u32 base);

/* Is the APIC with this id, in this mode, meant by a physical @dest? */
bool lapic_match_physical(bool x2apic, u32 id, u32 dest);

/* The same for a logical @dest, by the APIC's LDR and DFR. */
bool lapic_match_logical(bool x2apic, u32 ldr, u32 dfr, u32 dest);

/*
 * What accesses the register has in each mode, and its bits.
 * @writable: bits software can change; @read_only: bits that read as something
 * but may be written with anything.  In x2APIC mode a write to any other bit is
 * a general-protection fault.
 */
struct lapic_reg_info {
	u32 writable, read_only;
	u8 access;
};

#define LAPIC_X_READ	(1u << 0)	/* xAPIC */
#define LAPIC_X_WRITE	(1u << 1)
#define LAPIC_X2_READ	(1u << 2)	/* x2APIC */
#define LAPIC_X2_WRITE	(1u << 3)

/* Of the register at @reg (multiple of 16, below 0x400); access 0: none. */
const struct lapic_reg_info *lapic_reg_info(u32 reg);

/* Offsets of the LVT entries; the last is there only with CMCI. */
#define LAPIC_NR_LVT	7
extern const u16 lapic_lvt_regs[LAPIC_NR_LVT];

#endif
