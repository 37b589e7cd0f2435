# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS += console_test
console_test-srcs := console_test.c selftests/lib/tap.c vmm/pv/console.c \
	vmm/mem.c vmm/log.c
console_test-cflags := -D_GNU_SOURCE -Wno-unused-parameter \
	-Wno-missing-field-initializers
console_test-libs := -pthread
