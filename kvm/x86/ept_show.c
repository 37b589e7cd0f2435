// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file "ept" of a VM in debugfs: what its tables map, as ranges of guest
 * addresses with one type and the same rights, in order:
 *
 *	000000000000-0000003fffff WB ipat rwx
 *
 * Read under mmu_lock in pieces; pieces may be of slightly different moments.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "../arch.h"
#include "memtype.h"

#define SHOW_PIECE	(1ull << 18)	/* pages: 1 GiB */
#define SHOW_ATTR	(GENMASK_ULL(6, 3) | GENMASK_ULL(2, 0))

struct ept_show {
	struct seq_file *m;
	u64 start, end;			/* gfns; start == end: nothing yet */
	u64 attr;
};

static const char *const show_types[8] = {
	"UC", "WC", "2?", "3?", "WT", "WP", "WB", "7?",
};

static void show_flush(struct ept_show *s)
{
	if (s->start == s->end)
		return;
	seq_printf(s->m, "%012llx-%012llx %s %s %c%c%c\n",
		   s->start << PAGE_SHIFT, (s->end << PAGE_SHIFT) - 1,
		   show_types[s->attr >> 3 & 7],
		   s->attr & EPT_IPAT ? "ipat" : "pat",
		   s->attr & 1 ? 'r' : '-', s->attr & 2 ? 'w' : '-',
		   s->attr & 4 ? 'x' : '-');
	s->start = s->end;
}

static int show_leaf(u64 gfn, int level, u64 entry, void *arg)
{
	struct ept_show *s = arg;

	/* a leaf that reaches over from the piece before */
	if (gfn < s->end)
		return 0;
	if (gfn != s->end || (entry & SHOW_ATTR) != s->attr ||
	    s->start == s->end) {
		show_flush(s);
		s->start = gfn;
		s->attr = entry & SHOW_ATTR;
	}
	s->end = gfn + pgt_span(level);
	return 0;
}

static int ept_show(struct seq_file *m, void *unused)
{
	struct vm *vm = m->private;
	u64 gfn, next, end = arch_stage2_gfn_end();
	struct ept_show s = { .m = m };

	for (gfn = 0; gfn < end && !seq_has_overflowed(m); gfn = next) {
		next = gfn + SHOW_PIECE;
		read_lock(&vm->mmu_lock);
		pgtable_for_each(&vm->arch.ept, gfn, next, show_leaf, &s);
		read_unlock(&vm->mmu_lock);
		cond_resched();
	}
	show_flush(&s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ept);

void arch_vm_debugfs(struct vm *vm)
{
	debugfs_create_file("ept", 0400, vm->debugfs, vm, &ept_fops);
}
