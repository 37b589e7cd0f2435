# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS += control_test
control_test-srcs := control_test.c selftests/lib/tap.c vmm/control.c \
	vmm/control_request.c vmm/event.c vmm/event_uring.c vmm/event_poll.c \
	vmm/log.c
control_test-cflags := -D_GNU_SOURCE -Ivmm -Wno-unused-parameter \
	-Wno-missing-field-initializers
control_test-libs := -luring -ljansson -pthread
