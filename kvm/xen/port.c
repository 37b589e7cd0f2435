// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports the guest sends to and the kernel answers: KVM_XEN_ATTR_TYPE_EVTCHN.
 *
 * A port leads to a port of a vCPU of this VM, or to an eventfd.  The table is
 * written under xen.lock and read under RCU; an entry's vCPU is the one field
 * that changes in place.  It has two levels: a leaf comes with its first port
 * and stays as long as the VM.  Ports may come before the word size does: until
 * it is known they are bounded by what the larger one has, and delivery bounds
 * them by the word size of the time whatever happened here.
 */
#include <linux/eventfd.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "internal.h"

struct port {
	u32 type;			/* EVTCHNSTAT_ipi, _interdomain */
	u32 port, vcpu;			/* target */
	struct eventfd_ctx *eventfd;	/* or this */
	struct rcu_head rcu;
};

struct port_leaf {
	struct port __rcu *port[XEN_PORT_LEAF];
};

static bool port_ok(const struct vm *vm, u32 port)
{
	lockdep_assert_held(&vm->xen.lock);
	return port && port < (vm->xen.word_size_known ?
			       xen_layout(vm)->nr_ports : XEN_MAX_PORTS);
}

/* Under RCU or xen.lock.  NULL: nothing there. */
static struct port *port_find(struct vm *vm, u32 port)
{
	struct port_leaf *leaf;

	if (port >= XEN_MAX_PORTS)
		return NULL;
	port = array_index_nospec(port, XEN_MAX_PORTS);
	/* the leaf after the pointer to it; pairs with port_slot() */
	leaf = smp_load_acquire(&vm->xen.ports[port / XEN_PORT_LEAF]);
	if (!leaf)
		return NULL;
	return rcu_dereference_check(leaf->port[port % XEN_PORT_LEAF],
				     lockdep_is_held(&vm->xen.lock));
}

/* Where @port's entry goes, or NULL: no memory. */
static struct port __rcu **port_slot(struct vm *vm, u32 port)
{
	struct port_leaf **at, *leaf;

	port = array_index_nospec(port, XEN_MAX_PORTS);
	at = &vm->xen.ports[port / XEN_PORT_LEAF];
	leaf = *at;
	lockdep_assert_held(&vm->xen.lock);
	if (!leaf) {
		leaf = kzalloc(sizeof(*leaf), GFP_KERNEL_ACCOUNT);
		if (!leaf)
			return NULL;
		/* pairs with port_find() */
		smp_store_release(at, leaf);
	}
	return &leaf->port[port % XEN_PORT_LEAF];
}

static void port_free(struct port *p)
{
	if (p->eventfd)
		eventfd_ctx_put(p->eventfd);
	kfree(p);
}

static void port_free_rcu(struct rcu_head *rcu)
{
	port_free(container_of(rcu, struct port, rcu));
}

/* Fill in @p's target from the attribute. */
static int port_target(struct vm *vm, struct port *p,
		       const struct kvm_xen_hvm_attr *data)
{
	u32 port = data->u.evtchn.deliver.port.port;

	switch (data->u.evtchn.type) {
	case EVTCHNSTAT_ipi:
		/* an IPI's sender and receiver are one port */
		if (port != data->u.evtchn.send_port)
			return -EINVAL;
		break;
	case EVTCHNSTAT_interdomain:
		if (port)
			break;
		p->eventfd = eventfd_ctx_fdget(data->u.evtchn.deliver.eventfd.fd);
		if (IS_ERR(p->eventfd)) {
			int ret = PTR_ERR(p->eventfd);

			p->eventfd = NULL;
			return ret;
		}
		return 0;
	default:
		return -EINVAL;
	}
	if (!port_ok(vm, port) || data->u.evtchn.deliver.port.priority !=
	    KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL)
		return -EINVAL;
	p->port = port;
	p->vcpu = data->u.evtchn.deliver.port.vcpu;
	return 0;
}

static int port_assign(struct vm *vm, const struct kvm_xen_hvm_attr *data)
{
	struct port __rcu **slot = port_slot(vm, data->u.evtchn.send_port);
	struct port *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!slot || !p)
		goto err_port;
	p->type = data->u.evtchn.type;
	ret = port_target(vm, p, data);
	if (!ret && rcu_access_pointer(*slot))
		ret = -EEXIST;
	if (ret)
		goto err_port;
	rcu_assign_pointer(*slot, p);
	return 0;

err_port:
	if (p)
		port_free(p);
	return ret;
}

/* Only the vCPU may change. */
static int port_update(struct vm *vm, const struct kvm_xen_hvm_attr *data)
{
	struct port *p = port_find(vm, data->u.evtchn.send_port);

	lockdep_assert_held(&vm->xen.lock);
	if (!p)
		return -ENOENT;
	if (p->type != data->u.evtchn.type || p->eventfd ||
	    p->port != data->u.evtchn.deliver.port.port ||
	    data->u.evtchn.deliver.port.priority !=
	    KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL ||
	    !evtchn_2l_vcpu(vm, data->u.evtchn.deliver.port.vcpu))
		return -EINVAL;
	WRITE_ONCE(p->vcpu, data->u.evtchn.deliver.port.vcpu);
	return 0;
}

static int port_deassign(struct vm *vm, u32 send_port)
{
	struct port *p = port_find(vm, send_port);

	if (!p)
		return -ENOENT;
	RCU_INIT_POINTER(*port_slot(vm, send_port), NULL);
	call_rcu(&p->rcu, port_free_rcu);
	return 0;
}

/* Every port, one after the other, with room for others to run between. */
static int port_reset(struct vm *vm)
{
	u32 send_port;

	for (send_port = 0; send_port < XEN_MAX_PORTS; send_port++) {
		port_deassign(vm, send_port);
		cond_resched();
	}
	return 0;
}

int port_set_attr(struct vm *vm, const struct kvm_xen_hvm_attr *data)
{
	u32 send_port = data->u.evtchn.send_port;

	lockdep_assert_held(&vm->xen.lock);
	if (data->u.evtchn.flags == KVM_XEN_EVTCHN_RESET)
		return port_reset(vm);
	if (!port_ok(vm, send_port))
		return -EINVAL;
	switch (data->u.evtchn.flags) {
	case 0:
		return port_assign(vm, data);
	case KVM_XEN_EVTCHN_UPDATE:
		return port_update(vm, data);
	case KVM_XEN_EVTCHN_DEASSIGN:
		return port_deassign(vm, send_port);
	default:
		return -EINVAL;
	}
}

bool port_send(struct vcpu *vcpu, u32 port, u64 *result)
{
	struct vm *vm = vcpu->vm;
	struct vcpu *target;
	struct port *p;
	u32 to = 0, id = 0;
	int ret;

	rcu_read_lock();
	p = port_find(vm, port);
	if (p && p->eventfd) {
		compat_eventfd_signal(p->eventfd);
	} else if (p) {
		to = p->port;
		id = READ_ONCE(p->vcpu);
	}
	rcu_read_unlock();
	if (!p)
		return false;
	*result = 0;
	if (!to)
		return true;
	target = evtchn_2l_vcpu(vm, id);
	ret = target ? evtchn_2l_raise_wait(target, to) : -EINVAL;
	return ret >= 0 || ret == -ENOTCONN;
}

void port_free_all(struct vm *vm)
{
	unsigned int i, j;

	/* no vCPU is left that could be reading */
	for (i = 0; i < ARRAY_SIZE(vm->xen.ports); i++) {
		struct port_leaf *leaf = vm->xen.ports[i];

		for (j = 0; leaf && j < XEN_PORT_LEAF; j++) {
			struct port *p =
				rcu_dereference_protected(leaf->port[j], true);

			if (p)
				port_free(p);
		}
		kfree(leaf);
	}
}
