#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# In the host: the module loads and unloads again and again, and
# leaves nothing behind. Run last: it takes out what lab/host inserted.

# shellcheck source=lab/test/verdict
. ./.verdict
n=0 status=0

rounds()
{
	local i=0

	while [ $i -lt "$1" ]; do
		insmod "$module" || return
		[ -c /dev/xkvm ] || return
		rmmod xkvm || return
		i=$((i + 1))
	done
}

free_kib()
{
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^MemFree/ { print $2 }' /proc/meminfo
}

dmesg -c >/dev/null
rmmod xkvm
verdict 'the module unloads' $?
rounds 5
before=$(free_kib)
rounds 50
verdict 'it loads and unloads 50 times' $?
after=$(free_kib)
echo "# free: $before KiB, then $after KiB"
[ $((before - after)) -lt 2048 ]
verdict 'no memory is lost' $?
[ ! -e /dev/xkvm ] && [ ! -e /sys/module/xkvm ] &&
	[ ! -e /sys/kernel/debug/xkvm ]
verdict 'nothing of it is left' $?
insmod "$module"
verdict 'it loads again' $?
! dmesg | grep -E 'BUG|WARNING|Oops|Call Trace|refused|leak'
verdict 'the kernel logged no complaint' $?
echo "1..$n"
exit $status
