// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the register state a vCPU starts with.  vm->cpuid is made once, before
 * there are threads, and only read afterwards (x86/cpuid.c).
 */
#include "cpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../vcpu.h"
#include "../vm_priv.h"
#include "../xen/abi.h"
#include "cpuid.h"

#define CR0_PE			(1ull << 0)
#define CR0_ET			(1ull << 4)
#define CR0_NW			(1ull << 29)
#define CR0_CD			(1ull << 30)
#define CR0_PG			(1ull << 31)
#define CR4_PAE			(1ull << 5)
#define EFER_LME		(1ull << 8)
#define EFER_LMA		(1ull << 10)
#define EFER_KNOWN		0xd01ull	/* SCE, LME, LMA, NXE */
#define RFLAGS_FIXED		0x2ull

#define MSR_MTRR_DEF_TYPE	0x2ff
#define MTRR_ENABLED_WB		((1u << 11) | 6)

/* The format of the _ar fields of <xen/hvm/hvm_vcpu.h>. */
#define SEG_AR_P		(1u << 7)
#define SEG_AR_S		(1u << 4)
#define SEG_AR_L		(1u << 9)
#define SEG_AR_DB		(1u << 10)
#define SEG_AR_UNUSED		0xf000u
#define SEG_AR_CODE32		0xc9bu
#define SEG_AR_CODE64		0xa9bu
#define SEG_AR_DATA		0xc93u
#define SEG_AR_TSS		0x08bu
#define SEG_AR_RESET_CODE	0x09bu
#define SEG_AR_RESET_DATA	0x093u
#define SEG_AR_LDT		0x082u

#define RESET_CS		0xf000u
#define RESET_CS_BASE		0xffff0000ull
#define RESET_RIP		0xfff0ull
#define RESET_LIMIT		0xffffu

static struct kvm_segment cpu_segment(uint64_t base, uint32_t limit,
				      unsigned int ar)
{
	return (struct kvm_segment) {
		.base		= base,
		.limit		= limit,
		.type		= ar & 0xf,
		.s		= ar >> 4 & 1,
		.dpl		= ar >> 5 & 3,
		.present	= ar >> 7 & 1,
		.avl		= ar >> 8 & 1,
		.l		= ar >> 9 & 1,
		.db		= ar >> 10 & 1,
		.g		= ar >> 11 & 1,
		.unusable	= !(ar & SEG_AR_P),
	};
}

static void cpu_flat_segments(struct kvm_sregs *s, unsigned int code)
{
	struct kvm_segment data = cpu_segment(0, UINT32_MAX, SEG_AR_DATA);

	s->cs = cpu_segment(0, UINT32_MAX, code);
	s->ds = data;
	s->es = data;
	s->ss = data;
	s->fs = data;
	s->gs = data;
	s->tr = cpu_segment(0, 0x67, SEG_AR_TSS);
	s->ldt = cpu_segment(0, 0, 0);
	s->gdt = (struct kvm_dtable){ 0 };
	s->idt = (struct kvm_dtable){ 0 };
}

static int cpu_load(struct vcpu *v, struct kvm_sregs *s, struct kvm_regs *r)
{
	if (ioctl(v->fd, KVM_SET_SREGS, s) || ioctl(v->fd, KVM_SET_REGS, r))
		return -errno;
	return 0;
}

static int cpu_pvh_entry(struct vcpu *v)
{
	struct kvm_regs r = {
		.rbx	= v->vm->boot.start_info,
		.rip	= v->vm->boot.entry,
		.rflags	= RFLAGS_FIXED,
	};
	struct kvm_sregs s;

	if (ioctl(v->fd, KVM_GET_SREGS, &s))
		return -errno;
	cpu_flat_segments(&s, SEG_AR_CODE32);
	s.cr0 = CR0_PE | CR0_ET;
	s.cr3 = 0;
	s.cr4 = 0;
	s.efer = 0;
	return cpu_load(v, &s, &r);
}

/* Xen's domain builder hands over memory as write-back; so do we. */
static int cpu_set_mtrr(struct vcpu *v)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = {
		.head.nmsrs = 1,
		.entry = { .index = MSR_MTRR_DEF_TYPE,
			   .data = MTRR_ENABLED_WB },
	};
	int n = ioctl(v->fd, KVM_SET_MSRS, &msrs);

	return n < 0 ? -errno : n == 1 ? 0 : -EINVAL;
}

int cpu_setup(struct vcpu *v)
{
	int err = cpuid_load(v);

	if (!err)
		err = cpu_set_mtrr(v);
	if (!err && v->id == 0)
		err = cpu_pvh_entry(v);
	return err;
}

static void cpu_reset_segments(struct kvm_sregs *s)
{
	struct kvm_segment data = cpu_segment(0, RESET_LIMIT,
					      SEG_AR_RESET_DATA);

	s->cs = cpu_segment(RESET_CS_BASE, RESET_LIMIT, SEG_AR_RESET_CODE);
	s->cs.selector = RESET_CS;
	s->ds = data;
	s->es = data;
	s->ss = data;
	s->fs = data;
	s->gs = data;
	s->tr = cpu_segment(0, RESET_LIMIT, SEG_AR_TSS);
	s->ldt = cpu_segment(0, RESET_LIMIT, SEG_AR_LDT);
	s->gdt = (struct kvm_dtable){ .limit = RESET_LIMIT };
	s->idt = (struct kvm_dtable){ .limit = RESET_LIMIT };
}

int cpu_reset(struct vcpu *v)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_UNINITIALIZED };
	struct kvm_regs r = { .rip = RESET_RIP, .rflags = RFLAGS_FIXED };
	struct kvm_vcpu_events none = { 0 };
	struct kvm_sregs s;
	int err;

	if (ioctl(v->fd, KVM_SET_VCPU_EVENTS, &none) ||
	    ioctl(v->fd, KVM_GET_SREGS, &s))
		return -errno;
	cpu_reset_segments(&s);
	s.cr0 = CR0_CD | CR0_NW | CR0_ET;
	s.cr2 = s.cr3 = s.cr4 = s.cr8 = 0;
	s.efer = 0;
	memset(s.interrupt_bitmap, 0, sizeof(s.interrupt_bitmap));
	err = cpu_load(v, &s, &r);
	if (err)
		return err;
	return ioctl(v->fd, KVM_SET_MP_STATE, &mp) ? -errno : 0;
}

static int cpu_check_segment(unsigned int ar, uint32_t limit, bool system)
{
	if (ar & SEG_AR_UNUSED)
		return -EINVAL;
	if (!(ar & SEG_AR_P))
		return 0;
	if (!!(ar & SEG_AR_S) == system)
		return -EINVAL;
	/* With granularity clear a limit has 20 bits. */
	return !(ar & (1u << 11)) && limit >> 20 ? -EINVAL : 0;
}

static int cpu_context_32(const struct vcpu_hvm_x86_32 *c,
			  struct kvm_sregs *s, struct kvm_regs *r)
{
	if (c->pad1 || c->pad2[0] || c->pad2[1] || c->pad2[2])
		return -EINVAL;
	if (!(c->cs_ar & SEG_AR_P) || !(c->ss_ar & SEG_AR_P) ||
	    cpu_check_segment(c->cs_ar, c->cs_limit, false) ||
	    cpu_check_segment(c->ds_ar, c->ds_limit, false) ||
	    cpu_check_segment(c->ss_ar, c->ss_limit, false) ||
	    cpu_check_segment(c->es_ar, c->es_limit, false) ||
	    cpu_check_segment(c->tr_ar, c->tr_limit, true) ||
	    c->cs_ar & SEG_AR_L)
		return -EINVAL;
	cpu_flat_segments(s, SEG_AR_CODE32);
	s->cs = cpu_segment(c->cs_base, c->cs_limit, c->cs_ar);
	s->ds = cpu_segment(c->ds_base, c->ds_limit, c->ds_ar);
	s->ss = cpu_segment(c->ss_base, c->ss_limit, c->ss_ar);
	s->es = cpu_segment(c->es_base, c->es_limit, c->es_ar);
	s->tr = cpu_segment(c->tr_base, c->tr_limit, c->tr_ar);
	s->cr0 = c->cr0 | CR0_ET;
	s->cr3 = c->cr3;
	s->cr4 = c->cr4;
	s->efer = c->efer;
	*r = (struct kvm_regs) {
		.rax = c->eax, .rcx = c->ecx, .rdx = c->edx, .rbx = c->ebx,
		.rsp = c->esp, .rbp = c->ebp, .rsi = c->esi, .rdi = c->edi,
		.rip = c->eip, .rflags = c->eflags | RFLAGS_FIXED,
	};
	return 0;
}

static int cpu_context_64(const struct vcpu_hvm_x86_64 *c,
			  struct kvm_sregs *s, struct kvm_regs *r)
{
	/* Started in long mode proper: paging, PAE and LME|LMA are a must. */
	if (!(c->cr0 & CR0_PE) || !(c->cr0 & CR0_PG) || !(c->cr4 & CR4_PAE) ||
	    !(c->efer & EFER_LME) || !(c->efer & EFER_LMA))
		return -EINVAL;
	cpu_flat_segments(s, SEG_AR_CODE64);
	s->cr0 = c->cr0 | CR0_ET;
	s->cr3 = c->cr3;
	s->cr4 = c->cr4;
	s->efer = c->efer;
	*r = (struct kvm_regs) {
		.rax = c->rax, .rcx = c->rcx, .rdx = c->rdx, .rbx = c->rbx,
		.rsp = c->rsp, .rbp = c->rbp, .rsi = c->rsi, .rdi = c->rdi,
		.rip = c->rip, .rflags = c->rflags | RFLAGS_FIXED,
	};
	return 0;
}

int cpu_set_context(struct vcpu *v, const struct vcpu_hvm_context *ctx)
{
	struct kvm_sregs s;
	struct kvm_regs r;
	int err;

	if (ctx->pad)
		return -EINVAL;
	if (ioctl(v->fd, KVM_GET_SREGS, &s))
		return -errno;
	switch (ctx->mode) {
	case VCPU_HVM_MODE_32B:
		err = cpu_context_32(&ctx->cpu_regs.x86_32, &s, &r);
		break;
	case VCPU_HVM_MODE_64B:
		err = cpu_context_64(&ctx->cpu_regs.x86_64, &s, &r);
		break;
	default:
		err = -EINVAL;
	}
	if (err)
		return err;
	if (s.efer & ~EFER_KNOWN || (s.cr0 & CR0_PG && !(s.cr0 & CR0_PE)))
		return -EINVAL;
	return cpu_load(v, &s, &r);
}

void cpu_dump(struct vcpu *v, enum log_level level)
{
	struct kvm_sregs s;
	struct kvm_regs r;

	if (ioctl(v->fd, KVM_GET_REGS, &r) || ioctl(v->fd, KVM_GET_SREGS, &s))
		return;
#define U(x) ((unsigned long long)(x))
	log_guest(level, "  rip %016llx rflags %08llx cs %04x base %llx",
		  U(r.rip), U(r.rflags), s.cs.selector, U(s.cs.base));
	log_guest(level, "  rax %016llx rbx %016llx rcx %016llx rdx %016llx",
		  U(r.rax), U(r.rbx), U(r.rcx), U(r.rdx));
	log_guest(level, "  rsi %016llx rdi %016llx rbp %016llx rsp %016llx",
		  U(r.rsi), U(r.rdi), U(r.rbp), U(r.rsp));
	log_guest(level, "  r8  %016llx r9  %016llx r10 %016llx r11 %016llx",
		  U(r.r8), U(r.r9), U(r.r10), U(r.r11));
	log_guest(level, "  r12 %016llx r13 %016llx r14 %016llx r15 %016llx",
		  U(r.r12), U(r.r13), U(r.r14), U(r.r15));
	log_guest(level, "  cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx",
		  U(s.cr0), U(s.cr2), U(s.cr3), U(s.cr4), U(s.efer));
	log_guest(level, "  gdt %llx/%x idt %llx/%x", U(s.gdt.base),
		  s.gdt.limit, U(s.idt.base), s.idt.limit);
#undef U
}
