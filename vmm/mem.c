// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the guest's RAM: one anonymous mapping for each range of the map, and
 * the pages laid over it.
 *
 * The map itself never changes after mem_create().  Overlays and the list of
 * released pages change under the caller's lock (physmap.c's); readers need
 * none, an overlay is exchanged by one mmap() with RAM or a page of the file
 * behind it at any moment, and so is an alias by one word.
 */
#include "mem.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MEM_HUGE	(2ull << 20)
#define MEM_HIGH_START	(1ull << 32)
#define MEM_MAX_BYTES	(1ull << 44)
#define MEM_NR_RANGES	2

/* The RAM page an overlay hides. */
struct mem_hidden {
	struct mem_hidden *next;
	gfn_t gfn;
	unsigned char data[GUEST_PAGE_SIZE];
};

/* A frame for which the guest sees another page; free: host is NULL. */
struct mem_alias {
	_Atomic uint64_t gfn;
	unsigned char *_Atomic host;
};

struct mem {
	size_t nr;
	struct mem_range range[MEM_NR_RANGES];
	unsigned char *host[MEM_NR_RANGES];
	struct mem_hidden *hidden;
	uint64_t *released[MEM_NR_RANGES];	/* a bit a page, lazily made */
	uint64_t nr_pages, nr_released;
	atomic_uint nr_aliases;		/* as high as any was in use */
	struct mem_alias alias[MEM_NR_ALIASES];
};

/*
 * Aligned to huge pages, so that second-stage entries can be as large as the
 * host's.  Nothing is touched: pages come with the guest's first access.
 */
static void *mem_map(uint64_t bytes)
{
	uintptr_t start, aligned, end;
	void *p;

	p = mmap(NULL, bytes + MEM_HUGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	start = (uintptr_t)p;
	aligned = (start + MEM_HUGE - 1) & ~(MEM_HUGE - 1);
	end = start + bytes + MEM_HUGE;
	if (aligned > start)
		munmap(p, aligned - start);
	if (end > aligned + bytes)
		munmap((void *)(aligned + bytes), end - aligned - bytes);
	madvise((void *)aligned, bytes, MADV_HUGEPAGE);
	madvise((void *)aligned, bytes, MADV_DONTFORK);
	return (void *)aligned;
}

static int mem_add_range(struct mem *m, uint64_t at, uint64_t bytes)
{
	void *p = mem_map(bytes);

	if (!p)
		return -ENOMEM;
	m->host[m->nr] = p;
	m->range[m->nr++] = (struct mem_range){ .gpa = at, .len = bytes };
	return 0;
}

int mem_create(struct mem **out, uint64_t bytes)
{
	uint64_t low = bytes < MEM_HOLE_START ? bytes : MEM_HOLE_START;
	struct mem *m;
	int err;

	if (!bytes || bytes % GUEST_PAGE_SIZE || bytes > MEM_MAX_BYTES)
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->nr_pages = bytes >> GUEST_PAGE_SHIFT;
	err = mem_add_range(m, 0, low);
	if (!err && bytes > low)
		err = mem_add_range(m, MEM_HIGH_START, bytes - low);
	if (err) {
		mem_destroy(m);
		return err;
	}
	*out = m;
	return 0;
}

void mem_destroy(struct mem *m)
{
	struct mem_hidden *h;
	size_t i;

	if (!m)
		return;
	for (i = 0; i < m->nr; i++) {
		munmap(m->host[i], m->range[i].len);
		free(m->released[i]);
	}
	while ((h = m->hidden)) {
		m->hidden = h->next;
		free(h);
	}
	free(m);
}

size_t mem_ranges(const struct mem *m, const struct mem_range **out)
{
	*out = m->range;
	return m->nr;
}

/* What the guest sees in place of RAM at @at, or NULL. */
static unsigned char *mem_alias_of(const struct mem *m, gfn_t at)
{
	unsigned int i, n = atomic_load(&m->nr_aliases);

	for (i = 0; i < n; i++) {
		unsigned char *host = atomic_load(&m->alias[i].host);

		if (host && atomic_load(&m->alias[i].gfn) == at.v)
			return host;
	}
	return NULL;
}

void *mem_ptr(const struct mem *m, gpa_t at, size_t len)
{
	uint64_t off = at.v % GUEST_PAGE_SIZE;
	unsigned char *alias;
	size_t i;

	if (len <= GUEST_PAGE_SIZE - off) {
		alias = mem_alias_of(m, gfn(at.v >> GUEST_PAGE_SHIFT));
		if (alias)
			return alias + off;
	}

	for (i = 0; i < m->nr; i++) {
		const struct mem_range *r = &m->range[i];

		if (at.v < r->gpa || at.v - r->gpa >= r->len)
			continue;
		if (len > r->len - (at.v - r->gpa))
			return NULL;
		return m->host[i] + (at.v - r->gpa);
	}
	return NULL;
}

int mem_read(const struct mem *m, gpa_t from, void *to, size_t len)
{
	const void *p = mem_ptr(m, from, len);

	if (!p)
		return -EFAULT;
	memcpy(to, p, len);
	return 0;
}

int mem_write(const struct mem *m, gpa_t to, const void *from, size_t len)
{
	void *p = mem_ptr(m, to, len);

	if (!p)
		return -EFAULT;
	memcpy(p, from, len);
	return 0;
}

static void *mem_page(const struct mem *m, gfn_t at)
{
	if (at.v >> (64 - GUEST_PAGE_SHIFT))
		return NULL;
	return mem_ptr(m, gfn_to_gpa(at), GUEST_PAGE_SIZE);
}

int mem_overlay_set(struct mem *m, gfn_t at, int fd, uint64_t offset)
{
	void *page = mem_page(m, at);
	struct mem_hidden *h;

	if (!page)
		return -EFAULT;
	h = malloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->gfn = at;
	memcpy(h->data, page, sizeof(h->data));
	if (mmap(page, GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd, offset) == MAP_FAILED) {
		free(h);
		return -errno;
	}
	h->next = m->hidden;
	m->hidden = h;
	return 0;
}

int mem_overlay_clear(struct mem *m, gfn_t at)
{
	struct mem_hidden **pp, *h;
	void *page = mem_page(m, at);

	for (pp = &m->hidden; *pp && (*pp)->gfn.v != at.v; pp = &(*pp)->next)
		;
	h = *pp;
	if (!h || !page)
		return -ENOENT;
	if (mmap(page, GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		return -errno;
	memcpy(page, h->data, sizeof(h->data));
	*pp = h->next;
	free(h);
	return 0;
}

int mem_alias_set(struct mem *m, gfn_t at, void *host)
{
	unsigned int i;

	if (!mem_page(m, at))
		return -EFAULT;
	for (i = 0; i < MEM_NR_ALIASES; i++) {
		if (atomic_load(&m->alias[i].host))
			continue;
		atomic_store(&m->alias[i].gfn, at.v);
		atomic_store(&m->alias[i].host, host);
		if (i >= atomic_load(&m->nr_aliases))
			atomic_store(&m->nr_aliases, i + 1);
		return 0;
	}
	return -ENOSPC;
}

void mem_alias_clear(struct mem *m, gfn_t at)
{
	unsigned int i;

	for (i = 0; i < atomic_load(&m->nr_aliases); i++)
		if (atomic_load(&m->alias[i].gfn) == at.v)
			atomic_store(&m->alias[i].host, NULL);
}

/* The bit of a page in the lists of released pages; NULL if not RAM or ENOMEM. */
static uint64_t *mem_released_word(struct mem *m, gfn_t at, uint64_t *bit,
				   bool make)
{
	size_t i;

	for (i = 0; i < m->nr; i++) {
		uint64_t first = m->range[i].gpa >> GUEST_PAGE_SHIFT;
		uint64_t pages = m->range[i].len >> GUEST_PAGE_SHIFT;

		if (at.v < first || at.v - first >= pages)
			continue;
		if (!m->released[i] && make)
			m->released[i] = calloc((pages + 63) / 64,
						sizeof(uint64_t));
		if (!m->released[i])
			return NULL;
		*bit = 1ull << ((at.v - first) % 64);
		return m->released[i] + (at.v - first) / 64;
	}
	return NULL;
}

int mem_release(struct mem *m, gfn_t at)
{
	void *page = mem_page(m, at);
	struct mem_hidden *h;
	uint64_t *word, bit;

	if (!page)
		return -EINVAL;
	if (mem_alias_of(m, at))
		return -EBUSY;
	for (h = m->hidden; h; h = h->next)
		if (h->gfn.v == at.v)
			return -EBUSY;
	word = mem_released_word(m, at, &bit, true);
	if (!word)
		return -ENOMEM;
	if (*word & bit)
		return -EINVAL;
	if (madvise(page, GUEST_PAGE_SIZE, MADV_DONTNEED))
		return -errno;
	*word |= bit;
	m->nr_released++;
	return 0;
}

int mem_populate(struct mem *m, gfn_t at)
{
	uint64_t *word, bit;

	if (!mem_page(m, at))
		return -EINVAL;
	word = mem_released_word(m, at, &bit, false);
	if (!word || !(*word & bit))
		return -EEXIST;
	*word &= ~bit;
	m->nr_released--;
	return 0;
}

uint64_t mem_pages(const struct mem *m, uint64_t *populated)
{
	if (populated)
		*populated = m->nr_pages - m->nr_released;
	return m->nr_pages;
}
