/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory: the RAM map of the guest and the only ways to reach it.
 *
 * A guest address is a gpa_t, a structure nobody can dereference.  Every
 * access is checked against the RAM map; a range is in RAM as a whole or the
 * call fails with -EFAULT.  The guest may change its memory at any time: copy
 * once with mem_read(), check the copy, use the copy.
 */
#ifndef XKVM_MEM_H
#define XKVM_MEM_H

#include <stddef.h>
#include <stdint.h>

typedef struct { uint64_t v; } gpa_t;		/* guest physical address */
typedef struct { uint64_t v; } gfn_t;		/* gpa >> GUEST_PAGE_SHIFT */

#define GUEST_PAGE_SHIFT 12
#define GUEST_PAGE_SIZE  4096u

static inline gpa_t gpa(uint64_t v) { return (gpa_t){ v }; }
static inline gfn_t gfn(uint64_t v) { return (gfn_t){ v }; }
static inline gpa_t gfn_to_gpa(gfn_t g)
{
	return (gpa_t){ g.v << GUEST_PAGE_SHIFT };
}

struct mem;

/* One range of guest RAM, for the memory map handed to the guest. */
struct mem_range {
	uint64_t gpa, len;	/* bytes, page aligned */
};

/*
 * mem_create() - allocate @bytes of guest RAM (page multiple), laid out below
 * and, past the 32-bit MMIO hole (MEM_HOLE_START .. 4 GiB), above 4 GiB.
 * No KVM slot is made here (vm.c does that from mem_ranges()).
 * Returns 0 and *@out, or -ENOMEM/-EINVAL.  mem_destroy() unmaps.
 */
int mem_create(struct mem **out, uint64_t bytes);
void mem_destroy(struct mem *m);

#define MEM_HOLE_START 0xc0000000ull	/* RAM below 4 GiB ends here at most */

/* The RAM ranges in ascending order; valid as long as @m. */
size_t mem_ranges(const struct mem *m, const struct mem_range **out);

/* Copy @len bytes out of / into guest RAM.  0 or -EFAULT, nothing partial. */
int mem_read(const struct mem *m, gpa_t from, void *to, size_t len);
int mem_write(const struct mem *m, gpa_t to, const void *from, size_t len);

/*
 * mem_ptr() - the host address of @len bytes of guest RAM at @at, contiguous
 * in the VMM's address space; NULL if any byte of it is not RAM.  For rings
 * and I/O buffers, whose users treat the contents as changing under them.
 */
void *mem_ptr(const struct mem *m, gpa_t at, size_t len);

/*
 * What follows is xen/physmap.c's, called under its lock.
 *
 * mem_overlay_set() - lay the page at @offset of @fd over the RAM page @at,
 * for the guest and the VMM alike; what the page held comes back with
 * mem_overlay_clear().  0, -EFAULT if @at is not RAM, -ENOMEM; clearing what
 * is not set is -ENOENT.
 */
int mem_overlay_set(struct mem *m, gfn_t at, int fd, uint64_t offset);
int mem_overlay_clear(struct mem *m, gfn_t at);

/*
 * mem_alias_set() - the kernel shows the guest the page at @host in place of
 * the RAM page @at: accesses within that page go there, too.  Longer ones see
 * the RAM under it.  0, -EFAULT if @at is not RAM, -ENOSPC.
 * mem_alias_clear() - no longer; nothing if it was not.
 */
#define MEM_NR_ALIASES	65
int mem_alias_set(struct mem *m, gfn_t at, void *host);
void mem_alias_clear(struct mem *m, gfn_t at);

/*
 * mem_release() - give a page back to the host (ballooning).  It stays in the
 * map, reads as zero, and costs nothing until the guest touches it again.
 * mem_populate() - count it as the guest's again.
 * 0, -EINVAL if it is not RAM or released already, -EEXIST if it was not
 * released, -EBUSY under an overlay, -ENOMEM.
 */
int mem_release(struct mem *m, gfn_t at);
int mem_populate(struct mem *m, gfn_t at);

/* Pages of RAM in the map; *@populated without the released ones. */
uint64_t mem_pages(const struct mem *m, uint64_t *populated);

#endif
