# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Counts TAP: result lines in column one, of any number of programs in a file.

# tap_count FILE: prints "passed failed skipped"
tap_count()
{
	tr -d '\r' <"$1" | awk '
		/^(ok|not ok)([ \t]|$)/ {
			if (toupper($0) ~ /# *SKIP/)
				skipped++
			else if ($1 == "ok")
				passed++
			else
				failed++
		}
		/^1\.\.0 *# *[Ss][Kk][Ii][Pp]/ { skipped++ }
		END { print passed + 0, failed + 0, skipped + 0 }'
}

# tap_failures FILE: the failed lines, each with the diagnostics around it
tap_failures()
{
	tr -d '\r' <"$1" | awk '
		/^#/ { if (shown) print; else note[n++] = $0; next }
		/^not ok/ && toupper($0) !~ /# *SKIP/ {
			from = n > 12 ? n - 12 : 0
			for (i = from; i < n; i++)
				print note[i]
			print
			n = 0
			shown = 1
			next
		}
		{ n = 0; shown = 0 }' | head -n 120
}

# tap_program NAME STATUS FILE: a program whose status says more than its lines
# do gets a line of its own. 4 is skip, as in kselftest.
tap_program()
{
	local passed failed skipped

	read -r passed failed skipped < <(tap_count "$3")
	case $2 in
	0)	[ $((passed + failed + skipped)) -gt 0 ] ||
			echo "not ok - $1: printed no result" ;;
	4)	[ $((passed + failed + skipped)) -gt 0 ] ||
			echo "ok - $1 # SKIP" ;;
	124|143) echo "not ok - $1: killed for taking too long" ;;
	*)	[ "$failed" -gt 0 ] || echo "not ok - $1: ended with status $2" ;;
	esac
}
