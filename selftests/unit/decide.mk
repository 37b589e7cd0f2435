# SPDX-License-Identifier: GPL-2.0-only
# Decisions about hardware that the emulated hosts have not.
UNIT_TESTS += decide_test
decide_test-srcs := decide_test.c selftests/lib/tap.c kvm/x86/decide.c
decide_test-cflags := -Iselftests/unit/decide -Ikvm/x86 -Iselftests/lib
decide_test-libs := -pthread
