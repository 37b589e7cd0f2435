// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest side of the library: 256 interrupt stubs, the dispatch of
 * exceptions, the variables through which the guest reports.
 */
#include "guest.h"

guest_handler guest_handlers[256] GUEST_VAR;
uint64_t guest_fixup GUEST_VAR;
volatile uint32_t guest_caught GUEST_VAR = NO_EXCEPTION;
volatile uint64_t guest_caught_error GUEST_VAR;
struct guest_regs guest_trap GUEST_VAR;
volatile uint64_t guest_fail_line GUEST_VAR;
volatile uint64_t guest_fail_a GUEST_VAR, guest_fail_b GUEST_VAR;

/*
 * One stub of 16 bytes for each vector.  Vectors 8, 10 to 14, 17, 21, 29 and
 * 30 push an error code themselves.
 */
__asm__(".pushsection guest_text, \"ax\", @progbits\n"
	".balign 16\n"
	".globl guest_stubs\n"
	"guest_stubs:\n"
	".set vec, 0\n"
	".rept 256\n"
	".balign 16\n"
	".if vec != 8 && (vec < 10 || vec > 14) && vec != 17 && vec != 21 && vec != 29 && vec != 30\n"
	"	pushq $0\n"
	".endif\n"
	"	push $vec\n"
	"	jmp guest_common\n"
	".set vec, vec + 1\n"
	".endr\n"
	"guest_common:\n"
	"	push %rax; push %rbx; push %rcx; push %rdx\n"
	"	push %rsi; push %rdi; push %rbp\n"
	"	push %r8; push %r9; push %r10; push %r11\n"
	"	push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, %rdi\n"
	"	mov %rsp, %rbx\n"
	"	and $-16, %rsp\n"
	"	cld\n"
	"	call guest_exception\n"
	"	mov %rbx, %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12\n"
	"	pop %r11; pop %r10; pop %r9; pop %r8\n"
	"	pop %rbp; pop %rdi; pop %rsi\n"
	"	pop %rdx; pop %rcx; pop %rbx; pop %rax\n"
	"	add $16, %rsp\n"
	"	iretq\n"
	".popsection\n");

void guest_exception(struct guest_regs *r);

GUEST void guest_exception(struct guest_regs *r)
{
	guest_handler h = guest_handlers[r->vector & 0xff];

	if (h) {
		h(r);
		return;
	}
	if (guest_fixup && r->vector < 32) {
		r->rip = guest_fixup;
		guest_fixup = 0;
		guest_caught_error = r->error;
		guest_caught = r->vector;
		return;
	}
	/* Field by field: a structure copy may become a libc call. */
	guest_trap.vector = r->vector;
	guest_trap.error = r->error;
	guest_trap.rip = r->rip;
	guest_trap.cs = r->cs;
	guest_trap.rflags = r->rflags;
	guest_trap.rsp = r->rsp;
	for (;;)
		g_out32(PORT_TRAP, r->vector);
}
