/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables of a PVH guest: RSDP, XSDT, FADT, MADT, DSDT.  A hardware-
 * reduced machine with local APICs and processors, and nothing else.
 * Source: ACPI specification 6.3, chapters 5 and 20.
 */
#ifndef XKVM_X86_ACPI_H
#define XKVM_X86_ACPI_H

#include <stddef.h>
#include <stdint.h>

#define ACPI_MAX_VCPUS 4096

/*
 * The sleep control and status registers (4.8.3.7), one I/O port each: writing
 * ACPI_SLEEP_OFF to the former is the guest's power switch.
 */
#define ACPI_SLEEP_CONTROL_PORT	0x404
#define ACPI_SLEEP_STATUS_PORT	0x405
#define ACPI_SLEEP_TYPE_OFF	5
#define ACPI_SLEEP_OFF		(ACPI_SLEEP_TYPE_OFF << 2 | 1 << 5)

/*
 * acpi_build() - lay the tables for @maxvcpus processors, of which the first
 * @vcpus are enabled and the rest may come online later, out for guest
 * address @base (16-byte aligned, below 4 GiB).  The RSDP is at @base.
 *
 * Returns the bytes the tables take, whatever @size; they are in @buf only
 * if it is at least that.  With @size 0, @buf may be NULL.
 */
size_t acpi_build(void *buf, size_t size, uint64_t base, unsigned int vcpus,
		  unsigned int maxvcpus);

#endif
