/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 8254 of a VM: its ports, port 0x61 beside them, and the timer behind
 * counter 0, which raises GSI 0.
 *
 * A guest that counts ticks must get each: with reinjection the ticks that
 * come while one is not ended are kept and delivered one after the other.
 * Without, they are lost, and the guest reckons with that.
 */
#ifndef XKVM_X86_PIT_TIMER_H
#define XKVM_X86_PIT_TIMER_H

#include <linux/kvm.h>
#include <linux/types.h>

struct vm;
struct pit_timer;

/*
 * A PIT; @flags as in struct kvm_pit_config.  May sleep.  Or ERR_PTR: -ENOMEM,
 * -ENOSPC.
 */
struct pit_timer *pit_timer_create(struct vm *vm, u32 flags);

/* Nothing comes from it any more.  Waits for a tick that is being delivered. */
void pit_timer_stop(struct pit_timer *t);

/* After that, and after the buses. */
void pit_timer_free(struct pit_timer *t);

/* The guest has ended the interrupt of GSI 0; listens to it again. */
void pit_timer_ack(struct pit_timer *t);
void pit_timer_unmasked(struct pit_timer *t);

/* KVM_REINJECT_CONTROL. */
void pit_timer_set_reinject(struct pit_timer *t, bool reinject);

/*
 * KVM_GET_PIT2, KVM_SET_PIT2; KVM_SET_PIT keeps the flags: @s->flags of
 * pit_timer_get().
 */
void pit_timer_get(struct pit_timer *t, struct kvm_pit_state2 *s);
void pit_timer_set(struct pit_timer *t, const struct kvm_pit_state2 *s);

#endif
