// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The way in of hypercalls: who may call, which handler, and the only access
 * to what a guest pointer points at.  Owns nothing but the last translation,
 * which is good for one exit of its vCPU and lives there.
 */
#include "hypercall.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "../vcpu.h"
#include "../vm_priv.h"
#include "abi.h"

/* Numbers travel unchanged: Linux's are Xen's. */
_Static_assert(XEN_EPERM == EPERM && XEN_ENOENT == ENOENT &&
	       XEN_ESRCH == ESRCH && XEN_EAGAIN == EAGAIN &&
	       XEN_ENOMEM == ENOMEM && XEN_EFAULT == EFAULT &&
	       XEN_EBUSY == EBUSY && XEN_EEXIST == EEXIST &&
	       XEN_EINVAL == EINVAL && XEN_ENOSPC == ENOSPC &&
	       XEN_ENOSYS == ENOSYS && XEN_EOPNOTSUPP == EOPNOTSUPP &&
	       XEN_E2BIG == E2BIG && XEN_EIO == EIO, "errno");

static int64_t hcall_denied(struct hcall *h)
{
	return -EPERM;
}

static int64_t hcall_multicall(struct hcall *h);

/* What is not here is -ENOSYS. */
static int64_t (*const hypercalls[])(struct hcall *h) = {
	[__HYPERVISOR_platform_op]	= hcall_denied,
	[__HYPERVISOR_memory_op]	= hcall_memory_op,
	[__HYPERVISOR_multicall]	= hcall_multicall,
	[__HYPERVISOR_set_timer_op]	= hcall_set_timer_op,
	[__HYPERVISOR_xen_version]	= hcall_xen_version,
	[__HYPERVISOR_console_io]	= hcall_console_io,
	[__HYPERVISOR_grant_table_op]	= hcall_grant_table_op,
	[__HYPERVISOR_vm_assist]	= hcall_vm_assist,
	[__HYPERVISOR_vcpu_op]		= hcall_vcpu_op,
	[__HYPERVISOR_sched_op]		= hcall_sched_op,
	[__HYPERVISOR_event_channel_op]	= hcall_event_channel_op,
	[__HYPERVISOR_hvm_op]		= hcall_hvm_op,
	[__HYPERVISOR_sysctl]		= hcall_denied,
	[__HYPERVISOR_domctl]		= hcall_denied,
};

int64_t hypercall_do(struct hcall *h)
{
	if (h->nr >= sizeof(hypercalls) / sizeof(hypercalls[0]) ||
	    !hypercalls[h->nr])
		return -ENOSYS;
	return hypercalls[h->nr](h);
}

int hypercall_exit(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	struct hcall h = { .vm = v->vm, .vcpu = v };
	unsigned int i;
	int64_t ret;

	if (run->xen.type != KVM_EXIT_XEN_HCALL)
		return -EINVAL;
	h.wide = run->xen.u.hcall.longmode;
	h.nr = run->xen.u.hcall.input;
	for (i = 0; i < 6; i++)
		h.arg[i] = run->xen.u.hcall.params[i];
	/* Only the guest's kernel talks to the hypervisor. */
	ret = run->xen.u.hcall.cpl ? -EPERM : hypercall_do(&h);
	run->xen.u.hcall.result = h.wide ? (uint64_t)ret : (uint32_t)ret;
	return 1;
}

bool hcall_stopping(const struct hcall *h)
{
	return atomic_load_explicit(&h->vm->stopping, memory_order_relaxed);
}

int hcall_self(const struct hcall *h, uint16_t domid)
{
	if (domid == DOMID_SELF || domid == h->vm->domid)
		return 0;
	return domid == XEN_ABI_DOM0 ? -EPERM : -ESRCH;
}

/* Guest memory */

int hcall_translate(struct hcall *h, gva_t at, uint64_t *gpa)
{
	struct vcpu *v = h->vcpu;
	uint64_t page = at.v & ~(uint64_t)(GUEST_PAGE_SIZE - 1);

	if (v->gva_page != page) {
		struct kvm_translation t = { .linear_address = page };

		if (ioctl(v->fd, KVM_TRANSLATE, &t) || !t.valid)
			return -EFAULT;
		v->gva_page = page;
		v->gva_gpa = t.physical_address;
	}
	*gpa = v->gva_gpa + (at.v - page);
	return 0;
}

/* Copy page by page; what was copied before an error stays copied. */
static int hcall_copy(struct hcall *h, gva_t at, void *to, const void *from,
		      size_t len)
{
	uint64_t gpa_;
	size_t n, done;
	int err;

	for (done = 0; done < len; done += n) {
		err = hcall_translate(h, gva(at.v + done), &gpa_);
		if (err)
			return err;
		n = GUEST_PAGE_SIZE - gpa_ % GUEST_PAGE_SIZE;
		if (n > len - done)
			n = len - done;
		if (to)
			err = mem_read(h->vm->mem, gpa(gpa_),
				       (char *)to + done, n);
		else
			err = mem_write(h->vm->mem, gpa(gpa_),
					(const char *)from + done, n);
		if (err)
			return err;
	}
	return 0;
}

int hcall_get(struct hcall *h, void *to, gva_t from, size_t len)
{
	return hcall_copy(h, from, to, NULL, len);
}

int hcall_put(struct hcall *h, gva_t to, const void *from, size_t len)
{
	return hcall_copy(h, to, NULL, from, len);
}

int hcall_get_word(struct hcall *h, gva_t base, uint64_t i, uint64_t *out)
{
	size_t size = h->wide ? 8 : 4;

	*out = 0;	/* little-endian: the low half is in place */
	return hcall_get(h, out, gva(base.v + i * size), size);
}

int hcall_put_word(struct hcall *h, gva_t base, uint64_t i, uint64_t val)
{
	size_t size = h->wide ? 8 : 4;

	return hcall_put(h, gva(base.v + i * size), &val, size);
}

/* Multicall: entries are copied once, each result goes back by itself. */

static int hcall_get_entry(struct hcall *h, gva_t at, struct hcall *out)
{
	struct compat_multicall_entry narrow;
	struct multicall_entry wide;
	unsigned int i;
	int err;

	if (h->wide) {
		err = hcall_get(h, &wide, at, sizeof(wide));
		out->nr = wide.op;
	} else {
		err = hcall_get(h, &narrow, at, sizeof(narrow));
		out->nr = narrow.op;
	}
	for (i = 0; !err && i < 6; i++)
		out->arg[i] = h->wide ? wide.args[i] : narrow.args[i];
	return err;
}

static int64_t hcall_multicall(struct hcall *h)
{
	size_t size = h->wide ? sizeof(struct multicall_entry) :
				sizeof(struct compat_multicall_entry);
	uint32_t i, nr = h->arg[1];
	int err;

	if (h->nested)
		return -EINVAL;
	for (i = 0; i < nr && !hcall_stopping(h); i++) {
		struct hcall one = *h;
		gva_t entry = gva(h->arg[0] + i * size);
		int64_t ret;

		err = hcall_get_entry(h, entry, &one);
		if (err)
			return err;
		one.nested = true;
		ret = hypercall_do(&one);
		/* The result is the entry's second word. */
		err = hcall_put_word(h, entry, 1, ret);
		if (err)
			return err;
	}
	return 0;
}
