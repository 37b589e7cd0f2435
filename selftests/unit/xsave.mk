# SPDX-License-Identifier: GPL-2.0-only
# Sizes of XSAVE areas, on tables of CPUs and on the CPU at hand.
UNIT_TESTS += xsave_test
xsave_test-srcs := xsave_test.c selftests/lib/tap.c kvm/x86/xsave.c
xsave_test-cflags := -Iselftests/unit/decide -Ikvm/x86 -Iselftests/lib
