// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk through the guest's page tables: tables, control registers and
 * accesses of any kind, beside a second walk by the tables of SDM volume 3,
 * chapter "Paging", which is written another way.  Both have to agree on the
 * address or the page fault's error code, and nothing but accessed and dirty
 * bits of tables in writable memory may change.
 */
#include "paging/shim.h"
#include "cov.h"

/* Pages of memory from 0 on; the last but one is read-only, the last absent. */
#define PAGES		16u
#define READ_ONLY	14u
#define ABSENT		15u

struct vcpu shim_vcpu;

static struct vm vm;
static union {
	u8 byte[PAGES * 4096];
	u32 word[PAGES * 1024];
	u64 quad[PAGES * 512];
} ram __attribute__((aligned(4096))), before;
static u32 dirtied;

int memslot_lookup(struct vm *m, struct vcpu *v, gfn_t gfn,
		   struct memslot_ref *ref)
{
	if (gfn >= ABSENT)
		return -ENOENT;
	*ref = (struct memslot_ref){
		.hva = (u64)(uintptr_t)ram.byte + gfn * 4096,
		.base_gfn = gfn == READ_ONLY ? READ_ONLY : 0,
		.npages = gfn == READ_ONLY ? 1 : READ_ONLY,
		.flags = gfn == READ_ONLY ? KVM_MEM_READONLY : 0,
	};
	return 0;
}

int guest_read(struct vm *m, gpa_t gpa, void *to, size_t len)
{
	if (gpa + len > ABSENT * 4096)
		return -EFAULT;
	memcpy(to, ram.byte + gpa, len);
	return 0;
}

void mark_page_dirty(struct vm *m, gfn_t gfn)
{
	CHECK(gfn < READ_ONLY);
	dirtied |= 1u << gfn;
}

/* --- the second walk ------------------------------------------------------------ */

struct answer {
	bool fault;
	u64 gpa;
	u32 error;
};

/* Bits that must be 0 in a 64-bit entry at a level, 1 having the 4 KiB pages. */
static u64 reserved64(unsigned int level, u64 entry)
{
	const struct vcpu *v = &shim_vcpu;
	u64 bits = 0;

	for (unsigned int i = v->arch.maxphyaddr; i < 52; i++)
		bits |= 1ull << i;
	if (!(v->arch.efer & EFER_NX))
		bits |= 1ull << 63;
	if (!(v->arch.efer & EFER_LMA))
		bits |= 0x7ff0000000000000;
	if (level == 1 || !(entry & 0x80))
		return bits;
	if (level > 3)
		return bits | 0x80;
	return bits | (level == 2 ? 0x1fe000 : 0x3fffe000);
}

static u64 reserved32(unsigned int level, u64 entry)
{
	unsigned int width = shim_vcpu.arch.maxphyaddr;

	if (level == 1 || !(entry & 0x80) || !(shim_vcpu.cr4 & X86_CR4_PSE))
		return 0;
	if (width >= 40)
		return 0x200000;
	return 0x3fffff & ~((1ull << (width - 19)) - 1);
}

static bool forbidden(u32 access, bool writable, bool user, bool no_execute)
{
	const struct vcpu *v = &shim_vcpu;
	bool fetch = access & PAGING_FETCH;

	if (fetch && no_execute)
		return true;
	if (access & PAGING_USER)
		return !user || ((access & PAGING_WRITE) && !writable);
	if ((access & PAGING_WRITE) && !writable && (v->cr0 & X86_CR0_WP))
		return true;
	if (!user)
		return false;
	if (fetch)
		return v->cr4 & X86_CR4_SMEP;
	return (v->cr4 & X86_CR4_SMAP) &&
	       ((access & PAGING_IMPLICIT) || !(v->rflags & X86_EFLAGS_AC));
}

static struct answer fault(u32 access, u32 error)
{
	const struct vcpu *v = &shim_vcpu;
	bool nx = (v->cr4 & X86_CR4_PAE) && (v->arch.efer & EFER_NX);

	if (access & PAGING_WRITE)
		error |= 2;
	if (access & PAGING_USER)
		error |= 4;
	if ((access & PAGING_FETCH) && (nx || (v->cr4 & X86_CR4_SMEP)))
		error |= 16;
	return (struct answer){ .fault = true, .error = error };
}

static struct answer expect(u64 gva, u32 access)
{
	const struct vcpu *v = &shim_vcpu;
	bool pae = v->cr4 & X86_CR4_PAE, lma = v->arch.efer & EFER_LMA;
	unsigned int level = lma ? 4 + !!(v->cr4 & X86_CR4_LA57) : 2;
	unsigned int bits = pae ? 9 : 10, shift;
	bool writable = true, user = true, no_execute = false;
	u64 table = v->cr3 & (lma ? 0xffffffffff000 : 0xfffff000), entry, at;

	if (!(v->cr0 & X86_CR0_PG))
		return (struct answer){ .gpa = gva };
	if (pae && !lma) {
		entry = v->pdpte[gva >> 30 & 3];
		if (!(entry & 1))
			return fault(access, 0);
		table = entry & 0xffffffffff000;
	}
	for (;; level--) {
		shift = 12 + bits * (level - 1);
		at = table / 8 * 8 + (gva >> shift & ((1u << bits) - 1)) *
		     (pae ? 8 : 4);
		if (at >= ABSENT * 4096)
			return fault(access, 0);
		entry = pae ? before.quad[at / 8] : before.word[at / 4];
		if (!(entry & 1))
			return fault(access, 0);
		if (entry & (pae ? reserved64(level, entry)
				 : reserved32(level, entry)))
			return fault(access, 1 | 8);
		writable &= entry >> 1 & 1;
		user &= entry >> 2 & 1;
		no_execute |= pae && entry >> 63;
		if (level == 1 || ((entry & 0x80) &&
				   (pae || (v->cr4 & X86_CR4_PSE))))
			break;
		table = entry & 0xffffffffff000;
	}
	if (forbidden(access, writable, user, no_execute))
		return fault(access, 1);
	at = (entry & 0xffffffffff000) >> shift << shift;
	if (!pae && level == 2)
		at |= (entry >> 13 & 0xff) << 32;
	return (struct answer){ .gpa = at | (gva & ((1ull << shift) - 1)) };
}

/* --- the target -------------------------------------------------------------------- */

static void make_vcpu(struct cov_input *in)
{
	static const u8 widths[] = { 36, 39, 40, 46, 52 };
	u8 mode = cov_u8(in);

	shim_vcpu = (struct vcpu){ .vm = &vm };
	shim_vcpu.cr0 = (mode & 1 ? X86_CR0_WP : 0) |
			((mode & 14) ? X86_CR0_PG : 0);
	shim_vcpu.cr4 = (mode & 16 ? X86_CR4_SMEP : 0) |
			(mode & 32 ? X86_CR4_SMAP : 0);
	shim_vcpu.arch.efer = mode & 64 ? EFER_NX : 0;
	shim_vcpu.rflags = mode & 128 ? X86_EFLAGS_AC : 0;
	mode = cov_u8(in);
	if (mode & 1)
		shim_vcpu.cr4 |= X86_CR4_PSE;
	if (mode & 6)
		shim_vcpu.cr4 |= X86_CR4_PAE;
	if (mode & 4)
		shim_vcpu.arch.efer |= EFER_LMA;
	if ((mode & 12) == 12)
		shim_vcpu.cr4 |= X86_CR4_LA57;
	shim_vcpu.arch.maxphyaddr = widths[(mode >> 4) % sizeof(widths)];
	shim_vcpu.cr3 = (cov_u8(in) % PAGES) << 12;
	for (unsigned int i = 0; i < 4; i++)
		shim_vcpu.pdpte[i] = cov_u8(in) % PAGES << 12 | (mode >> 7);
}

/* An entry that leads somewhere, with any bit of it now and then another. */
static u64 entry(struct cov_input *in)
{
	u64 val = (u64)(cov_u8(in) % PAGES) << 12 | cov_u8(in);
	u8 odd = cov_u8(in);

	if (odd & 0x80)
		val ^= 1ull << (odd & 63);
	return val;
}

static void make_tables(struct cov_input *in)
{
	unsigned int nr = cov_u8(in) % 48, page, index;

	memset(&ram, 0, sizeof(ram));
	while (nr--) {
		page = cov_u8(in);
		/* the first entries matter most: small addresses lead there */
		index = page & 0x80 ? cov_u16(in) : cov_u8(in) % 4;
		page %= PAGES;
		if (shim_vcpu.cr4 & X86_CR4_PAE)
			ram.quad[page * 512 + index % 512] = entry(in);
		else
			ram.word[page * 1024 + index % 1024] = (u32)entry(in);
	}
}

static u64 address(struct cov_input *in)
{
	u64 gva = 0;

	if (cov_u8(in) & 0x80)
		return cov_number(in) << (cov_u8(in) % 48);
	/* an index of 0 to 3 on each level */
	for (unsigned int i = 0; i < 5; i++)
		gva = gva << 9 | cov_u8(in) % 4;
	return gva << 12 | (cov_u16(in) & 0xfff);
}

static void check_changes(u32 access)
{
	for (unsigned int i = 0; i < PAGES * 1024; i++) {
		u32 changed = ram.word[i] ^ before.word[i];

		if (!changed)
			continue;
		CHECK(!(changed & ~0x60u) && (ram.word[i] & changed) == changed);
		CHECK(!(access & PAGING_NO_AD));
		CHECK(!(changed & 0x40) || (access & PAGING_WRITE));
		CHECK(i / 1024 < READ_ONLY && (dirtied >> i / 1024 & 1));
	}
}

static void translate(struct cov_input *in)
{
	u32 access = cov_u8(in) & 31, error = 0;
	u64 gva = address(in), gpa = 0;
	struct answer want;
	int r;

	if (!(shim_vcpu.arch.efer & EFER_LMA))
		gva = (u32)gva;
	before = ram;
	dirtied = 0;
	want = expect(gva, access);
	r = paging_translate(&shim_vcpu, gva, access, &gpa, &error);
	CHECK_EQ(r, want.fault);
	if (r)
		CHECK_EQ(error, want.error);
	else
		CHECK_EQ(gpa, want.gpa);
	check_changes(access);
}

/* What was read along a trail stands as long as the trail does. */
static void read_trail(struct cov_input *in)
{
	struct paging_trail trail = { 0 };
	u64 gva = address(in), word = 0, again = 0;
	u32 error;
	int r;

	if (!(shim_vcpu.arch.efer & EFER_LMA))
		gva = (u32)gva;
	gva &= ~7ull;
	r = paging_read(&shim_vcpu, gva, cov_u8(in) & 6, &word, 8, &trail,
			&error);
	if (r)
		return;
	CHECK(trail.nr <= PAGING_LEVELS);
	CHECK(paging_trail_read(&trail, trail.data, &again, 1));
	CHECK_EQ(again, word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cov_input in = { data, len };

	make_vcpu(&in);
	make_tables(&in);
	for (unsigned int i = cov_u8(&in) % 8 + 1; i; i--) {
		if (cov_u8(&in) & 3)
			translate(&in);
		else
			read_trail(&in);
	}
	if ((shim_vcpu.cr4 & X86_CR4_PAE) &&
	    !(shim_vcpu.arch.efer & EFER_LMA))
		paging_load_pdptrs(&shim_vcpu, cov_u32(&in));
	return 0;
}
