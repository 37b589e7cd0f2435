#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# In the debug kernel's host, after the programs: the module goes and leaves
# nothing behind, and the checkers still work. What was lost while it was
# loaded is lost when it is gone, too: one look is enough.

leaks=/sys/kernel/debug/kmemleak
# shellcheck source=lab/test/verdict
. ./.verdict
n=0 status=0

# An object counts when two scans found no pointer to it and no change in it,
# and it is 5 s old. A scan takes half a minute in an emulator.
no_leaks()
{
	sleep 6
	echo '# kmemleak: first scan'
	echo scan >$leaks
	echo '# kmemleak: second scan'
	echo scan >$leaks
	sed 's/^/# /' $leaks >/tmp/leaks
	head -n 60 /tmp/leaks
	[ ! -s /tmp/leaks ]
}

if [ ! -e $leaks ]; then
	echo '1..0 # SKIP not the debug kernel'
	exit 4
fi
rmmod xkvm
verdict 'the module unloads' $?
no_leaks
verdict 'no object is lost with the module gone' $?
! grep -qE 'xkvm' /proc/slabinfo
verdict 'no slab cache of it is left' $?
grep -qE '^ *debug_locks: *1$' /proc/lockdep_stats
verdict 'lockdep is still on' $?
insmod "$module"
verdict 'it loads again' $?
echo "1..$n"
exit $status
