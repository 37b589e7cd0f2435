// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hardware task switches of a 32-bit guest: by CALL, JMP and IRET, through
 * task gates, from exceptions, an NMI and ring 3, to 32-bit and 16-bit tasks.
 * Each task puts a letter into a log when it runs; the log has to be what SDM
 * volume 3, "Task Management", makes of the program.
 */
#include "guest.h"

#define LOG_PORT	0x80

/* Where the test has its tables; the assembly below knows the addresses. */
#define TABLES		GUEST_FREE	/* 0x100000: GDT, IDT at 0x800 */
#define TSS(i)		(TABLES + 0x1000 + 0x80 * (i))
#define STACK(i)	(TABLES + 0x3000 + 0x100 * (i))

enum { MAIN, CALLED, SMALL, NMI, DOUBLE, BREAK, GENERAL, INVALID, NESTED, TRAPS,
       BAD, BAD_TSS, NR_TASKS };

#define SEL(i)		(0x28 + 8 * (i))
#define SEL_GATE	0x88
#define SEL_SMALL	0x90
#define SEL_LAST	0x97

/*
 * A site that faults has in ESI where its task goes on: the exception's task
 * puts that into the TSS of MAIN, at 0x101000 (ESI is at 0x40, EIP at 0x20).
 */
#define LOG(c)		"mov $'" c "', %al; out %al, $0x80\n"
#define RESUME		"mov 0x101040, %edx; mov %edx, 0x101020\n"

GUEST_ASM(task_main, 32,
	LOG("a") "lcall $0x30, $0\n"
	LOG("b") "lcall $0x30, $0\n"
	LOG("c") "ljmp $0x30, $0\n"
	LOG("d") "lcall $0x88, $0\n"
	LOG("e") "int3\n"
	LOG("f") "lcall $0x68, $0\n"
	LOG("g") "mov $1f, %esi; ud2; 1:\n"
	LOG("h") "mov $1f, %esi; mov $0x98, %eax; mov %eax, %gs; 1:\n"
	LOG("j") "mov $1f, %esi; xor %ecx, %ecx; div %ecx; 1:\n"
	LOG("k") "push $0x23; push $0x104000; push $0x3002; push $0x1b\n"
	"	push $2f; iret; 2:\n"
	"	mov $0x23, %eax; mov %eax, %ds\n"
	LOG("u") LOG("v") "int3\n"
	LOG("w") "lcall $0x88, $0\n"
	LOG("x") "mov $1f, %esi; lcall $0x30, $0; 1:\n"
	LOG("y") "mov $1f, %esi; int $13; 1:\n"
	LOG("z") LOG(".")
	"3:	jmp 3b");

GUEST_ASM(task_main_small, 32,
	LOG("a") "lcall $0x38, $0\n"
	LOG("b") "lcall $0x38, $0\n"
	LOG("c") LOG(".")
	"3:	jmp 3b");

GUEST_ASM(task_main_trap, 32,
	LOG("a") "lcall $0x70, $0\n"
	LOG("b") "lcall $0x78, $0\n"
	LOG("c") LOG(".")
	"3:	jmp 3b");

/* With NT set, somebody waits for its return; else MAIN has jumped here. */
GUEST_ASM(task_called, 32,
	"1:\n" LOG("B")
	"	pushf; pop %eax; test $0x4000, %eax; jz 2f\n"
	"	iret; jmp 1b\n"
	"2:	ljmp $0x28, $0; jmp 1b");

GUEST_ASM(task_small, 32, "1:\n" LOG("C") "iret; jmp 1b");
GUEST_ASM(task_nmi, 32, "1:\n" LOG("N") "iret; jmp 1b");
GUEST_ASM(task_break, 32, "1:\n" LOG("P") "iret; jmp 1b");
GUEST_ASM(task_invalid, 32, "1:\n" LOG("U") RESUME "iret; jmp 1b");
GUEST_ASM(task_nested, 32,
	"1:\n" LOG("D") "lcall $0x30, $0\n" LOG("D") "iret; jmp 1b");
GUEST_ASM(task_traps, 32, "1:\n" LOG("E") "iret; jmp 1b");

/* Those with an error code print its index, from '0' on. */
#define ERROR_CODE	"pop %eax; shr $3, %eax; add $'0', %al; out %al, $0x80\n"

GUEST_ASM(task_double, 32, "1:\n" LOG("F") ERROR_CODE RESUME "iret; jmp 1b");
GUEST_ASM(task_general, 32, "1:\n" LOG("G") ERROR_CODE RESUME "iret; jmp 1b");

/* BAD has a DS beyond the GDT: mend it in its TSS, and let it run. */
GUEST_ASM(task_bad, 32, "1:\n" LOG("X") "iret; jmp 1b");
GUEST_ASM(task_bad_tss, 32,
	"1:\n" LOG("S") ERROR_CODE "movw $0x10, 0x101554; iret; jmp 1b");

/* #DB through an interrupt gate, in the task with the T bit. */
GUEST_ASM(task_debug, 32,
	"push %eax; mov %dr6, %eax; test $0x8000, %eax; jz 1f\n"
	LOG("T") "1: pop %eax; iret");

struct tss32 {
	uint32_t link, stacks[6], cr3, eip, eflags, regs[8];
	uint32_t es, cs, ss, ds, fs, gs, ldt;
	uint16_t trap, iomap;
};

struct tss16 {
	uint16_t link, stacks[6], ip, flags, regs[8], es, cs, ss, ds, ldt;
};

static void put_desc(struct vm *vm, unsigned int sel, uint64_t d)
{
	memcpy(vm_ptr(vm, TABLES + (sel & ~7u)), &d, 8);
}

static uint64_t system_desc(uint32_t base, uint32_t limit, unsigned int type)
{
	return limit | (uint64_t)(base & 0xffffff) << 16 |
	       (uint64_t)(base >> 24) << 56 | (uint64_t)(0x80 | type) << 40;
}

static void put_gate(struct vm *vm, unsigned int vector, uint64_t gate)
{
	memcpy(vm_ptr(vm, TABLES + 0x800 + 8 * vector), &gate, 8);
}

static uint64_t task_gate(unsigned int task, unsigned int dpl)
{
	return (uint64_t)(0x85 | dpl << 5) << 40 | (uint64_t)SEL(task) << 16;
}

static void put_task(struct vm *vm, unsigned int task, const char *code)
{
	struct tss32 *t = vm_ptr(vm, TSS(task));

	*t = (struct tss32){
		.cr3 = GUEST_PD32, .eip = (uintptr_t)code, .eflags = 2,
		.es = 0x10, .cs = 0x08, .ss = 0x10, .ds = 0x10, .fs = 0x10,
		.gs = 0x10, .iomap = 0x68,
	};
	t->regs[4] = STACK(task + 1);
	put_desc(vm, SEL(task), system_desc(TSS(task), 0x67, 9));
}

/* Its code segment begins at its code: IP has 16 bits. */
static void put_small(struct vm *vm)
{
	struct tss16 *t = vm_ptr(vm, TSS(SMALL));
	uint32_t base = (uintptr_t)task_small;

	*t = (struct tss16){
		.ip = 0, .flags = 2, .es = 0x10, .cs = SEL_SMALL, .ss = 0x10,
		.ds = 0x10,
	};
	put_desc(vm, SEL(SMALL), system_desc(TSS(SMALL), 0x2b, 1));
	put_desc(vm, SEL_SMALL, system_desc(base, 0xfff, 0x1b) | 1ull << 54);
}

static void put_tables(struct vm *vm)
{
	uint32_t debug = (uintptr_t)task_debug;

	put_desc(vm, 0x08, 0x00cf9b000000ffff);
	put_desc(vm, 0x10, 0x00cf93000000ffff);
	put_desc(vm, 0x18, 0x00cffb000000ffff);
	put_desc(vm, 0x20, 0x00cff3000000ffff);
	put_task(vm, MAIN, task_main);
	put_task(vm, CALLED, task_called);
	put_small(vm);
	put_task(vm, NMI, task_nmi);
	put_task(vm, DOUBLE, task_double);
	put_task(vm, BREAK, task_break);
	put_task(vm, GENERAL, task_general);
	put_task(vm, INVALID, task_invalid);
	put_task(vm, NESTED, task_nested);
	put_task(vm, TRAPS, task_traps);
	((struct tss32 *)vm_ptr(vm, TSS(TRAPS)))->trap = 1;
	put_task(vm, BAD, task_bad);
	((struct tss32 *)vm_ptr(vm, TSS(BAD)))->ds = 0x98;
	put_task(vm, BAD_TSS, task_bad_tss);
	put_desc(vm, SEL_GATE, task_gate(CALLED, 3));
	/* vector 0 is not present: #DE becomes #NP, which makes #DF of it */
	put_gate(vm, 1, (debug & 0xffff) | 0x08 << 16 | 0x8eull << 40 |
			(uint64_t)(debug >> 16) << 48);
	put_gate(vm, 2, task_gate(NMI, 0));
	put_gate(vm, 3, task_gate(BREAK, 3));
	put_gate(vm, 6, task_gate(INVALID, 0));
	put_gate(vm, 8, task_gate(DOUBLE, 0));
	put_gate(vm, 10, task_gate(BAD_TSS, 0));
	put_gate(vm, 13, task_gate(GENERAL, 0));
}

static struct vcpu *new_vcpu(const char *code)
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);
	struct kvm_sregs s;

	put_tables(v->vm);
	vcpu_enter32(v, code, PAGING_32);
	s = vcpu_sregs(v);
	s.gdt.base = TABLES;
	s.gdt.limit = SEL_LAST;
	s.idt.base = TABLES + 0x800;
	s.idt.limit = 0x7f;
	s.cs.selector = 0x08;
	s.tr.selector = SEL(MAIN);
	s.tr.base = TSS(MAIN);
	put_desc(v->vm, SEL(MAIN), system_desc(TSS(MAIN), 0x67, 11));
	vcpu_set_sregs(v, &s);
	return v;
}

/* The next letter of the log. */
static char next_letter(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	if (vcpu_exit(v) != KVM_EXIT_IO || run->io.port != LOG_PORT)
		vcpu_bad_exit(v);
	return *((char *)run + run->io.data_offset);
}

TEST(log, "tasks run in the order of their switches")
{
	/*
	 * CALL twice, JMP, CALL through a gate, INT3, nested; faults: #UD,
	 * #GP(98), #DF; ring 3: NMI in an NMI, INT3, gate; and what ring 3 may
	 * not do.
	 */
	static const char want[] =
		"aBbBcBdBePfDBDgUhGCjF0kuNNvPwBxG6yG=z";
	struct vcpu *v = new_vcpu(task_main);
	char log[sizeof(want) + 8], c;
	unsigned int n = 0, nmis = 0;

	/* the error code's index 0x13 is a 'C' */
	while ((c = next_letter(v)) != '.' && n < sizeof(log) - 1) {
		log[n++] = c;
		/* one for ring 3, and one while its handler runs */
		if ((c == 'u' || c == 'N') && nmis++ < 2)
			CHECK_OK(ioctl(v->fd, KVM_NMI));
	}
	log[n] = 0;
	CHECK_MSG(!strcmp(log, want), "log  %s\n# want %s", log, want);
}

static void expect_log(const char *code, const char *want)
{
	struct vcpu *v = new_vcpu(code);

	for (; *want; want++)
		CHECK_EQ(next_letter(v), *want);
}

/* In-tree KVM's return from it fails to enter the guest. */
TEST(small, "a 16-bit task is called, and called again where it was left")
{
	expect_log(task_main_small, "aCbCc.");
}

/* In-tree KVM has no T bit, and tells user space of a fault in the new task. */
TEST(trap, "the T bit traps, and a bad selector in a TSS is the new task's #TS")
{
	expect_log(task_main_trap, "aTEbSCXc.");
}

TEST(state, "busy bits, back links and CR0.TS are as the switches left them")
{
	struct vcpu *v = new_vcpu(task_main);
	uint8_t *gdt = vm_ptr(v->vm, TABLES);
	struct tss32 *called = vm_ptr(v->vm, TSS(CALLED));
	struct kvm_sregs s;

	CHECK_EQ(next_letter(v), 'a');
	CHECK_EQ(next_letter(v), 'B');
	s = vcpu_sregs(v);
	CHECK_EQ(s.tr.selector, SEL(CALLED));
	CHECK_EQ(s.tr.base, TSS(CALLED));
	CHECK(s.cr0 & 8);
	CHECK_EQ(called->link & 0xffff, SEL(MAIN));
	CHECK_EQ(gdt[SEL(MAIN) + 5], 0x8b);
	CHECK_EQ(gdt[SEL(CALLED) + 5], 0x8b);
	CHECK_EQ(next_letter(v), 'b');
	s = vcpu_sregs(v);
	CHECK_EQ(s.tr.selector, SEL(MAIN));
	CHECK_EQ(gdt[SEL(MAIN) + 5], 0x8b);
	CHECK_EQ(gdt[SEL(CALLED) + 5], 0x89);
	CHECK(!(called->eflags & 0x4000));
}
