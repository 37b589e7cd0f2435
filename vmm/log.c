// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the log's level and the rate limit of guest-caused lines; both under
 * log_lock.  A line goes out with one write(2).
 */
#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX	1024
#define LOG_GUEST_BURST	50u		/* lines at once */
#define LOG_GUEST_NS	200000000ull	/* then one each 200 ms */

static const char *const log_names[] = {
	[LOG_ERROR]	= "error",
	[LOG_WARNING]	= "warning",
	[LOG_INFO]	= "info",
	[LOG_DEBUG]	= "debug",
};

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int log_threshold = -1;
static unsigned int log_tokens = LOG_GUEST_BURST;
static unsigned int log_dropped;
static uint64_t log_refilled;

static bool log_wanted(enum log_level level)
{
	if (log_threshold < 0) {
		const char *env = getenv("XKVM_LOG");
		int i;

		log_threshold = LOG_INFO;
		for (i = 0; env && i <= LOG_DEBUG; i++)
			if (!strcmp(env, log_names[i]))
				log_threshold = i;
	}
	return (int)level <= log_threshold;
}

static void log_write(enum log_level level, const char *fmt, va_list ap,
		      bool guest)
{
	char line[LOG_LINE_MAX];
	size_t len, start, i;
	int n;

	n = snprintf(line, sizeof(line), "xkvm: %s%s",
		     level <= LOG_WARNING ? log_names[level] : "",
		     level <= LOG_WARNING ? ": " : "");
	start = n;
	n = vsnprintf(line + start, sizeof(line) - start - 1, fmt, ap);
	if (n < 0)
		return;
	len = start + n;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	for (i = start; guest && i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;		/* nowhere left to say so */
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&log_lock);
	if (log_wanted(level)) {
		va_start(ap, fmt);
		log_write(level, fmt, ap, false);
		va_end(ap);
	}
	pthread_mutex_unlock(&log_lock);
}

/* Whether one more guest line may go out now.  Under log_lock. */
static bool log_guest_token(void)
{
	struct timespec ts;
	uint64_t now, n;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000000000ull + ts.tv_nsec;
	n = (now - log_refilled) / LOG_GUEST_NS;
	if (n) {
		log_tokens = n >= LOG_GUEST_BURST - log_tokens ?
			     LOG_GUEST_BURST : log_tokens + n;
		log_refilled = now;
	}
	if (!log_tokens)
		return false;
	log_tokens--;
	return true;
}

static void log_report_dropped(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_write(LOG_WARNING, fmt, ap, false);
	va_end(ap);
}

void log_guest(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&log_lock);
	if (!log_wanted(level))
		goto out;
	if (!log_guest_token()) {
		log_dropped++;
		goto out;
	}
	if (log_dropped) {
		log_report_dropped("%u lines caused by the guest dropped",
				   log_dropped);
		log_dropped = 0;
	}
	va_start(ap, fmt);
	log_write(level, fmt, ap, true);
	va_end(ap);
out:
	pthread_mutex_unlock(&log_lock);
}
