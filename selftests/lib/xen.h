/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Xen guests for tests: KVM's attributes as calls, hypercalls for guest code,
 * shared_info in both word sizes.
 */
#ifndef SELFTESTS_XEN_H
#define SELFTESTS_XEN_H

#include <stdint.h>

/* The newest that these headers have; the default is that of Xen 3.0. */
#define __XEN_INTERFACE_VERSION__ 0x00040e00
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>
#include <xen/foreign/x86_32.h>

#include <linux/xkvm.h>

#include "guest.h"

#define XEN_MSR		0x40000000	/* hypercall page */

/* Places in guest memory */
#define XEN_HCALL_PAGE	0x110000ull
#define XEN_SHINFO	0x111000ull
#define XEN_VCPU_INFO	0x112000ull	/* of vCPU i: + i * 64 */
#define XEN_RUNSTATE	0x113000ull
#define XEN_TIME_INFO	0x114000ull

#define XEN_VECTOR	0xf3

struct xen_opts {
	bool wide;		/* 64-bit guest */
	unsigned int vcpus;
};

/* The KVM_XEN_HVM_CONFIG_* of the node; skips the test without those. */
unsigned int xen_require(unsigned int flags);
/*
 * Local APICs in the kernel, hypercalls intercepted, shared_info at
 * XEN_SHINFO, and nothing else.
 */
struct vm *xen_vm(bool wide);
/* With its vcpu_info at XEN_VCPU_INFO and its Xen number the same as its ID. */
struct vcpu *xen_vcpu(struct vm *vm, unsigned int id);

/* KVM_XEN_*_ATTR: 0, or -1 and errno. */
int xen_set(struct vm *vm, struct kvm_xen_hvm_attr *a);
int xen_get(struct vm *vm, struct kvm_xen_hvm_attr *a);
int xen_vcpu_set(struct vcpu *v, struct kvm_xen_vcpu_attr *a);
int xen_vcpu_get(struct vcpu *v, struct kvm_xen_vcpu_attr *a);
int xen_set_gpa(struct vcpu *v, uint16_t type, uint64_t gpa);
int xen_send(struct vm *vm, uint32_t port, uint32_t vcpu);

/* Bits of the event words as this VM's guest sees them. */
bool xen_pending(struct vm *vm, uint32_t port, bool wide);
void xen_set_mask(struct vm *vm, uint32_t port, bool wide, bool masked);
static inline vcpu_info_t *xen_vcpu_info(struct vm *vm, unsigned int id)
{
	return vm_ptr(vm, XEN_VCPU_INFO + id * 64);
}

/* --- guest code --- */

GINLINE int64_t g_hypercall(uint64_t nr, uint64_t a, uint64_t b, uint64_t c)
{
	int64_t r;

	__asm__ volatile("vmcall" : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c) : "memory");
	return r;
}

GINLINE int64_t g_sched_op(uint64_t cmd, const void *arg)
{
	return g_hypercall(__HYPERVISOR_sched_op, cmd, (uint64_t)arg, 0);
}

GINLINE int64_t g_evtchn_send(uint32_t port)
{
	struct evtchn_send s = { .port = port };

	return g_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send,
			   (uint64_t)&s, 0);
}

#endif
