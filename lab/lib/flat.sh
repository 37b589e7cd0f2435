# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Repacks a stock vmlinuz without its compression: the same setup code, the
# same vmlinux, lab/boot/flat.S between them. Kept beside the kernel.

# flat_field FILE OFFSET BYTES: a field of the setup header
flat_field()
{
	od -An "-tu$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

# flat_set FILE OFFSET VALUE: a 32-bit field
flat_set()
{
	local n=$3 bytes

	bytes=$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((n & 255)) \
		$((n >> 8 & 255)) $((n >> 16 & 255)) $((n >> 24 & 255)))
	# shellcheck disable=SC2059
	printf "$bytes" |
		dd of="$1" bs=1 seek=$(($2)) conv=notrunc status=none
}

flat_decompress()
{
	case $(od -An -tx1 -N 4 "$1" | tr -d ' ') in
	fd377a58)	xz -dc --single-stream "$1" ;;
	28b52ffd)	zstd -dqc "$1" ;;
	*)		return 1 ;;
	esac
}

# flat_vmlinux VMLINUZ DIR: the ELF inside, as DIR/vmlinux. Offsets of the
# setup header are in Documentation/x86/boot.rst; payload_length counts four
# bytes of size that follow the compressed stream.
flat_vmlinux()
{
	local setup offset length

	setup=$((($(flat_field "$1" 0x1f1 1) + 1) * 512))
	offset=$(flat_field "$1" 0x248 4)
	length=$(flat_field "$1" 0x24c 4)
	head -c $setup "$1" >"$2/setup"
	tail -c +$((setup + offset + 1)) "$1" | head -c $((length - 4)) \
		>"$2/payload"
	flat_decompress "$2/payload" >"$2/vmlinux"
}

# flat_make VMLINUZ DIR: DIR/flat
flat_make()
{
	local dir=$2 load entry size

	flat_vmlinux "$1" "$dir" || return
	load=$(readelf -lW "$dir/vmlinux" |
	       awk '$1 == "LOAD" { print $4; exit }')
	entry=$(readelf -hW "$dir/vmlinux" |
		awk '/Entry point/ { print $NF }')
	objcopy -O binary -R .init.scratch "$dir/vmlinux" "$dir/image"
	truncate -s %4096 "$dir/image"
	size=$(stat -c %s "$dir/image")
	gcc -m32 -c -o "$dir/flat.o" "$top/lab/boot/flat.S" &&
	ld -m elf_i386 -Ttext=0 --defsym=LOAD_ADDR="$load" \
		--defsym=ENTRY="$entry" --defsym=FLAT_SIZE="$size" -o "$dir/flat.elf" "$dir/flat.o" &&
	objcopy -O binary "$dir/flat.elf" "$dir/stub" || return
	cat "$dir/setup" "$dir/stub" "$dir/image" >"$dir/flat"
	flat_set "$dir/flat" 0x1f4 $(((size + $(stat -c %s "$dir/stub")) / 16))
}

# flat_kernel VMLINUZ: prints the repacked file's name, made when missing
flat_kernel()
{
	local flat=$1.flat dir

	if [ ! -f "$flat" ] || [ "$top/lab/boot/flat.S" -nt "$flat" ]; then
		dir=$(mktemp -d "$cache/flat.XXXXXX")
		if flat_make "$1" "$dir" 2>"$dir/log"; then
			mv "$dir/flat" "$flat"
		else
			die "cannot unpack $1: see $dir/log" 125
		fi
		rm -rf "$dir"
	fi
	printf '%s' "$flat"
}
