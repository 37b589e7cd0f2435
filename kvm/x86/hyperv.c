// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall interface of Hyper-V: what a guest needs that was given its
 * CPUID leaves beside Xen's, as Windows guests are.  Owns hv_os_id and
 * hv_hypercall of struct arch_vm, written under vm->lock.
 *
 * Discovery, the page of hypercalls, HvCallSignalEvent; no synthetic timers,
 * interrupts or clocks, and CPUID says so.
 * Source: Hypervisor Top Level Functional Specification, 2 to 4.
 */
#include <linux/uaccess.h>
#include <asm/hyperv-tlfs.h>
#include <asm/trapnr.h>

#include "hyperv.h"
#include "vmx.h"

#define HYPERV_VP_INDEX_MSR	0x40000002	/* named since 6.2 */
#define HYPERV_INTERFACE	0x31237648	/* "Hv#1" */

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
		m->data = v->index;
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
		  .eax = HV_MSR_HYPERCALL_AVAILABLE | HV_MSR_VP_INDEX_AVAILABLE,
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
