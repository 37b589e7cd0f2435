/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's grant table, version 1: pinning granted pages for back ends and
 * for grant copies.
 *
 * Numbers called status are GNTST_* of <xen/grant_table.h>.
 */
#ifndef XKVM_XEN_GNTTAB_H
#define XKVM_XEN_GNTTAB_H

#include <stdbool.h>
#include <stdint.h>

#include "../mem.h"

struct gnttab;

#define GNTTAB_MAX_FRAMES	64u	/* libxl's default for a guest */
#define GNTTAB_PER_FRAME	512u	/* entries of version 1 in a page */

/*
 * gnttab_create() - a table of one frame; @frames are GNTTAB_MAX_FRAMES pages,
 * zeroed, which the guest will see and the caller keeps.  @mem is what the
 * entries' frames refer to.  0 or -ENOMEM.
 */
int gnttab_create(struct gnttab **out, const struct mem *mem, void *frames);
void gnttab_destroy(struct gnttab *g);

/* Grant @frame to dom0 in a reserved entry, before the guest runs. */
void gnttab_seed(struct gnttab *g, uint32_t ref, gfn_t frame);

/* Frames in use; growing beyond GNTTAB_MAX_FRAMES is -ENOSPC. */
unsigned int gnttab_nr_frames(struct gnttab *g);
int gnttab_grow(struct gnttab *g, unsigned int nr_frames);

/**
 * gnttab_pin() - use the page that @ref grants to domain @holder.
 * @write:	for writing too
 * @page:	the page's host address, to access until gnttab_unpin()
 *
 * The entry is read once, as a whole, and marked in use by an exchange that
 * fails if the guest has changed it since: the page used is the page checked.
 * A page may be pinned several times; all but the first take the frame that
 * the first one found.
 *
 * Return: GNTST_okay or another status, with a pin only for the former.
 */
int gnttab_pin(struct gnttab *g, uint32_t ref, uint16_t holder, bool write,
	       void **page);

/* Give one pin back, with the @write it was made with. */
void gnttab_unpin(struct gnttab *g, uint32_t ref, bool write);

#endif
