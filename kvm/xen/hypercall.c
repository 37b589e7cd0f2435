// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: the page, the dispatch, and the way through user space.
 *
 * The kernel answers a hypercall itself only for guest kernel mode (CPL 0,
 * EL1): user mode of a guest has no business with most of them, and which it
 * may use is policy, so those go to user space with their CPL.  So does
 * whatever the table below does not know or its handler declines.
 * All of it runs in the vCPU's thread, loaded.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../trace.h"
#include "internal.h"

/* True: done, *@result is the hypercall's; false: user space has to. */
typedef bool (*hypercall_fn)(struct vcpu *vcpu, const struct xen_hcall_regs *r,
			     u64 *result);

static bool hypercall_version(struct vcpu *vcpu, const struct xen_hcall_regs *r,
			      u64 *result)
{
	u32 version = READ_ONCE(vcpu->vm->xen.xen_version);

	if ((u32)r->arg[0] != XENVER_version || !version)
		return false;
	*result = version;
	return true;
}

static bool hypercall_evtchn(struct vcpu *vcpu, const struct xen_hcall_regs *r,
			     u64 *result)
{
	struct evtchn_send send;	/* the same for both word sizes */

	if ((u32)r->arg[0] != EVTCHNOP_send)
		return false;
	if (arch_guest_read_va(vcpu, r->arg[1], &send, sizeof(send))) {
		*result = -EFAULT;
		return true;
	}
	return port_send(vcpu, send.port, result);
}

static const hypercall_fn hypercall_table[] = {
	[__HYPERVISOR_set_timer_op]	= timer_set_op,
	[__HYPERVISOR_xen_version]	= hypercall_version,
	[__HYPERVISOR_vcpu_op]		= timer_vcpu_op,
	[__HYPERVISOR_sched_op]		= sched_hypercall,
	[__HYPERVISOR_event_channel_op]	= hypercall_evtchn,
};

static bool hypercall_fast(struct vcpu *vcpu, const struct xen_hcall_regs *r,
			   u64 *result)
{
	hypercall_fn fn;

	if (r->cpl || r->nr >= ARRAY_SIZE(hypercall_table))
		return false;
	fn = hypercall_table[array_index_nospec(r->nr,
						ARRAY_SIZE(hypercall_table))];
	return fn && fn(vcpu, r, result);
}

static int hypercall_finish(struct vcpu *vcpu, u64 result, bool longmode)
{
	arch_xen_set_result(vcpu, result, longmode);
	/* what was called may have led to an upcall in whichever way */
	xen_upcall_look(vcpu);
	return !arch_xen_skip_hcall(vcpu);
}

/* The next KVM_RUN.  The result counts only where the guest still stands. */
static int hypercall_complete(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	if (arch_vcpu_rip(vcpu) != x->hypercall_rip)
		return 1;
	return hypercall_finish(vcpu, vcpu->run->xen.u.hcall.result,
				x->hypercall_long_mode);
}

static int hypercall_exit(struct vcpu *vcpu, const struct xen_hcall_regs *r)
{
	struct kvm_xen_exit *e = &vcpu->run->xen;
	unsigned int i;

	vcpu->run->exit_reason = KVM_EXIT_XEN;
	e->type = KVM_EXIT_XEN_HCALL;
	e->u.hcall.longmode = r->longmode;
	e->u.hcall.cpl = r->cpl;
	e->u.hcall.input = r->nr;
	e->u.hcall.result = 0;
	for (i = 0; i < ARRAY_SIZE(r->arg); i++)
		e->u.hcall.params[i] = r->arg[i];
	vcpu->xen.hypercall_rip = arch_vcpu_rip(vcpu);
	vcpu->xen.hypercall_long_mode = r->longmode;
	vcpu->complete = hypercall_complete;
	return 0;
}

int xen_hypercall(struct vcpu *vcpu)
{
	struct xen_hcall_regs r;
	u64 result;

	arch_xen_hcall_regs(vcpu, &r);
	trace_xkvm_xen_hypercall(vcpu->id, r.cpl, r.longmode, r.nr, r.arg[0],
				 r.arg[1], r.arg[2], r.arg[3], r.arg[4],
				 r.arg[5]);
	sched_poll_end(vcpu);
	if (!hypercall_fast(vcpu, &r, &result))
		return hypercall_exit(vcpu, &r);
	vcpu->stat.fast_hypercalls++;
	return hypercall_finish(vcpu, result, r.longmode);
}

/* The page's content: ours, or page @nr of user space's blob. */
static int hypercall_page_fill(struct vm *vm, bool longmode, u32 nr, u8 *page)
{
	const struct kvm_xen_hvm_config *c = &vm->xen.config;
	u64 addr = longmode ? c->blob_addr_64 : c->blob_addr_32;
	u32 size = longmode ? c->blob_size_64 : c->blob_size_32;

	lockdep_assert_held(&vm->xen.lock);
	if (c->flags & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL) {
		if (nr)
			return 1;
		arch_xen_hypercall_page(vm, page);
		return 0;
	}
	if (nr >= size)
		return 1;
	addr += (u64)nr << PAGE_SHIFT;
	return copy_from_user(page, u64_to_user_ptr(addr), PAGE_SIZE) ?
		-EFAULT : 0;
}

int xen_write_hypercall_page(struct vcpu *vcpu, u64 data)
{
	struct vm *vm = vcpu->vm;
	struct xen_hcall_regs r;
	u8 *page;
	int ret;

	page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	/* the word size of the guest is that of who writes this MSR, in Xen */
	arch_xen_hcall_regs(vcpu, &r);
	mutex_lock(&vm->xen.lock);
	ret = shinfo_set_long_mode(vm, r.longmode) ? 1 : 0;
	if (!ret)
		ret = hypercall_page_fill(vm, r.longmode, data & ~PAGE_MASK,
					  page);
	mutex_unlock(&vm->xen.lock);
	if (!ret && guest_write(vm, data & PAGE_MASK, page, PAGE_SIZE))
		ret = 1;
	kfree(page);
	return ret;
}
