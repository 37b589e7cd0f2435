# SPDX-License-Identifier: GPL-2.0-or-later
# Coverage-guided fuzzing: each target is fuzz/cov/NAME.c with what it tests.
# Paths are relative to the tree's root.
COV_TESTS += xlcfg
xlcfg-cov-srcs := $(addprefix vmm/, cli/xlparse.c cli/xldisk.c cli/xlcfg.c \
	cli/xlkeys.c cli/xlshim.c config.c vdev.c)
xlcfg-cov-libs :=

COV_TESTS += kernel
kernel-cov-srcs := vmm/mem.c $(addprefix vmm/x86/, image.c bzimage.c \
	decompress.c decompress_blocks.c elf.c kernel.c unpacked.c)
kernel-cov-libs := -llzma -lzstd -lz -lbz2 -llz4 -llzo2

COV_TESTS += control
control-cov-srcs := vmm/control_request.c
control-cov-libs := -ljansson

COV_TESTS += xenstore
xenstore-cov-srcs := $(filter-out %/tap.c,$(xenstore_lib-srcs)) \
	selftests/unit/xenstore_client.c
xenstore-cov-cflags := $(xenstore_lib-cflags)

COV_TESTS += hypercall grant evtchn
hypercall-cov-srcs := $(hcall_machine-srcs)
hypercall-cov-libs := $(hcall_test-libs)
grant-cov-srcs := $(hcall_machine-srcs)
grant-cov-libs := $(hcall_test-libs)
evtchn-cov-srcs := $(hcall_machine-srcs)
evtchn-cov-libs := $(hcall_test-libs)
