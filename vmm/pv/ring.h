/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The back end's side of a shared ring (<xen/io/ring.h>), for entries of any
 * size.  Requests are copied once; the producer index is the guest's word and
 * checked against what a ring can hold; responses are copied from a buffer the
 * caller has zeroed to its last byte.
 */
#ifndef XKVM_PV_RING_H
#define XKVM_PV_RING_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PV_RING_HEADER	64u	/* bytes before the first entry */

/* The first words of the page. */
struct pv_ring_shared {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
};

struct pv_ring {
	struct pv_ring_shared *shared;
	unsigned char *entries;
	uint32_t nr, entry_size;	/* nr is a power of two */
	uint32_t req_cons, rsp_prod;	/* ours: never read back */
	bool broken;
};

/*
 * pv_ring_init() - a ring of @bytes at @page, whose entries take @entry_size.
 * Goes on where the page's indices say, as after a reconnection, if they make
 * sense together; 0 or -EINVAL.
 */
static inline int pv_ring_init(struct pv_ring *r, void *page, uint32_t bytes,
			       uint32_t entry_size)
{
	uint32_t nr = (bytes - PV_RING_HEADER) / entry_size;

	memset(r, 0, sizeof(*r));
	r->shared = page;
	r->entries = (unsigned char *)page + PV_RING_HEADER;
	r->entry_size = entry_size;
	r->nr = 1u << (31 - __builtin_clz(nr));
	r->rsp_prod = __atomic_load_n(&r->shared->rsp_prod, __ATOMIC_RELAXED);
	r->req_cons = r->rsp_prod;
	return __atomic_load_n(&r->shared->req_prod, __ATOMIC_ACQUIRE) -
	       r->rsp_prod > r->nr ? -EINVAL : 0;
}

/*
 * pv_ring_pop() - copy the next request to @req, of r->entry_size bytes or
 * less (@size).  1, 0 if there is none, or -EPROTO, once and for all, if the
 * guest claims more requests than the ring has room for beside those in
 * flight, or takes back what it has claimed.
 */
static inline int pv_ring_pop(struct pv_ring *r, void *req, uint32_t size)
{
	uint32_t prod;

	if (r->broken)
		return -EPROTO;
	prod = __atomic_load_n(&r->shared->req_prod, __ATOMIC_ACQUIRE);
	if (prod - r->req_cons > r->nr - (r->req_cons - r->rsp_prod)) {
		r->broken = true;
		return -EPROTO;
	}
	if (prod == r->req_cons)
		return 0;
	memcpy(req, r->entries + (r->req_cons & (r->nr - 1)) * r->entry_size,
	       size);
	r->req_cons++;
	return 1;
}

/* Ask for an event with the next request; true if one is there already. */
static inline bool pv_ring_final_check(struct pv_ring *r)
{
	__atomic_store_n(&r->shared->req_event, r->req_cons + 1,
			 __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !r->broken && __atomic_load_n(&r->shared->req_prod,
					     __ATOMIC_ACQUIRE) != r->req_cons;
}

/* Put a response; the guest sees it with pv_ring_publish(). */
static inline void pv_ring_push(struct pv_ring *r, const void *rsp,
				uint32_t size)
{
	memcpy(r->entries + (r->rsp_prod & (r->nr - 1)) * r->entry_size, rsp,
	       size);
	r->rsp_prod++;
}

/* Show responses up to now; true if the guest wants an event for them. */
static inline bool pv_ring_publish(struct pv_ring *r, uint32_t old)
{
	__atomic_store_n(&r->shared->rsp_prod, r->rsp_prod, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return r->rsp_prod - __atomic_load_n(&r->shared->rsp_event,
					     __ATOMIC_ACQUIRE) <
	       r->rsp_prod - old;
}

#endif
