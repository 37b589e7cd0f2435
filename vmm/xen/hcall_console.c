// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * console_io: the hypervisor's debug console.  What the guest writes there
 * goes to the log at debug level, limited like all lines a guest causes.
 */
#include <errno.h>

#include "../log.h"
#include "abi.h"
#include "hypercall.h"

#define CONSOLE_IO_MAX	256u	/* bytes of one call that are shown */

int64_t hcall_console_io(struct hcall *h)
{
	char buf[CONSOLE_IO_MAX + 1];
	uint32_t len = h->arg[1];
	int err;

	if (h->arg[0] == CONSOLEIO_read)
		return -EPERM;
	if (h->arg[0] != CONSOLEIO_write)
		return -ENOSYS;
	if (len > CONSOLE_IO_MAX)
		len = CONSOLE_IO_MAX;
	err = hcall_get(h, buf, gva(h->arg[2]), len);
	if (err)
		return err;
	while (len && (buf[len - 1] == '\n' || buf[len - 1] == '\r'))
		len--;
	buf[len] = '\0';
	if (len)
		log_guest(LOG_DEBUG, "guest: %s", buf);
	return 0;
}
