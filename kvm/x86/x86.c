// SPDX-License-Identifier: GPL-2.0-only
/*
 * The architecture's side of VM and vCPU lifetimes and of the ioctls: every
 * ioctl that common code does not know is here, one function each.
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

/* What of KVM's departures from hardware can be switched off. */
#define X86_QUIRKS	((u64)(KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS |	\
			       KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))

/* Exits that a VM can be without: of PAUSE there are none in the first place. */
#define X86_DISABLE_EXITS KVM_X86_DISABLE_EXITS_PAUSE

int arch_vm_init(struct vm *vm, unsigned long type)
{
	if (type)
		return -EINVAL;
	vm->arch.tsc_khz = tsc_khz;
	vm->arch.clock_offset = -ktime_get_boottime_ns();
	mutex_init(&vm->arch.lapic_map_lock);
	return ept_vm_init(vm);
}

void arch_vm_stop(struct vm *vm)
{
	irqchip_stop(vm);
}

void arch_vm_exit(struct vm *vm)
{
	irqchip_free(vm);
	lapic_map_free(vm);
	msr_filter_exit(vm);
	ept_vm_exit(vm);
}

int arch_vcpu_init(struct vcpu *v)
{
	struct arch_vm *vm = &v->vm->arch;
	int ret;

	if (vm->max_vcpu_id && v->id >= vm->max_vcpu_id)
		return -EINVAL;

	v->arch.user_vector = -1;
	v->arch.xcr0 = XFEATURE_MASK_FP;
	cpuid_vcpu_init(v);
	v->arch.apic_base = APIC_DEFAULT_BASE | MSR_IA32_APICBASE_ENABLE |
			    (v->id == vm->bsp_id ? MSR_IA32_APICBASE_BSP : 0);
	v->arch.mp_state = KVM_MP_STATE_RUNNABLE;
	ret = vmcs_vcpu_init(v);
	if (ret)
		return ret;
	ret = fpu_vcpu_init(v);
	if (ret)
		goto err_vmcs;
	if (vm->irqchip_split || vm->irqchip_kernel) {
		apic_page_vm_init(v->vm);
		ret = lapic_create(v);
		if (ret)
			goto err_fpu;
		if (v->id != vm->bsp_id)
			v->arch.mp_state = KVM_MP_STATE_UNINITIALIZED;
	}
	preempt_disable();
	arch_vcpu_load(v, smp_processor_id());
	vcpu_reset(v, false);
	tsc_vcpu_init(v);
	arch_vcpu_put(v);
	preempt_enable();
	return 0;

err_fpu:
	fpu_vcpu_exit(v);
err_vmcs:
	vmcs_vcpu_exit(v);
	return ret;
}

void arch_vcpu_exit(struct vcpu *v)
{
	lapic_destroy(v);
	mmio_vcpu_exit(v);
	cpuid_free(v);
	fpu_vcpu_exit(v);
	vmcs_vcpu_exit(v);
}

void arch_vcpu_online(struct vcpu *v)
{
	if (v->arch.lapic)
		lapic_map_update(v->vm);
}

void arch_vcpu_load(struct vcpu *v, int cpu)
{
	vmcs_load(v, cpu);
}

void arch_vcpu_put(struct vcpu *v)
{
	run_guest_put(v);
}

/* HLT waits for an interrupt that the guest takes, SCHEDOP_block for any. */
static bool x86_interrupt_wakes(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;

	if (!(a->user_vector >= 0 && x86_takes_user_irq(v)) &&
	    !irqchip_wants(v) && !xen_has_interrupt(v) && !(a->lapic && lapic_has_interrupt(v)))
		return false;
	return a->blocked || reg_read(v, VREG_RFLAGS) & X86_EFLAGS_IF;
}

bool arch_vcpu_runnable(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;

	if (a->lapic && lapic_has_events(v))
		return true;
	if (READ_ONCE(a->mp_state) == KVM_MP_STATE_RUNNABLE)
		return true;
	if (READ_ONCE(a->mp_state) != KVM_MP_STATE_HALTED)
		return false;
	return atomic_read(&a->nmi_pending) || a->exc.pending ||
	       xen_pending_events(v) || xen_pending_timer(v) ||
	       (a->lapic && lapic_timer_expired(v)) || x86_interrupt_wakes(v);
}

/* What user space reads in kvm_run besides the exit itself. */
static void x86_fill_run(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	run->if_flag = !!(reg_read(v, VREG_RFLAGS) & X86_EFLAGS_IF);
	if (v->arch.lapic) {
		run->cr8 = lapic_get_cr8(v);
		run->apic_base = lapic_get_base(v);
	} else {
		run->apic_base = v->arch.apic_base;
	}
	run->ready_for_interrupt_injection =
		v->vm->arch.irqchip_kernel ||
		(v->arch.user_vector < 0 && x86_takes_user_irq(v) &&
		 inject_interrupt_allowed(v) &&
		 !v->arch.exc.pending && !v->arch.intr.injected);
}

static int x86_finish_pending(struct vcpu *v)
{
	int (*complete)(struct vcpu *v) = v->complete;

	if (!complete)
		return 1;
	v->complete = NULL;
	return complete(v);
}

int arch_vcpu_run(struct vcpu *v)
{
	int ret;

	if (READ_ONCE(v->run->kvm_valid_regs) & ~KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	v->run->flags = 0;
	fpu_load_guest(v);
	ret = regs_sync_in(v);
	if (ret)
		goto out;
	if (!v->arch.lapic && x86_set_cr8(v, v->run->cr8)) {
		ret = -EINVAL;
		goto out;
	}
	ret = x86_finish_pending(v);
	if (ret <= 0)
		goto out;
	/* only completes what was pending: the exit of before still stands */
	if (READ_ONCE(v->run->immediate_exit__unsafe)) {
		ret = -EINTR;
		goto out;
	}
	ret = signal_pending(current) ? -EINTR : run_vcpu(v);
	if (ret == -EINTR) {
		v->run->exit_reason = KVM_EXIT_INTR;
		v->stat.signal_exits++;
	}
out:
	trace_xkvm_userspace_exit(v->id, v->run->exit_reason, ret);
	regs_sync_out(v);
	x86_fill_run(v);
	fpu_put_guest(v);
	return ret;
}

int arch_check_extension(struct vm *vm, long ext)
{
	switch (ext) {
	case KVM_CAP_EXT_CPUID:
	case KVM_CAP_USER_NMI:
	case KVM_CAP_VCPU_EVENTS:
	case KVM_CAP_DEBUGREGS:
	case KVM_CAP_XSAVE:
	case KVM_CAP_GET_TSC_KHZ:
	case KVM_CAP_TSC_DEADLINE_TIMER:
	case KVM_CAP_SET_BOOT_CPU_ID:
	case KVM_CAP_SPLIT_IRQCHIP:
	case KVM_CAP_GET_MSR_FEATURES:
	case KVM_CAP_EXCEPTION_PAYLOAD:
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
	case KVM_CAP_SET_TSS_ADDR:
	case KVM_CAP_SET_IDENTITY_MAP_ADDR:
	case KVM_CAP_NOP_IO_DELAY:
	case XKVM_CAP_NONCOHERENT_DMA:
	case KVM_CAP_IRQ_INJECT_STATUS:
	case KVM_CAP_X86_USER_SPACE_MSR:
	case KVM_CAP_X86_MSR_FILTER:
	case KVM_CAP_SET_GUEST_DEBUG:
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
	case KVM_CAP_LAST_CPU:
	case KVM_CAP_MSR_PLATFORM_INFO:
	case KVM_CAP_VCPU_ATTRIBUTES:
	case KVM_CAP_X86_ROBUST_SINGLESTEP:
	case KVM_CAP_IRQCHIP:
	case KVM_CAP_IRQFD_RESAMPLE:
	case KVM_CAP_PIT:
	case KVM_CAP_PIT2:
	case KVM_CAP_PIT_STATE2:
	case KVM_CAP_REINJECT_CONTROL:
		return 1;
	case KVM_CAP_X86_DISABLE_EXITS:
		return X86_DISABLE_EXITS;
	case KVM_CAP_SET_GUEST_DEBUG2:
		return DEBUG_CONTROLS;
	case KVM_CAP_XCRS:
		return boot_cpu_has(X86_FEATURE_XSAVE);
	case KVM_CAP_MCE:
		return MCE_BANKS;
	case KVM_CAP_SYNC_REGS:
		return KVM_SYNC_X86_VALID_FIELDS;
	case KVM_CAP_DISABLE_QUIRKS2:
		return X86_QUIRKS;
	case KVM_CAP_X2APIC_API:
		return KVM_X2APIC_API_USE_32BIT_IDS |
		       KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
	case KVM_CAP_ADJUST_CLOCK:
		return KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC |
		       KVM_CLOCK_TSC_STABLE;
	case KVM_CAP_XSAVE2:
		return max_t(unsigned int, fpu_xsave_size(),
			     sizeof(struct kvm_xsave));
	case KVM_CAP_VM_TSC_CONTROL:
	default:
		return 0;
	}
}

long arch_system_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;

	switch (cmd) {
	case KVM_X86_GET_MCE_CAP_SUPPORTED:
		return put_user(mce_supported(), (u64 __user *)p);
	case KVM_GET_SUPPORTED_CPUID:
		return cpuid_get_supported(p);
	case KVM_GET_SUPPORTED_HV_CPUID:
		return hyperv_get_cpuid(p);
	case KVM_GET_MSR_INDEX_LIST:
		return msr_get_index_list(p);
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
		return msr_get_feature_list(p);
	case KVM_GET_MSRS:
		return msr_feature_ioctl(p);
	default:
		return -EINVAL;
	}
}

/* Once; the same again is accepted. */
static int x86_limit_vcpu_ids(struct vm *vm, u64 limit)
{
	if (!limit || limit > XKVM_MAX_VCPU_ID ||
	    (vm->arch.max_vcpu_id && vm->arch.max_vcpu_id != limit))
		return -EINVAL;
	vm->arch.max_vcpu_id = limit;
	return 0;
}

int arch_vm_enable_cap(struct vm *vm, const struct kvm_enable_cap *cap)
{
	int ret = 0;

	mutex_lock(&vm->lock);
	switch (cap->cap) {
	case KVM_CAP_SPLIT_IRQCHIP:
		if (cap->args[0] > ROUTING_MAX)
			ret = -EINVAL;
		else if (vm->arch.irqchip_split || vm->arch.irqchip_kernel ||
			 vm->nr_vcpus)
			ret = -EEXIST;
		if (ret)
			break;
		vm->arch.split_pins = cap->args[0];
		vm->arch.irqchip_split = true;
		apic_page_vm_init(vm);
		break;
	case KVM_CAP_X2APIC_API:
		if (cap->args[0] & ~(u64)(KVM_X2APIC_API_USE_32BIT_IDS |
					  KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)) {
			ret = -EINVAL;
			break;
		}
		if (cap->args[0] & KVM_X2APIC_API_USE_32BIT_IDS)
			vm->arch.x2apic_ids32 = true;
		if (cap->args[0] & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
			vm->arch.x2apic_no_bcast_quirk = true;
		break;
	case XKVM_CAP_NONCOHERENT_DMA:
		if (cap->args[0] > 1) {
			ret = -EINVAL;
			break;
		}
		if (vm->arch.noncoherent_cap != cap->args[0])
			arch_noncoherent_dma(vm, cap->args[0] ? 1 : -1);
		vm->arch.noncoherent_cap = cap->args[0];
		break;
	case KVM_CAP_EXCEPTION_PAYLOAD:
		vm->arch.exception_payload = cap->args[0];
		break;
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		vm->arch.triple_fault_event = cap->args[0];
		break;
	case KVM_CAP_X86_DISABLE_EXITS:
		if (cap->args[0] & ~(u64)X86_DISABLE_EXITS)
			ret = -EINVAL;
		break;
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
		if (cap->args[0] & ~1ull)
			ret = -EINVAL;
		else
			vm->arch.exit_on_emulation_failure = cap->args[0];
		break;
	case KVM_CAP_X86_USER_SPACE_MSR:
		if (cap->args[0] & ~(u64)(KVM_MSR_EXIT_REASON_INVAL |
					  KVM_MSR_EXIT_REASON_UNKNOWN |
					  KVM_MSR_EXIT_REASON_FILTER))
			ret = -EINVAL;
		else
			vm->arch.user_msr_mask = cap->args[0];
		break;
	case KVM_CAP_MSR_PLATFORM_INFO:
		vm->arch.platform_info_hidden = !cap->args[0];
		break;
	case KVM_CAP_DISABLE_QUIRKS2:
		if (cap->args[0] & ~X86_QUIRKS)
			ret = -EINVAL;
		else
			vm->arch.disabled_quirks = cap->args[0];
		break;
	case KVM_CAP_MAX_VCPU_ID:
		ret = x86_limit_vcpu_ids(vm, cap->args[0]);
		break;
	default:
		ret = -EINVAL;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static int x86_set_bsp(struct vm *vm, unsigned long id)
{
	int ret = -EBUSY;

	mutex_lock(&vm->lock);
	if (!vm->nr_vcpus) {
		vm->arch.bsp_id = id;
		ret = 0;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static int x86_get_clock(struct vm *vm, void __user *p)
{
	struct kvm_clock_data d;

	tsc_get_clock(vm, &d);
	return copy_to_user(p, &d, sizeof(d)) ? -EFAULT : 0;
}

static int x86_set_clock(struct vm *vm, void __user *p)
{
	struct kvm_clock_data d;

	if (copy_from_user(&d, p, sizeof(d)))
		return -EFAULT;
	return tsc_set_clock(vm, &d);
}

/* These pages are for CPUs without unrestricted guest: accepted, not needed. */
static int x86_set_identity_map(void __user *p)
{
	u64 addr;

	return copy_from_user(&addr, p, sizeof(addr)) ? -EFAULT : 0;
}

/*
 * A limit on shadow page tables, of which there are none: taken, checked and
 * given back as KVM does where the CPU has second-stage tables.
 */
static int x86_set_mmu_pages(struct vm *vm, unsigned long n)
{
	if (n < 64 || n > INT_MAX)
		return -EINVAL;
	WRITE_ONCE(vm->arch.mmu_pages, n);
	return 0;
}

long arch_vm_ioctl(struct vm *vm, unsigned int cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;

	switch (cmd) {
	case KVM_X86_SET_MSR_FILTER:
		return msr_filter_ioctl(vm, p);
	case KVM_SET_BOOT_CPU_ID:
		return x86_set_bsp(vm, arg);
	case KVM_GET_CLOCK:
		return x86_get_clock(vm, p);
	case KVM_SET_CLOCK:
		return x86_set_clock(vm, p);
	case KVM_SET_TSS_ADDR:
		return arg > 0xfffbd000ul ? -EINVAL : 0;
	case KVM_SET_IDENTITY_MAP_ADDR:
		return x86_set_identity_map(p);
	case KVM_SET_NR_MMU_PAGES:
		return x86_set_mmu_pages(vm, arg);
	case KVM_GET_NR_MMU_PAGES:
		return READ_ONCE(vm->arch.mmu_pages);
	default:
		return irqchip_ioctl(vm, cmd, arg);
	}
}

#ifdef CONFIG_COMPAT
long arch_vm_compat_ioctl(struct vm *vm, unsigned int cmd, void __user *arg)
{
	return cmd == MSR_FILTER_COMPAT_IOCTL ?
		msr_filter_compat_ioctl(vm, arg) : -ENOIOCTLCMD;
}
#endif

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

/* --- what the Xen code needs of a vCPU -------------------------------------- */

void arch_xen_hcall_regs(struct vcpu *v, struct xen_hcall_regs *r)
{
	const unsigned long *g = v->arch.regs;

	r->longmode = is_64bit_code(v);
	r->cpl = x86_cpl(v);
	if (r->longmode) {
		r->nr = g[VREG_RAX];
		r->arg[0] = g[VREG_RDI];
		r->arg[1] = g[VREG_RSI];
		r->arg[2] = g[VREG_RDX];
		r->arg[3] = g[VREG_R10];
		r->arg[4] = g[VREG_R8];
		r->arg[5] = g[VREG_R9];
	} else {
		r->nr = (u32)g[VREG_RAX];
		r->arg[0] = (u32)g[VREG_RBX];
		r->arg[1] = (u32)g[VREG_RCX];
		r->arg[2] = (u32)g[VREG_RDX];
		r->arg[3] = (u32)g[VREG_RSI];
		r->arg[4] = (u32)g[VREG_RDI];
		r->arg[5] = (u32)g[VREG_RBP];
	}
}

void arch_xen_set_result(struct vcpu *v, u64 result, bool longmode)
{
	v->arch.regs[VREG_RAX] = longmode ? result : (u32)result;
}

int arch_xen_skip_hcall(struct vcpu *v)
{
	exit_skip(v);
	return 0;
}

unsigned long arch_vcpu_rip(struct vcpu *v)
{
	return reg_read(v, VREG_RIP);
}

int arch_xen_inject_vector(struct vcpu *v, u8 vector)
{
	return v->arch.lapic ? lapic_set_vector(v, vector) : -ENXIO;
}

/*
 * Entry n at n * 32: mov $n,%eax; vmcall; ret.  Entry 23 is HYPERVISOR_iret,
 * which HVM guests do not have: it stays a trap.
 */
void arch_xen_hypercall_page(struct vm *vm, u8 *page)
{
	unsigned int n;

	memset(page, 0xcc, PAGE_SIZE);
	for (n = 0; n < PAGE_SIZE / 32; n++) {
		u8 *e = page + n * 32;

		if (n == 23) {
			e[0] = 0x0f;	/* ud2 */
			e[1] = 0x0b;
			continue;
		}
		e[0] = 0xb8;
		memcpy(e + 1, &n, 4);
		e[5] = 0x0f;
		e[6] = 0x01;
		e[7] = 0xc1;
		e[8] = 0xc3;
	}
}
