// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's ioctls that common code does not know, one function each.  Under
 * vcpu->mutex, loaded.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>

#include "../arch.h"
#include "../routing.h"
#include "../trace.h"
#include "hyperv.h"
#include "irqchip.h"
#include "apic_page.h"
#include "debug.h"
#include "lapic.h"
#include "mce.h"
#include "msr_filter.h"
#include "vmx.h"

/* KVM_INTERRUPT: a vector from user space's interrupt controller. */
static int x86_interrupt(struct vcpu *v, void __user *p)
{
	struct kvm_interrupt irq;

	if (copy_from_user(&irq, p, sizeof(irq)))
		return -EFAULT;
	if (irq.irq >= KVM_NR_INTERRUPTS)
		return -EINVAL;
	if (v->vm->arch.irqchip_kernel)
		return -ENXIO;
	if (v->arch.user_vector >= 0)
		return -EEXIST;
	v->arch.user_vector = irq.irq;
	vcpu_request(v, REQ_EVENT);
	vcpu_wake(v);
	return 0;
}

static int x86_lapic_ioctl(struct vcpu *v, void __user *p, bool set)
{
	struct kvm_lapic_state *s;
	int ret;

	if (!v->arch.lapic)
		return -EINVAL;
	if (set) {
		s = memdup_user(p, sizeof(*s));
		if (IS_ERR(s))
			return PTR_ERR(s);
		ret = lapic_set_state(v, s);
	} else {
		s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
		if (!s)
			return -ENOMEM;
		ret = lapic_get_state(v, s);
		if (!ret && copy_to_user(p, s, sizeof(*s)))
			ret = -EFAULT;
	}
	kfree(s);
	return ret;
}

static int x86_xsave_ioctl(struct vcpu *v, void __user *p, bool set,
			   unsigned int size)
{
	void *buf;
	int ret;

	if (set) {
		buf = memdup_user(p, size);
		if (IS_ERR(buf))
			return PTR_ERR(buf);
		ret = fpu_set_xsave(v, buf, size);
	} else {
		buf = kzalloc(size, GFP_KERNEL_ACCOUNT);
		if (!buf)
			return -ENOMEM;
		ret = fpu_get_xsave(v, buf, size);
		if (!ret && copy_to_user(p, buf, size))
			ret = -EFAULT;
	}
	kfree(buf);
	return ret;
}

static int x86_translate(struct vcpu *v, void __user *p)
{
	struct kvm_translation t;
	u32 error;
	gpa_t gpa;
	int ret;

	if (copy_from_user(&t, p, sizeof(t)))
		return -EFAULT;
	ret = paging_translate(v, t.linear_address, PAGING_NO_AD, &gpa, &error);
	if (ret < 0)
		return ret;
	t.valid = !ret;
	t.physical_address = ret ? ~0ull : gpa;
	t.writeable = 1;
	t.usermode = 0;
	return copy_to_user(p, &t, sizeof(t)) ? -EFAULT : 0;
}

/* Fixed-size structures: copied in for the setters, out for the getters. */
#define X86_GETTER(name, type)						\
static int x86_get_##name(struct vcpu *v, void __user *p)		\
{									\
	struct type s;							\
	int ret = name##_get(v, &s);					\
									\
	if (!ret && copy_to_user(p, &s, sizeof(s)))			\
		ret = -EFAULT;						\
	return ret;							\
}
#define X86_SETTER(name, type)						\
static int x86_set_##name(struct vcpu *v, void __user *p)		\
{									\
	struct type s;							\
									\
	if (copy_from_user(&s, p, sizeof(s)))				\
		return -EFAULT;						\
	return name##_set(v, &s);					\
}
#define fpu_xcrs_get fpu_get_xcrs
#define fpu_xcrs_set fpu_set_xcrs
X86_GETTER(regs, kvm_regs)
X86_SETTER(regs, kvm_regs)
X86_GETTER(sregs, kvm_sregs)
X86_SETTER(sregs, kvm_sregs)
X86_GETTER(fpu, kvm_fpu)
X86_SETTER(fpu, kvm_fpu)
X86_GETTER(events, kvm_vcpu_events)
X86_SETTER(events, kvm_vcpu_events)
X86_GETTER(debugregs, kvm_debugregs)
X86_SETTER(debugregs, kvm_debugregs)
X86_SETTER(debug, kvm_guest_debug)
X86_GETTER(mpstate, kvm_mp_state)
X86_SETTER(mpstate, kvm_mp_state)
X86_GETTER(fpu_xcrs, kvm_xcrs)
X86_SETTER(fpu_xcrs, kvm_xcrs)

static int x86_vcpu_attr(struct vcpu *v, unsigned int cmd, void __user *p)
{
	struct kvm_device_attr a;

	if (copy_from_user(&a, p, sizeof(a)))
		return -EFAULT;
	switch (cmd) {
	case KVM_GET_DEVICE_ATTR:
		return tsc_get_attr(v, &a);
	case KVM_SET_DEVICE_ATTR:
		return tsc_set_attr(v, &a);
	default:
		return tsc_has_attr(&a);
	}
}

static int x86_setup_mce(struct vcpu *v, void __user *p)
{
	u64 mcg_cap;

	return get_user(mcg_cap, (u64 __user *)p) ?: mce_set_cap(v, mcg_cap);
}

/*
 * The page is for guests whose accesses to TPR were patched away; KVM_CAP_VAPIC
 * is not offered, so none are.  Clients switch it off all the same.
 */
static int x86_set_vapic(struct vcpu *v, void __user *p)
{
	struct kvm_vapic_addr va;

	if (copy_from_user(&va, p, sizeof(va)))
		return -EFAULT;
	return !v->arch.lapic || va.vapic_addr ? -EINVAL : 0;
}

static int x86_set_mce(struct vcpu *v, void __user *p)
{
	struct kvm_x86_mce m;

	return copy_from_user(&m, p, sizeof(m)) ? -EFAULT : mce_inject_error(v, &m);
}

static long x86_vcpu_ioctl(struct vcpu *v, unsigned int cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;

	switch (cmd) {
	case KVM_GET_REGS:
		return x86_get_regs(v, p);
	case KVM_SET_REGS:
		return x86_set_regs(v, p);
	case KVM_GET_SREGS:
		return x86_get_sregs(v, p);
	case KVM_SET_SREGS:
		return x86_set_sregs(v, p);
	case KVM_GET_FPU:
		return x86_get_fpu(v, p);
	case KVM_SET_FPU:
		return x86_set_fpu(v, p);
	case KVM_GET_XSAVE:
		return x86_xsave_ioctl(v, p, false, sizeof(struct kvm_xsave));
	case KVM_GET_XSAVE2:
		return x86_xsave_ioctl(v, p, false,
				       arch_check_extension(v->vm, KVM_CAP_XSAVE2));
	case KVM_SET_XSAVE:
		return x86_xsave_ioctl(v, p, true,
				       arch_check_extension(v->vm, KVM_CAP_XSAVE2));
	case KVM_GET_XCRS:
		return x86_get_fpu_xcrs(v, p);
	case KVM_SET_XCRS:
		return x86_set_fpu_xcrs(v, p);
	case KVM_GET_VCPU_EVENTS:
		return x86_get_events(v, p);
	case KVM_SET_VCPU_EVENTS:
		return x86_set_events(v, p);
	case KVM_GET_DEBUGREGS:
		return x86_get_debugregs(v, p);
	case KVM_SET_DEBUGREGS:
		return x86_set_debugregs(v, p);
	case KVM_GET_MP_STATE:
		return x86_get_mpstate(v, p);
	case KVM_SET_MP_STATE:
		return x86_set_mpstate(v, p);
	case KVM_SET_GUEST_DEBUG:
		return x86_set_debug(v, p);
	case KVM_GET_LAPIC:
		return x86_lapic_ioctl(v, p, false);
	case KVM_SET_LAPIC:
		return x86_lapic_ioctl(v, p, true);
	case KVM_GET_MSRS:
		return msr_ioctl(v, p, false);
	case KVM_SET_MSRS:
		return msr_ioctl(v, p, true);
	case KVM_SET_CPUID:
		return cpuid_set1(v, p);
	case KVM_SET_CPUID2:
		return cpuid_set(v, p);
	case KVM_GET_CPUID2:
		return cpuid_get(v, p);
	case KVM_GET_SUPPORTED_HV_CPUID:
		return hyperv_get_cpuid(p);
	case KVM_INTERRUPT:
		return x86_interrupt(v, p);
	case KVM_NMI:
		x86_inject_nmi(v);
		return 0;
	case KVM_TRANSLATE:
		return x86_translate(v, p);
	case KVM_SET_VAPIC_ADDR:
		return x86_set_vapic(v, p);
	case KVM_X86_SETUP_MCE:
		return x86_setup_mce(v, p);
	case KVM_X86_SET_MCE:
		return x86_set_mce(v, p);
	case KVM_HAS_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
		return x86_vcpu_attr(v, cmd, p);
	case KVM_SET_TSC_KHZ:
		return tsc_set_khz(v, arg);
	case KVM_GET_TSC_KHZ:
		return v->arch.tsc_khz;
	default:
		return -EINVAL;
	}
}

long arch_vcpu_ioctl(struct vcpu *v, unsigned int cmd, unsigned long arg)
{
	long ret;

	vcpu_load(v);
	ret = x86_vcpu_ioctl(v, cmd, arg);
	vcpu_put(v);
	return ret;
}
