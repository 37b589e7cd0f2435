# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS += gnttab_test
gnttab_test-srcs := gnttab_test.c selftests/lib/tap.c vmm/mem.c \
	vmm/xen/gnttab.c
gnttab_test-cflags := -D_GNU_SOURCE
gnttab_test-libs := -pthread
