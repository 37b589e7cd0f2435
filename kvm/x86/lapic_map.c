// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC: who is meant by a message, and taking it.
 *
 * Delivery runs in any context, hard interrupts included, and takes no lock.
 * The destination map is immutable behind vm->arch.lapic_map; it is rebuilt
 * under lapic_map_lock after every change of what it is made of, by the vCPU
 * that changed it.  It is an index and nothing more: each APIC it names is
 * asked again, so a map that is a moment old costs accuracy no hardware has
 * either.  Where there is no map, or no index fits, every APIC is asked.
 */
#include <linux/bitmap.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "lapic.h"
#include "trace.h"
#include "x86.h"

enum lapic_map_logical {
	LOGICAL_NONE,		/* no index: modes or logical ids collide */
	LOGICAL_FLAT,		/* bit of eight */
	LOGICAL_CLUSTER,	/* cluster of fifteen, bit of four */
	LOGICAL_X2APIC,		/* id itself */
};

struct lapic_map {
	struct rcu_head rcu;
	enum lapic_map_logical mode;
	unsigned int nr;		/* of by_id */
	struct vcpu *logical[16 * 4];	/* flat: 0 - 7; cluster * 4 + bit */
	struct vcpu *by_id[];		/* NULL: not there or disabled */
};

/* Vcpus by index, as a set. */
struct lapic_set {
	DECLARE_BITMAP(index, XKVM_MAX_VCPUS);
	unsigned int nr;
	struct vcpu *last;
};

/* --- the map --- */

/* The slots of logical[] an xAPIC answers to: the bits returned, from @first. */
static unsigned long lapic_map_slots(const struct lapic *apic,
				     enum lapic_map_logical mode,
				     unsigned int *first)
{
	u32 ldr = lapic_reg_get(apic->regs, LAPIC_LDR) >> 24;

	*first = mode == LOGICAL_FLAT ? 0 : (ldr >> 4) * 4;
	return mode == LOGICAL_FLAT ? ldr : ldr & 0xf;
}

static enum lapic_map_logical lapic_map_mode(const struct lapic *apic)
{
	if (lapic_x2apic(apic))
		return LOGICAL_X2APIC;
	switch (lapic_reg_get(apic->regs, LAPIC_DFR) >> 28) {
	case 0xf:
		return LOGICAL_FLAT;
	case 0x0:
		return LOGICAL_CLUSTER;
	default:
		return LOGICAL_NONE;
	}
}

/* Enter @vcpu; the map's mode becomes NONE if it does not fit in. */
static void lapic_map_add(struct lapic_map *map, struct vcpu *vcpu)
{
	const struct lapic *apic = vcpu->arch.lapic;
	enum lapic_map_logical mode = lapic_map_mode(apic);
	unsigned int first, bit;
	unsigned long bits;

	map->by_id[vcpu->id] = vcpu;
	if (map->mode != mode)
		map->mode = LOGICAL_NONE;
	if (map->mode == LOGICAL_NONE || map->mode == LOGICAL_X2APIC)
		return;
	bits = lapic_map_slots(apic, mode, &first);
	for_each_set_bit(bit, &bits, 8) {
		struct vcpu **slot = &map->logical[first + bit];

		if (*slot && *slot != vcpu)
			map->mode = LOGICAL_NONE;
		*slot = vcpu;
	}
}

static struct lapic_map *lapic_map_build(struct vm *vm)
{
	struct lapic_map *map;
	struct vcpu *vcpu;
	unsigned int i, nr = 0;
	bool first = true;

	vm_for_each_vcpu(i, vcpu, vm)
		nr = max(nr, vcpu->id + 1);
	map = kzalloc(struct_size(map, by_id, nr), GFP_KERNEL_ACCOUNT);
	if (!map)
		return NULL;
	map->nr = nr;
	vm_for_each_vcpu(i, vcpu, vm) {
		/* a vCPU may have come since they were counted */
		if (vcpu->id >= nr || !vcpu->arch.lapic ||
		    !lapic_hw_enabled(vcpu->arch.lapic))
			continue;
		if (first)
			map->mode = lapic_map_mode(vcpu->arch.lapic);
		first = false;
		lapic_map_add(map, vcpu);
	}
	return map;
}

void lapic_map_update(struct vm *vm)
{
	struct lapic_map *map, *old;

	/* the first vCPU is being made: it will ask again when it is there */
	if (!smp_load_acquire(&vm->nr_vcpus))
		return;

	mutex_lock(&vm->arch.lapic_map_lock);
	map = lapic_map_build(vm);
	old = rcu_replace_pointer(vm->arch.lapic_map, map,
				  lockdep_is_held(&vm->arch.lapic_map_lock));
	mutex_unlock(&vm->arch.lapic_map_lock);
	if (old)
		kfree_rcu(old, rcu);
}

void lapic_map_free(struct vm *vm)
{
	kfree(rcu_dereference_protected(vm->arch.lapic_map, true));
	RCU_INIT_POINTER(vm->arch.lapic_map, NULL);
}

/* --- taking a message --- */

void lapic_set_irr(struct lapic *apic, u8 vector)
{
	if (READ_ONCE(apic->vid)) {
		set_bit(vector, apic->pi.pir);
		/* pairs with lapic_sync_irr(): whoever clears ON sees pir */
		smp_mb__after_atomic();
		set_bit(0, &apic->pi.control);
	} else {
		set_bit(vector & 31,
			apic->regs + lapic_vec_reg(LAPIC_IRR, vector));
	}
}

void lapic_watch_eoi(struct lapic *apic, u8 vector)
{
	if (test_and_set_bit(vector, apic->eoi_watch))
		return;
	WRITE_ONCE(apic->eoi_watch_changed, true);
	/* bit, mark, IRR: pairs with lapic_eoi_exit_bitmap() */
	smp_wmb();
}

/*
 * Nobody waits for the EOI of what is raised now.  A vector that is still on
 * its way from an I/O APIC stays watched: two devices share it.
 */
static void lapic_unwatch_eoi(struct lapic *apic, u8 vector)
{
	if (likely(!test_bit(vector, apic->eoi_watch)) ||
	    lapic_vec_test(apic->regs, LAPIC_IRR, vector) ||
	    lapic_vec_test(apic->regs, LAPIC_ISR, vector) ||
	    test_bit(vector, apic->pi.pir))
		return;
	clear_bit(vector, apic->eoi_watch);
	WRITE_ONCE(apic->eoi_watch_changed, true);
}

static int take_fixed(struct vcpu *vcpu, const struct lapic_irq *irq)
{
	struct lapic *apic = vcpu->arch.lapic;
	void *tmr = apic->regs + lapic_vec_reg(LAPIC_TMR, irq->vector);

	if (!READ_ONCE(apic->sw_enabled))
		return 0;
	if (irq->vector < LAPIC_FIRST_VECTOR) {
		lapic_error(apic, LAPIC_ESR_RECV_ILLEGAL);
		return 0;
	}
	if (irq->trig_level)
		set_bit(irq->vector & 31, tmr);
	else if (lapic_vec_test(apic->regs, LAPIC_TMR, irq->vector))
		clear_bit(irq->vector & 31, tmr);
	if (irq->eoi_watch)
		lapic_watch_eoi(apic, irq->vector);
	else
		lapic_unwatch_eoi(apic, irq->vector);
	lapic_set_irr(apic, irq->vector);
	vcpu_request_kick(vcpu, REQ_EVENT);
	return 1;
}

static int take_nmi(struct vcpu *vcpu, const struct lapic_irq *irq)
{
	x86_inject_nmi(vcpu);
	return 1;
}

static int take_init(struct vcpu *vcpu, const struct lapic_irq *irq)
{
	struct lapic *apic = vcpu->arch.lapic;

	/* the de-assert message only synchronizes arbitration ids */
	if (irq->trig_level && !irq->level)
		return 0;
	/* a start-up message from before it is lost with the reset */
	clear_bit(LAPIC_EVENT_SIPI, &apic->pending_init_sipi);
	set_bit(LAPIC_EVENT_INIT, &apic->pending_init_sipi);
	vcpu_request_kick(vcpu, REQ_EVENT);
	return 1;
}

static int take_sipi(struct vcpu *vcpu, const struct lapic_irq *irq)
{
	struct lapic *apic = vcpu->arch.lapic;

	WRITE_ONCE(apic->sipi_vector, irq->vector);
	/* vector before bit; pairs with test_and_clear_bit() in lapic_take_events() */
	smp_wmb();
	set_bit(LAPIC_EVENT_SIPI, &apic->pending_init_sipi);
	vcpu_request_kick(vcpu, REQ_EVENT);
	return 1;
}

/*
 * SMI: there is no SMM here.  ExtINT: there is no PIC behind a message, only
 * behind LVT0, which lapic_accepts_extint() answers.
 */
static int (* const take_fn[8])(struct vcpu *, const struct lapic_irq *) = {
	[LAPIC_DM_FIXED] = take_fixed,
	[LAPIC_DM_LOWEST] = take_fixed,
	[LAPIC_DM_NMI] = take_nmi,
	[LAPIC_DM_INIT] = take_init,
	[LAPIC_DM_SIPI] = take_sipi,
};

int lapic_take(struct vcpu *vcpu, const struct lapic_irq *irq)
{
	u8 mode = irq->delivery & 7;

	trace_xkvm_apic_accept(vcpu->id, mode, irq->vector, irq->trig_level);
	return take_fn[mode] ? take_fn[mode](vcpu, irq) : 0;
}

int lapic_set_vector(struct vcpu *vcpu, u8 vector)
{
	struct lapic_irq irq = { .vector = vector, .level = true };

	if (!vcpu->arch.lapic || !lapic_hw_enabled(vcpu->arch.lapic))
		return 0;
	return lapic_take(vcpu, &irq);
}

int lapic_deliver_lvt(struct vcpu *vcpu, u32 reg)
{
	struct lapic *apic = vcpu->arch.lapic;
	struct lapic_irq irq = { .level = true };
	u32 lvt;

	if (!apic || !lapic_hw_enabled(apic))
		return 0;
	lvt = lapic_reg_get(apic->regs, reg);
	if (lvt & LAPIC_LVT_MASKED)
		return 0;
	irq.vector = lvt & LAPIC_LVT_VECTOR;
	/* the timer's and the error's entry have no mode: fixed */
	if (reg != LAPIC_LVTT && reg != LAPIC_LVTERR)
		irq.delivery = (lvt & LAPIC_LVT_MODE) >> 8;
	/* the CPU masks the counters' entry as it delivers it */
	if (reg == LAPIC_LVTPC)
		lapic_reg_put(apic->regs, reg, lvt | LAPIC_LVT_MASKED);
	return lapic_take(vcpu, &irq);
}

/* --- destinations --- */

static bool lapic_matches(struct vcpu *vcpu, struct vcpu *source,
			  const struct lapic_irq *irq)
{
	const struct lapic *apic = vcpu->arch.lapic;
	bool x2apic;

	if (!apic || !lapic_hw_enabled(apic))
		return false;
	switch (irq->shorthand) {
	case 1:
		return vcpu == source;
	case 2:
		return source;
	case 3:
		return source && vcpu != source;
	}
	x2apic = lapic_x2apic(apic);
	if (!irq->logical)
		return lapic_match_physical(x2apic, vcpu->id, irq->dest);
	return lapic_match_logical(x2apic, lapic_reg_get(apic->regs, LAPIC_LDR),
				   lapic_reg_get(apic->regs, LAPIC_DFR),
				   irq->dest);
}

static void lapic_set_add(struct lapic_set *set, struct vcpu *vcpu,
			  struct vcpu *source, const struct lapic_irq *irq)
{
	if (!vcpu || !lapic_matches(vcpu, source, irq) ||
	    __test_and_set_bit(vcpu->index, set->index))
		return;
	set->last = vcpu;
	set->nr++;
}

/* The part of the map a logical destination selects: slots and a bit mask. */
static struct vcpu **lapic_map_logical(struct lapic_map *map, u32 dest,
				       unsigned long *bits, unsigned int *nr)
{
	u32 first;

	switch (map->mode) {
	case LOGICAL_FLAT:
		*bits = dest;
		*nr = 8;
		return map->logical;
	case LOGICAL_CLUSTER:
		*bits = dest & 0xf;
		*nr = 4;
		return &map->logical[(dest >> 4 & 0xf) * 4];
	case LOGICAL_X2APIC:
		first = dest >> 16 << 4;
		if (first >= map->nr)
			break;
		first = array_index_nospec(first, map->nr);
		*bits = dest & 0xffff;
		*nr = min(map->nr - first, 16u);
		return &map->by_id[first];
	default:
		break;
	}
	*bits = 0;
	*nr = 0;
	return NULL;
}

/* Find by index.  False: it has to be done by asking everybody. */
static bool lapic_find_indexed(struct vm *vm, struct vcpu *source,
			       const struct lapic_irq *irq,
			       struct lapic_set *set)
{
	struct lapic_map *map;
	struct vcpu **slots;
	unsigned long bits;
	unsigned int bit, nr;

	if (irq->shorthand == 1) {
		lapic_set_add(set, source, source, irq);
		return true;
	}
	map = rcu_dereference(vm->arch.lapic_map);
	if (!map || irq->shorthand || irq->dest == LAPIC_DEST_ALL)
		return false;
	/* 0xff may mean everybody to some */
	if (irq->dest == 0xff && map->mode != LOGICAL_X2APIC)
		return false;
	if (!irq->logical) {
		if (irq->dest < map->nr)
			lapic_set_add(set, map->by_id[
				array_index_nospec(irq->dest, map->nr)],
				source, irq);
		return true;
	}
	if (map->mode == LOGICAL_NONE)
		return false;
	slots = lapic_map_logical(map, irq->dest, &bits, &nr);
	for_each_set_bit(bit, &bits, nr)
		lapic_set_add(set, slots[bit], source, irq);
	return true;
}

static void lapic_find(struct vm *vm, struct vcpu *source,
		       const struct lapic_irq *irq, struct lapic_set *set)
{
	struct vcpu *vcpu;
	unsigned int i;

	rcu_read_lock();
	if (!lapic_find_indexed(vm, source, irq, set)) {
		vm_for_each_vcpu(i, vcpu, vm)
			lapic_set_add(set, vcpu, source, irq);
	}
	rcu_read_unlock();
}

/*
 * Lowest priority: as chipsets do, the vector chooses among those that can take
 * it, which spreads vectors and keeps each in one place.  Others leave the set.
 */
static void lapic_arbitrate(struct vm *vm, u8 vector, struct lapic_set *set)
{
	unsigned int i, n;

	for_each_set_bit(i, set->index, XKVM_MAX_VCPUS) {
		if (READ_ONCE(vm->vcpus[i]->arch.lapic->sw_enabled))
			continue;
		__clear_bit(i, set->index);
		set->nr--;
	}
	if (!set->nr)
		return;
	n = vector % set->nr;
	for_each_set_bit(i, set->index, XKVM_MAX_VCPUS) {
		if (!n--)
			break;
	}
	bitmap_zero(set->index, XKVM_MAX_VCPUS);
	__set_bit(i, set->index);
	set->last = vm->vcpus[i];
	set->nr = 1;
}

int lapic_deliver(struct vm *vm, struct vcpu *source, const struct lapic_irq *irq)
{
	struct lapic_set set = { .nr = 0 };
	unsigned int i;
	int taken = 0;

	lapic_find(vm, source, irq, &set);
	if (!set.nr)
		return -1;
	if (set.nr > 1 && (irq->delivery == LAPIC_DM_LOWEST || irq->redir_hint))
		lapic_arbitrate(vm, irq->vector, &set);
	if (set.nr == 1)
		return lapic_take(set.last, irq);
	for_each_set_bit(i, set.index, XKVM_MAX_VCPUS)
		taken += lapic_take(vm->vcpus[i], irq);
	return taken;
}
