// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random values: uniform ones, ones at boundaries, and places out of small
 * pools, so that calls meet.  The generator is splitmix64.
 */
#include "fuzz.h"

uint64_t rnd(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t rnd_below(struct rng *r, uint32_t n)
{
	return (rnd(r) >> 32) * n >> 32;
}

bool rnd_one_in(struct rng *r, uint32_t n)
{
	return !rnd_below(r, n);
}

uint64_t rnd_edge(struct rng *r)
{
	static const uint64_t base[] = {
		0, 0, 1, 2, 0x10, 0x20, 0x40, 0xff, 0x100, 0x1000, 0x10000,
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000ull,
		0x7fffffffffff, 0xffff800000000000ull, 0x7fffffffffffffffull,
		0x8000000000000000ull, ~0ull,
	};
	uint64_t v = RND_PICK(r, base);

	switch (rnd_below(r, 6)) {
	case 0:
		return v + 1;
	case 1:
		return v - 1;
	case 2:
		return 1ull << rnd_below(r, 64);
	case 3:
		return rnd(r) >> rnd_below(r, 64);
	default:
		return v;
	}
}

uint64_t rnd_gpa(struct rng *r)
{
	static const uint64_t place[] = {
		0, 0x1000, GUEST_PT, GUEST_FREE, GUEST_TEXT, GUEST_DATA,
		0x3ff000, 0x400000, 0x500000, GUEST_MMIO, GUEST_APIC,
		0xfec00000ull, 0xfffff000ull, 0x100000000ull,
		(1ull << 39) - 0x1000, 1ull << 40, ~0ull,
	};
	uint64_t v = RND_PICK(r, place);

	switch (rnd_below(r, 8)) {
	case 0:
		return rnd_edge(r);
	case 1:
		return v + rnd_below(r, 0x1000);
	case 2:
		return v + 0x1000 - (rnd_below(r, 16) << rnd_below(r, 5));
	case 3:
		return v + rnd_below(r, 0x400) * 0x1000ull;
	default:
		return v;
	}
}

uint64_t rnd_gfn(struct rng *r)
{
	return rnd_one_in(r, 16) ? rnd_edge(r) : rnd_gpa(r) >> 12;
}

uint64_t rnd_hva(struct rng *r)
{
	static const uint64_t edge[] = {
		0, 1, 0xfff, FUZZ_MEM - 0x1000, FUZZ_MEM + FUZZ_MEM_SIZE,
		FUZZ_MEM + FUZZ_MEM_SIZE - 0x1000, 0x7ffffffff000ull,
		0x800000000000ull, 0xffff800000000000ull, ~0xfffull, ~0ull,
	};

	if (rnd_one_in(r, 24))
		return RND_PICK(r, edge);
	return FUZZ_MEM + rnd_below(r, FUZZ_MEM_SIZE >> 12) * 0x1000ull +
	       (rnd_one_in(r, 6) ? rnd_below(r, 0x1000) : 0);
}

/* Bounded, as the kernel has to keep a bit for each page. */
uint64_t rnd_size(struct rng *r)
{
	static const uint64_t size[] = {
		0, 0, 0x1000, 0x1000, 0x2000, 0x40000, 0x41000, 0x200000,
		0x201000, 0x400000, FUZZ_MEM_SIZE, 0x40000000ull,
		0x400000000ull, 1ull << 47,
	};

	if (rnd_one_in(r, 32))
		return rnd(r) & 0xfffffff;
	return RND_PICK(r, size);
}

uint32_t rnd_msr(struct rng *r)
{
	static const uint32_t msr[] = {
		0x10, 0x17, 0x1b, 0x3a, 0x3b, 0x8b, 0xfe, 0x174, 0x175, 0x176,
		0x179, 0x17a, 0x17b, 0x1a0, 0x1d9, 0x1fc, 0x200, 0x20f, 0x250,
		0x26f, 0x277, 0x2ff, 0x400, 0x403, 0x47f, 0x6e0, 0x800, 0x802,
		0x808, 0x80b, 0x80d, 0x80f, 0x810, 0x830, 0x832, 0x838, 0x83f,
		0x8ff, 0xda0, 0x40000000, 0x40000001, 0x40000003, 0x40000200,
		0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100,
		0xc0000101, 0xc0000102, 0xc0000103,
	};

	switch (rnd_below(r, 8)) {
	case 0:
		return rnd_edge(r);
	case 1:
		return RND_PICK(r, msr) + rnd_below(r, 16);
	case 2:
		return 0x800 + rnd_below(r, 0x100);
	default:
		return RND_PICK(r, msr);
	}
}

void rnd_bytes(struct rng *r, void *p, size_t n)
{
	uint8_t *to = p;

	for (size_t i = 0; i < n; i++)
		to[i] = rnd(r);
}
