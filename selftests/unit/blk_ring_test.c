// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The block back end's ring under load.  The front end keeps to ring.h in both
 * directions: it looks for responses only when it was signalled, and signals
 * only when ring.h says so.  The disk is the test's own and completes when and
 * in the order the test wants.  When nothing is under way on the disk and
 * nobody was signalled, while requests wait, the ring has stopped for good.
 */
#include <stdlib.h>

#include "../lib/tap.h"
#include "../../vmm/config.h"
#include "../../vmm/event.h"
#include "../../vmm/xen/gnttab.h"
#include "blk_fakes.h"
#include "blk_front.h"

#define PAGES		256u
#define RING_REF	8u
#define RING_FRAME	1u
#define DATA_REF	100u		/* a page for each request in flight */
#define DATA_FRAME	16u
#define LIST_REF	200u		/* and one for an indirect one's list */
#define LIST_FRAME	100u
#define PLACES		64u
#define SECTORS		(PLACES * 8)
#define TOTAL		2000u

const char *tap_precondition(void)
{
	return NULL;
}

static struct grant_entry_v1 *table;
static struct vm_config_disk cfg = {
	.target = (char *)"image", .vdev = (char *)"xvda", .discard = true,
};
static struct disk disk = {
	.cfg = &cfg, .bytes = SECTORS * DISK_SECTOR, .sectors = SECTORS,
	.sector_size = DISK_SECTOR, .physical_size = DISK_SECTOR,
	.vdev = 51712,
};
static unsigned char image[SECTORS * DISK_SECTOR];

/* The disk: operations under way, oldest first */

static struct event_io *under_way[PLACES];
static unsigned int nr_under_way;

int event_io_submit(struct event_loop *l, struct event_io *io)
{
	CHECK(nr_under_way < PLACES);
	under_way[nr_under_way++] = io;
	return 0;
}

void event_loop_stop(struct event_loop *l)
{
}

static int64_t transfer(const struct event_io *io)
{
	uint64_t at = io->offset;
	unsigned int i;

	for (i = 0; i < io->nr_iov; i++) {
		size_t len = io->iov[i].iov_len;

		CHECK(at + len <= sizeof(image));
		if (io->op == EVENT_WRITEV)
			memcpy(image + at, io->iov[i].iov_base, len);
		else
			memcpy(io->iov[i].iov_base, image + at, len);
		at += len;
	}
	return at - io->offset;
}

static void complete(unsigned int i)
{
	struct event_io *io = under_way[i];
	int64_t res = 0;

	if (io->op == EVENT_READV || io->op == EVENT_WRITEV)
		res = transfer(io);
	memmove(under_way + i, under_way + i + 1,
		(--nr_under_way - i) * sizeof(under_way[0]));
	io->done(io, res);
}

/* The front end: request @id uses place @id % PLACES, of disk and memory. */

enum kind { READ, WRITE, INDIRECT, FLUSH, BARRIER, BAD, KINDS };
enum order { OLDEST, NEWEST, ANY };

struct load {
	unsigned int depth;		/* requests at once */
	enum order order;
	bool narrow, mixed;
};

static uint64_t sent, answered;
static uint64_t open_ids[PLACES];	/* id + 1 of the one in a place */
static unsigned int taken_events;

static void *frame(uint32_t n)
{
	return mem_ptr(fake_vm.mem, gfn_to_gpa(gfn(n)), GUEST_PAGE_SIZE);
}

static enum kind kind_of(const struct load *l, uint64_t id)
{
	if (!l->mixed)
		return id / PLACES % 2 ? READ : WRITE;
	if (id % 41 == 17)
		return BARRIER;
	if (id % 23 == 3)
		return FLUSH;
	if (id % 7 == 5)
		return BAD;
	if (id % 5 == 1)
		return INDIRECT;
	return id / PLACES % 2 ? READ : WRITE;
}

static void fill(unsigned int place, uint64_t id)
{
	uint32_t *p = frame(DATA_FRAME + place);
	unsigned int i;

	for (i = 0; i < GUEST_PAGE_SIZE / sizeof(*p); i++)
		p[i] = id << 12 | i;
}

/* What a read has to find: what the place's last write put there. */
static uint32_t on_disk[PLACES];

static void send_one(const struct load *l, uint64_t id)
{
	static const uint8_t ops[KINDS] = {
		BLKIF_OP_READ, BLKIF_OP_WRITE, BLKIF_OP_INDIRECT,
		BLKIF_OP_FLUSH_DISKCACHE, BLKIF_OP_WRITE_BARRIER, 99,
	};
	unsigned int place = id % PLACES;
	enum kind k = kind_of(l, id);
	struct blkif_request_segment *list = frame(LIST_FRAME + place);

	CHECK(!open_ids[place]);
	open_ids[place] = id + 1;
	fill(place, id);
	if (k == WRITE || k == BARRIER || k == INDIRECT)
		on_disk[place] = id;
	if (k == INDIRECT) {
		list[0] = (struct blkif_request_segment){ DATA_REF + place,
							  0, 7 };
		front_begin(ops[k], BLKIF_OP_WRITE, 1, id, place * 8);
		front_put(front_body() + 16, 0, 2);
		front_put(front_body() + 20, LIST_REF + place, 4);
	} else {
		front_begin(ops[k], k != FLUSH, 0, id, place * 8);
		front_segment(0, DATA_REF + place, 0, 7);
	}
	front_send();
}

static void take_one(const struct load *l)
{
	struct blkif_response rsp = front_take();
	unsigned int place = rsp.id % PLACES;
	enum kind k = kind_of(l, rsp.id);

	CHECK_EQ(open_ids[place], rsp.id + 1);
	open_ids[place] = 0;
	CHECK_EQ(rsp.status, (k == BAD ? BLKIF_RSP_EOPNOTSUPP :
			      BLKIF_RSP_OKAY));
	if (k == BARRIER)
		CHECK_EQ(answered, rsp.id);
	if (k == READ)
		CHECK_EQ(*(uint32_t *)frame(DATA_FRAME + place),
			 on_disk[place] << 12);
	answered++;
}

/* The event channel's interrupt in the guest. */
static void interrupt(const struct load *l)
{
	int more;

	taken_events = fake_notified;
	do {
		while (RING_HAS_UNCONSUMED_RESPONSES(&front))
			take_one(l);
		RING_FINAL_CHECK_FOR_RESPONSES(&front, more);
	} while (more);
}

static void disk_works(const struct load *l)
{
	unsigned int i = 0;

	if (l->order == NEWEST)
		i = nr_under_way - 1;
	else if (l->order == ANY)
		i = rand() % nr_under_way;
	complete(i);
}

/* The lowest number that has no answer is less than @depth behind. */
static bool may_send(const struct load *l)
{
	return sent < TOTAL && sent - answered < l->depth &&
	       !RING_FULL(&front) && !open_ids[sent % PLACES];
}

static void run_load(const struct load *l)
{
	while (answered < TOTAL) {
		while (may_send(l))
			send_one(l, sent++);
		front_push();
		if (fake_notified != taken_events)
			interrupt(l);
		else if (nr_under_way)
			disk_works(l);
		else
			CHECK_MSG(may_send(l),
				  "the ring has stopped: %u of %u answered, %u sent",
				  (unsigned int)answered, TOTAL,
				  (unsigned int)sent);
	}
	CHECK_EQ(fake_failed, 0);
	CHECK_EQ(sent, TOTAL);
}

static void setup(bool narrow)
{
	uint32_t i;

	fake_protocol = narrow ? "x86_32-abi" : "x86_64-abi";
	CHECK_EQ(mem_create(&fake_vm.mem, PAGES * GUEST_PAGE_SIZE), 0);
	table = calloc(GNTTAB_MAX_FRAMES, GUEST_PAGE_SIZE);
	CHECK(table);
	CHECK_EQ(gnttab_create(&fake_vm.gnttab, fake_vm.mem, table), 0);
	for (i = 0; i < PLACES; i++) {
		table[DATA_REF + i] = (struct grant_entry_v1){
			GTF_permit_access, 0, DATA_FRAME + i };
		table[LIST_REF + i] = (struct grant_entry_v1){
			GTF_permit_access | GTF_readonly, 0, LIST_FRAME + i };
	}
	table[RING_REF] = (struct grant_entry_v1){ GTF_permit_access, 0,
						   RING_FRAME };
	CHECK_EQ(blk_create(&fake_vm, &disk), 0);
	front_init(frame(RING_FRAME), narrow);
	fake_ring_ref = RING_REF;
	fake_port = 3;
	CHECK_EQ(fake_dev->ops->connect(fake_dev), 0);
	fake_dev->ops->started(fake_dev);
}

static void teardown(void)
{
	unsigned int i;

	CHECK(fake_dev->ops->disconnect(fake_dev));
	for (i = 0; i < 512; i++)
		CHECK(!(table[i].flags & (GTF_reading | GTF_writing)));
	fake_dev->ops->free(fake_dev);
	gnttab_destroy(fake_vm.gnttab);
	mem_destroy(fake_vm.mem);
	free(table);
}

static void all_orders(struct load l)
{
	for (l.order = OLDEST; l.order <= ANY; l.order++) {
		sent = answered = 0;
		taken_events = fake_notified = 0;
		setup(l.narrow);
		run_load(&l);
		teardown();
	}
}

/* 1, 31, 32, 33 and 64 at once, where the ring has 32 places. */
static void all_depths(bool narrow, bool mixed)
{
	static const unsigned int depths[] = { 1, 2, 31, 32, 33, 64 };
	size_t i;

	disk.fd = 0;
	for (i = 0; i < sizeof(depths) / sizeof(depths[0]); i++)
		all_orders((struct load){ .depth = depths[i], .narrow = narrow,
					  .mixed = mixed });
}

TEST(full_wide, "1 to 64 requests at once, 64-bit")
{
	all_depths(false, false);
}

TEST(full_narrow, "1 to 64 requests at once, 32-bit")
{
	all_depths(true, false);
}

TEST(mixed, "barriers, flushes, indirect and bad requests among them")
{
	all_depths(false, true);
	all_depths(true, true);
}
