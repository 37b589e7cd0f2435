// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arguments of hypercalls, read by linear address.
 *
 * A guest's arguments mostly lie on one stack page.  The way there that the
 * last walk found is kept with all that it depended on, and taken again if the
 * table entries still read the same: the guest may change its tables without
 * an exit, and nothing is trusted longer than that.  The vCPU's own thread.
 */
#include <linux/mm.h>

#include "../arch.h"
#include "lapic.h"
#include "vmx.h"

/* What is longer is walked to. */
#define ARG_BYTES	(PAGING_ARG_WORDS * sizeof(u64))

/* CPL, and AC, which lifts SMAP. */
static __always_inline unsigned long arg_rights(struct vcpu *v)
{
	return x86_cpl(v) | (reg_read(v, VREG_RFLAGS) & X86_EFLAGS_AC);
}

static bool arg_same_way(struct vcpu *v, const struct paging_arg *a, u64 va)
{
	return a->trail.nr && a->page == (va & PAGE_MASK) &&
	       a->cr3 == state_cr3(v) && a->cr4 == state_cr4_trapped(v) &&
	       a->efer == v->arch.efer && a->rights == arg_rights(v) &&
	       a->apic_base == lapic_get_base(v);
}

/*
 * Up to ARG_BYTES of one page.  False: not known, or not the same any more.  A
 * page that was walked to needs no other check of its address: for code of
 * another width it is the same, or it is another page.
 */
static bool arg_read_again(struct vcpu *v, u64 va, void *to, size_t len)
{
	struct paging_arg *a = &v->arch.vmx->arg;
	unsigned long at = offset_in_page(va);
	/* the words end with the page if the argument does */
	unsigned long from = min(at, PAGE_SIZE - ARG_BYTES);
	bool same;

	if (!arg_same_way(v, a, va))
		return false;
	if (!down_read_trylock(&v->vm->slots_lock))
		return false;
	same = a->trail.generation == memslot_generation(v->vm) &&
	       paging_trail_read(&a->trail, a->trail.data + from, a->words,
				 PAGING_ARG_WORDS);
	up_read(&v->vm->slots_lock);
	if (!same)
		return false;
	/* by far the most are a port, or a time and flags */
	if (len == sizeof(u32))
		memcpy(to, (u8 *)a->words + (at - from), sizeof(u32));
	else if (len == ARG_BYTES)
		memcpy(to, a->words, ARG_BYTES);
	else
		memcpy(to, (u8 *)a->words + (at - from), len);
	return true;
}

/* A piece within a page: by a walk, which is kept. */
static int arg_read_piece(struct vcpu *v, u64 va, void *to, size_t len)
{
	struct paging_arg *a = &v->arch.vmx->arg;
	u32 error;

	a->trail.nr = 0;
	if (paging_read(v, va, x86_cpl(v) == 3 ? PAGING_USER : 0, to, len,
			&a->trail, &error))
		return -EFAULT;
	/* PAE paging starts in registers, of which the trail says nothing */
	if (!is_long_mode(v))
		a->trail.nr = 0;
	a->trail.data -= offset_in_page(va);
	a->page = va & PAGE_MASK;
	a->cr3 = state_cr3(v);
	a->cr4 = state_cr4_trapped(v);
	a->efer = v->arch.efer;
	a->rights = arg_rights(v);
	a->apic_base = lapic_get_base(v);
	return 0;
}

/* The piece of [@va, @va + @len) in the first page; 0: not canonical. */
static size_t arg_piece(struct vcpu *v, u64 *va, size_t len)
{
	unsigned int bits = state_cr4(v) & X86_CR4_LA57 ? 57 : 48;

	if (!is_64bit_code(v))
		*va = (u32)*va;
	else if ((u64)sign_extend64(*va, bits - 1) != *va)
		return 0;
	return min_t(size_t, len, PAGE_SIZE - offset_in_page(*va));
}

int arch_guest_read_va(struct vcpu *v, u64 va, void *to, size_t len)
{
	size_t n;

	if (len <= ARG_BYTES && len <= PAGE_SIZE - offset_in_page(va) &&
	    arg_read_again(v, va, to, len))
		return 0;
	for (; len; va += n, to += n, len -= n) {
		n = arg_piece(v, &va, len);
		if (!n)
			return -EFAULT;
		if (arg_read_piece(v, va, to, n))
			return -EFAULT;
	}
	return 0;
}
