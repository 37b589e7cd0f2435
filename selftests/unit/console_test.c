// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The console ring, with a thread as the guest: it waits for an event only when
 * it has found the ring full, or empty of input, as drivers do.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xen/io/console.h>

#include "../lib/tap.h"
#include "../../vmm/pv/console.h"
#include "../../vmm/vm_priv.h"
#include "../../vmm/xen/evtchn.h"
#include "../../vmm/xen/hvm_params.h"

#define TOTAL	(1u << 20)

const char *tap_precondition(void)
{
	return NULL;
}

static struct vm vm;
static struct xencons_interface *ring;
static struct evtchn_backend *channel;
static sem_t to_guest, to_host;
static unsigned int chunk, ready;
static size_t got;

uint64_t hvm_params_get(struct hvm_params *p, uint32_t index)
{
	return 2;
}

int evtchn_bind_backend(struct evtchn *e, uint32_t port,
			struct evtchn_backend *b)
{
	channel = b;
	return 0;
}

void evtchn_unbind_backend(struct evtchn *e, struct evtchn_backend *b)
{
	channel = NULL;
}

void evtchn_notify(struct evtchn *e, struct evtchn_backend *b)
{
	sem_post(&to_guest);
}

void control_console_output(struct control *c, const void *buf, size_t len)
{
	const char *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		CHECK(p[i] == (char)((got + i) % 251));
	got += len;
}

void control_console_ready(struct control *c)
{
	ready++;
}

static void setup(void)
{
	CHECK_EQ(mem_create(&vm.mem, 16 * GUEST_PAGE_SIZE), 0);
	vm.boot.console = gfn(3);
	ring = mem_ptr(vm.mem, gfn_to_gpa(gfn(3)), GUEST_PAGE_SIZE);
	CHECK_OK(sem_init(&to_guest, 0, 0));
	CHECK_OK(sem_init(&to_host, 0, 0));
	CHECK_EQ(console_create(&vm.console, &vm), 0);
}

static void teardown(void)
{
	console_destroy(vm.console);
	mem_destroy(vm.mem);
}

/* Whether it was posted within a while. */
static bool wait_for(sem_t *s)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += 5 * tap_scale();
	while (sem_timedwait(s, &ts))
		if (errno != EINTR)
			return false;
	return true;
}

/* NULL, or its own argument if the guest waited in vain. */
static void *guest_writes(void *arg)
{
	uint32_t prod = 0, n;

	while (prod < TOTAL) {
		uint32_t cons = __atomic_load_n(&ring->out_cons,
						__ATOMIC_ACQUIRE);

		for (n = 0; n < chunk && prod < TOTAL &&
		     prod - cons < sizeof(ring->out); n++, prod++)
			ring->out[prod % sizeof(ring->out)] = prod % 251;
		__atomic_store_n(&ring->out_prod, prod, __ATOMIC_SEQ_CST);
		sem_post(&to_host);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (prod - __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE) ==
		    sizeof(ring->out) && !wait_for(&to_guest))
			return arg;
	}
	return NULL;
}

static void output(unsigned int size)
{
	pthread_t guest;
	void *stuck;

	got = 0;
	chunk = size;
	setup();
	CHECK_EQ(pthread_create(&guest, NULL, guest_writes, &chunk), 0);
	while (got < TOTAL && wait_for(&to_host))
		channel->fn(channel);
	CHECK_EQ(pthread_join(guest, &stuck), 0);
	CHECK_MSG(!stuck, "the guest waits for room of which nobody told it, in writes of %u",
		  size);
	CHECK_EQ(got, TOTAL);
	teardown();
}

TEST(output, "a guest that finds the ring full is told of room")
{
	static const unsigned int sizes[] = { 7, 1023, 1024, 1025, 2047, 2048 };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		output(sizes[i]);
}

/*
 * The one moment that matters: the guest fills the second half while the first
 * is being taken, so that each of its two signals finds no more than half.
 */
TEST(halves, "half a ring taken is told, whatever came meanwhile")
{
	unsigned int i;

	setup();
	for (i = 0; i < sizeof(ring->out) / 2; i++)
		ring->out[i] = i % 251;
	ring->out_prod = sizeof(ring->out) / 2;
	channel->fn(channel);
	CHECK_OK(sem_trywait(&to_guest));
	teardown();
}

TEST(input, "what the ring has no room for is asked for again")
{
	char buf[3000];
	size_t n;

	memset(buf, 'x', sizeof(buf));
	setup();
	n = console_input(vm.console, buf, sizeof(buf));
	CHECK_EQ(n, sizeof(ring->in));
	CHECK_OK(sem_trywait(&to_guest));
	CHECK_EQ(console_input(vm.console, buf, sizeof(buf)), 0);
	CHECK_EQ(ready, 0);
	ring->in_cons += 10;
	channel->fn(channel);
	CHECK_EQ(ready, 1);
	CHECK_EQ(console_input(vm.console, buf, sizeof(buf)), 10);
	CHECK_OK(sem_trywait(&to_guest));
	/* Nonsense ends it. */
	ring->in_cons += 5000;
	CHECK_EQ(console_input(vm.console, buf, sizeof(buf)), 0);
	CHECK_EQ(console_input(vm.console, buf, sizeof(buf)), 0);
	teardown();
}
