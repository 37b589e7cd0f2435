/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels xkvm builds for (6.1 and 6.12), each with
 * the version that brought it; and names of KVM's ABI newer than the oldest.
 */
#ifndef XKVM_COMPAT_H
#define XKVM_COMPAT_H

#include <linux/version.h>

/* <linux/xkvm.h> brings what the kernel's own <linux/kvm.h> is too old for. */
#include "../include/uapi/linux/xkvm.h"

/* 6.6 dropped the count argument of eventfd_signal() in 6.8 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define compat_eventfd_signal(ctx)	eventfd_signal((ctx), 1)
#else
#define compat_eventfd_signal(ctx)	eventfd_signal(ctx)
#endif

/* 6.4: class_create() lost its owner; vm_flags became read-only in 6.3 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define compat_vm_flags_set(vma, f)	((vma)->vm_flags |= (f))
#else
#define compat_vm_flags_set(vma, f)	vm_flags_set((vma), (f))
#endif

/* 6.5: get_user_pages_remote() lost its vmas argument */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define compat_get_user_pages_remote(mm, start, nr, flags, pages)	\
	get_user_pages_remote((mm), (start), (nr), (flags), (pages), NULL, NULL)
#else
#define compat_get_user_pages_remote(mm, start, nr, flags, pages)	\
	get_user_pages_remote((mm), (start), (nr), (flags), (pages), NULL)
#endif

#endif
