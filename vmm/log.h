/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VMM's log: lines on stderr, which is the guest's log file or the
 * terminal of "create -c".
 */
#ifndef XKVM_LOG_H
#define XKVM_LOG_H

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/*
 * log_line() - one line, without a newline in the format.  Safe from any
 * thread.  Lines above the level of $XKVM_LOG ("error", "warning", "info",
 * "debug"; default info) are dropped.
 */
void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * log_guest() - a line that something the guest did has caused.  All of them
 * together are rate limited, and control characters in them replaced, so that
 * the guest can neither flood the log nor forge it.
 */
void log_guest(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
