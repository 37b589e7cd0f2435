# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS += life_test
life_test-srcs := life_test.c selftests/lib/tap.c vmm/life.c
life_test-cflags := -D_GNU_SOURCE
