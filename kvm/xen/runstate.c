// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runstates: what a vCPU spends its time on, in the kernel and in the area the
 * guest registered.
 *
 * Accounting and writing are under runstate_lock, interrupts off; the two
 * caches nest in it, the first page's before the second's.  On scheduling out
 * nothing may wait, least of all for a lock of others under the run queue's:
 * there every lock is only tried, and what does not succeed is left, by way of
 * runstate_stale, to xen_runstate_sync() before the next entry.  All writes
 * take that one path.
 *
 * The kernel enters RUNNING when the vCPU is about to enter the guest and
 * RUNNABLE when it is preempted while running.  BLOCKED and OFFLINE are for
 * user space to enter, KVM's rule; a vCPU halted in the kernel counts as
 * running, and the time its thread waits for a CPU as runnable.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "internal.h"

static_assert(RUNSTATE_running == 0 && RUNSTATE_runnable == 1 &&
	      RUNSTATE_offline == 3);

/* How much of the area is in its first page, and how much in the second. */
static u32 runstate_first(u64 addr, u32 size)
{
	return min_t(u32, size, PAGE_SIZE - offset_in_page(addr));
}

/*
 * The update flag is one byte, the top one of state_entry_time, which may be
 * in either page.  It goes up before any other byte changes and down after all
 * have: a guest that finds it up, or state_entry_time changed, reads again.
 */
static void runstate_copy(u8 *p1, u32 n1, u8 *p2, u32 n2, u8 *buf,
			  unsigned int flag_byte, bool update_flag)
{
	u8 *top = flag_byte < n1 ? p1 + flag_byte : p2 + (flag_byte - n1);

	if (update_flag) {
		buf[flag_byte] |= XEN_RUNSTATE_FLAG;
		WRITE_ONCE(*top, buf[flag_byte]);
		/* the flag before the data; pairs with the guest's rmb */
		smp_wmb();
	}
	memcpy(p1, buf, n1);
	if (n2)
		memcpy(p2, buf + n1, n2);
	/* the data before the flag goes; pairs with the guest's rmb */
	smp_wmb();
	if (update_flag) {
		WRITE_ONCE(*top, buf[flag_byte] & ~XEN_RUNSTATE_FLAG);
		/* the flag before what is written next time */
		smp_wmb();
	}
}

/* With the first page's cache locked.  False: a cache is stale or busy. */
static bool runstate_write_pages(struct vcpu *vcpu)
{
	struct gpc *g1 = &vcpu->xen.runstate, *g2 = &vcpu->xen.runstate2;
	const struct xen_layout *l = xen_layout(vcpu->vm);
	bool flag = READ_ONCE(vcpu->vm->xen.runstate_update_flag);
	u8 buf[XEN_RUNSTATE_SIZE];
	u32 size, n1, n2;

	lockdep_assert_held(&g1->lock);
	if (!g1->active)
		return true;
	size = xen_runstate_pack(buf, l, &vcpu->xen.rs);
	n1 = runstate_first(g1->gpa, size);
	n2 = size - n1;
	if (!gpc_check(g1, n1))
		return false;
	if (!n2) {
		runstate_copy(g1->khva, n1, NULL, 0, buf,
			      xen_runstate_flag_byte(l), flag);
		gpc_mark_dirty(g1);
		return true;
	}
	if (!read_trylock(&g2->lock))
		return false;
	if (!gpc_check(g2, n2)) {
		read_unlock(&g2->lock);
		return false;
	}
	runstate_copy(g1->khva, n1, g2->khva, n2, buf,
		      xen_runstate_flag_byte(l), flag);
	gpc_mark_dirty(g1);
	gpc_mark_dirty(g2);
	read_unlock(&g2->lock);
	return true;
}

static bool runstate_write(struct vcpu *vcpu)
{
	struct gpc *g1 = &vcpu->xen.runstate;
	bool done;

	lockdep_assert_held(&vcpu->xen.runstate_lock);
	lockdep_assert_irqs_disabled();
	if (!read_trylock(&g1->lock))
		return false;
	done = runstate_write_pages(vcpu);
	read_unlock(&g1->lock);
	vcpu->xen.runstate_stale = !done;
	return done;
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
	struct xen_vcpu *x = &vcpu->xen;
	unsigned long flags;
	bool done;
	int ret;

	for (;;) {
		spin_lock_irqsave(&x->runstate_lock, flags);
		done = runstate_write(vcpu);
		spin_unlock_irqrestore(&x->runstate_lock, flags);
		if (done)
			return 0;
		ret = runstate_refresh(vcpu);
		if (ret) {
			/* not before every entry: the next change will try */
			WRITE_ONCE(x->runstate_stale, false);
			return ret;
		}
	}
}

void runstate_rewrite(struct vcpu *vcpu)
{
	runstate_flush_locked(vcpu);
}

/* Enter @state now.  runstate_lock held; the vCPU's thread. */
static void runstate_enter(struct vcpu *vcpu, u32 state)
{
	struct xen_vcpu *x = &vcpu->xen;
	u64 delay = current->sched_info.run_delay;

	lockdep_assert_held(&x->runstate_lock);
	if (x->runstate_task != current) {
		/* another thread, another count to start from */
		x->runstate_task = current;
		x->rs.last_steal = delay;
	}
	xen_runstate_account(&x->rs, arch_guest_clock_ns(vcpu->vm), delay,
			     state);
}

void xen_runstate_running(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	/* user space may have set the flag itself */
	evtchn_2l_look(vcpu);
	if (!xen_runstate_enabled(vcpu))
		return;
	/* with an area each KVM_RUN shows in it, as KVM has it */
	if (READ_ONCE(x->runstate.active) ||
	    READ_ONCE(x->rs.state) != RUNSTATE_running ||
	    READ_ONCE(x->runstate_stale) || x->runstate_task != current ||
	    x->rs.last_steal != current->sched_info.run_delay)
		vcpu_request(vcpu, REQ_RUNSTATE);
}

void xen_runstate_preempted(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;
	unsigned long flags;

	if (!xen_runstate_enabled(vcpu) || !READ_ONCE(vcpu->preempted))
		return;
	if (!spin_trylock_irqsave(&x->runstate_lock, flags))
		return;		/* the wait for a CPU counts all the same */
	if (x->rs.state == RUNSTATE_running) {
		runstate_enter(vcpu, RUNSTATE_runnable);
		if (!runstate_write(vcpu))
			x->runstate_stale = true;
	}
	spin_unlock_irqrestore(&x->runstate_lock, flags);
}

void xen_runstate_sync(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;
	unsigned long flags;
	bool done;

	might_sleep();
	if (!xen_runstate_enabled(vcpu))
		return;
	spin_lock_irqsave(&x->runstate_lock, flags);
	runstate_enter(vcpu, RUNSTATE_running);
	done = runstate_write(vcpu);
	spin_unlock_irqrestore(&x->runstate_lock, flags);
	if (done)
		return;
	mutex_lock(&vcpu->vm->xen.lock);
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

/* Under runstate_lock: nothing changes unless all of it is valid. */
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
	struct xen_vcpu *x = &vcpu->xen;
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&x->runstate_lock, flags);
	ret = runstate_change(vcpu, data);
	spin_unlock_irqrestore(&x->runstate_lock, flags);
	if (!ret)
		runstate_flush_locked(vcpu);
	return ret;
}

int runstate_get_attr(struct vcpu *vcpu, struct kvm_xen_vcpu_attr *data)
{
	struct xen_vcpu *x = &vcpu->xen;
	unsigned long flags;

	spin_lock_irqsave(&x->runstate_lock, flags);
	data->u.runstate.state = x->rs.state;
	if (data->type == KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA) {
		data->u.runstate.state_entry_time = x->rs.entry_ns;
		data->u.runstate.time_running = x->rs.times[RUNSTATE_running];
		data->u.runstate.time_runnable = x->rs.times[RUNSTATE_runnable];
		data->u.runstate.time_blocked = x->rs.times[RUNSTATE_blocked];
		data->u.runstate.time_offline = x->rs.times[RUNSTATE_offline];
	}
	spin_unlock_irqrestore(&x->runstate_lock, flags);
	return 0;
}

void runstate_vcpu_init(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;

	spin_lock_init(&x->runstate_lock);
	gpc_init(&x->runstate, vcpu->vm);
	gpc_init(&x->runstate2, vcpu->vm);
	x->rs.state = RUNSTATE_offline;
}

void runstate_vcpu_exit(struct vcpu *vcpu)
{
	gpc_deactivate(&vcpu->xen.runstate);
	gpc_deactivate(&vcpu->xen.runstate2);
}
