# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS += evtchn_test
evtchn_test-srcs := evtchn_test.c selftests/lib/tap.c vmm/xen/evtchn.c \
	vmm/event.c vmm/event_uring.c vmm/event_poll.c vmm/log.c
evtchn_test-cflags := -D_GNU_SOURCE -Wno-unused-parameter \
	-Wno-missing-field-initializers
evtchn_test-libs := -luring -pthread
