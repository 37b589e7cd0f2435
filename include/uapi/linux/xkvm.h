/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What /dev/xkvm offers beyond the <linux/kvm.h> of Linux 6.1.
 *
 * First part: names of KVM's own ABI that came after 6.1; they keep KVM's
 * numbers and are defined here only when <linux/kvm.h> lacks them.
 *
 * Second part: what KVM does not have.  Capabilities are asked for with
 * KVM_CHECK_EXTENSION; their numbers and the ioctls' type are out of KVM's way.
 */
#ifndef _UAPI_LINUX_XKVM_H
#define _UAPI_LINUX_XKVM_H

#include <linux/kvm.h>

#ifndef KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG		/* 6.2 */
#define KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG	(1 << 6)
#endif
/* Its value, zero or not, is a __u8 at the place of u.long_mode. */
#ifndef KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG		/* 6.2 */
#define KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG	0x5
#endif

/* In KVM_XEN_HVM_CONFIG: the guest is not told that its TSC is stable. */
#ifndef KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE		/* 6.8 */
#define KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE	(1 << 7)
#endif

/*
 * shared_info and vcpu_info by user address.  The address is a __u64 at the
 * place of u.shared_info.gfn and u.gpa; zero removes the area.
 */
#ifndef KVM_XEN_HVM_CONFIG_SHARED_INFO_HVA		/* 6.9 */
#define KVM_XEN_HVM_CONFIG_SHARED_INFO_HVA	(1 << 8)
#endif
#ifndef KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA		/* 6.9 */
#define KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA	0x6
#endif
#ifndef KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA		/* 6.9 */
#define KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA	0x9
#endif

/* u.shared_info.gfn and u.gpa that remove an area. */
#ifndef KVM_XEN_INVALID_GFN				/* 6.4 */
#define KVM_XEN_INVALID_GFN	((__u64)-1)
#endif
#ifndef KVM_XEN_INVALID_GPA				/* 6.4 */
#define KVM_XEN_INVALID_GPA	((__u64)-1)
#endif

/* --- beyond KVM ------------------------------------------------------------- */

#define XKVM_CAP_BASE		0x584b0000

#define XKVMIO			'X'

/*
 * XKVM_CAP_SPECIAL: special pages, the value is how many a VM can have.
 *
 * XKVM_MAP_SPECIAL (VM) - the page at @user_addr appears at guest frame @gfn
 * and hides what memory slot is there.  @flags: XKVM_SPECIAL_READONLY, a
 * guest's write becomes KVM_EXIT_MMIO as in a read-only slot.  A page is in
 * one place: -EBUSY if this one is mapped, to the same @gfn or another.
 * -EEXIST: another special page is at @gfn.  -EINVAL: unknown flags, @pad not
 * zero, address not of a page, or a frame that cannot have one (beyond the
 * guest's address width; the local APIC's).  -ENOSPC: too many.
 *
 * XKVM_UNMAP_SPECIAL (VM) - takes it away, and what was hidden is back.
 * -ENOENT unless this very page is at @gfn.  @flags must be 0.
 *
 * The memory behind @user_addr is shared, not copied, and its contents stay.
 * Dirty logging does not see special pages.
 */
#define XKVM_CAP_SPECIAL	(XKVM_CAP_BASE + 0)
#define XKVM_SPECIAL_READONLY	(1 << 0)

struct xkvm_special_page {
	__u64 gfn;
	__u64 user_addr;
	__u32 flags;
	__u32 pad;
};

/*
 * XKVM_CAP_NONCOHERENT_DMA, for KVM_ENABLE_CAP (VM): @args[0] 1, devices of
 * this VM reach memory behind the CPUs' caches, as some that VFIO assigns
 * do, or 0, they do not (the default).  With it the guest's MTRRs and PAT
 * decide how RAM is cached, and WBINVD does what it says.
 */
#define XKVM_CAP_NONCOHERENT_DMA (XKVM_CAP_BASE + 1)

#define XKVM_MAP_SPECIAL	_IOW(XKVMIO, 0x80, struct xkvm_special_page)
#define XKVM_UNMAP_SPECIAL	_IOW(XKVMIO, 0x81, struct xkvm_special_page)

/* An attribute that is not there is -ENOENT, as with KVM. */

/*
 * KVM_XEN_VCPU_{SET,GET}_ATTR: the periodic timer, in the first bytes of u.  It
 * ticks on the port of KVM_XEN_VCPU_ATTR_TYPE_TIMER.  From the first SET on,
 * the kernel answers VCPUOP_set_periodic_timer and _stop_periodic_timer that
 * the vCPU makes for itself; others leave as KVM_EXIT_XEN.
 */
#define XKVM_XEN_VCPU_ATTR_TYPE_PERIODIC_TIMER	0x8000

struct xkvm_xen_periodic_timer {
	__u64 period_ns;	/* 1 ms to 2^61 ns; 0: not armed */
	__u64 next_ns;		/* guest time of a tick; SET: 0 is now */
};

#endif
