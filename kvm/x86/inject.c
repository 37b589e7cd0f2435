// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events for the guest: exceptions, NMIs and interrupts, into the VMCS before
 * entry and back out of it when delivery was cut short.
 *
 * "pending" means not yet given to the CPU, "injected" means given, and kept
 * until the next exit shows that it arrived.  Source: SDM volume 3, 6.15
 * (double faults), 26.6 (event injection), 27.2.4 (IDT-vectoring).
 */
#include <linux/percpu.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>

#include "../arch.h"
#include "../trace.h"
#include "debug.h"
#include "irqchip.h"
#include "lapic.h"
#include "vmx.h"

#define EXC_HAS_ERROR	(BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | \
			 BIT(14) | BIT(17) | BIT(21))
#define EXC_CONTRIBUTORY (BIT(0) | BIT(10) | BIT(11) | BIT(12) | BIT(13))

enum exc_class { EXC_BENIGN, EXC_CONTRIB, EXC_PAGE_FAULT };

static enum exc_class exc_class(u8 nr)
{
	if (nr == 14)
		return EXC_PAGE_FAULT;
	return BIT(nr) & EXC_CONTRIBUTORY ? EXC_CONTRIB : EXC_BENIGN;
}

static void inject_queue(struct vcpu *v, u8 nr, bool has_error, u32 error,
			 bool has_payload, u64 payload)
{
	struct arch_vcpu *a = &v->arch;
	u8 prev = a->exc.nr;

	if (a->exc.pending || a->exc.injected) {
		enum exc_class first = exc_class(prev), second = exc_class(nr);

		if (prev == 8) {
			a->triple_fault = true;
			vcpu_request(v, REQ_EVENT);
			return;
		}
		if ((first == EXC_CONTRIB && second == EXC_CONTRIB) ||
		    (first == EXC_PAGE_FAULT && second != EXC_BENIGN)) {
			nr = 8;
			has_error = true;
			error = 0;
			has_payload = false;
		}
	}
	a->exc.pending = true;
	a->exc.injected = false;
	a->exc.nr = nr;
	a->exc.has_error = has_error;
	a->exc.error = error;
	a->exc.has_payload = has_payload;
	a->exc.payload = payload;
	vcpu_request(v, REQ_EVENT);
}

void x86_queue_exception(struct vcpu *v, u8 nr)
{
	inject_queue(v, nr, false, 0, false, 0);
}

void x86_queue_exception_e(struct vcpu *v, u8 nr, u32 error)
{
	inject_queue(v, nr, true, error, false, 0);
}

void x86_inject_pf(struct vcpu *v, u64 addr, u32 error)
{
	inject_queue(v, 14, true, error, true, addr);
}

void x86_inject_db(struct vcpu *v, u64 dr6)
{
	/* debug exceptions of one instruction are one */
	if (v->arch.exc.pending && v->arch.exc.nr == X86_TRAP_DB &&
	    v->arch.exc.has_payload)
		dr6 |= v->arch.exc.payload;
	inject_queue(v, 1, false, 0, true, dr6);
}

void x86_inject_nmi(struct vcpu *v)
{
	/* one to be handled and one that waits: x86_pending_nmis() knows better */
	atomic_add_unless(&v->arch.nmi_pending, 1, 2);
	vcpu_request_kick(v, REQ_EVENT);
}

/*
 * Bochs 2.7 keeps NMIs blocked from one vCPU to the next that runs on a CPU:
 * there only a vCPU that was given one, and was not seen without the blocking
 * since, can be handling it.
 */
bool x86_nmi_blocked(struct vcpu *v)
{
	bool blocked = vmcs_read(GUEST_INTERRUPTIBILITY_INFO) &
		       GUEST_INTR_STATE_NMI;

	if (static_branch_unlikely(&vmx_bochs)) {
		v->arch.nmi_given &= blocked;
		blocked = v->arch.nmi_given;
	}
	return blocked;
}

/* A CPU remembers one NMI beside the one that it handles. */
unsigned int x86_pending_nmis(struct vcpu *v)
{
	if (atomic_read(&v->arch.nmi_pending) > 1 &&
	    (v->arch.nmi_injected || x86_nmi_blocked(v)))
		atomic_cmpxchg(&v->arch.nmi_pending, 2, 1);
	return atomic_read(&v->arch.nmi_pending);
}

bool x86_nmi_wakes(struct vcpu *v)
{
	return atomic_read(&v->arch.nmi_pending) && !x86_nmi_blocked(v);
}

/* What comes with an exception takes effect with its delivery. */
void inject_payload(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;

	if (!a->exc.has_payload)
		return;
	if (a->exc.nr == 14) {
		a->cr2 = a->exc.payload;
	} else if (a->exc.nr == 1) {
		a->dr6 &= ~DR_TRAP_BITS;
		a->dr6 |= a->exc.payload | DR6_FIXED_1;
		a->dr7 &= ~DR7_GD;
		debug_update(v);
	}
	a->exc.has_payload = false;
}

static void inject_write(struct vcpu *v, u32 info)
{
	v->arch.vmx->intr_info = info | INTR_INFO_VALID_MASK;
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, v->arch.vmx->intr_info);
}

static void inject_exception(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;
	u32 info = a->exc.nr;

	if (a->exc.has_error && (state_cr0(v) & X86_CR0_PE)) {
		/* bits above 15 would fail the entry */
		vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, a->exc.error & 0xffff);
		info |= INTR_INFO_DELIVER_CODE_MASK;
	}
	if (a->exc.nr == 3 || a->exc.nr == 4) {
		vmcs_write(VM_ENTRY_INSTRUCTION_LEN, a->vmx->entry_insn_len ?: 1);
		info |= INTR_TYPE_SOFT_EXCEPTION;
	} else {
		info |= INTR_TYPE_HARD_EXCEPTION;
	}
	trace_xkvm_inject_exception(v->id, a->exc.nr, a->exc.has_error,
				    a->exc.error);
	inject_write(v, info);
}

static void inject_irq(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;

	trace_xkvm_inject_irq(v->id, a->intr.nr, a->intr.soft);
	v->stat.injections++;
	if (a->intr.soft) {
		vmcs_write(VM_ENTRY_INSTRUCTION_LEN, a->vmx->entry_insn_len);
		inject_write(v, a->intr.nr | INTR_TYPE_SOFT_INTR);
	} else {
		inject_write(v, a->intr.nr | INTR_TYPE_EXT_INTR);
	}
}

static void inject_nmi(struct vcpu *v)
{
	trace_xkvm_inject_nmi(v->id);
	v->arch.nmi_given = true;
	inject_write(v, 2 | INTR_TYPE_NMI_INTR);
}

static bool inject_nmi_allowed(struct vcpu *v)
{
	return !(vmcs_read(GUEST_INTERRUPTIBILITY_INFO) &
		 (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)) &&
	       !x86_nmi_blocked(v);
}

bool x86_takes_user_irq(const struct vcpu *v)
{
	return !v->vm->arch.irqchip_kernel && lapic_accepts_extint(v);
}

/* Is there an interrupt to inject by hand, and from where? */
enum irq_source { IRQ_NONE_SOURCE, IRQ_XEN, IRQ_USER, IRQ_PIC, IRQ_LAPIC };

static enum irq_source inject_irq_source(struct vcpu *v)
{
	if (xen_has_interrupt(v))
		return IRQ_XEN;
	if (v->arch.user_vector >= 0 && x86_takes_user_irq(v))
		return IRQ_USER;
	if (irqchip_wants(v))
		return IRQ_PIC;
	if (v->arch.lapic && !v->arch.lapic->vid && lapic_pending_vector(v) >= 0)
		return IRQ_LAPIC;
	return IRQ_NONE_SOURCE;
}

static u8 inject_take_vector(struct vcpu *v, enum irq_source from)
{
	int vector;

	switch (from) {
	case IRQ_XEN:
		return v->vm->xen.upcall_vector;
	case IRQ_USER:
		vector = v->arch.user_vector;
		v->arch.user_vector = -1;
		return vector;
	case IRQ_PIC:
		return irqchip_acknowledge(v->vm);
	default:
		vector = lapic_pending_vector(v);
		lapic_accept(v, vector);
		return vector;
	}
}

/* Something cut short comes first; true if there was. */
static bool inject_again(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;

	if (a->exc.injected)
		inject_exception(v);
	else if (a->nmi_injected)
		inject_nmi(v);
	else if (a->intr.injected)
		inject_irq(v);
	else
		return false;
	return true;
}

static bool inject_new_exception(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;

	if (!a->exc.pending)
		return false;
	/* a fault must resume at its instruction without hitting #DB again */
	if (a->exc.nr != 1 && a->exc.nr != 3 && a->exc.nr != 4)
		reg_write(v, VREG_RFLAGS, reg_read(v, VREG_RFLAGS) | X86_EFLAGS_RF);
	inject_payload(v);
	a->exc.pending = false;
	a->exc.injected = true;
	inject_exception(v);
	return true;
}

/*
 * Tell when an NMI can be injected.  Some CPUs open the window for NMIs in the
 * shadow of STI and then refuse the injection there (SDM volume 3, 27.3.1.5):
 * interrupts, which must be on, get theirs right behind the shadow.
 */
static void inject_nmi_window(struct vcpu *v)
{
	bool sti = vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_STI;

	vmcs_set_proc(v, sti ? CPU_BASED_INTR_WINDOW_EXITING :
			       CPU_BASED_NMI_WINDOW_EXITING, 0);
}

void inject_events(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;
	enum irq_source from;
	bool done = inject_again(v) || inject_new_exception(v);

	if (unlikely(a->guest_debug & KVM_GUESTDBG_BLOCKIRQ))
		return;
	if (atomic_read(&a->nmi_pending) && x86_pending_nmis(v)) {
		if (!done && inject_nmi_allowed(v)) {
			atomic_dec(&a->nmi_pending);
			a->nmi_injected = true;
			inject_nmi(v);
			done = true;
		}
		if (atomic_read(&a->nmi_pending))
			inject_nmi_window(v);
	}
	from = inject_irq_source(v);
	if (from == IRQ_NONE_SOURCE)
		return;
	if (!done && inject_interrupt_allowed(v)) {
		a->intr.nr = inject_take_vector(v, from);
		a->intr.soft = false;
		a->intr.injected = true;
		inject_irq(v);
		/* an upcall stays until the guest has cleared its flag */
		if (from != IRQ_XEN && inject_irq_source(v) == IRQ_NONE_SOURCE)
			return;
	}
	vmcs_set_proc(v, CPU_BASED_INTR_WINDOW_EXITING, 0);
}

void inject_requeue(struct vcpu *v, u32 info, u32 insn_len, u32 error)
{
	struct arch_vcpu *a = &v->arch;

	a->exc.injected = false;
	a->nmi_injected = false;
	a->intr.injected = false;
	if (!(info & INTR_INFO_VALID_MASK))
		return;
	a->vmx->entry_insn_len = insn_len;
	switch (info & INTR_INFO_INTR_TYPE_MASK) {
	case INTR_TYPE_NMI_INTR:
		a->nmi_injected = true;
		/* its delivery starts anew: undo the blocking it began */
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO,
			   vmcs_read(GUEST_INTERRUPTIBILITY_INFO) &
			   ~GUEST_INTR_STATE_NMI);
		break;
	case INTR_TYPE_HARD_EXCEPTION:
	case INTR_TYPE_SOFT_EXCEPTION:
	case INTR_TYPE_PRIV_SW_EXCEPTION:
		a->exc.injected = true;
		a->exc.pending = false;
		a->exc.has_payload = false;
		a->exc.nr = info & INTR_INFO_VECTOR_MASK;
		a->exc.has_error = info & INTR_INFO_DELIVER_CODE_MASK;
		a->exc.error = error;
		break;
	case INTR_TYPE_SOFT_INTR:
	case INTR_TYPE_EXT_INTR:
		a->intr.injected = true;
		a->intr.soft = (info & INTR_INFO_INTR_TYPE_MASK) ==
			       INTR_TYPE_SOFT_INTR;
		a->intr.nr = info & INTR_INFO_VECTOR_MASK;
		break;
	}
	vcpu_request(v, REQ_EVENT);
}

/* The entry for which an event was written does not take place. */
void inject_cancel(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;

	if (!x->intr_info)
		return;
	x->intr_info = 0;
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	vcpu_request(v, REQ_EVENT);
}
