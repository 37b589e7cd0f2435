// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen's CPUID leaf with the TSC (base + 3), kept true; x86 only.
 *
 * User space supplies the Xen leaves; it cannot know the rate the kernel gives
 * the pvclock.  Sub-leaf 1 ECX and EDX are its multiplier and shift, sub-leaf 2
 * EAX the TSC's frequency in kHz; KVM fills in the same three since 6.1.
 * Source: <asm/xen/cpuid.h>.  vCPU thread, or vcpu->mutex.
 */
#include <linux/kvm.h>
#include <asm/xen/cpuid.h>

#include "internal.h"

/* Hypervisor leaves start at a multiple of 0x100 below this. */
#define CPUID_HYPERVISOR_END	0x40010000u

/* The first leaf of Xen's, or 0. */
static u32 cpuid_xen_base(const struct vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e = vcpu->arch.cpuid;
	unsigned int i;

	for (i = 0; i < vcpu->arch.nr_cpuid; i++, e++)
		if (e->function >= XEN_CPUID_FIRST_LEAF &&
		    e->function < CPUID_HYPERVISOR_END &&
		    !(e->function & 0xff) &&
		    e->ebx == XEN_CPUID_SIGNATURE_EBX &&
		    e->ecx == XEN_CPUID_SIGNATURE_ECX &&
		    e->edx == XEN_CPUID_SIGNATURE_EDX)
			return e->function;
	return 0;
}

static void cpuid_write_tsc(struct vcpu *vcpu)
{
	const struct xen_vcpu *x = &vcpu->xen;
	struct kvm_cpuid_entry2 *e = vcpu->arch.cpuid;
	u32 base = cpuid_xen_base(vcpu);
	unsigned int i;

	if (!base)
		return;
	for (i = 0; i < vcpu->arch.nr_cpuid; i++, e++) {
		if (e->function != base + 3)
			continue;
		if (e->index == 1) {
			e->ecx = x->tsc_mul;
			e->edx = (s32)x->tsc_shift;
		} else if (e->index == 2) {
			e->eax = vcpu->arch.tsc_khz;
		}
	}
}

void cpuid_set_tsc(struct vcpu *vcpu, u32 mul, s8 shift)
{
	struct xen_vcpu *x = &vcpu->xen;

	if (x->tsc_mul == mul && x->tsc_shift == shift)
		return;
	x->tsc_mul = mul;
	x->tsc_shift = shift;
	cpuid_write_tsc(vcpu);
}

void xen_after_set_cpuid(struct vcpu *vcpu)
{
	struct pvclock_params p;

	if (!cpuid_xen_base(vcpu))
		return;
	arch_pvclock_params(vcpu, &p);
	vcpu->xen.tsc_mul = p.mul;
	vcpu->xen.tsc_shift = p.shift;
	cpuid_write_tsc(vcpu);
}
