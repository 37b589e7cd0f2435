// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * grant_table_op: each operation is an array of @count structures, done one by
 * one with a status each.  No other domain grants the guest anything, so that
 * mapping fails with the status Xen gives for it; copying within the guest
 * works.
 */
#include <errno.h>
#include <string.h>

#include "../vm_priv.h"
#include "abi.h"
#include "gnttab.h"
#include "hypercall.h"
#include "physmap.h"

static int16_t gnttab_domain(struct hcall *h, uint16_t domid)
{
	return hcall_self(h, domid) ? GNTST_bad_domain : GNTST_okay;
}

/* One element at @at: 0 or -errno; statuses are in the structure. */

static int op_setup_table(struct hcall *h, gva_t at)
{
	struct compat_gnttab_setup_table narrow;
	struct gnttab_setup_table a;
	uint32_t i;
	gva_t list;
	int err;

	if (h->wide) {
		err = hcall_get(h, &a, at, sizeof(a));
		list = gva((uintptr_t)a.frame_list.p);
	} else {
		err = hcall_get(h, &narrow, at, sizeof(narrow));
		a.dom = narrow.dom;
		a.nr_frames = narrow.nr_frames;
		list = gva(narrow.frame_list);
	}
	if (err)
		return err;
	a.status = gnttab_domain(h, a.dom);
	if (!a.status && gnttab_grow(h->vm->gnttab, a.nr_frames))
		a.status = GNTST_general_error;
	for (i = 0; !a.status && i < a.nr_frames; i++) {
		uint64_t where = physmap_where(h->vm->physmap,
					       PHYSMAP_GRANT(i));

		if (hcall_put_word(h, list, i, where))
			a.status = GNTST_bad_virt_addr;
	}
	if (h->wide)
		return hcall_put(h, gva(at.v + offsetof(typeof(a), status)),
				 &a.status, sizeof(a.status));
	return hcall_put(h, gva(at.v + offsetof(typeof(narrow), status)),
			 &a.status, sizeof(a.status));
}

static int op_query_size(struct hcall *h, gva_t at)
{
	struct gnttab_query_size a;
	int err = hcall_get(h, &a, at, sizeof(a));

	if (err)
		return err;
	a.status = gnttab_domain(h, a.dom);
	if (!a.status) {
		a.nr_frames = gnttab_nr_frames(h->vm->gnttab);
		a.max_nr_frames = GNTTAB_MAX_FRAMES;
	}
	return hcall_put(h, at, &a, sizeof(a));
}

static int op_get_version(struct hcall *h, gva_t at)
{
	struct gnttab_get_version a;
	int err = hcall_get(h, &a, at, sizeof(a));

	if (!err)
		err = hcall_self(h, a.dom);
	if (err)
		return err;
	a.version = 1;
	return hcall_put(h, at, &a, sizeof(a));
}

static int op_map(struct hcall *h, gva_t at)
{
	struct gnttab_map_grant_ref a;
	int err = hcall_get(h, &a, at, sizeof(a));

	if (err)
		return err;
	a.status = a.dom == XEN_ABI_DOM0 ? GNTST_bad_gntref :
		   a.dom == h->vm->domid ? GNTST_permission_denied :
		   GNTST_bad_domain;
	return hcall_put(h, at, &a, sizeof(a));
}

static int op_unmap(struct hcall *h, gva_t at)
{
	struct gnttab_unmap_grant_ref a;
	int err = hcall_get(h, &a, at, sizeof(a));

	if (err)
		return err;
	a.status = GNTST_bad_handle;
	return hcall_put(h, at, &a, sizeof(a));
}

/* One side of a copy: the page, pinned if it is named by a reference. */
struct copy_side {
	uint64_t frame;
	uint32_t ref;
	uint16_t domid, offset;
	bool by_ref, write;
	void *page;
};

static int16_t copy_claim(struct hcall *h, struct copy_side *s)
{
	int16_t status = gnttab_domain(h, s->domid);

	if (s->by_ref && s->domid == XEN_ABI_DOM0)
		return GNTST_bad_gntref;
	if (status)
		return status;
	if (s->by_ref)
		return gnttab_pin(h->vm->gnttab, s->ref, h->vm->domid,
				  s->write, &s->page);
	if (s->frame >> (64 - GUEST_PAGE_SHIFT))
		return GNTST_bad_page;
	s->page = mem_ptr(h->vm->mem, gfn_to_gpa(gfn(s->frame)),
			  GUEST_PAGE_SIZE);
	return s->page ? GNTST_okay : GNTST_bad_page;
}

static void copy_release(struct hcall *h, struct copy_side *s)
{
	if (s->by_ref)
		gnttab_unpin(h->vm->gnttab, s->ref, s->write);
}

static int16_t copy_do(struct hcall *h, struct copy_side *from,
		       struct copy_side *to, uint16_t len)
{
	int16_t status;

	if (from->offset + len > (int)GUEST_PAGE_SIZE ||
	    to->offset + len > (int)GUEST_PAGE_SIZE)
		return GNTST_bad_copy_arg;
	status = copy_claim(h, from);
	if (status)
		return status;
	status = copy_claim(h, to);
	if (!status) {
		memmove((char *)to->page + to->offset,
			(char *)from->page + from->offset, len);
		copy_release(h, to);
	}
	copy_release(h, from);
	return status;
}

static struct copy_side copy_side(uint64_t u, uint16_t domid, uint16_t offset,
				  bool by_ref, bool write)
{
	return (struct copy_side) {
		.frame = u, .ref = u, .domid = domid, .offset = offset,
		.by_ref = by_ref, .write = write,
	};
}

static int op_copy(struct hcall *h, gva_t at)
{
	struct compat_gnttab_copy n;
	struct gnttab_copy w;
	struct copy_side from, to;
	uint16_t flags, len;
	int16_t status;
	int err;

	if (h->wide) {
		err = hcall_get(h, &w, at, sizeof(w));
		flags = w.flags;
		len = w.len;
		from = copy_side(w.source.u.gmfn, w.source.domid,
				 w.source.offset, flags & GNTCOPY_source_gref,
				 false);
		to = copy_side(w.dest.u.gmfn, w.dest.domid, w.dest.offset,
			       flags & GNTCOPY_dest_gref, true);
	} else {
		err = hcall_get(h, &n, at, sizeof(n));
		flags = n.flags;
		len = n.len;
		from = copy_side(n.source.u, n.source.domid, n.source.offset,
				 flags & GNTCOPY_source_gref, false);
		to = copy_side(n.dest.u, n.dest.domid, n.dest.offset,
			       flags & GNTCOPY_dest_gref, true);
	}
	if (err)
		return err;
	status = copy_do(h, &from, &to, len);
	return hcall_put(h, gva(at.v + (h->wide ?
			 offsetof(struct gnttab_copy, status) :
			 offsetof(struct compat_gnttab_copy, status))),
			 &status, sizeof(status));
}

static const struct gnttab_op_desc {
	int (*fn)(struct hcall *h, gva_t at);
	uint8_t size[2];		/* 32-bit and 64-bit callers' */
	bool single;			/* count must be 1 */
} gnttab_ops[] = {
	[GNTTABOP_map_grant_ref] = { op_map, {
		sizeof(struct gnttab_map_grant_ref),
		sizeof(struct gnttab_map_grant_ref) }, false },
	[GNTTABOP_unmap_grant_ref] = { op_unmap, {
		sizeof(struct gnttab_unmap_grant_ref),
		sizeof(struct gnttab_unmap_grant_ref) }, false },
	[GNTTABOP_setup_table] = { op_setup_table, {
		sizeof(struct compat_gnttab_setup_table),
		sizeof(struct gnttab_setup_table) }, true },
	[GNTTABOP_copy] = { op_copy, {
		sizeof(struct compat_gnttab_copy),
		sizeof(struct gnttab_copy) }, false },
	[GNTTABOP_query_size] = { op_query_size, {
		sizeof(struct gnttab_query_size),
		sizeof(struct gnttab_query_size) }, true },
	[GNTTABOP_get_version] = { op_get_version, {
		sizeof(struct gnttab_get_version),
		sizeof(struct gnttab_get_version) }, true },
};

int64_t hcall_grant_table_op(struct hcall *h)
{
	const struct gnttab_op_desc *op;
	uint32_t i, count = h->arg[2];
	int err;

	if ((int32_t)count < 0)
		return -EINVAL;
	if (h->arg[0] >= sizeof(gnttab_ops) / sizeof(gnttab_ops[0]) ||
	    !gnttab_ops[h->arg[0]].fn)
		return -ENOSYS;
	op = &gnttab_ops[h->arg[0]];
	if (op->single && count != 1)
		return -EINVAL;
	for (i = 0; i < count && !hcall_stopping(h); i++) {
		err = op->fn(h, gva(h->arg[1] +
				    (uint64_t)i * op->size[h->wide]));
		if (err)
			return err;
	}
	return 0;
}
