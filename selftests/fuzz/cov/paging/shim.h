/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much kernel and vCPU as kvm/x86/paging.c needs in user space: guest
 * memory is an array, user accesses are plain ones, nothing is locked.  The
 * module's own headers are kept out by their guards.
 */
#ifndef FUZZ_PAGING_SHIM_H
#define FUZZ_PAGING_SHIM_H

#include <errno.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#define XKVM_ARCH_H
#define XKVM_X86_LAPIC_H
#define XKVM_X86_VMX_H

#define BIT(n)			(1ul << (n))
#define BIT_ULL(n)		(1ull << (n))
#define GENMASK_ULL(h, l)	((h) < (l) ? 0 : \
				 ((~0ull << (l)) & (~0ull >> (63 - (h)))))
#define PAGE_SHIFT		12
#define PAGE_SIZE		4096ul
#define offset_in_page(p)	((unsigned long)(p) & (PAGE_SIZE - 1))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define likely(x)		(x)
#define unlikely(x)		(x)
#define __user
#define lockdep_assert_held(l)	((void)(l))
#define down_read(l)		((void)(l))
#define up_read(l)		((void)(l))

#define X86_CR0_PG		BIT(31)
#define X86_CR0_WP		BIT(16)
#define X86_CR4_PSE		BIT(4)
#define X86_CR4_PAE		BIT(5)
#define X86_CR4_LA57		BIT(12)
#define X86_CR4_SMEP		BIT(20)
#define X86_CR4_SMAP		BIT(21)
#define X86_EFLAGS_AC		BIT(18)
#define EFER_LMA		BIT(10)
#define EFER_NX			BIT(11)
#define X86_FEATURE_GBPAGES	0
#define boot_cpu_has(f)		true
#define KVM_MEM_READONLY	2u

typedef u64 gpa_t, gfn_t, hva_t;

enum { GUEST_PDPTR0 = 0, GUEST_PDPTR1 = 2, GUEST_PDPTR2 = 4, GUEST_PDPTR3 = 6 };
enum reg_index { VREG_RFLAGS };

struct vm {
	int slots_lock;
};

struct vcpu {
	struct vm *vm;
	struct {
		u64 efer;
		u8 maxphyaddr;
	} arch;
	u64 cr0, cr3, cr4, rflags, pdpte[4];
};

struct memslot_ref {
	hva_t hva;
	gfn_t base_gfn;
	u64 npages;
	u32 flags;
};

/* Of x86.h. */
#define PAGING_WRITE		(1u << 0)
#define PAGING_FETCH		(1u << 1)
#define PAGING_USER		(1u << 2)
#define PAGING_NO_AD		(1u << 3)
#define PAGING_IMPLICIT		(1u << 4)
#define PAGING_LEVELS		5

struct paging_trail {
	u32 generation;
	u8 nr;
	bool wide;
	unsigned long pdpte_field;
	u64 pdpte;
	const void *at[PAGING_LEVELS];
	u64 val[PAGING_LEVELS];
	const void *data;
};

u64 paging_rsvd_maxphy(struct vcpu *v);
int paging_translate(struct vcpu *v, u64 gva, u32 access, gpa_t *gpa,
		     u32 *pf_error);
int paging_read(struct vcpu *v, u64 gva, u32 access, void *buf,
		unsigned int len, struct paging_trail *trail, u32 *pf_error);
bool paging_trail_read(const struct paging_trail *t, const u64 *from,
		       u64 *words, unsigned int nr);
int paging_load_pdptrs(struct vcpu *v, unsigned long cr3);

/* The target's. */
int memslot_lookup(struct vm *vm, struct vcpu *v, gfn_t gfn,
		   struct memslot_ref *ref);
int guest_read(struct vm *vm, gpa_t gpa, void *to, size_t len);
void mark_page_dirty(struct vm *vm, gfn_t gfn);

static inline u64 state_cr0(struct vcpu *v)
{
	return v->cr0;
}

static inline u64 state_cr3(struct vcpu *v)
{
	return v->cr3;
}

static inline u64 state_cr4(struct vcpu *v)
{
	return v->cr4;
}

static inline u64 reg_read(struct vcpu *v, enum reg_index r)
{
	return v->rflags;
}

static inline bool is_paging(struct vcpu *v)
{
	return v->cr0 & X86_CR0_PG;
}

static inline bool is_long_mode(struct vcpu *v)
{
	return v->arch.efer & EFER_LMA;
}

static inline bool lapic_owns(struct vcpu *v, gpa_t gpa)
{
	return false;
}

static inline u32 memslot_generation(struct vm *vm)
{
	return 1;
}

/* One VMCS. */
extern struct vcpu shim_vcpu;

static inline u64 vmcs_read(unsigned long field)
{
	return shim_vcpu.pdpte[field / 2];
}

static inline void vmcs_write(unsigned long field, u64 val)
{
	shim_vcpu.pdpte[field / 2] = val;
}

#define __get_user(x, ptr)		({ (x) = *(ptr); 0; })
#define unsafe_get_user(x, ptr, label)	((x) = *(ptr))
#define user_access_begin(ptr, len)	((void)(ptr), true)
#define user_access_end()		((void)0)
#define __copy_from_user(to, from, len)	(memcpy(to, from, len), 0)
/* 1: it holds something else. */
#define __try_cmpxchg_user(ptr, oldp, new, label)	\
	({						\
		int differs_ = *(ptr) != *(oldp);	\
							\
		if (!differs_)				\
			*(ptr) = (new);			\
		differs_;				\
	})

#endif
