/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's tracepoints: trace system "xkvm".
 *
 * main.c defines CREATE_TRACE_POINTS before it includes this file, nobody else
 * does.  The directory of this file must be in the include path (-I), because
 * <trace/define_trace.h> includes it again by name.
 * Arguments are plain numbers, so that any file can use them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xkvm

#if !defined(XKVM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define XKVM_TRACE_H

#include <linux/tracepoint.h>

/* World switch: about to enter the guest at rip. */
TRACE_EVENT(xkvm_entry,
	TP_PROTO(unsigned int vcpu, u64 rip, u32 intr_info),
	TP_ARGS(vcpu, rip, intr_info),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u64, rip)
		__field(u32, intr_info)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->rip = rip;
		__entry->intr_info = intr_info;
	),
	TP_printk("vcpu %u rip 0x%llx event 0x%x", __entry->vcpu,
		  __entry->rip, __entry->intr_info)
);

/* reason: the architecture's number; info1, info2: what comes with it. */
TRACE_EVENT(xkvm_exit,
	TP_PROTO(unsigned int vcpu, u64 rip, u32 reason, u64 info1, u32 info2),
	TP_ARGS(vcpu, rip, reason, info1, info2),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u64, rip)
		__field(u32, reason)
		__field(u64, info1)
		__field(u32, info2)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->rip = rip;
		__entry->reason = reason;
		__entry->info1 = info1;
		__entry->info2 = info2;
	),
	TP_printk("vcpu %u rip 0x%llx reason %u info 0x%llx 0x%x",
		  __entry->vcpu, __entry->rip, __entry->reason,
		  __entry->info1, __entry->info2)
);

/* Second-stage fault; what: as the hardware reports the access. */
TRACE_EVENT(xkvm_fault,
	TP_PROTO(unsigned int vcpu, u64 rip, u64 gpa, u64 what),
	TP_ARGS(vcpu, rip, gpa, what),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u64, rip)
		__field(u64, gpa)
		__field(u64, what)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->rip = rip;
		__entry->gpa = gpa;
		__entry->what = what;
	),
	TP_printk("vcpu %u rip 0x%llx gpa 0x%llx access 0x%llx",
		  __entry->vcpu, __entry->rip, __entry->gpa, __entry->what)
);

/* A fault was answered with a mapping of 1 << order pages and "around" more. */
TRACE_EVENT(xkvm_fault_map,
	TP_PROTO(unsigned int vcpu, u64 gfn, u64 pfn, int level, bool writable),
	TP_ARGS(vcpu, gfn, pfn, level, writable),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u64, gfn)
		__field(u64, pfn)
		__field(int, level)
		__field(bool, writable)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->gfn = gfn;
		__entry->pfn = pfn;
		__entry->level = level;
		__entry->writable = writable;
	),
	TP_printk("vcpu %u gfn 0x%llx pfn 0x%llx level %d writable %d",
		  __entry->vcpu, __entry->gfn, __entry->pfn, __entry->level,
		  __entry->writable)
);

TRACE_EVENT(xkvm_inject_irq,
	TP_PROTO(unsigned int vcpu, u8 vector, bool soft),
	TP_ARGS(vcpu, vector, soft),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u8, vector)
		__field(bool, soft)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->vector = vector;
		__entry->soft = soft;
	),
	TP_printk("vcpu %u vector 0x%02x%s", __entry->vcpu, __entry->vector,
		  __entry->soft ? " soft" : "")
);

TRACE_EVENT(xkvm_inject_exception,
	TP_PROTO(unsigned int vcpu, u8 vector, bool has_error, u32 error),
	TP_ARGS(vcpu, vector, has_error, error),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u8, vector)
		__field(bool, has_error)
		__field(u32, error)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->vector = vector;
		__entry->has_error = has_error;
		__entry->error = has_error ? error : 0;
	),
	TP_printk("vcpu %u vector %u%s 0x%x", __entry->vcpu, __entry->vector,
		  __entry->has_error ? " error" : "", __entry->error)
);

TRACE_EVENT(xkvm_inject_nmi,
	TP_PROTO(unsigned int vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
	),
	TP_printk("vcpu %u", __entry->vcpu)
);

/* KVM's own hypercalls. */
TRACE_EVENT(xkvm_xen_hypercall,
	TP_PROTO(unsigned int vcpu, u8 cpl, bool longmode, u64 nr, u64 a0,
		 u64 a1, u64 a2, u64 a3, u64 a4, u64 a5),
	TP_ARGS(vcpu, cpl, longmode, nr, a0, a1, a2, a3, a4, a5),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u8, cpl)
		__field(bool, longmode)
		__field(u64, nr)
		__array(u64, arg, 6)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->cpl = cpl;
		__entry->longmode = longmode;
		__entry->nr = nr;
		__entry->arg[0] = a0;
		__entry->arg[1] = a1;
		__entry->arg[2] = a2;
		__entry->arg[3] = a3;
		__entry->arg[4] = a4;
		__entry->arg[5] = a5;
	),
	TP_printk("vcpu %u cpl %u %s nr %llu (0x%llx, 0x%llx, 0x%llx, 0x%llx, 0x%llx, 0x%llx)",
		  __entry->vcpu, __entry->cpl,
		  __entry->longmode ? "64-bit" : "32-bit", __entry->nr,
		  __entry->arg[0], __entry->arg[1], __entry->arg[2],
		  __entry->arg[3], __entry->arg[4], __entry->arg[5])
);

/* An event-channel port was set pending; result: as xen_set_evtchn_fast(). */
TRACE_EVENT(xkvm_xen_evtchn,
	TP_PROTO(unsigned int vcpu, u32 port, int result),
	TP_ARGS(vcpu, port, result),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u32, port)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->port = port;
		__entry->result = result;
	),
	TP_printk("vcpu %u port %u result %d", __entry->vcpu, __entry->port,
		  __entry->result)
);

/* A message-signalled interrupt from outside; result: as lapic_deliver(). */
TRACE_EVENT(xkvm_msi,
	TP_PROTO(u64 addr, u32 data, int result),
	TP_ARGS(addr, data, result),
	TP_STRUCT__entry(
		__field(u64, addr)
		__field(u32, data)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->data = data;
		__entry->result = result;
	),
	TP_printk("address 0x%llx data 0x%x result %d", __entry->addr,
		  __entry->data, __entry->result)
);

TRACE_EVENT(xkvm_set_irq,
	TP_PROTO(u32 gsi, int level, int result),
	TP_ARGS(gsi, level, result),
	TP_STRUCT__entry(
		__field(u32, gsi)
		__field(int, level)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->gsi = gsi;
		__entry->level = level;
		__entry->result = result;
	),
	TP_printk("gsi %u level %d result %d", __entry->gsi, __entry->level,
		  __entry->result)
);

/* Interrupt command register written. */
TRACE_EVENT(xkvm_apic_ipi,
	TP_PROTO(unsigned int vcpu, u32 icr_low, u32 dest),
	TP_ARGS(vcpu, icr_low, dest),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u32, icr_low)
		__field(u32, dest)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->icr_low = icr_low;
		__entry->dest = dest;
	),
	TP_printk("vcpu %u to 0x%x vector 0x%02x mode %u%s%s shorthand %u",
		  __entry->vcpu, __entry->dest, __entry->icr_low & 0xff,
		  __entry->icr_low >> 8 & 7,
		  __entry->icr_low & 0x800 ? " logical" : " physical",
		  __entry->icr_low & 0x8000 ? " level" : "",
		  __entry->icr_low >> 18 & 3)
);

/* A local APIC took a message. */
TRACE_EVENT(xkvm_apic_accept,
	TP_PROTO(unsigned int vcpu, u8 delivery, u8 vector, bool level),
	TP_ARGS(vcpu, delivery, vector, level),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u8, delivery)
		__field(u8, vector)
		__field(bool, level)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->delivery = delivery;
		__entry->vector = vector;
		__entry->level = level;
	),
	TP_printk("vcpu %u mode %u vector 0x%02x%s", __entry->vcpu,
		  __entry->delivery, __entry->vector,
		  __entry->level ? " level" : "")
);

/* A register of the local APIC, by MMIO (offset) or MSR (0x800 and up). */
TRACE_EVENT(xkvm_apic,
	TP_PROTO(unsigned int vcpu, bool write, u32 reg, u64 val),
	TP_ARGS(vcpu, write, reg, val),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(bool, write)
		__field(u32, reg)
		__field(u64, val)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->write = write;
		__entry->reg = reg;
		__entry->val = val;
	),
	TP_printk("vcpu %u %s 0x%x = 0x%llx", __entry->vcpu,
		  __entry->write ? "write" : "read", __entry->reg,
		  __entry->val)
);

/* The local APIC's timer: armed for "ns" from now, or expired (armed 0). */
TRACE_EVENT(xkvm_apic_timer,
	TP_PROTO(unsigned int vcpu, bool armed, s64 ns),
	TP_ARGS(vcpu, armed, ns),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(bool, armed)
		__field(s64, ns)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->armed = armed;
		__entry->ns = ns;
	),
	TP_printk("vcpu %u %s %lld ns", __entry->vcpu,
		  __entry->armed ? "armed" : "expired", __entry->ns)
);

TRACE_EVENT(xkvm_pio,
	TP_PROTO(unsigned int vcpu, bool write, u16 port, u8 size, u32 count,
		 u32 val),
	TP_ARGS(vcpu, write, port, size, count, val),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(bool, write)
		__field(u16, port)
		__field(u8, size)
		__field(u32, count)
		__field(u32, val)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->write = write;
		__entry->port = port;
		__entry->size = size;
		__entry->count = count;
		__entry->val = val;
	),
	TP_printk("vcpu %u %s port 0x%x size %u count %u value 0x%x",
		  __entry->vcpu, __entry->write ? "out" : "in", __entry->port,
		  __entry->size, __entry->count, __entry->val)
);

/* val: what is written or was read; 0 for a read not answered yet. */
TRACE_EVENT(xkvm_mmio,
	TP_PROTO(unsigned int vcpu, bool write, u64 gpa, u32 len, u64 val),
	TP_ARGS(vcpu, write, gpa, len, val),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(bool, write)
		__field(u64, gpa)
		__field(u32, len)
		__field(u64, val)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->write = write;
		__entry->gpa = gpa;
		__entry->len = len;
		__entry->val = val;
	),
	TP_printk("vcpu %u %s gpa 0x%llx len %u value 0x%llx", __entry->vcpu,
		  __entry->write ? "write" : "read", __entry->gpa,
		  __entry->len, __entry->val)
);

/* failed: the access raised an exception. */
TRACE_EVENT(xkvm_msr,
	TP_PROTO(unsigned int vcpu, bool write, u32 msr, u64 val, bool failed),
	TP_ARGS(vcpu, write, msr, val, failed),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(bool, write)
		__field(u32, msr)
		__field(u64, val)
		__field(bool, failed)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->write = write;
		__entry->msr = msr;
		__entry->val = val;
		__entry->failed = failed;
	),
	TP_printk("vcpu %u %s 0x%x = 0x%llx%s", __entry->vcpu,
		  __entry->write ? "write" : "read", __entry->msr,
		  __entry->val, __entry->failed ? " #GP" : "")
);

TRACE_EVENT(xkvm_cpuid,
	TP_PROTO(unsigned int vcpu, u32 leaf, u32 index, u32 eax, u32 ebx,
		 u32 ecx, u32 edx),
	TP_ARGS(vcpu, leaf, index, eax, ebx, ecx, edx),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u32, leaf)
		__field(u32, index)
		__array(u32, reg, 4)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->leaf = leaf;
		__entry->index = index;
		__entry->reg[0] = eax;
		__entry->reg[1] = ebx;
		__entry->reg[2] = ecx;
		__entry->reg[3] = edx;
	),
	TP_printk("vcpu %u leaf 0x%x.%u: %08x %08x %08x %08x", __entry->vcpu,
		  __entry->leaf, __entry->index, __entry->reg[0],
		  __entry->reg[1], __entry->reg[2], __entry->reg[3])
);

/* KVM_RUN returns; error: its result, exit_reason: of struct kvm_run. */
TRACE_EVENT(xkvm_userspace_exit,
	TP_PROTO(unsigned int vcpu, u32 exit_reason, int error),
	TP_ARGS(vcpu, exit_reason, error),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u32, exit_reason)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->exit_reason = exit_reason;
		__entry->error = error;
	),
	TP_printk("vcpu %u reason %u error %d", __entry->vcpu,
		  __entry->exit_reason, __entry->error)
);

/* The vCPU slept for ns in a halt. */
TRACE_EVENT(xkvm_halt,
	TP_PROTO(unsigned int vcpu, u64 ns),
	TP_ARGS(vcpu, ns),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->ns = ns;
	),
	TP_printk("vcpu %u %llu ns", __entry->vcpu, __entry->ns)
);

/* Memory of the VM's process goes away: user addresses [start, end). */
TRACE_EVENT(xkvm_invalidate,
	TP_PROTO(unsigned long start, unsigned long end),
	TP_ARGS(start, end),
	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
	),
	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("0x%lx - 0x%lx", __entry->start, __entry->end)
);

#endif /* XKVM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

/* Outside the guard: this expands the events above. */
#include <trace/define_trace.h>
