// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two-level event channels: delivery to the guest.
 *
 * A port becomes pending in three steps: its bit in shared_info, under
 * shinfo.lock; its word's bit in the selector of the vCPU's vcpu_info, under
 * that cache's lock; then the upcall.  evtchn_bits.h has the order against the
 * guest.  The word size and with it the number of ports are read inside
 * shinfo.lock, where they cannot change, and not when a port is registered.
 *
 * Nothing here but the functions that say so sleeps.  A shared_info that is
 * not mapped stops step one with -EWOULDBLOCK.  A vcpu_info that is not mapped,
 * or not placed yet, stops step two: the selector is kept in
 * xen_vcpu.pending_sel and the vCPU is sent to xen_inject_pending().  So user
 * space may also take a vcpu_info away, copy it, and place it anew.
 */
#include <linux/bitops.h>
#include <linux/errno.h>

#include "../trace.h"
#include "evtchn_bits.h"
#include "internal.h"

static void evtchn_2l_wake(struct vcpu *vcpu)
{
	vcpu_request(vcpu, REQ_EVENT);
	vcpu_request_kick(vcpu, REQ_UNBLOCK);
}

void evtchn_2l_defer(struct vcpu *vcpu)
{
	/* what is deferred before work; pairs with xen_inject_pending() */
	smp_store_release(&vcpu->xen.work, true);
	evtchn_2l_wake(vcpu);
}

/* A masked port: nobody but who polls it is told. */
static void evtchn_2l_wake_poller(struct vcpu *vcpu, u32 port)
{
	struct xen_vcpu *x = &vcpu->xen;
	u32 polled = READ_ONCE(x->poll_evtchn);

	if (!polled || (polled != port && polled != XEN_POLL_SEVERAL))
		return;
	if (cmpxchg(&x->poll_evtchn, polled, 0) == polled)
		vcpu_request_kick(vcpu, REQ_UNBLOCK);
}

/* Step three: evtchn_upcall_pending was set. */
static void evtchn_2l_upcall(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;
	u8 vector = READ_ONCE(x->upcall_vector);

	/* the flag before the count; pairs with xen_upcall_pending() */
	smp_mb__before_atomic();
	atomic_inc(&x->upcalls);
	if (vector)
		arch_xen_inject_vector(vcpu, vector);
	evtchn_2l_wake(vcpu);
}

/* Set @sel in vcpu_info, its lock held; true: that is worth an upcall. */
static bool evtchn_2l_set_selector(struct vcpu *vcpu, u32 sel)
{
	struct xen_vcpu *x = &vcpu->xen;

	if (!evtchn_set_selector(x->vcpu_info.khva, xen_layout(vcpu->vm), sel))
		return false;
	if (unlikely(!READ_ONCE(vcpu->vm->xen.word_size_known)))
		set_bit(sel, &x->early_sel);
	return true;
}

/*
 * Step two.  The word size may have changed since step one: it is read under
 * the lock with which evtchn_2l_word_size_changed() waits for those before.
 */
static void evtchn_2l_select(struct vcpu *vcpu, u32 port)
{
	struct xen_vcpu *x = &vcpu->xen;
	struct gpc *info = &x->vcpu_info;
	bool usable, raised = false;
	const struct xen_layout *l;
	u32 sel;

	lockdep_assert_irqs_disabled();
	read_lock(&info->lock);
	l = xen_layout(vcpu->vm);
	if (unlikely(port >= l->nr_ports)) {
		read_unlock(&info->lock);
		return;
	}
	sel = array_index_nospec(port, l->nr_ports) >> l->word_shift;
	usable = gpc_check(info, XEN_VCPU_INFO_SIZE);
	if (usable)
		raised = evtchn_2l_set_selector(vcpu, sel);
	else
		set_bit(sel, &x->pending_sel);
	read_unlock(&info->lock);

	if (!usable)
		evtchn_2l_defer(vcpu);
	else if (raised)
		evtchn_2l_upcall(vcpu);
}

/* Step one. */
static int evtchn_2l_pend(struct vm *vm, u32 port)
{
	struct gpc *shinfo = &vm->xen.shinfo;
	const struct xen_layout *l;
	int ret;

	lockdep_assert_irqs_disabled();
	read_lock(&shinfo->lock);
	l = &xen_layouts[vm->xen.long_mode];
	if (!shinfo->active || port >= l->nr_ports)
		ret = -EINVAL;
	else if (!gpc_check(shinfo, PAGE_SIZE))
		ret = -EWOULDBLOCK;
	else
		ret = evtchn_set_pending(shinfo->khva, l,
					 array_index_nospec(port, l->nr_ports));
	read_unlock(&shinfo->lock);
	return ret;
}

int evtchn_2l_raise(struct vcpu *vcpu, u32 port)
{
	unsigned long flags;
	int ret = -EINVAL;

	/* for both steps: see gpc.h */
	local_irq_save(flags);
	if (port)
		ret = evtchn_2l_pend(vcpu->vm, port);
	if (ret == 1)
		evtchn_2l_select(vcpu, port);
	else if (ret == -ENOTCONN)
		evtchn_2l_wake_poller(vcpu, port);
	local_irq_restore(flags);
	trace_xkvm_xen_evtchn(vcpu->id, port, ret);
	return ret;
}

int evtchn_2l_raise_refresh(struct vcpu *vcpu, u32 port)
{
	int ret;

	do {
		ret = gpc_refresh(&vcpu->vm->xen.shinfo, PAGE_SIZE);
		if (ret)
			return ret;
		ret = evtchn_2l_raise(vcpu, port);
	} while (ret == -EWOULDBLOCK);
	return ret;
}

int xen_check_evtchn_route(struct vm *vm,
			   const struct kvm_irq_routing_xen_evtchn *e)
{
	if (!e->port || e->port >= XEN_MAX_PORTS ||
	    e->priority != KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL ||
	    !evtchn_2l_vcpu(vm, e->vcpu))
		return -EINVAL;
	return 0;
}

int xen_set_evtchn_fast(struct vm *vm,
			const struct kvm_irq_routing_xen_evtchn *e)
{
	struct vcpu *vcpu = evtchn_2l_vcpu(vm, e->vcpu);

	return vcpu ? evtchn_2l_raise(vcpu, e->port) : -EINVAL;
}

int xen_set_evtchn(struct vm *vm, const struct kvm_irq_routing_xen_evtchn *e)
{
	struct vcpu *vcpu = evtchn_2l_vcpu(vm, e->vcpu);

	might_sleep();
	return vcpu ? evtchn_2l_raise_wait(vcpu, e->port) : -EINVAL;
}

int xen_evtchn_send(struct vm *vm, const struct kvm_irq_routing_xen_evtchn *e)
{
	int ret = xen_check_evtchn_route(vm, e);

	if (!ret)
		ret = xen_set_evtchn(vm, e);
	return ret > 0 || ret == -ENOTCONN ? 0 : ret;
}

/* --- the vCPU's side ------------------------------------------------------ */

/* Whatever was found before, look at the flag. */
static void evtchn_2l_recheck(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	WRITE_ONCE(x->upcalls_seen, atomic_read(&x->upcalls) - 1);
}

void xen_upcall_look(struct vcpu *vcpu)
{
	evtchn_2l_recheck(vcpu);
	if (!test_bit(REQ_EVENT, &vcpu->requests) && xen_upcall_pending(vcpu))
		vcpu_request(vcpu, REQ_EVENT);
}

void evtchn_2l_info_placed(struct vcpu *vcpu)
{
	vcpu->xen.early_sel = 0;
	WRITE_ONCE(vcpu->xen.stale_seq, 0);
	if (READ_ONCE(vcpu->xen.pending_sel))
		evtchn_2l_defer(vcpu);
	xen_upcall_look(vcpu);
}

/* Into the layout of now what was selected in the one of before. */
static void evtchn_2l_move_selector(struct gpc *gpc, void *arg)
{
	struct xen_vcpu *x = arg;
	bool wide = READ_ONCE(gpc->vm->xen.long_mode);
	const struct xen_layout *old = &xen_layouts[!wide];
	const struct xen_layout *new = &xen_layouts[wide];
	unsigned long sel = x->early_sel;
	unsigned int bit;

	for_each_set_bit(bit, &sel, 1u << old->word_shift)
		evtchn_clear_selector(gpc->khva, old, bit);
	sel = evtchn_convert_selector(sel, wide);
	for_each_set_bit(bit, &sel, 1u << new->word_shift)
		evtchn_set_selector(gpc->khva, new, bit);
	gpc_mark_dirty(gpc);
}

void evtchn_2l_word_size_changed(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	lockdep_assert_held(&vcpu->vm->xen.lock);
	/* wait for who selects in the old layout; see evtchn_2l_select() */
	write_lock_irq(&x->vcpu_info.lock);
	x->pending_sel = evtchn_convert_selector(x->pending_sel,
						 vcpu->vm->xen.long_mode);
	write_unlock_irq(&x->vcpu_info.lock);
	if (!x->early_sel)
		return;
	if (READ_ONCE(x->vcpu_info.active))
		gpc_access(&x->vcpu_info, XEN_VCPU_INFO_SIZE,
			   evtchn_2l_move_selector, x);
	x->early_sel = 0;
	xen_upcall_look(vcpu);
}

/* vcpu_info cannot be looked at: send the vCPU to where it can. */
static void evtchn_2l_stale(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	if (!READ_ONCE(x->vcpu_info.active))
		return;
	/* not again and again for memory that is not there */
	if (READ_ONCE(x->stale_seq) == memslot_inv_begin(vcpu->vm))
		return;
	evtchn_2l_defer(vcpu);
}

bool xen_upcall_pending(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;
	struct gpc *info = &x->vcpu_info;
	bool usable, pending = false;
	int seen;

	if (!READ_ONCE(vcpu->vm->xen.upcall_vector))
		return false;
	seen = atomic_read(&x->upcalls);
	/* the count before the flag; pairs with evtchn_2l_upcall() */
	smp_rmb();
	read_lock_irq(&info->lock);
	usable = gpc_check(info, XEN_VCPU_INFO_SIZE);
	if (usable)
		pending = READ_ONCE(*((u8 *)info->khva + XEN_UPCALL_PENDING));
	read_unlock_irq(&info->lock);

	if (!usable)
		evtchn_2l_stale(vcpu);
	else if (!pending)
		WRITE_ONCE(x->upcalls_seen, seen);
	return pending;
}

struct evtchn_2l_merge {
	struct vcpu *vcpu;
	bool raised;
};

static void evtchn_2l_merge(struct gpc *gpc, void *arg)
{
	struct evtchn_2l_merge *m = arg;
	const struct xen_layout *l = xen_layout(m->vcpu->vm);
	unsigned long sel;
	unsigned int bit;

	if (!READ_ONCE(m->vcpu->xen.pending_sel))
		return;
	sel = xchg(&m->vcpu->xen.pending_sel, 0);
	for_each_set_bit(bit, &sel, 1u << l->word_shift)
		m->raised |= evtchn_2l_set_selector(m->vcpu, bit);
}

void xen_inject_pending(struct vcpu *vcpu)
{
	struct evtchn_2l_merge m = { .vcpu = vcpu };
	struct xen_vcpu *x = &vcpu->xen;
	unsigned long seq;
	int ret;

	might_sleep();
	/* work before what it stands for; pairs with evtchn_2l_defer() */
	smp_store_mb(x->work, false);
	if (xen_pending_timer(vcpu))
		timer_deliver(vcpu);
	tick_deliver(vcpu);
	if (!READ_ONCE(x->vcpu_info.active))
		return;
	seq = memslot_inv_begin(vcpu->vm);
	ret = gpc_access(&x->vcpu_info, XEN_VCPU_INFO_SIZE, evtchn_2l_merge,
			 &m);
	/* pending_sel waits for the next event, or for memory to come back */
	WRITE_ONCE(x->stale_seq, ret ? seq : 0);
	if (ret)
		return;
	if (m.raised)
		evtchn_2l_upcall(vcpu);
	else
		xen_upcall_look(vcpu);
}
