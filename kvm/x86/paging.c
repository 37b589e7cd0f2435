// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's own page tables, walked as the CPU would do it: translation and
 * protection of linear addresses, accessed and dirty bits.
 *
 * A walk holds slots_lock for reading, because it reads the tables through the
 * VM's user mapping.  Nothing of a walk is kept: the guest may change its
 * tables and flush its TLB without an exit.
 * Source: SDM volume 3, chapter 4 "Paging" (4.3 32-bit, 4.4 PAE, 4.5 4-level,
 * 4.6 access rights, 4.7 error code, 4.8 accessed and dirty flags).
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "../arch.h"
#include "lapic.h"
#include "vmx.h"

#define ENT_P		BIT_ULL(0)
#define ENT_W		BIT_ULL(1)
#define ENT_U		BIT_ULL(2)
#define ENT_A		BIT_ULL(5)
#define ENT_D		BIT_ULL(6)
#define ENT_PS		BIT_ULL(7)
#define ENT_NX		BIT_ULL(63)
#define ENT_ADDR	GENMASK_ULL(51, 12)
#define ENT_PSE36	GENMASK_ULL(20, 13)	/* address bits 39:32 */

#define PFERR_P		BIT(0)
#define PFERR_W		BIT(1)
#define PFERR_U		BIT(2)
#define PFERR_RSVD		BIT(3)
#define PFERR_I		BIT(4)

/* PDPTE, PAE paging: bits that must be 0 below the physical address. */
#define PDPTE_RSVD	(GENMASK_ULL(2, 1) | GENMASK_ULL(8, 5))

/* Walks that lost a race for an accessed or dirty bit, at most. */
#define PAGING_TRIES	32

struct paging_entry {
	u64 val;
	void __user *at;
	gfn_t gfn;
	bool fixed;			/* in a read-only slot: no A and D */
};

struct paging_walk {
	u64 gva;
	u64 table;			/* address of the table to look into */
	u64 rsvd;			/* bits that must be 0 in every entry */
	u32 access;			/* PAGING_* */
	u32 error;			/* of the #PF, without PFERR_P and PFERR_RSVD */
	u8 level;			/* of that table; 0 has the 4 KiB pages */
	u8 nr;
	bool wide;			/* entries have 64 bits */
	bool large;			/* CR4.PSE, or what implies it */
	bool wp, no_user;		/* CR0.WP; SMEP or SMAP applies */
	u8 maxphyaddr;
	struct memslot_ref slot;	/* the tables are mostly in one slot */
	struct paging_entry entry[PAGING_LEVELS];
};

u64 paging_rsvd_maxphy(struct vcpu *v)
{
	return GENMASK_ULL(63, v->arch.maxphyaddr);
}

/* Supervisor accesses to user pages: SMEP for fetches, SMAP for the others. */
static bool paging_no_user(struct vcpu *v, u32 access, unsigned long cr4)
{
	if (access & PAGING_FETCH)
		return cr4 & X86_CR4_SMEP;
	if (!(cr4 & X86_CR4_SMAP))
		return false;
	return (access & PAGING_IMPLICIT) ||
	       !(reg_read(v, VREG_RFLAGS) & X86_EFLAGS_AC);
}

static u32 paging_error(struct vcpu *v, u32 access, unsigned long cr4)
{
	u32 error = 0;

	if (access & PAGING_WRITE)
		error |= PFERR_W;
	if (access & PAGING_USER)
		error |= PFERR_U;
	if ((access & PAGING_FETCH) &&
	    ((cr4 & X86_CR4_SMEP) ||
	     ((cr4 & X86_CR4_PAE) && (v->arch.efer & EFER_NX))))
		error |= PFERR_I;
	return error;
}

/* PAE paging starts from the PDPTEs that the CPU holds, not from memory. */
static unsigned long paging_pdpte_field(u64 gva)
{
	/* 64-bit fields follow each other by two */
	return GUEST_PDPTR0 + 2 * ((gva >> 30) & 3);
}

/* Where the walk begins and by which rules.  False: PDPTE not present. */
static bool paging_begin(struct vcpu *v, struct paging_walk *w, u64 gva,
			 u32 access)
{
	unsigned long cr4 = state_cr4(v);
	u64 root = state_cr3(v);

	w->gva = gva;
	w->access = access;
	w->error = paging_error(v, access, cr4);
	w->maxphyaddr = v->arch.maxphyaddr;
	w->wp = state_cr0(v) & X86_CR0_WP;
	w->no_user = !(access & PAGING_USER) && paging_no_user(v, access, cr4);
	w->nr = 0;
	w->slot.npages = 0;
	w->wide = cr4 & X86_CR4_PAE;
	w->large = cr4 & (X86_CR4_PSE | X86_CR4_PAE);
	w->rsvd = 0;
	w->level = 1;
	w->table = root & ENT_ADDR & GENMASK_ULL(31, 0);
	if (!w->wide)
		return true;
	w->rsvd = GENMASK_ULL(51, 0) & ~GENMASK_ULL(w->maxphyaddr - 1, 0);
	if (!(v->arch.efer & EFER_NX))
		w->rsvd |= ENT_NX;
	if (is_long_mode(v)) {
		w->level = cr4 & X86_CR4_LA57 ? 4 : 3;
		w->table = root & ENT_ADDR;
		return true;
	}
	w->rsvd |= GENMASK_ULL(62, 52);
	root = vmcs_read(paging_pdpte_field(gva));
	w->table = root & ENT_ADDR;
	return root & ENT_P;
}

static unsigned int paging_shift(const struct paging_walk *w)
{
	return PAGE_SHIFT + w->level * (w->wide ? 9 : 10);
}

static bool paging_is_leaf(const struct paging_walk *w, u64 val)
{
	return !w->level || ((val & ENT_PS) && w->large);
}

static bool paging_is_reserved(const struct paging_walk *w, u64 val)
{
	if (val & w->rsvd)
		return true;
	if (!w->level || !(val & ENT_PS))
		return false;
	if (!w->wide)	/* 4 MiB: an address of 40 bits at most */
		return w->large &&
		       (val & GENMASK_ULL(21, min(w->maxphyaddr, 40) - 19));
	if (w->level > 2 || (w->level == 2 && !boot_cpu_has(X86_FEATURE_GBPAGES)))
		return true;
	return val & GENMASK_ULL(paging_shift(w) - 1, 13);
}

/* Where @gpa is in user space, or NULL; under slots_lock. */
static void __user *paging_user(struct vcpu *v, struct memslot_ref *slot,
				gpa_t gpa)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;

	if (gfn - slot->base_gfn >= slot->npages) {
		slot->npages = 0;
		if (memslot_lookup(v->vm, v, gfn, slot))
			return NULL;
		/* from here on of the whole slot */
		slot->hva -= (gfn - slot->base_gfn) << PAGE_SHIFT;
	}
	return (void __user *)(unsigned long)(slot->hva + gpa -
					      (slot->base_gfn << PAGE_SHIFT));
}

/* 0; 1: no memory there; -EFAULT: there should be. */
static int paging_read_entry(struct vcpu *v, struct paging_walk *w,
			     struct paging_entry *e)
{
	unsigned int index = w->gva >> paging_shift(w);
	gpa_t gpa;
	u32 val32;

	gpa = w->table + (w->wide ? (index & 511) * 8 : (index & 1023) * 4);
	e->gfn = gpa >> PAGE_SHIFT;
	e->at = paging_user(v, &w->slot, gpa);
	if (!e->at)
		return 1;
	e->fixed = w->slot.flags & KVM_MEM_READONLY;
	if (w->wide)
		return __get_user(e->val, (u64 __user *)e->at);
	if (__get_user(val32, (u32 __user *)e->at))
		return -EFAULT;
	e->val = val32;
	return 0;
}

static bool paging_allows(const struct paging_walk *w, u64 rights, bool nx)
{
	bool write = w->access & PAGING_WRITE;

	if (nx && (w->access & PAGING_FETCH))
		return false;
	if (w->access & PAGING_USER)
		return (rights & ENT_U) && (!write || (rights & ENT_W));
	if (write && w->wp && !(rights & ENT_W))
		return false;
	return !(w->no_user && (rights & ENT_U));
}

static int paging_cmpxchg(const struct paging_walk *w, struct paging_entry *e,
			  u64 new)
{
	u32 old32 = e->val;
	u64 old = e->val;

	if (w->wide)
		return __try_cmpxchg_user((u64 __user *)e->at, &old, new, wide);
	return __try_cmpxchg_user((u32 __user *)e->at, &old32, (u32)new, narrow);
}

/* Set accessed and dirty bits.  0, 1: an entry has changed, or -EFAULT. */
static int paging_mark(struct vcpu *v, struct paging_walk *w)
{
	unsigned int i;
	int ret;

	for (i = 0; i < w->nr; i++) {
		struct paging_entry *e = &w->entry[i];
		u64 bits = ENT_A;

		if (i == w->nr - 1 && (w->access & PAGING_WRITE))
			bits |= ENT_D;
		if ((e->val & bits) == bits || e->fixed)
			continue;
		ret = paging_cmpxchg(w, e, e->val | bits);
		if (ret)
			return ret;
		e->val |= bits;
		mark_page_dirty(v->vm, e->gfn);
	}
	return 0;
}

static gpa_t paging_leaf_gpa(const struct paging_walk *w, u64 val)
{
	u64 offset = GENMASK_ULL(paging_shift(w) - 1, 0);
	gpa_t gpa = (val & ENT_ADDR & ~offset) | (w->gva & offset);

	if (!w->wide && w->level)
		gpa |= (val & ENT_PSE36) << (32 - 13);
	return gpa;
}

/* 0; 1: #PF with w->error; -EAGAIN: an entry changed meanwhile; -EFAULT. */
static int paging_walk_once(struct vcpu *v, struct paging_walk *w, gpa_t *gpa)
{
	struct paging_entry *e;
	u64 rights = ENT_W | ENT_U;
	bool nx = false;
	int ret;

	for (;; w->level--) {
		e = &w->entry[w->nr++];
		ret = paging_read_entry(v, w, e);
		if (ret < 0)
			return ret;
		if (ret || !(e->val & ENT_P))
			return 1;
		if (unlikely(paging_is_reserved(w, e->val))) {
			w->error |= PFERR_P | PFERR_RSVD;
			return 1;
		}
		rights &= e->val;
		nx |= w->wide && (e->val & ENT_NX);
		if (paging_is_leaf(w, e->val))
			break;
		w->table = e->val & ENT_ADDR;
	}
	if (!paging_allows(w, rights, nx)) {
		w->error |= PFERR_P;
		return 1;
	}
	*gpa = paging_leaf_gpa(w, e->val);
	if (w->access & PAGING_NO_AD)
		return 0;
	ret = paging_mark(v, w);
	return ret > 0 ? -EAGAIN : ret;
}

/* paging_translate() under slots_lock, leaving the way in @w. */
static int paging_walk(struct vcpu *v, struct paging_walk *w, u64 gva,
		       u32 access, gpa_t *gpa, u32 *pf_error)
{
	int ret, tries = 0;

	lockdep_assert_held(&v->vm->slots_lock);
	if (!is_paging(v)) {
		w->nr = 0;
		w->wide = false;
		w->slot.npages = 0;
		*gpa = gva;
		return 0;
	}
	do {
		ret = 1;
		if (paging_begin(v, w, gva, access))
			ret = paging_walk_once(v, w, gpa);
	} while (unlikely(ret == -EAGAIN) && ++tries < PAGING_TRIES);
	*pf_error = w->error;
	return ret;
}

int paging_translate(struct vcpu *v, u64 gva, u32 access, gpa_t *gpa,
		     u32 *pf_error)
{
	struct paging_walk w;
	int ret;

	down_read(&v->vm->slots_lock);
	ret = paging_walk(v, &w, gva, access, gpa, pf_error);
	up_read(&v->vm->slots_lock);
	return ret;
}

/*
 * Up to 16 bytes of a page, the usual case: whole words if the page has them,
 * which is many times cheaper than copy_from_user().
 */
static int paging_copy_small(void *to, const void __user *from,
			     unsigned int len)
{
	union {
		u64 word[2];
		u8 byte[16];
	} tmp;
	unsigned int i;

	if (offset_in_page(from) <= PAGE_SIZE - sizeof(tmp)) {
		if (__get_user(tmp.word[0], (u64 __user *)from) ||
		    __get_user(tmp.word[1], (u64 __user *)from + 1))
			return -EFAULT;
	} else {
		for (i = 0; i < len; i++)
			if (__get_user(tmp.byte[i], (u8 __user *)from + i))
				return -EFAULT;
	}
	memcpy(to, &tmp, len);
	return 0;
}

static void paging_leave_trail(struct vcpu *v, const struct paging_walk *w,
			       const void __user *data,
			       struct paging_trail *t)
{
	unsigned int i;

	t->generation = memslot_generation(v->vm);
	t->nr = w->nr;
	t->wide = w->wide;
	t->data = data;
	t->pdpte_field = 0;
	if (w->wide && !is_long_mode(v)) {
		t->pdpte_field = paging_pdpte_field(w->gva);
		t->pdpte = vmcs_read(t->pdpte_field);
	}
	for (i = 0; i < w->nr; i++) {
		t->at[i] = w->entry[i].at;
		t->val[i] = w->entry[i].val;
	}
}

/* paging_read() under slots_lock. */
static int paging_read_locked(struct vcpu *v, u64 gva, u32 access, void *buf,
			      unsigned int len, struct paging_trail *trail,
			      u32 *pf_error)
{
	const void __user *from;
	struct paging_walk w;
	gpa_t gpa;
	int ret = paging_walk(v, &w, gva, access, &gpa, pf_error);

	if (ret)
		return ret;
	if (lapic_owns(v, gpa))
		return -EOPNOTSUPP;
	from = paging_user(v, &w.slot, gpa);
	if (!from)
		return -EOPNOTSUPP;
	if (trail)
		paging_leave_trail(v, &w, from, trail);
	if (len <= 16)
		return paging_copy_small(buf, from, len);
	return __copy_from_user(buf, from, len) ? -EFAULT : 0;
}

int paging_read(struct vcpu *v, u64 gva, u32 access, void *buf,
		unsigned int len, struct paging_trail *trail, u32 *pf_error)
{
	int ret;

	down_read(&v->vm->slots_lock);
	ret = paging_read_locked(v, gva, access, buf, len, trail, pf_error);
	up_read(&v->vm->slots_lock);
	return ret;
}

bool paging_trail_read(const struct paging_trail *t, const u64 __user *from,
		       u64 *words, unsigned int nr)
{
	unsigned int i, wide = t->wide ? t->nr : 0;
	u64 diff = 0, x;
	u32 x32;

	if (!user_access_begin(from, nr * sizeof(*from)))
		return false;
	for (i = 0; i < wide; i++) {
		unsafe_get_user(x, (const u64 __user *)t->at[i], fault);
		diff |= x ^ t->val[i];
	}
	for (; unlikely(i < t->nr); i++) {
		unsafe_get_user(x32, (const u32 __user *)t->at[i], fault);
		diff |= x32 ^ t->val[i];
	}
	for (i = 0; i < nr; i++)
		unsafe_get_user(words[i], from + i, fault);
	user_access_end();
	return !diff;
fault:
	user_access_end();
	return false;
}

int paging_load_pdptrs(struct vcpu *v, unsigned long cr3)
{
	u64 rsvd = paging_rsvd_maxphy(v) | PDPTE_RSVD, pdpte[4];
	int i;

	if (guest_read(v->vm, cr3 & GENMASK_ULL(31, 5), pdpte, sizeof(pdpte)))
		return 1;
	for (i = 0; i < 4; i++)
		if ((pdpte[i] & ENT_P) && (pdpte[i] & rsvd))
			return 1;
	vmcs_write(GUEST_PDPTR0, pdpte[0]);
	vmcs_write(GUEST_PDPTR1, pdpte[1]);
	vmcs_write(GUEST_PDPTR2, pdpte[2]);
	vmcs_write(GUEST_PDPTR3, pdpte[3]);
	return 0;
}
