# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Where things are, and how the lab speaks. Sourced first by every script.
# The caller sets $prog, the name its messages start with.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$top/build
cache=$build/cache

# What a script builds must not depend on a make that called it: the kernel's
# selftests put their programs elsewhere when MAKELEVEL is not 0.
unset MAKELEVEL MAKEFLAGS MFLAGS

say()
{
	printf '%s: %s\n' "$prog" "$*" >&2
}

# die MESSAGE [STATUS]
die()
{
	say "$1"
	exit "${2:-1}"
}

# need PROGRAM PACKAGE...: the tool is there, or one line that says how to get it
need()
{
	command -v "$1" >/dev/null 2>&1 ||
		die "$1 is missing: run 'make setup' (package ${*:2})"
}

# quote WORD...: the words as one line of POSIX shell, safe to evaluate
quote()
{
	local word out=

	for word; do
		out+="${out:+ }'${word//\'/\'\\\'\'}'"
	done
	printf '%s' "$out"
}
