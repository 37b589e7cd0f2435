// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns which entries are pinned and how often, under g->lock.  The entries
 * themselves are the guest's: their flag bits GTF_reading and GTF_writing are
 * ours to set and clear, by atomic operations.
 */
#include "gnttab.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "abi.h"

/* Tries before a guest that keeps rewriting an entry is sent away. */
#define GNTTAB_TRIES	4

struct gnttab_active {
	uint32_t readers, writers;	/* a writer is not a reader too */
	uint16_t holder;
	uint32_t frame;
	void *page;
};

struct gnttab {
	pthread_mutex_t lock;
	const struct mem *mem;
	struct grant_entry_v1 *shared;
	unsigned int nr_frames;
	struct gnttab_active *active[GNTTAB_MAX_FRAMES];
};

/* An entry as one word: the unit of the atomic operations. */
union gnttab_word {
	struct grant_entry_v1 e;
	uint64_t v;
};

_Static_assert(sizeof(struct grant_entry_v1) == 8, "ABI");
_Static_assert(GUEST_PAGE_SIZE / sizeof(struct grant_entry_v1) ==
	       GNTTAB_PER_FRAME, "ABI");

int gnttab_create(struct gnttab **out, const struct mem *mem, void *frames)
{
	struct gnttab *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->mem = mem;
	g->shared = frames;
	g->nr_frames = 1;
	pthread_mutex_init(&g->lock, NULL);
	*out = g;
	return 0;
}

void gnttab_destroy(struct gnttab *g)
{
	unsigned int i;

	if (!g)
		return;
	for (i = 0; i < GNTTAB_MAX_FRAMES; i++)
		free(g->active[i]);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void gnttab_seed(struct gnttab *g, uint32_t ref, gfn_t frame)
{
	g->shared[ref].domid = XEN_ABI_DOM0;
	g->shared[ref].frame = frame.v;
	__atomic_store_n(&g->shared[ref].flags, GTF_permit_access,
			 __ATOMIC_RELEASE);
}

unsigned int gnttab_nr_frames(struct gnttab *g)
{
	unsigned int n;

	pthread_mutex_lock(&g->lock);
	n = g->nr_frames;
	pthread_mutex_unlock(&g->lock);
	return n;
}

int gnttab_grow(struct gnttab *g, unsigned int nr_frames)
{
	if (nr_frames > GNTTAB_MAX_FRAMES)
		return -ENOSPC;
	pthread_mutex_lock(&g->lock);
	if (nr_frames > g->nr_frames)
		g->nr_frames = nr_frames;
	pthread_mutex_unlock(&g->lock);
	return 0;
}

/* The record of @ref's pins; NULL when out of range or memory. */
static struct gnttab_active *gnttab_active(struct gnttab *g, uint32_t ref)
{
	unsigned int frame = ref / GNTTAB_PER_FRAME;

	if (frame >= g->nr_frames)
		return NULL;
	if (!g->active[frame])
		g->active[frame] = calloc(GNTTAB_PER_FRAME,
					  sizeof(struct gnttab_active));
	return g->active[frame] ? &g->active[frame][ref % GNTTAB_PER_FRAME] :
				  NULL;
}

static int gnttab_check(const struct grant_entry_v1 *e, uint16_t holder,
			bool write)
{
	if ((e->flags & GTF_type_mask) != GTF_permit_access)
		return GNTST_bad_gntref;
	if (e->domid != holder)
		return GNTST_permission_denied;
	/* Version 1 has no sub-page grants. */
	if (e->flags & GTF_sub_page)
		return GNTST_bad_gntref;
	if (write && e->flags & GTF_readonly)
		return GNTST_permission_denied;
	return GNTST_okay;
}

/*
 * Check @ref's entry and mark it in use; if @act has pins, the entry must
 * still grant what they rely on.  *@out is the entry that was marked.
 */
static int gnttab_mark(struct gnttab *g, uint32_t ref, uint16_t holder,
		       bool write, const struct gnttab_active *act,
		       union gnttab_word *out)
{
	uint64_t *entry = (uint64_t *)&g->shared[ref];
	union gnttab_word old, new;
	int i, status;

	old.v = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	for (i = 0; i < GNTTAB_TRIES; i++) {
		status = gnttab_check(&old.e, holder, write);
		if (status)
			return status;
		if ((act->readers || act->writers) &&
		    (act->holder != holder || act->frame != old.e.frame))
			return GNTST_general_error;
		new = old;
		new.e.flags |= GTF_reading | (write ? GTF_writing : 0);
		if (new.v == old.v ||
		    __atomic_compare_exchange_n(entry, &old.v, new.v, false,
						__ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE)) {
			*out = new;
			return GNTST_okay;
		}
	}
	return GNTST_eagain;
}

/* Take back the marks nobody needs any more. */
static void gnttab_unmark(struct gnttab *g, uint32_t ref,
			  const struct gnttab_active *act)
{
	uint16_t gone = 0;

	if (!act->writers)
		gone |= GTF_writing;
	if (!act->writers && !act->readers)
		gone |= GTF_reading;
	if (gone)
		__atomic_and_fetch(&g->shared[ref].flags, (uint16_t)~gone,
				   __ATOMIC_RELEASE);
}

int gnttab_pin(struct gnttab *g, uint32_t ref, uint16_t holder, bool write,
	       void **page)
{
	struct gnttab_active *act;
	union gnttab_word entry;
	int status;

	pthread_mutex_lock(&g->lock);
	act = gnttab_active(g, ref);
	if (!act) {
		status = GNTST_bad_gntref;
		goto out;
	}
	status = gnttab_mark(g, ref, holder, write, act, &entry);
	if (status)
		goto out;
	if (!act->readers && !act->writers) {
		act->holder = holder;
		act->frame = entry.e.frame;
		act->page = mem_ptr(g->mem, gfn_to_gpa(gfn(entry.e.frame)),
				    GUEST_PAGE_SIZE);
		if (!act->page) {
			gnttab_unmark(g, ref, act);
			status = GNTST_bad_page;
			goto out;
		}
	}
	if (write)
		act->writers++;
	else
		act->readers++;
	*page = act->page;
out:
	pthread_mutex_unlock(&g->lock);
	return status;
}

void gnttab_unpin(struct gnttab *g, uint32_t ref, bool write)
{
	struct gnttab_active *act;

	pthread_mutex_lock(&g->lock);
	act = gnttab_active(g, ref);
	if (act) {
		if (write && act->writers)
			act->writers--;
		else if (!write && act->readers)
			act->readers--;
		gnttab_unmark(g, ref, act);
	}
	pthread_mutex_unlock(&g->lock);
}
