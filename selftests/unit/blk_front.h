/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block front end that keeps to <xen/io/ring.h>: it signals the back end when
 * RING_PUSH_REQUESTS_AND_CHECK_NOTIFY says so and at no other time.
 */
#ifndef BLK_FRONT_H
#define BLK_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "../../vmm/xen/abi.h"

#define xen_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb()	__atomic_thread_fence(__ATOMIC_RELEASE)
#include <xen/io/blkif.h>

#define FRONT_ENTRY_WIDE	112u
#define FRONT_ENTRY_NARROW	108u

/* Indices are ring.h's; both layouts have 32 entries in a page. */
extern blkif_front_ring_t front;

/* An empty ring in @page for 32-bit or 64-bit requests. */
void front_init(void *page, bool narrow);

unsigned int front_entry_size(void);
/* Entry @i of the ring, request or response. */
unsigned char *front_slot(uint32_t i);

/* The next request, written in place: its head, a field of it, a segment. */
void front_begin(uint8_t op, uint8_t count, uint16_t handle, uint64_t id,
		 uint64_t sector);
void front_put(unsigned int at, uint64_t v, unsigned int len);
void front_segment(unsigned int i, uint32_t ref, uint8_t first, uint8_t last);
/* Where the body of a request starts. */
unsigned int front_body(void);

/* The request is complete; the back end does not see it yet. */
void front_send(void);
/* Show what was sent, and signal if the back end wants it; whether it did. */
bool front_push(void);
/* The event channel's signal, as front_push() makes it. */
void front_signal(void);

/* The next response, which must be there, with what must be zero checked. */
struct blkif_response front_take(void);

#endif
