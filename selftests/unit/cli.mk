# SPDX-License-Identifier: GPL-2.0-or-later
# The command, with a made-up VMM behind vm_run().
UNIT_TESTS += cli_test
cli_test-srcs := cli_test.c cli_guest.c selftests/lib/tap.c vmm/cli/cli.c \
	vmm/cli/client.c vmm/cli/console.c vmm/cli/create.c vmm/cli/rundir.c \
	vmm/cli/verbs.c vmm/cli/xlparse.c vmm/cli/xldisk.c vmm/cli/xlcfg.c \
	vmm/cli/xlkeys.c vmm/cli/xlshim.c vmm/vdev.c vmm/config.c vmm/control.c vmm/control_request.c \
	vmm/event.c vmm/event_uring.c vmm/event_poll.c vmm/log.c \
	vmm/cli/unpack.c vmm/x86/unpacked.c vmm/x86/kernel.c vmm/x86/image.c \
	vmm/x86/bzimage.c vmm/x86/decompress.c \
	vmm/x86/decompress_blocks.c vmm/x86/elf.c vmm/mem.c
cli_test-cflags := -D_GNU_SOURCE -Ivmm -Wno-unused-parameter \
	-Wno-missing-field-initializers
cli_test-libs := -luring -ljansson -pthread -llzma -lzstd -lz -lbz2 -llz4 -llzo2
