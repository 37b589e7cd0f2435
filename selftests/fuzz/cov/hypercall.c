// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hypercalls, in both word sizes, with arguments wherever the input says and
 * made of whatever it says.  The structures lie at the page that pointers
 * point to most often, so that handlers get past their copies.
 */
#include "cov.h"
#include "../../unit/hcall_machine.h"

#define STEPS	48
#define ARGS	192		/* bytes of an argument at most */

static const uint8_t numbers[] = {
	__HYPERVISOR_memory_op, __HYPERVISOR_multicall,
	__HYPERVISOR_set_timer_op, __HYPERVISOR_xen_version,
	__HYPERVISOR_console_io, __HYPERVISOR_grant_table_op,
	__HYPERVISOR_vm_assist, __HYPERVISOR_vcpu_op, __HYPERVISOR_sched_op,
	__HYPERVISOR_event_channel_op, __HYPERVISOR_hvm_op,
};

static uint64_t pointer(struct cov_input *in)
{
	uint8_t kind = cov_u8(in);

	if (kind < 0xc0)
		return ARG + (kind & 0x3f) * 8;
	if (kind < 0xe0)	/* across the end of a page, of RAM */
		return (kind & 1 ? BYTES : ARG + 0x1000) - (kind & 0x1e);
	return cov_number(in);
}

static void step(struct cov_input *in)
{
	uint8_t which = cov_u8(in);
	bool wide = which & 0x80;
	uint64_t nr = (which & 0x7f) < 0x70 ?
		      numbers[(which & 0x7f) % sizeof(numbers)] : which & 0x7f;
	uint64_t op = cov_number(in), arg[2];
	const uint8_t *raw;
	size_t n;

	n = cov_bytes(in, &raw, cov_u8(in) % (ARGS + 1));
	memcpy(at(ARG), raw, n);
	arg[0] = pointer(in);
	arg[1] = cov_number(in);
	/* Some take the pointer first, some the count last. */
	if (nr == __HYPERVISOR_multicall)
		call_as(wide, nr, arg[0], op, 0, 0);
	else if (nr == __HYPERVISOR_grant_table_op)
		call_as(wide, nr, op, arg[0], arg[1], 0);
	else if (nr == __HYPERVISOR_vcpu_op || nr == __HYPERVISOR_console_io)
		call_as(wide, nr, op, arg[1], arg[0], 0);
	else
		call_as(wide, nr, op, arg[0], arg[1], 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cov_input in = { data, len };
	unsigned int i;

	setup();
	for (i = 0; i < STEPS && in.len; i++) {
		step(&in);
		if (shutdown_reason >= 0)
			break;
	}
	teardown();
	return 0;
}
