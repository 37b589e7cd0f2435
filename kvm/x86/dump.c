// SPDX-License-Identifier: GPL-2.0-only
/*
 * A line in the log when an entry failed, and where dump_invalid asks for it the
 * guest's and the VMCS's state, for a person.  Rate-limited: a guest can cause
 * it.  Anybody may read the log: the host's addresses are hashed (%p), its
 * physical ones left out.
 */
#include <linux/moduleparam.h>
#include <linux/ratelimit.h>

#include "vmx.h"

static bool dump_invalid;
module_param(dump_invalid, bool, 0644);
MODULE_PARM_DESC(dump_invalid, "log the guest's state and the VMCS when an entry fails (default: false)");

static void dump_segment(struct vcpu *v, const char *name, enum seg_index s)
{
	struct kvm_segment k;

	state_get_segment(v, s, &k);
	pr_err("  %-4s %04x base %016llx limit %08x type %x s %u dpl %u p %u l %u db %u g %u%s\n",
	       name, k.selector, k.base, k.limit, k.type, k.s, k.dpl, k.present,
	       k.l, k.db, k.g, k.unusable ? " unusable" : "");
}

static void dump_guest(struct vcpu *v)
{
	unsigned long *r = v->arch.regs;

	pr_err(" guest: rip %016lx rsp %016lx rflags %08lx\n",
	       vmcs_read(GUEST_RIP), vmcs_read(GUEST_RSP),
	       vmcs_read(GUEST_RFLAGS));
	pr_err("  rax %016lx rcx %016lx rdx %016lx rbx %016lx\n",
	       r[VREG_RAX], r[VREG_RCX], r[VREG_RDX], r[VREG_RBX]);
	pr_err("  cr0 %08lx shadow %08lx  cr3 %016lx  cr4 %08lx shadow %08lx\n",
	       vmcs_read(GUEST_CR0), vmcs_read(CR0_READ_SHADOW),
	       vmcs_read(GUEST_CR3), vmcs_read(GUEST_CR4),
	       vmcs_read(CR4_READ_SHADOW));
	pr_err("  efer %08lx pat %016lx dr7 %08lx debugctl %lx\n",
	       vmcs_read(GUEST_IA32_EFER), vmcs_read(GUEST_IA32_PAT),
	       vmcs_read(GUEST_DR7), vmcs_read(GUEST_IA32_DEBUGCTL));
	pr_err("  activity %lu interruptibility %lx pending debug %lx\n",
	       vmcs_read(GUEST_ACTIVITY_STATE),
	       vmcs_read(GUEST_INTERRUPTIBILITY_INFO),
	       vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS));
	dump_segment(v, "cs", SEG_CS);
	dump_segment(v, "ss", SEG_SS);
	dump_segment(v, "ds", SEG_DS);
	dump_segment(v, "es", SEG_ES);
	dump_segment(v, "fs", SEG_FS);
	dump_segment(v, "gs", SEG_GS);
	dump_segment(v, "tr", SEG_TR);
	dump_segment(v, "ldtr", SEG_LDTR);
	pr_err("  gdtr %016lx:%lx idtr %016lx:%lx\n",
	       vmcs_read(GUEST_GDTR_BASE), vmcs_read(GUEST_GDTR_LIMIT),
	       vmcs_read(GUEST_IDTR_BASE), vmcs_read(GUEST_IDTR_LIMIT));
}

static void dump_controls(void)
{
	pr_err(" controls: pin %lx proc %lx proc2 %lx entry %lx exit %lx exceptions %lx\n",
	       vmcs_read(PIN_BASED_VM_EXEC_CONTROL),
	       vmcs_read(CPU_BASED_VM_EXEC_CONTROL),
	       vmcs_read(SECONDARY_VM_EXEC_CONTROL),
	       vmcs_read(VM_ENTRY_CONTROLS), vmcs_read(VM_EXIT_CONTROLS),
	       vmcs_read(EXCEPTION_BITMAP));
	pr_err("  entry event %lx error %lx length %lx  eptp's bits %lx\n",
	       vmcs_read(VM_ENTRY_INTR_INFO_FIELD),
	       vmcs_read(VM_ENTRY_EXCEPTION_ERROR_CODE),
	       vmcs_read(VM_ENTRY_INSTRUCTION_LEN),
	       vmcs_read(EPT_POINTER) & ~PAGE_MASK);
}

static void *dump_host(unsigned long field)
{
	return (void *)vmcs_read(field);
}

static void dump_exit(struct vcpu *v)
{
	pr_err(" exit: reason %x qualification %lx event %lx error %lx length %lx gpa %lx\n",
	       v->arch.vmx->exit_reason, vmcs_read(EXIT_QUALIFICATION),
	       vmcs_read(VM_EXIT_INTR_INFO), vmcs_read(VM_EXIT_INTR_ERROR_CODE),
	       vmcs_read(VM_EXIT_INSTRUCTION_LEN),
	       vmcs_read(GUEST_PHYSICAL_ADDRESS));
	pr_err(" host: cr0 %lx cr4 %lx rsp %p rip %p gs %p tr %p gdt %p idt %p\n",
	       vmcs_read(HOST_CR0), vmcs_read(HOST_CR4), dump_host(HOST_RSP),
	       dump_host(HOST_RIP), dump_host(HOST_GS_BASE),
	       dump_host(HOST_TR_BASE), dump_host(HOST_GDTR_BASE),
	       dump_host(HOST_IDTR_BASE));
}

void dump_vmcs(struct vcpu *v)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 2);

	if (!__ratelimit(&limit))
		return;
	pr_err("vCPU %u of pid %d: entry %s, reason %x, VM-instruction error %lu%s\n",
	       v->id, current->tgid,
	       v->arch.vmx->exit_reason == ~0u ? "refused" : "failed",
	       v->arch.vmx->exit_reason, vmcs_read(VM_INSTRUCTION_ERROR),
	       dump_invalid ? "" : "; dump_invalid=1 logs its state");
	if (!dump_invalid)
		return;
	dump_guest(v);
	dump_controls();
	dump_exit(v);
}
