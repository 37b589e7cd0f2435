// SPDX-License-Identifier: GPL-2.0-only
/*
 * shared_info: where it is, the word size, and the wallclock in it.
 *
 * All under xen.lock; the word size also under shinfo.lock, so that event
 * delivery sees one of the two and never a change half way.
 *
 * The wallclock is written when shared_info is placed, in the layout of that
 * moment.  When the word size turns out to be the other, what was written is
 * taken back before it is written to its new place: in the other layout those
 * bytes are event channels.  So the order of the two calls does not matter.
 */
#include <linux/math64.h>
#include <linux/string.h>

#include "internal.h"

/* A wallclock further off than this is rewritten.  Less is measuring noise. */
#define SHINFO_WC_SLACK_NS	(10 * NSEC_PER_MSEC)

struct shinfo_wc {
	struct xen_wallclock *wc;
	const struct xen_layout *l;
	u64 ns;
};

/* The 16 bytes of the wallclock, wherever the layout has them. */
static void shinfo_wc_get(const void *shinfo, const struct xen_layout *l,
			  u8 *bytes)
{
	memcpy(bytes, shinfo + l->wc, sizeof(struct xen_wc));
	memcpy(bytes + sizeof(struct xen_wc), shinfo + l->wc_sec_hi,
	       sizeof(u32));
}

static void shinfo_wc_put(void *shinfo, const struct xen_layout *l,
			  const u8 *bytes)
{
	memcpy(shinfo + l->wc, bytes, sizeof(struct xen_wc));
	memcpy(shinfo + l->wc_sec_hi, bytes + sizeof(struct xen_wc),
	       sizeof(u32));
}

/* Version protocol: odd while the rest is being written. */
static void shinfo_wc_write(struct gpc *gpc, void *arg)
{
	struct shinfo_wc *a = arg;
	struct xen_wallclock *wc = a->wc;
	struct xen_wc *g = gpc->khva + a->l->wc;
	u32 *sec_hi = gpc->khva + a->l->wc_sec_hi;
	u32 nsec, version;
	u64 sec;

	if (!wc->written)
		shinfo_wc_get(gpc->khva, a->l, wc->old);
	sec = div_u64_rem(a->ns, NSEC_PER_SEC, &nsec);
	version = (READ_ONCE(g->version) + 1) | 1;
	WRITE_ONCE(g->version, version);
	/* odd version before the data; pairs with the guest's read barriers */
	smp_wmb();
	WRITE_ONCE(g->sec, (u32)sec);
	WRITE_ONCE(g->nsec, nsec);
	WRITE_ONCE(*sec_hi, (u32)(sec >> 32));
	/* the data before the even version */
	smp_wmb();
	WRITE_ONCE(g->version, version + 1);
	shinfo_wc_get(gpc->khva, a->l, wc->new);
	wc->ns = a->ns;
	wc->written = true;
}

/* Unless somebody has written there since. */
static void shinfo_wc_undo(struct gpc *gpc, void *arg)
{
	struct shinfo_wc *a = arg;
	u8 now[XEN_WC_BYTES];

	shinfo_wc_get(gpc->khva, a->l, now);
	if (!memcmp(now, a->wc->new, sizeof(now)))
		shinfo_wc_put(gpc->khva, a->l, a->wc->old);
}

static int shinfo_wallclock(struct vm *vm)
{
	struct shinfo_wc a = {
		.wc = &vm->xen.wallclock,
		.l = xen_layout(vm),
		.ns = arch_wallclock_ns(vm),
	};

	lockdep_assert_held(&vm->xen.lock);
	return gpc_access(&vm->xen.shinfo, PAGE_SIZE, shinfo_wc_write, &a);
}

static int shinfo_placed(struct vm *vm, int ret)
{
	vm->xen.wallclock.written = false;
	return ret ? ret : shinfo_wallclock(vm);
}

int shinfo_set(struct vm *vm, gpa_t gpa)
{
	struct gpc *shinfo = &vm->xen.shinfo;

	lockdep_assert_held(&vm->xen.lock);
	if (gpa == GPA_INVALID) {
		gpc_deactivate(shinfo);
		return 0;
	}
	return shinfo_placed(vm, gpc_activate(shinfo, gpa, PAGE_SIZE));
}

int shinfo_set_hva(struct vm *vm, hva_t uhva)
{
	struct gpc *shinfo = &vm->xen.shinfo;

	lockdep_assert_held(&vm->xen.lock);
	if (!uhva) {
		gpc_deactivate(shinfo);
		return 0;
	}
	return shinfo_placed(vm, gpc_activate_hva(shinfo, uhva, PAGE_SIZE));
}

/* It is as it was taken to be: nothing that was written has to move. */
static void shinfo_word_size_confirmed(struct vm *vm)
{
	struct vcpu *v;
	unsigned int i;

	WRITE_ONCE(vm->xen.word_size_known, true);
	vm_for_each_vcpu(i, v, vm)
		v->xen.early_sel = 0;
}

int shinfo_set_long_mode(struct vm *vm, bool long_mode)
{
	struct xen_vm *x = &vm->xen;
	struct shinfo_wc a = { .wc = &x->wallclock, .l = xen_layout(vm) };
	struct vcpu *v;
	unsigned int i;
	int ret = 0;

	lockdep_assert_held(&x->lock);
	if (x->long_mode == long_mode) {
		if (!x->word_size_known)
			shinfo_word_size_confirmed(vm);
		return 0;
	}
	if (x->shinfo.active && x->wallclock.written)
		ret = gpc_access(&x->shinfo, PAGE_SIZE, shinfo_wc_undo, &a);
	write_lock_irq(&x->shinfo.lock);
	WRITE_ONCE(x->long_mode, long_mode);
	WRITE_ONCE(x->word_size_known, true);
	write_unlock_irq(&x->shinfo.lock);
	if (!ret && x->shinfo.active) {
		x->wallclock.written = false;
		ret = shinfo_wallclock(vm);
	}
	vm_for_each_vcpu(i, v, vm) {
		evtchn_2l_word_size_changed(v);
		runstate_rewrite(v);
	}
	return ret;
}

void shinfo_clock_changed(struct vm *vm)
{
	struct xen_wallclock *wc = &vm->xen.wallclock;
	u64 now = arch_wallclock_ns(vm);

	if (!READ_ONCE(vm->xen.shinfo.active))
		return;
	mutex_lock(&vm->xen.lock);
	if (wc->written &&
	    (now > wc->ns ? now - wc->ns : wc->ns - now) > SHINFO_WC_SLACK_NS)
		shinfo_wallclock(vm);
	mutex_unlock(&vm->xen.lock);
}
