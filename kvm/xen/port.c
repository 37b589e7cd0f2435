// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports the guest sends to and the kernel answers: KVM_XEN_ATTR_TYPE_EVTCHN.
 *
 * A port leads to a port of a vCPU of this VM, or to an eventfd.  The table is
 * written under xen.lock and read under RCU; an entry's vCPU is the one field
 * that changes in place.  Ports may come before the word size does: until it
 * is known they are bounded by what the larger one has, and delivery bounds
 * them by the word size of the time whatever happened here.
 */
#include <linux/eventfd.h>
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

static bool port_ok(const struct vm *vm, u32 port)
{
	lockdep_assert_held(&vm->xen.lock);
	return port && port < (vm->xen.word_size_known ?
			       xen_layout(vm)->nr_ports : XEN_MAX_PORTS);
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
	struct port *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!p)
		return -ENOMEM;
	p->type = data->u.evtchn.type;
	ret = port_target(vm, p, data);
	if (!ret)
		ret = xa_insert(&vm->xen.evtchn_ports,
				data->u.evtchn.send_port, p,
				GFP_KERNEL_ACCOUNT);
	if (ret)
		port_free(p);
	return ret == -EBUSY ? -EEXIST : ret;
}

/* Only the vCPU may change. */
static int port_update(struct vm *vm, const struct kvm_xen_hvm_attr *data)
{
	struct port *p = xa_load(&vm->xen.evtchn_ports,
				 data->u.evtchn.send_port);

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
	struct port *p = xa_erase(&vm->xen.evtchn_ports, send_port);

	if (!p)
		return -ENOENT;
	call_rcu(&p->rcu, port_free_rcu);
	return 0;
}

/* Every port, one after the other, with room for others to run between. */
static int port_reset(struct vm *vm)
{
	unsigned long send_port;
	struct port *p;

	xa_for_each(&vm->xen.evtchn_ports, send_port, p) {
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
	p = xa_load(&vm->xen.evtchn_ports, port);
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
	unsigned long send_port;
	struct port *p;

	/* no vCPU is left that could be reading */
	xa_for_each(&vm->xen.evtchn_ports, send_port, p)
		port_free(p);
	xa_destroy(&vm->xen.evtchn_ports);
}
