/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands around the block back end in its test. */
#ifndef BLK_FAKES_H
#define BLK_FAKES_H

#include <stdbool.h>
#include <stdint.h>

#include "../../vmm/pv/blk.h"
#include "../../vmm/vm_priv.h"

extern struct vm fake_vm;
extern struct xenbus_dev *fake_dev;	/* the one that was added */
extern struct evtchn_backend *fake_channel;
extern unsigned int fake_notified, fake_failed, fake_disconnected;
extern unsigned int fake_again;
extern bool fake_wide;

/* Nodes of the front end. */
extern uint32_t fake_ring_ref, fake_port;
extern const char *fake_protocol;

/* The last value written to a node of the back end, or NULL. */
const char *fake_node(const char *name);

#endif
