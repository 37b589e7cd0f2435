/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest on the fake node does with Xen: its store, and one disk. */
#ifndef UNIT_FAKE_XEN_H
#define UNIT_FAKE_XEN_H

#include "fake_node.h"

#define ARG_GPA		0x20000ull	/* of hypercalls; the page is theirs */

/* An HVM parameter. */
uint64_t g_param(struct fake_vcpu *g, uint32_t index);
/* EVTCHNOP_send. */
void g_send(struct fake_vcpu *g, uint32_t port);

/* SCHEDOP_shutdown for a soft reset, behind which the guest goes on. */
void g_soft_reset(struct fake_vcpu *g);

/* SCHEDOP_shutdown with this reason. */
void g_shutdown(struct fake_vcpu *g, unsigned int reason);

/* The store: write @path, below the guest's own; read it, "" if it is not. */
void g_store_write(struct fake_vcpu *g, const char *path, const char *value);
void g_store_read(struct fake_vcpu *g, const char *path, char *value,
		  size_t len);

/* Connect xvda, and have @n reads of its first page under way; have them all. */
void g_disk_read(struct fake_vcpu *g, unsigned int n);
void g_disk_wait(struct fake_vcpu *g, unsigned int n);

#endif
