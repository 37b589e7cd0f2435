// SPDX-License-Identifier: GPL-2.0-or-later
/* Hyper-V's hypercall page: by itself, and beside Xen's in one guest. */
#include <stdlib.h>

#include "xen.h"

#define HV_XEN_MSR	0x40000200	/* out of the way of Hyper-V's */
#define HV_OS_ID	0x40000000
#define HV_HYPERCALL	0x40000001
#define HV_VP_INDEX	0x40000002
#define HV_TIME_REF_COUNT	0x40000020
#define HV_REFERENCE_TSC	0x40000021
#define HV_PAGE		0x117000ull
#define HV_TSC_PAGE	0x118000ull
#define HV_ENABLE	1

#define HV_SIGNAL_EVENT		0x5d
#define HV_INVALID_CODE		2
#define HV_INVALID_INPUT	3
#define HV_INVALID_ALIGNMENT	4
#define HV_REP			(1ull << 32)

#define GP	13
#define UD	6

static uint64_t traps GUEST_VAR;

static struct kvm_cpuid2 *hv_cpuid(void)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) +
				      100 * sizeof(c->entries[0]));
	int dev = dev_open();

	CHECK(c);
	c->nent = 1;
	CHECK_ERRNO(ioctl(dev, KVM_GET_SUPPORTED_HV_CPUID, c), E2BIG);
	c->nent = 100;
	if (ioctl(dev, KVM_GET_SUPPORTED_HV_CPUID, c))
		tap_skip("no KVM_GET_SUPPORTED_HV_CPUID");
	return c;
}

/* What is supported, with Hyper-V's leaves for KVM's. */
static void give_leaves(struct vcpu *v)
{
	struct kvm_cpuid2 *sys = cpuid_supported(), *hv = hv_cpuid(), *all;
	unsigned int n = 0;

	all = calloc(1, sizeof(*all) + (sys->nent + hv->nent) *
		     sizeof(all->entries[0]));
	CHECK(all);
	for (unsigned int i = 0; i < sys->nent; i++)
		if (sys->entries[i].function >> 8 != 0x400000)
			all->entries[n++] = sys->entries[i];
	for (unsigned int i = 0; i < hv->nent; i++)
		all->entries[n++] = hv->entries[i];
	all->nent = n;
	vcpu_set_cpuid(v, all);
}

static struct vm *hv_vm(bool xen)
{
	struct kvm_xen_hvm_config cfg = {
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
		.msr = HV_XEN_MSR,
	};
	struct vm *vm = vm_new(VM_IRQCHIP);

	if (xen) {
		xen_require(KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL);
		CHECK_OK(ioctl(vm->fd, KVM_XEN_HVM_CONFIG, &cfg));
	}
	return vm;
}

TEST(cpuid, "the leaves say Hyper-V and a page of hypercalls")
{
	struct kvm_cpuid2 *c = hv_cpuid();
	struct kvm_cpuid_entry2 *e = cpuid_find(c, 0x40000001, 0);

	CHECK(e && e->eax == 0x31237648);
	e = cpuid_find(c, 0x40000003, 0);
	CHECK(e && (e->eax & 0x60) == 0x60);
}

GUEST static void no_leaves(void)
{
	uint64_t val;

	g_check_eq(g_try_wrmsr(HV_OS_ID, 0x5a), GP);
	g_check_eq(g_try_wrmsr(HV_HYPERCALL, HV_PAGE | HV_ENABLE), GP);
	g_check_eq(g_try_rdmsr(HV_VP_INDEX, &val), GP);
	g_done();
}

TEST(no_leaves, "a guest that was not given the leaves has no such MSR")
{
	struct vcpu *v = vcpu_new(hv_vm(false), 0);

	hv_cpuid();
	vcpu_enter64(v, no_leaves);
	vcpu_done(v);
}

GINLINE uint64_t g_hv_call(uint64_t input, uint64_t param)
{
	register uint64_t r8 __asm__("r8") = 0;
	uint64_t ret;

	__asm__ volatile("call *%[page]" : "=a"(ret), "+c"(input), "+d"(param)
			 : [page] "r"(HV_PAGE), "a"(0), "r"(r8) : "memory");
	return ret;
}

GUEST static void g_hv_calls(void)
{
	uint64_t val = 77, ret;

	/* who does not say what it is gets no page */
	g_wrmsr(HV_HYPERCALL, HV_PAGE | HV_ENABLE);
	g_check_eq(g_rdmsr(HV_HYPERCALL), 0);
	g_wrmsr(HV_OS_ID, 0x5a);
	g_check_eq(g_try_wrmsr(HV_HYPERCALL, GUEST_MMIO | HV_ENABLE), GP);
	g_wrmsr(HV_HYPERCALL, HV_PAGE | HV_ENABLE);
	g_check_eq(g_rdmsr(HV_OS_ID), 0x5a);
	g_check_eq(g_rdmsr(HV_HYPERCALL), HV_PAGE | HV_ENABLE);
	g_check_eq(g_try_rdmsr(HV_VP_INDEX, &val), NO_EXCEPTION);
	g_check_eq(val, 0);
	g_check_eq(g_try_wrmsr(HV_VP_INDEX, 1), GP);

	g_check_eq(g_hv_call(HV_SIGNAL_EVENT, 0x5a5a5a5a),
		   HV_INVALID_ALIGNMENT);
	g_check_eq(g_hv_call(0x7777, 0), HV_INVALID_CODE);
	g_check_eq(g_hv_call(HV_SIGNAL_EVENT | HV_REP, 0), HV_INVALID_INPUT);
	ret = g_hv_call(HV_SIGNAL_EVENT, 0x1000);
	g_check(ret && ret != HV_INVALID_ALIGNMENT && ret < 32);
}

GUEST static void hv_only(void)
{
	g_hv_calls();
	/* without an identity the page goes */
	g_wrmsr(HV_OS_ID, 0);
	g_check_eq(g_rdmsr(HV_HYPERCALL) & HV_ENABLE, 0);
	g_done();
}

TEST(alone, "hypercalls through the page, their errors, the page's end")
{
	struct vcpu *v = vcpu_new(hv_vm(false), 0);

	give_leaves(v);
	vcpu_enter64(v, hv_only);
	vcpu_done(v);
}

GUEST static void hv_and_xen(void)
{
	g_wrmsr(HV_XEN_MSR, XEN_HCALL_PAGE);
	g_hv_calls();
	g_check_eq(g_hypercall(25, 1, 2, 3), 0x1234);
	g_check_eq(g_hv_call(HV_SIGNAL_EVENT, 1), HV_INVALID_ALIGNMENT);
	g_done();
}

TEST(beside_xen, "in one guest each page leads to its own hypervisor")
{
	struct vcpu *v = vcpu_new(hv_vm(true), 0);

	give_leaves(v);
	vcpu_enter64(v, hv_and_xen);
	vcpu_expect(v, KVM_EXIT_XEN);
	CHECK_EQ(v->run->xen.u.hcall.input, 25);
	CHECK_EQ(v->run->xen.u.hcall.params[0], 1);
	v->run->xen.u.hcall.result = 0x1234;
	vcpu_done(v);
}

GUEST static void on_ud(struct guest_regs *r)
{
	traps++;
	r->rip += 3;		/* vmcall */
}

GUEST static void hv_user(void)
{
	g_hv_call(HV_SIGNAL_EVENT, 0);
	g_check_eq(traps, 1);
	g_done();
}

TEST(user_mode, "user mode has no such hypercalls: #UD")
{
	struct vm *vm = hv_vm(false);
	struct vcpu *v = vcpu_new(vm, 0);

	give_leaves(v);
	vcpu_set_msr(v, HV_OS_ID, 0x5a);
	vcpu_set_msr(v, HV_HYPERCALL, HV_PAGE | HV_ENABLE);
	G(vm, guest_handlers)[UD] = on_ud;
	vcpu_enter64_user(v, hv_user);
	vcpu_done(v);
}

struct tsc_page {
	uint32_t sequence, reserved;
	uint64_t scale;
	int64_t offset;
};

/* The counter as a guest reads it; 0: the page sends it to the MSR. */
GINLINE uint64_t g_reference(void)
{
	volatile struct tsc_page *p = (void *)HV_TSC_PAGE;
	uint32_t sequence = p->sequence;
	uint64_t now;

	if (!sequence)
		return 0;
	now = (uint64_t)((unsigned __int128)g_rdtsc() * p->scale >> 64) +
	      p->offset;
	return p->sequence == sequence ? now : 0;
}

/* Between two reads of the MSR the page says a time between theirs. */
GINLINE void g_same_clock(void)
{
	uint64_t before = g_rdmsr(HV_TIME_REF_COUNT), now = g_reference();
	uint64_t after = g_rdmsr(HV_TIME_REF_COUNT);

	g_check(after >= before);
	g_check(now + 1 >= before && now <= after + 1);
}

GUEST static void hv_clock(void)
{
	uint64_t val;

	g_check_eq(g_try_wrmsr(HV_TIME_REF_COUNT, 0), GP);
	g_check_eq(g_try_rdmsr(HV_REFERENCE_TSC, &val), NO_EXCEPTION);
	g_check_eq(val, 0);
	g_wrmsr(HV_REFERENCE_TSC, HV_TSC_PAGE | HV_ENABLE);
	g_check_eq(g_rdmsr(HV_REFERENCE_TSC), HV_TSC_PAGE | HV_ENABLE);
	g_same_clock();
	g_sync(1);
	g_same_clock();		/* an hour later */
	g_check(g_reference() >= 36000000000ull);
	g_sync(2);
	g_same_clock();		/* with another TSC */
	g_done();
}

TEST(clock, "the reference page and the counter are one clock")
{
	struct kvm_clock_data clock = { .clock = 3600ull * 1000000000 };
	struct vm *vm = hv_vm(false);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_cpuid_entry2 *e = cpuid_find(hv_cpuid(), 0x40000003, 0);

	CHECK(e);
	if ((e->eax & 0x202) != 0x202)
		tap_skip("no reference counter and page");
	give_leaves(v);
	vcpu_enter64(v, hv_clock);
	vcpu_sync(v);
	CHECK_OK(ioctl(vm->fd, KVM_SET_CLOCK, &clock));
	vcpu_sync(v);
	vcpu_set_msr(v, 0x10, 0);
	vcpu_done(v);
}

GUEST static void hv_index(void)
{
	g_check_eq(g_rdmsr(HV_VP_INDEX), 5);
	g_done();
}

TEST(vp_index, "user space may choose the VP index")
{
	struct vcpu *v = vcpu_new(hv_vm(false), 0);

	hv_cpuid();
	give_leaves(v);
	vcpu_set_msr(v, HV_VP_INDEX, 5);
	vcpu_enter64(v, hv_index);
	vcpu_done(v);
}
