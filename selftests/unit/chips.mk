# SPDX-License-Identifier: GPL-2.0-only
# The state machines of PIC, I/O APIC and PIT, with the time given.
UNIT_TESTS += chips_test
chips_test-srcs := chips_test.c selftests/lib/tap.c kvm/x86/pic.c \
	kvm/x86/ioapic.c kvm/x86/pit.c
chips_test-cflags := -Ikvm/x86 -Iselftests/unit/chips -Wno-unused-parameter \
	-Wno-sign-compare -Wno-missing-field-initializers
