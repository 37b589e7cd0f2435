// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xen_version: who we are.  The strings are constants; the guest's handle is
 * its uuid.
 */
#include <errno.h>
#include <string.h>

#include "../vm_priv.h"
#include "abi.h"
#include "hypercall.h"

static const xen_extraversion_t version_extra = XEN_ABI_EXTRA;

static const xen_capabilities_info_t version_capabilities =
	"hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ";

static const xen_changeset_info_t version_changeset = "unavailable";

static const struct xen_compile_info version_compile = {
	.compiler	= "gcc " __VERSION__,
	.compile_by	= "xkvm",
	.compile_domain	= "xkvm",
	.compile_date	= "",
};

static int64_t version_platform(struct hcall *h)
{
	/* No hole in the guest's address space is the hypervisor's. */
	return hcall_put_word(h, gva(h->arg[1]), 0, 0);
}

static int64_t version_features(struct hcall *h)
{
	struct xen_feature_info info;
	int err = hcall_get(h, &info, gva(h->arg[1]), sizeof(info));

	if (err)
		return err;
	if (info.submap_idx >= XENFEAT_NR_SUBMAPS)
		return -EINVAL;
	info.submap = 1u << XENFEAT_writable_page_tables |
		      1u << XENFEAT_auto_translated_physmap |
		      1u << XENFEAT_hvm_callback_vector |
		      1u << XENFEAT_hvm_safe_pvclock |
		      1u << XENFEAT_memory_op_vnode_supported |
		      1u << XENFEAT_not_direct_mapped;
	return hcall_put(h, gva(h->arg[1]), &info, sizeof(info));
}

int64_t hcall_xen_version(struct hcall *h)
{
	gva_t arg = gva(h->arg[1]);

	switch (h->arg[0]) {
	case XENVER_version:
		return XEN_ABI_VERSION;
	case XENVER_extraversion:
		return hcall_put(h, arg, version_extra, sizeof(version_extra));
	case XENVER_compile_info:
		return hcall_put(h, arg, &version_compile,
				 sizeof(version_compile));
	case XENVER_capabilities:
		return hcall_put(h, arg, version_capabilities,
				 sizeof(version_capabilities));
	case XENVER_changeset:
		return hcall_put(h, arg, version_changeset,
				 sizeof(version_changeset));
	case XENVER_platform_parameters:
		return version_platform(h);
	case XENVER_get_features:
		return version_features(h);
	case XENVER_pagesize:
		return arg.v ? -EINVAL : (int64_t)GUEST_PAGE_SIZE;
	case XENVER_guest_handle:
		return hcall_put(h, arg, h->vm->cfg->uuid,
				 sizeof(h->vm->cfg->uuid));
	case XENVER_commandline:
	case XENVER_build_id:
		return -EPERM;		/* dom0's to know */
	}
	return -ENOSYS;
}
