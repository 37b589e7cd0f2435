# SPDX-License-Identifier: GPL-2.0-or-later
# Hypercalls over a kernel whose ioctls hcall_machine.c answers.
hcall_machine-srcs := selftests/unit/hcall_machine.c \
	$(addprefix vmm/xen/, evtchn.c gnttab.c hcall_console.c hcall_evtchn.c \
	hcall_gnttab.c hcall_hvm.c hcall_memory.c hcall_sched.c hcall_vcpu.c \
	hcall_version.c hvm_params.c hypercall.c kernel.c physmap.c \
	watchdog.c) vmm/x86/cpu.c vmm/mem.c vmm/event.c vmm/event_uring.c \
	vmm/event_poll.c vmm/log.c

UNIT_TESTS += hcall_test
hcall_test-srcs := hcall_test.c selftests/lib/tap.c $(hcall_machine-srcs)
hcall_test-cflags := -D_GNU_SOURCE -Wno-unused-parameter \
	-Wno-missing-field-initializers
hcall_test-libs := -luring -pthread -Wl,--wrap=ioctl
