// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Event channels: operations in any order on any port and vCPU, with back ends
 * that come and go.  A port's status is that of the last operation that
 * succeeded on it, and a back end is bound as long as nobody closed its port.
 */
#include "cov.h"
#include "../../unit/hcall_machine.h"

#define STEPS		160
#define PORTS		64u
#define BACKENDS	3u

static struct evtchn_backend backends[BACKENDS];
static uint32_t reserved[BACKENDS];

static void signalled(struct evtchn_backend *b)
{
}

static uint32_t port(struct cov_input *in)
{
	uint8_t kind = cov_u8(in);

	return kind < 0xf0 ? kind % PORTS : (uint32_t)cov_number(in);
}

static void must_be(uint32_t p, uint32_t status)
{
	struct evtchn_status st = { .port = p };

	CHECK_EQ(evtchn_status(vm.evtchn, p, &st), 0);
	CHECK_EQ(st.status, status);
}

static void bind(struct cov_input *in)
{
	uint32_t vcpu = cov_u8(in) % 4, virq = cov_u8(in) % 28, p = 0;

	switch (cov_u8(in) % 5) {
	case 0:
		if (!evtchn_bind_virq(vm.evtchn, virq, vcpu, &p))
			must_be(p, EVTCHNSTAT_virq);
		break;
	case 1:
		if (!evtchn_bind_ipi(vm.evtchn, vcpu, &p))
			must_be(p, EVTCHNSTAT_ipi);
		break;
	case 2:
		if (!evtchn_alloc_unbound(vm.evtchn, DOMID, &p))
			must_be(p, EVTCHNSTAT_unbound);
		break;
	case 3:
		if (!evtchn_bind_interdomain(vm.evtchn, port(in), &p))
			must_be(p, EVTCHNSTAT_interdomain);
		break;
	case 4:
		evtchn_bind_vcpu(vm.evtchn, port(in), vcpu);
	}
	CHECK(p < 4096);
}

static void backend(struct cov_input *in)
{
	uint8_t which = cov_u8(in);
	struct evtchn_backend *b = &backends[which % BACKENDS];

	if (which & 0x80) {
		evtchn_notify(vm.evtchn, b);
		return;
	}
	if (b->port) {
		evtchn_unbind_backend(vm.evtchn, b);
	} else if (!evtchn_bind_backend(vm.evtchn, reserved[which % BACKENDS],
					b)) {
		must_be(reserved[which % BACKENDS], EVTCHNSTAT_interdomain);
	}
}

static void step(struct cov_input *in)
{
	uint8_t op = cov_u8(in);
	struct evtchn_status st;
	uint32_t p;
	int timer;

	switch (op % 8) {
	case 0:
	case 1:
		bind(in);
		break;
	case 2:
		p = port(in);
		if (!evtchn_close(vm.evtchn, p, &timer)) {
			must_be(p, EVTCHNSTAT_closed);
			CHECK(timer >= -1 && timer < (int)HCALL_VCPUS);
		}
		break;
	case 3:
		evtchn_send(vm.evtchn, port(in));
		break;
	case 4:
		evtchn_unmask(vm.evtchn, port(in));
		break;
	case 5:
		backend(in);
		break;
	case 6:
		memset(&st, 0, sizeof(st));
		evtchn_status(vm.evtchn, port(in), &st);
		evtchn_send_virq(vm.evtchn, op / 8 % 2, op / 16);
		break;
	case 7:
		if (op > 0xf0)
			evtchn_reset(vm.evtchn);
		evtchn_set_live(vm.evtchn, op & 8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cov_input in = { data, len };
	unsigned int i;
	int p;

	setup();
	for (i = 0; i < BACKENDS; i++) {
		p = evtchn_reserve(vm.evtchn);
		CHECK(p > 0);
		reserved[i] = (uint32_t)p;
		backends[i] = (struct evtchn_backend){ .fn = signalled };
	}
	for (i = 0; i < STEPS && in.len; i++)
		step(&in);
	for (i = 0; i < BACKENDS; i++)
		if (backends[i].port)
			evtchn_unbind_backend(vm.evtchn, &backends[i]);
	teardown();
	return 0;
}
