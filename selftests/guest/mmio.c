// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MMIO: each instruction form that device drivers are compiled to, seen from
 * both sides.  A form is a piece of guest code; its row says which accesses
 * must leave and what a register or memory must hold afterwards.
 */
#include "guest.h"

#define END_PORT	0x80
#define RAM		GUEST_FREE	/* where string forms read and write */
#define BIT_ADDR	(GUEST_MMIO + 0x100)

/* Registers at the start of every form. */
#define RAX	0x1122334455667788ull
#define RBX	GUEST_MMIO
#define RCX	0x8877665544332211ull
#define RDX	0x0123456789abcdefull

enum access { END, READ, WRITE };

struct step {
	enum access kind;
	uint8_t len;
	uint8_t off;		/* from GUEST_MMIO, or base */
	uint64_t val;
};

#define R(l, o, v)	{ READ, l, o, v }
#define W(l, o, v)	{ WRITE, l, o, v }
#define MAX_STEPS	5

#define REG(f)		(offsetof(struct kvm_regs, f) + 1)
#define FLAGS		(REG(rflags))

struct form {
	const char *name;
	const char *code;
	struct step steps[MAX_STEPS];
	size_t reg;		/* REG() to check, 0: none */
	uint64_t val;
	uint64_t mask;		/* bits of it to check, 0: all */
	uint64_t ram;		/* nonzero: what RAM must hold */
	uint64_t rcx;		/* nonzero: RCX at the start */
};

#define CF	0x1ull
#define ZF	0x40ull
#define SF	0x80ull
#define OF	0x800ull

#define FORM(label, insn)						\
	GUEST_ASM(label, 64, insn "\n out %al, $0x80")

/* Plain moves */
FORM(st8, "mov %cl, (%rbx)");
FORM(st8h, "mov %ch, (%rbx)");
FORM(st16, "mov %cx, 2(%rbx)");
FORM(st32, "mov %ecx, 4(%rbx)");
FORM(st64, "mov %rcx, 8(%rbx)");
FORM(sti8, "movb $0x5a, (%rbx)");
FORM(sti16, "movw $0x1234, (%rbx)");
FORM(sti32, "movl $0x12345678, (%rbx)");
FORM(sti64, "movq $-2, (%rbx)");
FORM(st_odd, "mov %ecx, 3(%rbx)");
FORM(st_sib, "mov $3, %edx; mov %ecx, 4(%rbx,%rdx,4)");
FORM(st_r8, "mov %rcx, %r13; mov %rbx, %r12; mov %r13d, (%r12)");
FORM(st_a32, "mov %ecx, (%ebx)");
FORM(st_fs, "mov %ecx, %fs:(%rbx)");
FORM(st_abs, "movabs %eax, 0x10000020");
FORM(ld8, "mov (%rbx), %cl");
FORM(ld8h, "mov (%rbx), %ch");
FORM(ld16, "mov (%rbx), %cx");
FORM(ld32, "mov (%rbx), %ecx");
FORM(ld64, "mov (%rbx), %rcx");
FORM(ld_abs, "movabs 0x10000020, %rax; mov %rax, %rcx");
FORM(ld_rip, "mov mmio_rip(%rip), %ecx\n .set mmio_rip, 0x10000030");
FORM(movzx8, "movzbl (%rbx), %ecx");
FORM(movzx8q, "movzbq (%rbx), %rcx");
FORM(movzx8w, "movzbw (%rbx), %cx");
FORM(movzx16, "movzwl (%rbx), %ecx");
FORM(movsx8, "movsbl (%rbx), %ecx");
FORM(movsx8q, "movsbq (%rbx), %rcx");
FORM(movsx16, "movswq (%rbx), %rcx");
FORM(movsxd, "movslq (%rbx), %rcx");
/* Arithmetic and logic */
FORM(and_st, "and %ecx, (%rbx)");
FORM(and_sti, "andl $0xf0, (%rbx)");
FORM(or_st, "or %ecx, (%rbx)");
FORM(or_sti8, "orb $0x81, (%rbx)");
FORM(xor_st, "xor %rcx, (%rbx)");
FORM(add_st, "addl $1, (%rbx)");
FORM(sub_st, "sub %cx, (%rbx)");
FORM(lock_or, "lock orl $0x10, (%rbx)");
FORM(and_ld, "and (%rbx), %ecx");
FORM(or_ld, "or (%rbx), %ecx");
FORM(add_ld, "add (%rbx), %ecx");
FORM(sub_ld, "sub (%rbx), %rcx");
FORM(test_r, "test %ecx, (%rbx)");
FORM(test_i, "testb $0x80, (%rbx)");
FORM(cmp_r, "cmp %ecx, (%rbx)");
FORM(cmp_i, "cmpl $0x1234, (%rbx)");
FORM(cmp_ld, "cmp (%rbx), %ecx");
FORM(xchg_r, "xchg %ecx, (%rbx)");
/* Bit operations: a register's bit number moves the address */
FORM(bt_i, "btl $5, (%rbx)");
FORM(bt_r, "mov $69, %ecx; bt %ecx, (%rbx)");
FORM(bts_i, "btsl $5, (%rbx)");
FORM(btr_r, "mov $33, %ecx; btr %ecx, (%rbx)");
FORM(btc_i, "btcl $0, (%rbx)");
/* Strings */
FORM(stos1, "mov %rbx, %rdi; stosl; mov %rdi, %rcx");
FORM(stosb_rep, "mov %rbx, %rdi; rep stosb");
FORM(stosl_rep, "mov %rbx, %rdi; rep stosl; mov %rdi, %rcx");
FORM(movs_to, "mov %rbx, %rdi; mov $0x100000, %esi; rep movsl");
FORM(movs_from, "mov %rbx, %rsi; mov $0x100000, %edi; rep movsl");
FORM(movsq_back,
     "lea 8(%rbx), %rdi; mov $0x100008, %esi; std; rep movsq; cld");
FORM(movsb_to, "mov %rbx, %rdi; mov $0x100000, %esi; movsb");

/* More than moves: each in a class of its own in the emulator */
FORM(imul_2, "imul (%rbx), %rcx");
FORM(imul_3, "imul $-3, (%rbx), %rcx");
FORM(mul_1, "mov $16, %eax; mull (%rbx); mov %rdx, %rcx");
FORM(div_1, "mov $100, %eax; xor %edx, %edx; divl (%rbx); mov %rax, %rcx");
FORM(idiv_1, "mov $-100, %rax; cqto; idivq (%rbx); mov %rax, %rcx");
FORM(bsf_ld, "bsf (%rbx), %rcx");
FORM(bsr_ld, "bsr (%rbx), %ecx");
FORM(shl_st, "shll $4, (%rbx)");
FORM(rcr_st, "stc; rcrq $1, (%rbx)");
FORM(shld_st, "shld $8, %ecx, (%rbx)");
FORM(shrd_st, "mov $8, %cl; shrd %cl, %edx, (%rbx)");
FORM(xlat_ld, "lea -0x88(%rbx), %rbx; xlatb; mov %rax, %rcx");
FORM(pop_st, "push %rcx; popq (%rbx)");
FORM(push_ld, "pushq (%rbx); pop %rcx");
FORM(jmp_mem, "jmpq *(%rbx); hlt");
FORM(call_mem, "callq *(%rbx); hlt");
FORM(smsw_st, "smsw (%rbx)");
FORM(lmsw_ld, "lmsw (%rbx); smsw %ecx");
FORM(sldt_st, "sldt (%rbx)");
FORM(str_st, "str (%rbx)");
FORM(lldt_ld, "lldt (%rbx); mov $-1, %ecx; sldt %ecx");
FORM(verr_ld, "verr (%rbx)");
FORM(lsl_ld, "lsl (%rbx), %ecx");
FORM(sidt_st, "sidt (%rbx)");
FORM(mov_sreg_st, "mov %ss, (%rbx)");
FORM(mov_sreg_ld, "mov (%rbx), %fs; mov %fs, %ecx");
FORM(mov_ss_ld, "mov (%rbx), %ss; mov %ss, %ecx");
FORM(lss_ld, "lss (%rbx), %ecx");
FORM(mmx_st, "movq %rcx, %mm3; movq %mm3, (%rbx); emms");
FORM(mmx_ld, "movq (%rbx), %mm3; movq %mm3, %rcx; emms");
FORM(movhps_ld, "pxor %xmm1, %xmm1; movhps (%rbx), %xmm1;"
     "punpckhqdq %xmm1, %xmm1; movq %xmm1, %rcx");
FORM(popcnt_ld, "popcnt (%rbx), %rcx");
FORM(clflush_no, "clflush (%rbx)");

static const struct form forms[] = {
	{ "mov r8 to memory", st8, { W(1, 0, 0x11) } },
	{ "mov high byte to memory", st8h, { W(1, 0, 0x22) } },
	{ "mov r16 to memory", st16, { W(2, 2, 0x2211) } },
	{ "mov r32 to memory", st32, { W(4, 4, 0x44332211) } },
	{ "mov r64 to memory", st64, { W(8, 8, RCX) } },
	{ "mov imm8 to memory", sti8, { W(1, 0, 0x5a) } },
	{ "mov imm16 to memory", sti16, { W(2, 0, 0x1234) } },
	{ "mov imm32 to memory", sti32, { W(4, 0, 0x12345678) } },
	{ "mov imm32 to 64-bit memory", sti64, { W(8, 0, -2ull) } },
	{ "unaligned store", st_odd, { W(4, 3, 0x44332211) } },
	{ "store with SIB and displacement", st_sib, { W(4, 16, 0x44332211) } },
	{ "store with REX registers", st_r8, { W(4, 0, 0x44332211) } },
	{ "store with 32-bit address size", st_a32, { W(4, 0, 0x44332211) } },
	{ "store with segment prefix", st_fs, { W(4, 0, 0x44332211) } },
	{ "mov to moffs", st_abs, { W(4, 0x20, 0x55667788) } },
	{ "mov memory to r8", ld8, { R(1, 0, 0xff) },
	  REG(rcx), 0x88776655443322ff },
	{ "mov memory to high byte", ld8h, { R(1, 0, 0xff) },
	  REG(rcx), 0x887766554433ff11 },
	{ "mov memory to r16", ld16, { R(2, 0, 0xfedc) },
	  REG(rcx), 0x887766554433fedc },
	{ "mov memory to r32", ld32, { R(4, 0, 0xfedcba98) },
	  REG(rcx), 0xfedcba98 },
	{ "mov memory to r64", ld64, { R(8, 0, 0xfedcba9876543210) },
	  REG(rcx), 0xfedcba9876543210 },
	{ "mov from moffs", ld_abs, { R(8, 0x20, 0xfedcba9876543210) },
	  REG(rcx), 0xfedcba9876543210 },
	{ "RIP-relative load", ld_rip, { R(4, 0x30, 0x13579bdf) },
	  REG(rcx), 0x13579bdf },
	{ "movzx 8 to 32", movzx8, { R(1, 0, 0xf1) }, REG(rcx), 0xf1 },
	{ "movzx 8 to 64", movzx8q, { R(1, 0, 0xf1) }, REG(rcx), 0xf1 },
	{ "movzx 8 to 16", movzx8w, { R(1, 0, 0xf1) },
	  REG(rcx), 0x88776655443300f1 },
	{ "movzx 16 to 32", movzx16, { R(2, 0, 0xf123) }, REG(rcx), 0xf123 },
	{ "movsx 8 to 32", movsx8, { R(1, 0, 0x80) }, REG(rcx), 0xffffff80 },
	{ "movsx 8 to 64", movsx8q, { R(1, 0, 0x80) }, REG(rcx), -0x80ull },
	{ "movsx 16 to 64", movsx16, { R(2, 0, 0x8000) },
	  REG(rcx), -0x8000ull },
	{ "movsxd", movsxd, { R(4, 0, 0x80000000) }, REG(rcx), -0x80000000ull },
	{ "and r32 to memory", and_st,
	  { R(4, 0, 0xffff0000), W(4, 0, 0x44330000) } },
	{ "and imm to memory", and_sti, { R(4, 0, 0x12345678), W(4, 0, 0x70) },
	  FLAGS, 0, ZF | CF | OF },
	{ "or r32 to memory", or_st, { R(4, 0, 0x1), W(4, 0, 0x44332211) } },
	{ "or imm8 to memory", or_sti8, { R(1, 0, 0x2), W(1, 0, 0x83) },
	  FLAGS, SF, SF | ZF },
	{ "xor r64 to memory", xor_st, { R(8, 0, RCX), W(8, 0, 0) },
	  FLAGS, ZF, ZF | SF },
	{ "add imm to memory", add_st, { R(4, 0, 0xffffffff), W(4, 0, 0) },
	  FLAGS, ZF | CF, ZF | CF | OF },
	{ "sub r16 to memory", sub_st, { R(2, 0, 0x2210), W(2, 0, 0xffff) },
	  FLAGS, CF | SF, CF | SF | ZF },
	{ "lock or", lock_or, { R(4, 0, 0x1), W(4, 0, 0x11) } },
	{ "and memory to register", and_ld, { R(4, 0, 0xff00ff00) },
	  REG(rcx), 0x44002200 },
	{ "or memory to register", or_ld, { R(4, 0, 0x88) },
	  REG(rcx), 0x44332299 },
	{ "add memory to register", add_ld, { R(4, 0, 1) },
	  REG(rcx), 0x44332212 },
	{ "sub memory from register", sub_ld, { R(8, 0, RCX) }, REG(rcx), 0 },
	{ "test register", test_r, { R(4, 0, 0x00cc00cc) },
	  FLAGS, ZF, ZF | CF | OF },
	{ "test immediate", test_i, { R(1, 0, 0x80) }, FLAGS, SF, SF | ZF },
	{ "cmp register", cmp_r, { R(4, 0, 0x44332211) }, FLAGS, ZF, ZF | CF },
	{ "cmp immediate", cmp_i, { R(4, 0, 0x1233) },
	  FLAGS, CF | SF, CF | SF | ZF },
	{ "cmp memory from register", cmp_ld, { R(4, 0, 0x44332212) },
	  FLAGS, CF | SF, CF | SF | ZF },
	{ "xchg", xchg_r, { R(4, 0, 0x99), W(4, 0, 0x44332211) },
	  REG(rcx), 0x99 },
	{ "bt immediate", bt_i, { R(4, 0, 0x20) }, FLAGS, CF, CF },
	{ "bt register, beyond the operand", bt_r, { R(4, 8, 0x20) },
	  FLAGS, CF, CF },
	{ "bts", bts_i, { R(4, 0, 0), W(4, 0, 0x20) }, FLAGS, 0, CF },
	{ "btr, beyond the operand", btr_r, { R(4, 4, 0x3), W(4, 4, 0x1) },
	  FLAGS, CF, CF },
	{ "btc", btc_i, { R(4, 0, 0x2), W(4, 0, 0x3) }, FLAGS, 0, CF },
	{ "stos", stos1, { W(4, 0, 0x55667788) }, REG(rcx), GUEST_MMIO + 4 },
	{ "rep stosb", stosb_rep,
	  { W(1, 0, 0x88), W(1, 1, 0x88), W(1, 2, 0x88) }, REG(rcx), 0,
	  .rcx = 3 },
	{ "rep stosl", stosl_rep, { W(4, 0, 0x55667788), W(4, 4, 0x55667788) },
	  REG(rcx), GUEST_MMIO + 8, .rcx = 2 },
	{ "rep movsl to the device", movs_to,
	  { W(4, 0, 0x33221100), W(4, 4, 0x77665544) }, REG(rcx), 0, .rcx = 2 },
	{ "rep movsl from the device", movs_from,
	  { R(4, 0, 0x01020304), R(4, 4, 0x05060708) }, REG(rcx), 0,
	  .ram = 0x0506070801020304, .rcx = 2 },
	{ "rep movsq, downwards", movsq_back,
	  { W(8, 8, 0xffeeddccbbaa9988), W(8, 0, 0x7766554433221100) },
	  REG(rcx), 0, .rcx = 2 },
	{ "movsb", movsb_to, { W(1, 0, 0x00) } },
	{ "imul with two operands", imul_2, { R(8, 0, -2ull) }, REG(rcx),
	  -14ull, .rcx = 7 },
	{ "imul with three operands", imul_3, { R(8, 0, 5) }, REG(rcx), -15ull },
	{ "mul", mul_1, { R(4, 0, 0x80000000) }, REG(rcx), 8 },
	{ "div", div_1, { R(4, 0, 7) }, REG(rcx), 14 },
	{ "idiv", idiv_1, { R(8, 0, 7) }, REG(rcx), -14ull },
	{ "bsf", bsf_ld, { R(8, 0, 0x100000000) }, REG(rcx), 32 },
	{ "bsr", bsr_ld, { R(4, 0, 0x1001) }, REG(rcx), 12 },
	{ "shl", shl_st, { R(4, 0, 0x12345678), W(4, 0, 0x23456780) },
	  FLAGS, CF, CF },
	{ "rcr", rcr_st, { R(8, 0, 2), W(8, 0, 0x8000000000000001) },
	  FLAGS, 0, CF },
	{ "shld", shld_st, { R(4, 0, 0x11223344), W(4, 0, 0x22334444) } },
	{ "shrd", shrd_st, { R(4, 0, 0x11223344), W(4, 0, 0xef112233) } },
	{ "xlat", xlat_ld, { R(1, 0, 0x99) }, REG(rcx), 0x1122334455667799 },
	{ "pop to memory", pop_st, { W(8, 0, RCX) } },
	{ "push from memory", push_ld, { R(8, 0, 0x99) }, REG(rcx), 0x99 },
	{ "smsw", smsw_st, { W(2, 0, 0x33) } },
	{ "lmsw", lmsw_ld, { R(2, 0, 0x2) }, REG(rcx), 0x33, 0xffff },
	{ "lldt", lldt_ld, { R(2, 0, 0) }, REG(rcx), 0, 0xffff },
	{ "sidt", sidt_st, { W(8, 0, (uint64_t)GUEST_IDT << 16 | 0xfff),
			     W(2, 8, 0) } },
	{ "mov segment register to memory", mov_sreg_st, { W(2, 0, SEL_DATA) } },
	{ "mov memory to segment register", mov_sreg_ld, { R(2, 0, SEL_DATA) },
	  REG(rcx), SEL_DATA },
	{ "mov memory to SS", mov_ss_ld, { R(2, 0, SEL_DATA) },
	  REG(rcx), SEL_DATA },
	{ "lss", lss_ld, { R(6, 0, (uint64_t)SEL_DATA << 32 | 0x12345678) },
	  REG(rcx), 0x12345678 },
	{ "movq from an MMX register", mmx_st, { W(8, 0, RCX) } },
	{ "movq to an MMX register", mmx_ld, { R(8, 0, 0x99) }, REG(rcx), 0x99 },
	{ "clflush", clflush_no, { { END } } },
};

/* In-tree KVM reads before SLDT and STR, and does not have the others. */
static const struct form own_forms[] = {
	{ "sldt", sldt_st, { W(2, 0, 0) } },
	{ "str", str_st, { W(2, 0, SEL_TSS) } },
	{ "verr", verr_ld, { R(2, 0, SEL_DATA) }, FLAGS, ZF, ZF },
	{ "lsl", lsl_ld, { R(2, 0, SEL_DATA) }, REG(rcx), 0xffffffff },
	{ "movhps", movhps_ld, { R(8, 0, 0x99) }, REG(rcx), 0x99 },
	{ "popcnt", popcnt_ld, { R(8, 0, 0xff01) }, REG(rcx), 9 },
};

static void check_step(struct vcpu *v, const struct form *f,
		       const struct step *s)
{
	struct kvm_run *run = v->run;
	uint64_t val = 0;

	if (vcpu_exit(v) != KVM_EXIT_MMIO) {
		tap_diag("%s: no MMIO exit", f->name);
		vcpu_bad_exit(v);
	}
	CHECK_MSG(run->mmio.phys_addr == GUEST_MMIO + s->off &&
		  run->mmio.len == s->len &&
		  run->mmio.is_write == (s->kind == WRITE),
		  "%s: %s of %u bytes at %#llx", f->name,
		  run->mmio.is_write ? "write" : "read", run->mmio.len,
		  (unsigned long long)run->mmio.phys_addr);
	if (s->kind == READ) {
		memcpy(run->mmio.data, &s->val, s->len);
		return;
	}
	memcpy(&val, run->mmio.data, s->len);
	CHECK_MSG(val == s->val, "%s: wrote %#llx, wanted %#llx", f->name,
		  (unsigned long long)val, (unsigned long long)s->val);
}

static void check_result(struct vcpu *v, const struct form *f)
{
	struct kvm_regs r = vcpu_regs(v);
	uint64_t mask = f->mask ? f->mask : ~0ull;
	uint64_t val;

	if (f->reg) {
		memcpy(&val, (char *)&r + f->reg - 1, 8);
		CHECK_MSG((val & mask) == f->val,
			  "%s: register %#llx, wanted %#llx", f->name,
			  (unsigned long long)(val & mask),
			  (unsigned long long)f->val);
	}
	if (f->ram) {
		memcpy(&val, vm_ptr(v->vm, RAM), 8);
		CHECK_EQ(val, f->ram);
	}
}

static void run_form(struct vcpu *v, const struct form *f)
{
	uint8_t *ram = vm_ptr(v->vm, RAM);
	struct kvm_regs r = {
		.rax = RAX, .rbx = RBX, .rcx = f->rcx ? f->rcx : RCX,
		.rdx = RDX, .rsp = GUEST_STACKS + 0x2000, .rflags = 2,
		.rip = (uintptr_t)f->code,
	};

	for (int i = 0; i < 16; i++)
		ram[i] = i * 0x11;
	vcpu_set_regs(v, &r);
	for (int i = 0; f->steps[i].kind != END; i++)
		check_step(v, f, &f->steps[i]);
	if (vcpu_exit(v) != KVM_EXIT_IO || v->run->io.port != END_PORT) {
		tap_diag("%s: its end was not reached", f->name);
		vcpu_bad_exit(v);
	}
	check_result(v, f);
}

GUEST static void nothing(void)
{
	g_done();
}

static struct vcpu *new_vcpu(void)
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);

	vcpu_enter64(v, nothing);
	return v;
}

TEST(forms, "every instruction form makes its accesses and no other")
{
	struct vcpu *v = new_vcpu();

	/* again and again: the kernel may have remembered what it decoded */
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		for (int again = 0; again < 3; again++)
			run_form(v, &forms[i]);
}

TEST(own_forms, "forms that in-tree KVM has not, or has otherwise")
{
	struct vcpu *v = new_vcpu();

	for (size_t i = 0; i < sizeof(own_forms) / sizeof(own_forms[0]); i++)
		run_form(v, &own_forms[i]);
}

TEST(branches, "a jump and a call through the device end where its word says")
{
	struct vcpu *v = new_vcpu();
	const char *codes[] = { jmp_mem, call_mem };
	struct kvm_regs r;
	uint64_t target;

	for (int i = 0; i < 2; i++) {
		vcpu_enter64(v, nothing);
		r = vcpu_regs(v);
		target = r.rip;
		r.rbx = GUEST_MMIO;
		r.rip = (uintptr_t)codes[i];
		vcpu_set_regs(v, &r);
		vcpu_expect(v, KVM_EXIT_MMIO);
		memcpy(v->run->mmio.data, &target, 8);
		vcpu_done(v);
	}
}

GUEST static void faults(void)
{
	uint64_t a = 5, d = 0, cr0;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	g_check_eq(g_try("divl (%[m])", G_OUT("+a"(a), "+d"(d)),
			 G_IN(, [m] "r"(GUEST_MMIO))), 0);
	g_check_eq(g_try("jmpq *(%[m])", , G_IN(, [m] "r"(GUEST_MMIO))), 13);
	g_check_eq(g_try("mov (%[m]), %%fs", , G_IN(, [m] "r"(GUEST_MMIO))), 13);
	g_check_eq(g_try("movaps 8(%[m]), %%xmm0", , G_IN(, [m] "r"(GUEST_MMIO))),
		   13);
	g_set_cr0(cr0 | 1 << 3);
	g_check_eq(g_try("movq (%[m]), %%mm0", , G_IN(, [m] "r"(GUEST_MMIO))), 7);
	g_set_cr0(cr0);
	g_done();
}

TEST(faults, "exceptions of instructions with an operand in the device")
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);
	static const uint64_t words[] = { 0, 0x800000000000, 0x7ff8 };

	vcpu_enter64(v, faults);
	for (int i = 0; i < 3; i++) {
		vcpu_expect(v, KVM_EXIT_MMIO);
		memcpy(v->run->mmio.data, &words[i], 8);
	}
	vcpu_done(v);
}

FORM(load_once, "mov (%rbx), %rcx");

TEST(completion, "an MMIO read is completed by KVM_RUN with immediate_exit")
{
	struct vcpu *v = new_vcpu();
	struct kvm_regs r = {
		.rbx = GUEST_MMIO, .rip = (uintptr_t)load_once, .rflags = 2,
	};
	uint64_t val = 0xfeedface12345678;

	vcpu_set_regs(v, &r);
	vcpu_expect(v, KVM_EXIT_MMIO);
	memcpy(v->run->mmio.data, &val, 8);
	v->run->immediate_exit = 1;
	CHECK_EQ(vcpu_run(v), -EINTR);
	v->run->immediate_exit = 0;
	r = vcpu_regs(v);
	CHECK_EQ(r.rcx, val);
	CHECK_EQ(r.rip, (uintptr_t)load_once + 3);
	vcpu_expect(v, KVM_EXIT_IO);
}

FORM(load_two, "mov (%rbx), %rcx; mov 8(%rbx), %rdx");

TEST(high_addresses, "the whole guest-physical address is reported")
{
	struct vcpu *v = new_vcpu();
	struct kvm_regs r = {
		.rbx = 0xc0000000, .rip = (uintptr_t)load_two, .rflags = 2,
	};
	uint64_t *pd = vm_ptr(v->vm, GUEST_PT + 0x2000);

	/* Virtual 3 GiB is 512 GiB and a half. */
	pd[0xc0000000 >> 21] = 0x8080000000 | 0x87;
	vcpu_set_regs(v, &r);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.phys_addr, 0x8080000000);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.phys_addr, 0x8080000008);
}

FORM(store_edge, "mov %rcx, (%rbx)");
FORM(load_edge, "mov (%rbx), %rcx");

TEST(slot_edge, "an access over a slot's end is split between RAM and MMIO")
{
	struct vcpu *v = new_vcpu();
	struct kvm_regs r = {
		.rbx = VM_MEM_SIZE - 4, .rcx = RCX, .rflags = 2,
		.rip = (uintptr_t)store_edge,
	};
	uint32_t *edge = vm_ptr(v->vm, VM_MEM_SIZE - 4);

	vcpu_set_regs(v, &r);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.phys_addr, VM_MEM_SIZE);
	CHECK_EQ(v->run->mmio.len, 4);
	CHECK(v->run->mmio.is_write);
	CHECK(!memcmp(v->run->mmio.data, "\x55\x66\x77\x88", 4));
	vcpu_expect(v, KVM_EXIT_IO);
	CHECK_EQ(*edge, 0x44332211);

	r.rip = (uintptr_t)load_edge;
	*edge = 0x01020304;
	vcpu_set_regs(v, &r);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.phys_addr, VM_MEM_SIZE);
	CHECK_EQ(v->run->mmio.len, 4);
	memcpy(v->run->mmio.data, "\xaa\xbb\xcc\xdd", 4);
	vcpu_expect(v, KVM_EXIT_IO);
	r = vcpu_regs(v);
	CHECK_EQ(r.rcx, 0xddccbbaa01020304);
}

FORM(sse_load, "movups (%rbx), %xmm0; movups %xmm0, 0x100000");

TEST(sixteen_bytes, "a 16-byte access leaves as two of 8")
{
	struct vcpu *v = new_vcpu();
	struct kvm_regs r = {
		.rbx = GUEST_MMIO, .rip = (uintptr_t)sse_load, .rflags = 2,
	};
	uint64_t lo = 0x1111222233334444, hi = 0x5555666677778888;
	uint64_t *ram = vm_ptr(v->vm, RAM);

	vcpu_set_regs(v, &r);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.len, 8);
	CHECK_EQ(v->run->mmio.phys_addr, GUEST_MMIO);
	memcpy(v->run->mmio.data, &lo, 8);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK_EQ(v->run->mmio.phys_addr, GUEST_MMIO + 8);
	memcpy(v->run->mmio.data, &hi, 8);
	vcpu_expect(v, KVM_EXIT_IO);
	CHECK_EQ(ram[0], lo);
	CHECK_EQ(ram[1], hi);
}

/* PADDD with a memory operand: nothing a driver uses on a device. */
FORM(undecodable, "paddd (%rbx), %xmm0");

TEST(undecodable, "another instruction ends in an error with its bytes")
{
	struct vcpu *v = new_vcpu();
	struct kvm_run *run = v->run;
	struct kvm_regs r = {
		.rbx = GUEST_MMIO, .rip = (uintptr_t)undecodable, .rflags = 2,
	};

	vcpu_set_regs(v, &r);
	vcpu_expect(v, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(run->emulation_failure.suberror, KVM_INTERNAL_ERROR_EMULATION);
	CHECK(run->emulation_failure.ndata >= 3);
	CHECK(run->emulation_failure.flags &
	      KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
	CHECK(run->emulation_failure.insn_size >= 4);
	CHECK(!memcmp(run->emulation_failure.insn_bytes, "\x66\x0f\xfe\x03", 4));
	r = vcpu_regs(v);
	CHECK_EQ(r.rip, (uintptr_t)undecodable);
}

GUEST static void rom(void)
{
	g_check_eq(g_read32(GUEST_MMIO), 0x600d);
	g_write32(GUEST_MMIO, 1);
	g_check_eq(g_read32(GUEST_MMIO), 0x600d);
	__asm__ volatile("lock incl %0" : "+m"(*(uint32_t *)GUEST_MMIO));
	g_done();
}

TEST(read_only, "a write to a read-only slot is an MMIO exit, a read is none")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	uint32_t *p;

	REQUIRE_CAP(KVM_CAP_READONLY_MEM);
	p = vm_add_slot(vm, 1, KVM_MEM_READONLY, GUEST_MMIO, 0x1000);
	*p = 0x600d;
	vcpu_enter64(v, rom);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK(v->run->mmio.is_write && v->run->mmio.len == 4);
	CHECK_EQ(v->run->mmio.phys_addr, GUEST_MMIO);
	CHECK_EQ(v->run->mmio.data[0], 1);
	CHECK_EQ(*p, 0x600d);
	vcpu_expect(v, KVM_EXIT_MMIO);
	CHECK(v->run->mmio.is_write && v->run->mmio.len == 4);
	CHECK_EQ(v->run->mmio.data[0], 0x0e);
	vcpu_done(v);
	CHECK_EQ(*p, 0x600d);
}

FORM(fetch, "jmp *%rbx");

TEST(fetch, "a jump to an address without memory ends in an error")
{
	struct vcpu *v = new_vcpu();
	struct kvm_regs r = {
		.rbx = GUEST_MMIO, .rip = (uintptr_t)fetch, .rflags = 2,
		.rsp = GUEST_STACKS + 0x2000,
	};

	vcpu_set_regs(v, &r);
	vcpu_expect(v, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(v->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
}
