// SPDX-License-Identifier: GPL-2.0-or-later
#include "blk_front.h"

#include <string.h>

#include "../lib/tap.h"
#include "blk_fakes.h"

blkif_front_ring_t front;
static bool front_narrow;

void front_init(void *page, bool narrow)
{
	blkif_sring_t *shared = page;

	memset(page, 0, GUEST_PAGE_SIZE);
	SHARED_RING_INIT(shared);
	FRONT_RING_INIT(&front, shared, GUEST_PAGE_SIZE);
	front_narrow = narrow;
	CHECK_EQ(RING_SIZE(&front), 32);
}

unsigned int front_entry_size(void)
{
	return front_narrow ? FRONT_ENTRY_NARROW : FRONT_ENTRY_WIDE;
}

unsigned char *front_slot(uint32_t i)
{
	return (unsigned char *)front.sring->ring +
	       (i & (RING_SIZE(&front) - 1)) * front_entry_size();
}

void front_put(unsigned int at, uint64_t v, unsigned int len)
{
	memcpy(front_slot(front.req_prod_pvt) + at, &v, len);
}

unsigned int front_body(void)
{
	return front_narrow ? 4 : 8;
}

void front_begin(uint8_t op, uint8_t count, uint16_t handle, uint64_t id,
		 uint64_t sector)
{
	memset(front_slot(front.req_prod_pvt), 0xee, front_entry_size());
	front_put(0, op, 1);
	front_put(1, count, 1);
	front_put(2, handle, 2);
	front_put(front_body(), id, 8);
	front_put(front_body() + 8, sector, 8);
}

void front_segment(unsigned int i, uint32_t ref, uint8_t first, uint8_t last)
{
	front_put(front_body() + 16 + 8 * i, ref, 4);
	front_put(front_body() + 16 + 8 * i + 4, first, 1);
	front_put(front_body() + 16 + 8 * i + 5, last, 1);
}

void front_send(void)
{
	CHECK(!RING_FULL(&front));
	front.req_prod_pvt++;
}

void front_signal(void)
{
	CHECK(fake_channel);
	fake_channel->fn(fake_channel);
}

bool front_push(void)
{
	bool notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
	if (notify)
		front_signal();
	return notify;
}

struct blkif_response front_take(void)
{
	struct blkif_response rsp = { 0 };
	const unsigned char *p = front_slot(front.rsp_cons);

	CHECK(RING_HAS_UNCONSUMED_RESPONSES(&front));
	xen_rmb();
	memcpy(&rsp, p, front_narrow ? 12 : 16);
	/* Nothing of ours is in what the guest gets beside the answer. */
	CHECK_MSG(!p[9], "padding of a response: %#x at 9", p[9]);
	if (!front_narrow)
		CHECK_MSG(!p[12] && !p[13] && !p[14] && !p[15],
			  "padding of a response: %#x at 12", p[12]);
	front.rsp_cons++;
	return rsp;
}
