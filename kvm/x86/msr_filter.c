// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSR filters: which MSRs user space lets the guest access.  Owns
 * vm->arch.msr_filter: an immutable filter behind an RCU pointer, exchanged
 * under vm->lock; NULL allows everything.
 *
 * The MSR bitmaps of the vCPUs follow the filter: an MSR that the CPU would
 * let through exits while the filter denies it.  The registers of the x2APIC
 * are the local APIC's and are never filtered.
 * Source: KVM API, KVM_X86_SET_MSR_FILTER.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../arch.h"
#include "msr_filter.h"
#include "vmx.h"

#define MSR_X2APIC_FIRST 0x800
#define MSR_X2APIC_LAST	0x8ff

struct msr_filter_range {
	u32 flags, base, nmsrs;
	unsigned long *allowed;		/* a bit an MSR, in msr_filter.bits */
};

struct msr_filter {
	struct rcu_head rcu;
	bool default_allow;
	unsigned int nr;
	struct msr_filter_range range[KVM_MSR_FILTER_MAX_RANGES];
	unsigned long bits[];
};

static bool msr_filter_lookup(const struct msr_filter *f, u32 msr, bool write)
{
	u32 access = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;
	unsigned int i;

	for (i = 0; i < f->nr; i++) {
		const struct msr_filter_range *r = &f->range[i];

		if (msr >= r->base && msr - r->base < r->nmsrs &&
		    (r->flags & access))
			return test_bit(array_index_nospec(msr - r->base,
							   r->nmsrs),
					r->allowed);
	}
	return f->default_allow;
}

bool msr_filter_allows(struct vm *vm, u32 msr, bool write)
{
	const struct msr_filter *f;
	bool ok = true;

	if (likely(!rcu_access_pointer(vm->arch.msr_filter)))
		return true;
	if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
		return true;
	rcu_read_lock();
	f = rcu_dereference(vm->arch.msr_filter);
	if (f)
		ok = msr_filter_lookup(f, msr, write);
	rcu_read_unlock();
	return ok;
}

void msr_filter_update_bitmap(struct vcpu *v)
{
	unsigned int i;

	for (i = 0; i < vmcs_nr_free_msrs; i++) {
		u32 msr = vmcs_free_msrs[i];

		vmcs_msr_intercept(v, msr,
				   !msr_filter_allows(v->vm, msr, false),
				   !msr_filter_allows(v->vm, msr, true));
	}
}

/* --- KVM_X86_SET_MSR_FILTER --------------------------------------------------- */

static size_t msr_filter_longs(const struct kvm_msr_filter_range *r)
{
	return BITS_TO_LONGS((u64)r->nmsrs);
}

/* Check what was copied in; the longs all bitmaps take, or -errno. */
static long msr_filter_check(const struct kvm_msr_filter *in)
{
	const u32 access = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
	size_t longs = 0;
	bool empty = true;
	unsigned int i;

	if (in->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(in->ranges); i++) {
		const struct kvm_msr_filter_range *r = &in->ranges[i];

		if (!r->nmsrs)
			continue;
		empty = false;
		if (!r->flags || (r->flags & ~access))
			return -EINVAL;
		if (msr_filter_longs(r) * sizeof(long) >
		    KVM_MSR_FILTER_MAX_BITMAP_SIZE)
			return -EINVAL;
		longs += msr_filter_longs(r);
	}
	/* a filter that denies everything could not even be meant */
	if (empty && (in->flags & KVM_MSR_FILTER_DEFAULT_DENY))
		return -EINVAL;
	return longs;
}

static int msr_filter_copy(struct msr_filter *f, const struct kvm_msr_filter *in)
{
	unsigned long *bits = f->bits;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(in->ranges); i++) {
		const struct kvm_msr_filter_range *r = &in->ranges[i];
		size_t longs = msr_filter_longs(r);

		if (!r->nmsrs)
			continue;
		if (copy_from_user(bits, (void __user *)r->bitmap,
				   longs * sizeof(long)))
			return -EFAULT;
		f->range[f->nr++] = (struct msr_filter_range){
			.flags = r->flags, .base = r->base, .nmsrs = r->nmsrs,
			.allowed = bits,
		};
		bits += longs;
	}
	return 0;
}

/* Exchange the filter; when this returns no vCPU runs by the old one. */
static void msr_filter_publish(struct vm *vm, struct msr_filter *new)
{
	struct msr_filter *old;

	mutex_lock(&vm->lock);
	old = rcu_replace_pointer(vm->arch.msr_filter, new,
				  lockdep_is_held(&vm->lock));
	vm_request_all(vm, REQ_MSR_FILTER);
	mutex_unlock(&vm->lock);
	if (old)
		kvfree_rcu(old, rcu);
}

static int msr_filter_set(struct vm *vm, const struct kvm_msr_filter *in)
{
	long longs = msr_filter_check(in);
	struct msr_filter *f;
	int ret;

	if (longs < 0)
		return longs;
	f = kvzalloc(struct_size(f, bits, longs), GFP_KERNEL_ACCOUNT);
	if (!f)
		return -ENOMEM;
	f->default_allow = !(in->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	ret = msr_filter_copy(f, in);
	if (ret) {
		kvfree(f);
		return ret;
	}
	msr_filter_publish(vm, f);
	return 0;
}

int msr_filter_ioctl(struct vm *vm, void __user *arg)
{
	struct kvm_msr_filter in;

	if (copy_from_user(&in, arg, sizeof(in)))
		return -EFAULT;
	return msr_filter_set(vm, &in);
}

#ifdef CONFIG_COMPAT
int msr_filter_compat_ioctl(struct vm *vm, void __user *arg)
{
	struct msr_filter_compat in;
	struct kvm_msr_filter f = { 0 };
	unsigned int i;

	if (copy_from_user(&in, arg, sizeof(in)))
		return -EFAULT;
	f.flags = in.flags;
	for (i = 0; i < ARRAY_SIZE(in.ranges); i++)
		f.ranges[i] = (struct kvm_msr_filter_range){
			.flags = in.ranges[i].flags,
			.nmsrs = in.ranges[i].nmsrs,
			.base = in.ranges[i].base,
			.bitmap = (__force u8 *)compat_ptr(in.ranges[i].bitmap),
		};
	return msr_filter_set(vm, &f);
}
#endif

void msr_filter_exit(struct vm *vm)
{
	kvfree(rcu_dereference_protected(vm->arch.msr_filter, true));
}
