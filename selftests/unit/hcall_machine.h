/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest for tests of hypercalls, over a kernel that hcall_machine.c stands
 * in for (link with --wrap=ioctl).
 */
#ifndef UNIT_HCALL_MACHINE_H
#define UNIT_HCALL_MACHINE_H

#include <linux/kvm.h>

#include "../lib/tap.h"
#include "../../vmm/vcpu.h"
#include "../../vmm/vm_priv.h"
#include "../../vmm/xen/abi.h"
#include "../../vmm/xen/evtchn.h"
#include "../../vmm/xen/gnttab.h"
#include "../../vmm/xen/hvm_params.h"
#include "../../vmm/xen/hypercall.h"
#include "../../vmm/xen/kernel.h"
#include "../../vmm/xen/physmap.h"
#include "../../vmm/xen/watchdog.h"

#define PAGES	1024u
#define BYTES	(PAGES * GUEST_PAGE_SIZE)
#define DOMID	3u
#define ARG	0x10000u		/* where arguments are put */
#define HCALL_VCPUS	2u

extern struct vm vm;
extern struct vcpu vcpus[HCALL_VCPUS];
extern struct kvm_run run;
extern int shutdown_reason;	/* of the last vm_shutdown(); -1: none */
extern uint8_t upcall_vector;	/* the kernel's, as last set */

/* A guest of BYTES of RAM, and its end, after what was posted has run. */
void setup(void);
void teardown(void);

/* Let the loop do what has been posted to it. */
void run_posted(void);

/* Hypercall @nr of vCPU 0, from a 64-bit caller or another; its result. */
int64_t call_as(bool wide, uint64_t nr, uint64_t a0, uint64_t a1,
		uint64_t a2, uint64_t a3);
int64_t call(uint64_t nr, uint64_t a0, uint64_t a1, uint64_t a2);

/* The page of guest memory from @where on; NULL outside of RAM. */
void *at(uint64_t where);

#endif
