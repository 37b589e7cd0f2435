// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's FPU, SSE and AVX state, and XCR0.
 *
 * The state lives in a kernel fpstate that takes the place of the task's own
 * during KVM_RUN; the kernel's context switch then saves and restores it like
 * any other.  ioctls work on the memory image, outside KVM_RUN.
 * What a guest can have: x87, SSE, AVX, AVX-512; no MPX, PKRU, AMX, and no
 * supervisor state.
 * Source: SDM volume 1, chapter 13 "Managing state using the XSAVE feature
 * set"; volume 3, 2.6 "Extended control registers".
 */
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>

#include "../arch.h"
#include "vmx.h"
#include "xsave.h"

#define FPU_AVX512	(XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 | \
			 XFEATURE_MASK_Hi16_ZMM)
#define FPU_FCW_INIT	0x37f
#define FPU_MXCSR_INIT	0x1f80
/* Bits that exist on any CPU with VMX; the others fault when loaded. */
#define FPU_MXCSR_MASK	0xffffu
#define FPU_COMPACTED	BIT_ULL(63)	/* of XCOMP_BV */

u64 fpu_supported_xcr0(void)
{
	u64 host;

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return 0;
	host = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if ((host & FPU_AVX512) != FPU_AVX512)
		host &= ~FPU_AVX512;
	return host & (XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM | FPU_AVX512);
}

/* What CPUID says of each component; written once, while the module loads. */
static struct xsave_component fpu_components[XSAVE_COMPONENTS];

void fpu_module_init(void)
{
	unsigned int i;
	u32 edx;

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return;
	for (i = XFEATURE_YMM; i < XSAVE_COMPONENTS; i++) {
		struct xsave_component *c = &fpu_components[i];

		cpuid_count(0xd, i, &c->size, &c->offset, &c->flags, &edx);
	}
}

u32 fpu_xsave_size(u64 features, bool compacted)
{
	return compacted ? xsave_compacted_size(fpu_components, features) :
			   xsave_standard_size(fpu_components, features);
}

unsigned int fpu_xsave_bytes(void)
{
	return max_t(u32, sizeof(struct kvm_xsave),
		     fpu_xsave_size(fpu_supported_xcr0(), false));
}

int fpu_vcpu_init(struct vcpu *v)
{
	v->arch.xcr0 = XFEATURE_MASK_FP;
	return fpu_alloc_guest_fpstate(&v->arch.fpu) ? 0 : -ENOMEM;
}

void fpu_vcpu_exit(struct vcpu *v)
{
	fpu_free_guest_fpstate(&v->arch.fpu);
}

static struct fxregs_state *fpu_regs(struct vcpu *v)
{
	return &v->arch.fpu.fpstate->regs.fxsave;
}

static struct xstate_header *fpu_header(struct vcpu *v)
{
	return &v->arch.fpu.fpstate->regs.xsave.header;
}

/*
 * Power-on: what FNINIT leaves, as KVM has it; clients that start a guest in
 * the middle rely on that.  INIT leaves all of it alone (SDM 3, table 9-1).
 */
void fpu_vcpu_reset(struct vcpu *v, bool init)
{
	struct fxregs_state *fx = fpu_regs(v);

	if (init)
		return;
	v->arch.xcr0 = XFEATURE_MASK_FP;
	memset(fx, 0, sizeof(*fx));
	fx->cwd = FPU_FCW_INIT;
	fx->mxcsr = FPU_MXCSR_INIT;
	/* components whose bit is clear are in their initial state */
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		fpu_header(v)->xfeatures = 0;
}

void fpu_load_guest(struct vcpu *v)
{
	fpu_swap_kvm_fpstate(&v->arch.fpu, true);
}

void fpu_put_guest(struct vcpu *v)
{
	fpu_swap_kvm_fpstate(&v->arch.fpu, false);
}

/* XSAVE does not store a component that is in its initial state. */
static bool fpu_stored(struct vcpu *v, u64 feature)
{
	return !boot_cpu_has(X86_FEATURE_XSAVE) ||
	       (fpu_header(v)->xfeatures & feature);
}

static bool fpu_mxcsr_stored(struct vcpu *v)
{
	return fpu_stored(v, XFEATURE_MASK_SSE) ||
	       !(fpu_header(v)->xcomp_bv & FPU_COMPACTED);
}

/* Bring the image up to date with what it does not store. */
static void fpu_expand(struct vcpu *v)
{
	struct fxregs_state *fx = fpu_regs(v);

	if (!fpu_stored(v, XFEATURE_MASK_FP)) {
		fx->cwd = FPU_FCW_INIT;
		fx->swd = 0;
		fx->twd = 0;
		fx->fop = 0;
		fx->rip = 0;
		fx->rdp = 0;
		memset(fx->st_space, 0, sizeof(fx->st_space));
	}
	if (!fpu_mxcsr_stored(v))
		fx->mxcsr = FPU_MXCSR_INIT;
	if (!fpu_stored(v, XFEATURE_MASK_SSE))
		memset(fx->xmm_space, 0, sizeof(fx->xmm_space));
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		fpu_header(v)->xfeatures |= XFEATURE_MASK_FPSSE;
}

int fpu_get(struct vcpu *v, struct kvm_fpu *f)
{
	const struct fxregs_state *fx = fpu_regs(v);

	fpu_expand(v);
	memset(f, 0, sizeof(*f));
	BUILD_BUG_ON(sizeof(f->fpr) != sizeof(fx->st_space));
	BUILD_BUG_ON(sizeof(f->xmm) != sizeof(fx->xmm_space));
	memcpy(f->fpr, fx->st_space, sizeof(f->fpr));
	f->fcw = fx->cwd;
	f->fsw = fx->swd;
	f->ftwx = fx->twd;
	f->last_opcode = fx->fop;
	f->last_ip = fx->rip;
	f->last_dp = fx->rdp;
	memcpy(f->xmm, fx->xmm_space, sizeof(f->xmm));
	f->mxcsr = fx->mxcsr;
	return 0;
}

int fpu_set(struct vcpu *v, const struct kvm_fpu *f)
{
	struct fxregs_state *fx = fpu_regs(v);

	if (f->mxcsr & ~FPU_MXCSR_MASK)
		return -EINVAL;
	memcpy(fx->st_space, f->fpr, sizeof(f->fpr));
	fx->cwd = f->fcw;
	fx->swd = f->fsw;
	fx->twd = f->ftwx;
	fx->fop = f->last_opcode;
	fx->rip = f->last_ip;
	fx->rdp = f->last_dp;
	memcpy(fx->xmm_space, f->xmm, sizeof(f->xmm));
	fx->mxcsr = f->mxcsr;
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		fpu_header(v)->xfeatures |= XFEATURE_MASK_FPSSE;
	return 0;
}

int fpu_get_xsave(struct vcpu *v, void *buf, unsigned int size)
{
	if (size < sizeof(struct kvm_xsave))
		return -EINVAL;
	/* x87 and SSE are there with or without XSAVE */
	fpu_copy_guest_fpstate_to_uabi(&v->arch.fpu, buf, size,
				       fpu_supported_xcr0() |
				       XFEATURE_MASK_FPSSE, 0);
	return 0;
}

int fpu_set_xsave(struct vcpu *v, const void *buf, unsigned int size)
{
	const struct xregs_state *x = buf;
	u32 pkru;

	if (size < fpu_xsave_bytes())
		return -EINVAL;
	if (x->i387.mxcsr & ~FPU_MXCSR_MASK)
		return -EINVAL;
	return fpu_copy_uabi_to_guest_fpstate(&v->arch.fpu, buf,
					      fpu_supported_xcr0() |
					      XFEATURE_MASK_FPSSE, &pkru);
}

int x86_set_xcr0(struct vcpu *v, u64 xcr0)
{
	if (!(xcr0 & XFEATURE_MASK_FP) ||
	    (xcr0 & ~(v->arch.guest_supported_xcr0 | XFEATURE_MASK_FP)))
		return 1;
	if ((xcr0 & XFEATURE_MASK_YMM) && !(xcr0 & XFEATURE_MASK_SSE))
		return 1;
	if ((xcr0 & FPU_AVX512) &&
	    ((xcr0 & FPU_AVX512) != FPU_AVX512 || !(xcr0 & XFEATURE_MASK_YMM)))
		return 1;
	if (v->arch.xcr0 == xcr0)
		return 0;
	v->arch.xcr0 = xcr0;
	/* CPUID leaf 0xd tells the size for what is enabled */
	cpuid_update_runtime(v);
	return 0;
}

int fpu_get_xcrs(struct vcpu *v, struct kvm_xcrs *x)
{
	memset(x, 0, sizeof(*x));
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return 0;
	x->nr_xcrs = 1;
	x->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	x->xcrs[0].value = v->arch.xcr0;
	return 0;
}

int fpu_set_xcrs(struct vcpu *v, const struct kvm_xcrs *x)
{
	unsigned int i;

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return -EINVAL;
	if (x->flags || x->nr_xcrs > KVM_MAX_XCRS)
		return -EINVAL;
	for (i = 0; i < x->nr_xcrs; i++)
		if (x->xcrs[i].xcr == XCR_XFEATURE_ENABLED_MASK)
			return x86_set_xcr0(v, x->xcrs[i].value) ? -EINVAL : 0;
	return 0;
}

/* --- single registers, for the emulator ------------------------------------- */

/* The guest's state in the CPU's registers, until fpregs_unlock(). */
static void fpu_lock_loaded(void)
{
	fpregs_lock();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
}

/*
 * FXSAVE and FXRSTOR reach a register by number and leave the upper halves of
 * AVX registers alone.
 */
void fpu_read_xmm(unsigned int reg, void *buf)
{
	struct fxregs_state fx __aligned(16);

	fpu_lock_loaded();
	asm volatile("fxsaveq %0" : "=m" (fx));
	fpregs_unlock();
	memcpy(buf, &fx.xmm_space[4 * (reg & 15)], 16);
}

void fpu_write_xmm(unsigned int reg, const void *buf)
{
	struct fxregs_state fx __aligned(16);

	fpu_lock_loaded();
	asm volatile("fxsaveq %0" : "=m" (fx));
	memcpy(&fx.xmm_space[4 * (reg & 15)], buf, 16);
	asm volatile("fxrstorq %0" : : "m" (fx));
	fpregs_unlock();
}

/*
 * What an MMX instruction makes of the x87 state: TOP is 0 and all registers
 * are valid.  FXSAVE has them from ST(0) on, MMX registers are numbered as the
 * CPU numbers them.  SDM 1, 9.6.2.
 */
static void fpu_enter_mmx(struct fxregs_state *fx)
{
	unsigned int top = (fx->swd >> 11) & 7, i;
	u32 st[8][4];

	memcpy(st, fx->st_space, sizeof(st));
	for (i = 0; i < 8; i++)
		memcpy(&fx->st_space[4 * ((top + i) & 7)], st[i], 16);
	fx->swd &= ~0x3800;
	fx->twd = 0xff;
}

void fpu_read_mmx(unsigned int reg, void *buf)
{
	struct fxregs_state fx __aligned(16);

	fpu_lock_loaded();
	asm volatile("fxsaveq %0" : "=m" (fx));
	fpu_enter_mmx(&fx);
	memcpy(buf, &fx.st_space[4 * (reg & 7)], 8);
	asm volatile("fxrstorq %0" : : "m" (fx));
	fpregs_unlock();
}

/* The rest of the x87 register becomes ones: SDM 1, 9.2.1. */
void fpu_write_mmx(unsigned int reg, const void *buf)
{
	struct fxregs_state fx __aligned(16);
	u32 *st = &fx.st_space[4 * (reg & 7)];

	fpu_lock_loaded();
	asm volatile("fxsaveq %0" : "=m" (fx));
	fpu_enter_mmx(&fx);
	memcpy(st, buf, 8);
	st[2] = 0xffff;
	asm volatile("fxrstorq %0" : : "m" (fx));
	fpregs_unlock();
}

bool fpu_x87_pending(void)
{
	struct fxregs_state fx __aligned(16);

	fpu_lock_loaded();
	asm volatile("fxsaveq %0" : "=m" (fx));
	fpregs_unlock();
	return fx.swd & 0x80;
}
