/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random callers of the ABI.  Several threads make calls out of tables, on a
 * few VMs that they share; what an ioctl answers does not matter, only that the
 * kernel stays well.
 *
 * Each step of a thread has a generator of its own, made of the seed, the
 * thread and the step: what a call answered, and what the other threads did,
 * changes nothing in what is tried next.
 */
#ifndef SELFTESTS_FUZZ_H
#define SELFTESTS_FUZZ_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest.h"

#define FUZZ_VMS	3
#define FUZZ_VCPUS	3
#define FUZZ_EVENTS	4
#define FUZZ_ARG_SIZE	0x10000		/* no argument is larger */

/* The memory of all VMs' slots; parts of it come and go. */
#define FUZZ_MEM	0x7000000000ull
#define FUZZ_MEM_SIZE	0x600000ull
/* Where the guests' code and tables lie in it: slot 0 of VMs that are set up */
#define FUZZ_LOW_SIZE	VM_MEM_SIZE
/* A vCPU's kvm_run and its dirty ring, at places of their own. */
#define FUZZ_RUN	0x7100000000ull
#define FUZZ_RUN_STRIDE	0x100000ull
#define FUZZ_RUN_PAGES	3
#define FUZZ_RING_OFF	0x40000ull	/* KVM_DIRTY_LOG_PAGE_OFFSET pages */
#define FUZZ_RING_PAGES	16

struct rng {
	uint64_t state;
};

uint64_t rnd(struct rng *r);
uint32_t rnd_below(struct rng *r, uint32_t n);
bool rnd_one_in(struct rng *r, uint32_t n);
uint64_t rnd_edge(struct rng *r);		/* a value at some boundary */
uint64_t rnd_gpa(struct rng *r);
uint64_t rnd_gfn(struct rng *r);
uint64_t rnd_hva(struct rng *r);
uint64_t rnd_size(struct rng *r);		/* of a slot, bytes */
uint32_t rnd_msr(struct rng *r);
void rnd_bytes(struct rng *r, void *p, size_t n);
#define RND_PICK(r, array)	((array)[rnd_below(r, sizeof(array) / sizeof((array)[0]))])

struct fuzz_vcpu {
	int fd;
	pthread_mutex_t run;	/* its guest runs, or its mapping is exchanged */
};

struct fuzz_vm {
	int fd, device, stats;
	struct fuzz_vcpu vcpu[FUZZ_VCPUS];
};

/* What the threads share; file descriptors are exchanged atomically. */
struct fuzz_world {
	int node;
	struct fuzz_vm vm[FUZZ_VMS];
	int event[FUZZ_EVENTS];
	/* a 64-bit vCPU about to start the guest, and the memory it needs */
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_cpuid2 *cpuid;
	uint8_t *image;
};

extern struct fuzz_world world;

/* One step: the objects it is about, its generator, room for an argument. */
struct fuzz_step {
	struct rng rng;
	unsigned int vm_nr, vcpu_nr;
	struct fuzz_vm *vm;
	struct fuzz_vcpu *vcpu;
	void *arg;
};

/* On what an ioctl is made. */
enum fuzz_on { ON_NODE, ON_VM, ON_VCPU, ON_DEVICE };

struct fuzz_op {
	const char *name;
	unsigned int weight;		/* how often, beside the others */
	/* an ioctl: */
	enum fuzz_on on;
	unsigned long cmd;
	size_t size;			/* of the argument; 0: it is a number */
	void (*fill)(struct rng *r, void *arg);
	unsigned long (*number)(struct rng *r);
	void (*guard)(void *arg);	/* the last word on an argument */
	/* takes what was answered, if not negative: file descriptors */
	void (*keep)(struct fuzz_step *s, long ret);
	/* or, in place of all that, anything else */
	void (*call)(struct fuzz_step *s);
};

/* What came of it all, counted without order. */
struct fuzz_counts {
	unsigned int calls, answered;	/* ioctls, and those that succeeded */
	unsigned int entered;		/* KVM_RUNs that came out with an exit */
	unsigned int exits[64];		/* those, by reason */
};

extern struct fuzz_counts counts;
#define COUNT(field)	__atomic_fetch_add(&counts.field, 1, __ATOMIC_RELAXED)

extern const struct fuzz_op fuzz_vm_ops[], fuzz_vcpu_ops[], fuzz_world_ops[];
extern const unsigned int fuzz_nr_vm_ops, fuzz_nr_vcpu_ops, fuzz_nr_world_ops;

/* ioctl on the step's object; its argument is s->arg or a number. */
long fuzz_ioctl(struct fuzz_step *s, const struct fuzz_op *op);

void world_init(uint64_t seed);
/* A VM with memory, vCPUs and, as chance has it, interrupt controllers. */
void world_set_up_vm(struct fuzz_step *s);
void world_close_all(void);
/* @fd in the place of what is there, which is closed. */
void world_keep(int *where, int fd);
/* Of a vCPU's run mutex, if this thread has one. */
void world_release(void);
uint8_t *world_run(unsigned int vm, unsigned int vcpu);

/* Runs between these two only in a run of a vCPU that has the guest. */
void fuzz_guest(uint64_t seed);

#endif
