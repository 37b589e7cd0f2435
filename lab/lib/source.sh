# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Takes files out of Debian's linux-source-6.1, which is fetched unless it is
# installed. Nothing but what was asked for is kept.

# source_tarball DIR: prints where the kernel's tar is, put into DIR if need be.
# tar stops when it has the package's one member it is asked for.
source_tarball()
{
	local dir=$1 tarball=/usr/src/linux-source-6.1.tar.xz

	if [ ! -f $tarball ]; then
		say 'fetching linux-source-6.1 (140 MB; once)'
		kernel_download "$dir" linux-source-6.1 || return
		dpkg-deb --fsys-tarfile "$dir"/*.deb |
			tar -x -C "$dir" ./usr/src/linux-source-6.1.tar.xz
		rm -f "$dir"/*.deb
		tarball=$dir/usr/src/linux-source-6.1.tar.xz
	fi
	printf '%s' "$tarball"
}

# source_extract DIR STRIP MEMBER...: with STRIP leading folders taken off;
# MEMBERs are named from the tree's root, folders with all that is in them
source_extract()
{
	local dir=$1 strip=$2 tarball status

	shift 2
	tarball=$(source_tarball "$dir") || return
	tar -xJf "$tarball" -C "$dir" --strip-components="$strip" \
		"${@/#/linux-source-6.1/}"
	status=$?
	rm -rf "${dir:?}/usr/src"
	rmdir "$dir/usr" 2>/dev/null
	return $status
}
