// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: what the guest may be given, what user space has set, and the
 * instruction itself.  Entries belong to vcpu->mutex.
 *
 * An entry is found through a small table by leaf, so the cost of the exit does
 * not grow with their number.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/kvm_para.h>
#include <asm/processor.h>

#include "../arch.h"
#include "../trace.h"
#include "lapic.h"
#include "vmx.h"
#include "xsave.h"

#define CPUID_MAX	256	/* entries user space may set */
#define CPUID_WIDTH	36	/* of physical addresses, if none is said */
#define F(x)		BIT((X86_FEATURE_##x) & 31)

/* One leaf register of features: which word the kernel keeps it in. */
struct cpuid_word {
	u32 leaf;
	u8 reg;			/* 0 eax .. 3 edx */
	u8 word;		/* of boot_cpu_data.x86_capability */
	u32 mask;		/* what works here if the CPU has it */
	u32 always;		/* emulated: works on any CPU */
};

static const struct cpuid_word cpuid_words[] = {
	{ 1, 2, 4, F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) |
	  F(PCID) | F(XMM4_1) | F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) |
	  F(XSAVE) | F(AVX) | F(F16C) | F(RDRAND), F(X2APIC) | F(HYPERVISOR) },
	{ 1, 3, 0, F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) |
	  F(MCE) | F(CX8) | F(SEP) | F(MTRR) | F(PGE) | F(MCA) | F(CMOV) |
	  F(PAT) | F(PSE36) | F(CLFLUSH) | F(MMX) | F(FXSR) | F(XMM) | F(XMM2) |
	  F(SELFSNOOP), F(APIC) },
	{ 7, 1, 9, F(FSGSBASE) | F(BMI1) | F(AVX2) | F(SMEP) | F(BMI2) |
	  F(ERMS) | F(INVPCID) | F(RDSEED) | F(ADX) | F(SMAP) | F(CLFLUSHOPT) |
	  F(CLWB) | F(AVX512F) | F(AVX512DQ) | F(AVX512IFMA) | F(AVX512PF) |
	  F(AVX512ER) | F(AVX512CD) | F(AVX512BW) | F(AVX512VL) | F(SHA_NI),
	  F(TSC_ADJUST) },
	{ 7, 2, 16, F(AVX512VBMI) | F(UMIP) | F(AVX512_VBMI2) | F(GFNI) |
	  F(VAES) | F(VPCLMULQDQ) | F(AVX512_VNNI) | F(AVX512_BITALG) |
	  F(AVX512_VPOPCNTDQ) | F(RDPID), 0 },
	{ 7, 3, 18, F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(FSRM) |
	  F(AVX512_VP2INTERSECT) | F(MD_CLEAR) | F(SERIALIZE), 0 },
	{ 0xd, 0, 10, F(XSAVEOPT) | F(XGETBV1), 0 },
	{ 0x80000001, 2, 6, F(LAHF_LM) | F(ABM) | F(3DNOWPREFETCH), 0 },
	{ 0x80000001, 3, 1, F(SYSCALL) | F(NX) | F(GBPAGES) | F(RDTSCP) | F(LM),
	  0 },
};

static u32 *cpuid_reg(struct kvm_cpuid_entry2 *e, u8 reg)
{
	u32 *const regs[] = { &e->eax, &e->ebx, &e->ecx, &e->edx };

	return regs[reg];
}

/* The feature words of @e's leaf (0xd: subleaf 1), masked. */
static void cpuid_mask_features(struct kvm_cpuid_entry2 *e)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cpuid_words); i++) {
		const struct cpuid_word *w = &cpuid_words[i];

		if (w->leaf != e->function)
			continue;
		*cpuid_reg(e, w->reg) = (boot_cpu_data.x86_capability[w->word] &
					 w->mask) | w->always;
	}
	/* needs EPT's and VPID's help */
	if (e->function == 7 &&
	    !(vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_INVPCID))
		e->ebx &= ~F(INVPCID);
	if (e->function == 0x80000001 &&
	    !(vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_RDTSCP))
		e->edx &= ~F(RDTSCP);
	if (e->function == 7 && !(vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_RDTSCP))
		e->ecx &= ~F(RDPID);
}

/* The collected list and the room in it. */
struct cpuid_list {
	struct kvm_cpuid_entry2 *e;
	unsigned int nr, max;
};

static struct kvm_cpuid_entry2 *cpuid_add(struct cpuid_list *l, u32 leaf,
					  u32 index, bool indexed)
{
	struct kvm_cpuid_entry2 *e;

	if (l->nr == l->max)
		return NULL;
	e = &l->e[l->nr++];
	memset(e, 0, sizeof(*e));
	e->function = leaf;
	e->index = index;
	e->flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
	cpuid_count(leaf, index, &e->eax, &e->ebx, &e->ecx, &e->edx);
	return e;
}

static bool cpuid_add_xsave(struct cpuid_list *l)
{
	u64 xcr0 = fpu_supported_xcr0();
	struct kvm_cpuid_entry2 *e = cpuid_add(l, 0xd, 0, true);
	u32 i, xsavec;

	if (!e)
		return false;
	e->eax = xcr0;
	e->edx = xcr0 >> 32;
	e->ebx = e->ecx = fpu_xsave_size(xcr0, false);
	e = cpuid_add(l, 0xd, 1, true);
	if (!e)
		return false;
	/* wants nothing of the kernel, which may do without it for itself */
	xsavec = e->eax & F(XSAVEC);
	cpuid_mask_features(e);
	e->eax |= xsavec;
	e->ebx = xsavec ? fpu_xsave_size(xcr0, true) : 0;
	e->ecx = e->edx = 0;
	for (i = 2; i < 63; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		e = cpuid_add(l, 0xd, i, true);
		if (!e)
			return false;
		e->ecx &= XSAVE_ALIGN_64;
		e->edx = 0;
	}
	return true;
}

static bool cpuid_add_indexed(struct cpuid_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e;
	u32 i;

	for (i = 0; i < 16; i++) {
		e = cpuid_add(l, leaf, i, true);
		if (!e)
			return false;
		/* leaf 4 ends with cache type 0, leaf 0xb with level type 0 */
		if (leaf == 4 ? !(e->eax & 0x1f) : !(e->ecx & 0xff00))
			break;
	}
	return true;
}

static bool cpuid_add_leaf(struct cpuid_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e;

	if (leaf == 0xd)
		return boot_cpu_has(X86_FEATURE_XSAVE) ? cpuid_add_xsave(l) : true;
	if (leaf == 4 || leaf == 0xb)
		return cpuid_add_indexed(l, leaf);
	e = cpuid_add(l, leaf, 0, leaf == 7);
	if (!e)
		return false;
	switch (leaf) {
	case 0:
		e->eax = min_t(u32, e->eax, 0xd);
		break;
	case 1:
		/* one thread: the topology is user space's to give */
		e->ebx = (e->ebx & 0xff00) | (1 << 16);
		cpuid_mask_features(e);
		break;
	case 2:
		break;
	case 6:
		*e = (struct kvm_cpuid_entry2){ .function = 6, .eax = BIT(2) };
		break;
	case 7:
		cpuid_mask_features(e);
		e->eax = 0;
		break;
	case 0x80000000:
		e->eax = clamp_t(u32, e->eax, 0x80000000, 0x80000008);
		break;
	case 0x80000001:
		cpuid_mask_features(e);
		break;
	case 0x80000002 ... 0x80000006:
		break;
	case 0x80000007:	/* invariant TSC */
		e->eax = e->ebx = e->ecx = 0;
		e->edx &= BIT(8);
		break;
	case 0x80000008:
		e->eax &= 0xffff;
		e->ebx = e->ecx = e->edx = 0;
		break;
	default:		/* nothing of it works here */
		e->eax = e->ebx = e->ecx = e->edx = 0;
		break;
	}
	return true;
}

static bool cpuid_add_range(struct cpuid_list *l, u32 base)
{
	unsigned int first = l->nr;
	u32 leaf, last;

	if (!cpuid_add_leaf(l, base))
		return false;
	last = l->e[first].eax;
	for (leaf = base + 1; leaf <= last; leaf++)
		if (!cpuid_add_leaf(l, leaf))
			return false;
	return true;
}

/* KVM's signature, which its clients expect; of its features there is none. */
static bool cpuid_add_kvm(struct cpuid_list *l)
{
	struct kvm_cpuid_entry2 *e;
	u32 text[3];

	e = cpuid_add(l, KVM_CPUID_SIGNATURE, 0, false);
	if (!e)
		return false;
	memcpy(text, KVM_SIGNATURE, sizeof(text));
	e->eax = KVM_CPUID_FEATURES;
	e->ebx = text[0];
	e->ecx = text[1];
	e->edx = text[2];
	e = cpuid_add(l, KVM_CPUID_FEATURES, 0, false);
	if (!e)
		return false;
	e->eax = e->ebx = e->ecx = e->edx = 0;
	return true;
}

int cpuid_get_supported(struct kvm_cpuid2 __user *arg)
{
	struct kvm_cpuid2 head;
	struct cpuid_list l = { .max = CPUID_MAX };
	bool fits;
	int ret = 0;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nent < 1)
		return -E2BIG;
	l.max = min_t(u32, head.nent, CPUID_MAX);
	l.e = kvcalloc(l.max, sizeof(*l.e), GFP_KERNEL);
	if (!l.e)
		return -ENOMEM;
	fits = cpuid_add_range(&l, 0) && cpuid_add_kvm(&l) &&
	       cpuid_add_range(&l, 0x80000000);
	head.nent = l.nr;
	if (!fits)
		ret = -E2BIG;
	else if (copy_to_user(arg->entries, l.e, l.nr * sizeof(*l.e)) ||
		 put_user(l.nr, &arg->nent))
		ret = -EFAULT;
	kvfree(l.e);
	return ret;
}

/* --- a vCPU's entries ------------------------------------------------------ */

/* Where the search for a leaf starts, for leaves that have a place for that. */
static u16 *cpuid_slot(struct vcpu *v, u32 leaf)
{
	u32 range = leaf >> 30, low = leaf & 0x3fffffff;

	if (low >= CPUID_SLOTS)
		return NULL;
	/* a power of two: the mask also binds what runs ahead of the check */
	return &v->arch.cpuid_first[range][low & (CPUID_SLOTS - 1)];
}

static bool cpuid_match(const struct kvm_cpuid_entry2 *e, u32 leaf, u32 index)
{
	return e->function == leaf &&
	       (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		e->index == index);
}

static noinline struct kvm_cpuid_entry2 *
cpuid_search(struct vcpu *v, unsigned int from, u32 leaf, u32 index)
{
	for (; from < v->arch.nr_cpuid; from++)
		if (cpuid_match(&v->arch.cpuid[from], leaf, index))
			return &v->arch.cpuid[from];
	return NULL;
}

static struct kvm_cpuid_entry2 *cpuid_find(struct vcpu *v, u32 leaf, u32 index)
{
	const u16 *slot = cpuid_slot(v, leaf);
	struct kvm_cpuid_entry2 *e;

	if (!slot)
		return cpuid_search(v, 0, leaf, index);
	if (!*slot)
		return NULL;
	e = &v->arch.cpuid[*slot - 1];
	return likely(cpuid_match(e, leaf, index)) ? e :
		cpuid_search(v, *slot, leaf, index);
}

static void cpuid_index(struct vcpu *v)
{
	unsigned int i;

	memset(v->arch.cpuid_first, 0, sizeof(v->arch.cpuid_first));
	for (i = 0; i < v->arch.nr_cpuid; i++) {
		u16 *slot = cpuid_slot(v, v->arch.cpuid[i].function);

		if (slot && !*slot)
			*slot = i + 1;
	}
}

/* The highest leaf of the basic range answers for leaves beyond any range. */
static noinline struct kvm_cpuid_entry2 *
cpuid_beyond(struct vcpu *v, u32 leaf, u32 index)
{
	struct kvm_cpuid_entry2 *basic = cpuid_find(v, 0, 0), *class;

	if (!basic || boot_cpu_data.x86_vendor != X86_VENDOR_INTEL)
		return NULL;
	if (leaf >= 0x40000000 && leaf <= 0x4fffffff)
		class = cpuid_find(v, leaf & 0xffffff00, 0);
	else if (leaf >= 0x80000000)
		class = cpuid_find(v, leaf & 0x80000000, 0);
	else
		class = basic;
	if (class && leaf <= class->eax)
		return NULL;	/* in range, but not there: zeros */
	return cpuid_find(v, basic->eax, index);
}

/* What no entry answers: zeros, but topology leaves give id and level. */
static noinline const struct kvm_cpuid_entry2 *
cpuid_nothing(struct vcpu *v, u32 leaf, u32 index)
{
	struct kvm_cpuid_entry2 *made = &v->arch.cpuid_made, *e;

	memset(made, 0, sizeof(*made));
	if (leaf == 0xb || leaf == 0x1f) {
		e = cpuid_find(v, leaf, 1);
		if (e) {
			made->ecx = index & 0xff;
			made->edx = e->edx;
		}
	}
	return made;
}

/* Not the first entry with that leaf, or none at all. */
static noinline const struct kvm_cpuid_entry2 *
cpuid_query_slow(struct vcpu *v, u32 leaf, u32 index)
{
	return cpuid_find(v, leaf, index) ?: cpuid_beyond(v, leaf, index) ?:
					     cpuid_nothing(v, leaf, index);
}

const struct kvm_cpuid_entry2 *cpuid_query(struct vcpu *v, u32 leaf, u32 index)
{
	const u16 *slot = cpuid_slot(v, leaf);
	const struct kvm_cpuid_entry2 *e;

	if (likely(slot && *slot)) {
		e = &v->arch.cpuid[*slot - 1];
		if (likely(cpuid_match(e, leaf, index)))
			return e;
	}
	return cpuid_query_slow(v, leaf, index);
}

/* IA32_MISC_ENABLE shows and hides MONITOR and MWAIT. */
static void cpuid_update_mwait(struct vcpu *v, struct kvm_cpuid_entry2 *e)
{
	e->ecx &= ~F(MWAIT);
	v->arch.features &= ~CPUF_MWAIT;
	if (v->arch.misc_enable & MSR_IA32_MISC_ENABLE_MWAIT) {
		e->ecx |= F(MWAIT);
		v->arch.features |= CPUF_MWAIT;
	}
}

void cpuid_update_runtime(struct vcpu *v)
{
	struct kvm_cpuid_entry2 *e = cpuid_find(v, 1, 0);

	if (e && (v->vm->arch.disabled_quirks &
		  KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))
		cpuid_update_mwait(v, e);
	if (e) {
		e->ecx &= ~F(OSXSAVE);
		if (state_cr4(v) & X86_CR4_OSXSAVE)
			e->ecx |= F(OSXSAVE);
		if (v->arch.lapic) {
			e->edx &= ~F(APIC);
			if (lapic_hw_enabled(v->arch.lapic))
				e->edx |= F(APIC);
		}
	}
	e = cpuid_find(v, 0xd, 0);
	if (e)
		e->ebx = fpu_xsave_size(v->arch.xcr0, false);
	e = cpuid_find(v, 0xd, 1);
	if (e && (e->eax & (F(XSAVES) | F(XSAVEC))))
		e->ebx = fpu_xsave_size(v->arch.xcr0 | v->arch.xss, true);
}

static const struct {
	u32 leaf;
	u8 reg;
	u32 bit;
	u64 flag;
} cpuid_flags[] = {
	{ 1, 2, F(X2APIC), CPUF_X2APIC },
	{ 1, 2, F(XSAVE), CPUF_XSAVE },
	{ 1, 2, F(PCID), CPUF_PCID },
	{ 1, 2, F(TSC_DEADLINE_TIMER), CPUF_TSC_DEADLINE },
	{ 1, 2, F(MWAIT), CPUF_MWAIT },
	{ 1, 2, F(RDRAND), CPUF_RDRAND },
	{ 1, 3, F(MTRR), CPUF_MTRR },
	{ 1, 3, F(PAT), CPUF_PAT },
	{ 1, 3, F(MCE), CPUF_MCE },
	{ 7, 1, F(INVPCID), CPUF_INVPCID },
	{ 7, 1, F(TSC_ADJUST), CPUF_TSC_ADJUST },
	{ 7, 1, F(RDSEED), CPUF_RDSEED },
	{ 7, 2, F(RDPID), CPUF_RDPID },
	{ 0x80000001, 3, F(NX), CPUF_NX },
	{ 0x80000001, 3, F(LM), CPUF_LM },
	{ 0x80000001, 3, F(GBPAGES), CPUF_GBPAGES },
	{ 0x80000001, 3, F(RDTSCP), CPUF_RDTSCP },
	{ 0x80000001, 3, F(SYSCALL), CPUF_SYSCALL },
};

static u32 cpuid_get_reg(struct vcpu *v, u32 leaf, u8 reg)
{
	struct kvm_cpuid_entry2 *e = cpuid_find(v, leaf, 0);

	return e ? *cpuid_reg(e, reg) : 0;
}

/* CR4 bits that a CPU with these features does not have. */
static u64 cpuid_cr4_reserved(u32 ecx1, u32 ebx7, u32 ecx7)
{
	u64 ok = X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE |
		 X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE |
		 X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;

	if (ecx1 & F(XSAVE))
		ok |= X86_CR4_OSXSAVE;
	if (ecx1 & F(PCID))
		ok |= X86_CR4_PCIDE;
	if (ebx7 & F(SMEP))
		ok |= X86_CR4_SMEP;
	if (ebx7 & F(SMAP))
		ok |= X86_CR4_SMAP;
	if (ebx7 & F(FSGSBASE))
		ok |= X86_CR4_FSGSBASE;
	if (ecx7 & F(UMIP))
		ok |= X86_CR4_UMIP;
	return ~(ok & vmx_caps.cr4_fixed1);
}

/* What no CPU has would be a mask beyond 64 bits. */
static u8 cpuid_width(u8 bits)
{
	return bits >= 32 && bits <= 52 ? bits : CPUID_WIDTH;
}

/* Without CPUID a vCPU has what KVM_GET_SUPPORTED_CPUID has. */
void cpuid_vcpu_init(struct vcpu *v)
{
	struct kvm_cpuid_entry2 e1 = { .function = 1 }, e7 = { .function = 7 };

	cpuid_mask_features(&e1);
	cpuid_mask_features(&e7);
	v->arch.maxphyaddr = CPUID_WIDTH;
	v->arch.cr4_reserved = cpuid_cr4_reserved(e1.ecx, e7.ebx, e7.ecx);
}

/* After the entries changed: everything derived from them.  vCPU loaded. */
static void cpuid_derive(struct vcpu *v)
{
	struct kvm_cpuid_entry2 *e;
	unsigned int i;

	cpuid_index(v);
	v->arch.features = 0;
	for (i = 0; i < ARRAY_SIZE(cpuid_flags); i++)
		if (cpuid_get_reg(v, cpuid_flags[i].leaf, cpuid_flags[i].reg) &
		    cpuid_flags[i].bit)
			v->arch.features |= cpuid_flags[i].flag;
	e = cpuid_find(v, 0x80000008, 0);
	v->arch.maxphyaddr = e ? cpuid_width(e->eax & 0xff) : CPUID_WIDTH;
	e = cpuid_find(v, 0xd, 0);
	v->arch.guest_supported_xcr0 = e ? (e->eax | (u64)e->edx << 32) &
					   fpu_supported_xcr0() : 0;
	v->arch.cr4_reserved = cpuid_cr4_reserved(cpuid_get_reg(v, 1, 2),
						  cpuid_get_reg(v, 7, 1),
						  cpuid_get_reg(v, 7, 2));
	cpuid_update_runtime(v);
	vmcs_update_features(v);
	xen_after_set_cpuid(v);
}

/* Are @e the vCPU's entries, but for what cpuid_update_runtime() changes? */
static bool cpuid_same(struct vcpu *v, const struct kvm_cpuid_entry2 *e,
		       unsigned int nr)
{
	unsigned int i;

	if (nr != v->arch.nr_cpuid)
		return false;
	for (i = 0; i < nr; i++) {
		const struct kvm_cpuid_entry2 *o = &v->arch.cpuid[i];
		u32 ecx = e[i].ecx ^ o->ecx, edx = e[i].edx ^ o->edx;

		if (e[i].function == 1) {
			ecx &= ~(F(OSXSAVE) | F(MWAIT));
			edx &= ~F(APIC);
		}
		if (e[i].function != o->function || e[i].index != o->index ||
		    e[i].flags != o->flags || e[i].eax != o->eax || ecx || edx ||
		    (e[i].ebx != o->ebx && e[i].function != 0xd))
			return false;
	}
	return true;
}

static int cpuid_install(struct vcpu *v, struct kvm_cpuid_entry2 *e,
			 unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (e[i].function == 0x80000008 && (e[i].eax >> 8 & 0xff) != 48 &&
		    (e[i].eax >> 8 & 0xff) != 57 && (e[i].eax >> 8 & 0xff))
			return -EINVAL;
	/* a vCPU that has run keeps its CPUID; the same again is accepted */
	if (v->arch.vmx->has_run) {
		if (!cpuid_same(v, e, nr))
			return -EINVAL;
		kvfree(e);
		return 0;
	}
	kvfree(v->arch.cpuid);
	v->arch.cpuid = e;
	v->arch.nr_cpuid = nr;
	cpuid_derive(v);
	return 0;
}

int cpuid_set(struct vcpu *v, struct kvm_cpuid2 __user *arg)
{
	struct kvm_cpuid_entry2 *e = NULL;
	struct kvm_cpuid2 head;
	int ret;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nent > CPUID_MAX)
		return -E2BIG;
	if (head.nent) {
		e = vmemdup_user(arg->entries, array_size(sizeof(*e), head.nent));
		if (IS_ERR(e))
			return PTR_ERR(e);
	}
	ret = cpuid_install(v, e, head.nent);
	if (ret)
		kvfree(e);
	return ret;
}

int cpuid_set1(struct vcpu *v, struct kvm_cpuid __user *arg)
{
	struct kvm_cpuid_entry *old;
	struct kvm_cpuid_entry2 *e;
	struct kvm_cpuid head;
	unsigned int i;
	int ret;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nent > CPUID_MAX)
		return -E2BIG;
	old = vmemdup_user(arg->entries, array_size(sizeof(*old), head.nent));
	if (IS_ERR(old))
		return PTR_ERR(old);
	e = kvcalloc(max(head.nent, 1u), sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e) {
		kvfree(old);
		return -ENOMEM;
	}
	for (i = 0; i < head.nent; i++)
		e[i] = (struct kvm_cpuid_entry2){
			.function = old[i].function, .eax = old[i].eax,
			.ebx = old[i].ebx, .ecx = old[i].ecx, .edx = old[i].edx,
		};
	kvfree(old);
	ret = cpuid_install(v, e, head.nent);
	if (ret)
		kvfree(e);
	return ret;
}

int cpuid_get(struct vcpu *v, struct kvm_cpuid2 __user *arg)
{
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nent < v->arch.nr_cpuid) {
		if (put_user(v->arch.nr_cpuid, &arg->nent))
			return -EFAULT;
		return -E2BIG;
	}
	if (copy_to_user(arg->entries, v->arch.cpuid,
			 v->arch.nr_cpuid * sizeof(*v->arch.cpuid)) ||
	    put_user(v->arch.nr_cpuid, &arg->nent))
		return -EFAULT;
	return 0;
}

void cpuid_free(struct vcpu *v)
{
	kvfree(v->arch.cpuid);
	v->arch.cpuid = NULL;
	v->arch.nr_cpuid = 0;
}
