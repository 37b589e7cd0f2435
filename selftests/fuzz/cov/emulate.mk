# SPDX-License-Identifier: GPL-2.0-or-later
# The instruction emulator and the walk through the guest's page tables.
COV_TESTS += emulate paging
emulate-cov-srcs := selftests/unit/emulate_machine.c \
	$(filter kvm/%,$(emulate_test-srcs))
emulate-cov-cflags := -Wno-unused-parameter -Wno-sign-compare
paging-cov-srcs := kvm/x86/paging.c
paging-cov-cflags := -include selftests/fuzz/cov/paging/shim.h \
	-Iselftests/fuzz/cov/paging -Wno-unused-parameter -Wno-sign-compare \
	-Wno-unused-label
