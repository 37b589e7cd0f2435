/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch.
 *
 * int vmx_enter(unsigned long *regs, unsigned long *host_rsp, bool launched)
 *		 rdi		      rsi		       edx
 *
 * The top of the host stack holds @regs while the guest runs, so the exit can
 * find where to save.  HOST_RSP is written only when the stack moved.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>

#include "../compat.h"

#define REG(n)		((n) * 8)(%rdi)
#define VMCS_HOST_RSP	0x6c14

	.text

SYM_FUNC_START(vmx_enter)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi

	cmp	%rsp, (%rsi)
	je	1f
	mov	%rsp, (%rsi)
	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
1:
	CLEAR_CPU_BUFFERS		/* the guest must not sample our data */
	test	%dl, %dl		/* no load below changes the flags */
	mov	REG(0), %rax
	mov	REG(1), %rcx
	mov	REG(2), %rdx
	mov	REG(3), %rbx
	mov	REG(5), %rbp
	mov	REG(6), %rsi
	mov	REG(8), %r8
	mov	REG(9), %r9
	mov	REG(10), %r10
	mov	REG(11), %r11
	mov	REG(12), %r12
	mov	REG(13), %r13
	mov	REG(14), %r14
	mov	REG(15), %r15
	mov	REG(7), %rdi
	jz	2f
6:	vmresume
	jmp	3f
2:
7:	vmlaunch
3:
	/* here only on failure, which sets CF or ZF: the jump is taken */
	jbe	5f

SYM_INNER_LABEL(vmx_exit_point, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rax, REG(0)
	mov	%rcx, REG(1)
	mov	%rdx, REG(2)
	mov	%rbx, REG(3)
	mov	%rbp, REG(5)
	mov	%rsi, REG(6)
	mov	%r8,  REG(8)
	mov	%r9,  REG(9)
	mov	%r10, REG(10)
	mov	%r11, REG(11)
	mov	%r12, REG(12)
	mov	%r13, REG(13)
	mov	%r14, REG(14)
	mov	%r15, REG(15)
	pop	REG(7)

	/* the guest trained the return predictor: refill before any RET */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT,\
			   X86_FEATURE_RSB_VMEXIT_LITE
	CLEAR_BRANCH_HISTORY_VMEXIT
	xor	%eax, %eax
4:
	/* no guest value may steer what the host does speculatively */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	add	$8, %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

5:
	mov	$1, %eax
	jmp	4b

	/* virtualization was turned off under us: a failed entry, see vmx.h */
	_ASM_EXTABLE(6b, 5b)
	_ASM_EXTABLE(7b, 5b)
SYM_FUNC_END(vmx_enter)

/*
 * void vmx_nmi(void)
 *
 * An NMI ended the guest's stay, and NMIs are blocked.  Call the host's handler
 * on this stack, as if the NMI had arrived here; its IRET unblocks NMIs.
 */
	.section .noinstr.text, "ax"

SYM_FUNC_START(vmx_nmi)
	push	%rbp
	mov	%rsp, %rbp
	and	$-16, %rsp
	push	$__KERNEL_DS		/* what the handler returns to: SS ... */
	push	%rbp			/* ... RSP ... */
	pushf
	push	$__KERNEL_CS
	call	COMPAT_EXC_NMI		/* ... and RIP */
	leave
	RET
SYM_FUNC_END(vmx_nmi)
