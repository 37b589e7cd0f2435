// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration and attributes of a VM and of a vCPU, and their lives.
 *
 * Setters run under xen.lock, those of a vCPU also under vcpu->mutex.  An
 * attribute may be set before or after any other: what depends on two of them
 * is brought up to date by whichever comes second.
 * Source: KVM API, KVM_XEN_HVM_CONFIG, KVM_XEN_{HVM,VCPU}_{SET,GET}_ATTR.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/nospec.h>

#include "internal.h"

/* Vectors below are exceptions. */
#define ATTR_MIN_VECTOR		0x10

/* The range Xen's and other hypervisors' MSRs are in; KVM's limits, 6.15. */
#define ATTR_MSR_MIN		0x40000000u
#define ATTR_MSR_MAX		0x4fffffffu

#define ATTR_CAPS							\
	(KVM_XEN_HVM_CONFIG_HYPERCALL_MSR |				\
	 KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |				\
	 KVM_XEN_HVM_CONFIG_SHARED_INFO | KVM_XEN_HVM_CONFIG_RUNSTATE |	\
	 KVM_XEN_HVM_CONFIG_EVTCHN_2LEVEL |				\
	 KVM_XEN_HVM_CONFIG_EVTCHN_SEND |				\
	 KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG |			\
	 KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE |			\
	 KVM_XEN_HVM_CONFIG_SHARED_INFO_HVA)

/* Those KVM_XEN_HVM_CONFIG takes. */
#define ATTR_CONFIG_FLAGS						\
	(KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |				\
	 KVM_XEN_HVM_CONFIG_EVTCHN_SEND |				\
	 KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE)

int xen_capabilities(void)
{
	return ATTR_CAPS;
}

int xen_hvm_config(struct vm *vm, const struct kvm_xen_hvm_config *cfg)
{
	struct vcpu *v;
	unsigned int i;
	u32 changed;

	if (cfg->flags & ~ATTR_CONFIG_FLAGS)
		return -EINVAL;
	if ((cfg->flags & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL) &&
	    (cfg->blob_addr_32 || cfg->blob_addr_64 || cfg->blob_size_32 ||
	     cfg->blob_size_64))
		return -EINVAL;
	/* zero: no MSR; beyond the range it would hide one of the CPU's */
	if (cfg->msr && (cfg->msr < ATTR_MSR_MIN || cfg->msr > ATTR_MSR_MAX))
		return -EINVAL;
	mutex_lock(&vm->xen.lock);
	changed = vm->xen.config.flags ^ cfg->flags;
	vm->xen.config = *cfg;
	WRITE_ONCE(vm->xen.enabled, cfg->msr || (cfg->flags &
		   KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL));
	mutex_unlock(&vm->xen.lock);
	/* areas that were there before say what is true now */
	if (changed & KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE)
		vm_for_each_vcpu(i, v, vm)
			vcpu_request_kick(v, REQ_CLOCK_UPDATE);
	return 0;
}

static bool attr_vector_ok(u8 vector)
{
	return !vector || vector >= ATTR_MIN_VECTOR;
}

/* --- the VM's --------------------------------------------------------------- */

struct attr_vm {
	int (*set)(struct vm *vm, const struct kvm_xen_hvm_attr *a);
	int (*get)(struct vm *vm, struct kvm_xen_hvm_attr *a);
};

static int attr_set_long_mode(struct vm *vm, const struct kvm_xen_hvm_attr *a)
{
	return shinfo_set_long_mode(vm, a->u.long_mode);
}

static int attr_get_long_mode(struct vm *vm, struct kvm_xen_hvm_attr *a)
{
	a->u.long_mode = vm->xen.long_mode;
	return 0;
}

static int attr_set_shinfo(struct vm *vm, const struct kvm_xen_hvm_attr *a)
{
	u64 gfn = a->u.shared_info.gfn;

	if (gfn == KVM_XEN_INVALID_GFN)
		return shinfo_set(vm, GPA_INVALID);
	if (gfn > GPA_INVALID >> PAGE_SHIFT)
		return -EINVAL;
	return shinfo_set(vm, gfn << PAGE_SHIFT);
}

static int attr_get_shinfo(struct vm *vm, struct kvm_xen_hvm_attr *a)
{
	const struct gpc *g = &vm->xen.shinfo;

	a->u.shared_info.gfn = g->active && g->gpa != GPA_INVALID ?
		g->gpa >> PAGE_SHIFT : KVM_XEN_INVALID_GFN;
	return 0;
}

static int attr_set_shinfo_hva(struct vm *vm, const struct kvm_xen_hvm_attr *a)
{
	if (offset_in_page(a->u.shared_info.gfn))
		return -EINVAL;
	return shinfo_set_hva(vm, a->u.shared_info.gfn);
}

static int attr_get_shinfo_hva(struct vm *vm, struct kvm_xen_hvm_attr *a)
{
	const struct gpc *g = &vm->xen.shinfo;

	a->u.shared_info.gfn = g->active && g->gpa == GPA_INVALID ? g->uhva : 0;
	return 0;
}

static int attr_set_callback(struct vm *vm, const struct kvm_xen_hvm_attr *a)
{
	struct vcpu *v;
	unsigned int i;

	if (!attr_vector_ok(a->u.vector))
		return -EINVAL;
	WRITE_ONCE(vm->xen.upcall_vector, a->u.vector);
	/* what has been pending may have somewhere to go now */
	vm_for_each_vcpu(i, v, vm)
		vcpu_request_kick(v, REQ_EVENT);
	return 0;
}

static int attr_get_callback(struct vm *vm, struct kvm_xen_hvm_attr *a)
{
	a->u.vector = vm->xen.upcall_vector;
	return 0;
}

static int attr_set_version(struct vm *vm, const struct kvm_xen_hvm_attr *a)
{
	WRITE_ONCE(vm->xen.xen_version, a->u.xen_version);
	return 0;
}

static int attr_get_version(struct vm *vm, struct kvm_xen_hvm_attr *a)
{
	a->u.xen_version = vm->xen.xen_version;
	return 0;
}

/* 6.1's union has no name for this byte; it is where long_mode is. */
static int attr_set_update_flag(struct vm *vm, const struct kvm_xen_hvm_attr *a)
{
	WRITE_ONCE(vm->xen.runstate_update_flag, a->u.long_mode);
	return 0;
}

static int attr_get_update_flag(struct vm *vm, struct kvm_xen_hvm_attr *a)
{
	a->u.long_mode = vm->xen.runstate_update_flag;
	return 0;
}

static const struct attr_vm attr_vm_table[] = {
	[KVM_XEN_ATTR_TYPE_LONG_MODE] = {
		attr_set_long_mode, attr_get_long_mode },
	[KVM_XEN_ATTR_TYPE_SHARED_INFO] = { attr_set_shinfo, attr_get_shinfo },
	[KVM_XEN_ATTR_TYPE_UPCALL_VECTOR] = {
		attr_set_callback, attr_get_callback },
	[KVM_XEN_ATTR_TYPE_EVTCHN] = { port_set_attr, NULL },
	[KVM_XEN_ATTR_TYPE_XEN_VERSION] = { attr_set_version, attr_get_version },
	[KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG] = {
		attr_set_update_flag, attr_get_update_flag },
	[KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA] = {
		attr_set_shinfo_hva, attr_get_shinfo_hva },
};

static const struct attr_vm *attr_vm_find(u16 type)
{
	if (type >= ARRAY_SIZE(attr_vm_table))
		return NULL;
	return &attr_vm_table[array_index_nospec(type,
						 ARRAY_SIZE(attr_vm_table))];
}

int xen_vm_set_attr(struct vm *vm, const struct kvm_xen_hvm_attr *data)
{
	const struct attr_vm *a = attr_vm_find(data->type);
	int ret;

	if (!a || !a->set)
		return -ENOENT;
	mutex_lock(&vm->xen.lock);
	ret = a->set(vm, data);
	mutex_unlock(&vm->xen.lock);
	return ret;
}

int xen_vm_get_attr(struct vm *vm, struct kvm_xen_hvm_attr *data)
{
	const struct attr_vm *a = attr_vm_find(data->type);
	int ret;

	if (!a || !a->get)
		return -ENOENT;
	mutex_lock(&vm->xen.lock);
	ret = a->get(vm, data);
	mutex_unlock(&vm->xen.lock);
	return ret;
}

/* --- a vCPU's ----------------------------------------------------------------- */

struct attr_vcpu {
	int (*set)(struct vcpu *v, const struct kvm_xen_vcpu_attr *a);
	int (*get)(struct vcpu *v, struct kvm_xen_vcpu_attr *a);
	bool clock;			/* the area has a pvclock */
};

/*
 * vcpu_info has the alignment of its selector, as Xen demands.  A word size
 * that is set later cannot make delivery unsafe: it works on 32-bit words.
 */
static bool attr_info_aligned(struct vcpu *v, u64 addr)
{
	return !(addr % (v->vm->xen.long_mode ? sizeof(u64) : sizeof(u32)));
}

/* @addr in a cache, or nothing for @none. */
static int attr_place(struct gpc *gpc, u64 addr, u32 len)
{
	if (addr == GPA_INVALID) {
		gpc_deactivate(gpc);
		return 0;
	}
	if (offset_in_page(addr) + len > PAGE_SIZE)
		return -EINVAL;
	return gpc_activate(gpc, addr, len);
}

static u64 attr_placed(const struct gpc *gpc)
{
	return gpc->active ? gpc->gpa : KVM_XEN_INVALID_GPA;
}

static int attr_set_info(struct vcpu *v, const struct kvm_xen_vcpu_attr *a)
{
	int ret;

	if (a->u.gpa != GPA_INVALID && !attr_info_aligned(v, a->u.gpa))
		return -EINVAL;
	ret = attr_place(&v->xen.vcpu_info, a->u.gpa, XEN_VCPU_INFO_SIZE);
	evtchn_2l_info_placed(v);
	return ret;
}

static int attr_get_info(struct vcpu *v, struct kvm_xen_vcpu_attr *a)
{
	a->u.gpa = attr_placed(&v->xen.vcpu_info);
	return 0;
}

static int attr_set_info_hva(struct vcpu *v, const struct kvm_xen_vcpu_attr *a)
{
	struct gpc *gpc = &v->xen.vcpu_info;
	int ret = 0;

	if (!attr_info_aligned(v, a->u.gpa) ||
	    offset_in_page(a->u.gpa) + XEN_VCPU_INFO_SIZE > PAGE_SIZE)
		return -EINVAL;
	if (!a->u.gpa)
		gpc_deactivate(gpc);
	else
		ret = gpc_activate_hva(gpc, a->u.gpa, XEN_VCPU_INFO_SIZE);
	evtchn_2l_info_placed(v);
	return ret;
}

static int attr_get_info_hva(struct vcpu *v, struct kvm_xen_vcpu_attr *a)
{
	const struct gpc *g = &v->xen.vcpu_info;

	a->u.gpa = g->active && g->gpa == GPA_INVALID ? g->uhva : 0;
	return 0;
}

static int attr_set_time(struct vcpu *v, const struct kvm_xen_vcpu_attr *a)
{
	return attr_place(&v->xen.vcpu_time_info, a->u.gpa,
			  sizeof(struct xen_time_info));
}

static int attr_get_time(struct vcpu *v, struct kvm_xen_vcpu_attr *a)
{
	a->u.gpa = attr_placed(&v->xen.vcpu_time_info);
	return 0;
}

static int attr_set_runstate(struct vcpu *v, const struct kvm_xen_vcpu_attr *a)
{
	return runstate_set_addr(v, a->u.gpa);
}

static int attr_get_runstate(struct vcpu *v, struct kvm_xen_vcpu_attr *a)
{
	a->u.gpa = attr_placed(&v->xen.runstate);
	return 0;
}

static int attr_set_id(struct vcpu *v, const struct kvm_xen_vcpu_attr *a)
{
	if (a->u.vcpu_id >= XKVM_MAX_VCPU_ID)
		return -EINVAL;
	v->xen.vcpu_id = a->u.vcpu_id;
	return 0;
}

static int attr_get_id(struct vcpu *v, struct kvm_xen_vcpu_attr *a)
{
	a->u.vcpu_id = v->xen.vcpu_id;
	return 0;
}

static int attr_set_upcall(struct vcpu *v, const struct kvm_xen_vcpu_attr *a)
{
	if (!attr_vector_ok(a->u.vector))
		return -EINVAL;
	WRITE_ONCE(v->xen.upcall_vector, a->u.vector);
	return 0;
}

static int attr_get_upcall(struct vcpu *v, struct kvm_xen_vcpu_attr *a)
{
	a->u.vector = v->xen.upcall_vector;
	return 0;
}

static const struct attr_vcpu attr_vcpu_table[] = {
	[KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO] = {
		attr_set_info, attr_get_info, .clock = true },
	[KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO] = {
		attr_set_time, attr_get_time, .clock = true },
	[KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR] = {
		attr_set_runstate, attr_get_runstate },
	[KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT] = {
		runstate_set_attr, runstate_get_attr },
	[KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA] = {
		runstate_set_attr, runstate_get_attr },
	[KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST] = { runstate_set_attr, NULL },
	[KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID] = { attr_set_id, attr_get_id },
	[KVM_XEN_VCPU_ATTR_TYPE_TIMER] = { timer_set_attr, timer_get_attr },
	[KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR] = {
		attr_set_upcall, attr_get_upcall },
	[KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA] = {
		attr_set_info_hva, attr_get_info_hva, .clock = true },
};

static const struct attr_vcpu attr_vcpu_tick = { tick_set_attr, tick_get_attr };

static const struct attr_vcpu *attr_vcpu_find(u16 type)
{
	if (type == XKVM_XEN_VCPU_ATTR_TYPE_PERIODIC_TIMER)
		return &attr_vcpu_tick;
	if (type >= ARRAY_SIZE(attr_vcpu_table))
		return NULL;
	type = array_index_nospec(type, ARRAY_SIZE(attr_vcpu_table));
	return &attr_vcpu_table[type];
}

int xen_vcpu_set_attr(struct vcpu *vcpu, const struct kvm_xen_vcpu_attr *data)
{
	const struct attr_vcpu *a = attr_vcpu_find(data->type);
	int ret;

	lockdep_assert_held(&vcpu->mutex);
	if (!a || !a->set)
		return -ENOENT;
	mutex_lock(&vcpu->vm->xen.lock);
	ret = a->set(vcpu, data);
	mutex_unlock(&vcpu->vm->xen.lock);
	if (ret || !a->clock)
		return ret;
	/* these take xen.lock where they need it */
	xen_update_pvclock(vcpu);
	if (xen_pending_events(vcpu))
		xen_inject_pending(vcpu);
	return 0;
}

int xen_vcpu_get_attr(struct vcpu *vcpu, struct kvm_xen_vcpu_attr *data)
{
	const struct attr_vcpu *a = attr_vcpu_find(data->type);
	int ret;

	lockdep_assert_held(&vcpu->mutex);
	if (!a)
		return -ENOENT;
	if (!a->get)
		return -EINVAL;
	mutex_lock(&vcpu->vm->xen.lock);
	ret = a->get(vcpu, data);
	mutex_unlock(&vcpu->vm->xen.lock);
	return ret;
}

/* --- lives -------------------------------------------------------------------- */

int xen_vm_init(struct vm *vm)
{
	struct xen_vm *x = &vm->xen;

	mutex_init(&x->lock);
	INIT_LIST_HEAD(&x->gpcs);
	spin_lock_init(&x->gpc_list_lock);
	gpc_init(&x->shinfo, vm);
	return 0;
}

void xen_vm_stop(struct vm *vm)
{
	/* only timers still run, and they do not refresh */
	gpc_invalidate_hva(vm, 0, ~0ull);
}

void xen_vm_exit(struct vm *vm)
{
	gpc_deactivate(&vm->xen.shinfo);
	port_free_all(vm);
}

int xen_vcpu_init(struct vcpu *vcpu)
{
	gpc_init(&vcpu->xen.vcpu_info, vcpu->vm);
	gpc_init(&vcpu->xen.vcpu_time_info, vcpu->vm);
	runstate_vcpu_init(vcpu);
	timer_vcpu_init(vcpu);
	tick_vcpu_init(vcpu);
	sched_vcpu_init(vcpu);
	/* until user space says otherwise: the order of creation, as in KVM */
	vcpu->xen.vcpu_id = vcpu->vm->nr_vcpus;
	return 0;
}

void xen_vcpu_exit(struct vcpu *vcpu)
{
	sched_vcpu_exit(vcpu);
	tick_vcpu_exit(vcpu);
	timer_vcpu_exit(vcpu);
	runstate_vcpu_exit(vcpu);
	gpc_deactivate(&vcpu->xen.vcpu_time_info);
	gpc_deactivate(&vcpu->xen.vcpu_info);
}
