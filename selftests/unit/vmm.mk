# SPDX-License-Identifier: GPL-2.0-or-later
# The whole VMM, but for the command and the sandbox, over a fake node.
vmm_machine-srcs := fake_node.c fake_run.c fake_xen.c boot_images.c \
	selftests/lib/tap.c \
	$(filter-out vmm/main.c vmm/privs.c vmm/privs_user.c, \
	$(patsubst $(TOP)/%,%,$(wildcard $(addprefix $(TOP)/vmm/, \
	*.c x86/*.c xen/*.c pv/*.c xenstore/*.c))))

UNIT_TESTS += vmm_test
vmm_test-srcs := vmm_test.c vmm_reset_test.c $(vmm_machine-srcs)
vmm_test-cflags := -D_GNU_SOURCE -Ivmm -Wno-unused-parameter \
	-Wno-missing-field-initializers -fno-strict-aliasing
vmm_test-libs := -luring -ljansson -pthread -llzma -lzstd -lz -lbz2 -llz4 -llzo2 \
	-Wl,--wrap=ioctl,--wrap=event_io_submit,--wrap=pthread_create
