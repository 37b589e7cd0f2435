// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the CPUID leaves: what the node supports, less what the guest must not
 * see, with every vCPU one core of one package, and Xen's leaves of
 * <xen/arch-x86/cpuid.h>.
 */
#include "cpuid.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../vcpu.h"
#include "../vm_priv.h"
#include "../xen/abi.h"
#include "cpu.h"

#define CPUID_MAX_ENTRIES	256
#define CPUID_ADDED		12	/* topology and Xen, at most */

#define VENDOR_INTEL_EBX	0x756e6547u	/* "Genu" */

#define LEAF1_ECX_MONITOR	(1u << 3)
#define LEAF1_ECX_VMX		(1u << 5)
#define LEAF1_ECX_X2APIC	(1u << 21)
#define LEAF1_ECX_TSC_DEADLINE	(1u << 24)
#define LEAF1_ECX_HYPERVISOR	(1u << 31)
#define LEAF1_EDX_HTT		(1u << 28)

static bool cpuid_hidden(const struct kvm_cpuid_entry2 *e)
{
	switch (e->function) {
	case 0x5:		/* MONITOR is not offered */
	case 0xa:		/* no PMU, as Xen's default */
	case 0xb:		/* topology: made for each vCPU */
	case 0x1f:
	case 0x16:		/* frequencies: made for each vCPU */
		return true;
	}
	return e->function >= 0x40000000 && e->function < 0x50000000;
}

static void cpuid_filter(struct vm *vm, struct kvm_cpuid2 *c)
{
	uint32_t i, n = 0;

	for (i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (cpuid_hidden(e))
			continue;
		if (e->function == 1) {
			e->ecx &= ~(LEAF1_ECX_VMX | LEAF1_ECX_MONITOR);
			e->ecx |= LEAF1_ECX_HYPERVISOR | LEAF1_ECX_X2APIC;
			if (ioctl(vm->node_fd, KVM_CHECK_EXTENSION,
				  KVM_CAP_TSC_DEADLINE_TIMER) > 0)
				e->ecx |= LEAF1_ECX_TSC_DEADLINE;
		}
		c->entries[n++] = *e;
	}
	c->nent = n;
}

int cpu_query(struct vm *vm)
{
	struct kvm_cpuid2 *c;

	c = calloc(1, sizeof(*c) + CPUID_MAX_ENTRIES * sizeof(c->entries[0]));
	if (!c)
		return -ENOMEM;
	c->nent = CPUID_MAX_ENTRIES - CPUID_ADDED;
	if (ioctl(vm->node_fd, KVM_GET_SUPPORTED_CPUID, c)) {
		free(c);
		return -errno;
	}
	cpuid_filter(vm, c);
	vm->cpuid = c;
	return 0;
}

/* Bits that hold @n values. */
static unsigned int cpuid_order(unsigned int n)
{
	return n > 1 ? 32 - __builtin_clz(n - 1) : 0;
}

static void cpuid_add(struct kvm_cpuid2 *c, uint32_t function, int index,
		      uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	c->entries[c->nent++] = (struct kvm_cpuid_entry2) {
		.function	= function,
		.index		= index < 0 ? 0 : index,
		.flags		= index < 0 ? 0 : KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx,
	};
}

static void cpuid_patch(struct kvm_cpuid_entry2 *e, const struct vcpu *v)
{
	unsigned int n = v->vm->nr_vcpus, order = cpuid_order(n);
	unsigned int sharing;

	switch (e->function) {
	case 1:
		e->ebx = (e->ebx & 0xffff) | v->id << 24 | (1u << order) << 16;
		e->edx &= ~LEAF1_EDX_HTT;
		if (n > 1)
			e->edx |= LEAF1_EDX_HTT;
		break;
	case 4:		/* caches: the last level is the package's */
		if (!(e->eax & 0x1f))
			break;
		sharing = (e->eax >> 5 & 7) >= 3 ? (1u << order) - 1 : 0;
		e->eax = (e->eax & 0x3fff) | sharing << 14 |
			 (((1u << order) - 1) & 0x3f) << 26;
		break;
	case 0x80000008:
		e->ecx = n > 1 ? order << 12 | (n - 1) : 0;
		break;
	case 0x8000001e:
		e->eax = v->id;
		e->ebx = v->id & 0xff;
		e->ecx = 0;
		break;
	}
}

/*
 * The base frequency, as Intel's CPUs tell it.  A guest that does not learn it
 * here measures it against a timer chip nobody has, exit by exit.
 */
static void cpuid_add_frequency(struct kvm_cpuid2 *c, uint32_t khz)
{
	uint32_t i;

	for (i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function || e->ebx != VENDOR_INTEL_EBX || khz < 1000)
			continue;
		if (e->eax < 0x16)
			e->eax = 0x16;
		cpuid_add(c, 0x16, -1, (khz + 500) / 1000, (khz + 500) / 1000,
			  100, 0);
		return;
	}
}

static void cpuid_add_topology(struct kvm_cpuid2 *c, const struct vcpu *v)
{
	unsigned int n = v->vm->nr_vcpus;

	cpuid_add(c, 0xb, 0, 0, 1, 0x100, v->id);
	cpuid_add(c, 0xb, 1, cpuid_order(n), n, 0x201, v->id);
	cpuid_add(c, 0xb, 2, 0, 0, 2, v->id);
}

/*
 * How ticks of @khz become nanoseconds, as pvclock puts it:
 * ns = ((ticks << shift) * mul) >> 32, with mul as large as 32 bits allow.
 */
static void cpuid_tsc_scale(uint32_t khz, uint32_t *mul, int *shift)
{
	uint64_t ns = 1000000, ticks = khz;	/* of a millisecond */

	*shift = 0;
	while (ticks > 2 * ns) {
		ticks >>= 1;
		--*shift;
	}
	while (ticks <= ns) {
		ticks <<= 1;
		++*shift;
	}
	*mul = (ns << 32) / ticks;
}

static void cpuid_add_xen(struct kvm_cpuid2 *c, const struct vcpu *v,
			  uint32_t tsc_khz)
{
	uint32_t mul = 0;
	int shift = 0;

	if (tsc_khz)
		cpuid_tsc_scale(tsc_khz, &mul, &shift);
	cpuid_add(c, XEN_CPUID_LEAF(0), -1, XEN_CPUID_LEAF(4),
		  XEN_CPUID_SIGNATURE_EBX, XEN_CPUID_SIGNATURE_ECX,
		  XEN_CPUID_SIGNATURE_EDX);
	cpuid_add(c, XEN_CPUID_LEAF(1), -1, XEN_ABI_VERSION, 0, 0, 0);
	cpuid_add(c, XEN_CPUID_LEAF(2), -1, 1, XEN_ABI_HYPERCALL_MSR, 0, 0);
	/* Sub-leaves 1 and 2 are kept true by the kernel from here on. */
	cpuid_add(c, XEN_CPUID_LEAF(3), 0, 0, 0, tsc_khz, 0);
	cpuid_add(c, XEN_CPUID_LEAF(3), 1, 0, 0, mul, shift);
	cpuid_add(c, XEN_CPUID_LEAF(3), 2, tsc_khz, 0, 0, 0);
	cpuid_add(c, XEN_CPUID_LEAF(4), 0, XEN_HVM_CPUID_VCPU_ID_PRESENT |
		  XEN_HVM_CPUID_DOMID_PRESENT, v->id, v->vm->domid, 0);
}

int cpuid_load(struct vcpu *v)
{
	const struct kvm_cpuid2 *from = v->vm->cpuid;
	int khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0);
	struct kvm_cpuid2 *c;
	int err = 0;
	uint32_t i;

	c = malloc(sizeof(*c) +
		   (from->nent + CPUID_ADDED) * sizeof(c->entries[0]));
	if (!c)
		return -ENOMEM;
	memcpy(c, from, sizeof(*c) + from->nent * sizeof(c->entries[0]));
	for (i = 0; i < c->nent; i++)
		cpuid_patch(&c->entries[i], v);
	cpuid_add_topology(c, v);
	if (khz > 0)
		cpuid_add_frequency(c, khz);
	cpuid_add_xen(c, v, khz > 0 ? khz : 0);
	if (ioctl(v->fd, KVM_SET_CPUID2, c))
		err = -errno;
	free(c);
	return err;
}
