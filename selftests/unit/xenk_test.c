// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Host unit test of kvm/xen/layout.c and evtchn_bits.h: the layouts against
 * Xen's own headers for both word sizes, every event channel against the
 * structure a guest reads, and the arithmetic of runstates.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define __XEN_INTERFACE_VERSION__ 0x00040e00
#define XEN_HAVE_PV_UPCALL_MASK 1
#include <xen/xen.h>
#include <xen/vcpu.h>
#include <xen/foreign/x86_32.h>
#include <xen/foreign/x86_64.h>

#include "evtchn_bits.h"
#include "layout.h"
#include "tap.h"

#define L32 (&xen_layouts[0])
#define L64 (&xen_layouts[1])

const char *tap_precondition(void)
{
	return NULL;
}

#define SHARED(w, f) offsetof(struct shared_info_x86_##w, f)
#define INFO(w, f) offsetof(struct vcpu_info_x86_##w, f)

TEST(layout_32, "offsets are those of Xen's 32-bit headers")
{
	CHECK_EQ(L32->pending, SHARED(32, evtchn_pending));
	CHECK_EQ(L32->mask, SHARED(32, evtchn_mask));
	CHECK_EQ(L32->wc, SHARED(32, wc_version));
	CHECK_EQ(L32->wc_sec_hi, SHARED(32, arch.wc_sec_hi));
	CHECK_EQ(L32->pending_sel, INFO(32, evtchn_pending_sel));
	CHECK_EQ(L32->nr_ports, 1024);
	CHECK_EQ(L32->runstate_size, 0x2c);
	CHECK_EQ(L32->runstate_entry, 4);
	CHECK_EQ(INFO(32, time), XEN_TIME_OFFSET);
	CHECK_EQ(INFO(32, evtchn_upcall_pending), XEN_UPCALL_PENDING);
	CHECK_EQ(INFO(32, evtchn_upcall_mask), XEN_UPCALL_MASK);
	CHECK_EQ(sizeof(struct vcpu_info_x86_32), XEN_VCPU_INFO_SIZE);
}

TEST(layout_64, "offsets are those of Xen's 64-bit headers")
{
	CHECK_EQ(L64->pending, SHARED(64, evtchn_pending));
	CHECK_EQ(L64->mask, SHARED(64, evtchn_mask));
	CHECK_EQ(L64->wc, SHARED(64, wc_version));
	CHECK_EQ(L64->wc_sec_hi, SHARED(64, wc_sec_hi));
	CHECK_EQ(L64->pending_sel, INFO(64, evtchn_pending_sel));
	CHECK_EQ(L64->nr_ports, XEN_MAX_PORTS);
	CHECK_EQ(L64->runstate_size, sizeof(struct vcpu_runstate_info));
	CHECK_EQ(L64->runstate_size, XEN_RUNSTATE_SIZE);
	CHECK_EQ(L64->runstate_entry,
		 offsetof(struct vcpu_runstate_info, state_entry_time));
	CHECK_EQ(INFO(64, time), XEN_TIME_OFFSET);
	CHECK_EQ(INFO(64, evtchn_upcall_pending), XEN_UPCALL_PENDING);
	CHECK_EQ(INFO(64, evtchn_upcall_mask), XEN_UPCALL_MASK);
	CHECK_EQ(sizeof(struct vcpu_info_x86_64), XEN_VCPU_INFO_SIZE);
}

TEST(layout_time, "the time area is Xen's vcpu_time_info")
{
	CHECK_EQ(sizeof(struct xen_time_info),
		 sizeof(struct vcpu_time_info_x86_64));
	CHECK_EQ(offsetof(struct xen_time_info, tsc_timestamp),
		 offsetof(struct vcpu_time_info_x86_64, tsc_timestamp));
	CHECK_EQ(offsetof(struct xen_time_info, system_time),
		 offsetof(struct vcpu_time_info_x86_64, system_time));
	CHECK_EQ(offsetof(struct xen_time_info, mul),
		 offsetof(struct vcpu_time_info_x86_64, tsc_to_system_mul));
	CHECK_EQ(offsetof(struct xen_time_info, shift),
		 offsetof(struct vcpu_time_info_x86_64, tsc_shift));
	CHECK_EQ(offsetof(struct xen_time_info, flags),
		 offsetof(struct vcpu_time_info_x86_64, flags));
}

/* A guest's page of shared_info, and what lies after its event channels. */
union page {
	struct shared_info_x86_32 s32;
	struct shared_info_x86_64 s64;
	uint8_t bytes[4096];
};

static _Alignas(4096) union page page;

TEST(port_32, "each of 1024 ports sets its own bit, selector and upcall")
{
	struct vcpu_info_x86_32 *v = &page.s32.vcpu_info[1];
	union page want;
	uint32_t port;

	for (port = 1; port < L32->nr_ports; port++) {
		memset(&page, 0, sizeof(page));
		CHECK_EQ(evtchn_set_pending(&page, L32, port), 1);
		CHECK(evtchn_set_selector(v, L32, port / 32));
		memset(&want, 0, sizeof(want));
		want.s32.evtchn_pending[port / 32] = 1u << (port % 32);
		want.s32.vcpu_info[1].evtchn_pending_sel = 1u << (port / 32);
		want.s32.vcpu_info[1].evtchn_upcall_pending = 1;
		CHECK(!memcmp(&page, &want, sizeof(page)));
	}
}

TEST(port_64, "each of 4096 ports sets its own bit, selector and upcall")
{
	struct vcpu_info_x86_64 *v = &page.s64.vcpu_info[31];
	union page want;
	uint32_t port;

	for (port = 1; port < L64->nr_ports; port++) {
		memset(&page, 0, sizeof(page));
		CHECK_EQ(evtchn_set_pending(&page, L64, port), 1);
		CHECK(evtchn_set_selector(v, L64, port / 64));
		memset(&want, 0, sizeof(want));
		want.s64.evtchn_pending[port / 64] = 1ull << (port % 64);
		want.s64.vcpu_info[31].evtchn_pending_sel = 1ull << (port / 64);
		want.s64.vcpu_info[31].evtchn_upcall_pending = 1;
		CHECK(!memcmp(&page, &want, sizeof(page)));
	}
}

TEST(port_masked, "a masked port becomes pending and says so; once")
{
	const struct xen_layout *l;
	uint32_t port;

	for (l = L32; l <= L64; l++) {
		for (port = 1; port < l->nr_ports; port++) {
			memset(&page, 0, sizeof(page));
			if (l == L32)
				page.s32.evtchn_mask[port / 32] =
					1u << (port % 32);
			else
				page.s64.evtchn_mask[port / 64] =
					1ull << (port % 64);
			CHECK_EQ(evtchn_set_pending(&page, l, port), -ENOTCONN);
			CHECK(evtchn_test((uint8_t *)&page + l->pending, port));
			CHECK_EQ(evtchn_set_pending(&page, l, port), 0);
		}
	}
}

TEST(selector_once, "a second event in a word sets no second upcall")
{
	struct vcpu_info_x86_64 *v = &page.s64.vcpu_info[0];

	memset(&page, 0, sizeof(page));
	CHECK(evtchn_set_selector(v, L64, 63));
	v->evtchn_upcall_pending = 0;
	CHECK(!evtchn_set_selector(v, L64, 63));
	CHECK_EQ(v->evtchn_upcall_pending, 0);
	CHECK(evtchn_set_selector(v, L64, 62));
	CHECK_EQ(v->evtchn_pending_sel, 3ull << 62);
}

TEST(selector_unaligned, "vcpu_info needs no more than 4-byte alignment")
{
	/* a 64-bit guest's, at a place only a 32-bit one may choose: UBSan */
	uint8_t *v = page.bytes + 4;
	uint64_t sel;

	memset(&page, 0, sizeof(page));
	CHECK(evtchn_set_selector(v, L64, 40));
	memcpy(&sel, v + L64->pending_sel, sizeof(sel));
	CHECK_EQ(sel, 1ull << 40);
}

TEST(selector_convert, "a selector of the other word size leads to its ports")
{
	for (unsigned int port = 1; port < 1024; port++) {
		uint64_t narrow = 1ull << port / 32, wide = 1ull << port / 64;

		CHECK_EQ(evtchn_convert_selector(narrow, true), wide);
		CHECK(evtchn_convert_selector(wide, false) & narrow);
	}
	CHECK_EQ(evtchn_convert_selector(0, true), 0);
	CHECK_EQ(evtchn_convert_selector(0, false), 0);
	CHECK_EQ(evtchn_convert_selector(~0ull << 16, false), 0);
	CHECK_EQ(evtchn_convert_selector(1ull << 32, true), 0);
}

TEST(selector_clear, "one bit of the selector is cleared, and nothing else")
{
	struct vcpu_info_x86_64 *v64 = &page.s64.vcpu_info[0];
	uint8_t *b = page.bytes;

	memset(&page, 0xff, sizeof(page));
	evtchn_clear_selector(v64, L64, 33);
	for (int i = 0; i < 64; i++)
		CHECK_EQ(b[i], i == 8 + 33 / 8 ? 0xfd : 0xff);
	memset(&page, 0xff, sizeof(page));
	evtchn_clear_selector(v64, L32, 31);
	for (int i = 0; i < 64; i++)
		CHECK_EQ(b[i], i == 4 + 31 / 8 ? 0x7f : 0xff);
}

#define ROUNDS 200000

/* The guest: upcall flag, selector, pending, as its handler takes them. */
static void *guest(void *arg)
{
	struct vcpu_info_x86_64 *v = &page.s64.vcpu_info[0];
	uint64_t sel, words, *got = arg;
	unsigned int w;

	while (*got < ROUNDS) {
		if (!__atomic_load_n(&v->evtchn_upcall_pending,
				     __ATOMIC_SEQ_CST))
			continue;
		__atomic_store_n(&v->evtchn_upcall_pending, 0,
				 __ATOMIC_SEQ_CST);
		sel = __atomic_exchange_n(&v->evtchn_pending_sel, 0,
					  __ATOMIC_SEQ_CST);
		for (; sel; sel &= sel - 1) {
			w = __builtin_ctzll(sel);
			words = __atomic_exchange_n(
				&page.s64.evtchn_pending[w], 0,
				__ATOMIC_SEQ_CST);
			*got += __builtin_popcountll(words);
		}
	}
	return NULL;
}

TEST(no_event_lost, "every event set pending reaches a guest that runs")
{
	struct vcpu_info_x86_64 *v = &page.s64.vcpu_info[0];
	uint64_t got = 0, sent = 0;
	uint32_t port = 0;
	pthread_t t;

	memset(&page, 0, sizeof(page));
	CHECK_EQ(pthread_create(&t, NULL, guest, &got), 0);
	while (sent < ROUNDS) {
		port = (port * 1103515245 + 12345) % L64->nr_ports;
		if (evtchn_set_pending(&page, L64, port) != 1)
			continue;
		evtchn_set_selector(v, L64, port / 64);
		sent++;
	}
	/* a lost one leaves the guest waiting until the test's time is up */
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(got, ROUNDS);
}

/* The guest looks once, and takes what it is told of. */
static uint64_t guest_got;

static void guest_looks(void)
{
	struct vcpu_info_x86_64 *v = &page.s64.vcpu_info[0];
	uint64_t sel = v->evtchn_pending_sel;

	if (!v->evtchn_upcall_pending)
		return;
	v->evtchn_upcall_pending = 0;
	v->evtchn_pending_sel = 0;
	for (; sel; sel &= sel - 1) {
		unsigned int w = __builtin_ctzll(sel);

		guest_got += __builtin_popcountll(page.s64.evtchn_pending[w]);
		page.s64.evtchn_pending[w] = 0;
	}
}

/*
 * cases.md 7: what is published before that which it announces is looked for in
 * vain, and then announced no more.
 */
TEST(order, "a guest that looks between any two steps is told of each event")
{
	memset(&page, 0, sizeof(page));
	guest_got = 0;
	for (uint32_t port = 1; port < L64->nr_ports; port++) {
		unit_atomic_hook = guest_looks;
		CHECK_EQ(evtchn_set_pending(&page, L64, port), 1);
		evtchn_set_selector(&page.s64.vcpu_info[0], L64,
				    port / 64);
		unit_atomic_hook = NULL;
		guest_looks();
		CHECK_MSG(guest_got == port, "port %u was lost", port);
	}
}

/* --- runstates ------------------------------------------------------------ */

static const struct xen_runstate sample = {
	.state = 2, .entry_ns = 0x1122334455667788,
	.times = { 1, 2, 3, 0xfedcba9876543210 },
};

TEST(pack_64, "64-bit runstate: 0x30 bytes, padding zero")
{
	struct vcpu_runstate_info r;
	uint8_t buf[sizeof(r) + 1];

	memset(buf, 0xaa, sizeof(buf));
	CHECK_EQ(L64->runstate_size, sizeof(r));
	xen_runstate_pack(buf, L64, &sample, false);
	memcpy(&r, buf, sizeof(r));
	CHECK_EQ(r.state, 2);
	CHECK_EQ(r.state_entry_time, sample.entry_ns);
	CHECK(!memcmp(r.time, sample.times, sizeof(r.time)));
	CHECK(!buf[4] && !buf[5] && !buf[6] && !buf[7]);
	CHECK_EQ(buf[xen_runstate_flag_byte(L64)], 0x11);
	CHECK_EQ(buf[sizeof(r)], 0xaa);
	xen_runstate_pack(buf, L64, &sample, true);
	CHECK_EQ(buf[xen_runstate_flag_byte(L64)], 0x91);
}

TEST(pack_32, "32-bit runstate: 0x2c bytes")
{
	uint8_t buf[0x2c + 1];
	uint64_t entry, times[4];

	memset(buf, 0xaa, sizeof(buf));
	CHECK_EQ(L32->runstate_size, 0x2c);
	xen_runstate_pack(buf, L32, &sample, false);
	CHECK_EQ(buf[0], 2);
	memcpy(&entry, buf + 4, sizeof(entry));
	memcpy(times, buf + 12, sizeof(times));
	CHECK_EQ(entry, sample.entry_ns);
	CHECK(!memcmp(times, sample.times, sizeof(times)));
	CHECK_EQ(buf[xen_runstate_flag_byte(L32)], 0x11);
	CHECK_EQ(buf[0x2c], 0xaa);
	xen_runstate_pack(buf, L32, &sample, true);
	CHECK_EQ(buf[xen_runstate_flag_byte(L32)], 0x91);
}

TEST(account_running, "waiting for a CPU while running is runnable time")
{
	struct xen_runstate rs = { .state = 0, .entry_ns = 100,
				   .times = { 100 }, .last_steal = 7 };

	xen_runstate_account(&rs, 1100, 307, 0);
	CHECK_EQ(rs.times[0], 100 + 700);
	CHECK_EQ(rs.times[1], 300);
	CHECK_EQ(rs.entry_ns, 1100);
	CHECK(xen_runstate_valid(&rs));
}

TEST(account_not_running, "waiting while not running is not stolen")
{
	struct xen_runstate rs = { .state = 2, .entry_ns = 100,
				   .times = { 100 }, .last_steal = 7 };

	xen_runstate_account(&rs, 1100, 307, 0);
	CHECK_EQ(rs.times[2], 1000);
	CHECK_EQ(rs.times[1], 0);
	CHECK_EQ(rs.last_steal, 307);
	CHECK(xen_runstate_valid(&rs));
}

TEST(account_odd, "clocks that jump keep the sum")
{
	struct xen_runstate rs = { .state = 0, .entry_ns = 100,
				   .times = { 100 }, .last_steal = 1000 };

	/* back */
	xen_runstate_account(&rs, 50, 1000, 0);
	CHECK_EQ(rs.entry_ns, 100);
	/* the thread's count restarted */
	xen_runstate_account(&rs, 200, 3, 0);
	CHECK_EQ(rs.times[1], 0);
	/* more waiting than time */
	xen_runstate_account(&rs, 300, 100000, 1);
	CHECK_EQ(rs.times[1], 100);
	CHECK(xen_runstate_valid(&rs));
}

TEST(account_random, "the times add up after any sequence")
{
	struct xen_runstate rs = { .state = 3 };
	uint64_t now = 0, delay = 0;
	int i;

	srandom(1);
	for (i = 0; i < 100000; i++) {
		now += random() % 1000 - 100;
		delay += random() % 700 - 50;
		xen_runstate_account(&rs, now, delay, random() % 4);
		CHECK(xen_runstate_valid(&rs));
	}
}

TEST(valid, "sums that overflow or do not match are refused")
{
	struct xen_runstate rs = { .entry_ns = 10, .times = { 1, 2, 3, 4 } };

	CHECK(xen_runstate_valid(&rs));
	rs.times[0] = 2;
	CHECK(!xen_runstate_valid(&rs));
	/* right modulo 2^64 */
	rs.times[0] = 1 + (1ull << 63);
	rs.times[1] = 2 + (1ull << 63);
	CHECK(!xen_runstate_valid(&rs));
	rs = (struct xen_runstate){ .entry_ns = 9, .times = { 1, 2, 3, 4 } };
	CHECK(!xen_runstate_valid(&rs));
}
