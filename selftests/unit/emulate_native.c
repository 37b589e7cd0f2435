// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs random instructions on the CPU and in the emulator, and compares
 * registers, flags, memory, and the exception with its error code.
 *
 * 16-bit and 32-bit code runs in segments of a local descriptor table, so
 * limits and types are the CPU's own too.  An instruction is emulated first
 * and is left out if it would touch anything but the scratch area, its guards
 * and its code.
 */
#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "emulate_native.h"

#define NR_SEGMENTS	64

static struct emul_ctxt ctxt;
static struct native_test test;
static struct native_end on_cpu, emulated;
static struct native_segment segments[NR_SEGMENTS];
static unsigned int nr_segments;

static void native_add_segment(const struct emul_segment *s)
{
	struct native_segment *n = &segments[nr_segments];
	bool code = s->type & 8;

	n->s = *s;
	n->s.selector = nr_segments * 8 + 7;
	n->s.s = 1;
	n->s.present = 1;
	n->for_ds = !code || (s->type & 2);
	n->for_ss = !code && (s->type & 2);
	nr_segments++;
}

/* A data segment whose end, whichever counts, is in the scratch area. */
static void native_random_segment(struct rnd *r)
{
	static const u8 types[] = { 3, 3, 3, 7, 7, 1, 5, 11, 9 };
	u32 inside = NATIVE_SCRATCH + 16 + rnd_below(r, NATIVE_SIZE - 32);
	struct emul_segment s = {
		.type = types[rnd_below(r, sizeof(types))],
		.db = rnd_below(r, 2),
		.base = NATIVE_SCRATCH - rnd_below(r, 0x100),
	};

	if (s.type & 8)
		s.db = 1;
	/* 4 GiB would do: whether accesses wrap there is the CPU's choice. */
	if (rnd_once(r, 4))
		s.limit = 0xffffe000 | 0xfff;
	else if (rnd_once(r, 2))
		s.limit = inside - s.base;
	else
		s.limit = rnd_below(r, 0xffff);
	if ((s.type & 0xc) == 4) {
		s.limit = rnd_below(r, 0xffff);
		s.base = inside - s.limit;
		if (!s.db && rnd_once(r, 3))
			s.base = inside - 0xffff;
	}
	native_add_segment(&s);
}

/* Entries 0 and 1 are code, 32-bit and 16-bit; 2 is not there, for null. */
static bool native_init_segments(struct rnd *r)
{
	struct emul_segment code = {
		.base = NATIVE_CODE, .limit = 0xffff, .type = 11, .db = 1,
	};
	unsigned int i;

	nr_segments = 0;
	native_add_segment(&code);
	code.db = 0;
	native_add_segment(&code);
	segments[2] = (struct native_segment){
		.s.unusable = 1, .for_ds = true,
	};
	nr_segments = 3;
	while (nr_segments < NR_SEGMENTS)
		native_random_segment(r);
	for (i = 0; i < NR_SEGMENTS; i++) {
		if (i != 2 && !gate_set_segment(i, &segments[i].s))
			return false;
	}
	return true;
}

/* --- the emulator on a copy of the same memory --- */

static bool outside;		/* an access that is not to be tried */
static u64 la57;		/* CR4.LA57 */

static int ops_fault(struct emul_ctxt *c, u64 addr, bool write, bool present)
{
	/*
	 * The page below the canonical hole is never mapped, and Linux says
	 * of all above it that they are present.
	 */
	if (addr >> 12 == 0x7ffffffff && !la57)
		present = true;
	else if (addr < NATIVE_GUARD || addr >= NATIVE_GUARD_END)
		outside = true;
	c->exception = (struct emul_exception){
		.vector = 14, .has_error = true, .address = addr,
		.error = 4 | write << 1 | present,
	};
	return EMUL_EXCEPTION;
}

static int ops_prepare(struct emul_ctxt *c, u64 addr, unsigned int len,
		       unsigned int access)
{
	bool write = access & EMUL_ACC_WRITE;
	u64 at = addr - NATIVE_SCRATCH;

	if (at >= NATIVE_SIZE)
		return ops_fault(c, addr, write, false);
	if (at >= NATIVE_RW_SIZE && write)
		return ops_fault(c, addr, write, true);
	return EMUL_OK;
}

static int ops_read(struct emul_ctxt *c, u64 addr, void *buf, unsigned int len,
		    unsigned int access)
{
	int r = ops_prepare(c, addr, len, access);

	if (r == EMUL_OK)
		memcpy(buf, emulated.scratch + (addr - NATIVE_SCRATCH), len);
	return r;
}

static int ops_write(struct emul_ctxt *c, u64 addr, const void *buf,
		     unsigned int len, unsigned int access)
{
	int r = ops_prepare(c, addr, len, EMUL_ACC_WRITE);

	if (r == EMUL_OK)
		memcpy(emulated.scratch + (addr - NATIVE_SCRATCH), buf, len);
	return r;
}

static int ops_fetch(struct emul_ctxt *c, u64 addr, void *buf,
		     unsigned int len)
{
	u64 start = test.width == 64 ? test.rip : NATIVE_CODE + test.rip;
	u8 *out = buf;
	unsigned int i;

	for (i = 0; i < len; i++) {
		out[i] = 0x90;
		if (addr + i - start < test.len)
			out[i] = test.code[addr + i - start];
	}
	return EMUL_OK;
}

static void ops_get_segment(struct emul_ctxt *c, enum emul_seg seg,
			    struct emul_segment *out)
{
	*out = test.seg[seg];
}

static int ops_read_xmm(struct emul_ctxt *c, unsigned int reg, void *buf)
{
	memcpy(buf, emulated.xmm[reg], 16);
	return EMUL_OK;
}

static int ops_write_xmm(struct emul_ctxt *c, unsigned int reg,
			 const void *buf)
{
	memcpy(emulated.xmm[reg], buf, 16);
	return EMUL_OK;
}

/* --- descriptors: those of the local table are known --- */

#define LDT_BASE	0x1000000u	/* only read_system() sees it */

static void ops_get_selector(struct emul_ctxt *c, enum emul_seg seg,
			     struct emul_segment *out)
{
	if (seg < EMUL_NR_SEGS)
		ops_get_segment(c, seg, out);
	else
		*out = (struct emul_segment){
			.base = LDT_BASE, .limit = 8 * NR_SEGMENTS - 1,
		};
}

static int ops_read_system(struct emul_ctxt *c, u64 addr, void *buf,
			   unsigned int len)
{
	unsigned int entry = (addr - LDT_BASE) / 8;
	const struct emul_segment *s = &segments[entry % NR_SEGMENTS].s;
	u64 limit = s->limit > 0xfffff ? s->limit >> 12 : s->limit;
	u64 d = 0;

	if (!s->unusable)
		d = (limit & 0xffff) | (limit & 0xf0000) << 32 |
		    (s->base & 0xffffff) << 16 |
		    (s->base & 0xff000000) << 32 |
		    (u64)(s->type | 1) << 40 | 0xf0ull << 40 |
		    (u64)s->db << 54 | (u64)(s->limit > 0xfffff) << 55;
	memcpy(buf, &d, len);
	return EMUL_OK;
}

/* Linux sets every accessed bit, so nothing is written. */
static int ops_write_system(struct emul_ctxt *c, u64 addr, const void *buf,
			    unsigned int len)
{
	return EMUL_UNHANDLED;
}

static void ops_set_segment(struct emul_ctxt *c, enum emul_seg seg,
			    const struct emul_segment *s)
{
}

static void ops_get_table(struct emul_ctxt *c, enum emul_table table,
			  struct emul_table_reg *out)
{
	*out = (struct emul_table_reg){ 0 };
}

static const struct emul_ops native_ops = {
	.fetch = ops_fetch, .prepare = ops_prepare, .read = ops_read,
	.write = ops_write, .get_segment = ops_get_selector,
	.read_system = ops_read_system, .write_system = ops_write_system,
	.set_segment = ops_set_segment, .get_table = ops_get_table,
	.read_xmm = ops_read_xmm, .write_xmm = ops_write_xmm,
};

/* Five levels of page tables: Linux gives high addresses on request only. */
static u64 native_la57(void)
{
	void *high = mmap((void *)(1ul << 50), 0x1000, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (high == MAP_FAILED)
		return 0;
	munmap(high, 0x1000);
	return (u64)(uintptr_t)high >> 47 ? 1 << 12 : 0;
}

/* The emulator's answer; EMUL_OK or EMUL_EXCEPTION are as they should be. */
static int native_emulate(void)
{
	struct emul_ctxt *c = &ctxt;
	int r;

	c->ops = &native_ops;
	memcpy(c->regs, test.regs, sizeof(test.regs));
	memcpy(emulated.xmm, test.xmm, sizeof(test.xmm));
	memcpy(emulated.scratch, test.scratch, sizeof(test.scratch));
	c->rip = test.rip;
	c->rflags = test.rflags;
	c->cr0 = 0x80050033;
	c->cr4 = 0x6f0 | la57;
	c->efer = 0xd01;
	c->cpl = 3;
	outside = false;
	do
		r = emulate_insn(c);
	while (r == EMUL_RESTART);
	emulated.vector = r == EMUL_EXCEPTION ? c->exception.vector : -1;
	emulated.error = c->exception.error;
	emulated.address = c->exception.address;
	memcpy(emulated.regs, c->regs, sizeof(c->regs));
	emulated.rip = c->rip;
	emulated.rflags = c->rflags;
	return r;
}

/* --- what this CPU has --- */

static bool features[NATIVE_NR_FEATURES];

bool native_has(enum native_feature feature)
{
	return features[feature];
}

/* Whoever reads the log sees which instructions this CPU left out. */
static void native_init_templates(void)
{
	unsigned int a, b, c = 0, d, i;

	__get_cpuid(1, &a, &b, &c, &d);
	features[NATIVE_ALWAYS] = true;
	features[NATIVE_SSE3] = c & bit_SSE3;
	features[NATIVE_MOVBE] = c & bit_MOVBE;
	features[NATIVE_CX16] = c & bit_CMPXCHG16B;
	features[NATIVE_POPCNT] = c & bit_POPCNT;
	features[NATIVE_CRC32] = c & bit_SSE4_2;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
		features[NATIVE_ADX] = b & bit_ADX;
		features[NATIVE_BMI1] = b & bit_BMI;
		features[NATIVE_BMI2] = b & bit_BMI2;
	}
	ctxt.has_tzcnt = features[NATIVE_BMI1];
	c = 0;
	__get_cpuid(0x80000001, &a, &b, &c, &d);
	ctxt.has_lzcnt = c & bit_LZCNT;
	for (i = 0; i < native_templates_nr; i++) {
		if (!native_has(native_templates[i].needs))
			tap_left_out(native_templates[i].name, "not on this CPU");
	}
}

static bool native_same_fault(void)
{
	if (test.any_fault && on_cpu.vector >= 0 && emulated.vector >= 0)
		return true;
	if (on_cpu.vector != emulated.vector)
		return false;
	if (on_cpu.vector >= 12 && on_cpu.error != emulated.error)
		return false;
	return on_cpu.vector != 14 || on_cpu.address == emulated.address;
}

/*
 * A register that REP counts in: with 32-bit addresses, CPUs differ in whether
 * its upper half is cleared where not a single step was complete.
 */
static bool native_same_counter(unsigned int reg)
{
	bool counter = reg == EMUL_RCX || reg == EMUL_RSI || reg == EMUL_RDI;

	return counter && test.repeated && ctxt.insn.adsize == 4 &&
	       on_cpu.regs[reg] == (u32)emulated.regs[reg];
}

static bool native_same_regs(void)
{
	u64 reg_mask = test.width == 64 ? ~0ull : 0xffffffff;
	unsigned int i, nr = test.width == 64 ? 16 : 8;

	if (test.any_regs && on_cpu.vector >= 0)
		return true;
	for (i = 0; i < nr; i++) {
		if ((on_cpu.regs[i] ^ emulated.regs[i]) & reg_mask &&
		    !native_same_counter(i))
			return false;
	}
	return true;
}

/*
 * After a fault the flags are those from before the repeated instruction, or,
 * on some CPUs, those of the last step that was complete.
 */
static bool native_same_step_flags(u64 flag_mask)
{
	struct emul_ctxt *c = &ctxt;
	u64 mask, done;

	if (!test.repeated || on_cpu.vector < 0)
		return false;
	mask = c->insn.adsize == 2 ? 0xffff : c->insn.adsize == 4 ? ~0u : ~0ull;
	done = (test.regs[EMUL_RCX] - on_cpu.regs[EMUL_RCX]) & mask;
	memcpy(c->regs, test.regs, sizeof(test.regs));
	c->regs[EMUL_RCX] = (c->regs[EMUL_RCX] & ~mask) | done;
	c->rip = test.rip;
	c->rflags = test.rflags;
	return done && emulate_insn(c) == EMUL_OK &&
	       !((on_cpu.rflags ^ c->rflags) & flag_mask);
}

static bool native_same_end(void)
{
	u64 flag_mask = 0x40cd5 & ~test.undefined;

	if (on_cpu.rip != emulated.rip || !native_same_fault() ||
	    !native_same_regs())
		return false;
	if ((on_cpu.rflags ^ emulated.rflags) & flag_mask &&
	    !native_same_step_flags(flag_mask))
		return false;
	return !memcmp(on_cpu.xmm, emulated.xmm, sizeof(on_cpu.xmm)) &&
	       (((test.any_fault || test.any_regs) && on_cpu.vector >= 0) ||
		!memcmp(on_cpu.scratch, emulated.scratch, NATIVE_SIZE));
}

static void note_end(const char *who, const struct native_end *e)
{
	char line[512];
	unsigned int i, n = 0;

	for (i = 0; i < 16; i++)
		n += snprintf(line + n, sizeof(line) - n, " %llx",
			      (unsigned long long)e->regs[i]);
	tap_note("%s vector %d error %llx at %llx rip %llx flags %llx regs%s",
		 who, e->vector, (unsigned long long)e->error,
		 (unsigned long long)e->address, (unsigned long long)e->rip,
		 (unsigned long long)e->rflags, line);
	for (i = 0; i < NATIVE_SIZE; i++) {
		if (on_cpu.scratch[i] == emulated.scratch[i])
			continue;
		tap_note("%s has %02x at %lx", who, e->scratch[i],
			 NATIVE_SCRATCH + i);
		break;
	}
}

static void native_note(int answer)
{
	char code[80];
	unsigned int i;

	for (i = 0; i < test.len; i++)
		snprintf(code + 3 * i, 4, "%02x ", test.code[i]);
	tap_note("%s in %u bits: %sanswer %d", test.name, test.width, code,
		 answer);
	note_end("CPU     ", &on_cpu);
	note_end("emulator", &emulated);
}

static void native_prepare(struct rnd *r, unsigned int width)
{
	unsigned int i;
	u64 val;

	memset(&test, 0, sizeof(test));
	test.width = width;
	test.seg[EMUL_CS] = segments[width == 16].s;
	if (width == 64) {
		test.seg[EMUL_CS].selector = 0x33;
		test.seg[EMUL_CS].l = 1;
	}
	for (i = 0; i < NATIVE_RW_SIZE; i += sizeof(val)) {
		val = rnd_next(r);
		memcpy(test.scratch + i, &val, sizeof(val));
	}
	memcpy(test.scratch + i, (void *)(NATIVE_SCRATCH + i),
	       NATIVE_SIZE - NATIVE_RW_SIZE);
	native_random(r, &test, segments + 2, NR_SEGMENTS - 2);
}

static void native_width(struct rnd *r, unsigned int width, unsigned int count)
{
	unsigned int i, failed = 0, faults = 0, left_out = 0;
	int answer;

	for (i = 0; i < count; i++) {
		native_prepare(r, width);
		answer = native_emulate();
		if (outside) {
			left_out++;
			continue;
		}
		gate_run(&test, &on_cpu);
		faults += on_cpu.vector >= 0;
		if ((answer == EMUL_OK || answer == EMUL_EXCEPTION) &&
		    (answer != EMUL_OK || ctxt.insn.len == test.len) &&
		    native_same_end())
			continue;
		if (failed++ < 10)
			native_note(answer);
	}
	tap_result(!failed && left_out < count / 4,
		   "as on the CPU in %u bits: %u (%u faults, %u left out)",
		   width, count, faults, left_out);
}

void emulate_test_native(u64 seed, unsigned int count)
{
	struct rnd r = { .state = seed };
	bool legacy;

	if (!gate_init()) {
		tap_left_out("as on the CPU", "addresses are taken");
		return;
	}
	la57 = native_la57();
	native_init_templates();
	legacy = native_init_segments(&r);
	native_width(&r, 64, count);
	if (legacy) {
		native_width(&r, 32, count);
		native_width(&r, 16, count);
	} else {
		tap_left_out("as on the CPU in 32 bits", "no modify_ldt()");
		tap_left_out("as on the CPU in 16 bits", "no modify_ldt()");
	}
}
