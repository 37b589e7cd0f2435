# SPDX-License-Identifier: GPL-2.0-only
# Which mitigations a host wants, for CPUs that no emulator has.
UNIT_TESTS += mitigate_test
mitigate_test-srcs := mitigate_test.c selftests/lib/tap.c \
	kvm/x86/mitigate_decide.c
mitigate_test-cflags := -Iselftests/unit/decide -Ikvm/x86 -Iselftests/lib
