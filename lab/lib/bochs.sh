# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The x86 emulator: writes its configuration, starts it, watches the two
# serial lines, and never leaves it running.
#
# $scratch is this run's folder: console (the command's bytes), log (the
# kernel's log and lab-host lines), bochs.log (the emulator's own).

bochs_share=${BXSHARE:-/usr/share/bochs}

# bochs_disk PLACE IMAGE: the emulator wants whole cylinders, here of 256 KiB;
# an image of another size is copied and padded.
bochs_disk()
{
	local disk size copy cylinder=$((16 * 32 * 512))

	disk=$(realpath "$2")
	size=$(stat -c %s "$disk")
	if [ $((size % cylinder)) -ne 0 ]; then
		copy=$(mktemp "$scratch/disk.XXXXXX")
		cp --sparse=always "$disk" "$copy"
		truncate -s %$cylinder "$copy"
		disk=$copy
		size=$(stat -c %s "$disk")
	fi
	printf '%s: type=disk, mode=volatile, path="%s", cylinders=%d, heads=16, spt=32\n' \
		"$1" "$disk" $((size / cylinder))
}

# bochs_config CPUS MEMORY COM1 DISK...
bochs_config()
{
	local cpus=$1 memory=$2 com1=$3 display='rfb, options="timeout=0"'
	local errors=ignore
	local place=(ata0-master ata0-slave ata1-master) n=0 disk

	shift 3
	[ -z "${BOCHS:-}" ] || display=nogui
	[ -z "${LAB_KEEP:-}" ] || errors=report	# a line for many an exit
	cat <<-END
	cpu: model=corei7_skylake_x, count=$cpus, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1
	clock: sync=none
	memory: guest=$memory, host=$memory
	romimage: file="$bochs_share/BIOS-bochs-latest"
	vgaromimage: file="$bochs_share/VGABIOS-lgpl-latest"
	display_library: $display
	com1: enabled=1, $com1
	com2: enabled=1, mode=file, dev="$scratch/log"
	log: "$scratch/bochs.log"
	panic: action=fatal
	error: action=$errors
	info: action=ignore
	debug: action=ignore
	boot: floppy
	floppya: 1_44="$scratch/floppy", status=inserted
	ata0: enabled=1
	ata1: enabled=1
	END
	truncate -s %262144 "$scratch/boot.img"
	bochs_disk ata1-slave "$scratch/boot.img"
	for disk; do
		bochs_disk "${place[n]}" "$disk"
		n=$((n + 1))
	done
}

# bochs_start: in the background; $bochs_pid
bochs_start()
{
	local args=(-q -f "$scratch/bochsrc")

	if [ -z "${BOCHS:-}" ]; then
		echo c >"$scratch/rc"
		args+=(-rc "$scratch/rc")
	fi
	(cd "$scratch" && exec "${BOCHS:-bochs}" "${args[@]}" \
		</dev/null >bochs.out 2>&1) &
	bochs_pid=$!
}

bochs_stop()
{
	[ -n "${bochs_pid:-}" ] || return 0
	kill -KILL "$bochs_pid" 2>/dev/null
	wait "$bochs_pid" 2>/dev/null
	bochs_pid=
}

# bochs_wait SECONDS [IDLE]: until the host reports, dies, is silent for IDLE
# seconds or the time is over; leaves the exit status of the command in
# $bochs_status, or nothing there and the reason in $bochs_reason
bochs_wait()
{
	local deadline=$((SECONDS + $1)) idle=${2:-$1} line said='' now
	local silent=$((SECONDS + idle))

	bochs_status= bochs_reason=
	while :; do
		line=$(grep -a -m 1 -oE 'lab-host: (exit [0-9]+\.|failed: .*)|Kernel panic - .*' \
			"$scratch/log" 2>/dev/null)
		case $line in
		*exit*)		bochs_status=${line##* }
				bochs_status=${bochs_status%.}
				return ;;
		?*)		sleep 2		# the rest of the log
				bochs_reason=${line#lab-host: failed: }
				return ;;
		esac
		if ! kill -0 "$bochs_pid" 2>/dev/null; then
			wait "$bochs_pid"
			bochs_reason="the emulator ended with status $?"
			return
		fi
		now=$(stat -c %s "$scratch/log" "$scratch/console")
		if [ "$now" != "$said" ]; then
			said=$now
			silent=$((SECONDS + idle))
		fi
		if [ $SECONDS -ge $silent ]; then
			bochs_reason="no word for $idle seconds"
			return
		fi
		if [ $SECONDS -ge $deadline ]; then
			bochs_reason="no end after $1 seconds"
			return
		fi
		sleep 0.2
	done
}
