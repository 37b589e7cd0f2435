// SPDX-License-Identifier: GPL-2.0-or-later
/* Hypercalls: the page, what leaves to user space, what the kernel serves. */
#include "xen.h"

#define NR_OTHER	25	/* one that no kernel serves: mmuext-like */
#define HC_EINVAL	(-22ll)
#define HC_EFAULT	(-14ll)

/* --- the hypercall page --- */

GUEST static void call_page(void)
{
	register uint64_t r10 __asm__("r10") = 4;
	register uint64_t r8 __asm__("r8") = 5;
	register uint64_t r9 __asm__("r9") = 6;
	uint64_t entry = XEN_HCALL_PAGE + NR_OTHER * 32;
	int64_t r;

	g_wrmsr(XEN_MSR, XEN_HCALL_PAGE);
	__asm__ volatile("call *%[e]" : "=a"(r)
			 : [e] "r"(entry), "D"(1ull << 40), "S"(2), "d"(3),
			   "r"(r10), "r"(r8), "r"(r9) : "memory");
	g_check_eq(r, -38ll);
	g_done();
}

TEST(page64, "the hypercall page of a 64-bit guest: number and six arguments")
{
	struct vm *vm = xen_vm(true);
	struct vcpu *v = xen_vcpu(vm, 0);
	struct kvm_xen_exit *x = &v->run->xen;

	vcpu_enter64(v, call_page);
	vcpu_expect(v, KVM_EXIT_XEN);
	CHECK_EQ(x->type, KVM_EXIT_XEN_HCALL);
	CHECK_EQ(x->u.hcall.longmode, 1);
	CHECK_EQ(x->u.hcall.cpl, 0);
	CHECK_EQ(x->u.hcall.input, NR_OTHER);
	CHECK_EQ(x->u.hcall.params[0], 1ull << 40);
	for (uint64_t i = 1; i < 6; i++)
		CHECK_EQ(x->u.hcall.params[i], i + 1);
	x->u.hcall.result = -38;
	vcpu_done(v);
	/* Every entry ends in the same way; the last bytes are no code. */
	CHECK(memcmp(vm_ptr(vm, XEN_HCALL_PAGE), "\xb8\0\0\0\0", 5) == 0);
}

GUEST_ASM(call_page32, 32,
	  "mov $0x40000000, %ecx\n"
	  "mov $0x110000, %eax\n"
	  "xor %edx, %edx\n"
	  "wrmsr\n"
	  "mov $1, %ebx; mov $2, %ecx; mov $3, %edx\n"
	  "mov $4, %esi; mov $5, %edi; mov $0xfffffff6, %ebp\n"
	  "mov $0x110000 + 25 * 32, %eax\n"
	  "call *%eax\n"
	  "mov $0x5e0, %edx\n"
	  "out %eax, %dx\n");

TEST(page32, "the hypercall page of a 32-bit guest")
{
	struct vm *vm = xen_vm(false);
	struct vcpu *v = xen_vcpu(vm, 0);
	struct kvm_xen_exit *x = &v->run->xen;

	vcpu_enter32(v, call_page32, PAGING_PAE);
	vcpu_expect(v, KVM_EXIT_XEN);
	CHECK_EQ(x->u.hcall.longmode, 0);
	CHECK_EQ(x->u.hcall.cpl, 0);
	CHECK_EQ(x->u.hcall.input, NR_OTHER);
	for (uint64_t i = 0; i < 5; i++)
		CHECK_EQ(x->u.hcall.params[i], i + 1);
	CHECK_EQ(x->u.hcall.params[5], 0xfffffff6);
	x->u.hcall.result = (uint32_t)-22;
	CHECK_EQ(vcpu_sync(v), (uint32_t)-22);
}

GUEST static void latch(void)
{
	g_wrmsr(XEN_MSR, XEN_HCALL_PAGE);
	g_done();
}

GUEST_ASM(latch32, 32,
	  "mov $0x40000000, %ecx\n"
	  "mov $0x110000, %eax\n"
	  "xor %edx, %edx\n"
	  "wrmsr\n"
	  "mov $0x5e4, %edx\n"
	  "out %eax, %dx\n");

static uint8_t long_mode(struct vm *vm)
{
	struct kvm_xen_hvm_attr a = { .type = KVM_XEN_ATTR_TYPE_LONG_MODE };

	CHECK_OK(xen_get(vm, &a));
	return a.u.long_mode;
}

TEST(latch, "writing the page's MSR latches the guest's word size")
{
	struct vm *vm = xen_vm(false);
	struct vcpu *v = xen_vcpu(vm, 0);

	vcpu_enter64(v, latch);
	vcpu_done(v);
	CHECK_EQ(long_mode(vm), 1);
	vcpu_enter32(v, latch32, PAGING_PAE);
	vcpu_done(v);
	CHECK_EQ(long_mode(vm), 0);
}

GUEST static void bad_pages(void)
{
	uint32_t r;

	r = g_try_wrmsr(XEN_MSR, XEN_HCALL_PAGE | 1);
	g_check_eq(r, 13);
	r = g_try_wrmsr(XEN_MSR, GUEST_MMIO);
	g_check_eq(r, 13);
	g_done();
}

TEST(bad_page, "a hypercall page where none can be is #GP")
{
	struct vcpu *v = xen_vcpu(xen_vm(true), 0);

	vcpu_enter64(v, bad_pages);
	vcpu_done(v);
}

TEST(blob, "without interception the page's content is the client's")
{
	static uint8_t blob[2][4096];
	struct kvm_xen_hvm_config cfg = {
		.msr = XEN_MSR,
		.blob_addr_32 = (uintptr_t)blob[0], .blob_size_32 = 1,
		.blob_addr_64 = (uintptr_t)blob[1], .blob_size_64 = 1,
	};
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_HYPERCALL_MSR);
	vm = vm_new(VM_IRQCHIP);
	memset(blob[0], 0x32, 4096);
	memset(blob[1], 0x64, 4096);
	CHECK_OK(ioctl(vm->fd, KVM_XEN_HVM_CONFIG, &cfg));
	v = vcpu_new(vm, 0);
	vcpu_enter64(v, latch);
	vcpu_done(v);
	CHECK(!memcmp(vm_ptr(vm, XEN_HCALL_PAGE), blob[1], 4096));
	vcpu_enter32(v, latch32, PAGING_NONE);
	vcpu_done(v);
	CHECK(!memcmp(vm_ptr(vm, XEN_HCALL_PAGE), blob[0], 4096));
}

/* --- exits to user space --- */

GUEST static void one_call(void)
{
	g_check_eq(g_hypercall(NR_OTHER, 0, 0, 0), 0x1234567890);
	g_done();
}

TEST(completion, "a hypercall exit is completed by KVM_RUN, also immediate")
{
	struct vcpu *v = xen_vcpu(xen_vm(true), 0);

	vcpu_enter64(v, one_call);
	vcpu_expect(v, KVM_EXIT_XEN);
	v->run->xen.u.hcall.result = 0x1234567890;
	v->run->immediate_exit = 1;
	CHECK_EQ(vcpu_run(v), -EINTR);
	v->run->immediate_exit = 0;
	CHECK_EQ(vcpu_regs(v).rax, 0x1234567890);
	vcpu_done(v);
}

GUEST static void user_calls(void)
{
	g_check_eq(g_sched_op(SCHEDOP_yield, 0), -1);
	g_check_eq(g_hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0),
		   -1);
	g_check_eq(g_evtchn_send(5), -1);
	g_done();
}

/* cases.md 25: nothing is served in the kernel for guest user mode. */
TEST(user_mode, "a hypercall from ring 3 is never served in the kernel")
{
	struct kvm_xen_hvm_attr ver = {
		.type = KVM_XEN_ATTR_TYPE_XEN_VERSION,
		.u.xen_version = 0x40011,
	};
	struct kvm_xen_hvm_attr port = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = {
			.send_port = 5, .type = 5,
			.deliver.port = { .port = 5, .priority =
				KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL },
		},
	};
	static const uint64_t nrs[] = {
		__HYPERVISOR_sched_op, __HYPERVISOR_xen_version,
		__HYPERVISOR_event_channel_op,
	};
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	CHECK_OK(xen_set(vm, &ver));
	CHECK_OK(xen_set(vm, &port));
	vcpu_enter64_user(v, user_calls);
	for (int i = 0; i < 3; i++) {
		vcpu_expect(v, KVM_EXIT_XEN);
		CHECK_EQ(v->run->xen.u.hcall.input, nrs[i]);
		CHECK_EQ(v->run->xen.u.hcall.cpl, 3);
		v->run->xen.u.hcall.result = -1;
	}
	vcpu_done(v);
	CHECK(!xen_pending(vm, 5, true));
}

/* --- served in the kernel --- */

GUEST static void fast_calls(void)
{
	g_check_eq(g_hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0),
		   0x40011);
	g_check_eq(g_sched_op(SCHEDOP_yield, 0), 0);
	g_done();
}

TEST(fast, "version and yield do not leave the kernel")
{
	struct kvm_xen_hvm_attr ver = {
		.type = KVM_XEN_ATTR_TYPE_XEN_VERSION,
		.u.xen_version = 0x40011,
	};
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	CHECK_OK(xen_set(vm, &ver));
	vcpu_enter64(v, fast_calls);
	vcpu_done(v);
}

GUEST static void send_unknown(void)
{
	g_check_eq(g_evtchn_send(9), 77);
	g_done();
}

TEST(send_unknown, "a send to a port the kernel does not know leaves")
{
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	v = xen_vcpu(xen_vm(true), 0);
	vcpu_enter64(v, send_unknown);
	vcpu_expect(v, KVM_EXIT_XEN);
	CHECK_EQ(v->run->xen.u.hcall.input, __HYPERVISOR_event_channel_op);
	CHECK_EQ(v->run->xen.u.hcall.params[0], EVTCHNOP_send);
	v->run->xen.u.hcall.result = 77;
	vcpu_done(v);
}

/* --- poll --- */

static volatile uint64_t poll_ports GUEST_VAR;

GUEST static int64_t g_poll(evtchn_port_t *ports, unsigned int n, uint64_t until)
{
	struct sched_poll p;

	set_xen_guest_handle(p.ports, ports);
	p.nr_ports = n;
	p.timeout = until;
	return g_sched_op(SCHEDOP_poll, &p);
}

static evtchn_port_t many[200] GUEST_VAR;

/*
 * cases.md 25: ports are validated.  Where one is not, the poll ends: its time is
 * over.
 */
GUEST static void poll_bad(void)
{
	evtchn_port_t p[2] = { 1, 4096 };

	g_check_eq(g_poll(&p[1], 1, 1), HC_EINVAL);
	g_check_eq(g_poll(p, 2, 1), HC_EINVAL);
	p[1] = 0xffffffff;
	g_check_eq(g_poll(p, 2, 1), HC_EINVAL);
	g_check_eq(g_poll(many, 200, 1), HC_EINVAL);
	g_check_eq(g_poll((evtchn_port_t *)0x100000000ull, 1, 0), HC_EFAULT);
	g_check_eq(g_sched_op(SCHEDOP_poll, (void *)0x100000000ull),
		   HC_EFAULT);
	g_done();
}

TEST(poll_bad, "poll refuses ports, counts and addresses that are none")
{
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	v = xen_vcpu(xen_vm(true), 0);
	vcpu_enter64(v, poll_bad);
	vcpu_done(v);
}

GUEST static void poll_good(void)
{
	evtchn_port_t p[3] = { 7, 500, 4095 };

	g_check_eq(g_poll(p, 3, 0), 0);		/* 500 is pending */
	g_check_eq(g_poll(&p[1], 1, 0), 0);
	/* Nothing is pending, time passes. */
	g_check_eq(g_poll(&p[0], 1, 1), 0);
	poll_ports = 1;
	g_done();
}

TEST(poll_pending, "poll of a pending port returns, and at its time-out")
{
	struct vm *vm;
	struct vcpu *v;

	xen_require(KVM_XEN_HVM_CONFIG_EVTCHN_SEND);
	vm = xen_vm(true);
	v = xen_vcpu(vm, 0);
	xen_set_mask(vm, 500, true, true);
	xen_send(vm, 500, 0);
	vcpu_enter64(v, poll_good);
	vcpu_done(v);
	CHECK_EQ(G(vm, poll_ports), 1);
}
