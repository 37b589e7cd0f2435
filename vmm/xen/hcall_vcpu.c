// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vcpu_op: areas a vCPU shares with the guest, its timers, bringing it up and
 * down.  Whatever changes a vCPU runs on its own thread, through vcpu_call().
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../vcpu.h"
#include "../vm_priv.h"
#include "../x86/cpu.h"
#include "abi.h"
#include "evtchn.h"
#include "hypercall.h"
#include "kernel.h"
#include "physmap.h"

#define VCPU_INFO_SIZE		64u
#define VCPU_PERIOD_MIN_NS	1000000ull

_Static_assert(sizeof(struct vcpu_info_x86_64) == VCPU_INFO_SIZE &&
	       sizeof(struct vcpu_info_x86_32) == VCPU_INFO_SIZE, "ABI");

static int vcpu_get_mp_state(struct vcpu *v, void *arg)
{
	return ioctl(v->fd, KVM_GET_MP_STATE, arg) ? -errno : 0;
}

/* vcpu_info */

/* Everything is pending in the new place: nothing gets lost on the way. */
static void vcpu_info_all_pending(void *info, bool wide)
{
	struct vcpu_info_x86_64 *w = info;
	struct vcpu_info_x86_32 *n = info;

	if (wide)
		__atomic_store_n(&w->evtchn_pending_sel, UINT64_MAX,
				 __ATOMIC_SEQ_CST);
	else
		__atomic_store_n(&n->evtchn_pending_sel, UINT32_MAX,
				 __ATOMIC_SEQ_CST);
	__atomic_store_n(&n->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
}

static int vcpu_place_info(struct vcpu *v, void *arg)
{
	uint64_t at = *(uint64_t *)arg;
	const char *shared = physmap_page(v->vm->physmap, PHYSMAP_SHARED_INFO);
	void *info = mem_ptr(v->vm->mem, gpa(at), VCPU_INFO_SIZE);
	struct kvm_mp_state mp;
	int err;

	if (v->info_placed || !info)
		return -EINVAL;
	if (v->id < XEN_LEGACY_MAX_VCPUS)
		memcpy(info, shared + v->id * VCPU_INFO_SIZE, VCPU_INFO_SIZE);
	err = kernel_vcpu_info(v, at);
	if (err)
		return err;
	v->info_placed = true;
	/* One that has not started has missed nothing, and must not wake. */
	if (!vcpu_get_mp_state(v, &mp) &&
	    mp.mp_state != KVM_MP_STATE_UNINITIALIZED)
		vcpu_info_all_pending(info, kernel_is_wide(v->vm));
	return 0;
}

static int64_t op_register_info(struct hcall *h, struct vcpu *v)
{
	size_t align = kernel_is_wide(h->vm) ?
		       _Alignof(struct vcpu_info_x86_64) :
		       _Alignof(struct vcpu_info_x86_32);
	struct vcpu_register_vcpu_info a;
	uint64_t at;
	int err = hcall_get(h, &a, gva(h->arg[2]), sizeof(a));

	if (err)
		return err;
	if (a.offset > GUEST_PAGE_SIZE - VCPU_INFO_SIZE || a.offset % align ||
	    a.mfn >> (64 - GUEST_PAGE_SHIFT))
		return -EINVAL;
	at = (a.mfn << GUEST_PAGE_SHIFT) + a.offset;
	return vcpu_call(h->vcpu, v, vcpu_place_info, &at);
}

/* Areas given by virtual address: the kernel wants where they are now. */
static int vcpu_area(struct hcall *h, size_t size, uint64_t *out)
{
	uint64_t at, last;
	int err = hcall_get_word(h, gva(h->arg[2]), 0, &at);

	if (err)
		return err;
	if (!at) {
		*out = KERNEL_NO_ADDRESS;
		return 0;
	}
	if (hcall_translate(h, gva(at), out) ||
	    hcall_translate(h, gva(at + size - 1), &last))
		return -EFAULT;
	return last - *out == size - 1 ? 0 : -EFAULT;
}

static int vcpu_set_runstate(struct vcpu *v, void *arg)
{
	return kernel_vcpu_runstate_area(v, *(uint64_t *)arg);
}

static int64_t op_register_runstate(struct hcall *h, struct vcpu *v)
{
	uint64_t at;
	int err = vcpu_area(h, h->wide ? 0x30 : 0x2c, &at);

	return err ? err : vcpu_call(h->vcpu, v, vcpu_set_runstate, &at);
}

static int vcpu_set_time(struct vcpu *v, void *arg)
{
	return kernel_vcpu_time_info(v, *(uint64_t *)arg);
}

static int64_t op_register_time(struct hcall *h, struct vcpu *v)
{
	uint64_t at;
	int err = vcpu_area(h, sizeof(struct vcpu_time_info), &at);

	return err ? err : vcpu_call(h->vcpu, v, vcpu_set_time, &at);
}

static int vcpu_get_runstate(struct vcpu *v, void *arg)
{
	return kernel_vcpu_get_runstate(v, arg);
}

static int64_t op_get_runstate(struct hcall *h, struct vcpu *v)
{
	struct vcpu_runstate_info info;
	struct {
		int32_t state;
		uint64_t entry, time[4];
	} __attribute__((packed)) narrow;
	int err = vcpu_call(h->vcpu, v, vcpu_get_runstate, &info);

	if (err)
		return err;
	if (h->wide)
		return hcall_put(h, gva(h->arg[2]), &info, sizeof(info));
	narrow.state = info.state;
	narrow.entry = info.state_entry_time;
	memcpy(narrow.time, info.time, sizeof(narrow.time));
	return hcall_put(h, gva(h->arg[2]), &narrow, sizeof(narrow));
}

/* Timers: single-shot ones are the kernel's, periodic ones the loop's. */

static int64_t vcpu_singleshot(struct vcpu *v, uint64_t expires)
{
	/* With no port bound it fires once there is one. */
	if (!v->timer_port) {
		v->timer_expires = expires;
		return 0;
	}
	return kernel_vcpu_timer(v, v->timer_port, expires);
}

static int64_t op_set_singleshot(struct hcall *h, struct vcpu *v)
{
	struct vcpu_set_singleshot_timer a;
	struct kvm_clock_data clock = { 0 };
	int err;

	if (v != h->vcpu)
		return -EINVAL;
	err = hcall_get(h, &a, gva(h->arg[2]), h->wide ? sizeof(a) :
			sizeof(struct compat_singleshot_timer));
	if (err)
		return err;
	if (a.flags & VCPU_SSHOTTMR_future &&
	    !ioctl(h->vm->fd, KVM_GET_CLOCK, &clock) &&
	    a.timeout_abs_ns < clock.clock)
		return -ETIME;
	return vcpu_singleshot(v, a.timeout_abs_ns ? a.timeout_abs_ns : 1);
}

static int64_t op_stop_singleshot(struct hcall *h, struct vcpu *v)
{
	return v == h->vcpu ? vcpu_singleshot(v, 0) : -EINVAL;
}

int64_t hcall_set_timer_op(struct hcall *h)
{
	uint64_t expires = h->wide ? h->arg[0] :
			   (uint32_t)h->arg[0] | h->arg[1] << 32;

	return vcpu_singleshot(h->vcpu, expires);
}

static void vcpu_period_over(struct event_timer *t)
{
	struct vcpu *v = t->arg;

	evtchn_send_virq(v->vm->evtchn, v->id, VIRQ_TIMER);
	event_timer_set(v->vm->loop, t, v->period_ns);
}

/* On the loop: what was asked for last counts, however often. */
static void vcpu_set_periodic(struct event_work *work)
{
	struct vcpu *v = work->arg;

	v->period_ns = v->period_asked;
	v->periodic.fn = vcpu_period_over;
	v->periodic.arg = v;
	if (v->period_ns)
		event_timer_set(v->vm->loop, &v->periodic, v->period_ns);
	else
		event_timer_cancel(&v->periodic);
}

/* Any vCPU may set any vCPU's: the work is ready from the vCPU's creation. */
static int64_t vcpu_post_periodic(struct vcpu *v, uint64_t ns)
{
	if (atomic_exchange(&v->period_asked, ns) || ns)
		event_work_post(v->vm->loop, &v->periodic_work);
	return 0;
}

void hcall_vcpu_init(struct vcpu *v)
{
	v->periodic_work.fn = vcpu_set_periodic;
	v->periodic_work.arg = v;
}

void hcall_vcpu_exit(struct vcpu *v)
{
	event_work_cancel(&v->periodic_work);
	event_timer_cancel(&v->periodic);
}

static int64_t op_set_periodic(struct hcall *h, struct vcpu *v)
{
	struct vcpu_set_periodic_timer a;
	int err = hcall_get(h, &a, gva(h->arg[2]), sizeof(a));

	if (err)
		return err;
	if (a.period_ns < VCPU_PERIOD_MIN_NS)
		return -EINVAL;
	return vcpu_post_periodic(v, a.period_ns);
}

static int64_t op_stop_periodic(struct hcall *h, struct vcpu *v)
{
	return vcpu_post_periodic(v, 0);
}

/* Up and down */

static int vcpu_initialise(struct vcpu *v, void *arg)
{
	int err;

	if (v->initialised)
		return -EEXIST;
	err = cpu_set_context(v, arg);
	if (!err)
		v->initialised = true;
	return err;
}

static int64_t op_initialise(struct hcall *h, struct vcpu *v)
{
	struct vcpu_hvm_context ctx;
	int err = hcall_get(h, &ctx, gva(h->arg[2]), sizeof(ctx));

	return err ? err : vcpu_call(h->vcpu, v, vcpu_initialise, &ctx);
}

static int vcpu_up(struct vcpu *v, void *arg)
{
	struct kvm_mp_state mp;

	if (vcpu_get_mp_state(v, &mp))
		return -EIO;
	if (mp.mp_state == KVM_MP_STATE_UNINITIALIZED) {
		if (!v->initialised)
			return -EINVAL;
		mp.mp_state = KVM_MP_STATE_RUNNABLE;
		if (ioctl(v->fd, KVM_SET_MP_STATE, &mp))
			return -errno;
	}
	pthread_mutex_lock(&v->vm->call_lock);
	v->down = false;
	pthread_mutex_unlock(&v->vm->call_lock);
	return 0;
}

static int64_t op_up(struct hcall *h, struct vcpu *v)
{
	return vcpu_call(h->vcpu, v, vcpu_up, NULL);
}

static int vcpu_down(struct vcpu *v, void *arg)
{
	pthread_mutex_lock(&v->vm->call_lock);
	v->down = true;
	pthread_mutex_unlock(&v->vm->call_lock);
	/* A vCPU that takes itself down stops before it enters again. */
	v->run->immediate_exit = 1;
	return 0;
}

static int64_t op_down(struct hcall *h, struct vcpu *v)
{
	return vcpu_call(h->vcpu, v, vcpu_down, NULL);
}

static int64_t op_is_up(struct hcall *h, struct vcpu *v)
{
	struct kvm_mp_state mp;
	bool down;
	int err = vcpu_call(h->vcpu, v, vcpu_get_mp_state, &mp);

	if (err)
		return err;
	pthread_mutex_lock(&h->vm->call_lock);
	down = v->down;
	pthread_mutex_unlock(&h->vm->call_lock);
	return !down && (mp.mp_state == KVM_MP_STATE_RUNNABLE ||
			 mp.mp_state == KVM_MP_STATE_HALTED);
}

static int vcpu_nmi(struct vcpu *v, void *arg)
{
	return ioctl(v->fd, KVM_NMI) ? -errno : 0;
}

static int64_t op_send_nmi(struct hcall *h, struct vcpu *v)
{
	return vcpu_call(h->vcpu, v, vcpu_nmi, NULL);
}

static int64_t op_physid(struct hcall *h, struct vcpu *v)
{
	return -EINVAL;		/* no vCPU is pinned to a CPU the guest knows */
}

static int64_t (*const vcpu_ops[])(struct hcall *h, struct vcpu *v) = {
	[VCPUOP_initialise]			= op_initialise,
	[VCPUOP_up]				= op_up,
	[VCPUOP_down]				= op_down,
	[VCPUOP_is_up]				= op_is_up,
	[VCPUOP_get_runstate_info]		= op_get_runstate,
	[VCPUOP_register_runstate_memory_area]	= op_register_runstate,
	[VCPUOP_set_periodic_timer]		= op_set_periodic,
	[VCPUOP_stop_periodic_timer]		= op_stop_periodic,
	[VCPUOP_set_singleshot_timer]		= op_set_singleshot,
	[VCPUOP_stop_singleshot_timer]		= op_stop_singleshot,
	[VCPUOP_register_vcpu_info]		= op_register_info,
	[VCPUOP_send_nmi]			= op_send_nmi,
	[VCPUOP_get_physid]			= op_physid,
	[VCPUOP_register_vcpu_time_memory_area]	= op_register_time,
};

int64_t hcall_vcpu_op(struct hcall *h)
{
	uint64_t cmd = h->arg[0], id = h->arg[1];

	if (id >= h->vm->nr_vcpus)
		return -ENOENT;
	if (cmd >= sizeof(vcpu_ops) / sizeof(vcpu_ops[0]) || !vcpu_ops[cmd])
		return -ENOSYS;
	return vcpu_ops[cmd](h, &h->vm->vcpus[id]);
}
