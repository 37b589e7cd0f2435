/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the x86 files offer each other, by the file that implements it.
 */
#ifndef XKVM_X86_H
#define XKVM_X86_H

#include <linux/thread_info.h>
#include <asm/fpu/api.h>

#include "../vm.h"

/* The architecture's bits of vcpu->requests, beside enum vcpu_request. */
#define REQ_MSR_FILTER	(REQ_ARCH_0 + 0) /* the MSR bitmap is behind the filter */
#define REQ_DEBUG_STEP	(REQ_ARCH_0 + 1) /* tell user space of a single step */

/* --- state.c: registers as the rest of the module sees them ------------- */

/* reg_read(), reg_write() and the other cached accessors are in vmx.h. */

/* Power-on reset or INIT (@init).  vCPU thread or mutex, loaded. */
void vcpu_reset(struct vcpu *vcpu, bool init);
/* SIPI: CS:IP = vector << 8 : 0. */
void vcpu_start_at(struct vcpu *vcpu, u8 sipi_vector);

/*
 * Control registers with all architectural checks (mov-to-CR, sregs).
 * 0, or 1: #GP(0).
 */
int x86_set_cr0(struct vcpu *vcpu, unsigned long cr0);
int x86_set_cr3(struct vcpu *vcpu, unsigned long cr3);
int x86_set_cr4(struct vcpu *vcpu, unsigned long cr4);
int x86_set_cr8(struct vcpu *vcpu, unsigned long cr8);
int x86_set_xcr0(struct vcpu *vcpu, u64 xcr0);
int x86_set_efer(struct vcpu *vcpu, u64 efer, bool host);
bool x86_cr0_valid(unsigned long cr0);

bool is_64bit_code(struct vcpu *v);			/* LMA && CS.L */
int x86_cpl(struct vcpu *v);

/* --- inject.c ----------------------------------------------------------- */

void x86_queue_exception(struct vcpu *v, u8 nr);
void x86_queue_exception_e(struct vcpu *v, u8 nr, u32 error);
void x86_inject_pf(struct vcpu *v, u64 addr, u32 error);
void x86_inject_db(struct vcpu *v, u64 dr6);
void x86_inject_nmi(struct vcpu *v);	/* any context: queue and kick */
/* NMIs that wait, 0 to 2; 2 only while none is handled.  vCPU loaded. */
unsigned int x86_pending_nmis(struct vcpu *v);
/* Is the guest handling one?  vCPU loaded. */
bool x86_nmi_blocked(struct vcpu *v);
/* Does an NMI wait that the guest would take, out of HLT too?  vCPU loaded. */
bool x86_nmi_wakes(struct vcpu *v);
/* Is user space the PIC, and does the vCPU's local APIC listen to it? */
bool x86_takes_user_irq(const struct vcpu *v);

/* --- tsc.c: time --------------------------------------------------------- */

u64 x86_guest_tsc(struct vcpu *v);	/* now; any context */
void x86_set_guest_tsc(struct vcpu *v, u64 tsc);

/* Guest TSC = host TSC + @offset from now on.  vCPU loaded. */
void tsc_write_offset(struct vcpu *v, u64 offset);
void tsc_vcpu_init(struct vcpu *v);
/* The VMCS is active on another CPU, or again after a suspend.  vCPU loaded. */
void tsc_vcpu_arrived(struct vcpu *v);
/* The machine goes to sleep / is awake.  One CPU, interrupts off. */
void tsc_suspend(void);
void tsc_resume(void);
/* The offset with which the guest's TSC is @tsc now. */
u64 tsc_offset_for(const struct vcpu *v, u64 tsc);
/* The rate at which the guest's TSC counts, kHz. */
u32 tsc_true_khz(const struct vcpu *v);
/* pvclock's multiplier and shift for a TSC of @khz: see pvclock-abi.h. */
void tsc_scale(u32 khz, u32 *mul, s8 *shift);
/* Can the CPU give a guest another rate than its own? */
bool tsc_scaling(void);
/* KVM_SET_TSC_KHZ of new vCPUs: 0, or -EINVAL for a rate that cannot be had. */
int tsc_set_vm_khz(struct vm *vm, unsigned long khz);
/* The same of a vCPU; 0 is the host's rate.  The guest's TSC jumps. */
int tsc_set_khz(struct vcpu *v, unsigned long khz);
/* A vCPU's KVM_{HAS,GET,SET}_DEVICE_ATTR: 0, -ENXIO if unknown, -EFAULT. */
int tsc_has_attr(const struct kvm_device_attr *a);
int tsc_get_attr(struct vcpu *v, const struct kvm_device_attr *a);
int tsc_set_attr(struct vcpu *v, const struct kvm_device_attr *a);
/* KVM_GET_CLOCK, KVM_SET_CLOCK. */
int tsc_get_clock(struct vm *vm, struct kvm_clock_data *d);
int tsc_set_clock(struct vm *vm, const struct kvm_clock_data *d);

/* --- clock.c: arch_guest_clock_ns() -------------------------------------- */

/* The module's clock, in ns.  Any context. */
u64 clock_ns(void);
/*
 * About when by CLOCK_MONOTONIC the clock will be @ns, or 0, which is over, if it
 * was: arm a timer for it, and again if clock_ns() is not there yet.
 */
ktime_t clock_ktime(u64 ns);
void clock_module_init(void);
void clock_module_exit(void);

/* --- cpuid.c -------------------------------------------------------------- */

/* Features of the guest's CPUID that hot paths and checks ask for. */
#define CPUF_X2APIC	(1ull << 0)
#define CPUF_XSAVE	(1ull << 1)
#define CPUF_NX		(1ull << 2)
#define CPUF_LM		(1ull << 3)
#define CPUF_GBPAGES	(1ull << 4)
#define CPUF_TSC_DEADLINE (1ull << 5)
#define CPUF_RDTSCP	(1ull << 6)
#define CPUF_SYSCALL	(1ull << 7)
#define CPUF_XSAVES	(1ull << 8)
#define CPUF_INVPCID	(1ull << 9)
#define CPUF_MTRR	(1ull << 10)
#define CPUF_RDPID	(1ull << 11)
#define CPUF_SPEC_CTRL	(1ull << 12)
#define CPUF_PCID	(1ull << 13)
#define CPUF_ARCH_CAPS	(1ull << 14)
#define CPUF_PRED_CMD	(1ull << 15)
#define CPUF_TSC_ADJUST	(1ull << 16)
#define CPUF_MWAIT	(1ull << 17)
#define CPUF_PAT	(1ull << 18)
#define CPUF_MCE	(1ull << 19)
#define CPUF_FFXSR	(1ull << 20)
#define CPUF_WAITPKG	(1ull << 21)
#define CPUF_RDRAND	(1ull << 40)
#define CPUF_RDSEED	(1ull << 41)

static inline bool guest_has_x2apic(const struct vcpu *v)
{
	return v->arch.features & CPUF_X2APIC;
}

static inline bool guest_has_mtrr(const struct vcpu *v)
{
	return v->arch.features & CPUF_MTRR;
}

/*
 * What the CPUID instruction answers, in eax to edx; as the CPU does for a leaf
 * that is not there.  Never NULL; good until the vCPU's next CPUID.
 */
const struct kvm_cpuid_entry2 *cpuid_query(struct vcpu *v, u32 leaf, u32 index);
/* KVM_GET_SUPPORTED_CPUID / KVM_GET_EMULATED_CPUID is not offered. */
void cpuid_vcpu_init(struct vcpu *v);
int cpuid_get_supported(struct kvm_cpuid2 __user *arg);
int cpuid_set(struct vcpu *v, struct kvm_cpuid2 __user *arg);
int cpuid_set1(struct vcpu *v, struct kvm_cpuid __user *arg);
int cpuid_get(struct vcpu *v, struct kvm_cpuid2 __user *arg);
void cpuid_free(struct vcpu *v);
/* CR4.OSXSAVE, XCR0, APIC enable or IA32_MISC_ENABLE changed. */
void cpuid_update_runtime(struct vcpu *v);

/* --- msr.c ---------------------------------------------------------------- */

struct msr_data {
	bool host;		/* KVM_SET_MSRS / KVM_GET_MSRS, not the guest */
	u32 index;
	u64 data;
};

/* What fails with #GP (or, for ioctls, "stop here"), beside 1: a bad value. */
#define MSR_UNKNOWN	2	/* there is no such MSR */
#define MSR_FILTERED	3	/* user space denies it: exit_msr.c */

/* 0; 1; MSR_UNKNOWN. */
int msr_read(struct vcpu *v, struct msr_data *m);
int msr_write(struct vcpu *v, struct msr_data *m);
int msr_ioctl(struct vcpu *v, struct kvm_msrs __user *arg, bool write);
int msr_feature_ioctl(struct kvm_msrs __user *arg);
int msr_get_index_list(struct kvm_msr_list __user *arg);
int msr_get_feature_list(struct kvm_msr_list __user *arg);
void msr_init(void);		/* module load: which MSRs exist here */
void msr_vcpu_reset(struct vcpu *v, bool init);
/* Put the guest's system-call MSRs into the CPU / the host's; preemption off. */
void msr_load_guest(struct vcpu *v);
/* SCE may be set now: those of SYSCALL, if others are the guest's. */
void msr_efer_changed(struct vcpu *v);
void msr_put_guest(struct vcpu *v);

/* --- fpu.c ---------------------------------------------------------------- */

int fpu_vcpu_init(struct vcpu *v);
void fpu_vcpu_exit(struct vcpu *v);
void fpu_vcpu_reset(struct vcpu *v, bool init);
void fpu_load_guest(struct vcpu *v);	/* KVM_RUN in */
void fpu_put_guest(struct vcpu *v);	/* KVM_RUN out */
int fpu_get(struct vcpu *v, struct kvm_fpu *f);
int fpu_set(struct vcpu *v, const struct kvm_fpu *f);
int fpu_get_xsave(struct vcpu *v, void *buf, unsigned int size);
int fpu_set_xsave(struct vcpu *v, const void *buf, unsigned int size);
int fpu_get_xcrs(struct vcpu *v, struct kvm_xcrs *x);
int fpu_set_xcrs(struct vcpu *v, const struct kvm_xcrs *x);
/* Bytes of KVM_GET_XSAVE2's buffer: KVM_CAP_XSAVE2. */
unsigned int fpu_xsave_bytes(void);
/* Bytes of an XSAVE area for @features of XCR0 and IA32_XSS, as CPUID says. */
u32 fpu_xsave_size(u64 features, bool compacted);
void fpu_module_init(void);		/* before the first VM */
/* The XCR0 bits this host can give to a guest. */
u64 fpu_supported_xcr0(void);
/* One XMM register of the guest, 16 bytes.  Between load and put. */
void fpu_read_xmm(unsigned int reg, void *buf);
void fpu_write_xmm(unsigned int reg, const void *buf);
/* The same with an MMX register, 8 bytes; the x87 state becomes MMX's. */
void fpu_read_mmx(unsigned int reg, void *buf);
void fpu_write_mmx(unsigned int reg, const void *buf);
/* Whether an x87 exception is pending that is not masked. */
bool fpu_x87_pending(void);

/* The guest's state back into the CPU, if the kernel used it; interrupts off. */
static inline void fpu_prepare_entry(void)
{
	if (unlikely(test_thread_flag(TIF_NEED_FPU_LOAD)))
		switch_fpu_return();
}

/* --- paging.c: the guest's own page tables -------------------------------- */

#define PAGING_WRITE	(1u << 0)
#define PAGING_FETCH	(1u << 1)
#define PAGING_USER	(1u << 2)
#define PAGING_NO_AD	(1u << 3)	/* look, do not set A/D bits */
#define PAGING_IMPLICIT	(1u << 4)	/* implicit supervisor access: no AC override */

/*
 * Translate a linear address.  0 and *@gpa; or 1 with *@pf_error the #PF error
 * code; or -EFAULT/-errno.  vCPU thread, loaded; may sleep.
 */
int paging_translate(struct vcpu *v, u64 gva, u32 access, gpa_t *gpa,
		     u32 *pf_error);
/*
 * The table entries that led to a page, and what it holds.  As long as these
 * words read the same (under slots_lock, the slots having this generation), and
 * with PAE paging the PDPTE, which is a register's, a walk with the same CR3 and
 * mode leads there.  Without paging there are no entries.
 */
#define PAGING_LEVELS	5
struct paging_trail {
	u32 generation;
	u8 nr;				/* entries */
	bool wide;			/* of 64 bits, not 32 */
	u16 pdpte_field;		/* of the VMCS, with PAE paging, or 0 */
	u64 pdpte;
	const void __user *at[PAGING_LEVELS];
	u64 val[PAGING_LEVELS];
	const void __user *data;	/* where the bytes were read, or NULL */
};

#define PAGING_ARG_WORDS	2	/* that are read at once */

/* paging_arg.c: the way to a page of arguments, and what it depends on. */
struct paging_arg {
	u64 page;			/* linear address */
	unsigned long cr3, cr4, rights;
	u64 efer, apic_base;
	struct paging_trail trail;	/* data: the page's first byte */
	u64 words[PAGING_ARG_WORDS];	/* what was read last */
};

/*
 * Translate and read @len bytes within a page; -EOPNOTSUPP: no memory there,
 * -EFAULT: user space has it not.  Otherwise as paging_translate().  @trail
 * may be NULL.
 */
int paging_read(struct vcpu *v, u64 gva, u32 access, void *buf,
		unsigned int len, struct paging_trail *trail, u32 *pf_error);
/*
 * Does @t still hold, as far as memory tells?  Then @nr words from @from on, of the page it leads to,
 * are in @words.  Under slots_lock; the caller compares generations.
 */
bool paging_trail_read(const struct paging_trail *t, const u64 __user *from,
		       u64 *words, unsigned int nr);
/* Load PDPTEs for PAE paging from CR3; 0, or 1 for reserved bits (#GP). */
int paging_load_pdptrs(struct vcpu *v, unsigned long cr3);
u64 paging_rsvd_maxphy(struct vcpu *v);	/* address bits beyond MAXPHYADDR */

/* --- mmio.c: emulate.c's glue --------------------------------------------- */

/* The instruction at RIP accesses MMIO: exit-handler convention. */
int mmio_emulate(struct vcpu *v, gpa_t gpa, bool gva_valid, u64 gva);
/*
 * The same for an instruction that has done so before: an exit handler's
 * result, or -EAGAIN: not known, or @gpa is memory now.  @gva_valid: the exit
 * gives the linear address of the access; otherwise it must be one that only
 * the instruction's own operand can have made.
 */
int mmio_fast(struct vcpu *v, gpa_t gpa, bool write, bool gva_valid);
/* INS/OUTS. */
int mmio_string_io(struct vcpu *v);
int mmio_module_init(void);
void mmio_module_exit(void);
void mmio_vcpu_exit(struct vcpu *v);
/* Handle an access in the kernel (LAPIC, ioeventfd); 0, or -EOPNOTSUPP. */
int mmio_kernel_read(struct vcpu *v, gpa_t gpa, unsigned int len, void *data);
int mmio_kernel_write(struct vcpu *v, gpa_t gpa, unsigned int len,
		      const void *data);

/* --- regs.c: ioctls on registers and events ------------------------------- */

int regs_get(struct vcpu *v, struct kvm_regs *r);
int regs_set(struct vcpu *v, const struct kvm_regs *r);
int sregs_get(struct vcpu *v, struct kvm_sregs *s);
int sregs_set(struct vcpu *v, const struct kvm_sregs *s);
int events_get(struct vcpu *v, struct kvm_vcpu_events *e);
int events_set(struct vcpu *v, const struct kvm_vcpu_events *e);
int debugregs_get(struct vcpu *v, struct kvm_debugregs *d);
int debugregs_set(struct vcpu *v, const struct kvm_debugregs *d);
/*
 * KVM_CAP_SYNC_REGS: what user space marked in kvm_dirty_regs is taken from
 * kvm_run, what it asks for in kvm_valid_regs is put there.  0 or -EINVAL.
 */
int regs_sync_in(struct vcpu *v);
void regs_sync_out(struct vcpu *v);
int mpstate_get(struct vcpu *v, struct kvm_mp_state *m);
int mpstate_set(struct vcpu *v, const struct kvm_mp_state *m);

#endif
