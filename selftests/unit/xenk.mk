# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of the kernel's Xen code: layouts, event-channel bits, runstates.
UNIT_TESTS += xenk_test
xenk_test-srcs := selftests/unit/xenk_test.c selftests/lib/tap.c \
	kvm/xen/layout.c
xenk_test-cflags := -Ikvm/xen -Iselftests/lib
xenk_test-libs := -pthread
