# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Makes the disk the emulated x86 host boots from: a stock kernel's own setup
# code and its vmlinux, without the compression (lab/boot/flat.S between them),
# an initramfs, a command line. lab/boot/loader.S reads it.
#
# Offsets in the setup code are those of Documentation/x86/boot.rst.

boot_setup_at=0x90000
boot_cmdline_at=0x9e000
boot_stub_at=0x100000

# boot_field FILE OFFSET BYTES: a field of the setup header
boot_field()
{
	od -An "-tu$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

# boot_set FILE OFFSET VALUE BYTES: write a field, little-endian
boot_set()
{
	local value=$(($3)) bytes=$4 text=

	while [ "$bytes" -gt 0 ]; do
		text+=$(printf '\\x%02x' $((value & 255)))
		value=$((value >> 8))
		bytes=$((bytes - 1))
	done
	printf '%b' "$text" |
		dd of="$1" bs=1 seek=$(($2)) conv=notrunc status=none
}

boot_decompress()
{
	case $(od -An -tx1 -N 4 "$1" | tr -d ' ') in
	fd377a58)	xz -dc --single-stream "$1" ;;
	28b52ffd)	zstd -dqc "$1" ;;
	*)		return 1 ;;
	esac
}

# boot_assemble SOURCE ADDRESS OUTPUT [LD-ARG...]: flat code for that address
boot_assemble()
{
	local source=$1 at=$2 out=$3

	shift 3
	gcc -m32 -c -o "$out.o" "$source" &&
	ld -m elf_i386 -Ttext="$at" "$@" -o "$out.elf" "$out.o" &&
	objcopy -O binary "$out.elf" "$out" &&
	rm -f "$out.o" "$out.elf"
}

# boot_split VMLINUZ DIR: DIR/setup and DIR/vmlinux. payload_length counts four
# bytes of size that follow the compressed stream.
boot_split()
{
	local setup offset length

	setup=$((($(boot_field "$1" 0x1f1 1) + 1) * 512))
	offset=$(boot_field "$1" 0x248 4)
	length=$(boot_field "$1" 0x24c 4)
	head -c $setup "$1" >"$2/setup"
	tail -c +$((setup + offset + 1)) "$1" | head -c $((length - 4)) \
		>"$2/payload"
	boot_decompress "$2/payload" >"$2/vmlinux"
}

# boot_prepare VMLINUZ DIR: all of the disk that stays the same, in DIR
boot_prepare()
{
	local dir=$2 entry

	boot_split "$1" "$dir" || return
	readelf -lW "$dir/vmlinux" |
		awk '$1 == "LOAD" { print $4; exit }' >"$dir/load"
	entry=$(readelf -hW "$dir/vmlinux" |
		awk '/Entry point/ { print $NF }')
	objcopy -O binary -R .init.scratch "$dir/vmlinux" "$dir/image" &&
	boot_assemble "$top/lab/boot/flat.S" $boot_stub_at "$dir/stub" \
		--defsym=ENTRY="$entry" &&
	boot_assemble "$top/lab/boot/loader.S" 0x7c00 "$dir/loader" || return
	rm "$dir/payload" "$dir/vmlinux"
	boot_set "$dir/setup" 0x210 0xff 1	# type_of_loader: unknown
	boot_set "$dir/setup" 0x211 \
		"$(boot_field "$dir/setup" 0x211 1) | 0x80" 1 # CAN_USE_HEAP
	boot_set "$dir/setup" 0x224 0xde00 2	# heap_end_ptr
	boot_set "$dir/setup" 0x228 $boot_cmdline_at 4
}

# boot_kernel VMLINUZ: prints the folder of its prepared parts
boot_kernel()
{
	local done=$1.boot dir

	if [ ! -d "$done" ] || [ "$top/lab/boot" -nt "$done" ]; then
		dir=$(mktemp -d "$cache/boot.XXXXXX")
		boot_prepare "$1" "$dir" >"$dir/log" 2>&1 ||
			die "cannot unpack $1: see $dir/log" 125
		rm -rf "$done"
		mv -T "$dir" "$done" 2>/dev/null || rm -rf "$dir"
	fi
	printf '%s' "$done"
}

# boot_part FILE ADDRESS: append to $scratch/boot.img and note it in the table
boot_part()
{
	local sectors

	sectors=$((($(stat -c %s "$1") + 511) / 512))
	cat "$1" >>"$scratch/boot.img"
	truncate -s %512 "$scratch/boot.img"
	boot_set "$scratch/floppy" $boot_table "$2" 4
	boot_set "$scratch/floppy" $((boot_table + 4)) $sectors 4
	boot_table=$((boot_table + 8))
}

# boot_disk VMLINUZ INITRAMFS CMDLINE MEMORY: makes $scratch/boot.img and
# $scratch/floppy, whose only sector is the loader
boot_disk()
{
	local parts size memory=$4 at

	parts=$(boot_kernel "$1") || exit
	cp "$parts/loader" "$scratch/floppy"
	truncate -s 1440K "$scratch/floppy"
	truncate -s 512 "$scratch/boot.img"
	cp "$parts/setup" "$scratch/setup"
	printf '%s\0' "$3" >"$scratch/cmdline"

	# Near the end of memory, below the firmware's tables.
	size=$(stat -c %s "$2")
	[ "$memory" -le 2048 ] || memory=2048
	at=$((((memory - 1) * 1048576 - size) & ~4095))
	[ $at -gt $((128 * 1048576)) ] ||
		die "an initramfs of $((size >> 20)) MiB does not fit into $memory MiB" 125
	boot_set "$scratch/setup" 0x218 $at 4	# ramdisk_image
	boot_set "$scratch/setup" 0x21c "$size" 4

	boot_table=0x1a0
	boot_part "$scratch/setup" $boot_setup_at
	boot_part "$scratch/cmdline" $boot_cmdline_at
	boot_part "$parts/stub" $boot_stub_at
	boot_part "$parts/image" "$(cat "$parts/load")"
	boot_part "$2" $at
	rm -f "$scratch/setup" "$scratch/cmdline" "$2"
}
