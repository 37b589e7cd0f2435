// SPDX-License-Identifier: GPL-2.0-or-later
/* General, segment, FPU, XSAVE, debug registers, events, MP state. */
#include <stdlib.h>

#include "guest.h"

static struct vcpu *new_vcpu(void)
{
	return vcpu_new(vm_new(VM_IRQCHIP), 0);
}

TEST(regs, "general registers read back as set")
{
	struct vcpu *v = new_vcpu();
	struct kvm_regs a = {
		.rax = 1, .rbx = 2, .rcx = 3, .rdx = 4, .rsi = 5, .rdi = 6,
		.rsp = 7, .rbp = 8, .r8 = 9, .r9 = 10, .r10 = 11, .r11 = 12,
		.r12 = 13, .r13 = 14, .r14 = ~0ull, .r15 = 1ull << 63,
		.rip = 0xffff800000001000, .rflags = 0xad7,
	}, b;

	vcpu_set_regs(v, &a);
	b = vcpu_regs(v);
	CHECK(!memcmp(&a, &b, sizeof(a)));
	/* The fixed bit of RFLAGS is set whatever is asked. */
	a.rflags = 0;
	vcpu_set_regs(v, &a);
	CHECK_EQ(vcpu_regs(v).rflags, 2);
}

TEST(reset, "a fresh vCPU is as the CPU after reset")
{
	struct vcpu *v = new_vcpu();
	struct kvm_regs r = vcpu_regs(v);
	struct kvm_sregs s = vcpu_sregs(v);

	CHECK_EQ(r.rip, 0xfff0);
	CHECK_EQ(r.rflags, 2);
	CHECK_EQ(s.cs.selector, 0xf000);
	CHECK_EQ(s.cs.base, 0xffff0000);
	CHECK_EQ(s.cs.limit, 0xffff);
	CHECK_EQ(s.cr0, 0x60000010);
	CHECK_EQ(s.cr3, 0);
	CHECK_EQ(s.cr4, 0);
	CHECK_EQ(s.efer, 0);
	CHECK_EQ(s.idt.limit, 0xffff);
	CHECK_EQ(s.gdt.limit, 0xffff);
	CHECK_EQ(s.apic_base, 0xfee00900);
}

TEST(sregs, "segments and tables read back as set")
{
	struct vcpu *v = new_vcpu();
	struct kvm_sregs s, t;

	vcpu_enter64(v, NULL);
	s = vcpu_sregs(v);
	s.fs.base = 0xffff800012345000;
	s.gs.base = 0x7fff12345000;
	s.ds.limit = 0x12fff;
	s.ds.g = 1;
	s.gdt.base = 0xffff880000001000;
	s.gdt.limit = 0x7f;
	s.idt.base = 0xfffffe0000000000;
	s.idt.limit = 0xfff;
	s.ldt = (struct kvm_segment){
		.base = 0x3000, .limit = 0x17, .selector = 0x60, .type = 2,
		.present = 1,
	};
	s.cr2 = 0x123456789;
	s.cr8 = 5;
	vcpu_set_sregs(v, &s);
	t = vcpu_sregs(v);
	CHECK(!memcmp(&s.cs, &t.cs, sizeof(s.cs)));
	CHECK(!memcmp(&s.ss, &t.ss, sizeof(s.ss)));
	CHECK(!memcmp(&s.tr, &t.tr, sizeof(s.tr)));
	CHECK_EQ(t.fs.base, s.fs.base);
	CHECK_EQ(t.gs.base, s.gs.base);
	CHECK_EQ(t.ds.limit, s.ds.limit);
	CHECK_EQ(t.gdt.base, s.gdt.base);
	CHECK_EQ(t.gdt.limit, s.gdt.limit);
	CHECK_EQ(t.idt.base, s.idt.base);
	CHECK_EQ(t.ldt.base, s.ldt.base);
	CHECK_EQ(t.ldt.selector, s.ldt.selector);
	CHECK_EQ(t.cr2, s.cr2);
	CHECK_EQ(t.cr8, s.cr8);
	CHECK_EQ(t.cr0, s.cr0);
	CHECK_EQ(t.cr4, s.cr4);
	CHECK_EQ(t.efer, s.efer);
}

static void refuse(struct vcpu *v, const struct kvm_sregs *s)
{
	struct kvm_sregs t;

	CHECK_ERRNO(ioctl(v->fd, KVM_SET_SREGS, s), EINVAL);
	/* And nothing of it stays. */
	t = vcpu_sregs(v);
	CHECK(t.cr0 & 1);
	CHECK_EQ(t.cr3, GUEST_PT);
}

TEST(sregs_refused, "control registers that contradict are EINVAL")
{
	struct vcpu *v = new_vcpu();
	struct kvm_sregs s, good;

	vcpu_enter64(v, NULL);
	good = vcpu_sregs(v);

	s = good;
	s.cr4 &= ~0x20ull;		/* long mode without PAE */
	refuse(v, &s);
	s = good;
	s.cr4 |= 1ull << 40;		/* reserved */
	refuse(v, &s);
	s = good;
	s.cr0 |= 1ull << 40;
	refuse(v, &s);
	s = good;
	s.efer &= ~0x400ull;		/* LMA without LME and PG */
	refuse(v, &s);
	s = good;
	s.cr3 |= 1ull << 60;
	refuse(v, &s);
	s = good;
	s.cr0 |= 1ull << 29;		/* NW without CD */
	refuse(v, &s);
	s = good;
	s.apic_base = 0xfee00500;	/* x2APIC bit without the enable bit */
	refuse(v, &s);
	s = good;
	s.apic_base |= 1ull << 60;
	refuse(v, &s);
	vcpu_set_sregs(v, &good);
}

/* --- FPU --- */

TEST(fpu, "KVM_SET_FPU and KVM_GET_FPU agree")
{
	struct vcpu *v = new_vcpu();
	struct kvm_fpu a, b;

	CHECK_OK(ioctl(v->fd, KVM_GET_FPU, &a));
	CHECK_EQ(a.fcw, 0x37f);
	for (int i = 0; i < 8; i++)
		memset(a.fpr[i], 0x10 + i, 10);
	for (int i = 0; i < 16; i++)
		memset(a.xmm[i], 0x80 + i, 16);
	a.fcw = 0x27f;
	a.ftwx = 0xff;
	CHECK_OK(ioctl(v->fd, KVM_SET_FPU, &a));
	CHECK_OK(ioctl(v->fd, KVM_GET_FPU, &b));
	CHECK_EQ(b.fcw, a.fcw);
	CHECK_EQ(b.ftwx, a.ftwx);
	CHECK(!memcmp(a.xmm, b.xmm, sizeof(a.xmm)));
	for (int i = 0; i < 8; i++)
		CHECK(!memcmp(a.fpr[i], b.fpr[i], 10));
}

static uint8_t xmm_out[16] GUEST_VAR __attribute__((aligned(16)));

GUEST static void use_xmm(void)
{
	__asm__ volatile("movups %%xmm3, %0" : "=m"(xmm_out));
	__asm__ volatile("movups %%xmm3, %%xmm5; paddb %%xmm5, %%xmm5"
			 : : : "memory");
	g_sync(1);
	__asm__ volatile("movups %%xmm5, %0" : "=m"(xmm_out));
	g_done();
}

TEST(fpu_guest, "FPU state goes into the guest, out of it, and stays")
{
	struct vcpu *v = new_vcpu();
	struct kvm_fpu f;

	vcpu_enter64(v, use_xmm);
	CHECK_OK(ioctl(v->fd, KVM_GET_FPU, &f));
	memset(f.xmm[3], 0x21, 16);
	CHECK_OK(ioctl(v->fd, KVM_SET_FPU, &f));
	CHECK_EQ(vcpu_sync(v), 1);
	CHECK_EQ(G(v->vm, xmm_out)[7], 0x21);
	CHECK_OK(ioctl(v->fd, KVM_GET_FPU, &f));
	CHECK_EQ(f.xmm[5][9], 0x42);
	/* The host's own registers are its own. */
	__asm__ volatile("pxor %%xmm5, %%xmm5" : : : "xmm5");
	vcpu_done(v);
	CHECK_EQ(G(v->vm, xmm_out)[7], 0x42);
}

TEST(xsave, "KVM_GET_XSAVE holds what KVM_SET_FPU set, and goes back")
{
	struct vcpu *v = new_vcpu();
	struct kvm_xsave x;
	struct kvm_fpu f;
	uint64_t xstate;

	CHECK_OK(ioctl(v->fd, KVM_GET_FPU, &f));
	memset(f.xmm[1], 0x5a, 16);
	CHECK_OK(ioctl(v->fd, KVM_SET_FPU, &f));
	CHECK_OK(ioctl(v->fd, KVM_GET_XSAVE, &x));
	CHECK_EQ(*((uint8_t *)x.region + 160 + 16), 0x5a);
	memcpy(&xstate, (uint8_t *)x.region + 512, 8);
	CHECK(xstate & 2);
	memset((uint8_t *)x.region + 160 + 16, 0x6b, 16);
	CHECK_OK(ioctl(v->fd, KVM_SET_XSAVE, &x));
	CHECK_OK(ioctl(v->fd, KVM_GET_FPU, &f));
	CHECK_EQ(f.xmm[1][3], 0x6b);
	/* State components that do not exist. */
	xstate |= 1ull << 61;
	memcpy((uint8_t *)x.region + 512, &xstate, 8);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_XSAVE, &x), EINVAL);
}

TEST(xcrs, "XCR0 is set, read, and refused")
{
	struct kvm_cpuid2 *c = cpuid_supported();
	struct vcpu *v = new_vcpu();
	struct kvm_xcrs x;

	if (!(cpuid_find(c, 1, 0)->ecx & (1 << 26)))
		tap_skip("no XSAVE");
	CHECK_OK(ioctl(v->fd, KVM_GET_XCRS, &x));
	CHECK_EQ(x.nr_xcrs, 1);
	CHECK_EQ(x.xcrs[0].xcr, 0);
	CHECK_EQ(x.xcrs[0].value, 1);
	x.xcrs[0].value = 3;
	CHECK_OK(ioctl(v->fd, KVM_SET_XCRS, &x));
	x.xcrs[0].value = 0;
	CHECK_OK(ioctl(v->fd, KVM_GET_XCRS, &x));
	CHECK_EQ(x.xcrs[0].value, 3);
	x.xcrs[0].value = 2;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_XCRS, &x), EINVAL);
	x.xcrs[0].value = 3;
	x.nr_xcrs = KVM_MAX_XCRS + 1;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_XCRS, &x), EINVAL);
	x.nr_xcrs = 1;
	x.flags = 1;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_XCRS, &x), EINVAL);
}

/* --- debug registers --- */

TEST(debugregs, "debug registers are set, read, and refused")
{
	struct vcpu *v = new_vcpu();
	struct kvm_debugregs d, e;

	CHECK_OK(ioctl(v->fd, KVM_GET_DEBUGREGS, &d));
	CHECK_EQ(d.dr6, 0xffff0ff0);
	CHECK_EQ(d.dr7, 0x400);
	for (int i = 0; i < 4; i++)
		d.db[i] = 0x1000 * (i + 1);
	d.dr6 = 0xffff0ff1;
	d.dr7 = 0x401;
	CHECK_OK(ioctl(v->fd, KVM_SET_DEBUGREGS, &d));
	CHECK_OK(ioctl(v->fd, KVM_GET_DEBUGREGS, &e));
	CHECK(!memcmp(d.db, e.db, sizeof(d.db)));
	CHECK_EQ(e.dr6, 0xffff0ff1);
	CHECK_EQ(e.dr7, 0x401);
	d.flags = 1;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_DEBUGREGS, &d), EINVAL);
	d.flags = 0;
	d.dr6 = 1ull << 32;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_DEBUGREGS, &d), EINVAL);
	d.dr6 = 0xffff0ff0;
	d.dr7 = 1ull << 32;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_DEBUGREGS, &d), EINVAL);
}

/* --- events --- */

static volatile uint64_t vector GUEST_VAR, error GUEST_VAR;

GUEST static void note(struct guest_regs *r)
{
	vector = r->vector;
	error = r->error;
	g_sync(r->vector);
	g_done();
}

GUEST static void idle(void)
{
	for (;;)
		g_sync(0x1000);
}

TEST(events, "events are read, and an exception set by user space comes")
{
	struct vcpu *v = new_vcpu();
	struct kvm_vcpu_events e;

	CHECK_OK(ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e));
	CHECK_EQ(e.exception.injected, 0);
	CHECK_EQ(e.nmi.injected | e.nmi.pending | e.nmi.masked, 0);
	G(v->vm, guest_handlers[13]) = note;
	vcpu_enter64(v, idle);
	e.exception.injected = 1;
	e.exception.nr = 13;
	e.exception.has_error_code = 1;
	e.exception.error_code = 0x1234;
	CHECK_OK(ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e));
	CHECK_EQ(vcpu_sync(v), 13);
	CHECK_EQ(G(v->vm, error), 0x1234);
	vcpu_done(v);
	CHECK_OK(ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e));
	CHECK_EQ(e.exception.injected, 0);
}

TEST(events_refused, "events that are none are EINVAL")
{
	struct vcpu *v = new_vcpu();
	struct kvm_vcpu_events e, good;

	CHECK_OK(ioctl(v->fd, KVM_GET_VCPU_EVENTS, &good));
	e = good;
	e.flags = 1u << 31;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL);
	e = good;
	e.exception.injected = 1;
	e.exception.nr = 32;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL);
	e = good;
	e.exception.injected = 1;
	e.exception.nr = 2;		/* an NMI is no exception */
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL);
	CHECK_OK(ioctl(v->fd, KVM_SET_VCPU_EVENTS, &good));
}

TEST(shadow, "the interrupt shadow is there after STI, and can be set")
{
	struct vcpu *v = new_vcpu();
	struct kvm_vcpu_events e;

	vcpu_enter64(v, idle);
	CHECK_OK(ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e));
	CHECK_EQ(e.interrupt.shadow, 0);
	e.flags = KVM_VCPUEVENT_VALID_SHADOW;
	e.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	CHECK_OK(ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e));
	CHECK_OK(ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e));
	CHECK_EQ(e.interrupt.shadow, KVM_X86_SHADOW_INT_STI);
	CHECK(e.flags & KVM_VCPUEVENT_VALID_SHADOW);
}

/* --- MP state --- */

static int set_mp(struct vcpu *v, uint32_t s)
{
	struct kvm_mp_state m = { .mp_state = s };

	return ioctl(v->fd, KVM_SET_MP_STATE, &m);
}

static uint32_t get_mp(struct vcpu *v)
{
	struct kvm_mp_state m = { .mp_state = 77 };

	CHECK_OK(ioctl(v->fd, KVM_GET_MP_STATE, &m));
	return m.mp_state;
}

TEST(mp_state, "MP states: first vCPU, others, set, refused")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v0 = vcpu_new(vm, 0), *v1 = vcpu_new(vm, 1);

	CHECK_EQ(get_mp(v0), KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(get_mp(v1), KVM_MP_STATE_UNINITIALIZED);
	CHECK_OK(set_mp(v1, KVM_MP_STATE_HALTED));
	CHECK_EQ(get_mp(v1), KVM_MP_STATE_HALTED);
	CHECK_OK(set_mp(v1, KVM_MP_STATE_INIT_RECEIVED));
	CHECK_EQ(get_mp(v1), KVM_MP_STATE_INIT_RECEIVED);
	CHECK_OK(set_mp(v1, KVM_MP_STATE_RUNNABLE));
	CHECK_EQ(get_mp(v1), KVM_MP_STATE_RUNNABLE);
	CHECK_ERRNO(set_mp(v1, KVM_MP_STATE_STOPPED), EINVAL);
	CHECK_ERRNO(set_mp(v1, 1000), EINVAL);
}

TEST(mp_state_user, "without a local APIC in the kernel only RUNNABLE is set")
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);

	CHECK_EQ(get_mp(v), KVM_MP_STATE_RUNNABLE);
	CHECK_OK(set_mp(v, KVM_MP_STATE_RUNNABLE));
	CHECK_ERRNO(set_mp(v, KVM_MP_STATE_UNINITIALIZED), EINVAL);
	CHECK_ERRNO(set_mp(v, KVM_MP_STATE_INIT_RECEIVED), EINVAL);
}
