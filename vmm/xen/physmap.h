/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The special pages of the guest: shared_info and the grant frames, which the
 * VMM owns and the guest puts wherever it likes in its memory map.
 */
#ifndef XKVM_XEN_PHYSMAP_H
#define XKVM_XEN_PHYSMAP_H

#include <stdint.h>

#include "../mem.h"

struct physmap;
struct vcpu;
struct vm;

/* Numbers of special pages. */
#define PHYSMAP_SHARED_INFO	0u
#define PHYSMAP_GRANT(i)	(1u + (i))
#define PHYSMAP_NR		(1u + 64u)

#define PHYSMAP_NOWHERE		UINT64_MAX

int physmap_create(struct physmap **out, struct vm *vm);	/* 0 or -errno */
void physmap_destroy(struct physmap *p);

/* The page's host address, for as long as @p lives; consecutive numbers are
 * consecutive in memory.
 */
void *physmap_page(struct physmap *p, unsigned int nr);

/*
 * physmap_map() - let page @nr appear at @at, and nowhere else any more; what
 * other special page was there goes.  RAM under it is hidden, not lost.
 * -EINVAL for a frame that cannot hold it; -errno of the memory system.
 * physmap_unmap() - the special page at @at goes; -ENOENT if there is none.
 *
 * On a vCPU's thread, with no lock held: shared_info's place is told to every
 * vCPU.
 */
int physmap_map(struct physmap *p, struct vcpu *self, unsigned int nr,
		gfn_t at);
int physmap_unmap(struct physmap *p, struct vcpu *self, gfn_t at);

/*
 * physmap_reset() - every special page goes and is zeroed.  No vCPU runs, and
 * neither the kernel nor the event channels use shared_info any more.
 */
int physmap_reset(struct physmap *p);

/* Where page @nr is: a frame or PHYSMAP_NOWHERE. */
uint64_t physmap_where(struct physmap *p, unsigned int nr);

/* Balloon: mem_release() and mem_populate() under the lock they want. */
int physmap_release(struct physmap *p, gfn_t at);
int physmap_populate(struct physmap *p, gfn_t at);
uint64_t physmap_populated(struct physmap *p);

#endif
