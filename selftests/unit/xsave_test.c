// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sizes of XSAVE areas: on the components of CPUs that there are, and against
 * the CPU that the test runs on.
 */
#include <cpuid.h>

#include "tap.h"
#include "xsave.h"

const char *tap_precondition(void)
{
	return NULL;
}

/* Skylake-X and later: MPX, AVX-512, PKRU; Sapphire Rapids adds AMX. */
static const struct xsave_component intel[XSAVE_COMPONENTS] = {
	[2] = { 256, 576, 0 },
	[3] = { 64, 960, 0 },
	[4] = { 64, 1024, 0 },
	[5] = { 64, 1088, 0 },
	[6] = { 512, 1152, 0 },
	[7] = { 1024, 1664, 0 },
	[8] = { 128, 0, 1 },
	[9] = { 8, 2688, 0 },
	[17] = { 64, 2752, XSAVE_ALIGN_64 },
	[18] = { 8192, 2816, XSAVE_ALIGN_64 },
};

/* Zen 4: AVX-512 right behind AVX. */
static const struct xsave_component amd[XSAVE_COMPONENTS] = {
	[2] = { 256, 576, 0 },
	[5] = { 64, 832, 0 },
	[6] = { 512, 896, 0 },
	[7] = { 1024, 1408, 0 },
	[9] = { 8, 2432, 0 },
};

static const struct {
	const struct xsave_component *cpu;
	u64 features;
	u32 standard, compacted;
} sizes[] = {
	{ intel, 0x0, 576, 576 },
	{ intel, 0x1, 576, 576 },
	{ intel, 0x3, 576, 576 },
	{ intel, 0x7, 832, 832 },
	{ intel, 0x1f, 1088, 960 },
	{ intel, 0xe7, 2688, 2432 },
	{ intel, 0xff, 2688, 2560 },
	{ intel, 0x2e7, 2696, 2440 },
	{ intel, 0x602e7, 11008, 10752 },
	{ intel, 0x1e7, 2688, 2560 },	/* with IA32_XSS.PT */
	{ intel, 0x60003, 11008, 8832 },
	{ amd, 0x7, 832, 832 },
	{ amd, 0xe7, 2432, 2432 },
	{ amd, 0x2e7, 2440, 2440 },
	{ intel, ~0ull, 11008, 576 + 256 + 64 + 64 + 64 + 512 + 1024 + 128 +
			8 + 56 + 64 + 8192 },
};

TEST(table, "sizes for the features of CPUs that there are")
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		tap_diag("features %#llx",
			 (unsigned long long)sizes[i].features);
		CHECK_EQ(xsave_standard_size(sizes[i].cpu, sizes[i].features),
			 sizes[i].standard);
		CHECK_EQ(xsave_compacted_size(sizes[i].cpu, sizes[i].features),
			 sizes[i].compacted);
	}
}

static u64 xgetbv0(void)
{
	u32 eax, edx;

	asm volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
	return eax | (u64)edx << 32;
}

TEST(this_cpu, "what this CPU says of the features it has enabled")
{
	struct xsave_component c[XSAVE_COMPONENTS] = { 0 };
	u32 eax, ebx, ecx, edx, osxsave;
	u64 supported;

	__cpuid(1, eax, ebx, osxsave, edx);
	if (!(osxsave & bit_OSXSAVE))
		tap_skip("the CPU has no XSAVE, or it is off");
	for (unsigned int i = 2; i < XSAVE_COMPONENTS; i++) {
		__cpuid_count(0xd, i, eax, ebx, ecx, edx);
		c[i] = (struct xsave_component){ eax, ebx, ecx };
	}
	__cpuid_count(0xd, 0, eax, ebx, ecx, edx);
	supported = eax | (u64)edx << 32;
	tap_diag("XCR0 %#llx of %#llx", (unsigned long long)xgetbv0(),
		 (unsigned long long)supported);
	CHECK_EQ(xsave_standard_size(c, xgetbv0()), ebx);
	CHECK_EQ(xsave_standard_size(c, supported), ecx);
	__cpuid_count(0xd, 1, eax, ebx, ecx, edx);
	if (!(eax & bit_XSAVEC))
		tap_skip("the CPU has no compacted format");
	/* IA32_XSS is the kernel's: its components only add */
	CHECK(ebx >= xsave_compacted_size(c, xgetbv0()) ||
	      !(eax & bit_XSAVES));
	if (!(eax & bit_XSAVES))
		CHECK(!ebx || ebx == xsave_compacted_size(c, xgetbv0()));
}
