// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's registers between exit and entry: general ones and control
 * registers are cached and written back when they changed; segments are read
 * and written in the VMCS.
 *
 * CR0 and CR4: some bits belong to the guest (CR*_OWNED: it may change them
 * without an exit), the others are read from the shadow.
 */
#include <asm/cpufeature.h>
#include <linux/percpu.h>
#include <asm/debugreg.h>

#include "../arch.h"
#include "debug.h"
#include "lapic.h"
#include "vmx.h"

#define CR0_OWNED	(X86_CR0_TS | X86_CR0_MP | X86_CR0_WP | X86_CR0_AM)
#define CR0_RESERVED	(~(unsigned long)(X86_CR0_PE | X86_CR0_MP |	\
			 X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE | \
			 X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | \
			 X86_CR0_PG))
#define EFER_KNOWN	(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX)

static const struct {
	unsigned long selector, base, limit, ar;
} state_seg_field[SEG_NR] = {
#define SEG(s) { GUEST_##s##_SELECTOR, GUEST_##s##_BASE, \
		 GUEST_##s##_LIMIT, GUEST_##s##_AR_BYTES }
	[SEG_ES] = SEG(ES), [SEG_CS] = SEG(CS), [SEG_SS] = SEG(SS),
	[SEG_DS] = SEG(DS), [SEG_FS] = SEG(FS), [SEG_GS] = SEG(GS),
	[SEG_LDTR] = SEG(LDTR), [SEG_TR] = SEG(TR),
#undef SEG
};

void state_fetch(struct vcpu *v, enum reg_index r)
{
	struct arch_vcpu *a = &v->arch;

	switch (r) {
	case VREG_RSP:
		a->regs[VREG_RSP] = vmcs_read(GUEST_RSP);
		break;
	case VREG_CR0:
		a->cr0 = (a->cr0 & ~CR0_OWNED) |
			 (vmcs_read(GUEST_CR0) & CR0_OWNED);
		break;
	case VREG_CR3:
		a->cr3 = vmcs_read(GUEST_CR3);
		break;
	case VREG_CR4:
		a->cr4 = (a->cr4 & ~CR4_OWNED) |
			 (vmcs_read(GUEST_CR4) & CR4_OWNED);
		break;
	default:
		return;
	}
	a->avail |= BIT(r);
}

void state_flush_all(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;

	if (a->dirty & BIT(VREG_RSP))
		vmcs_write(GUEST_RSP, a->regs[VREG_RSP]);
	if (a->dirty & BIT(VREG_RIP))
		vmcs_write(GUEST_RIP, a->rip);
	if (a->dirty & BIT(VREG_RFLAGS))
		vmcs_write(GUEST_RFLAGS, a->rflags);
	a->dirty = 0;
}

void state_load_cr0(struct vcpu *v, unsigned long cr0)
{
	v->arch.cr0 = cr0;
	v->arch.avail |= BIT(VREG_CR0);
	vmcs_write(CR0_READ_SHADOW, cr0);
	vmcs_write(CR0_GUEST_HOST_MASK, ~CR0_OWNED);
	vmcs_write(GUEST_CR0, (cr0 & ~(X86_CR0_CD | X86_CR0_NW)) | X86_CR0_NE |
		   X86_CR0_ET);
}

void state_load_cr4(struct vcpu *v, unsigned long cr4)
{
	v->arch.cr4 = cr4;
	v->arch.avail |= BIT(VREG_CR4);
	vmcs_write(CR4_READ_SHADOW, cr4);
	vmcs_write(CR4_GUEST_HOST_MASK, ~CR4_OWNED);
	vmcs_write(GUEST_CR4, cr4 | X86_CR4_VMXE);
}

void state_load_cr3(struct vcpu *v, unsigned long cr3)
{
	v->arch.cr3 = cr3;
	v->arch.avail |= BIT(VREG_CR3);
	vmcs_write(GUEST_CR3, cr3);
}

/* IA-32e mode needs a 64-bit busy TSS; a 16- or 32-bit one was fine before. */
static void state_fix_tr(void)
{
	u32 ar = vmcs_read(GUEST_TR_AR_BYTES);

	if ((ar & 0x1f) != 0xb)
		vmcs_write(GUEST_TR_AR_BYTES, (ar & ~0x1f) | 0xb);
}

void state_load_efer(struct vcpu *v, u64 efer)
{
	v->arch.efer = efer;
	vmcs_write(GUEST_IA32_EFER, efer);
	msr_efer_changed(v);
	if (efer & EFER_LMA) {
		state_fix_tr();
		vmcs_set_entry(v, VM_ENTRY_IA32E_MODE, 0);
	} else {
		vmcs_set_entry(v, 0, VM_ENTRY_IA32E_MODE);
	}
}

bool x86_cr0_valid(unsigned long cr0)
{
	return !(cr0 & CR0_RESERVED) &&
	       !((cr0 & X86_CR0_PG) && !(cr0 & X86_CR0_PE)) &&
	       !((cr0 & X86_CR0_NW) && !(cr0 & X86_CR0_CD));
}

/* PG goes on with EFER.LME set, or off with LMA set. */
static int state_switch_long_mode(struct vcpu *v, bool on)
{
	u64 efer = v->arch.efer;

	if (on && (!(state_cr4(v) & X86_CR4_PAE) ||
		   (vmcs_read(GUEST_CS_AR_BYTES) & BIT(13))))
		return 1;
	if (!on && is_64bit_code(v))
		return 1;
	state_load_efer(v, on ? efer | EFER_LMA : efer & ~EFER_LMA);
	return 0;
}

int x86_set_cr0(struct vcpu *v, unsigned long cr0)
{
	unsigned long old = state_cr0(v);
	bool pg = cr0 & X86_CR0_PG;

	if (cr0 >> 32)
		return 1;
	cr0 = (cr0 & ~CR0_RESERVED) | X86_CR0_ET;
	if (!x86_cr0_valid(cr0) || (!pg && (state_cr4(v) & X86_CR4_PCIDE)))
		return 1;
	if (((old ^ cr0) & X86_CR0_PG) && (v->arch.efer & EFER_LME) &&
	    state_switch_long_mode(v, pg))
		return 1;
	if (pg && !is_long_mode(v) && (state_cr4(v) & X86_CR4_PAE) &&
	    ((old ^ cr0) & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)) &&
	    paging_load_pdptrs(v, state_cr3(v)))
		return 1;
	state_load_cr0(v, cr0);
	/* translations made under the other mode must go (SDM 4.10.4.1) */
	if ((old ^ cr0) & (X86_CR0_PG | X86_CR0_WP))
		vmx_invvpid_context(v->arch.vmx->vpid);
	return 0;
}

int x86_set_cr3(struct vcpu *v, unsigned long cr3)
{
	if (state_cr4(v) & X86_CR4_PCIDE)
		cr3 &= ~BIT_ULL(63);
	if (is_long_mode(v) && (cr3 & paging_rsvd_maxphy(v)))
		return 1;
	if (is_pae_paging(v) && paging_load_pdptrs(v, cr3))
		return 1;
	state_load_cr3(v, cr3);
	vmx_invvpid_context(v->arch.vmx->vpid);
	return 0;
}

int x86_set_cr4(struct vcpu *v, unsigned long cr4)
{
	const unsigned long tlb = X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE |
				  X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PCIDE;
	unsigned long old = state_cr4(v);

	if (cr4 & v->arch.cr4_reserved)
		return 1;
	if (is_long_mode(v) && (!(cr4 & X86_CR4_PAE) ||
				((old ^ cr4) & X86_CR4_LA57)))
		return 1;
	if ((cr4 & ~old & X86_CR4_PCIDE) &&
	    (!is_long_mode(v) || (state_cr3(v) & 0xfff)))
		return 1;
	if (is_paging(v) && !is_long_mode(v) && (cr4 & X86_CR4_PAE) &&
	    ((old ^ cr4) & (X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE |
			    X86_CR4_SMEP)) &&
	    paging_load_pdptrs(v, state_cr3(v)))
		return 1;
	state_load_cr4(v, cr4);
	if ((old ^ cr4) & tlb)
		vmx_invvpid_context(v->arch.vmx->vpid);
	if ((old ^ cr4) & X86_CR4_OSXSAVE)
		cpuid_update_runtime(v);
	return 0;
}

int x86_set_cr8(struct vcpu *v, unsigned long cr8)
{
	if (cr8 & ~0xful)
		return 1;
	if (v->arch.lapic)
		lapic_set_cr8(v, cr8);
	else
		v->run->cr8 = cr8;
	return 0;
}

int x86_set_efer(struct vcpu *v, u64 efer, bool host)
{
	u64 old = v->arch.efer;

	if (efer & ~(u64)EFER_KNOWN)
		return 1;
	if (!host) {
		if ((efer & EFER_NX && !guest_has(v, CPUF_NX)) ||
		    (efer & EFER_LME && !guest_has(v, CPUF_LM)) ||
		    (efer & EFER_SCE && !guest_has(v, CPUF_SYSCALL)))
			return 1;
		if (is_paging(v) && ((old ^ efer) & EFER_LME))
			return 1;
		efer = (efer & ~EFER_LMA) | (old & EFER_LMA);
	}
	state_load_efer(v, efer);
	if ((old ^ efer) & EFER_NX)
		vmx_invvpid_context(v->arch.vmx->vpid);
	return 0;
}

bool is_64bit_code(struct vcpu *v)
{
	return is_long_mode(v) && (vmcs_read(GUEST_CS_AR_BYTES) & BIT(13));
}

int x86_cpl(struct vcpu *v)
{
	if (likely(is_long_mode(v)))
		return (vmcs_read(GUEST_SS_AR_BYTES) >> 5) & 3;
	if (!(state_cr0(v) & X86_CR0_PE))
		return 0;
	if (reg_read(v, VREG_RFLAGS) & X86_EFLAGS_VM)
		return 3;
	return (vmcs_read(GUEST_SS_AR_BYTES) >> 5) & 3;
}

unsigned long state_seg_base(struct vcpu *v, enum seg_index s)
{
	return vmcs_read(state_seg_field[s].base);
}

void state_get_segment(struct vcpu *v, enum seg_index s, struct kvm_segment *k)
{
	u32 ar = vmcs_read(state_seg_field[s].ar);

	*k = (struct kvm_segment){
		.selector = vmcs_read(state_seg_field[s].selector),
		.base = vmcs_read(state_seg_field[s].base),
		.limit = vmcs_read(state_seg_field[s].limit),
		.type = ar & 0xf,
		.s = (ar >> 4) & 1,
		.dpl = (ar >> 5) & 3,
		.present = !((ar >> 16) & 1) && ((ar >> 7) & 1),
		.avl = (ar >> 12) & 1,
		.l = (ar >> 13) & 1,
		.db = (ar >> 14) & 1,
		.g = (ar >> 15) & 1,
		.unusable = (ar >> 16) & 1,
	};
}

static u32 state_seg_ar(enum seg_index s, const struct kvm_segment *k)
{
	u32 type = k->type;

	if (k->unusable || !k->present)
		return BIT(16);
	/* usable code and data segments must be marked accessed (SDM 26.3.1.2) */
	if (s < SEG_LDTR)
		type |= 1;
	return type | (k->s << 4) | (k->dpl << 5) | (k->present << 7) |
	       (k->avl << 12) | (k->l << 13) | (k->db << 14) | (k->g << 15);
}

void state_set_segment(struct vcpu *v, enum seg_index s,
		       const struct kvm_segment *k)
{
	vmcs_write(state_seg_field[s].selector, k->selector);
	vmcs_write(state_seg_field[s].base, k->base);
	vmcs_write(state_seg_field[s].limit, k->limit);
	vmcs_write(state_seg_field[s].ar, state_seg_ar(s, k));
	if (s == SEG_TR && is_long_mode(v))
		state_fix_tr();
}

static void state_reset_segments(struct vcpu *v)
{
	struct kvm_segment k = { .limit = 0xffff, .type = 3, .s = 1,
				 .present = 1 };
	int s;

	for (s = SEG_ES; s <= SEG_GS; s++)
		state_set_segment(v, s, &k);
	k.selector = 0xf000;
	k.base = 0xffff0000;
	k.type = 0xb;
	state_set_segment(v, SEG_CS, &k);
	k = (struct kvm_segment){ .limit = 0xffff, .type = 2, .present = 1 };
	state_set_segment(v, SEG_LDTR, &k);
	k.type = 0xb;
	state_set_segment(v, SEG_TR, &k);
	vmcs_write(GUEST_GDTR_BASE, 0);
	vmcs_write(GUEST_GDTR_LIMIT, 0xffff);
	vmcs_write(GUEST_IDTR_BASE, 0);
	vmcs_write(GUEST_IDTR_LIMIT, 0xffff);
}

static void state_reset_vmcs(struct vcpu *v)
{
	vmcs_write(GUEST_SYSENTER_CS, 0);
	vmcs_write(GUEST_SYSENTER_ESP, 0);
	vmcs_write(GUEST_SYSENTER_EIP, 0);
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmcs_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmcs_write(GUEST_IA32_DEBUGCTL, 0);
	vmcs_write(GUEST_IA32_PAT, v->arch.pat);
	debug_update(v);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	v->arch.vmx->intr_info = 0;
}

void vcpu_reset(struct vcpu *v, bool init)
{
	struct arch_vcpu *a = &v->arch;
	unsigned long cr0 = X86_CR0_ET;

	cr0 |= init ? state_cr0(v) & (X86_CR0_CD | X86_CR0_NW) :
		      X86_CR0_CD | X86_CR0_NW;
	memset(&a->exc, 0, sizeof(a->exc));
	memset(&a->intr, 0, sizeof(a->intr));
	a->nmi_injected = false;
	atomic_set(&a->nmi_pending, 0);
	a->triple_fault = false;
	memset(a->db, 0, sizeof(a->db));
	a->dr6 = DR6_FIXED_1;
	a->dr7 = DR7_FIXED_1;
	memset(a->regs, 0, sizeof(a->regs));
	a->regs[VREG_RDX] = 0x600;
	reg_write(v, VREG_RSP, 0);
	reg_write(v, VREG_RFLAGS, X86_EFLAGS_FIXED);
	reg_write(v, VREG_RIP, 0xfff0);
	a->cr2 = 0;
	msr_vcpu_reset(v, init);
	fpu_vcpu_reset(v, init);
	state_reset_vmcs(v);
	state_load_efer(v, 0);
	state_load_cr4(v, 0);
	state_load_cr3(v, 0);
	state_load_cr0(v, cr0);
	state_reset_segments(v);
	if (a->lapic)
		lapic_reset(v, init);
	cpuid_update_runtime(v);
	vmx_invvpid_context(a->vmx->vpid);
	vcpu_request(v, REQ_EVENT);
}

void vcpu_start_at(struct vcpu *v, u8 sipi_vector)
{
	struct kvm_segment cs;

	state_get_segment(v, SEG_CS, &cs);
	cs.selector = sipi_vector << 8;
	cs.base = (u64)sipi_vector << 12;
	state_set_segment(v, SEG_CS, &cs);
	reg_write(v, VREG_RIP, 0);
	v->arch.mp_state = KVM_MP_STATE_RUNNABLE;
}
