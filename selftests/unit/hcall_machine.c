// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What hypercalls stand on, without a kernel: its ioctls are answered here,
 * guest virtual addresses are physical ones, and calls to another vCPU run at
 * once.  Owns the one guest of the program.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "hcall_machine.h"
#include "../../vmm/x86/cpuid.h"

struct vm vm;
struct vcpu vcpus[HCALL_VCPUS];
struct kvm_run run;
static struct vm_config cfg = { .name = (char *)"t", .uuid = { 1, 2, 3 } };
int shutdown_reason;
uint8_t upcall_vector;

int __wrap_ioctl(int fd, unsigned long req, ...);

/* The kernel: translation is the identity, everything else succeeds. */
int __wrap_ioctl(int fd, unsigned long req, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, req);
	arg = va_arg(ap, void *);
	va_end(ap);
	switch (req) {
	case KVM_TRANSLATE: {
		struct kvm_translation *t = arg;

		t->physical_address = t->linear_address;
		t->valid = t->linear_address < 1ull << 40;
		return 0;
	}
	case KVM_XEN_HVM_GET_ATTR:
		((struct kvm_xen_hvm_attr *)arg)->u.long_mode = 1;
		return 0;
	case KVM_XEN_HVM_SET_ATTR: {
		struct kvm_xen_hvm_attr *a = arg;

		if (a->type == KVM_XEN_ATTR_TYPE_UPCALL_VECTOR)
			upcall_vector = a->u.vector;
		return 0;
	}
	case KVM_XEN_VCPU_GET_ATTR:
		memset(&((struct kvm_xen_vcpu_attr *)arg)->u, 0, 64);
		return 0;
	case KVM_GET_MP_STATE:
		((struct kvm_mp_state *)arg)->mp_state = KVM_MP_STATE_RUNNABLE;
		return 0;
	case KVM_GET_SREGS:
		memset(arg, 0, sizeof(struct kvm_sregs));
		return 0;
	case KVM_GET_CLOCK:
		((struct kvm_clock_data *)arg)->clock = 1000;
		return 0;
	}
	return 0;
}

int vcpu_call(struct vcpu *self, struct vcpu *v,
	      int (*fn)(struct vcpu *v, void *arg), void *arg)
{
	return fn(v, arg);
}

int cpuid_load(struct vcpu *v)
{
	return 0;
}

void vm_shutdown(struct vm *v, unsigned int reason)
{
	CHECK(reason <= SHUTDOWN_MAX);
	shutdown_reason = reason;
}

int vm_slot_add(struct vm *v, gfn_t at, void *host, uint64_t len)
{
	return 5;
}

int vm_slot_del(struct vm *v, int slot)
{
	CHECK_EQ(slot, 5);
	return 0;
}

void setup(void)
{
	unsigned int i;

	memset(&vm, 0, sizeof(vm));
	vm.cfg = &cfg;
	vm.domid = DOMID;
	vm.vcpus = vcpus;
	vm.nr_vcpus = 2;
	atomic_store(&vm.shutdown_code, -1);
	pthread_mutex_init(&vm.call_lock, NULL);
	vm.nr_e820 = 1;
	vm.e820[0] = (struct vm_e820){ 0, BYTES, 1 };
	shutdown_reason = -1;
	for (i = 0; i < 2; i++) {
		memset(&vcpus[i], 0, sizeof(vcpus[i]));
		vcpus[i].vm = &vm;
		vcpus[i].id = i;
		vcpus[i].run = &run;
		hcall_vcpu_init(&vcpus[i]);
	}
	CHECK_EQ(mem_create(&vm.mem, BYTES), 0);
	CHECK_EQ(event_loop_create(&vm.loop), 0);
	CHECK_EQ(physmap_create(&vm.physmap, &vm), 0);
	CHECK_EQ(hvm_params_create(&vm.params), 0);
	CHECK_EQ(watchdog_create(&vm.watchdog, &vm), 0);
	CHECK_EQ(gnttab_create(&vm.gnttab, vm.mem,
			       physmap_page(vm.physmap, PHYSMAP_GRANT(0))), 0);
	CHECK_EQ(evtchn_create(&vm.evtchn, &vm, 2,
			       physmap_page(vm.physmap, PHYSMAP_SHARED_INFO)),
		 0);
}

static void over(void *arg)
{
	event_loop_stop(vm.loop);
}

void run_posted(void)
{
	CHECK_EQ(event_post(vm.loop, over, NULL), 0);
	CHECK_EQ(event_loop_run(vm.loop), 0);
}

void teardown(void)
{
	unsigned int i;

	run_posted();
	for (i = 0; i < 2; i++)
		hcall_vcpu_exit(&vcpus[i]);
	evtchn_destroy(vm.evtchn);
	gnttab_destroy(vm.gnttab);
	watchdog_destroy(vm.watchdog);
	hvm_params_destroy(vm.params);
	physmap_destroy(vm.physmap);
	event_loop_destroy(vm.loop);
	mem_destroy(vm.mem);
}

int64_t call_as(bool wide, uint64_t nr, uint64_t a0, uint64_t a1,
		uint64_t a2, uint64_t a3)
{
	struct hcall h = {
		.vm = &vm, .vcpu = &vcpus[0], .wide = wide, .nr = nr,
		.arg = { a0, a1, a2, a3 },
	};

	vcpus[0].gva_page = UINT64_MAX;
	return hypercall_do(&h);
}

int64_t call(uint64_t nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	return call_as(true, nr, a0, a1, a2, 0);
}

void *at(uint64_t where)
{
	return mem_ptr(vm.mem, gpa(where), GUEST_PAGE_SIZE);
}
