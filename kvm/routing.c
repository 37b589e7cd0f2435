// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: owns vm->routing, the table KVM_SET_GSI_ROUTING sets.
 *
 * The table is immutable; routing->lock orders those who replace it, RCU
 * protects those who read it.  An entry is copied out of the read section only
 * by who has to sleep.  Delivery is the architecture's and the Xen code's.
 */
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "routing.h"
#include "trace.h"
#include "vm.h"

/* Routes in the order of their GSIs: those of n are first[n] to first[n + 1]. */
struct route_table {
	struct rcu_head rcu;
	u32 nr;				/* of GSIs */
	u16 *first;			/* behind the routes */
	/* GSI + 1 of a controller's pin */
	u16 chip[ARCH_NR_IRQCHIPS][ARCH_IRQCHIP_PINS];
	struct kvm_irq_routing_entry route[];
};

struct irq_routing {
	struct mutex lock;
	struct route_table __rcu *table;	/* NULL: empty */
};

int routing_init(struct vm *vm)
{
	vm->routing = kzalloc(sizeof(*vm->routing), GFP_KERNEL_ACCOUNT);
	if (!vm->routing)
		return -ENOMEM;
	mutex_init(&vm->routing->lock);
	return 0;
}

void routing_exit(struct vm *vm)
{
	struct irq_routing *r = vm->routing;

	if (!r)
		return;
	vm->routing = NULL;
	kvfree(rcu_dereference_protected(r->table, true));
	kfree(r);
}

/* --- replacing the table --- */

static int routing_check(struct vm *vm, const struct kvm_irq_routing_entry *e)
{
	if (e->gsi >= ROUTING_MAX || e->flags)
		return -EINVAL;
	switch (e->type) {
	case KVM_IRQ_ROUTING_XEN_EVTCHN:
		return xen_check_evtchn_route(vm, &e->u.xen_evtchn);
	default:
		return arch_routing_check(vm, e);
	}
}

static struct route_table *routing_alloc(u32 nr, u32 n)
{
	struct route_table *table;
	size_t size = struct_size(table, route, n);

	table = kvzalloc(size_add(size, array_size(nr + 1, sizeof(u16))),
			 GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	table->nr = nr;
	table->first = (void *)table + size;
	return table;
}

/* May @e stand beside those of its GSI that are there already? */
static bool routing_fits(const struct kvm_irq_routing_entry *there, u32 n,
			 const struct kvm_irq_routing_entry *e)
{
	for (; n--; there++) {
		if (there->type != KVM_IRQ_ROUTING_IRQCHIP ||
		    e->type != KVM_IRQ_ROUTING_IRQCHIP ||
		    there->u.irqchip.irqchip == e->u.irqchip.irqchip)
			return false;
	}
	return true;
}

/* The pin was checked, but not for what runs ahead of the check. */
static void routing_note_pin(struct route_table *table,
			     const struct kvm_irq_routing_irqchip *e, u32 gsi)
{
	u32 chip = array_index_nospec(e->irqchip, ARCH_NR_IRQCHIPS);
	u32 pin = array_index_nospec(e->pin, ARCH_IRQCHIP_PINS);

	table->chip[chip][pin] = gsi + 1;
}

/* A counting sort, from the last to the first. */
static int routing_fill(struct route_table *table,
			const struct kvm_irq_routing_entry *e, u32 n)
{
	u16 *first = table->first;
	u32 i, gsi;

	for (i = 0; i < n; i++)
		first[e[i].gsi + 1]++;
	for (gsi = 1; gsi <= table->nr; gsi++)
		first[gsi] += first[gsi - 1];
	for (i = n; i--;) {
		u32 end;

		gsi = e[i].gsi;
		/* the last of a GSI goes to its end, the others before it */
		for (end = first[gsi + 1]; table->route[end - 1].type; end--)
			;
		if (!routing_fits(&table->route[end], first[gsi + 1] - end,
				  &e[i]))
			return -EINVAL;
		table->route[end - 1] = e[i];
		if (e[i].type == KVM_IRQ_ROUTING_IRQCHIP)
			routing_note_pin(table, &e[i].u.irqchip, gsi);
	}
	return 0;
}

struct route_table *routing_prepare(const struct kvm_irq_routing_entry *e,
				    u32 n)
{
	struct route_table *table;
	u32 i, nr = 0;
	int r;

	for (i = 0; i < n; i++)
		nr = max(nr, e[i].gsi + 1);
	table = routing_alloc(nr, n);
	if (!table)
		return ERR_PTR(-ENOMEM);
	r = routing_fill(table, e, n);
	if (r) {
		kvfree(table);
		return ERR_PTR(r);
	}
	return table;
}

void routing_discard(struct route_table *table)
{
	kvfree(table);
}

void routing_publish(struct vm *vm, struct route_table *table)
{
	struct irq_routing *r = vm->routing;
	struct route_table *old;

	mutex_lock(&r->lock);
	old = rcu_replace_pointer(r->table, table, lockdep_is_held(&r->lock));
	mutex_unlock(&r->lock);
	if (old)
		kvfree_rcu(old, rcu);
}

/* User space's entries; none empty the table. */
static int routing_set(struct vm *vm, const struct kvm_irq_routing_entry *e,
		       u32 n)
{
	struct route_table *table;
	u32 i;
	int r;

	for (i = 0; i < n; i++) {
		r = routing_check(vm, &e[i]);
		if (r)
			return r;
	}
	table = n ? routing_prepare(e, n) : NULL;
	if (IS_ERR(table))
		return PTR_ERR(table);
	routing_publish(vm, table);
	return 0;
}

int routing_set_ioctl(struct vm *vm, const void __user *arg)
{
	const struct kvm_irq_routing __user *user = arg;
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry *e = NULL;
	int r;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (!arch_routing_allowed(vm) || head.nr > ROUTING_MAX || head.flags)
		return -EINVAL;
	if (head.nr) {
		e = vmemdup_user(user->entries,
				 array_size(head.nr, sizeof(*e)));
		if (IS_ERR(e))
			return PTR_ERR(e);
	}
	r = routing_set(vm, e, head.nr);
	kvfree(e);
	return r;
}

/* --- raising a line --- */

/* The first route of @gsi and how many there are; under rcu_read_lock(). */
static const struct kvm_irq_routing_entry *routing_find(struct vm *vm, u32 gsi,
							u32 *nr)
{
	struct route_table *table = rcu_dereference(vm->routing->table);

	*nr = 0;
	if (!table || gsi >= table->nr)
		return NULL;
	gsi = array_index_nospec(gsi, table->nr);
	*nr = table->first[gsi + 1] - table->first[gsi];
	return &table->route[table->first[gsi]];
}

static int routing_deliver(struct vm *vm, const struct kvm_irq_routing_entry *e,
			   const struct irq_line *line)
{
	if (e->type != KVM_IRQ_ROUTING_XEN_EVTCHN)
		return arch_routing_deliver(vm, e, line);
	/* an event is an edge */
	return line->level ? xen_set_evtchn_fast(vm, &e->u.xen_evtchn) : -1;
}

/*
 * In any context; @sleep gets a copy of what could not be done here, which is
 * the only route there is.
 */
static int routing_raise(struct vm *vm, const struct irq_line *line,
			 struct kvm_irq_routing_entry *sleep)
{
	const struct kvm_irq_routing_entry *e;
	int r, sum = -1;
	u32 nr;

	rcu_read_lock();
	for (e = routing_find(vm, line->gsi, &nr); nr--; e++) {
		r = routing_deliver(vm, e, line);
		if (r == -EWOULDBLOCK) {
			sum = r;
			if (sleep)
				*sleep = *e;
		} else if (r >= 0) {
			sum = max(sum, 0) + r;
		}
	}
	rcu_read_unlock();
	trace_xkvm_set_irq(line->gsi, line->level, sum);
	return sum;
}

int routing_set_irq_atomic(struct vm *vm, const struct irq_line *line)
{
	return routing_raise(vm, line, NULL);
}

int routing_pulse(struct vm *vm, u32 gsi)
{
	struct irq_line line = {
		.gsi = gsi, .source = IRQ_LINE_USER, .level = true,
	};
	int r = routing_raise(vm, &line, NULL);

	if (r == -EWOULDBLOCK)
		return r;
	line.level = false;
	routing_raise(vm, &line, NULL);
	return r;
}

int routing_set_irq(struct vm *vm, const struct irq_line *line)
{
	struct kvm_irq_routing_entry e;
	int r = routing_raise(vm, line, &e);

	/* only an event channel answers so */
	return r == -EWOULDBLOCK ? xen_set_evtchn(vm, &e.u.xen_evtchn) : r;
}

int routing_chip_gsi(struct vm *vm, u32 chip, u32 pin)
{
	struct route_table *table;
	int gsi = -1;

	if (chip >= ARCH_NR_IRQCHIPS || pin >= ARCH_IRQCHIP_PINS)
		return -1;
	rcu_read_lock();
	table = rcu_dereference(vm->routing->table);
	if (table)
		gsi = table->chip[chip][pin] - 1;
	rcu_read_unlock();
	return gsi;
}

int routing_msi_ioctl(struct vm *vm, const struct kvm_msi *msi)
{
	static const struct irq_line raise = { .level = true };
	struct kvm_irq_routing_entry e = {
		.gsi = ROUTING_MAX,		/* it comes from no line */
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = {
			.address_lo = msi->address_lo,
			.address_hi = msi->address_hi,
			.data = msi->data,
		},
	};

	if (!arch_routing_allowed(vm) || msi->flags ||
	    arch_routing_check(vm, &e))
		return -EINVAL;
	return arch_routing_deliver(vm, &e, &raise);
}
