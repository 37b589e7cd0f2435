// SPDX-License-Identifier: GPL-2.0-only
/* What kvm/xen/ needs of an x86 vCPU: the hooks of arch.h. */
#include "../arch.h"
#include "lapic.h"
#include "vmx.h"

void arch_xen_hcall_regs(struct vcpu *v, struct xen_hcall_regs *r)
{
	const unsigned long *g = v->arch.regs;

	r->longmode = is_64bit_code(v);
	r->cpl = x86_cpl(v);
	if (r->longmode) {
		r->nr = g[VREG_RAX];
		r->arg[0] = g[VREG_RDI];
		r->arg[1] = g[VREG_RSI];
		r->arg[2] = g[VREG_RDX];
		r->arg[3] = g[VREG_R10];
		r->arg[4] = g[VREG_R8];
		r->arg[5] = g[VREG_R9];
	} else {
		r->nr = (u32)g[VREG_RAX];
		r->arg[0] = (u32)g[VREG_RBX];
		r->arg[1] = (u32)g[VREG_RCX];
		r->arg[2] = (u32)g[VREG_RDX];
		r->arg[3] = (u32)g[VREG_RSI];
		r->arg[4] = (u32)g[VREG_RDI];
		r->arg[5] = (u32)g[VREG_RBP];
	}
}

void arch_xen_set_result(struct vcpu *v, u64 result, bool longmode)
{
	v->arch.regs[VREG_RAX] = longmode ? result : (u32)result;
}

int arch_xen_skip_hcall(struct vcpu *v)
{
	exit_skip(v);
	return 0;
}

unsigned long arch_vcpu_rip(struct vcpu *v)
{
	return reg_read(v, VREG_RIP);
}

int arch_xen_inject_vector(struct vcpu *v, u8 vector)
{
	return v->arch.lapic ? lapic_set_vector(v, vector) : -ENXIO;
}

/*
 * Entry n at n * 32: mov $n,%eax; vmcall; ret.  Entry 23 is HYPERVISOR_iret,
 * which HVM guests do not have: it stays a trap.
 */
void arch_xen_hypercall_page(struct vm *vm, u8 *page)
{
	unsigned int n;

	memset(page, 0xcc, PAGE_SIZE);
	for (n = 0; n < PAGE_SIZE / 32; n++) {
		u8 *e = page + n * 32;

		if (n == 23) {
			e[0] = 0x0f;	/* ud2 */
			e[1] = 0x0b;
			continue;
		}
		e[0] = 0xb8;
		memcpy(e + 1, &n, 4);
		e[5] = 0x0f;
		e[6] = 0x01;
		e[7] = 0xc1;
		e[8] = 0xc3;
	}
}
