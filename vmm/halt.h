/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest whose every vCPU is halted with interrupts off, or not running, will
 * never do anything again: as on Xen, it has powered off.  That is how an
 * operating system halts.
 */
#ifndef XKVM_HALT_H
#define XKVM_HALT_H

struct vm;

/* Look for it from now on, or no more.  The loop's thread. */
void halt_watch(struct vm *vm);
void halt_unwatch(struct vm *vm);

#endif
