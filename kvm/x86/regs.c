// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls on registers and events: checked against what the CPU could be
 * in, then applied.  vcpu->mutex held, vCPU loaded.
 */
#include <linux/percpu.h>
#include <asm/debugreg.h>

#include "../arch.h"
#include "debug.h"
#include "lapic.h"
#include "vmx.h"

int regs_get(struct vcpu *v, struct kvm_regs *r)
{
	*r = (struct kvm_regs){
		.rax = v->arch.regs[VREG_RAX], .rbx = v->arch.regs[VREG_RBX],
		.rcx = v->arch.regs[VREG_RCX], .rdx = v->arch.regs[VREG_RDX],
		.rsi = v->arch.regs[VREG_RSI], .rdi = v->arch.regs[VREG_RDI],
		.rsp = reg_read(v, VREG_RSP), .rbp = v->arch.regs[VREG_RBP],
		.r8 = v->arch.regs[VREG_R8], .r9 = v->arch.regs[VREG_R9],
		.r10 = v->arch.regs[VREG_R10], .r11 = v->arch.regs[VREG_R11],
		.r12 = v->arch.regs[VREG_R12], .r13 = v->arch.regs[VREG_R13],
		.r14 = v->arch.regs[VREG_R14], .r15 = v->arch.regs[VREG_R15],
		.rip = reg_read(v, VREG_RIP), .rflags = reg_read(v, VREG_RFLAGS),
	};
	return 0;
}

int regs_set(struct vcpu *v, const struct kvm_regs *r)
{
	v->arch.regs[VREG_RAX] = r->rax;
	v->arch.regs[VREG_RBX] = r->rbx;
	v->arch.regs[VREG_RCX] = r->rcx;
	v->arch.regs[VREG_RDX] = r->rdx;
	v->arch.regs[VREG_RSI] = r->rsi;
	v->arch.regs[VREG_RDI] = r->rdi;
	v->arch.regs[VREG_RBP] = r->rbp;
	v->arch.regs[VREG_R8] = r->r8;
	v->arch.regs[VREG_R9] = r->r9;
	v->arch.regs[VREG_R10] = r->r10;
	v->arch.regs[VREG_R11] = r->r11;
	v->arch.regs[VREG_R12] = r->r12;
	v->arch.regs[VREG_R13] = r->r13;
	v->arch.regs[VREG_R14] = r->r14;
	v->arch.regs[VREG_R15] = r->r15;
	reg_write(v, VREG_RSP, r->rsp);
	reg_write(v, VREG_RIP, r->rip);
	reg_write(v, VREG_RFLAGS, r->rflags | X86_EFLAGS_FIXED);
	v->arch.exc.pending = false;
	debug_sync_pending(v);
	vcpu_request(v, REQ_EVENT);
	return 0;
}

static void sregs_get_table(struct kvm_dtable *t, unsigned long base,
			    unsigned long limit)
{
	memset(t, 0, sizeof(*t));
	t->base = vmcs_read(base);
	t->limit = vmcs_read(limit);
}

int sregs_get(struct vcpu *v, struct kvm_sregs *s)
{
	memset(s, 0, sizeof(*s));
	state_get_segment(v, SEG_CS, &s->cs);
	state_get_segment(v, SEG_DS, &s->ds);
	state_get_segment(v, SEG_ES, &s->es);
	state_get_segment(v, SEG_FS, &s->fs);
	state_get_segment(v, SEG_GS, &s->gs);
	state_get_segment(v, SEG_SS, &s->ss);
	state_get_segment(v, SEG_TR, &s->tr);
	state_get_segment(v, SEG_LDTR, &s->ldt);
	sregs_get_table(&s->gdt, GUEST_GDTR_BASE, GUEST_GDTR_LIMIT);
	sregs_get_table(&s->idt, GUEST_IDTR_BASE, GUEST_IDTR_LIMIT);
	s->cr0 = state_cr0(v);
	s->cr2 = v->arch.cr2;
	s->cr3 = state_cr3(v);
	s->cr4 = state_cr4(v);
	s->cr8 = v->arch.lapic ? lapic_get_cr8(v) : v->run->cr8;
	s->efer = v->arch.efer;
	s->apic_base = v->arch.lapic ? lapic_get_base(v) : v->arch.apic_base;
	if (v->arch.intr.injected && !v->arch.intr.soft)
		__set_bit(v->arch.intr.nr, (unsigned long *)s->interrupt_bitmap);
	else if (v->arch.user_vector >= 0)
		__set_bit(v->arch.user_vector,
			  (unsigned long *)s->interrupt_bitmap);
	return 0;
}

static bool sregs_valid(struct vcpu *v, const struct kvm_sregs *s)
{
	const u64 efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
	bool long_mode = (s->efer & EFER_LME) && (s->cr0 & X86_CR0_PG);

	if ((s->cr0 >> 32) || !x86_cr0_valid(s->cr0) ||
	    (s->cr4 & v->arch.cr4_reserved) || (s->efer & ~efer))
		return false;
	if (long_mode) {
		if (!guest_has(v, CPUF_LM) || !(s->cr4 & X86_CR4_PAE) ||
		    !(s->efer & EFER_LMA) || (s->cr3 & paging_rsvd_maxphy(v)))
			return false;
	} else if ((s->efer & EFER_LMA) || s->cs.l) {
		return false;
	}
	return true;
}

static void sregs_set_segments(struct vcpu *v, const struct kvm_sregs *s)
{
	state_set_segment(v, SEG_CS, &s->cs);
	state_set_segment(v, SEG_DS, &s->ds);
	state_set_segment(v, SEG_ES, &s->es);
	state_set_segment(v, SEG_FS, &s->fs);
	state_set_segment(v, SEG_GS, &s->gs);
	state_set_segment(v, SEG_SS, &s->ss);
	state_set_segment(v, SEG_TR, &s->tr);
	state_set_segment(v, SEG_LDTR, &s->ldt);
	vmcs_write(GUEST_GDTR_BASE, s->gdt.base);
	vmcs_write(GUEST_GDTR_LIMIT, s->gdt.limit);
	vmcs_write(GUEST_IDTR_BASE, s->idt.base);
	vmcs_write(GUEST_IDTR_LIMIT, s->idt.limit);
}

int sregs_set(struct vcpu *v, const struct kvm_sregs *s)
{
	int vector;

	if (!sregs_valid(v, s))
		return -EINVAL;
	if (v->arch.lapic) {
		if (lapic_set_base(v, s->apic_base, true))
			return -EINVAL;
	} else {
		v->arch.apic_base = s->apic_base;
	}
	v->arch.cr2 = s->cr2;
	state_load_efer(v, s->efer);
	state_load_cr4(v, s->cr4);
	state_load_cr0(v, s->cr0);
	state_load_cr3(v, s->cr3);
	sregs_set_segments(v, s);
	if (is_pae_paging(v))
		paging_load_pdptrs(v, s->cr3);
	x86_set_cr8(v, s->cr8 & 0xf);
	vector = find_first_bit((const unsigned long *)s->interrupt_bitmap,
				KVM_NR_INTERRUPTS);
	if (vector < KVM_NR_INTERRUPTS) {
		v->arch.intr.injected = true;
		v->arch.intr.soft = false;
		v->arch.intr.nr = vector;
	}
	cpuid_update_runtime(v);
	vmx_invvpid_context(v->arch.vmx->vpid);
	vcpu_request(v, REQ_EVENT);
	return 0;
}

static u8 events_get_shadow(void)
{
	u32 state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	return (state & GUEST_INTR_STATE_STI ? KVM_X86_SHADOW_INT_STI : 0) |
	       (state & GUEST_INTR_STATE_MOV_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
}

int events_get(struct vcpu *v, struct kvm_vcpu_events *e)
{
	struct arch_vcpu *a = &v->arch;

	/* user space without the payload capability sees it applied */
	if (a->exc.pending && !v->vm->arch.exception_payload)
		inject_payload(v);
	*e = (struct kvm_vcpu_events){
		.exception.injected = a->exc.injected,
		.exception.pending = a->exc.pending,
		.exception.nr = a->exc.nr,
		.exception.has_error_code = a->exc.has_error,
		.exception.error_code = a->exc.error,
		.exception_has_payload = a->exc.has_payload,
		.exception_payload = a->exc.payload,
		.interrupt.injected = a->intr.injected && !a->intr.soft,
		.interrupt.nr = a->intr.nr,
		.interrupt.shadow = events_get_shadow(),
		.nmi.injected = a->nmi_injected,
		.nmi.pending = x86_pending_nmis(v),
		.nmi.masked = x86_nmi_blocked(v),
		.triple_fault.pending = a->triple_fault,
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING |
			 KVM_VCPUEVENT_VALID_SHADOW,
	};
	if (a->lapic)
		e->sipi_vector = a->lapic->sipi_vector;
	if (v->vm->arch.exception_payload) {
		e->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	} else {
		e->exception.injected |= e->exception.pending;
		e->exception.pending = 0;
	}
	if (v->vm->arch.triple_fault_event)
		e->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	return 0;
}

static void events_set_shadow(struct vcpu *v, const struct kvm_vcpu_events *e)
{
	u32 mask = GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS |
		   GUEST_INTR_STATE_NMI;
	u32 state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & ~mask;

	if (!(e->flags & KVM_VCPUEVENT_VALID_SHADOW))
		state |= vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & mask &
			 ~GUEST_INTR_STATE_NMI;
	else if (e->interrupt.shadow & KVM_X86_SHADOW_INT_STI)
		state |= GUEST_INTR_STATE_STI;
	else if (e->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS)
		state |= GUEST_INTR_STATE_MOV_SS;
	/* the delivery of an injected one blocks the next by itself */
	v->arch.nmi_given = e->nmi.masked && !e->nmi.injected;
	if (v->arch.nmi_given)
		state |= GUEST_INTR_STATE_NMI;
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, state);
	debug_sync_pending(v);
}

static int events_check(struct vcpu *v, const struct kvm_vcpu_events *e)
{
	u32 known = KVM_VCPUEVENT_VALID_NMI_PENDING |
		    KVM_VCPUEVENT_VALID_SIPI_VECTOR |
		    KVM_VCPUEVENT_VALID_SHADOW;

	if (v->vm->arch.exception_payload)
		known |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (v->vm->arch.triple_fault_event)
		known |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	if (e->flags & ~known)
		return -EINVAL;
	if (e->flags & KVM_VCPUEVENT_VALID_PAYLOAD) {
		if (e->exception.pending && e->exception.injected)
			return -EINVAL;
	}
	if ((e->exception.injected || e->exception.pending) &&
	    (e->exception.nr > 31 || e->exception.nr == 2))
		return -EINVAL;
	return 0;
}

int events_set(struct vcpu *v, const struct kvm_vcpu_events *e)
{
	bool payload = e->flags & KVM_VCPUEVENT_VALID_PAYLOAD;
	struct arch_vcpu *a = &v->arch;
	int ret = events_check(v, e);

	if (ret)
		return ret;
	a->exc.injected = e->exception.injected;
	a->exc.pending = payload && e->exception.pending;
	a->exc.nr = e->exception.nr;
	a->exc.has_error = e->exception.has_error_code;
	a->exc.error = e->exception.error_code;
	a->exc.has_payload = payload && e->exception_has_payload;
	a->exc.payload = e->exception_payload;
	a->intr.injected = e->interrupt.injected;
	a->intr.nr = e->interrupt.nr;
	a->intr.soft = e->interrupt.soft;
	a->nmi_injected = e->nmi.injected;
	if (e->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		atomic_set(&a->nmi_pending, min_t(u8, e->nmi.pending, 2));
	events_set_shadow(v, e);
	if ((e->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR) && a->lapic)
		a->lapic->sipi_vector = e->sipi_vector;
	if (e->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT)
		a->triple_fault = e->triple_fault.pending;
	vcpu_request(v, REQ_EVENT);
	return 0;
}

int debugregs_get(struct vcpu *v, struct kvm_debugregs *d)
{
	memset(d, 0, sizeof(*d));
	memcpy(d->db, v->arch.db, sizeof(v->arch.db));
	d->dr6 = v->arch.dr6;
	d->dr7 = v->arch.dr7;
	return 0;
}

int debugregs_set(struct vcpu *v, const struct kvm_debugregs *d)
{
	if (d->flags || (d->dr6 >> 32) || (d->dr7 >> 32))
		return -EINVAL;
	memcpy(v->arch.db, d->db, sizeof(v->arch.db));
	v->arch.dr6 = d->dr6 | DR6_FIXED_1;
	v->arch.dr7 = (d->dr7 & ~0xd000ull) | DR7_FIXED_1;
	debug_update(v);
	return 0;
}

int mpstate_get(struct vcpu *v, struct kvm_mp_state *m)
{
	if (v->arch.lapic)
		lapic_take_events(v);
	m->mp_state = v->arch.mp_state;
	/* what a hypercall waits for is not saved: it may end early */
	if (m->mp_state == KVM_MP_STATE_HALTED && v->arch.blocked)
		m->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

int mpstate_set(struct vcpu *v, const struct kvm_mp_state *m)
{
	switch (m->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_HALTED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_SIPI_RECEIVED:
		if (v->arch.lapic)
			break;
		fallthrough;
	default:
		return -EINVAL;
	}
	if (m->mp_state == KVM_MP_STATE_SIPI_RECEIVED) {
		v->arch.mp_state = KVM_MP_STATE_INIT_RECEIVED;
		set_bit(1, &v->arch.lapic->pending_init_sipi);
	} else {
		v->arch.mp_state = m->mp_state;
		v->arch.blocked = false;
	}
	vcpu_request(v, REQ_EVENT);
	return 0;
}

/* kvm_run is shared: each structure is copied before it is checked. */
static int regs_sync_copy_in(struct vcpu *v, u64 which)
{
	struct kvm_sync_regs *s = &v->run->s.regs;
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (which & KVM_SYNC_X86_REGS) {
		memcpy(&regs, &s->regs, sizeof(regs));
		regs_set(v, &regs);
	}
	if (which & KVM_SYNC_X86_SREGS) {
		memcpy(&sregs, &s->sregs, sizeof(sregs));
		if (sregs_set(v, &sregs))
			return -EINVAL;
	}
	if (which & KVM_SYNC_X86_EVENTS) {
		memcpy(&events, &s->events, sizeof(events));
		if (events_set(v, &events))
			return -EINVAL;
	}
	return 0;
}

int regs_sync_in(struct vcpu *v)
{
	u64 which = READ_ONCE(v->run->kvm_dirty_regs);

	if (likely(!which))
		return 0;
	if (which & ~(u64)KVM_SYNC_X86_VALID_FIELDS ||
	    regs_sync_copy_in(v, which))
		return -EINVAL;
	v->run->kvm_dirty_regs = 0;
	return 0;
}

void regs_sync_out(struct vcpu *v)
{
	struct kvm_sync_regs *s = &v->run->s.regs;
	u64 which = READ_ONCE(v->run->kvm_valid_regs);

	if (likely(!which))
		return;
	if (which & KVM_SYNC_X86_REGS)
		regs_get(v, &s->regs);
	if (which & KVM_SYNC_X86_SREGS)
		sregs_get(v, &s->sregs);
	if (which & KVM_SYNC_X86_EVENTS)
		events_get(v, &s->events);
}
