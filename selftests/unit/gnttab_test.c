// SPDX-License-Identifier: GPL-2.0-or-later
/* Pinning granted pages: rights, counts, and guests that change entries. */
#include <pthread.h>
#include <stdlib.h>

#include "../lib/tap.h"
#include "../../vmm/xen/abi.h"
#include "../../vmm/xen/gnttab.h"

#define PAGES	256u

const char *tap_precondition(void)
{
	return NULL;
}

static struct mem *mem;
static struct gnttab *g;
static struct grant_entry_v1 *table;

static void setup(void)
{
	CHECK_EQ(mem_create(&mem, PAGES * GUEST_PAGE_SIZE), 0);
	table = calloc(GNTTAB_MAX_FRAMES, GUEST_PAGE_SIZE);
	CHECK(table);
	CHECK_EQ(gnttab_create(&g, mem, table), 0);
}

static void teardown(void)
{
	gnttab_destroy(g);
	mem_destroy(mem);
	free(table);
}

static void grant(uint32_t ref, uint16_t flags, uint16_t domid, uint32_t frame)
{
	table[ref] = (struct grant_entry_v1){ flags, domid, frame };
}

static int pin(uint32_t ref, bool write, void **page)
{
	return gnttab_pin(g, ref, XEN_ABI_DOM0, write, page);
}

static void *page_of(uint32_t frame)
{
	return mem_ptr(mem, gfn_to_gpa(gfn(frame)), GUEST_PAGE_SIZE);
}

TEST(rights, "an entry grants what it says, to whom it says")
{
	void *page;

	setup();
	CHECK(pin(8, false, &page) == GNTST_bad_gntref);
	grant(8, GTF_permit_access, 7, 5);
	CHECK(pin(8, false, &page) == GNTST_permission_denied);
	grant(8, GTF_accept_transfer, 0, 5);
	CHECK(pin(8, false, &page) == GNTST_bad_gntref);
	grant(8, GTF_transitive, 0, 5);
	CHECK(pin(8, false, &page) == GNTST_bad_gntref);
	grant(8, GTF_permit_access | GTF_sub_page, 0, 5);
	CHECK(pin(8, false, &page) == GNTST_bad_gntref);
	grant(8, GTF_permit_access | GTF_readonly, 0, 5);
	CHECK(pin(8, true, &page) == GNTST_permission_denied);
	CHECK_EQ(table[8].flags, GTF_permit_access | GTF_readonly);
	CHECK_EQ(pin(8, false, &page), GNTST_okay);
	CHECK(page == page_of(5));
	CHECK_EQ(table[8].flags, GTF_permit_access | GTF_readonly |
		 GTF_reading);
	CHECK(pin(8, true, &page) == GNTST_permission_denied);
	gnttab_unpin(g, 8, false);
	CHECK_EQ(table[8].flags, GTF_permit_access | GTF_readonly);
	teardown();
}

TEST(range, "references and frames out of range are refused")
{
	void *page;

	setup();
	grant(600, GTF_permit_access, 0, 5);
	CHECK(pin(600, false, &page) == GNTST_bad_gntref);
	CHECK(pin(UINT32_MAX, false, &page) == GNTST_bad_gntref);
	CHECK_EQ(gnttab_grow(g, 2), 0);
	CHECK_EQ(gnttab_nr_frames(g), 2);
	CHECK_EQ(pin(600, false, &page), GNTST_okay);
	gnttab_unpin(g, 600, false);
	CHECK(gnttab_grow(g, GNTTAB_MAX_FRAMES + 1) == -ENOSPC);
	CHECK_EQ(gnttab_grow(g, GNTTAB_MAX_FRAMES), 0);
	CHECK_EQ(gnttab_grow(g, 1), 0);
	CHECK_EQ(gnttab_nr_frames(g), GNTTAB_MAX_FRAMES);
	CHECK(pin(GNTTAB_MAX_FRAMES * GNTTAB_PER_FRAME, false, &page) ==
	      GNTST_bad_gntref);

	grant(9, GTF_permit_access, 0, PAGES);
	CHECK(pin(9, true, &page) == GNTST_bad_page);
	CHECK_EQ(table[9].flags, GTF_permit_access);
	grant(9, GTF_permit_access, 0, UINT32_MAX);
	CHECK(pin(9, true, &page) == GNTST_bad_page);
	CHECK_EQ(table[9].flags, GTF_permit_access);
	teardown();
}

TEST(counts, "marks go with the last pin of their kind, and not before")
{
	void *a, *b;

	setup();
	grant(8, GTF_permit_access, 0, 3);
	CHECK_EQ(pin(8, true, &a), 0);
	CHECK_EQ(pin(8, false, &b), 0);
	CHECK(a == b);
	CHECK_EQ(pin(8, true, &b), 0);
	gnttab_unpin(g, 8, true);
	CHECK_EQ(table[8].flags, GTF_permit_access | GTF_reading |
		 GTF_writing);
	gnttab_unpin(g, 8, true);
	CHECK_EQ(table[8].flags, GTF_permit_access | GTF_reading);
	gnttab_unpin(g, 8, false);
	CHECK_EQ(table[8].flags, GTF_permit_access);
	/* One too many does not wrap. */
	gnttab_unpin(g, 8, false);
	gnttab_unpin(g, 8, true);
	CHECK_EQ(pin(8, false, &a), 0);
	gnttab_unpin(g, 8, false);
	CHECK_EQ(table[8].flags, GTF_permit_access);
	gnttab_unpin(g, 100000000, true);
	teardown();
}

TEST(changed, "a pinned entry that was changed is not pinned again")
{
	void *a, *b;

	setup();
	grant(8, GTF_permit_access, 0, 3);
	CHECK_EQ(pin(8, true, &a), 0);
	table[8].frame = 4;
	CHECK(pin(8, true, &b) == GNTST_general_error);
	table[8].frame = 3;
	CHECK(gnttab_pin(g, 8, 9, true, &b) == GNTST_permission_denied);
	table[8].domid = 9;
	CHECK(gnttab_pin(g, 8, 9, true, &b) == GNTST_general_error);
	gnttab_unpin(g, 8, true);
	teardown();
}

TEST(seeded, "the toolstack's entries are dom0's")
{
	void *page;

	setup();
	gnttab_seed(g, GNTTAB_RESERVED_XENSTORE, gfn(17));
	CHECK_EQ(pin(GNTTAB_RESERVED_XENSTORE, true, &page), 0);
	CHECK(page == page_of(17));
	teardown();
}

/*
 * A guest that rewrites the entry all the time: frame GOOD is granted, frame
 * EVIL never is.  What is checked must be what is used.
 */
#define GOOD	3u
#define EVIL	7u

static int stop;

static void *rewriter(void *arg)
{
	const union {
		struct grant_entry_v1 e;
		uint64_t v;
	} good = { .e = { GTF_permit_access, 0, GOOD } },
	  evil = { .e = { GTF_invalid, 0, EVIL } };

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		__atomic_store_n((uint64_t *)&table[8], good.v,
				 __ATOMIC_SEQ_CST);
		__atomic_store_n((uint64_t *)&table[8], evil.v,
				 __ATOMIC_SEQ_CST);
	}
	return NULL;
}

TEST(race, "the frame used is the frame that was granted")
{
	unsigned int i, pinned = 0;
	pthread_t t;
	void *page;

	setup();
	CHECK_EQ(pthread_create(&t, NULL, rewriter, NULL), 0);
	for (i = 0; i < 3000000 && pinned < 20000; i++) {
		int status = pin(8, i & 1, &page);

		CHECK(status == GNTST_okay || status == GNTST_bad_gntref ||
		      status == GNTST_eagain);
		if (status)
			continue;
		CHECK(page == page_of(GOOD));
		gnttab_unpin(g, 8, i & 1);
		pinned++;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	CHECK(pinned);
	teardown();
}
