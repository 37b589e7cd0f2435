/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which mitigations of CPU faults a host wants around a guest's stay, as a
 * function of what its kernel has found and decided: a unit test puts every row
 * of docs/mitigations.md to it.
 */
#ifndef XKVM_X86_MITIGATE_DECIDE_H
#define XKVM_X86_MITIGATE_DECIDE_H

#include <linux/types.h>

/* The kernel's bug and feature bits, keys and parameters. */
struct mitigate_host {
	bool bug_l1tf;			/* X86_BUG_L1TF */
	bool l1tf_off;			/* l1tf=off or mitigations=off */
	bool skip_l1d_flush;		/* ARCH_CAP_SKIP_VMENTRY_L1DFLUSH */
	bool clear_cpu_buf;		/* X86_FEATURE_CLEAR_CPU_BUF */
	bool mmio_stale_data;		/* the kernel's mmio_stale_data_clear */
	bool use_ibpb;			/* X86_FEATURE_USE_IBPB */
	bool ibpb_exit_to_user;		/* X86_FEATURE_IBPB_EXIT_TO_USER */
	bool rsb_vmexit;		/* X86_FEATURE_RSB_VMEXIT or _LITE */
	bool clear_bhb;			/* X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT */
	bool bug_itlb_multihit;		/* X86_BUG_ITLB_MULTIHIT */
	bool mitigations_off;		/* mitigations=off */
	bool kernel_ibrs;		/* X86_FEATURE_KERNEL_IBRS */
};

enum mitigate {
	MITIGATE_L1D,			/* l1d.c empties the L1 data cache */
	MITIGATE_CPU_BUF,		/* entry.S: VERW at every entry */
	MITIGATE_MMIO_BUF,		/* the same for VMs with a device */
	MITIGATE_IBPB,			/* a CPU changes from VM to VM */
	MITIGATE_IBPB_EXIT,		/* after a guest, before user space */
	MITIGATE_RSB,			/* entry.S refills the return predictor */
	MITIGATE_BHB,			/* entry.S clears the branch history */
	MITIGATE_IBRS,			/* SPEC_CTRL is the host's after an exit */
	MITIGATE_SMALL_PAGES,		/* ept.c: no large leaves */
	MITIGATE_MAX
};

/* The set of enum mitigate, a bit each. */
u32 mitigate_decide(const struct mitigate_host *host);

/*
 * The names of those in @set, a space between two, into @buf, @len bytes with
 * the NUL; "none" for an empty set.  Cut off if they do not fit.
 */
void mitigate_names(u32 set, char *buf, unsigned int len);

#endif
