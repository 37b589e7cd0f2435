// SPDX-License-Identifier: GPL-2.0-only
/* kvm/x86/mitigate_decide.c: each row of docs/mitigations.md. */
#include <string.h>

#include "mitigate_decide.h"
#include "tap.h"

const char *tap_precondition(void)
{
	return NULL;
}

#define M(m)	(1u << MITIGATE_##m)

static const struct {
	const char *cpu;
	struct mitigate_host host;
	u32 set;
} hosts[] = {
	{ "no fault, or mitigations=off", { 0 }, 0 },
	{ "L1TF", { .bug_l1tf = true }, M(L1D) },
	{ "L1TF, l1tf=off", { .bug_l1tf = true, .l1tf_off = true }, 0 },
	{ "L1TF, under a hypervisor that flushes",
	  { .bug_l1tf = true, .skip_l1d_flush = true }, 0 },
	{ "a hypervisor that flushes, without L1TF",
	  { .skip_l1d_flush = true }, 0 },
	{ "MDS, TAA, RFDS", { .clear_cpu_buf = true }, M(CPU_BUF) },
	{ "MMIO stale data alone", { .mmio_stale_data = true }, M(MMIO_BUF) },
	{ "MMIO stale data and MDS",
	  { .mmio_stale_data = true, .clear_cpu_buf = true }, M(CPU_BUF) },
	{ "Spectre v2, IBPB", { .use_ibpb = true }, M(IBPB) },
	{ "VMSCAPE", { .ibpb_exit_to_user = true }, M(IBPB_EXIT) },
	{ "Spectre v2 or PBRSB, return predictor", { .rsb_vmexit = true },
	  M(RSB) },
	{ "BHI", { .clear_bhb = true }, M(BHB) },
	{ "retbleed by IBRS", { .kernel_ibrs = true }, M(IBRS) },
	{ "iTLB multihit", { .bug_itlb_multihit = true }, M(SMALL_PAGES) },
	{ "iTLB multihit, mitigations=off",
	  { .bug_itlb_multihit = true, .mitigations_off = true }, 0 },
	{ "a Skylake server with defaults",
	  { .bug_l1tf = true, .clear_cpu_buf = true, .mmio_stale_data = true,
	    .use_ibpb = true, .ibpb_exit_to_user = true, .rsb_vmexit = true,
	    .kernel_ibrs = true, .bug_itlb_multihit = true },
	  M(L1D) | M(CPU_BUF) | M(IBPB) | M(IBPB_EXIT) | M(RSB) | M(IBRS) |
	  M(SMALL_PAGES) },
	{ "a Sapphire Rapids with defaults",
	  { .use_ibpb = true, .ibpb_exit_to_user = true, .rsb_vmexit = true,
	    .clear_bhb = true },
	  M(IBPB) | M(IBPB_EXIT) | M(RSB) | M(BHB) },
};

TEST(rows, "each fault has its mitigation, and no other")
{
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++)
		CHECK_MSG(mitigate_decide(&hosts[i].host) == hosts[i].set,
			  "%s: %#x, wanted %#x", hosts[i].cpu,
			  mitigate_decide(&hosts[i].host), hosts[i].set);
}

TEST(names, "the line of the log has all names, and room or a cut")
{
	char buf[128], all[128];

	mitigate_names(0, buf, sizeof(buf));
	CHECK(!strcmp(buf, "none"));
	mitigate_names(M(IBPB) | M(L1D), buf, sizeof(buf));
	CHECK(!strcmp(buf, "l1d-flush ibpb"));
	mitigate_names(~0u, all, sizeof(all));
	CHECK(strlen(all) < sizeof(all) - 1 && strstr(all, " small-pages"));
	for (unsigned int len = 1; len < sizeof(all); len++) {
		memset(buf, 0x7f, sizeof(buf));
		mitigate_names(~0u, buf, len);
		CHECK(memchr(buf, 0, len));
		CHECK(buf[len] == 0x7f);
		CHECK(!strncmp(buf, all, strlen(buf)) || !strcmp(buf, "none"));
	}
}
