// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port I/O.  OUT is finished when user space comes back, IN puts the data in
 * RAX then; both leave RIP at the instruction until that moment.  INS and OUTS
 * go through the emulator.
 */
#include "../arch.h"
#include "../iobus.h"
#include "../trace.h"
#include "exit.h"
#include "vmx.h"

/* What was read goes into RAX. */
static u32 exit_io_in(struct vcpu *v, u32 size)
{
	u32 val = 0;

	memcpy(&val, v->pio_data, size);
	if (size == 4)
		v->arch.regs[VREG_RAX] = val;
	else
		memcpy(&v->arch.regs[VREG_RAX], &val, size);
	return val;
}

/* The kernel has done it. */
static int exit_io_done(struct vcpu *v, u16 port, u32 size, bool in, u32 val)
{
	trace_xkvm_pio(v->id, !in, port, size, 1, val);
	return exit_skip(v);
}

static int exit_io_in_complete(struct vcpu *v)
{
	u32 size = v->arch.pio.size, val = exit_io_in(v, size);

	trace_xkvm_pio(v->id, false, v->arch.pio.port, size, 1, val);
	return exit_skip_saved(v);
}

static int exit_io_out_complete(struct vcpu *v)
{
	trace_xkvm_pio(v->id, true, v->arch.pio.port, v->arch.pio.size, 1, 0);
	return exit_skip_saved(v);
}

static int exit_io_to_user(struct vcpu *v, u16 port, u32 size, bool in)
{
	struct kvm_run *run = v->run;

	v->arch.pio.port = port;
	v->arch.pio.size = size;
	v->arch.pio.in = in;
	v->arch.complete_rip = reg_read(v, VREG_RIP);
	v->complete = in ? exit_io_in_complete : exit_io_out_complete;
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
	return 0;
}

static int exit_io_read(struct vcpu *v, u16 port, u32 size)
{
	if (unlikely(iobus_in_use(v->vm, IOBUS_PIO)) &&
	    iobus_read(v->vm, IOBUS_PIO, port, size, v->pio_data))
		return exit_io_done(v, port, size, true, exit_io_in(v, size));
	return exit_io_to_user(v, port, size, true);
}

static int exit_io_write(struct vcpu *v, u16 port, u32 size)
{
	u32 val = (u32)v->arch.regs[VREG_RAX] & (~0u >> (32 - size * 8));

	if (unlikely(iobus_in_use(v->vm, IOBUS_PIO)) &&
	    iobus_write(v->vm, IOBUS_PIO, port, size, val))
		return exit_io_done(v, port, size, false, val);
	if (coalesced_write(v->vm, true, port, size, val))
		return exit_io_done(v, port, size, false, val);
	/* the page is larger, and only @size bytes count */
	*(u32 *)v->pio_data = val;
	return exit_io_to_user(v, port, size, false);
}

int exit_io(struct vcpu *v)
{
	unsigned long qual = exit_qual(v);
	u32 size = (qual & 7) + 1;
	u16 port = qual >> 16;

	v->stat.io_exits++;
	if (unlikely(qual & BIT(4)))
		return mmio_string_io(v);
	return qual & BIT(3) ? exit_io_read(v, port, size) :
			       exit_io_write(v, port, size);
}
