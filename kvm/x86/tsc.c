// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time: the guest's TSC, setting the VM's clock (clock.c), and pvclock
 * parameters.
 *
 * Guest TSC = host TSC * ratio + offset, where the host's is what it would be had
 * it never gone back in a suspend: tsc_lost is what it has lost so.  The ratio is
 * one unless the CPU scales
 * (SDM volume 3, 25.3) and user space asked for a rate that the host's is not
 * near.
 */
#include <linux/clocksource.h>
#include <linux/math64.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>

#include "../arch.h"
#include "lapic.h"
#include "vmx.h"

#define TSC_RATIO_BITS	48
#define TSC_RATIO_ONE	(1ull << TSC_RATIO_BITS)
/* A rate this near to the host's needs no scaling: 250 ppm, as for KVM. */
#define TSC_TOLERANCE(khz)	((khz) / 4000)

bool tsc_scaling(void)
{
	return vmx_caps.proc2 & SECONDARY_EXEC_TSC_SCALING;
}

/* Written while the machine resumes, when nobody else runs. */
static u64 tsc_lost;
static u64 tsc_at_suspend;
static u32 tsc_resumes;

static u64 tsc_scaled(const struct vcpu *v, u64 ticks)
{
	u64 ratio = READ_ONCE(v->arch.tsc_ratio);

	return ratio == TSC_RATIO_ONE ? ticks :
		mul_u64_u64_shr(ticks, ratio, TSC_RATIO_BITS);
}

/* What has to be added to what a guest makes of the host's TSC. */
static u64 tsc_made_up(const struct vcpu *v)
{
	return tsc_scaled(v, READ_ONCE(tsc_lost));
}

static u64 tsc_of_host(const struct vcpu *v, u64 tsc)
{
	return tsc_scaled(v, tsc) + tsc_made_up(v);
}

static void tsc_write_vmcs(struct vcpu *v)
{
	vmcs_write(TSC_OFFSET, v->arch.tsc_offset + tsc_made_up(v));
}

void tsc_vcpu_arrived(struct vcpu *v)
{
	u32 resumes = READ_ONCE(tsc_resumes);

	if (likely(v->arch.tsc_resumes == resumes))
		return;
	v->arch.tsc_resumes = resumes;
	tsc_write_vmcs(v);
	/* the guest's clock went on while the machine slept, its TSC did not */
	vcpu_request(v, REQ_CLOCK_UPDATE);
}

void tsc_suspend(void)
{
	tsc_at_suspend = rdtsc_ordered();
}

void tsc_resume(void)
{
	tsc_lost += decide_tsc_lost(tsc_at_suspend, rdtsc_ordered());
	tsc_resumes++;
}

u64 x86_guest_tsc(struct vcpu *v)
{
	return tsc_of_host(v, rdtsc()) + READ_ONCE(v->arch.tsc_offset);
}

u32 tsc_true_khz(const struct vcpu *v)
{
	return v->arch.tsc_ratio == TSC_RATIO_ONE ? tsc_khz : v->arch.tsc_khz;
}

u64 tsc_offset_for(const struct vcpu *v, u64 tsc)
{
	return tsc - tsc_of_host(v, rdtsc());
}

/*
 * A write of nearly the value another vCPU of the VM was given (within a
 * second of guest time) means to synchronise: it gets the same offset.
 */
static u64 tsc_match(const struct vcpu *v, u64 offset)
{
	const struct arch_vm *a = &v->vm->arch;
	s64 diff = offset - a->tsc_offset;

	if (a->tsc_offset_valid && a->tsc_ratio == v->arch.tsc_ratio &&
	    abs(diff) < (u64)tsc_true_khz(v) * 1000)
		return a->tsc_offset;
	return offset;
}

void tsc_write_offset(struct vcpu *v, u64 offset)
{
	v->vm->arch.tsc_offset = offset;
	v->vm->arch.tsc_ratio = v->arch.tsc_ratio;
	v->vm->arch.tsc_offset_valid = true;
	WRITE_ONCE(v->arch.tsc_offset, offset);
	tsc_write_vmcs(v);
	if (v->arch.lapic)
		lapic_tsc_changed(v);
	vcpu_request(v, REQ_CLOCK_UPDATE);
}

void x86_set_guest_tsc(struct vcpu *v, u64 tsc)
{
	tsc_write_offset(v, tsc_match(v, tsc_offset_for(v, tsc)));
}

void tsc_vcpu_init(struct vcpu *v)
{
	v->arch.tsc_ratio = TSC_RATIO_ONE;
	tsc_set_khz(v, READ_ONCE(v->vm->arch.tsc_khz));	/* was checked */
	x86_set_guest_tsc(v, 0);
}

/* The ratio that makes @khz of the host's rate; 0: the CPU cannot. */
static u64 tsc_ratio(unsigned long khz)
{
	if (khz >= tsc_khz - TSC_TOLERANCE(tsc_khz) &&
	    khz <= tsc_khz + TSC_TOLERANCE(tsc_khz))
		return TSC_RATIO_ONE;
	/* above, the ratio's 16 integer bits do not do */
	if (!tsc_scaling() || khz > U32_MAX || khz >> 16 >= tsc_khz)
		return 0;
	return mul_u64_u64_div_u64(khz, TSC_RATIO_ONE, tsc_khz);
}

int tsc_set_khz(struct vcpu *v, unsigned long khz)
{
	u64 ratio = tsc_ratio(khz = khz ?: tsc_khz);

	if (!ratio)
		return -EINVAL;
	v->arch.tsc_khz = khz;
	vcpu_request(v, REQ_CLOCK_UPDATE);
	if (ratio == v->arch.tsc_ratio)
		return 0;
	WRITE_ONCE(v->arch.tsc_ratio, ratio);
	if (ratio == TSC_RATIO_ONE) {
		vmcs_set_proc2(v, 0, SECONDARY_EXEC_TSC_SCALING);
	} else {
		vmcs_write(TSC_MULTIPLIER, ratio);
		vmcs_set_proc2(v, SECONDARY_EXEC_TSC_SCALING, 0);
	}
	tsc_write_vmcs(v);
	if (v->arch.lapic)
		lapic_tsc_changed(v);
	return 0;
}

int tsc_set_vm_khz(struct vm *vm, unsigned long khz)
{
	khz = khz ?: tsc_khz;
	if (!tsc_ratio(khz))
		return -EINVAL;
	WRITE_ONCE(vm->arch.tsc_khz, khz);
	return 0;
}

u64 arch_wallclock_ns(struct vm *vm)
{
	unsigned long flags;
	u64 ns;

	local_irq_save(flags);
	ns = ktime_get_real_ns() - arch_guest_clock_ns(vm);
	local_irq_restore(flags);
	return ns;
}

/* The host TSC and the VM's clock of one moment. */
static void tsc_snapshot(struct vm *vm, u64 *tsc, u64 *ns)
{
	unsigned long flags;

	local_irq_save(flags);
	*tsc = rdtsc_ordered();
	*ns = arch_guest_clock_ns(vm);
	local_irq_restore(flags);
}

/*
 * ns = ((tsc << shift) * mul) >> 32: the largest mul that fits.
 * Source: pvclock-abi.h.
 */
void tsc_scale(u32 khz, u32 *mul, s8 *shift)
{
	u64 tps = (u64)khz * 1000, scaled = NSEC_PER_SEC;
	int s = 0;

	while (tps > scaled * 2 || tps >> 32) {
		tps >>= 1;
		s--;
	}
	while (tps <= scaled || scaled >> 32) {
		if ((scaled >> 32) || (tps & BIT(31)))
			scaled >>= 1;
		else
			tps <<= 1;
		s++;
	}
	*shift = s;
	*mul = div64_u64(scaled << 32, tps);
}

void arch_pvclock_params(struct vcpu *v, struct pvclock_params *p)
{
	u64 tsc;

	tsc_snapshot(v->vm, &tsc, &p->system_time);
	p->tsc_timestamp = tsc_of_host(v, tsc) + v->arch.tsc_offset;
	tsc_scale(tsc_true_khz(v), &p->mul, &p->shift);
	/* all vCPUs share one offset and ratio, and the TSC runs alike on all CPUs */
	p->flags = boot_cpu_has(X86_FEATURE_CONSTANT_TSC) &&
		   !check_tsc_unstable() ? PVCLOCK_TSC_STABLE_BIT : 0;
}

static void tsc_update_all(struct vm *vm)
{
	struct vcpu *v;
	unsigned int i;

	vm_for_each_vcpu(i, v, vm)
		vcpu_request_kick(v, REQ_CLOCK_UPDATE);
}

int tsc_get_clock(struct vm *vm, struct kvm_clock_data *d)
{
	unsigned long flags;

	memset(d, 0, sizeof(*d));
	local_irq_save(flags);
	d->host_tsc = rdtsc_ordered();
	d->realtime = ktime_get_real_ns();
	d->clock = arch_guest_clock_ns(vm);
	local_irq_restore(flags);
	d->flags = KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
	if (boot_cpu_has(X86_FEATURE_CONSTANT_TSC) && !check_tsc_unstable())
		d->flags |= KVM_CLOCK_TSC_STABLE;
	return 0;
}

int tsc_set_clock(struct vm *vm, const struct kvm_clock_data *d)
{
	u64 clock = d->clock, now;

	if (d->flags & ~(u32)(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME |
			      KVM_CLOCK_HOST_TSC))
		return -EINVAL;
	mutex_lock(&vm->lock);
	now = ktime_get_real_ns();
	/* the time the VM was away counts */
	if ((d->flags & KVM_CLOCK_REALTIME) && now > d->realtime)
		clock += now - d->realtime;
	WRITE_ONCE(vm->arch.clock_offset, clock - clock_ns());
	mutex_unlock(&vm->lock);
	tsc_update_all(vm);
	return 0;
}

/* --- KVM_VCPU_TSC_CTRL ------------------------------------------------------- */

int tsc_has_attr(const struct kvm_device_attr *a)
{
	return a->group == KVM_VCPU_TSC_CTRL && a->attr == KVM_VCPU_TSC_OFFSET ?
	       0 : -ENXIO;
}

int tsc_get_attr(struct vcpu *v, const struct kvm_device_attr *a)
{
	u64 __user *p = u64_to_user_ptr(a->addr);

	/* to user space the offset is from what KVM_GET_CLOCK shows it */
	return tsc_has_attr(a) ?: put_user(v->arch.tsc_offset + tsc_made_up(v),
					   p);
}

/* The very offset: it was computed from an exact one, nothing is matched. */
int tsc_set_attr(struct vcpu *v, const struct kvm_device_attr *a)
{
	u64 __user *p = u64_to_user_ptr(a->addr);
	u64 offset;
	int ret = tsc_has_attr(a) ?: get_user(offset, p);

	if (!ret)
		tsc_write_offset(v, offset - tsc_made_up(v));
	return ret;
}
