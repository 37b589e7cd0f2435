/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's xenstore: its tree as a toolstack fills it, served on the page
 * of HVM_PARAM_STORE_PFN.  The loop's thread only.
 */
#ifndef XKVM_PV_STORE_H
#define XKVM_PV_STORE_H

#include <stdint.h>

struct guest_store;
struct vm;
struct xs_store;

/* vm->boot, vm->evtchn and vm->params are there; 0 or -errno. */
int guest_store_create(struct guest_store **out, struct vm *vm);
void guest_store_destroy(struct guest_store *s);

struct xs_store *guest_store_xs(struct guest_store *s);

/* Ask the guest by control/shutdown; 0 or -errno. */
int guest_store_control(struct guest_store *s, const char *what);

/*
 * guest_store_mkdir() - a directory that @owner owns and @reader may read,
 * which what domain 0 makes in it inherits.
 */
int guest_store_mkdir(struct guest_store *s, uint32_t owner, uint32_t reader,
		      const char *path);

#endif
