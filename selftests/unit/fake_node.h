/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node whose ioctls are answered in user space, for the whole VMM without an
 * emulator, and the guest on it: each vCPU's code is a function of the test, on
 * a thread of its own that runs only while its vCPU is in KVM_RUN.
 *
 * Link with -Wl,--wrap=ioctl,--wrap=event_io_submit,--wrap=pthread_create.
 */
#ifndef UNIT_FAKE_NODE_H
#define UNIT_FAKE_NODE_H

#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/kvm.h>

#include "../../vmm/vm.h"

/* What the VMM has told the node about Xen; of a vCPU, by attribute. */
struct fake_xen_vcpu {
	uint64_t info, time, runstate;
	uint8_t vector;
	uint32_t timer_port;
};

extern struct fake_xen {
	_Atomic uint64_t shared_info;	/* a frame, or all ones */
	atomic_uint vector;
	atomic_bool wide;
} fake_xen;

struct fake_vcpu {
	unsigned int id;
	struct kvm_run *run;
	struct kvm_regs regs;
	atomic_uint mp_state;
	struct fake_xen_vcpu xen;
	bool started;
	int result;			/* KVM_RUN's, or -errno */
	sem_t enter, leave;
	atomic_bool kicked;		/* the VMM wants the vCPU out */
};

struct fake_vcpu *fake_vcpu(unsigned int id);	/* of the last VM */

/* The guest's code; a return halts the vCPU for good, interrupts off. */
extern void (*fake_guest)(struct fake_vcpu *g);

/* How many VMs were made; the n-th KVM ioctl, or thread, from now fails. */
extern atomic_uint fake_made;
extern atomic_int fake_fail, fake_fail_thread;

/* What becomes of disk I/O: carried out, so many ms later, or never. */
#define FAKE_IO_NEVER	(-1)
extern atomic_int fake_io_ms;
extern atomic_uint fake_io_held;	/* submitted, and held back */

/* For guest code: leave with an exit, memory, and what exits are made for. */
int64_t g_hypercall(struct fake_vcpu *g, uint64_t nr, uint64_t a0, uint64_t a1,
		    uint64_t a2);
void g_out(struct fake_vcpu *g, uint16_t port, uint8_t val);
void g_exit(struct fake_vcpu *g, uint32_t reason);
void g_spin(struct fake_vcpu *g);	/* for ever, leaves when kicked */
void *g_mem(uint64_t gpa);

/*
 * fake_run() - vm_run() a guest of @cfg in a run directory of its own, with
 * @drive on another thread once it is there.  Its result; *ns: how long the
 * process went on after fake_mark(), if that was called.
 */
int fake_run(struct vm_config *cfg, void (*drive)(void), uint64_t *ns);
void fake_mark(void);
/* The line that vm_run() reported. */
extern char fake_line[512];
/* One request to the control socket; the reply in @reply. */
void fake_request(const char *verb, char *reply, size_t len);
/* Wait, 10 s at most, until status names @state. */
void fake_wait_state(const char *state);

/* A small guest: @vcpus vCPUs, 64 MiB, no disk; every end destroys it. */
struct vm_config fake_config(unsigned int vcpus);
/* The same with an image of 1 MiB as xvda. */
void fake_add_disk(struct vm_config *cfg);

#endif
