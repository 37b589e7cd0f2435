/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small client of KVM's ABI for tests: one VM with a few MiB of memory, some
 * vCPUs, guest code linked into the test program.
 *
 * Guest code and data live in the sections guest_text and guest_data, which
 * the link places at GUEST_TEXT and GUEST_DATA (no PIE).  vm_new() copies both
 * to the same guest-physical address, and every mode set up here maps memory
 * one to one, so that a symbol has the same address on both sides and guest
 * functions are plain C (see guest.h).  Each VM gets fresh copies; G(vm, var)
 * is a guest variable as that VM sees it.
 *
 * Functions without a result end the test when they fail.
 */
#ifndef SELFTESTS_VM_H
#define SELFTESTS_VM_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "tap.h"

/* The guest's memory map, [0, VM_MEM_SIZE) being slot 0. */
#define VM_MEM_SIZE	0x400000ull
#define GUEST_PT	0x1000		/* PML4, PDPT, 4 PDs: the first 4 GiB */
#define GUEST_GDT	0x7000
#define GUEST_TSS	0x7800		/* of vCPU i: + i * 0x68 */
#define GUEST_IDT	0x8000
#define GUEST_REAL	0xa000		/* real-mode code */
#define GUEST_STACKS	0x20000		/* top of vCPU i: + (i + 1) * 0x2000 */
#define GUEST_RSP0	0x50000		/* top of vCPU i: + (i + 1) * 0x1000 */
#define GUEST_PD32	0x60000		/* 32-bit page directory, 4 MiB pages */
#define GUEST_PDPT32	0x61000		/* PAE; shares the PDs of GUEST_PT */
#define GUEST_FREE	0x100000	/* up to GUEST_TEXT: for the test */
#define GUEST_TEXT	0x200000
#define GUEST_DATA	0x300000
#define GUEST_MMIO	0x10000000ull	/* mapped, no slot behind it */
#define GUEST_APIC	0xfee00000ull

#define VM_MAX_VCPUS	16

/* Selectors of GUEST_GDT */
#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_CODE32	0x18
#define SEL_UCODE32	0x23
#define SEL_UDATA	0x2b
#define SEL_UCODE64	0x33
#define SEL_CODE16	0x38
#define SEL_DATA16	0x40
#define SEL_TSS		0x50		/* of vCPU i: + i * 16 */

/* Port I/O from the guest to the test; see guest.h. */
#define PORT_SYNC	0x5e0
#define PORT_DONE	0x5e4
#define PORT_FAIL	0x5e8
#define PORT_TRAP	0x5ec

struct vm {
	int fd;
	uint8_t *mem;
	size_t mem_size;
};

struct vcpu {
	struct vm *vm;
	int fd;
	unsigned int id;
	struct kvm_run *run;
	size_t run_size;
};

/* vm_new() flags */
#define VM_IRQCHIP	(1u << 0)	/* local APICs in the kernel */
#define VM_EMPTY	(1u << 1)	/* no memory, no guest code */

/* The node under test: $XKVM_DEV, else /dev/xkvm. */
const char *dev_path(void);
int dev_open(void);
int dev_open_path(const char *path);	/* < 0: errno */

/* KVM_CHECK_EXTENSION on the node. */
int dev_cap(int cap);
#define REQUIRE_CAP(cap)						\
	do {								\
		if (dev_cap(cap) <= 0)					\
			tap_skip("no %s", #cap);			\
	} while (0)

struct vm *vm_new(unsigned int flags);
struct vm *vm_new_on(int dev, unsigned int flags);
void vm_free(struct vm *vm);		/* also closes nothing of its vCPUs */

/* Raw KVM_SET_USER_MEMORY_REGION: 0, or -1 and errno. */
int vm_set_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa,
		uint64_t size, void *hva);
/* Anonymous memory behind a new slot. */
void *vm_add_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa,
		  uint64_t size);
/* Where slot 0 has this guest address. */
void *vm_ptr(struct vm *vm, uint64_t gpa);
#define G(vm, var)	(*(__typeof__(var) *)vm_ptr(vm, (uintptr_t)&(var)))

/* With the supported CPUID set; left in its reset state otherwise. */
struct vcpu *vcpu_new(struct vm *vm, unsigned int id);
/* Only KVM_CREATE_VCPU and the mapping. */
struct vcpu *vcpu_new_bare(struct vm *vm, unsigned int id);
void vcpu_free(struct vcpu *v);

/* KVM_GET_SUPPORTED_CPUID, to be freed. */
struct kvm_cpuid2 *cpuid_supported(void);
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *c, uint32_t leaf,
				    uint32_t index);
void vcpu_set_cpuid(struct vcpu *v, struct kvm_cpuid2 *c);

/* Registers */
struct kvm_regs vcpu_regs(struct vcpu *v);
void vcpu_set_regs(struct vcpu *v, const struct kvm_regs *r);
struct kvm_sregs vcpu_sregs(struct vcpu *v);
void vcpu_set_sregs(struct vcpu *v, const struct kvm_sregs *s);
int vcpu_try_get_msr(struct vcpu *v, uint32_t msr, uint64_t *val);
int vcpu_try_set_msr(struct vcpu *v, uint32_t msr, uint64_t val);
uint64_t vcpu_get_msr(struct vcpu *v, uint32_t msr);
void vcpu_set_msr(struct vcpu *v, uint32_t msr, uint64_t val);

/* Put the vCPU at an entry point: mode, segments, stack, descriptor tables. */
void vcpu_enter64(struct vcpu *v, void (*fn)(void));
void vcpu_enter64_arg(struct vcpu *v, void (*fn)(uint64_t), uint64_t arg);
void vcpu_enter64_user(struct vcpu *v, void (*fn)(void));
enum paging32 { PAGING_NONE, PAGING_32, PAGING_PAE };
void vcpu_enter32(struct vcpu *v, const void *entry, enum paging32 paging);
void vcpu_enter_prot16(struct vcpu *v, const void *entry);
void vcpu_enter_real(struct vcpu *v, const void *code, const void *end);

/* The counter of that name, from KVM_GET_STATS_FD. */
uint64_t vcpu_stat(struct vcpu *v, const char *name);

/* KVM_RUN once: 0 or -errno. */
int vcpu_run(struct vcpu *v);
/* KVM_RUN until it succeeds (EINTR, EAGAIN are tried again): exit reason. */
uint32_t vcpu_exit(struct vcpu *v);
/* The exit must be this one. */
void vcpu_expect(struct vcpu *v, uint32_t reason);
/*
 * Run to the guest's next g_sync() and return its value.  Ends the test on
 * g_fail(), an unexpected exception, or any other exit.
 */
uint32_t vcpu_sync(struct vcpu *v);
/* Run to g_done(). */
void vcpu_done(struct vcpu *v);
/* Look at the exit that just happened: is it g_sync() with this value? */
bool vcpu_at_sync(struct vcpu *v, uint32_t val);
/* End the test with a description of the exit that just happened. */
void vcpu_bad_exit(struct vcpu *v) __attribute__((noreturn));
/* "KVM_EXIT_IO" and so on. */
const char *exit_name(uint32_t reason);

/* Run the vCPU in a thread until g_done(); then vcpu_join(). */
struct vcpu_thread;
struct vcpu_thread *vcpu_start(struct vcpu *v);
void vcpu_join(struct vcpu_thread *t);

/* Emulated CPUs may be without: asks this one, through the host's kernel. */
bool cpu_has_breakpoints(void);

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

#endif
