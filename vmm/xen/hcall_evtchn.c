// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * event_channel_op: copies arguments and resolves domains; the operations are
 * evtchn.c's.  FIFO channels are not offered: their control operations are
 * -ENOSYS, and the guest stays with two levels.
 */
#include <errno.h>

#include "../vcpu.h"
#include "../vm_priv.h"
#include "abi.h"
#include "evtchn.h"
#include "hypercall.h"
#include "kernel.h"

/* The structures have no words of the caller's size: one layout for both. */
union evtchn_arg {
	struct evtchn_alloc_unbound alloc_unbound;
	struct evtchn_bind_interdomain bind_interdomain;
	struct evtchn_bind_virq bind_virq;
	struct evtchn_bind_ipi bind_ipi;
	struct evtchn_bind_vcpu bind_vcpu;
	struct evtchn_close close;
	struct evtchn_send send;
	struct evtchn_status status;
	struct evtchn_unmask unmask;
	struct evtchn_reset reset;
};

static int op_alloc_unbound(struct hcall *h, union evtchn_arg *a)
{
	uint16_t remote = a->alloc_unbound.remote_dom;
	int err = hcall_self(h, a->alloc_unbound.dom);

	if (err)
		return err;
	if (remote == DOMID_SELF)
		remote = h->vm->domid;
	return evtchn_alloc_unbound(h->vm->evtchn, remote,
				    &a->alloc_unbound.port);
}

static int op_bind_interdomain(struct hcall *h, union evtchn_arg *a)
{
	uint16_t remote = a->bind_interdomain.remote_dom;

	if (remote == XEN_ABI_DOM0)
		return -EINVAL;		/* has no port that waits for us */
	if (hcall_self(h, remote))
		return -ESRCH;
	return evtchn_bind_interdomain(h->vm->evtchn,
				       a->bind_interdomain.remote_port,
				       &a->bind_interdomain.local_port);
}

static int op_timer_bind(struct vcpu *v, void *arg)
{
	uint32_t port = *(uint32_t *)arg;
	uint64_t expires = port ? v->timer_expires : 0;

	v->timer_port = port;
	v->timer_expires = 0;
	return kernel_vcpu_timer(v, port, expires);
}

static int op_bind_virq(struct hcall *h, union evtchn_arg *a)
{
	uint32_t vcpu = a->bind_virq.vcpu;
	int ignored, err;

	err = evtchn_bind_virq(h->vm->evtchn, a->bind_virq.virq, vcpu,
			       &a->bind_virq.port);
	if (err || a->bind_virq.virq != VIRQ_TIMER)
		return err;
	err = vcpu_call(h->vcpu, &h->vm->vcpus[vcpu], op_timer_bind,
			&a->bind_virq.port);
	if (err)
		evtchn_close(h->vm->evtchn, a->bind_virq.port, &ignored);
	return err;
}

static int op_bind_ipi(struct hcall *h, union evtchn_arg *a)
{
	return evtchn_bind_ipi(h->vm->evtchn, a->bind_ipi.vcpu,
			       &a->bind_ipi.port);
}

static int op_bind_vcpu(struct hcall *h, union evtchn_arg *a)
{
	return evtchn_bind_vcpu(h->vm->evtchn, a->bind_vcpu.port,
				a->bind_vcpu.vcpu);
}

static int op_close(struct hcall *h, union evtchn_arg *a)
{
	uint32_t none = 0;
	int vcpu, err = evtchn_close(h->vm->evtchn, a->close.port, &vcpu);

	if (!err && vcpu >= 0)
		err = vcpu_call(h->vcpu, &h->vm->vcpus[vcpu], op_timer_bind,
				&none);
	return err;
}

static int op_send(struct hcall *h, union evtchn_arg *a)
{
	return evtchn_send(h->vm->evtchn, a->send.port);
}

static int op_status(struct hcall *h, union evtchn_arg *a)
{
	int err = hcall_self(h, a->status.dom);

	return err ? err : evtchn_status(h->vm->evtchn, a->status.port,
					 &a->status);
}

static int op_unmask(struct hcall *h, union evtchn_arg *a)
{
	return evtchn_unmask(h->vm->evtchn, a->unmask.port);
}

static int op_reset(struct hcall *h, union evtchn_arg *a)
{
	uint32_t none = 0;
	unsigned int i;
	int err = hcall_self(h, a->reset.dom);

	if (err)
		return err;
	evtchn_reset(h->vm->evtchn);
	for (i = 0; i < h->vm->nr_vcpus; i++)
		vcpu_call(h->vcpu, &h->vm->vcpus[i], op_timer_bind, &none);
	return 0;
}

static const struct evtchn_op_desc {
	int (*fn)(struct hcall *h, union evtchn_arg *a);
	uint8_t size;
	bool out;			/* the structure goes back */
} evtchn_ops[] = {
#define OP(name, out) \
	[EVTCHNOP_##name] = { op_##name, sizeof(struct evtchn_##name), out }
	OP(alloc_unbound, true),
	OP(bind_interdomain, true),
	OP(bind_virq, true),
	OP(bind_ipi, true),
	OP(bind_vcpu, false),
	OP(close, false),
	OP(send, false),
	OP(status, true),
	OP(unmask, false),
	OP(reset, false),
#undef OP
};

int64_t hcall_event_channel_op(struct hcall *h)
{
	const struct evtchn_op_desc *op;
	union evtchn_arg a;
	int err;

	if (h->arg[0] >= sizeof(evtchn_ops) / sizeof(evtchn_ops[0]) ||
	    !evtchn_ops[h->arg[0]].fn)
		return -ENOSYS;
	op = &evtchn_ops[h->arg[0]];
	err = hcall_get(h, &a, gva(h->arg[1]), op->size);
	if (!err)
		err = op->fn(h, &a);
	if (!err && op->out)
		err = hcall_put(h, gva(h->arg[1]), &a, op->size);
	return err;
}
