/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct arch_vm and struct arch_vcpu of x86-64, embedded in struct vm and
 * struct vcpu.  Except where noted a vCPU's fields belong to its own thread
 * with the vCPU loaded, or to a holder of vcpu->mutex.
 */
#ifndef XKVM_ARCH_TYPES_H
#define XKVM_ARCH_TYPES_H

#include <linux/cpumask.h>
#include <linux/kvm.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <asm/fpu/types.h>

#include "../pgtable.h"

struct irqchip;
struct lapic;
struct lapic_map;
struct vmx_vcpu;
struct emul_ctxt;
struct msr_filter;

/* Indices into arch_vcpu.regs: the encoding of instructions. */
enum reg_index {
	VREG_RAX, VREG_RCX, VREG_RDX, VREG_RBX, VREG_RSP, VREG_RBP, VREG_RSI, VREG_RDI,
	VREG_R8, VREG_R9, VREG_R10, VREG_R11, VREG_R12, VREG_R13, VREG_R14, VREG_R15,
	/* not general purpose, but cached the same way */
	VREG_RIP, VREG_RFLAGS, VREG_CR0, VREG_CR3, VREG_CR4, VREG_SEGMENTS,
	VREG_EXIT_QUAL, VREG_EXIT_INTR, VREG_NR
};

enum seg_index { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS,
		 SEG_LDTR, SEG_TR, SEG_NR };

#define MTRR_NR_VAR	8

/* KVM_IRQCHIP_*: two PICs and an I/O APIC, and the most pins one has. */
#define ARCH_NR_IRQCHIPS	3
#define ARCH_IRQCHIP_PINS	24

#define CPUID_SLOTS	32	/* leaves of each range found at once */

struct arch_vm {
	struct pgtable ept;		/* vm->mmu_lock */
	struct pgt_unlinked ept_flushed; /* vm->mmu_lock; for ept_free */
	struct work_struct ept_free;
	u64 eptp;
	bool irqchip_split;		/* in-kernel LAPIC without PIC/IOAPIC */
	bool irqchip_kernel;		/* KVM_CREATE_IRQCHIP */
	bool lvt0_nmi;			/* some LINT0 ever delivered NMIs */
	struct irqchip *irqchip;	/* set before irqchip_kernel */
	u16 split_pins;			/* GSIs below are user space's pins */
	bool x2apic_ids32;		/* KVM_CAP_X2APIC_API */
	bool x2apic_no_bcast_quirk;
	bool apic_access_mapped;	/* mmu_lock: the APIC-access page */
	bool apic_access_inhibited;	/* mmu_lock: some vCPU left xAPIC mode */
	struct lapic_map __rcu *lapic_map;
	struct mutex lapic_map_lock;
	s64 clock_offset;		/* vm->lock; guest clock - clock_ns(), ns */
	u32 tsc_khz;			/* default of new vCPUs */
	u64 tsc_offset, tsc_ratio;	/* last set, to keep vCPUs in step */
	bool tsc_offset_valid;
	u32 bsp_id;
	bool triple_fault_event;
	unsigned int noncoherent;	/* mmu_lock: see memtype.c */
	bool pause_no_exits;		/* KVM_CAP_X86_DISABLE_EXITS */
	u64 mitigate_id;		/* mitigate.c */
	bool noncoherent_cap;		/* XKVM_CAP_NONCOHERENT_DMA */
	bool exception_payload;		/* KVM_CAP_EXCEPTION_PAYLOAD */
	u64 disabled_quirks;		/* KVM_CAP_DISABLE_QUIRKS2 */
	u32 max_vcpu_id;		/* KVM_CAP_MAX_VCPU_ID; 0: not set */
	unsigned long mmu_pages;	/* KVM_SET_NR_MMU_PAGES */
	bool platform_info_hidden;	/* KVM_CAP_MSR_PLATFORM_INFO */
	bool exit_on_emulation_failure;	/* also of the guest's users */
	u32 user_msr_mask;		/* KVM_CAP_X86_USER_SPACE_MSR */
	u64 hv_os_id, hv_hypercall;	/* hyperv.c */
	u64 hv_reference_tsc;		/* hyperv.c: its MSR */
	u32 hv_tsc_sequence;		/* vm->lock */
	struct msr_filter __rcu *msr_filter; /* msr_filter.c */
};

struct arch_vcpu {
	unsigned long regs[16];		/* RSP valid only if available */
	unsigned long rip, rflags;
	u32 avail, dirty;		/* bits of enum reg_index */
	unsigned long cr0, cr2, cr3, cr4;
	u64 efer, xcr0, pat, xss;
	u64 apic_base;			/* without a lapic */
	u32 mp_state;			/* KVM_MP_STATE_*; vCPU thread or mutex */
	bool blocked;			/* HALTED: by a hypercall, not by HLT */
	struct lapic *lapic;		/* NULL: no in-kernel irqchip */
	struct vmx_vcpu *vmx;
	struct fpu_guest fpu;

	/* events to inject, and those cut short by an exit */
	struct {
		bool pending, injected, has_error, has_payload;
		u8 nr;
		u32 error;
		u64 payload;
	} exc;
	struct {
		bool injected, soft;
		u8 nr;
	} intr;
	bool nmi_injected;
	bool nmi_given;			/* on Bochs: see x86_nmi_blocked() */
	atomic_t nmi_pending;		/* at most 2 */
	bool triple_fault;
	int user_vector;		/* KVM_INTERRUPT, or -1 */

	unsigned long db[4], dr6, dr7;

	/* debugging from outside: debug.c */
	u32 guest_debug;		/* KVM_GUESTDBG_*, 0: off */
	unsigned long host_db[4], host_dr7; /* KVM_GUESTDBG_USE_HW_BP */
	unsigned long eff_dr7;		/* as in the VMCS */
	bool debug_entry;		/* entries load debug registers or TF */
	bool guest_tf;			/* its own, while user space steps */
	u8 bp_len;			/* of the INT3 user space was told of */

	/* time */
	u64 tsc_offset;			/* see tsc.c */
	u32 tsc_resumes;		/* those that the VMCS's offset knows of */
	u64 tsc_ratio;			/* guest's rate by the host's, 48 fraction bits */
	u32 tsc_khz;			/* as user space wants it */
	u64 tsc_adjust;

	/* MSRs that live in memory */
	u64 misc_enable, mcg_status, mcg_cap, mcg_ctl;
	u64 mce_banks[4 * 32], mce_ctl2[32];
	u64 mtrr_def_type, mtrr_fixed[11], mtrr_var[2 * MTRR_NR_VAR];
	u64 arch_capabilities, spec_ctrl, ucode_rev, platform_info, power_ctl;

	struct kvm_cpuid_entry2 *cpuid;
	unsigned int nr_cpuid;
	u16 cpuid_first[4][CPUID_SLOTS];	/* by leaf: first entry + 1 */
	struct kvm_cpuid_entry2 cpuid_made; /* an answer that is no entry */
	u64 cr4_reserved, guest_supported_xcr0;
	u64 features;			/* CPUF_*: bits tests on hot paths use */
	cpumask_var_t wbinvd_cpus;	/* memtype.c: where it has run */
	u32 hv_vp_index;		/* hyperv.c; vcpu->index at first */
	u8 maxphyaddr;			/* 32 to 52 */

	/* an access that waits for user space */
	unsigned long complete_rip;	/* of the instruction to finish */
	bool complete_msr_read;		/* ... if it is RDMSR or WRMSR */
	struct emul_ctxt *emul;		/* mmio.c's; NULL before the first use */
	struct {
		u16 port;
		u8 size;
		u32 count;
		bool in;
	} pio;
};

#endif
