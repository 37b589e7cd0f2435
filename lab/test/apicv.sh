#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# In the host: what is about interrupts once more, without the CPU's
# delivery of them (apicv=0). The programs are those beside this one.

# shellcheck source=lab/test/verdict
. ./.verdict
n=0 status=0
rmmod xkvm && insmod "$module" apicv=0
verdict 'the module loads with apicv=0' $?
[ "$(cat /sys/module/xkvm/parameters/apicv)" = N ]
verdict 'and says so' $?
for program in tpr lapic smp chips apic_page nmi xen_event xen_irq; do
	[ -x "./$program" ] || continue
	"./$program" >/tmp/apicv.out 2>&1
	code=$?
	# its own result lines are not of this level
	sed 's/^/# /' /tmp/apicv.out
	verdict "$program without APIC virtualization" $code
done
rmmod xkvm && insmod "$module"
verdict 'the module loads as before' $?
echo "1..$n"
exit $status
