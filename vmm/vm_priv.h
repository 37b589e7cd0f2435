/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One guest, as the parts of the VMM share it.
 *
 * Threads: the event loop's, on which everything but the guest runs, and one
 * for each vCPU, on which its hypercalls are served.  What both reach has a
 * lock of its own: evtchn.c, gnttab.c, physmap.c, hvm_params.c each.  None of
 * them calls into another with its lock held, but physmap.c into evtchn.c.
 */
#ifndef XKVM_VM_PRIV_H
#define XKVM_VM_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "control.h"
#include "event.h"
#include "life.h"
#include "mem.h"
#include "vm.h"
#include "x86/boot.h"

struct console;
struct evtchn;
struct gnttab;
struct guest_store;
struct hvm_params;
struct kvm_cpuid2;
struct physmap;
struct vcpu;
struct watchdog;
struct xenbus;

#define VM_MAX_VCPUS	128
#define VM_MAX_E820	32
#define VM_MAX_SLOTS	128

/* An entry of the memory map as XENMEM_memory_map gives it. */
struct vm_e820 {
	uint64_t addr, size;
	uint32_t type;
} __attribute__((packed));

struct vm {
	/* For the life of the process */
	const struct vm_config *cfg;
	const struct vm_run_opts *opts;
	struct event_loop *loop;
	struct control *ctl;
	uint16_t domid;
	int node_fd;			/* /dev/xkvm */
	uint32_t xen_features;		/* KVM_XEN_HVM_CONFIG_* of the node */
	bool has_special;		/* it lays pages over guest memory */
	struct kvm_cpuid2 *cpuid;	/* what the node supports */
	enum life_state life;		/* the loop's thread, like what follows */
	bool leaving;			/* a signal asked for the end */
	bool forced;			/* a destroy has waited long enough */
	struct event_timer force_timer;
	struct event_work wake;		/* has conditions looked at again */
	uint64_t cpu_ns_before;		/* vCPU time of earlier incarnations */

	/* Of the incarnation that runs; made anew by a restart */
	int fd;				/* the VM */
	struct mem *mem;
	struct boot_info boot;
	struct vcpu *vcpus;
	unsigned int nr_vcpus;
	size_t run_size;		/* bytes of struct kvm_run's mapping */
	bool slots[VM_MAX_SLOTS];	/* in use; under physmap's lock */
	pthread_mutex_t call_lock;	/* vcpu.c */
	pthread_cond_t call_cond;

	struct physmap *physmap;
	struct evtchn *evtchn;
	struct gnttab *gnttab;
	struct hvm_params *params;
	struct watchdog *watchdog;
	struct vm_e820 e820[VM_MAX_E820];	/* as start_info has it */
	unsigned int nr_e820;

	/* The loop's thread only */
	struct guest_store *store;
	struct console *console;
	struct xenbus *xenbus;
	struct event_timer halt_timer;		/* halt.c */
	uint64_t halt_cpu_ns;

	atomic_bool stopping;		/* vCPUs leave KVM_RUN and end */
	atomic_int shutdown_reason;	/* SHUTDOWN_*, -1 while running */
	atomic_int shutdown_code;	/* SCHEDOP_shutdown_code's, or -1 */
	atomic_int reset_vcpu;		/* goes on after a soft reset, or -1 */
};

/*
 * vm_shutdown() - the guest is over, for a SHUTDOWN_* reason; the first call
 * counts.  From any thread; returns at once.
 */
void vm_shutdown(struct vm *vm, unsigned int reason);

/*
 * vm_life() - @e happens: vm->life changes as life.h has it.  An event that
 * cannot come in that state changes nothing, with a line in the log.
 * vm_destroy() - end the guest, in whatever state it is: at the latest 2 s
 * later its process is gone.  Both on the loop's thread.
 */
void vm_life(struct vm *vm, enum life_event e);
void vm_destroy(struct vm *vm);

/*
 * vm_slot_add() - back guest frames with @len bytes at @host, in a slot that
 * no other call has got.  Returns its number or -errno.  vm_slot_del() ends it.
 */
int vm_slot_add(struct vm *vm, gfn_t at, void *host, uint64_t len);
int vm_slot_del(struct vm *vm, int slot);

#endif
