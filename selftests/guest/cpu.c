// SPDX-License-Identifier: GPL-2.0-or-later
/* Instructions and registers that a hypervisor stands behind. */
#include <stdlib.h>
#include <unistd.h>

#include "guest.h"

#define UD	6
#define GP	13

#define MSR_EFER	0xc0000080
#define MSR_STAR	0xc0000081
#define MSR_LSTAR	0xc0000082
#define MSR_SFMASK	0xc0000084
#define MSR_GS_BASE	0xc0000101
#define MSR_KERNEL_GS	0xc0000102
#define MSR_TSC_AUX	0xc0000103
#define MSR_NOT_THERE	0x4b564dff

static void run(void (*fn)(void))
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, fn);
	vcpu_done(v);
}

/* --- CPUID --- */

GUEST static void read_cpuid(void)
{
	uint32_t r[4];

	g_cpuid(0x40000100, 0, r);
	g_check_eq(r[0], 0x40000101);
	g_check_eq(r[1], 0x22);
	g_check_eq(r[2], 0x33);
	g_check_eq(r[3], 0x44);
	g_cpuid(0x40000101, 1, r);
	g_check_eq(r[0], 0xb);
	g_cpuid(0x40000101, 0, r);
	g_check_eq(r[0], 0xa);
	/* An index that is not there reads as 0. */
	g_cpuid(0x40000101, 7, r);
	g_check_eq(r[0] | r[1] | r[2] | r[3], 0);
	g_done();
}

TEST(cpuid, "CPUID gives the leaves that were set, by index where significant")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new_bare(vm, 0);
	struct kvm_cpuid2 *s = cpuid_supported(), *c;
	struct kvm_cpuid_entry2 *e;

	c = calloc(1, sizeof(*c) + (s->nent + 3) * sizeof(*e));
	memcpy(c, s, sizeof(*c) + s->nent * sizeof(*e));
	e = &c->entries[c->nent];
	e[0] = (struct kvm_cpuid_entry2){
		.function = 0x40000100,
		.eax = 0x40000101, .ebx = 0x22, .ecx = 0x33, .edx = 0x44,
	};
	e[1] = (struct kvm_cpuid_entry2){
		.function = 0x40000101, .index = 0, .eax = 0xa,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
	};
	e[2] = (struct kvm_cpuid_entry2){
		.function = 0x40000101, .index = 1, .eax = 0xb,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
	};
	c->nent += 3;
	vcpu_set_cpuid(v, c);
	vcpu_enter64(v, read_cpuid);
	vcpu_done(v);
}

GUEST static void osxsave(void)
{
	uint32_t r[4];

	g_cpuid(1, 0, r);
	g_check(!(r[2] & (1 << 27)));
	g_set_cr4(g_cr4() | 1 << 18);
	g_cpuid(1, 0, r);
	g_check(r[2] & (1 << 27));
	g_set_cr4(g_cr4() & ~(1ull << 18));
	g_cpuid(1, 0, r);
	g_check(!(r[2] & (1 << 27)));
	g_done();
}

TEST(cpuid_osxsave, "CPUID.OSXSAVE follows CR4.OSXSAVE")
{
	struct kvm_cpuid2 *s = cpuid_supported();

	if (!(cpuid_find(s, 1, 0)->ecx & (1 << 26)))
		tap_skip("no XSAVE");
	run(osxsave);
}

GUEST static void apic_bit(void)
{
	uint64_t base = g_rdmsr(MSR_APIC_BASE);
	uint32_t r[4];

	g_cpuid(1, 0, r);
	g_check(r[3] & (1 << 9));
	g_wrmsr(MSR_APIC_BASE, base & ~0x800ull);
	g_cpuid(1, 0, r);
	g_check(!(r[3] & (1 << 9)));
	g_done();
}

TEST(cpuid_apic, "CPUID.APIC follows the enable bit of APIC_BASE")
{
	run(apic_bit);
}

/* --- MSRs --- */

GUEST static void unknown_msr(void)
{
	uint64_t v;

	g_check_eq(g_try_rdmsr(MSR_NOT_THERE, &v), GP);
	g_check_eq(guest_caught_error, 0);
	g_check_eq(g_try_wrmsr(MSR_NOT_THERE, 0), GP);
	/* Beyond what the MSR bitmap covers, both ways. */
	g_check_eq(g_try_rdmsr(0x2000, &v), GP);
	g_check_eq(g_try_rdmsr(0xbfffffff, &v), GP);
	g_check_eq(g_try_rdmsr(0xc0002000, &v), GP);
	g_check_eq(g_try_rdmsr(0xffffffff, &v), GP);
	g_check_eq(g_try_wrmsr(0xffffffff, 0), GP);
	g_done();
}

TEST(unknown_msr, "RDMSR and WRMSR of an MSR that is not there are #GP")
{
	run(unknown_msr);
}

GUEST static void msr_values(void)
{
	uint64_t v;

	g_wrmsr(MSR_LSTAR, 0xffff800012345678);
	g_check_eq(g_rdmsr(MSR_LSTAR), 0xffff800012345678);
	g_wrmsr(MSR_STAR, 0x0023001000000000);
	g_check_eq(g_rdmsr(MSR_STAR), 0x0023001000000000);
	g_wrmsr(MSR_KERNEL_GS, 0x1234567890);
	g_wrmsr(MSR_GS_BASE, 0x9876543210);
	__asm__ volatile("swapgs");
	g_check_eq(g_rdmsr(MSR_GS_BASE), 0x1234567890);
	g_check_eq(g_rdmsr(MSR_KERNEL_GS), 0x9876543210);
	g_wrmsr(0x174, 0x10);
	g_wrmsr(0x175, 0xffff800000001000);
	g_wrmsr(0x176, 0xffff800000002000);
	g_check_eq(g_rdmsr(0x174), 0x10);
	g_check_eq(g_rdmsr(0x175), 0xffff800000001000);
	g_check_eq(g_rdmsr(0x176), 0xffff800000002000);
	/* Not canonical. */
	g_check_eq(g_try_wrmsr(MSR_LSTAR, 1ull << 62), GP);
	g_check_eq(g_try_wrmsr(MSR_GS_BASE, 1ull << 62), GP);
	g_check_eq(g_try_wrmsr(0x175, 1ull << 62), GP);
	/* PAT: 2 is no memory type. */
	g_wrmsr(0x277, 0x0007040600070406);
	g_check_eq(g_rdmsr(0x277), 0x0007040600070406);
	g_check_eq(g_try_wrmsr(0x277, 2), GP);
	/* EFER: reserved bits; LME may not change under paging. */
	g_check_eq(g_try_wrmsr(MSR_EFER, g_rdmsr(MSR_EFER) | 1ull << 40), GP);
	g_check_eq(g_try_wrmsr(MSR_EFER, g_rdmsr(MSR_EFER) & ~0x100ull), GP);
	/* APIC base: reserved bits; x2APIC without the enable bit. */
	g_check_eq(g_try_wrmsr(MSR_APIC_BASE, 1ull << 60), GP);
	v = g_rdmsr(MSR_APIC_BASE);
	g_check_eq(g_try_wrmsr(MSR_APIC_BASE, (v & ~0x800ull) | 0x400), GP);
	/* MTRRs */
	g_wrmsr(0x2ff, 0xc06);
	g_check_eq(g_rdmsr(0x2ff), 0xc06);
	g_wrmsr(0x200, 0x10000006);
	g_check_eq(g_rdmsr(0x200), 0x10000006);
	g_done();
}

TEST(msr_values, "the MSRs a kernel sets hold, and refuse nonsense with #GP")
{
	run(msr_values);
}

/* --- control registers --- */

GUEST static void control(void)
{
	uint64_t cr0 = g_cr0(), cr4 = g_cr4(), cr3 = g_cr3();
	uint32_t msw, r;

#define TRY_CR(n, val)							\
	g_try("mov %[v], %%cr" #n, G_OUT(), G_IN(, [v] "r"((uint64_t)(val))))
	g_set_cr0(cr0 | 0x50000);		/* WP, AM */
	g_check_eq(g_cr0() & 0x50000, 0x50000);
	g_set_cr0(cr0 | 0x40000000);		/* CD */
	g_check_eq(g_cr0() & 0x60000000, 0x40000000);
	g_set_cr0(cr0);
	r = TRY_CR(0, cr0 | 0x20000000);	/* NW without CD */
	g_check_eq(r, GP);
	r = TRY_CR(0, cr0 & ~1ull);		/* PG without PE */
	g_check_eq(r, GP);
	r = TRY_CR(0, cr0 | 1ull << 40);
	g_check_eq(r, GP);
	r = TRY_CR(0, cr0 & ~(1ull << 31));	/* leaves long mode in 64-bit code */
	g_check_eq(r, GP);
	r = TRY_CR(4, cr4 & ~(1ull << 5));	/* PAE in long mode */
	g_check_eq(r, GP);
	r = TRY_CR(4, cr4 | 1ull << 15);	/* reserved */
	g_check_eq(r, GP);
	r = TRY_CR(4, cr4 | 1ull << 40);
	g_check_eq(r, GP);
	r = TRY_CR(3, cr3 | 1ull << 60);
	g_check_eq(r, GP);
	g_check_eq(g_cr0(), cr0);
	g_check_eq(g_cr4(), cr4);
	g_check_eq(g_cr3(), cr3);

	g_set_cr4(cr4 | 1 << 7);		/* PGE */
	g_check_eq(g_cr4(), cr4 | 1 << 7);
	g_set_cr4(cr4);

	__asm__ volatile("smsw %0" : "=r"(msw));
	g_check_eq(msw & 0xffff, cr0 & 0xffff);
	__asm__ volatile("lmsw %w0" : : "r"(0x9));	/* TS; PE stays */
	g_check_eq(g_cr0() & 0xf, 0x9);
	__asm__ volatile("clts");
	g_check_eq(g_cr0() & 0xf, 0x1);
	g_set_cr0(cr0);
	g_done();
}

TEST(control, "control registers keep what they should and refuse the rest")
{
	run(control);
}

GUEST static void cr8(void)
{
	uint32_t r;

	g_check_eq(g_cr8(), 0);
	g_set_cr8(9);
	g_check_eq(g_cr8(), 9);
	r = g_try("mov %[v], %%cr8", G_OUT(), G_IN(, [v] "r"(0x10ull)));
	g_check_eq(r, GP);
	g_check_eq(g_cr8(), 9);
	g_check_eq(g_apic_read(APIC_TPR), 0x90);
	g_apic_write(APIC_TPR, 0x35);
	g_check_eq(g_cr8(), 3);
	g_done();
}

TEST(cr8, "CR8 is the upper half of the TPR")
{
	run(cr8);
}

GUEST static void debug_registers(void)
{
	uint64_t v;
	uint32_t r;

#define DR_HOLDS(n, val)						\
	do {								\
		__asm__ volatile("mov %0, %%dr" #n : : "r"((uint64_t)(val)));\
		__asm__ volatile("mov %%dr" #n ", %0" : "=r"(v));	\
		g_check_eq(v, val);					\
	} while (0)
	DR_HOLDS(0, 0x123456789a);
	DR_HOLDS(1, 0x1111);
	DR_HOLDS(2, 0x2222);
	DR_HOLDS(3, 0xffff800000003333);
	DR_HOLDS(6, 0xffff0ff1);
	DR_HOLDS(7, 0x400);
	/* Upper halves of DR6 and DR7 are #GP. */
	r = g_try("mov %[v], %%dr7", G_OUT(), G_IN(, [v] "r"(1ull << 32)));
	g_check_eq(r, GP);
	r = g_try("mov %[v], %%dr6", G_OUT(), G_IN(, [v] "r"(1ull << 32)));
	g_check_eq(r, GP);
	/* DR4 is DR6, and #UD with CR4.DE. */
	__asm__ volatile("mov %%dr4, %0" : "=r"(v));
	g_check_eq(v, 0xffff0ff1);
	g_set_cr4(g_cr4() | 8);
	r = g_try("mov %%dr4, %%r10", G_OUT(), G_IN());
	g_check_eq(r, UD);
	g_done();
}

TEST(debug_registers, "debug registers hold their values")
{
	run(debug_registers);
}

GUEST static void xsetbv(void)
{
	uint32_t lo, hi, r;

#define XSETBV(idx, val)						\
	g_try("xsetbv", G_OUT(), G_IN(, "c"(idx), "a"(val), "d"(0)))
	r = XSETBV(0, 1);
	g_check_eq(r, UD);			/* CR4.OSXSAVE is clear */
	g_set_cr4(g_cr4() | 1 << 18);
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	g_check_eq(lo, 1);
	g_check_eq(hi, 0);
	r = XSETBV(0, 3);
	g_check_eq(r, NO_EXCEPTION);
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	g_check_eq(lo, 3);
	r = XSETBV(0, 2);
	g_check_eq(r, GP);			/* x87 must stay */
	r = XSETBV(0, 1 | 4);
	g_check_eq(r, GP);			/* AVX without SSE */
	r = XSETBV(0, 3 | 1 << 30);
	g_check_eq(r, GP);
	r = XSETBV(1, 1);
	g_check_eq(r, GP);
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	g_check_eq(lo, 3);
	g_done();
}

TEST(xsetbv, "XSETBV sets XCR0, and refuses what the CPU refuses")
{
	struct kvm_cpuid2 *s = cpuid_supported();

	if (!(cpuid_find(s, 1, 0)->ecx & (1 << 26)))
		tap_skip("no XSAVE");
	run(xsetbv);
}

static volatile uint64_t ymm[16][4] GUEST_VAR;

/* The registers hold it, exits, a clobbering host and a halved XCR0 between. */
GUEST static void avx(void)
{
	g_set_cr4(g_cr4() | 1 << 18 | 1 << 9);
	__asm__ volatile("xsetbv" : : "c"(0), "a"(7), "d"(0));
	for (int i = 0; i < 4; i++)
		ymm[0][i] = 0x1111111111111111 * (i + 1);
	__asm__ volatile("vmovdqu %0, %%ymm0; vmovdqa %%ymm0, %%ymm15"
			 : : "m"(ymm[0]) : "memory");
	g_sync(1);
	__asm__ volatile("vmovdqu %%ymm15, %0" : "=m"(ymm[1]) : : "memory");
	__asm__ volatile("xsetbv" : : "c"(0), "a"(3), "d"(0));
	g_sync(2);
	__asm__ volatile("xsetbv" : : "c"(0), "a"(7), "d"(0));
	__asm__ volatile("vmovdqu %%ymm0, %0" : "=m"(ymm[2]) : : "memory");
	for (int i = 0; i < 4; i++) {
		g_check_eq(ymm[1][i], ymm[0][i]);
		g_check_eq(ymm[2][i], ymm[0][i]);
	}
	g_done();
}

/* Another task's registers, and this one's. */
static void clobber_ymm(void)
{
	__asm__ volatile("vpcmpeqd %%xmm0, %%xmm0, %%xmm0\n\t"
			 "vinsertf128 $1, %%xmm0, %%ymm0, %%ymm0\n\t"
			 "vmovdqa %%ymm0, %%ymm15"
			 : : : "xmm0", "xmm15");
	usleep(1000);
}

TEST(avx, "AVX registers are the guest's own, whatever XCR0 is")
{
	struct vm *vm;
	struct vcpu *v;

	if (!__builtin_cpu_supports("avx"))
		tap_skip("no AVX");
	vm = vm_new(VM_IRQCHIP);
	v = vcpu_new(vm, 0);
	vcpu_enter64(v, avx);
	CHECK_EQ(vcpu_sync(v), 1);
	clobber_ymm();
	CHECK_EQ(vcpu_sync(v), 2);
	clobber_ymm();
	vcpu_done(v);
}

/* --- caches, translations --- */

GUEST static void invlpg(void)
{
	uint64_t *pd = (uint64_t *)(GUEST_PT + 0x2000);
	uint64_t va = 0x800000;

	g_write64(GUEST_FREE, 0x1111);
	g_write64(GUEST_TEXT - 0x1000, 0x2222);
	pd[va >> 21] = 0x87;			/* 8 MiB shows 0 */
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
	g_check_eq(g_read64(va + GUEST_FREE), 0x1111);
	pd[va >> 21] = 0x200087;		/* and then 2 MiB */
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
	g_check_eq(g_read64(va), g_read64(0x200000));
	/* The whole of it: a CR3 write. */
	pd[va >> 21] = 0x87;
	g_set_cr3(g_cr3());
	g_check_eq(g_read64(va + GUEST_FREE), 0x1111);
	/* Global pages: CR4.PGE off and on. */
	g_set_cr4(g_cr4() | 1 << 7);
	pd[va >> 21] = 0x187;
	g_set_cr3(g_cr3());
	g_check_eq(g_read64(va + GUEST_TEXT - 0x1000), 0x2222);
	pd[va >> 21] = 0x200187;
	g_set_cr4(g_cr4() & ~(1ull << 7));
	g_check_eq(g_read64(va), g_read64(0x200000));
	g_done();
}

TEST(invlpg, "INVLPG, CR3 and CR4.PGE make page-table changes visible")
{
	run(invlpg);
}

GUEST static void invpcid(void)
{
	struct { uint64_t pcid, addr; } d = { 0, 0x800000 };
	uint64_t *pd = (uint64_t *)(GUEST_PT + 0x2000);
	uint64_t va = 0x800000;
	uint32_t r;

	g_write64(GUEST_FREE, 0x1111);
	pd[va >> 21] = 0x200087;
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
	g_check_eq(g_read64(va), g_read64(0x200000));
	for (uint64_t type = 0; type < 4; type++) {
		pd[va >> 21] = 0x87;
		__asm__ volatile("invpcid %1, %0" : : "r"(type), "m"(d)
				 : "memory");
		g_check_eq(g_read64(va + GUEST_FREE), 0x1111);
		pd[va >> 21] = 0x200087;
		__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
	}
	r = g_try("invpcid %[d], %[t]", G_OUT(), G_IN(, [t] "r"(4ull),
						       [d] "m"(d)));
	g_check_eq(r, GP);
	g_done();
}

TEST(invpcid, "INVPCID of each type works, other types are #GP")
{
	struct kvm_cpuid2 *s = cpuid_supported();
	struct kvm_cpuid_entry2 *e = cpuid_find(s, 7, 0);

	if (!e || !(e->ebx & (1 << 10)))
		tap_skip("no INVPCID");
	run(invpcid);
}

GUEST static void no_operations(void)
{
	uint32_t r, a = 0, d = 0;
	uint64_t line = 0;

	__asm__ volatile("wbinvd" : : : "memory");
	__asm__ volatile("invd" : : : "memory");
	__asm__ volatile("clflush %0" : "+m"(line));
	for (int i = 0; i < 20; i++)
		g_pause();
	/* There to run, or not there at all. */
	r = g_try("monitor", G_OUT(), G_IN(, "a"(&line), "c"(0), "d"(0)));
	g_check(r == NO_EXCEPTION || r == UD);
	r = g_try("rdpmc", G_OUT("+a"(a), "+d"(d)), G_IN(, "c"(0x3fffffff)));
	g_check_eq(r, GP);
	g_done();
}

TEST(no_operations, "WBINVD, INVD, PAUSE run; RDPMC of no counter is #GP")
{
	run(no_operations);
}

GUEST static void not_there(void)
{
	uint64_t m = 0;
	uint32_t r;

	r = g_try("vmxon %[m]", G_OUT(), G_IN(, [m] "m"(m)));
	g_check_eq(r, UD);
	r = g_try("vmlaunch", G_OUT(), G_IN());
	g_check_eq(r, UD);
	r = g_try("vmread %%r10, %%r11", G_OUT(), G_IN());
	g_check_eq(r, UD);
	r = g_try("getsec", G_OUT(), G_IN(, "a"(0)));
	g_check_eq(r, UD);
	r = g_try("encls", G_OUT(), G_IN(, "a"(0)));
	g_check_eq(r, UD);
	r = g_try("enclv", G_OUT(), G_IN(, "a"(0)));
	g_check_eq(r, UD);
	r = g_try("pconfig", G_OUT(), G_IN(, "a"(0)));
	g_check_eq(r, UD);
	r = g_try("tpause %%r10d", G_OUT(), G_IN(, "a"(0), "d"(0)));
	g_check_eq(r, UD);
	r = g_try("umonitor %%r10", G_OUT(), G_IN());
	g_check_eq(r, UD);
	r = g_try("vmfunc", G_OUT(), G_IN(, "a"(0), "c"(0)));
	g_check_eq(r, UD);
	r = g_try("invept %[m], %%r10", G_OUT(), G_IN(, [m] "m"(m)));
	g_check_eq(r, UD);
	r = g_try("rsm", G_OUT(), G_IN());
	g_check_eq(r, UD);
	r = g_try(".byte 0x0f, 0x01, 0xd8", G_OUT(), G_IN());	/* VMRUN */
	g_check_eq(r, UD);
	g_done();
}

TEST(not_there, "VMX, SMX, SGX, SVM instructions and others no guest has are #UD")
{
	run(not_there);
}

static volatile uint32_t has_rdrand GUEST_VAR, has_rdseed GUEST_VAR;

GUEST static void randoms(void)
{
	uint32_t r;

	r = g_try("rdrand %%r10", G_OUT(), G_IN());
	g_check_eq(r, has_rdrand ? NO_EXCEPTION : UD);
	r = g_try("rdrand %%r10w", G_OUT(), G_IN());
	g_check_eq(r, has_rdrand ? NO_EXCEPTION : UD);
	r = g_try("rdseed %%r10", G_OUT(), G_IN());
	g_check_eq(r, has_rdseed ? NO_EXCEPTION : UD);
	g_done();
}

TEST(randoms, "RDRAND and RDSEED are there exactly where CPUID has them")
{
	const uint32_t rdrand = 1u << 30, rdseed = 1u << 18;
	struct kvm_cpuid2 *c = cpuid_supported();
	struct kvm_cpuid_entry2 *e1 = cpuid_find(c, 1, 0);
	struct kvm_cpuid_entry2 *e7 = cpuid_find(c, 7, 0);

	if (!(e1->ecx & rdrand) || !e7 || !(e7->ebx & rdseed))
		tap_skip("this CPU has not both");
	for (uint32_t has = 0; has < 4; has++) {
		struct vcpu *v = vcpu_new_bare(vm_new(VM_IRQCHIP), 0);

		e1->ecx = (e1->ecx & ~rdrand) | (has & 1 ? rdrand : 0);
		e7->ebx = (e7->ebx & ~rdseed) | (has & 2 ? rdseed : 0);
		vcpu_set_cpuid(v, c);
		G(v->vm, has_rdrand) = has & 1;
		G(v->vm, has_rdseed) = has >> 1;
		vcpu_enter64(v, randoms);
		vcpu_done(v);
	}
}

/* --- time --- */

GUEST static void tsc(void)
{
	uint64_t last = g_rdtsc(), now;

	for (int i = 0; i < 50; i++) {
		uint32_t r[4];

		if (i % 10 == 0)
			g_cpuid(0, 0, r);
		now = g_rdtsc();
		g_check(now > last);
		last = now;
	}
	/* The MSR is the same clock, and can be set. */
	now = g_rdmsr(0x10);
	g_check(now > last && now - last < 100000000);
	g_wrmsr(0x10, 1ull << 50);
	now = g_rdtsc();
	g_check(now >= 1ull << 50 && now - (1ull << 50) < 100000000);
	g_done();
}

TEST(tsc, "the TSC goes forward over exits, and can be set")
{
	run(tsc);
}

GUEST static void rdtscp(void)
{
	uint32_t lo, hi, aux;

	g_wrmsr(MSR_TSC_AUX, 0x1234);
	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux));
	g_check_eq(aux, 0x1234);
	g_sync(0);
	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux));
	g_check_eq(aux, 0x1234);
	g_done();
}

TEST(rdtscp, "RDTSCP shows the guest's TSC_AUX, also after user space")
{
	struct kvm_cpuid2 *s = cpuid_supported();
	struct kvm_cpuid_entry2 *e = cpuid_find(s, 0x80000001, 0);
	struct vcpu *v;

	if (!e || !(e->edx & (1 << 27)))
		tap_skip("no RDTSCP");
	v = vcpu_new(vm_new(0), 0);
	vcpu_enter64(v, rdtscp);
	vcpu_sync(v);
	vcpu_done(v);
}

/* --- system calls --- */

static volatile uint64_t called GUEST_VAR;

GUEST_ASM(syscall_entry, 64,
	  "movq %rcx, called\n"
	  "mov $0x5e4, %dx\n"
	  "out %eax, %dx\n");
GUEST_ASM(user_code, 64,
	  "syscall\n"
	  "ud2\n");

GUEST static void enter_user(void)
{
	g_wrmsr(MSR_EFER, g_rdmsr(MSR_EFER) | 1);
	g_wrmsr(MSR_STAR, (uint64_t)0x23 << 48 | (uint64_t)SEL_CODE64 << 32);
	g_wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
	g_wrmsr(MSR_SFMASK, 0x200);
	__asm__ volatile("mov $0x3002, %%r11d; sysretq" : : "c"(user_code) : "r11");
}

TEST(syscall, "SYSRET and SYSCALL go to ring 3 and back")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_sregs s;

	vcpu_enter64(v, enter_user);
	vcpu_done(v);
	CHECK_EQ(G(vm, called), (uintptr_t)user_code + 2);
	s = vcpu_sregs(v);
	CHECK_EQ(s.cs.selector, SEL_CODE64);
	CHECK_EQ(s.cs.dpl, 0);
}
