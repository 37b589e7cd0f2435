/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM with local APICs, for the unit tests of those. */
#ifndef UNIT_LAPIC_MACHINE_H
#define UNIT_LAPIC_MACHINE_H

#include "../../kvm/x86/lapic.h"
#include "../lib/tap.h"

extern struct vm machine;

/* A VM of @nr vCPUs with ids 0 on, reset; APICs software-enabled. */
void machine_make(unsigned int nr);
struct vcpu *machine_cpu(unsigned int id);

/* Let @ns pass; timers expire as they come due. */
void machine_pass(s64 ns);

/* Registers of @id by MMIO; x2APIC ones by MSR (offset / 16 + 0x800). */
u32 machine_read(unsigned int id, u32 reg);
void machine_write(unsigned int id, u32 reg, u32 val);
void machine_x2apic(unsigned int id);

/* A device's message, by way of a route of its own; as lapic_deliver(). */
int machine_msi(u32 addr, u32 data);

/* What the vCPU would take next, taken; -1: nothing. */
int machine_take(unsigned int id);
void machine_eoi(unsigned int id);

#endif
