# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The x86 emulator: writes its configuration, starts it, watches the two
# serial lines, and never leaves it running.
#
# $scratch is this run's folder: console (the command's bytes), log (the
# kernel's log and lab-host lines), bochs.log (the emulator's own).

bochs_share=${BXSHARE:-/usr/share/bochs}

# bochs_cd KERNEL INITRAMFS CMDLINE: the CD image it boots
bochs_cd()
{
	local tree=$scratch/cd isolinux=/usr/lib/ISOLINUX/isolinux.bin

	[ -f $isolinux ] || die "isolinux is missing: run 'make setup'" 125
	need xorriso xorriso
	mkdir -p "$tree/isolinux"
	cp $isolinux /usr/lib/syslinux/modules/bios/ldlinux.c32 "$tree/isolinux"
	ln "$1" "$tree/vmlinuz" 2>/dev/null || cp "$1" "$tree/vmlinuz"
	mv "$2" "$tree/initrd"
	printf 'default host\nprompt 0\nlabel host\nkernel /vmlinuz\nappend initrd=/initrd %s\n' \
		"$3" >"$tree/isolinux/isolinux.cfg"
	xorriso -as mkisofs -quiet -o "$scratch/cd.iso" -b isolinux/isolinux.bin \
		-c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
		-boot-info-table "$tree" 2>"$scratch/xorriso.log" ||
		die "cannot make the boot image: see $scratch/xorriso.log" 125
	rm -rf "$tree"
}

# The emulator wants whole cylinders, which here are 256 KiB; an image of
# another size is copied and padded.
bochs_disk_lines()
{
	local place=(ata0-slave ata1-master ata1-slave) n=0 disk size
	local cylinder=$((16 * 32 * 512))

	for disk; do
		[ -n "${place[n]:-}" ] || die "at most three disks" 2
		disk=$(realpath "$disk")
		size=$(stat -c %s "$disk")
		if [ $((size % cylinder)) -ne 0 ]; then
			cp --sparse=always "$disk" "$scratch/disk$n"
			disk=$scratch/disk$n
			truncate -s %$cylinder "$disk"
			size=$(stat -c %s "$disk")
		fi
		printf '%s: type=disk, mode=volatile, path="%s", cylinders=%d, heads=16, spt=32\n' \
			"${place[n]}" "$disk" $((size / cylinder))
		n=$((n + 1))
	done
}

# bochs_config CPUS MEMORY COM1 DISK...
bochs_config()
{
	local cpus=$1 memory=$2 com1=$3 display='rfb, options="timeout=0"'

	shift 3
	[ -z "${BOCHS:-}" ] || display=nogui
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
	error: action=report
	info: action=ignore
	debug: action=ignore
	boot: cdrom
	ata0: enabled=1
	ata1: enabled=1
	ata0-master: type=cdrom, path="$scratch/cd.iso", status=inserted
	END
	bochs_disk_lines "$@"
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

# bochs_wait SECONDS: until the host reports, dies or the time is over; prints
# the exit status of the command, or nothing with the reason in $bochs_reason
bochs_wait()
{
	local deadline=$((SECONDS + $1)) line

	bochs_status= bochs_reason=
	while :; do
		line=$(grep -a -m 1 -oE 'lab-host: (exit [0-9]+|failed: .*)|Kernel panic - .*' \
			"$scratch/log" 2>/dev/null)
		case $line in
		*exit*)		bochs_status=${line##* }; return ;;
		?*)		sleep 2		# the rest of the log
				bochs_reason=${line#lab-host: failed: }
				return ;;
		esac
		if ! kill -0 "$bochs_pid" 2>/dev/null; then
			bochs_reason='the emulator ended'
			return
		fi
		if [ $SECONDS -ge $deadline ]; then
			bochs_reason="no end after $1 seconds"
			return
		fi
		sleep 0.2
	done
}
