/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TAP output for one test program.
 *
 * A program is one source file with TEST()s in it.  Each test runs in a child
 * of its own, so that a crash, a hang or a leaked descriptor stays with the
 * test that caused it; the parent prints the plan and the result lines.
 *
 *	TEST(name, "what must hold")
 *	{
 *		CHECK(...);
 *	}
 *
 * Arguments of the program are substrings: only tests whose name contains one
 * of them run.  Exit status as in kselftest: 0, 1 a test failed, 4 all skipped.
 */
#ifndef SELFTESTS_TAP_H
#define SELFTESTS_TAP_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct tap_test {
	const char *name;
	const char *what;
	void (*fn)(void);
	unsigned int line;
	unsigned int timeout;	/* seconds */
};

#define TAP_TIMEOUT	60

/* A test that needs another limit than TAP_TIMEOUT seconds. */
#define TEST_TIMEOUT(id, text, seconds)					\
	static void test_##id(void);					\
	static const struct tap_test tap_##id = {			\
		.name = #id, .what = text, .fn = test_##id,		\
		.line = __LINE__, .timeout = seconds,			\
	};								\
	static const struct tap_test *const tap_ptr_##id		\
	__attribute__((section("tap_tests"), used)) = &tap_##id;	\
	static void test_##id(void)

#define TEST(id, text)	TEST_TIMEOUT(id, text, TAP_TIMEOUT)

/* End the running test; none of these returns. */
void tap_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void tap_skip(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/*
 * A kernel that checks everything and runs many times slower: $LAB_SLOW.  All
 * time limits are TAP_SLOW times as long; a test may do fewer rounds there.
 */
#define TAP_SLOW	5
bool tap_slowdown(void);
unsigned int tap_scale(void);	/* TAP_SLOW there, else 1 */

/* A "# ..." line; does not end the test. */
void tap_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Called once by the runner before the first test, in the parent.  Returns
 * NULL, or why no test of this program can run (skip all).  The library's
 * vm.c defines it: it wants the node.
 */
const char *tap_precondition(void);

#define FAIL(...)	tap_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(cond)							\
	do {								\
		if (!(cond))						\
			FAIL("%s", #cond);				\
	} while (0)

/* As CHECK, with a message in place of the condition's text. */
#define CHECK_MSG(cond, ...)						\
	do {								\
		if (!(cond))						\
			FAIL(__VA_ARGS__);				\
	} while (0)

#define CHECK_EQ(a, b)							\
	do {								\
		uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);	\
									\
		if (a_ != b_)						\
			FAIL("%s is %#llx, wanted %s = %#llx", #a,	\
			     (unsigned long long)a_, #b,		\
			     (unsigned long long)b_);			\
	} while (0)

/* The call must succeed, as system calls do. */
#define CHECK_OK(call)							\
	do {								\
		if ((call) < 0)						\
			FAIL("%s: %s", #call, strerror(errno));		\
	} while (0)

/* The call must fail with exactly this errno. */
#define CHECK_ERRNO(call, err)						\
	do {								\
		long r_ = (call);					\
									\
		if (r_ >= 0)						\
			FAIL("%s gave %ld, wanted %s", #call, r_, #err);\
		else if (errno != (err))				\
			FAIL("%s: %s, wanted %s", #call,		\
			     strerror(errno), #err);			\
	} while (0)

#endif
