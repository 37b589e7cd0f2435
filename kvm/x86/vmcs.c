// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMCSs: allocation, what stays constant in them, the controls, and on which
 * CPU each one is active.
 *
 * A VMCS is active on at most one CPU.  Each CPU keeps a list of those active
 * on it, touched only on that CPU with interrupts off, so that the CPU can
 * clear them when it goes down or the vCPU moves.
 */
#include <linux/cpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/desc.h>
#include <asm/fixmap.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "../arch.h"
#include "host.h"
#include "lapic.h"
#include "msr_filter.h"
#include "pml.h"
#include "mitigate.h"
#include "vmx.h"

#define VPID_NR		65536	/* what 16 bits have */
#define VMCS_SLICE_MS	2
#define VMCS_PLE_GAP	128		/* TSC ticks */
#define VMCS_PLE_WINDOW	4096

static DEFINE_PER_CPU(struct list_head, vmcs_active);
DEFINE_PER_CPU(struct vmx_vcpu *, vmcs_current);
static DECLARE_BITMAP(vmcs_vpids, VPID_NR);
static unsigned int vmcs_vpid_next;	/* where to look first */
static DEFINE_SPINLOCK(vmcs_vpid_lock);
static struct {
	u32 sysenter_cs;
	unsigned long sysenter_eip, idt_base;
	u64 pat, efer;
} vmcs_host;

void vmcs_write_error(unsigned long field, unsigned long value)
{
	/* the value may be an address of the host's: hashed */
	pr_err_ratelimited("VMWRITE of field %lx, value %p failed: error %lu\n",
			   field, (void *)value,
			   vmcs_read(VM_INSTRUCTION_ERROR));
}

void vmcs_module_init(void)
{
	struct desc_ptr idt;
	int cpu;

	for_each_possible_cpu(cpu)
		INIT_LIST_HEAD(&per_cpu(vmcs_active, cpu));
	store_idt(&idt);
	vmcs_host.idt_base = idt.address;
	rdmsrl(MSR_IA32_SYSENTER_EIP, vmcs_host.sysenter_eip);
	vmcs_host.sysenter_cs = native_read_msr(MSR_IA32_SYSENTER_CS);
	rdmsrl(MSR_IA32_CR_PAT, vmcs_host.pat);
	rdmsrl(MSR_EFER, vmcs_host.efer);
	set_bit(0, vmcs_vpids);		/* 0 is the host's */
}

/* A VPID of its own, or 0: flush at each switch instead. */
static u16 vmcs_alloc_vpid(void)
{
	unsigned int vpid;

	spin_lock(&vmcs_vpid_lock);
	vpid = find_next_zero_bit(vmcs_vpids, VPID_NR, vmcs_vpid_next);
	if (vpid == VPID_NR)
		vpid = find_first_zero_bit(vmcs_vpids, VPID_NR);
	if (vpid < VPID_NR) {
		__set_bit(vpid, vmcs_vpids);
		vmcs_vpid_next = vpid + 1;
	}
	spin_unlock(&vmcs_vpid_lock);
	return vpid < VPID_NR ? vpid : 0;
}

static void vmcs_free_vpid(u16 vpid)
{
	spin_lock(&vmcs_vpid_lock);
	if (vpid)
		__clear_bit(vpid, vmcs_vpids);
	spin_unlock(&vmcs_vpid_lock);
}

static void vmcs_clear(struct vmcs_hdr *vmcs)
{
	u64 phys = __pa(vmcs);

	asm volatile("1: vmclear %0\n"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b) : : "m" (phys) : "cc", "memory");
}

static void vmcs_load_ptr(struct vmcs_hdr *vmcs)
{
	u64 phys = __pa(vmcs);

	asm volatile("1: vmptrld %0\n"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b) : : "m" (phys) : "cc", "memory");
}

/* On the CPU where @x is active, interrupts off. */
static void vmcs_deactivate(struct vmx_vcpu *x)
{
	vmcs_clear(x->vmcs);
	if (__this_cpu_read(vmcs_current) == x)
		__this_cpu_write(vmcs_current, NULL);
	list_del(&x->on_cpu);
	x->launched = false;
	/* the other fields before vmcs_cpu: pairs with vmcs_deactivate_anywhere() */
	smp_store_release(&x->vmcs_cpu, -1);
}

static void vmcs_deactivate_ipi(void *arg)
{
	struct vmx_vcpu *x = arg;

	if (x->vmcs_cpu == smp_processor_id())
		vmcs_deactivate(x);
}

static void vmcs_deactivate_anywhere(struct vmx_vcpu *x)
{
	/* pairs with vmcs_deactivate() */
	int cpu = smp_load_acquire(&x->vmcs_cpu);

	if (cpu >= 0)
		smp_call_function_single(cpu, vmcs_deactivate_ipi, x, 1);
}

/* In an NMI that may have interrupted a change of the list: it is only read. */
void vmcs_flush_cpu(void)
{
	struct vmx_vcpu *x;

	list_for_each_entry(x, this_cpu_ptr(&vmcs_active), on_cpu)
		vmcs_clear(x->vmcs);
}

void vmcs_clear_cpu(void)
{
	struct vmx_vcpu *x, *next;

	list_for_each_entry_safe(x, next, this_cpu_ptr(&vmcs_active), on_cpu)
		vmcs_deactivate(x);
}

/* Host state that belongs to the CPU. */
static void vmcs_write_cpu_state(struct vmx_vcpu *x, int cpu)
{
	vmcs_write(HOST_TR_BASE,
		   (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	x->host_gdt.size = GDT_SIZE - 1;
	x->host_gdt.address = (unsigned long)get_current_gdt_ro();
	vmcs_write(HOST_GDTR_BASE, x->host_gdt.address);
	vmcs_write(HOST_IA32_SYSENTER_ESP,
		   (unsigned long)(cpu_entry_stack(cpu) + 1));
	vmcs_write(HOST_GS_BASE, native_read_msr(MSR_GS_BASE));
	/* the kernel writes it once for each CPU */
	if (vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_RDTSCP)
		x->host_tsc_aux = native_read_msr(MSR_TSC_AUX);
}

void vmcs_load(struct vcpu *v, int cpu)
{
	struct vmx_vcpu *x = v->arch.vmx;
	unsigned long flags;

	if (x->vmcs_cpu != cpu) {
		vmcs_deactivate_anywhere(x);
		local_irq_save(flags);
		list_add(&x->on_cpu, this_cpu_ptr(&vmcs_active));
		x->vmcs_cpu = cpu;
		__this_cpu_write(vmcs_current, x);
		vmcs_load_ptr(x->vmcs);
		local_irq_restore(flags);
		vmcs_write_cpu_state(x, cpu);
		tsc_vcpu_arrived(v);
		/* what this CPU cached of the VM or vCPU may be stale */
		vcpu_request(v, REQ_TLB_FLUSH);
		vmx_invvpid_context(x->vpid);
		/* WBINVD must reach what the guest has in this CPU's caches */
		__cpumask_set_cpu(cpu, v->arch.wbinvd_cpus);
	} else if (__this_cpu_read(vmcs_current) != x) {
		__this_cpu_write(vmcs_current, x);
		vmcs_load_ptr(x->vmcs);
	}
	mitigate_vcpu_arrives(v->vm);
}

void vmcs_set_proc(struct vcpu *v, u32 set, u32 clear)
{
	struct vmx_vcpu *x = v->arch.vmx;
	u32 new = (x->proc & ~clear) | set;

	if (new != x->proc)
		vmcs_write(CPU_BASED_VM_EXEC_CONTROL, x->proc = new);
}

void vmcs_set_proc2(struct vcpu *v, u32 set, u32 clear)
{
	struct vmx_vcpu *x = v->arch.vmx;
	u32 new = (x->proc2 & ~clear) | (set & vmx_caps.proc2);

	if (new != x->proc2)
		vmcs_write(SECONDARY_VM_EXEC_CONTROL, x->proc2 = new);
}

void vmcs_set_entry(struct vcpu *v, u32 set, u32 clear)
{
	struct vmx_vcpu *x = v->arch.vmx;
	u32 new = (x->entry & ~clear) | set;

	if (new != x->entry)
		vmcs_write(VM_ENTRY_CONTROLS, x->entry = new);
}

void vmcs_msr_intercept(struct vcpu *v, u32 msr, bool read, bool write)
{
	unsigned long *map = v->arch.vmx->msr_bitmap;
	unsigned int base = 0;

	if (msr >= 0xc0000000 && msr <= 0xc0001fff)
		base = 0x400 * 8;
	else if (msr > 0x1fff)
		return;
	msr &= 0x1fff;
	__assign_bit(base + msr, map, read);
	__assign_bit(base + 0x800 * 8 + msr, map, write);
}

const u32 vmcs_free_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_IA32_SYSENTER_CS,
	MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};
const unsigned int vmcs_nr_free_msrs = ARRAY_SIZE(vmcs_free_msrs);

void vmcs_update_features(struct vcpu *v)
{
	u32 bits = 0, all = SECONDARY_EXEC_ENABLE_RDTSCP |
		SECONDARY_EXEC_ENABLE_INVPCID | SECONDARY_EXEC_ENABLE_XSAVES |
		SECONDARY_EXEC_RDRAND_EXITING | SECONDARY_EXEC_RDSEED_EXITING;

	if (guest_has(v, CPUF_RDTSCP) || guest_has(v, CPUF_RDPID))
		bits |= SECONDARY_EXEC_ENABLE_RDTSCP;
	if (guest_has(v, CPUF_INVPCID))
		bits |= SECONDARY_EXEC_ENABLE_INVPCID;
	if (guest_has(v, CPUF_XSAVES))
		bits |= SECONDARY_EXEC_ENABLE_XSAVES;
	if (!guest_has(v, CPUF_RDRAND))
		bits |= SECONDARY_EXEC_RDRAND_EXITING;
	if (!guest_has(v, CPUF_RDSEED))
		bits |= SECONDARY_EXEC_RDSEED_EXITING;
	vmcs_set_proc2(v, bits, all & ~bits);
}

/*
 * On Bochs 2.7 no guest stays in for longer than VMCS_SLICE_MS: entered with
 * the guest's IF clear it holds host interrupts back until the guest sets IF,
 * which one that spins for another vCPU never does.
 */
static void vmcs_write_slice(void)
{
	unsigned int rate = native_read_msr(MSR_IA32_VMX_MISC) & 0x1f;

	if (static_branch_unlikely(&vmx_bochs))
		vmcs_write(VMX_PREEMPTION_TIMER_VALUE,
			   min_t(u64, (u64)tsc_khz * VMCS_SLICE_MS >> rate,
				 U32_MAX));
}

/*
 * A loop of PAUSEs, each VMCS_PLE_GAP ticks after the one before at most, that
 * has lasted for VMCS_PLE_WINDOW waits for another vCPU.
 */
static void vmcs_write_pause_loop(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;

	if (v->vm->arch.pause_no_exits)
		x->proc2 &= ~SECONDARY_EXEC_PAUSE_LOOP_EXITING;
	if (!(x->proc2 & SECONDARY_EXEC_PAUSE_LOOP_EXITING))
		return;
	vmcs_write(PLE_GAP, VMCS_PLE_GAP);
	vmcs_write(PLE_WINDOW, VMCS_PLE_WINDOW);
}

static void vmcs_write_controls(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;

	vmcs_write(PIN_BASED_VM_EXEC_CONTROL, vmx_caps.pin);
	vmcs_write_slice();
	x->proc = vmx_caps.proc & ~CPU_BASED_TPR_SHADOW;
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, x->proc);
	x->proc2 = vmx_caps.proc2 & ~(SECONDARY_EXEC_ENABLE_RDTSCP |
		SECONDARY_EXEC_ENABLE_INVPCID | SECONDARY_EXEC_ENABLE_XSAVES |
		SECONDARY_EXEC_RDRAND_EXITING | SECONDARY_EXEC_RDSEED_EXITING |
		SECONDARY_EXEC_APIC_REGISTER_VIRT |
		SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY |
		SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |
		SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
		SECONDARY_EXEC_TSC_SCALING);
	if (!x->vpid)
		x->proc2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	if (!x->pml)
		x->proc2 &= ~SECONDARY_EXEC_ENABLE_PML;
	vmcs_write_pause_loop(v);
	vmcs_write(SECONDARY_VM_EXEC_CONTROL, x->proc2);
	vmcs_write(VM_EXIT_CONTROLS, vmx_caps.exit);
	x->entry = vmx_caps.entry & ~VM_ENTRY_IA32E_MODE;
	vmcs_write(VM_ENTRY_CONTROLS, x->entry);
	x->exception_bitmap = BIT(1) | BIT(17) | BIT(18); /* #DB #AC #MC */
	vmcs_write(EXCEPTION_BITMAP, x->exception_bitmap);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write(CR3_TARGET_COUNT, 0);
	vmcs_write(VM_EXIT_MSR_STORE_COUNT, 0);
	host_perf_write_vmcs(&x->msr_switch);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmcs_write(MSR_BITMAP, __pa(x->msr_bitmap));
	if (x->vpid)
		vmcs_write(VIRTUAL_PROCESSOR_ID, x->vpid);
	vmcs_write(EPT_POINTER, v->vm->arch.eptp);
	pml_write_vmcs(v);
	if (vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_XSAVES)
		vmcs_write(XSS_EXIT_BITMAP, 0);
	if (vmx_caps.proc2 & SECONDARY_EXEC_ENCLS_EXITING)
		vmcs_write(ENCLS_EXITING_BITMAP, ~0ull);
	if (vmx_caps.proc2 & SECONDARY_EXEC_ENCLV_EXITING)
		vmcs_write(ENCLV_EXITING_BITMAP, ~0ull);
	vmcs_write(VMCS_LINK_POINTER, ~0ull);
	vmcs_write(GUEST_IA32_DEBUGCTL, 0);
	vmcs_write(CR0_GUEST_HOST_MASK, ~0ul);
	vmcs_write(CR4_GUEST_HOST_MASK, ~0ul);
}

static void vmcs_write_host_state(void)
{
	vmcs_write(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmcs_write(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write(HOST_DS_SELECTOR, 0);
	vmcs_write(HOST_ES_SELECTOR, 0);
	vmcs_write(HOST_FS_SELECTOR, 0);
	vmcs_write(HOST_GS_SELECTOR, 0);
	vmcs_write(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vmcs_write(HOST_IDTR_BASE, vmcs_host.idt_base);
	vmcs_write(HOST_RIP, (unsigned long)vmx_exit_point);
	vmcs_write(HOST_IA32_SYSENTER_CS, vmcs_host.sysenter_cs);
	vmcs_write(HOST_IA32_SYSENTER_EIP, vmcs_host.sysenter_eip);
	vmcs_write(HOST_IA32_PAT, vmcs_host.pat);
	vmcs_write(HOST_IA32_EFER, vmcs_host.efer);
}

int vmcs_vcpu_init(struct vcpu *v)
{
	struct vmx_vcpu *x = kzalloc(sizeof(*x), GFP_KERNEL_ACCOUNT);
	int cpu;

	if (!x)
		return -ENOMEM;
	v->arch.vmx = x;
	x->vmcs_cpu = -1;
	x->vmcs = vmx_alloc_vmcs(numa_node_id());
	x->msr_bitmap = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!x->vmcs || !x->msr_bitmap || pml_vcpu_init(v)) {
		vmcs_vcpu_exit(v);
		return -ENOMEM;
	}
	x->vpid = vmcs_alloc_vpid();
	memset(x->msr_bitmap, 0xff, PAGE_SIZE);
	msr_filter_update_bitmap(v);

	cpu = get_cpu();
	vmcs_clear(x->vmcs);
	vmcs_load(v, cpu);
	vmcs_write_controls(v);
	vmcs_write_host_state();
	put_cpu();
	return 0;
}

void vmcs_vcpu_exit(struct vcpu *v)
{
	struct vmx_vcpu *x = v->arch.vmx;

	if (!x)
		return;
	vmcs_deactivate_anywhere(x);
	vmcs_free_vpid(x->vpid);
	vmx_free_vmcs(x->vmcs);
	free_page((unsigned long)x->msr_bitmap);
	pml_vcpu_exit(v);
	pgt_cache_free(&x->tables);
	kfree(x);
	v->arch.vmx = NULL;
}
