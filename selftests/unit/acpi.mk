# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS += acpi_test
acpi_test-srcs := acpi_test.c selftests/lib/tap.c vmm/x86/acpi.c
acpi_test-cflags := -D_GNU_SOURCE
