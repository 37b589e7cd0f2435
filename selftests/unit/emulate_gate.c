// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs one instruction on the CPU with given registers and segments, and
 * catches what it ends with.  Nothing but the CPU's answer is decided here.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "emulate_native.h"

#define NO_SELECTOR	0xffff

/* At NATIVE_STATE; the assembler below knows the offsets. */
struct gate_state {
	u64 regs[16];
	u64 rflags;		/* 0x80 */
	u64 host_rsp;		/* 0x88 */
	u32 entry_offset;	/* 0x90: far pointer */
	u16 entry_selector;
	u16 ds, es, ss, gs;	/* 0x96 */
	u16 pad;
	u64 exit;		/* 0xa0: where 64-bit code jumps */
	u8 pad2[0x58];
	u8 xmm[16][16];		/* 0x100 */
};

/* Linked anywhere, runs at NATIVE_GATE; only absolute addresses. */
asm(".pushsection .text\n"
	"gate_start:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, 0x10000088\n"
	"	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movups 0x10000100 + 16 * \\n, %xmm\\n\n"
	"	.endr\n"
	"	mov 0x10000096, %ds; mov 0x10000098, %es\n"
	"	cmpw $0xffff, 0x1000009c; je 1f\n"
	"	mov 0x1000009c, %gs\n"
	"1:	mov 0x1000009a, %ss\n"
	"	push 0x10000080; popfq\n"
	"	mov 0x10000000, %rax; mov 0x10000008, %rcx\n"
	"	mov 0x10000010, %rdx; mov 0x10000018, %rbx\n"
	"	mov 0x10000020, %rsp; mov 0x10000028, %rbp\n"
	"	mov 0x10000030, %rsi; mov 0x10000038, %rdi\n"
	"	mov 0x10000040, %r8; mov 0x10000048, %r9\n"
	"	mov 0x10000050, %r10; mov 0x10000058, %r11\n"
	"	mov 0x10000060, %r12; mov 0x10000068, %r13\n"
	"	mov 0x10000070, %r14; mov 0x10000078, %r15\n"
	"	ljmp *0x10000090\n"
	"gate_exit:\n"
	"	mov %rax, 0x10000000; mov %rcx, 0x10000008\n"
	"	mov %rdx, 0x10000010; mov %rbx, 0x10000018\n"
	"	mov %rsp, 0x10000020; mov %rbp, 0x10000028\n"
	"	mov %rsi, 0x10000030; mov %rdi, 0x10000038\n"
	"	mov %r8, 0x10000040; mov %r9, 0x10000048\n"
	"	mov %r10, 0x10000050; mov %r11, 0x10000058\n"
	"	mov %r12, 0x10000060; mov %r13, 0x10000068\n"
	"	mov %r14, 0x10000070; mov %r15, 0x10000078\n"
	"	mov 0x10000088, %rsp\n"
	"	mov $0x2b, %eax; mov %eax, %ss\n"
	"	pushfq; pop 0x10000080\n"
	"	push $2; popfq\n"
	"	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movups %xmm\\n, 0x10000100 + 16 * \\n\n"
	"	.endr\n"
	"	xor %eax, %eax; mov %eax, %ds; mov %eax, %es\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	"gate_end:\n"
	".popsection\n");

extern const char gate_start[], gate_exit[], gate_end[];

static struct gate_state *const state = (void *)NATIVE_STATE;

static struct native_end *end;
static const struct native_test *running;
static sigjmp_buf fault_jump;
static volatile sig_atomic_t fault_expected;

static void gate_fault(int sig, siginfo_t *info, void *context)
{
	static const u8 order[16] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
		REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13,
		REG_R14, REG_R15,
	};
	const greg_t *gregs;
	unsigned int i;

	/* RFLAGS.AC may still be as the test had it. */
	asm volatile("pushfq; andl $~0x40000, (%%rsp); popfq" ::: "memory", "cc");
	if (!fault_expected) {
		signal(sig, SIG_DFL);
		return;
	}
	gregs = ((ucontext_t *)context)->uc_mcontext.gregs;
	end->vector = gregs[REG_TRAPNO];
	end->error = gregs[REG_ERR];
	end->address = gregs[REG_CR2];
	end->rip = gregs[REG_RIP];
	end->rflags = gregs[REG_EFL];
	for (i = 0; i < 16; i++)
		end->regs[i] = gregs[order[i]];
	memcpy(end->xmm, running->xmm, sizeof(end->xmm));
	siglongjmp(fault_jump, 1);
}

bool gate_set_segment(unsigned int entry, const struct emul_segment *s)
{
	bool code = s->type & 8, down = !code && (s->type & 4);
	struct user_desc d = {
		.entry_number = entry,
		.base_addr = s->base,
		.limit = s->limit > 0xfffff ? s->limit >> 12 : s->limit,
		.limit_in_pages = s->limit > 0xfffff,
		.seg_32bit = s->db,
		.contents = code ? 2 : down ? 1 : 0,
		.read_exec_only = !(s->type & 2),
	};

	return !syscall(SYS_modify_ldt, 0x11, &d, sizeof(d));
}

static bool gate_map(u64 addr, u64 size, int prot)
{
	return mmap((void *)addr, size, prot,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
	       (void *)addr;
}

bool gate_init(void)
{
	u8 *read_only = (u8 *)(NATIVE_SCRATCH + NATIVE_RW_SIZE);
	static u8 stack[65536];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = {
		.sa_sigaction = gate_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	unsigned int i;

	if (!gate_map(NATIVE_STATE, 0x4000,
			PROT_READ | PROT_WRITE | PROT_EXEC) ||
	    !gate_map(NATIVE_GUARD, NATIVE_GUARD_END - NATIVE_GUARD,
			PROT_NONE))
		return false;
	if (mprotect(read_only - NATIVE_RW_SIZE, NATIVE_SIZE,
		     PROT_READ | PROT_WRITE))
		return false;
	for (i = 0; i < NATIVE_SIZE - NATIVE_RW_SIZE; i++)
		read_only[i] = i * 7 + 3;
	if (mprotect(read_only, NATIVE_SIZE - NATIVE_RW_SIZE, PROT_READ))
		return false;
	memcpy((void *)NATIVE_GATE, gate_start, gate_end - gate_start);
	sigaltstack(&alt, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	return true;
}

/* The way back behind the instruction; the gate is in reach of 32 bits. */
static u64 gate_exit_address(void)
{
	return NATIVE_GATE + (gate_exit - gate_start);
}

static void gate_put_exit(const struct native_test *t, u8 *code)
{
	static const u8 jump64[] = { 0xff, 0x24, 0x25, 0xa0, 0, 0, 0x10 };
	u32 target = gate_exit_address();
	unsigned int n = 0;

	if (t->width == 64) {
		memcpy(code, jump64, sizeof(jump64));
		return;
	}
	if (t->width == 16)
		code[n++] = 0x66;
	code[n++] = 0xea;
	memcpy(code + n, &target, 4);
	code[n + 4] = 0x33;
	code[n + 5] = 0;
}

static void gate_load(const struct native_test *t)
{
	u64 code_base = t->width == 64 ? 0 : NATIVE_CODE;
	u8 *code = (u8 *)code_base + t->rip;

	memcpy(state->regs, t->regs, sizeof(t->regs));
	memcpy(state->xmm, t->xmm, sizeof(t->xmm));
	state->rflags = t->rflags;
	state->entry_offset = t->rip;
	state->entry_selector = t->seg[EMUL_CS].selector;
	state->ds = t->seg[EMUL_DS].selector;
	state->es = t->seg[EMUL_ES].selector;
	state->ss = t->seg[EMUL_SS].selector;
	state->gs = t->width == 64 ? NO_SELECTOR : t->seg[EMUL_GS].selector;
	state->exit = gate_exit_address();
	memcpy(code, t->code, t->len);
	gate_put_exit(t, code + t->len);
	memcpy((void *)NATIVE_SCRATCH, t->scratch, NATIVE_RW_SIZE);
	if (t->width == 64)
		syscall(SYS_arch_prctl, ARCH_SET_GS, t->seg[EMUL_GS].base);
}

void gate_run(const struct native_test *t, struct native_end *e)
{
	void (*gate)(void) = (void (*)(void))NATIVE_GATE;

	end = e;
	running = t;
	gate_load(t);
	if (!sigsetjmp(fault_jump, 1)) {
		fault_expected = 1;
		gate();
		end->vector = -1;
		end->rip = t->rip + t->len;
		end->rflags = state->rflags;
		memcpy(end->regs, state->regs, sizeof(end->regs));
		memcpy(end->xmm, state->xmm, sizeof(end->xmm));
	}
	fault_expected = 0;
	memcpy(end->scratch, (void *)NATIVE_SCRATCH, NATIVE_SIZE);
}

