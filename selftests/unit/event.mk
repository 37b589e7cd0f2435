# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS += event_test
event_test-srcs := event_test.c selftests/lib/tap.c vmm/event.c \
	vmm/event_uring.c vmm/event_poll.c vmm/log.c
event_test-cflags := -D_GNU_SOURCE -Wno-unused-parameter \
	-Wno-missing-field-initializers
event_test-libs := -luring -pthread

# The same where threads meet.
UNIT_TESTS += event_tsan_test
event_tsan_test-srcs := $(event_test-srcs)
event_tsan_test-cflags := $(event_test-cflags) -fno-sanitize=all \
	-fsanitize=thread
event_tsan_test-libs := -fno-sanitize=all -fsanitize=thread $(event_test-libs)
