/* SPDX-License-Identifier: GPL-2.0-only */
/* What decide.c needs of the kernel's <asm/vmx.h>.  Source: SDM volume 3, 25. */
#ifndef UNIT_DECIDE_VMX_H
#define UNIT_DECIDE_VMX_H

#include <linux/types.h>

#define VMX_EXIT_REASONS_FAILED_VMENTRY	0x80000000
#define EXIT_REASON_EXCEPTION_NMI	0
#define EXIT_REASON_EXTERNAL_INTERRUPT	1
#define EXIT_REASON_MCE_DURING_VMENTRY	41
#define INTR_INFO_VECTOR_MASK		0xff
#define INTR_INFO_INTR_TYPE_MASK	0x700
#define INTR_INFO_VALID_MASK		0x80000000
#define INTR_TYPE_EXT_INTR		(0 << 8)
#define INTR_TYPE_NMI_INTR		(2 << 8)
#define INTR_TYPE_HARD_EXCEPTION	(3 << 8)
#define INTR_TYPE_SOFT_INTR		(4 << 8)
#define GUEST_INTR_STATE_STI		1
#define GUEST_INTR_STATE_MOV_SS		2
#define GUEST_INTR_STATE_NMI		8

struct vmx_msr_entry {
	u32 index, reserved;
	u64 value;
} __attribute__((aligned(16)));

#endif
