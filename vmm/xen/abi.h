/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Xen's public headers at the interface version we implement, and the layouts
 * of 32-bit callers that <xen/foreign/> does not have: hypercall arguments.
 */
#ifndef XKVM_XEN_ABI_H
#define XKVM_XEN_ABI_H

#include <stddef.h>
#include <stdint.h>

#define __XEN_INTERFACE_VERSION__ 0x00040e00

#include <xen/xen.h>
#include <xen/arch-x86/cpuid.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/foreign/x86_32.h>
#include <xen/foreign/x86_64.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

/* The version we answer to: leaf 0x40000001, XENVER_version, extraversion. */
#define XEN_ABI_MAJOR	4
#define XEN_ABI_MINOR	17
#define XEN_ABI_VERSION	((XEN_ABI_MAJOR << 16) | XEN_ABI_MINOR)
#define XEN_ABI_EXTRA	".0"

#define XEN_ABI_HYPERCALL_MSR	0x40000000u
#define XEN_ABI_DOM0		0

/* 32-bit layouts: unsigned long, pfns and handles are 32 bits wide. */
struct compat_multicall_entry {
	uint32_t op, result, args[6];
};

struct compat_memory_reservation {
	uint32_t extent_start, nr_extents, extent_order, mem_flags;
	domid_t domid;
};

struct compat_add_to_physmap {
	domid_t domid;
	uint16_t size;
	uint32_t space, idx, gpfn;
};

struct compat_add_to_physmap_batch {
	domid_t domid;
	uint16_t space, size, foreign_domid;
	uint32_t idxs, gpfns, errs;
};

struct compat_remove_from_physmap {
	domid_t domid;
	uint32_t gpfn;
};

struct compat_memory_map {
	uint32_t nr_entries, buffer;
};

struct compat_gnttab_setup_table {
	domid_t dom;
	uint32_t nr_frames;
	int16_t status;
	uint32_t frame_list;
};

struct compat_gnttab_copy {
	struct {
		uint32_t u;
		domid_t domid;
		uint16_t offset;
	} source, dest;
	uint16_t len, flags;
	int16_t status;
};

struct compat_sched_poll {
	uint32_t ports, nr_ports;
	uint64_t timeout;
} __attribute__((packed));

struct compat_singleshot_timer {
	uint64_t timeout_abs_ns;
	uint32_t flags;
} __attribute__((packed));

_Static_assert(sizeof(struct compat_multicall_entry) == 32, "ABI");
_Static_assert(sizeof(struct compat_memory_reservation) == 20, "ABI");
_Static_assert(sizeof(struct compat_add_to_physmap) == 16, "ABI");
_Static_assert(sizeof(struct compat_add_to_physmap_batch) == 20, "ABI");
_Static_assert(sizeof(struct compat_gnttab_setup_table) == 16, "ABI");
_Static_assert(sizeof(struct compat_gnttab_copy) == 24, "ABI");
_Static_assert(sizeof(struct compat_sched_poll) == 16, "ABI");
_Static_assert(sizeof(struct compat_singleshot_timer) == 12, "ABI");
_Static_assert(sizeof(struct multicall_entry) == 64, "ABI");
_Static_assert(sizeof(struct xen_memory_reservation) == 32, "ABI");
_Static_assert(sizeof(struct gnttab_copy) == 40, "ABI");
_Static_assert(sizeof(struct gnttab_map_grant_ref) == 32, "ABI");
_Static_assert(sizeof(struct gnttab_unmap_grant_ref) == 24, "ABI");
_Static_assert(sizeof(struct gnttab_query_size) == 16, "ABI");
_Static_assert(sizeof(struct xen_hvm_param) == 16, "ABI");

#endif
