# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS += xlcfg_test xlcfg_oracle_test

xlcfg-vmm := vmm/cli/xlparse.c vmm/cli/xldisk.c vmm/cli/xlcfg.c \
	vmm/cli/xlkeys.c vmm/cli/xlshim.c vmm/config.c vmm/vdev.c

xlcfg_test-srcs := xlcfg_test.c selftests/lib/tap.c $(xlcfg-vmm)
xlcfg_test-cflags := -D_GNU_SOURCE -Wno-missing-field-initializers

# The oracle, libxlutil, is opened at run time and skipped where missing.
xlcfg_oracle_test-srcs := xlcfg_oracle_test.c selftests/lib/tap.c $(xlcfg-vmm)
xlcfg_oracle_test-cflags := -D_GNU_SOURCE
