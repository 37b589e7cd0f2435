// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs tables of instructions with fixed expectations on the machine.  The
 * notation is described in emulate_cases.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulate_cases.h"

static struct machine machine, wanted;

/* What a case wants beside the machine's state. */
struct wanted_answer {
	int result;
	struct emul_exception exception;
	const char *io;
	int need, locked, calls;	/* -1: any number */
};

static const char *const reg_names[16] = {
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
};

static unsigned int parse_bytes(const char *text, u8 *out, unsigned int max)
{
	unsigned int n = 0, byte;
	int used;

	while (n < max && sscanf(text, " %2x%n", &byte, &used) == 1) {
		out[n++] = byte;
		text += used;
	}
	return n;
}

/* What a register holds that was loaded with a descriptor. */
static struct emul_segment parse_descriptor(u16 selector, u64 d)
{
	struct emul_segment s = {
		.selector = selector,
		.base = (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000),
		.limit = (d & 0xffff) | (d >> 32 & 0xf0000),
		.type = d >> 40 & 15, .s = d >> 44 & 1, .dpl = d >> 45 & 3,
		.present = d >> 47 & 1, .avl = d >> 52 & 1, .l = d >> 53 & 1,
		.db = d >> 54 & 1, .g = d >> 55 & 1,
	};

	if (s.g)
		s.limit = s.limit << 12 | 0xfff;
	return s;
}

static bool parse_segment(struct machine *m, const char *key, u64 val)
{
	static const char names[] = "escsssdsfsgsldtr";
	struct emul_segment *s;
	const char *field = key + 3;
	unsigned int i;

	for (i = 0; i < EMUL_NR_SELECTORS; i++) {
		if (!strncmp(key, names + 2 * i, 2))
			break;
	}
	if (i == EMUL_NR_SELECTORS || key[2] != '.')
		return false;
	s = &m->seg[i];
	if (!strcmp(field, "base"))
		s->base = val;
	else if (!strcmp(field, "limit"))
		s->limit = val;
	else if (!strcmp(field, "type"))
		s->type = val;
	else if (!strcmp(field, "dpl"))
		s->dpl = val;
	else if (!strcmp(field, "db"))
		s->db = val;
	else if (!strcmp(field, "unusable"))
		s->unusable = val;
	else if (!strcmp(field, "selector"))
		s->selector = val;
	else if (!strcmp(field, "desc"))
		*s = parse_descriptor(s->selector, val);
	else
		return false;
	return true;
}

static u64 *parse_register(struct machine *m, const char *key)
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		if (!strcmp(key, reg_names[i]))
			return &m->c.regs[i];
	}
	if (!strcmp(key, "rip"))
		return &m->c.rip;
	if (!strcmp(key, "fl"))
		return &m->c.rflags;
	if (!strcmp(key, "cr0"))
		return &m->c.cr0;
	if (!strcmp(key, "efer"))
		return &m->c.efer;
	if (!strcmp(key, "gdt.base"))
		return &m->table[EMUL_GDT].base;
	if (!strcmp(key, "idt.base"))
		return &m->table[EMUL_IDT].base;
	return !strcmp(key, "cr4") ? &m->c.cr4 : NULL;
}

static bool parse_memory(struct machine *m, const char *key, const char *val)
{
	long offset = machine_offset(strtoull(key + 1, NULL, 16));
	unsigned int max;

	if (offset < 0)
		return false;
	max = MACHINE_SIZE - offset;
	return parse_bytes(val, m->mem + offset, max) > 0;
}

/* A word that describes the machine. */
static bool parse_state(struct machine *m, const char *key, const char *val)
{
	u64 number = strtoull(val, NULL, 16);
	u64 *reg = parse_register(m, key);

	if (reg)
		*reg = number;
	else if (key[0] == '[')
		return parse_memory(m, key, val);
	else if (key[0] == 'x')
		return parse_bytes(val, m->xmm[strtoul(key + 1, NULL, 16) & 15],
				   16) == 16;
	else if (!strncmp(key, "mm", 2))
		return parse_bytes(val, m->mmx[key[2] & 7], 8) == 8;
	else if (!strcmp(key, "cpl"))
		m->c.cpl = number;
	else if (!strcmp(key, "mf"))
		m->x87_pending = true;
	else if (!strcmp(key, "cnt"))
		m->c.has_tzcnt = m->c.has_lzcnt = true;
	else if (!strcmp(key, "shadow"))
		m->c.mov_ss = true;
	else if (!strcmp(key, "gdt.limit"))
		m->table[EMUL_GDT].limit = number;
	else if (!strcmp(key, "idt.limit"))
		m->table[EMUL_IDT].limit = number;
	else if (!strcmp(key, "io.max"))
		m->io_max = number;
	else if (!strcmp(key, "race"))
		m->lose_race = true;
	else
		return parse_segment(m, key, number);
	return true;
}

static bool parse_exception(struct machine *m, struct wanted_answer *a,
			    const char *key)
{
	static const struct {
		char name[3];
		u8 vector;
		bool has_error;
	} vectors[] = {
		{ "de", 0, false }, { "br", 5, false }, { "ud", 6, false },
		{ "nm", 7, false }, { "ts", 10, true }, { "np", 11, true },
		{ "ss", 12, true }, { "gp", 13, true }, { "pf", 14, true },
		{ "mf", 16, false }, { "ac", 17, true },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		if (strcmp(key, vectors[i].name))
			continue;
		a->result = EMUL_EXCEPTION;
		a->exception.vector = vectors[i].vector;
		a->exception.has_error = vectors[i].has_error &&
			(vectors[i].vector == 14 || (m->c.cr0 & 1));
		return true;
	}
	return false;
}

static bool parse_wanted(struct machine *m, struct wanted_answer *a,
			 const char *key, const char *val)
{
	if (!strcmp(key, "un"))
		a->result = EMUL_UNHANDLED;
	else if (!strcmp(key, "err"))
		a->exception.error = strtoul(val, NULL, 16);
	else if (!strcmp(key, "cr2"))
		a->exception.address = strtoull(val, NULL, 16);
	else if (!strcmp(key, "io"))
		a->io = val;
	else if (!strcmp(key, "need"))
		a->need = strtoul(val, NULL, 16);
	else if (!strcmp(key, "locked"))
		a->locked = strtoul(val, NULL, 16);
	else if (!strcmp(key, "calls"))
		a->calls = strtoul(val, NULL, 16);
	else if (!parse_exception(m, a, key))
		return parse_state(m, key, val);
	return true;
}

/* Go through the words; answer is NULL for in. */
static bool parse_words(struct machine *m, const char *words, char *copy,
			struct wanted_answer *answer)
{
	char *word, *save, *val;
	bool known;

	strcpy(copy, words);
	for (word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		val = strchr(word, '=');
		if (val)
			*val++ = 0;
		else
			val = word + strlen(word);
		known = answer ? parse_wanted(m, answer, word, val)
			       : parse_state(m, word, val);
		if (!known) {
			tap_note("the table has an unknown word %s", word);
			return false;
		}
	}
	return true;
}

static bool same_exception(const struct emul_exception *a,
			   const struct emul_exception *b)
{
	return a->vector == b->vector && a->has_error == b->has_error &&
	       a->error == b->error && a->address == b->address;
}

/* -1 is any number. */
static bool check_count(int want, unsigned int count)
{
	return want < 0 || (unsigned int)want == count;
}

static bool check_answer(const struct wanted_answer *a, int r)
{
	const struct emul_exception *e = &machine.c.exception;
	u8 io[sizeof(machine.out)];
	unsigned int n;

	if (r != a->result) {
		tap_note("answer %d, wanted %d", r, a->result);
		return false;
	}
	if (r == EMUL_EXCEPTION && !same_exception(e, &a->exception)) {
		tap_note("exception %d error %d %x at %llx", e->vector,
			 e->has_error, e->error,
			 (unsigned long long)e->address);
		return false;
	}
	n = parse_bytes(a->io, io, sizeof(io));
	if (n != machine.nr_out || memcmp(io, machine.out, n)) {
		tap_note("%u bytes of port output", machine.nr_out);
		return false;
	}
	if (check_count(a->need, machine.nr_need_io) &&
	    check_count(a->locked, machine.nr_locked) &&
	    check_count(a->calls, machine.nr_calls))
		return true;
	tap_note("%u requests, %u locked writes, %u calls", machine.nr_need_io,
		 machine.nr_locked, machine.nr_calls);
	return false;
}

static bool check_registers(void)
{
	const struct emul_ctxt *c = &machine.c, *w = &wanted.c;
	bool good = true;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		if (c->regs[i] == w->regs[i])
			continue;
		tap_note("%s is %llx, wanted %llx", reg_names[i],
			 (unsigned long long)c->regs[i],
			 (unsigned long long)w->regs[i]);
		good = false;
	}
	if (c->rip != w->rip || c->rflags != w->rflags) {
		tap_note("rip %llx fl %llx, wanted %llx %llx",
			 (unsigned long long)c->rip,
			 (unsigned long long)c->rflags,
			 (unsigned long long)w->rip,
			 (unsigned long long)w->rflags);
		good = false;
	}
	if (memcmp(machine.xmm, wanted.xmm, sizeof(wanted.xmm)) ||
	    memcmp(machine.mmx, wanted.mmx, sizeof(wanted.mmx))) {
		tap_note("XMM or MMX registers differ");
		good = false;
	}
	if (c->cr0 != w->cr0 || c->mov_ss != w->mov_ss) {
		tap_note("CR0 or the MOV SS shadow differ");
		good = false;
	}
	return good;
}

static bool check_segments(void)
{
	const struct emul_segment *s = machine.seg, *w = wanted.seg;
	unsigned int i;

	for (i = 0; i < EMUL_NR_SELECTORS; i++, s++, w++) {
		if (s->selector == w->selector && s->base == w->base &&
		    s->limit == w->limit && s->type == w->type &&
		    s->dpl == w->dpl && s->s == w->s &&
		    s->present == w->present && s->l == w->l &&
		    s->db == w->db && s->unusable == w->unusable)
			continue;
		tap_note("segment %u: %x base %llx limit %x type %x dpl %d unusable %d",
			 i, s->selector, (unsigned long long)s->base, s->limit,
			 s->type, s->dpl, s->unusable);
		return false;
	}
	if (machine.table[0].base == wanted.table[0].base &&
	    machine.table[0].limit == wanted.table[0].limit &&
	    machine.table[1].base == wanted.table[1].base &&
	    machine.table[1].limit == wanted.table[1].limit)
		return true;
	tap_note("descriptor table registers differ");
	return false;
}

static bool check_memory(void)
{
	unsigned int i;

	for (i = 0; i < MACHINE_SIZE; i++) {
		if (machine.mem[i] != wanted.mem[i]) {
			tap_note("memory at %x is %02x, wanted %02x", i,
				 machine.mem[i], wanted.mem[i]);
			return false;
		}
	}
	return true;
}

static bool run_case(const struct emulate_case *t)
{
	struct wanted_answer answer = { .io = "", .need = -1, .locked = -1,
					.calls = -1 };
	char in[512], out[512];
	bool good;
	u8 code[32];
	unsigned int len = parse_bytes(t->code, code, sizeof(code));
	int r;

	machine_init(&machine, t->mode);
	if (!parse_words(&machine, t->in, in, NULL))
		return false;
	machine_load(&machine, code, len);
	wanted = machine;
	if (!parse_words(&wanted, t->out, out, &answer))
		return false;
	if (answer.result == EMUL_OK && wanted.c.rip == machine.c.rip)
		wanted.c.rip += len;
	r = machine_run(&machine);
	if (machine.broken)
		tap_note("rule broken: %s", machine.broken);
	good = !machine.broken;
	good &= check_answer(&answer, r);
	good &= check_registers();
	good &= check_segments();
	good &= check_memory();
	if (!good)
		tap_note("failed: mode %d: %s [%s] %s -> %s", t->mode, t->text,
			 t->code, t->in, t->out);
	return good;
}

static void run_tables(const struct emulate_cases *tables, unsigned int nr)
{
	unsigned int i, j, failed;

	for (i = 0; i < nr; i++) {
		failed = 0;
		for (j = 0; j < tables[i].nr; j++)
			failed += !run_case(&tables[i].cases[j]);
		tap_result(!failed, "%s: %u instructions", tables[i].name,
			   tables[i].nr);
	}
}

void emulate_test_cases(void)
{
	run_tables(emulate_cases_legacy, emulate_cases_legacy_nr);
	run_tables(emulate_cases_64, emulate_cases_64_nr);
	run_tables(emulate_cases_system, emulate_cases_system_nr);
}
