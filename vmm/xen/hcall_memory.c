// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * memory_op: where special pages appear, what is RAM, and ballooning within
 * the RAM the guest was given.
 */
#include <errno.h>

#include "../vm_priv.h"
#include "abi.h"
#include "gnttab.h"
#include "hypercall.h"
#include "physmap.h"

/* A command's upper bits say at which extent to go on. */
#define MEMORY_CMD_BITS		6
#define MEMORY_CMD_MASK		((1u << MEMORY_CMD_BITS) - 1)
#define MEMORY_MAX_ORDER	9	/* an unprivileged domain's */

struct memory_reservation {
	gva_t extents;
	uint64_t nr;
	unsigned int order;
	uint16_t domid;
};

static int memory_get_reservation(struct hcall *h, struct memory_reservation *r)
{
	struct compat_memory_reservation narrow;
	struct xen_memory_reservation wide;
	int err;

	if (h->wide) {
		err = hcall_get(h, &wide, gva(h->arg[1]), sizeof(wide));
		*r = (struct memory_reservation) {
			gva((uintptr_t)wide.extent_start.p), wide.nr_extents,
			wide.extent_order, wide.domid,
		};
	} else {
		err = hcall_get(h, &narrow, gva(h->arg[1]), sizeof(narrow));
		*r = (struct memory_reservation) {
			gva(narrow.extent_start), narrow.nr_extents,
			narrow.extent_order, narrow.domid,
		};
	}
	return err;
}

/* Run @fn on each page of an extent; those before a failure stay done. */
static int memory_do_extent(struct hcall *h, uint64_t first,
			    unsigned int order,
			    int (*fn)(struct physmap *p, gfn_t at))
{
	uint64_t i;
	int err;

	if (first & ((1ull << order) - 1))
		return -EINVAL;
	for (i = 0; i < 1ull << order; i++) {
		err = fn(h->vm->physmap, gfn(first + i));
		if (err)
			return err;
	}
	return 0;
}

/* The result is the number of extents done, not an error, as Xen has it. */
static int64_t memory_extents(struct hcall *h,
			      int (*fn)(struct physmap *p, gfn_t at))
{
	uint64_t start = h->arg[0] >> MEMORY_CMD_BITS, i, first;
	struct memory_reservation r;
	int err = memory_get_reservation(h, &r);

	if (err)
		return err;
	if (r.order > MEMORY_MAX_ORDER ||
	    r.nr > UINT64_MAX >> MEMORY_CMD_BITS || start > r.nr)
		return start;
	err = hcall_self(h, r.domid);
	if (err)
		return err;
	for (i = start; i < r.nr && !hcall_stopping(h); i++) {
		if (hcall_get_word(h, r.extents, i, &first) ||
		    memory_do_extent(h, first, r.order, fn))
			break;
	}
	return i;
}

/* The guest always has its maximum but for what it gave back. */
static int64_t memory_increase(struct hcall *h)
{
	struct memory_reservation r;
	int err = memory_get_reservation(h, &r);

	if (!err)
		err = hcall_self(h, r.domid);
	return err ? err : (int64_t)(h->arg[0] >> MEMORY_CMD_BITS);
}

static int64_t memory_decrease(struct hcall *h)
{
	return memory_extents(h, physmap_release);
}

static int64_t memory_populate(struct hcall *h)
{
	return memory_extents(h, physmap_populate);
}

static int memory_map_special(struct hcall *h, uint16_t space, uint64_t idx,
			      uint64_t at)
{
	int err;

	switch (space) {
	case XENMAPSPACE_shared_info:
		if (idx)
			return -EINVAL;
		return physmap_map(h->vm->physmap, h->vcpu,
				   PHYSMAP_SHARED_INFO, gfn(at));
	case XENMAPSPACE_grant_table:
		/* Status frames are version 2's: out of range here. */
		if (idx >= GNTTAB_MAX_FRAMES)
			return -EINVAL;
		err = gnttab_grow(h->vm->gnttab, idx + 1);
		if (err)
			return err;
		return physmap_map(h->vm->physmap, h->vcpu,
				   PHYSMAP_GRANT(idx), gfn(at));
	case XENMAPSPACE_gmfn:
	case XENMAPSPACE_gmfn_range:
		return -ENOSYS;
	case XENMAPSPACE_gmfn_foreign:
		return -EPERM;
	}
	return -EINVAL;
}

static int64_t memory_add(struct hcall *h)
{
	struct compat_add_to_physmap narrow;
	struct xen_add_to_physmap wide;
	int err;

	if (h->wide) {
		err = hcall_get(h, &wide, gva(h->arg[1]), sizeof(wide));
	} else {
		err = hcall_get(h, &narrow, gva(h->arg[1]), sizeof(narrow));
		wide = (struct xen_add_to_physmap) {
			.domid = narrow.domid, .size = narrow.size,
			.space = narrow.space, .idx = narrow.idx,
			.gpfn = narrow.gpfn,
		};
	}
	if (!err)
		err = hcall_self(h, wide.domid);
	if (!err && wide.space > UINT16_MAX)
		err = -EINVAL;
	return err ? err : memory_map_special(h, wide.space, wide.idx,
					      wide.gpfn);
}

static int64_t memory_add_batch(struct hcall *h)
{
	struct compat_add_to_physmap_batch narrow;
	struct xen_add_to_physmap_batch wide;
	uint64_t i, idx, at;
	gva_t idxs, gpfns, errs;
	int err;

	if (h->wide) {
		err = hcall_get(h, &wide, gva(h->arg[1]), sizeof(wide));
		idxs = gva((uintptr_t)wide.idxs.p);
		gpfns = gva((uintptr_t)wide.gpfns.p);
		errs = gva((uintptr_t)wide.errs.p);
	} else {
		err = hcall_get(h, &narrow, gva(h->arg[1]), sizeof(narrow));
		wide.domid = narrow.domid;
		wide.space = narrow.space;
		wide.size = narrow.size;
		wide.u.res0 = narrow.foreign_domid;
		idxs = gva(narrow.idxs);
		gpfns = gva(narrow.gpfns);
		errs = gva(narrow.errs);
	}
	if (!err)
		err = hcall_self(h, wide.domid);
	if (err)
		return err;
	if (wide.space == XENMAPSPACE_gmfn_range)
		return -EINVAL;
	if (wide.space != XENMAPSPACE_gmfn_foreign && wide.u.res0)
		return -EOPNOTSUPP;
	for (i = h->arg[0] >> MEMORY_CMD_BITS; i < wide.size; i++) {
		int32_t one;

		if (hcall_get_word(h, idxs, i, &idx) ||
		    hcall_get_word(h, gpfns, i, &at))
			return -EFAULT;
		one = memory_map_special(h, wide.space, idx, at);
		if (hcall_put(h, gva(errs.v + i * sizeof(one)), &one,
			      sizeof(one)))
			return -EFAULT;
	}
	return 0;
}

static int64_t memory_remove(struct hcall *h)
{
	struct compat_remove_from_physmap narrow;
	struct xen_remove_from_physmap wide;
	int err;

	if (h->wide) {
		err = hcall_get(h, &wide, gva(h->arg[1]), sizeof(wide));
	} else {
		err = hcall_get(h, &narrow, gva(h->arg[1]), sizeof(narrow));
		wide.domid = narrow.domid;
		wide.gpfn = narrow.gpfn;
	}
	if (!err)
		err = hcall_self(h, wide.domid);
	if (err)
		return err;
	err = physmap_unmap(h->vm->physmap, h->vcpu, gfn(wide.gpfn));
	if (err != -ENOENT)
		return err;
	err = physmap_release(h->vm->physmap, gfn(wide.gpfn));
	return err == -EINVAL ? -ENOENT : err;
}

static int64_t memory_e820(struct hcall *h)
{
	struct compat_memory_map narrow;
	struct xen_memory_map wide;
	uint32_t nr;
	gva_t to;
	int err;

	if (h->wide) {
		err = hcall_get(h, &wide, gva(h->arg[1]), sizeof(wide));
		nr = wide.nr_entries;
		to = gva((uintptr_t)wide.buffer.p);
	} else {
		err = hcall_get(h, &narrow, gva(h->arg[1]), sizeof(narrow));
		nr = narrow.nr_entries;
		to = gva(narrow.buffer);
	}
	if (err)
		return err;
	if (nr > h->vm->nr_e820)
		nr = h->vm->nr_e820;
	err = hcall_put(h, to, h->vm->e820, nr * sizeof(h->vm->e820[0]));
	/* nr_entries comes first in both layouts */
	return err ? err : hcall_put(h, gva(h->arg[1]), &nr, sizeof(nr));
}

static int64_t memory_query(struct hcall *h, unsigned int cmd)
{
	const struct mem_range *ranges;
	size_t n = mem_ranges(h->vm->mem, &ranges);
	domid_t domid;
	int err = hcall_get(h, &domid, gva(h->arg[1]), sizeof(domid));

	if (!err)
		err = hcall_self(h, domid);
	if (err)
		return err;
	switch (cmd) {
	case XENMEM_current_reservation:
		return physmap_populated(h->vm->physmap);
	case XENMEM_maximum_reservation:
		return mem_pages(h->vm->mem, NULL);
	default:
		return ((ranges[n - 1].gpa + ranges[n - 1].len) >>
			GUEST_PAGE_SHIFT) - 1;
	}
}

static int64_t memory_ram_page(struct hcall *h)
{
	const struct mem_range *ranges;
	size_t n = mem_ranges(h->vm->mem, &ranges);

	return (ranges[n - 1].gpa + ranges[n - 1].len) >> GUEST_PAGE_SHIFT;
}

int64_t hcall_memory_op(struct hcall *h)
{
	unsigned int cmd = h->arg[0] & MEMORY_CMD_MASK;

	switch (cmd) {
	case XENMEM_increase_reservation:
		return memory_increase(h);
	case XENMEM_decrease_reservation:
		return memory_decrease(h);
	case XENMEM_populate_physmap:
		return memory_populate(h);
	case XENMEM_maximum_ram_page:
		return memory_ram_page(h);
	case XENMEM_current_reservation:
	case XENMEM_maximum_reservation:
	case XENMEM_maximum_gpfn:
		return memory_query(h, cmd);
	case XENMEM_add_to_physmap:
		return memory_add(h);
	case XENMEM_add_to_physmap_batch:
		return memory_add_batch(h);
	case XENMEM_remove_from_physmap:
		return memory_remove(h);
	case XENMEM_memory_map:
		return memory_e820(h);
	case XENMEM_machine_memory_map:
	case XENMEM_set_memory_map:
		return -EPERM;
	case XENMEM_get_vnumainfo:
		return -EOPNOTSUPP;
	}
	return -ENOSYS;
}
