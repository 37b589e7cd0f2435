// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ioctls of a vCPU but KVM_RUN, and how their arguments are made.  State is
 * what the guest starts with, changed here and there: what is random from end
 * to end is refused by the first check.
 */
#include <linux/xkvm.h>
#include <string.h>

#include "fuzz.h"
#include "xen.h"

#define LEN(a)		(sizeof(a) / sizeof((a)[0]))
#define MSRS		24

static void fill_regs(struct rng *r, void *arg)
{
	struct kvm_regs *g = arg;

	*g = world.regs;
	g->rdi = rnd(r);
	if (rnd_one_in(r, 4))
		g->rip = rnd_one_in(r, 2) ? rnd_gpa(r) : rnd_edge(r);
	if (rnd_one_in(r, 4))
		g->rflags = rnd_one_in(r, 2) ? rnd_edge(r) :
			    0x202 | rnd_below(r, 2) << 8;
	if (rnd_one_in(r, 4))
		g->rsp = rnd_gpa(r);
}

static void change_segment(struct rng *r, struct kvm_segment *s)
{
	s->type = rnd_below(r, 16);
	s->s = rnd_below(r, 2);
	s->present = rnd_below(r, 2);
	s->dpl = rnd_below(r, 4);
	s->db = rnd_below(r, 2);
	s->l = rnd_below(r, 2);
	s->g = rnd_below(r, 2);
	s->unusable = rnd_below(r, 2);
	s->limit = rnd_edge(r);
	s->base = rnd_edge(r);
	s->selector = rnd_edge(r);
}

/* To real mode, where a guest may as well start. */
static void real_mode(struct kvm_sregs *s)
{
	s->cr0 = 0x10;
	s->cr4 = 0;
	s->efer = 0;
	s->cs.l = 0;
	s->cs.db = 0;
	s->cs.g = 0;
	s->cs.limit = 0xffff;
	s->cs.base = s->cs.selector = 0;
}

/* The eight segments come first. */
static void fill_sregs(struct rng *r, void *arg)
{
	struct kvm_sregs *s = arg;

	*s = world.sregs;
	if (rnd_one_in(r, 5))
		real_mode(s);
	if (rnd_one_in(r, 5))
		s->cr0 ^= 1ull << rnd_below(r, 33);
	if (rnd_one_in(r, 5))
		s->cr4 ^= 1ull << rnd_below(r, 33);
	if (rnd_one_in(r, 5))
		s->efer ^= 1ull << rnd_below(r, 16);
	if (rnd_one_in(r, 5))
		s->cr3 = rnd_gpa(r);
	if (rnd_one_in(r, 5))
		change_segment(r, (struct kvm_segment *)arg + rnd_below(r, 8));
	if (rnd_one_in(r, 5))
		s->apic_base = rnd_one_in(r, 3) ? rnd_edge(r) :
			       GUEST_APIC | rnd_below(r, 16) << 8;
	if (rnd_one_in(r, 8))
		s->cr8 = rnd_edge(r);
	if (rnd_one_in(r, 8))
		s->interrupt_bitmap[rnd_below(r, 4)] = rnd_edge(r);
}

static void fill_fpu(struct rng *r, void *arg)
{
	struct kvm_fpu *f = arg;

	rnd_bytes(r, f, sizeof(*f));
	f->mxcsr = rnd_one_in(r, 2) ? 0x1f80 : rnd_edge(r);
}

/* XSTATE_BV and what follows it decide; XCOMP_BV and the rest must be zero. */
static void fill_xsave(struct rng *r, void *arg)
{
	uint64_t bv = rnd_one_in(r, 4) ? rnd_edge(r) : rnd_below(r, 8);
	uint8_t *x = arg;

	memset(x, 0, 4096);
	rnd_bytes(r, x, 24);
	*(uint32_t *)(x + 24) = rnd_one_in(r, 4) ? rnd_edge(r) : 0x1f80;
	rnd_bytes(r, x + 32, 128);
	memcpy(x + 512, &bv, 8);
	if (rnd_one_in(r, 6))
		rnd_bytes(r, x + 520, 8);
	if (rnd_one_in(r, 6))
		rnd_bytes(r, x + 528 + rnd_below(r, 48), 1);
}

static void fill_xcrs(struct rng *r, void *arg)
{
	struct kvm_xcrs *x = arg;

	memset(x, 0, sizeof(*x));
	x->nr_xcrs = rnd_one_in(r, 6) ? rnd_edge(r) : rnd_below(r, 3);
	x->flags = rnd_one_in(r, 8);
	for (int i = 0; i < 2; i++) {
		x->xcrs[i].xcr = rnd_one_in(r, 4);
		x->xcrs[i].value = rnd_one_in(r, 3) ? rnd_edge(r) :
				   rnd_below(r, 256);
	}
}

static void fill_events(struct rng *r, void *arg)
{
	struct kvm_vcpu_events *e = arg;

	memset(e, 0, sizeof(*e));
	e->exception.injected = rnd_one_in(r, 4);
	e->exception.nr = rnd_below(r, 34);
	e->exception.has_error_code = rnd_below(r, 2);
	e->exception.pending = rnd_one_in(r, 4);
	e->exception.error_code = rnd_edge(r);
	e->exception_has_payload = rnd_below(r, 2);
	e->exception_payload = rnd_edge(r);
	e->interrupt.injected = rnd_one_in(r, 4);
	e->interrupt.nr = rnd(r);
	e->interrupt.soft = rnd_one_in(r, 4);
	e->interrupt.shadow = rnd_below(r, 4);
	e->nmi.injected = rnd_one_in(r, 4);
	e->nmi.pending = rnd_one_in(r, 4);
	e->nmi.masked = rnd_one_in(r, 4);
	e->sipi_vector = rnd_edge(r);
	e->triple_fault.pending = rnd_one_in(r, 8);
	e->flags = rnd_one_in(r, 8) ? rnd_edge(r) : rnd_below(r, 64) & ~8u;
}

static void fill_debugregs(struct rng *r, void *arg)
{
	struct kvm_debugregs *d = arg;

	memset(d, 0, sizeof(*d));
	for (int i = 0; i < 4; i++)
		d->db[i] = rnd_one_in(r, 2) ? rnd_edge(r) : rnd_gpa(r);
	d->dr6 = rnd_edge(r);
	d->dr7 = rnd_one_in(r, 2) ? rnd_edge(r) : rnd(r) & 0xffff0fff;
	d->flags = rnd_one_in(r, 16);
}

static void fill_debug(struct rng *r, void *arg)
{
	static const uint32_t control[] = {
		0, 0, KVM_GUESTDBG_ENABLE,
		KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
		KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
		KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP,
		KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB,
		KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP,
		KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_BLOCKIRQ |
		KVM_GUESTDBG_SINGLESTEP,
	};
	struct kvm_guest_debug *d = arg;

	memset(d, 0, sizeof(*d));
	d->control = rnd_one_in(r, 12) ? rnd_edge(r) : RND_PICK(r, control);
	for (int i = 0; i < 4; i++)
		d->arch.debugreg[i] = rnd_gpa(r);
	d->arch.debugreg[7] = rnd_one_in(r, 2) ? rnd_edge(r) :
			      rnd(r) & 0xffff0fff;
}

static void fill_mp_state(struct rng *r, void *arg)
{
	((struct kvm_mp_state *)arg)->mp_state =
		rnd_one_in(r, 12) ? rnd_edge(r) : rnd_below(r, 6);
}

/* The registers of 32 bits, 16 bytes apart; most must make sense somehow. */
static void fill_lapic(struct rng *r, void *arg)
{
	static const uint16_t lvt[] = {
		APIC_LVTT, APIC_LVTPC, APIC_LVT0, APIC_LVT1, APIC_LVTERR,
	};
	uint8_t *regs = arg;
	unsigned int i;

#define SET(reg, v) (*(uint32_t *)(regs + (reg)) = (v))
	memset(regs, 0, sizeof(struct kvm_lapic_state));
	SET(APIC_ID, rnd_one_in(r, 4) ? rnd_edge(r) : rnd_below(r, 4) << 24);
	SET(APIC_VER, 0x50014);
	SET(APIC_SVR, rnd_one_in(r, 3) ? rnd_edge(r) : 0x1ff);
	SET(APIC_LDR, rnd_edge(r));
	SET(APIC_DFR, rnd_one_in(r, 2) ? ~0u : rnd_edge(r));
	SET(APIC_TPR, rnd_one_in(r, 2) ? 0 : rnd_edge(r));
	for (i = 0; i < LEN(lvt); i++)
		SET(lvt[i], rnd_one_in(r, 2) ? 0x10000 :
		    rnd_below(r, 256) | rnd_below(r, 8) << 8 |
		    rnd_below(r, 4) << 17);
	SET(APIC_TMICT, rnd_one_in(r, 2) ? 0 : rnd_edge(r));
	SET(APIC_TMCCT, rnd_one_in(r, 2) ? 0 : rnd_edge(r));
	SET(APIC_TDCR, rnd_below(r, 16));
	for (i = rnd_below(r, 6); i; i--)
		SET(APIC_ISR + rnd_below(r, 24) * 16, rnd_edge(r));
	if (rnd_one_in(r, 8))
		SET(rnd_below(r, 64) * 16, rnd_edge(r));
#undef SET
}

static void fill_msrs(struct rng *r, void *arg)
{
	struct kvm_msrs *m = arg;

	m->nmsrs = rnd_one_in(r, 24) ? rnd_edge(r) : rnd_below(r, MSRS);
	m->pad = 0;
	for (int i = 0; i < MSRS; i++) {
		m->entries[i].index = rnd_msr(r);
		m->entries[i].reserved = 0;
		m->entries[i].data = rnd_one_in(r, 3) ? rnd_gpa(r) : rnd_edge(r);
	}
}

static void fill_cpuid(struct rng *r, void *arg)
{
	struct kvm_cpuid2 *c = arg;

	memcpy(c, world.cpuid, sizeof(*c) +
	       world.cpuid->nent * sizeof(c->entries[0]));
	for (unsigned int n = rnd_below(r, 4); n; n--) {
		struct kvm_cpuid_entry2 *e;

		e = &c->entries[rnd_below(r, world.cpuid->nent)];
		(&e->eax)[rnd_below(r, 4)] ^= rnd_one_in(r, 2) ?
			1u << rnd_below(r, 32) : (uint32_t)rnd_edge(r);
	}
	if (rnd_one_in(r, 8))
		c->nent = rnd_one_in(r, 2) ? rnd_edge(r) :
			  rnd_below(r, world.cpuid->nent);
}

static void fill_interrupt(struct rng *r, void *arg)
{
	((struct kvm_interrupt *)arg)->irq = rnd_one_in(r, 8) ? rnd_edge(r) :
					     rnd_below(r, 256);
}

static void fill_translation(struct rng *r, void *arg)
{
	((struct kvm_translation *)arg)->linear_address =
		rnd_one_in(r, 3) ? rnd_edge(r) : rnd_gpa(r);
}

static void fill_edge64(struct rng *r, void *arg)
{
	uint64_t v = rnd_edge(r);

	memcpy(arg, &v, sizeof(v));
}

static void fill_mce_cap(struct rng *r, void *arg)
{
	uint64_t v = rnd_one_in(r, 3) ? rnd_edge(r) :
		     rnd_below(r, 40) | rnd_below(r, 32) << 8;

	memcpy(arg, &v, sizeof(v));
}

static void fill_mce(struct rng *r, void *arg)
{
	struct kvm_x86_mce *m = arg;

	memset(m, 0, sizeof(*m));
	m->status = rnd_edge(r) | (uint64_t)rnd_below(r, 32) << 59;
	m->mcg_status = rnd_below(r, 8);
	m->addr = rnd_edge(r);
	m->bank = rnd_one_in(r, 8) ? rnd_edge(r) : rnd_below(r, 34);
}

static void fill_vcpu_attr(struct rng *r, void *arg)
{
	struct kvm_device_attr *a = arg;

	*a = (struct kvm_device_attr){
		.flags = rnd_one_in(r, 8), .group = rnd_one_in(r, 6),
		.attr = rnd_one_in(r, 6), .addr = rnd_hva(r) & ~7ull,
	};
}

/* SIGUSR1 ends runs that wait: it is never blocked. */
static void fill_sigmask(struct rng *r, void *arg)
{
	struct kvm_signal_mask *m = arg;
	uint64_t set = rnd(r) & ~(1ull << 9);

	m->len = rnd_one_in(r, 6) ? rnd_edge(r) : 8;
	memcpy((uint8_t *)arg + sizeof(*m), &set, sizeof(set));
}

static void guard_sigmask(void *arg)
{
	((uint8_t *)arg)[sizeof(struct kvm_signal_mask) + 1] &= ~2;
}

static void fill_vcpu_cap(struct rng *r, void *arg)
{
	struct kvm_enable_cap *c = arg;

	memset(c, 0, sizeof(*c));
	c->cap = rnd_below(r, 256);
	c->args[0] = rnd_edge(r);
}

static uint64_t rnd_xen_gpa(struct rng *r)
{
	static const uint64_t place[] = {
		XEN_VCPU_INFO, XEN_RUNSTATE, XEN_RUNSTATE + 0xff0, XEN_TIME_INFO,
		XEN_RUNSTATE + 0xfe0, 0x3ffff0, ~0ull, FUZZ_LOW_SIZE - 0x20,
	};

	if (rnd_one_in(r, 3))
		return rnd_gpa(r) & ~7ull;
	return RND_PICK(r, place) + rnd_below(r, 4) * 64;
}

static void fill_runstate(struct rng *r, struct kvm_xen_vcpu_attr *a)
{
	a->u.runstate.state = rnd_one_in(r, 6) ? rnd_edge(r) : rnd_below(r, 4);
	a->u.runstate.time_running = rnd_one_in(r, 3) ? rnd_edge(r) : 100;
	a->u.runstate.time_runnable = 100;
	a->u.runstate.time_blocked = rnd_one_in(r, 3) ? rnd_edge(r) : 100;
	a->u.runstate.state_entry_time = rnd_one_in(r, 3) ? rnd_edge(r) :
		a->u.runstate.time_running + a->u.runstate.time_runnable +
		a->u.runstate.time_blocked;
}

static void fill_xen_attr(struct rng *r, void *arg)
{
	struct kvm_xen_vcpu_attr *a = arg;

	memset(a, 0, sizeof(*a));
	a->type = rnd_one_in(r, 10) ? XKVM_XEN_VCPU_ATTR_TYPE_PERIODIC_TIMER :
		  rnd_below(r, 11);
	switch (a->type) {
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO:
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_TIME_INFO:
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR:
		a->u.gpa = rnd_xen_gpa(r);
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA:
		a->u.gpa = rnd_hva(r) & ~7ull;
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_CURRENT:
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_DATA:
	case KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADJUST:
		fill_runstate(r, a);
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_VCPU_ID:
		a->u.vcpu_id = rnd_one_in(r, 4) ? rnd_edge(r) : rnd_below(r, 4);
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_TIMER:
		a->u.timer.port = rnd_one_in(r, 6) ? rnd_edge(r) :
				  rnd_below(r, 8);
		a->u.timer.expires_ns = rnd_one_in(r, 2) ? rnd_edge(r) :
					rnd_below(r, 1u << 30);
		break;
	case KVM_XEN_VCPU_ATTR_TYPE_UPCALL_VECTOR:
		a->u.vector = rnd_one_in(r, 3) ? rnd(r) : XEN_VECTOR;
		break;
	default:
		a->u.pad[0] = rnd_one_in(r, 2) ? rnd_edge(r) : 1000000;
		a->u.pad[1] = rnd_edge(r);
	}
}

static unsigned long number_khz(struct rng *r)
{
	return rnd_one_in(r, 2) ? rnd_edge(r) : 50000 + rnd_below(r, 200000);
}

static void keep_stats(struct fuzz_step *s, long fd)
{
	world_keep(&s->vm->stats, fd);
}

#define OP(w, nr, ...)							\
	{ .name = #nr, .weight = w, .on = ON_VCPU, .cmd = nr, __VA_ARGS__ }
#define STRUCT(type, fn)	.size = sizeof(struct type), .fill = fn
#define ROOM(type, nr, entry)	.size = sizeof(struct type) +		\
					(nr) * sizeof(struct entry)

const struct fuzz_op fuzz_vcpu_ops[] = {
	OP(2, KVM_GET_REGS, .size = sizeof(struct kvm_regs)),
	OP(12, KVM_SET_REGS, STRUCT(kvm_regs, fill_regs)),
	OP(2, KVM_GET_SREGS, .size = sizeof(struct kvm_sregs)),
	OP(12, KVM_SET_SREGS, STRUCT(kvm_sregs, fill_sregs)),
	OP(1, KVM_GET_FPU, .size = sizeof(struct kvm_fpu)),
	OP(3, KVM_SET_FPU, STRUCT(kvm_fpu, fill_fpu)),
	OP(1, KVM_GET_XSAVE, .size = sizeof(struct kvm_xsave)),
	OP(1, KVM_GET_XSAVE2, .size = sizeof(struct kvm_xsave)),
	OP(4, KVM_SET_XSAVE, STRUCT(kvm_xsave, fill_xsave)),
	OP(1, KVM_GET_XCRS, .size = sizeof(struct kvm_xcrs)),
	OP(4, KVM_SET_XCRS, STRUCT(kvm_xcrs, fill_xcrs)),
	OP(2, KVM_GET_VCPU_EVENTS, .size = sizeof(struct kvm_vcpu_events)),
	OP(10, KVM_SET_VCPU_EVENTS, STRUCT(kvm_vcpu_events, fill_events)),
	OP(1, KVM_GET_DEBUGREGS, .size = sizeof(struct kvm_debugregs)),
	OP(4, KVM_SET_DEBUGREGS, STRUCT(kvm_debugregs, fill_debugregs)),
	OP(6, KVM_SET_GUEST_DEBUG, STRUCT(kvm_guest_debug, fill_debug)),
	OP(1, KVM_GET_MP_STATE, .size = sizeof(struct kvm_mp_state)),
	OP(6, KVM_SET_MP_STATE, STRUCT(kvm_mp_state, fill_mp_state)),
	OP(2, KVM_GET_LAPIC, .size = sizeof(struct kvm_lapic_state)),
	OP(8, KVM_SET_LAPIC, STRUCT(kvm_lapic_state, fill_lapic)),
	OP(3, KVM_GET_MSRS, ROOM(kvm_msrs, MSRS, kvm_msr_entry),
	   .fill = fill_msrs),
	OP(12, KVM_SET_MSRS, ROOM(kvm_msrs, MSRS, kvm_msr_entry),
	   .fill = fill_msrs),
	OP(1, KVM_SET_CPUID, ROOM(kvm_cpuid2, 64, kvm_cpuid_entry2),
	   .fill = fill_cpuid),
	OP(5, KVM_SET_CPUID2, ROOM(kvm_cpuid2, 64, kvm_cpuid_entry2),
	   .fill = fill_cpuid),
	OP(2, KVM_GET_CPUID2, ROOM(kvm_cpuid2, 64, kvm_cpuid_entry2),
	   .fill = fill_cpuid),
	OP(8, KVM_INTERRUPT, STRUCT(kvm_interrupt, fill_interrupt)),
	OP(6, KVM_NMI, .number = NULL),
	OP(6, KVM_TRANSLATE, STRUCT(kvm_translation, fill_translation)),
	OP(1, KVM_SET_VAPIC_ADDR, .size = 8, .fill = fill_edge64),
	OP(2, KVM_X86_SETUP_MCE, .size = 8, .fill = fill_mce_cap),
	OP(4, KVM_X86_SET_MCE, STRUCT(kvm_x86_mce, fill_mce)),
	OP(1, KVM_HAS_DEVICE_ATTR, STRUCT(kvm_device_attr, fill_vcpu_attr)),
	OP(2, KVM_GET_DEVICE_ATTR, STRUCT(kvm_device_attr, fill_vcpu_attr)),
	OP(3, KVM_SET_DEVICE_ATTR, STRUCT(kvm_device_attr, fill_vcpu_attr)),
	OP(3, KVM_SET_TSC_KHZ, .number = number_khz),
	OP(1, KVM_GET_TSC_KHZ, .number = NULL),
	OP(3, KVM_SET_SIGNAL_MASK, .size = sizeof(struct kvm_signal_mask) + 8,
	   .fill = fill_sigmask, .guard = guard_sigmask),
	OP(1, KVM_ENABLE_CAP, STRUCT(kvm_enable_cap, fill_vcpu_cap)),
	OP(2, KVM_GET_STATS_FD, .keep = keep_stats),
	OP(20, KVM_XEN_VCPU_SET_ATTR, STRUCT(kvm_xen_vcpu_attr, fill_xen_attr)),
	OP(4, KVM_XEN_VCPU_GET_ATTR, STRUCT(kvm_xen_vcpu_attr, fill_xen_attr)),
};
const unsigned int fuzz_nr_vcpu_ops = LEN(fuzz_vcpu_ops);
