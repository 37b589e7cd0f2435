// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Entry into guest code in each mode of the CPU: what KVM_SET_SREGS and
 * KVM_SET_REGS get for it.  Memory is mapped one to one in all of them.
 */
#include "vm.h"

#define CR0_PE		(1ull << 0)
#define CR0_MP		(1ull << 1)
#define CR0_ET		(1ull << 4)
#define CR0_NE		(1ull << 5)
#define CR0_PG		(1ull << 31)
#define CR4_PSE		(1ull << 4)
#define CR4_PAE		(1ull << 5)
#define CR4_OSFXSR	(1ull << 9)
#define CR4_OSXMMEXCPT	(1ull << 10)
#define EFER_LME	(1ull << 8)
#define EFER_LMA	(1ull << 10)

static uint64_t stack_top(struct vcpu *v)
{
	/* As after a call: 16-byte alignment minus the return address. */
	return GUEST_STACKS + (v->id % VM_MAX_VCPUS + 1) * 0x2000 - 8;
}

static struct kvm_segment code_seg(uint16_t sel, uint32_t limit, bool l, bool db)
{
	return (struct kvm_segment){
		.selector = sel, .limit = limit, .type = 0xb, .present = 1,
		.dpl = sel & 3, .s = 1, .l = l, .db = db, .g = limit > 0xfffff,
	};
}

static struct kvm_segment data_seg(uint16_t sel, uint32_t limit)
{
	return (struct kvm_segment){
		.selector = sel, .limit = limit, .type = 3, .present = 1,
		.dpl = sel & 3, .s = 1, .db = limit > 0xfffff,
		.g = limit > 0xfffff,
	};
}

static void set_data(struct kvm_sregs *s, struct kvm_segment seg)
{
	s->ds = seg;
	s->es = seg;
	s->fs = seg;
	s->gs = seg;
	s->ss = seg;
}

static void set_tables(struct vcpu *v, struct kvm_sregs *s)
{
	unsigned int i = v->id % VM_MAX_VCPUS;

	s->gdt.base = GUEST_GDT;
	s->gdt.limit = SEL_TSS + VM_MAX_VCPUS * 16 - 1;
	s->idt.base = GUEST_IDT;
	s->idt.limit = 0xfff;
	s->tr = (struct kvm_segment){
		.selector = SEL_TSS + i * 16, .base = GUEST_TSS + i * 0x68,
		.limit = 0x67, .type = 0xb, .present = 1,
	};
	s->ldt = (struct kvm_segment){ .unusable = 1 };
}

static void enter(struct vcpu *v, const struct kvm_sregs *s, uint64_t rip,
		  uint64_t arg)
{
	struct kvm_regs r = {
		.rip = rip,
		.rsp = stack_top(v),
		.rdi = arg,
		.rflags = 2,
	};
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };

	/* Others than the first wait for INIT and SIPI otherwise. */
	if (v->id)
		CHECK_OK(ioctl(v->fd, KVM_SET_MP_STATE, &mp));
	vcpu_set_sregs(v, s);
	vcpu_set_regs(v, &r);
}

static void sregs64(struct vcpu *v, struct kvm_sregs *s)
{
	*s = vcpu_sregs(v);
	s->cr0 = CR0_PG | CR0_NE | CR0_ET | CR0_MP | CR0_PE;
	s->cr3 = GUEST_PT;
	s->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	s->efer = EFER_LME | EFER_LMA;
	s->cs = code_seg(SEL_CODE64, ~0u, true, false);
	set_data(s, data_seg(SEL_DATA, ~0u));
	set_tables(v, s);
}

void vcpu_enter64_arg(struct vcpu *v, void (*fn)(uint64_t), uint64_t arg)
{
	struct kvm_sregs s;

	sregs64(v, &s);
	enter(v, &s, (uintptr_t)fn, arg);
}

void vcpu_enter64(struct vcpu *v, void (*fn)(void))
{
	struct kvm_sregs s;

	sregs64(v, &s);
	enter(v, &s, (uintptr_t)fn, 0);
}

void vcpu_enter64_user(struct vcpu *v, void (*fn)(void))
{
	struct kvm_sregs s;
	struct kvm_regs r;

	sregs64(v, &s);
	s.cs = code_seg(SEL_UCODE64, ~0u, true, false);
	set_data(&s, data_seg(SEL_UDATA, ~0u));
	enter(v, &s, (uintptr_t)fn, 0);
	/* Ring 3 reports through ports too. */
	r = vcpu_regs(v);
	r.rflags = 0x3002;
	vcpu_set_regs(v, &r);
}

void vcpu_enter32(struct vcpu *v, const void *entry, enum paging32 paging)
{
	struct kvm_sregs s = vcpu_sregs(v);

	s.cr0 = CR0_NE | CR0_ET | CR0_MP | CR0_PE;
	s.cr4 = 0;
	s.efer = 0;
	if (paging == PAGING_32) {
		s.cr0 |= CR0_PG;
		s.cr3 = GUEST_PD32;
		s.cr4 = CR4_PSE;
	} else if (paging == PAGING_PAE) {
		s.cr0 |= CR0_PG;
		s.cr3 = GUEST_PDPT32;
		s.cr4 = CR4_PAE;
	}
	s.cs = code_seg(SEL_CODE32, ~0u, false, true);
	set_data(&s, data_seg(SEL_DATA, ~0u));
	set_tables(v, &s);
	enter(v, &s, (uintptr_t)entry, 0);
}

/* Protected mode with a 16-bit code segment based at the entry. */
void vcpu_enter_prot16(struct vcpu *v, const void *entry)
{
	struct kvm_sregs s = vcpu_sregs(v);

	s.cr0 = CR0_NE | CR0_ET | CR0_MP | CR0_PE;
	s.cr4 = 0;
	s.efer = 0;
	s.cs = code_seg(SEL_CODE16, 0xffff, false, false);
	s.cs.base = (uintptr_t)entry;
	set_data(&s, data_seg(SEL_DATA16, 0xffff));
	set_tables(v, &s);
	enter(v, &s, 0, 0);
}

/* Copies the code to GUEST_REAL and enters it as CS:0; SS:SP is 0:0x7000. */
void vcpu_enter_real(struct vcpu *v, const void *code, const void *end)
{
	struct kvm_sregs s = vcpu_sregs(v);
	struct kvm_segment seg = data_seg(0, 0xffff);
	struct kvm_regs r;

	memcpy(vm_ptr(v->vm, GUEST_REAL), code,
	       (const char *)end - (const char *)code);
	s.cr0 = CR0_ET;
	s.cr4 = 0;
	s.efer = 0;
	s.cs = code_seg(0, 0xffff, false, false);
	s.cs.selector = GUEST_REAL >> 4;
	s.cs.base = GUEST_REAL;
	set_data(&s, seg);
	s.gdt.base = GUEST_GDT;
	s.gdt.limit = SEL_TSS - 1;
	s.idt.base = 0;
	s.idt.limit = 0x3ff;
	s.tr = (struct kvm_segment){ .limit = 0xffff, .type = 0xb,
				     .present = 1 };
	s.ldt = (struct kvm_segment){ .unusable = 1 };
	enter(v, &s, 0, 0);
	r = vcpu_regs(v);
	r.rsp = 0x7000;
	vcpu_set_regs(v, &r);
}
