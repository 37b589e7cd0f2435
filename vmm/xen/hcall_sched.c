// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sched_op: what the kernel has not done itself, and the end of the guest.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "../vcpu.h"
#include "../vm_priv.h"
#include "abi.h"
#include "evtchn.h"
#include "hypercall.h"
#include "watchdog.h"

#define SCHED_POLL_MAX	128u

static int64_t sched_shutdown(struct hcall *h)
{
	struct sched_shutdown a;
	int err = hcall_get(h, &a, gva(h->arg[1]), sizeof(a));
	int code = atomic_load(&h->vm->shutdown_code), none = -1;

	if (err)
		return err;
	if (a.reason > SHUTDOWN_MAX)
		return -EINVAL;
	if (code >= 0)
		a.reason = code;
	/* Behind this call is the code that takes over, on any vCPU (kdump). */
	if (a.reason == SHUTDOWN_soft_reset)
		atomic_compare_exchange_strong(&h->vm->reset_vcpu, &none,
					       (int)h->vcpu->id);
	vm_shutdown(h->vm, a.reason);
	return 0;
}

static int64_t sched_shutdown_code(struct hcall *h)
{
	struct sched_shutdown a;
	int none = -1, err = hcall_get(h, &a, gva(h->arg[1]), sizeof(a));

	if (err)
		return err;
	if (a.reason > SHUTDOWN_MAX)
		return -EINVAL;
	atomic_compare_exchange_strong(&h->vm->shutdown_code, &none,
				       (int)a.reason);
	return 0;
}

/*
 * Sleep until an event comes.  A halted vCPU wakes for one only with
 * interrupts on; without, the guest looks for itself.
 */
static int64_t sched_block(struct hcall *h)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_HALTED };

	if (h->vcpu->run->if_flag && !h->nested &&
	    !ioctl(h->vcpu->fd, KVM_SET_MP_STATE, &mp))
		return 0;
	sched_yield();
	return 0;
}

/* The kernel polls; what comes here may return early, as polls may. */
static int64_t sched_poll(struct hcall *h)
{
	struct compat_sched_poll narrow;
	struct sched_poll wide;
	uint32_t i, nr, port;
	gva_t ports;
	int err;

	if (h->wide) {
		err = hcall_get(h, &wide, gva(h->arg[1]), sizeof(wide));
		ports = gva((uintptr_t)wide.ports.p);
		nr = wide.nr_ports;
	} else {
		err = hcall_get(h, &narrow, gva(h->arg[1]), sizeof(narrow));
		ports = gva(narrow.ports);
		nr = narrow.nr_ports;
	}
	if (err)
		return err;
	if (nr > SCHED_POLL_MAX)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		struct evtchn_status st;

		err = hcall_get(h, &port, gva(ports.v + i * sizeof(port)),
				sizeof(port));
		if (err)
			return err;
		if (evtchn_status(h->vm->evtchn, port, &st))
			return -EINVAL;
	}
	sched_yield();
	return 0;
}

static int64_t sched_watchdog(struct hcall *h)
{
	struct sched_watchdog a;
	int err = hcall_get(h, &a, gva(h->arg[1]), sizeof(a));

	return err ? err : watchdog_set(h->vm->watchdog, a.id, a.timeout);
}

int64_t hcall_sched_op(struct hcall *h)
{
	switch (h->arg[0]) {
	case SCHEDOP_yield:
		sched_yield();
		return 0;
	case SCHEDOP_block:
		return sched_block(h);
	case SCHEDOP_shutdown:
		return sched_shutdown(h);
	case SCHEDOP_poll:
		return sched_poll(h);
	case SCHEDOP_remote_shutdown:
	case SCHEDOP_pin_override:
		return -EPERM;
	case SCHEDOP_shutdown_code:
		return sched_shutdown_code(h);
	case SCHEDOP_watchdog:
		return sched_watchdog(h);
	}
	return -ENOSYS;
}
