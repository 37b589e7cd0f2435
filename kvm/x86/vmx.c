// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the CPU can do, and VMX operation on and off for each CPU.
 */
#include <linux/cpufeature.h>
#include <linux/dmi.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/perf_event.h>
#include <asm/cpu.h>
#include <asm/perf_event.h>
#include <asm/msr.h>
#include <asm/reboot.h>
#include <asm/tlbflush.h>

#include "../arch.h"
#include "../compat.h"
#include "apic_page.h"
#include "host.h"
#include "l1d.h"
#include "mitigate.h"
#include "vmx.h"

static bool apicv = true;
module_param(apicv, bool, 0444);
MODULE_PARM_DESC(apicv, "let the CPU deliver interrupts by itself, where it can (default: true)");

struct vmx_caps vmx_caps;
DEFINE_STATIC_KEY_FALSE(vmx_bochs);
static DEFINE_PER_CPU(struct vmcs_hdr *, vmx_region);
static DEFINE_PER_CPU(bool, vmx_on);
static DEFINE_MUTEX(vmx_emergency_lock);
static bool vmx_emergency_wanted;	/* vmx_emergency_lock: VMX is in use */
static bool vmx_emergency_registered;	/* vmx_emergency_lock */
static bool vmx_kvm_loaded;		/* vmx_emergency_lock: kvm_intel is there */

/* Controls: @want where the CPU allows it; -1 where it lacks one of @need. */
static int vmx_controls(u32 msr, u32 need, u32 want, u32 *out, u32 *min)
{
	u64 cap = native_read_msr(msr);
	u32 must = cap, may = cap >> 32;

	if (need & ~may)
		return -1;
	*out = ((need | want) & may) | must;
	if (min)
		*min = must;
	return 0;
}

/* Those of this CPU.  *@lack: what is missing. */
static int vmx_read_caps(struct vmx_caps *c, const char **lack)
{
	u64 basic = native_read_msr(MSR_IA32_VMX_BASIC);
	bool true_ctls = basic & BIT_ULL(55);
	u32 x;

	memset(c, 0, sizeof(*c));

	c->revision = basic & 0x7fffffff;
	*lack = "VM-execution controls of 2008 or later";
	if (vmx_controls(true_ctls ? MSR_IA32_VMX_TRUE_PINBASED_CTLS :
			 MSR_IA32_VMX_PINBASED_CTLS,
			 PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING |
			 PIN_BASED_VIRTUAL_NMIS, PIN_BASED_VMX_PREEMPTION_TIMER,
			 &c->pin, &c->pin_min) ||
	    vmx_controls(true_ctls ? MSR_IA32_VMX_TRUE_PROCBASED_CTLS :
			 MSR_IA32_VMX_PROCBASED_CTLS,
			 CPU_BASED_HLT_EXITING | CPU_BASED_MWAIT_EXITING |
			 CPU_BASED_MONITOR_EXITING | CPU_BASED_RDPMC_EXITING |
			 CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING |
			 CPU_BASED_MOV_DR_EXITING | CPU_BASED_UNCOND_IO_EXITING |
			 CPU_BASED_USE_MSR_BITMAPS | CPU_BASED_USE_TSC_OFFSETTING |
			 CPU_BASED_ACTIVATE_SECONDARY_CONTROLS,
			 CPU_BASED_TPR_SHADOW,
			 &c->proc, &c->proc_min))
		return -EOPNOTSUPP;
	if (!static_key_enabled(&vmx_bochs))
		c->pin &= ~PIN_BASED_VMX_PREEMPTION_TIMER;
	*lack = "EPT, VPID or unrestricted guest";
	if (vmx_controls(MSR_IA32_VMX_PROCBASED_CTLS2,
			 SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_ENABLE_VPID |
			 SECONDARY_EXEC_UNRESTRICTED_GUEST,
			 SECONDARY_EXEC_WBINVD_EXITING |
			 SECONDARY_EXEC_PAUSE_LOOP_EXITING |
			 SECONDARY_EXEC_ENABLE_RDTSCP |
			 SECONDARY_EXEC_ENABLE_INVPCID |
			 SECONDARY_EXEC_ENABLE_XSAVES | SECONDARY_EXEC_ENABLE_PML |
			 SECONDARY_EXEC_APIC_REGISTER_VIRT |
			 SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY |
			 SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |
			 SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
			 SECONDARY_EXEC_TSC_SCALING | VMCS_CPUID_EXITS,
			 &c->proc2, NULL))
		return -EOPNOTSUPP;
	*lack = "loading of EFER and PAT at entry and exit";
	if (vmx_controls(true_ctls ? MSR_IA32_VMX_TRUE_EXIT_CTLS :
			 MSR_IA32_VMX_EXIT_CTLS,
			 VM_EXIT_HOST_ADDR_SPACE_SIZE | VM_EXIT_LOAD_IA32_EFER |
			 VM_EXIT_LOAD_IA32_PAT | VM_EXIT_SAVE_DEBUG_CONTROLS,
			 0, &c->exit, &c->exit_min) ||
	    vmx_controls(true_ctls ? MSR_IA32_VMX_TRUE_ENTRY_CTLS :
			 MSR_IA32_VMX_ENTRY_CTLS,
			 VM_ENTRY_LOAD_IA32_EFER | VM_ENTRY_LOAD_IA32_PAT |
			 VM_ENTRY_LOAD_DEBUG_CONTROLS, 0, &c->entry, &c->entry_min))
		return -EOPNOTSUPP;
	/* CR3 accesses need no exit with EPT; without "true" controls they do */
	x = CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING |
	    CPU_BASED_INVLPG_EXITING;
	*lack = "CR3 accesses without exits";
	if (c->proc_min & x)
		return -EOPNOTSUPP;

	c->ept_vpid = native_read_msr(MSR_IA32_VMX_EPT_VPID_CAP);
	*lack = "4-level write-back EPT with single-context INVEPT and INVVPID";
	if (!(c->ept_vpid & VMX_EPT_PAGE_WALK_4_BIT) ||
	    !(c->ept_vpid & VMX_EPTP_WB_BIT) ||
	    !(c->ept_vpid & VMX_EPT_INVEPT_BIT) ||
	    !(c->ept_vpid & VMX_EPT_EXTENT_CONTEXT_BIT) ||
	    !((c->ept_vpid >> 32) & VMX_VPID_INVVPID_BIT) ||
	    !((c->ept_vpid >> 32) & VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT))
		return -EOPNOTSUPP;
	c->ept_2m = c->ept_vpid & VMX_EPT_2MB_PAGE_BIT;
	c->ept_1g = c->ept_vpid & VMX_EPT_1GB_PAGE_BIT;
	c->ept_ad = c->ept_vpid & VMX_EPT_AD_BIT;
	c->pml = c->ept_ad && (c->proc2 & SECONDARY_EXEC_ENABLE_PML);
	c->tpr_shadow = c->proc & CPU_BASED_TPR_SHADOW;
	c->x2apic = c->tpr_shadow &&
		(c->proc2 & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE);
	c->apic_access = c->tpr_shadow &&
		(c->proc2 & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES);
	c->apicv = apicv && c->x2apic &&
		(c->proc2 & SECONDARY_EXEC_APIC_REGISTER_VIRT) &&
		(c->proc2 & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY);

	c->cr0_fixed0 = native_read_msr(MSR_IA32_VMX_CR0_FIXED0);
	c->cr0_fixed1 = native_read_msr(MSR_IA32_VMX_CR0_FIXED1);
	c->cr4_fixed0 = native_read_msr(MSR_IA32_VMX_CR4_FIXED0);
	c->cr4_fixed1 = native_read_msr(MSR_IA32_VMX_CR4_FIXED1);
	return 0;
}

static void vmx_find_bochs(void)
{
	u64 basic = native_read_msr(MSR_IA32_VMX_BASIC);

	if (decide_is_bochs(boot_cpu_has(X86_FEATURE_HYPERVISOR),
			    dmi_match(DMI_BIOS_VENDOR, "The Bochs Project"),
			    basic & 0x7fffffff))
		static_branch_enable(&vmx_bochs);
}

int vmx_check_cpu(void)
{
	const char *lack;
	u64 feat;

	if (boot_cpu_data.x86_vendor != X86_VENDOR_INTEL &&
	    boot_cpu_data.x86_vendor != X86_VENDOR_CENTAUR &&
	    boot_cpu_data.x86_vendor != X86_VENDOR_ZHAOXIN) {
		pr_err("this CPU has no VMX: xkvm needs VT-x with EPT, VPID and unrestricted guest\n");
		return -EOPNOTSUPP;
	}
	/* CPUID itself: the kernel clears its flag when the BIOS locked VMX out */
	if (!(cpuid_ecx(1) & BIT(5))) {
		pr_err("this CPU has no VMX: xkvm needs VT-x with EPT, VPID and unrestricted guest\n");
		return -EOPNOTSUPP;
	}
	if (rdmsrl_safe(MSR_IA32_FEAT_CTL, &feat) ||
	    ((feat & FEAT_CTL_LOCKED) &&
	     !(feat & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX))) {
		pr_err("the firmware has VT-x switched off: switch it on in its set-up\n");
		return -EOPNOTSUPP;
	}
	vmx_find_bochs();
	if (vmx_read_caps(&vmx_caps, &lack)) {
		pr_err("this CPU lacks %s\n", lack);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* A vCPU may run on any CPU, by the capabilities of the first one. */
int arch_cpu_check(void)
{
	struct vmx_caps caps;
	const char *lack, *other;

	if (vmx_read_caps(&caps, &lack)) {
		pr_err("CPU %d lacks %s\n", smp_processor_id(), lack);
		return -EOPNOTSUPP;
	}
	other = decide_caps_differ(&vmx_caps, &caps);
	if (other) {
		pr_err("CPU %d differs from the first one in VMX: %s\n",
		       smp_processor_id(), other);
		return -EOPNOTSUPP;
	}
	return 0;
}

struct vmcs_hdr *vmx_alloc_vmcs(int node)
{
	struct page *page = alloc_pages_node(node, GFP_KERNEL_ACCOUNT | __GFP_ZERO, 0);
	struct vmcs_hdr *vmcs;

	if (!page)
		return NULL;
	vmcs = page_address(page);
	vmcs->revision = vmx_caps.revision;
	return vmcs;
}

void vmx_free_vmcs(struct vmcs_hdr *vmcs)
{
	free_page((unsigned long)vmcs);
}

static int vmx_vmxon(u64 phys)
{
	bool failed = true;	/* what a fault leaves it at */

	cr4_set_bits(X86_CR4_VMXE);
	asm volatile("1: vmxon %[phys]\n\t"
		     "setna %[failed]\n"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b)
		     : [failed] "+qm" (failed) : [phys] "m" (phys)
		     : "cc", "memory");
	if (!failed)
		return 0;
	cr4_clear_bits(X86_CR4_VMXE);
	return -EIO;
}

/* The firmware left the feature MSR open: lock it with VMX on. */
static void vmx_enable_feat_ctl(void)
{
	u64 feat = native_read_msr(MSR_IA32_FEAT_CTL);

	if (!(feat & FEAT_CTL_LOCKED))
		wrmsrl(MSR_IA32_FEAT_CTL, feat | FEAT_CTL_LOCKED |
		       FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX);
}

void arch_suspend(void)
{
	tsc_suspend();
}

void arch_resume(void)
{
	tsc_resume();
}

int arch_cpu_on(void)
{
	struct vmcs_hdr *region = this_cpu_read(vmx_region);
	int ret;

	if (cr4_read_shadow() & X86_CR4_VMXE)
		return -EBUSY;
	vmx_enable_feat_ctl();
	intel_pt_handle_vmx(1);
	ret = vmx_vmxon(__pa(region));
	if (ret) {
		intel_pt_handle_vmx(0);
		return ret;
	}
	vmx_invept_all();
	__this_cpu_write(vmx_on, true);
	return 0;
}

static void vmx_off(void)
{
	__this_cpu_write(vmx_on, false);
	asm volatile("vmxoff" : : : "cc", "memory");
	cr4_clear_bits(X86_CR4_VMXE);
}

void arch_cpu_off(void)
{
	vmcs_clear_cpu();
	vmx_off();
	intel_pt_handle_vmx(0);
}

/*
 * The machine crashes into kexec: NMI handlers of all CPUs come here, whatever
 * they interrupted.
 */
static void vmx_emergency(void)
{
	if (__this_cpu_read(vmx_on)) {
		vmcs_flush_cpu();
		vmx_off();
	}
}

/*
 * The kernel has one emergency callback, and registering a second one warns.
 * While kvm_intel is loaded it is KVM's, or KVM's to register.
 */
static void vmx_emergency_update(void)
{
	bool want = vmx_emergency_wanted && !vmx_kvm_loaded;

	lockdep_assert_held(&vmx_emergency_lock);
	if (want && !vmx_emergency_registered)
		cpu_emergency_register_virt_callback(vmx_emergency);
	else if (!want && vmx_emergency_registered)
		cpu_emergency_unregister_virt_callback(vmx_emergency);
	vmx_emergency_registered = want;
	if (!COMPAT_KVM_EMERGENCY_AT_LOAD && vmx_emergency_wanted &&
	    vmx_kvm_loaded)
		pr_notice_once("kvm_intel is loaded: should this machine crash, VMX stays on; rmmod kvm_intel\n");
}

static int vmx_module_event(struct notifier_block *nb, unsigned long event,
			    void *data)
{
	const struct module *mod = data;

	if (strcmp(mod->name, "kvm_intel") ||
	    (event != MODULE_STATE_COMING && event != MODULE_STATE_GOING))
		return NOTIFY_DONE;
	/* coming: before its init; going: after its exit */
	mutex_lock(&vmx_emergency_lock);
	vmx_kvm_loaded = event == MODULE_STATE_COMING;
	vmx_emergency_update();
	mutex_unlock(&vmx_emergency_lock);
	return NOTIFY_OK;
}

static struct notifier_block vmx_module_notifier = {
	.notifier_call = vmx_module_event,
};

static void vmx_emergency_want(bool want)
{
	mutex_lock(&vmx_emergency_lock);
	vmx_emergency_wanted = want;
	vmx_emergency_update();
	mutex_unlock(&vmx_emergency_lock);
}

/* The folder of all modules in sysfs knows those that were there before. */
static void vmx_watch_kvm(void)
{
	struct kobject *kvm;

	mutex_lock(&vmx_emergency_lock);
	kvm = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, "kvm_intel");
	vmx_kvm_loaded = kvm;
	kobject_put(kvm);
	register_module_notifier(&vmx_module_notifier);
	mutex_unlock(&vmx_emergency_lock);
}

void arch_virt_begin(void)
{
	vmx_emergency_want(true);
}

void arch_virt_end(void)
{
	vmx_emergency_want(false);
}

static void vmx_free_regions(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		vmx_free_vmcs(per_cpu(vmx_region, cpu));
		per_cpu(vmx_region, cpu) = NULL;
	}
}

int arch_module_init(void)
{
	int cpu, ret = vmx_check_cpu();

	if (ret)
		return ret;
	for_each_possible_cpu(cpu) {
		struct vmcs_hdr *r = vmx_alloc_vmcs(cpu_to_node(cpu));

		if (!r) {
			ret = -ENOMEM;
			goto err_regions;
		}
		per_cpu(vmx_region, cpu) = r;
	}
	run_module_init();
	host_module_init();
	msr_init();
	fpu_module_init();
	ret = apic_page_module_init();
	if (ret)
		goto err_regions;
	ret = mmio_module_init();
	if (ret)
		goto err_apic_page;
	mitigate_module_init();
	ept_module_init();
	ret = l1d_module_init();
	if (ret)
		goto err_mmio;
	vmcs_module_init();
	clock_module_init();
	vmx_watch_kvm();
	return 0;

err_mmio:
	mmio_module_exit();
err_apic_page:
	apic_page_module_exit();
err_regions:
	vmx_free_regions();
	return ret;
}

void arch_debugfs(void)
{
	apic_page_debugfs();
}

void arch_module_exit(void)
{
	unregister_module_notifier(&vmx_module_notifier);
	clock_module_exit();
	l1d_module_exit();
	mitigate_module_exit();
	mmio_module_exit();
	apic_page_module_exit();
	vmx_free_regions();
}
