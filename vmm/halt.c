// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns vm->halt_timer.  The kernel halts vCPUs without telling, so a vCPU is
 * asked; but only when no vCPU has used the CPU since the last look, which is
 * cheap to see.
 */
#include "halt.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "log.h"
#include "vcpu.h"
#include "vm_priv.h"
#include "xen/abi.h"

#define HALT_PERIOD_NS	500000000ull
#define HALT_ASK_NS	50000000ull	/* one that is busy is not halted */
#define RFLAGS_IF	(1ull << 9)

static int halt_ask(struct vcpu *v, void *arg)
{
	struct kvm_mp_state mp;
	struct kvm_regs regs;

	if (ioctl(v->fd, KVM_GET_MP_STATE, &mp))
		return 0;
	if (mp.mp_state == KVM_MP_STATE_UNINITIALIZED)
		return 1;
	if (mp.mp_state != KVM_MP_STATE_HALTED ||
	    ioctl(v->fd, KVM_GET_REGS, &regs))
		return 0;
	return !(regs.rflags & RFLAGS_IF);
}

static uint64_t halt_cpu_ns(const struct vm *vm)
{
	uint64_t ns = 0;
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		ns += vcpu_cpu_ns(&vm->vcpus[i]);
	return ns;
}

static bool halt_all(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		if (vcpu_ask(&vm->vcpus[i], halt_ask, NULL, HALT_ASK_NS) != 1)
			return false;
	return true;
}

static void halt_look(struct event_timer *t)
{
	struct vm *vm = t->arg;

	if (halt_cpu_ns(vm) == vm->halt_cpu_ns && halt_all(vm)) {
		log_line(LOG_DEBUG, "every vCPU is halted for good");
		vm_shutdown(vm, SHUTDOWN_poweroff);
		return;
	}
	/* Asking has cost CPU time too. */
	vm->halt_cpu_ns = halt_cpu_ns(vm);
	event_timer_set(vm->loop, t, HALT_PERIOD_NS);
}

void halt_watch(struct vm *vm)
{
	vm->halt_timer.fn = halt_look;
	vm->halt_timer.arg = vm;
	vm->halt_cpu_ns = 0;
	event_timer_set(vm->loop, &vm->halt_timer, HALT_PERIOD_NS);
}

void halt_unwatch(struct vm *vm)
{
	event_timer_cancel(&vm->halt_timer);
}
