/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's share of Xen: KVM_XEN_* ioctls, Documentation/virt/kvm/api.rst
 * 4.115, 4.126 to 4.128, 8.35.  Everything here returns 0 or -errno.
 */
#ifndef XKVM_XEN_KERNEL_H
#define XKVM_XEN_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "../mem.h"

struct vcpu;
struct vcpu_runstate_info;
struct vm;

#define KERNEL_NO_ADDRESS	UINT64_MAX	/* takes a registration back */

/* What a node must be able to do (KVM_CAP_XEN_HVM). */
uint32_t kernel_xen_required(void);

/* Switch Xen on for a new VM. */
int kernel_xen_init(struct vm *vm);

/* For the whole guest; from any thread. */
int kernel_set_shared_info(struct vm *vm, uint64_t gfn);

/*
 * With XKVM_CAP_SPECIAL: the page at @page appears at @gfn, which it must not
 * do yet; or no longer.
 */
int kernel_map_special(struct vm *vm, uint64_t gfn, void *page);
int kernel_unmap_special(struct vm *vm, uint64_t gfn, void *page);
int kernel_set_upcall_vector(struct vm *vm, uint8_t vector);
int kernel_set_wide(struct vm *vm, bool wide);
int kernel_set_runstate_update(struct vm *vm, bool on);
bool kernel_is_wide(struct vm *vm);	/* shared_info in 64-bit layout */

/*
 * As after kernel_xen_init(), but for routes: no shared_info, no callback, the
 * word size a new VM has.  kernel_vcpu_reset() - no areas, vector or timer.
 */
int kernel_reset(struct vm *vm);
int kernel_vcpu_reset(struct vcpu *v);

/* Make @port pending for @vcpu and let it know. */
int kernel_evtchn_send(struct vm *vm, uint32_t port, unsigned int vcpu);

/*
 * What a send by the guest on @port does: signal eventfd @fd; or make @to
 * pending for @vcpu, @ipi if the channel is an IPI (then @to is @port).
 */
int kernel_route_fd(struct vm *vm, uint32_t port, int fd);
int kernel_route_port(struct vm *vm, uint32_t port, bool ipi, uint32_t to,
		      unsigned int vcpu);
/* Another vCPU for a route made by kernel_route_port(). */
int kernel_route_update(struct vm *vm, uint32_t port, bool ipi, uint32_t to,
			unsigned int vcpu);
int kernel_unroute(struct vm *vm, uint32_t port);
int kernel_route_reset(struct vm *vm);

/* For one vCPU, on its own thread. */
int kernel_vcpu_init(struct vcpu *v);
int kernel_vcpu_info(struct vcpu *v, uint64_t gpa);
int kernel_vcpu_time_info(struct vcpu *v, uint64_t gpa);
int kernel_vcpu_runstate_area(struct vcpu *v, uint64_t gpa);
int kernel_vcpu_get_runstate(struct vcpu *v, struct vcpu_runstate_info *info);
int kernel_vcpu_upcall_vector(struct vcpu *v, uint8_t vector);
int kernel_vcpu_timer(struct vcpu *v, uint32_t port, uint64_t expires_ns);

#endif
