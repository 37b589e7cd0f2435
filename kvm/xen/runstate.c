// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runstates: what a vCPU spends its time on, in the kernel and in the area the
 * guest registered.
 *
 * All of it is under the lock of the area's cache, held for writing; that of
 * the second page's cache nests in it.  Only the vCPU's thread, which has it
 * loaded, changes the state, and may look at it without the lock.  On
 * scheduling out nothing may wait, least of all for a lock of others under the
 * run queue's: there and on scheduling in every lock is only tried, and what
 * does not succeed is left to xen_runstate_sync() before the next entry.
 *
 * The kernel enters RUNNING when the vCPU is about to enter the guest and
 * RUNNABLE when it is preempted while running, which scheduling in takes back.
 * BLOCKED and OFFLINE are for user space to enter, KVM's rule; a vCPU halted in
 * the kernel counts as running, and the time its thread waits for a CPU as
 * runnable.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "internal.h"

static_assert(RUNSTATE_running == XEN_RS_RUNNING &&
	      RUNSTATE_runnable == XEN_RS_RUNNABLE &&
	      RUNSTATE_offline == 3);

/* How much of the area is in its first page, and how much in the second. */
static u32 runstate_first(u64 addr, u32 size)
{
	return min_t(u32, size, PAGE_SIZE - offset_in_page(addr));
}

/*
 * The update flag is in the top byte of state_entry_time, which may be in
 * either page.  That goes up before any other byte changes and down after all
 * have: a guest that finds it up, or state_entry_time changed, reads again.
 */
static void runstate_flag_up(u8 *top, const struct xen_runstate *rs)
{
	WRITE_ONCE(*top, rs->entry_ns >> 56 | XEN_RUNSTATE_FLAG);
	/* the flag before the data; pairs with the guest's rmb */
	smp_wmb();
}

static void runstate_flag_down(u8 *top, const struct xen_runstate *rs)
{
	/* the data before the flag goes; pairs with the guest's rmb */
	smp_wmb();
	WRITE_ONCE(*top, rs->entry_ns >> 56);
}

static __always_inline void runstate_write_one(u8 *area,
					       const struct xen_layout *l,
					       const struct xen_runstate *rs,
					       bool flag)
{
	u8 *top = area + xen_runstate_flag_byte(l);

	if (flag)
		runstate_flag_up(top, rs);
	xen_runstate_pack(area, l, rs, flag);
	if (flag)
		runstate_flag_down(top, rs);
}

static void runstate_write_two(u8 *p1, u32 n1, u8 *p2,
			       const struct xen_layout *l,
			       const struct xen_runstate *rs, bool flag)
{
	u32 top_byte = xen_runstate_flag_byte(l);
	u8 *top = top_byte < n1 ? p1 + top_byte : p2 + (top_byte - n1);
	u8 buf[XEN_RUNSTATE_SIZE];

	xen_runstate_pack(buf, l, rs, flag);
	if (flag)
		runstate_flag_up(top, rs);
	memcpy(p1, buf, n1);
	memcpy(p2, buf + n1, l->runstate_size - n1);
	if (flag)
		runstate_flag_down(top, rs);
}

/* An area that is not in one valid page.  As runstate_write(). */
static noinline bool runstate_write_across(struct vcpu *vcpu,
					   const struct xen_layout *l,
					   bool flag)
{
	struct gpc *g1 = &vcpu->xen.runstate, *g2 = &vcpu->xen.runstate2;
	u32 n1 = runstate_first(g1->gpa, l->runstate_size);
	u32 n2 = l->runstate_size - n1;
	bool done = false;

	if (!g1->active)
		return true;
	if (!n2 || !gpc_check(g1, n1) || !read_trylock(&g2->lock))
		return false;
	if (gpc_check(g2, n2)) {
		runstate_write_two(g1->khva, n1, g2->khva, l, &vcpu->xen.rs,
				   flag);
		gpc_mark_dirty(g1);
		gpc_mark_dirty(g2);
		done = true;
	}
	read_unlock(&g2->lock);
	return done;
}

/* False: a cache is stale or busy. */
static __always_inline bool runstate_write(struct vcpu *vcpu)
{
	struct gpc *g1 = &vcpu->xen.runstate;
	const struct xen_layout *l = xen_layout(vcpu->vm);
	bool flag = READ_ONCE(vcpu->vm->xen.runstate_update_flag);

	lockdep_assert_held_write(&g1->lock);
	lockdep_assert_irqs_disabled();
	if (unlikely(!gpc_check(g1, l->runstate_size)))
		return runstate_write_across(vcpu, l, flag);
	runstate_write_one(g1->khva, l, &vcpu->xen.rs, flag);
	gpc_mark_dirty(g1);
	return true;
}

/*
 * Both caches usable in the current word size.  The second may not be active
 * yet: the guest turned 64-bit and its area grew into the next page.
 */
static int runstate_refresh(struct vcpu *vcpu)
{
	struct gpc *g1 = &vcpu->xen.runstate, *g2 = &vcpu->xen.runstate2;
	u32 size = xen_layout(vcpu->vm)->runstate_size;
	gpa_t gpa = READ_ONCE(g1->gpa);
	u32 n1 = runstate_first(gpa, size);
	int ret;

	lockdep_assert_held(&vcpu->vm->xen.lock);
	ret = gpc_refresh(g1, n1);
	if (ret || n1 == size)
		return ret;
	if (READ_ONCE(g2->active))
		return gpc_refresh(g2, size - n1);
	return gpc_activate(g2, gpa + n1, size - n1);
}

/* Until it is written; memory that is not there is given up.  xen.lock held. */
static int runstate_flush_locked(struct vcpu *vcpu)
{
	struct gpc *g1 = &vcpu->xen.runstate;
	bool done;
	int ret;

	for (;;) {
		write_lock_irq(&g1->lock);
		done = runstate_write(vcpu);
		write_unlock_irq(&g1->lock);
		if (done)
			return 0;
		ret = runstate_refresh(vcpu);
		if (ret)
			return ret;
	}
}

void runstate_rewrite(struct vcpu *vcpu)
{
	runstate_flush_locked(vcpu);
}

/* Enter @state now.  The vCPU's thread, with the lock. */
static __always_inline void runstate_enter(struct vcpu *vcpu, u32 state)
{
	struct xen_vcpu *x = &vcpu->xen;
	u64 delay = current->sched_info.run_delay;

	lockdep_assert_held_write(&x->runstate.lock);
	if (unlikely(x->runstate_task != current)) {
		/* another thread, another count to start from */
		x->runstate_task = current;
		x->rs.last_steal = delay;
	}
	xen_runstate_account(&x->rs, arch_guest_clock_ns(vcpu->vm), delay,
			     state);
}

/* Without waiting.  False: it was not entered, or the area does not show it. */
static noinline bool runstate_try(struct vcpu *vcpu, u32 state)
{
	struct gpc *g1 = &vcpu->xen.runstate;
	bool done;

	if (unlikely(!write_trylock(&g1->lock)))
		return false;
	runstate_enter(vcpu, state);
	done = runstate_write(vcpu);
	write_unlock(&g1->lock);
	return done;
}

/* Nothing to count and nowhere to show it. */
static bool runstate_same(const struct xen_vcpu *x)
{
	return x->rs.state == RUNSTATE_running &&
	       x->rs.last_steal == current->sched_info.run_delay &&
	       !READ_ONCE(x->runstate.active);
}

void xen_runstate_running(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;
	bool preempted = x->runstate_preempted, done = false;

	if (!xen_runstate_enabled(vcpu))
		return;
	x->runstate_preempted = false;
	/* a state or times that user space set stay until the next entry */
	if (likely(x->runstate_task == current) &&
	    (preempted || x->rs.state == RUNSTATE_running)) {
		/* with an area each KVM_RUN shows in it, as KVM has it */
		if (runstate_same(x))
			return;
		local_irq_disable();
		done = runstate_try(vcpu, RUNSTATE_running);
		local_irq_enable();
	}
	if (unlikely(!done))
		vcpu_request(vcpu, REQ_RUNSTATE);
}

void xen_runstate_preempted(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	if (!xen_runstate_enabled(vcpu) || !vcpu->preempted ||
	    x->rs.state != RUNSTATE_running)
		return;
	/*
	 * Where it cannot be had, the wait for a CPU counts all the same.  A
	 * dirty ring without room ends the VM, which wakes others: not here.
	 */
	if (!vcpu->vm->dirty_ring_size || !READ_ONCE(vcpu->vm->nr_logging))
		runstate_try(vcpu, RUNSTATE_runnable);
	x->runstate_preempted = true;
}

void xen_runstate_sync(struct vcpu *vcpu)
{
	struct gpc *g1 = &vcpu->xen.runstate;
	bool done;

	might_sleep();
	if (!xen_runstate_enabled(vcpu))
		return;
	local_irq_disable();
	done = runstate_try(vcpu, RUNSTATE_running);
	local_irq_enable();
	if (done)
		return;
	mutex_lock(&vcpu->vm->xen.lock);
	write_lock_irq(&g1->lock);
	runstate_enter(vcpu, RUNSTATE_running);
	write_unlock_irq(&g1->lock);
	runstate_flush_locked(vcpu);
	mutex_unlock(&vcpu->vm->xen.lock);
}

int runstate_set_addr(struct vcpu *vcpu, gpa_t gpa)
{
	struct gpc *g1 = &vcpu->xen.runstate, *g2 = &vcpu->xen.runstate2;
	u32 size = xen_layout(vcpu->vm)->runstate_size;
	u32 n1 = runstate_first(gpa, size);
	int ret = 0;

	lockdep_assert_held(&vcpu->vm->xen.lock);
	/* the first last: a write that comes between finds no area at all */
	gpc_deactivate(g1);
	gpc_deactivate(g2);
	if (gpa == GPA_INVALID)
		return 0;
	if (gpa + size < gpa)
		return -EINVAL;
	if (n1 < size)
		ret = gpc_activate(g2, gpa + n1, size - n1);
	if (ret)
		return ret;
	ret = gpc_activate(g1, gpa, n1);
	if (!ret)
		ret = runstate_flush_locked(vcpu);
	if (ret) {
		gpc_deactivate(g1);
		gpc_deactivate(g2);
	}
	return ret;
}

/* *@rs with what the attribute says, checked. */
static int runstate_apply(struct xen_runstate *rs, u64 now,
			  const struct kvm_xen_vcpu_attr *data)
{
	bool adjust = data->type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST;
	const u64 in[4] = {
		data->u.runstate.time_running, data->u.runstate.time_runnable,
		data->u.runstate.time_blocked, data->u.runstate.time_offline,
	};
	u64 entry = data->u.runstate.state_entry_time;
	unsigned int i;

	/* an adjustment may be negative; what it leads to may not */
	if (entry != in[0] + in[1] + in[2] + in[3])
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(in); i++)
		rs->times[i] = in[i] + (adjust ? rs->times[i] : 0);
	rs->entry_ns = entry + (adjust ? rs->entry_ns : 0);
	return xen_runstate_valid(rs) && rs->entry_ns <= now ? 0 : -EINVAL;
}

/* With the lock: nothing changes unless all of it is valid. */
static int runstate_change(struct vcpu *vcpu,
			   const struct kvm_xen_vcpu_attr *data)
{
	struct xen_vcpu *x = &vcpu->xen;
	struct xen_runstate rs = x->rs;
	u64 state = data->u.runstate.state;
	int ret;

	if (state > RUNSTATE_offline &&
	    !(data->type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST &&
	      state == (u64)-1))
		return -EINVAL;
	if (data->type != KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT) {
		ret = runstate_apply(&rs, arch_guest_clock_ns(vcpu->vm), data);
		if (ret)
			return ret;
		x->rs = rs;
	}
	if (data->type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA) {
		x->rs.state = state;
		/* the next entry counts from here, and shows it */
		x->runstate_task = NULL;
	} else if (state != (u64)-1) {
		runstate_enter(vcpu, state);
	}
	return 0;
}

int runstate_set_attr(struct vcpu *vcpu, const struct kvm_xen_vcpu_attr *data)
{
	struct gpc *g1 = &vcpu->xen.runstate;
	int ret;

	write_lock_irq(&g1->lock);
	ret = runstate_change(vcpu, data);
	write_unlock_irq(&g1->lock);
	if (!ret)
		runstate_flush_locked(vcpu);
	return ret;
}

int runstate_get_attr(struct vcpu *vcpu, struct kvm_xen_vcpu_attr *data)
{
	struct xen_vcpu *x = &vcpu->xen;

	write_lock_irq(&x->runstate.lock);
	data->u.runstate.state = x->rs.state;
	if (data->type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA) {
		data->u.runstate.state_entry_time = x->rs.entry_ns;
		data->u.runstate.time_running = x->rs.times[RUNSTATE_running];
		data->u.runstate.time_runnable = x->rs.times[RUNSTATE_runnable];
		data->u.runstate.time_blocked = x->rs.times[RUNSTATE_blocked];
		data->u.runstate.time_offline = x->rs.times[RUNSTATE_offline];
	}
	write_unlock_irq(&x->runstate.lock);
	return 0;
}

void runstate_vcpu_init(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	gpc_init(&x->runstate, vcpu->vm);
	gpc_init(&x->runstate2, vcpu->vm);
	x->rs.state = RUNSTATE_offline;
}

void runstate_vcpu_exit(struct vcpu *vcpu)
{
	gpc_deactivate(&vcpu->xen.runstate);
	gpc_deactivate(&vcpu->xen.runstate2);
}
