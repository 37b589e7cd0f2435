// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns which mitigations are on, decided once while the module loads, and the
 * last VM of each CPU.
 */
#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "../arch.h"
#include "mitigate.h"

DEFINE_STATIC_KEY_FALSE(mitigate_mmio);
DEFINE_PER_CPU(u64, mitigate_last_vm);

static atomic64_t mitigate_vms;
static u32 mitigate_set;

static void mitigate_look(struct mitigate_host *h)
{
	u64 caps = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, caps);
	*h = (struct mitigate_host){
		.bug_l1tf = boot_cpu_has_bug(X86_BUG_L1TF),
		.l1tf_off = l1tf_mitigation == L1TF_MITIGATION_OFF,
		.skip_l1d_flush = caps & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH,
		.clear_cpu_buf = boot_cpu_has(X86_FEATURE_CLEAR_CPU_BUF),
		.mmio_stale_data = static_key_enabled(&mmio_stale_data_clear),
		.use_ibpb = boot_cpu_has(X86_FEATURE_USE_IBPB),
		.ibpb_exit_to_user =
			boot_cpu_has(X86_FEATURE_IBPB_EXIT_TO_USER),
		.rsb_vmexit = boot_cpu_has(X86_FEATURE_RSB_VMEXIT) ||
			      boot_cpu_has(X86_FEATURE_RSB_VMEXIT_LITE),
		.clear_bhb = boot_cpu_has(X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT),
		.bug_itlb_multihit = boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT),
		.mitigations_off = cpu_mitigations_off(),
		.kernel_ibrs = boot_cpu_has(X86_FEATURE_KERNEL_IBRS),
	};
}

void mitigate_module_init(void)
{
	struct mitigate_host host;
	char names[128];

	mitigate_look(&host);
	mitigate_set = mitigate_decide(&host);
	if (mitigate_on(MITIGATE_MMIO_BUF))
		static_branch_enable(&mitigate_mmio);
	mitigate_names(mitigate_set, names, sizeof(names));
	pr_info("mitigations: %s\n", names);
}

void mitigate_module_exit(void)
{
	static_branch_disable(&mitigate_mmio);
}

bool mitigate_on(enum mitigate m)
{
	return mitigate_set >> m & 1;
}

u64 mitigate_new_vm(void)
{
	return atomic64_inc_return(&mitigate_vms);
}
