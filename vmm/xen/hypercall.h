/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls that the kernel leaves to the VMM, served on the calling vCPU's
 * thread.
 *
 * A handler gets its arguments as numbers.  What they point at is guest
 * virtual (gva_t), copied once with hcall_get() and written with hcall_put();
 * both fail with -EFAULT.  It returns the guest's result: 0 or more, or
 * -errno, whose values are <xen/errno.h>'s on Linux.
 */
#ifndef XKVM_XEN_HYPERCALL_H
#define XKVM_XEN_HYPERCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vcpu;
struct vm;

typedef struct { uint64_t v; } gva_t;

static inline gva_t gva(uint64_t v) { return (gva_t){ v }; }

struct hcall {
	struct vm *vm;
	struct vcpu *vcpu;
	bool wide;		/* 64-bit caller */
	bool nested;		/* an entry of a multicall */
	uint64_t nr;
	uint64_t arg[6];
};

/* The KVM_EXIT_XEN handler: 1 or -errno, as the run loop wants it. */
int hypercall_exit(struct vcpu *v);

/* Carry out one call; the guest's result. */
int64_t hypercall_do(struct hcall *h);

int hcall_get(struct hcall *h, void *to, gva_t from, size_t len);
int hcall_put(struct hcall *h, gva_t to, const void *from, size_t len);

/* Guest physical address of @at; 0 or -EFAULT. */
int hcall_translate(struct hcall *h, gva_t at, uint64_t *gpa);

/*
 * A handle, a pfn or an unsigned long in an array of the caller's word size:
 * element @i of the array at @base.
 */
int hcall_get_word(struct hcall *h, gva_t base, uint64_t i, uint64_t *out);
int hcall_put_word(struct hcall *h, gva_t base, uint64_t i, uint64_t val);

/* Whether the guest is being stopped: long loops end early then. */
bool hcall_stopping(const struct hcall *h);

/* DOMID_SELF or the guest's own id: 0; else -ESRCH, or -EPERM for dom0. */
int hcall_self(const struct hcall *h, uint16_t domid);

/*
 * What vcpu_op has on the loop for a vCPU: before its first call, and after the
 * last call of every vCPU, on the loop's thread.
 */
void hcall_vcpu_init(struct vcpu *v);
void hcall_vcpu_exit(struct vcpu *v);

/* The classes, one file each. */
int64_t hcall_memory_op(struct hcall *h);
int64_t hcall_xen_version(struct hcall *h);
int64_t hcall_event_channel_op(struct hcall *h);
int64_t hcall_hvm_op(struct hcall *h);
int64_t hcall_vcpu_op(struct hcall *h);
int64_t hcall_sched_op(struct hcall *h);
int64_t hcall_set_timer_op(struct hcall *h);
int64_t hcall_grant_table_op(struct hcall *h);
int64_t hcall_console_io(struct hcall *h);
int64_t hcall_vm_assist(struct hcall *h);

#endif
