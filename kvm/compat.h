/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels xkvm builds for (6.1 and 6.12), each with
 * the version that brought it; and names of KVM's ABI newer than the oldest.
 * What a stable kernel may have taken over from a later one is asked of its
 * headers: by #ifdef, or by the Kbuild file where there is no macro.
 */
#ifndef XKVM_COMPAT_H
#define XKVM_COMPAT_H

#include <linux/version.h>

/* 6.9: the other way for such an NMI got another name; entry.S calls it */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#define COMPAT_EXC_NMI		asm_exc_nmi_noist
#else
#define COMPAT_EXC_NMI		asm_exc_nmi_kvm_vmx
#endif

#ifndef __ASSEMBLY__

#include <linux/syscore_ops.h>

/* 6.4: <linux/smp.h> has macros that use this tracepoint */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#include <trace/events/ipi.h>
#endif

/* <linux/xkvm.h> brings what the kernel's own <linux/kvm.h> is too old for. */
#include "../include/uapi/linux/xkvm.h"

/* 6.8: eventfd_signal() lost its count argument */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define compat_eventfd_signal(ctx)	eventfd_signal((ctx), 1)
#else
#define compat_eventfd_signal(ctx)	eventfd_signal(ctx)
#endif

/* 6.3: vm_flags became read-only */
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

/* 6.7: the execution control got its KVM-style name */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define SECONDARY_EXEC_ENABLE_XSAVES	SECONDARY_EXEC_XSAVES
#endif

/* 6.9: the ABI dropped three ioctls that never did anything; the size is 8 */
#ifndef KVM_TRACE_ENABLE
#define KVM_TRACE_ENABLE	_IOW(KVMIO, 0x06, __u64)
#define KVM_TRACE_PAUSE		_IO(KVMIO, 0x07)
#define KVM_TRACE_DISABLE	_IO(KVMIO, 0x08)
#endif

/* 6.11: the kernel sees this member of struct kvm_run under another name */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define immediate_exit__unsafe	immediate_exit
#endif

/*
 * 6.19, and later stable kernels of 6.12: syscore callbacks get a pointer, and
 * are registered by a structure that holds it.  COMPAT_SYSCORE_DATA comes from
 * the Kbuild file.
 */
#ifdef COMPAT_SYSCORE_DATA
#define COMPAT_SYSCORE_ARG	void *data
#define compat_syscore(name, ...)					\
	static const struct syscore_ops name##_ops = { __VA_ARGS__ };	\
	static struct syscore name = { .ops = &name##_ops }
#define compat_register_syscore(s)	register_syscore(s)
#define compat_unregister_syscore(s)	unregister_syscore(s)
#else
#define COMPAT_SYSCORE_ARG	void
#define compat_syscore(name, ...)					\
	static struct syscore_ops name = { __VA_ARGS__ }
#define compat_register_syscore(s)	register_syscore_ops(s)
#define compat_unregister_syscore(s)	unregister_syscore_ops(s)
#endif

/* 6.12: follow_pfnmap_start() in place of follow_pte() */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define compat_follow_pfn(vma, addr, pfn, writable)			\
	({								\
		spinlock_t *ptl_;					\
		pte_t *ptep_;						\
		int r_ = follow_pte((vma)->vm_mm, (addr), &ptep_, &ptl_); \
									\
		if (!r_) {						\
			__acquire(ptl_);				\
			*(pfn) = pte_pfn(*ptep_);			\
			*(writable) = pte_write(*ptep_);		\
			pte_unmap_unlock(ptep_, ptl_);			\
		}							\
		r_;							\
	})
#else
#define compat_follow_pfn(vma_, addr, pfn_, writable_)			\
	({								\
		struct follow_pfnmap_args a_ = {			\
			.vma = (vma_), .address = (addr),		\
		};							\
		int r_ = follow_pfnmap_start(&a_);			\
									\
		if (!r_) {						\
			*(pfn_) = a_.pfn;				\
			*(writable_) = a_.writable;			\
			follow_pfnmap_end(&a_);				\
		}							\
		r_;							\
	})
#endif

/* 6.9, with FRED: its own way for an NMI that ended a guest's stay.  True: gone. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#define compat_fred_nmi()	false
#else
#include <asm/fred.h>
#include <asm/irq_vectors.h>
#include <asm/trapnr.h>
static __always_inline bool compat_fred_nmi(void)
{
	if (!cpu_feature_enabled(X86_FEATURE_FRED))
		return false;
	fred_entry_from_kvm(EVENT_TYPE_NMI, NMI_VECTOR);
	return true;
}
#endif

/*
 * 6.12: in-tree KVM registers its emergency callback with its first VM, and not
 * when its vendor module is loaded.
 */
#define COMPAT_KVM_EMERGENCY_AT_LOAD	\
	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0))

/* 6.6: vfio_file_is_valid() knows devices' files, too */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define compat_vfio_file_is_valid	vfio_file_is_group
#else
#define compat_vfio_file_is_valid	vfio_file_is_valid
#endif

#endif /* __ASSEMBLY__ */

#endif
