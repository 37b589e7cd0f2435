# SPDX-License-Identifier: GPL-2.0-only
# Unit test of the second-stage tables over made-up formats.
UNIT_TESTS += pgtable_test
pgtable_test-srcs := pgtable_test.c pgtable_race.c pgtable_random.c \
	pgtable_machine.c selftests/lib/tap.c kvm/pgtable.c
pgtable_test-cflags := -include selftests/unit/pgtable/pgtable_mem.h \
	-Wno-unused-parameter -Wno-sign-compare
pgtable_test-libs := -pthread
