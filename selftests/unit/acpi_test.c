// SPDX-License-Identifier: GPL-2.0-or-later
/* The guest's ACPI tables: whole, in bounds, and to iasl's liking. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "../../vmm/x86/acpi.h"

const char *tap_precondition(void)
{
	return NULL;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static void check_sum(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
	CHECK_EQ(sum, 0);
}

#define ACPI_BASE 0x1fe0000ull

/* The table at guest address @at, its checksum right and all of it there. */
static const uint8_t *table(const uint8_t *buf, size_t len, uint64_t at,
			    const char *signature)
{
	const uint8_t *t = buf + (at - ACPI_BASE);

	CHECK(at >= ACPI_BASE && at - ACPI_BASE <= len - 36 && !(at % 4));
	CHECK_MSG(!memcmp(t, signature, 4), "no %s", signature);
	CHECK(get32(t + 4) <= len - (at - ACPI_BASE));
	check_sum(t, get32(t + 4));
	return t;
}

static void check_madt(const uint8_t *madt, unsigned int vcpus,
		       unsigned int maxvcpus)
{
	uint32_t len = get32(madt + 4), at = 44;

	CHECK_EQ(get32(madt + 36), 0xfee00000);
	CHECK_EQ(get32(madt + 40), 0);
	for (unsigned int n = 0; n < maxvcpus; n++) {
		const uint8_t *e = madt + at;
		uint32_t flags = n < vcpus ? 1 : 2;

		CHECK(at + 2 <= len && at + e[1] <= len);
		if (n <= 254) {
			CHECK(e[0] == 0 && e[1] == 8);
			CHECK(e[2] == n && e[3] == n);
			CHECK_EQ(get32(e + 4), flags);
		} else {
			CHECK(e[0] == 9 && e[1] == 16);
			CHECK_EQ(get32(e + 4), n);
			CHECK_EQ(get32(e + 8), flags);
			CHECK_EQ(get32(e + 12), n);
		}
		at += e[1];
	}
	CHECK_EQ(at, len);
}

static void check_acpi(unsigned int vcpus, unsigned int maxvcpus)
{
	size_t len = acpi_build(NULL, 0, ACPI_BASE, vcpus, maxvcpus);
	uint8_t *buf = calloc(1, len);
	const uint8_t *xsdt, *fadt;

	CHECK_EQ(acpi_build(buf, len, ACPI_BASE, vcpus, maxvcpus), len);
	CHECK(!memcmp(buf, "RSD PTR ", 8));
	CHECK_EQ(buf[15], 2);
	CHECK_EQ(get32(buf + 20), 36);
	check_sum(buf, 20);
	check_sum(buf, 36);
	xsdt = table(buf, len, get64(buf + 24), "XSDT");
	CHECK_EQ(get32(xsdt + 4), 36 + 2 * 8);
	fadt = table(buf, len, get64(xsdt + 36), "FACP");
	CHECK_EQ(get32(fadt + 4), 276);
	CHECK(get32(fadt + 112) & (1u << 20));
	CHECK_EQ(fadt[109] | fadt[110] << 8, (1 << 2) | (1 << 5));
	CHECK_EQ(get32(fadt + 40), get64(fadt + 140));
	table(buf, len, get64(fadt + 140), "DSDT");
	check_madt(table(buf, len, get64(xsdt + 44), "APIC"), vcpus, maxvcpus);

	/* A buffer too small gets nothing past its end. */
	for (size_t n = 0; n < len; n += 1 + len / 50) {
		uint8_t *small = malloc(n);

		CHECK_EQ(acpi_build(small, n, ACPI_BASE, vcpus, maxvcpus), len);
		free(small);
	}
	free(buf);
}

TEST(acpi, "the tables are whole, for few and for many processors")
{
	check_acpi(1, 1);
	check_acpi(2, 4);
	check_acpi(128, 128);
	check_acpi(255, 300);
	check_acpi(1, ACPI_MAX_VCPUS);
}

static void write_table(const char *dir, const char *name, const uint8_t *t)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.dat", dir, name);
	f = fopen(path, "w");
	CHECK(f && fwrite(t, 1, get32(t + 4), f) == get32(t + 4));
	fclose(f);
}

static int shell(const char *fmt, const char *dir)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), fmt, dir, dir);
	return system(cmd);
}

TEST(aml, "iasl reads the tables without an error or a warning")
{
	char dir[] = "/tmp/acpi-test-XXXXXX";
	size_t len = acpi_build(NULL, 0, ACPI_BASE, 2, 20);
	uint8_t *buf = calloc(1, len);
	const uint8_t *fadt;

	if (system("command -v iasl >/dev/null 2>&1"))
		tap_skip("no iasl: run 'make setup' (acpica-tools)");
	acpi_build(buf, len, ACPI_BASE, 2, 20);
	CHECK(mkdtemp(dir));
	fadt = table(buf, len,
		     get64(buf + (get64(buf + 24) - ACPI_BASE) + 36), "FACP");
	write_table(dir, "facp", fadt);
	write_table(dir, "dsdt", buf + (get64(fadt + 140) - ACPI_BASE));
	write_table(dir, "apic",
		    buf + (get64(buf + (get64(buf + 24) - ACPI_BASE) + 44) -
			   ACPI_BASE));
	CHECK(!shell("cd %s && iasl -d facp.dat dsdt.dat apic.dat >out 2>&1",
		     dir));
	CHECK(shell("grep -iqE 'error|warning|invalid' %s/out", dir));
	CHECK(!shell("grep -q 'Device (C013)' %s/dsdt.dsl", dir));
	CHECK(!shell("cd %s && iasl -tc dsdt.dsl >out 2>&1 && grep -q ' 0 Errors' out", dir));
	shell("rm -r %s", dir);
	free(buf);
}
