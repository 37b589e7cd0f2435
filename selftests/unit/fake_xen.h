/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest on the fake node does with Xen: its store, and one disk. */
#ifndef UNIT_FAKE_XEN_H
#define UNIT_FAKE_XEN_H

#include "fake_node.h"

/* SCHEDOP_shutdown with this reason. */
void g_shutdown(struct fake_vcpu *g, unsigned int reason);

/* The store: write @path, below the guest's own; read it, "" if it is not. */
void g_store_write(struct fake_vcpu *g, const char *path, const char *value);
void g_store_read(struct fake_vcpu *g, const char *path, char *value,
		  size_t len);

/* Connect xvda, and have @n reads of its first page under way. */
void g_disk_read(struct fake_vcpu *g, unsigned int n);

#endif
