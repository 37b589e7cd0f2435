// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sandbox from inside: what a VMM does there works with the largest
 * machine.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "../../vmm/privs.h"

#define THREADS		129	/* 128 vCPUs and one for I/O */

const char *tap_precondition(void)
{
	return NULL;
}

static void drop(void)
{
	char err[512] = "";

	if (privs_drop(err, sizeof(err)))
		FAIL("%s", err);
}

static pthread_barrier_t all;

/* Grow and shrink the heap, as the threads of a busy machine may. */
static void *work(void *arg)
{
	enum { NR = 16, LARGE = 100000 };
	char *p[NR], text[64];
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		pthread_barrier_wait(&all);
		for (i = 0; i < NR; i++) {
			p[i] = malloc(i + 1);
			if (p[i])
				p[i] = realloc(p[i], LARGE);
			if (!p[i])
				return NULL;
			memset(p[i], i, LARGE);
		}
		pthread_barrier_wait(&all);
		while (i--)
			free(p[i]);
	}
	snprintf(text, sizeof(text), "%s %g", strerror(ENOENT), 1.5);
	return arg;
}

TEST(largest, "the threads of 128 vCPUs allocate and free inside")
{
	pthread_t t[THREADS];
	unsigned int i;
	void *ret;

	CHECK_EQ(pthread_barrier_init(&all, NULL, THREADS), 0);
	drop();
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, work, &all), 0);
	for (i = 0; i < THREADS; i++) {
		CHECK_EQ(pthread_join(t[i], &ret), 0);
		CHECK(ret == &all);
	}
}
