// SPDX-License-Identifier: GPL-2.0-only
/*
 * The architecture's side of VM and vCPU lifetimes, capabilities and a VM's
 * ioctls.  A vCPU's are in ioctl_vcpu.c.
 */
#include <linux/capability.h>
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
#include "lapic_regs.h"
#include "mce.h"
#include "mitigate.h"
#include "msr_filter.h"
#include "vmx.h"

/* What of KVM's departures from hardware can be switched off. */
#define X86_QUIRKS	((u64)(KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS |	\
			       KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))

/* Exits that a VM can be without: those of vCPUs that spin with PAUSE. */
#define X86_DISABLE_EXITS KVM_X86_DISABLE_EXITS_PAUSE

int arch_vm_init(struct vm *vm, unsigned long type)
{
	if (type)
		return -EINVAL;
	vm->arch.tsc_khz = tsc_khz;
	vm->arch.mitigate_id = mitigate_new_vm();
	vm->arch.clock_offset = -clock_ns();
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
	hyperv_vcpu_init(v);
	if (!zalloc_cpumask_var(&v->arch.wbinvd_cpus, GFP_KERNEL_ACCOUNT))
		return -ENOMEM;
	v->arch.apic_base = APIC_DEFAULT_BASE | MSR_IA32_APICBASE_ENABLE |
			    (v->id == vm->bsp_id ? MSR_IA32_APICBASE_BSP : 0);
	v->arch.mp_state = KVM_MP_STATE_RUNNABLE;
	ret = vmcs_vcpu_init(v);
	if (ret)
		goto err_cpus;
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
err_cpus:
	free_cpumask_var(v->arch.wbinvd_cpus);
	return ret;
}

void arch_vcpu_exit(struct vcpu *v)
{
	lapic_destroy(v);
	mmio_vcpu_exit(v);
	cpuid_free(v);
	fpu_vcpu_exit(v);
	vmcs_vcpu_exit(v);
	free_cpumask_var(v->arch.wbinvd_cpus);
}

void arch_vcpu_online(struct vcpu *v)
{
	if (v->arch.lapic)
		lapic_map_update(v->vm);
}

void arch_vcpu_load(struct vcpu *v, int cpu)
{
	if (!vmcs_is_loaded(v, cpu))
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
	return x86_nmi_wakes(v) || a->exc.pending ||
	       xen_pending_events(v) || xen_pending_timer(v) ||
	       (a->lapic && lapic_timer_expired(v)) || x86_interrupt_wakes(v);
}

/* What user space reads in kvm_run besides the exit itself. */
static void x86_fill_run(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	run->if_flag = !!(reg_read(v, VREG_RFLAGS) & X86_EFLAGS_IF);
	if (v->arch.lapic) {
		run->cr8 = lapic_reg_get(v->arch.lapic->regs, LAPIC_TPR) >> 4 &
			   0xf;
		run->apic_base = v->arch.lapic->base;
	} else {
		run->apic_base = v->arch.apic_base;
	}
	run->ready_for_interrupt_injection =
		v->vm->arch.irqchip_kernel ||
		(run->if_flag && v->arch.user_vector < 0 &&
		 x86_takes_user_irq(v) && inject_interrupt_allowed(v) &&
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
	ret = READ_ONCE(v->run->kvm_dirty_regs) ? regs_sync_in(v) : 0;
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
	if (READ_ONCE(v->run->kvm_valid_regs))
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
	case KVM_CAP_HLT:
	case KVM_CAP_MMU_SHADOW_CACHE_CONTROL:
	case KVM_CAP_DISABLE_QUIRKS:
	case KVM_CAP_IOAPIC_POLARITY_IGNORED:
	case KVM_CAP_HYPERV:
	case KVM_CAP_HYPERV_TIME:
	case KVM_CAP_HYPERV_VP_INDEX:
	case KVM_CAP_HYPERV_CPUID:
	case KVM_CAP_SYS_HYPERV_CPUID:
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
		return fpu_xsave_bytes();
	case KVM_CAP_TSC_CONTROL:
	case KVM_CAP_VM_TSC_CONTROL:
		return tsc_scaling();
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
		/* its guest may empty caches of CPUs: an assigned device's can */
		if (cap->args[0] && !capable(CAP_SYS_ADMIN)) {
			ret = -EPERM;
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
		else if (cap->args[0] & KVM_X86_DISABLE_EXITS_PAUSE)
			vm->arch.pause_no_exits = true;
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
	case KVM_CAP_DISABLE_QUIRKS:
		vm->arch.disabled_quirks = cap->args[0] & X86_QUIRKS;
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
	case KVM_SET_TSC_KHZ:
		return tsc_set_vm_khz(vm, arg);
	case KVM_GET_TSC_KHZ:
		return READ_ONCE(vm->arch.tsc_khz);
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
