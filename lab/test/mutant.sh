#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# In the emulated host, for lab/test/mutants: a test passes on the module as it
# is, and fails on the one with a fault, saying what it is to say.
# usage: mutant.sh NAME PROGRAM TEST REGEX

name=$1 program=$2 test=$3 says=$4
said=/tmp/said

end()
{
	echo "$1 - $name: $2"
	[ "$1" = ok ]
	exit
}

quote_said()
{
	sed 's/^/# /' $said | tail -n 30
}

# on MODULE: ok, not ok, or nothing: the test's verdict
on()
{
	insmod "/mutants/$1.ko" || return
	"/mutants/${program##*/}" "$test" >$said 2>&1 </dev/null
	rmmod xkvm || return
	sed -nE "s/^((not )?ok) [0-9]+ - $test\$/\1/p" $said
}

start=$(date +%s)
if [ "$(on pristine)" != ok ]; then
	quote_said
	end 'not ok' "$test does not pass without the fault"
fi
if [ "$(on "$name")" != 'not ok' ]; then
	quote_said
	end 'not ok' "$test does not fail with the fault"
fi
if ! grep -qE "$says" $said; then
	quote_said
	end 'not ok' "$test fails, but not of the fault"
fi
grep -m 1 -E "$says" $said | sed 's/^#* */# /'
echo "# $(($(date +%s) - start)) s"
end ok "$program $test fails of it, and passes without"
