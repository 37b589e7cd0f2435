// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The block back end on a real image, with the test as the guest: what a
 * front end may ask, and what it gets when it asks nonsense.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "../../vmm/config.h"
#include "../../vmm/xen/gnttab.h"
#include "blk_fakes.h"
#include "blk_front.h"

#define PAGES		1024u
#define RING_REF	8u
#define RING_FRAME	1u
#define DATA_REF	100u		/* and on: one for each page from */
#define DATA_FRAME	16u		/* this one */
#define LIST_REF	60u
#define LIST_FRAME	2u
#define SECTORS		2048u

const char *tap_precondition(void)
{
	return NULL;
}

static struct grant_entry_v1 *table;
static struct vm_config_disk cfg;
static struct disk disk;
static char path[] = "/tmp/blk_test.XXXXXX";
static blkif_sring_t *ring;
static bool narrow;
static unsigned int tail;		/* bytes of a last, partial sector */
static bool direct;

static void *frame(uint32_t n)
{
	return mem_ptr(fake_vm.mem, gfn_to_gpa(gfn(n)), GUEST_PAGE_SIZE);
}

static void grant(uint32_t ref, uint32_t f, uint16_t flags)
{
	table[ref] = (struct grant_entry_v1){ GTF_permit_access | flags, 0, f };
}

static void make_image(void)
{
	int fd = mkstemp(path);
	uint32_t i, buf[DISK_SECTOR / 4];

	CHECK_OK(fd);
	for (i = 0; i < SECTORS; i++) {
		unsigned int j;

		for (j = 0; j < DISK_SECTOR / 4; j++)
			buf[j] = i << 8 | j;
		CHECK(write(fd, buf, sizeof(buf)) == sizeof(buf));
	}
	memset(buf, 0x77, tail);
	CHECK(write(fd, buf, tail) == tail);
	close(fd);
}

static void connect_device(void)
{
	ring = frame(RING_FRAME);
	front_init(ring, narrow);
	grant(RING_REF, RING_FRAME, 0);
	fake_ring_ref = RING_REF;
	fake_port = 3;
	CHECK_EQ(fake_dev->ops->connect(fake_dev), 0);
	fake_dev->ops->started(fake_dev);
}

static void setup(bool readonly, bool is_narrow)
{
	char err[256];
	uint32_t i;

	narrow = is_narrow;
	fake_protocol = narrow ? "x86_32-abi" : "x86_64-abi";
	CHECK_EQ(mem_create(&fake_vm.mem, PAGES * GUEST_PAGE_SIZE), 0);
	table = calloc(GNTTAB_MAX_FRAMES, GUEST_PAGE_SIZE);
	CHECK(table);
	CHECK_EQ(gnttab_create(&fake_vm.gnttab, fake_vm.mem, table), 0);
	CHECK_EQ(event_loop_create(&fake_vm.loop), 0);
	make_image();
	cfg = (struct vm_config_disk) {
		.target = path, .vdev = (char *)"xvda", .format = DISK_RAW,
		.readonly = readonly, .discard = true,
		.direct_io_safe = direct,
	};
	CHECK_MSG(!disk_open(&disk, &cfg, err, sizeof(err)), "%s", err);
	CHECK_EQ(disk.sectors, SECTORS + !!tail);
	CHECK_EQ(disk.vdev, 202 << 8);
	CHECK_EQ(blk_create(&fake_vm, &disk), 0);
	for (i = 0; i < 300; i++)
		grant(DATA_REF + i, DATA_FRAME + i, 0);
	connect_device();
}

static void teardown(void)
{
	unsigned int i;

	if (fake_channel)
		CHECK(fake_dev->ops->disconnect(fake_dev));
	for (i = 0; i < 512; i++)
		CHECK(!(table[i].flags & (GTF_reading | GTF_writing)));
	fake_dev->ops->free(fake_dev);
	disk_close(&disk);
	unlink(path);
	event_loop_destroy(fake_vm.loop);
	gnttab_destroy(fake_vm.gnttab);
	mem_destroy(fake_vm.mem);
	free(table);
}

/* Wait for the next response; its status. */
static int answer(uint64_t id, uint8_t op)
{
	struct blkif_response rsp;
	int more;

	RING_FINAL_CHECK_FOR_RESPONSES(&front, more);
	if (!more)
		CHECK_EQ(event_loop_run(fake_vm.loop), 0);
	rsp = front_take();
	CHECK_EQ(rsp.id, id);
	CHECK_EQ(rsp.operation, op);
	return rsp.status;
}

static int simple(uint8_t op, uint64_t sector, uint8_t first, uint8_t last)
{
	static uint64_t id = 0x1122334455667700;

	front_begin(op, 1, 0, ++id, sector);
	front_segment(0, DATA_REF, first, last);
	front_send();
	front_push();
	return answer(id, op);
}

static void read_write(bool is_narrow)
{
	uint32_t *data, word;
	int fd;

	setup(false, is_narrow);
	data = frame(DATA_FRAME);
	memset(data, 0, GUEST_PAGE_SIZE);
	CHECK_EQ(simple(BLKIF_OP_READ, 40, 2, 5), BLKIF_RSP_OKAY);
	CHECK_EQ(data[0], 0);
	CHECK_EQ(data[2 * 128], 40 << 8);
	CHECK_EQ(data[5 * 128 + 127], 43 << 8 | 127);
	CHECK_EQ(data[6 * 128], 0);
	data[2 * 128] = 0x12345678;
	CHECK_EQ(simple(BLKIF_OP_WRITE, 7, 2, 2), BLKIF_RSP_OKAY);
	fd = open(path, O_RDONLY);
	CHECK(pread(fd, &word, 4, 7 * 512) == 4);
	CHECK_EQ(word, 0x12345678);
	close(fd);
	teardown();
}

TEST(wide, "64-bit front ends read and write")
{
	read_write(false);
}

TEST(narrow, "32-bit front ends read and write")
{
	read_write(true);
}

TEST(nodes, "the nodes say what the disk can do")
{
	setup(true, false);
	CHECK(!strcmp(fake_node("sectors"), "2048"));
	CHECK(!strcmp(fake_node("sector-size"), "512"));
	CHECK(!strcmp(fake_node("info"), "4"));
	CHECK(!strcmp(fake_node("mode"), "r"));
	CHECK(!strcmp(fake_node("feature-flush-cache"), "0"));
	teardown();
}

TEST(limits, "sectors beyond the disk, segments beyond the page")
{
	setup(false, false);
	CHECK_EQ(simple(BLKIF_OP_READ, SECTORS - 1, 0, 0), BLKIF_RSP_OKAY);
	CHECK(simple(BLKIF_OP_READ, SECTORS - 1, 0, 1) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_READ, SECTORS, 0, 0) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_READ, UINT64_MAX, 0, 0) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_WRITE, UINT64_MAX - 3, 0, 7) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_READ, 0, 0, 8) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_READ, 0, 255, 255) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_READ, 0, 3, 2) == BLKIF_RSP_ERROR);
	CHECK(simple(77, 0, 0, 0) == BLKIF_RSP_EOPNOTSUPP);
	CHECK_EQ(simple(BLKIF_OP_READ, 0, 0, 7), BLKIF_RSP_OKAY);
	teardown();
}

/* A page with what is in the last two sectors of an image with a tail. */
static void check_tail(const unsigned char *page, unsigned char byte)
{
	unsigned int i;

	CHECK_EQ(*(uint32_t *)page, (SECTORS - 1) << 8);
	for (i = 0; i < DISK_SECTOR; i++)
		CHECK_MSG(page[DISK_SECTOR + i] == (i < tail ? byte : 0),
			  "byte %u of the tail: %#x", i,
			  page[DISK_SECTOR + i]);
	CHECK_EQ(page[2 * DISK_SECTOR], 0xcc);
}

static void tail_of(unsigned int bytes)
{
	unsigned char *page;
	struct stat st;

	tail = bytes;
	setup(false, false);
	page = frame(DATA_FRAME);
	memset(page, 0xcc, GUEST_PAGE_SIZE);
	CHECK(!strcmp(fake_node("sectors"), "2049"));
	CHECK_EQ(simple(BLKIF_OP_READ, SECTORS - 1, 0, 1), BLKIF_RSP_OKAY);
	check_tail(page, 0x77);
	memset(page, 0xcc, GUEST_PAGE_SIZE);
	CHECK_EQ(simple(BLKIF_OP_READ, SECTORS, 1, 1), BLKIF_RSP_OKAY);
	*(uint32_t *)page = (SECTORS - 1) << 8;
	check_tail(page, 0x77);
	CHECK(simple(BLKIF_OP_READ, SECTORS, 0, 1) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_READ, SECTORS + 1, 0, 0) == BLKIF_RSP_ERROR);
	/* A write of it is kept whole, in a longer file. */
	memset(page + DISK_SECTOR, 0x55, DISK_SECTOR);
	CHECK_EQ(simple(BLKIF_OP_WRITE, SECTORS, 1, 1), BLKIF_RSP_OKAY);
	CHECK_OK(stat(path, &st));
	CHECK_EQ(st.st_size, (SECTORS + 1) * DISK_SECTOR);
	memset(page, 0xcc, GUEST_PAGE_SIZE);
	CHECK_EQ(simple(BLKIF_OP_READ, SECTORS - 1, 0, 1), BLKIF_RSP_OKAY);
	tail = DISK_SECTOR;
	check_tail(page, 0x55);
	tail = bytes;
	/* What is missing before the tail is no zeroes but an error. */
	CHECK_OK(truncate(path, SECTORS * DISK_SECTOR));
	CHECK(simple(BLKIF_OP_READ, SECTORS - 1, 0, 1) == BLKIF_RSP_ERROR);
	teardown();
}

TEST(tail, "the end of an image that is no whole sectors")
{
	strcpy(path, "/tmp/blk_test.XXXXXX");
	tail_of(100);
	strcpy(path, "/tmp/blk_test.XXXXXX");
	tail_of(1);
	strcpy(path, "/tmp/blk_test.XXXXXX");
	tail_of(511);
}

TEST(tail_direct, "the same past the page cache, where the file system can")
{
	direct = true;
	strcpy(path, "/tmp/blk_test.XXXXXX");
	tail_of(100);
	tap_diag("%sdirectly", disk.direct ? "" : "not ");
}

TEST(large_sectors, "a disk of 4,096-byte sectors takes whole ones of them")
{
	setup(false, false);
	CHECK(fake_dev->ops->disconnect(fake_dev));
	disk.sector_size = 4096;
	disk.physical_size = 8192;
	connect_device();
	CHECK(!strcmp(fake_node("sectors"), "2048"));
	CHECK(!strcmp(fake_node("sector-size"), "4096"));
	CHECK(!strcmp(fake_node("physical-sector-size"), "8192"));
	CHECK_EQ(simple(BLKIF_OP_READ, 8, 0, 7), BLKIF_RSP_OKAY);
	CHECK_EQ(*(uint32_t *)frame(DATA_FRAME), 8 << 8);
	CHECK_EQ(simple(BLKIF_OP_WRITE, SECTORS - 8, 0, 7), BLKIF_RSP_OKAY);
	CHECK(simple(BLKIF_OP_READ, 2, 0, 7) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_READ, 8, 0, 0) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_READ, 8, 0, 6) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_WRITE, 4, 4, 7) == BLKIF_RSP_ERROR);
	/* Two halves of a sector in two segments. */
	front_begin(BLKIF_OP_WRITE, 2, 0, 9, 8);
	front_segment(0, DATA_REF, 0, 3);
	front_segment(1, DATA_REF + 1, 4, 7);
	front_send();
	front_push();
	CHECK(answer(9, BLKIF_OP_WRITE) == BLKIF_RSP_ERROR);
	front_begin(BLKIF_OP_DISCARD, 0, 0, 10, 8);
	front_put(front_body() + 16, 4, 8);
	front_send();
	front_push();
	CHECK(answer(10, BLKIF_OP_DISCARD) == BLKIF_RSP_ERROR);
	teardown();
}

TEST(counts, "numbers of segments")
{
	unsigned int i;

	setup(false, false);
	for (i = 0; i < 4; i++) {
		static const uint8_t bad[] = { 0, 12, 200, 255 };

		front_begin(BLKIF_OP_WRITE, bad[i], 0, i, 0);
		front_segment(0, DATA_REF, 0, 0);
		front_send();
		front_push();
		CHECK(answer(i, BLKIF_OP_WRITE) == BLKIF_RSP_ERROR);
	}
	front_begin(BLKIF_OP_READ, 11, 0, 9, 100);
	for (i = 0; i < 11; i++)
		front_segment(i, DATA_REF + 10 - i, 0, 7);
	front_send();
	front_push();
	CHECK_EQ(answer(9, BLKIF_OP_READ), BLKIF_RSP_OKAY);
	CHECK_EQ(*(uint32_t *)frame(DATA_FRAME + 10), 100 << 8);
	CHECK_EQ(*(uint32_t *)frame(DATA_FRAME), 180 << 8);
	teardown();
}

TEST(grants, "pages that are not granted, or not for this")
{
	setup(false, false);
	grant(DATA_REF, DATA_FRAME, GTF_readonly);
	CHECK(simple(BLKIF_OP_READ, 0, 0, 0) == BLKIF_RSP_ERROR);
	CHECK_EQ(simple(BLKIF_OP_WRITE, 0, 0, 0), BLKIF_RSP_OKAY);
	table[DATA_REF].flags = 0;
	CHECK(simple(BLKIF_OP_WRITE, 0, 0, 0) == BLKIF_RSP_ERROR);
	grant(DATA_REF, PAGES, 0);
	CHECK(simple(BLKIF_OP_WRITE, 0, 0, 0) == BLKIF_RSP_ERROR);
	/* A bad segment behind a good one: the good one's page is let go. */
	grant(DATA_REF, DATA_FRAME, 0);
	front_begin(BLKIF_OP_READ, 2, 0, 1, 0);
	front_segment(0, DATA_REF, 0, 7);
	front_segment(1, 59, 0, 7);
	front_send();
	front_push();
	CHECK(answer(1, BLKIF_OP_READ) == BLKIF_RSP_ERROR);
	CHECK_EQ(table[DATA_REF].flags, GTF_permit_access);
	teardown();
}

TEST(readonly, "a read-only disk takes no writes of any kind")
{
	setup(true, false);
	CHECK_EQ(simple(BLKIF_OP_READ, 0, 0, 0), BLKIF_RSP_OKAY);
	CHECK(simple(BLKIF_OP_WRITE, 0, 0, 0) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_WRITE_BARRIER, 0, 0, 0) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 0) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_DISCARD, 0, 0, 0) == BLKIF_RSP_ERROR);
	teardown();
}

static void indirect(uint8_t op, uint16_t n, uint32_t ref)
{
	front_begin(BLKIF_OP_INDIRECT, op, n, 42, 64);
	front_put(front_body() + 16, 0, 2);
	front_put(front_body() + 20, ref, 4);
	front_send();
	front_push();
}

TEST(indirect, "indirect requests, long ones, bad ones")
{
	struct blkif_request_segment *list;
	unsigned int i;

	setup(false, false);
	list = frame(LIST_FRAME);
	grant(LIST_REF, LIST_FRAME, GTF_readonly);
	for (i = 0; i < 512; i++)
		list[i] = (struct blkif_request_segment){
			DATA_REF + 255 - i % 256, 0, 0 };
	indirect(BLKIF_OP_READ, 256, LIST_REF);
	CHECK_EQ(answer(42, BLKIF_OP_READ), BLKIF_RSP_OKAY);
	CHECK_EQ(*(uint32_t *)frame(DATA_FRAME + 255), 64 << 8);
	CHECK_EQ(*(uint32_t *)frame(DATA_FRAME), (64 + 255) << 8);
	indirect(BLKIF_OP_READ, 257, LIST_REF);
	CHECK(answer(42, BLKIF_OP_READ) == BLKIF_RSP_ERROR);
	indirect(BLKIF_OP_READ, 0, LIST_REF);
	CHECK(answer(42, BLKIF_OP_READ) == BLKIF_RSP_ERROR);
	indirect(BLKIF_OP_READ, 1, 59);
	CHECK(answer(42, BLKIF_OP_READ) == BLKIF_RSP_ERROR);
	indirect(BLKIF_OP_INDIRECT, 1, LIST_REF);
	CHECK(answer(42, BLKIF_OP_INDIRECT) == BLKIF_RSP_EOPNOTSUPP);
	indirect(BLKIF_OP_DISCARD, 1, LIST_REF);
	CHECK(answer(42, BLKIF_OP_DISCARD) == BLKIF_RSP_EOPNOTSUPP);
	teardown();
}

TEST(flush, "an empty flush, and one with data")
{
	setup(false, false);
	front_begin(BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 5, 0);
	front_send();
	front_push();
	CHECK_EQ(answer(5, BLKIF_OP_FLUSH_DISKCACHE), BLKIF_RSP_OKAY);
	/* Linux's is of no sector at all. */
	front_begin(BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 6, UINT64_MAX);
	front_send();
	front_push();
	CHECK_EQ(answer(6, BLKIF_OP_FLUSH_DISKCACHE), BLKIF_RSP_OKAY);
	CHECK_EQ(simple(BLKIF_OP_FLUSH_DISKCACHE, 3, 0, 0), BLKIF_RSP_OKAY);
	CHECK(simple(BLKIF_OP_FLUSH_DISKCACHE, SECTORS, 0, 0) ==
	      BLKIF_RSP_ERROR);
	teardown();
}

TEST(barrier, "a barrier ends after what is before it, before what is after")
{
	static const uint8_t ops[] = {
		BLKIF_OP_WRITE, BLKIF_OP_READ, BLKIF_OP_WRITE_BARRIER,
		BLKIF_OP_READ, BLKIF_OP_WRITE_BARRIER, BLKIF_OP_WRITE,
	};
	unsigned int i, first = 0;

	setup(false, false);
	for (i = 0; i < 6; i++) {
		front_begin(ops[i], 1, 0, i, i * 8);
		front_segment(0, DATA_REF + i, 0, 7);
		front_send();
	}
	front_push();
	/* The first two in either order, the others as they were asked. */
	CHECK_EQ(event_loop_run(fake_vm.loop), 0);
	memcpy(&first, front_slot(0), 4);
	CHECK(first < 2);
	CHECK_EQ(answer(first, ops[first]), BLKIF_RSP_OKAY);
	CHECK_EQ(answer(!first, ops[!first]), BLKIF_RSP_OKAY);
	for (i = 2; i < 6; i++)
		CHECK_EQ(answer(i, ops[i]), BLKIF_RSP_OKAY);
	teardown();
}

TEST(discard, "a discard within the disk")
{
	uint32_t word;
	int fd, status;

	setup(false, false);
	front_begin(BLKIF_OP_DISCARD, 0, 0, 1, 8);
	front_put(front_body() + 16, 8, 8);
	front_send();
	front_push();
	status = answer(1, BLKIF_OP_DISCARD);
	CHECK(status == BLKIF_RSP_OKAY || status == BLKIF_RSP_EOPNOTSUPP);
	fd = open(path, O_RDONLY);
	CHECK(pread(fd, &word, 4, 8 * 512) == 4);
	CHECK_EQ(word, status ? 8 << 8 : 0);
	CHECK(pread(fd, &word, 4, 16 * 512) == 4);
	CHECK_EQ(word, 16 << 8);
	close(fd);
	front_begin(BLKIF_OP_DISCARD, 0, 0, 2, SECTORS - 1);
	front_put(front_body() + 16, UINT64_MAX, 8);
	front_send();
	front_push();
	CHECK(answer(2, BLKIF_OP_DISCARD) == BLKIF_RSP_ERROR);
	front_begin(BLKIF_OP_DISCARD, BLKIF_DISCARD_SECURE, 0, 3, 0);
	front_put(front_body() + 16, 8, 8);
	front_send();
	front_push();
	CHECK(answer(3, BLKIF_OP_DISCARD) == BLKIF_RSP_EOPNOTSUPP);
	teardown();
}

TEST(shrunk, "an image that got shorter is an error, not the end")
{
	setup(false, false);
	CHECK_OK(truncate(path, 512 * 100));
	CHECK(simple(BLKIF_OP_READ, 200, 0, 7) == BLKIF_RSP_ERROR);
	CHECK(simple(BLKIF_OP_READ, 98, 0, 7) == BLKIF_RSP_ERROR);
	CHECK_EQ(simple(BLKIF_OP_READ, 92, 0, 7), BLKIF_RSP_OKAY);
	teardown();
}

TEST(many, "the ring wraps, and all requests in it run")
{
	unsigned int i, round;

	setup(false, false);
	for (round = 0; round < 5; round++) {
		uint32_t got = 0;

		for (i = 0; i < 32; i++) {
			front_begin(BLKIF_OP_READ, 1, 0, i, i);
			front_segment(0, DATA_REF + i, 0, 0);
			front_send();
		}
		front_push();
		ring->rsp_event = front.rsp_cons + 32;
		if (ring->rsp_prod - front.rsp_cons < 32)
			CHECK_EQ(event_loop_run(fake_vm.loop), 0);
		CHECK_EQ(ring->rsp_prod - front.rsp_cons, 32);
		for (i = 0; i < 32; i++)
			got |= 1u << *front_slot(front.rsp_cons + i);
		CHECK_EQ(got, UINT32_MAX);
		front.rsp_cons += 32;
	}
	teardown();
}

TEST(nonsense, "more requests than the ring holds close the device, once")
{
	setup(false, false);
	ring->req_prod = 33;
	front_signal();
	CHECK_EQ(fake_failed, 1);
	CHECK_EQ(fake_disconnected, 1);
	CHECK(!fake_channel);
	CHECK_EQ(ring->rsp_prod, 0);
	/* It can be connected anew. */
	connect_device();
	CHECK_EQ(simple(BLKIF_OP_READ, 0, 0, 0), BLKIF_RSP_OKAY);
	teardown();
}

TEST(backwards, "a producer index that goes back closes the device")
{
	unsigned int i;

	setup(false, false);
	for (i = 0; i < 4; i++) {
		front_begin(BLKIF_OP_READ, 1, 0, i, i);
		front_segment(0, DATA_REF + i, 0, 0);
		front_send();
	}
	front_push();
	ring->req_prod = 2;
	front_signal();
	CHECK_EQ(fake_failed, 1);
	ring->rsp_event = 1000;
	CHECK_EQ(event_loop_run(fake_vm.loop), 0);
	CHECK_EQ(fake_disconnected, 1);
	CHECK_EQ(ring->rsp_prod, 4);
	teardown();
}

/* A guest that puts a bad request for each answer it gets. */
static int stop;

static void *feeder(void *arg)
{
	uint32_t p = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		while (p - __atomic_load_n(&ring->rsp_prod,
					   __ATOMIC_ACQUIRE) < 32) {
			memset(front_slot(p), 0xff, FRONT_ENTRY_WIDE);
			__atomic_store_n(&ring->req_prod, ++p,
					 __ATOMIC_RELEASE);
		}
	}
	return NULL;
}

TEST(endless, "a guest that never stops asking does not keep the loop")
{
	unsigned int i;
	pthread_t t;

	setup(false, false);
	CHECK_EQ(pthread_create(&t, NULL, feeder, NULL), 0);
	for (i = 0; i < 1000; i++)
		front_signal();
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	tap_diag("%u turns cut short", fake_again);
	CHECK_EQ(fake_failed, 0);
	teardown();
}

TEST(bad_ring, "a device is not connected to nonsense")
{
	setup(false, false);
	CHECK(fake_dev->ops->disconnect(fake_dev));
	fake_ring_ref = 59;
	CHECK(fake_dev->ops->connect(fake_dev) < 0);
	fake_ring_ref = RING_REF;
	fake_port = 0;
	CHECK(fake_dev->ops->connect(fake_dev) < 0);
	fake_port = 3;
	fake_protocol = "sparc-abi";
	CHECK(fake_dev->ops->connect(fake_dev) < 0);
	fake_protocol = NULL;
	ring->req_prod = 40;
	ring->rsp_prod = 2;
	CHECK(fake_dev->ops->connect(fake_dev) < 0);
	CHECK_EQ(table[RING_REF].flags, GTF_permit_access);
	teardown();
}

TEST(closing, "requests under way end before the device is gone")
{
	unsigned int i;

	setup(false, false);
	for (i = 0; i < 8; i++) {
		front_begin(i == 4 ? BLKIF_OP_WRITE_BARRIER : BLKIF_OP_READ, 1, 0, i,
		      i);
		front_segment(0, DATA_REF + i, 0, 0);
		front_send();
	}
	front_push();
	ring->rsp_event = 1000;
	CHECK(!fake_dev->ops->disconnect(fake_dev));
	CHECK_EQ(event_loop_run(fake_vm.loop), 0);
	CHECK_EQ(fake_disconnected, 1);
	CHECK(!fake_channel);
	CHECK_EQ(ring->rsp_prod, 5);
	teardown();
}
