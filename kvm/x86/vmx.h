/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMX: the CPU's capabilities, the VMCS, the world switch.
 * Source: SDM volume 3, chapters 24 to 28 and appendices A and B.
 */
#ifndef XKVM_X86_VMX_H
#define XKVM_X86_VMX_H

#include <linux/jump_label.h>
#include <asm/debugreg.h>
#include <asm/vmx.h>

#include "debug.h"
#include "decide.h"
#include "x86.h"

extern struct vmx_caps vmx_caps;

/*
 * The machine is Bochs 2.7, which departs from hardware.  Whoever asks says how.
 */
DECLARE_STATIC_KEY_FALSE(vmx_bochs);

struct vmx_vcpu {
	struct vmcs_hdr *vmcs;
	int vmcs_cpu;			/* where the VMCS is active, or -1 */
	struct list_head on_cpu;	/* list of that CPU; see vmcs.c */
	bool launched;
	bool has_run;			/* entered at least once */
	bool guest_loaded;		/* MSRs and segments are the guest's */
	bool l1d_tainted;		/* see l1d.c */
	u16 vpid;
	unsigned long host_rsp;		/* as in the VMCS */
	unsigned long host_cr3, host_cr4;
	u16 host_fs, host_gs, host_ds, host_es, host_ldt;
	unsigned long host_fs_base;
	struct desc_ptr host_gdt;	/* of vmcs_cpu */

	/* controls as they are in the VMCS */
	u32 proc, proc2, entry, exception_bitmap;
	u32 tpr_threshold;
	u32 intr_info;			/* VM_ENTRY_INTR_INFO is valid */
	unsigned long *msr_bitmap;
	u64 *pml;			/* the CPU's log of dirtied pages, or NULL */

	/* of the last exit */
	u32 exit_reason;
	u32 exit_info;			/* of an exception or NMI */
	u32 idt_vectoring;
	u32 entry_insn_len;

	/* MSRs that stay in the CPU while the vCPU is loaded */
	u64 kernel_gs_base, star, lstar, cstar, sfmask, tsc_aux;
	u64 host_kernel_gs_base, host_tsc_aux;
	bool tsc_aux_loaded;
	bool syscall_loaded;		/* STAR, LSTAR, CSTAR, SFMASK are the guest's */
	struct pgt_cache tables;	/* for the next EPT fault */
	struct paging_arg arg;		/* of the last hypercall */
	struct msr_switch msr_switch;	/* see host.h */
	int last_vmentry_cpu;
};

struct vmcs_hdr {
	u32 revision;
	u32 abort;
	char data[];
};

/* Debug registers, beyond <asm/debugreg.h>.  SDM volume 3, 17.2. */
#define DR6_BD		BIT(13)		/* access with DR7.GD set */
#define DR6_FIXED_1	0xffff0ff0ul
#define DR7_GD		BIT(13)
#ifndef DR7_FIXED_1	/* 6.17, and later 6.12 */
#define DR7_FIXED_1	0x400
#endif
#define DR7_ENABLE_MASK	0xfful

/* --- vmx.c -------------------------------------------------------------- */
/* 0 or -EOPNOTSUPP with one log line. */
int vmx_check_cpu(void);
struct vmcs_hdr *vmx_alloc_vmcs(int node);
void vmx_free_vmcs(struct vmcs_hdr *vmcs);

/* --- vmcs.c ------------------------------------------------------------- */
/* ENCLV exits, which <asm/vmx.h> lacks: SDM volume 3, table 25-7. */
#define SECONDARY_EXEC_ENCLV_EXITING	BIT(28)
#define ENCLV_EXITING_BITMAP		0x2036
#define EXIT_REASON_ENCLV		70
/*
 * Exits of instructions that the CPU would otherwise carry out whatever the
 * guest's CPUID says: each one's #UD is the handler's.  The rest of such
 * controls work the other way round: the instruction is #UD while they are 0.
 */
#define VMCS_CPUID_EXITS	(SECONDARY_EXEC_RDRAND_EXITING |	\
				 SECONDARY_EXEC_RDSEED_EXITING |	\
				 SECONDARY_EXEC_ENCLS_EXITING |		\
				 SECONDARY_EXEC_ENCLV_EXITING)
void vmcs_module_init(void);
int vmcs_vcpu_init(struct vcpu *v);
void vmcs_vcpu_exit(struct vcpu *v);
DECLARE_PER_CPU(struct vmx_vcpu *, vmcs_current);	/* vmcs.c's */
/* Is it current here, and was no other since?  Preemption off. */
static inline bool vmcs_is_loaded(const struct vcpu *v, int cpu)
{
	const struct vmx_vcpu *x = v->arch.vmx;

	return x->vmcs_cpu == cpu && __this_cpu_read(vmcs_current) == x;
}

/* Make the VMCS current on this CPU; preemption off. */
void vmcs_load(struct vcpu *v, int cpu);
/* CPU going off: clear every VMCS active on it.  Interrupts off. */
void vmcs_clear_cpu(void);
/* The same at a crash, in any context: what the CPU has of them goes to memory. */
void vmcs_flush_cpu(void);
void vmcs_set_proc(struct vcpu *v, u32 set, u32 clear);
void vmcs_set_proc2(struct vcpu *v, u32 set, u32 clear);
void vmcs_set_entry(struct vcpu *v, u32 set, u32 clear);
/* MSRs the CPU may access without an exit, unless a filter denies them. */
extern const u32 vmcs_free_msrs[];
extern const unsigned int vmcs_nr_free_msrs;
/* Pass @msr through to the hardware, or intercept it. */
void vmcs_msr_intercept(struct vcpu *v, u32 msr, bool read, bool write);
/* After CPUID was set: controls that depend on it. */
void vmcs_update_features(struct vcpu *v);

/* --- entry.S ------------------------------------------------------------ */
/*
 * Enter the guest with @regs (16 GPRs; RSP is in the VMCS).  Interrupts off.
 * Returns 0 after a VM exit, 1 if VMLAUNCH/VMRESUME failed.
 */
int vmx_enter(unsigned long *regs, unsigned long *host_rsp, bool launched);
void vmx_exit_point(void);
/* The host's NMI handler.  noinstr; interrupts off, NMIs blocked until it ends. */
void vmx_nmi(void);

/* --- run.c -------------------------------------------------------------- */
void run_module_init(void);
int run_vcpu(struct vcpu *v);
void run_guest_put(struct vcpu *v);

/* --- exit.c ------------------------------------------------------------- */
int exit_handle(struct vcpu *v);
int exit_skip(struct vcpu *v);		/* advance RIP; returns 1 */
unsigned long exit_qual(struct vcpu *v);

/* --- inject.c ----------------------------------------------------------- */
/* Before entry: put an event into the VMCS or open a window for it. */
void inject_events(struct vcpu *v);
/* After an exit or an abandoned entry: what was not delivered is queued. */
void inject_requeue(struct vcpu *v, u32 info, u32 insn_len, u32 error);
void inject_cancel(struct vcpu *v);
/* Apply what comes with the queued exception (CR2, DR6). */
void inject_payload(struct vcpu *v);

/* --- ept.c -------------------------------------------------------------- */
int ept_vm_init(struct vm *vm);
void ept_vm_exit(struct vm *vm);
int ept_violation(struct vcpu *v);
void ept_module_init(void);

/* --- dump.c ------------------------------------------------------------- */
void dump_vmcs(struct vcpu *v);

/* --- VMCS fields ---------------------------------------------------------- */

/*
 * A machine that restarts leaves VMX operation while vCPUs may still be
 * running: from then on these instructions fault, which must not keep it from
 * restarting.  They do nothing, VMREAD reads zero, and an entry fails.
 */

static __always_inline unsigned long vmcs_read(unsigned long field)
{
	unsigned long value;

	asm volatile("1: vmread %1, %0\n"
		     "2:\n\t"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_ZERO_REG,
					   /* value */%0)
		     : "=r" (value) : "r" (field) : "cc");
	return value;
}

void vmcs_write_error(unsigned long field, unsigned long value);

static __always_inline void vmcs_write(unsigned long field, unsigned long value)
{
	asm goto("1: vmwrite %1, %0\n\t"
		 "jna %l[fail]\n"
		 "2:\n\t"
		 _ASM_EXTABLE(1b, 2b)
		 : : "r" (field), "r" (value) : "cc" : fail);
	return;
fail:
	vmcs_write_error(field, value);
}

static inline void vmx_invept_context(u64 eptp)
{
	struct { u64 eptp, zero; } d = { eptp, 0 };

	asm volatile("1: invept %0, %1\n"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b) : : "m" (d), "r" (1ul) : "cc", "memory");
}

static inline void vmx_invept_all(void)
{
	struct { u64 eptp, zero; } d = { 0, 0 };

	asm volatile("1: invept %0, %1\n"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b) : : "m" (d), "r" (2ul) : "cc", "memory");
}

static inline void vmx_invvpid_context(u16 vpid)
{
	struct { u64 vpid, linear; } d = { vpid, 0 };

	asm volatile("1: invvpid %0, %1\n"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b) : : "m" (d), "r" (1ul) : "cc", "memory");
}

/* --- registers, cached between exit and entry ------------------------------ */

static inline bool reg_avail(struct vcpu *v, enum reg_index r)
{
	return v->arch.avail & BIT(r);
}

static inline void reg_mark(struct vcpu *v, enum reg_index r)
{
	v->arch.avail |= BIT(r);
	v->arch.dirty |= BIT(r);
}

/* Slow paths of the accessors below. state.c */
void state_fetch(struct vcpu *v, enum reg_index r);

static inline unsigned long reg_rip(struct vcpu *v)
{
	if (!reg_avail(v, VREG_RIP)) {
		v->arch.rip = vmcs_read(GUEST_RIP);
		v->arch.avail |= BIT(VREG_RIP);
	}
	return v->arch.rip;
}

static inline unsigned long reg_rflags(struct vcpu *v)
{
	if (!reg_avail(v, VREG_RFLAGS)) {
		v->arch.rflags = vmcs_read(GUEST_RFLAGS);
		v->arch.avail |= BIT(VREG_RFLAGS);
		if (unlikely(v->arch.guest_debug & KVM_GUESTDBG_SINGLESTEP))
			v->arch.rflags = debug_hide_tf(v, v->arch.rflags);
	}
	return v->arch.rflags;
}

static inline unsigned long reg_read(struct vcpu *v, enum reg_index r)
{
	if (r == VREG_RIP)
		return reg_rip(v);
	if (r == VREG_RFLAGS)
		return reg_rflags(v);
	if (r == VREG_RSP && !reg_avail(v, r))
		state_fetch(v, r);
	return v->arch.regs[r];
}

static inline void reg_write(struct vcpu *v, enum reg_index r, unsigned long x)
{
	if (r == VREG_RIP)
		v->arch.rip = x;
	else if (r == VREG_RFLAGS)
		v->arch.rflags = x;
	else
		v->arch.regs[r] = x;
	if (r == VREG_RSP || r == VREG_RIP || r == VREG_RFLAGS)
		reg_mark(v, r);
}

/* RFLAGS.IF, and not in the shadow of STI or MOV SS. */
static inline bool inject_interrupt_allowed(struct vcpu *v)
{
	return (reg_read(v, VREG_RFLAGS) & X86_EFLAGS_IF) &&
	       !(vmcs_read(GUEST_INTERRUPTIBILITY_INFO) &
		 (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS));
}

static inline unsigned long state_cr0(struct vcpu *v)
{
	if (!reg_avail(v, VREG_CR0))
		state_fetch(v, VREG_CR0);
	return v->arch.cr0;
}

static inline unsigned long state_cr3(struct vcpu *v)
{
	if (!reg_avail(v, VREG_CR3))
		state_fetch(v, VREG_CR3);
	return v->arch.cr3;
}

static inline unsigned long state_cr4(struct vcpu *v)
{
	if (!reg_avail(v, VREG_CR4))
		state_fetch(v, VREG_CR4);
	return v->arch.cr4;
}

/* Bits that the guest changes without an exit; no translation depends on them. */
#define CR4_OWNED	(X86_CR4_PGE | X86_CR4_TSD | X86_CR4_OSFXSR | \
			 X86_CR4_OSXMMEXCPT)

/* The others, which are always at hand. */
static inline unsigned long state_cr4_trapped(const struct vcpu *v)
{
	return v->arch.cr4 & ~CR4_OWNED;
}

static inline bool is_long_mode(struct vcpu *v)
{
	return v->arch.efer & EFER_LMA;
}

static inline bool is_paging(struct vcpu *v)
{
	return state_cr0(v) & X86_CR0_PG;
}

static inline bool is_pae_paging(struct vcpu *v)
{
	return is_paging(v) && !is_long_mode(v) && (state_cr4(v) & X86_CR4_PAE);
}

static inline bool guest_has(const struct vcpu *v, u64 f)
{
	return v->arch.features & f;
}

/* Write what changed into the VMCS; before entry.  Mostly that is RIP alone. */
void state_flush_all(struct vcpu *v);
static inline void state_flush(struct vcpu *v)
{
	if (likely(v->arch.dirty == BIT(VREG_RIP))) {
		vmcs_write(GUEST_RIP, v->arch.rip);
		v->arch.dirty = 0;
	} else if (v->arch.dirty) {
		state_flush_all(v);
	}
}

void state_get_segment(struct vcpu *v, enum seg_index s, struct kvm_segment *k);
void state_set_segment(struct vcpu *v, enum seg_index s,
		       const struct kvm_segment *k);
unsigned long state_seg_base(struct vcpu *v, enum seg_index s);
/* Control registers without checks, as sregs and reset set them. */
void state_load_cr0(struct vcpu *v, unsigned long cr0);
void state_load_cr4(struct vcpu *v, unsigned long cr4);
void state_load_cr3(struct vcpu *v, unsigned long cr3);
void state_load_efer(struct vcpu *v, u64 efer);

#endif
