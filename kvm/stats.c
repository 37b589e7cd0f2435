// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters in debugfs.  Each vCPU counts in its own memory without atomics; a
 * reader may see counts of slightly different moments.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "arch.h"
#include "main.h"
#include "stats.h"
#include "vm.h"

#define STAT(f) { #f, offsetof(struct vcpu, stat.f) }

const struct stats_field stats_fields[] = {
	STAT(exits), STAT(io_exits), STAT(mmio_exits), STAT(halt_exits),
	STAT(irq_exits), STAT(hypercalls), STAT(fast_hypercalls), STAT(faults),
	STAT(faults_around), STAT(injections), STAT(signal_exits),
	STAT(tlb_flushes), STAT(wakeups), STAT(l1d_flushes),
};

const unsigned int stats_nr_fields = ARRAY_SIZE(stats_fields);

u64 stats_get(const struct vcpu *v, unsigned int field)
{
	return READ_ONCE(*(u64 *)((char *)v + stats_fields[field].offset));
}

static int stats_show(struct seq_file *m, void *unused)
{
	struct vm *vm = m->private;
	struct vcpu *v;
	unsigned int i, f;

	for (f = 0; f < ARRAY_SIZE(stats_fields); f++) {
		seq_printf(m, "%s", stats_fields[f].name);
		vm_for_each_vcpu(i, v, vm)
			seq_printf(m, " %llu", stats_get(v, f));
		seq_putc(m, '\n');
	}
	seq_printf(m, "tables %lu\n", arch_stage2_tables(vm));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

void stats_vm_init(struct vm *vm)
{
	static atomic_t serial;
	char name[32];

	vm->creator = current->tgid;
	snprintf(name, sizeof(name), "%d-%d", current->tgid,
		 atomic_inc_return(&serial));
	vm->debugfs = debugfs_create_dir(name, main_debugfs);
	debugfs_create_file("stats", 0444, vm->debugfs, vm, &stats_fops);
	arch_vm_debugfs(vm);
}

void stats_vm_exit(struct vm *vm)
{
	debugfs_remove(vm->debugfs);
}
