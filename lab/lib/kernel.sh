# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Stock Debian kernels: finds the package of a kernel line (6.1, 6.12), keeps
# it unpacked in the cache with its headers, and answers where its files are.
# Nothing is installed; what is cached stays until `make distclean`. The line
# 6.1-debug is built here, see lab/build-debug-kernel.

# What of lib/modules a host or a guest may load; the rest is not unpacked.
kernel_parts=(kernel/arch kernel/block kernel/crypto kernel/lib kernel/virt
	kernel/fs/ext4 kernel/fs/jbd2 kernel/fs/mbcache.ko
	kernel/drivers/ata kernel/drivers/scsi kernel/drivers/block
	kernel/drivers/xen kernel/drivers/net/xen-netfront.ko
	kernel/drivers/net/tun.ko)

# kernel_dir LINE: the folder an unpacked kernel lives in
kernel_dir()
{
	printf '%s/kernel-%s-amd64' "$cache" "$1"
}

# kernel_newest LINE: the newest release of a line that apt knows of
kernel_newest()
{
	local re="^linux-image-${1//./\\.}[.0-9][0-9a-z.+~-]*-amd64\$"

	apt-cache pkgnames "linux-image-$1." | grep -E "$re" |
		grep -vE -- '-(rt|cloud)-amd64$' | sort -V | tail -n 1 |
		sed 's/^linux-image-//'
}

# kernel_unpack DEB DIR [MEMBER...]
kernel_unpack()
{
	local deb=$1 dir=$2 members

	shift 2
	members=("$@")
	# tar complains of wildcards without a match; the caller looks for files
	dpkg-deb --fsys-tarfile "$deb" |
		tar -x -C "$dir" --wildcards "${members[@]}" 2>/dev/null || :
}

kernel_unpack_image()
{
	local deb=$1 dir=$2 part members=('./boot/*')

	for part in "${kernel_parts[@]}"; do
		members+=("./lib/modules/*/$part*" "./usr/lib/modules/*/$part*")
	done
	members+=('./lib/modules/*/modules.*' './usr/lib/modules/*/modules.*')
	kernel_unpack "$deb" "$dir" "${members[@]}"
	if [ ! -d "$dir/lib" ] && [ -d "$dir/usr/lib/modules" ]; then
		ln -s usr/lib "$dir/lib"
	fi
	depmod -b "$dir" "$(cat "$dir/release")" 2>/dev/null
}

# The headers name their common half by its installed place: name it by ours.
kernel_relocate_headers()
{
	local dir=$1 makefile

	for makefile in "$dir"/usr/src/linux-headers-*-amd64/Makefile; do
		sed -i "s|^include /usr/src|include $dir/usr/src|" "$makefile"
	done
}

# kernel_download DIR PACKAGE...
kernel_download()
{
	(cd "$1" && shift &&
	 apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User=root \
		download "$@" >download.log 2>&1)
}

kernel_headers_of()
{
	local release=$1 version=$2 kbuild

	kbuild=$(apt-cache show "linux-headers-$release=$version" |
		 grep -m 1 -oE 'linux-kbuild-[^ ,]+')
	printf '%s\n' "linux-headers-$release=$version" \
		"linux-headers-${release%-amd64}-common=$version" \
		"$kbuild=$version"
}

kernel_fill()
{
	local dir=$1 release=$2 version packages deb

	version=$(apt-cache show "linux-image-$release" |
		  sed -n 's/^Version: //p' | head -n 1)
	printf '%s\n' "$release" >"$dir/release"
	printf '%s\n' "$version" >"$dir/version"
	mapfile -t packages < <(kernel_headers_of "$release" "$version")
	kernel_download "$dir" "linux-image-$release=$version" \
		"${packages[@]}" || return
	for deb in "$dir"/*.deb; do
		case ${deb##*/} in
		linux-image-*)	kernel_unpack_image "$deb" "$dir" ;;
		*)		dpkg-deb -x "$deb" "$dir" ;;
		esac
	done
	rm -f "$dir"/*.deb
	[ -f "$dir/boot/vmlinuz-$release" ]
}

# kernel_current LINE: it is in the cache; the debug kernel as its
# configuration is now
kernel_current()
{
	local complete

	complete=$(kernel_dir "$1")/complete
	case $1 in
	*-debug)	cmp -s "$top/lab/debug.config" "$complete" ;;
	*)		[ -f "$complete" ] ;;
	esac
}

# kernel_fetch LINE: make sure the kernel is in the cache
kernel_fetch()
{
	local line=$1 dir release new

	! kernel_current "$line" || return 0
	case $line in
	*-debug)	"$top/lab/build-debug-kernel" || exit 125
			return ;;
	esac
	dir=$(kernel_dir "$line")
	release=$(kernel_newest "$line")
	[ -n "$release" ] ||
		die "apt has no linux-image-$line package: run 'apt-get update', or choose another kernel" 125
	say "fetching linux $release (80 MB, half a minute; once)"
	mkdir -p "$cache"
	new=$(mktemp -d "$cache/fetch.XXXXXX")
	if ! kernel_fill "$new" "$release"; then
		rm -rf "$new.failed"
		mv "$new" "$new.failed"
		die "cannot fetch linux-image-$release: see ${new#"$top"/}.failed/download.log" 125
	fi
	chmod 755 "$new"
	rm -rf "$dir"
	mv "$new" "$dir"
	kernel_relocate_headers "$dir"
	touch "$dir/complete"
}

kernel_release()
{
	cat "$(kernel_dir "$1")/release"
}

kernel_image()
{
	printf '%s/boot/vmlinuz-%s' "$(kernel_dir "$1")" "$(kernel_release "$1")"
}

# kernel_headers LINE: what to pass to make -C
kernel_headers()
{
	printf '%s/usr/src/linux-headers-%s' "$(kernel_dir "$1")" \
		"$(kernel_release "$1")"
}

# kernel_module_files LINE MODULE...: the files to insert, in order, each once;
# a MODULE with a slash in it is a file, and what that needs comes before it
kernel_module_files()
{
	local line=$1 dir release module

	shift
	dir=$(kernel_dir "$line")
	release=$(kernel_release "$line")
	for module; do
		[[ $module != */* ]] || { echo "insmod $module"; continue; }
		modprobe -C /dev/null -d "$dir" -S "$release" \
			--show-depends "$module" ||
			die "linux $release has no module $module" 125
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}
