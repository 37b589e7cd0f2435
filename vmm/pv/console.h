/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The back end of the PV console (<xen/io/console.h>), between its ring page
 * and the console's clients.  The loop's thread only.
 */
#ifndef XKVM_PV_CONSOLE_H
#define XKVM_PV_CONSOLE_H

#include <stddef.h>

struct console;
struct vm;

int console_create(struct console **out, struct vm *vm);	/* 0 or -errno */
void console_destroy(struct console *c);

/* Input for the guest; how many bytes the ring took.  NULL @c takes none. */
size_t console_input(struct console *c, const void *buf, size_t len);

/* Take what the guest has written last, once it has stopped. */
void console_flush(struct console *c);

#endif
