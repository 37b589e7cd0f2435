// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs: one sorted-by-kind set of handlers for the guest's RDMSR and WRMSR and
 * for the ioctls.  vCPU loaded.
 *
 * The MSRs of system calls stay in the CPU while a vCPU is loaded and are
 * exchanged only when its value and the host's differ.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/mtrr.h>

#include "../arch.h"
#include "hyperv.h"
#include "lapic.h"
#include "mce.h"
#include "mtrr.h"
#include "vmx.h"

#define MSR_MAX_ENTRIES	256	/* of one ioctl */
#define MSR_X2APIC_FIRST 0x800
#define MSR_X2APIC_LAST	0x8ff
#define MISC_ENABLE_DEFAULT (MSR_IA32_MISC_ENABLE_FAST_STRING |	\
			     MSR_IA32_MISC_ENABLE_BTS_UNAVAIL |	\
			     MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)

static struct {
	u64 star, lstar, cstar, sfmask;
} msr_host;

/* Saved and restored by user space; KVM_GET_MSR_INDEX_LIST. */
static const u32 msr_list[] = {
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_KERNEL_GS_BASE,
	MSR_FS_BASE, MSR_GS_BASE, MSR_EFER, MSR_IA32_TSC, MSR_IA32_CR_PAT,
	MSR_TSC_AUX, MSR_IA32_TSC_ADJUST, MSR_IA32_TSC_DEADLINE,
	MSR_IA32_MISC_ENABLE, MSR_IA32_MCG_STATUS, MSR_IA32_MCG_CTL,
	MSR_IA32_APICBASE, MSR_PLATFORM_INFO, MSR_IA32_POWER_CTL,
	MSR_MTRRdefType,
	MSR_MTRRfix64K_00000, MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000,
	MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_C8000, MSR_MTRRfix4K_D0000,
	MSR_MTRRfix4K_D8000, MSR_MTRRfix4K_E0000, MSR_MTRRfix4K_E8000,
	MSR_MTRRfix4K_F0000, MSR_MTRRfix4K_F8000,
	MTRRphysBase_MSR(0), MTRRphysMask_MSR(0),
	MTRRphysBase_MSR(1), MTRRphysMask_MSR(1),
	MTRRphysBase_MSR(2), MTRRphysMask_MSR(2),
	MTRRphysBase_MSR(3), MTRRphysMask_MSR(3),
	MTRRphysBase_MSR(4), MTRRphysMask_MSR(4),
	MTRRphysBase_MSR(5), MTRRphysMask_MSR(5),
	MTRRphysBase_MSR(6), MTRRphysMask_MSR(6),
	MTRRphysBase_MSR(7), MTRRphysMask_MSR(7),
	/* identity, hypercall page, VP index; reference TSC page */
	HYPERV_MSR_FIRST, HYPERV_MSR_FIRST + 1, HYPERV_MSR_FIRST + 2,
	HYPERV_MSR_FIRST + 0x21,
};

static const u32 msr_feature_list[] = { MSR_IA32_UCODE_REV };

/* Read as a constant; a guest's write of what it reads is let through. */
static const struct {
	u32 index;
	u64 value;
} msr_const[] = {
	{ MSR_IA32_PLATFORM_ID, 0 }, { MSR_IA32_EBL_CR_POWERON, 0 },
	{ MSR_FSB_FREQ, 3 }, { MSR_IA32_PERF_STATUS, 0 },
	{ MSR_IA32_PERF_CTL, 0 },
	{ MSR_MISC_FEATURES_ENABLES, 0 }, { MSR_IA32_DEBUGCTLMSR, 0 },
	{ MSR_MTRRcap, 0x500 | MTRR_NR_VAR }, { MSR_SMI_COUNT, 0 },
	{ MSR_IA32_XSS, 0 }, { MSR_IA32_FEAT_CTL, FEAT_CTL_LOCKED },
	{ MSR_IA32_UCODE_REV, 0x100000000ull },
};

void msr_init(void)
{
	rdmsrl(MSR_STAR, msr_host.star);
	rdmsrl(MSR_LSTAR, msr_host.lstar);
	rdmsrl(MSR_CSTAR, msr_host.cstar);
	rdmsrl(MSR_SYSCALL_MASK, msr_host.sfmask);
}

static void msr_swap(u32 msr, u64 from, u64 to)
{
	if (from != to)
		native_wrmsrl(msr, to);
}

static void msr_load_syscall(struct vmx_vcpu *x)
{
	msr_swap(MSR_STAR, msr_host.star, x->star);
	msr_swap(MSR_LSTAR, msr_host.lstar, x->lstar);
	msr_swap(MSR_CSTAR, msr_host.cstar, x->cstar);
	msr_swap(MSR_SYSCALL_MASK, msr_host.sfmask, x->sfmask);
	x->syscall_loaded = true;
}

/* SYSCALL and SYSRET are #UD without EFER.SCE, and a read of the MSRs exits. */
void msr_efer_changed(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;

	preempt_disable();
	if (x->guest_loaded && !x->syscall_loaded && (v->arch.efer & EFER_SCE))
		msr_load_syscall(x);
	preempt_enable();
}

void msr_load_guest(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;

	if (v->arch.efer & EFER_SCE)
		msr_load_syscall(x);
	if (x->proc2 & SECONDARY_EXEC_ENABLE_RDTSCP) {
		msr_swap(MSR_TSC_AUX, x->host_tsc_aux, x->tsc_aux);
		x->tsc_aux_loaded = true;
	}
}

void msr_put_guest(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;

	if (x->syscall_loaded) {
		msr_swap(MSR_STAR, x->star, msr_host.star);
		msr_swap(MSR_LSTAR, x->lstar, msr_host.lstar);
		msr_swap(MSR_CSTAR, x->cstar, msr_host.cstar);
		msr_swap(MSR_SYSCALL_MASK, x->sfmask, msr_host.sfmask);
		x->syscall_loaded = false;
	}
	if (x->tsc_aux_loaded) {
		msr_swap(MSR_TSC_AUX, x->tsc_aux, x->host_tsc_aux);
		x->tsc_aux_loaded = false;
	}
}

/* Does the CPU have the guest's value now?  Preemption off. */
static bool msr_is_loaded(const struct vmx_vcpu *x, u32 msr)
{
	switch (msr) {
	case MSR_TSC_AUX:
		return x->tsc_aux_loaded;
	case MSR_KERNEL_GS_BASE:
		return x->guest_loaded;
	default:
		return x->syscall_loaded;
	}
}

/* Store in @field, and in the CPU while the guest's values are there. */
static void msr_set_loaded(struct vcpu *v, u32 msr, u64 *field, u64 data)
{
	preempt_disable();
	*field = data;
	if (msr_is_loaded(v->arch.vmx, msr))
		wrmsrl(msr, data);
	preempt_enable();
}

static u64 msr_get_kernel_gs(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;

	preempt_disable();
	if (x->guest_loaded)
		rdmsrl(MSR_KERNEL_GS_BASE, x->kernel_gs_base);
	preempt_enable();
	return x->kernel_gs_base;
}

static bool msr_canonical(u64 a)
{
	return (s64)a << 16 >> 16 == (s64)a;
}

static bool msr_pat_valid(u64 pat)
{
	int i;

	for (i = 0; i < 8; i++, pat >>= 8)
		if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
			return false;
	return true;
}

/* TSC_ADJUST moves with the TSC and moves it. */
static void msr_write_tsc_adjust(struct vcpu *v, u64 data, bool host)
{
	if (!host)
		tsc_write_offset(v, v->arch.tsc_offset + data -
				 v->arch.tsc_adjust);
	v->arch.tsc_adjust = data;
}

static void msr_write_tsc(struct vcpu *v, u64 data, bool host)
{
	u64 before = v->arch.tsc_offset;

	if (host) {
		x86_set_guest_tsc(v, data);
	} else {
		tsc_write_offset(v, tsc_offset_for(v, data));
		v->arch.tsc_adjust += v->arch.tsc_offset - before;
	}
}

static int msr_read_const(struct msr_data *m)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(msr_const); i++) {
		if (msr_const[i].index == m->index) {
			m->data = msr_const[i].value;
			return 0;
		}
	}
	return MSR_UNKNOWN;
}

/* Only the value that is read may be written; bits of DEBUGCTL are ignored. */
static int msr_write_const(const struct msr_data *m)
{
	struct msr_data cur = { .index = m->index };

	if (msr_read_const(&cur))
		return MSR_UNKNOWN;
	if (m->index == MSR_MTRRcap)
		return 1;
	if (m->index == MSR_IA32_DEBUGCTLMSR)
		return m->data & ~3ull ? 1 : 0;
	if (m->index == MSR_IA32_UCODE_REV || m->index == MSR_IA32_PERF_CTL)
		return 0;
	return m->data != cur.data;
}

int msr_read(struct vcpu *v, struct msr_data *m)
{
	struct vmx_vcpu *x = v->arch.vmx;
	u64 *p;

	switch (m->index) {
	case MSR_IA32_SYSENTER_CS:
		m->data = vmcs_read(GUEST_SYSENTER_CS);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		m->data = vmcs_read(GUEST_SYSENTER_ESP);
		return 0;
	case MSR_IA32_SYSENTER_EIP:
		m->data = vmcs_read(GUEST_SYSENTER_EIP);
		return 0;
	case MSR_FS_BASE:
		m->data = state_seg_base(v, SEG_FS);
		return 0;
	case MSR_GS_BASE:
		m->data = state_seg_base(v, SEG_GS);
		return 0;
	case MSR_KERNEL_GS_BASE:
		m->data = msr_get_kernel_gs(v);
		return 0;
	case MSR_STAR:
		m->data = x->star;
		return 0;
	case MSR_LSTAR:
		m->data = x->lstar;
		return 0;
	case MSR_CSTAR:
		m->data = x->cstar;
		return 0;
	case MSR_SYSCALL_MASK:
		m->data = x->sfmask;
		return 0;
	case MSR_EFER:
		m->data = v->arch.efer;
		return 0;
	case MSR_TSC_AUX:
		if (!m->host && !guest_has(v, CPUF_RDTSCP) &&
		    !guest_has(v, CPUF_RDPID))
			return 1;
		m->data = x->tsc_aux;
		return 0;
	case MSR_IA32_TSC:
		m->data = x86_guest_tsc(v);
		return 0;
	case MSR_IA32_TSC_ADJUST:
		if (!m->host && !guest_has(v, CPUF_TSC_ADJUST))
			return 1;
		m->data = v->arch.tsc_adjust;
		return 0;
	case MSR_IA32_TSC_DEADLINE:
		if (!v->arch.lapic ||
		    (!m->host && !guest_has(v, CPUF_TSC_DEADLINE)))
			return 1;
		m->data = lapic_get_tscdeadline(v);
		return 0;
	case MSR_IA32_APICBASE:
		m->data = v->arch.lapic ? lapic_get_base(v) : v->arch.apic_base;
		return 0;
	case MSR_X2APIC_FIRST ... MSR_X2APIC_LAST:
		return v->arch.lapic ? lapic_msr_read(v, m->index, &m->data) : 1;
	case MSR_IA32_CR_PAT:
		m->data = v->arch.pat;
		return 0;
	case MSR_IA32_MISC_ENABLE:
		m->data = v->arch.misc_enable;
		return 0;
	case MSR_IA32_POWER_CTL:
		m->data = v->arch.power_ctl;
		return 0;
	case MSR_PLATFORM_INFO:
		if (!m->host && v->vm->arch.platform_info_hidden)
			return 1;
		m->data = v->arch.platform_info;
		return 0;
	case MSR_IA32_MCG_CAP:
		m->data = v->arch.mcg_cap;
		return 0;
	case MSR_IA32_MCG_STATUS:
		m->data = v->arch.mcg_status;
		return 0;
	case MSR_IA32_MCG_CTL:
		if (!(v->arch.mcg_cap & MCG_CTL_P) && !m->host)
			return 1;
		m->data = v->arch.mcg_ctl;
		return 0;
	case HYPERV_MSR_FIRST ... HYPERV_MSR_LAST:
		return hyperv_msr_read(v, m);
	}
	p = mtrr_reg(v, m->index) ?: mce_reg(v, m->index, m->host);
	if (p) {
		m->data = *p;
		return 0;
	}
	return msr_read_const(m);
}

static int msr_write_address(struct vcpu *v, struct msr_data *m)
{
	struct vmx_vcpu *x = v->arch.vmx;

	if (!msr_canonical(m->data))
		return 1;
	switch (m->index) {
	case MSR_IA32_SYSENTER_ESP:
		vmcs_write(GUEST_SYSENTER_ESP, m->data);
		break;
	case MSR_IA32_SYSENTER_EIP:
		vmcs_write(GUEST_SYSENTER_EIP, m->data);
		break;
	case MSR_FS_BASE:
		vmcs_write(GUEST_FS_BASE, m->data);
		break;
	case MSR_GS_BASE:
		vmcs_write(GUEST_GS_BASE, m->data);
		break;
	case MSR_KERNEL_GS_BASE:
		msr_set_loaded(v, m->index, &x->kernel_gs_base, m->data);
		break;
	case MSR_LSTAR:
		msr_set_loaded(v, m->index, &x->lstar, m->data);
		break;
	case MSR_CSTAR:
		msr_set_loaded(v, m->index, &x->cstar, m->data);
		break;
	}
	return 0;
}

static int msr_write_memory(struct vcpu *v, struct msr_data *m)
{
	u64 *p;

	if (mtrr_reg(v, m->index))
		return mtrr_write(v, m->index, m->data);
	p = mce_reg(v, m->index, m->host);
	if (p) {
		if (!mce_reg_takes(m->index, m->data, m->host))
			return 1;
		*p = m->data;
		return 0;
	}
	return msr_write_const(m);
}

int msr_write(struct vcpu *v, struct msr_data *m)
{
	struct vmx_vcpu *x = v->arch.vmx;

	if (xen_is_hypercall_msr(v->vm, m->index) && !m->host)
		return xen_write_hypercall_page(v, m->data);
	switch (m->index) {
	case MSR_IA32_SYSENTER_CS:
		vmcs_write(GUEST_SYSENTER_CS, (u32)m->data);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
	case MSR_LSTAR:
	case MSR_CSTAR:
		return msr_write_address(v, m);
	case MSR_STAR:
		msr_set_loaded(v, m->index, &x->star, m->data);
		return 0;
	case MSR_SYSCALL_MASK:
		msr_set_loaded(v, m->index, &x->sfmask, (u32)m->data);
		return 0;
	case MSR_EFER:
		return x86_set_efer(v, m->data, m->host);
	case MSR_TSC_AUX:
		if ((!m->host && !guest_has(v, CPUF_RDTSCP) &&
		     !guest_has(v, CPUF_RDPID)) || (m->data >> 32))
			return 1;
		msr_set_loaded(v, m->index, &x->tsc_aux, m->data);
		return 0;
	case MSR_IA32_TSC:
		msr_write_tsc(v, m->data, m->host);
		return 0;
	case MSR_IA32_TSC_ADJUST:
		if (!m->host && !guest_has(v, CPUF_TSC_ADJUST))
			return 1;
		msr_write_tsc_adjust(v, m->data, m->host);
		return 0;
	case MSR_IA32_TSC_DEADLINE:
		if (!v->arch.lapic ||
		    (!m->host && !guest_has(v, CPUF_TSC_DEADLINE)))
			return 1;
		lapic_set_tscdeadline(v, m->data);
		return 0;
	case MSR_IA32_APICBASE:
		if (!v->arch.lapic) {
			v->arch.apic_base = m->data;
			return 0;
		}
		return lapic_set_base(v, m->data, m->host);
	case MSR_X2APIC_FIRST ... MSR_X2APIC_LAST:
		return v->arch.lapic ? lapic_msr_write(v, m->index, m->data) : 1;
	case MSR_IA32_CR_PAT:
		if (!msr_pat_valid(m->data))
			return 1;
		v->arch.pat = m->data;
		vmcs_write(GUEST_IA32_PAT, m->data);
		return 0;
	case MSR_IA32_MISC_ENABLE:
		if (!m->host && ((m->data ^ v->arch.misc_enable) &
				 (MSR_IA32_MISC_ENABLE_BTS_UNAVAIL |
				  MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)))
			return 1;
		v->arch.misc_enable = m->data;
		cpuid_update_runtime(v);
		return 0;
	case MSR_IA32_POWER_CTL:	/* kept; the host's power is its own */
		v->arch.power_ctl = m->data;
		return 0;
	case MSR_PLATFORM_INFO:
		/* CPUID faulting does not exist here */
		if (!m->host || (m->data & MSR_PLATFORM_INFO_CPUID_FAULT))
			return 1;
		v->arch.platform_info = m->data;
		return 0;
	case MSR_IA32_MCG_STATUS:
		if (!m->host && m->data)
			return 1;
		v->arch.mcg_status = m->data;
		return 0;
	case MSR_IA32_MCG_CTL:
		if (!(v->arch.mcg_cap & MCG_CTL_P) &&
		    (m->data || !m->host))
			return 1;
		if (m->data && m->data != ~0ull)
			return 1;
		v->arch.mcg_ctl = m->data;
		return 0;
	case HYPERV_MSR_FIRST ... HYPERV_MSR_LAST:
		return hyperv_msr_write(v, m);
	}
	return msr_write_memory(v, m);
}

void msr_vcpu_reset(struct vcpu *v, bool init)
{
	struct vmx_vcpu *x = v->arch.vmx;

	v->arch.misc_enable = MISC_ENABLE_DEFAULT;
	if (init)
		return;
	v->arch.pat = 0x0007040600070406ull;
	v->arch.mcg_cap = 32;
	v->arch.mcg_status = 0;
	v->arch.mcg_ctl = 0;
	memset(v->arch.mce_banks, 0, sizeof(v->arch.mce_banks));
	memset(v->arch.mce_ctl2, 0, sizeof(v->arch.mce_ctl2));
	v->arch.mtrr_def_type = 0;
	memset(v->arch.mtrr_fixed, 0, sizeof(v->arch.mtrr_fixed));
	memset(v->arch.mtrr_var, 0, sizeof(v->arch.mtrr_var));
	msr_set_loaded(v, MSR_STAR, &x->star, 0);
	msr_set_loaded(v, MSR_LSTAR, &x->lstar, 0);
	msr_set_loaded(v, MSR_CSTAR, &x->cstar, 0);
	msr_set_loaded(v, MSR_SYSCALL_MASK, &x->sfmask, 0);
	msr_set_loaded(v, MSR_KERNEL_GS_BASE, &x->kernel_gs_base, 0);
}

/* --- ioctls ------------------------------------------------------------------ */

static int msr_do_entries(struct vcpu *v, struct kvm_msr_entry *e,
			  unsigned int n, bool write)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct msr_data m = { .host = true, .index = e[i].index,
				      .data = e[i].data };

		if (write ? msr_write(v, &m) : msr_read(v, &m))
			break;
		e[i].data = m.data;
	}
	return i;
}

/* Copies the list in and, for reads, out; returns how many were done. */
static int msr_ioctl_list(struct kvm_msrs __user *arg, struct vcpu *v,
			  bool write)
{
	struct kvm_msr_entry *e;
	struct kvm_msrs head;
	int n;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= MSR_MAX_ENTRIES)
		return -E2BIG;
	e = memdup_user(arg->entries, head.nmsrs * sizeof(*e));
	if (IS_ERR(e))
		return PTR_ERR(e);
	if (v)
		n = msr_do_entries(v, e, head.nmsrs, write);
	else
		for (n = 0; n < head.nmsrs &&
		     e[n].index == MSR_IA32_UCODE_REV; n++)
			e[n].data = 0x100000000ull;
	if (!write && copy_to_user(arg->entries, e, n * sizeof(*e)))
		n = -EFAULT;
	kfree(e);
	return n;
}

int msr_ioctl(struct vcpu *v, struct kvm_msrs __user *arg, bool write)
{
	return msr_ioctl_list(arg, v, write);
}

int msr_feature_ioctl(struct kvm_msrs __user *arg)
{
	return msr_ioctl_list(arg, NULL, false);
}

static int msr_put_list(struct kvm_msr_list __user *arg, const u32 *list,
			u32 nr)
{
	struct kvm_msr_list head;
	u32 room;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	room = head.nmsrs;
	head.nmsrs = nr;
	if (copy_to_user(arg, &head, sizeof(head)))
		return -EFAULT;
	if (room < nr)
		return -E2BIG;
	return copy_to_user(arg->indices, list, nr * sizeof(*list)) ? -EFAULT : 0;
}

int msr_get_index_list(struct kvm_msr_list __user *arg)
{
	return msr_put_list(arg, msr_list, ARRAY_SIZE(msr_list));
}

int msr_get_feature_list(struct kvm_msr_list __user *arg)
{
	return msr_put_list(arg, msr_feature_list, ARRAY_SIZE(msr_feature_list));
}
