# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS += blk_test
blk_test-srcs := blk_test.c blk_front.c blk_fakes.c selftests/lib/tap.c \
	vmm/pv/blk.c vmm/pv/blk_req.c vmm/pv/disk.c vmm/vdev.c vmm/mem.c \
	vmm/xen/gnttab.c vmm/event.c vmm/event_uring.c vmm/event_poll.c \
	vmm/log.c
blk_test-cflags := -D_GNU_SOURCE -Wno-unused-parameter \
	-Wno-missing-field-initializers
blk_test-libs := -luring -pthread

UNIT_TESTS += blk_ring_test
blk_ring_test-srcs := blk_ring_test.c blk_front.c blk_fakes.c \
	selftests/lib/tap.c vmm/pv/blk.c vmm/pv/blk_req.c vmm/xen/gnttab.c \
	vmm/mem.c vmm/log.c
blk_ring_test-cflags := $(blk_test-cflags)
blk_ring_test-libs := -pthread

UNIT_TESTS += disk_test
disk_test-srcs := disk_test.c selftests/lib/tap.c vmm/pv/disk.c vmm/vdev.c \
	vmm/log.c
disk_test-cflags := $(blk_test-cflags)
disk_test-libs := -lutil
