// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvclock: the guest's clock as TSC, offset and rate, in vcpu_info and in the
 * area of VCPUOP_register_vcpu_time_memory_area.
 *
 * Written only by the vCPU's thread or with vcpu->mutex held, so that there is
 * one writer; readers are the guest's vCPUs, by the version protocol.
 */
#include <linux/string.h>

#include "internal.h"

#define PVCLOCK_STABLE	(1 << 0)	/* all vCPUs' areas agree */
#define PVCLOCK_STOPPED	(1 << 1)	/* the guest's to clear */

static void pvclock_write(struct xen_time_info *g,
			  const struct pvclock_params *p)
{
	u32 version = (READ_ONCE(g->version) + 1) | 1;

	WRITE_ONCE(g->version, version);
	/* odd version before the data; pairs with the guest's read barriers */
	smp_wmb();
	g->pad0 = 0;
	g->tsc_timestamp = p->tsc_timestamp;
	g->system_time = p->system_time;
	g->mul = p->mul;
	g->shift = p->shift;
	g->flags = p->flags | (g->flags & PVCLOCK_STOPPED);
	memset(g->pad, 0, sizeof(g->pad));
	/* the data before the even version */
	smp_wmb();
	WRITE_ONCE(g->version, version + 1);
}

static void pvclock_vcpu_info(struct gpc *gpc, void *arg)
{
	pvclock_write(gpc->khva + XEN_TIME_OFFSET, arg);
	gpc_mark_dirty(gpc);
}

static void pvclock_time_info(struct gpc *gpc, void *arg)
{
	pvclock_write(gpc->khva, arg);
	gpc_mark_dirty(gpc);
}

void xen_update_pvclock(struct vcpu *vcpu)
{
	struct xen_vcpu *x = &vcpu->xen;
	struct pvclock_params p;

	might_sleep();
	if (!READ_ONCE(x->vcpu_info.active) &&
	    !READ_ONCE(x->vcpu_time_info.active) && !xen_runstate_enabled(vcpu))
		return;
	arch_pvclock_params(vcpu, &p);
	if (vcpu->vm->xen.config.flags & KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE)
		p.flags &= ~PVCLOCK_STABLE;
	/* memory that is not there has no reader */
	if (READ_ONCE(x->vcpu_info.active))
		gpc_access(&x->vcpu_info, XEN_VCPU_INFO_SIZE,
			   pvclock_vcpu_info, &p);
	if (READ_ONCE(x->vcpu_time_info.active))
		gpc_access(&x->vcpu_time_info, sizeof(struct xen_time_info),
			   pvclock_time_info, &p);
	cpuid_set_tsc(vcpu, p.mul, p.shift);
	timer_clock_changed(vcpu);
	tick_clock_changed(vcpu);
	shinfo_clock_changed(vcpu->vm);
}
