// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Builds the ACPI tables into a caller's buffer; keeps nothing.  Local APIC
 * id and processor UID are both the vCPU's number: Linux takes the UID for
 * the number of the vCPU in hypercalls.
 */
#include "acpi.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#define PACKED __attribute__((packed))

struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem_id[6], oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} PACKED;

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum;		/* of the first 20 bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t ext_checksum;
	uint8_t reserved[3];
} PACKED;

struct acpi_xsdt {
	struct acpi_header h;
	uint64_t fadt, madt;
} PACKED;

#define FADT_BOOT_VGA_NOT_PRESENT	(1u << 2)
#define FADT_BOOT_NO_CMOS_RTC		(1u << 5)

#define FADT_WBINVD			(1u << 0)
#define FADT_PROC_C1			(1u << 2)
#define FADT_NO_PWR_BUTTON		(1u << 4)
#define FADT_NO_SLP_BUTTON		(1u << 5)
#define FADT_NO_FIXED_RTC		(1u << 6)
#define FADT_HW_REDUCED			(1u << 20)

/* Generic address structure, 5.2.3.2: one byte at an I/O port. */
struct acpi_gas {
	uint8_t space, bits, bit_offset, access;
	uint64_t address;
} PACKED;

#define ACPI_GAS_PORT(port) { 1, 8, 0, 1, htole64(port) }

struct acpi_fadt {
	struct acpi_header h;
	uint32_t facs, dsdt32;
	uint8_t fixed1[109 - 44];	/* ACPI hardware, of which there is none */
	uint16_t boot_flags;
	uint8_t reserved;
	uint32_t flags;
	uint8_t fixed2[131 - 116];
	uint8_t minor_revision;
	uint64_t facs64, dsdt;
	uint8_t fixed3[244 - 148];
	struct acpi_gas sleep_control, sleep_status;
	uint64_t hypervisor;
} PACKED;

_Static_assert(sizeof(struct acpi_fadt) == 276, "FADT of ACPI 6.3");
_Static_assert(offsetof(struct acpi_fadt, boot_flags) == 109, "FADT");
_Static_assert(offsetof(struct acpi_fadt, flags) == 112, "FADT");
_Static_assert(offsetof(struct acpi_fadt, minor_revision) == 131, "FADT");
_Static_assert(offsetof(struct acpi_fadt, dsdt) == 140, "FADT");
_Static_assert(offsetof(struct acpi_fadt, sleep_control) == 244, "FADT");

#define ACPI_LAPIC_ADDRESS	0xfee00000u

struct acpi_madt {
	struct acpi_header h;
	uint32_t lapic, flags;		/* flags: no dual 8259 */
} PACKED;

#define MADT_LAPIC		0
#define MADT_X2APIC		9
#define MADT_MAX_LAPIC		254	/* 255 is broadcast */
#define MADT_ENABLED		(1u << 0)
#define MADT_ONLINE_CAPABLE	(1u << 1)

struct acpi_lapic {
	uint8_t type, length, uid, apic_id;
	uint32_t flags;
} PACKED;

struct acpi_x2apic {
	uint8_t type, length;
	uint16_t reserved;
	uint32_t apic_id, flags, uid;
} PACKED;

/* Where tables go: a cursor that counts on past the end of the buffer. */
struct acpi_out {
	uint8_t *buf;
	size_t size, at;
	uint64_t base;
};

static void acpi_put(struct acpi_out *o, const void *p, size_t len)
{
	if (o->at <= o->size && len <= o->size - o->at)
		memcpy(o->buf + o->at, p, len);
	o->at += len;
}

static void acpi_put8(struct acpi_out *o, uint8_t v)
{
	acpi_put(o, &v, sizeof(v));
}

static uint64_t acpi_align(struct acpi_out *o)
{
	while (o->at % 16)
		acpi_put8(o, 0);
	return o->base + o->at;
}

static uint8_t acpi_sum(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

static struct acpi_header acpi_header(const char *signature, uint8_t revision)
{
	struct acpi_header h = {
		.revision = revision, .oem_revision = htole32(1),
		.creator_revision = htole32(1),
	};

	memcpy(h.signature, signature, 4);
	memcpy(h.oem_id, "XKVM  ", 6);
	memcpy(h.oem_table_id, "XKVMPVH ", 8);
	memcpy(h.creator_id, "XKVM", 4);
	return h;
}

/* The table that starts at offset @start ends here: its length, its checksum. */
static void acpi_close(struct acpi_out *o, size_t start)
{
	uint32_t len = htole32((uint32_t)(o->at - start));
	uint8_t *table = o->buf + start;

	if (o->at > o->size)
		return;
	memcpy(table + offsetof(struct acpi_header, length), &len, sizeof(len));
	table[offsetof(struct acpi_header, checksum)] =
		acpi_sum(table, o->at - start);
}

/* --- AML, ACPI 6.3 chapter 20.2 --- */

#define AML_ZERO	0x00
#define AML_NAME	0x08
#define AML_BYTE	0x0a
#define AML_WORD	0x0b
#define AML_STRING	0x0d
#define AML_SCOPE	0x10
#define AML_PACKAGE	0x12
#define AML_EXT		0x5b
#define AML_EXT_DEVICE	0x82

#define AML_PKG_LEN	3	/* bytes of the form used here, 20 bits */

/* @len counts the bytes of the package length itself. */
static void aml_package_length(struct acpi_out *o, size_t len)
{
	acpi_put8(o, (uint8_t)(0x80 | (len & 0xf)));
	acpi_put8(o, (uint8_t)(len >> 4));
	acpi_put8(o, (uint8_t)(len >> 12));
}

static void aml_name(struct acpi_out *o, const char *name)
{
	acpi_put8(o, AML_NAME);
	acpi_put(o, name, 4);
}

#define AML_DEVICE_LEN (AML_PKG_LEN + 4 + (5 + 10) + (5 + 3) + (5 + 2))

/* Device (Cnnn) { _HID "ACPI0007", _UID n, _STA present or not } */
static void aml_processor(struct acpi_out *o, unsigned int n, bool present)
{
	static const char hex[] = "0123456789ABCDEF";
	char name[4] = { 'C', hex[n >> 8 & 15], hex[n >> 4 & 15], hex[n & 15] };
	uint16_t uid = htole16((uint16_t)n);

	acpi_put8(o, AML_EXT);
	acpi_put8(o, AML_EXT_DEVICE);
	aml_package_length(o, AML_DEVICE_LEN);
	acpi_put(o, name, 4);
	aml_name(o, "_HID");
	acpi_put8(o, AML_STRING);
	acpi_put(o, "ACPI0007", 9);
	aml_name(o, "_UID");
	acpi_put8(o, AML_WORD);
	acpi_put(o, &uid, 2);
	aml_name(o, "_STA");
	acpi_put8(o, AML_BYTE);
	acpi_put8(o, present ? 0x0f : 0);
}

/* Name (_S5, Package () { type, type, 0, 0 }): how to power off, 7.4.2.6 */
static void aml_soft_off(struct acpi_out *o)
{
	static const uint8_t package[] = {
		AML_PACKAGE, 8, 4, AML_BYTE, ACPI_SLEEP_TYPE_OFF,
		AML_BYTE, ACPI_SLEEP_TYPE_OFF, AML_ZERO, AML_ZERO,
	};

	aml_name(o, "_S5_");
	acpi_put(o, package, sizeof(package));
}

static void acpi_dsdt(struct acpi_out *o, unsigned int vcpus,
		      unsigned int maxvcpus)
{
	struct acpi_header h = acpi_header("DSDT", 2);
	size_t start = o->at;

	acpi_put(o, &h, sizeof(h));
	acpi_put8(o, AML_SCOPE);
	aml_package_length(o, AML_PKG_LEN + 5 +
			   maxvcpus * (size_t)(2 + AML_DEVICE_LEN));
	acpi_put(o, "\\_SB_", 5);
	for (unsigned int n = 0; n < maxvcpus; n++)
		aml_processor(o, n, n < vcpus);
	aml_soft_off(o);
	acpi_close(o, start);
}

static void acpi_madt(struct acpi_out *o, unsigned int vcpus,
		      unsigned int maxvcpus)
{
	struct acpi_madt madt = {
		.h = acpi_header("APIC", 5), .lapic = htole32(ACPI_LAPIC_ADDRESS),
	};
	size_t start = o->at;

	acpi_put(o, &madt, sizeof(madt));
	for (unsigned int n = 0; n < maxvcpus; n++) {
		uint32_t flags = htole32(n < vcpus ? MADT_ENABLED :
					 MADT_ONLINE_CAPABLE);
		struct acpi_lapic lapic = {
			.type = MADT_LAPIC, .length = sizeof(lapic),
			.uid = (uint8_t)n, .apic_id = (uint8_t)n,
			.flags = flags,
		};
		struct acpi_x2apic x2apic = {
			.type = MADT_X2APIC, .length = sizeof(x2apic),
			.uid = htole32(n), .apic_id = htole32(n),
			.flags = flags,
		};

		if (n <= MADT_MAX_LAPIC)
			acpi_put(o, &lapic, sizeof(lapic));
		else
			acpi_put(o, &x2apic, sizeof(x2apic));
	}
	acpi_close(o, start);
}

static void acpi_fadt(struct acpi_out *o, uint64_t dsdt)
{
	struct acpi_fadt fadt = {
		.h = acpi_header("FACP", 6), .minor_revision = 3,
		.dsdt32 = htole32((uint32_t)dsdt), .dsdt = htole64(dsdt),
		.boot_flags = htole16(FADT_BOOT_VGA_NOT_PRESENT |
				      FADT_BOOT_NO_CMOS_RTC),
		.flags = htole32(FADT_WBINVD | FADT_PROC_C1 |
				 FADT_NO_PWR_BUTTON | FADT_NO_SLP_BUTTON |
				 FADT_NO_FIXED_RTC | FADT_HW_REDUCED),
		.sleep_control = ACPI_GAS_PORT(ACPI_SLEEP_CONTROL_PORT),
		.sleep_status = ACPI_GAS_PORT(ACPI_SLEEP_STATUS_PORT),
	};
	size_t start = o->at;

	acpi_put(o, &fadt, sizeof(fadt));
	acpi_close(o, start);
}

static void acpi_xsdt(struct acpi_out *o, uint64_t fadt, uint64_t madt)
{
	struct acpi_xsdt xsdt = {
		.h = acpi_header("XSDT", 1),
		.fadt = htole64(fadt), .madt = htole64(madt),
	};
	size_t start = o->at;

	acpi_put(o, &xsdt, sizeof(xsdt));
	acpi_close(o, start);
}

/* The RSDP comes first but points at what comes last: written at the end. */
static void acpi_rsdp(struct acpi_out *o, uint64_t xsdt)
{
	struct acpi_rsdp r = {
		.revision = 2, .length = htole32(sizeof(r)),
		.xsdt = htole64(xsdt),
	};

	memcpy(r.signature, "RSD PTR ", 8);
	memcpy(r.oem_id, "XKVM  ", 6);
	r.checksum = acpi_sum((const uint8_t *)&r, 20);
	r.ext_checksum = acpi_sum((const uint8_t *)&r, sizeof(r));
	o->at = 0;
	acpi_put(o, &r, sizeof(r));
}

size_t acpi_build(void *buf, size_t size, uint64_t base, unsigned int vcpus,
		  unsigned int maxvcpus)
{
	struct acpi_out o = { .buf = buf, .size = size, .base = base };
	uint64_t dsdt, fadt, madt, xsdt;
	size_t end;

	o.at = sizeof(struct acpi_rsdp);
	dsdt = acpi_align(&o);
	acpi_dsdt(&o, vcpus, maxvcpus);
	fadt = acpi_align(&o);
	acpi_fadt(&o, dsdt);
	madt = acpi_align(&o);
	acpi_madt(&o, vcpus, maxvcpus);
	xsdt = acpi_align(&o);
	acpi_xsdt(&o, fadt, madt);
	end = o.at;
	acpi_rsdp(&o, xsdt);
	return end;
}
