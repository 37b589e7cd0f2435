// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 of a VM: owns struct pit_timer.
 *
 * t->lock guards the counters; vCPUs in their port accesses and ioctls take
 * it.  The tick runs in hard interrupt context on whatever CPU and takes only
 * the interrupt controllers' lock: what it reads is changed while the hrtimer
 * is stopped, or with atomics.
 */
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../iobus.h"
#include "../routing.h"
#include "lapic.h"
#include "pit.h"
#include "pit_timer.h"
#include "x86.h"

#define PIT_PORT		0x40
#define SPEAKER_PORT		0x61

#define SPEAKER_GATE		0x01
#define SPEAKER_DATA		0x02
#define SPEAKER_REFRESH_SHIFT	4
#define SPEAKER_OUT_SHIFT	5

/* A periodic timer is not let go faster: each period interrupts the host. */
#define PIT_MIN_PERIOD_NS	100000ull

/* Ticks that are kept for a guest that takes none. */
#define PIT_MAX_PENDING		(1 << 20)

#define PIT_GSI			0

#define PIT_STATE_FLAGS		(KVM_PIT_FLAGS_HPET_LEGACY | \
				 KVM_PIT_FLAGS_SPEAKER_DATA_ON)

struct pit_timer {
	struct vm *vm;
	spinlock_t lock;
	struct pit pit;			/* lock */
	u32 flags;			/* lock; KVM_PIT_FLAGS_* */
	struct hrtimer timer;
	u64 period;			/* ns; 0: one shot */
	s64 due;			/* clock_ns() at the next tick */
	bool reinject;
	atomic_t pending;		/* ticks not ended yet */
	atomic_t ready;			/* the last one is */
	struct iobus_dev ports, speaker;
};

/* --- ticks --- */

/*
 * KVM's virtual wire mode: a tick goes to every LINT0 that delivers NMIs, which
 * is how old kernels make a watchdog of it.
 */
static void pit_timer_watchdog(struct vm *vm)
{
	struct vcpu *v;
	unsigned int i;

	vm_for_each_vcpu(i, v, vm) {
		u32 lvt0;

		if (!v->arch.lapic)
			continue;
		lvt0 = lapic_reg_get(v->arch.lapic->regs, LAPIC_LVT0);
		if ((lvt0 & LAPIC_LVT_MODE) >> 8 == LAPIC_DM_NMI)
			lapic_deliver_lvt(v, LAPIC_LVT0);
	}
}

static void pit_timer_inject(struct pit_timer *t)
{
	struct irq_line line = {
		.gsi = PIT_GSI, .source = IRQ_LINE_TIMER, .level = true,
	};

	routing_set_irq_atomic(t->vm, &line);
	line.level = false;
	routing_set_irq_atomic(t->vm, &line);
	if (unlikely(READ_ONCE(t->vm->arch.lvt0_nmi)))
		pit_timer_watchdog(t->vm);
}

static enum hrtimer_restart pit_timer_fn(struct hrtimer *timer)
{
	struct pit_timer *t = container_of(timer, struct pit_timer, timer);
	s64 late = clock_ns() - t->due;
	u64 ticks = 1;

	/* early: the host's clock has another rate than the guest's */
	if (late < 0)
		goto out;
	if (t->period) {
		ticks += div64_u64(late, t->period);
		t->due += ticks * t->period;
	}
	if (READ_ONCE(t->reinject)) {
		if (atomic_read(&t->pending) < PIT_MAX_PENDING)
			atomic_add(min_t(u64, ticks, PIT_MAX_PENDING),
				   &t->pending);
		if (!atomic_xchg(&t->ready, 0))
			goto out;
	}
	pit_timer_inject(t);
out:
	if (!t->period && late >= 0)
		return HRTIMER_NORESTART;
	hrtimer_set_expires(timer, clock_ktime(t->due));
	return HRTIMER_RESTART;
}

void pit_timer_ack(struct pit_timer *t)
{
	if (!READ_ONCE(t->reinject))
		return;
	atomic_set(&t->ready, 1);
	if (atomic_dec_if_positive(&t->pending) > 0 &&
	    atomic_xchg(&t->ready, 0))
		pit_timer_inject(t);
}

static void pit_timer_forget(struct pit_timer *t)
{
	atomic_set(&t->pending, 0);
	atomic_set(&t->ready, 1);
}

void pit_timer_unmasked(struct pit_timer *t)
{
	/* what came while it was masked is lost, and ended by nobody */
	pit_timer_forget(t);
}

void pit_timer_set_reinject(struct pit_timer *t, bool reinject)
{
	spin_lock(&t->lock);
	if (t->reinject != reinject) {
		pit_timer_forget(t);
		WRITE_ONCE(t->reinject, reinject);
	}
	spin_unlock(&t->lock);
}

/* Counter 0 was loaded, or need not tick: the lock is held. */
static void pit_timer_rearm(struct pit_timer *t)
{
	bool periodic;
	u64 ns;

	lockdep_assert_held(&t->lock);
	t->pit.loaded = 0;
	hrtimer_cancel(&t->timer);
	if (t->flags & KVM_PIT_FLAGS_HPET_LEGACY)
		return;
	ns = pit_period(&t->pit, 0, &periodic);
	if (!ns)
		return;
	if (periodic)
		ns = max(ns, PIT_MIN_PERIOD_NS);
	t->period = periodic ? ns : 0;
	pit_timer_forget(t);
	t->due = clock_ns() + ns;
	hrtimer_start(&t->timer, clock_ktime(t->due), HRTIMER_MODE_ABS_HARD);
}

/* --- ports --- */

static int pit_ports_read(struct iobus_dev *dev, gpa_t addr, unsigned int len,
			  void *val)
{
	struct pit_timer *t = container_of(dev, struct pit_timer, ports);

	memset(val, 0, len);
	spin_lock(&t->lock);
	*(u8 *)val = pit_read(&t->pit, addr - PIT_PORT, clock_ns());
	spin_unlock(&t->lock);
	return 0;
}

static int pit_ports_write(struct iobus_dev *dev, gpa_t addr, unsigned int len,
			   u64 val)
{
	struct pit_timer *t = container_of(dev, struct pit_timer, ports);

	spin_lock(&t->lock);
	pit_write(&t->pit, addr - PIT_PORT, val, clock_ns());
	if (t->pit.loaded & 1)
		pit_timer_rearm(t);
	spin_unlock(&t->lock);
	return 0;
}

static const struct iobus_ops pit_ports_ops = {
	.read	= pit_ports_read,
	.write	= pit_ports_write,
};

static int pit_speaker_read(struct iobus_dev *dev, gpa_t addr,
			    unsigned int len, void *val)
{
	struct pit_timer *t = container_of(dev, struct pit_timer, speaker);
	u64 now = clock_ns();
	u8 bits;

	memset(val, 0, len);
	spin_lock(&t->lock);
	bits = pit_gate(&t->pit, 2) ? SPEAKER_GATE : 0;
	if (t->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON)
		bits |= SPEAKER_DATA;
	bits |= pit_out(&t->pit, 2, now) << SPEAKER_OUT_SHIFT;
	spin_unlock(&t->lock);
	/* the memory refresh: about 15 us for each change */
	bits |= (now >> 14 & 1) << SPEAKER_REFRESH_SHIFT;
	*(u8 *)val = bits;
	return 0;
}

static int pit_speaker_write(struct iobus_dev *dev, gpa_t addr,
			     unsigned int len, u64 val)
{
	struct pit_timer *t = container_of(dev, struct pit_timer, speaker);

	spin_lock(&t->lock);
	t->flags &= ~KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	if (val & SPEAKER_DATA)
		t->flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	pit_set_gate(&t->pit, 2, val & SPEAKER_GATE, clock_ns());
	spin_unlock(&t->lock);
	return 0;
}

static const struct iobus_ops pit_speaker_ops = {
	.read	= pit_speaker_read,
	.write	= pit_speaker_write,
};

/* --- lifetime --- */

struct pit_timer *pit_timer_create(struct vm *vm, u32 flags)
{
	struct pit_timer *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!t)
		return ERR_PTR(-ENOMEM);
	t->vm = vm;
	t->reinject = true;
	spin_lock_init(&t->lock);
	pit_timer_forget(t);
	pit_reset(&t->pit, clock_ns());
	hrtimer_init(&t->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	t->timer.function = pit_timer_fn;
	t->ports = (struct iobus_dev){ &pit_ports_ops, PIT_PORT, 4 };
	t->speaker = (struct iobus_dev){ &pit_speaker_ops, SPEAKER_PORT, 1 };

	ret = iobus_add(vm, IOBUS_PIO, &t->ports, NULL);
	if (ret)
		goto err_free;
	if (flags & KVM_PIT_SPEAKER_DUMMY) {
		ret = iobus_add(vm, IOBUS_PIO, &t->speaker, NULL);
		if (ret)
			goto err_ports;
	}
	return t;

err_ports:
	iobus_take_off(vm, IOBUS_PIO, &t->ports);
	pit_timer_stop(t);
err_free:
	kfree(t);
	return ERR_PTR(ret);
}

void pit_timer_stop(struct pit_timer *t)
{
	hrtimer_cancel(&t->timer);
}

void pit_timer_free(struct pit_timer *t)
{
	kfree(t);
}

/* --- state --- */

void pit_timer_get(struct pit_timer *t, struct kvm_pit_state2 *s)
{
	BUILD_BUG_ON(sizeof(s->channels) != sizeof(t->pit.ch));
	memset(s, 0, sizeof(*s));
	spin_lock(&t->lock);
	memcpy(s->channels, t->pit.ch, sizeof(s->channels));
	s->flags = t->flags;
	spin_unlock(&t->lock);
}

void pit_timer_set(struct pit_timer *t, const struct kvm_pit_state2 *s)
{
	u64 now = clock_ns();
	unsigned int n;

	spin_lock(&t->lock);
	t->flags = s->flags & PIT_STATE_FLAGS;
	for (n = 0; n < PIT_NR; n++)
		pit_set_channel(&t->pit, n, &s->channels[n], now);
	pit_timer_rearm(t);
	spin_unlock(&t->lock);
}
