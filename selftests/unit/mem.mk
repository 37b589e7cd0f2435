# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS += mem_test
mem_test-srcs := mem_test.c selftests/lib/tap.c vmm/mem.c
mem_test-cflags := -D_GNU_SOURCE
