// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exit of a hardware task switch.
 *
 * A CPU that runs a guest does not switch tasks itself: it checks gate and
 * descriptor, and exits.  This file finds out why the switch takes place, lets
 * emulate_task.c do it, and settles what is left: the event that came through
 * a task gate, NMI blocking, debug registers.  Everything is the vCPU thread's
 * own.  SDM 3, "Treatment of Task Switches" and "Exit Qualification for Task
 * Switches".
 */
#include <linux/percpu.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>

#include "../arch.h"
#include "debug.h"
#include "exit.h"
#include "mmio_priv.h"

/* The local enable bits of DR7, and LE. */
#define TASK_DR7_LOCAL	(DR_LOCAL_SLOWDOWN | 0x55ul)

/* Does the event's instruction end before the return address is taken? */
static bool task_soft_event(u32 type)
{
	return type == INTR_TYPE_SOFT_INTR || type == INTR_TYPE_SOFT_EXCEPTION ||
	       type == INTR_TYPE_PRIV_SW_EXCEPTION;
}

static void task_describe(struct vcpu *v, struct emul_task *t)
{
	u32 info = v->arch.vmx->idt_vectoring, type;
	unsigned long qual = exit_qual(v);
	bool soft = true;

	*t = (struct emul_task){
		.selector = qual,
		.source = (qual >> 30) & 3,
		.soft_vector = -1,
		.rip = (u32)reg_read(v, VREG_RIP),
	};
	if (t->source == EMUL_TASK_EVENT && (info & VECTORING_INFO_VALID_MASK)) {
		type = info & VECTORING_INFO_TYPE_MASK;
		soft = task_soft_event(type);
		t->external = !soft;
		/* INT1 is checked by nobody */
		if (soft && type != INTR_TYPE_PRIV_SW_EXCEPTION)
			t->soft_vector = info & VECTORING_INFO_VECTOR_MASK;
		if (info & VECTORING_INFO_DELIVER_CODE_MASK) {
			t->has_error = true;
			t->error = vmcs_read(IDT_VECTORING_ERROR_CODE);
		}
	}
	if (soft)
		t->rip = (u32)(t->rip + vmcs_read(VM_EXIT_INSTRUCTION_LEN));
}

/*
 * The event has arrived, or it has met an exception.  Then interrupts and NMIs
 * are lost, as they are on a CPU; exceptions stay until the new one has been
 * queued, which may make a double fault of both.
 */
static void task_settle_event(struct vcpu *v, bool arrived)
{
	v->arch.nmi_injected = false;
	v->arch.intr.injected = false;
	if (arrived)
		v->arch.exc.injected = false;
}

/* An NMI's handler has begun, or IRET has ended one; shadows are over. */
static void task_settle_blocking(struct vcpu *v, const struct emul_task *t)
{
	u32 info = v->arch.vmx->idt_vectoring;
	u32 state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	state &= ~(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
	if (t->source == EMUL_TASK_IRET)
		state &= ~GUEST_INTR_STATE_NMI;
	if ((info & VECTORING_INFO_VALID_MASK) &&
	    (info & VECTORING_INFO_TYPE_MASK) == INTR_TYPE_NMI_INTR)
		state |= GUEST_INTR_STATE_NMI;
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, state);
}

/* The new task has begun: its registers are the vCPU's. */
static void task_begun(struct vcpu *v, const struct emul_task *t)
{
	task_settle_blocking(v, t);
	v->arch.dr7 &= ~TASK_DR7_LOCAL;
	debug_update(v);
	/* interrupts may be on now, or NMIs let in */
	vcpu_request(v, REQ_EVENT);
}

int task_exit_switch(struct vcpu *v)
{
	struct mmio_state *st = mmio_get(v);
	struct emul_task t;
	bool trap;
	int r;

	if (unlikely(!st))
		return -ENOMEM;
	task_describe(v, &t);
	st->hint = false;
	st->io_exit = false;
	mmio_reset(st);
	r = emulate_task_switch(&st->c, &t, &trap);
	mmio_store(st);
	if (st->c.dirty & EMUL_DIRTY_RIP)
		task_begun(v, &t);
	switch (r) {
	case EMUL_OK:
		task_settle_event(v, true);
		if (trap)
			x86_inject_db(v, DR_SWITCH);
		return mmio_drain(v);
	case EMUL_EXCEPTION:
		task_settle_event(v, false);
		mmio_inject(st);
		return 1;
	case EMUL_RESTART:
		return 1;
	default:
		return mmio_unhandled(st);
	}
}
