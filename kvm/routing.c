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

/* Routes by GSI; without a route the type is one that KVM's ABI has not. */
struct route_table {
	struct rcu_head rcu;
	u32 nr;
	struct kvm_irq_routing_entry route[];
};

#define ROUTE_NONE	0

struct irq_routing {
	struct mutex lock;
	struct route_table __rcu *table;	/* NULL: empty */
};

int routing_init(struct vm *vm)
{
	BUILD_BUG_ON(KVM_IRQ_ROUTING_IRQCHIP == ROUTE_NONE);
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
	case ROUTE_NONE:
		return -EINVAL;
	case KVM_IRQ_ROUTING_XEN_EVTCHN:
		return xen_check_evtchn_route(vm, &e->u.xen_evtchn);
	default:
		return arch_routing_check(vm, e);
	}
}

/* A table of @n checked entries; NULL for none. */
static struct route_table *
routing_build(struct vm *vm, const struct kvm_irq_routing_entry *e, u32 n)
{
	struct route_table *table;
	u32 i, nr = 0;
	int r;

	if (!n)
		return NULL;
	for (i = 0; i < n; i++) {
		r = routing_check(vm, &e[i]);
		if (r)
			return ERR_PTR(r);
		nr = max(nr, e[i].gsi + 1);
	}
	table = kvzalloc(struct_size(table, route, nr), GFP_KERNEL_ACCOUNT);
	if (!table)
		return ERR_PTR(-ENOMEM);
	table->nr = nr;
	for (i = 0; i < n; i++) {
		struct kvm_irq_routing_entry *to = &table->route[e[i].gsi];

		if (to->type != ROUTE_NONE) {
			kvfree(table);
			return ERR_PTR(-EINVAL);
		}
		*to = e[i];
	}
	return table;
}

static void routing_publish(struct irq_routing *r, struct route_table *table)
{
	struct route_table *old;

	mutex_lock(&r->lock);
	old = rcu_replace_pointer(r->table, table, lockdep_is_held(&r->lock));
	mutex_unlock(&r->lock);
	if (old)
		kvfree_rcu(old, rcu);
}

int routing_set_ioctl(struct vm *vm, const void __user *arg)
{
	const struct kvm_irq_routing __user *user = arg;
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry *e = NULL;
	struct route_table *table;

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
	table = routing_build(vm, e, head.nr);
	kvfree(e);
	if (IS_ERR(table))
		return PTR_ERR(table);
	routing_publish(vm->routing, table);
	return 0;
}

/* --- raising a line --- */

/* The route of @gsi, or NULL; under rcu_read_lock(). */
static const struct kvm_irq_routing_entry *routing_find(struct vm *vm, u32 gsi)
{
	struct route_table *table = rcu_dereference(vm->routing->table);
	const struct kvm_irq_routing_entry *e;

	if (!table || gsi >= table->nr)
		return NULL;
	e = &table->route[array_index_nospec(gsi, table->nr)];
	return e->type == ROUTE_NONE ? NULL : e;
}

static int routing_deliver(struct vm *vm,
			   const struct kvm_irq_routing_entry *e, int level)
{
	if (e->type != KVM_IRQ_ROUTING_XEN_EVTCHN)
		return arch_routing_deliver(vm, e, level);
	/* an event is an edge */
	return level ? xen_set_evtchn_fast(vm, &e->u.xen_evtchn) : -1;
}

/* In any context; @sleep gets a copy of what could not be done here. */
static int routing_raise(struct vm *vm, u32 gsi, int level,
			 struct kvm_irq_routing_entry *sleep)
{
	const struct kvm_irq_routing_entry *e;
	int r = -1;

	rcu_read_lock();
	e = routing_find(vm, gsi);
	if (e)
		r = routing_deliver(vm, e, level);
	if (r == -EWOULDBLOCK && sleep)
		*sleep = *e;
	rcu_read_unlock();
	trace_xkvm_set_irq(gsi, level, r);
	return r;
}

int routing_set_irq_atomic(struct vm *vm, u32 gsi)
{
	return routing_raise(vm, gsi, 1, NULL);
}

int routing_set_irq(struct vm *vm, u32 gsi, int level)
{
	struct kvm_irq_routing_entry e;
	int r = routing_raise(vm, gsi, level, &e);

	/* only an event channel answers so */
	return r == -EWOULDBLOCK ? xen_set_evtchn(vm, &e.u.xen_evtchn) : r;
}

int routing_msi_ioctl(struct vm *vm, const struct kvm_msi *msi)
{
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
	return arch_routing_deliver(vm, &e, 1);
}
