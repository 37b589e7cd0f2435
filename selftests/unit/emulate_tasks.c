// SPDX-License-Identifier: GPL-2.0-only
/*
 * Task switches in the emulator's machine: what SDM 3, "Task Switching" says
 * of saved and loaded state, busy bits, links, and faults on either side.
 */
#include <string.h>

#include "emulate_test.h"
#include "../../kvm/x86/emulate_priv.h"

#define GDT_BASE	MACHINE_GDT
#define TSS_A		0x5000u		/* the current one, 32-bit */
#define TSS_B		0x5100u		/* 32-bit */
#define TSS_C		0x5200u		/* 16-bit */
#define SEL_CODE	0x08
#define SEL_DATA	0x10
#define SEL_UCODE	0x1b
#define SEL_UDATA	0x23
#define SEL_LDT		0x28
#define SEL_A		0x30
#define SEL_B		0x38
#define SEL_C		0x40

#define SEL_DATA16	0x48

#define NT		0x4000u

static struct machine m;
static struct emul_task t;
static bool trap;

static void put(u32 addr, unsigned int size, u64 val)
{
	memcpy(m.mem + addr, &val, size);
}

static u32 get(u32 addr, unsigned int size)
{
	u32 val = 0;

	memcpy(&val, m.mem + addr, size);
	return val;
}

static void put_desc(unsigned int selector, u64 d)
{
	put(GDT_BASE + (selector & ~7u), 8, d);
}

static u64 tss_desc(u32 base, u32 limit, unsigned int type)
{
	return limit | (u64)base << 16 | (u64)(0x80 | type) << 40;
}

static unsigned int busy(unsigned int selector)
{
	return m.mem[GDT_BASE + selector + 5] & 2;
}

/* A 32-bit task with its registers numbered, in ring 0 or ring 3. */
static void fill_32(u32 tss, bool user)
{
	static const u8 data[] = { 0x48, 0x50, 0x54, 0x58, 0x5c };
	unsigned int i;

	put(tss + 0x1c, 4, 0x77000);
	put(tss + 0x20, 4, 0x1234);
	put(tss + 0x24, 4, 0x246);
	for (i = 0; i < 8; i++)
		put(tss + 0x28 + 4 * i, 4, 0x9000 + i);
	put(tss + 0x4c, 2, user ? SEL_UCODE : SEL_CODE);
	for (i = 0; i < sizeof(data); i++)
		put(tss + data[i], 2, user ? SEL_UDATA : SEL_DATA);
	put(tss + 0x60, 2, SEL_LDT);
}

static void fill_16(u32 tss)
{
	unsigned int i;

	put(tss + 0x0e, 2, 0x4321);
	put(tss + 0x10, 2, 0x3202);
	for (i = 0; i < 8; i++)
		put(tss + 0x12 + 2 * i, 2, 0x7000 + i);
	put(tss + 0x22, 2, SEL_DATA);
	put(tss + 0x24, 2, SEL_CODE);
	put(tss + 0x26, 2, SEL_DATA16);
	put(tss + 0x28, 2, SEL_DATA);
}

static void setup(u16 selector, enum emul_task_source source)
{
	unsigned int i;

	machine_init(&m, MACHINE_P32);
	put_desc(SEL_CODE, 0x00cf9b000000ffff);
	put_desc(SEL_DATA, 0x00cf93000000ffff);
	put_desc(SEL_UCODE, 0x00cffb000000ffff);
	put_desc(SEL_UDATA, 0x00cff3000000ffff);
	put_desc(SEL_DATA16, 0x000093000000ffff);
	put_desc(SEL_LDT, 0x0000820070000017);
	put_desc(SEL_A, tss_desc(TSS_A, 0x67, 11));
	put_desc(SEL_B, tss_desc(TSS_B, 0x67, 9));
	put_desc(SEL_C, tss_desc(TSS_C, 0x2b, 1));
	fill_32(TSS_B, false);
	fill_16(TSS_C);
	for (i = 0; i < 8; i++)
		m.c.regs[i] = 0x1000 + i;
	for (i = 0; i < EMUL_NR_SEGS; i++)
		m.seg[i].selector = i == EMUL_CS ? SEL_CODE : SEL_DATA;
	m.seg[EMUL_TR] = (struct emul_segment){
		.base = TSS_A, .limit = 0x67, .selector = SEL_A, .type = 11,
		.present = 1,
	};
	m.c.cr0 = 0x80000001;
	m.c.rflags = 0x46;
	t = (struct emul_task){
		.selector = selector, .source = source, .soft_vector = -1,
		.rip = 0x8005,
	};
}

static int run(void)
{
	return emulate_task_switch(&m.c, &t, &trap);
}

static bool good;

static void check(bool holds, const char *text, const char *func, int line)
{
	if (!holds)
		tap_note("%s:%d: %s", func, line, text);
	good &= holds;
}

#define CHECK(expr)	check(expr, #expr, __func__, __LINE__)

static bool raised(int r, unsigned int vector, u32 error)
{
	if (r == EMUL_EXCEPTION && m.c.exception.vector == vector &&
	    m.c.exception.error == error)
		return true;
	tap_note("answer %d vector %u error %x", r, m.c.exception.vector,
		 m.c.exception.error);
	return false;
}

static void saved_old(u32 flags)
{
	unsigned int i;

	CHECK(get(TSS_A + 0x20, 4) == 0x8005);
	CHECK(get(TSS_A + 0x24, 4) == flags);
	for (i = 0; i < 8; i++)
		CHECK(get(TSS_A + 0x28 + 4 * i, 4) == 0x1000 + i);
	CHECK(get(TSS_A + 0x48, 4) == SEL_DATA);
	CHECK(get(TSS_A + 0x4c, 4) == SEL_CODE);
	/* what a switch does not save: CR3, LDT, stacks of other rings */
	CHECK(!get(TSS_A + 0x1c, 4) && !get(TSS_A + 0x60, 4));
}

static void loaded_b(u32 flags)
{
	unsigned int i;

	CHECK(m.c.rip == 0x1234 && m.c.rflags == flags);
	for (i = 0; i < 8; i++)
		CHECK(m.c.regs[i] == 0x9000 + i);
	CHECK(m.cr[3] == 0x77000 && (m.cr[0] & 8));
	CHECK(m.seg[EMUL_CS].selector == SEL_CODE && m.seg[EMUL_CS].db);
	CHECK(m.seg[EMUL_SS].selector == SEL_DATA && !m.seg[EMUL_SS].unusable);
	CHECK(m.seg[EMUL_GS].selector == SEL_DATA);
	CHECK(m.seg[EMUL_LDTR].selector == SEL_LDT &&
	      m.seg[EMUL_LDTR].base == 0x7000);
	CHECK(m.seg[EMUL_TR].selector == SEL_B && m.seg[EMUL_TR].type == 11 &&
	      m.seg[EMUL_TR].base == TSS_B);
	CHECK((m.c.dirty & 0x300ff) == 0x300ff);
}

static void test_call(void)
{
	setup(SEL_B, EMUL_TASK_CALL);
	CHECK(run() == EMUL_OK);
	saved_old(0x46);
	loaded_b(0x246 | NT);
	CHECK(busy(SEL_A) && busy(SEL_B));
	CHECK(get(TSS_B, 2) == SEL_A);
}

static void test_jmp(void)
{
	setup(SEL_B, EMUL_TASK_JMP);
	put(TSS_B, 2, 0x99);
	CHECK(run() == EMUL_OK);
	saved_old(0x46);
	loaded_b(0x246);
	CHECK(!busy(SEL_A) && busy(SEL_B));
	CHECK(get(TSS_B, 2) == 0x99);
}

static void test_iret(void)
{
	setup(SEL_B, EMUL_TASK_IRET);
	m.c.rflags |= NT;
	put_desc(SEL_B, tss_desc(TSS_B, 0x67, 11));
	CHECK(run() == EMUL_OK);
	saved_old(0x46);
	loaded_b(0x246);
	CHECK(!busy(SEL_A) && busy(SEL_B));
}

static void test_event(void)
{
	setup(SEL_B, EMUL_TASK_EVENT);
	t.external = true;
	t.has_error = true;
	t.error = 0x1230;
	put(TSS_B + 0x38, 4, 0x2000);
	CHECK(run() == EMUL_OK);
	CHECK(m.c.regs[EMUL_RSP] == 0x1ffc && get(0x1ffc, 4) == 0x1230);
	CHECK((m.c.rflags & NT) && get(TSS_B, 2) == SEL_A);
}

/* To a task of 16 bits, with its error code of 16 bits, and back. */
static void test_16(void)
{
	setup(SEL_C, EMUL_TASK_EVENT);
	t.has_error = true;
	t.error = 0x1230;
	CHECK(run() == EMUL_OK);
	saved_old(0x46);
	CHECK(m.c.rip == 0x4321 && m.c.rflags == (0x3202 | NT));
	CHECK((u16)m.c.regs[EMUL_RAX] == 0x7000);
	CHECK((u16)m.c.regs[EMUL_RSP] == 0x7002 && get(0x7002, 2) == 0x1230);
	CHECK(m.seg[EMUL_FS].unusable && !m.seg[EMUL_DS].unusable);
	CHECK(m.seg[EMUL_LDTR].unusable && m.seg[EMUL_TR].type == 3);
	CHECK(m.cr[3] == 0 && get(TSS_C, 2) == SEL_A);
	t = (struct emul_task){
		.selector = SEL_A, .source = EMUL_TASK_IRET, .soft_vector = -1,
		.rip = 0x4444,
	};
	put(TSS_A + 0x60, 2, 0);
	CHECK(run() == EMUL_OK);
	CHECK(get(TSS_C + 0x0e, 2) == 0x4444);
	CHECK(get(TSS_C + 0x10, 2) == 0x3202);
	CHECK(get(TSS_C + 0x24, 2) == SEL_CODE && !busy(SEL_C));
	CHECK(m.c.rip == 0x8005 && m.c.regs[EMUL_RDI] == 0x1007);
}

static void test_user(void)
{
	setup(SEL_B, EMUL_TASK_JMP);
	fill_32(TSS_B, true);
	CHECK(run() == EMUL_OK);
	CHECK(m.c.cpl == 3 && m.seg[EMUL_SS].dpl == 3);
	CHECK(m.seg[EMUL_CS].selector == SEL_UCODE);
	/* ring 3 code with a stack of ring 0 */
	setup(SEL_B, EMUL_TASK_JMP);
	fill_32(TSS_B, true);
	put(TSS_B + 0x50, 2, SEL_DATA);
	CHECK(raised(run(), 10, SEL_DATA));
	CHECK(m.c.rip == 0x1234 && (m.c.dirty & EMUL_DIRTY_RIP));
	CHECK(m.seg[EMUL_TR].selector == SEL_B);
}

static void test_vm86(void)
{
	setup(SEL_B, EMUL_TASK_JMP);
	put(TSS_B + 0x24, 4, 0x23202);
	put(TSS_B + 0x4c, 2, 0x1000);
	CHECK(run() == EMUL_OK);
	CHECK(m.c.cpl == 3 && m.seg[EMUL_CS].base == 0x10000);
	CHECK(m.seg[EMUL_CS].limit == 0xffff && m.seg[EMUL_SS].dpl == 3);
}

static void test_trap(void)
{
	setup(SEL_B, EMUL_TASK_JMP);
	put(TSS_B + 0x64, 2, 1);
	CHECK(run() == EMUL_OK && trap);
	setup(SEL_C, EMUL_TASK_JMP);
	CHECK(run() == EMUL_OK && !trap);
}

/* Faults of the old task leave everything as it was. */
static void test_refused(void)
{
	setup(SEL_B | 4, EMUL_TASK_JMP);
	CHECK(raised(run(), 13, SEL_B | 4) && !m.c.dirty);
	setup(0, EMUL_TASK_IRET);
	CHECK(raised(run(), 10, 0));
	setup(0x80, EMUL_TASK_EVENT);
	t.external = true;
	CHECK(raised(run(), 13, 0x81));
	setup(SEL_A, EMUL_TASK_CALL);
	CHECK(raised(run(), 13, SEL_A));
	setup(SEL_B, EMUL_TASK_IRET);
	CHECK(raised(run(), 10, SEL_B));
	setup(SEL_B, EMUL_TASK_CALL);
	put_desc(SEL_B, tss_desc(TSS_B, 0x67, 9) & ~(1ull << 47));
	CHECK(raised(run(), 11, SEL_B));
	setup(SEL_B, EMUL_TASK_CALL);
	put_desc(SEL_B, tss_desc(TSS_B, 0x66, 9));
	CHECK(raised(run(), 10, SEL_B) && !busy(SEL_B));
	setup(SEL_C, EMUL_TASK_CALL);
	put_desc(SEL_C, tss_desc(TSS_C, 0x2a, 1));
	CHECK(raised(run(), 10, SEL_C));
	setup(SEL_B, EMUL_TASK_CALL);
	put_desc(SEL_B, tss_desc(MACHINE_ABSENT, 0x67, 9));
	CHECK(raised(run(), 14, 0) && !m.c.dirty && !get(TSS_A + 0x20, 4));
	setup(SEL_B, EMUL_TASK_EVENT);
	m.c.cpl = 3;
	t.soft_vector = 3;
	put(0x4000 + 8 * 3, 8, 0x0000850000380000);
	CHECK(raised(run(), 13, 8 * 3 + 2));
	put(0x4000 + 8 * 3, 8, 0x0000e50000380000);
	CHECK(run() == EMUL_OK);
	setup(SEL_B, EMUL_TASK_JMP);
	m.c.efer = 0x500;
	CHECK(run() == EMUL_UNHANDLED);
}

/* One field of the new TSS at a time is bad. */
static void test_new_faults(void)
{
	static const struct {
		u8 at, vector;
		u16 val, error;
	} bad[] = {
		{ 0x60, 10, SEL_DATA, SEL_DATA },	/* LDT */
		{ 0x60, 10, 0x70, 0x70 },
		{ 0x4c, 10, 0, 0 },			/* CS */
		{ 0x4c, 10, SEL_DATA, SEL_DATA },
		{ 0x4c, 10, SEL_CODE | 1, SEL_CODE },
		{ 0x50, 10, 0, 0 },			/* SS */
		{ 0x50, 10, SEL_CODE, SEL_CODE },
		{ 0x54, 10, SEL_A, SEL_A },		/* DS */
		{ 0x5c, 10, 0x78 | 4, 0x78 | 4 },	/* GS */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		setup(SEL_B, EMUL_TASK_EVENT);
		t.external = true;
		put(TSS_B + bad[i].at, 2, bad[i].val);
		CHECK(raised(run(), bad[i].vector, bad[i].error | 1));
		CHECK(m.c.rip == 0x1234 && m.seg[EMUL_TR].selector == SEL_B);
		CHECK(busy(SEL_B));
	}
	setup(SEL_B, EMUL_TASK_JMP);
	put_desc(SEL_DATA, 0x00cf13000000ffff);
	CHECK(raised(run(), 12, SEL_DATA));
	setup(SEL_B, EMUL_TASK_JMP);
	put_desc(SEL_CODE, 0x00cf1b000000ffff);
	CHECK(raised(run(), 11, SEL_CODE));
	setup(SEL_B, EMUL_TASK_JMP);
	put_desc(SEL_CODE, 0x00409b0000000fff);
	CHECK(raised(run(), 13, 0));
	setup(SEL_B, EMUL_TASK_EVENT);
	t.has_error = true;
	put(TSS_B + 0x38, 4, MACHINE_ABSENT + 0x100);
	CHECK(raised(run(), 14, 2));
}

static bool run_test(void (*test)(void))
{
	good = true;
	test();
	return good;
}

void emulate_test_tasks(void)
{
	tap_result(run_test(test_call), "task switch by CALL");
	tap_result(run_test(test_jmp), "task switch by JMP");
	tap_result(run_test(test_iret), "task switch by IRET");
	tap_result(run_test(test_event), "task switch by an event with an error code");
	tap_result(run_test(test_16), "to a 16-bit task and back");
	tap_result(run_test(test_user), "to a task of ring 3");
	tap_result(run_test(test_vm86), "to a task in VM86");
	tap_result(run_test(test_trap), "the T bit");
	tap_result(run_test(test_refused), "faults before a task switch");
	tap_result(run_test(test_new_faults), "faults in the new task");
}
