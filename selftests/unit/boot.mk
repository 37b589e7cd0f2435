# SPDX-License-Identifier: GPL-2.0-or-later
UNIT_TESTS += boot_test
boot_test-srcs := boot_test.c boot_modules_test.c boot_images.c selftests/lib/tap.c vmm/mem.c \
	vmm/x86/boot.c vmm/x86/boot_files.c vmm/x86/image.c vmm/x86/bzimage.c \
	vmm/x86/decompress.c vmm/x86/decompress_blocks.c vmm/x86/elf.c vmm/x86/acpi.c vmm/x86/kernel.c vmm/x86/unpacked.c
boot_test-cflags := -D_GNU_SOURCE -Wno-missing-field-initializers
boot_test-libs := -llzma -lzstd -lz -lbz2 -llz4 -llzo2
