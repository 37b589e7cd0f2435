/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Xen's guest-visible structures for both word sizes, and the writes to them
 * that depend on nothing else.  Builds on the host too, for unit tests.
 * Source: xen/include/public/{xen,vcpu,arch-x86/xen}.h; internal.h compares
 * the 64-bit ones with the kernel's own, a unit test both with Xen's.
 */
#ifndef XKVM_XEN_LAYOUT_H
#define XKVM_XEN_LAYOUT_H

#include <linux/compiler.h>
#include <linux/string.h>
#include <linux/types.h>

#define XEN_MAX_PORTS		4096	/* two-level, 64-bit */
#define XEN_PORT_LEAF		64	/* of them in a leaf of port.c's table */

/* The same for both word sizes; version protocol: pvclock.c. */
struct xen_time_info {
	u32 version, pad0;
	u64 tsc_timestamp, system_time;
	u32 mul;
	s8 shift;
	u8 flags, pad[2];
} __packed;

struct xen_wc {
	u32 version, sec, nsec;
};

struct xen64_vcpu_info {
	u8 upcall_pending, upcall_mask, pad[6];
	u64 pending_sel;
	u64 cr2, pad1;
	struct xen_time_info time;
};

struct xen32_vcpu_info {
	u8 upcall_pending, upcall_mask, pad[2];
	u32 pending_sel;
	u32 cr2, pad1[5];
	struct xen_time_info time;
};

struct xen64_shared_info {
	struct xen64_vcpu_info vcpu_info[32];
	u64 evtchn_pending[64], evtchn_mask[64];
	struct xen_wc wc;
	u32 wc_sec_hi;
};

struct xen32_shared_info {
	struct xen32_vcpu_info vcpu_info[32];
	u32 evtchn_pending[32], evtchn_mask[32];
	struct xen_wc wc;
	u32 arch[6];			/* max_pfn .. p2m_generation */
	u32 wc_sec_hi;
};

struct xen64_runstate_info {
	u32 state, pad;
	u64 state_entry_time;
	u64 time[4];
};

struct xen32_runstate_info {
	u32 state;
	u64 state_entry_time;
	u64 time[4];
} __packed;

/* Byte offsets and sizes by word size: xen_layouts[long_mode]. */
struct xen_layout {
	u16 pending, mask, wc, wc_sec_hi;	/* in shared_info */
	u16 nr_ports;
	u8 word_shift;				/* log2 of ports per selector bit */
	u8 pending_sel;				/* in vcpu_info */
	u8 runstate_size, runstate_entry;
} __aligned(16);				/* cheap to index */

extern const struct xen_layout xen_layouts[2];

/* At the same place in both. */
#define XEN_VCPU_INFO_SIZE	64
#define XEN_UPCALL_PENDING	0
#define XEN_UPCALL_MASK		1
#define XEN_TIME_OFFSET		32

#define XEN_WC_BYTES		16	/* struct xen_wc and wc_sec_hi */

/* A vCPU's runstate; the times add up to entry_ns. */
struct xen_runstate {
	u32 state;			/* RUNSTATE_* */
	u64 entry_ns;			/* when it was entered, guest clock */
	u64 times[4];			/* ns in each */
	u64 last_steal;			/* the thread's run_delay as of entry_ns */
};

#define XEN_RS_RUNNING		0	/* RUNSTATE_* of xen/interface/vcpu.h */
#define XEN_RS_RUNNABLE		1
#define XEN_RUNSTATE_SIZE	0x30	/* of the larger layout */
#define XEN_RUNSTATE_FLAG	0x80	/* in the top byte of state_entry_time */

/*
 * xen_runstate_account() - the guest clock says @now and the vCPU's thread has
 * waited @run_delay ns for a CPU in all: @state begins.  Waiting counts as
 * runnable if the vCPU was running; a clock that went back counts as none.
 */
static inline void xen_runstate_account(struct xen_runstate *rs, u64 now,
					u64 run_delay, u32 state)
{
	u64 delta = now > rs->entry_ns ? now - rs->entry_ns : 0;
	u64 steal = run_delay > rs->last_steal ? run_delay - rs->last_steal : 0;

	rs->entry_ns += delta;
	if (rs->state == XEN_RS_RUNNING) {
		if (steal > delta)
			steal = delta;
		rs->times[XEN_RS_RUNNABLE] += steal;
		delta -= steal;
	}
	rs->times[rs->state] += delta;
	rs->last_steal = run_delay;
	rs->state = state;
}

/* Do the times add up to @rs->entry_ns, without overflow? */
bool xen_runstate_valid(const struct xen_runstate *rs);

/*
 * xen_runstate_pack() - as the guest sees it, padding zero, into @area, with
 * the update flag set if @updating.
 */
static __always_inline void xen_runstate_pack(u8 *area,
					      const struct xen_layout *l,
					      const struct xen_runstate *rs,
					      bool updating)
{
	u64 entry = rs->entry_ns | (u64)updating << 63;

	WRITE_ONCE(*(u32 *)area, rs->state);
	if (l->runstate_entry > sizeof(u32))
		memset(area + sizeof(u32), 0, sizeof(u32));
	area += l->runstate_entry;
	memcpy(area, &entry, sizeof(entry));
	memcpy(area + sizeof(entry), rs->times, sizeof(rs->times));
}

/* Index of the byte with the update flag. */
static inline unsigned int xen_runstate_flag_byte(const struct xen_layout *l)
{
	return l->runstate_entry + 7;
}

#endif
