# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Builds an initramfs tree: busybox, modules, files with the libraries they need.

# initramfs_begin DIR: an empty root with busybox in it
initramfs_begin()
{
	local dir=$1 busybox=

	for busybox in /bin/busybox /usr/bin/busybox; do
		[ ! -x $busybox ] || break
	done
	[ -x "$busybox" ] || die "busybox is missing: run 'make setup'" 125
	mkdir -p "$dir"/{bin,sbin,dev,proc,sys,etc,tmp,run,root,mnt,lab,lib,usr}
	mkdir -p "$dir/lib64" "$dir/var"
	cp -L "$busybox" "$dir/bin/busybox"
	ln -s busybox "$dir/bin/sh"
	ln -s ../bin "$dir/usr/bin"
	ln -s ../lib "$dir/usr/lib"
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' \
		>"$dir/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$dir/etc/group"
}

# initramfs_modules DIR LINE MODULE...: copies the modules and what they need,
# numbered in the order they have to be inserted
initramfs_modules()
{
	local dir=$1 line=$2 file name n=10

	shift 2
	[ $# -gt 0 ] || return 0
	mkdir -p "$dir/lab/modules"
	while read -r file; do
		name=${file##*/}
		name=$dir/lab/modules/$n-${name%%.ko*}.ko
		case $file in
		*.xz)	xz -dc "$file" >"$name" ;;
		*.zst)	zstd -qdc "$file" >"$name" ;;
		*)	cp "$file" "$name" ;;
		esac
		strip --strip-debug "$name"
		n=$((n + 1))
	done < <(kernel_module_files "$line" "$@")
}

# initramfs_libraries DIR FILE: what the dynamic loader would open for FILE
initramfs_libraries()
{
	local dir=$1 library

	ldd "$2" 2>/dev/null | grep -oE '/[^ ]+' | while read -r library; do
		[ ! -e "$dir$library" ] || continue
		mkdir -p "$dir${library%/*}"
		cp -L "$library" "$dir$library"
	done
}

# initramfs_add DIR SRC DST: a file or a folder, with the libraries of programs
initramfs_add()
{
	local dir=$1 src=$2 dst=$3 file

	[ -e "$src" ] || die "no such file to add: $src" 2
	mkdir -p "$dir$(dirname "$dst")"
	if [ -d "$src" ]; then
		mkdir -p "$dir$dst"
		cp -a "$src/." "$dir$dst"
	else
		cp -L "$src" "$dir$dst"
	fi
	find "$dir$dst" -type f -perm /100 | while read -r file; do
		initramfs_libraries "$dir" "$file"
	done
}

# initramfs_pack DIR OUTPUT: uncompressed; unpacking costs more than loading
initramfs_pack()
{
	(cd "$1" && find . -print0 | LC_ALL=C sort -z |
	 cpio --null --quiet -o -H newc -R 0:0) >"$2"
}
