// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall interface of Hyper-V: what a guest needs that was given its
 * CPUID leaves beside Xen's, as Windows guests are.  Owns the hv_ fields of
 * struct arch_vm, written under vm->lock, and of struct arch_vcpu.
 *
 * Discovery, the page of hypercalls, HvCallSignalEvent, the VP index, the
 * reference counter and its page; no synthetic timers or interrupts, and CPUID
 * says so.  The counter is the guest's pvclock in units of 100 ns.
 * Source: Hypervisor Top Level Functional Specification, 2 to 4 and 12.
 */
#include <linux/math64.h>
#include <linux/uaccess.h>
#include <asm/hyperv-tlfs.h>
#include <asm/pvclock-abi.h>
#include <asm/trapnr.h>

#include "../arch.h"
#include "hyperv.h"
#include "vmx.h"

#define HYPERV_VP_INDEX_MSR	0x40000002	/* named since 6.2 */
#define HYPERV_INTERFACE	0x31237648	/* "Hv#1" */

#define HYPERV_TICK_NS		100u		/* of the reference counter */

void hyperv_vcpu_init(struct vcpu *v)
{
	v->arch.hv_vp_index = v->index;
}

static bool hyperv_visible(const struct vcpu *v)
{
	const struct kvm_cpuid_entry2 *e = v->arch.cpuid;
	unsigned int i;

	for (i = 0; i < v->arch.nr_cpuid; i++, e++)
		if (e->function == HYPERV_CPUID_INTERFACE)
			return e->eax == HYPERV_INTERFACE;
	return false;
}

int hyperv_msr_read(struct vcpu *v, struct msr_data *m)
{
	const struct arch_vm *a = &v->vm->arch;

	if (!m->host && !hyperv_visible(v))
		return 1;
	switch (m->index) {
	case HV_X64_MSR_GUEST_OS_ID:
		m->data = READ_ONCE(a->hv_os_id);
		return 0;
	case HV_X64_MSR_HYPERCALL:
		m->data = READ_ONCE(a->hv_hypercall);
		return 0;
	case HYPERV_VP_INDEX_MSR:
		m->data = v->arch.hv_vp_index;
		return 0;
	case HV_X64_MSR_TIME_REF_COUNT:
		m->data = div_u64(arch_guest_clock_ns(v->vm), HYPERV_TICK_NS);
		return 0;
	case HV_X64_MSR_REFERENCE_TSC:
		m->data = READ_ONCE(a->hv_reference_tsc);
		return 0;
	default:
		return 1;
	}
}

/*
 * The code at the start of the page.  Beside Xen's hypercalls, whose numbers
 * are small, the input is told from theirs by a bit that is reserved here.
 */
static int hyperv_write_page(struct vm *vm, u64 data)
{
	static const u8 code[] = {
		0x0d, 0x00, 0x00, 0x00, 0x80,	/* or $1 << 31, %eax */
		0x0f, 0x01, 0xc1,		/* vmcall */
		0xc3,				/* ret */
	};
	unsigned int skip = vm->xen.config.flags &
			    KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL ? 0 : 5;

	return guest_write(vm, data & PAGE_MASK, code + skip,
			   sizeof(code) - skip) ? 1 : 0;
}

static int hyperv_write_hypercall(struct vm *vm, const struct msr_data *m)
{
	lockdep_assert_held(&vm->lock);
	/* without an identity the page cannot be enabled, says the TLFS */
	if (!vm->arch.hv_os_id && !m->host)
		return 0;
	if ((m->data & HV_X64_MSR_HYPERCALL_ENABLE) &&
	    hyperv_write_page(vm, m->data))
		return 1;
	WRITE_ONCE(vm->arch.hv_hypercall, m->data);
	return 0;
}

/*
 * The counter as a function of the guest's TSC, from what pvclock says:
 * (TSC * scale >> 64) + offset.  The division comes before the shift, so that a
 * slow TSC does not overflow; what it rounds off is 2^-57 of the rate.
 */
static void hyperv_tsc_page(struct vcpu *v, struct ms_hyperv_tsc_page *page)
{
	struct pvclock_params p;
	u64 scale;

	arch_pvclock_params(v, &p);
	scale = div_u64((u64)p.mul << 32, HYPERV_TICK_NS);
	scale = p.shift < 0 ? scale >> -p.shift : scale << p.shift;
	page->tsc_scale = scale;
	page->tsc_offset = div_u64(p.system_time, HYPERV_TICK_NS) -
			   mul_u64_u64_shr(p.tsc_timestamp, scale, 64);
	if (!(p.flags & PVCLOCK_TSC_STABLE_BIT))
		page->tsc_sequence = 0;
}

/*
 * A reader takes scale and offset between two looks at the sequence; 0 sends
 * it to the MSR.  Returns 0, or 1 if the page is not there.
 */
static int hyperv_write_tsc_page(struct vcpu *v, u64 data)
{
	const size_t head = sizeof(u32);
	struct ms_hyperv_tsc_page page = { 0 };
	struct vm *vm = v->vm;
	gpa_t at = data & PAGE_MASK;
	u32 none = 0;

	lockdep_assert_held(&vm->lock);
	vm->arch.hv_tsc_sequence++;
	/* two numbers that mean something else */
	if (!vm->arch.hv_tsc_sequence || vm->arch.hv_tsc_sequence == U32_MAX)
		vm->arch.hv_tsc_sequence = 1;
	page.tsc_sequence = vm->arch.hv_tsc_sequence;
	hyperv_tsc_page(v, &page);
	if (guest_write(vm, at, &none, head))
		return 1;
	smp_wmb();	/* pairs with the reader's, between its looks */
	if (guest_write(vm, at + head, (u8 *)&page + head, sizeof(page) - head))
		return 1;
	smp_wmb();	/* likewise */
	return guest_write(vm, at, &page, head) ? 1 : 0;
}

static int hyperv_write_reference_tsc(struct vcpu *v, const struct msr_data *m)
{
	if ((m->data & HV_X64_MSR_TSC_REFERENCE_ENABLE) &&
	    hyperv_write_tsc_page(v, m->data) && !m->host)
		return 1;
	WRITE_ONCE(v->vm->arch.hv_reference_tsc, m->data);
	return 0;
}

void hyperv_clock_changed(struct vcpu *v)
{
	struct vm *vm = v->vm;

	if (!(READ_ONCE(vm->arch.hv_reference_tsc) &
	      HV_X64_MSR_TSC_REFERENCE_ENABLE))
		return;
	mutex_lock(&vm->lock);
	/* a page that has gone is the guest's loss */
	hyperv_write_tsc_page(v, vm->arch.hv_reference_tsc);
	mutex_unlock(&vm->lock);
}

int hyperv_msr_write(struct vcpu *v, struct msr_data *m)
{
	struct vm *vm = v->vm;
	int ret = 1;

	if (!m->host && !hyperv_visible(v))
		return 1;
	mutex_lock(&vm->lock);
	switch (m->index) {
	case HV_X64_MSR_GUEST_OS_ID:
		WRITE_ONCE(vm->arch.hv_os_id, m->data);
		if (!m->data && !m->host)
			WRITE_ONCE(vm->arch.hv_hypercall, vm->arch.hv_hypercall &
				   ~(u64)HV_X64_MSR_HYPERCALL_ENABLE);
		ret = 0;
		break;
	case HV_X64_MSR_HYPERCALL:
		ret = hyperv_write_hypercall(vm, m);
		break;
	case HV_X64_MSR_REFERENCE_TSC:
		ret = hyperv_write_reference_tsc(v, m);
		break;
	case HYPERV_VP_INDEX_MSR:
		if (!m->host || m->data >= XKVM_MAX_VCPUS)
			break;
		v->arch.hv_vp_index = m->data;
		ret = 0;
		break;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

/* @input: code, flags, count of a rep; @param: address, or a fast value. */
static u64 hyperv_call(u64 input, u64 param)
{
	if ((u16)input != HVCALL_SIGNAL_EVENT)
		return HV_STATUS_INVALID_HYPERCALL_CODE;
	if (input & HV_HYPERCALL_REP_COMP_MASK)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (!(input & HV_HYPERCALL_FAST_BIT) && (param & 7))
		return HV_STATUS_INVALID_ALIGNMENT;
	/* nothing makes a connection */
	return HV_STATUS_INVALID_CONNECTION_ID;
}

int hyperv_hypercall(struct vcpu *v)
{
	unsigned long *g = v->arch.regs;
	u64 result;

	if (x86_cpl(v) || !(state_cr0(v) & X86_CR0_PE)) {
		x86_queue_exception(v, X86_TRAP_UD);
		return 1;
	}
	if (is_64bit_code(v)) {
		g[VREG_RAX] = hyperv_call(g[VREG_RCX], g[VREG_RDX]);
	} else {
		result = hyperv_call((u64)(u32)g[VREG_RDX] << 32 |
				     (u32)g[VREG_RAX],
				     (u64)(u32)g[VREG_RBX] << 32 |
				     (u32)g[VREG_RCX]);
		g[VREG_RDX] = result >> 32;
		g[VREG_RAX] = (u32)result;
	}
	return exit_skip(v);
}

int hyperv_get_cpuid(struct kvm_cpuid2 __user *arg)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS,
		  .eax = HYPERV_CPUID_IMPLEMENT_LIMITS,
		  .ebx = 0x7263694d, .ecx = 0x666f736f, .edx = 0x76482074 },
		{ .function = HYPERV_CPUID_INTERFACE,
		  .eax = HYPERV_INTERFACE },
		{ .function = HYPERV_CPUID_VERSION },
		{ .function = HYPERV_CPUID_FEATURES,
		  .eax = HV_MSR_HYPERCALL_AVAILABLE |
			 HV_MSR_VP_INDEX_AVAILABLE |
			 HV_MSR_TIME_REF_COUNT_AVAILABLE |
			 HV_MSR_REFERENCE_TSC_AVAILABLE,
		  .ebx = HV_SIGNAL_EVENTS },
		{ .function = HYPERV_CPUID_ENLIGHTMENT_INFO },
		{ .function = HYPERV_CPUID_IMPLEMENT_LIMITS,
		  .eax = XKVM_MAX_VCPUS },
	};
	u32 nent;

	if (get_user(nent, &arg->nent))
		return -EFAULT;
	if (nent < ARRAY_SIZE(leaves))
		return -E2BIG;
	if (copy_to_user(arg->entries, leaves, sizeof(leaves)) ||
	    put_user((u32)ARRAY_SIZE(leaves), &arg->nent))
		return -EFAULT;
	return 0;
}
