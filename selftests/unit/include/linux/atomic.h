/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's atomic_t, as far as sources built on the host use it. */
#ifndef UNIT_LINUX_ATOMIC_H
#define UNIT_LINUX_ATOMIC_H

typedef struct {
	int counter;
} atomic_t;

/* What others do before an operation; set by the test, if at all. */
__attribute__((weak)) void (*unit_atomic_hook)(void);

static inline int atomic_fetch_or(int i, atomic_t *v)
{
	if (unit_atomic_hook)
		unit_atomic_hook();
	return __atomic_fetch_or(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline void atomic_andnot(int i, atomic_t *v)
{
	__atomic_fetch_and(&v->counter, ~i, __ATOMIC_SEQ_CST);
}

#endif
