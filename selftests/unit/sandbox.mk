# SPDX-License-Identifier: GPL-2.0-or-later
# The sandbox from inside.  Without sanitizers, which open files of their own.
UNIT_TESTS += sandbox_test
sandbox_test-srcs := sandbox_test.c sandbox_attacks.c selftests/lib/tap.c vmm/privs.c \
	vmm/privs_user.c vmm/event.c vmm/event_uring.c vmm/event_poll.c \
	vmm/log.c
sandbox_test-cflags := -D_GNU_SOURCE -Wno-unused-parameter \
	-Wno-missing-field-initializers -fno-sanitize=all -O2 \
	-DPRIVS_USER_DIR='"/run/xkvm-sandbox-test"'
sandbox_test-libs := -fno-sanitize=all -luring -lcap-ng -lseccomp -pthread
