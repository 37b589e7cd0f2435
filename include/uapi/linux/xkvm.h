/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What /dev/xkvm offers beyond the <linux/kvm.h> of Linux 6.1.
 *
 * First part: names of KVM's own ABI that came after 6.1; they keep KVM's
 * numbers and are defined here only when <linux/kvm.h> lacks them.
 */
#ifndef _UAPI_LINUX_XKVM_H
#define _UAPI_LINUX_XKVM_H

#include <linux/kvm.h>

#ifndef KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG		/* 6.2 */
#define KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG	(1 << 6)
#endif
#ifndef KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG		/* 6.2 */
#define KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG	0x5
#endif

#endif
