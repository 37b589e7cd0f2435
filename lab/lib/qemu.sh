# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Debian's QEMU 10 as it is, from bookworm-backports, with every library it
# needs, unpacked in the cache: nothing is installed, and the machine's own
# package sources stay as they are.

qemu_dir=$cache/qemu
qemu_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# qemu_apt DIR ARG...: apt with lists, sources and a status of its own
qemu_apt()
{
	local dir=$1

	shift
	apt-get -q -y -o Acquire::Retries=5 -o APT::Sandbox::User=root \
		-o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" \
		-o Dir::State::status="$dir/status" -o Dir::State="$dir" \
		-o APT::Install-Recommends=false "$@"
}

# qemu_packages DIR: name=version of QEMU and of all it depends on
qemu_packages()
{
	qemu_apt "$1" -s -t bookworm-backports install qemu-system-x86 |
		sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p'
}

# qemu_archive: the machine's own source of Debian 12, whose backports are meant
qemu_archive()
{
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		'Codename: bookworm' 'Component: main' | head -n 1
}

qemu_fill()
{
	local dir=$1 deb packages archive

	archive=$(qemu_archive)
	[ -n "$archive" ] ||
		{ echo 'apt has no source for Debian 12 (bookworm)'; return 1; }

	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/debs"
	: >"$dir/status"
	printf "deb [signed-by=$qemu_keyring] $archive %s main\n" \
		bookworm-backports bookworm >"$dir/sources.list"
	qemu_apt "$dir" update || return
	mapfile -t packages < <(qemu_packages "$dir")
	[ ${#packages[@]} -gt 0 ] || return
	(cd "$dir/debs" && qemu_apt "$dir" download "${packages[@]}") || return
	for deb in "$dir"/debs/*.deb; do
		dpkg-deb -x "$deb" "$dir/root" || return
	done
	rm -rf "$dir"/{lists,cache,debs}
	[ -x "$dir/root/usr/bin/qemu-system-x86_64" ]
}

# qemu_fetch: make sure it is in the cache
qemu_fetch()
{
	local new log=$build/log/qemu.log

	[ ! -f "$qemu_dir/complete" ] || return 0
	say 'fetching QEMU 10 (60 MB, a minute; once)'
	mkdir -p "$cache" "$build/log"
	new=$(mktemp -d "$cache/qemu.XXXXXX")
	if ! qemu_fill "$new" >"$log" 2>&1; then
		rm -rf "$new"
		die "cannot fetch QEMU: see ${log#"$top"/}" 125
	fi
	rm -rf "$qemu_dir"
	mv "$new" "$qemu_dir"
	touch "$qemu_dir/complete"
}

# qemu_library_path DIR: for the loader, of the tree in DIR
qemu_library_path()
{
	printf '%s/lib/x86_64-linux-gnu:%s/usr/lib/x86_64-linux-gnu' "$1" "$1"
}

# qemu_install DIR: the program, its libraries and its firmware, without the rest
qemu_install()
{
	local dir=$1 root=$qemu_dir/root loader library rom

	loader=$root/lib64/ld-linux-x86-64.so.2
	mkdir -p "$dir/lib" "$dir/share"
	cp "$root/usr/bin/qemu-system-x86_64" "$dir/"
	cp -L "$loader" "$dir/lib/"
	"$loader" --library-path "$(qemu_library_path "$root")" \
		--list "$dir/qemu-system-x86_64" | grep -oE "$root/[^ ]+" |
		while read -r library; do
			cp -L "$library" "$dir/lib/"
		done
	for rom in seabios/bios-256k.bin qemu/kvmvapic.bin \
		   qemu/linuxboot_dma.bin qemu/pvh.bin; do
		cp "$root/usr/share/$rom" "$dir/share/"
	done
}
