# SPDX-License-Identifier: GPL-2.0-only
# Unit tests of the local APIC, on as much kernel as unit/lapic has.
UNIT_TESTS += lapic_test lapic_time_test

lapic-common := lapic_machine.c selftests/lib/tap.c kvm/x86/msi.c \
	$(addprefix kvm/x86/, lapic.c lapic_access.c lapic_map.c lapic_regs.c \
	lapic_state.c lapic_timer.c)
lapic-cflags := -Iselftests/unit/lapic -include selftests/unit/lapic/kernel.h \
	-Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-override-init

lapic_test-srcs := lapic_test.c $(lapic-common)
lapic_test-cflags := $(lapic-cflags)
lapic_time_test-srcs := lapic_time_test.c $(lapic-common)
lapic_time_test-cflags := $(lapic-cflags)
